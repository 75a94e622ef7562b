"""A made-up patient before any scanner: plan what grows in the lungs, then paint sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.cohort.phantom import airways as bronchial
from LungPNetLib.cohort.phantom.anatomy import Build
from LungPNetLib.cohort.phantom.chest import Cavity, Chest
from LungPNetLib.cohort.phantom.fields import HALF_SIZE_MM, Field
from LungPNetLib.cohort.phantom.fissures import FISSURE_HU, Fissures
from LungPNetLib.cohort.phantom.lung_plan import LungPlan, Place
from LungPNetLib.cohort.phantom.nodule import Nodule, NoduleSpec
from LungPNetLib.cohort.phantom.nodule_sites import grown_nodules, plain_nodule
from LungPNetLib.cohort.phantom.organs import (
    AIR_HU,
    AIRWAY_AIR_HU,
    AIRWAY_WALL_HU,
    BLOOD_HU,
    LEFT_HILUM,
    RIGHT_HILUM,
    Enhancement,
    main_airways,
)
from LungPNetLib.cohort.phantom.pathology import Disease, Pathology
from LungPNetLib.cohort.phantom.shapes import Plane, Section
from LungPNetLib.cohort.phantom.trees import Branches, grow_tree

_PLAN_MM = 5.0
_VESSEL_LEAVES, _VESSEL_LEAF_RADIUS_MM = 2600, 0.4
_FISSURE_WITHOUT_VESSELS_MM = 4.0
"""Vessels end this far from fissures."""
_MOTTLE_MM = 6.0


@dataclass(frozen=True)
class SectionTruth:
    """What lies at each pixel.

    Parameters
    ----------
    right_lung, left_lung, airways, nodule : ndarray
        Shares of each pixel, 0 to 1. The lungs hold their vessels, segmental bronchi, nodules,
        consolidated and collapsed lung and masses that arise in them. Pleural fluid, chest wall,
        trachea and main bronchi (``airways``) are no lung.
    nodule_label : ndarray of uint8
        Label of the nodule with the largest share; 0 where there is none.
    effusion : ndarray
        Share of each pixel in pleural fluid.
    lobes : ndarray of uint8
        ``Lobe`` number wherever either lung's share is not 0; 0 elsewhere.
    pathology : ndarray of uint8
        ``Pathology.code`` of the disease that changes the pixel most; 0 where none does.
    """

    right_lung: Plane
    left_lung: Plane
    airways: Plane
    nodule: Plane
    nodule_label: npt.NDArray[np.uint8]
    effusion: Plane
    lobes: npt.NDArray[np.uint8]
    pathology: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Thorax:
    """One person's chest, in patient mm except where a part says atlas mm.

    Parameters
    ----------
    build : Build
    chest : Chest
        All but the lungs, in atlas mm.
    fissures : Fissures
        In atlas mm.
    arteries, veins, bronchi : Branches
        Trees inside both lungs; radii of bronchi are those of the air.
    nodules : tuple of Nodule
        Labelled from 1.
    disease : Disease
        What the patient's pathologies change.
    mottle : Field
        Uneven density of the lungs.
    blood_hu : float
        HU of the vessels in the lungs.
    plan : LungPlan
        A coarse map of the lungs, for whoever places something in them.
    """

    build: Build
    chest: Chest
    fissures: Fissures
    arteries: Branches
    veins: Branches
    bronchi: Branches
    nodules: tuple[Nodule, ...]
    disease: Disease
    mottle: Field
    blood_hu: float
    plan: LungPlan

    @classmethod
    def drawn(
        cls,
        seed: int,
        pathologies: tuple[Pathology, ...] = (),
        enhancement: Enhancement | None = None,
        nodules: Sequence[NoduleSpec] | None = None,
    ) -> Thorax:
        """The person that belongs to ``seed``, whatever grid is painted later.

        Body and trees depend on the seed alone: the same person can be had with and without
        disease, nodules or contrast medium. ``pathology.drawn_pathologies`` draws pathologies.
        Without ``nodules`` there is one plain nodule in the parenchyma.
        """
        build_rng, tree_rng, nodule_rng, mottle_rng, organ_rng, fissure_rng, disease_rng = (
            np.random.default_rng([seed, part]) for part in (0, 1, 2, 3, 10, 11, 12)
        )
        blood = enhancement or Enhancement()
        build = Build.drawn(build_rng)
        chest = Chest.drawn(build, organ_rng, blood)
        fissures = Fissures.drawn(fissure_rng)
        plan = _planned(build, chest, fissures)
        arteries, veins, bronchi = _grown_trees(build, plan, tree_rng)
        if nodules is None:
            grown: tuple[Nodule, ...] = (plain_nodule(plan, nodule_rng),)
        else:
            vessels = Branches.joined([arteries, veins])
            grown = grown_nodules(nodules, plan, vessels, chest, nodule_rng)
        return cls(
            build=build,
            chest=chest,
            fissures=fissures,
            arteries=arteries,
            veins=veins,
            bronchi=bronchi,
            nodules=grown,
            disease=Disease.drawn(pathologies, plan, disease_rng),
            mottle=Field.drawn(mottle_rng, _MOTTLE_MM),
            blood_hu=BLOOD_HU + blood.lung_hu,
            plan=plan,
        )

    @property
    def nodule(self) -> Nodule:
        """The first nodule."""
        return self.nodules[0]

    @property
    def vessels(self) -> Branches:
        """Arteries and veins of both lungs."""
        return Branches.joined([self.arteries, self.veins])

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
        atlas = self.build.atlas_of(section)
        cavity = self.chest.paint(atlas)
        space = atlas.coverage(cavity.distance)
        lobes, gap_mm, fissure_share = self.fissures.lobes(atlas, cavity.is_right, thickness_mm)
        place = Place(section, cavity.wall, -cavity.distance, lobes, gap_mm, cavity.is_right)
        effusion = self.disease.fluid_share(place) * space
        lung = space - effusion
        tissue, changed = self._lung_tissue(place, vessel_share, fissure_share)
        nodule, label = self._paint_nodules(replace(section, hu=tissue), thickness_mm)
        section.hu[...] += space * (tissue - section.hu)
        section.hu[...] += effusion * (self.disease.fluid_hu - section.hu)
        airways = self._paint_main_airways(atlas)
        lung = np.minimum(lung, 1.0 - airways)
        return SectionTruth(
            right_lung=lung * cavity.is_right,
            left_lung=lung * ~cavity.is_right,
            airways=airways,
            nodule=nodule,
            nodule_label=label,
            effusion=effusion,
            lobes=np.where(lung > 0.0, lobes, np.uint8(0)),
            pathology=np.where(lung > 0.0, changed, np.uint8(0)),
        )

    def _paint_nodules(
        self, layer: Section, thickness_mm: float
    ) -> tuple[Plane, npt.NDArray[np.uint8]]:
        """Paint them into the lung's tissue; returns their share and their labels."""
        share = np.zeros_like(layer.hu)
        labels = np.zeros(layer.hu.shape, np.uint8)
        for nodule in self.nodules:
            own = nodule.paint(layer.hu, layer, thickness_mm)
            if own is not None:
                labels[own > share] = nodule.truth.label
                np.maximum(share, own, out=share)
        return share, labels

    def _lung_tissue(
        self, place: Place, vessels: Plane, fissures: Plane
    ) -> tuple[Plane, npt.NDArray[np.uint8]]:
        """HU of a plane as if it were lung everywhere, and the codes of its diseases."""
        section = place.section
        build = self.build
        gradient = build.gradient_hu_per_mm * np.clip(section.y, -100.0, 100.0)
        mottle = np.float32(build.mottle_hu) * self.mottle.at(section)
        tissue = (build.parenchyma_hu + gradient + mottle).astype(np.float32)
        changed = np.zeros(tissue.shape, np.uint8)
        self.disease.thin(tissue, place, changed)
        tissue += fissures * (FISSURE_HU - tissue)
        self.disease.haze(tissue, place, changed)
        tissue += vessels * (self.blood_hu - tissue)
        self.disease.fill(tissue, place, changed)
        layer = replace(section, hu=tissue)
        self._paint_bronchi(layer)
        self.disease.cover(tissue, place, changed)
        return tissue, changed

    def _paint_bronchi(self, layer: Section) -> None:
        """Walls first, then air, so that forks are open."""
        near = self.bronchi.near_height(layer.z_mm, 2.0).capsules()
        for bronchus in near:
            wall_mm = bronchial.wall_mm(bronchus.radius_start_mm)
            found = layer.distance_to(bronchus, wall_mm)
            if found is not None:
                layer.paint(found[1] - wall_mm, AIRWAY_WALL_HU, found[0])
        for bronchus in near:
            layer.paint_solid(bronchus, AIRWAY_AIR_HU)

    @staticmethod
    def _paint_main_airways(atlas: Section) -> Plane:
        """Paint trachea and main bronchi; returns the share of their air."""
        airways = np.zeros_like(atlas.hu)
        for capsule in main_airways():
            found = atlas.distance_to(capsule)
            if found is not None:
                target = airways[found[0]]
                np.maximum(target, atlas.coverage(found[1]), out=target)
        atlas.hu[...] += airways * (np.float32(AIRWAY_AIR_HU) - atlas.hu)
        return airways


