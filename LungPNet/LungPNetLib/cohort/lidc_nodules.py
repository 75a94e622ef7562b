"""The nodules of a LIDC-IDRI scan as masks: who marked which voxel, and what half of them agree on.

Everything in the pixels of the scan comes from the readers' contours, so it needs no image; the
CT says where those pixels lie in the patient. Slices are matched by their LPS heights, never by
counting, so a series that lacks slices, or runs the other way, still gets its marks where the
readers drew them.

References
----------
Armato SG et al. The Lung Image Database Consortium (LIDC) and Image Database Resource Initiative
(IDRI). Med Phys 2011;38:915-931.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.cohort.lidc import LidcScan, Nodule, check_share
from LungPNetLib.errors import InputError
from LungPNetLib.study import Study
from LungPNetLib.volume import Volume

N_READERS = 4
"""Radiologists who read each scan; no voxel can have more votes."""
SHARE = 0.5
"""Part of a nodule's readers that must have included a voxel of its mask."""
SMALLEST_VOXELS = 8
"""Masks, and their parts in single slices, that are smaller are not material to train on."""
_SAME_SLICE_MM = 0.1
"""Heights are rounded differently in the marks and in the images; slices are 0.45 mm apart."""


@dataclass(frozen=True, eq=False)
class PlacedVotes:
    """How many readers included each voxel, cut out of the scan's grid.

    Parameters
    ----------
    array : ndarray of uint8, shape (z, y, x)
        0 to 4; slices ascend in z (towards the head).
    start : tuple of int
        (column, row, slice) index of its first voxel in the scan.
    """

    array: npt.NDArray[np.uint8]
    start: tuple[int, int, int]

    def centre(self, at_least: int) -> tuple[float, float, float]:
        """(column, row, slice) index of the mean of the voxels with ``at_least`` votes or more.

        Of all marked voxels where none has as many.
        """
        wanted = self.array >= at_least
        inside = np.argwhere(wanted if wanted.any() else self.array > 0)
        column, row, layer = inside.mean(axis=0)[::-1] + self.start
        return float(column), float(row), float(layer)


@dataclass(frozen=True, eq=False)
class NoduleTruth:
    """The marks of a scan on the grid of its CT.

    Parameters
    ----------
    labels : Volume
        uint8; the voxels of nodule ``n`` (``Nodule.number``) that at least half of its readers
        included. Masks below ``SMALLEST_VOXELS`` are left out. A voxel of two nodules belongs to
        that with the lower number.
    votes : Volume
        uint8, 0 to 4; the readers who included the voxel in any nodule.
    cut : tuple of int
        Numbers of the nodules that reach into slices which the CT does not hold.
    """

    labels: Volume
    votes: Volume
    cut: tuple[int, ...]


@dataclass(frozen=True)
class NoduleSlice:
    """The part of a nodule's mask in one slice: slice index, LPS height, number and pixels."""

    index: int
    z_mm: float
    nodule: int
    voxels: int


def is_ambiguous(nodule: Nodule) -> bool:
    """Whether more marks touch each other than there are readers.

    Some readers then saw one nodule where others saw several, and which marks belong together
    cannot be told (14 of the 2651 groups of the collection).
    """
    return len(nodule.readings) > N_READERS


def needed_votes(nodule: Nodule, share: float = SHARE) -> int:
    """Votes that ``share`` (above 0, at most 1) of a nodule's readers make.

    Its readers are those who marked it, so one vote suffices where one reader alone did; they are
    all four where the group is ambiguous.

    Raises
    ------
    InputError
        ``share`` is out of range.
    """
    check_share(share)
    return math.ceil(share * min(len(nodule.readings), N_READERS))


def votes_of(nodule: Nodule) -> PlacedVotes:
    """The sum of its readers' masks.

    The marks of one reader do not overlap, so this counts readers even where the group is
    ambiguous; contours of one reader that do overlap (one group in the collection) count to 4.
    """
    masks = [reading.mask() for reading in nodule.readings]
    low = np.min([mask.start for mask in masks], axis=0)
    high = np.max([np.add(mask.start, mask.array.shape[::-1]) for mask in masks], axis=0)
    total = np.zeros((high - low)[::-1], np.uint8)
    for mask in masks:
        place = tuple(
            slice(first, first + size)
            for first, size in zip(
                (np.array(mask.start) - low)[::-1], mask.array.shape, strict=True
            )
        )
        total[place] += mask.array
    return PlacedVotes(total.clip(max=N_READERS), (int(low[0]), int(low[1]), int(low[2])))


