"""What goes wrong without raising, collected so that the test which caused it fails.

An exception in a slot or in a VTK observer does not reach the code that clicked: Qt and VTK print
it and go on, in Slicer as here. Errors of VTK and warnings of Qt only reach a log. A test that does
not look there would stay green over a broken button.
"""

import contextlib
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

import vtk
from PySide6 import QtCore
from vtkmodules.util.misc import calldata_type

# What the offscreen platform and its missing desktop say, and no module can help.
_QT_NOISE = (
    "This plugin does not support",
    "propagateSizeHints",
    "QStandardPaths: XDG_RUNTIME_DIR",
    "Cannot find font directory",
    "QFontDatabase",
    "Populating font family aliases took",
)
_QT_SERIOUS = (
    QtCore.QtMsgType.QtWarningMsg,
    QtCore.QtMsgType.QtCriticalMsg,
    QtCore.QtMsgType.QtFatalMsg,
)


@dataclass(frozen=True)
class Failure:
    """One thing that went wrong: where it was caught, and its text."""

    source: str
    text: str

    def __str__(self) -> str:
        return f"[{self.source}] {self.text}"


class HostFailureError(AssertionError):
    """Something went wrong during the test although nothing was raised to it."""


class FailureLog:
    """Collects the failures of the running test; `install` starts it, `remove` ends it."""

    def __init__(self) -> None:
        self.failures: list[Failure] = []
        self.vtk_warnings: list[str] = []
        self._previous_hook = sys.excepthook
        self._output = vtk.vtkStringOutputWindow()

    def install(self) -> None:
        """Take over Python's hook for lost exceptions, VTK's output window and Qt's messages."""
        self._previous_hook = sys.excepthook
        sys.excepthook = self._on_exception
        vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
        vtk.vtkOutputWindow.SetInstance(self._output)
        self._output.AddObserver("ErrorEvent", self._on_vtk_error)
        self._output.AddObserver("WarningEvent", self._on_vtk_warning)
        QtCore.qInstallMessageHandler(self._on_qt_message)

    def remove(self) -> None:
        """Give the hooks back."""
        sys.excepthook = self._previous_hook
        self._output.RemoveAllObservers()
        vtk.vtkOutputWindow.SetInstance(vtk.vtkOutputWindow())
        QtCore.qInstallMessageHandler(None)

    def record(self, source: str, text: str) -> None:
        """Add a failure; `source` names where it was caught."""
        self.failures.append(Failure(source, text.strip()))

    @contextlib.contextmanager
    def expected(self, *fragments: str) -> Iterator[None]:
        """Accept the failures of the block that contain any of the texts; at least one must come.

        What fails otherwise in the block still fails the test.
        """
        before = list(self.failures)
        self.failures.clear()
        yield
        others = [one for one in self.failures if not any(text in one.text for text in fragments)]
        none_seen = len(others) == len(self.failures)
        self.failures[:] = before + others
        if none_seen:
            raise HostFailureError(
                f"Nothing failed with {fragments}; failed: {others or 'nothing'}"
            )

    def check(self) -> None:
        """Raise if anything failed since the last check, and forget it.

        Raises
        ------
        HostFailureError
            With every failure in it.
        """
        if self.failures:
            text = "\n".join(str(failure) for failure in self.failures)
            self.clear()
            raise HostFailureError(f"Went wrong without being raised:\n{text}")

    def clear(self) -> None:
        """Forget what was collected."""
        self.failures.clear()
        self.vtk_warnings.clear()

    def _on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self._previous_hook(kind, error, trace)
        self.record(
            "exception in a slot or observer",
            "".join(traceback.format_exception(kind, error, trace)),
        )

    @calldata_type(vtk.VTK_STRING)
    def _on_vtk_error(self, _caller: object, _event: str, text: str) -> None:
        self.record("VTK error", text)

    @calldata_type(vtk.VTK_STRING)
    def _on_vtk_warning(self, _caller: object, _event: str, text: str) -> None:
        self.vtk_warnings.append(text.strip())

    def _on_qt_message(self, kind: QtCore.QtMsgType, _context: object, text: str) -> None:
        if kind in _QT_SERIOUS and not any(noise in text for noise in _QT_NOISE):
            self.record("Qt message", text)
