"""From a CT and a mask to what the features are computed of: the steps before any feature.

The order is that of the IBSI: resampling, rounding, re-segmentation, discretization. The region has
two masks, one for the shape and one, without the voxels that re-segmentation took out, for
everything that looks at intensities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.radiomics.resample import resampled_region
from LungPNetLib.radiomics.settings import Discretization, RadiomicsSettings
from LungPNetLib.volume import Triplet, Volume

MAX_LEVELS = 512
"""Matrices of more grey levels are almost empty, and as large as the memory."""


@dataclass(frozen=True, eq=False)
class Region:
    """A region cut out of its image, axial slices first.

    Parameters
    ----------
    intensities : ndarray of float64, shape (z, y, x)
        Of all voxels of the box around the region, in HU.
    morphological : ndarray of bool, shape (z, y, x)
        What the shape is measured of.
    inside : ndarray of bool, shape (z, y, x)
        What intensities and texture are measured of.
    levels : ndarray of int32, shape (z, y, x)
        Grey levels, from 1; 0 where not ``inside``.
    spacing_mm : tuple of float
        In the order (z, y, x).
    """

    intensities: npt.NDArray[np.float64]
    morphological: npt.NDArray[np.bool_]
    inside: npt.NDArray[np.bool_]
    levels: npt.NDArray[np.int32]
    spacing_mm: Triplet


def prepare(ct: Volume, mask: Volume, settings: RadiomicsSettings) -> Region:
    """Cut the region out and bring it to grey levels.

    Parameters
    ----------
    ct : Volume
        HU, in any axis order.
    mask : Volume
        On the grid of the CT; every voxel that is not 0 belongs to the region.

    Raises
    ------
    InputError
        The mask lies on another grid or is empty; fewer than two voxels are left after resampling
        or re-segmentation; a voxel has no finite intensity; there are more than 512 grey levels;
        or a region of one slice is to be summed up in 3-D.
    """
    _require_usable(ct, mask)
    order = mask.axis_order_to()
    ct, mask = order.apply(ct), order.apply(mask)
    (sx, sy, sz), (x, y, z) = ct.spacing_mm, settings.spacing_mm
    spacing_mm, wanted_mm = (sz, sy, sx), (z or sz, y or sy, x or sx)
    image, outline = resampled_region(ct.array, mask.array != 0, spacing_mm, wanted_mm)
    if settings.round_intensities:
        image = np.rint(image)
    if not np.isfinite(image[outline]).all():
        raise InputError(
            "The region holds voxels without a finite intensity. Convert the CT again; all voxels "
            "must be HU."
        )
    inside = _resegmented(image, outline, settings)
    _require_enough(outline, inside, settings)
    box = _box(outline)
    image, outline, inside = image[box], outline[box], inside[box]
    return Region(image, outline, inside, _levels(image, inside, settings), wanted_mm)


def _require_usable(ct: Volume, mask: Volume) -> None:
    if not mask.same_grid_as(ct):
        raise InputError(
            f"The mask (size {mask.shape[::-1]}, spacing {mask.spacing_mm} mm) does not lie on the "
            f"grid of the CT (size {ct.shape[::-1]}, spacing {ct.spacing_mm} mm). Resample the "
            "mask onto the CT first."
        )
    if not mask.array.any():
        raise InputError("The mask is empty; there is no region to measure. Outline it first.")


def _resegmented(
    image: npt.NDArray[np.float64], outline: npt.NDArray[np.bool_], settings: RadiomicsSettings
) -> npt.NDArray[np.bool_]:
    if settings.resegmentation_hu is None:
        return outline
    low, high = settings.resegmentation_hu
    return outline & (image >= low) & (image <= high)


def _require_enough(
    outline: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_], settings: RadiomicsSettings
) -> None:
    n_outline, n_inside = int(outline.sum()), int(inside.sum())
    if n_inside < 2:
        raise InputError(
            f"The region has {n_outline} voxel(s) after resampling to {settings.spacing_mm} mm, of "
            f"which {n_inside} lie within resegmentation_hu {settings.resegmentation_hu}; features "
            "need at least 2. Check the mask, or choose a finer spacing or a wider range."
        )
    if not settings.aggregation.by_slice and inside.any(axis=(1, 2)).sum() == 1:
        raise InputError(
            "The region lies in one slice, so it has no texture in 3-D "
            f"(aggregation {settings.aggregation.value}). Choose an aggregation by slice, such as "
            "2D_comb."
        )


def _box(outline: npt.NDArray[np.bool_]) -> tuple[slice, ...]:
    """The smallest box around the region."""
    where = np.argwhere(outline)
    return tuple(slice(a, b + 1) for a, b in zip(where.min(axis=0), where.max(axis=0), strict=True))


def _levels(
    image: npt.NDArray[np.float64], inside: npt.NDArray[np.bool_], settings: RadiomicsSettings
) -> npt.NDArray[np.int32]:
    values = image[inside]
    low, high = values.min(), values.max()
    if settings.discretization is Discretization.FIXED_BIN_SIZE:
        start = low if settings.resegmentation_hu is None else settings.resegmentation_hu[0]
        found = np.floor((values - start) / settings.bin_size_hu) + 1
    else:
        width = (high - low) / settings.bin_number
        found = np.floor((values - low) / width) + 1 if width > 0 else np.ones_like(values)
        found = np.minimum(found, settings.bin_number)
    if found.max() > MAX_LEVELS:
        raise InputError(
            f"The discretization gives {found.max():.0f} grey levels; at most {MAX_LEVELS} are "
            "supported. Choose a larger bin_size_hu, a smaller bin_number, or narrow "
            "resegmentation_hu."
        )
    levels = np.zeros(image.shape, np.int32)
    levels[inside] = found
    return levels
