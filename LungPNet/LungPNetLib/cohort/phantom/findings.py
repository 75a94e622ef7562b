"""What CT shows of diseased lung: shapes that replace a share of the lung's tissue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom.fields import Field
from LungPNetLib.cohort.phantom.lung_plan import Place
from LungPNetLib.cohort.phantom.shapes import Capsule, Ellipsoid, Plane, Section

Codes: TypeAlias = npt.NDArray[np.uint8]


class Finding(Protocol):
    """Something that replaces a share of the tissue by ``tissue_hu``."""

    @property
    def code(self) -> int:
        """``Pathology.code`` in the label map."""

    @property
    def tissue_hu(self) -> float:
        """HU of what replaces it."""

    def share(self, place: Place) -> Plane:
        """Share of each pixel's tissue that is replaced, 0 to 1."""


@dataclass(frozen=True, eq=False)
class Patch:
    """An uneven ellipsoid, sharp or fading, that may keep to one lobe.

    Parameters
    ----------
    code, tissue_hu : int, float
    form : Ellipsoid
        In patient mm.
    uneven_mm : float
        Standard deviation of its surface, with the unevenness of ``texture``.
    edge_mm : float
        Width over which it fades.
    most : float
        Share of the tissue that it replaces inside.
    texture : Field
    lobe : int
        0 for all lobes.
    """

    code: int
    tissue_hu: float
    form: Ellipsoid
    uneven_mm: float
    edge_mm: float
    texture: Field
    most: float = 1.0
    lobe: int = 0

    def share(self, place: Place) -> Plane:
        """See ``Finding``."""
        section = place.section
        share = np.zeros_like(section.hu)
        found = section.distance_to(self.form, 3.0 * self.uneven_mm + self.edge_mm)
        if found is None:
            return share
        window, distance = found
        part = Section(
            section.x[:, window[1]],
            section.y[window[0]],
            section.z_mm,
            section.pixel_mm,
            section.hu[window],
        )
        distance = distance + np.float32(self.uneven_mm) * self.texture.at(part)
        if self.lobe:
            is_other = place.lobes[window] != self.lobe
            gap = place.fissure_gap_mm[window]
            distance = np.maximum(distance, np.where(is_other, gap, -gap))
        width = np.float32(max(self.edge_mm, section.pixel_mm))
        share[window] = np.float32(self.most) * np.clip(0.5 - distance / width, 0.0, 1.0)
        return share


@dataclass(frozen=True, eq=False)
class Layer:
    """Tissue along the pleura: dependent atelectasis, apical caps, net-like fibrosis.

    Parameters
    ----------
    code, tissue_hu : int, float
    thickness_mm : float
        At its thickest.
    backward : tuple of float
        From where to where on the wall (-1 front, 1 back) it grows to full thickness.
    z_mm : tuple of float
        Patient heights between which it grows from nothing to full thickness; descending for
        what is thickest at the base.
    texture : Field
    uneven_mm : float
    side : int
        -1 right, 1 left, 0 both.
    net : Field or None
        If given, only the meshes of a net are replaced: where this is near 0.
    """

    code: int
    tissue_hu: float
    thickness_mm: float
    backward: tuple[float, float]
    z_mm: tuple[float, float]
    texture: Field
    uneven_mm: float
    side: int = 0
    net: Field | None = None
    most: float = 1.0

    def share(self, place: Place) -> Plane:
        """See ``Finding``."""
        section = place.section
        grown = _ramp(section.z_mm, *self.z_mm)
        if grown <= 0.0:
            return np.zeros_like(section.hu)
        reach = self.thickness_mm * grown * _ramp(place.wall.backward, *self.backward)
        reach = reach + np.float32(self.uneven_mm) * (self.texture.at(section) - 0.5)
        share = np.float32(self.most) * section.coverage(place.depth_mm - reach)
        if self.side:
            share = share * (place.is_right if self.side < 0 else ~place.is_right)
        if self.net is not None:
            share = share * np.clip(1.3 - 4.5 * np.abs(self.net.at(section)), 0.0, 1.0)
        return share


