"""The regular grids on which the nodule networks see a CT: cubes of 1 or 1.5 mm."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.errors import InputError
from LungPNetLib.volume import Triplet, Volume

SEGMENTER_MM = 1.0
DETECTOR_MM = 1.5
MARGIN_MM = 10.0
"""Around the lungs: what lies at the pleura is seen with the chest wall behind it."""
WINDOW_HU = (-1000.0, 400.0)
OUTSIDE_HU = -1000.0
_SMOOTHING = 0.4
"""Standard deviation of the smoothing before voxels are made coarser, as a share of the width that
they gain; little, so that small nodules keep their contrast."""


def network_input(hu: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """HU scaled so that the ends of ``WINDOW_HU`` become -1 and 1; cut off beyond them.

    Examples
    --------
    >>> network_input(np.array([-2000.0, -1000.0, -300.0, 400.0, 3000.0])).tolist()
    [-1.0, -1.0, 0.0, 1.0, 1.0]
    """
    low, high = WINDOW_HU
    scaled = (np.clip(hu, low, high) - low) * (2.0 / (high - low)) - 1.0
    return scaled.astype(np.float32)


def smoothed_for(
    hu: npt.NDArray[np.float32], spacing_mm: Triplet, target_mm: float
) -> npt.NDArray[np.float32]:
    """Smooth along each axis whose voxels become coarser, so that noise is averaged there.

    Parameters
    ----------
    hu : ndarray of float32, shape (z, y, x)
    spacing_mm : tuple of float
        Distance of the voxels along x, y and z.
    target_mm : float
        Distance of the voxels on the coming grid.
    """
    sigmas = [
        _SMOOTHING * math.sqrt(target_mm**2 - mm**2) / mm if mm < target_mm else 0.0
        for mm in spacing_mm[::-1]
    ]
    smooth: npt.NDArray[np.float32] = ndimage.gaussian_filter(
        hu, sigmas, mode="nearest", truncate=3.0
    )
    return smooth


def lungs_box(lungs: Volume, margin_mm: float = MARGIN_MM) -> tuple[list[int], list[int]]:
    """First voxel and size (column, row, slice) of the lungs' box with a margin around it.

    Raises
    ------
    InputError
        The mask is empty.
    """
    start, size = [], []
    inside = lungs.array != 0
    for axis, mm in zip((2, 1, 0), lungs.spacing_mm, strict=True):
        others = tuple(other for other in range(3) if other != axis)
        met = np.flatnonzero(inside.any(axis=others))
        if not met.size:
            raise InputError("The lung mask is empty; nodules are looked for in the lungs only.")
        margin = math.ceil(margin_mm / mm)
        first = max(0, int(met[0]) - margin)
        start.append(first)
        size.append(min(inside.shape[axis], int(met[-1]) + 1 + margin) - first)
    return start, size


def on_cubes(
    ct: Volume, lungs: Volume, cube_mm: float, margin_mm: float = MARGIN_MM
) -> tuple[Volume, Volume]:
    """The CT around the lungs, and the lungs, on a grid of cubes.

    Parameters
    ----------
    ct : Volume
        HU; any order of axes.
    lungs : Volume
        Labels above 0 inside, on the grid of ``ct``.
    cube_mm : float
    margin_mm : float

    Returns
    -------
    hu : Volume
        float32; axes as close to LPS as they come without interpolation.
    inside : Volume
        uint8, 1 in the lungs, on the same grid.

    Raises
    ------
    InputError
        The grids differ, or the mask is empty.
    """
    if not ct.same_grid_as(lungs):
        raise InputError(
            f"The lungs have the shape {lungs.shape} and another grid than the CT with "
            f"{ct.shape}; give the lungs of this CT."
        )
    order = ct.axis_order_to()
    ct, lungs = order.apply(ct), order.apply(lungs)
    start, size = lungs_box(lungs, margin_mm)
    ct, lungs = ct.cropped(start, size), lungs.cropped(start, size)
    cubes = [
        max(1, math.floor((n - 1) * mm / cube_mm) + 1)
        for n, mm in zip(ct.shape, ct.spacing_mm[::-1], strict=True)
    ]
    grid = Volume(np.broadcast_to(np.uint8(0), cubes), (cube_mm,) * 3, ct.origin_mm, ct.direction)
    smooth = smoothed_for(ct.array.astype(np.float32), ct.spacing_mm, cube_mm)
    hu = ct.with_array(smooth).resampled_to(grid, outside_value=OUTSIDE_HU)
    inside = lungs.with_array((lungs.array != 0).astype(np.uint8))
    return hu, inside.resampled_to(grid, interpolation="nearest")
