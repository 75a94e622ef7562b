"""A result folder that is whole or absent.

Work goes on in a temporary folder beside the target, which is renamed at the end. Each temporary
folder holds a lock that the operating system frees when its process ends, however it ends; so the
next run recognizes and removes what a killed one left behind, and never touches a running one.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from LungPNetLib.errors import InputError, OutputError

_LOCK_NAME = ".lock"
_FRESH_S = 60.0
"""A temporary folder without a lock is left alone for this long: its owner may be starting."""


@contextmanager
def result_folder(
    target: Path, *, overwrite: bool = False, marker: str = "result.json"
) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``target`` when the block ends without an error.

    Parameters
    ----------
    target : Path
        Must not exist, unless ``overwrite``.
    overwrite : bool
        Replace an earlier result: it is renamed aside first and removed at the end.
    marker : str
        File that an earlier result holds; anything else is never replaced.

    Raises
    ------
    InputError
        ``target`` exists, or its parent cannot be written.
    OutputError
        The disk is full, or the result cannot be moved into place.
    """
    target = target.absolute()
    if target.exists() and not overwrite:
        raise InputError(
            f"'{target}' exists already. Choose another --out, or add --overwrite to replace it."
        )
    if target.exists() and not _holds(target, marker):
        raise InputError(
            f"'{target}' is not a result of this program (it holds no {marker}), so "
            "--overwrite does not replace it. Choose another --out."
        )
    folder = _make_temporary(target)
    lock = FileLock(folder / _LOCK_NAME)
    try:
        with lock:
            yield folder
        (folder / _LOCK_NAME).unlink(missing_ok=True)
        _move_into_place(folder, target)
    except OSError as error:
        raise OutputError(_explained(error, target)) from error
    finally:
        lock.release(force=True)
        shutil.rmtree(folder, ignore_errors=True)


def distinct_names(names: Iterable[str]) -> list[str]:
    """Names that are safe for a folder; one that was there before gets a number.

    Examples
    --------
    >>> distinct_names(["ct", "CT", "../p:1"])
    ['ct', 'CT-2', 'p_1']
    """
    chosen: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^\w. -]+", "_", name).strip("._ ") or "study"
        number, distinct = 1, plain
        while distinct.casefold() in chosen:
            number += 1
            distinct = f"{plain}-{number}"
        chosen[distinct.casefold()] = distinct
    return list(chosen.values())


def _holds(target: Path, marker: str) -> bool:
    empty = target.is_dir() and not any(target.iterdir())
    return empty or (target / marker).exists()


def _make_temporary(target: Path) -> Path:
    parent = target.parent
    prefix = f".{target.name}.partial-"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(parent, prefix)
        return Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OutputError(_explained(error, target)) from error
        raise InputError(
            f"Cannot write into '{parent}' ({error.strerror}). Choose an --out where you have "
            "permission to write."
        ) from error


def remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove temporary folders in ``parent`` whose process no longer runs."""
    for folder in parent.glob(f"{prefix}*"):
        lock_path = folder / _LOCK_NAME
        if not lock_path.exists():
            with suppress(OSError):
                if time.time() - folder.stat().st_mtime > _FRESH_S:
                    shutil.rmtree(folder, ignore_errors=True)
            continue
        try:
            with FileLock(lock_path, timeout=0):
                pass
        except (Timeout, OSError):
            continue
        shutil.rmtree(folder, ignore_errors=True)


def _move_into_place(folder: Path, target: Path) -> None:
    folder.chmod(0o777 & ~_umask())
    old = None
    if target.exists():
        old = target.with_name(f".{target.name}.replaced-{os.getpid()}")
        target.rename(old)
    try:
        folder.rename(target)
    except OSError:
        if old is not None:
            old.rename(target)
        raise
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _explained(error: OSError, target: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(target.parent).free / 2**20
        return (
            f"The disk is full: {free:.0f} MiB are free at '{target.parent}', and the result did "
            "not fit. Nothing was written; free some space or choose another --out."
        )
    return f"The result could not be written to '{target}': {error.strerror or error}."
