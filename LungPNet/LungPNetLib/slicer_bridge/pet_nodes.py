"""A PET as SUV in the scene, and the uptake that was measured in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from LungPNetLib.errors import InputError
from LungPNetLib.slicer_bridge.hierarchy import placeInStudy
from LungPNetLib.slicer_bridge.importing import SOURCE_PATH, SOURCE_SERIES
from LungPNetLib.slicer_bridge.segmentations import fingerprint
from LungPNetLib.slicer_bridge.volumes import updateNodeFromVolume
from LungPNetLib.study import Acquisition, Patient

SUV = "LungPNet.SUV"
"""Attribute of a PET: how its SUV came about and how it lies on the CT, as JSON."""
UPTAKE = "LungPNet.Uptake"
"""Attribute of a PET: what was measured last, as JSON."""
CT = "LungPNet.CT"
"""Role of the node reference from a PET to the CT that it was compared with."""
REGION = "LungPNet.Region"
"""Role of the node reference from a PET to the segmentation that was measured."""

_SHOWN_SUV = (0.0, 10.0)


@dataclass(frozen=True)
class Uptake:
    """What was measured in a segment.

    Attributes
    ----------
    segmentationNode : vtkMRMLSegmentationNode or None
        None once it is gone.
    segmentId, threshold : str
        Which segment, and the threshold as ``SuvThreshold.parse`` takes it.
    shape : str
        Fingerprint of the segmentation then.
    metrics : mapping
        The fields of ``PetMetrics``.
    """

    segmentationNode: Any
    segmentId: str
    threshold: str
    shape: str
    metrics: Mapping[str, Any]

    def isOf(self, segmentationNode: Any, segmentId: str, threshold: str) -> bool:
        """Whether this is what was asked, and the outlines are as they were."""
        return (
            segmentationNode is not None
            and self.segmentationNode is segmentationNode
            and (self.segmentId, self.threshold) == (segmentId, threshold)
            and self.shape == fingerprint(segmentationNode)
        )


def petFromReading(reading: Mapping[str, Any], place: Path, ctNode: Any, scene: Any) -> Any:
    """A new volume node with SUVbw, placed under its patient and study.

    Parameters
    ----------
    reading : mapping
        Result of the worker's verb ``pet``.
    place : Path
        What was read.
    ctNode : vtkMRMLScalarVolumeNode or None
        The CT that it was compared with. In one frame of reference with it, the PET goes under
        the transform of the CT, and so lies where the CT is seen.
    scene : vtkMRMLScene

    Returns
    -------
    vtkMRMLScalarVolumeNode
    """
    acquisition = Acquisition(**reading["acquisition"])
    name = f"{acquisition.series_description or 'PET'} (SUVbw)"
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    updateNodeFromVolume(node, reading["volume"])
    node.SetVoxelValueQuantity(_coded("126400", "DCM", "Standardized Uptake Value"))
    unit = _coded("{SUVbw}g/ml", "UCUM", "Standardized Uptake Value body weight")
    node.SetVoxelValueUnits(unit)
    node.CreateDefaultDisplayNodes()
    display = node.GetScalarVolumeDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(*_SHOWN_SUV)
    kept = {key: reading[key] for key in ("method", "notices", "alignment")}
    node.SetAttribute(SUV, json.dumps(kept, ensure_ascii=False))
    node.SetAttribute(SOURCE_PATH, str(place.absolute()))
    node.SetAttribute(SOURCE_SERIES, acquisition.series_uid)
    placeInStudy(node, Patient(**reading["patient"]), acquisition)
    if ctNode is not None:
        node.SetNodeReferenceID(CT, ctNode.GetID())
        if reading["alignment"]["same_frame"]:
            node.SetAndObserveTransformNodeID(ctNode.GetTransformNodeID())
    return node


def suvRecord(petNode: Any) -> dict[str, Any]:
    """``method``, ``notices`` and ``alignment`` of a PET, as the verb ``pet`` gave them.

    Raises
    ------
    InputError
        The scene was changed by hand.
    """
    return _json(petNode, SUV)


def keepUptake(
    petNode: Any, segmentationNode: Any, segmentId: str, threshold: str, metrics: Mapping[str, Any]
) -> None:
    """Keep what was measured with the PET."""
    kept = {
        "segment": segmentId,
        "threshold": threshold,
        "shape": fingerprint(segmentationNode),
        "metrics": dict(metrics),
    }
    petNode.SetAttribute(UPTAKE, json.dumps(kept, ensure_ascii=False))
    petNode.SetNodeReferenceID(REGION, segmentationNode.GetID())


def keptUptake(petNode: Any) -> Uptake | None:
    """What was measured last; None where nothing was.

    Raises
    ------
    InputError
        The scene was changed by hand.
    """
    if not petNode.GetAttribute(UPTAKE):
        return None
    kept = _json(petNode, UPTAKE)
    return Uptake(
        petNode.GetNodeReference(REGION),
        kept["segment"],
        kept["threshold"],
        kept["shape"],
        kept["metrics"],
    )


def alignmentWords(petNode: Any, ctNode: Any) -> tuple[str, str]:
    """Verdict (``""`` where there is none) and reason of how a PET lies on a CT, in English.

    Raises
    ------
    InputError
        As ``suvRecord``.
    """
    alignment = suvRecord(petNode)["alignment"]
    if alignment is None or petNode.GetNodeReference(CT) is not ctNode:
        return "", str(_("Not compared with this CT: choose the CT, then read the PET again."))
    return alignment["verdict"], alignment["reason"]


def _json(petNode: Any, name: str) -> dict[str, Any]:
    try:
        kept = json.loads(petNode.GetAttribute(name))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"What this scene keeps of the PET in '{name}' cannot be read ({error}). Read the PET "
            "again from its DICOM folder."
        ) from error
    return dict(kept)


def _coded(value: str, scheme: str, meaning: str) -> Any:
    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning(value, scheme, meaning)
    return entry
