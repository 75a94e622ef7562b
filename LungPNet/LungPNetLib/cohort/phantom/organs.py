"""Mediastinum, airways and upper abdomen of a made-up patient, in the atlas frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from LungPNetLib.cohort.phantom.anatomy import Build, diaphragm_distance, spine_y_mm
from LungPNetLib.cohort.phantom.shapes import Capsule, Ellipsoid, Plane, Section, Solid, tube
from LungPNetLib.cohort.phantom.skeleton import FAT_HU, MUSCLE_HU, spine_distance
from LungPNetLib.volume import Triplet

BLOOD_HU = 43.0
HEART_HU = 41.0
GULLET_HU = 34.0
LIVER_HU = 60.0
SPLEEN_HU = 50.0
STOMACH_HU = 28.0
AIR_HU = -1000.0
AIRWAY_AIR_HU = -990.0
AIRWAY_WALL_HU = 30.0

_SEPTUM_MM = 2.0
"""Half the thickness of the tissue between the lungs where nothing else separates them."""
_FAR_MM = np.float32(99.0)


@dataclass(frozen=True)
class Organ:
    """A solid of the mediastinum, and how far the lungs stay away from it (fat and pleura)."""

    solid: Solid
    tissue_hu: float
    clearance_mm: float = 2.0


@dataclass(frozen=True)
class Hilum:
    """Where artery, vein and bronchus enter one lung."""

    artery: Triplet
    vein: Triplet
    bronchus: Triplet


RIGHT_HILUM = Hilum((-44.0, 8.0, -26.0), (-46.0, 2.0, -56.0), (-43.0, 24.0, -30.0))
LEFT_HILUM = Hilum((50.0, 30.0, -20.0), (52.0, 26.0, -56.0), (49.0, 28.0, -38.0))

_CARINA = (0.0, 14.0, 0.0)


def main_airways() -> list[Capsule]:
    """Trachea and both main bronchi; radii are those of the air."""
    top = (-1.0, spine_y_mm(120.0) - 27.0, 120.0)
    inlet = (-1.0, spine_y_mm(60.0) - 30.0, 60.0)
    return [
        *tube([top, inlet, _CARINA], [8.5, 8.5, 8.5]),
        *tube([_CARINA, (-22.0, 18.0, -15.0), RIGHT_HILUM.bronchus], [8.0, 7.2, 6.5]),
        *tube([_CARINA, (22.0, 20.0, -20.0), LEFT_HILUM.bronchus], [7.5, 6.4, 5.8]),
    ]


def _vessels() -> list[Capsule]:
    right, left = RIGHT_HILUM, LEFT_HILUM
    trunk_end = (22.0, -4.0, -13.0)
    return [
        *tube(
            [(-8.0, -20.0, -55.0), (-14.0, -24.0, -12.0), (-9.0, -20.0, 12.0), (4.0, -6.0, 25.0)],
            [15.5, 15.5, 14.5, 13.5],
        ),
        *tube([(4.0, -6.0, 25.0), (18.0, 14.0, 27.0), (25.0, 30.0, 14.0)], [13.5, 13.0, 12.5]),
        *tube(
            [(25.0, 30.0, 14.0), (25.0, 34.0, -50.0), (18.0, 24.0, -120.0), (8.0, 10.0, -190.0)],
            [12.5, 12.0, 11.5, 11.0],
        ),
        *tube([(-26.0, -14.0, 60.0), (-26.0, -11.0, -28.0)], [8.5, 9.5]),
        *tube([(-26.0, -14.0, 58.0), (-29.0, -18.0, 95.0)], [7.5, 7.0]),
        *tube([(-24.0, -16.0, 48.0), (18.0, -28.0, 58.0), (28.0, -20.0, 82.0)], [6.0, 6.5, 6.5]),
        *tube([(-4.0, -10.0, 28.0), (-15.0, -4.0, 75.0), (-22.0, -6.0, 110.0)], [6.5, 6.0, 4.5]),
        *tube([(6.0, -2.0, 30.0), (14.0, -2.0, 75.0), (20.0, -4.0, 110.0)], [4.5, 4.0, 4.0]),
        *tube([(17.0, 12.0, 30.0), (25.0, 6.0, 75.0), (31.0, 0.0, 98.0)], [5.5, 5.0, 5.0]),
        *tube([(14.0, -40.0, -48.0), (19.0, -28.0, -24.0), trunk_end], [13.5, 14.0, 12.5]),
        *tube([trunk_end, (34.0, 14.0, -12.0), left.artery], [12.0, 9.5, 6.0]),
        *tube([trunk_end, (-12.0, 0.0, -17.0), right.artery], [11.5, 10.0, 6.0]),
        *tube([(4.0, 8.0, -56.0), (-24.0, 10.0, -58.0), right.vein], [9.0, 7.5, 5.5]),
        *tube([(8.0, 10.0, -56.0), (34.0, 18.0, -50.0), left.vein], [9.0, 7.0, 5.5]),
        *tube([(-24.0, -8.0, -90.0), (-24.0, 4.0, -190.0)], [12.0, 12.0]),
    ]


def _heart(scale: float) -> list[Ellipsoid]:
    """Left and right ventricle, right and left atrium; the long axis points left and forward."""
    long_axis = np.array([0.76, -0.48, -0.44])
    long_axis /= np.linalg.norm(long_axis)
    across = np.cross(long_axis, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    axes = np.column_stack([long_axis, across, np.cross(long_axis, across)])
    chambers: list[tuple[Triplet, Triplet]] = [
        ((42.0, -24.0, -80.0), (50.0, 36.0, 37.0)),
        ((16.0, -42.0, -84.0), (54.0, 27.0, 30.0)),
        ((-20.0, -20.0, -72.0), (26.0, 27.0, 33.0)),
        ((5.0, 6.0, -58.0), (24.0, 31.0, 21.0)),
    ]
    return [
        Ellipsoid(centre, (scale * radii[0], scale * radii[1], scale * radii[2]), axes)
        for centre, radii in chambers
    ]


@dataclass(frozen=True)
class Mediastinum:
    """Everything between the lungs; ``upper`` is cut off where the diaphragm begins.

    Both are in the order in which they are painted.
    """

    upper: tuple[Organ, ...]
    through: tuple[Organ, ...]

    @classmethod
    def of(cls, build: Build) -> Mediastinum:
        """The mediastinum of one patient."""
        fat: list[Solid] = [
            *_fat_between(),
            Ellipsoid((0.0, -16.0, 40.0), (24.0, 43.0, 130.0)),
            Ellipsoid((20.0, -24.0, -82.0), (56.0, 46.0, 48.0)),
        ]
        walls = [
            Capsule(c.start, c.end, c.radius_start_mm + 1.5, c.radius_end_mm + 1.3)
            for c in main_airways()
        ]
        return cls(
            upper=(
                *(Organ(solid, FAT_HU, 0.0) for solid in fat),
                *(Organ(solid, HEART_HU, 4.0) for solid in _heart(build.heart_scale)),
            ),
            through=(
                *(Organ(solid, BLOOD_HU) for solid in _vessels()),
                *(Organ(solid, GULLET_HU) for solid in _gullet()),
                *(Organ(solid, AIRWAY_WALL_HU, 0.0) for solid in walls),
            ),
        )


def _fat_between() -> list[Solid]:
    """Fat that fills the niches between aorta, gullet, spine, heart and great veins."""
    points: list[Triplet] = [
        (12.0, spine_y_mm(z) - 14.0, z) for z in (45.0, 0.0, -45.0, -90.0, -120.0)
    ]
    return [
        *tube(points, [9.0, 10.0, 10.0, 9.0, 9.0]),
        *tube([(6.0, 18.0, -96.0), (8.0, 18.0, -118.0)], [12.0, 14.0]),
        *tube([(4.0, 22.0, -68.0), (4.0, 28.0, -112.0)], [8.0, 9.0]),
        *tube([(22.0, -22.0, 62.0), (26.0, -14.0, 95.0)], [8.0, 8.0]),
    ]


def _gullet() -> list[Capsule]:
    places = ((4.0, 115.0), (5.0, 60.0), (6.0, 0.0), (8.0, -60.0), (14.0, -115.0))
    points: list[Triplet] = [(x, spine_y_mm(z) - 20.5, z) for x, z in places]
    return tube(points, [6.5, 6.5, 6.5, 7.0, 8.0])


def paint_organs(section: Section, organs: Sequence[Organ]) -> Plane:
    """Paint ``organs``; returns the signed distance in mm to what they keep the lungs out of."""
    kept = np.full(section.hu.shape, _FAR_MM, np.float32)
    for organ in organs:
        found = section.distance_to(organ.solid, organ.clearance_mm)
        if found is not None:
            window, distance = found
            section.paint(distance, organ.tissue_hu, window)
            np.minimum(kept[window], distance - organ.clearance_mm, out=kept[window])
    return kept


def septum_distance(section: Section) -> Plane:
    """Signed distance to the spine and to the sheet that parts the lungs in the midline."""
    sheet = np.abs(section.x) - np.float32(_SEPTUM_MM)
    spine = spine_distance(section.x, section.y, section.z_mm) - 3.0
    distance: Plane = np.minimum(sheet, spine).astype(np.float32)
    return distance


def paint_abdomen(section: Section, build: Build, wall_distance: Plane) -> Plane:
    """Paint what lies below the diaphragm; returns the signed distance to that space in mm."""
    x, y, z = section.x, section.y, section.z_mm
    below = diaphragm_distance(build, x, y, z)
    cavity = np.maximum(below, wall_distance)
    section.paint(cavity, MUSCLE_HU)
    inner = cavity + 3.0
    section.paint(inner, FAT_HU)
    right, left = build.dome_right_z_mm, build.dome_left_z_mm
    spleen = Ellipsoid((98.0, 30.0, left - 48.0), (34.0, 54.0, 52.0))
    stomach = Ellipsoid((60.0, -24.0, left - 44.0), (50.0, 50.0, 42.0))
    liver = Ellipsoid((-58.0, -16.0, right - 78.0), (112.0, 92.0, 92.0))
    gas_level = y - np.float32(-32.0)
    section.paint(np.maximum(inner, liver.distance(x, y, z)), LIVER_HU)
    wall = np.maximum(inner, stomach.distance(x, y, z))
    section.paint(wall, MUSCLE_HU)
    section.paint(wall + 4.0, STOMACH_HU)
    section.paint(np.maximum(wall + 4.0, gas_level), AIR_HU)
    section.paint(np.maximum(inner, spleen.distance(x, y, z)), SPLEEN_HU)
    return below
