"""Where a person found the weak lung masks of LIDC-IDRI wrong, and what is there instead.

The list in lidc_corrections.json is short: one polygon in one slice an entry, so that the masks
can be made again from the DICOM files by one command.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from LungPNetLib.dicom.contours import fill_even_odd
from LungPNetLib.volume import Volume

FILE = Path(__file__).with_name("lidc_corrections.json")


@dataclass(frozen=True)
class Correction:
    """One polygon that gets another label.

    Parameters
    ----------
    series_uid : str
        SeriesInstanceUID of the CT.
    z_mm : float
        LPS position of the slice.
    label : int
        0 no lung, 1 right, 2 left.
    polygon : tuple of (float, float)
        Corners as (column, row) in the upright CT; pixel centres have whole numbers.
    reason : str
        What was seen.
    """

    series_uid: str
    z_mm: float
    label: int
    polygon: tuple[tuple[float, float], ...]
    reason: str


def read_corrections(path: Path = FILE) -> tuple[Correction, ...]:
    """The corrections in a file of the form of lidc_corrections.json."""
    entries = json.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Correction(**{**entry, "polygon": tuple(map(tuple, entry["polygon"]))}) for entry in entries
    )


def corrected(lungs: Volume, series_uid: str, corrections: tuple[Correction, ...]) -> Volume:
    """Label map ``lungs`` (upright, uint8) with the corrections of its series.

    Slices that the volume does not hold are passed over.
    """
    labels = lungs.array.copy()
    for one in corrections:
        k = round((one.z_mm - lungs.origin_mm[2]) / lungs.spacing_mm[2])
        if one.series_uid == series_uid and 0 <= k < len(labels):
            inside = fill_even_odd([np.array(one.polygon)], labels.shape[1:])
            labels[k][inside > 0] = one.label
    return lungs.with_array(labels)
