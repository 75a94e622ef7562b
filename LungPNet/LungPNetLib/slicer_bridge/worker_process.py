"""A child process with three pipes that can be ended together with everything that it started.

Slicer's own ``launchConsoleProcess`` gives no standard input and mixes standard error into the
output, so this one is ours.
"""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias

import LungPNetLib
from LungPNetLib.errors import DependencyError

Source: TypeAlias = Literal["out", "err"]

# Neither -m nor the path of the file: the package's folder must not get onto the module path.
_FIND_PACKAGE = "import sys; sys.path.append(sys.argv[1])"


def findPython() -> str:
    """PythonSlicer, which Slicer has on its PATH; outside of Slicer the Python that runs this.

    Raises
    ------
    DependencyError
        There is neither.
    """
    found = shutil.which("PythonSlicer")
    if found:
        return found
    # In an application that embeds Python, this would start the application once more.
    if Path(sys.executable).name.lower().startswith("python"):
        return sys.executable
    raise DependencyError(
        f"PythonSlicer is not on the PATH, and '{sys.executable}' is no Python interpreter, so no "
        "computation can be started. Install Slicer again."
    )


def workerCommand(python: str) -> list[str]:
    """How this package's worker is started with the interpreter ``python``."""
    return pythonCommand(python, "from LungPNetLib.worker import main; main()")


def pythonCommand(python: str, code: str, *words: str) -> list[str]:
    """How ``code``, which may import this package, is run; ``sys.argv[2:]`` is ``words`` then."""
    folder = Path(LungPNetLib.__file__).resolve().parents[1]
    return [python, "-X", "utf8", "-u", "-c", f"{_FIND_PACKAGE}; {code}", str(folder), *words]


_KILL_SECONDS = 2.0


class WorkerProcess:
    """A running child in a process group of its own; two threads read what it writes.

    Parameters
    ----------
    command : sequence of str

    Raises
    ------
    OSError
        The program cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._lines: queue.SimpleQueue[tuple[Source, str]] = queue.SimpleQueue()
        self._ended = False
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=childEnvironment(),
            **_ownGroup(),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._stdin = self._process.stdin
        self._readers = [
            self._startReader("out", self._process.stdout),
            self._startReader("err", self._process.stderr),
        ]

    @property
    def pid(self) -> int:
        """Number of the process, which is also that of its group."""
        return self._process.pid

    @property
    def exitCode(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._process.poll()

    def write(self, line: str) -> None:
        """Send one line; a process that is dead does not get it, and nothing is raised."""
        with suppress(OSError, ValueError):
            self._stdin.write(line.encode() + b"\n")
            self._stdin.flush()

    def nextLine(self) -> tuple[Source, str] | None:
        """The next line that it wrote, in order of arrival; None where there is none now."""
        try:
            return self._lines.get_nowait()
        except queue.Empty:
            return None

    def closeInput(self) -> None:
        """Close its standard input, which asks it to leave."""
        with suppress(OSError):
            self._stdin.close()

    def wait(self, seconds: float) -> None:
        """Wait until it ends, but not longer."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def end(self) -> None:
        """Kill it and all that it started, and wait until its last lines are read."""
        if self._ended:
            return
        self._ended = True
        self._killTree()
        self.wait(1.0)
        self.closeInput()
        for reader in self._readers:
            reader.join(0.5)

    def _killTree(self) -> None:
        if sys.platform == "win32":
            with suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(
                    ["taskkill", "/T", "/F", "/PID", str(self.pid)],
                    capture_output=True,
                    check=False,
                    timeout=_KILL_SECONDS,
                    creationflags=subprocess.CREATE_NO_WINDOW,
                )
            # Where taskkill is not allowed, at least this one.
            self._process.kill()
        else:
            # macOS says so, too, where only dead members of the group are left.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _startReader(self, source: Source, stream: IO[bytes]) -> threading.Thread:
        def read() -> None:
            with stream:
                for line in stream:
                    self._lines.put((source, line.decode("utf-8", "replace").rstrip("\r\n")))

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread


def childEnvironment() -> dict[str, str]:
    """The environment of this process, as PythonSlicer needs it, without what would mislead it.

    PythonSlicer finds its libraries by what Slicer's launcher has put into the environment
    (``PYTHONHOME``, ``LD_LIBRARY_PATH``, ``PATH``), so those variables stay. The current folder is
    kept off the module path: a file ``json.py`` in a folder of images must not be imported.
    """
    environment = dict(os.environ)
    environment["PYTHONSAFEPATH"] = "1"
    environment.pop("PYTHONINSPECT", None)
    return environment


def _ownGroup() -> dict[str, Any]:
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        options = {"creationflags": flags}
    return options
