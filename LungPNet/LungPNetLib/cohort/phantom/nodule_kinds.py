"""Kinds of lung nodules: type, margin, location, size, density, and what a truth table says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import numpy as np

from LungPNetLib.cohort.phantom.lesion_shapes import Margin
from LungPNetLib.volume import Triplet

_DIAMETER_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_DIAMETERS_MM = (3.0, 4.7, 6.1, 7.8, 11.1, 23.0, 30.0)
"""Quantiles of the diameters that LIDC's readers measured (2651 nodules), cut at 3 and 30 mm."""


_Kind = TypeVar("_Kind")


class NoduleType(str, Enum):
    """How a nodule attenuates, as radiologists name it."""

    SOLID = "solid"
    PART_SOLID = "part-solid"
    GROUND_GLASS = "pure ground-glass"
    CALCIFIED = "calcified"


class Location(str, Enum):
    """What a nodule lies against."""

    PARENCHYMAL = "parenchymal"
    JUXTA_PLEURAL = "juxta-pleural"
    JUXTA_VASCULAR = "juxta-vascular"
    PERIFISSURAL = "perifissural"


@dataclass(frozen=True)
class NoduleTruth:
    """What is known about a made-up nodule.

    Parameters
    ----------
    label : int
        Its value in the nodule label map, from 1.
    centre_mm : tuple of float
        Centre of its volume, LPS mm.
    diameter_mm : float
        Diameter of the sphere of the same volume.
    mean_hu : float
        Mean over its volume before blur and noise, without vessels that cross it.
    type : NoduleType
    margin : Margin
    location : Location
    """

    label: int
    centre_mm: Triplet
    diameter_mm: float
    mean_hu: float
    type: NoduleType
    margin: Margin = Margin.SMOOTH
    location: Location = Location.PARENCHYMAL

    @property
    def volume_mm3(self) -> float:
        """Its volume, spicules included."""
        return float(np.pi / 6.0 * self.diameter_mm**3)


@dataclass(frozen=True)
class NoduleSpec:
    """What kind of nodule is wanted; ``diameter_mm`` is that of the sphere of its volume."""

    diameter_mm: float
    type: NoduleType = NoduleType.SOLID
    margin: Margin = Margin.SMOOTH
    location: Location = Location.PARENCHYMAL

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> NoduleSpec:
        """A nodule such as a chest CT shows: 3 to 30 mm, sizes spread as in LIDC.

        Ground glass and part-solid nodules are more frequent than in LIDC, where they are scarce.
        Large solid ones are spiculated more often than small ones.
        """
        diameter = float(np.interp(rng.uniform(), _DIAMETER_QUANTILES, _DIAMETERS_MM))
        kind = _choice(rng, list(NoduleType), [0.58, 0.16, 0.16, 0.10])
        spiculated = float(np.clip(0.02 * diameter, 0.05, 0.5))
        margins = {
            NoduleType.SOLID: [0.65 - spiculated / 2, 0.35 - spiculated / 2, spiculated],
            NoduleType.PART_SOLID: [0.45, 0.4, 0.15],
            NoduleType.GROUND_GLASS: [0.65, 0.35, 0.0],
            NoduleType.CALCIFIED: [0.8, 0.2, 0.0],
        }
        margin = _choice(rng, list(Margin), margins[kind])
        location = _choice(rng, list(Location), [0.45, 0.25, 0.2, 0.1])
        return cls(diameter, kind, margin, location)


@dataclass(frozen=True)
class Density:
    """HU inside a nodule before its texture: a rim, and a core of ``core_share`` of its size.

    ``edge_mm`` is the width over which it fades into the lung, ``ragged`` the unevenness of its
    surface as a share of the radius, ``texture_hu`` the standard deviation of its unevenness inside
    and ``bubbles`` the number of air bubbles in it.
    """

    rim_hu: float
    core_hu: float
    core_share: float
    edge_mm: float
    ragged: float
    texture_hu: float
    bubbles: int = 0

    @classmethod
    def drawn(cls, kind: NoduleType, rng: np.random.Generator) -> Density:
        """HU as CT without contrast medium shows them."""
        if kind is NoduleType.SOLID:
            hu = rng.uniform(20.0, 60.0)
            return cls(hu, hu, 0.0, rng.uniform(0.0, 0.3), 0.02, 12.0)
        if kind is NoduleType.CALCIFIED:
            share = 1.0 if rng.uniform() < 0.5 else rng.uniform(0.6, 0.85)
            return cls(rng.uniform(40.0, 90.0), rng.uniform(260.0, 800.0), share, 0.3, 0.03, 40.0)
        edge, ragged = rng.uniform(0.5, 2.2), rng.uniform(0.06, 0.2)
        bubbles = int(rng.uniform() < 0.25) * int(rng.integers(1, 4))
        if kind is NoduleType.PART_SOLID:
            share = rng.uniform(0.45, 0.72)
            rim, core = rng.uniform(-680.0, -480.0), rng.uniform(0.0, 40.0)
            return cls(rim, core, share, edge, ragged, 60.0, bubbles)
        hu = rng.uniform(-720.0, -500.0)
        return cls(hu, hu, 0.0, edge, ragged, 70.0, bubbles)


def _choice(rng: np.random.Generator, options: list[_Kind], weights: list[float]) -> _Kind:
    return options[int(rng.choice(len(options), p=weights))]
