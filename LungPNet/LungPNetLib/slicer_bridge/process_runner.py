"""Runs requests in the worker and tells a panel how they go, without ever blocking its event loop.

How a panel uses it (``qt.QTimer`` is the ticker; every callback runs in the thread of the timer)::

    runner = ProcessRunner(workerCommand(findPython()), qt.QTimer(), onLog=self.appendLog)
    slicer.app.connect("aboutToQuit()", runner.close)
    runner.submit(
        "analyze",
        {"input": folder, "out": out, "options": {"device": "auto"}},
        onProgress=lambda stage, fraction: self.showProgress(stage, fraction),
        onResult=lambda result: self.loadResult(result["folder"]),
        onError=lambda error: error.kind == "Cancelled" or self.showError(error.message),
    )
    runner.cancel()
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from LungPNetLib.errors import Cancelled, LungPNetError
from LungPNetLib.slicer_bridge.complaints import endOfWorker, mismatch, withLastError
from LungPNetLib.slicer_bridge.request import Failure, Request, eventOf, unpacked
from LungPNetLib.slicer_bridge.worker_process import WorkerProcess

TICK_MS = 100
STOP_S = 1.0
"""A request, or a worker, may take this long to stop by itself before the process is ended."""


class Ticker(Protocol):
    """Calls a function again and again: a ``qt.QTimer``, or what a test drives by hand."""

    def connect(self, signal: str, slot: Callable[[], None]) -> object:
        """Call ``slot`` at each ``"timeout()"``."""

    def start(self, intervalMs: int, /) -> object:
        """Begin, once in ``intervalMs``."""

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
        Starts the worker; see ``workerCommand``.
    ticker : Ticker
    onEvent, onLog : callable
        Told every event, and every line that the worker writes to standard error.
    startSeconds : float
        A worker that has not said hello by then is given up.
    silentSeconds : float
        A busy worker from which nothing is heard for so long hangs. Its sign of life comes every
        second, but not while one call into a library holds Python's lock.
    """

    def __init__(
        self,
        command: Sequence[str],
        ticker: Ticker,
        *,
        onEvent: Callable[[dict[str, Any]], object] = _nothing,
        onLog: Callable[[str], object] = _nothing,
        startSeconds: float = 120.0,
        silentSeconds: float = 120.0,
    ) -> None:
        self._command = command
        self._ticker = ticker
        self._ticker.connect("timeout()", self.tick)
        self._onEvent = onEvent
        self._onLog = onLog
        self._startSeconds = startSeconds
        self._silentSeconds = silentSeconds
        self._process: WorkerProcess | None = None
        self._folder: Path | None = None
        self._request: Request | None = None
        self._lastId = 0
        self._heardAt = 0.0
        self._tickedAt = 0.0
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
        onProgress: Callable[[str, float], object] = _nothing,
        onResult: Callable[[dict[str, Any]], object] = _nothing,
        onError: Callable[[Failure], object] = _nothing,
    ) -> None:
        """Have ``verb`` of ``worker_verbs`` done; exactly one of the two last callbacks is called.

        Parameters
        ----------
        fields : mapping
            Plain JSON values, paths and Volumes (which travel as files in a private folder, and
            come back in the result as such).
        onProgress : callable
            Told the name of the stage and the share of it that is done, 0 to 1.
        onResult, onError : callable

        Raises
        ------
        WorkerBusy
            Another request is running.
        TypeError
            A field is nothing that can be sent.
        """
        if self._request is not None:
            raise WorkerBusy("LungPNet is computing already. Wait until it is ready, or cancel it.")
        self._lastId += 1
        request = Request(self._lastId, verb, fields, onProgress, onResult, onError)
        if self._process is not None and self._process.exitCode is not None:
            self._endWorker()
        self._request = request
        if self._process is None:
            self._startWorker()
        elif self._folder is not None:
            self._send(self._folder)

    def cancel(self) -> None:
        """Stop the running request: by itself within a second, else with its whole process tree.

        ``onError`` is told, with kind ``Cancelled``. Nothing happens where no request is running.
        """
        request = self._request
        if request is None or request.cancelAt is not None:
            return
        request.cancelAt = time.monotonic()
        if request.sent and self._process is not None:
            request.cancelAt += STOP_S
            self._process.write(json.dumps({"id": request.id, "verb": "cancel"}))

    def close(self) -> None:
        """End the worker, for instance when the application quits; no callback is called."""
        request, self._request = self._request, None
        if self._process is not None:
            self._process.closeInput()
            self._process.wait(STOP_S)
        self._endWorker()
        if request is not None:
            request.removeLeftovers()

    def tick(self) -> None:
        """Take what the worker has sent, and look whether it is well."""
        process = self._process
        if process is None:
            return
        now = time.monotonic()
        if now - self._tickedAt > self._silentSeconds / 2:
            # Not the worker was away but this process: the computer slept, say.
            self._heardAt = now
        self._tickedAt = now
        ended = process.exitCode is not None
        if ended:
            # What it started may live on and hold its pipes open.
            process.end()
        # However much it writes, the application has its share of the time.
        until = math.inf if ended else now + TICK_MS / 2000
        while self._process is process and time.monotonic() < until:
            line = process.nextLine()
            if line is None:
                break
            self._take(*line)
        failure = self._trouble(process, ended) if self._process is process else None
        if failure is not None:
            self._giveUp(failure)

    def _trouble(self, process: WorkerProcess, ended: bool) -> Failure | None:
        """Why the worker must be ended now, if it must."""
        now, request = time.monotonic(), self._request
        if request and request.cancelAt is not None and (ended or now >= request.cancelAt):
            return Failure.of(Cancelled("The run was cancelled; nothing was written."))
        if ended:
            return Failure(endOfWorker(process.exitCode, self._log), "WorkerEnded")
        silentSeconds = now - self._heardAt
        if self._folder is None and silentSeconds > self._startSeconds:
            message = f"The worker did not start within {self._startSeconds:g} s."
            return Failure(withLastError(message, self._log), "WorkerNotStarted")
        limit = self._silentSeconds
        if request and request.sent and silentSeconds > limit:
            message = f"The worker gave no sign of life for {limit:g} s and was ended."
            return Failure(withLastError(message, self._log), "WorkerHung")
        return None

    def _startWorker(self) -> None:
        self._log.clear()
        self._heardAt = self._tickedAt = time.monotonic()
        try:
            self._process = WorkerProcess(self._command)
        except OSError as error:
            message = f"'{self._command[0]}' cannot be started: {error.strerror}."
            self._giveUp(Failure(message, "WorkerNotStarted"))
            return
        self._ticker.start(TICK_MS)

    def _take(self, source: str, text: str) -> None:
        event = eventOf(text) if source == "out" else None
        if event is None:
            self._log.append(text)
            self._onLog(text)
            return
        self._heardAt = time.monotonic()
        if self._folder is None:
            self._welcome(event)
        self._onEvent(event)
        request = self._request
        if request is None or event.get("id") != request.id:
            return
        if event["event"] in ("progress", "stage_finished"):
            request.onProgress(event["stage"], event.get("fraction", 1.0))
        elif event["event"] == "result":
            self._finish(request, event)
        elif event["event"] == "error":
            self._fail(Failure(event["message"], event["kind"], event["exit_code"]))

    def _welcome(self, hello: dict[str, Any]) -> None:
        complaint = mismatch(hello)
        if complaint:
            self._giveUp(Failure(complaint, "WorkerMismatch"))
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
        self._heardAt = time.monotonic()
        process.write(line)

    def _finish(self, request: Request, event: dict[str, Any]) -> None:
        try:
            result = unpacked(event)
        except LungPNetError as error:
            self._fail(Failure.of(error))
            return
        self._request = None
        request.removeFiles()
        request.onResult(result)

    def _fail(self, failure: Failure) -> None:
        request, self._request = self._request, None
        if request is not None:
            request.removeFiles()
            request.onError(failure)

    def _giveUp(self, failure: Failure) -> None:
        """End the worker with all that it started, and then tell."""
        self._endWorker()
        if self._request is None:
            self._onLog(failure.message)
        else:
            self._request.removeLeftovers()
            self._fail(failure)

    def _endWorker(self) -> None:
        self._ticker.stop()
        process, self._process = self._process, None
        folder, self._folder = self._folder, None
        if process is not None:
            process.end()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
