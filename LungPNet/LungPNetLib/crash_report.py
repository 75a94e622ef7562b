"""Any error as a message for the person, and a file for the developers where it is our fault."""

from __future__ import annotations

import sys
import tempfile
import traceback
from pathlib import Path

from LungPNetLib import __version__
from LungPNetLib.errors import LungPNetError


def explained(error: Exception) -> tuple[str, int]:
    """What to tell the person about ``error``, and the exit status that it means.

    An error that was not raised on purpose is a fault of this program: its traceback is kept in a
    file in ``folders.log_folder``, and the message names that file.
    """
    if isinstance(error, LungPNetError):
        return str(error), error.exit_code
    if isinstance(error, MemoryError):
        return "Out of memory. Close other programs; a thin-slice CT needs 6 GiB.", 1
    fault = f"This is a fault in LungPNet ({type(error).__name__})."
    try:
        report = _write_report(error)
    except OSError:
        return f"{fault} Its report could not be written; the disk is probably full.", 1
    return f"{fault} Please send this file to its developers: {report}", 1


def _write_report(error: Exception) -> Path:
    from LungPNetLib.folders import log_folder

    lines = [f"LungPNet {__version__}, Python {sys.version}\n", *traceback.format_exception(error)]
    folder: Path | None = log_folder()
    try:
        log_folder().mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = None
    with tempfile.NamedTemporaryFile(
        "w", prefix="crash-", suffix=".txt", dir=folder, delete=False, encoding="utf-8"
    ) as report:
        report.write("".join(lines))
    return Path(report.name)
