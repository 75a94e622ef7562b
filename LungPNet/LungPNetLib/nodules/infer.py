"""A segmenter over a whole CT: the probability of nodule in and around the lungs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from LungPNetLib.lungs.morphology import FloatImage, Mask, dilated
from LungPNetLib.nodules.grid import OUTSIDE_HU, SEGMENTER_MM, network_input, on_cubes
from LungPNetLib.volume import Volume

WINDOW = 80
"""Edge of a window in voxels, a multiple of the strides of all segmenters. Large windows have less
overlap to compute twice; small ones leave out more of what is not lung."""
OVERLAP = 16
"""Voxels that two windows share; over these one fades into the other."""
BATCH = 2
"""Windows between two reports of progress; on a CPU they are computed side by side."""
NEAR_LUNGS_MM = 3.0
"""The outlines of lungs may cut off so much of a nodule at the pleura."""


def nodule_probability(
    ct: Volume,
    lungs: Volume,
    network: Callable[[FloatImage], Any],
    *,
    progress: Callable[[float], None] = lambda _: None,
) -> tuple[Volume, Volume]:
    """Probability of nodule for each voxel near the lungs, and where near is.

    Parameters
    ----------
    ct : Volume
        HU, any order of axes.
    lungs : Volume
        Labels above 0 inside, on the grid of ``ct``.
    network : callable
        From float32 (N, 1, D, H, W), as ``grid.network_input`` scales it, to an array
        (N, C, D, H, W) whose last channel is the logit of nodule; such as a ``runtime.Runner``.
        All windows have the edge ``WINDOW``.
    progress : callable
        Told the share of the work done, 0 to 1.

    Returns
    -------
    probability : Volume
        float32 on a grid of 1 mm over the lungs and 10 mm around them; 0 in windows that hold
        nothing that is near the lungs.
    near_lungs : Volume
        bool on the same grid: the lungs and ``NEAR_LUNGS_MM`` around them.

    Raises
    ------
    InputError
        The grids differ, or the lungs are empty.
    """
    hu, inside = on_cubes(ct, lungs, SEGMENTER_MM)
    near = dilated(inside.array != 0, NEAR_LUNGS_MM, (SEGMENTER_MM,) * 3)
    progress(0.05)
    probability = probability_in(
        network_input(hu.array.astype(np.float32, copy=False)),
        near,
        network,
        lambda share: progress(0.05 + 0.95 * share),
    )
    return hu.with_array(probability), hu.with_array(near)


def probability_in(
    image: FloatImage,
    wanted: Mask,
    network: Callable[[FloatImage], Any],
    progress: Callable[[float], None] = lambda _: None,
) -> FloatImage:
    """Probability of each voxel of ``image``, by overlapping windows.

    Parameters
    ----------
    image : ndarray of float32, shape (z, y, x)
        Input of the network.
    wanted : ndarray of bool, shape (z, y, x)
        Windows without a voxel of it are left out, and stay 0.
    network, progress
        As in :func:`nodule_probability`.
    """
    pad = [(0, max(0, WINDOW - size)) for size in image.shape]
    outside = float(network_input(np.array([OUTSIDE_HU]))[0])
    padded = np.pad(image, pad, constant_values=outside)
    windows = [window for window in _windows(padded.shape) if wanted[window].any()]
    weight = _window_weight()
    total = np.zeros(padded.shape, np.float32)
    weights = np.zeros(padded.shape, np.float32)
    for start in range(0, len(windows), BATCH):
        batch = windows[start : start + BATCH]
        logits = np.asarray(network(np.stack([padded[window][None] for window in batch])))[:, -1]
        for window, of_window in zip(batch, logits, strict=True):
            total[window] += weight * _sigmoid(of_window)
            weights[window] += weight
        progress((start + len(batch)) / len(windows))
    np.divide(total, weights, out=total, where=weights > 0)
    z, y, x = image.shape
    return total[:z, :y, :x]


def _windows(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Windows that cover the image, evenly spread, with ``OVERLAP`` or a little more."""
    starts = []
    for size in shape:
        steps = math.ceil((size - WINDOW) / (WINDOW - OVERLAP))
        starts.append(
            sorted({round(n * (size - WINDOW) / max(1, steps)) for n in range(steps + 1)})
        )
    for corner in itertools.product(*starts):
        yield tuple(slice(first, first + WINDOW) for first in corner)


def _window_weight() -> FloatImage:
    """Little at the faces of a window, where the network sees one side only; never 0."""
    from_face = np.minimum(np.arange(WINDOW), np.arange(WINDOW)[::-1]) + 1.0
    ramp = np.minimum(from_face / (OVERLAP + 1.0), 1.0).astype(np.float32)
    weight: FloatImage = ramp[:, None, None] * ramp[:, None] * ramp
    return weight


def _sigmoid(logits: npt.NDArray[np.float32]) -> FloatImage:
    # Beyond these the result is 0 or 1, and the exponential overflows.
    bounded = np.clip(logits, -80.0, 80.0, dtype=np.float32)
    probability: FloatImage = np.reciprocal(1.0 + np.exp(-bounded), dtype=np.float32)
    return probability
