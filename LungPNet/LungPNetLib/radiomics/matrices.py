"""Texture matrices of grey levels (IBSI sections 3.6 to 3.11), for all slices and directions.

Neighbours have Chebyshev distance 1. Each function takes grey levels of shape (z, y, x), from 1, 0
outside of the region; by slice, neighbours are looked for within slices and each slice has matrices
of its own. Matrices without directions are given one, so that all are summed up alike.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Levels: TypeAlias = npt.NDArray[np.integer]
Direction: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class LevelSizes:
    """Counts of runs, zones or neighbourhoods by their grey level and their size.

    Parameters
    ----------
    counts : ndarray of int, shape (slices, directions, levels, sizes)
        Row ``i`` is grey level ``i + 1``.
    sizes : ndarray of int, shape (sizes,)
        What the columns stand for; sizes that do not occur may be left out.
    """

    counts: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]


def directions(by_slice: bool) -> tuple[Direction, ...]:
    """The 4 directions (z, y, x) within a slice, or the 13 in space; opposite ones count once."""
    steps = (-1, 0, 1)
    ahead = (d for d in itertools.product(steps, steps, steps) if d > (0, 0, 0))
    return tuple(d for d in ahead if not (by_slice and d[0]))


def cooccurrence(levels: Levels, by_slice: bool) -> npt.NDArray[np.int64]:
    """Symmetric co-occurrence matrices, shape (slices, directions, levels, levels)."""
    n, slice_of = int(levels.max()), _slice_numbers(levels, by_slice)
    matrices = []
    for direction in directions(by_slice):
        here, there = _pair_windows(direction, levels.shape)
        a, b = levels[here], levels[there]
        both = (a > 0) & (b > 0)
        counts = _counted((slice_of[here][both], a[both] - 1, b[both] - 1), (slice_of.max(), n, n))
        matrices.append(counts + counts.transpose(0, 2, 1))
    return np.stack(matrices, axis=1)


def run_lengths(levels: Levels, by_slice: bool) -> LevelSizes:
    """Lengths of runs of one grey level along each direction."""
    inside = levels > 0
    position = np.argwhere(inside)
    level, slice_of = levels[inside], _slice_numbers(levels, by_slice)[inside]
    longest = max(levels.shape)
    matrices = []
    for direction in directions(by_slice):
        order, begins = _runs(position, level, direction, levels.shape)
        first = order[begins]
        length = np.diff(np.append(np.flatnonzero(begins), len(order)))
        index = (slice_of[first], level[first] - 1, length - 1)
        matrices.append(_counted(index, (slice_of.max(), int(level.max()), longest)))
    return LevelSizes(np.stack(matrices, axis=1), np.arange(1, longest + 1))


def size_zones(levels: Levels, by_slice: bool) -> LevelSizes:
    """Sizes in voxels of zones of one grey level, linked to all sides."""
    inside = levels > 0
    n = int(inside.sum())
    number = np.zeros(levels.shape, np.int64)
    number[inside] = np.arange(n)
    links = []
    for direction in directions(by_slice):
        here, there = _pair_windows(direction, levels.shape)
        same = (levels[here] == levels[there]) & inside[here]
        links.append(np.stack([number[here][same], number[there][same]]))
    a, b = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(n, n))
    _, zone = connected_components(graph, directed=False)
    _, first, size = np.unique(zone, return_index=True, return_counts=True)
    sizes, column = np.unique(size, return_inverse=True)
    level, slice_of = levels[inside], _slice_numbers(levels, by_slice)[inside]
    shape = (slice_of.max(), int(level.max()), len(sizes))
    counts = _counted((slice_of[first], level[first] - 1, column), shape)
    return LevelSizes(counts[:, np.newaxis], sizes)


def dependences(levels: Levels, by_slice: bool) -> LevelSizes:
    """Numbers of neighbours with the same grey level, the voxel itself included (coarseness 0)."""
    inside = levels > 0
    dependence = np.ones(levels.shape, np.int64)
    for direction in directions(by_slice):
        here, there = _pair_windows(direction, levels.shape)
        same = (levels[here] == levels[there]) & inside[here]
        dependence[here] += same
        dependence[there] += same
    highest = 2 * len(directions(by_slice)) + 1
    slice_of = _slice_numbers(levels, by_slice)[inside]
    index = (slice_of, levels[inside] - 1, dependence[inside] - 1)
    counts = _counted(index, (slice_of.max(), int(levels.max()), highest))
    return LevelSizes(counts[:, np.newaxis], np.arange(1, highest + 1))


def tone_differences(levels: Levels, by_slice: bool) -> npt.NDArray[np.float64]:
    """Voxels with neighbours, and their summed difference from the mean of these, by grey level.

    Returns
    -------
    ndarray, shape (slices, 1, levels, 2)
        Number of voxels and sum of differences.
    """
    neighbours, total = np.zeros(levels.shape), np.zeros(levels.shape)
    inside = levels > 0
    for direction in directions(by_slice):
        here, there = _pair_windows(direction, levels.shape)
        neighbours[here] += inside[there]
        neighbours[there] += inside[here]
        total[here] += levels[there]
        total[there] += levels[here]
    valid = inside & (neighbours > 0)
    difference = np.abs(levels[valid] - total[valid] / neighbours[valid])
    slice_of = _slice_numbers(levels, by_slice)
    n_slices, n = int(slice_of.max()) + 1, int(levels.max())
    flat = slice_of[valid] * n + levels[valid] - 1
    sums = [np.bincount(flat, w, minlength=n_slices * n) for w in (None, difference)]
    return np.stack(sums, axis=-1).astype(np.float64).reshape(n_slices, 1, n, 2)


def _slice_numbers(levels: Levels, by_slice: bool) -> npt.NDArray[np.int64]:
    """The number of each voxel's slice, or 0 throughout where slices are not kept apart."""
    numbers = np.arange(levels.shape[0]) if by_slice else np.zeros(levels.shape[0], np.int64)
    return np.broadcast_to(numbers[:, np.newaxis, np.newaxis], levels.shape)


