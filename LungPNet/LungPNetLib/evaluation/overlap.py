"""How well a found label agrees with the true one: Dice, surface Dice and the 95 % distance.

References
----------
Nikolov S et al. Clinically applicable segmentation of head and neck anatomy for radiotherapy.
J Med Internet Res 2021;23:e26151 (surface Dice, called NSD as well).
Dice LR. Measures of the amount of ecologic association between species. Ecology 1945;26:297-302.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.volume import Volume

Mask = npt.NDArray[np.bool_]

_ROUNDING_MM = 1e-4
"""Distances this much above the tolerance are within it: slice positions are rounded in DICOM."""


@dataclass(frozen=True)
class Overlap:
    """Agreement of two masks.

    Parameters
    ----------
    dice : float
        0 to 1.
    surface_dice : float
        Share of both surfaces, by area, that lies within the tolerance of the other one, 0 to 1.
    hd95_mm : float
        The distance within which 95 % of each surface, by area, lies of the other one; that of the
        surface for which it is larger.

    Notes
    -----
    Both masks empty: all three are NaN, for there was nothing to find; leave it out of a mean. One
    mask empty: Dice and surface Dice are 0, ``hd95_mm`` is infinite.
    """

    dice: float
    surface_dice: float
    hd95_mm: float


def dice(found: Mask, truth: Mask) -> float:
    """Twice the common voxels over the voxels of both masks; NaN where both are empty.

    Parameters
    ----------
    found, truth : ndarray of bool, same shape
    """
    total = int(np.count_nonzero(found)) + int(np.count_nonzero(truth))
    return 2 * int(np.count_nonzero(found & truth)) / total if total else math.nan


def overlap(
    found: Volume,
    truth: Volume,
    label: int,
    *,
    tolerance_mm: float,
    ignored: Volume | None = None,
) -> Overlap:
    """Agreement of one label of two label maps.

    Parameters
    ----------
    found, truth : Volume
        Label maps on the same grid, with any spacing.
    label : int
        The label that is compared.
    tolerance_mm : float
        How far a surface may be off and still be right, for the surface Dice; not negative.
    ignored : Volume, optional
        On the same grid; its voxels other than 0 count in neither mask.

    Raises
    ------
    InputError
        The grids differ, or the tolerance is negative.

    Notes
    -----
    The surface is that of Nikolov et al.: an element between any 2 x 2 x 2 voxels that are not all
    alike, with an area that follows from them and from the spacing (by MONAI). Where the image or
    an ignored region cuts through both masks there is no surface to be right about, and counting
    the cut would only flatter the result. Such elements count in neither the surface Dice nor the
    95 % distance; distances to them do count. Where no element is left both are NaN.

    Examples
    --------
    >>> truth = np.zeros((9, 9, 9), np.uint8)
    >>> truth[2:7, 2:7, 2:7] = 1
    >>> moved = Volume(np.roll(truth, 1, axis=0), spacing_mm=(1.0, 1.0, 2.5))
    >>> agreement = overlap(moved, moved.with_array(truth), 1, tolerance_mm=2.5)
    >>> agreement.dice, agreement.surface_dice, agreement.hd95_mm
    (0.8, 1.0, 2.5)
    """
    _check(found, truth, ignored, tolerance_mm)
    mine, true = found.array == label, truth.array == label
    left_out = np.zeros(truth.shape, bool) if ignored is None else ignored.array != 0
    mine &= ~left_out
    true &= ~left_out
    agreement = dice(mine, true)
    if math.isnan(agreement):
        return Overlap(math.nan, math.nan, math.nan)
    if not (mine.any() and true.any()):
        return Overlap(0.0, 0.0, math.inf)
    distances = _surface_distances(mine, true, left_out, truth.spacing_mm[::-1])
    return Overlap(agreement, _share_within(distances, tolerance_mm), _hd95_mm(distances))


@dataclass(frozen=True)
class _SurfaceDistances:
    """Distance to the other surface and area of each counted element of one surface."""

    distances_mm: npt.NDArray[np.float64]
    areas_mm2: npt.NDArray[np.float64]


def _surface_distances(
    mine: Mask, true: Mask, left_out: Mask, spacing_zyx_mm: tuple[float, ...]
) -> tuple[_SurfaceDistances, _SurfaceDistances]:
    """From each surface to the other; neither mask is empty."""
    import torch
    from monai.metrics.utils import get_mask_edges

    mine, true, left_out = _framed(mine, true, left_out)
    mine_edges, true_edges, mine_areas, true_areas = get_mask_edges(
        torch.from_numpy(mine), torch.from_numpy(true), crop=False, spacing=spacing_zyx_mm
    )
    counted = torch.from_numpy(~_any_of_eight(left_out))
    return (
        _distances(mine_edges & counted, mine_areas, true_edges, spacing_zyx_mm),
        _distances(true_edges & counted, true_areas, mine_edges, spacing_zyx_mm),
    )


def _framed(mine: Mask, true: Mask, left_out: Mask) -> tuple[Mask, Mask, Mask]:
    """The box around both masks and one voxel more; what lies outside the image is left out."""
    union = mine | true
    box = []
    for axis in range(3):
        places = np.flatnonzero(union.any(axis=tuple({0, 1, 2} - {axis})))
        box.append(slice(int(places[0]), int(places[-1]) + 3))  # padding shifts the places by 1
    a, b, c = (
        np.ascontiguousarray(np.pad(mask, 1, constant_values=outside)[tuple(box)])
        for mask, outside in ((mine, False), (true, False), (left_out, True))
    )
    return a, b, c


def _any_of_eight(mask: Mask) -> Mask:
    """Whether any of the 2 x 2 x 2 voxels around each inner corner is in ``mask``."""
    pairs = mask[:-1] | mask[1:]
    fours = pairs[:, :-1] | pairs[:, 1:]
    eights: Mask = fours[:, :, :-1] | fours[:, :, 1:]
    return eights


def _distances(
    edges: Any, areas: Any, other_edges: Any, spacing_zyx_mm: tuple[float, ...]
) -> _SurfaceDistances:
    from monai.metrics.utils import get_surface_distance

    if not edges.any():
        return _SurfaceDistances(np.empty(0), np.empty(0))
    to_other = get_surface_distance(edges, other_edges, spacing=spacing_zyx_mm)
    return _SurfaceDistances(to_other.double().numpy(), areas[edges].double().numpy())


def _share_within(surfaces: tuple[_SurfaceDistances, ...], tolerance_mm: float) -> float:
    area_mm2 = sum(float(s.areas_mm2.sum()) for s in surfaces)
    right_mm2 = sum(
        float(s.areas_mm2[s.distances_mm <= tolerance_mm + _ROUNDING_MM].sum()) for s in surfaces
    )
    return right_mm2 / area_mm2 if area_mm2 else math.nan


def _hd95_mm(surfaces: tuple[_SurfaceDistances, ...]) -> float:
    reached = []
    for surface in surfaces:
        if surface.distances_mm.size:
            order = np.argsort(surface.distances_mm)
            area_mm2 = np.cumsum(surface.areas_mm2[order])
            place = int(np.searchsorted(area_mm2, 0.95 * area_mm2[-1]))
            reached.append(float(surface.distances_mm[order[place]]))
    return max(reached, default=math.nan)


def _check(found: Volume, truth: Volume, ignored: Volume | None, tolerance_mm: float) -> None:
    for name, volume in (("found", found), ("ignored", ignored)):
        if volume is not None and not volume.same_grid_as(truth):
            raise InputError(
                f"The label map '{name}' (shape {volume.shape}, spacing {volume.spacing_mm} mm) "
                f"does not lie on the grid of the true one (shape {truth.shape}, spacing "
                f"{truth.spacing_mm} mm); resample it first."
            )
    if not tolerance_mm >= 0:
        raise InputError(f"The tolerance must not be negative, got {tolerance_mm} mm.")
