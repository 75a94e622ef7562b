"""`Host`: what a test does with the modules, as a person would."""

import atexit
import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from PySide6 import QtCore, QtGui, QtTest, QtWidgets

from . import screenshots
from .dialogs import Dialogs
from .dicom_database import DicomDatabase, dicom_database
from .failures import FailureLog
from .stand_in_modules import Packages, SampleDataLogic


class Host:
    """Loads modules, opens panels, clicks, waits, looks.

    Attributes
    ----------
    app
        `slicer.app`.
    failures
        What went wrong without raising; checked after every test.
    dialogs
        Answers to prepare, dialogs that were shown, addresses that were opened.
    packages
        What was asked to be installed.
    sample_data
        Data sets that were registered with the module SampleData.
    """

    def __init__(self, packages: Packages) -> None:
        self.app: Any = None
        self.packages = packages
        self.sample_data = SampleDataLogic.sources
        self.failures = FailureLog()
        self.dialogs = Dialogs(self.failures)
        self._folder = Path()
        self.failures.install()

    def begin(self, app: Any, folder: Path) -> None:
        """Called once, by `slicerhost.start`."""
        self.app, self._folder = app, folder
        self.dialogs.install()
        # Views that outlive the interpreter's modules crash it.
        atexit.register(self.stop)

    def stop(self) -> None:
        """End the host: everything unloaded, hooks given back, the temporary folder removed."""
        atexit.unregister(self.stop)
        self.reset()
        self.app._layout.close_views()
        self.dialogs.remove()
        self.failures.remove()
        shutil.rmtree(self._folder, ignore_errors=True)

    def reset(self) -> None:
        """Back to an empty Slicer: no modules, an empty scene, no settings, no dialogs."""
        self.app._scripted.unload_all()
        slicer.mrmlScene.Clear(False)
        self.app._layout.reset()
        self.app.settings().clear()
        self.app._testing = False
        while QtWidgets.QApplication.overrideCursor() is not None:
            QtWidgets.QApplication.restoreOverrideCursor()
        self.packages.clear()
        SampleDataLogic.categories.clear()
        SampleDataLogic.sources.clear()
        self.dialogs.clear()
        self.process_events()

    # Modules

    def load(self, path: Path | str) -> Any:
        """Load a module's file, as Slicer does at its start; returns the module."""
        return self.app._scripted.load(Path(path))

    def open(self, name: str) -> Any:
        """Show a module's panel and return its Python object."""
        return self.app._scripted.open(name)

    def leave(self) -> None:
        """Leave the panel that is open."""
        self.app._scripted.close()

    def unload(self, name: str) -> None:
        """Unload a module, as Slicer does at its end."""
        self.app._scripted.unload(name)

    @contextlib.contextmanager
    def without_main_window(self) -> Iterator[None]:
        """As `Slicer --no-main-window`: no main window, no layout manager."""
        window, self.app._main_window = self.app._main_window, None
        window.setObjectName("")
        try:
            yield
        finally:
            window.setObjectName("qSlicerMainWindow")
            self.app._main_window = window

    @contextlib.contextmanager
    def testing_mode(self) -> Iterator[None]:
        """As `Slicer --testing`: slicer.util shows no dialogs and answers by itself."""
        self.app._testing = True
        try:
            yield
        finally:
            self.app._testing = False

    def dicom_database(self) -> contextlib.AbstractContextManager[DicomDatabase]:
        """As in Slicer with its module DICOM: an empty `slicer.dicomDatabase`, and `DICOMLib`."""
        return dicom_database()

    # What a person does

    def click(self, button: Any) -> None:
        """Click a button with the mouse.

        Raises
        ------
        AssertionError
            A person could not: the button is disabled, or hidden within its panel.
        """
        name = button.objectName or type(button).__name__
        assert button.isEnabled(), f"'{name}' is disabled: {button.toolTip}"
        top = button.window()
        assert button is top or button.isVisibleTo(top), f"'{name}' is hidden"
        top.show()
        QtTest.QTest.mouseClick(button, QtCore.Qt.MouseButton.LeftButton, pos=_hot_spot(button))
        self.process_events()

    def choose(self, box: Any, choice: Any) -> None:
        """Choose in a combo box by its text, or in a node selector by the node (None: none).

        Raises
        ------
        AssertionError
            The box is disabled or has no such entry.
        """
        assert box.isEnabled(), f"'{box.objectName}' is disabled: {box.toolTip}"
        inner = box if isinstance(box, QtWidgets.QComboBox) else box._combo
        if isinstance(choice, str):
            index = inner.findText(choice)
        else:
            index = inner.findData(choice.GetID() if choice is not None else "")
        entries = [inner.itemText(i) for i in range(inner.count)]
        assert index >= 0, f"'{box.objectName}' has no {choice}; it has {entries}"
        inner.setCurrentIndex(index)
        inner.activated.emit(index)
        self.process_events()

    def place_point(self, node: Any, ras: tuple[float, float, float]) -> None:
        """Put a control point where a person would have clicked, in mm (RAS); ends place mode."""
        node.AddControlPoint(*ras)
        interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        if interaction is not None and not interaction.GetPlaceModePersistence():
            interaction.SetCurrentInteractionMode(interaction.ViewTransform)
        self.process_events()

    def process_events(self) -> None:
        """Let Qt work off what waits, deletions too."""
        QtCore.QCoreApplication.processEvents()
        QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)

    def wait_until(self, condition: Callable[[], Any], what: str, timeout_s: float = 30.0) -> None:
        """Run Qt's events until the condition holds.

        Raises
        ------
        AssertionError
            It did not within the time; a failure in the log ends the wait at once.
        """
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            self.failures.check()
            assert time.monotonic() < deadline_s, f"Waited {timeout_s:g} s in vain for {what}"
            QtCore.QCoreApplication.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 20)
            time.sleep(0.005)

    # Scenes

    def close_scene(self) -> None:
        """File > Close scene."""
        slicer.mrmlScene.Clear(False)
        self.process_events()

    def save_scene(self, path: Path | str) -> None:
        """Save the scene as .mrb."""
        assert slicer.util.saveScene(str(path)), f"The scene was not saved to {path}"

    def open_scene(self, path: Path | str) -> None:
        """Close the scene and open another one."""
        slicer.util.loadScene(str(path), {"clear": True})
        self.process_events()

    # What a person sees

    def view_pixels(self, name: str, size: tuple[int, int] = (300, 300)) -> np.ndarray:
        """What a view shows ("Red", "Yellow", "Green", or "1" in 3-D).

        Returns uint8 (rows, columns, 3) RGB, top row first; `size` is (columns, rows).
        """
        view = self.app._layout.view(name)
        view.resize(*size)
        return view.pixels()

    def panel_image(self, panel: Any, width_px: int = 400) -> QtGui.QImage:
        """A panel as Slicer shows it, `width_px` wide and as high as it needs."""
        return screenshots.panel_image(_widget_of(panel), width_px)

    def window_image(self, panel: Any, width_px: int = 1280, height_px: int = 800) -> QtGui.QImage:
        """A panel, 400 px wide, beside the views of the layout."""
        return screenshots.window_image(_widget_of(panel), self.app._layout, width_px, height_px)

    def cut_off(self, panel: Any, width_px: int = 400) -> list[str]:
        """What cannot be read at this panel width: one sentence for each widget; empty is good."""
        return screenshots.cut_off(_widget_of(panel), width_px)


def _widget_of(panel: Any) -> QtWidgets.QWidget:
    """The widget of a module's Python object, or the widget itself."""
    return panel if isinstance(panel, QtWidgets.QWidget) else panel.parent


def _hot_spot(button: Any) -> QtCore.QPoint:
    """Where to click: check boxes and section headers answer only near their start."""
    return QtCore.QPoint(min(12, button.width // 2), min(12, button.height // 2))
