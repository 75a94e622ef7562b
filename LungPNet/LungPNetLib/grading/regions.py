"""Regions of a lesion that features are taken from, each with its radius in mm.

The names are those of Lung-PNetV2, whose source gives no radii and no definition of ``CLIP``; the
definitions here are ours. Distances are Euclidean, between the centres of voxels, so that they are
the same along all axes whatever the spacing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.errors import InputError
from LungPNetLib.grading.measure import lesion_box
from LungPNetLib.volume import Triplet, Volume

RING_MM = 5.0
"""Width of the ring around a lesion (Beig et al., Radiology 2019;290:783-792, found the features
of the innermost 5 mm to tell most)."""

_MOST_MM = 50.0


class RegionName(str, Enum):
    """Which voxels a region holds."""

    ROI = "roi"
    MERGE = "merge"
    DILATED = "DIL"
    ERODED = "ERO"


@dataclass(frozen=True, eq=False)
class LesionRegion:
    """A region of a lesion.

    Parameters
    ----------
    name : RegionName
    mask : Volume
        uint8, 1 inside. On the lesion's grid; a region that grows is on this grid with voxels
        added on all sides, so it may reach beyond the CT:
        ``mask.resampled_to(ct, interpolation="nearest")`` cuts it off there.
    radius_mm : float
        How far the border was moved; 0 for ``roi``.
    """

    name: RegionName
    mask: Volume
    radius_mm: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; the mask as its volume."""
        voxels = int(np.count_nonzero(self.mask.array))
        return {
            "name": self.name.value,
            "radius_mm": self.radius_mm,
            "volume_ml": voxels * self.mask.voxel_volume_ml,
        }