def _planned(build: Build, chest: Chest, fissures: Fissures) -> LungPlan:
    """Paint the empty chest on a coarse grid to learn where the lungs are."""
    x, y, z = (np.arange(-half, half, _PLAN_MM) + _PLAN_MM / 2 for half in HALF_SIZE_MM)
    shape = (len(z), len(y), len(x))
    lobes = np.zeros(shape, np.uint8)
    gap_mm = np.zeros(shape, np.float32)
    for k, height in enumerate(z):
        section = Section(
            x[None].astype(np.float32),
            y[:, None].astype(np.float32),
            float(height),
            _PLAN_MM,
            np.full(shape[1:], AIR_HU, np.float32),
        )
        atlas = build.atlas_of(section)
        cavity: Cavity = chest.paint(atlas)
        lobe, gap_mm[k], _ = fissures.lobes(atlas, cavity.is_right, _PLAN_MM)
        lobes[k] = np.where(cavity.distance < 0.0, lobe, 0)
    depth_mm = ndimage.distance_transform_edt(lobes > 0, sampling=_PLAN_MM)
    inside = np.nonzero(lobes)
    return LungPlan(
        places_mm=np.stack([x[inside[2]], y[inside[1]], z[inside[0]]], axis=1),
        depth_mm=depth_mm[inside],
        lobes=lobes[inside],
        fissure_gap_mm=gap_mm[inside],
        hila_mm=build.to_patient([RIGHT_HILUM.bronchus, LEFT_HILUM.bronchus]),
        step_mm=_PLAN_MM,
    )


