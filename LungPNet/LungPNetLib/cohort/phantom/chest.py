"""All of a made-up chest but the lungs' own tissue: body wall, bones, mediastinum, abdomen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom import skeleton
from LungPNetLib.cohort.phantom.abdomen import Abdomen
from LungPNetLib.cohort.phantom.anatomy import Build, WallField, back_y_mm
from LungPNetLib.cohort.phantom.fields import Field
from LungPNetLib.cohort.phantom.organs import (
    Enhancement,
    Mediastinum,
    paint_organs,
    septum_distance,
)
from LungPNetLib.cohort.phantom.shapes import Plane, Section, Solid

_COUCH_RADIUS_MM, _COUCH_SKIN_HU, _COUCH_FOAM_HU = 800.0, 60.0, -930.0
_WALL_UNEVEN_MM = 1.0
_SEPTUM_SWAY_MM = 2.0


@dataclass(frozen=True)
class Cavity:
    """Where the lungs' space lies in one section.

    Parameters
    ----------
    distance : ndarray
        Signed distance to it in mm, negative inside.
    wall : WallField
        The chest wall.
    below : ndarray
        Signed distance to the space below the diaphragm.
    is_right : ndarray of bool
        Right of the sheet that parts the lungs.
    """

    distance: Plane
    wall: WallField
    below: Plane
    is_right: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Chest:
    """One patient's chest without lungs, in atlas mm.

    Parameters
    ----------
    build : Build
    mediastinum : Mediastinum
    abdomen : Abdomen
    bones : tuple of Solid
        Bones without a function of their own.
    coarse, fine : Field
        Fields that make surfaces uneven.
    """

    build: Build
    mediastinum: Mediastinum
    abdomen: Abdomen
    bones: tuple[Solid, ...]
    coarse: Field
    fine: Field

    @classmethod
    def drawn(cls, build: Build, rng: np.random.Generator, blood: Enhancement) -> Chest:
        """The chest of a patient of this build; ``blood`` holds the contrast medium."""
        return cls(
            build=build,
            mediastinum=Mediastinum.of(build, rng, blood),
            abdomen=Abdomen.drawn(build, rng),
            bones=tuple(skeleton.free_bones()),
            coarse=Field.drawn(rng, 26.0),
            fine=Field.drawn(rng, 9.0),
        )

    def paint(self, atlas: Section) -> Cavity:
        """Paint a section in atlas mm, filled with air before."""
        coarse, fine = self.coarse.at(atlas), self.fine.at(atlas)
        self._paint_couch(atlas)
        wall = WallField.at(atlas.x, atlas.y, atlas.z_mm)
        wall = replace(wall, distance=wall.distance + np.float32(_WALL_UNEVEN_MM) * coarse)
        skeleton.paint_body_wall(atlas, self.build, wall, fine)
        atlas.paint(wall.distance, skeleton.FAT_HU)
        skeleton.paint_ribs(atlas, wall)
        heart = paint_organs(atlas, self.mediastinum.upper, coarse)
        below = self.abdomen.paint(atlas, self.build, wall.distance, coarse)
        middle = np.float32(_SEPTUM_SWAY_MM) * coarse
        between = np.minimum(
            paint_organs(atlas, self.mediastinum.through, fine), septum_distance(atlas, middle)
        )
        skeleton.paint_sternum(atlas)
        skeleton.paint_shoulder_blades(atlas)
        for bone in self.bones:
            found = atlas.distance_to(bone)
            if found is not None:
                skeleton.paint_bone(atlas, found[1], found[0])
        skeleton.paint_spine(atlas)
        distance: Plane = np.maximum(np.maximum(wall.distance, -below), -np.minimum(heart, between))
        return Cavity(distance, wall, below, atlas.x < middle)

    def _paint_couch(self, atlas: Section) -> None:
        """A curved couch of foam in a thin shell under the back, level where the back leans."""
        lean = np.float32(self.build.shift_mm(atlas.z_mm)[1])
        top = back_y_mm(self.build) + self.build.couch_gap_mm - lean
        depth = atlas.y - top + atlas.x**2 / (2.0 * _COUCH_RADIUS_MM)
        couch = np.maximum(np.maximum(-depth, depth - 30.0), np.abs(atlas.x) - 215.0)
        atlas.paint(couch, _COUCH_SKIN_HU)
        atlas.paint(couch + 1.6, _COUCH_FOAM_HU)
