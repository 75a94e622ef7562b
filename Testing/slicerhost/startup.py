"""Puts the names together that a module imports: qt, ctk, vtk, slicer and what is in slicer."""

import importlib
import os
import sys
import tempfile
import types
from pathlib import Path

# No X server is asked for: VTK draws through EGL, in software where there is no GPU.
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

from . import pythonqt

pythonqt.install()


def _import_slicer() -> None:
    """Import slicer-core, which takes every folder 'slicer' on sys.path for a part of itself."""
    testing = Path(__file__).resolve().parents[1]
    paths, sys.path[:] = sys.path[:], [one for one in sys.path if Path(one).resolve() != testing]
    importlib.import_module("slicer")
    sys.path[:] = paths


_import_slicer()

import slicer

from .host import Host
from .stand_in_modules import Packages, install_sample_data, make_i18n
from .widgets import CTK, SLICER, closed_getattr

SLICER_BASE_PYTHON = "SLICER_BASE_PYTHON"
_host: Host | None = None


def start() -> Host:
    """Start the host; the second call returns the first one's."""
    global _host
    if _host is not None:
        return _host
    from . import application, scripted_modules

    _close_namespaces()
    slicer.qSlicerScriptedLoadableModule = scripted_modules.qSlicerScriptedLoadableModule
    slicer.qSlicerScriptedLoadableModuleWidget = (
        scripted_modules.qSlicerScriptedLoadableModuleWidget
    )
    packages = Packages()
    host = Host(packages)
    folder = Path(tempfile.mkdtemp(prefix="slicerhost-"))
    host.begin(application.qSlicerApplication(folder), folder)
    _install_python_base(packages)
    install_sample_data()
    _host = host
    return host


def _close_namespaces() -> None:
    ctk = types.ModuleType("ctk")
    ctk.__dict__.update(CTK)
    ctk.__getattr__ = closed_getattr(ctk, ("ctk",))
    sys.modules["ctk"] = ctk
    slicer.__dict__.update(SLICER)
    slicer.__getattr__ = closed_getattr(slicer, ("qMRML", "qSlicer"))
    # The wheel copies every function of slicer.util into slicer, the application does not.
    for name in slicer.util.__all__:
        slicer.__dict__.pop(name, None)
    # The name that the application has this package under.
    import slicer_core

    sys.modules.setdefault("MRMLCorePython", slicer_core.MRMLCore)


def _install_python_base(packages: Packages) -> None:
    """Slicer's own Python files where SLICER_BASE_PYTHON names them, ours otherwise.

    Packaging is ours in both: nothing may be installed.
    """
    modules: dict[str, types.ModuleType] = {"packaging": packages.as_module()}
    real = os.environ.get(SLICER_BASE_PYTHON)
    if real:
        # After `import slicer`: its __init__ imports everything that it finds in its path.
        slicer.__path__.append(real)
    else:
        from . import base_classes, parameter_node

        modules["i18n"] = make_i18n()
        modules["ScriptedLoadableModule"] = base_classes
        modules["parameterNodeWrapper"] = parameter_node
    for name, module in modules.items():
        sys.modules[f"slicer.{name}"] = module
        setattr(slicer, name, module)
    if real:
        for name in ("i18n", "ScriptedLoadableModule", "parameterNodeWrapper"):
            setattr(slicer, name, importlib.import_module(f"slicer.{name}"))