def _pair_windows(
    direction: Direction, shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Windows of all voxels with a neighbour in ``direction``, and of these neighbours."""
    here = tuple(slice(max(0, -d), n - max(0, d)) for d, n in zip(direction, shape, strict=True))
    there = tuple(slice(max(0, d), n - max(0, -d)) for d, n in zip(direction, shape, strict=True))
    return here, there


def _counted(
    index: tuple[npt.NDArray[np.integer], ...], shape: tuple[int, int, int]
) -> npt.NDArray[np.int64]:
    """How often each (slice, row, column) occurs; ``shape[0]`` is the number of the last slice."""
    size = (int(shape[0]) + 1, *shape[1:])
    flat = np.ravel_multi_index(index, size)
    return np.bincount(flat, minlength=int(np.prod(size))).reshape(size)


def _runs(
    position: npt.NDArray[np.int64],
    level: npt.NDArray[np.integer],
    direction: Direction,
    shape: tuple[int, ...],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The voxels in an order in which runs are consecutive, and where in it a run begins."""
    axis = next(a for a, d in enumerate(direction) if d)
    step = position[:, axis] * direction[axis]
    # Where the line of a voxel meets the plane step = 0, which may be outside of the box.
    foot = position - step[:, np.newaxis] * np.asarray(direction)
    reach = max(shape)
    line = np.ravel_multi_index(tuple((foot + reach).T), (3 * reach,) * 3)
    order = np.lexsort((step, line))
    goes_on = (
        (np.diff(line[order]) == 0) & (np.diff(step[order]) == 1) & (np.diff(level[order]) == 0)
    )
    return order, np.concatenate([[True], ~goes_on])
