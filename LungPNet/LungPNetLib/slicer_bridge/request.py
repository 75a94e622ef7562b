"""One request to the worker: what is asked, whom to tell, and which files travel with it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from LungPNetLib.errors import LungPNetError
from LungPNetLib.volume import Volume
from LungPNetLib.worker_protocol import is_volume, take_volume, write_volume


@dataclass(frozen=True)
class Failure:
    """Why a request gave no result.

    ``kind`` is the name of the error's class in the worker (``Cancelled``, ``InputError``, ...), or
    ``WorkerEnded``, ``WorkerHung``, ``WorkerMismatch`` or ``WorkerNotStarted``; ``exitCode`` is
    what the command line would return.
    """

    message: str
    kind: str
    exitCode: int = 1

    @classmethod
    def of(cls, error: LungPNetError) -> Failure:
        """The failure that ``error`` means for a request."""
        return cls(str(error), type(error).__name__, error.exit_code)


class Request:
    """A request on its way; ``fields`` and the callbacks as in ``ProcessRunner.submit``.

    Attributes
    ----------
    sent : bool
        Whether the worker has it.
    cancelAt : float, optional
        Time (of ``time.monotonic``) at which it is ended by force; None unless it was cancelled.
    """

    def __init__(
        self,
        number: int,
        verb: str,
        fields: Mapping[str, Any],
        onProgress: Callable[[str, float], object],
        onResult: Callable[[dict[str, Any]], object],
        onError: Callable[[Failure], object],
    ) -> None:
        self.id = number
        self.onProgress = onProgress
        self.onResult = onResult
        self.onError = onError
        self.sent = False
        self.cancelAt: float | None = None
        self._volumes = {k: v for k, v in fields.items() if isinstance(v, Volume)}
        plain = {k: v for k, v in fields.items() if k not in self._volumes}
        # Through JSON and back: what cannot be sent is refused here, and later changes do no harm.
        text = json.dumps({**plain, "id": number, "verb": verb}, default=os.fspath)
        self._message: dict[str, Any] = json.loads(text)
        self._files: list[Path] = []

    def packed(self, folder: Path) -> str:
        """Write the volumes into ``folder`` and return the line for the worker.

        Raises
        ------
        OutputError
            A volume cannot be written.
        """
        message = dict(self._message)
        for name, volume in self._volumes.items():
            path = folder / f"{self.id}-{name}.npy"
            self._files.append(path)
            message[name] = write_volume(volume, path)
        self._volumes.clear()
        return json.dumps(message)

    def removeFiles(self) -> None:
        """Remove the volumes that were sent."""
        for path in self._files:
            # A virus scanner may hold it open on Windows; its folder goes with the worker.
            with suppress(OSError):
                path.unlink()

    def removeLeftovers(self) -> None:
        """Remove what a worker that was ended could not remove itself."""
        from LungPNetLib.output import remove_abandoned

        self.removeFiles()
        if "out" in self._message:
            out = Path(self._message["out"]).absolute()
            remove_abandoned(out.parent, f".{out.name}.partial-")


def unpacked(event: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a ``result`` event, volumes read into memory and their files deleted.

    Raises
    ------
    InputError
        The file of a volume is not what it should be.
    """
    fields = {k: v for k, v in event.items() if k not in ("event", "id")}
    return {k: take_volume(v) if is_volume(v) else v for k, v in fields.items()}


def eventOf(line: str) -> dict[str, Any] | None:
    """The event that ``line`` holds; None for words that a launcher may print."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None
