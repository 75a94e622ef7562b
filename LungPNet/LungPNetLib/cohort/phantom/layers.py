"""The thin layers of which thick slices consist."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_LAYER_MM = 1.6
"""A slice is the mean of layers at most this thick (its sensitivity profile is a box)."""
_MISFIT = 0.12
"""Layers may miss the thickness asked by this share."""


@dataclass(frozen=True)
class Layers:
    """The thin layers of which slices are the means.

    Layer ``n`` lies at ``first_mm + n * step_mm`` from the centre of the first slice; slice ``k``
    is the mean of the layers from ``k * stride`` to ``k * stride + per_slice``, without the last.
    """

    first_mm: float
    step_mm: float
    stride: int
    per_slice: int

    @classmethod
    def of(cls, distance_mm: float, thickness_mm: float) -> Layers:
        """Layers for slices of ``thickness_mm`` whose centres are ``distance_mm`` apart."""
        fewest = int(np.ceil(distance_mm / min(thickness_mm, _LAYER_MM) - 1e-6))
        best, least = fewest, np.inf
        for stride in range(fewest, fewest + 4):
            step = distance_mm / stride
            misfit = abs(max(round(thickness_mm / step), 1) * step / thickness_mm - 1.0)
            if misfit < least - 1e-9:
                best, least = stride, misfit
            if misfit <= _MISFIT:
                break
        step = distance_mm / best
        count = max(round(thickness_mm / step), 1)
        return cls(-(count - 1) / 2 * step, step, best, count)

    def needed(self, slices: int) -> int:
        """Number of layers for this many slices."""
        return (slices - 1) * self.stride + self.per_slice
