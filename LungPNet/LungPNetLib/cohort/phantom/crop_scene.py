"""What lies round a lesion within a few centimetres: vessels, chest wall, fissure, bronchus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.cohort.phantom.nodule import Location
from LungPNetLib.cohort.phantom.trees import Branches, grow_tree, rasterised

Cube = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float64]
Axes = tuple[npt.NDArray[np.floating], npt.NDArray[np.floating], npt.NDArray[np.floating]]

_FISSURE_HU, _FISSURE_MM = -620.0, 0.9
_FAT_HU, _MUSCLE_HU, _CORTEX_HU, _MARROW_HU = -95.0, 45.0, 650.0, 220.0
_WALL_AIR_HU, _BRONCHUS_HU = -970.0, -150.0
_WAVES_PER_MM, _WAVE_MM = 0.22, 0.6


@dataclass(frozen=True, eq=False)
class Surface:
    """A gently curved surface: the pleura, or a fissure.

    Parameters
    ----------
    normal : ndarray, shape (3,)
        Unit vector away from the lesion.
    offset_mm : float
        Its distance from the origin along the normal.
    curvature_per_mm : float
        Positive: hollow towards the lesion.
    """

    normal: Vector
    offset_mm: float
    curvature_per_mm: float

    def distance(self, places: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """mm beyond the surface, negative on the lesion's side; ``places`` has shape (..., 3)."""
        along = places @ self.normal
        across2 = np.maximum((places**2).sum(axis=-1) - along**2, 0.0)
        waves = np.sin(places @ (_WAVES_PER_MM * np.roll(self.normal, 1)))
        distance: npt.NDArray[np.float64] = (
            along - self.offset_mm + self.curvature_per_mm / 2.0 * across2 + _WAVE_MM * waves
        )
        return distance


