"""Bronchi of a made-up patient: each runs beside a branch of the pulmonary artery."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom.trees import Branches, Points

LUMEN_OF_ARTERY = 0.85
"""Radius of a bronchus's air for each mm of its artery's radius."""

_JOIN_MM = 18.0
"""Over about this way from the hilum the bronchus comes to lie beside its artery."""
_SEEN_LUMEN_MM = 0.8
"""CT does not show the walls of smaller ones."""


def wall_mm(lumen_radius_mm: float) -> float:
    """Thickness of a bronchus's wall."""
    return 0.35 + 0.14 * lumen_radius_mm


def beside(arteries: Branches, root_mm: npt.ArrayLike) -> Branches:
    """The bronchi that accompany an artery's tree and begin at ``root_mm``.

    Each fork of the artery has a fork of the bronchus at its side, as far away as both radii and
    the wall ask for, so the bronchi are as connected as the arteries are. Bronchi too narrow to
    be seen are left out.

    Parameters
    ----------
    arteries : Branches
        One tree; its first branch starts at the root.
    root_mm : array_like, shape (3,)
        LPS mm of the end of the main bronchus.
    """
    wide = arteries.wider_than(_SEEN_LUMEN_MM / LUMEN_OF_ARTERY)
    ends, node = np.unique(np.concatenate([wide.start, wide.end]), axis=0, return_inverse=True)
    node = node.reshape(2, -1)
    lumen = wide.radius_mm * LUMEN_OF_ARTERY
    offset = np.zeros_like(ends)
    offset[node[1]] = (
        _sideways(wide.end - wide.start) * (wide.radius_mm + lumen + 0.35 + 0.14 * lumen)[:, None]
    )
    root = wide.start[0]
    apart = np.asarray(root_mm, np.float64) - root
    near = np.exp(-np.linalg.norm(ends - root, axis=1) / _JOIN_MM)[:, None]
    moved = ends + near * apart + (1.0 - near) * offset
    return Branches(moved[node[0]], moved[node[1]], lumen)


def _sideways(direction: Points) -> Points:
    """Unit vectors across each direction, turned towards the back and the feet."""
    across = np.cross(direction, np.array([0.35, 0.65, -0.67]))
    across = np.cross(across, direction)
    length = np.linalg.norm(across, axis=1, keepdims=True)
    unit: Points = across / np.maximum(length, 1e-9)
    return unit
