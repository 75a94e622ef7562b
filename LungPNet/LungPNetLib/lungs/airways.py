"""Trachea and main bronchi: the air that belongs to the chest and not to the lungs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.lungs.morphology import ZYX, FloatImage, Mask

LUMEN_HU = -900
"""Tracheal air is near -1000 HU; partial volume with the wall brings small lumina up to here."""

LUMEN_AREA_MM2 = (60.0, 900.0)
"""Cross sections of a trachea in life lie between 1 and 5 cm² (10-27 mm wide), with a margin."""

MIDLINE_REACH_MM = 45.0
"""The trachea stays this close to the middle of the body, also when it is shifted."""

MIN_LENGTH_MM = 12.0
"""A column of round lumina shorter than this is not taken for a trachea."""

GROWTH_HU = (-970, -950, -930, -910, -890, -870, -850, -830)
"""Thresholds tried in turn while the airway tree grows."""

MAX_TREE_ML = 120.0
"""Lumen of trachea and large bronchi; a larger tree has leaked into the lung."""

LEAK_ML = 15.0
"""A tree that more than doubles, and by more than this, at one threshold has leaked as well."""


@dataclass(frozen=True)
class Lumen:
    """A round dark spot in one axial slice."""

    slice_index: int
    centre: tuple[float, float]
    roundness: float


def airway_tree(smooth_hu: FloatImage, outside: Mask, midline: float, spacing_mm: ZYX) -> Mask:
    """Lumen of the trachea and the bronchi that are wide enough to be followed.

    Parameters
    ----------
    smooth_hu : ndarray, shape (z, y, x)
        Slightly smoothed CT in HU, z up.
    outside : ndarray of bool
        Air around the body.
    midline : float
        Column index of the middle of the body.
    spacing_mm : tuple of float
        In (z, y, x).

    Returns
    -------
    ndarray of bool
        Empty where no trachea is in the images.

    Notes
    -----
    Region growing with a rising threshold that stops before the volume jumps, as introduced by
    Mori et al., IEEE Trans Med Imaging 2000;19:103-114.
    """
    seeds = _trachea_column(smooth_hu, outside, midline, spacing_mm)
    if not seeds:
        return np.zeros(smooth_hu.shape, bool)
    return _grown(smooth_hu, outside, seeds, spacing_mm)


def _trachea_column(
    smooth_hu: FloatImage, outside: Mask, midline: float, spacing_mm: ZYX
) -> list[Lumen]:
    """The longest chain of round lumina that continue each other from slice to slice."""
    dark = (smooth_hu < LUMEN_HU) & ~outside
    chains: list[list[Lumen]] = []
    for k in range(dark.shape[0] - 1, -1, -1):
        lumina = _lumina(dark[k], k, midline, spacing_mm)
        for lumen in lumina:
            chain = next((c for c in chains if _continues(c[-1], lumen, spacing_mm)), None)
            if chain is None:
                chains.append([lumen])
            else:
                chain.append(lumen)
    best = max(chains, key=lambda c: sum(lumen.roundness for lumen in c), default=[])
    return best if len(best) * spacing_mm[0] >= MIN_LENGTH_MM else []


def _lumina(dark: Mask, k: int, midline: float, spacing_mm: ZYX) -> list[Lumen]:
    labels, _ = ndimage.label(dark)
    found = []
    pixel_mm2 = spacing_mm[1] * spacing_mm[2]
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        height, width = ((s.stop - s.start) * d for s, d in zip(box, spacing_mm[1:], strict=True))
        if max(height, width) > 40 or min(height, width) < 5:
            continue
        region = labels[box] == number
        area = region.sum() * pixel_mm2
        if not LUMEN_AREA_MM2[0] <= area <= LUMEN_AREA_MM2[1]:
            continue
        rows, columns = np.nonzero(region)
        centre = (rows.mean() + box[0].start, columns.mean() + box[1].start)
        if abs(centre[1] - midline) * spacing_mm[2] > MIDLINE_REACH_MM:
            continue
        # Area over that of the circle around it: 1 for a disc, small for a sickle.
        roundness = area / (np.pi / 4 * max(height, width) ** 2)
        if roundness > 0.45:
            found.append(Lumen(k, centre, float(roundness)))
    return found


def _continues(previous: Lumen, lumen: Lumen, spacing_mm: ZYX) -> bool:
    step = (previous.slice_index - lumen.slice_index) * spacing_mm[0]
    shift = np.hypot(
        (previous.centre[0] - lumen.centre[0]) * spacing_mm[1],
        (previous.centre[1] - lumen.centre[1]) * spacing_mm[2],
    )
    return 0 < step <= max(6.0, 1.5 * spacing_mm[0]) and shift <= 3.0 + step


def _grown(smooth_hu: FloatImage, outside: Mask, seeds: list[Lumen], spacing_mm: ZYX) -> Mask:
    seed_index = tuple(
        np.array([(s.slice_index, round(s.centre[0]), round(s.centre[1])) for s in seeds]).T
    )
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    tree = np.zeros(smooth_hu.shape, bool)
    tree[seed_index] = True
    previous_ml = None
    for threshold in GROWTH_HU:
        labels, _ = ndimage.label((smooth_hu < threshold) & ~outside)
        wanted = _present(labels[seed_index])
        if not wanted.size:
            continue
        region = np.isin(labels, wanted)
        volume_ml = float(region.sum()) * voxel_ml
        grows_too_fast = previous_ml is not None and volume_ml > 2 * previous_ml + LEAK_ML
        if volume_ml > MAX_TREE_ML or grows_too_fast:
            break
        tree, previous_ml = region, volume_ml
    return tree


def _present(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    found = np.unique(labels)
    return found[found > 0]
