"""A made-up patient before any scanner: plan what grows in the lungs, then paint sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.cohort.phantom import skeleton
from LungPNetLib.cohort.phantom.anatomy import Build, WallField, back_y_mm
from LungPNetLib.cohort.phantom.nodule import Nodule
from LungPNetLib.cohort.phantom.organs import (
    AIR_HU,
    AIRWAY_AIR_HU,
    AIRWAY_WALL_HU,
    BLOOD_HU,
    LEFT_HILUM,
    RIGHT_HILUM,
    Mediastinum,
    main_airways,
    paint_abdomen,
    paint_organs,
    septum_distance,
)
from LungPNetLib.cohort.phantom.shapes import Capsule, Plane, Section, Solid
from LungPNetLib.cohort.phantom.trees import Branches, Points, grow_tree

_PLAN_MM = 5.0
_PLAN_HALF_SIZE_MM = (170.0, 120.0, 180.0)
_VESSEL_LEAVES, _VESSEL_LEAF_RADIUS_MM = 1400, 0.5
_BRONCHUS_LEAVES, _BRONCHUS_LEAF_RADIUS_MM = 70, 0.9
_SEEN_BRONCHUS_RADIUS_MM = 1.3
"""CT does not show the walls of smaller ones."""
_NODULE_DIAMETER_MM = (8.0, 14.0)
_NODULE_FROM_PLEURA_MM = 8.0
_NODULE_FROM_HILUM_MM = 50.0
_MOTTLE_MM, _MOTTLE_HU = 5.0, 14.0
_COUCH_RADIUS_MM, _COUCH_SKIN_HU, _COUCH_FOAM_HU = 800.0, 60.0, -930.0


@dataclass(frozen=True)
class SectionTruth:
    """Shares of each pixel, 0 to 1: right lung, left lung, air of the main airways, nodule."""

    right_lung: Plane
    left_lung: Plane
    airways: Plane
    nodule: Plane


@dataclass(frozen=True)
class Thorax:
    """One person's chest; lengths in patient mm except where a part says atlas mm.

    Parameters
    ----------
    build : Build
    mediastinum : Mediastinum
        In atlas mm.
    bones : tuple of Solid
        Bones without a function of their own, in atlas mm.
    vessels : Branches
        Arteries and veins of both lungs.
    bronchi : tuple of Capsule
        Bronchi inside the lungs, in atlas mm; radii are those of the air.
    nodule : Nodule
    mottle : ndarray, shape (z, y, x)
        Uneven density of the lungs in HU, every 5 mm.
    """

    build: Build
    mediastinum: Mediastinum
    bones: tuple[Solid, ...]
    vessels: Branches
    bronchi: tuple[Capsule, ...]
    nodule: Nodule
    mottle: Plane

    @classmethod
    def drawn(cls, seed: int) -> Thorax:
        """The person that belongs to ``seed``, whatever grid is painted later."""
        build_rng, tree_rng, nodule_rng, mottle_rng = (
            np.random.default_rng([seed, part]) for part in range(4)
        )
        build = Build.drawn(build_rng)
        mediastinum = Mediastinum.of(build)
        lungs, depth_mm = _planned_lungs(build, mediastinum)
        vessels, bronchi = _grown_trees(build, lungs, depth_mm, tree_rng)
        shape = [round(2 * half / _MOTTLE_MM) for half in _PLAN_HALF_SIZE_MM[::-1]]
        white = mottle_rng.standard_normal(shape, dtype=np.float32)
        mottle = ndimage.gaussian_filter(white, 0.7)
        return cls(
            build=build,
            mediastinum=mediastinum,
            bones=tuple(skeleton.free_bones()),
            vessels=vessels,
            bronchi=tuple(bronchi.wider_than(_SEEN_BRONCHUS_RADIUS_MM).capsules(build.scale)),
            nodule=_placed_nodule(build, depth_mm, nodule_rng),
            mottle=mottle * np.float32(_MOTTLE_HU / mottle.std()),
        )

    def paint(self, section: Section, vessel_share: Plane, thickness_mm: float) -> SectionTruth:
        """Paint a section in patient mm, filled with air before, and say what lies where.

        Parameters
        ----------
        section : Section
        vessel_share : ndarray, shape (rows, columns)
            Share of each pixel in a vessel of ``vessels``.
        thickness_mm : float
            Thickness of the layer that the section stands for.
        """
        scale = self.build.scale
        atlas = Section(
            section.x / np.float32(scale[0]),
            section.y / np.float32(scale[1]),
            section.z_mm / scale[2],
            section.pixel_mm / scale[0],
            section.hu,
        )
        _paint_couch(atlas, self.build)
        lung = atlas.coverage(_paint_chest(atlas, self.build, self.mediastinum, self.bones))
        tissue, nodule = self._lung_tissue(section, atlas, vessel_share, thickness_mm)
        section.hu[...] += lung * (tissue - section.hu)
        airways = np.zeros_like(lung)
        for capsule in main_airways():
            found = atlas.distance_to(capsule)
            if found is not None:
                target = airways[found[0]]
                np.maximum(target, atlas.coverage(found[1]), out=target)
        section.hu[...] += airways * (np.float32(AIRWAY_AIR_HU) - section.hu)
        is_right = section.x < 0.0
        return SectionTruth(lung * is_right, lung * ~is_right, airways, nodule)

    def _lung_tissue(
        self, section: Section, atlas: Section, vessel_share: Plane, thickness_mm: float
    ) -> tuple[Plane, Plane]:
        """HU of a plane as if it were lung everywhere, and the nodule's share of its pixels."""
        gradient = self.build.gradient_hu_per_mm * np.clip(section.y, -100.0, 100.0)
        tissue = (self.build.parenchyma_hu + gradient + self._mottle_at(section)).astype(np.float32)
        tissue += vessel_share * (BLOOD_HU - tissue)
        layer = replace(atlas, hu=tissue)
        for bronchus in self.bronchi:
            found = layer.distance_to(bronchus, margin_mm=1.5)
            if found is not None:
                wall_mm = 0.4 + 0.15 * bronchus.radius_start_mm
                layer.paint(found[1] - wall_mm, AIRWAY_WALL_HU, found[0])
        for bronchus in self.bronchi:
            layer.paint_solid(bronchus, AIRWAY_AIR_HU)
        share = np.zeros_like(tissue)
        found_nodule = self.nodule.cover(section, thickness_mm)
        if found_nodule is not None:
            window, nodule, core = found_nodule
            share[window] = nodule
            inside = nodule * self.nodule.rim_hu + core * (self.nodule.core_hu - self.nodule.rim_hu)
            tissue[window] = tissue[window] * (1.0 - nodule) + inside
        return tissue, share

    def _mottle_at(self, section: Section) -> Plane:
        """The mottle between its lattice points, linear along each axis."""
        half_x, half_y, half_z = _PLAN_HALF_SIZE_MM
        (along_z,) = _linear_weights(np.array([section.z_mm + half_z]), self.mottle.shape[0])
        along_y = _linear_weights(section.y[:, 0] + half_y, self.mottle.shape[1])
        along_x = _linear_weights(section.x[0] + half_x, self.mottle.shape[2])
        plane: Plane = along_y @ np.tensordot(along_z, self.mottle, 1) @ along_x.T
        return plane


