"""What lies round the body and moves it: other tables than the usual couch, arms, breathing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from LungPNetLib.cohort.phantom.anatomy import Build, back_y_mm
from LungPNetLib.cohort.phantom.scanner import Arms, Scanner, Table
from LungPNetLib.cohort.phantom.shapes import Capsule, Plane, Section
from LungPNetLib.cohort.phantom.skeleton import FAT_HU, MUSCLE_HU, paint_bone
from LungPNetLib.cohort.phantom.thorax import Thorax
from LungPNetLib.cohort.phantom.trees import Points

_FAR_MM = 1000.0
_FLAT_MM, _FLAT_HALF_WIDTH_MM = 42.0, 265.0
_FLAT_SKIN_HU, _FLAT_FOAM_HU = 120.0, -890.0
_ARM_MM, _ARM_MUSCLE_MM, _HUMERUS_MM = 46.0, 39.0, 11.0
_BREATH_MM = 27.0
"""Distance over which slices are taken while the patient breathes in and out once."""
_FRONT_Y_MM, _RESTING_Y_MM = -112.0, 40.0


def without_couch(thorax: Thorax) -> Thorax:
    """The same person on nothing: the couch is moved out of every field of view."""
    away = replace(thorax.chest.build, couch_gap_mm=_FAR_MM)
    return replace(thorax, chest=replace(thorax.chest, build=away))


def paint_surroundings(section: Section, build: Build, scanner: Scanner) -> None:
    """Paint table and arms into a section in patient mm, before the body covers them.

    The usual curved couch is the chest's own and not painted here.
    """
    if scanner.table is Table.FLAT:
        _paint_flat_table(build.atlas_of(section), build)
    if scanner.arms is Arms.DOWN:
        _paint_arms(section, build)


def _paint_flat_table(atlas: Section, build: Build) -> None:
    lean = np.float32(build.shift_mm(atlas.z_mm)[1])
    depth = atlas.y - (back_y_mm(build) + build.couch_gap_mm - lean)
    beside = np.abs(atlas.x) - _FLAT_HALF_WIDTH_MM
    table = np.maximum(np.maximum(-depth, depth - _FLAT_MM), beside)
    atlas.paint(table, _FLAT_SKIN_HU)
    atlas.paint(table + 2.0, _FLAT_FOAM_HU)


def _paint_arms(section: Section, build: Build) -> None:
    """Upper arms beside the chest, a little behind its middle."""
    reach = 176.0 * build.scale_axial + build.fat_mm
    for side in (-1.0, 1.0):
        shoulder = (side * (reach - 22.0), 12.0, 78.0)
        elbow = (side * (reach + 38.0), 34.0, -230.0)
        for radius, tissue_hu in ((_ARM_MM, FAT_HU), (_ARM_MUSCLE_MM, MUSCLE_HU)):
            section.paint_solid(Capsule(shoulder, elbow, radius, radius - 6.0), tissue_hu)
        found = section.distance_to(Capsule(shoulder, elbow, _HUMERUS_MM, _HUMERUS_MM))
        if found is not None:
            paint_bone(section, found[1], found[0])


def breathed(plane_hu: Plane, y_mm: Points, motion_mm: float, along_mm: float) -> Plane:
    """A slice during which the front of the chest moved: every edge there is seen twice.

    Parameters
    ----------
    plane_hu : ndarray, shape (rows, columns)
    y_mm : ndarray, shape (rows,)
        LPS mm of the rows, ascending in equal steps. The skin in front moves all the way, the
        spine and what lies behind it rest.
    motion_mm : float
        How far the front moves to and fro at most.
    along_mm : float
        Place along the patient, which decides the phase of breathing.
    """
    swing = motion_mm * np.sin(2.0 * np.pi * along_mm / _BREATH_MM) ** 2
    loose = np.clip((_RESTING_Y_MM - y_mm) / (_RESTING_Y_MM - _FRONT_Y_MM), 0.0, 1.0)
    last = len(y_mm) - 1
    source = np.clip(np.arange(last + 1) + swing * loose / (y_mm[1] - y_mm[0]), 0.0, last)
    low = np.minimum(source.astype(np.int64), last - 1)
    share = (source - low)[:, None].astype(np.float32)
    moved = plane_hu[low] * (1.0 - share) + plane_hu[low + 1] * share
    both: Plane = (plane_hu + moved) * np.float32(0.5)
    return both
