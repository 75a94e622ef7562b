"""Nodules of generator B: level sets of a few Gaussians and a rough field, with spikes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.volume import Triplet

Cube: TypeAlias = npt.NDArray[np.float32]

_FINE_MM = 0.4
_ROOM = 1.9
"""Half side of the cube in which a nodule is made, in radii."""


class Kind(str, Enum):
    """How dense a nodule is."""

    SOLID = "solid"
    PART_SOLID = "part-solid"
    NON_SOLID = "non-solid"
    CALCIFIED = "calcified"


@dataclass(frozen=True)
class BlobSpec:
    """What a nodule is to be; ``diameter_mm`` is that of the sphere of the same volume."""

    kind: Kind
    diameter_mm: float
    is_spiculated: bool
    at_wall: bool

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> BlobSpec:
        """A nodule as a chest CT may show it, 4 to 28 mm."""
        kind = Kind(rng.choice([k.value for k in Kind], p=[0.55, 0.18, 0.2, 0.07]))
        least = 4.0 if kind in (Kind.SOLID, Kind.CALCIFIED) else 6.0
        diameter = float(np.clip(least * np.exp(rng.exponential(0.55)), least, 28.0))
        if kind is Kind.CALCIFIED:
            diameter = min(diameter, 12.0)
        spiculated = bool(kind is not Kind.CALCIFIED and diameter > 8 and rng.uniform() < 0.3)
        return cls(kind, round(diameter, 2), spiculated, bool(rng.uniform() < 0.3))


@dataclass(frozen=True, eq=False)
class Blob:
    """A nodule on fine cubes of its own.

    Parameters
    ----------
    spec : BlobSpec
    centre_mm : tuple of float
        LPS, of the cube array.
    inside : ndarray of bool, shape (z, y, x)
    hu : ndarray of float32, shape (z, y, x)
    """

    spec: BlobSpec
    centre_mm: Triplet
    inside: npt.NDArray[np.bool_]
    hu: Cube

    @classmethod
    def grown(cls, spec: BlobSpec, centre_mm: Triplet, rng: np.random.Generator) -> Blob:
        """A nodule of exactly the volume of ``spec`` (to one fine cube; spikes come on top)."""
        radius = spec.diameter_mm / 2
        half = int(np.ceil(_ROOM * radius / _FINE_MM)) + 2
        along = (np.arange(2 * half + 1) - half) * np.float32(_FINE_MM)
        z, y, x = np.meshgrid(along, along, along, indexing="ij")
        level = _level(x, y, z, radius, rng)
        count = round(np.pi / 6 * spec.diameter_mm**3 / _FINE_MM**3)
        body = level >= np.partition(level, -count, axis=None)[-count]
        inside = body | _spikes(x, y, z, radius, rng) if spec.is_spiculated else body
        return cls(spec, centre_mm, inside, _density(spec.kind, level, inside, rng))

    def positions_mm(self, axis: int) -> npt.NDArray[np.float64]:
        """LPS mm of the fine cubes along x (0), y (1) or z (2)."""
        n = self.inside.shape[2 - axis]
        along: npt.NDArray[np.float64] = (np.arange(n) - n // 2) * _FINE_MM
        return along + self.centre_mm[axis]


def fine_volume_mm3(blob: Blob) -> float:
    """Volume of the nodule before a chest wall cuts it."""
    return float(np.count_nonzero(blob.inside)) * _FINE_MM**3


def _level(x: Cube, y: Cube, z: Cube, radius: float, rng: np.random.Generator) -> Cube:
    """Sum of Gaussians around the middle, with a rough field; falls outwards."""
    level = np.zeros_like(x)
    for _ in range(int(rng.integers(3, 7))):
        cx, cy, cz = rng.normal(0, 0.28 * radius, 3)
        width = radius * rng.uniform(0.5, 0.8) * np.exp(rng.normal(0, 0.12, 3))
        away = ((x - cx) / width[0]) ** 2 + ((y - cy) / width[1]) ** 2 + ((z - cz) / width[2]) ** 2
        level += np.exp(-0.5 * away)
    grain = max(1.2, 0.35 * radius) / _FINE_MM
    rough = ndimage.gaussian_filter(rng.standard_normal(x.shape, dtype=np.float32), grain)
    rough *= rng.uniform(0.03, 0.12) * level.max() / rough.std()
    # Far away the roughness would make islands.
    fade = np.exp(-(((x**2 + y**2 + z**2) / (1.3 * radius) ** 2) ** 3))
    return (level + rough * fade).astype(np.float32)


def _spikes(
    x: Cube, y: Cube, z: Cube, radius: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    found = np.zeros(x.shape, bool)
    for _ in range(int(rng.integers(6, 14))):
        way = rng.normal(size=3)
        way /= np.linalg.norm(way)
        along = x * way[0] + y * way[1] + z * way[2]
        across = np.sqrt(np.maximum(x**2 + y**2 + z**2 - along**2, 0))
        reach = radius * rng.uniform(1.25, 1.7)
        width = np.interp(along, [0, reach], [0.22 * radius, 0.25])
        found |= (along > 0) & (along < reach) & (across < width)
    return found


def _density(
    kind: Kind, level: Cube, inside: npt.NDArray[np.bool_], rng: np.random.Generator
) -> Cube:
    """HU of every fine cube, meant for those inside."""
    grain = ndimage.gaussian_filter(rng.standard_normal(level.shape, dtype=np.float32), 3.0)
    grain /= grain.std()
    if kind is Kind.SOLID:
        return (rng.uniform(10, 60) + 12 * grain).astype(np.float32)
    if kind is Kind.CALCIFIED:
        return (rng.uniform(250, 600) + 40 * grain).astype(np.float32)
    veil = (rng.uniform(-680, -450) + 45 * grain).astype(np.float32)
    if kind is Kind.NON_SOLID:
        return veil
    core = level + 0.15 * level.std() * grain
    share = rng.uniform(0.12, 0.6)
    edge = np.quantile(core[inside], 1 - share)
    return np.where(core > edge, np.float32(rng.uniform(0, 40)) + 12 * grain, veil)
