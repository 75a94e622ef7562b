"""Runs requests in the worker and tells a panel how they go, without ever blocking its event loop.

How a panel uses it (``qt.QTimer`` is the ticker; every callback runs in the thread of the timer)::

    self.runner = ProcessRunner(worker_command(find_python()), qt.QTimer(), on_log=self.appendLog)
    slicer.app.connect("aboutToQuit()", self.runner.close)

    def onAnalyze(self):
        self.runner.submit(
            "analyze",
            {"input": self.folder, "out": self.out, "options": {"device": "auto"}},
            on_progress=lambda stage, fraction: self.showProgress(stage, fraction),
            on_result=lambda result: self.loadResult(result["folder"]),
            on_error=lambda error: error.kind == "Cancelled" or self.showError(error.message),
        )

    def onCancel(self):
        self.runner.cancel()
"""

from __future__ import annotations

import json
import shutil
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from LungPNetLib.errors import Cancelled, LungPNetError
from LungPNetLib.slicer_bridge.complaints import end_of_worker, mismatch, with_last_error
from LungPNetLib.slicer_bridge.request import Failure, Request, event_of, unpacked
from LungPNetLib.slicer_bridge.worker_process import WorkerProcess

TICK_MS = 100
STOP_S = 1.0
"""A request, or a worker, may take this long to stop by itself before the process is ended."""


class Ticker(Protocol):
    """Calls a function again and again: a ``qt.QTimer``, or what a test drives by hand."""

    def connect(self, signal: str, slot: Callable[[], None]) -> object:
        """Call ``slot`` at each ``"timeout()"``."""

    def start(self, interval_ms: int) -> object:
        """Begin, once in ``interval_ms``."""

    def stop(self) -> object:
        """End."""


class WorkerBusy(LungPNetError):
    """Another request is running; wait for it, or cancel it."""


def _nothing(*_: object) -> None:
    pass


