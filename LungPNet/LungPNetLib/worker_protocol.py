"""What the worker and the process that started it agree on; see ``worker`` for the messages.

A volume does not travel through the pipe: its voxels are a .npy file that the receiver maps into
memory, and the message holds its path and its grid. Whoever started the worker deletes the files,
and may do so once the answer to the request has come: nothing maps them any more by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.volume import Volume

PROTOCOL = 1
"""Grows with every change that the other side must know."""

_VOLUME_KEYS = {"voxels", "spacing_mm", "origin_mm", "direction"}


def write_volume(volume: Volume, path: Path) -> dict[str, Any]:
    """Write the voxels of ``volume`` to the .npy file ``path`` and return its message.

    Returns
    -------
    dict
        ``voxels`` (the path), and in LPS and (column, row, slice) order ``spacing_mm`` (3),
        ``origin_mm`` (3), ``direction`` (9, row by row).

    Raises
    ------
    OutputError
        The file cannot be written; nothing is left of it.
    """
    try:
        np.save(path, volume.array, allow_pickle=False)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise OutputError(
            f"{volume.array.nbytes / 2**20:.0f} MiB could not be written to '{path.parent}' "
            f"({error.strerror or error}). Free some space there."
        ) from error
    return {
        "voxels": str(path),
        "spacing_mm": list(volume.spacing_mm),
        "origin_mm": list(volume.origin_mm),
        "direction": volume.direction.ravel().tolist(),
    }


def map_volume(message: Mapping[str, Any]) -> Volume:
    """The volume of a message, its voxels mapped: writing to them does not change the file.

    Raises
    ------
    InputError
        The message or the file is not what ``write_volume`` makes.
    """
    return _volume(message, "c")


def take_volume(message: Mapping[str, Any]) -> Volume:
    """The volume of a message, copied into memory; its file is deleted.

    Raises
    ------
    InputError
        The message or the file is not what ``write_volume`` makes.
    """
    volume = _volume(message, None)
    # A virus scanner may hold it open on Windows; its folder goes with the worker.
    with suppress(OSError):
        Path(message["voxels"]).unlink()
    return volume


def is_volume(message: object) -> bool:
    """Whether ``message`` has the form that ``write_volume`` returns."""
    return isinstance(message, Mapping) and set(message) == _VOLUME_KEYS


def _volume(message: Mapping[str, Any], mapping: Literal["c"] | None) -> Volume:
    if not is_volume(message):
        raise InputError(f"A volume is described by {', '.join(sorted(_VOLUME_KEYS))}.")
    try:
        loaded = np.load(message["voxels"], mmap_mode=mapping, allow_pickle=False)
        voxels: npt.NDArray[np.generic] = loaded.view(np.ndarray)
        direction = np.reshape(np.asarray(message["direction"], np.float64), (3, 3))
        return Volume(voxels, message["spacing_mm"], message["origin_mm"], direction)
    except (OSError, EOFError, ValueError, TypeError) as error:
        # The error itself may quote what the file or the message holds.
        raise InputError(
            f"The volume of a request cannot be read ({type(error).__name__}). Try again."
        ) from error
