"""The coded types of segments, as Slicer writes them into a tag."""

from __future__ import annotations

from typing import Any

import slicer

from LungPNetLib.dicom.export import LEFT_LUNG, RIGHT_LUNG, SegmentSpec

TERMINOLOGY_CONTEXT = "Segmentation category and type - LungPNet"
"""Name of the extension's terminology file, in which the codes of the segments stand."""

_Terminologies = slicer.vtkSlicerTerminologiesModuleLogic

_LUNG = ("39607008", "SCT")
_LUNG_OF_SIDE = {("24028007", "SCT"): RIGHT_LUNG, ("7771000", "SCT"): LEFT_LUNG}
"""In Slicer's own list of anatomy a lung is the type 'Lung' with a side as its modifier."""


def terminologyEntry(spec: SegmentSpec) -> str:
    """The codes of a segment as Slicer writes them into a tag."""
    none = ("", "", "")
    return str(
        _Terminologies.SerializeTerminologyEntry(
            TERMINOLOGY_CONTEXT, *spec.category_code, *spec.type_code, *none, "", *none, *none
        )
    )


def segmentType(segment: slicer.vtkSegment) -> tuple[str, str]:
    """Value and scheme of the coded type; empty where it has none."""
    entry = slicer.vtkSlicerTerminologyEntry()
    if not _Terminologies.DeserializeTerminologyEntry(segment.GetTerminology() or "", entry):
        return ("", "")
    kind, side = _code(entry.GetTypeObject()), _code(entry.GetTypeModifierObject())
    if kind == _LUNG and side in _LUNG_OF_SIDE:
        return _LUNG_OF_SIDE[side][:2]
    return kind


def _code(coded: Any) -> tuple[str, str]:
    return coded.GetCodeValue() or "", coded.GetCodingSchemeDesignator() or ""
