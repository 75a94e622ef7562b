"""Where a made-up patient's chest wall, body surface, spine and diaphragm lie.

Everything is written in the frame of an atlas: LPS mm with the carina at (0, 14, 0), for a person
of average size. ``Build`` says how one patient differs; its scales turn atlas mm into patient mm.
Proportions are those of an adult on the back, arms up, breathing in.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom.shapes import Plane, Section, superellipse
from LungPNetLib.volume import Triplet

APEX_Z_MM = 97.0
WIDEST_Z_MM = -50.0
SHOULDER_Z_MM = 30.0

_CHEST_ROUNDNESS = 2.25
_MIDLINE_BULGE = 0.2
_GUTTER_BULGE, _GUTTER_X_MM, _GUTTER_WIDTH_MM = 0.14, 46.0, 36.0
_FAT_OF_ATLAS_MM = 13.0
_RECESS_REACH = np.float32(1.05)
"""Beyond this the dome has met the chest wall: the recess between them ends."""


class Sex(str, Enum):
    """Sex as it shapes a chest."""

    FEMALE = "female"
    MALE = "male"


@dataclass(frozen=True)
class Build:
    """How one patient differs from the atlas: the anatomical variation of the cohort.

    Parameters
    ----------
    sex : Sex
    age_years : int
    scale_axial, scale_depth, scale_height : float
        Patient mm an atlas mm along x, y and z.
    lean_mm : float
        Kyphosis: how far neck and loin lie in front, at 100 mm from the middle.
    sway_mm : float
        Scoliosis: amplitude of the sideways bend.
    fat_mm : float
        Thickness of the subcutaneous fat at the flank.
    breast_mm : float
        Height of the breasts above the chest's skin; 0 for none.
    gland_share : float
        Share of the breast that is gland, 0 to 1.
    dome_right_z_mm, dome_left_z_mm : float
        Heights of the diaphragm's domes.
    heart_scale : float
        Size of the heart.
    parenchyma_hu, gradient_hu_per_mm : float
        Lung density at y = 0 and its increase towards the back (gravity).
    mottle_hu : float
        Standard deviation of the lungs' uneven density.
    couch_gap_mm : float
        Distance from the back to the couch.
    """

    sex: Sex
    age_years: int
    scale_axial: float
    scale_depth: float
    scale_height: float
    lean_mm: float
    sway_mm: float
    fat_mm: float
    breast_mm: float
    gland_share: float
    dome_right_z_mm: float
    dome_left_z_mm: float
    heart_scale: float
    parenchyma_hu: float
    gradient_hu_per_mm: float
    mottle_hu: float
    couch_gap_mm: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Build:
        """A plausible adult: women are smaller, age brings fat, kyphosis and lighter lungs."""
        female = bool(rng.uniform() < 0.5)
        age = int(rng.integers(30, 86))
        years = (age - 30) / 55.0
        right = rng.uniform(-99.0, -77.0)
        size = rng.uniform(0.91, 0.98) if female else rng.uniform(0.95, 1.02)
        return cls(
            sex=Sex.FEMALE if female else Sex.MALE,
            age_years=age,
            scale_axial=size,
            scale_depth=size * rng.uniform(0.98, 1.14),
            scale_height=rng.uniform(0.91, 1.0) if female else rng.uniform(0.94, 1.03),
            lean_mm=rng.uniform(-2.0, 1.0 + 4.0 * years),
            sway_mm=rng.normal(0.0, 1.3),
            fat_mm=float(np.clip(rng.lognormal(2.6 + 0.15 * female, 0.35), 6.0, 32.0)),
            breast_mm=rng.uniform(12.0, 42.0) if female else 0.0,
            gland_share=rng.uniform(0.1, 0.75 - 0.5 * years),
            dome_right_z_mm=right,
            dome_left_z_mm=right - rng.uniform(4.0, 15.0),
            heart_scale=rng.uniform(0.9, 1.08) + 0.06 * years,
            # The shallower the breath, the less air in the lungs.
            parenchyma_hu=rng.uniform(-895.0, -868.0) + 0.9 * (right + 99.0),
            gradient_hu_per_mm=rng.uniform(0.22, 0.45),
            mottle_hu=rng.uniform(14.0, 24.0),
            couch_gap_mm=rng.uniform(2.0, 7.0),
        )

    @property
    def scale(self) -> Triplet:
        """Patient mm an atlas mm along x, y, z."""
        return (self.scale_axial, self.scale_depth, self.scale_height)

    def shift_mm(self, z_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """How far the atlas is moved along x, y and z at atlas height ``z_mm``; shape (..., 3)."""
        z = np.asarray(z_mm, np.float64)
        aside = self.sway_mm * np.sin((z + 40.0) / 55.0)
        forward = -self.lean_mm * ((z + 40.0) / 100.0) ** 2
        return np.stack([aside, forward, np.zeros_like(z)], axis=-1)

    def to_patient(self, atlas_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Patient mm of places in the atlas, shape (..., 3)."""
        places = np.asarray(atlas_mm, np.float64)
        moved: npt.NDArray[np.float64] = (places + self.shift_mm(places[..., 2])) * self.scale
        return moved

    def atlas_of(self, section: Section) -> Section:
        """The same section in atlas mm; it shares the HU."""
        z = section.z_mm / self.scale_height
        aside, forward, _ = self.shift_mm(z).astype(np.float32)
        return Section(
            section.x / np.float32(self.scale_axial) - aside,
            section.y / np.float32(self.scale_depth) - forward,
            z,
            section.pixel_mm / float(np.sqrt(self.scale_axial * self.scale_depth)),
            section.hu,
        )


