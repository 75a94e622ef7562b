"""From a click on a nodule to its outline.

Rays run from the clicked point in all directions. Along each of them, and averaged with its
neighbours, everything above a threshold speaks for the nodule and everything below against it; the
border lies where the sum is largest before it has fallen for good. The threshold is halfway
between the nodule's own median and the lung around it, so that ground glass is treated as solid
nodules are. Rays that run far out, as along vessels, are cut off by opening the surface, and
nothing beyond the pleura counts. Centre and threshold are found anew until they no longer change,
so that all clicks on a nodule lead to the same outline. Own method.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.nodules.sphere import Directions, StarSurface
from LungPNetLib.nodules.surroundings import Surroundings
from LungPNetLib.volume import Triplet, Volume

Floats = npt.NDArray[np.float64]

DEFAULT_RADIUS_MM = 30.0
_SNAP_MM = 1.5
"""A click this far beside a nodule still means it."""
_STEP_MM = 0.25
_FULL_HU = 150.0
"""So far above or below the threshold, a point counts fully, and no more beyond."""
_FALL_MM = 1.5
"""A ray ends where so much more lung than nodule has followed (a bubble is shorter)."""
_CAP_HU = 50.0
"""Calcium and contrast medium do not raise the threshold above that of soft tissue."""
_LEAST_STEP_HU, _LEAST_CONTRAST_HU = 60.0, 70.0
"""The threshold lies at least so far above the lung, and the nodule's median has to."""
_LONGEST = 2.0
"""No ray is longer than so many times the median of all."""
_VESSEL_MM, _CONE_DEG, _OPENING_SLACK = 2.0, (10.0, 35.0), 1.1
"""Peaks of the surface narrower than a vessel of this radius (as the angle that it fills at the
median radius, within limits) are cut off, but for the slack."""
_CENTRE_CUT = 1.3
"""The centre is found with rays cut at so many times the median, so that no vessel pulls it."""
_ROUNDS, _SETTLED_MM, _SETTLED_HU = 12, 0.1, 2.0
_LEAST_RADIUS_MM = 1.5
_TUBE_REACH, _TUBE_COSINE = 3.0, 0.85
"""A vessel reaches so many times its radius in both directions (a cone around each)."""
_BESIDE_MM, _BESIDE_SHARE = 1.0, 0.4
"""A click means what was found if it lies no farther beside it: mm, or as a share of its radius."""
_MOST_ENDLESS = 0.25


@dataclass(frozen=True, eq=False)
class ClickedNodule:
    """The outline of a nodule, and how it came about.

    Parameters
    ----------
    mask : Volume
        uint8, 1 where the centre of a voxel lies inside, on the CT's own grid cut down to a box
        around the nodule; so ``mask.resampled_to(ct, interpolation="nearest")`` is the mask on the
        whole CT, exactly.
    centre_mm : tuple of float
        Point inside the nodule that the rays start from, LPS mm.
    nodule_hu, lung_hu : float
        Median of the nodule (at most 50 HU) and of the lung around it.
    threshold_hu : float
        Between the two.
    """

    mask: Volume
    centre_mm: Triplet
    nodule_hu: float
    lung_hu: float
    threshold_hu: float


def segment_click(
    ct: Volume,
    point_mm: npt.ArrayLike,
    *,
    lungs: Volume | None = None,
    radius_mm: float = DEFAULT_RADIUS_MM,
) -> ClickedNodule:
    """Outline the nodule that a person clicked on.

    Parameters
    ----------
    ct : Volume
        HU, in any axis order and with any spacing.
    point_mm : array_like, shape (3,)
        LPS mm, inside the nodule or up to 1.5 mm beside it.
    lungs : Volume, optional
        Lung mask (every label that is not 0) on any grid, to tell lung from chest wall; without
        it the pleura is found from the CT around the point.
    radius_mm : float
        The nodule may reach this far from its centre, 5 to 60 mm.

    Raises
    ------
    InputError
        The point lies outside of the image, or on air, normal lung, a vessel, the heart or the
        chest wall; or the nodule lies between the slices.
    """
    point = _checked(ct, point_mm, radius_mm)
    around = Surroundings.of(ct, point, radius_mm, lungs)
    centre_mm, level_hu = _densest_near(around, point)
    found = _Search(around, radius_mm).settle(centre_mm, level_hu)
    _refuse_unlike_nodule(found, around.lung_hu, radius_mm)
    _refuse_elsewhere(found.surface, point)
    mask = _mask_of(found.surface, ct)
    x, y, z = found.surface.centre_mm.tolist()
    return ClickedNodule(mask, (x, y, z), found.nodule_hu, around.lung_hu, found.threshold_hu)


