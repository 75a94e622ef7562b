"""Mediastinum and main airways of a made-up patient, in the atlas frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from LungPNetLib.cohort.phantom.anatomy import Build, spine_y_mm
from LungPNetLib.cohort.phantom.shapes import Capsule, Ellipsoid, Plane, Section, Solid, tube
from LungPNetLib.cohort.phantom.skeleton import FAT_HU, spine_distance
from LungPNetLib.volume import Triplet

BLOOD_HU = 43.0
HEART_HU = 41.0
GULLET_HU = 34.0
NODE_HU = 42.0
THYMUS_HU = -35.0
PLAQUE_HU = 450.0
AIR_HU = -1000.0
AIRWAY_AIR_HU = -990.0
AIRWAY_WALL_HU = 30.0

_SEPTUM_MM = 2.0
"""Half the thickness of the tissue between the lungs where nothing else separates them."""
_FAR_MM = np.float32(99.0)


@dataclass(frozen=True)
class Organ:
    """A solid of the mediastinum, and how far the lungs stay away from it (fat and pleura).

    ``uneven_mm`` is the standard deviation of its surface.
    """

    solid: Solid
    tissue_hu: float
    clearance_mm: float = 2.0
    uneven_mm: float = 0.0


@dataclass(frozen=True)
class Enhancement:
    """HU that contrast medium adds to the blood of the great veins, right and left heart."""

    veins_hu: float = 0.0
    right_hu: float = 0.0
    left_hu: float = 0.0

    @property
    def lung_hu(self) -> float:
        """HU added to the vessels of the lungs, arteries and veins alike."""
        return (self.right_hu + self.left_hu) / 2.0


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


def _vessels(blood: Enhancement) -> list[tuple[float, list[Capsule]]]:
    """Great vessels with the HU of their blood."""
    right, left = RIGHT_HILUM, LEFT_HILUM
    trunk_end = (22.0, -4.0, -13.0)
    arch: list[Triplet] = [(4.0, -6.0, 25.0), (18.0, 14.0, 27.0), (25.0, 30.0, 14.0)]
    root: list[Triplet] = [(-8.0, -20.0, -55.0), (-14.0, -24.0, -12.0), (-9.0, -20.0, 12.0)]
    descent: list[Triplet] = [(25.0, 34.0, -50.0), (18.0, 24.0, -120.0), (8.0, 10.0, -190.0)]
    aorta = [
        *tube([*root, arch[0]], [15.5, 15.5, 14.5, 13.5]),
        *tube(arch, [13.5, 13.0, 12.5]),
        *tube([arch[-1], *descent], [12.5, 12.0, 11.5, 11.0]),
        *tube([(-4.0, -10.0, 28.0), (-15.0, -4.0, 75.0), (-22.0, -6.0, 110.0)], [6.5, 6.0, 4.5]),
        *tube([(6.0, -2.0, 30.0), (14.0, -2.0, 75.0), (20.0, -4.0, 110.0)], [4.5, 4.0, 4.0]),
        *tube([(17.0, 12.0, 30.0), (25.0, 6.0, 75.0), (31.0, 0.0, 98.0)], [5.5, 5.0, 5.0]),
    ]
    azygos: list[Triplet] = [(-9.0, spine_y_mm(z) - 15.0, z) for z in (-150.0, -60.0, 0.0)]
    veins = [
        *tube([(-26.0, -14.0, 60.0), (-26.0, -11.0, -28.0)], [8.5, 9.5]),
        *tube([(-26.0, -14.0, 58.0), (-29.0, -18.0, 95.0)], [7.5, 7.0]),
        *tube([(-24.0, -16.0, 48.0), (18.0, -28.0, 58.0), (28.0, -20.0, 82.0)], [6.0, 6.5, 6.5]),
        *tube([*azygos, (-16.0, 22.0, 11.0), (-23.0, -4.0, 9.0)], [3.0, 3.5, 4.0, 4.5, 4.5]),
        *tube([(-24.0, -8.0, -90.0), (-24.0, 4.0, -190.0)], [12.0, 12.0]),
    ]
    arteries = [
        *tube([(14.0, -40.0, -48.0), (19.0, -28.0, -24.0), trunk_end], [13.5, 14.0, 12.5]),
        *tube([trunk_end, (34.0, 14.0, -12.0), left.artery], [12.0, 9.5, 6.0]),
        *tube([trunk_end, (-12.0, 0.0, -17.0), right.artery], [11.5, 10.0, 6.0]),
    ]
    lung_veins = [
        *tube([(4.0, 8.0, -56.0), (-24.0, 10.0, -58.0), right.vein], [9.0, 7.5, 5.5]),
        *tube([(8.0, 10.0, -56.0), (34.0, 18.0, -50.0), left.vein], [9.0, 7.0, 5.5]),
    ]
    return [
        (BLOOD_HU + blood.left_hu, aorta),
        (BLOOD_HU + blood.veins_hu, veins),
        (BLOOD_HU + blood.right_hu, arteries),
        (BLOOD_HU + blood.left_hu, lung_veins),
    ]


def _heart(scale: float, blood: Enhancement) -> list[Organ]:
    """Muscle of both ventricles, both atria, and the blood in all four chambers.

    The long axis points left and forward.
    """
    long_axis = np.array([0.76, -0.48, -0.44])
    long_axis /= np.linalg.norm(long_axis)
    across = np.cross(long_axis, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    axes = np.column_stack([long_axis, across, np.cross(long_axis, across)])
    left, right = blood.left_hu, blood.right_hu
    chambers: list[tuple[Triplet, Triplet, float, float]] = [
        ((42.0, -24.0, -80.0), (50.0, 36.0, 37.0), left, 11.0),
        ((16.0, -42.0, -84.0), (54.0, 27.0, 30.0), right, 4.0),
        ((-20.0, -20.0, -72.0), (26.0, 27.0, 33.0), right, 2.5),
        ((5.0, 6.0, -58.0), (24.0, 31.0, 21.0), left, 2.5),
    ]
    walls, cavities = [], []
    for centre, half, added_hu, wall in chambers:
        outer = (scale * half[0], scale * half[1], scale * half[2])
        inner = (outer[0] - wall, outer[1] - wall, outer[2] - wall)
        tissue_hu = HEART_HU + 0.3 * max(left, right)
        walls.append(Organ(Ellipsoid(centre, outer, axes), tissue_hu, 4.0, 0.8))
        cavities.append(Organ(Ellipsoid(centre, inner, axes), HEART_HU + added_hu, 0.0, 0.8))
    return walls + cavities


@dataclass(frozen=True)
class Mediastinum:
    """Everything between the lungs; ``upper`` is cut off where the diaphragm begins.

    Both are in the order in which they are painted.
    """

    upper: tuple[Organ, ...]
    through: tuple[Organ, ...]

    @classmethod
    def of(
        cls, build: Build, rng: np.random.Generator, blood: Enhancement | None = None
    ) -> Mediastinum:
        """The mediastinum of one patient; ``rng`` draws lymph nodes and calcified plaques."""
        blood = blood or Enhancement()
        fat: list[Solid] = [
            *_fat_between(),
            Ellipsoid((0.0, -14.0, 40.0), (20.0, 38.0, 130.0)),
            Ellipsoid((20.0, -24.0, -82.0), (56.0, 46.0, 48.0)),
            # Fat behind the breastbone and in front of the heart.
            Ellipsoid((2.0, -68.0, -28.0), (8.0, 15.0, 48.0)),
            Ellipsoid((10.0, -58.0, -82.0), (46.0, 32.0, 46.0)),
            # Fat pads in the angles between heart and diaphragm.
            Ellipsoid((-34.0, -46.0, -100.0), (20.0, 22.0, 18.0)),
            Ellipsoid((72.0, -48.0, -106.0), (24.0, 22.0, 16.0)),
        ]
        walls = [
            Capsule(c.start, c.end, c.radius_start_mm + 1.5, c.radius_end_mm + 1.3)
            for c in main_airways()
        ]
        youth = max(60.0 - build.age_years, 0.0) / 60.0
        thymus = Ellipsoid((0.0, -40.0, 8.0), (8.0 + 14.0 * youth, 5.0 + 6.0 * youth, 24.0))
        return cls(
            upper=(
                *(Organ(solid, FAT_HU, 0.0, 1.2) for solid in fat),
                Organ(thymus, THYMUS_HU - 50.0 + 80.0 * youth, 2.0, 1.0),
                *_heart(build.heart_scale, blood),
                *_grooves(),
            ),
            through=(
                *(Organ(part, hu, 2.0, 0.3) for hu, parts in _vessels(blood) for part in parts),
                *(Organ(solid, GULLET_HU) for solid in _gullet()),
                *_nodes(rng),
                *_plaques(build.age_years, rng),
                *(Organ(solid, AIRWAY_WALL_HU, 0.0) for solid in walls),
            ),
        )


def _grooves() -> list[Organ]:
    """Fat in the groove between atria and ventricles, with the coronary arteries."""
    groove: list[Triplet] = [(-6.0, -50.0, -62.0), (-14.0, -44.0, -84.0), (4.0, -36.0, -106.0)]
    front: list[Triplet] = [(22.0, -44.0, -50.0), (44.0, -56.0, -72.0), (62.0, -54.0, -98.0)]
    fat = [*tube(groove, [5.0, 6.0, 5.0]), *tube(front, [4.0, 3.5, 2.5])]
    arteries = [*tube(groove, [1.8, 1.6, 1.4]), *tube(front, [1.7, 1.5, 1.3])]
    return [
        *(Organ(solid, FAT_HU + 15.0, 0.0) for solid in fat),
        *(Organ(solid, BLOOD_HU, 0.0) for solid in arteries),
    ]


_NODE_STATIONS: tuple[Triplet, ...] = (
    (-13.0, 0.0, 24.0),
    (-14.0, -2.0, 12.0),
    (19.0, 8.0, 2.0),
    (8.0, 14.0, 12.0),
    (1.0, 22.0, -24.0),
    (-6.0, -30.0, 30.0),
    (-36.0, 18.0, -40.0),
    (42.0, 26.0, -30.0),
    (2.0, -34.0, 44.0),
)
"""Paratracheal, aortopulmonary, subcarinal, prevascular and hilar lymph nodes."""


def _nodes(rng: np.random.Generator) -> list[Organ]:
    """Lymph nodes of normal size: short axis up to 9 mm."""
    organs = []
    for station in _NODE_STATIONS:
        for _ in range(rng.integers(1, 4)):
            x, y, z = rng.normal(station, (3.0, 3.0, 5.0))
            short = rng.uniform(1.8, 4.2)
            half = (short, short * rng.uniform(1.0, 1.6), short * rng.uniform(1.0, 2.0))
            organs.append(Organ(Ellipsoid((x, y, z), half), NODE_HU, 1.0))
    return organs


def _plaques(age_years: int, rng: np.random.Generator) -> list[Organ]:
    """Calcified plaques of the aortic arch and the coronary arteries, more with age."""
    expected = max(age_years - 50, 0) / 7.0
    places: tuple[Triplet, ...] = (
        (29.0, 20.0, 27.0),
        (20.0, 24.0, 30.0),
        (32.0, 42.0, -20.0),
        (22.0, -44.0, -50.0),
        (36.0, -51.0, -64.0),
        (-14.0, -44.0, -84.0),
    )
    plaques = []
    for _ in range(int(rng.poisson(expected))):
        place = rng.normal(places[rng.integers(len(places))], 1.0)
        size = rng.uniform(1.0, 2.4)
        half = (size, 0.8 * size, rng.uniform(1.0, 2.5) * size)
        plaques.append(Organ(Ellipsoid(tuple(place.tolist()), half), PLAQUE_HU, 0.0))
    return plaques


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


def paint_organs(section: Section, organs: Sequence[Organ], texture: Plane) -> Plane:
    """Paint ``organs``; returns the signed distance in mm to what they keep the lungs out of.

    ``texture`` is a field of standard deviation 1 that makes their surfaces uneven.
    """
    kept = np.full(section.hu.shape, _FAR_MM, np.float32)
    for organ in organs:
        found = section.distance_to(organ.solid, organ.clearance_mm + 2.0 * organ.uneven_mm)
        if found is None:
            continue
        window, distance = found
        if organ.uneven_mm:
            distance = distance + np.float32(organ.uneven_mm) * texture[window]
        section.paint(distance, organ.tissue_hu, window)
        np.minimum(kept[window], distance - organ.clearance_mm, out=kept[window])
    return kept


def septum_distance(section: Section, middle_mm: Plane) -> Plane:
    """Signed distance to the spine and to the sheet at x = ``middle_mm`` that parts the lungs."""
    sheet = np.abs(section.x - middle_mm) - np.float32(_SEPTUM_MM)
    spine = spine_distance(section.x, section.y, section.z_mm) - 3.0
    distance: Plane = np.minimum(sheet, spine).astype(np.float32)
    return distance
