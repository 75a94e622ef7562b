"""What is wrong with a worker, in words for the person at the panel."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import LungPNetLib
from LungPNetLib.worker_protocol import PROTOCOL

_ERROR_LINE = re.compile(r"(Fatal Python error|Windows fatal exception|[\w.]*(Error|Exception)\b)")
_MISSING = re.compile(r"ModuleNotFoundError: No module named '([\w]+)")
_SHOWN_LINES = 3


def mismatch(hello: Mapping[str, Any]) -> str:
    """Why a worker that opens with the event ``hello`` cannot be used; empty if it can."""
    theirs = (hello.get("version"), hello.get("protocol"))
    ours = (LungPNetLib.__version__, PROTOCOL)
    file = str(hello.get("file"))
    if hello.get("event") == "hello" and theirs == ours and _sameFile(file, LungPNetLib.__file__):
        return ""
    return (
        f"The worker is LungPNet {theirs[0]} (protocol {theirs[1]}) from '{file}', but this is "
        f"LungPNet {ours[0]} (protocol {ours[1]}) from '{LungPNetLib.__file__}'. Restart the "
        "application; if that does not help, uninstall the other LungPNet."
    )


def endOfWorker(exitCode: int | None, log: Sequence[str]) -> str:
    """That the worker ended by itself, how, and its last error in ``log``."""
    how = f"exit status {exitCode}"
    if exitCode is not None and exitCode > 255:
        # Windows: 0xC0000005 is an access violation, and that number is what one can look up.
        how = f"exit status 0x{exitCode:X}"
    if exitCode is not None and exitCode < 0:
        how = f"signal {-exitCode}"
        with suppress(ValueError):
            how = signal.Signals(-exitCode).name
    if how == "SIGKILL":
        how += ", which is what the system does when memory runs out"
    return withLastError(f"The worker ended unexpectedly ({how}).", log)


def withLastError(message: str, log: Sequence[str]) -> str:
    """``message`` and the last line of ``log`` that names an error, or else its last lines.

    A package that is missing is said instead, with what to do.
    """
    errors = [line for line in log if _ERROR_LINE.match(line)]
    missing = _MISSING.match(errors[-1]) if errors else None
    if missing:
        return (
            f"The Python package '{missing[1]}' is missing, so nothing can be computed. In "
            "the panel LungPNet, press 'Install what is missing'."
        )
    shown = errors[-1:] or [line for line in log if line.strip()][-_SHOWN_LINES:]
    return " ".join([message, "Its last words:", *shown]) if shown else message


def _sameFile(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)  # noqa: PTH121
    except OSError:
        return False
