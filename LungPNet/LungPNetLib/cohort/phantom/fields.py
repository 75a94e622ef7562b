"""Smooth random fields: uneven density, uneven surfaces, patchy disease."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from LungPNetLib.cohort.phantom.shapes import Plane, Section

HALF_SIZE_MM = (170.0, 120.0, 180.0)
"""The fields reach this far from the origin along x, y and z and stay constant beyond."""


@dataclass(frozen=True, eq=False)
class Field:
    """Random values on a cubic lattice in mm, linear between its points.

    Parameters
    ----------
    values : ndarray, shape (z, y, x)
        float32; mean 0 and standard deviation 1.
    step_mm : float
        Distance of the lattice's points.
    """

    values: Plane
    step_mm: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, step_mm: float) -> Field:
        """Gaussian values that are alike over about two steps."""
        shape = [round(2 * half / step_mm) + 1 for half in HALF_SIZE_MM[::-1]]
        smooth = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), 0.8)
        smooth -= smooth.mean()
        return cls(smooth / smooth.std(), step_mm)

    def at(self, section: Section) -> Plane:
        """Values at the pixels of a section, shape (rows, columns)."""
        half_x, half_y, half_z = HALF_SIZE_MM
        place = (section.z_mm + half_z) / self.step_mm
        place = min(max(place, 0.0), len(self.values) - 1.001)
        lower = int(place)
        part = np.float32(place - lower)
        layer = self.values[lower] * (np.float32(1.0) - part) + self.values[lower + 1] * part
        along_y = self._weights(section.y[:, 0] + np.float32(half_y), layer.shape[0])
        along_x = self._weights(section.x[0] + np.float32(half_x), layer.shape[1])
        plane: Plane = along_y @ layer @ along_x.T
        return plane

    def _weights(self, offset_mm: Plane, count: int) -> Plane:
        """Matrix (positions, lattice points) of linear interpolation."""
        place = np.clip(offset_mm / self.step_mm, 0, count - 1).astype(np.float32)
        gap = np.abs(place[:, None] - np.arange(count, dtype=np.float32))
        weights: Plane = np.maximum(np.float32(1.0) - gap, np.float32(0.0))
        return weights
