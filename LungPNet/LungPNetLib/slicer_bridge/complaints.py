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

_ERROR_LINE = re.compile(r"(Fatal Python error|[\w.]*(Error|Exception)\b)")
_SHOWN_LINES = 3


def mismatch(hello: Mapping[str, Any]) -> str:
    """Why a worker that opens with the event ``hello`` cannot be used; empty if it can."""
    theirs = (hello.get("version"), hello.get("protocol"))
    ours = (LungPNetLib.__version__, PROTOCOL)
    file = str(hello.get("file"))
    if hello.get("event") == "hello" and theirs == ours and _same_file(file, LungPNetLib.__file__):
        return ""
    return (
        f"The worker is LungPNet {theirs[0]} (protocol {theirs[1]}) from '{file}', but this is "
        f"LungPNet {ours[0]} (protocol {ours[1]}) from '{LungPNetLib.__file__}'. Restart the "
        "application; if that does not help, uninstall the other LungPNet."
    )


def end_of_worker(exit_code: int | None, log: Sequence[str]) -> str:
    """That the worker ended by itself, how, and its last error in ``log``."""
    how = f"exit status {exit_code}"
    if exit_code is not None and exit_code < 0:
        how = f"signal {-exit_code}"
        with suppress(ValueError):
            how = signal.Signals(-exit_code).name
    if how == "SIGKILL":
        how += ", which is what the system does when memory runs out"
    return with_last_error(f"The worker ended unexpectedly ({how}).", log)


def with_last_error(message: str, log: Sequence[str]) -> str:
    """``message`` and the last line of ``log`` that names an error, or else its last lines."""
    errors = [line for line in log if _ERROR_LINE.match(line)]
    shown = errors[-1:] or [line for line in log if line.strip()][-_SHOWN_LINES:]
    return " ".join([message, "Its last words:", *shown]) if shown else message


def _same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)  # noqa: PTH121
    except OSError:
        return False
