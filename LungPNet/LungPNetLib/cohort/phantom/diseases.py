"""How findings are drawn for each pathology: where they lie, how large and how dense they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom.fields import Field
from LungPNetLib.cohort.phantom.findings import (
    Bubbles,
    Finding,
    Fluid,
    Layer,
    Moth,
    Patch,
    Squeezed,
    Strands,
)
from LungPNetLib.cohort.phantom.lung_plan import LungPlan
from LungPNetLib.cohort.phantom.shapes import Capsule, Ellipsoid
from LungPNetLib.volume import Triplet

_AIRSPACE_HU = -975.0
_WALL_HU = -450.0


def emphysema(code: int, plan: LungPlan, rng: np.random.Generator) -> list[Finding]:
    """Centrilobular holes, mostly in the upper lobes; often paraseptal ones; sometimes bullae."""
    low, high = np.percentile(plan.places_mm[:, 2], [25, 90])
    moth = Moth(
        code,
        _AIRSPACE_HU,
        Field.drawn(rng, 3.5),
        Field.drawn(rng, 30.0),
        rng.uniform(0.9, 2.5),
        (float(low), float(high)),
    )
    found: list[Finding] = [moth]
    balls: list[Ellipsoid] = []
    apical = (plan.height() > 0.55) & (plan.depth_mm < 9.0)
    if rng.uniform() < 0.6:
        for place in _chosen(plan, apical, int(rng.integers(10, 60)), rng):
            balls.append(_ball(place, rng.uniform(3.0, 7.0), rng))
    if rng.uniform() < 0.4:
        for place in _chosen(plan, apical, int(rng.integers(1, 4)), rng):
            balls.append(_ball(place, rng.uniform(10.0, 28.0), rng))
    if balls:
        found.append(Bubbles(code, _WALL_HU, tuple(balls), grown_mm=0.5, most=0.7))
        found.append(Bubbles(code, _AIRSPACE_HU, tuple(balls), most=0.97))
    return found


def consolidations(code: int, plan: LungPlan, rng: np.random.Generator) -> list[Finding]:
    """One or two airless regions that reach the pleura and keep to a lobe, hazy at the rim."""
    found: list[Finding] = []
    low = (plan.depth_mm < 25.0) & (plan.height() < 0.75)
    for row in _rows(low, int(rng.integers(1, 3)), rng):
        half = rng.uniform(18.0, 42.0)
        form = _ball(plan.places_mm[row], half, rng)
        texture = Field.drawn(rng, 9.0)
        lobe = int(plan.lobes[row])
        halo = Ellipsoid(form.centre, _grown(form.radii_mm, 6.0))
        found.append(Patch(code, -450.0, halo, 5.0, 14.0, texture, 0.7, lobe))
        found.append(Patch(code, rng.uniform(15.0, 55.0), form, 4.5, 6.0, texture, 0.97, lobe))
    return found


def ground_glass(code: int, plan: LungPlan, rng: np.random.Generator) -> list[Finding]:
    """Several hazy patches through which vessels show."""
    found: list[Finding] = []
    texture = Field.drawn(rng, 9.0)
    for row in _rows(plan.depth_mm > 5.0, int(rng.integers(2, 9)), rng):
        form = _ball(plan.places_mm[row], rng.uniform(9.0, 38.0), rng)
        density = rng.uniform(-700.0, -450.0)
        found.append(Patch(code, density, form, 5.0, 10.0, texture, 0.85))
    return found


def effusions(rng: np.random.Generator) -> list[Fluid]:
    """Fluid on one side or both; heights are those of an adult's chest in patient mm."""
    sides = ((-1,), (1,), (-1, 1))[rng.choice(3, p=[0.4, 0.25, 0.35])]
    fluid_hu = rng.uniform(2.0, 20.0)
    return [
        Fluid(
            side,
            rng.uniform(10.0, 55.0),
            rng.uniform(-0.7, 0.1),
            rng.uniform(-20.0, 70.0),
            rng.uniform(-140.0, -110.0),
            fluid_hu,
            Field.drawn(rng, 18.0),
        )
        for side in sides
    ]


