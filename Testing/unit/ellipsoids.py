"""Masks of ellipsoids whose measures are known exactly."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import elliprg

from LungPNetLib.volume import Triplet, Volume

CENTRE_MM = (31.3, -12.6, 104.2)


def ellipsoid(diameters_mm: Triplet, spacing_mm: Triplet, turn_deg: float = 0.0) -> Volume:
    """Mask of an ellipsoid around ``CENTRE_MM``, turned about z, on a grid that does not fit it."""
    size = [2 * math.ceil((max(diameters_mm) / 2 + 4) / step) + 1 for step in spacing_mm]
    corner = [c - step * (n - 1) / 2 + 0.31 * step
              for c, step, n in zip(CENTRE_MM, spacing_mm, size, strict=True)]  # fmt: skip
    grid = Volume(np.zeros(size[::-1], np.uint8), spacing_mm, tuple(corner))
    places = grid.index_to_world(np.moveaxis(np.indices(grid.shape)[::-1], 0, -1)) - CENTRE_MM
    turn = math.radians(turn_deg)
    x = places[..., 0] * math.cos(turn) + places[..., 1] * math.sin(turn)
    y = places[..., 1] * math.cos(turn) - places[..., 0] * math.sin(turn)
    a, b, c = diameters_mm
    level = (2 * x / a) ** 2 + (2 * y / b) ** 2 + (2 * places[..., 2] / c) ** 2
    return grid.with_array((level <= 1).astype(np.uint8))


def volume_mm3(diameters_mm: Triplet) -> float:
    return math.pi / 6 * math.prod(diameters_mm)


def surface_mm2(diameters_mm: Triplet) -> float:
    """By Carlson's symmetric integral."""
    a, b, c = (length / 2 for length in diameters_mm)
    return float(4 * math.pi * a * b * c * elliprg(a**-2, b**-2, c**-2))


def true_sphericity(diameters_mm: Triplet) -> float:
    sphere_mm2 = math.pi ** (1 / 3) * (6 * volume_mm3(diameters_mm)) ** (2 / 3)
    return sphere_mm2 / surface_mm2(diameters_mm)
