"""Outlines of the body, the rib cage and the organs between the lungs, as curves along z.

All lengths are mm; x grows to the left, y to the back, z to the head (LPS). The carina is near the
origin of z. Nothing here is shared with generator A, which builds its organs from solids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

Image: TypeAlias = npt.NDArray[np.float32]
Points: TypeAlias = npt.NDArray[np.floating[Any]]

_ANGLES = np.linspace(-np.pi, np.pi, 721)
_HALF_WIDTHS = PchipInterpolator(
    [-1.2, -0.8, -0.5, 0.0, 0.3, 0.62, 0.85, 1.2], [0.22, 0.2, 0.4, 1.0, 1.05, 0.85, 1.05, 1.25]
)
"""Of what lies between the lungs, from front (-1) to back (1)."""


@dataclass(frozen=True)
class Plane:
    """The pixels of one axial section.

    Parameters
    ----------
    x, y : ndarray of float32, shape (rows, columns)
        LPS mm of the middles of the pixels.
    """

    x: Image
    y: Image

    @classmethod
    def of(cls, pixels: int, pixel_mm: float) -> Plane:
        """A square section about the origin."""
        along = ((np.arange(pixels) - (pixels - 1) / 2) * pixel_mm).astype(np.float32)
        y, x = np.meshgrid(along, along, indexing="ij")
        return cls(x, y)


@dataclass(frozen=True)
class Sleeve:
    """A closed curve in each axial section: an oval of changing width, with a few waves.

    Parameters
    ----------
    z_mm, half_width_mm, half_depth_mm, back_mm : ndarray, shape (n,)
        Heights, half axes along x and y, and y of the middle; between heights they are
        interpolated monotonically.
    power : float
        2 is an ellipse, more is boxier.
    waves : ndarray, shape (m, 3)
        Number of waves around, amplitude as a share of the radius, phase in radians.
    """

    z_mm: Points
    half_width_mm: Points
    half_depth_mm: Points
    back_mm: Points
    power: float
    waves: Points

    def at(self, z_mm: float) -> tuple[float, float, float]:
        """Half width, half depth and y of the middle at one height."""
        z = float(np.clip(z_mm, self.z_mm[0], self.z_mm[-1]))
        curves = (self.half_width_mm, self.half_depth_mm, self.back_mm)
        width, depth, back = (float(PchipInterpolator(self.z_mm, c)(z)) for c in curves)
        return width, depth, back

    def radius_mm(self, z_mm: float, angle: Points) -> npt.NDArray[np.float64]:
        """Distance from the middle to the curve, in directions ``angle`` from the x axis."""
        width, depth, _ = self.at(z_mm)
        p = self.power
        oval = (np.abs(np.cos(angle) / width) ** p + np.abs(np.sin(angle) / depth) ** p) ** (-1 / p)
        wave = sum(share * np.cos(n * angle + phase) for n, share, phase in self.waves)
        return oval * (1 + wave)

    def depth_inside(self, z_mm: float, plane: Plane) -> Image:
        """Distance along the radius from each pixel to the curve, positive inside."""
        _, _, back = self.at(z_mm)
        y = plane.y - np.float32(back)
        radius = np.interp(np.arctan2(y, plane.x), _ANGLES, self.radius_mm(z_mm, _ANGLES))
        return (radius - np.hypot(plane.x, y)).astype(np.float32)

    def point(self, z_mm: float, angle: Points, outside_mm: float = 0.0) -> Points:
        """Points (n, 3) on the curve, or so far outside it."""
        _, _, back = self.at(z_mm)
        radius = self.radius_mm(z_mm, angle) + outside_mm
        return np.stack(
            [radius * np.cos(angle), radius * np.sin(angle) + back, np.full(len(angle), z_mm)], 1
        )


@dataclass(frozen=True)
class Physique:
    """One person's outlines.

    Parameters
    ----------
    body, cage : Sleeve
        Skin, and the inner side of the chest wall.
    fat_mm : float
        Thickness of the fat under the skin.
    middle_half_mm : float
        Half width of what lies between the lungs, where it is widest.
    dome_mm : tuple of float
        Height of the right and the left half of the diaphragm.
    dome_bend : float
        How much the diaphragm falls, per mm squared.
    heart_mm : ndarray, shape (2, 3)
        Middle and half axes of the heart.
    """

    body: Sleeve
    cage: Sleeve
    fat_mm: float
    middle_half_mm: float
    dome_mm: tuple[float, float]
    dome_bend: float
    heart_mm: Points

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Physique:
        """Somebody."""
        wide, deep, tall = rng.uniform(0.88, 1.06, 3)
        z = np.array([-170, -110, -40, 30, 75, 100, 112]) * tall
        cage = Sleeve(
            z,
            np.array([118, 124, 122, 112, 88, 62, 34]) * wide,
            np.array([84, 90, 89, 80, 60, 42, 24]) * deep,
            np.array([0, 0, 0, 2, 10, 18, 22]) * deep,
            rng.uniform(2.1, 2.6),
            _waves(rng, 0.012),
        )
        wall = rng.uniform(20, 34)
        shoulders = np.array([0, 0, 0, 8, 40, 68, 90]) * rng.uniform(0.85, 1.0)
        body = Sleeve(
            z,
            np.minimum(cage.half_width_mm + wall + shoulders, 172),
            np.minimum(cage.half_depth_mm + wall * np.array([1, 1, 1, 1, 1.1, 1.3, 1.6]), 122),
            cage.back_mm,
            rng.uniform(2.2, 2.7),
            _waves(rng, 0.008),
        )
        right = rng.uniform(-78, -58) * tall
        return cls(
            body=body,
            cage=cage,
            fat_mm=wall * rng.uniform(0.25, 0.6),
            middle_half_mm=rng.uniform(24, 32),
            dome_mm=(right, right - rng.uniform(4, 16)),
            dome_bend=rng.uniform(0.006, 0.011),
            heart_mm=np.array(
                [[rng.uniform(14, 24), -28 * deep, -52 * tall],
                 [rng.uniform(46, 58), rng.uniform(36, 46), rng.uniform(44, 54)]]
            ),
        )  # fmt: skip

    def between_lungs(self, z_mm: float, plane: Plane) -> npt.NDArray[np.bool_]:
        """Pixels of the mediastinum: wide in the middle, narrow in front, around the spine behind.

        The heart belongs to it.
        """
        _, depth, back = self.cage.at(z_mm)
        share = (plane.y - back) / depth
        profile = _HALF_WIDTHS(np.clip(share, -1.2, 1.2))
        upwards = np.interp(z_mm, [-170, -30, 20, 70, 112], [0.8, 0.95, 1.0, 1.05, 1.25])
        half = self.middle_half_mm * profile * upwards
        return (np.abs(plane.x - 3.0) < half) | self.in_heart(z_mm, plane)

    def in_heart(self, z_mm: float, plane: Plane) -> npt.NDArray[np.bool_]:
        """Pixels of the heart."""
        (x, y, z), (ax, ay, az) = self.heart_mm
        height = (z_mm - z) / az
        inside = ((plane.x - x) / ax) ** 2 + ((plane.y - y) / ay) ** 2 + height**2 < 1.0
        return np.asarray(inside, bool)

    def above_diaphragm(self, z_mm: float, plane: Plane) -> npt.NDArray[np.bool_]:
        """Pixels on the chest's side of the diaphragm."""
        highest = np.full(plane.x.shape, -np.inf, np.float32)
        for sign, top in zip((-1, 1), self.dome_mm, strict=True):
            x, y = plane.x - sign * 60.0, plane.y + 14.0
            ripples = 4.0 * np.sin(x / 17.0 + sign) * np.cos(y / 23.0)
            dome = top - self.dome_bend * (x**2 + y**2) + ripples
            highest = np.where(plane.x * sign > 0, dome, highest)
        return z_mm > highest


def _waves(rng: np.random.Generator, amplitude: float) -> Points:
    counts = np.arange(2, 7)
    shares = rng.normal(0, amplitude, counts.size) / np.sqrt(counts)
    return np.stack([counts, shares, rng.uniform(-np.pi, np.pi, counts.size)], axis=1)
