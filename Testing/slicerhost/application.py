"""`slicer.app` and the namespace around it: a stand-in application over Slicer's real logics."""

import os
import sys
import types
from pathlib import Path
from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from .core_modules import start_core_modules
from .io_manager import IOManager
from .layout import Layout
from .layout_manager import LayoutManager, qSlicerMainWindow
from .scripted_modules import ModuleManager, ScriptedModules
from .subject_hierarchy import SubjectHierarchy
from .widgets.declare import stand_in


@stand_in
class qSlicerApplication(QtWidgets.QApplication):
    """The closed part of qSlicerApplication that modules use."""

    startupCompleted = QtCore.Signal()
    mrmlSceneChanged = QtCore.Signal(object)
    majorVersion, minorVersion, revision = 5, 12, "host"
    documentationBaseUrl = "https://slicer.readthedocs.io/"

    def __init__(self, folder: Path) -> None:
        super().__init__(["Slicer"])
        self.setApplicationName("Slicer")
        self.setOrganizationName("slicerhost")
        self._folder = folder
        self._testing = False
        self._options = types.SimpleNamespace(runPythonAndExit=False)
        settings = QtCore.QSettings
        settings.setDefaultFormat(settings.Format.IniFormat)
        settings.setPath(settings.Format.IniFormat, settings.Scope.UserScope, str(folder))
        self._scene, self._keep = _make_scene(folder)
        self._logic = _make_application_logic(self._scene, folder)
        slicer.mrmlScene, slicer.app = self._scene, self
        slicer.modules = start_core_modules(self._logic, self._scene, folder)
        slicer.moduleNames = types.ModuleType("slicer.moduleNames")
        for module in (slicer.modules, slicer.moduleNames):
            sys.modules[module.__name__] = module
        self._hierarchy = SubjectHierarchy(self._scene)
        self._module_manager, self._io_manager = ModuleManager(), IOManager()
        self._scripted = ScriptedModules(self._module_manager)
        self._layout = Layout(self._scene, self._logic)
        self._layout_manager = LayoutManager(self._layout, self._logic)
        self._main_window: Any = qSlicerMainWindow(self._scripted.open)

    temporaryPath = QtCore.Property(str, lambda self: str(self._folder))
    slicerHome = QtCore.Property(str, lambda self: str(self._folder))

    def mrmlScene(self) -> Any:
        """The scene."""
        return self._scene

    def applicationLogic(self) -> Any:
        """Slicer's own application logic."""
        return self._logic

    def moduleManager(self) -> Any:
        """The module manager."""
        return self._module_manager

    def coreIOManager(self) -> Any:
        """What slicer.util's load and save functions use."""
        return self._io_manager

    ioManager = coreIOManager

    def layoutManager(self) -> Any:
        """The layout manager; None without a main window, as in Slicer."""
        return self._layout_manager if self._main_window is not None else None

    def mainWindow(self) -> Any:
        """The main window, or None."""
        return self._main_window

    def commandOptions(self) -> Any:
        """What Slicer was started with; `slicer.util.exit` changes it."""
        return self._options

    def testingEnabled(self) -> bool:
        """Whether Slicer was started with --testing."""
        return self._testing

    def settings(self) -> QtCore.QSettings:
        """Settings, in the host's own folder."""
        return QtCore.QSettings()

    userSettings = revisionUserSettings = settings

    def translate(self, context: str, text: str) -> str:
        """Translate by Qt's own translators."""
        return QtCore.QCoreApplication.translate(context, text)

    def startupEnvironment(self) -> dict[str, str]:
        """The environment that Slicer was started in."""
        return dict(os.environ)

    def moduleDocumentationUrl(self, name: str) -> str:
        """Where Slicer's documentation has the module's page."""
        return f"{self.documentationBaseUrl}/en/latest/user_guide/modules/{name.lower()}.html"

    def pauseRender(self) -> None:
        """Views here draw only when they are looked at."""

    def resumeRender(self) -> None:
        """Views here draw only when they are looked at."""


def _make_scene(folder: Path) -> tuple[Any, tuple[Any, ...]]:
    """A scene that can be saved as .mrb (without a root folder and a cache that crashes)."""
    scene = slicer.vtkMRMLScene()
    scene.SetRootDirectory(str(folder))
    cache, data_io = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    cache.SetRemoteCacheDirectory(str(folder))
    cache.SetMRMLScene(scene)
    data_io.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(data_io)
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    return scene, (cache, data_io)


def _write_color_files(folder: Path) -> None:
    """A short table under the name that new label maps are coloured by."""
    folder.mkdir()
    hues = [QtGui.QColor.fromHsv(index * 67 % 360, 200, 230) for index in range(16)]
    lines = ["0 Background 0 0 0 0"] + [
        f"{index} Label_{index} {hue.red()} {hue.green()} {hue.blue()} 255"
        for index, hue in enumerate(hues, start=1)
    ]
    (folder / "GenericColors.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _make_application_logic(scene: Any, folder: Path) -> Any:
    logic = slicer.vtkSlicerApplicationLogic()
    _write_color_files(folder / "ColorFiles")
    logic.SetHomeDirectory(str(folder))
    logic.SetShareDirectory(".")
    logic.SetTemporaryPath(str(folder))
    logic.SetMRMLScene(scene)
    logic.GetColorLogic().SetMRMLScene(scene)
    logic.GetColorLogic().AddDefaultColorNodes()
    logic.SetSliceLogics(vtk.vtkCollection())
    logic.SetViewLogics(vtk.vtkCollection())
    for factory in (
        slicer.vtkMRMLThreeDViewDisplayableManagerFactory,
        slicer.vtkMRMLSliceViewDisplayableManagerFactory,
    ):
        factory.GetInstance().SetMRMLApplicationLogic(logic)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    return logic
