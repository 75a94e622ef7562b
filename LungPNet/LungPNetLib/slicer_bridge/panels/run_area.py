"""The part of a panel that shows a computation: stage, progress, Cancel, what went wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from slicer.i18n import tr as _

from LungPNetLib.errors import LungPNetError
from LungPNetLib.slicer_bridge.language import sentence
from LungPNetLib.slicer_bridge.request import Failure
from LungPNetLib.slicer_bridge.session import WorkerSession

_MOST_LOG_LINES = 500


class Tone(Enum):
    """What a message is; the values are colours that read on light and on dark backgrounds."""

    PLAIN = ""
    GOOD = "#2e8b57"
    CAUTION = "#c77700"
    BAD = "#d0312d"


class RunArea:
    """Sends requests of one panel to the worker and shows how they go; never blocks.

    Parameters
    ----------
    ui : namespace
        The panel's widgets, among them ``stageLabel``, ``progressBar``, ``cancelButton``,
        ``messageLabel`` and ``logText``.
    session : callable
        Gives the worker session; called when there is something to compute.
    onBusy : callable
        Told whether a request of this panel is running, whenever that changes.
    """

    def __init__(
        self, ui: Any, session: Callable[[], WorkerSession], onBusy: Callable[[bool], Any]
    ) -> None:
        self._ui = ui
        self._makeSession = session
        self._session: WorkerSession | None = None
        self._onBusy = onBusy
        self._startedAt = 0.0
        self.seconds = 0.0
        """What the last request took."""
        self.isBusy = False
        ui.cancelButton.connect("clicked()", self.cancel)
        ui.logText.setMaximumBlockCount(_MOST_LOG_LINES)
        self._showBusy(busy=False)
        self.say("")

    def run(
        self,
        verb: str,
        fields: Mapping[str, Any],
        onResult: Callable[[dict[str, Any]], Any],
    ) -> None:
        """Have the worker do ``verb`` (see ``worker_verbs``), then call ``onResult``.

        What goes wrong, also in ``onResult``, is shown in the panel.
        """

        def finished(result: dict[str, Any]) -> None:
            self._end()
            self.guarded(lambda: onResult(result))

        def submit() -> None:
            session = self._opened()
            session.runner.submit(
                verb, fields, onProgress=self._progress, onResult=finished, onError=self._failed
            )
            self._begin()

        self.guarded(submit)

    def cancel(self) -> None:
        """Stop what is running."""
        if self.isBusy and self._session is not None:
            self._ui.stageLabel.text = _("Cancelling...")
            self._ui.cancelButton.enabled = False
            self._session.runner.cancel()

    def say(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        """Show a message below the buttons; an empty one hides it."""
        label = self._ui.messageLabel
        label.text = sentence(text)
        label.styleSheet = f"color: {tone.value}; font-weight: bold" if tone.value else ""
        label.visible = bool(text)

    def close(self) -> None:
        """The panel goes away; what it had asked for is stopped."""
        self.cancel()
        if self._session is not None:
            self._session.forget(self._log)

    def guarded(self, work: Callable[[], Any]) -> None:
        """Do ``work`` and show its error, if it is one of ours, as a message."""
        try:
            work()
        except LungPNetError as error:
            self.say(str(error), Tone.BAD)

    def _opened(self) -> WorkerSession:
        if self._session is None:
            self._session = self._makeSession()
            self._session.listen(self._log)
        return self._session

    def _begin(self) -> None:
        self._startedAt = time.monotonic()
        self.say("")
        self._ui.stageLabel.text = _("Starting...")
        self._ui.progressBar.value = 0
        self._show(busy=True)

    def _end(self) -> None:
        self.seconds = time.monotonic() - self._startedAt
        self._show(busy=False)

    def _show(self, *, busy: bool) -> None:
        self.isBusy = busy
        self._showBusy(busy=busy)
        self._onBusy(busy)

    def _showBusy(self, *, busy: bool) -> None:
        for name in ("stageLabel", "progressBar", "cancelButton"):
            getattr(self._ui, name).visible = busy
        self._ui.cancelButton.enabled = busy

    def _progress(self, stage: str, fraction: float) -> None:
        if self._ui.cancelButton.enabled:
            self._ui.stageLabel.text = stageWords(stage)
        self._ui.progressBar.value = round(100 * fraction)

    def _failed(self, failure: Failure) -> None:
        self._end()
        tone = Tone.PLAIN if failure.kind == "Cancelled" else Tone.BAD
        self.say(failure.message, tone)

    def _log(self, line: str) -> None:
        self._ui.logText.appendPlainText(line)


def stageWords(stage: str) -> str:
    """A stage of the analysis as the panel names it."""
    words = {
        "read": _("Reading the CT"),
        "quality": _("Checking the quality"),
        "lungs": _("Finding the lungs"),
        "nodules": _("Finding the nodules"),
        "measure": _("Measuring the lungs"),
        "compare": _("Comparing the segmentations"),
        "correction": _("Saving CT and segmentation"),
        "export": _("Writing DICOM SEG and SR"),
        "report": _("Writing the report"),
        "models": _("Loading the models"),
        "pet": _("Reading the PET"),
        "fit": _("Comparing PET and CT"),
        "uptake": _("Measuring the uptake"),
    }
    return str(words.get(stage, stage))
