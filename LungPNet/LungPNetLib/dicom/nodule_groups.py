"""Measurement groups of a DICOM SR (TID 1500) about nodules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from LungPNetLib.dicom.derived import Term
from LungPNetLib.dicom.measurement_groups import (
    ATTENUATION,
    HOUNSFIELD_UNIT,
    MEAN,
    PERCENT,
    PRIVATE_SCHEME,
    VOLUME,
    Report,
    Site,
    Subject,
    add_comment,
    group,
    number,
)
from LungPNetLib.dicom.nodules import ABNORMAL_STRUCTURE, KINDS, LUNG, laterality, nodule_name
from LungPNetLib.grading.measure import NoduleMeasurements
from LungPNetLib.grading.nodule_type import NoduleType
from LungPNetLib.nodules.finding import NoduleFinding
from LungPNetLib.result import StudyResult

LONG_AXIS = Term("103339001", "SCT", "Long axis")
SHORT_AXIS = Term("103340004", "SCT", "Short axis")
DIAMETER = Term("81827009", "SCT", "Diameter")
STANDARD_DEVIATION = Term("386136009", "SCT", "Standard Deviation")
MINIMUM = Term("255605001", "SCT", "Minimum")
MAXIMUM = Term("56851009", "SCT", "Maximum")
ENTROPY = Term("TLU2", "IBSI", "Intensity Histogram Entropy")
SOLID_SHARE = Term("SOLID300", PRIVATE_SCHEME, "Share of volume at or above -300 HU")
SCORE = Term("NODSCORE", PRIVATE_SCHEME, "Score of the search for nodules, no probability")
TYPE = Term("NODTYPE", PRIVATE_SCHEME, "Nodule type by density")
TYPES = {
    NoduleType.SOLID: Term("SOLID", PRIVATE_SCHEME, "Solid"),
    NoduleType.PART_SOLID: Term("PARTSOLID", PRIVATE_SCHEME, "Part-solid"),
    NoduleType.NON_SOLID: Term("NONSOLID", PRIVATE_SCHEME, "Non-solid"),
}

MILLIMETER = Term("mm", "UCUM", "millimeter")
CUBIC_MILLIMETER = Term("mm3", "UCUM", "cubic millimeter")
BIT = Term("bit", "UCUM", "bit")
NO_UNITS = Term("1", "UCUM", "no units")

_TYPE_IS_A_SUGGESTION = (
    "The type goes by density alone, which does not tell part-solid from solid nodules for sure."
)


def nodule_groups(report: Report, result: StudyResult) -> Iterable[Any]:
    """One measurement group for each selected nodule."""
    stage = result.nodule_stage or {}
    methods = tuple(f"{task}: {stage[task]}" for task in ("detector", "segmenter") if task in stage)
    for label, nodule in result.selected_nodules:
        subject = Subject(
            nodule_name(label, nodule),
            ABNORMAL_STRUCTURE,
            KINDS[nodule.name],
            Site(LUNG, laterality(nodule)),
            methods,
        )
        found = nodule.type_finding
        answers = [] if found is None else [(TYPE, TYPES[found.nodule_type])]
        made = group(report, subject, _numbers(nodule), answers)
        if answers:
            add_comment(made, _TYPE_IS_A_SUGGESTION)
        yield made


def _numbers(nodule: NoduleFinding) -> list[Any]:
    numbers = [] if nodule.measurements is None else _measured(nodule.measurements)
    if nodule.heterogeneity is not None:
        numbers += number(ENTROPY, nodule.heterogeneity.entropy_bits, BIT)
    if nodule.score is not None:
        numbers += number(SCORE, nodule.score, NO_UNITS)
    return numbers


def _measured(measured: NoduleMeasurements) -> list[Any]:
    return [
        *number(LONG_AXIS, measured.long_axis_mm, MILLIMETER),
        *number(SHORT_AXIS, measured.short_axis_mm, MILLIMETER),
        *number(DIAMETER, measured.mean_diameter_mm, MILLIMETER, MEAN),
        *number(VOLUME, measured.volume_mm3, CUBIC_MILLIMETER),
        *number(ATTENUATION, measured.mean_hu, HOUNSFIELD_UNIT, MEAN),
        *number(ATTENUATION, measured.sd_hu, HOUNSFIELD_UNIT, STANDARD_DEVIATION),
        *number(ATTENUATION, measured.min_hu, HOUNSFIELD_UNIT, MINIMUM),
        *number(ATTENUATION, measured.max_hu, HOUNSFIELD_UNIT, MAXIMUM),
        *number(SOLID_SHARE, 100.0 * measured.solid_fraction, PERCENT),
    ]
