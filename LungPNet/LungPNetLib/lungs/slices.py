"""What the lung network sees: coarse axial slices in a fixed absolute HU window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LungPNetLib.lungs.morphology import ZYX, FloatImage, Mask, Shrinking
from LungPNetLib.volume import Volume

WINDOW_HU = (-1000.0, 400.0)
"""Mapped to -1..1 and clipped; the same for every slice, patient and scanner."""

TARGET_MM = 1.5
"""Voxel size of the coarse grid, as close as whole-number blocks of voxels bring it."""


@dataclass(frozen=True)
class CoarseCt:
    """A CT in LPS axial order, shrunk by whole-number blocks.

    Parameters
    ----------
    hu : ndarray of float32, shape (z, y, x)
        Block means of HU clipped to [-1024, 1000].
    shrinking : Shrinking
        How the full-resolution array maps onto ``hu``.
    spacing_mm : tuple of float
        Coarse (z, y, x).
    """

    hu: FloatImage
    shrinking: Shrinking
    spacing_mm: ZYX

    @classmethod
    def of(cls, upright: Volume) -> CoarseCt:
        """Shrink a CT whose axes already run to the left, back and head."""
        spacing = upright.spacing_mm[::-1]
        shrinking = Shrinking.towards(upright.shape, spacing, TARGET_MM)
        fz, fy, fx = shrinking.factors
        coarse = (spacing[0] * fz, spacing[1] * fy, spacing[2] * fx)
        return cls(shrinking.shrink(upright.array, -1024, 1000), shrinking, coarse)

    def shrunk_labels(self, labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Full-resolution labels (1 right, 2 left) on the coarse grid, by majority."""
        out = np.zeros(self.hu.shape, np.uint8)
        for side in (1, 2):
            share: Mask = self.shrinking.shrink((labels == side).view(np.uint8), 0, 1) > 0.5
            out[share] = side
        return out


def network_input(hu: npt.NDArray[np.generic]) -> FloatImage:
    """HU mapped from ``WINDOW_HU`` to -1..1, float32."""
    low, high = WINDOW_HU
    scaled = (hu.astype(np.float32) - low) * np.float32(2 / (high - low)) - 1
    return np.clip(scaled, -1, 1)


def neighbours(k: int, n_slices: int, context_slices: int) -> npt.NDArray[np.intp]:
    """Indices of the slices around ``k``; the first and last slice stand in beyond the ends."""
    reach = context_slices // 2
    return np.clip(np.arange(k - reach, k + reach + 1), 0, n_slices - 1)
