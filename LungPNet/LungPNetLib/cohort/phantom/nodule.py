"""Lung nodules with a known outline, size and density."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom.lesion_lattice import Cube, Lattice
from LungPNetLib.cohort.phantom.lesion_shapes import Body, Margin, Strand, spicules, tag
from LungPNetLib.cohort.phantom.nodule_kinds import (
    Density,
    Location,
    NoduleSpec,
    NoduleTruth,
    NoduleType,
)
from LungPNetLib.cohort.phantom.shapes import Plane, Section, Window
from LungPNetLib.errors import InputError
from LungPNetLib.volume import Triplet

__all__ = ["Location", "Nodule", "NoduleSpec", "NoduleTruth", "NoduleType"]

_STEP_SHARE, _FINEST_MM, _COARSEST_MM = 1.0 / 44.0, 0.15, 0.5
"""Cubes of the lattice as a share of the diameter, and their limits."""
_GRAIN_MM, _RAGGED_SHARE = 2.0, 0.3
_SPICULATED_RAGGED = 0.1
_BUBBLE_HU = np.float32(-920.0)
_VESSEL_EDGE_HU = -780.0
"""What is denser than lung is vessel or wall and stays as dense inside a nodule."""


@dataclass(frozen=True, eq=False)
class Nodule:
    """A nodule on a fine lattice of its own, from which any scan's voxels are averaged exactly.

    Parameters
    ----------
    truth : NoduleTruth
    lattice : Lattice
        In patient mm.
    share : ndarray, shape (z, y, x)
        Share of each cube inside the nodule, 0 to 1.
    hu : ndarray, shape (z, y, x)
        HU of the nodule in each cube.
    """

    truth: NoduleTruth
    lattice: Lattice
    share: Cube
    hu: Cube

    @classmethod
    def drawn(
        cls, label: int, centre_mm: Triplet, diameter_mm: float, rng: np.random.Generator
    ) -> Nodule:
        """A plain solid (2 in 3) or part-solid nodule whose volume fits ``diameter_mm`` exactly."""
        kind = NoduleType.SOLID if rng.uniform() < 2.0 / 3.0 else NoduleType.PART_SOLID
        return cls.grown(label, centre_mm, NoduleSpec(diameter_mm, kind), rng)

    @classmethod
    def grown(
        cls,
        label: int,
        centre_mm: Triplet,
        spec: NoduleSpec,
        rng: np.random.Generator,
        tag_direction: npt.ArrayLike | None = None,
    ) -> Nodule:
        """A nodule whose volume fits ``spec`` exactly and has its centre at ``centre_mm``.

        Parameters
        ----------
        label : int
        centre_mm : tuple of float
            LPS mm.
        spec : NoduleSpec
            Its location is noted in the truth; the caller chose ``centre_mm`` accordingly.
        rng : Generator
        tag_direction : array_like, optional
            Unit vector along which a strand runs from a spiculated nodule, as to the pleura.
        """
        density = Density.drawn(spec.type, rng)
        if spec.margin is Margin.SPICULATED:
            density = replace(density, ragged=max(density.ragged, _SPICULATED_RAGGED))
        body, radius = Body.drawn(spec.margin, rng), spec.diameter_mm / 2.0
        strands: list[Strand] = []
        if spec.margin is Margin.SPICULATED:
            strands = spicules(body, radius, rng)
            if tag_direction is not None:
                strands.append(tag(body, radius, tag_direction, 10.0))
        step = float(np.clip(spec.diameter_mm * _STEP_SHARE, _FINEST_MM, _COARSEST_MM))
        lattice = Lattice.round_origin(_reach_mm(body, radius, strands, density), step)
        share, hu = _filled(lattice, body, radius, strands, density, rng)
        middle = _middle(lattice, share)
        volume = float(share.sum(dtype=np.float64)) * step**3
        scale = spec.diameter_mm / (6.0 / np.pi * volume) ** (1.0 / 3.0)
        truth = NoduleTruth(
            label,
            centre_mm,
            spec.diameter_mm,
            float(np.average(hu, weights=share)),
            spec.type,
            spec.margin,
            spec.location,
        )
        return cls(truth, lattice.moved(np.asarray(centre_mm) - middle * scale, scale), share, hu)

    def clipped(self, inside: Callable[[Cube], npt.NDArray[np.floating]]) -> Nodule:
        """The part of the nodule in the lung, with its truth measured again.

        Parameters
        ----------
        inside : callable
            Told LPS positions in mm, shape (..., 3), it returns the share of lung there, 0 to 1.

        Raises
        ------
        InputError
            Nothing of it lies in the lung.
        """
        share = (self.share * inside(self.lattice.centres())).astype(np.float32)
        volume = float(share.sum(dtype=np.float64)) * self.lattice.step_mm**3
        if volume <= 0.0:
            raise InputError(
                f"A nodule of {self.truth.diameter_mm:.1f} mm lies wholly outside the lung; place "
                "its centre nearer to the lung than its radius."
            )
        x, y, z = _middle(self.lattice, share).tolist()
        truth = replace(
            self.truth,
            centre_mm=(x, y, z),
            diameter_mm=(6.0 / np.pi * volume) ** (1.0 / 3.0),
            mean_hu=float(np.average(self.hu, weights=share)),
        )
        return replace(self, truth=truth, share=share)

    def paint(self, tissue_hu: Plane, section: Section, thickness_mm: float) -> Plane | None:
        """Draw the nodule into ``tissue_hu`` of a section and return its share of all pixels.

        ``section`` is in patient mm and stands for a layer of ``thickness_mm``. Vessels stay
        visible where they are denser than the nodule. None where the nodule is not met.
        """
        window = self._window(section, thickness_mm)
        if window is None:
            return None
        share, mass = self._averages(section, window, thickness_mm)
        tissue_hu[window] = self.blended(tissue_hu[window], share, mass)
        whole = np.zeros_like(tissue_hu)
        whole[window] = share
        return whole

    @staticmethod
    def blended(tissue_hu: Plane, share: Plane, mass: Plane) -> Plane:
        """HU of voxels that a nodule fills by ``share``, ``mass`` being share times its HU.

        Vessels in ``tissue_hu`` stay visible where they are denser than the nodule.
        """
        nodule_hu = mass / np.maximum(share, np.float32(1e-6))
        denser = np.where(tissue_hu > _VESSEL_EDGE_HU, np.maximum(tissue_hu, nodule_hu), nodule_hu)
        mixed: Plane = tissue_hu + share * (denser - tissue_hu)
        return mixed

    def _window(self, section: Section, thickness_mm: float) -> Window | None:
        (x0, y0, z0), (x1, y1, z1) = self.lattice.low_mm, self.lattice.high_mm
        if not z0 - thickness_mm < section.z_mm < z1 + thickness_mm:
            return None
        rows, columns = section.window((x0, x1, y0, y1))
        if rows.start == rows.stop or columns.start == columns.stop:
            return None
        return rows, columns

    def _averages(
        self, section: Section, window: Window, thickness_mm: float
    ) -> tuple[Plane, Plane]:
        """Share of each pixel of the window in the nodule, and share times HU."""
        rows, columns = window
        axes = (section.x[0, columns], section.y[rows, 0], np.array([section.z_mm]))
        width = (section.pixel_mm, section.pixel_mm, thickness_mm)
        share, mass = (
            self.lattice.averaged(values, axes, width)[0] for values in (self.share, self.mass)
        )
        return share, mass

    @cached_property
    def mass(self) -> Cube:
        """Share times HU of each cube."""
        return self.share * self.hu


def _reach_mm(body: Body, radius_mm: float, strands: list[Strand], density: Density) -> float:
    tips = [float(np.abs(strand.points).max()) + strand.width for strand in strands]
    ragged = 2.5 * density.ragged * radius_mm
    return max(float(body.radius.max()) * radius_mm + ragged, *tips, 0.0) + density.edge_mm


def _middle(lattice: Lattice, share: Cube) -> npt.NDArray[np.float64]:
    """Centre of the volume in patient mm (x, y, z)."""
    inner = (np.arange(lattice.count) + 0.5) * lattice.step_mm
    total = share.sum(dtype=np.float64)
    along = [share.sum(axis=axes, dtype=np.float64) @ inner for axes in ((0, 1), (0, 2), (1, 2))]
    middle: npt.NDArray[np.float64] = np.asarray(lattice.low_mm) + np.array(along) / total
    return middle


def _filled(
    lattice: Lattice,
    body: Body,
    radius_mm: float,
    strands: list[Strand],
    density: Density,
    rng: np.random.Generator,
) -> tuple[Cube, Cube]:
    """Share of each cube inside the nodule, and its HU."""
    places = lattice.centres()
    uneven = lattice.field(max(radius_mm * _RAGGED_SHARE, 2.0 * lattice.step_mm), rng)
    rough_mm = density.ragged * radius_mm
    edge_mm = max(density.edge_mm, lattice.step_mm)
    share = _ball(places, body, radius_mm, edge_mm, uneven * np.float32(rough_mm))
    for strand in strands:
        _add_strand(share, lattice, strand)
    hu = np.full(share.shape, density.rim_hu, np.float32)
    if density.core_share > 0.0:
        size = radius_mm * density.core_share
        shift = rng.normal(0.0, 0.3, 3) * (radius_mm - size)
        rough = uneven[::-1, ::-1, ::-1] * np.float32(2.0 * rough_mm)
        core = _ball(places - shift.astype(np.float32), body, size, 0.6, rough)
        hu += core * np.float32(density.core_hu - density.rim_hu)
    texture = lattice.field(_GRAIN_MM, rng)
    texture -= np.average(texture, weights=share)
    hu += texture * np.float32(density.texture_hu)
    for _ in range(density.bubbles):
        middle = (rng.normal(0.0, 0.35, 3) * radius_mm).astype(np.float32)
        size = rng.uniform(0.6, 1.3)
        bubble = np.clip(0.5 + (size - np.linalg.norm(places - middle, axis=-1)) / 0.5, 0.0, 1.0)
        hu += bubble.astype(np.float32) * (_BUBBLE_HU - hu)
    return share, hu


def _ball(places: Cube, body: Body, radius_mm: float, edge_mm: float, rough_mm: Cube) -> Cube:
    """Share of each cube inside a body of ``radius_mm``, its surface moved by ``rough_mm``."""
    distance = np.linalg.norm(places, axis=-1)
    spread = edge_mm + float(np.abs(rough_mm).max())
    surface = np.full(distance.shape, body.radius.min() * radius_mm, np.float32)
    near = distance > surface - spread
    near &= distance < body.radius.max() * radius_mm + spread
    surface[near] = body.at(places[near] / distance[near, None]) * radius_mm
    share: Cube = np.clip(0.5 + (surface + rough_mm - distance) / np.float32(edge_mm), 0.0, 1.0)
    return share


def _add_strand(share: Cube, lattice: Lattice, strand: Strand) -> None:
    """Join a strand to the nodule, in the box of cubes round it."""
    low = np.floor((strand.points.min(axis=0) - strand.width - lattice.low_mm) / lattice.step_mm)
    high = np.ceil((strand.points.max(axis=0) + strand.width - lattice.low_mm) / lattice.step_mm)
    x, y, z = (
        slice(max(int(a), 0), min(int(b), lattice.count)) for a, b in zip(low, high, strict=True)
    )
    inner = (np.arange(lattice.count) + 0.5) * lattice.step_mm
    axes = [corner + inner[part] for corner, part in zip(lattice.low_mm, (x, y, z), strict=True)]
    grid = np.broadcast_arrays(axes[0], axes[1][:, None], axes[2][:, None, None])
    depth = strand.depth(np.stack(grid, axis=-1))
    inside = np.clip(0.5 + depth / lattice.step_mm, 0.0, 1.0).astype(np.float32)
    np.maximum(share[z, y, x], inside, out=share[z, y, x])
