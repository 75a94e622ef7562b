"""What Slicer's factory does with a scripted module's file: run it, make its classes, its panel."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from .core_modules import CoreModule
from .widgets.declare import stand_in
from .widgets.scene_widgets import qMRMLWidget


@stand_in
class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """The widget that a module's panel is built in."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        qMRMLWidget.__init__(self, parent)
        self.setLayout(QtWidgets.QVBoxLayout())
        self._python: Any = None
        self._entered = False
        self.setMRMLScene(slicer.mrmlScene)

    isEntered = QtCore.Property(bool, lambda self: self._entered)

    def self(self) -> Any:
        """The module's own Python object."""
        return self._python


class qSlicerScriptedLoadableModule(CoreModule):
    """A loaded module; its panel is made when it is first opened."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__(name, None, path)
        self._panel: Any = None

    def widgetRepresentation(self) -> Any:
        """The panel, made at the first call."""
        if self._panel is None:
            self._panel = qSlicerScriptedLoadableModuleWidget()
            widget_class = getattr(sys.modules[self.name], f"{self.name}Widget")
            self._panel._python = widget_class(self._panel)
            self._panel._python.setup()
            setattr(slicer.modules, f"{self.name}Widget", self._panel._python)
        return self._panel

    def createNewWidgetRepresentation(self) -> Any:
        """A second panel, independent of the first."""
        panel = qSlicerScriptedLoadableModuleWidget()
        panel._python = getattr(sys.modules[self.name], f"{self.name}Widget")(panel)
        panel._python.setup()
        return panel

    def logic(self) -> Any:
        """Scripted modules have no C++ logic."""
        return None


@stand_in
class ModuleManager(QtCore.QObject):
    """`slicer.app.moduleManager()`."""

    moduleLoaded = QtCore.Signal(str)
    moduleAboutToBeUnloaded = QtCore.Signal(str)

    def module(self, name: str) -> Any:
        """A module by its name, or None."""
        return getattr(slicer.modules, name.lower(), None)


class ScriptedModules:
    """Loads and unloads module files; knows which panel is open."""

    def __init__(self, manager: ModuleManager) -> None:
        self._manager = manager
        self._loaded: list[str] = []
        self._open: str | None = None

    def load(self, path: Path) -> Any:
        """Run a module's file as Slicer's factory does, and put it into `slicer.modules`.

        The file's folder goes to the end of sys.path, as in Slicer.
        """
        name = path.stem
        if name in self._loaded:
            raise ValueError(f"Module {name} is loaded already")
        if str(path.parent) not in sys.path:
            sys.path.append(str(path.parent))
        spec = importlib.util.spec_from_file_location(name, path)
        python = importlib.util.module_from_spec(spec)
        sys.modules[name] = python
        self._loaded.append(name)
        spec.loader.exec_module(python)
        module = qSlicerScriptedLoadableModule(name, str(path))
        instance = getattr(python, name)(module)
        setattr(slicer.modules, name.lower(), module)
        setattr(slicer.modules, f"{name}Instance", instance)
        setattr(slicer.moduleNames, name, name)
        self._manager.moduleLoaded.emit(name)
        return module

    def open(self, name: str) -> Any:
        """Show a module's panel: `exit()` of the one before, `enter()` of this one."""
        self.close()
        module = self._manager.module(name)
        if module is None:
            raise RuntimeError(f"No module named {name}")
        python = module.widgetRepresentation().self()
        self._open = name
        module.widgetRepresentation()._entered = True
        getattr(python, "enter", lambda: None)()
        return python

    def close(self) -> None:
        """Leave the panel that is open: `exit()`."""
        if self._open is not None:
            panel = self._manager.module(self._open).widgetRepresentation()
            self._open, panel._entered = None, False
            getattr(panel.self(), "exit", lambda: None)()

    def unload(self, name: str) -> None:
        """Leave the module, let it clean up, and take it away."""
        if self._open == name:
            self.close()
        self._manager.moduleAboutToBeUnloaded.emit(name)
        module = getattr(slicer.modules, name.lower(), None)
        if module is not None and module._panel is not None:
            module._panel.setMRMLScene(None)
            module._panel.deleteLater()
        for attribute in (name.lower(), f"{name}Instance", f"{name}Widget"):
            slicer.modules.__dict__.pop(attribute, None)
        slicer.moduleNames.__dict__.pop(name, None)
        self._loaded.remove(name)
        sys.modules.pop(name, None)
        QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)

    def unload_all(self) -> None:
        """Take every loaded module away."""
        for name in list(self._loaded):
            self.unload(name)
