"""Vessels and bronchi by space colonisation: branches grow towards points not yet supplied.

Runions et al., Modeling trees with a space colonization algorithm, Eurographics Workshop on Natural
Phenomena 2007. Radii follow from the tips: r^n is the sum of the children's r^n, with n = 2.7 for
vessels (Suwa's and Huang's measurements of pulmonary arteries lie between 2.3 and 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

Points: TypeAlias = npt.NDArray[np.floating[Any]]

_EXPONENT = 2.7
_MOST_STEPS = 400
_INERTIA = 0.4
"""How much a branch keeps its direction."""


@dataclass(frozen=True)
class Segments:
    """Straight pieces: ends (n, 3) in LPS mm and radii (n,) in mm."""

    start: Points
    end: Points
    radius_mm: Points

    def __len__(self) -> int:
        return len(self.radius_mm)

    @classmethod
    def none(cls) -> Segments:
        """Nothing."""
        return cls(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))

    @classmethod
    def joined(cls, parts: list[Segments]) -> Segments:
        """All pieces of several."""
        return cls(
            np.concatenate([part.start for part in parts]),
            np.concatenate([part.end for part in parts]),
            np.concatenate([part.radius_mm for part in parts]),
        )

    @classmethod
    def along(cls, path: Points, radius_mm: float) -> Segments:
        """A tube of one radius along a path (n, 3)."""
        return cls(path[:-1], path[1:], np.full(len(path) - 1, radius_mm))


def grown(
    root_mm: Points, direction: Points, targets_mm: Points, step_mm: float, tip_radius_mm: float,
    rng: np.random.Generator,
) -> Segments:  # fmt: skip
    """A tree from ``root_mm`` to all ``targets_mm``.

    Parameters
    ----------
    root_mm : ndarray, shape (3,)
    direction : ndarray, shape (3,)
        Unit vector in which it leaves the root.
    targets_mm : ndarray, shape (n, 3)
    step_mm : float
        Length of a piece; a target is reached within 1.3 of it.
    tip_radius_mm : float
    rng : Generator
    """
    nodes = [np.asarray(root_mm, float)]
    headings = [np.asarray(direction, float)]
    parents = [-1]
    left = np.asarray(targets_mm, float)
    for _ in range(_MOST_STEPS):
        if len(left) == 0:
            break
        near_mm, nearest = cKDTree(np.array(nodes)).query(left)
        left, nearest = left[near_mm > 1.3 * step_mm], nearest[near_mm > 1.3 * step_mm]
        for node in np.unique(nearest):
            towards = left[nearest == node] - nodes[node]
            pull = (towards / np.linalg.norm(towards, axis=1, keepdims=True)).mean(axis=0)
            way = pull + _INERTIA * headings[node] + rng.normal(0, 0.08, 3)
            way /= np.linalg.norm(way)
            nodes.append(nodes[node] + step_mm * way)
            headings.append(way)
            parents.append(int(node))
    return _with_radii(np.array(nodes), np.array(parents), tip_radius_mm)


def _with_radii(nodes: Points, parents: npt.NDArray[np.int_], tip_radius_mm: float) -> Segments:
    power = np.zeros(len(nodes))
    for node in range(len(nodes) - 1, 0, -1):
        power[node] = power[node] or tip_radius_mm**_EXPONENT
        power[parents[node]] += power[node]
    radius = power ** (1 / _EXPONENT)
    return Segments(nodes[parents[1:]], nodes[1:], radius[1:])
