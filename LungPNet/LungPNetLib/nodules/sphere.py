"""Surfaces seen from a point inside of them: a radius for each of many directions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

Floats = npt.NDArray[np.float64]

_COUNT = 500
_SMOOTHING_DEG = 14.0


@dataclass(frozen=True, eq=False)
class Directions:
    """Directions spread evenly over the sphere (a Fibonacci lattice), about 9 degrees apart.

    Parameters
    ----------
    unit : ndarray, shape (n, 3)
        Unit vectors (x, y, z).
    cosines : ndarray, shape (n, n)
        Of the angles between them.
    weights : ndarray, shape (n, n)
        Rows that average values over neighbouring directions.
    tree : cKDTree
        Of ``unit``.
    """

    unit: Floats
    cosines: Floats
    weights: Floats
    tree: cKDTree

    @classmethod
    @lru_cache(maxsize=1)
    def spread(cls) -> Directions:
        """The lattice."""
        number = np.arange(_COUNT) + 0.5
        z = 1.0 - 2.0 * number / _COUNT
        turn = np.pi * (1.0 + 5.0**0.5) * number
        flat = np.sqrt(1.0 - z**2)
        unit = np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)
        cosines = np.clip(unit @ unit.T, -1.0, 1.0)
        apart_deg = np.degrees(np.arccos(cosines))
        weights = np.exp(-0.5 * (apart_deg / _SMOOTHING_DEG) ** 2)
        weights[apart_deg > 3.0 * _SMOOTHING_DEG] = 0.0
        return cls(unit, cosines, weights / weights.sum(axis=1, keepdims=True), cKDTree(unit))

    def opened(self, radius_mm: Floats, width_deg: float) -> Floats:
        """``radius_mm`` without peaks that a cone of half angle ``width_deg`` does not fit into."""
        near = self.cosines >= np.cos(np.radians(width_deg))
        lowest = np.where(near, radius_mm, np.inf).min(axis=1)
        opened: Floats = np.where(near, lowest, -np.inf).max(axis=1)
        return opened

    def radius_towards(self, offsets_mm: Floats, radius_mm: Floats) -> Floats:
        """Radius in the directions of ``offsets_mm``, shape (..., 3), by inverse distances."""
        length = np.linalg.norm(offsets_mm, axis=-1, keepdims=True)
        distance, nearest = self.tree.query(offsets_mm / np.maximum(length, 1e-6), k=3)
        weight = 1.0 / np.maximum(distance, 1e-6)
        radius: Floats = (radius_mm[nearest] * weight).sum(axis=-1) / weight.sum(axis=-1)
        return radius


@dataclass(frozen=True, eq=False)
class StarSurface:
    """A surface that every ray from ``centre_mm`` crosses once.

    Parameters
    ----------
    centre_mm : ndarray, shape (3,)
        LPS mm.
    radius_mm : ndarray, shape (n,)
        Along each of :meth:`Directions.spread`.
    """

    centre_mm: Floats
    radius_mm: Floats

    @property
    def equivalent_radius_mm(self) -> float:
        """Radius of the sphere of the same volume."""
        return float((self.radius_mm**3).mean() ** (1.0 / 3.0))

    def middle_offset_mm(self, longest_mm: float) -> Floats:
        """From ``centre_mm`` to the centre of the volume, with radii cut at ``longest_mm``."""
        radius = np.minimum(self.radius_mm, longest_mm)
        moment = (Directions.spread().unit * (radius**4)[:, None]).mean(axis=0)
        offset: Floats = 0.75 * moment / (radius**3).mean()
        return offset

    def semi_axes_mm(self) -> Floats:
        """Semi-axes, ascending, of the ellipsoid with the same second moments."""
        unit = Directions.spread().unit
        volume = (self.radius_mm**3).mean()
        middle = self.middle_offset_mm(np.inf)
        moments = np.einsum("n,ni,nj->ij", self.radius_mm**5, unit, unit) / len(unit)
        spread = 0.6 * moments / volume - np.outer(middle, middle)
        axes: Floats = np.sqrt(5.0 * np.maximum(np.linalg.eigvalsh(spread), 0.0))
        return axes

    def contains(self, points_mm: Floats) -> npt.NDArray[np.bool_]:
        """Whether points (..., 3) lie inside or on the surface."""
        offsets = points_mm - self.centre_mm
        radius = Directions.spread().radius_towards(offsets, self.radius_mm)
        inside: npt.NDArray[np.bool_] = np.linalg.norm(offsets, axis=-1) <= radius
        return inside