def _linear_weights(offset_mm: Plane, count: int) -> Plane:
    """Matrix (positions, lattice points) of linear interpolation, held constant outside."""
    place = np.clip(offset_mm / _MOTTLE_MM, 0, count - 1)
    weights: Plane = np.maximum(1.0 - np.abs(place[:, None] - np.arange(count)), 0.0)
    return weights.astype(np.float32)


def _paint_couch(atlas: Section, build: Build) -> None:
    """A curved couch of foam in a thin shell under the back."""
    top = back_y_mm() + build.couch_gap_mm - atlas.x**2 / (2.0 * _COUCH_RADIUS_MM)
    depth = atlas.y - top
    couch = np.maximum(np.maximum(-depth, depth - 30.0), np.abs(atlas.x) - 215.0)
    atlas.paint(couch, _COUCH_SKIN_HU)
    atlas.paint(couch + 1.6, _COUCH_FOAM_HU)


def _paint_chest(
    atlas: Section, build: Build, mediastinum: Mediastinum, bones: Sequence[Solid]
) -> Plane:
    """Paint all but the lungs' own tissue; returns the signed distance to the lungs in mm."""
    wall = WallField.at(atlas.x, atlas.y, atlas.z_mm)
    skeleton.paint_body_wall(atlas, build, wall)
    atlas.paint(wall.distance, skeleton.FAT_HU)
    skeleton.paint_ribs(atlas, wall)
    heart = paint_organs(atlas, mediastinum.upper)
    below = paint_abdomen(atlas, build, wall.distance)
    between = np.minimum(paint_organs(atlas, mediastinum.through), septum_distance(atlas))
    skeleton.paint_sternum(atlas)
    skeleton.paint_shoulder_blades(atlas)
    for bone in bones:
        found = atlas.distance_to(bone)
        if found is not None:
            skeleton.paint_bone(atlas, found[1], found[0])
    skeleton.paint_spine(atlas)
    distance: Plane = np.maximum(np.maximum(wall.distance, -below), -np.minimum(heart, between))
    return distance