@dataclass(frozen=True, eq=False)
class Scene:
    """Where the parts of the surroundings lie.

    Parameters
    ----------
    pleura : Surface or None
    is_rib_cage : bool
        Whether the pleura lines ribs; it lines diaphragm or mediastinum otherwise.
    fissure : Surface or None
    vessels : Branches
    bronchus : Branches or None
        Radii are those of the air.
    blood_hu : float
    """

    pleura: Surface | None
    is_rib_cage: bool
    fissure: Surface | None
    vessels: Branches
    bronchus: Branches | None
    blood_hu: float

    @classmethod
    def drawn(
        cls,
        location: Location,
        centre_mm: Vector,
        radius_mm: float,
        half_mm: float,
        rng: np.random.Generator,
    ) -> Scene:
        """Surroundings that suit ``location`` of a lesion of ``radius_mm`` at ``centre_mm``.

        ``half_mm`` is half the width of the box that is drawn.
        """
        pleura, is_rib_cage = None, rng.uniform() < 0.75
        away = _wall_direction(is_rib_cage, rng)
        along = float(centre_mm @ away)
        if location is Location.JUXTA_PLEURAL:
            depth = rng.uniform(0.15, 0.8) * radius_mm
            pleura = Surface(away, along + depth, rng.uniform(0.004, 0.014))
        elif rng.uniform() < 0.35:
            gap = rng.uniform(radius_mm * 1.3 + 3.0, half_mm + 6.0)
            pleura = Surface(away, along + gap, rng.uniform(0.004, 0.014))
        fissure = None
        if location is Location.PERIFISSURAL or rng.uniform() < 0.12:
            normal = _unit(rng.standard_normal(3) * (0.5, 1.0, 1.0))
            close = location is Location.PERIFISSURAL
            gap = radius_mm * rng.uniform(0.3, 0.9) if close else rng.uniform(10.0, half_mm)
            fissure = Surface(normal, float(centre_mm @ normal) + gap, rng.normal(0.0, 0.006))
        hilum = _unit(rng.standard_normal(3) - 1.5 * away) * (half_mm * 1.5)
        vessels = _vessels(hilum, half_mm, rng)
        beside = _vessel_beside(location, hilum, centre_mm, radius_mm, half_mm, rng)
        if beside is not None:
            vessels = Branches.joined([vessels, beside])
        bronchus = _bronchus(hilum, half_mm, rng) if rng.uniform() < 0.4 else None
        blood = rng.uniform(110.0, 260.0) if rng.uniform() < 0.35 else rng.uniform(25.0, 50.0)
        return cls(pleura, is_rib_cage, fissure, vessels, bronchus, blood)

    def lung_share(self, places: npt.NDArray[np.floating], width_mm: float) -> Cube:
        """Share of lung at ``places`` (..., 3), soft over ``width_mm`` at the pleura."""
        if self.pleura is None:
            return np.ones(places.shape[:-1], np.float32)
        share = np.clip(0.5 - self.pleura.distance(places) / width_mm, 0.0, 1.0)
        return share.astype(np.float32)

    def vessel_share(self, axes: Axes) -> Cube:
        """Share of each voxel in vessels, shape (z, y, x)."""
        return rasterised(self.vessels, axes).astype(np.float32) / np.float32(255.0)

    def lung_hu(
        self, axes: Axes, places: Cube, vessel_share: Cube, rng: np.random.Generator
    ) -> Cube:
        """HU as if everything were lung: parenchyma, fissure, vessels, bronchus."""
        step = float(axes[0][1] - axes[0][0])
        hu = _parenchyma(places, step, rng)
        if self.fissure is not None:
            beside = np.abs(self.fissure.distance(places))
            share = np.clip(0.5 + (_FISSURE_MM / 2.0 - beside) / step, 0.0, _FISSURE_MM / step)
            hu += share.astype(np.float32) * (np.float32(_FISSURE_HU) - hu)
        hu += vessel_share * (np.float32(self.blood_hu) - hu)
        if self.bronchus is not None:
            wall = Branches(
                self.bronchus.start, self.bronchus.end, self.bronchus.radius_mm * 1.2 + 0.5
            )
            for tube, value in ((wall, _BRONCHUS_HU), (self.bronchus, _WALL_AIR_HU)):
                hu += rasterised(tube, axes) / np.float32(255.0) * (np.float32(value) - hu)
        return hu

    def wall_hu(self, places: Cube, rng: np.random.Generator) -> Cube:
        """HU as if everything were beyond the pleura."""
        hu = np.full(places.shape[:-1], _MUSCLE_HU, np.float32)
        if self.pleura is None:
            return hu
        depth = self.pleura.distance(places).astype(np.float32)
        if not self.is_rib_cage:
            fat = rng.uniform(0.0, 4.0)
            hu += _soft(depth - fat) * np.float32(_FAT_HU - _MUSCLE_HU) * np.float32(fat > 1.0)
            return hu
        layers = (rng.uniform(0.0, 1.5), rng.uniform(9.0, 22.0), rng.uniform(24.0, 40.0))
        for limit, value in ((layers[0], _FAT_HU), (layers[2], _FAT_HU), (layers[1], _MUSCLE_HU)):
            if value == _MUSCLE_HU:
                between = _soft(layers[0] - depth) * _soft(depth - limit)
                hu += between * (np.float32(value) - hu)
            else:
                hu += _soft(depth - limit) * (np.float32(value) - hu)
        self._paint_ribs(hu, places, depth, rng)
        return hu

    def _paint_ribs(self, hu: Cube, places: Cube, depth: Cube, rng: np.random.Generator) -> None:
        """Ribs run round the chest, a little oblique, every 24 to 32 mm."""
        assert self.pleura is not None
        up = _unit(np.array([0.0, rng.uniform(-0.4, 0.4), 1.0]))
        up = _unit(up - (up @ self.pleura.normal) * self.pleura.normal)
        height = (places @ up).astype(np.float32)
        gap, shift = float(rng.uniform(24.0, 32.0)), float(rng.uniform(0.0, 32.0))
        beside = (height + shift + gap / 2.0) % gap - gap / 2.0
        thick, tall = rng.uniform(3.0, 4.5), rng.uniform(5.0, 7.0)
        level = np.hypot((depth - 2.0 - thick) / thick, beside / tall)
        inward = (level - 1.0) * np.float32(thick)
        hu += _soft(inward) * (np.float32(_CORTEX_HU) - hu)
        hu += _soft(inward + 1.3) * (np.float32(_MARROW_HU) - hu)