@dataclass(frozen=True, eq=False)
class Moth:
    """Centrilobular emphysema: holes without walls where a field is high, most at the apex.

    Parameters
    ----------
    code, tissue_hu : int, float
    texture, spread : Field
        Of the holes, and of where there are more of them.
    threshold : float
        Of the field; lower means more holes.
    z_mm : tuple of float
        Heights between which the disease grows from half to full strength.
    """

    code: int
    tissue_hu: float
    texture: Field
    spread: Field
    threshold: float
    z_mm: tuple[float, float]

    def share(self, place: Place) -> Plane:
        """See ``Finding``."""
        section = place.section
        grown = 1.2 * _ramp(section.z_mm, *self.z_mm)
        level = self.texture.at(section) + 0.7 * self.spread.at(section) + np.float32(grown)
        share: Plane = 0.85 * np.clip((level - np.float32(self.threshold)) / 0.7, 0.0, 1.0)
        return share


@dataclass(frozen=True, eq=False)
class Bubbles:
    """Round spaces: bullae and paraseptal emphysema, or their thin walls (larger by these).

    Parameters
    ----------
    code, tissue_hu : int, float
    balls : tuple of Ellipsoid
        In patient mm.
    grown_mm : float
        Added to every radius.
    """

    code: int
    tissue_hu: float
    balls: tuple[Ellipsoid, ...]
    grown_mm: float = 0.0
    most: float = 1.0

    def share(self, place: Place) -> Plane:
        """See ``Finding``."""
        share = np.zeros_like(place.section.hu)
        for ball in self.balls:
            found = place.section.distance_to(ball, self.grown_mm)
            if found is not None:
                window, distance = found
                inside = place.section.coverage(distance - np.float32(self.grown_mm))
                np.maximum(share[window], np.float32(self.most) * inside, out=share[window])
        return share


@dataclass(frozen=True, eq=False)
class Strands:
    """Scars and plates of collapsed lung, made of capsules side by side."""

    code: int
    tissue_hu: float
    capsules: tuple[Capsule, ...]
    most: float = 1.0

    def share(self, place: Place) -> Plane:
        """See ``Finding``."""
        share = np.zeros_like(place.section.hu)
        for capsule in self.capsules:
            found = place.section.distance_to(capsule)
            if found is not None:
                inside = np.float32(self.most) * place.section.coverage(found[1])
                np.maximum(share[found[0]], inside, out=share[found[0]])
        return share


@dataclass(frozen=True, eq=False)
class Fluid:
    """Pleural fluid of a patient on the back: a crescent with a meniscus, deepest at the base.

    Parameters
    ----------
    side : int
        -1 right, 1 left.
    depth_mm : float
        At its deepest.
    front : float
        How far round the chest it reaches: -1 to the front, 1 the back only.
    top_mm, bottom_mm : float
        Patient heights between which it grows to its full depth.
    fluid_hu : float
    texture : Field
    """

    side: int
    depth_mm: float
    front: float
    top_mm: float
    bottom_mm: float
    fluid_hu: float
    texture: Field = field(repr=False)

    def distance(self, place: Place, beyond_mm: float = 0.0) -> Plane:
        """Signed distance in mm to the fluid, or to what lies within ``beyond_mm`` of it."""
        section = place.section
        # A power below 1 lets the fluid thin out slowly as it climbs the wall: the meniscus.
        round_wall = _ramp(place.wall.backward, self.front, 1.0) ** 1.4
        height = _ramp(section.z_mm, self.top_mm, self.bottom_mm) ** 0.8
        reach = (self.depth_mm + beyond_mm) * height * round_wall
        reach = reach * (1.0 + 0.1 * self.texture.at(section))
        own = place.is_right if self.side < 0 else ~place.is_right
        inward = -place.wall.distance
        distance: Plane = np.where(own & (reach > 1.0), inward - reach, np.float32(99.0))
        return distance


@dataclass(frozen=True, eq=False)
class Squeezed:
    """Lung collapsed by the fluid beside it."""

    code: int
    tissue_hu: float
    fluid: Fluid
    thickness_mm: float

    def share(self, place: Place) -> Plane:
        """See ``Finding``."""
        distance = self.fluid.distance(place, self.thickness_mm)
        share: Plane = np.clip(0.5 - distance / np.float32(4.0), 0.0, 1.0)
        return share


def _ramp(value: npt.ArrayLike, start: float, end: float) -> Plane:
    """0 at ``start``, 1 at ``end``, linear between; ``end`` may be below ``start``."""
    share = (np.asarray(value, np.float32) - np.float32(start)) / np.float32(end - start)
    clipped: Plane = np.clip(share, np.float32(0.0), np.float32(1.0))
    return clipped
