"""Trees that fill a lung: arteries, veins and bronchi.

A tree is grown by halving (first by lobe): the points to be supplied are split in two about their
middle, the tree runs towards the middle and forks there, and each part is supplied in the same way.
The parts are unlike in size, so that a few long branches bear many side branches. Radii follow
Murray's law, r0³ = r1³ + r2³ (Murray 1926, PNAS 12:207).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom.shapes import Capsule

Points: TypeAlias = npt.NDArray[np.floating[Any]]
"""LPS mm, shape (n, 3), or positions along one axis, shape (n,)."""

_MURRAY_EXPONENT = 3.0
_FORK_AT, _LARGE_FORK_AT, _LARGE_LEAVES = 0.38, 0.25, 300
"""Share of the way from a fork to the middle of its points at which the next fork lies: less for
branches that supply many leaves, which fork soon after the hilum."""
_BEND = 0.06
"""Bend of a branch as a share of its length."""
_PIECE_MM = 5.0
_CHUNK_VOXELS = 1_000_000


@dataclass(frozen=True)
class Branches:
    """Straight branches with a constant radius.

    Parameters
    ----------
    start, end : ndarray, shape (n, 3)
        LPS mm.
    radius_mm : ndarray, shape (n,)
    """

    start: Points
    end: Points
    radius_mm: npt.NDArray[np.float64]

    @classmethod
    def joined(cls, parts: list[Branches]) -> Branches:
        """All branches of several trees."""
        return cls(
            np.concatenate([p.start for p in parts]),
            np.concatenate([p.end for p in parts]),
            np.concatenate([p.radius_mm for p in parts]),
        )

    def wider_than(self, radius_mm: float) -> Branches:
        """The branches whose radius is above ``radius_mm``."""
        wide = self.radius_mm > radius_mm
        return Branches(self.start[wide], self.end[wide], self.radius_mm[wide])

    def in_pieces(self, longest_mm: float) -> Branches:
        """The same branches cut into pieces no longer than ``longest_mm``."""
        lengths = np.linalg.norm(self.end - self.start, axis=1)
        pieces = np.maximum(np.ceil(lengths / longest_mm), 1).astype(np.int64)
        owner = np.repeat(np.arange(len(pieces)), pieces)
        place = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        step = ((self.end - self.start) / pieces[:, None])[owner]
        start = self.start[owner] + place[:, None] * step
        return Branches(start, start + step, self.radius_mm[owner])

    def near_height(self, z_mm: float, margin_mm: float) -> Branches:
        """The branches that come within their radius and ``margin_mm`` of this height."""
        reach = self.radius_mm + margin_mm
        low = np.minimum(self.start[:, 2], self.end[:, 2]) - reach
        high = np.maximum(self.start[:, 2], self.end[:, 2]) + reach
        near = (low <= z_mm) & (z_mm <= high)
        return Branches(self.start[near], self.end[near], self.radius_mm[near])

    def capsules(self) -> list[Capsule]:
        """The branches as solids in patient mm."""
        rows = zip(self.start.tolist(), self.end.tolist(), self.radius_mm.tolist(), strict=True)
        return [Capsule((a[0], a[1], a[2]), (b[0], b[1], b[2]), r, r) for a, b, r in rows]


def grow_tree(
    root_mm: npt.ArrayLike,
    targets_mm: Points,
    leaf_radius_mm: float,
    rng: np.random.Generator,
    groups: npt.NDArray[np.integer[Any]] | None = None,
) -> Branches:
    """A tree from ``root_mm`` with one leaf at each target.

    Parameters
    ----------
    root_mm : array_like, shape (3,)
        LPS mm.
    targets_mm : ndarray, shape (leaves, 3)
        Where the leaves end, LPS mm.
    leaf_radius_mm : float
        Radius of the last branches; the root is wider by the cube root of the number of leaves.
    rng : Generator
        Draws where points are halved and how branches bend.
    groups : ndarray of int, shape (leaves,), optional
        Lobe of each target: the first forks part the groups, so that no branch crosses from one
        into another. By default all targets are one group.
    """
    owner = np.zeros(len(targets_mm), np.int64) if groups is None else groups
    starts: list[Points] = []
    ends: list[Points] = []
    leaves: list[int] = []
    todo = [(np.asarray(root_mm, np.float64), targets_mm, owner)]
    while todo:
        start, points, group = todo.pop()
        if len(points) == 1:
            fork = points[0]
        else:
            share = _FORK_AT if len(points) < _LARGE_LEAVES else _LARGE_FORK_AT
            fork = start + share * (points.mean(axis=0) - start)
            todo += [(fork, points[half], group[half]) for half in _halved(points, group, rng)]
        bend = rng.normal(0.0, _BEND, 3) * np.linalg.norm(fork - start)
        middle = (start + fork) / 2.0 + bend
        starts += [start, middle]
        ends += [middle, fork]
        leaves += [len(points)] * 2
    radius = leaf_radius_mm * np.asarray(leaves, np.float64) ** (1.0 / _MURRAY_EXPONENT)
    return Branches(np.array(starts), np.array(ends), radius)


def _halved(
    points: Points, group: npt.NDArray[np.integer[Any]], rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Indices of both halves: one group apart, or a cut across the widest spread."""
    apart = group == group.max()
    if not apart.all():
        return np.flatnonzero(apart), np.flatnonzero(~apart)
    _, axes = np.linalg.eigh(np.cov(points.T))
    order = np.argsort(points @ axes[:, -1])
    cut = int(np.clip(round(len(points) * rng.uniform(0.2, 0.8)), 1, len(points) - 1))
    return order[:cut], order[cut:]


