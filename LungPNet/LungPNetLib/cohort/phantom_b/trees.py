"""Which trees a person has: arteries, veins and bronchi of both lungs, and the large tubes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LungPNetLib.cohort.phantom_b.colonisation import Points, Segments, grown
from LungPNetLib.cohort.phantom_b.outlines import Physique, Plane

_GRID_MM = 5.0
_ARTERIES, _VEINS, _BRONCHI = 650, 550, 160
_STEP_MM = 5.0


@dataclass(frozen=True)
class LungTrees:
    """Tubes of one person.

    Parameters
    ----------
    vessels : Segments
        Arteries and veins in the lungs.
    walls, lumens : Segments
        Bronchi in the lungs.
    windpipe : Segments
        Air of trachea and main bronchi.
    great_vessels : Segments
        Aorta, pulmonary trunk, superior vena cava.
    """

    vessels: Segments
    walls: Segments
    lumens: Segments
    windpipe: Segments
    great_vessels: Segments


def lung_trees(person: Physique, rng: np.random.Generator) -> LungTrees:
    """Grow everything from the hila."""
    vessels, bronchi = [], []
    for sign in (-1.0, 1.0):
        targets = _places(person, sign)
        hilum = np.array([3.0 + sign * (person.middle_half_mm - 1), 12.0, rng.uniform(-14, -2)])
        out = np.array([sign, 0.1, -0.1])
        for count, shift, tip_mm in (
            (_ARTERIES, (0.0, -4.0, 6.0), 0.5),
            (_VEINS, (0.0, -12.0, -12.0), 0.5),
        ):
            wanted = targets[rng.choice(len(targets), min(count, len(targets)), replace=False)]
            vessels.append(grown(hilum + shift, out, wanted, _STEP_MM, tip_mm, rng))
        wanted = targets[rng.choice(len(targets), min(_BRONCHI, len(targets)), replace=False)]
        bronchi.append(grown(hilum, out, wanted, _STEP_MM, 0.65, rng))
    tubes = Segments.joined(bronchi)
    walls = Segments(tubes.start, tubes.end, 1.2 * tubes.radius_mm + 0.4)
    return LungTrees(
        Segments.joined(vessels), walls, tubes, _windpipe(person, rng), _great_vessels(person)
    )


def _places(person: Physique, sign: float) -> Points:
    """Points all over one lung."""
    plane = Plane.of(int(300 / _GRID_MM), _GRID_MM)
    found = []
    for z in np.arange(person.cage.z_mm[0], person.cage.z_mm[-1], _GRID_MM):
        inside = person.cage.depth_inside(z, plane) > 2.0
        inside &= person.above_diaphragm(z, plane) & ~person.between_lungs(z, plane)
        inside &= (plane.x - 3.0) * sign > 0
        found.append(np.stack([plane.x[inside], plane.y[inside], np.full(inside.sum(), z)], 1))
    return np.concatenate(found).astype(float)


def _windpipe(person: Physique, rng: np.random.Generator) -> Segments:
    carina = np.array([2.0, 16.0, 18.0])
    top = np.array([0.0, 8.0 + person.cage.back_mm[-1] * 0.4, person.cage.z_mm[-1] + 60])
    trachea = Segments.along(np.linspace(top, carina, 12), rng.uniform(7.5, 10.0))
    parts = [trachea]
    for sign in (-1.0, 1.0):
        hilum = np.array([3.0 + sign * (person.middle_half_mm + 4), 14.0, -6.0])
        parts.append(Segments.along(np.linspace(carina, hilum, 6), rng.uniform(5.0, 6.5)))
    return Segments.joined(parts)


def _great_vessels(person: Physique) -> Segments:
    turn = np.linspace(0, np.pi, 14)
    arch = np.stack([4 + 14 * (1 - np.cos(turn)) / 2, -22 + 52 * (1 - np.cos(turn)) / 2,
                     22 + 24 * np.sin(turn)], 1)  # fmt: skip
    down = np.linspace(arch[-1], [16.0, 48.0, person.cage.z_mm[0]], 16)
    up = np.linspace([0.0, -24.0, -30.0], arch[0], 6)
    aorta = [Segments.along(path, 13.0) for path in (up, arch, down)]
    trunk = Segments.along(np.linspace([14.0, -30.0, -20.0], [10.0, -4.0, 4.0], 6), 12.0)
    cava = Segments.along(np.linspace([-16.0, -14.0, 80.0], [-16.0, -14.0, -30.0], 8), 9.0)
    sides = [
        Segments.along(
            np.linspace([10.0, -4.0, 4.0], [3 + s * person.middle_half_mm, 8.0, -2.0], 6), 9.0
        )
        for s in (-1.0, 1.0)
    ]
    return Segments.joined([*aorta, trunk, cava, *sides])
