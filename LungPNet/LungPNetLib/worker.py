"""A process that keeps the models warm: one JSON request a line in, one JSON event a line out.

The panels in Slicer start it (see ``slicer_bridge.process_runner``) so that no network runs in the
process that holds the scene. A request is an object with a whole number ``id``, a ``verb`` and the
fields of that verb (``worker_verbs``); two verbs have no answer of their own::

    {"id": 1, "verb": "analyze", "input": "/ct", "out": "/result", "options": {"device": "cpu"}}
    {"id": 1, "verb": "cancel"}
    {"id": 2, "verb": "quit"}

Requests are worked off one after the other. The events, each with the ``id`` of its request:

=========  =====================================================================================
hello      once, at the start (no id): version, file, protocol, pid, folder for the volumes
alive      every second while a request is worked on
progress   stage, fraction; likewise ``warning`` and ``stage_finished``, as on the command line
result     the end of a request: what its verb returns
error      the other end of a request: message, exit_code, kind (name of the error's class)
idle       once, when nothing was asked for ten minutes (no id): the models' memory is given back
=========  =====================================================================================

Closing standard input ends it, also in the middle of a request. ``LUNGPNET_WORKER_IDLE_S`` in the
environment changes the ten minutes.
"""

from __future__ import annotations

# Only the standard library up here: what a package prints while it is imported must not reach the
# channel of the events, which ``main`` claims first.
import faulthandler
import json
import os
import queue
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn, TypeAlias

import LungPNetLib
from LungPNetLib.errors import Cancelled, InputError
from LungPNetLib.events import EventSink, JsonLines, Reporter

HEARTBEAT_S = 1.0
LEAVE_S = 0.5
"""A running request may take this long to stop once standard input is closed."""
IDLE_VARIABLE = "LUNGPNET_WORKER_IDLE_S"
_FOLDER_PREFIX = "volumes-"


@dataclass(frozen=True)
class Job:
    """One request, where to report, and the folder for the volumes of its result."""

    id: int
    fields: Mapping[str, Any]
    reporter: Reporter
    folder: Path

    def text(self, name: str) -> str:
        """The field ``name``.

        Raises
        ------
        InputError
            It is missing or is not a text.
        """
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise InputError(f"The request needs the text '{name}'.")
        return value


Verb: TypeAlias = Callable[[Job], dict[str, Any]]


def main(verbs: Mapping[str, Verb] | None = None) -> NoReturn:
    """Serve until standard input is closed or ``quit`` comes, then end the process.

    ``verbs`` are those of ``worker_verbs`` by default.
    """
    requests, events = _claim_channels()
    from LungPNetLib.worker_protocol import PROTOCOL

    faulthandler.enable()
    if verbs is None:
        from LungPNetLib import worker_verbs

        verbs = worker_verbs.VERBS
    with _private_folder() as folder:
        worker = Worker(requests, events, folder, verbs)
        events(
            {
                "event": "hello",
                "version": LungPNetLib.__version__,
                "file": LungPNetLib.__file__,
                "protocol": PROTOCOL,
                "pid": os.getpid(),
                "folder": str(folder),
            }
        )
        worker.serve(idle_s=float(os.environ.get(IDLE_VARIABLE, "600")))
    _end(0)


