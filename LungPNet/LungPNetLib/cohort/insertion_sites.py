"""Where in the lungs of a CT a nodule can be put: free, beside a vessel, or at the pleura."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from LungPNetLib.cohort.insertion import NoRoomError
from LungPNetLib.cohort.insertion_lesion import Lesion
from LungPNetLib.errors import InputError
from LungPNetLib.volume import Triplet, Volume

APART_MM = 5.0
"""Between the surfaces of two nodules there is at least so much."""
_COARSE_MM = 1.3
_DENSE_HU, _AIRY_HU = -550.0, -600.0
_FINE_MM, _AIRY_MM = 1.0, 4.0
_FROM_PLEURA_MM = 3.0
_SUNK = (0.35, 0.8)
"""A nodule at the pleura has its centre this share of its radius inside it."""
_TRIES = 60


class Site(str, Enum):
    """What an inserted nodule lies against."""

    FREE = "free"
    VESSEL = "vessel"
    PLEURA = "pleura"


SITE_SHARES = {Site.FREE: 0.45, Site.VESSEL: 0.3, Site.PLEURA: 0.25}


@dataclass(frozen=True, eq=False)
class SiteMap:
    """The lungs of one CT on a coarse grid. Places are in mm along the CT's axes (x, y, z).

    Parameters
    ----------
    ct : Volume
        Gives the geometry.
    places_mm : ndarray, shape (n, 3)
        Of the coarse voxels in the lungs.
    depth_mm : ndarray, shape (n,)
        To the next voxel that is no lung.
    face_mm : ndarray, shape (n,)
        To the nearest face of the CT.
    dense, airy : ndarray of bool, shape (n,)
        Vessels and walls; aerated lung round about.
    """

    ct: Volume
    places_mm: npt.NDArray[np.float64]
    depth_mm: npt.NDArray[np.float32]
    face_mm: npt.NDArray[np.float64]
    dense: npt.NDArray[np.bool_]
    airy: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, ct: Volume, lungs: Volume) -> SiteMap:
        """The map of a CT.

        Parameters
        ----------
        ct : Volume
            HU.
        lungs : Volume
            Not 0 in the lungs, on the same grid.

        Raises
        ------
        InputError
            There is no lung.
        """
        steps = [max(1, round(_COARSE_MM / spacing)) for spacing in ct.spacing_mm[::-1]]
        every = tuple(slice(None, None, step) for step in steps)
        lung = lungs.array[every] != 0
        boxes = ndimage.find_objects(lung.astype(np.uint8))
        if not boxes:
            raise InputError("The CT has no lung to put a nodule into; give its lungs.")
        box = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in boxes[0])
        inside, hu = lung[box], ct.array[every][box].astype(np.float32)
        spacing = np.array(ct.spacing_mm[::-1]) * steps
        fine = ndimage.gaussian_filter(hu, [0.0, *(_FINE_MM / spacing[1:])])
        weight = ndimage.gaussian_filter(inside.astype(np.float32), _AIRY_MM / spacing)
        total = ndimage.gaussian_filter(np.where(inside, hu, 0.0), _AIRY_MM / spacing)
        index = np.argwhere(inside) + [part.start for part in box]
        places = (index * spacing)[:, ::-1]
        size = (np.array(ct.shape[::-1]) - 1) * ct.spacing_mm
        return cls(
            ct=ct,
            places_mm=places,
            depth_mm=ndimage.distance_transform_edt(inside, spacing)[inside].astype(np.float32),
            face_mm=np.minimum(places, size - places).min(axis=1),
            dense=fine[inside] > _DENSE_HU,
            airy=total[inside] < _AIRY_HU * weight[inside],
        )

    def drawn(
        self,
        site: Site,
        lesion: Lesion,
        taken_mm: npt.NDArray[np.float64],
        rng: np.random.Generator,
    ) -> Triplet:
        """A centre for the lesion, LPS mm.

        Parameters
        ----------
        site : Site
        lesion : Lesion
        taken_mm : ndarray, shape (n, 3)
            Voxels of other nodules and of masses; see ``taken``.
        rng : Generator

        Raises
        ------
        NoRoomError
            There is no such place apart from ``taken_mm``.
        """
        radius, reach = lesion.diameter_mm / 2.0, lesion.reach_mm
        others = cKDTree(taken_mm) if len(taken_mm) else None
        rows = np.flatnonzero(self._allowed(site, radius, rng) & (self.face_mm > radius))
        for row in rng.choice(rows, _TRIES) if len(rows) else ():
            place = self.places_mm[row]
            if site is Site.VESSEL:
                away = rng.normal(0.0, 1.0, 3)
                place = place + away / np.linalg.norm(away) * (0.9 * radius + 1.0)
                if not self._free(place, radius):
                    continue
            if others is None or others.query(place)[0] > reach + APART_MM:
                x, y, z = self.ct.index_to_world(place / self.ct.spacing_mm).tolist()
                return (x, y, z)
        raise NoRoomError(
            f"The lungs have no place ({site.value}) for a nodule of {lesion.diameter_mm:.1f} mm "
            "apart from others; ask for fewer nodules."
        )

    def taken(self, labels: Volume) -> npt.NDArray[np.float64]:
        """Where a label map on the CT's grid is not 0, as ``drawn`` takes it."""
        # Several times faster than argwhere on so many voxels.
        found = np.unravel_index(np.flatnonzero(labels.array.ravel() != 0), labels.shape)
        return np.stack(found[::-1], axis=1) * np.asarray(self.ct.spacing_mm)

    def _allowed(
        self, site: Site, radius_mm: float, rng: np.random.Generator
    ) -> npt.NDArray[np.bool_]:
        """Coarse voxels for the nodule's centre or, beside a vessel, for the vessel."""
        if site is Site.PLEURA:
            wanted = rng.uniform(*_SUNK) * radius_mm
            return self.airy & (np.abs(self.depth_mm - wanted) < max(1.0, 0.1 * radius_mm))
        deep = self.airy & (self.depth_mm > radius_mm + _FROM_PLEURA_MM)
        return deep & (self.dense if site is Site.VESSEL else ~self.dense)

    def _free(self, place_mm: npt.NDArray[np.float64], radius_mm: float) -> bool:
        """Whether a nodule of this size lies within the lung there."""
        row = int(np.argmin(((self.places_mm - place_mm) ** 2).sum(axis=1)))
        deep = self.depth_mm[row] > radius_mm and self.face_mm[row] > radius_mm
        return bool(deep and self.airy[row])
