"""Upper abdomen of a made-up patient: what lies below the diaphragm, in the atlas frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from LungPNetLib.cohort.phantom.anatomy import Build, diaphragm_distance
from LungPNetLib.cohort.phantom.organs import AIR_HU
from LungPNetLib.cohort.phantom.shapes import Ellipsoid, Plane, Section
from LungPNetLib.cohort.phantom.skeleton import FAT_HU, MUSCLE_HU
from LungPNetLib.volume import Triplet

LIVER_HU = 60.0
SPLEEN_HU = 50.0
STOMACH_HU = 28.0
GUT_HU = 35.0

KIDNEY_HU = 34.0

_DIAPHRAGM_MM = 3.0
_GUT_WALL_MM = 3.0
_UNEVEN_MM = 1.8
_FILLED_SHARE = 0.75


@dataclass(frozen=True)
class Abdomen:
    """Liver, spleen, kidneys, stomach with a gas bubble, and loops of colon with gas.

    Parameters
    ----------
    liver, spleen, stomach : Ellipsoid
    kidneys : tuple of Ellipsoid
    gas_level_y_mm : float
        The stomach holds gas in front of this (on the back, gas lies in front).
    colon : tuple of Ellipsoid
        Haustra: the left flexure below the left dome and in front, the transverse colon, and the
        ascending and descending colon down to the lower end of a long scan.
    """

    liver: Ellipsoid
    spleen: Ellipsoid
    stomach: Ellipsoid
    kidneys: tuple[Ellipsoid, ...]
    gas_level_y_mm: float
    colon: tuple[Ellipsoid, ...]

    @classmethod
    def drawn(cls, build: Build, rng: np.random.Generator) -> Abdomen:
        """Organs that fit below the patient's diaphragm."""
        right, left = build.dome_right_z_mm, build.dome_left_z_mm
        flexure = (rng.uniform(78.0, 100.0), rng.uniform(-40.0, -5.0), left - 34.0)
        middle = rng.uniform(-150.0, -100.0)
        colon = (
            *_haustra(rng, flexure, (-15.0, -7.0, -5.0), int(rng.integers(2, 8))),
            *_haustra(rng, (-78.0, -62.0, left + middle), (17.0, 0.0, 2.0), 10),
            *_haustra(rng, (104.0, 22.0, left - 110.0), (-0.6, 0.0, -17.0), 12),
            *_haustra(rng, (-104.0, 18.0, right - 175.0), (0.6, 0.0, -17.0), 9),
        )
        return cls(
            liver=Ellipsoid((-58.0, -16.0, right - 78.0), (112.0, 92.0, 92.0)),
            spleen=Ellipsoid((98.0, 30.0, left - 48.0), (34.0, 54.0, 52.0)),
            stomach=Ellipsoid((60.0, -24.0, left - 44.0), (50.0, 50.0, 42.0)),
            kidneys=tuple(
                Ellipsoid((side * 58.0, 48.0, z), (27.0, 27.0, 54.0))
                for side, z in ((-1.0, right - 150.0), (1.0, left - 118.0))
            ),
            gas_level_y_mm=rng.uniform(-37.0, -26.0),
            colon=colon,
        )

    def paint(self, section: Section, build: Build, wall_distance: Plane, texture: Plane) -> Plane:
        """Paint it; returns the signed distance in mm to the space below the diaphragm.

        ``texture`` is a field of standard deviation 1 that makes the surfaces uneven.
        """
        x, y, z = section.x, section.y, section.z_mm
        below = diaphragm_distance(build, x, y, z) + np.float32(_UNEVEN_MM) * texture
        if below.min() > section.pixel_mm:
            return below
        cavity = np.maximum(below, wall_distance)
        section.paint(cavity, MUSCLE_HU)
        inner = cavity + _DIAPHRAGM_MM
        section.paint(inner, FAT_HU)
        section.paint(np.maximum(inner, self.liver.distance(x, y, z)), LIVER_HU)
        for kidney in self.kidneys:
            section.paint(np.maximum(inner, kidney.distance(x, y, z)), KIDNEY_HU)
        self._paint_colon(section, inner)
        wall = np.maximum(inner, self.stomach.distance(x, y, z))
        section.paint(wall, MUSCLE_HU)
        section.paint(wall + 4.0, STOMACH_HU)
        gas = y - np.float32(self.gas_level_y_mm)
        section.paint(np.maximum(wall + 4.0, gas), AIR_HU)
        section.paint(np.maximum(inner, self.spleen.distance(x, y, z)), SPLEEN_HU)
        return below

    def _paint_colon(self, section: Section, inner: Plane) -> None:
        for shrink_mm, tissue_hu in ((0.0, GUT_HU), (_GUT_WALL_MM, AIR_HU)):
            for haustrum in self.colon:
                found = section.distance_to(haustrum)
                if found is not None:
                    window, distance = found
                    wall = np.maximum(distance, inner[window]) + np.float32(shrink_mm)
                    section.paint(wall, tissue_hu, window)


def _haustra(
    rng: np.random.Generator, start: Triplet, step: Triplet, count: int
) -> Iterator[Ellipsoid]:
    """A stretch of colon from ``start`` on; some of its haustra are empty and do not show."""
    for k in range(count):
        x, y, z = np.array(start) + k * np.array(step) + rng.normal(0.0, 3.0, 3)
        radii = rng.uniform((10.0,) * 3, (19.0,) * 3).tolist()
        if rng.uniform() < _FILLED_SHARE:
            yield Ellipsoid((float(x), float(y), float(z)), tuple(radii))
