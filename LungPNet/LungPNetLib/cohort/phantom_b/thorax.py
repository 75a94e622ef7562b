"""One person of generator B, painted section by section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.cohort.phantom_b.blobs import Blob
from LungPNetLib.cohort.phantom_b.bones import flat_bones, ribs, spine_middle_mm
from LungPNetLib.cohort.phantom_b.colonisation import Segments
from LungPNetLib.cohort.phantom_b.outlines import Image, Physique, Plane
from LungPNetLib.cohort.phantom_b.trees import LungTrees, lung_trees

FAT_HU, MUSCLE_HU, AIR_HU = -95.0, 48.0, -1000.0
_TEXTURE_MM = 9.0
_DISC_MM = 25.0
_OPAQUE_HU = -700.0
"""What is denser (a vessel) is seen through ground glass as it is."""


@dataclass(frozen=True)
class Section:
    """One infinitely thin section.

    Parameters
    ----------
    hu : ndarray of float32, shape (rows, columns)
    lungs : ndarray of uint8
        1 right, 2 left.
    airways : ndarray of bool
        Air of trachea and main bronchi.
    nodules : ndarray of float32, shape (n, rows, columns)
        Share of each nodule.
    """

    hu: Image
    lungs: npt.NDArray[np.uint8]
    airways: npt.NDArray[np.bool_]
    nodules: Image


@dataclass(frozen=True, eq=False)
class Thorax:
    """What can be seen in one person.

    Parameters
    ----------
    person : Physique
    trees : LungTrees
    bones, plates : Segments
        Ribs; sternum and shoulder blades.
    lung_hu : tuple of float
        HU in the middle of the lung, and its rise per mm towards the back.
    blood_hu : float
    texture : ndarray of float32, shape (z, y, x)
        Standard normal field on cubes of ``_TEXTURE_MM``, around the origin.
    fluid_y_mm : tuple of float
        Pleural fluid lies behind this y, right and left; infinite where there is none.
    holes : Segments
        Air spaces of emphysema (points: start equals end).
    blobs : tuple of Blob
    """

    person: Physique
    trees: LungTrees
    bones: Segments
    plates: Segments
    lung_hu: tuple[float, float]
    blood_hu: float
    texture: npt.NDArray[np.float32]
    fluid_y_mm: tuple[float, float]
    holes: Segments
    blobs: tuple[Blob, ...] = ()

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Thorax:
        """Somebody without nodules."""
        person = Physique.drawn(rng)
        sick = rng.uniform()
        fluid = [np.inf, np.inf]
        if sick < 0.12:
            fluid[int(rng.integers(2))] = float(rng.uniform(30, 65))
        return cls(
            person=person,
            trees=lung_trees(person, rng),
            bones=ribs(person, rng),
            plates=flat_bones(person),
            lung_hu=(rng.uniform(-885, -830), rng.uniform(0.1, 0.35)),
            blood_hu=float(rng.uniform(150, 320)) if rng.uniform() < 0.4 else 42.0,
            texture=rng.standard_normal((40, 48, 48), dtype=np.float32),
            fluid_y_mm=(fluid[0], fluid[1]),
            holes=_holes(rng) if sick > 0.8 else Segments.none(),
        )

    def lungs(self, z_mm: float, plane: Plane) -> npt.NDArray[np.uint8]:
        """Right (1) and left (2) lung in one section, nodules at the wall included."""
        person = self.person
        inside = person.cage.depth_inside(z_mm, plane) > 0
        inside &= person.above_diaphragm(z_mm, plane) & ~person.between_lungs(z_mm, plane)
        right = plane.x < 3.0
        dry = plane.y < np.where(right, *self.fluid_y_mm)
        return np.where(inside & dry, np.where(right, 1, 2), 0).astype(np.uint8)

    def section(self, z_mm: float, thickness_mm: float, plane: Plane) -> Section:
        """HU and truth at one height; nodules are averaged over ``thickness_mm``."""
        hu = self._around_lungs(z_mm, plane)
        lungs = self.lungs(z_mm, plane)
        inside = lungs > 0
        hu = np.where(inside, self._parenchyma(z_mm, plane), hu)
        _mix(hu, share_of(self.holes, z_mm, plane) * inside, -975.0)
        vessels = share_of(self.trees.vessels, z_mm, plane)
        _mix(hu, vessels * inside, self.blood_hu)
        _mix(hu, share_of(self.trees.walls, z_mm, plane) * inside, 10.0)
        _mix(hu, share_of(self.trees.lumens, z_mm, plane) * inside, AIR_HU)
        windpipe = share_of(self.trees.windpipe, z_mm, plane, thicker_mm=1.6)
        air = share_of(self.trees.windpipe, z_mm, plane)
        _mix(hu, windpipe, 30.0)
        _mix(hu, air, AIR_HU)
        airways = air > 0.5
        shares = np.zeros((len(self.blobs), *hu.shape), np.float32)
        for number, blob in enumerate(self.blobs):
            _paint_blob(hu, shares[number], blob, z_mm, thickness_mm, plane, inside)
        return Section(hu, np.where(airways, 0, lungs).astype(np.uint8), airways, shares)

    def _around_lungs(self, z_mm: float, plane: Plane) -> Image:
        person = self.person
        depth = person.body.depth_inside(z_mm, plane)
        hu = np.where(depth > 0, FAT_HU, AIR_HU).astype(np.float32)
        hu[depth > person.fat_mm] = MUSCLE_HU
        layers = depth + 5.0 * self._field(z_mm, plane, 2.5)
        hu[(depth > person.fat_mm) & (layers % 16.0 < 2.2)] = FAT_HU
        within = person.cage.depth_inside(z_mm, plane) > 0
        chest = person.above_diaphragm(z_mm, plane)
        hu[within & chest] = -70.0
        fluid = within & chest & (plane.y >= np.where(plane.x < 3.0, *self.fluid_y_mm))
        hu[fluid & ~person.between_lungs(z_mm, plane)] = 8.0
        hu[within & ~chest] = np.where(plane.x < 25.0, 58.0, 45.0)[within & ~chest]
        hu[person.in_heart(z_mm, plane) & chest] = self.blood_hu
        _mix(hu, share_of(self.trees.great_vessels, z_mm, plane), self.blood_hu)
        _mix(hu, share_of(self.bones, z_mm, plane), 420.0)
        _mix(hu, share_of(self.bones, z_mm, plane, thicker_mm=-1.8), 170.0)
        _mix(hu, share_of(self.plates, z_mm, plane), 330.0)
        self._spine(hu, z_mm, plane)
        self._couch(hu, plane)
        return hu

    def _spine(self, hu: Image, z_mm: float, plane: Plane) -> None:
        back = spine_middle_mm(self.person, z_mm)
        away = np.hypot(plane.x, (plane.y - back) * 1.15)
        in_disc = (z_mm % _DISC_MM) < 5.0
        hu[away < 18] = 90.0 if in_disc else 480.0
        hu[away < 16] = 80.0 if in_disc else 190.0
        behind = plane.y - back - 26.0
        arch = (np.hypot(plane.x, behind) < 14) & (behind > -11)
        hu[arch] = 380.0
        hu[np.hypot(plane.x, behind) < 9] = 25.0
        hu[(np.abs(plane.x) < 4) & (behind > 9) & (behind < 38) & ~in_disc] = 260.0

    def _couch(self, hu: Image, plane: Plane) -> None:
        top = max(self.person.body.half_depth_mm + self.person.body.back_mm) + 6.0
        below = plane.y - top + 0.0006 * plane.x**2
        hu[(below > 0) & (below < 22) & (hu < -900)] = -930.0
        hu[(below > 0) & (below < 2) & (hu < -900)] = -250.0

    def _parenchyma(self, z_mm: float, plane: Plane) -> Image:
        middle, rise = self.lung_hu
        return (middle + rise * plane.y + 14.0 * self._field(z_mm, plane, 1.0)).astype(np.float32)

    def _field(self, z_mm: float, plane: Plane, coarser: float) -> Image:
        depth, rows, columns = self.texture.shape
        grain_mm = _TEXTURE_MM * coarser
        places = [
            np.full(plane.x.shape, z_mm / grain_mm + depth / 2),
            plane.y / grain_mm + rows / 2,
            plane.x / grain_mm + columns / 2,
        ]
        field: Image = ndimage.map_coordinates(self.texture, places, order=1, mode="mirror")
        return field


def share_of(tubes: Segments, z_mm: float, plane: Plane, *, thicker_mm: float = 0.0) -> Image:
    """Share of each pixel of a section inside tubes with round ends.

    Parameters
    ----------
    tubes : Segments
    z_mm : float
    plane : Plane
    thicker_mm : float
        Added to every radius.
    """
    share = np.zeros(plane.x.shape, np.float32)
    radius = np.maximum(tubes.radius_mm + thicker_mm, 0.0)
    low = np.minimum(tubes.start[:, 2], tubes.end[:, 2]) - radius
    high = np.maximum(tubes.start[:, 2], tubes.end[:, 2]) + radius
    xs, ys = plane.x[0], plane.y[:, 0]
    pixel_mm = float(xs[1] - xs[0])
    for k in np.flatnonzero((low < z_mm) & (z_mm < high) & (radius > 0)):
        a, b, r = tubes.start[k], tubes.end[k], radius[k]
        reach = r + pixel_mm
        x0, x1 = np.searchsorted(xs, [min(a[0], b[0]) - reach, max(a[0], b[0]) + reach])
        y0, y1 = np.searchsorted(ys, [min(a[1], b[1]) - reach, max(a[1], b[1]) + reach])
        x, y = xs[None, x0:x1] - a[0], ys[y0:y1, None] - a[1]
        away = _distance(x, y, z_mm - a[2], b - a)
        inside = np.clip(0.5 + (r - away) / pixel_mm, 0, min(1.0, 2 * r / pixel_mm))
        np.maximum(share[y0:y1, x0:x1], inside, out=share[y0:y1, x0:x1])
    return share


def _distance(x: Any, y: Any, z: float, along: npt.NDArray[np.floating[Any]]) -> Any:
    """Distance of points to the piece from the origin to ``along``."""
    length2 = float(along @ along) or 1.0
    t = np.clip((x * along[0] + y * along[1] + z * along[2]) / length2, 0, 1)
    return np.sqrt((x - t * along[0]) ** 2 + (y - t * along[1]) ** 2 + (z - t * along[2]) ** 2)


def _mix(hu: Image, share: Image, value: float) -> None:
    hu += share * (value - hu)


def _paint_blob(
    hu: Image, share: Image, blob: Blob, z_mm: float, thickness_mm: float, plane: Plane,
    lung: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    """Average the fine cubes of a nodule onto the pixels; what lies in the chest wall is cut."""
    rows = np.abs(blob.positions_mm(2) - z_mm) <= thickness_mm / 2
    if not rows.any() or not blob.inside[rows].any():
        return
    across = _averaging(blob.positions_mm(0), plane.x[0])
    down = _averaging(blob.positions_mm(1), plane.y[:, 0])
    inside = blob.inside[rows]
    part = (down @ inside.mean(axis=0) @ across.T).astype(np.float32)
    own = (down @ (inside * blob.hu[rows]).mean(axis=0) @ across.T).astype(np.float32)
    value = np.divide(own, part, out=np.zeros_like(own), where=part > 1e-4)
    share[:] = np.where(lung, part, 0)
    seen = np.where(hu > _OPAQUE_HU, np.maximum(hu, value), value)
    hu += share * (seen - hu)


def _averaging(fine: npt.NDArray[np.float64], pixels: Image) -> npt.NDArray[np.float64]:
    """Matrix (pixels, fine) that averages fine cubes into the pixels that hold them."""
    pixel_mm = float(pixels[1] - pixels[0])
    holder = np.rint((fine - pixels[0]) / pixel_mm).astype(int)
    matrix = (holder[None] == np.arange(len(pixels))[:, None]).astype(float)
    # Where the fine cubes end within a pixel, the rest of it counts as outside.
    return matrix * (abs(fine[1] - fine[0]) / pixel_mm)


def _holes(rng: np.random.Generator) -> Segments:
    count = int(rng.integers(60, 400))
    places = rng.normal([0, 0, 60], [70, 40, 40], (count, 3))
    return Segments(places, places, rng.uniform(1.5, 7.0, count))