@dataclass(frozen=True, eq=False)
class _Outline:
    """A surface with the threshold that made it.

    ``reach_mm`` is the surface before anything was cut off, and ``endless`` the share of rays that
    did not meet enough lung within their length.
    """

    surface: StarSurface
    reach_mm: Floats
    threshold_hu: float
    nodule_hu: float
    endless: float


class _Search:
    """Finds the surface that is consistent with its own centre and threshold."""

    def __init__(self, around: Surroundings, radius_mm: float) -> None:
        self._around = around
        self._directions = Directions.spread()
        self._steps_mm = np.arange(_STEP_MM / 2.0, radius_mm, _STEP_MM)

    def settle(self, centre_mm: Floats, level_hu: float) -> _Outline:
        """Repeat from a centre and the HU of a nodule until neither changes any more."""
        threshold_hu = self._threshold_hu(level_hu)
        for _ in range(_ROUNDS):
            outline = self._outline(centre_mm, threshold_hu)
            radius_mm = outline.surface.radius_mm
            if outline.surface.equivalent_radius_mm < _LEAST_RADIUS_MM:
                break
            shift_mm = outline.surface.middle_offset_mm(_CENTRE_CUT * float(np.median(radius_mm)))
            next_hu = self._threshold_hu(outline.nodule_hu)
            settled = abs(next_hu - threshold_hu) < _SETTLED_HU
            if settled and np.linalg.norm(shift_mm) < _SETTLED_MM:
                break
            centre_mm, threshold_hu = centre_mm + shift_mm, next_hu
        return outline

    def _threshold_hu(self, nodule_hu: float) -> float:
        lung_hu = self._around.lung_hu
        return lung_hu + max((min(nodule_hu, _CAP_HU) - lung_hu) / 2.0, _LEAST_STEP_HU)

    def _outline(self, centre_mm: Floats, threshold_hu: float) -> _Outline:
        steps_mm = self._steps_mm
        places = centre_mm + self._directions.unit[:, None, :] * steps_mm[:, None]
        hu = self._around.hu_at(places)
        reach_mm, endless = self._reach(np.clip((hu - threshold_hu) / _FULL_HU, -1.0, 1.0))
        radius_mm = self._trimmed(reach_mm)
        weights = (steps_mm < radius_mm[:, None]) * steps_mm**2
        nodule_hu = min(_weighted_median(hu, weights), _CAP_HU)
        surface = StarSurface(centre_mm, radius_mm)
        return _Outline(surface, reach_mm, threshold_hu, nodule_hu, endless)

    def _reach(self, evidence: Floats) -> tuple[Floats, float]:
        """Where each ray leaves the nodule, and the share of rays that do not end."""
        total = np.cumsum(self._directions.weights @ evidence, axis=1) * _STEP_MM
        total = np.concatenate([np.zeros((len(total), 1)), total], axis=1)
        fallen = np.maximum.accumulate(total, axis=1) - total > _FALL_MM
        total[np.maximum.accumulate(fallen, axis=1)] = -np.inf
        endless = 1.0 - float(fallen.any(axis=1).mean())
        return np.argmax(total, axis=1) * _STEP_MM, endless

    def _trimmed(self, reach_mm: Floats) -> Floats:
        """Without vessels and other peaks."""
        middle_mm = float(np.median(reach_mm))
        radius_mm = np.minimum(reach_mm, _LONGEST * middle_mm)
        cone_deg = np.degrees(np.arcsin(min(1.0, _VESSEL_MM / max(middle_mm, _STEP_MM))))
        opened_mm = self._directions.opened(radius_mm, float(np.clip(cone_deg, *_CONE_DEG)))
        return np.minimum(radius_mm, _OPENING_SLACK * opened_mm)


def _weighted_median(values: Floats, weights: Floats) -> float:
    if not weights.any():
        return float(values[:, 0].mean())
    order = np.argsort(values, axis=None)
    summed = np.cumsum(weights.ravel()[order])
    return float(values.ravel()[order[np.searchsorted(summed, summed[-1] / 2.0)]])