class Worker:
    """Works off requests in the main thread; a thread of its own reads them, another beats.

    Parameters
    ----------
    requests : binary stream
    events : callable
        Takes each event; called from all three threads.
    folder : Path
        For the volumes of requests and results.
    verbs : mapping
        From the name of a verb to what does it.
    """

    def __init__(
        self, requests: IO[bytes], events: EventSink, folder: Path, verbs: Mapping[str, Verb]
    ) -> None:
        self._requests = requests
        self._emit = events
        self._folder = folder
        self._verbs = verbs
        self._queue: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._leaving = False
        self._running: int | None = None

    def serve(self, idle_s: float) -> None:
        """Work until there are no more requests; after ``idle_s`` without any give memory back."""
        from LungPNetLib.warm_models import give_memory_back

        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()
        while (request := self._next(idle_s)) is not None:
            self._running = request["id"]
            answer = self._attempt(request)
            # Before the answer: nothing may map a file of this request any more when it comes.
            give_memory_back()
            self._running = None
            self._emit({**answer, "id": request["id"]})

    def _next(self, idle_s: float) -> dict[str, Any] | None:
        try:
            return self._queue.get(timeout=idle_s)
        except queue.Empty:
            from LungPNetLib.warm_models import give_memory_back, release_models

            released = release_models()
            give_memory_back()
            self._emit({"event": "idle", "released": released})
            return self._queue.get()

    def _read(self) -> None:
        for line in self._requests:
            try:
                request = _parsed(line)
            except InputError as error:
                self._emit({**_error(error), "id": None})
                continue
            if request["verb"] == "quit":
                break
            if request["verb"] == "cancel":
                self._cancelled.add(request["id"])
            else:
                self._queue.put(request)
        self._leaving = True
        self._queue.put(None)
        time.sleep(LEAVE_S)
        shutil.rmtree(self._folder, ignore_errors=True)
        _end(1)

    def _beat(self) -> None:
        while True:
            time.sleep(HEARTBEAT_S)
            if (running := self._running) is not None:
                self._emit({"event": "alive", "id": running})

    def _attempt(self, request: dict[str, Any]) -> dict[str, Any]:
        request_id = request["id"]

        def is_cancelled() -> bool:
            return self._leaving or request_id in self._cancelled

        def report(event: dict[str, Any]) -> None:
            self._emit({**event, "id": request_id})

        job = Job(request_id, request, Reporter([report], is_cancelled), self._folder)
        try:
            verb = self._verbs.get(request["verb"])
            if verb is None:
                raise InputError(
                    f"There is no verb '{request['verb']}'. Verbs: {', '.join(self._verbs)}."
                )
            if is_cancelled():
                raise Cancelled("The run was cancelled; nothing was written.")
            return {"event": "result", **verb(job)}
        except Exception as error:
            end_children()
            return _error(error)


def end_children() -> None:
    """End all processes that this one started, and those that they started."""
    import psutil

    children = psutil.Process().children(recursive=True)
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(children, timeout=0.2)


def _claim_channels() -> tuple[IO[bytes], EventSink]:
    """Keep the descriptors 0 and 1 for the protocol, and give everybody else harmless ones.

    Then neither a stray print, of C code or a child process say, nor who reads standard input can
    break it. On Windows, a library can also load for ever while a thread reads standard input.
    """
    requests = os.fdopen(os.dup(0), "rb")
    # Paths need not be valid UTF-8; what backslashreplace makes of the rest is JSON's own escape.
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace", newline="\n")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    write = JsonLines(stream)

    def emit(event: dict[str, Any]) -> None:
        # Whoever does not read any more has closed standard input too, and that ends the process.
        with suppress(OSError):
            write(event)

    return requests, emit


@contextmanager
def _private_folder() -> Iterator[Path]:
    """A folder that only this user can read, and that the next worker removes if this one cannot.

    It holds a lock that the operating system frees when this process ends, however it ends.
    """
    from filelock import FileLock

    from LungPNetLib.folders import cache_folder
    from LungPNetLib.output import remove_abandoned

    parent = cache_folder() / "worker"
    parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(parent, _FOLDER_PREFIX)
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX, dir=parent))
    try:
        with FileLock(folder / ".lock"):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        request: Any = json.loads(line)
    except (ValueError, RecursionError):
        request = None
    keys = {"id": int, "verb": str}
    if isinstance(request, dict) and all(isinstance(request.get(k), t) for k, t in keys.items()):
        return request
    # Not quoted: it may hold a patient's name.
    raise InputError(
        "A request is one line of JSON, an object with a whole number 'id' and a text 'verb'; "
        f"got {len(line)} bytes that are not."
    )


def _error(error: Exception) -> dict[str, Any]:
    from LungPNetLib.crash_report import explained

    message, exit_code = explained(error)
    kind = type(error).__name__
    return {"event": "error", "message": message, "exit_code": exit_code, "kind": kind}


def _end(status: int) -> NoReturn:
    """End this process and its children now: the ordinary end waits for threads and packages."""
    end_children()
    sys.stderr.flush()
    os._exit(status)
