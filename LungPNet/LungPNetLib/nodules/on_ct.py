"""Outlines from the grid of the networks as labels on the grid of the CT."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from LungPNetLib.nodules.fusion import Outline
from LungPNetLib.volume import Volume


def labels_on_ct(ct: Volume, probability: Volume, outlines: Sequence[Outline]) -> Volume:
    """Draw outlines on the grid of the CT, where their probability crosses their threshold.

    The probability is interpolated, so that borders are as smooth as the network drew them. Each
    outline gets one voxel at least.

    Parameters
    ----------
    ct : Volume
        Gives the grid.
    probability : Volume
        0 to 1, on the grid that the outlines were found on.
    outlines : sequence of Outline
        At most 65535; where two claim a voxel, the first one gets it.

    Returns
    -------
    Volume
        uint8 (uint16 for more than 255 outlines): k in ``outlines[k - 1]``, 0 elsewhere.
    """
    kind = np.uint8 if len(outlines) <= 255 else np.uint16
    labels = ct.with_array(np.zeros(ct.shape, kind))
    for label, outline in enumerate(outlines, start=1):
        _draw(labels, label, outline, probability)
    return labels


def _draw(labels: Volume, label: int, outline: Outline, probability: Volume) -> None:
    level = _level(outline, probability)
    start, size = _box_in(labels, level)
    here = labels.cropped(start, size)
    free = here.array == 0
    inside = free & np.greater_equal(level.resampled_to(here, outside_value=-1.0).array, 0.0)
    if not inside.any():
        # Smaller than a voxel of the CT: the one that is closest to its densest place.
        peak = np.unravel_index(int(np.argmax(level.array)), level.shape)
        places = np.argwhere(free)[:, ::-1]
        apart_mm = here.index_to_world(places) - level.index_to_world(np.array(peak)[::-1])
        column, row, plane = places[int(np.argmin((apart_mm**2).sum(axis=1)))]
        inside[plane, row, column] = True
    here.array[inside] = label


def _level(outline: Outline, probability: Volume) -> Volume:
    """How far the probability lies above the outline's threshold, in its box and a voxel around.

    Below 0 in all voxels that are not of the outline, also where the probability is high.
    """
    mask = outline.mask.padded((2, 2, 2), (2, 2, 2), 0)
    first = np.rint(probability.world_to_index(mask.origin_mm)).astype(int)
    low = np.clip(first, 0, None)
    high = np.minimum(first + mask.shape[::-1], probability.shape[::-1])
    part = probability.cropped(low.tolist(), (high - low).tolist())
    before = (low - first)[::-1].tolist()
    place = tuple(slice(b, b + n) for b, n in zip(before, part.shape, strict=True))
    values = np.zeros(mask.shape, np.float32)
    values[place] = part.array
    inside = mask.array != 0
    above = values - outline.threshold
    # Beyond a cut the border lies halfway, as far below the threshold as it is above inside.
    return mask.with_array(np.where(inside, np.maximum(above, 0), -np.abs(above) - 1e-6))


def _box_in(grid: Volume, level: Volume) -> tuple[list[int], list[int]]:
    """First voxel and size (column, row, slice) of the part of ``grid`` around ``level``."""
    ends = [(0, size - 1) for size in level.shape[::-1]]
    corners = grid.world_to_index(level.index_to_world(list(itertools.product(*ends))))
    last = np.array(grid.shape[::-1]) - 1
    low = np.clip(np.floor(corners.min(axis=0)), 0, last).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)), low, last).astype(int)
    return low.tolist(), (high - low + 1).tolist()
