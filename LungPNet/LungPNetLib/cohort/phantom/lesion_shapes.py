"""Forms of lung lesions: smooth, lobulated and spiculated bodies, and bodies as radiologists drew.

A body is star-shaped: its surface lies at ``radius(direction)`` from its centre. Spicules are thin
tapering strands added outside. Everything is relative: the mean radius of a body is about 1, and
the caller chooses the millimetres.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt
from scipy import ndimage, special

Floats = npt.NDArray[np.float64]

DEGREE = 6
"""Highest degree of the spherical harmonics of a form drawn after LIDC."""

_POLAR, _AZIMUTH = 60, 120
_LOBE_SHARPNESS = 14.0
_DRAWN_AFTER_LIDC = 0.6
"""Share of bodies whose form comes from the table of outlines."""


class Margin(str, Enum):
    """How the edge of a lesion looks."""

    SMOOTH = "smooth"
    LOBULATED = "lobulated"
    SPICULATED = "spiculated"


@dataclass(frozen=True, eq=False)
class Body:
    """A star-shaped form by the table of its radius over the sphere.

    Parameters
    ----------
    radius : ndarray, shape (polar angles, azimuths)
        Rows from +z to -z, columns once round from +x over +y; both ends included.
    """

    radius: Floats

    @classmethod
    def drawn(cls, margin: Margin, rng: np.random.Generator) -> Body:
        """A form that suits ``margin``: after a LIDC outline or made up, turned at random."""
        if rng.uniform() < _DRAWN_AFTER_LIDC:
            table = lidc_forms()[margin]
            coefficients = table[rng.integers(len(table))]
        else:
            coefficients = _made_up(rng)
        turned = _grid_directions() @ random_rotation(rng)
        radius = 1.0 + harmonics(turned, DEGREE)[..., 1:] @ coefficients
        if margin is Margin.LOBULATED:
            radius = 0.3 * radius + 0.7 * _lobes(turned, rng)
        return cls(np.clip(radius, 0.45, 1.9))

    def at(self, direction: Floats) -> Floats:
        """Radius along unit vectors (x, y, z), shape (..., 3)."""
        polar = np.arccos(np.clip(direction[..., 2], -1.0, 1.0)) * ((_POLAR - 1) / np.pi)
        turn = np.arctan2(direction[..., 1], direction[..., 0]) % (2.0 * np.pi)
        place = np.stack([polar, turn * ((_AZIMUTH - 1) / (2.0 * np.pi))])
        radius: Floats = ndimage.map_coordinates(self.radius, place, order=1, mode="nearest")
        return radius


@dataclass(frozen=True, eq=False)
class Strand:
    """A bent strand that tapers from ``width`` (radius at its root) to nothing at its tip.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        From the root to the tip, in the frame of the body.
    width : float
    """

    points: Floats
    width: float

    def depth(self, places: Floats) -> Floats:
        """How far ``places`` (..., 3) lie inside the strand; negative outside."""
        deepest = np.full(places.shape[:-1], -np.inf)
        last = len(self.points) - 1
        for n in range(last):
            step = self.points[n + 1] - self.points[n]
            gap = places - self.points[n]
            along = np.clip(gap @ step / (step @ step), 0.0, 1.0)
            width = self.width * (1.0 - 0.65 * (n + along) / last)
            np.maximum(
                deepest, width - np.linalg.norm(gap - along[..., None] * step, axis=-1), out=deepest
            )
        return deepest


def spicules(body: Body, radius_mm: float, rng: np.random.Generator) -> list[Strand]:
    """Strands round a body of ``radius_mm``, in mm: 2 to 12 mm long, 1 to 3 mm thick at the root.

    There are more of them on a larger lesion.
    """
    count = int(rng.integers(12, 20) + 0.3 * radius_mm**2)
    directions = rng.standard_normal((count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    roots = body.at(directions) * radius_mm
    strands = []
    for direction, root in zip(directions, roots, strict=True):
        length = min(rng.gamma(4.0, 0.14) * (radius_mm + 3.0), 12.0)
        bend = rng.normal(0.0, 0.15, (4, 3)).cumsum(axis=0) * (length / 4.0)
        reach = root * 0.85 + np.linspace(0.0, length + 0.15 * root, 4)
        width = rng.uniform(0.75, 1.25) + 0.05 * radius_mm * rng.uniform()
        strands.append(Strand(direction * reach[:, None] + bend - bend[0], width))
    return strands


def tag(body: Body, radius_mm: float, direction: npt.ArrayLike, length_mm: float) -> Strand:
    """A straight strand towards ``direction``, as from a lesion to the pleura."""
    unit = np.asarray(direction, np.float64)
    root = float(body.at(unit[None])[0]) * radius_mm * 0.8
    reach = np.linspace(root, root + length_mm, 3)
    return Strand(unit * reach[:, None], 0.7)


def harmonics(direction: Floats, degree: int) -> Floats:
    """Real spherical harmonics of unit vectors (..., 3), with a mean square of 1 on the sphere.

    Returns
    -------
    ndarray, shape (..., (degree + 1)²)
        In the order (0, 0), (1, -1), (1, 0), (1, 1), (2, -2), ...
    """
    height = np.clip(direction[..., 2], -1.0, 1.0)
    turn = np.arctan2(direction[..., 1], direction[..., 0])
    forms = []
    for n in range(degree + 1):
        for m in range(-n, n + 1):
            order = abs(m)
            scale = (2 * n + 1) * special.factorial(n - order) / special.factorial(n + order)
            wave = np.cos(m * turn) if m >= 0 else np.sin(order * turn)
            norm = np.sqrt(scale if m == 0 else 2.0 * scale)
            forms.append(norm * special.lpmv(order, n, height) * wave)
    return np.stack(forms, axis=-1)


def random_rotation(rng: np.random.Generator) -> Floats:
    """A rotation or mirrored rotation, evenly spread."""
    rotation: Floats = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    return rotation * rng.choice([-1.0, 1.0], 3)


@cache
def lidc_forms() -> dict[Margin, Floats]:
    """Harmonic coefficients (without the constant) of outlines drawn by LIDC's readers.

    Returns
    -------
    dict
        For each margin, shape (forms, (DEGREE + 1)² - 1). The file says where they come from.
    """
    text = resources.files(__package__).joinpath("lidc_forms.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    found: dict[Margin, list[list[float]]] = {margin: [] for margin in Margin}
    for row in rows:
        found[Margin(row["margin"])].append([int(v) / 1000.0 for v in row["thousandths"].split()])
    return {margin: np.array(table) for margin, table in found.items()}


def _made_up(rng: np.random.Generator) -> Floats:
    """Coefficients that fall with the degree, as those of real outlines do."""
    degree = np.repeat(np.arange(1, DEGREE + 1), 2 * np.arange(1, DEGREE + 1) + 1)
    size = np.where(degree == 1, 0.0, 0.11 / degree**1.4)
    coefficients: Floats = rng.standard_normal(len(degree)) * size
    return coefficients


def _lobes(directions: Floats, rng: np.random.Generator) -> Floats:
    """Radius of several balls grown together, with soft creases between them."""
    count = int(rng.integers(4, 8))
    centres = rng.standard_normal((count, 3))
    centres *= (rng.uniform(0.5, 0.72, count) / np.linalg.norm(centres, axis=1))[:, None]
    along = directions @ centres.T
    off2 = (centres**2).sum(axis=1) - along**2
    size = rng.uniform(0.42, 0.6, count)
    reach = np.where(off2 < size**2, along + np.sqrt(np.maximum(size**2 - off2, 0.0)), 0.35)
    radius: Floats = np.maximum(reach, 0.35) ** _LOBE_SHARPNESS
    return np.asarray(radius.mean(axis=-1) ** (1.0 / _LOBE_SHARPNESS) * 1.25)


@cache
def _grid_directions() -> Floats:
    """Unit vectors of the radius table, shape (polar, azimuth, 3)."""
    polar = np.linspace(0.0, np.pi, _POLAR)[:, None]
    turn = np.linspace(0.0, 2.0 * np.pi, _AZIMUTH)
    return np.stack(
        np.broadcast_arrays(
            np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)
        ),
        axis=-1,
    )
