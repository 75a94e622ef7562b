"""Linear resampling onto a grid of another spacing, by the convention of the IBSI.

The new grid has the same centre as the old one and ceil(extent / spacing) voxels along an axis, so
that its outer voxels may lie half a voxel outside of the image, where the value of the edge counts.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.volume import Triplet

_SLACK = 1e-6
"""Of a voxel: what rounding may add to an exact number of voxels or take from an exact half."""
_PARTIAL_VOLUME = 0.5
"""Share of a voxel that must lie in the mask for the voxel to belong to it."""


def resampled_region(
    image: npt.NDArray[np.generic],
    mask: npt.NDArray[np.bool_],
    spacing_mm: Triplet,
    new_spacing_mm: Triplet,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Image and mask on the part of the new grid that holds the mask.

    Parameters
    ----------
    image, mask : ndarray, shape (z, y, x)
        On the same grid; the mask holds at least one voxel.
    spacing_mm, new_spacing_mm : tuple of float
        In the order of the array's axes (z, y, x).
    """
    starts, steps, size = [], [], []
    for axis, (old, new) in enumerate(zip(spacing_mm, new_spacing_mm, strict=True)):
        inside = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        n, step = mask.shape[axis], new / old
        n_new = math.ceil(n / step - _SLACK)
        origin = (n - 1 - (n_new - 1) * step) / 2.0
        first = max(0, math.ceil((inside[0] - 1 - origin) / step))
        last = min(n_new - 1, math.floor((inside[-1] + 1 - origin) / step))
        starts.append(origin + first * step)
        steps.append(step)
        size.append(max(last - first + 1, 1))

    def sampled(array: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
        values: npt.NDArray[np.float64] = ndimage.affine_transform(
            array,
            np.diag(steps),
            offset=starts,
            output_shape=tuple(size),
            output=np.float64,
            order=1,
            mode="nearest",
        )
        return values

    return sampled(image), sampled(mask.astype(np.uint8)) >= _PARTIAL_VOLUME - _SLACK
