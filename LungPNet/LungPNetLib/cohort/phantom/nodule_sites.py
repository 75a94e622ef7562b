"""Where nodules lie in a made-up patient's lungs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom.chest import Chest
from LungPNetLib.cohort.phantom.lung_plan import LungPlan
from LungPNetLib.cohort.phantom.nodule import Location, Nodule, NoduleSpec
from LungPNetLib.cohort.phantom.organs import AIR_HU
from LungPNetLib.cohort.phantom.shapes import Section
from LungPNetLib.cohort.phantom.trees import Branches
from LungPNetLib.errors import InputError

_PLAIN_DIAMETER_MM = (8.0, 14.0)
_FROM_PLEURA_MM = 8.0
_FROM_HILUM_MM = 50.0
_APART_MM = 5.0
_TRIES = 60
_SUNK = 0.55
"""A juxta-pleural nodule's middle lies this share of its radius inside the pleura."""


def plain_nodule(plan: LungPlan, rng: np.random.Generator) -> Nodule:
    """A plain nodule in the parenchyma, away from pleura and hila."""
    diameter = rng.uniform(*_PLAIN_DIAMETER_MM)
    places = _parenchyma(plan, diameter / 2.0)
    centre = places[rng.integers(len(places))] + rng.uniform(-2.0, 2.0, 3)
    return Nodule.drawn(1, _triplet(centre), diameter, rng)


def grown_nodules(
    specs: Sequence[NoduleSpec],
    plan: LungPlan,
    vessels: Branches,
    chest: Chest,
    rng: np.random.Generator,
) -> tuple[Nodule, ...]:
    """A nodule for each of ``specs``, labelled from 1, where its location asks for, all apart.

    Raises
    ------
    InputError
        The lungs have no room for one of them.
    """
    nodules: list[Nodule] = []
    for label, spec in enumerate(specs, start=1):
        centre = _free_centre(spec, nodules, (plan, vessels, chest), rng)
        away = centre - plan.hila_mm[int(centre[0] > 0.0)]
        nodule = Nodule.grown(
            label, _triplet(centre), spec, rng, tag_direction=away / np.linalg.norm(away)
        )
        if spec.location is Location.JUXTA_PLEURAL:
            nodule = nodule.clipped(lambda places: lung_share(chest, places))
        nodules.append(nodule)
    return tuple(nodules)