def _grown_trees(
    build: Build, plan: LungPlan, rng: np.random.Generator
) -> tuple[Branches, Branches, Branches]:
    """Arteries, veins and bronchi of both lungs."""
    arteries, veins, bronchi = [], [], []
    free = plan.fissure_gap_mm > _FISSURE_WITHOUT_VESSELS_MM
    for hilum, own in ((RIGHT_HILUM, plan.lobes <= 3), (LEFT_HILUM, plan.lobes > 3)):
        room = np.flatnonzero(free & own)

        def tree(root_mm: npt.ArrayLike, room: npt.NDArray[np.int64] = room) -> Branches:
            chosen = rng.choice(room, _VESSEL_LEAVES, replace=False)
            ends = plan.places_mm[chosen] + rng.uniform(-0.5, 0.5, (len(chosen), 3)) * plan.step_mm
            root = build.to_patient(root_mm)
            return grow_tree(root, ends, _VESSEL_LEAF_RADIUS_MM, rng, plan.lobes[chosen])

        arteries.append(tree(hilum.artery))
        veins.append(tree(hilum.vein))
        bronchi.append(bronchial.beside(arteries[-1], build.to_patient(hilum.bronchus)))
    return Branches.joined(arteries), Branches.joined(veins), Branches.joined(bronchi)
