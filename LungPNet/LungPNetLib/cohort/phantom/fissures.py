"""Fissures and lobes of a made-up patient's lungs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom.fields import Field
from LungPNetLib.cohort.phantom.shapes import Plane, Section

FISSURE_HU = -420.0
"""Two layers of pleura and the air beside them, as thin as CT can tell."""

_WOBBLE_MM = 2.2
_THICKNESS_MM = 0.7
_ABSENT_BELOW = -1.0
"""Fissures are incomplete where their field lies below this."""


class Lobe(IntEnum):
    """Lobes of the lungs; the value is that of the label map."""

    RIGHT_UPPER = 1
    RIGHT_MIDDLE = 2
    RIGHT_LOWER = 3
    LEFT_UPPER = 4
    LEFT_LOWER = 5


@dataclass(frozen=True)
class Sheet:
    """A nearly flat surface in atlas mm.

    Its height is ``z0_mm + rise * y + bow_mm * (y / 100)² + turn * (|x| - 55)``.
    """

    z0_mm: float
    rise: float
    bow_mm: float
    turn: float

    @classmethod
    def drawn(
        cls, rng: np.random.Generator, z0_mm: tuple[float, float], rise: tuple[float, float]
    ) -> Sheet:
        """A sheet with height and slope in these ranges, bowed and turned at random."""
        bow, turn = rng.uniform(-12.0, 4.0), rng.uniform(-0.35, 0.2)
        return cls(rng.uniform(*z0_mm), rng.uniform(*rise), bow, turn)

    def above(self, section: Section, wobble: Plane) -> Plane:
        """Signed distance in mm, positive on the head's side."""
        along = self.z0_mm + self.rise * section.y + self.bow_mm * (section.y / 100.0) ** 2
        height = along + self.turn * (np.abs(section.x) - 55.0) + _WOBBLE_MM * wobble
        slope = np.float32(np.sqrt(1.0 + self.rise**2 + self.turn**2))
        distance: Plane = ((np.float32(section.z_mm) - height) / slope).astype(np.float32)
        return distance


@dataclass(frozen=True, eq=False)
class Fissures:
    """Both oblique fissures and the right horizontal one, slightly uneven and incomplete."""

    right_oblique: Sheet
    left_oblique: Sheet
    horizontal: Sheet
    wobble: Field

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Fissures:
        """Fissures run from the back of the fifth rib to the front of the diaphragm."""
        return cls(
            Sheet.drawn(rng, (-46.0, -34.0), (0.9, 1.08)),
            Sheet.drawn(rng, (-40.0, -28.0), (0.95, 1.15)),
            Sheet.drawn(rng, (-34.0, -18.0), (-0.12, 0.2)),
            Field.drawn(rng, 24.0),
        )

    def lobes(
        self, atlas: Section, is_right: npt.NDArray[np.bool_], layer_mm: float
    ) -> tuple[npt.NDArray[np.uint8], Plane, Plane]:
        """Lobe number of each pixel, mm to the nearest fissure, and the fissures' share.

        Pixels outside the lungs get the lobe that they would belong to. ``is_right`` says on
        which side of the mediastinum each pixel lies; the section stands for ``layer_mm``.
        """
        wobble = self.wobble.at(atlas)
        oblique = np.where(
            is_right,
            self.right_oblique.above(atlas, wobble),
            self.left_oblique.above(atlas, wobble),
        )
        horizontal = self.horizontal.above(atlas, -wobble)
        is_lower = oblique < 0.0
        right = np.where(is_lower, Lobe.RIGHT_LOWER, Lobe.RIGHT_MIDDLE)
        right = np.where(~is_lower & (horizontal > 0.0), Lobe.RIGHT_UPPER, right)
        left = np.where(is_lower, Lobe.LEFT_LOWER, Lobe.LEFT_UPPER)
        lobe = np.where(is_right, right, left).astype(np.uint8)
        gap = np.abs(oblique)
        gap = np.where(is_right & ~is_lower, np.minimum(gap, np.abs(horizontal)), gap)
        # A sheet thinner than a pixel must not be painted thicker than it is.
        width = max(atlas.pixel_mm, layer_mm, _THICKNESS_MM)
        share = np.clip(1.0 - gap / np.float32(width), 0.0, 1.0) * (_THICKNESS_MM / width)
        return lobe, gap, share * (wobble > _ABSENT_BELOW)