def squeezed(fluids: list[Fluid], code: int) -> list[Finding]:
    """Lung collapsed at each effusion, more where there is more fluid."""
    return [Squeezed(code, 45.0, fluid, 3.0 + 0.22 * fluid.depth_mm) for fluid in fluids]


def atelectasis(code: int, plan: LungPlan, rng: np.random.Generator) -> list[Finding]:
    """Dependent bands, plates, or a collapsed lower lobe."""
    base, top = np.percentile(plan.places_mm[:, 2], [15, 70])
    texture = Field.drawn(rng, 12.0)
    kind = rng.choice(3, p=[0.45, 0.3, 0.25])
    if kind == 0:
        depth = rng.uniform(6.0, 20.0)
        hazy = Layer(
            code,
            -600.0,
            depth + 5.0,
            (0.5, 0.95),
            (float(top), float(base)),
            texture,
            3.0,
            most=0.8,
        )
        dense = Layer(
            code, -60.0, depth, (0.6, 1.0), (float(top), float(base)), texture, 3.0, most=0.9
        )
        return [hazy, dense]
    if kind == 1:
        rows = _rows((plan.height() < 0.45) & (plan.depth_mm < 20.0), int(rng.integers(1, 5)), rng)
        return [_plate(code, plan.places_mm[row], rng) for row in rows]
    lobe = int(rng.choice([3, 5]))
    own = plan.places_mm[plan.lobes == lobe]
    hilum = plan.hila_mm[0 if lobe == 3 else 1]
    # A lower lobe collapses towards the spine, behind the hilum and below it.
    centre = np.array([hilum[0] * 0.85, own[:, 1].max() - 30.0, hilum[2] - 45.0])
    half = rng.uniform((22.0, 32.0, 55.0), (36.0, 46.0, 80.0))
    form = Ellipsoid(_triplet(centre), _triplet(half))
    return [Patch(code, rng.uniform(30.0, 55.0), form, 3.0, 4.0, texture, 0.98, lobe)]


def wall_masses(code: int, plan: LungPlan, rng: np.random.Generator) -> list[Finding]:
    """A mass of the lung with broad contact to the chest wall."""
    (row,) = _rows((plan.depth_mm < 9.0) & _outer(plan), 1, rng)
    return [_mass(code, plan.places_mm[row], rng.uniform(13.0, 28.0), rng)]


def hilar_masses(code: int, plan: LungPlan, rng: np.random.Generator) -> list[Finding]:
    """A mass of the lung at one hilum, round the bronchi."""
    hilum = plan.hila_mm[rng.integers(2)]
    outward = np.sign(hilum[0]) * rng.uniform(8.0, 24.0)
    place = hilum + np.array([outward, *rng.normal(0.0, 8.0, 2)])
    return [_mass(code, place, rng.uniform(16.0, 38.0), rng)]


def scars(code: int, plan: LungPlan, rng: np.random.Generator) -> list[Finding]:
    """Apical caps, and linear bands from the pleura inwards."""
    found: list[Finding] = []
    top = float(plan.places_mm[:, 2].max())
    if rng.uniform() < 0.7:
        caps = (top - rng.uniform(12.0, 30.0), top + 4.0)
        thickness = rng.uniform(2.0, 6.0)
        texture = Field.drawn(rng, 7.0)
        found.append(Layer(code, 20.0, thickness, (-1.5, -1.4), caps, texture, 2.0, most=0.9))
    count = int(rng.integers(1, 6)) if found else int(rng.integers(2, 6))
    for row in _rows((plan.depth_mm < 9.0) & _outer(plan), count, rng):
        start = plan.places_mm[row]
        inward = plan.hila_mm[int(start[0] > 0.0)] - start
        inward = inward / np.linalg.norm(inward) + rng.normal(0.0, 0.35, 3)
        end = start + inward * rng.uniform(12.0, 40.0)
        outer = start - inward * 9.0
        band = Capsule(_triplet(outer), _triplet(end), rng.uniform(0.9, 2.4), 0.5)
        found.append(Strands(code, 10.0, (band,), 0.9))
    return found