def _soft(distance: Cube) -> Cube:
    """1 inside (negative distance), 0 outside, over 0.8 mm."""
    share: Cube = np.clip(0.5 - distance / np.float32(0.8), 0.0, 1.0).astype(np.float32)
    return share


def _unit(vector: npt.NDArray[np.floating]) -> Vector:
    unit: Vector = np.asarray(vector, np.float64) / np.linalg.norm(vector)
    return unit


def _wall_direction(is_rib_cage: bool, rng: np.random.Generator) -> Vector:
    """Outwards: nearly horizontal to ribs, mostly downwards to the diaphragm."""
    if is_rib_cage:
        return _unit(rng.standard_normal(3) * (1.0, 1.0, 0.25))
    return _unit(np.array([*rng.normal(0.0, 0.5, 2), -1.0]))


def _vessels(hilum: Vector, half_mm: float, rng: np.random.Generator) -> Branches:
    """An artery and a vein that come from the hilum and supply the box."""
    trees = []
    for aside in (-3.0, 3.0):
        ends = rng.uniform(-1.3 * half_mm, 1.3 * half_mm, (int(rng.integers(60, 140)), 3))
        root = hilum + rng.normal(aside, 3.0, 3)
        trees.append(grow_tree(root, ends, rng.uniform(0.28, 0.42), rng))
    return Branches.joined(trees)


def _vessel_beside(
    location: Location,
    hilum: Vector,
    centre_mm: Vector,
    radius_mm: float,
    half_mm: float,
    rng: np.random.Generator,
) -> Branches | None:
    """A vessel along the lesion if it is juxta-vascular, or into it (one in two otherwise)."""
    if location is not Location.JUXTA_VASCULAR:
        if rng.uniform() < 0.5:
            return None
        points = np.linspace(hilum, centre_mm, 6)
        points[1:-1] += rng.normal(0.0, 0.06 * half_mm, (4, 3))
        radii = np.linspace(1.1, 0.7, 5) * rng.uniform(0.8, 1.2)
        return Branches(points[:-1], points[1:], radii)
    width = rng.uniform(1.0, 2.4)
    course = _unit(rng.standard_normal(3))
    aside = _unit(np.cross(course, rng.standard_normal(3)))
    middle = centre_mm + aside * (radius_mm + rng.uniform(0.0, 0.7) * width)
    along = np.linspace(-1.0, 1.0, 9)[:, None] * (1.9 * half_mm)
    bend = rng.uniform(-0.12, 0.12) * along**2 / half_mm
    points = middle + along * course + bend * aside
    return Branches(points[:-1], points[1:], np.full(8, width))


def _bronchus(hilum: Vector, half_mm: float, rng: np.random.Generator) -> Branches:
    end = rng.uniform(-half_mm, half_mm, 3)
    points = np.linspace(hilum, end, 6)
    points[1:-1] += rng.normal(0.0, 1.0, (4, 3))
    return Branches(points[:-1], points[1:], np.linspace(1.9, 0.8, 5) * rng.uniform(0.7, 1.1))


def _parenchyma(places: Cube, step_mm: float, rng: np.random.Generator) -> Cube:
    """Lung with gravity's gradient and an unevenness of two sizes."""
    hu = np.full(places.shape[:-1], rng.uniform(-895.0, -825.0), np.float32)
    hu += np.float32(rng.uniform(0.1, 0.5)) * places[..., 1]
    for size_mm, spread in ((1.2, rng.uniform(6.0, 16.0)), (4.0, rng.uniform(6.0, 14.0))):
        white = rng.standard_normal(hu.shape, dtype=np.float32)
        noise = ndimage.gaussian_filter(white, size_mm / step_mm / 2.0, truncate=3.0)
        hu += noise * np.float32(spread / noise.std())
    return hu