@dataclass(frozen=True)
class WallProfile:
    """The two half-chests at one height: rounded boxes at x = ±``centre_x_mm``."""

    centre_x_mm: float
    centre_y_mm: float
    half_x_mm: float
    half_y_mm: float

    @classmethod
    def at(cls, z_mm: float) -> WallProfile:
        """Widest below the carina, closing to a rounded apex above."""
        rise = min(max((z_mm - WIDEST_Z_MM) / (APEX_Z_MM - WIDEST_Z_MM), 0.0), 1.0)
        taper = max(1.0 - rise**2.3, 0.01) ** 0.5
        return cls(54.0 - 13.0 * rise**2, -5.0 + 14.0 * rise**2, 79.0 * taper, 82.0 * taper**0.9)

    @property
    def front_y_mm(self) -> float:
        """Front of the chest cavity at the midline."""
        u = self.centre_x_mm / self.half_x_mm
        reach = max(1.0 - u**_CHEST_ROUNDNESS, 0.0) ** (1.0 / _CHEST_ROUNDNESS)
        return self.centre_y_mm - reach * self.half_y_mm / (1.0 - _MIDLINE_BULGE)


@dataclass(frozen=True)
class WallField:
    """The inner surface of the chest wall (parietal pleura), the same on both sides.

    Parameters
    ----------
    distance : ndarray
        mm outwards from the surface; negative inside the chest.
    outward, backward : ndarray
        Direction from the middle of the half-chest: 1 at its flank and -1 at the midline; 1 at its
        back and -1 at its front.
    """

    distance: Plane
    outward: Plane
    backward: Plane

    @classmethod
    def at(cls, x: Plane, y: Plane, z_mm: float) -> WallField:
        """Evaluate at broadcastable ``x`` and ``y`` in atlas mm."""
        profile = WallProfile.at(z_mm)
        across = np.abs(x)
        dx = across - profile.centre_x_mm
        dy = y - profile.centre_y_mm
        # The breastbone lies as far in front as the lungs do, so the front bulges at the midline.
        medial = np.clip(1.0 - across / profile.centre_x_mm, 0.0, 1.0)
        dy = dy * (1.0 - _MIDLINE_BULGE * medial * (dy < 0.0))
        # Beside the spine the lungs reach behind the vertebral bodies (paravertebral gutters).
        gutter = np.exp(-(((across - _GUTTER_X_MM) / _GUTTER_WIDTH_MM) ** 2))
        dy = dy * (1.0 - _GUTTER_BULGE * gutter * (dy > 0.0))
        u, v = dx / profile.half_x_mm, dy / profile.half_y_mm
        # Ribs close in towards the breastbone: the chest is widest behind its middle.
        u = u * (1.0 + 0.12 * np.maximum(0.25 - v, 0.0) ** 2)
        distance, level = superellipse(u, v, profile.half_x_mm, profile.half_y_mm, _CHEST_ROUNDNESS)
        safe = np.maximum(level, np.float32(1e-3))
        return cls(np.maximum(distance, np.float32(z_mm - APEX_Z_MM)), u / safe, v / safe)


