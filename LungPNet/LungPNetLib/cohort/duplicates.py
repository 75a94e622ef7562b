"""The same image under two patients: the leak between training and test that no table shows.

Every CT is reduced to a perceptual fingerprint: the mean HU in each of 16 x 16 x 16 boxes, and for
each pair of neighbours which one is clearly denser, if any. It hardly changes with noise, another
spacing or another orientation of the axes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.manifest import Manifest
from LungPNetLib.errors import InputError
from LungPNetLib.events import Reporter
from LungPNetLib.volume import Volume

_BOXES = 16
_WINDOW_HU = (-1000.0, 300.0)
_ENOUGH_COLUMNS = 128
_DEAD_ZONE_HU = 20.0
SAME_BELOW = 0.08
"""Largest difference between the fingerprints of two copies of one image.

Measured on chest CTs: copies with 40 HU of noise 0.013, resampled to 2 x 2 x 5 mm 0.038 to 0.054,
both 0.054, with 2 % cropped off each side 0.13 and more (not caught); different patients 0.33 and
more, made-up ones (whose anatomy varies less) 0.12 and more.
"""


def refuse_near_duplicates(
    manifest: Manifest, reporter: Reporter, read: Callable[[Path], Volume] | None = None
) -> None:
    """Read every CT of a cohort and make sure that no image is there under two patients.

    Also catches files that cannot be read, or hold no CT.

    Parameters
    ----------
    manifest : Manifest
    reporter : Reporter
        Told how far the reading is; a stage must be under way.
    read : callable, optional
        Reads a CT in HU; by default as every other command reads it.

    Raises
    ------
    InputError
        Two patients have the same image; the studies are given by their numbers, from 1.
    """
    read = read or _read_ct
    rows = [(k, row) for k, row in enumerate(manifest.rows, start=1) if "ct" in row.files]
    seen: list[tuple[int, str, npt.NDArray[np.int8]]] = []
    for done, (number, row) in enumerate(rows, start=1):
        own = fingerprint(read(row.files["ct"]))
        for earlier, patient_id, other in seen:
            if patient_id != row.patient_id and difference(own, other) < SAME_BELOW:
                raise InputError(
                    f"Studies {earlier} and {number} of the manifest are of different patients, "
                    "but their CTs are the same image (or nearly). Give them the same patient_id, "
                    "or remove one of them."
                )
        seen.append((number, row.patient_id, own))
        reporter.progress(done / len(rows))


def fingerprint(ct: Volume) -> npt.NDArray[np.int8]:
    """The fingerprint of a CT.

    Parameters
    ----------
    ct : Volume
        HU, in any axis order.

    Returns
    -------
    numpy.ndarray
        11520 comparisons: -1, 0 (about the same) or 1.
    """
    array = ct.axis_order_to().apply(ct).array
    step = max(1, min(array.shape[1:]) // _ENOUGH_COLUMNS)
    coarse = np.clip(array[:, ::step, ::step].astype(np.float32), *_WINDOW_HU)
    for axis, size in enumerate(coarse.shape):
        coarse = np.moveaxis(np.tensordot(_box_means(size), coarse, axes=(1, axis)), 0, axis)
    steps = np.concatenate([np.diff(coarse, axis=axis).ravel() for axis in range(3)])
    return (np.sign(steps) * (np.abs(steps) > _DEAD_ZONE_HU)).astype(np.int8)


def difference(first: npt.NDArray[np.int8], second: npt.NDArray[np.int8]) -> float:
    """How far two fingerprints differ: 0 for the same image, 1 for its negative.

    Neighbours that are about the same in both images tell nothing and do not count.
    """
    telling = (first != 0) | (second != 0)
    return float(np.abs(first[telling] - second[telling]).mean() / 2) if telling.any() else 0.0


def _box_means(size: int) -> npt.NDArray[np.float32]:
    """Weights, (boxes, size), that average ``size`` samples into boxes of equal width."""
    edges = np.linspace(0, size, _BOXES + 1)
    samples = np.arange(size)
    overlap = np.minimum(samples + 1, edges[1:, None]) - np.maximum(samples, edges[:-1, None])
    overlap = overlap.clip(0)
    return (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)


def _read_ct(path: Path) -> Volume:
    from LungPNetLib.reading import read_study

    return read_study(path, allow_gaps=True).ct
