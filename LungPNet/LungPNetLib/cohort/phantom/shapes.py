"""Shapes of which a made-up patient consists, and the axial section they are painted on.

A shape is known by its signed distance: mm to its surface, negative inside, accurate near the
surface only. All coordinates are LPS mm: x grows to the patient's left, y to the back, z to the
head.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from LungPNetLib.volume import Triplet

Plane: TypeAlias = npt.NDArray[np.floating[Any]]
"""Values at the pixels of a section; float32 throughout, for speed."""
Window: TypeAlias = tuple[slice, slice]
Bounds: TypeAlias = tuple[float, float, float, float]

_TINY = np.float32(1e-6)


class Solid(Protocol):
    """A shape small enough to be worth a window of its own."""

    def bounds(self, z_mm: float) -> Bounds | None:
        """(x low, x high, y low, y high) in mm at this height; None where it is absent."""

    def distance(self, x: Plane, y: Plane, z_mm: float) -> Plane:
        """Signed distance in mm at broadcastable ``x`` and ``y``."""


@dataclass(frozen=True)
class Capsule:
    """A straight piece of tube with round ends, from ``start`` to ``end``."""

    start: Triplet
    end: Triplet
    radius_start_mm: float
    radius_end_mm: float

    def bounds(self, z_mm: float) -> Bounds | None:
        """See ``Solid``."""
        radius = max(self.radius_start_mm, self.radius_end_mm)
        (x0, y0, z0), (x1, y1, z1) = self.start, self.end
        if not min(z0, z1) - radius <= z_mm <= max(z0, z1) + radius:
            return None
        rise = z1 - z0
        near, far = 0.0, 1.0
        if abs(rise) > 1e-3:
            cuts = sorted(((z_mm - radius - z0) / rise, (z_mm + radius - z0) / rise))
            near, far = max(cuts[0], 0.0), min(cuts[1], 1.0)
        xs = (x0 + near * (x1 - x0), x0 + far * (x1 - x0))
        ys = (y0 + near * (y1 - y0), y0 + far * (y1 - y0))
        return min(xs) - radius, max(xs) + radius, min(ys) - radius, max(ys) + radius

    def distance(self, x: Plane, y: Plane, z_mm: float) -> Plane:
        """See ``Solid``."""
        (x0, y0, z0), (x1, y1, z1) = self.start, self.end
        ux, uy, uz = x1 - x0, y1 - y0, z1 - z0
        length2 = max(ux * ux + uy * uy + uz * uz, 1e-9)
        px, py, pz = x - np.float32(x0), y - np.float32(y0), z_mm - z0
        along = np.clip((px * (ux / length2) + py * (uy / length2)) + pz * uz / length2, 0.0, 1.0)
        gap2 = (px - along * ux) ** 2 + (py - along * uy) ** 2 + (pz - along * uz) ** 2
        radius = self.radius_start_mm + along * (self.radius_end_mm - self.radius_start_mm)
        distance: Plane = np.sqrt(gap2) - radius
        return distance


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid; column ``a`` of ``axes`` is the unit vector of half-axis ``radii_mm[a]``."""

    centre: Triplet
    radii_mm: Triplet
    axes: npt.NDArray[np.float64] = field(default_factory=lambda: np.eye(3))

    def _half_width_mm(self, axis: int) -> float:
        return float(np.linalg.norm(self.axes[axis] * np.asarray(self.radii_mm)))

    def bounds(self, z_mm: float) -> Bounds | None:
        """See ``Solid``."""
        if abs(z_mm - self.centre[2]) > self._half_width_mm(2):
            return None
        wide, deep = self._half_width_mm(0), self._half_width_mm(1)
        return (
            self.centre[0] - wide,
            self.centre[0] + wide,
            self.centre[1] - deep,
            self.centre[1] + deep,
        )

    def distance(self, x: Plane, y: Plane, z_mm: float) -> Plane:
        """See ``Solid``; first order in the distance to the surface."""
        dx, dy = x - np.float32(self.centre[0]), y - np.float32(self.centre[1])
        dz = z_mm - self.centre[2]
        level2 = slope2 = np.float32(0.0)
        for axis, radius in zip(self.axes.T.tolist(), self.radii_mm, strict=True):
            along = (dx * axis[0] + dy * axis[1] + dz * axis[2]) / radius
            level2 = level2 + along * along
            slope2 = slope2 + (along / radius) ** 2
        level = np.sqrt(level2)
        distance: Plane = level * (level - 1.0) / np.sqrt(slope2 + _TINY**2)
        return distance


