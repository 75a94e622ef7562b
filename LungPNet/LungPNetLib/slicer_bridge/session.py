"""The one worker of all panels, so that its models stay warm from one panel to the next."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import qt
import slicer

from LungPNetLib.slicer_bridge.process_runner import ProcessRunner
from LungPNetLib.slicer_bridge.worker_process import findPython, workerCommand


class WorkerSession:
    """A runner whose log goes to every panel that listens.

    Parameters
    ----------
    runner : callable
        Makes the runner, given what takes the lines of its log.
    """

    def __init__(self, runner: Callable[[Callable[[str], Any]], ProcessRunner]) -> None:
        self._listeners: list[Callable[[str], Any]] = []
        self.runner = runner(self._log)

    def listen(self, listener: Callable[[str], Any]) -> None:
        """Tell ``listener`` every line of the log from now on."""
        self._listeners.append(listener)

    def forget(self, listener: Callable[[str], Any]) -> None:
        """Do not tell ``listener`` any more."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def _log(self, line: str) -> None:
        for listener in list(self._listeners):
            listener(line)


@cache
def workerSession() -> WorkerSession:
    """The session of this application; its worker ends with it.

    Raises
    ------
    DependencyError
        Slicer's Python is not found.
    """
    command = workerCommand(findPython())
    session = WorkerSession(lambda log: ProcessRunner(command, qt.QTimer(), onLog=log))
    slicer.app.connect("aboutToQuit()", session.runner.close)
    return session
