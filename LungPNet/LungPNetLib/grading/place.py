"""Where in the lungs a lesion lies: its side, its third, and how far it is from the pleura."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.lungs.classical import LEFT, RIGHT
from LungPNetLib.volume import Volume

SIDES = {RIGHT: "right", LEFT: "left"}
THIRDS = ("upper", "middle", "lower")

_SIDE_REACH_MM = 5.0
"""A lesion that a lung mask leaves out belongs to the lung that comes this close to it."""
_SEARCHES_MM = (15.0, 30.0, 60.0)
"""How far the pleura is looked for, one after the other; no place in a lung is farther from it."""

Mask = npt.NDArray[np.bool_]


def lung_label(lesion: Volume, lungs: Volume) -> int | None:
    """Label of the lung that the lesion lies in or beside: 1 right, 2 left.

    Parameters
    ----------
    lesion : Volume
        Every voxel that is not 0 belongs to it.
    lungs : Volume
        1 right, 2 left, in any grid.

    Returns
    -------
    int or None
        None if no lung comes within 5 mm.
    """
    near = lungs.resampled_to(_around(lesion, _SIDE_REACH_MM), interpolation="nearest").array
    counts = {label: int(np.count_nonzero(near == label)) for label in SIDES}
    label = max(SIDES, key=lambda label: counts[label])
    return label if counts[label] else None


def lung_third(z_mm: float, lungs: Volume, label: int) -> str:
    """Third of one lung in which an axial level lies: ``"upper"``, ``"middle"`` or ``"lower"``.

    The thirds have the same height, from the highest to the lowest axial section that holds a
    voxel of this lung. They are no lobes: the upper lobes reach into the middle third, and the
    lower lobes into the upper.

    Parameters
    ----------
    z_mm : float
        LPS, so upwards; levels above or below the lung belong to its first or last third.
    lungs : Volume
        A part of a lung is divided as if it were all of it.
    label : int
        Its label in ``lungs``; there is at least one voxel of it.
    """
    axis = lungs.axis_order_to().axes[2]
    others = tuple(2 - other for other in range(3) if other != axis)
    sections = np.flatnonzero((lungs.array == label).any(axis=others))
    ends = np.array([(n - 1) / 2.0 for n in lungs.shape[::-1]])
    levels_mm = []
    for section in (sections[0] - 0.5, sections[-1] + 0.5):
        ends[axis] = section
        levels_mm.append(lungs.index_to_world(ends)[2])
    share = (max(levels_mm) - z_mm) / (max(levels_mm) - min(levels_mm))
    return THIRDS[int(np.clip(share * 3.0, 0.0, 2.0))]


def pleura_distance_mm(lesion: Volume, lungs: Volume, label: int) -> float | None:
    """Smallest distance of the lesion from the outer border of its lung.

    Parameters
    ----------
    lesion : Volume
        Every voxel that is not 0 belongs to it. It counts as lung where the lung mask leaves it
        out.
    lungs : Volume
        In any grid. Its border at chest wall, diaphragm and mediastinum stands for the pleura;
        fissures are not in it. Holes in it, such as vessels, and what lies outside of the image
        are no border.
    label : int
        The lung that the lesion lies in.

    Returns
    -------
    float or None
        0 if a face of a voxel of the lesion touches what is not lung; None if the lung has no
        border within 6 cm.
    """
    # 0 is outside of the image, 1 is no lung.
    shifted = lungs.with_array(lungs.array.astype(np.uint8) + np.uint8(1))
    for reach_mm in _SEARCHES_MM:
        around = _around(lesion, reach_mm)
        near = shifted.resampled_to(around, interpolation="nearest").array.astype(np.uint8)
        inside = lesion.resampled_to(around, interpolation="nearest").array != 0
        beyond = (near != label + 1) & ~inside
        outside = _open_parts(beyond) & (near > 0)
        if outside.any():
            distance_mm = _gap_mm(inside, outside, around.spacing_mm[::-1])
            if distance_mm <= reach_mm:
                return distance_mm
    return None


def _around(lesion: Volume, reach_mm: float) -> Volume:
    """Empty grid that holds the lesion and everything within ``reach_mm`` of it."""
    reach = [math.ceil(reach_mm / step) + 1 for step in lesion.spacing_mm]
    voxels = np.argwhere(lesion.array != 0)[:, ::-1]
    start = voxels.min(axis=0) - reach
    size = voxels.max(axis=0) + reach - start + 1
    return Volume(
        np.broadcast_to(np.uint8(0), size[::-1]),
        lesion.spacing_mm,
        tuple(lesion.index_to_world(start)),
        lesion.direction,
    )


def _open_parts(mask: Mask) -> Mask:
    """The connected parts that reach the border of the array."""
    labels, _ = ndimage.label(mask)
    ends = [labels.take((0, -1), axis=axis).ravel() for axis in range(3)]
    reaching = np.unique(np.concatenate(ends))
    found: Mask = np.isin(labels, reaching[reaching > 0])
    return found


def _gap_mm(inside: Mask, outside: Mask, spacing_mm: tuple[float, ...]) -> float:
    """Smallest distance between the borders of both: of voxel centres, less a layer of voxels."""
    nearest = ndimage.distance_transform_edt(
        ~outside, sampling=spacing_mm, return_distances=False, return_indices=True
    )
    steps_mm = np.abs(nearest[:, inside] - np.argwhere(inside).T) * np.array(spacing_mm)[:, None]
    apart_mm = np.sqrt((steps_mm**2).sum(axis=0))
    # Half of this lies on each side: a voxel along an axis, less where layers lie closer.
    layer_mm = (steps_mm * np.array(spacing_mm)[:, None]).max(axis=0) / apart_mm
    return max(0.0, float((apart_mm - layer_mm).min()))
