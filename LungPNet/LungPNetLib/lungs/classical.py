"""Lungs by thresholds and morphology: no weights, every step explainable.

The method that serves until a network is chosen, the baseline that a network must beat, and the
source of weak labels for training. It repairs what k-means labellers for LIDC-IDRI get wrong: the
label is the lung (not the dense voxels inside a dilated lung), nothing depends on a 512 x 512
matrix or on lungs keeping clear of the image border, right and left are separate, trachea and main
bronchi are left out, and dense lesions against the chest wall are brought back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.errors import InputError
from LungPNetLib.lungs.airways import airway_tree
from LungPNetLib.lungs.borders import LUNG_HU, PADDING_HU, draw_borders
from LungPNetLib.lungs.completion import completed
from LungPNetLib.lungs.morphology import (
    ZYX,
    Components,
    FloatImage,
    Mask,
    dilated,
    distance_mm,
    opened,
)
from LungPNetLib.lungs.pockets import convex_hull
from LungPNetLib.lungs.slices import CoarseCt
from LungPNetLib.volume import Volume

RIGHT, LEFT = 1, 2

OUTSIDE_HU = -940
"""Smoothed air around the body is darker than this; lung is not, except in severe emphysema."""

BOWEL_GAS_HU = -960
"""The inside of a gas-filled bowel loop or stomach is darker than this in the median."""

WALL_MM = 1.5
"""Bronchial wall that is left out together with the lumen."""

MIN_DEPTH_MM = 15.0
"""Skin, fat and ribs cover the lungs; air between back and table never gets this deep."""

MIN_PART_ML = 8.0
"""Smaller separate parts are not lung (or too small to matter)."""


def segment(ct: Volume, progress: Callable[[float], None] = lambda _: None) -> Volume:
    """Right and left lung of a chest CT.

    Parameters
    ----------
    ct : Volume
        HU in any axis order; may hold only part of the lungs.
    progress : callable
        Told the share of the work done, 0 to 1.

    Returns
    -------
    Volume
        uint8 on the grid of ``ct``: 1 right lung, 2 left lung (the patient's right and left).
        Vessels, nodules and lobar bronchi inside the lungs belong to them; trachea and main
        bronchi do not.

    Raises
    ------
    InputError
        No lung is found.
    """
    order = ct.axis_order_to()
    upright = order.apply(ct)
    coarse = CoarseCt.of(upright)
    padding = coarse.shrinking.shrink(upright.array, -2048, -1024) < PADDING_HU
    chest = _Chest.of(coarse.hu, padding, coarse.spacing_mm)
    progress(0.25)
    sides, airways = _coarse_lungs(chest)
    progress(0.6)
    labels = np.zeros(upright.shape, np.uint8)
    draw_borders(upright.array, labels, sides, airways, coarse.shrinking)
    progress(0.95)
    if not labels.any():
        raise InputError("No lung was found in this CT.")
    return order.inverse().apply(upright.with_array(labels))


@dataclass(frozen=True)
class _Chest:
    """The coarse CT (z up, y back, x left) with what is not body."""

    hu: FloatImage
    smooth_hu: FloatImage
    outside: Mask
    body: Mask
    spacing_mm: ZYX

    @classmethod
    def of(cls, hu: FloatImage, padding: Mask, spacing_mm: ZYX) -> _Chest:
        smooth = ndimage.gaussian_filter(hu, [1.0 / s for s in spacing_mm])
        outside = _outside_air(hu, smooth, padding)
        return cls(hu, smooth, outside, _body_hull(hu, spacing_mm), spacing_mm)

    @property
    def voxel_ml(self) -> float:
        return float(np.prod(self.spacing_mm)) / 1000

    def deeper_than(self, depth_mm: float) -> Mask:
        """Voxels with at least ``depth_mm`` of body around them in their axial slice."""
        radius = [round(depth_mm / s) for s in self.spacing_mm[1:]]
        y, x = np.ogrid[-radius[0] : radius[0] + 1, -radius[1] : radius[1] + 1]
        disc = (y / radius[0]) ** 2 + (x / radius[1]) ** 2 <= 1
        return np.stack([ndimage.binary_erosion(p, disc, border_value=1) for p in self.body])

    @property
    def midline(self) -> float:
        """Column of the middle of the body."""
        columns = np.flatnonzero(self.body.any(axis=(0, 1)))
        return float(columns.mean()) if columns.size else self.hu.shape[2] / 2


def _outside_air(hu: FloatImage, smooth: FloatImage, padding: Mask) -> Mask:
    """Air connected with the sides of the image, and padding; lungs cut by it are spared."""
    dark = (smooth < OUTSIDE_HU) | padding
    labels, _ = ndimage.label(dark)
    rim = np.zeros(hu.shape[1:], bool)
    rim[[0, -1], :] = rim[:, [0, -1]] = True
    touching = np.unique(labels[:, rim])
    outside = np.isin(labels, touching[touching > 0])
    # The blurred skin line looks like lung: it is within a few voxels of the outside.
    fringe = ndimage.binary_dilation(outside, iterations=3, mask=(hu < LUNG_HU))
    return outside | fringe | padding


def _body_hull(hu: FloatImage, spacing_mm: ZYX) -> Mask:
    """Convex hull of the body in each axial slice, without the table."""
    tissue = opened(hu > -250, 3.0, spacing_mm)
    body = Components.of(tissue).largest()
    return np.stack([convex_hull(plane) if plane.any() else plane for plane in body])


def _coarse_lungs(chest: _Chest) -> tuple[dict[int, Mask], Mask]:
    """Right and left lung with their dense parts, and the airway tree, on the coarse grid."""
    air = (chest.hu < LUNG_HU) & ~chest.outside & chest.body
    airways = airway_tree(chest.smooth_hu, chest.outside, chest.midline, chest.spacing_mm)
    tube = dilated(airways, WALL_MM, chest.spacing_mm)
    parts = _lung_parts(air & ~tube, chest)
    sides = _split_sides(parts, chest)
    rows = np.flatnonzero(parts.any(axis=(0, 2)))
    centre_row = float(rows.mean()) if rows.size else 0.0
    filled: dict[int, Mask] = {}
    for side, lung in sides.items():
        other = sides.get(RIGHT + LEFT - side, np.zeros_like(lung))
        centre = (centre_row, chest.midline)
        filled[side] = completed(lung, other, chest.hu, centre, chest.spacing_mm) & ~chest.outside
    if RIGHT in filled and LEFT in filled:
        filled[LEFT] &= ~filled[RIGHT]
    return filled, airways


def _lung_parts(air: Mask, chest: _Chest) -> Mask:
    """Parts of ``air`` that are lung: large, deep in the body, not as dark as bowel gas."""
    # Opening cuts the thin bridges to bowel gas and to what is left of the airways.
    core = Components.of(opened(air, 1.5 * max(chest.spacing_mm[1:]), chest.spacing_mm))
    lung = np.zeros_like(air)
    boxes = ndimage.find_objects(core.labels)
    deep = chest.deeper_than(MIN_DEPTH_MM)
    for number, size in enumerate(core.sizes, start=1):
        if size * chest.voxel_ml < MIN_PART_ML:
            break
        box = boxes[number - 1]
        part = core.labels[box] == number
        inner = ndimage.binary_erosion(part, iterations=2, border_value=1)
        values = chest.hu[box][inner if inner.any() else part]
        if np.median(values) > BOWEL_GAS_HU and (part & deep[box]).any():
            lung[box] |= part
    # Back to the full width of the parts that were kept.
    return ndimage.binary_dilation(lung, iterations=3, mask=air) | lung


def _split_sides(lung: Mask, chest: _Chest) -> dict[int, Mask]:
    """Separate lungs that touch, and name the sides."""
    parts = Components.of(lung)
    if parts.sizes.size == 0:
        return {}
    seeds = _two_seeds(parts, chest)
    owner = _nearest_seed(lung, seeds, chest.spacing_mm)
    centres = [float(np.nonzero(seed.any(axis=(0, 1)))[0].mean()) for seed in seeds]
    if len(seeds) == 1:
        side = RIGHT if centres[0] < chest.midline else LEFT
        return {side: lung}
    right = int(np.argmin(centres))
    return {RIGHT: lung & (owner == right), LEFT: lung & (owner == 1 - right)}


def _two_seeds(parts: Components, chest: _Chest) -> list[Mask]:
    """One mask inside each lung: whole components, or the cores of one that joins both."""
    first = parts.labels == 1
    if parts.sizes.size > 1 and parts.sizes[1] > 0.2 * parts.sizes[0]:
        return [first, parts.labels == 2]
    columns = np.arange(first.shape[2])
    on_right = float(first[:, :, columns < chest.midline].sum()) / float(parts.sizes[0])
    if 0.2 < on_right < 0.8:
        depth = distance_mm(~first, chest.spacing_mm)
        for radius_mm in np.arange(1.5, 16.0, 1.5):
            cores = Components.of(depth > radius_mm)
            if cores.sizes.size > 1 and cores.sizes[1] > 0.2 * cores.sizes[0]:
                return [cores.labels == 1, cores.labels == 2]
    if parts.sizes.size > 1 and parts.sizes[1] > 0.02 * parts.sizes[0]:
        centre = [np.nonzero((parts.labels == n).any(axis=(0, 1)))[0].mean() for n in (1, 2)]
        if (centre[0] < chest.midline) != (centre[1] < chest.midline):
            return [first, parts.labels == 2]
    return [first]


def _nearest_seed(lung: Mask, seeds: list[Mask], spacing_mm: ZYX) -> npt.NDArray[np.int64]:
    """Number of the seed that reaches each lung voxel first, going through lung only."""
    owner = np.full(lung.shape, -1)
    for number, seed in enumerate(seeds):
        owner[seed] = number
    while True:
        grown = owner.copy()
        for number in range(len(seeds)):
            front = ndimage.binary_dilation(owner == number, iterations=2, mask=lung)
            grown[front & (grown < 0)] = number
        if np.array_equal(grown, owner):
            break
        owner = grown
    rest = lung & (owner < 0)
    if rest.any():
        distances = [distance_mm(seed, spacing_mm)[rest] for seed in seeds]
        owner[rest] = np.argmin(distances, axis=0)
    return owner