class ProcessRunner:
    """Keeps one worker, starts it when it is needed and again after it was lost.

    Parameters
    ----------
    command : sequence of str
        Starts the worker; see ``worker_command``.
    ticker : Ticker
        Started and stopped with the worker.
    on_event : callable
        Told every event of the worker, as it comes.
    on_log : callable
        Told every line that the worker writes to standard error.
    start_s : float
        A worker that has not said hello by then is given up.
    silent_s : float
        A busy worker from which nothing is heard for so long hangs. Its sign of life comes every
        second, but not while one call into a library holds Python's lock.
    """

    def __init__(
        self,
        command: Sequence[str],
        ticker: Ticker,
        *,
        on_event: Callable[[dict[str, Any]], object] = _nothing,
        on_log: Callable[[str], object] = _nothing,
        start_s: float = 120.0,
        silent_s: float = 120.0,
    ) -> None:
        self._command = command
        self._ticker = ticker
        self._ticker.connect("timeout()", self.tick)
        self._on_event = on_event
        self._on_log = on_log
        self._start_s = start_s
        self._silent_s = silent_s
        self._process: WorkerProcess | None = None
        self._folder: Path | None = None
        self._request: Request | None = None
        self._last_id = 0
        self._heard_at = 0.0
        self._ticked_at = 0.0
        self._log: deque[str] = deque(maxlen=200)

    @property
    def busy(self) -> bool:
        """Whether a request is running."""
        return self._request is not None

    @property
    def pid(self) -> int | None:
        """The worker's process; None where none runs."""
        return self._process.pid if self._process else None

    def submit(
        self,
        verb: str,
        fields: Mapping[str, Any],
        *,
        on_progress: Callable[[str, float], object] = _nothing,
        on_result: Callable[[dict[str, Any]], object] = _nothing,
        on_error: Callable[[Failure], object] = _nothing,
    ) -> None:
        """Have ``verb`` of ``worker_verbs`` done; exactly one of the two last callbacks is called.

        Parameters
        ----------
        fields : mapping
            Plain JSON values, paths and Volumes (which travel as files in a private folder, and
            come back in the result as such).
        on_progress : callable
            Told the name of the stage and the share of it that is done, 0 to 1.
        on_result, on_error : callable

        Raises
        ------
        WorkerBusy
            Another request is running.
        TypeError
            A field is nothing that can be sent.
        """
        if self._request is not None:
            raise WorkerBusy("LungPNet is computing already. Wait until it is ready, or cancel it.")
        self._last_id += 1
        request = Request(self._last_id, verb, fields, on_progress, on_result, on_error)
        if self._process is not None and self._process.exit_code is not None:
            self._end_worker()
        self._request = request
        if self._process is None:
            self._start_worker()
        elif self._folder is not None:
            self._send(self._folder)

    def cancel(self) -> None:
        """Stop the running request: by itself within a second, else with its whole process tree.

        ``on_error`` is told, with kind ``Cancelled``. Nothing happens where no request is running.
        """
        request = self._request
        if request is None or request.cancel_at is not None:
            return
        request.cancel_at = time.monotonic()
        if request.sent and self._process is not None:
            request.cancel_at += STOP_S
            self._process.write(json.dumps({"id": request.id, "verb": "cancel"}))

    def close(self) -> None:
        """End the worker, for instance when the application quits; no callback is called."""
        request, self._request = self._request, None
        if self._process is not None:
            self._process.close_input()
            self._process.wait(STOP_S)
        self._end_worker()
        if request is not None:
            request.remove_leftovers()

    def tick(self) -> None:
        """Take what the worker has sent, and look whether it is well."""
        process = self._process
        if process is None:
            return
        now = time.monotonic()
        if now - self._ticked_at > self._silent_s / 2:
            # Not the worker was away but this process: the computer slept, say.
            self._heard_at = now
        self._ticked_at = now
        ended = process.exit_code is not None
        if ended:
            # What it started may live on and hold its pipes open.
            process.end()
        while self._process is process and (line := process.next_line()) is not None:
            self._take(*line)
        failure = self._trouble(process, ended) if self._process is process else None
        if failure is not None:
            self._give_up(failure)

    def _trouble(self, process: WorkerProcess, ended: bool) -> Failure | None:
        """Why the worker must be ended now, if it must."""
        now, request = time.monotonic(), self._request
        if request and request.cancel_at is not None and (ended or now >= request.cancel_at):
            return Failure.of(Cancelled("The run was cancelled; nothing was written."))
        if ended:
            return Failure(end_of_worker(process.exit_code, self._log), "WorkerEnded")
        silent_s = now - self._heard_at
        if self._folder is None and silent_s > self._start_s:
            message = f"The worker did not start within {self._start_s:g} s."
            return Failure(with_last_error(message, self._log), "WorkerNotStarted")
        if request and request.sent and silent_s > self._silent_s:
            message = f"The worker gave no sign of life for {self._silent_s:g} s and was ended."
            return Failure(with_last_error(message, self._log), "WorkerHung")
        return None

    def _start_worker(self) -> None:
        self._log.clear()
        self._heard_at = self._ticked_at = time.monotonic()
        try:
            self._process = WorkerProcess(self._command)
        except OSError as error:
            message = f"'{self._command[0]}' cannot be started: {error.strerror}."
            self._give_up(Failure(message, "WorkerNotStarted"))
            return
        self._ticker.start(TICK_MS)

    def _take(self, source: str, text: str) -> None:
        event = event_of(text) if source == "out" else None
        if event is None:
            self._log.append(text)
            self._on_log(text)
            return
        self._heard_at = time.monotonic()
        if self._folder is None:
            self._welcome(event)
        self._on_event(event)
        request = self._request
        if request is None or event.get("id") != request.id:
            return
        if event["event"] in ("progress", "stage_finished"):
            request.on_progress(event["stage"], event.get("fraction", 1.0))
        elif event["event"] == "result":
            self._finish(request, event)
        elif event["event"] == "error":
            self._fail(Failure(event["message"], event["kind"], event["exit_code"]))

    def _welcome(self, hello: dict[str, Any]) -> None:
        complaint = mismatch(hello)
        if complaint:
            self._give_up(Failure(complaint, "WorkerMismatch"))
            return
        self._folder = Path(hello["folder"])
        if self._request is not None:
            self._send(self._folder)

    def _send(self, folder: Path) -> None:
        request, process = self._request, self._process
        assert request is not None
        assert process is not None
        try:
            line = request.packed(folder)
        except LungPNetError as error:
            self._fail(Failure.of(error))
            return
        request.sent = True
        self._heard_at = time.monotonic()
        process.write(line)

    def _finish(self, request: Request, event: dict[str, Any]) -> None:
        try:
            result = unpacked(event)
        except LungPNetError as error:
            self._fail(Failure.of(error))
            return
        self._request = None
        request.remove_files()
        request.on_result(result)

    def _fail(self, failure: Failure) -> None:
        request, self._request = self._request, None
        if request is not None:
            request.remove_files()
            request.on_error(failure)

    def _give_up(self, failure: Failure) -> None:
        """End the worker with all that it started, and then tell."""
        self._end_worker()
        if self._request is None:
            self._on_log(failure.message)
        else:
            self._request.remove_leftovers()
            self._fail(failure)

    def _end_worker(self) -> None:
        self._ticker.stop()
        process, self._process = self._process, None
        folder, self._folder = self._folder, None
        if process is not None:
            process.end()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