def lung_share(chest: Chest, places_mm: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Share of lung at the points of a lattice.

    Parameters
    ----------
    chest : Chest
    places_mm : ndarray, shape (z, y, x, 3)
        LPS mm of an upright lattice in equal steps.
    """
    share = np.empty(places_mm.shape[:3], np.float32)
    x = places_mm[0, 0, :, 0].astype(np.float32)[None]
    y = places_mm[0, :, 0, 1].astype(np.float32)[:, None]
    for k, z_mm in enumerate(places_mm[:, 0, 0, 2].tolist()):
        hu = np.full(share.shape[1:], AIR_HU, np.float32)
        section = Section(x, y, z_mm, float(x[0, 1] - x[0, 0]), hu)
        atlas = chest.build.atlas_of(section)
        share[k] = atlas.coverage(chest.paint(atlas).distance)
    return share


def _free_centre(
    spec: NoduleSpec,
    others: Sequence[Nodule],
    where: tuple[LungPlan, Branches, Chest],
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """A centre for ``spec`` away from the nodules that are there already."""
    plan, vessels, chest = where
    radius = spec.diameter_mm / 2.0
    for _ in range(_TRIES):
        if spec.location is Location.JUXTA_PLEURAL:
            centre = _at_pleura(plan, chest, radius, rng)
        elif spec.location is Location.JUXTA_VASCULAR:
            centre = _at_vessel(plan, vessels, radius, rng)
        else:
            centre = _in_parenchyma(plan, spec, rng)
        gaps = [
            np.linalg.norm(centre - other.truth.centre_mm) - other.truth.diameter_mm / 2.0
            for other in others
        ]
        if min(gaps, default=np.inf) > radius + _APART_MM:
            return centre
    raise InputError(
        f"No room in the lungs for a nodule of {spec.diameter_mm:.1f} mm beside {len(others)} "
        "others; ask for fewer or smaller nodules."
    )


def _parenchyma(plan: LungPlan, radius_mm: float) -> npt.NDArray[np.float64]:
    """Cells away from pleura and hila; only as far from the pleura as there are any."""
    far = np.linalg.norm(plan.places_mm[:, None] - plan.hila_mm, axis=2).min(axis=1)
    free = (far > _FROM_HILUM_MM) & (plan.depth_mm > radius_mm + _FROM_PLEURA_MM)
    if not free.any():
        free = plan.depth_mm > min(radius_mm, 0.9 * float(plan.depth_mm.max()))
    return plan.places_mm[free]


def _in_parenchyma(
    plan: LungPlan, spec: NoduleSpec, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    radius = spec.diameter_mm / 2.0
    places = _parenchyma(plan, radius)
    if spec.location is Location.PERIFISSURAL:
        touching = np.abs(plan.fissure_gap_mm - radius) < 1.0
        near = plan.places_mm[touching & (plan.depth_mm > radius + 5.0)]
        return near[rng.integers(len(near))]
    centre: npt.NDArray[np.float64] = places[rng.integers(len(places))]
    return centre + rng.uniform(-2.0, 2.0, 3)


def _at_vessel(
    plan: LungPlan, vessels: Branches, radius_mm: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Beside a vessel of 1.5 to 4 mm, in the parenchyma."""
    row = rng.choice(np.flatnonzero((vessels.radius_mm > 0.75) & (vessels.radius_mm < 2.0)))
    along = vessels.end[row] - vessels.start[row]
    across = np.cross(along, rng.normal(0.0, 1.0, 3))
    across /= np.linalg.norm(across) + 1e-9
    middle = (vessels.start[row] + vessels.end[row]) / 2.0
    centre = middle + across * (0.9 * radius_mm + vessels.radius_mm[row])
    # To the next cell that is deep enough, if that lies near; else where it is.
    deep = plan.places_mm[plan.depth_mm > radius_mm + 2.0]
    gap = np.linalg.norm(deep - centre, axis=1)
    return centre if gap.min() < 5.0 else _at_vessel(plan, vessels, radius_mm, rng)


def _at_pleura(
    plan: LungPlan, chest: Chest, radius_mm: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """At the chest wall, sunk into the lung by about half."""
    outer = (plan.depth_mm <= 2.0 * plan.step_mm) & (np.abs(plan.places_mm[:, 0]) > 60.0)
    start = plan.places_mm[rng.choice(np.flatnonzero(outer))]
    side = plan.places_mm[np.sign(plan.places_mm[:, 0]) == np.sign(start[0])]
    level = side[np.abs(side[:, 2] - start[2]) < plan.step_mm]
    outward = (start - level.mean(axis=0)) * [1.0, 1.0, 0.0]
    outward /= np.linalg.norm(outward) + 1e-9
    inside, outside = 0.0, 40.0
    for _ in range(8):
        middle = (inside + outside) / 2.0
        if _is_lung(chest, start + middle * outward):
            inside = middle
        else:
            outside = middle
    return start + (inside - _SUNK * radius_mm) * outward


def _is_lung(chest: Chest, place_mm: npt.NDArray[np.float64]) -> bool:
    x, y, z = place_mm.tolist()
    steps = np.array([-1.0, 0.0, 1.0])
    lattice = np.stack(np.meshgrid([z], y + steps, x + steps, indexing="ij")[::-1], axis=-1)
    return bool(lung_share(chest, lattice)[0, 1, 1] > 0.5)


def _triplet(values: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return (x, y, z)
