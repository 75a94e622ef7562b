"""Nothing waits for a person: dialogs are recorded, and answered by what the test prepared."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from .failures import FailureLog

_BUTTONS = QtWidgets.QMessageBox.StandardButton
_ICONS = QtWidgets.QMessageBox.Icon
_KINDS = {
    _ICONS.Critical: "error",
    _ICONS.Warning: "warning",
    _ICONS.Question: "question",
    _ICONS.Information: "information",
    _ICONS.NoIcon: "information",
}
_FILE_FUNCTIONS = {
    "getExistingDirectory": "",
    "getOpenFileName": "",
    "getSaveFileName": "",
    "getOpenFileNames": (),
}
_INPUT_FUNCTIONS = ("getText", "getInt", "getDouble", "getItem")


@dataclass(frozen=True)
class Shown:
    """A dialog that a person would have seen."""

    kind: str
    title: str
    text: str
    details: str = ""


class Dialogs:
    """Answers prepared by the test, and what was shown.

    An error that the test never looks at (`take`) fails it, and so does a question that it
    prepared no answer for.
    """

    def __init__(self, failures: FailureLog) -> None:
        self._failures = failures
        self._answers: list[Any] = []
        self._shown: list[Shown] = []
        self._originals: list[tuple[type, str, Any]] = []
        self.opened_urls: list[str] = []

    def answer(self, *answers: Any) -> None:
        """Prepare answers, used in order.

        A button of qt.QMessageBox for a question, a path (or "" for Cancel) for a file dialog, a
        value for an input dialog; for a dialog of a module's own, a function that gets the dialog,
        clicks in it and returns what `exec_()` returns.
        """
        self._answers.extend(answers)

    def take(self) -> list[Shown]:
        """What was shown since the last call, oldest first."""
        shown, self._shown = self._shown, []
        return shown

    def check(self) -> None:
        """Record a failure for each error not looked at, and for answers that nobody asked for."""
        for one in self.take():
            if one.kind == "error":
                text = f"{one.title}: {one.text}\n{one.details}"
                self._failures.record("error shown that the test did not look at", text)
        if self._answers:
            self._failures.record("dialog", f"prepared, but not asked for: {self._answers}")
        self.clear()

    def clear(self) -> None:
        """Forget answers, dialogs and opened addresses."""
        self._answers.clear()
        self._shown.clear()
        self.opened_urls.clear()

    def install(self) -> None:
        """Take the place of everything in Qt that would wait for a person."""
        for name in ("exec", "exec_"):
            self._replace(QtWidgets.QDialog, name, lambda dialog, *_: self._exec(dialog))
        for name, cancelled in _FILE_FUNCTIONS.items():
            function = self._file_function(name, cancelled)
            self._replace(QtWidgets.QFileDialog, name, staticmethod(function))
        for name in _INPUT_FUNCTIONS:
            function = self._file_function(name, None)
            self._replace(QtWidgets.QInputDialog, name, staticmethod(function))
        for name in ("critical", "warning", "information", "question", "about"):
            self._replace(QtWidgets.QMessageBox, name, staticmethod(self._static_message(name)))
        self._replace(QtGui.QDesktopServices, "openUrl", staticmethod(self._open_url))

    def remove(self) -> None:
        """Give Qt's own functions back."""
        for cls, name, original in self._originals:
            setattr(cls, name, original)
        self._originals.clear()

    def _replace(self, cls: type, name: str, function: Any) -> None:
        self._originals.append((cls, name, cls.__dict__[name]))
        setattr(cls, name, function)

    def _next(self, asked: str, cancelled: Any) -> Any:
        if self._answers:
            return self._answers.pop(0)
        self._failures.record("dialog", f"asked without a prepared answer: {asked}")
        return cancelled

    def _exec(self, dialog: QtWidgets.QDialog) -> int:
        if isinstance(dialog, QtWidgets.QMessageBox):
            return self._exec_message(dialog)
        return self._exec_dialog(dialog)

    def _exec_message(self, box: QtWidgets.QMessageBox) -> int:
        kind = _KINDS[box.icon]
        self._shown.append(Shown(kind, box.windowTitle.strip(), box.text, box.detailedText))
        buttons = box.standardButtons
        if buttons in (_BUTTONS.NoButton, _BUTTONS.Ok, _BUTTONS.Close):
            return int(buttons) or int(_BUTTONS.Ok)
        return int(self._next(box.text, _BUTTONS.Cancel))

    def _exec_dialog(self, dialog: QtWidgets.QDialog) -> int:
        labels = [child.text for child in dialog.findChildren(QtWidgets.QLabel)]
        self._shown.append(Shown("dialog", dialog.windowTitle, "\n".join(labels)))
        if not self._answers:
            return int(QtWidgets.QDialog.DialogCode.Rejected)
        prepared = self._answers.pop(0)
        dialog.show()
        QtCore.QCoreApplication.processEvents()
        result = prepared(dialog) if callable(prepared) else prepared
        dialog.hide()
        return int(result)

    def _file_function(self, name: str, cancelled: Any) -> Callable[..., Any]:
        def ask(*arguments: Any) -> Any:
            texts = [one for one in arguments if isinstance(one, str)]
            self._shown.append(Shown(name, texts[0] if texts else "", "; ".join(texts[1:])))
            return self._next(f"{name} {texts}", cancelled)

        return ask

    def _static_message(self, name: str) -> Callable[..., Any]:
        def show(_parent: Any, title: str, text: str, *rest: Any) -> Any:
            kind = {"critical": "error", "about": "information"}.get(name, name)
            self._shown.append(Shown(kind, title, text))
            asks = name == "question" or bool(rest)
            return self._next(text, _BUTTONS.Cancel) if asks else _BUTTONS.Ok

        return show

    def _open_url(self, url: QtCore.QUrl) -> bool:
        self.opened_urls.append(url.toString())
        return True
