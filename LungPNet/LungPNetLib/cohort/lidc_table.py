"""The table of LIDC-IDRI's nodules and clean patients, one row each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TypeAlias

from LungPNetLib.cohort.lidc import LidcScan, Nodule

Row: TypeAlias = dict[str, str | int | float | bool]
"""One line of the meta table."""


def meta_rows(chosen: Sequence[LidcScan]) -> Iterator[Row]:
    """One row for each nodule, and one for each scan of a patient without any.

    Columns: patient_id, series_uid, nodule (number; 0 in a clean patient), readers, malignancy
    (median_high), is_cancer ("true" above 3, "false" below, "ambiguous" at 3, "" if clean; a
    rating, not pathology), is_clean (no mark in any of the patient's scans), diameter_mm,
    volume_mm3 and the medians of the other ratings.
    """
    marked = {scan.patient_id for scan in chosen if scan.n_annotations}
    for scan in chosen:
        shared: Row = {
            "patient_id": scan.patient_id,
            "series_uid": scan.series_uid,
        }
        for nodule in scan.nodules:
            yield shared | _nodule_row(nodule)
        if scan.patient_id not in marked:
            clean: Row = {
                "nodule": 0,
                "readers": 0,
                "malignancy": 0,
                "is_cancer": "",
                "is_clean": True,
            }
            yield shared | clean


def _nodule_row(nodule: Nodule) -> Row:
    names = [name for name in asdict(nodule.readings[0].ratings) if name != "malignancy"]
    row: Row = {
        "nodule": nodule.number,
        "readers": len(nodule.readings),
        "malignancy": nodule.malignancy,
        "is_cancer": nodule.suspicion.value,
        "is_clean": False,
        "diameter_mm": round(nodule.diameter_mm, 2),
        "volume_mm3": round(nodule.volume_mm3, 1),
    }
    return row | {name: nodule.median(name) for name in names}
