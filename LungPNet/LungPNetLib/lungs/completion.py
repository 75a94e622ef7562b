"""One lung with the dense parts that a first look at it loses: vessels, nodules, masses."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from LungPNetLib.lungs.morphology import (
    ZYX,
    Components,
    FloatImage,
    Mask,
    closed,
    holes_filled_by_slice,
)
from LungPNetLib.lungs.pockets import costal_pockets

CLOSING_MM = 6.0
"""Vessels and nodules at the surface up to twice this width belong to the lung."""

_BOX_MARGIN_MM = 12.0


def completed(
    lung: Mask,
    other: Mask,
    hu: FloatImage,
    centre: tuple[float, float],
    spacing_mm: ZYX,
    *,
    largest_pocket_ml: float = math.inf,
) -> Mask:
    """One lung with its vessels, nodules and dense parts against the chest wall.

    Parameters
    ----------
    lung, other : ndarray of bool, shape (z, y, x)
        The two lungs in axial slices; ``lung`` is not empty. What is in ``other`` stays there.
    hu : ndarray of float32
        The CT on the same grid.
    centre : tuple of float
        Row and column of the middle of the chest.
    spacing_mm : tuple of float
        In (z, y, x).
    largest_pocket_ml : float
        A larger piece of soft tissue between lung and chest wall is left out.

    Returns
    -------
    ndarray of bool
        A superset of ``lung`` without ``other``. It may hold air that is no lung (bronchi, air
        outside the body); the caller knows it and takes it out.
    """
    box = _box_around(lung, spacing_mm)
    part, rival = lung[box], other[box]
    full = holes_filled_by_slice(closed(part, CLOSING_MM, spacing_mm)) & ~rival
    place = (centre[0] - box[1].start, centre[1] - box[2].start)
    pockets = Components.of(costal_pockets(full, rival, hu[box], place, spacing_mm))
    small = np.flatnonzero(pockets.sizes * np.prod(spacing_mm) / 1000 <= largest_pocket_ml) + 1
    full |= np.isin(pockets.labels, small)
    whole = np.zeros_like(lung)
    whole[box] = holes_filled_by_slice(full) & ~rival
    return whole


def _box_around(mask: Mask, spacing_mm: ZYX) -> tuple[slice, slice, slice]:
    found = ndimage.find_objects(mask.view(np.uint8))[0]
    grown = [
        slice(max(0, s.start - int(_BOX_MARGIN_MM / d) - 1),
              min(n, s.stop + int(_BOX_MARGIN_MM / d) + 1))
        for s, d, n in zip(found, spacing_mm, mask.shape, strict=True)
    ]  # fmt: skip
    return grown[0], grown[1], grown[2]
