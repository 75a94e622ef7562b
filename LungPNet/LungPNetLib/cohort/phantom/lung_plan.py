"""Where the lungs of a made-up patient lie: coarsely as a whole, exactly in one section."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom.anatomy import WallField
from LungPNetLib.cohort.phantom.shapes import Plane, Section
from LungPNetLib.cohort.phantom.trees import Points


@dataclass(frozen=True, eq=False)
class LungPlan:
    """A coarse map of a patient's lungs: one row a cell of ``step_mm`` that lies in a lung.

    Parameters
    ----------
    places_mm : ndarray, shape (n, 3)
        LPS mm.
    depth_mm : ndarray, shape (n,)
        Distance to what is not lung.
    lobes : ndarray of uint8, shape (n,)
        ``Lobe`` numbers.
    fissure_gap_mm : ndarray, shape (n,)
        Distance to the nearest fissure.
    hila_mm : ndarray, shape (2, 3)
        Ends of the right and left main bronchus, LPS mm.
    step_mm : float
    """

    places_mm: Points
    depth_mm: npt.NDArray[np.float64]
    lobes: npt.NDArray[np.uint8]
    fissure_gap_mm: npt.NDArray[np.float32]
    hila_mm: Points
    step_mm: float

    def height(self) -> npt.NDArray[np.float64]:
        """Height of each cell in its patient's lungs, 0 at the lowest and 1 at the highest."""
        z = self.places_mm[:, 2]
        share: npt.NDArray[np.float64] = (z - z.min()) / (z.max() - z.min())
        return share


@dataclass(frozen=True)
class Place:
    """One section of lung and where each of its pixels lies.

    Parameters
    ----------
    section : Section
        In patient mm.
    wall : WallField
        The chest wall.
    depth_mm : ndarray
        Distance to what is not lung, about in mm; negative outside.
    lobes : ndarray of uint8
    fissure_gap_mm : ndarray
    is_right : ndarray of bool
    """

    section: Section
    wall: WallField
    depth_mm: Plane
    lobes: npt.NDArray[np.uint8]
    fissure_gap_mm: Plane
    is_right: npt.NDArray[np.bool_]
