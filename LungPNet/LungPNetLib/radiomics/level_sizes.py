"""Features of run length, size zone and dependence matrices (IBSI families TP0I, 9SAK and REK0).

The three count something by grey level and by a size (length of a run, voxels of a zone, number of
dependent neighbours), and the reference manual defines their features by the same formulas.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from LungPNetLib.radiomics.catalogue import Family, names_of

_PERCENTAGE, _ENERGY = "percentage", "energy"
_LEFT_OUT = {Family.GLRLM: _ENERGY, Family.GLSZM: _ENERGY, Family.NGLDM: _PERCENTAGE}
"""Only dependences have an energy, and their percentage is always 1."""


def level_size_features(
    family: Family, counts: npt.NDArray[np.integer], sizes: npt.NDArray[np.integer]
) -> dict[str, float]:
    """Features of one matrix, under the names of ``family`` (GLRLM, GLSZM or NGLDM).

    Parameters
    ----------
    counts : ndarray, shape (levels, sizes)
        Not all 0; row ``i`` is grey level ``i + 1``.
    sizes : ndarray, shape (sizes,)
        What the columns stand for.
    """
    features = _features(counts, sizes.astype(np.float64))
    features.pop(_LEFT_OUT[family])
    return dict(zip(names_of(family), map(float, features.values()), strict=True))


def _features(
    counts: npt.NDArray[np.integer], size: npt.NDArray[np.float64]
) -> dict[str, np.float64]:
    """All features that one of the families has, in the order of the catalogue."""
    n = counts.sum()
    p = counts / n
    by_level, by_size = p.sum(axis=1), p.sum(axis=0)
    level = np.arange(1.0, len(by_level) + 1)
    present = p[p > 0]
    return {
        "small": np.sum(by_size / size**2),
        "large": np.sum(by_size * size**2),
        "low": np.sum(by_level / level**2),
        "high": np.sum(by_level * level**2),
        "small low": level**-2 @ p @ size**-2,
        "small high": level**2 @ p @ size**-2,
        "large low": level**-2 @ p @ size**2,
        "large high": level**2 @ p @ size**2,
        "level non-uniformity": n * np.sum(by_level**2),
        "level non-uniformity, normalised": np.sum(by_level**2),
        "size non-uniformity": n * np.sum(by_size**2),
        "size non-uniformity, normalised": np.sum(by_size**2),
        # The sizes add up to the number of voxels, once for each matrix that was merged.
        _PERCENTAGE: 1.0 / np.sum(by_size * size),
        "level variance": _variance(level, by_level),
        "size variance": _variance(size, by_size),
        "entropy": -np.sum(present * np.log2(present)),
        _ENERGY: np.sum(p**2),
    }


def _variance(value: npt.NDArray[np.float64], p: npt.NDArray[np.float64]) -> np.float64:
    return np.float64(np.sum((value - np.sum(value * p)) ** 2 * p))