@dataclass(frozen=True)
class ClipBox:
    """The box around a lesion that an image is cut down to.

    Parameters
    ----------
    percent : tuple of float
        What was asked for: in the axial plane, and across it.
    start, size : tuple of int
        Index in the CT and number of voxels, along (column, row, slice).
    margin_mm : tuple of float
        By how much the box grew on each side, along (column, row, slice), before it was cut off at
        the border of the CT; a whole number of voxels.
    size_mm : tuple of float
        Of the box, along (column, row, slice).
    """

    percent: tuple[float, float]
    start: tuple[int, int, int]
    size: tuple[int, int, int]
    margin_mm: Triplet
    size_mm: Triplet

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values under the names above."""
        return {name: list(value) for name, value in self.__dict__.items()}


def roi_region(lesion: Volume) -> LesionRegion:
    """``roi``: the lesion itself.

    Parameters
    ----------
    lesion : Volume
        Every voxel that is not 0 belongs to it.

    Raises
    ------
    InputError
        There is no such voxel.
    """
    return LesionRegion(RegionName.ROI, lesion.with_array(_inside(lesion).astype(np.uint8)), 0.0)


def dilated_region(lesion: Volume, radius_mm: float) -> LesionRegion:
    """``DIL``: everything within ``radius_mm`` of the lesion, above 0 to 50 mm.

    Raises
    ------
    InputError
        The lesion is empty, or the radius is out of its range.
    """
    return LesionRegion(RegionName.DILATED, _grown(lesion, radius_mm), radius_mm)


def merge_region(
    lesion: Volume, ring_mm: float = RING_MM, lungs: Volume | None = None
) -> LesionRegion:
    """``merge``: the lesion with a ring of lung around it.

    Parameters
    ----------
    lesion : Volume
        As :func:`roi_region` takes it.
    ring_mm : float
        Above 0 to 50 mm.
    lungs : Volume, optional
        Every voxel that is not 0, in any grid; what the ring covers outside of it is left out.
        Without it the ring may hold chest wall and mediastinum.

    Raises
    ------
    InputError
        The lesion is empty, or the ring is out of its range.
    """
    grown = _grown(lesion, ring_mm)
    if lungs is not None:
        kept = lungs.resampled_to(grown, interpolation="nearest").array != 0
        kept |= lesion.resampled_to(grown, interpolation="nearest").array != 0
        grown = grown.with_array(grown.array * kept.astype(np.uint8))
    return LesionRegion(RegionName.MERGE, grown, ring_mm)


def eroded_region(lesion: Volume, radius_mm: float) -> LesionRegion:
    """``ERO``: the voxels of the lesion farther than ``radius_mm`` from all that is not lesion.

    Raises
    ------
    InputError
        The lesion is empty, or nothing of it is left, or the radius is out of its range.
    """
    _check_radius(radius_mm)
    left = depth_mm(_inside(lesion), lesion.spacing_mm) > radius_mm
    if not left.any():
        raise InputError(
            f"Nothing of the lesion is left after an erosion of {radius_mm:g} mm. Choose a smaller "
            "radius, or the lesion as it is."
        )
    return LesionRegion(RegionName.ERODED, lesion.with_array(left.astype(np.uint8)), radius_mm)


def depth_mm(inside: npt.NDArray[np.bool_], spacing_mm: Triplet) -> npt.NDArray[np.float64]:
    """Distance of each voxel inside from the closest one outside; 0 outside.

    Parameters
    ----------
    inside : ndarray of bool, shape (slices, rows, columns)
        What lies beyond the array is outside.
    spacing_mm : tuple of float
        Along (column, row, slice).
    """
    padded = np.pad(inside, 1)
    depth = ndimage.distance_transform_edt(padded, sampling=spacing_mm[::-1])
    cut: npt.NDArray[np.float64] = depth[1:-1, 1:-1, 1:-1]
    return cut


def clip_box(ct: Volume, lesion: Volume, percent: tuple[float, float]) -> ClipBox:
    """``CLIP``: the box of the lesion, grown by a percentage of its own size.

    Half of what it grows by is added on each side, rounded up to whole voxels: a box of 20 mm at
    50 % becomes 30 mm, 5 mm more on each side.

    Parameters
    ----------
    ct : Volume
        Its border is the border of the box.
    lesion : Volume
        On the grid of the CT or a box cut out of it.
    percent : tuple of float
        In the axial plane, and across it, 0 to 400. Lung-PNetV2 names (0, 0), (50, 50) and
        (100, 100).

    Raises
    ------
    InputError
        The lesion is empty or not on the CT's grid, or a percentage is out of its range.
    """
    if not all(0.0 <= share <= 400.0 for share in percent):
        raise InputError(f"The box may grow by 0 to 400 percent, got {percent}.")
    box, _, corner = lesion_box(ct, lesion)
    across = box.axis_order_to().axes[2]
    size, limits = box.shape[::-1], ct.shape[::-1]
    shares = [percent[1] if axis == across else percent[0] for axis in range(3)]
    margins = [math.ceil(n * share / 200.0) for n, share in zip(size, shares, strict=True)]
    start = [max(0, first - margin) for first, margin in zip(corner, margins, strict=True)]
    stop = [
        min(limit, first + n + margin)
        for limit, first, n, margin in zip(limits, corner, size, margins, strict=True)
    ]
    new_size = [last - first for first, last in zip(start, stop, strict=True)]
    return ClipBox(
        percent=percent,
        start=(start[0], start[1], start[2]),
        size=(new_size[0], new_size[1], new_size[2]),
        margin_mm=_lengths_mm(margins, ct.spacing_mm),
        size_mm=_lengths_mm(new_size, ct.spacing_mm),
    )


def _lengths_mm(counts: list[int], spacing_mm: Triplet) -> Triplet:
    x, y, z = (count * step for count, step in zip(counts, spacing_mm, strict=True))
    return x, y, z


def _inside(lesion: Volume) -> npt.NDArray[np.bool_]:
    inside: npt.NDArray[np.bool_] = lesion.array != 0
    if not inside.any():
        raise InputError("The lesion's mask is empty; it has no regions. Outline it.")
    return inside


def _grown(lesion: Volume, radius_mm: float) -> Volume:
    _check_radius(radius_mm)
    reach = [math.ceil(radius_mm / step) for step in lesion.spacing_mm]
    wide = lesion.with_array(_inside(lesion).astype(np.uint8)).padded(reach, reach, 0)
    distance = ndimage.distance_transform_edt(wide.array == 0, sampling=wide.spacing_mm[::-1])
    return wide.with_array((distance <= radius_mm).astype(np.uint8))


def _check_radius(radius_mm: float) -> None:
    if not 0.0 < radius_mm <= _MOST_MM:
        raise InputError(
            f"The border of a region was to move by {radius_mm:g} mm; accepted: above 0 to "
            f"{_MOST_MM:g} mm."
        )
