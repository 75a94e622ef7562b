"""Intensity histogram (IBSI family ZVCW), of grey levels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def histogram_features(levels: npt.NDArray[np.integer]) -> dict[str, float]:
    """Features of the histogram of grey levels.

    Parameters
    ----------
    levels : ndarray of int, shape (voxels,)
        Grey levels from 1. Gradients of a histogram of one bin are undefined (NaN).
    """
    counts = np.bincount(levels)[1:].astype(np.float64)
    level = np.arange(1, len(counts) + 1)
    share = counts / counts.sum()
    present = share[share > 0]
    most = level[counts == counts.max()]
    mode = most[np.argmin(np.abs(most - np.sum(level * share)))]
    gradient = np.gradient(counts) if len(counts) > 1 else np.array([np.nan])
    steepest = [level[np.argmax(gradient)], level[np.argmin(gradient)]]
    rise_at, fall_at = steepest if len(counts) > 1 else (np.nan, np.nan)
    return {
        "ih_mode": float(mode),
        "ih_entropy": float(np.sum(present * np.log2(1 / present))),
        "ih_uniformity": float(np.sum(share**2)),
        "ih_max_grad": float(gradient.max()),
        "ih_max_grad_g": float(rise_at),
        "ih_min_grad": float(gradient.min()),
        "ih_min_grad_g": float(fall_at),
    }
