"""Connected parts of a mask on a grid: where they lie, which box they meet, where they are thin."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.evaluation.judged import Box
from LungPNetLib.volume import Triplet, Volume

Mask = npt.NDArray[np.bool_]
Region = tuple[slice, slice, slice]
Index = tuple[int, int, int]


def centre_of(mask: Volume) -> Triplet:
    """Centre of the voxels that are not 0, LPS mm."""
    x, y, z = mask.index_to_world(np.argwhere(mask.array).mean(axis=0)[::-1])
    return float(x), float(y), float(z)


def box_of(mask: Volume) -> Box:
    """The box along the axes of LPS around the voxels of ``mask``, all of it."""
    ends = [(-0.5, size - 0.5) for size in mask.shape[::-1]]
    corners = mask.index_to_world(list(itertools.product(*ends)))
    low, high = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))


def region_of(grid: Volume, box: Box, margin_mm: float) -> Region:
    """Slices (z, y, x) of the voxels with their centres in the box; empty ones outside the grid."""
    ends = [
        (low - margin_mm, high + margin_mm)
        for low, high in zip(box.low_lps_mm, box.high_lps_mm, strict=True)
    ]
    corners = grid.world_to_index(list(itertools.product(*ends)))[:, ::-1]
    first = np.clip(np.ceil(corners.min(axis=0) - 1e-6), 0, grid.shape).astype(int).tolist()
    stop = np.clip(np.floor(corners.max(axis=0) + 1e-6) + 1, first, grid.shape).astype(int).tolist()
    return slice(first[0], stop[0]), slice(first[1], stop[1]), slice(first[2], stop[2])


def most_of(labels: npt.NDArray[np.int32]) -> int:
    """The label with the most voxels; 0 where there is none."""
    counts = np.bincount(labels[labels > 0])
    return int(np.argmax(counts)) if counts.size else 0


def shared(region: Region, part: Region) -> Region:
    """What ``region`` has of ``part``, in the indices of an array that was cut out at ``part``."""
    z, y, x = (
        slice(
            min(max(r.start - p.start, 0), p.stop - p.start),
            min(max(r.stop - p.start, 0), p.stop - p.start),
        )
        for r, p in zip(region, part, strict=True)
    )
    return z, y, x


def largest(mask: Mask) -> Mask:
    """The largest of the connected parts (by faces); nothing, where there is none."""
    labels, count = ndimage.label(mask)
    return mask if count < 2 else labels == most_of(labels)


def has_neck(depth: npt.NDArray[np.float64], one: Index, other: Index, neck: float) -> bool:
    """Whether a part is thin somewhere on the straight way between two of its places.

    Parameters
    ----------
    depth : ndarray, shape (z, y, x)
        Distance from the border inside the part, 0 outside.
    one, other : tuple of int
        Indices (z, y, x).
    neck : float
        Thin is less than this share of the thinner one of both places.
    """
    steps = 2 * math.ceil(math.dist(one, other)) + 1
    way = np.linspace(one, other, steps).T
    thinnest = float(ndimage.map_coordinates(depth, way, order=1).min())
    return thinnest < neck * min(depth[one], depth[other])
