"""Dense tissue between lung and chest wall that a threshold loses: masses, scars, consolidation."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from LungPNetLib.lungs.morphology import ZYX, Components, FloatImage, Mask, dilated, opened

BONE_HU = 180
"""Coarse voxels above this are taken for rib or calcified cartilage, not for lung. There is no
lower limit: lipomas and hamartomas are masses too, and normal fat leaves the hull convex."""

MIN_DEPTH_MM = 8.0
"""Pockets into which no ball of this diameter fits are ribs and cartilage that indent the lung.
Smaller lesions are closed over without them."""

MIN_POCKET_ML = 0.3

RIB_REACH_MM = 8.0
"""A pocket of the chest wall comes this close to bone; the liver between two lung tips does not."""


def costal_pockets(
    lung: Mask,
    other_lung: Mask,
    hu: FloatImage,
    centre: tuple[float, float],
    spacing_mm: ZYX,
) -> Mask:
    """Soft tissue between one lung and its convex hull on the side of the chest wall.

    In each axial slice the outer (costal) surface of a healthy lung is convex, the inner
    (mediastinal, diaphragmatic) one is not. So a dent in the convex hull counts only where, seen
    from the middle of the chest, the same lung lies before it and none behind it: that holds for a
    mass or consolidation against the chest wall, not for heart, liver and spine.

    Parameters
    ----------
    lung, other_lung : ndarray of bool, shape (z, y, x)
        Axial slices, rows from front to back.
    hu : ndarray of float32
        The CT on the same grid.
    centre : tuple of float
        Row and column of the middle of the chest; may lie outside the arrays.
    spacing_mm : tuple of float
        In (z, y, x).
    """
    both = lung | other_lung
    angle, radius = _polar(lung.shape[1:], centre, spacing_mm)
    pockets = np.zeros_like(lung)
    for k in np.flatnonzero(lung.any(axis=(1, 2))):
        dent = convex_hull(lung[k]) & ~both[k] & (hu[k] < BONE_HU)
        pockets[k] = dent & _beyond(lung[k], angle, radius)
    pockets &= opened(pockets, MIN_DEPTH_MM / 2, spacing_mm)
    return _large_and_near_bone(pockets, hu, spacing_mm)


def _large_and_near_bone(pockets: Mask, hu: FloatImage, spacing_mm: ZYX) -> Mask:
    parts = Components.of(pockets)
    least = MIN_POCKET_ML * 1000 / float(np.prod(spacing_mm))
    near_bone = dilated(hu > BONE_HU, RIB_REACH_MM, spacing_mm)
    wanted = np.intersect1d(
        np.flatnonzero(parts.sizes >= least) + 1, np.unique(parts.labels[near_bone])
    )
    return np.isin(parts.labels, wanted)


def _polar(
    shape: tuple[int, ...], centre: tuple[float, float], spacing_mm: ZYX
) -> tuple[np.ndarray, FloatImage]:
    """Direction (in whole degrees) and distance of each pixel from ``centre``."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    dy, dx = (y - centre[0]) * spacing_mm[1], (x - centre[1]) * spacing_mm[2]
    angle = np.floor(np.degrees(np.arctan2(dy, dx)) % 360).astype(int)
    return angle, np.hypot(dy, dx).astype(np.float32)


def _beyond(plane: Mask, angle: np.ndarray, radius: FloatImage) -> Mask:
    """Pixels that lie farther out than all lung in their direction, where there is lung."""
    last = np.full(360, np.inf, np.float32)
    last[np.unique(angle[plane])] = 0
    np.maximum.at(last, angle[plane], radius[plane])
    beyond: Mask = radius > last[angle]
    return beyond


def convex_hull(plane: Mask) -> Mask:
    """Pixels inside the convex hull of ``plane``."""
    from PIL import Image, ImageDraw

    rows, columns = np.nonzero(plane)
    points = np.stack([columns, rows], axis=1)
    try:
        corners = points[ConvexHull(points).vertices]
    except (QhullError, ValueError):
        return plane
    image = Image.new("1", plane.shape[::-1])
    ImageDraw.Draw(image).polygon([tuple(map(int, c)) for c in corners], fill=1, outline=1)
    return np.asarray(image, dtype=bool)
