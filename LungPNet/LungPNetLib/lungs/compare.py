"""How well two segmentations of the lungs of one CT agree: of two readers, or of two methods."""

from __future__ import annotations

import math
from typing import Any

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.lazy import require
from LungPNetLib.volume import Volume


def compare_lungs(first: Volume, second: Volume) -> list[dict[str, Any]]:
    """Agreement of two label maps on each lung that one of them has.

    Parameters
    ----------
    first, second : Volume
        uint8 on the same grid: 1 right, 2 left.

    Returns
    -------
    list of dict
        Plain JSON values for each lung: ``segment`` (its name), ``dice``, ``surface_dice`` (within
        ``lungs.evaluate.TOLERANCE_MM``), ``hd95_mm``, ``first_ml`` and ``second_ml``; see
        ``evaluation.overlap``. Distances are None where one of them lacks the lung.

    Raises
    ------
    InputError
        The grids differ.
    DependencyError
        torch or MONAI, which measure the surfaces, are not installed.
    """
    require("monai", feature="The comparison of surfaces")
    from LungPNetLib.evaluation.overlap import overlap
    from LungPNetLib.lungs.evaluate import TOLERANCE_MM

    rows = []
    for spec in LUNG_SEGMENTS:
        agreement = overlap(first, second, spec.label, tolerance_mm=TOLERANCE_MM)
        if math.isnan(agreement.dice):
            continue
        row = {
            "segment": spec.name,
            "dice": agreement.dice,
            "surface_dice": _finite(agreement.surface_dice),
            "hd95_mm": _finite(agreement.hd95_mm),
            "first_ml": _volume_ml(first, spec.label),
            "second_ml": _volume_ml(second, spec.label),
        }
        rows.append(row)
    return rows


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _volume_ml(labels: Volume, label: int) -> float:
    return float((labels.array == label).sum()) * labels.voxel_volume_ml
