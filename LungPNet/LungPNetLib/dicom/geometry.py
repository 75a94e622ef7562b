"""From slice positions to a grid: order, spacing, gaps, copies and gantry tilt.

The spacing comes from the positions of the slices (ImagePositionPatient projected onto the slice
normal), never from SliceThickness or SpacingBetweenSlices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.study import Gap, SliceGeometry
from LungPNetLib.volume import Volume

FloatArray = npt.NDArray[np.float64]

SAME_POSITION_MM = 0.01
"""Two slices closer than this lie at one position."""

COSINE_TOLERANCE = 1e-3
SPACING_TOLERANCE_MM = 1e-3
"""Slices of one stack may differ this much in direction cosines and pixel spacing (rounding)."""

GAP_FACTOR = 1.5
"""A slice distance above this multiple of the median means that slices are missing."""

IRREGULAR_FRACTION = 0.1
ROUNDED_MM = 0.11
"""Slices may lie off a regular grid by this fraction of their distance, or by what rounding
positions to 0.1 mm does to a slice and to the ends of the grid, without being resampled."""

DRIFT_PIXELS = 0.5
"""A sideways drift of the whole stack above this many pixels counts as gantry tilt."""

EDGE_VOXELS = 1e-4
"""Rounding that still counts as lying on the first or last slice, row or column."""

RIGHT_ANGLE_TOLERANCE = 2e-3
"""Cosine between row and column direction that rounding to three decimals can leave."""

OUTSIDE_HU = -2000
"""Padding where an upright grid leaves the acquired slices, as scanners mark it."""


@dataclass(frozen=True)
class SliceStack:
    """Where parallel slices lie, before they make a volume.

    Parameters
    ----------
    positions_mm : ndarray, shape (n, 3)
        LPS centre of the first pixel of each slice, ascending along ``normal``.
    row_direction, column_direction : ndarray, shape (3,)
        LPS direction in which the column index, respectively the row index, grows.
    pixel_spacing_mm : tuple of float
        Distance of pixel centres along (column, row) index.
    """

    positions_mm: FloatArray
    row_direction: FloatArray
    column_direction: FloatArray
    pixel_spacing_mm: tuple[float, float]

    @property
    def normal(self) -> FloatArray:
        """Unit normal of the slices, right-handed with row and column direction."""
        return np.cross(self.row_direction, self.column_direction)

    @property
    def heights_mm(self) -> FloatArray:
        """Position of each slice along the normal, shape (n,)."""
        heights: FloatArray = self.positions_mm @ self.normal
        return heights

    def lateral_drift_mm(self) -> FloatArray:
        """In-plane shift of each slice against the first one, shape (n, 2) along row, column."""
        offsets = self.positions_mm - self.positions_mm[0]
        return np.stack([offsets @ self.row_direction, offsets @ self.column_direction], axis=1)


def describe_stack(stack: SliceStack, duplicates_dropped: int) -> SliceGeometry:
    """Measure spacing, gaps and tilt of a stack with distinct, ascending positions.

    Examples
    --------
    >>> positions = np.array([[0, 0, 0], [0, 0, 2], [0, 0, 4], [0, 0, 8.0], [0, 0, 10]])
    >>> x, y = np.eye(3)[0], np.eye(3)[1]
    >>> describe_stack(SliceStack(positions, x, y, (1, 1)), 0).gaps
    (Gap(after=2, distance_mm=4.0, missing=1),)
    """
    steps = np.diff(stack.heights_mm)
    median = float(np.median(steps))
    gaps = tuple(
        Gap(
            after=int(k),
            distance_mm=round(float(steps[k]), 3),
            missing=round(steps[k] / median) - 1,
        )
        for k in np.flatnonzero(steps > GAP_FACTOR * median)
    )
    regular = steps[steps <= GAP_FACTOR * median]
    spacing = float(regular.mean())
    irregular = float(np.abs(regular - median).max())
    off_grid = 0.0 if gaps else float(np.abs(_off_grid_mm(stack.heights_mm)).max())
    drift = stack.lateral_drift_mm()
    largest_drift = float(np.abs(drift).max())
    tilted = largest_drift > DRIFT_PIXELS * min(stack.pixel_spacing_mm)
    height = float(stack.heights_mm[-1] - stack.heights_mm[0])
    tilt_deg = float(np.degrees(np.arctan2(np.linalg.norm(drift[-1]), height)))
    return SliceGeometry(
        slice_spacing_mm=spacing,
        tilt_deg=round(tilt_deg, 3) if tilted else 0.0,
        gaps=gaps,
        irregular_mm=round(irregular, 4),
        duplicates_dropped=duplicates_dropped,
        regridded=bool(gaps) or tilted or off_grid > max(IRREGULAR_FRACTION * median, ROUNDED_MM),
    )


def _off_grid_mm(heights_mm: FloatArray) -> FloatArray:
    """How far each slice lies from where equal steps between first and last would put it.

    Small deviations of one sign add up over many steps, so the steps alone do not tell.
    """
    regular = np.linspace(heights_mm[0], heights_mm[-1], len(heights_mm))
    return np.asarray(heights_mm - regular)


def regular_volume(stack: SliceStack, array: npt.NDArray[np.generic], spacing_mm: float) -> Volume:
    """The volume of a regular, untilted stack: the acquired voxels as they are."""
    return Volume(
        array,
        (*stack.pixel_spacing_mm, spacing_mm),
        _triplet(stack.positions_mm[0]),
        np.stack([stack.row_direction, stack.column_direction, stack.normal], axis=1),
    )


def upright_volume(stack: SliceStack, array: npt.NDArray[np.generic], spacing_mm: float) -> Volume:
    """Resample a tilted, gappy or irregular stack linearly onto an upright regular grid.

    The slice axis of the new grid is the slice normal or the stacking direction, whichever is
    closer to an axis of the patient. Voxels that no acquired slice covers are ``OUTSIDE_HU``.
    """
    from scipy.ndimage import map_coordinates

    grid = _upright_grid(stack, array.shape, spacing_mm)
    out = np.empty(grid.shape, dtype=array.dtype)
    columns, rows = np.meshgrid(np.arange(grid.shape[2]), np.arange(grid.shape[1]))
    for k in range(grid.shape[0]):
        index = np.stack([columns, rows, np.full_like(rows, k)], axis=-1)
        source = _source_index(stack, grid.index_to_world(index))
        source = [_on_edge(c, n) for c, n in zip(source, array.shape, strict=True)]
        sampled = map_coordinates(array, source, order=1, cval=OUTSIDE_HU, output=np.float32)
        out[k] = np.rint(sampled) if np.issubdtype(out.dtype, np.integer) else sampled
    return grid.with_array(out)


def _source_index(stack: SliceStack, world_mm: FloatArray) -> list[FloatArray]:
    """Continuous (slice, row, column) indices of LPS positions, shape (..., 3), in the stack.

    Beyond the first or last slice the slice index is below 0 or above the last one.
    """
    heights = stack.heights_mm
    height = world_mm @ stack.normal
    n = len(heights)
    slice_index = np.interp(height, heights, np.arange(n, dtype=np.float64))
    corner = np.stack(
        [np.interp(height, heights, stack.positions_mm[:, axis]) for axis in range(3)], axis=-1
    )
    step_mm = (heights[-1] - heights[0]) / (n - 1)
    slice_index += np.minimum(height - heights[0], 0) / step_mm
    slice_index += np.maximum(height - heights[-1], 0) / step_mm
    offset = world_mm - corner
    return [
        slice_index,
        offset @ stack.column_direction / stack.pixel_spacing_mm[1],
        offset @ stack.row_direction / stack.pixel_spacing_mm[0],
    ]


def _on_edge(index: FloatArray, size: int) -> FloatArray:
    """Put indices that only rounding keeps outside on the edge."""
    index = np.where((index < 0) & (index > -EDGE_VOXELS), 0.0, index)
    last = size - 1
    return np.where((index > last) & (index < last + EDGE_VOXELS), float(last), index)


def _upright_grid(stack: SliceStack, shape: tuple[int, ...], spacing_mm: float) -> Volume:
    direction = _upright_direction(stack)
    n_rows, n_columns = shape[1:]
    across = stack.row_direction * stack.pixel_spacing_mm[0] * (n_columns - 1)
    down = stack.column_direction * stack.pixel_spacing_mm[1] * (n_rows - 1)
    corners = np.concatenate(
        [stack.positions_mm + i * across + j * down for i in (0, 1) for j in (0, 1)]
    )
    along = corners @ direction
    low, high = along.min(axis=0), along.max(axis=0)
    tilt = abs(float(direction[:, 2] @ stack.normal))
    # Along the slice axis neighbouring slices are (spacing / cos tilt) apart.
    spacing = np.array([*stack.pixel_spacing_mm, spacing_mm / tilt])
    size = np.floor((high - low) / spacing + EDGE_VOXELS).astype(int) + 1
    # The slice axis ends on the last slice; a mean spacing alone could miss it.
    size[2] = round((high[2] - low[2]) / spacing[2]) + 1
    spacing[2] = (high[2] - low[2]) / (size[2] - 1)
    return Volume(
        np.broadcast_to(np.uint8(0), size[::-1]),
        _triplet(spacing),
        _triplet(direction @ low),
        direction,
    )


def _upright_direction(stack: SliceStack) -> FloatArray:
    stacking = stack.positions_mm[-1] - stack.positions_mm[0]
    stacking = stacking / np.linalg.norm(stacking)
    candidates = [stack.normal, stacking]
    slice_axis = max(candidates, key=lambda axis: float(np.abs(axis).max()))
    column_axis = stack.row_direction - (stack.row_direction @ slice_axis) * slice_axis
    column_axis = column_axis / np.linalg.norm(column_axis)
    return np.stack([column_axis, np.cross(slice_axis, column_axis), slice_axis], axis=1)


def order_slices(stack_positions_mm: FloatArray, normal: FloatArray) -> npt.NDArray[np.intp]:
    """Indices that sort slice positions, shape (n, 3), ascending along ``normal``."""
    return np.argsort(stack_positions_mm @ normal, kind="stable")


def plane_directions(orientation: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Unit row and column direction from the six numbers of ImageOrientationPatient.

    Raises
    ------
    InputError
        The two directions are zero or not at right angles.
    """
    row, column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(lengths) < 0.9 or abs(float(row @ column)) > RIGHT_ANGLE_TOLERANCE:
        raise InputError(
            f"ImageOrientationPatient {orientation.tolist()} does not hold two unit vectors at "
            "right angles; the header of this series is wrong. Export it again."
        )
    row = row / lengths[0]
    column = column - (column @ row) * row
    return row, column / np.linalg.norm(column)


def _triplet(values: FloatArray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
