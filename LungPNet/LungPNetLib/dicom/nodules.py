"""Codes of nodules for DICOM objects: what they are, where they lie, what they are called."""

from __future__ import annotations

from collections.abc import Sequence

from LungPNetLib.dicom.derived import Term
from LungPNetLib.dicom.export import LEFT_LUNG, RIGHT_LUNG, SegmentSpec
from LungPNetLib.nodules.finding import FindingName, NoduleFinding

ABNORMAL_STRUCTURE = Term("49755003", "SCT", "Morphologically Abnormal Structure")
KINDS = {
    FindingName.NODULE: Term("27925004", "SCT", "Nodule"),
    FindingName.MASS: Term("4147007", "SCT", "Mass"),
}
LUNG = Term("39607008", "SCT", "Lung")
LATERALITY = {
    "right": Term("24028007", "SCT", "Right"),
    "left": Term("7771000", "SCT", "Left"),
}
_LUNGS = {"right": RIGHT_LUNG, "left": LEFT_LUNG}

_RGB = {FindingName.NODULE: (230, 120, 40), FindingName.MASS: (200, 50, 60)}


def nodule_name(number: int, nodule: NoduleFinding) -> str:
    """What it is called in every DICOM object: ``"Nodule 2"``, ``"Mass 1"``."""
    return f"{KINDS[nodule.name].meaning} {number}"


def nodule_segments(nodules: Sequence[tuple[int, NoduleFinding]]) -> list[SegmentSpec]:
    """One segment a nodule.

    Parameters
    ----------
    nodules : sequence of (int, NoduleFinding)
        Each with its label in the label map, which is also its number.
    """
    return [
        SegmentSpec(
            label,
            nodule_name(label, nodule),
            ABNORMAL_STRUCTURE,
            KINDS[nodule.name],
            _RGB[nodule.name],
            region_code=_LUNGS.get(_side(nodule), LUNG),
        )
        for label, nodule in nodules
    ]


def laterality(nodule: NoduleFinding) -> Term | None:
    """Right or left; None where no lung is beside it."""
    return LATERALITY.get(_side(nodule))


def _side(nodule: NoduleFinding) -> str:
    measured = nodule.measurements
    return (measured.side if measured is not None else None) or ""
