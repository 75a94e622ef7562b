"""Arrays of made-up patients in the cache: written whole or not at all, read back or made again."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import OutputError


def keep_arrays(path: Path, **arrays: npt.ArrayLike) -> None:
    """Write arrays beside their place and move them there.

    Parameters
    ----------
    path : Path
        The .npz file; its folder is made.
    arrays : array_like

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            partial = Path(folder) / path.name
            np.savez_compressed(partial, allow_pickle=False, **arrays)
            partial.replace(path)
    except OSError as error:
        raise OutputError(
            f"A made-up patient cannot be kept in the cache '{path.parent}': {error.strerror}. "
            "Free some space there, or set LUNGPNET_HOME to another folder."
        ) from error


def kept_arrays(path: Path, names: Iterable[str]) -> dict[str, npt.NDArray[Any]] | None:
    """The arrays of these names; None where there is no file, or a damaged one."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            return {name: kept[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