def rasterised(branches: Branches, axes_mm: tuple[Points, Points, Points]) -> npt.NDArray[np.uint8]:
    """Share of each voxel that the branches fill.

    Parameters
    ----------
    branches : Branches
    axes_mm : tuple of ndarray
        LPS mm of the voxel centres along x, y and z; each ascending in equal steps. The pixel size
        (step of x) is the width of the soft edge.

    Returns
    -------
    ndarray of uint8, shape (z, y, x)
        0 empty, 255 full. A branch thinner than a voxel fills less than it, so that its volume is
        kept.
    """
    filled = np.zeros([len(axis) for axis in axes_mm[::-1]], np.uint8)
    flat = filled.reshape(-1)
    pieces = branches.in_pieces(_PIECE_MM)
    first, size = _boxes(pieces, axes_mm)
    for part in _chunks(size.prod(axis=1)):
        index, owner = _box_voxels(first[part], size[part])
        share = _share(pieces, np.arange(len(size))[part][owner], index, axes_mm)
        nx, ny = len(axes_mm[0]), len(axes_mm[1])
        place = (index[2].astype(np.int64) * ny + index[1]) * nx + index[0]
        np.maximum.at(flat, place, np.rint(share * 255).astype(np.uint8))
    return filled


def _boxes(
    pieces: Branches, axes_mm: tuple[Points, Points, Points]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """First index and size (x, y, z) of the voxel box round each piece, cut to the grid."""
    origin = np.array([axis[0] for axis in axes_mm])
    step = np.array([axis[1] - axis[0] for axis in axes_mm])
    last = np.array([len(axis) - 1 for axis in axes_mm])
    reach = pieces.radius_mm[:, None] + step[0] / 2.0
    low = (np.minimum(pieces.start, pieces.end) - reach - origin) / step
    high = (np.maximum(pieces.start, pieces.end) + reach - origin) / step
    first = np.clip(np.ceil(low), 0, last + 1)
    stop = np.clip(np.floor(high), -1, last) + 1
    return first.astype(np.int32), np.maximum(stop - first, 0).astype(np.int32)


def _chunks(voxels: npt.NDArray[np.int32]) -> Iterator[slice]:
    """Runs of pieces whose boxes hold about ``_CHUNK_VOXELS`` in sum."""
    number = np.cumsum(voxels, dtype=np.int64) // _CHUNK_VOXELS
    edges = np.flatnonzero(np.diff(number, prepend=-1, append=number[-1] + 1))
    for start, stop in itertools.pairwise(edges):
        yield slice(int(start), int(stop))


def _box_voxels(
    first: npt.NDArray[np.int32], size: npt.NDArray[np.int32]
) -> tuple[list[npt.NDArray[np.int32]], npt.NDArray[np.int64]]:
    """Every voxel of every box: its x, y, z index and the number of its box."""
    counts = size.prod(axis=1)
    owner = np.repeat(np.arange(len(counts)), counts)
    place = (np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)).astype(np.int32)
    nx, ny = size[owner, 0], size[owner, 1]
    local = [place % nx, place // nx % ny, place // (nx * ny)]
    return [local[a] + first[owner, a] for a in range(3)], owner


def _share(
    pieces: Branches,
    owner: npt.NDArray[np.int64],
    index: list[npt.NDArray[np.int32]],
    axes_mm: tuple[Points, Points, Points],
) -> npt.NDArray[np.float32]:
    """Share of voxel ``index[:][n]`` that piece ``owner[n]`` fills."""
    step = (pieces.end - pieces.start).astype(np.float32)
    length2 = np.maximum((step * step).sum(axis=1), np.float32(1e-9))
    start = pieces.start.astype(np.float32)
    gap = [axes_mm[a].astype(np.float32)[index[a]] - start[owner, a] for a in range(3)]
    along = sum(gap[a] * step[owner, a] for a in range(3)) / length2[owner]
    along = np.clip(along, 0.0, 1.0)
    gap2 = sum((gap[a] - along * step[owner, a]) ** 2 for a in range(3))
    radius = pieces.radius_mm.astype(np.float32)[owner]
    width = np.float32(axes_mm[0][1] - axes_mm[0][0])
    share = np.clip(0.5 - (np.sqrt(gap2) - radius) / width, 0.0, 1.0)
    # The soft edge of a tube thinner than a voxel holds more than the tube: scale it to the area.
    kept = np.where(
        radius < width / 2,
        3.0 * width * radius**2 / (radius + width / 2) ** 3,
        radius**2 / (radius**2 + width**2 / 12.0),
    )
    result: npt.NDArray[np.float32] = share * np.where(radius < width, kept, 1.0)
    return result