def truth_on(scan: LidcScan, study: Study) -> NoduleTruth:
    """Masks and votes of ``scan`` on the grid of its CT.

    Parameters
    ----------
    scan : LidcScan
    study : Study
        The DICOM series of the scan as read, possibly without some of its slices.

    Raises
    ------
    InputError
        It is another series, was resampled (tilt or gaps: its pixels are not those that the
        readers drew on), is not axial, or its slices are smaller than the marks.
    """
    _refuse_other_pixels(scan, study)
    heights_mm = np.array([slice_.position_mm[2] for slice_ in study.source])
    labels, votes = (np.zeros(study.ct.shape, np.uint8) for _ in range(2))
    cut = []
    for nodule in scan.nodules:
        marked = votes_of(nodule)
        enough = marked.array >= needed_votes(nodule)
        if enough.sum() < SMALLEST_VOXELS:
            enough[:] = False
        z_mm = scan.slice_z_mm[marked.start[2] :][: len(marked.array)]
        gaps_mm = np.abs(heights_mm[:, None] - z_mm)
        found = gaps_mm.min(axis=0) <= _SAME_SLICE_MM
        if marked.array[~found].any():
            cut.append(nodule.number)
        for layer in np.flatnonzero(found):
            place = (int(gaps_mm[:, layer].argmin()), *_pixels(marked, study.ct))
            votes[place] = (votes[place] + marked.array[layer]).clip(max=N_READERS)
            labels[place][enough[layer] & (labels[place] == 0)] = nodule.number
    return NoduleTruth(study.ct.with_array(labels), study.ct.with_array(votes), tuple(cut))


def slices_of(labels: Volume) -> Iterator[NoduleSlice]:
    """The parts of masks in axial slices of ``SMALLEST_VOXELS`` and more, nodule by nodule.

    Parameters
    ----------
    labels : Volume
        uint8 label map of an upright grid; label n is nodule n.
    """
    array = labels.array.astype(np.uint8, copy=False)
    for number, box in enumerate(ndimage.find_objects(array), start=1):
        if box is None:
            continue
        for index in range(box[0].start, box[0].stop):
            voxels = int((array[(index, *box[1:])] == number).sum())
            if voxels >= SMALLEST_VOXELS:
                z_mm = float(labels.index_to_world([0, 0, index])[2])
                yield NoduleSlice(index, z_mm, number, voxels)


def _pixels(marked: PlacedVotes, ct: Volume) -> tuple[slice, slice]:
    """Rows and columns of the marks in a slice of the CT."""
    column, row, _ = marked.start
    _, rows, columns = marked.array.shape
    if min(column, row) < 0 or row + rows > ct.shape[1] or column + columns > ct.shape[2]:
        raise InputError(
            f"The readers marked pixels up to column {column + columns} and row {row + rows}, but "
            f"the slices have {ct.shape[2]} columns and {ct.shape[1]} rows. Give the series as "
            "LIDC-IDRI publishes it, not a part of its slices."
        )
    return slice(row, row + rows), slice(column, column + columns)


def _refuse_other_pixels(scan: LidcScan, study: Study) -> None:
    """Raise unless the CT's pixels are those that the readers drew on."""
    if study.acquisition.series_uid != scan.series_uid:
        raise InputError(
            f"The CT is of series '{study.acquisition.series_uid}', the marks are of "
            f"'{scan.series_uid}'. Give the series that the readers saw."
        )
    if study.geometry.regridded:
        raise InputError(
            "The CT was resampled, because its gantry was tilted or slices are missing, so the "
            "readers' pixels are not its voxels. Leave this scan out, or download it again."
        )
    if len(study.source) != len(study.ct.array) or abs(study.ct.direction[2, 2]) < 0.999:
        raise InputError("The CT is not a stack of axial DICOM slices, on which the readers drew.")