def tube(points: Sequence[Triplet], radii_mm: Sequence[float]) -> list[Capsule]:
    """A bent tube through ``points`` with a radius at each."""
    return [
        Capsule(*ends, *radii)
        for ends, radii in zip(
            itertools.pairwise(points),
            itertools.pairwise(radii_mm),
            strict=True,
        )
    ]


def ellipse_distance(x: Plane, y: Plane, half_x_mm: float, half_y_mm: float) -> Plane:
    """Signed distance to an upright ellipse round the origin of ``x`` and ``y``."""
    u, v = x / half_x_mm, y / half_y_mm
    level = np.sqrt(u * u + v * v)
    distance: Plane = (
        level * (level - 1.0) / np.sqrt((u / half_x_mm) ** 2 + (v / half_y_mm) ** 2 + _TINY**2)
    )
    return distance


def superellipse(
    u: Plane, v: Plane, half_x_mm: float, half_y_mm: float, exponent: float
) -> tuple[Plane, Plane]:
    """Signed distance in mm to a superellipse, and the level that is 1 on it.

    ``u`` and ``v`` are the coordinates divided by ``half_x_mm`` and ``half_y_mm``. The shape is an
    ellipse for ``exponent`` 2 and a rounded box above. The level grows in proportion to size.
    """
    power = np.float32(exponent - 1.0)
    u, v = np.abs(u), np.abs(v)
    steep_u, steep_v = u**power, v**power
    level = (steep_u * u + steep_v * v) ** np.float32(1.0 / exponent)
    slope = np.sqrt((steep_u / half_x_mm) ** 2 + (steep_v / half_y_mm) ** 2) + _TINY
    distance: Plane = (level - 1.0) * level**power / slope
    return distance, level


@dataclass(frozen=True)
class Section:
    """One infinitely thin axial section while it is painted.

    Parameters
    ----------
    x, y : ndarray, shapes (1, columns) and (rows, 1)
        float32 LPS mm of the pixel centres, both ascending.
    z_mm : float
        LPS height of the section.
    pixel_mm : float
        Width over which edges are softened: the pixel size.
    hu : ndarray, shape (rows, columns)
        float32 HU, changed in place.
    """

    x: Plane
    y: Plane
    z_mm: float
    pixel_mm: float
    hu: Plane

    def window(self, bounds: Bounds, margin_mm: float = 0.0) -> Window:
        """Rows and columns that hold ``bounds``, grown by ``margin_mm`` and one pixel."""
        margin = margin_mm + self.pixel_mm
        left, right = np.searchsorted(self.x[0], (bounds[0] - margin, bounds[1] + margin))
        top, bottom = np.searchsorted(self.y[:, 0], (bounds[2] - margin, bounds[3] + margin))
        return slice(int(top), int(bottom)), slice(int(left), int(right))

    def distance_to(self, solid: Solid, margin_mm: float = 0.0) -> tuple[Window, Plane] | None:
        """The solid's distance in the window round it; None where it is not met."""
        bounds = solid.bounds(self.z_mm)
        if bounds is None:
            return None
        rows, columns = window = self.window(bounds, margin_mm)
        if rows.start == rows.stop or columns.start == columns.stop:
            return None
        return window, solid.distance(self.x[:, columns], self.y[rows], self.z_mm)

    def coverage(self, distance: Plane) -> Plane:
        """Share of each pixel inside the shape of this signed distance, 0 to 1."""
        share: Plane = np.clip(0.5 - distance / self.pixel_mm, 0.0, 1.0)
        return share

    def paint(
        self,
        distance: Plane,
        tissue_hu: float | Plane,
        window: Window = (slice(None), slice(None)),
    ) -> None:
        """Replace what lies inside the shape by ``tissue_hu``, mixed at its edge."""
        target = self.hu[window]
        target += self.coverage(distance) * (tissue_hu - target)

    def paint_solid(self, solid: Solid, tissue_hu: float) -> None:
        """Paint a solid, if it meets this section."""
        found = self.distance_to(solid)
        if found is not None:
            self.paint(found[1], tissue_hu, found[0])
