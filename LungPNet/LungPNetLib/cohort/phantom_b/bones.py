"""Ribs, sternum, shoulder blades and vertebrae of generator B, as tubes."""

from __future__ import annotations

import numpy as np

from LungPNetLib.cohort.phantom_b.colonisation import Points, Segments
from LungPNetLib.cohort.phantom_b.outlines import Physique

_RIB_PAIRS = 11
_RIB_DISTANCE_MM = 23.0


def ribs(person: Physique, rng: np.random.Generator) -> Segments:
    """Eleven pairs that run from the spine forwards and downwards around the rib cage."""
    tubes = []
    highest = person.cage.z_mm[-1] - 14.0
    for pair in range(_RIB_PAIRS):
        top = highest - _RIB_DISTANCE_MM * pair
        drop = rng.uniform(45, 65) * min(1.0, 0.35 + 0.2 * pair)
        forward = 0.93 if pair < 7 else 0.93 - 0.1 * (pair - 6)
        share = np.linspace(0.04, forward, 26)
        heights = top - drop * share**1.2
        radius = rng.uniform(4.2, 5.6) if pair else 6.0
        for sign in (-1.0, 1.0):
            # From the back (90 degrees) around the side to the front.
            angle = np.pi / 2 - sign * share * np.pi
            path = np.concatenate(
                [
                    person.cage.point(float(h), a[None], outside_mm=radius + 1.5)
                    for h, a in zip(heights, angle, strict=True)
                ]
            )
            tubes.append(Segments.along(path, radius))
    return Segments.joined(tubes)


def flat_bones(person: Physique) -> Segments:
    """Sternum, collar bones and shoulder blades, as bundles of parallel tubes."""
    tubes = []
    for x in np.linspace(-12, 12, 5):
        heights = np.linspace(-60, person.cage.z_mm[-1] - 30, 14)
        column = np.array([_in_front(person, x, z) for z in heights])
        tubes.append(Segments.along(column, 5.0))
    top = float(person.cage.z_mm[-1])
    for sign in (-1.0, 1.0):
        inner = _in_front(person, sign * 16.0, top - 26.0)
        outer = np.array([sign * 128.0, 20.0, top - 4.0])
        tubes.append(Segments.along(np.linspace(inner, outer, 8), 5.5))
        for share in np.linspace(0, 1, 7):
            angle = np.pi / 2 - sign * np.radians(28 + 40 * share)
            heights = np.linspace(-15 + 20 * share, 85, 8)
            path = np.concatenate(
                [person.cage.point(float(z), np.array([angle]), outside_mm=19.0) for z in heights]
            )
            tubes.append(Segments.along(path, 3.6))
    return Segments.joined(tubes)


def spine_middle_mm(person: Physique, z_mm: float) -> float:
    """LPS y of the middle of the vertebral bodies at one height."""
    _, depth, back = person.cage.at(z_mm)
    return back + 0.84 * depth


def _in_front(person: Physique, x: float, z: float) -> Points:
    _, depth, back = person.cage.at(z)
    return np.array([x, back - depth - 8.0, z])
