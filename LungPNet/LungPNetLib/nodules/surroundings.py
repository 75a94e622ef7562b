"""The CT within a few centimetres of a point, and what of it lies on the lung's side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.errors import InputError
from LungPNetLib.lungs.morphology import closed
from LungPNetLib.volume import Triplet, Volume

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

OUTSIDE_HU = -1000.0
"""What :meth:`Surroundings.hu_at` gives where there is no lung."""
_LOWEST_HU, _HIGHEST_HU = -1000.0, 200.0
"""Metal, calcium and contrast medium count as no more than this, so that they shift no average."""
_SMOOTHING_MM = 0.5
_COARSE_MM = 1.5
_AIR_HU, _FREE_AIR_HU = -500.0, -990.0
_BALL_MM = 15.0
"""Radius of the ball that rolls along the pleura: attached nodules up to this radius are kept."""
_LEAST_SIDE = 0.5
_LEAST_LUNG_ML = 2.0
"""The lung of a point is the closest aerated region of this size, not a bubble or a bronchus."""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """A box of the CT around a point.

    Parameters
    ----------
    ct : Volume
        float32 HU, slightly smoothed, on the grid of the CT; repeats the outermost voxels where it
        leaves the CT.
    lung_side : Volume
        float32 on a coarse grid: 1 in the lung and what lies in it, 0 beyond the pleura.
    lung_hu : float
        Median of aerated lung.
    """

    ct: Volume
    lung_side: Volume
    lung_hu: float

    @classmethod
    def of(
        cls, ct: Volume, point_mm: Floats, radius_mm: float, lungs: Volume | None
    ) -> Surroundings:
        """Cut out and prepare what lies within ``radius_mm`` of the point.

        Raises
        ------
        InputError
            There is no aerated lung close to the point.
        """
        box = _smoothed(_cut_out(ct, point_mm, radius_mm + _BALL_MM / 2.0))
        grid = _grid_around(point_mm, radius_mm + _BALL_MM / 2.0)
        hu = box.resampled_to(grid).array.astype(np.float32, copy=False)
        places = grid.index_to_world(np.moveaxis(np.indices(grid.shape)[::-1], 0, -1))
        distance = np.linalg.norm(places - point_mm, axis=-1)
        air = hu < _AIR_HU
        least = round(_LEAST_LUNG_ML / grid.voxel_volume_ml)
        lung = _closest_region(air, distance, least) if lungs is None else _within(lungs, grid)
        aerated = hu[lung & air & (hu > _FREE_AIR_HU)]
        if aerated.size < least:
            raise InputError(
                "There is hardly any aerated lung around this point (it lies in the heart, the "
                "chest wall or outside of the body). Click on a nodule in the lung."
            )
        side = _with_enclosed(closed(lung, _BALL_MM, (_COARSE_MM,) * 3))
        return cls(box, grid.with_array(side.astype(np.float32)), float(np.median(aerated)))

    def hu_at(self, points_mm: Floats) -> Floats:
        """HU at LPS points (..., 3) by linear interpolation; ``OUTSIDE_HU`` beyond the pleura."""
        return np.where(self.is_lung_side(points_mm), _sampled(self.ct, points_mm), OUTSIDE_HU)

    def is_lung_side(self, points_mm: Floats) -> Mask:
        """Whether points (..., 3) lie in the lung or in what it surrounds."""
        inside: Mask = _sampled(self.lung_side, points_mm) >= _LEAST_SIDE
        return inside


def _sampled(volume: Volume, points_mm: Floats) -> Floats:
    index = volume.world_to_index(points_mm)[..., ::-1]
    values = ndimage.map_coordinates(
        volume.array, index.reshape(-1, 3).T, order=1, mode="nearest", output=np.float64
    )
    sampled: Floats = values.reshape(index.shape[:-1])
    return sampled


def _cut_out(ct: Volume, point_mm: Floats, half_mm: float) -> Volume:
    """The box of the CT that holds everything within ``half_mm`` of the point."""
    reach = np.ceil(half_mm / np.asarray(ct.spacing_mm)).astype(int) + 1
    middle = np.rint(ct.world_to_index(point_mm)).astype(int)
    size = np.asarray(ct.shape[::-1])
    start, stop = middle - reach, middle + reach + 1
    inner_start, inner_stop = np.clip(start, 0, size - 1), np.clip(stop, 1, size)
    box = ct.cropped(inner_start.tolist(), (inner_stop - inner_start).tolist())
    widths = list(zip(inner_start - start, stop - inner_stop, strict=True))[::-1]
    array = np.clip(box.array, _LOWEST_HU, _HIGHEST_HU).astype(np.float32)
    return Volume(
        np.pad(array, widths, mode="edge"),
        ct.spacing_mm,
        tuple(ct.index_to_world(start)),
        ct.direction,
    )


def _smoothed(box: Volume) -> Volume:
    sigma = [_SMOOTHING_MM / step for step in box.spacing_mm[::-1]]
    return box.with_array(ndimage.gaussian_filter(box.array, sigma, mode="nearest"))


def _grid_around(point_mm: Floats, half_mm: float) -> Volume:
    """Cubes of ``_COARSE_MM`` at fixed places in the patient, so that clicks share them."""
    start = np.floor((point_mm - half_mm) / _COARSE_MM)
    count = int(2.0 * np.ceil(half_mm / _COARSE_MM)) + 2
    corner: Triplet = tuple((start * _COARSE_MM).tolist())
    return Volume(np.broadcast_to(np.uint8(0), (count,) * 3), (_COARSE_MM,) * 3, corner)


def _closest_region(air: Mask, distance_mm: Floats, least: int) -> Mask:
    """The connected region of at least ``least`` voxels that comes closest to the point."""
    labels, count = ndimage.label(air)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    large = np.flatnonzero(sizes >= least)
    if not len(large):
        return np.zeros_like(air)
    closest: Mask = labels == large[np.argmin(ndimage.minimum(distance_mm, labels, large))]
    return closest


def _within(lungs: Volume, grid: Volume) -> Mask:
    return lungs.resampled_to(grid, interpolation="nearest").array.astype(bool)


def _with_enclosed(side: Mask) -> Mask:
    """``side`` with masses that are too large for the ball but lie in the lung all round."""
    labels, _ = ndimage.label(~side)
    borders = [labels.take((0, -1), axis=axis).ravel() for axis in range(3)]
    beyond = np.unique(np.concatenate(borders))
    enclosed: Mask = ~np.isin(labels, beyond[beyond > 0])
    return enclosed