def _plan_axes() -> list[npt.NDArray[np.float64]]:
    """Patient mm of the coarse grid on which nodule and trees are planned, along x, y and z."""
    return [np.arange(-half, half, _PLAN_MM) + _PLAN_MM / 2 for half in _PLAN_HALF_SIZE_MM]


def _planned_lungs(
    build: Build, mediastinum: Mediastinum
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Coarse lung mask (z, y, x), and each voxel's distance to what is not lung in mm."""
    x, y, z = _plan_axes()
    mask = np.zeros((len(z), len(y), len(x)), bool)
    for k, height in enumerate(z):
        atlas = Section(
            (x[None] / build.scale_axial).astype(np.float32),
            (y[:, None] / build.scale_axial).astype(np.float32),
            height / build.scale_height,
            _PLAN_MM,
            np.full(mask.shape[1:], AIR_HU, np.float32),
        )
        mask[k] = _paint_chest(atlas, build, mediastinum, ()) < 0.0
    return mask, ndimage.distance_transform_edt(mask, sampling=_PLAN_MM)


def _grown_trees(
    build: Build,
    lungs: npt.NDArray[np.bool_],
    depth_mm: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[Branches, Branches]:
    """Vessels and bronchi of both lungs."""
    x, y, z = _plan_axes()
    room = np.argwhere(lungs & (depth_mm > _PLAN_MM))
    places = np.stack([x[room[:, 2]], y[room[:, 1]], z[room[:, 0]]], axis=1)
    scale = np.asarray(build.scale)
    vessels, bronchi = [], []
    for hilum, side in ((RIGHT_HILUM, -1.0), (LEFT_HILUM, 1.0)):
        own = places[places[:, 0] * side > 0.0]

        def leaves(count: int, own: Points = own) -> Points:
            chosen = own[rng.choice(len(own), count, replace=False)]
            return chosen + rng.uniform(-0.5, 0.5, chosen.shape) * _PLAN_MM

        for root in (hilum.artery, hilum.vein):
            ends = leaves(_VESSEL_LEAVES)
            vessels.append(grow_tree(root * scale, ends, _VESSEL_LEAF_RADIUS_MM, rng))
        ends = leaves(_BRONCHUS_LEAVES)
        bronchi.append(grow_tree(hilum.bronchus * scale, ends, _BRONCHUS_LEAF_RADIUS_MM, rng))
    return Branches.joined(vessels), Branches.joined(bronchi)


def _placed_nodule(
    build: Build, depth_mm: npt.NDArray[np.float64], rng: np.random.Generator
) -> Nodule:
    """A nodule in the parenchyma, away from pleura and hila."""
    x, y, z = _plan_axes()
    diameter = rng.uniform(*_NODULE_DIAMETER_MM)
    room = np.argwhere(depth_mm > diameter / 2 + _NODULE_FROM_PLEURA_MM)
    places = np.stack([x[room[:, 2]], y[room[:, 1]], z[room[:, 0]]], axis=1)
    for hilum in (RIGHT_HILUM, LEFT_HILUM):
        gap = np.linalg.norm(places - np.asarray(hilum.bronchus) * build.scale, axis=1)
        places = places[gap > _NODULE_FROM_HILUM_MM]
    centre = places[rng.integers(len(places))] + rng.uniform(-2.0, 2.0, 3)
    return Nodule.drawn(1, tuple(centre.tolist()), diameter, rng)
