"""Results of an analysis in the scene: how their nodes are marked, and found again.

What belongs to a result is marked by node attributes and by a reference to its CT, never by names
that a person may change. The marks survive saving and loading of the scene (.mrb).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.errors import InputError
from LungPNetLib.slicer_bridge.hierarchy import placeBeside
from LungPNetLib.slicer_bridge.result_files import checkBelongs
from LungPNetLib.slicer_bridge.segmentations import fingerprint, showSurfaces, updateSegmentation
from LungPNetLib.slicer_bridge.tables import SIDES
from LungPNetLib.slicer_bridge.volumes import transformOfResults
from LungPNetLib.volume import Volume

ROLE = "LungPNet.Role"
"""Attribute: what the node is in a result; the values are below."""
CT = "LungPNet.CT"
"""Role of the node reference from each node of a result to the CT that was analyzed."""
FOLDER = "LungPNet.Folder"
"""Attribute: the result folder, where report and DICOM objects lie."""
SCHEMA = "LungPNet.SchemaVersion"
VERSION = "LungPNet.Version"
STARTED = "LungPNet.Started"
SHAPE = "LungPNet.Shape"
"""Attribute of segmentations: fingerprint of what the analysis found."""

SEGMENTATION = "lungs"
CORRECTED = "lungs-corrected"
LUNG_TABLE = "lung-table"
QUALITY_TABLE = "quality-table"
HISTOGRAM_TABLE = "histogram-table"
HISTOGRAM_CHART = "histogram-chart"
HISTOGRAM_SERIES = {side: f"histogram-{side}" for side in SIDES}


def findCt(result: Mapping[str, Any], scene: slicer.vtkMRMLScene) -> Any:
    """The first volume of the scene that the result belongs to; None where there is none."""
    for volumeNode in _nodes(scene, "vtkMRMLScalarVolumeNode"):
        if volumeNode.IsA("vtkMRMLLabelMapVolumeNode"):
            continue
        try:
            checkBelongs(result, volumeNode)
        except InputError:
            continue
        return volumeNode
    return None


@dataclass(frozen=True)
class ResultNodes:
    """The nodes of the result of one CT; None for what there is not."""

    segmentation: Any = None
    lungTable: Any = None
    qualityTable: Any = None
    histogramTable: Any = None
    histogramChart: Any = None

    @property
    def folder(self) -> Path | None:
        """The result folder; it may have been moved or deleted since."""
        path = self.qualityTable.GetAttribute(FOLDER) if self.qualityTable else None
        return Path(path) if path else None


def findResult(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> ResultNodes:
    """The nodes of the result of this CT that are in its scene."""

    def found(className: str, role: str) -> Any:
        return findNode(volumeNode, className, role)

    return ResultNodes(
        segmentation=found("vtkMRMLSegmentationNode", SEGMENTATION),
        lungTable=found("vtkMRMLTableNode", LUNG_TABLE),
        qualityTable=found("vtkMRMLTableNode", QUALITY_TABLE),
        histogramTable=found("vtkMRMLTableNode", HISTOGRAM_TABLE),
        histogramChart=found("vtkMRMLPlotChartNode", HISTOGRAM_CHART),
    )


def isCorrected(segmentationNode: slicer.vtkMRMLSegmentationNode) -> bool:
    """Whether a person has changed a segment since the analysis."""
    found = segmentationNode.GetAttribute(SHAPE)
    return bool(found) and found != fingerprint(segmentationNode)


def findNode(volumeNode: slicer.vtkMRMLScalarVolumeNode, className: str, role: str) -> Any:
    """The node that has this role in the result of a CT; None where there is none."""
    for node in _nodes(volumeNode.GetScene(), className):
        if node.GetAttribute(ROLE) == role and node.GetNodeReferenceID(CT) == volumeNode.GetID():
            return node
    return None


def roleNode(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, className: str, role: str, title: str
) -> Any:
    """``findNode``, or a new node with this role beside the CT.

    Parameters
    ----------
    title : str
        Follows the name of the CT in the name of a new node.
    """
    node = findNode(volumeNode, className, role)
    if node is None:
        name = f"{volumeNode.GetName()}: {title}"
        node = volumeNode.GetScene().AddNewNodeByClass(className, name)
        node.SetAttribute(ROLE, role)
        node.SetNodeReferenceID(CT, volumeNode.GetID())
        placeBeside(node, volumeNode)
    return node


def lungSegmentation(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, role: str, title: str, labels: Volume
) -> slicer.vtkMRMLSegmentationNode:
    """Show lungs in the segmentation of this role; one that a person has corrected is kept beside.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
        The CT.
    role, title : str
        See ``roleNode``.
    labels : Volume
        uint8: 1 right, 2 left.
    """
    keepCorrection(volumeNode, role)
    node = roleNode(volumeNode, "vtkMRMLSegmentationNode", role, title)
    transform = transformOfResults(volumeNode, labels)
    node.SetAndObserveTransformNodeID(transform.GetID() if transform else None)
    updateSegmentation(node, labels, LUNG_SEGMENTS, volumeNode)
    node.SetAttribute(SHAPE, fingerprint(node))
    showSurfaces(node)
    return node


def keepCorrection(volumeNode: slicer.vtkMRMLScalarVolumeNode, role: str) -> None:
    """Give a segmentation that a person has corrected another role, so that it is not replaced."""
    node = findNode(volumeNode, "vtkMRMLSegmentationNode", role)
    if node is None or not isCorrected(node):
        return
    node.SetAttribute(ROLE, CORRECTED)
    node.SetName(_("{name} (corrected)").format(name=node.GetName()))
    if node.GetDisplayNode() is not None:
        node.GetDisplayNode().SetVisibility(False)


def _nodes(scene: slicer.vtkMRMLScene, className: str) -> Iterator[Any]:
    for index in range(scene.GetNumberOfNodesByClass(className)):
        yield scene.GetNthNodeByClass(index, className)