def body_distance(build: Build, x: Plane, y: Plane, z_mm: float) -> Plane:
    """Signed distance to the skin: wider and flatter at the shoulders (arms up)."""
    shoulder = min(max((z_mm - SHOULDER_Z_MM) / 90.0, 0.0), 1.0)
    stout_mm = build.fat_mm - _FAT_OF_ATLAS_MM
    front = -112.0 - 0.7 * stout_mm + 48.0 * shoulder**1.5
    back = back_y_mm(build) - 16.0 * shoulder
    half_x = 163.0 + 0.8 * stout_mm + 30.0 * shoulder**2
    half_y = (back - front) / 2.0
    u, v = x / half_x, (y - (front + back) / 2.0) / half_y
    return superellipse(u, v, half_x, half_y, 2.4)[0]


def back_y_mm(build: Build) -> float:
    """The lowest point of the back, which lies on the couch."""
    return 120.0 + 0.3 * (build.fat_mm - _FAT_OF_ATLAS_MM)


def spine_y_mm(z_mm: float) -> float:
    """Middle of the vertebral bodies: thoracic kyphosis, forward at neck and loin."""
    return 54.0 - 0.0014 * (z_mm + 40.0) ** 2


@dataclass(frozen=True)
class Dome:
    """A dome of the diaphragm: flat on top, steep at its rim."""

    top: Triplet
    half_x_mm: float
    half_y_mm: float
    depth_mm: float

    def distance(self, x: Plane, y: Plane, z_mm: float) -> Plane:
        """Signed distance to the space below the dome."""
        dx, dy = x - np.float32(self.top[0]), y - np.float32(self.top[1])
        open_reach = (dx / self.half_x_mm) ** 2 + (dy / self.half_y_mm) ** 2
        reach = np.minimum(open_reach, _RECESS_REACH)
        height = self.top[2] - self.depth_mm * reach * (0.35 + 0.65 * reach)
        fall = self.depth_mm * (0.35 + 1.3 * reach) * 2.0 * (open_reach < _RECESS_REACH)
        slope2 = (fall * dx / self.half_x_mm**2) ** 2 + (fall * dy / self.half_y_mm**2) ** 2
        distance: Plane = (z_mm - height) / np.sqrt(1.0 + slope2)
        return distance


def diaphragm_distance(build: Build, x: Plane, y: Plane, z_mm: float) -> Plane:
    """Signed distance to the abdomen: below the right dome, the left dome or the saddle."""
    domes = (
        Dome((-60.0, -18.0, build.dome_right_z_mm), 76.0, 97.0, 64.0),
        Dome((62.0, -18.0, build.dome_left_z_mm), 76.0, 97.0, 54.0),
        Dome((0.0, -25.0, build.dome_right_z_mm - 20.0), 70.0, 80.0, 45.0),
    )
    right, left, saddle = (dome.distance(x, y, z_mm) for dome in domes)
    distance: Plane = np.minimum(np.minimum(right, left), saddle)
    return distance
