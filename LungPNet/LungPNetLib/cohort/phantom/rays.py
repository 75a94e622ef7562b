"""Where rays have a long way through the body, and so leave much noise.

A projection's noise lies on one line of the image's spectrum, across its rays (central slice
theorem). So the noise of one bundle of directions is a wedge of the spectrum, and its size at a
pixel follows from the length of the ray through it: photons fall, and noise grows, exponentially.
Between the shoulders this leaves the known streaks from side to side.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.cohort.phantom.shapes import Plane

WATER_PER_MM = 0.0195
"""Attenuation of water at the mean energy of 120 kV."""

REFERENCE_PATH = 4.2
"""Mean attenuation of the rays through the mid chest of a person of average size."""

_DIRECTIONS = 6
_LONGEST_PATH = 11.0
"""Scanners cut the noise of starved rays (adaptive filtering)."""
_COARSE_PIXELS = 72


def directions(
    frequency_x: npt.NDArray[np.floating[Any]], frequency_y: npt.NDArray[np.floating[Any]]
) -> tuple[Plane, ...]:
    """Cut the plane of frequencies into wedges, one for each bundle of rays.

    Parameters
    ----------
    frequency_x, frequency_y : ndarray
        Broadcastable cycles a mm.

    Returns
    -------
    tuple of ndarray
        float32 masks that add up to 1. Wedge ``n`` belongs to rays whose normal is turned by
        ``n / 6`` of a half-turn from x towards y.
    """
    angle = np.arctan2(frequency_y, frequency_x) / np.pi * _DIRECTIONS
    number = np.rint(angle).astype(np.int64) % _DIRECTIONS
    return tuple((number == n).astype(np.float32) for n in range(_DIRECTIONS))


def path_weights(
    plane_hu: Plane, pixel_mm: tuple[float, float], exponent: float
) -> Iterator[Plane]:
    """Size of the noise of each bundle of rays, relative to the mid chest of an average person.

    Parameters
    ----------
    plane_hu : ndarray, shape (rows, columns)
        The slice without noise; what it does not show does not weaken the rays.
    pixel_mm : tuple of float
        (column, row) spacing, both the same.
    exponent : float
        1 for a constant tube current, less where it follows the body.

    Yields
    ------
    ndarray, shape (rows, columns)
        float32, one for each wedge of ``directions``.
    """
    block = max(1, -(-max(plane_hu.shape) // _COARSE_PIXELS))
    coarse = _coarse_attenuation(plane_hu, block) * WATER_PER_MM * pixel_mm[0] * block
    side = coarse.shape[0]
    rows, columns = (
        (np.arange(count, dtype=np.float32) - (count - 1) / 2) / block for count in plane_hu.shape
    )
    place = np.arange(side) - (side - 1) / 2
    for n in range(_DIRECTIONS):
        turn = np.pi * n / _DIRECTIONS
        turned = ndimage.rotate(coarse, np.degrees(turn), reshape=False, order=1)
        path = np.minimum(turned.sum(axis=0), _LONGEST_PATH)
        size = np.exp(0.5 * exponent * (path - REFERENCE_PATH)).astype(np.float32)
        across = np.cos(turn) * columns + np.sin(turn) * rows[:, None]
        weight: Plane = np.interp(across, place, size).astype(np.float32)
        yield weight


def _coarse_attenuation(plane_hu: Plane, block: int) -> Plane:
    """Attenuation relative to water in blocks of pixels, in a square with room to turn."""
    rows, columns = (count - count % block for count in plane_hu.shape)
    blocks = plane_hu[:rows, :columns].reshape(rows // block, block, columns // block, block)
    share = np.maximum(blocks.mean(axis=(1, 3)) / 1000.0 + 1.0, 0.0)
    side = int(np.ceil(np.hypot(*share.shape))) + 2
    missing = [side - count for count in share.shape]
    square: Plane = np.pad(share, [(gap // 2, gap - gap // 2) for gap in missing])
    return square