def _checked(ct: Volume, point_mm: npt.ArrayLike, radius_mm: float) -> Floats:
    point = np.asarray(point_mm, np.float64)
    if not 5.0 <= radius_mm <= 60.0:
        raise InputError(f"The radius of the search is {radius_mm:g} mm; accepted: 5 to 60 mm.")
    if point.shape != (3,) or not np.isfinite(point).all():
        raise InputError(f"A click needs three finite positions in mm, got {point.tolist()}.")
    index = ct.world_to_index(point)
    if (index < -0.5).any() or (index > np.array(ct.shape[::-1]) - 0.5).any():
        shown = ", ".join(f"{value:.1f}" for value in point)
        raise InputError(
            f"The point ({shown}) mm lies outside of this CT. Click on a nodule in its slices."
        )
    return point


def _densest_near(around: Surroundings, point_mm: Floats) -> tuple[Floats, float]:
    """The densest place within reach of the click, and the mean HU around it."""
    offsets = _ball(_SNAP_MM)
    near = point_mm + offsets[around.is_lung_side(point_mm + offsets)]
    if not len(near):
        raise InputError(
            "This point lies in the heart, the chest wall or another organ beside the lung. Click "
            "on a nodule in the lung; outline one that has grown into the chest wall by hand."
        )
    means = around.hu_at(near[:, None, :] + _ball(_SNAP_MM)).mean(axis=1)
    best = int(np.argmax(means))
    return near[best], float(means[best])


def _ball(radius_mm: float) -> Floats:
    """Points half a millimetre apart in a ball around the origin, (n, 3)."""
    steps = np.arange(-radius_mm, radius_mm + 0.25, 0.5)
    points = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    return points[np.linalg.norm(points, axis=1) <= radius_mm + 1e-6]


def _refuse_unlike_nodule(found: _Outline, lung_hu: float, radius_mm: float) -> None:
    radius = found.surface.equivalent_radius_mm
    if radius < _LEAST_RADIUS_MM or found.nodule_hu - lung_hu < _LEAST_CONTRAST_HU:
        raise InputError(
            f"Nothing at this point stands out from the lung around it ({lung_hu:.0f} HU). Click "
            "into the nodule, or outline it by hand."
        )
    if _is_tube(found):
        raise InputError(
            "What lies at this point runs on to both sides as a vessel does. Click into the "
            "nodule, or outline it by hand."
        )
    if found.endless > _MOST_ENDLESS:
        raise InputError(
            f"What lies at this point has no border within {radius_mm:.0f} mm; it is no nodule, or "
            "it has grown into the chest wall. Outline it by hand."
        )


def _is_tube(found: _Outline) -> bool:
    """Whether the rays reach far in two opposite directions, compared with the thickness."""
    unit = Directions.spread().unit
    moments = np.einsum("n,ni,nj->ij", found.reach_mm**2, unit, unit)
    along = unit @ np.linalg.eigh(moments)[1][:, -1]
    ends_mm = [found.reach_mm[side > _TUBE_COSINE].max() for side in (along, -along)]
    return bool(min(ends_mm) > _TUBE_REACH * found.surface.semi_axes_mm()[1])


def _refuse_elsewhere(surface: StarSurface, point_mm: Floats) -> None:
    """Refuse what was found beside the click: then there is no nodule at the click itself."""
    offset = point_mm - surface.centre_mm
    border_mm = float(Directions.spread().radius_towards(offset, surface.radius_mm))
    beside_mm = float(np.linalg.norm(offset)) - border_mm
    if beside_mm > max(_BESIDE_MM, _BESIDE_SHARE * surface.equivalent_radius_mm):
        raise InputError(
            f"There is no nodule at this point; the nearest structure ends {beside_mm:.1f} mm "
            "beside it. Click into the nodule, or outline it by hand."
        )


def _mask_of(surface: StarSurface, ct: Volume) -> Volume:
    """Voxels of the CT whose centres lie inside the surface."""
    reach = surface.radius_mm.max()
    corners = np.array(np.meshgrid(*[(-reach, reach)] * 3)).reshape(3, -1).T + surface.centre_mm
    index = ct.world_to_index(corners)
    last = np.array(ct.shape[::-1]) - 1
    start = np.clip(np.floor(index.min(axis=0)).astype(int), 0, last)
    stop = np.clip(np.ceil(index.max(axis=0)).astype(int), 0, last) + 1
    box = ct.cropped(start.tolist(), (stop - start).tolist())
    places = box.index_to_world(np.moveaxis(np.indices(box.shape)[::-1], 0, -1))
    inside = surface.contains(places)
    if not inside.any():
        raise InputError(
            f"The nodule of about {2.0 * surface.equivalent_radius_mm:.1f} mm lies between the "
            f"slices, which are {max(ct.spacing_mm):.1f} mm apart. Outline it by hand, or use a CT "
            "with thinner slices."
        )
    return box.with_array(inside.astype(np.uint8))