def fibrosis(code: int, plan: LungPlan, rng: np.random.Generator) -> list[Finding]:
    """A net under the pleura, most at the base, on faint haze."""
    base, top = np.percentile(plan.places_mm[:, 2], [20, 85])
    heights = (float(top), float(base))
    texture = Field.drawn(rng, 14.0)
    depth = rng.uniform(10.0, 26.0)
    return [
        Layer(code, -650.0, depth, (-1.6, -0.2), heights, texture, 4.0, most=0.7),
        Layer(
            code,
            -80.0,
            depth,
            (-1.6, -0.2),
            heights,
            texture,
            4.0,
            net=Field.drawn(rng, 4.0),
            most=0.85,
        ),
    ]


def _mass(
    code: int, place: npt.NDArray[np.float64], half: float, rng: np.random.Generator
) -> Patch:
    form = _ball(place, half, rng)
    texture = Field.drawn(rng, max(8.0, 0.55 * half))
    return Patch(code, rng.uniform(30.0, 60.0), form, 0.1 * half, 1.5, texture)


def _plate(code: int, place: npt.NDArray[np.float64], rng: np.random.Generator) -> Strands:
    """A thin sheet that lies nearly flat, as parallel capsules."""
    length, width = rng.uniform(20.0, 60.0), rng.uniform(12.0, 30.0)
    tilt = rng.normal(0.0, 0.15, 2)
    turn = rng.uniform(-0.5, 0.5)
    along = np.array([np.cos(turn), np.sin(turn), tilt[0]]) * length / 2.0
    across = np.array([-np.sin(turn), np.cos(turn), tilt[1]]) * width / 2.0
    radius = rng.uniform(0.9, 2.0)
    shifts = np.linspace(-1.0, 1.0, int(np.ceil(width / radius)))
    capsules = (
        Capsule(
            _triplet(place + s * across - along),
            _triplet(place + s * across + along),
            radius,
            0.8 * radius,
        )
        for s in shifts
    )
    return Strands(code, 0.0, tuple(capsules), 0.9)


def _outer(plan: LungPlan) -> npt.NDArray[np.bool_]:
    """Cells at the chest wall, away from mediastinum and diaphragm."""
    away = np.abs(plan.places_mm[:, 0]) > 60.0
    behind = plan.places_mm[:, 1] > np.percentile(plan.places_mm[:, 1], 70)
    return (away | behind) & (plan.height() > 0.25)


def _rows(
    allowed: npt.NDArray[np.bool_], count: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Some of the allowed cells at random."""
    return rng.choice(np.flatnonzero(allowed), count)


def _chosen(
    plan: LungPlan, allowed: npt.NDArray[np.bool_], count: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Places within some of the allowed cells at random."""
    places = plan.places_mm[_rows(allowed, count, rng)]
    return places + rng.uniform(-0.5, 0.5, places.shape) * plan.step_mm


def _ball(place: npt.NDArray[np.float64], half_mm: float, rng: np.random.Generator) -> Ellipsoid:
    """An ellipsoid of about this half-width, up to a quarter longer or shorter along each axis."""
    return Ellipsoid(_triplet(place), _triplet(half_mm * rng.uniform(0.75, 1.25, 3)))


def _grown(radii_mm: Triplet, by_mm: float) -> Triplet:
    return (radii_mm[0] + by_mm, radii_mm[1] + by_mm, radii_mm[2] + by_mm)


def _triplet(values: npt.NDArray[np.float64]) -> Triplet:
    x, y, z = values.tolist()
    return (x, y, z)
