"""Results of an analysis in the scene: loaded from their folder, and found there again.

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
from LungPNetLib.slicer_bridge.result_files import checkBelongs, readLungs, readResult
from LungPNetLib.slicer_bridge.segmentations import fingerprint, showSurfaces, updateSegmentation
from LungPNetLib.slicer_bridge.tables import (
    SIDES,
    updateHistogramChart,
    updateHistogramTable,
    updateLungTable,
    updateQualityTable,
)
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


def openResult(folder: Path, volumeNode: slicer.vtkMRMLScalarVolumeNode) -> ResultNodes:
    """Show the result of a folder in the scene of its CT, in the place of an earlier one.

    A segmentation that a person has corrected since is kept, beside the new one.

    Parameters
    ----------
    folder : Path
        What ``lungpnet analyze`` or a panel has written.
    volumeNode : vtkMRMLScalarVolumeNode
        The CT.

    Raises
    ------
    InputError
        The folder holds no usable result, or that of another CT; the scene is not changed then.
    """
    result = readResult(folder)
    checkBelongs(result, volumeNode)
    labels = readLungs(result, folder)
    writer = _Writer(result, folder, volumeNode)
    updateQualityTable(
        writer.node("vtkMRMLTableNode", QUALITY_TABLE, _("quality")), result["quality"]["checks"]
    )
    if labels is None:
        writer.removeLungs()
    else:
        writer.showLungs(labels)
    return findResult(volumeNode)


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
    _keepCorrection(volumeNode, role)
    node = roleNode(volumeNode, "vtkMRMLSegmentationNode", role, title)
    transform = transformOfResults(volumeNode, labels)
    node.SetAndObserveTransformNodeID(transform.GetID() if transform else None)
    updateSegmentation(node, labels, LUNG_SEGMENTS, volumeNode)
    node.SetAttribute(SHAPE, fingerprint(node))
    showSurfaces(node)
    return node


def _keepCorrection(volumeNode: slicer.vtkMRMLScalarVolumeNode, role: str) -> None:
    node = findNode(volumeNode, "vtkMRMLSegmentationNode", role)
    if node is None or not isCorrected(node):
        return
    node.SetAttribute(ROLE, CORRECTED)
    node.SetName(_("{name} (corrected)").format(name=node.GetName()))
    if node.GetDisplayNode() is not None:
        node.GetDisplayNode().SetVisibility(False)


class _Writer:
    """Puts one result into the scene of its CT."""

    def __init__(
        self,
        result: Mapping[str, Any],
        folder: Path,
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
    ) -> None:
        self._result = result
        self._volumeNode = volumeNode
        self._marks = {
            FOLDER: str(folder.absolute()),
            SCHEMA: result["schema_version"],
            VERSION: result["software"]["version"],
            STARTED: result["run"]["started"],
        }

    def node(self, className: str, role: str, title: str) -> Any:
        """The node of this role, made where there is none, and marked."""
        return self._mark(roleNode(self._volumeNode, className, role, title))

    def showLungs(self, labels: Volume) -> None:
        """Segmentation, measurements and histogram."""
        lungs = self._result["lungs"]
        self._mark(lungSegmentation(self._volumeNode, SEGMENTATION, _("lungs"), labels))
        updateLungTable(self.node("vtkMRMLTableNode", LUNG_TABLE, _("lung measurements")), lungs)
        table = self.node("vtkMRMLTableNode", HISTOGRAM_TABLE, _("lung histogram"))
        updateHistogramTable(table, lungs)
        series = {
            side: self.node("vtkMRMLPlotSeriesNode", role, side)
            for side, role in HISTOGRAM_SERIES.items()
            if side in lungs["histogram_ml"]
        }
        chart = self.node("vtkMRMLPlotChartNode", HISTOGRAM_CHART, _("lung histogram"))
        updateHistogramChart(chart, series, table)

    def removeLungs(self) -> None:
        """Take an earlier run's lungs out of the scene: this one did not look for them."""
        _keepCorrection(self._volumeNode, SEGMENTATION)
        for className, role in _LUNG_NODES:
            node = findNode(self._volumeNode, className, role)
            if node is not None:
                node.GetScene().RemoveNode(node)

    def _mark(self, node: Any) -> Any:
        for name, value in self._marks.items():
            node.SetAttribute(name, value)
        return node


_LUNG_NODES = (
    ("vtkMRMLSegmentationNode", SEGMENTATION),
    ("vtkMRMLTableNode", LUNG_TABLE),
    ("vtkMRMLPlotChartNode", HISTOGRAM_CHART),
    *(("vtkMRMLPlotSeriesNode", role) for role in HISTOGRAM_SERIES.values()),
    ("vtkMRMLTableNode", HISTOGRAM_TABLE),
)


def _nodes(scene: slicer.vtkMRMLScene, className: str) -> Iterator[Any]:
    for index in range(scene.GetNumberOfNodesByClass(className)):
        yield scene.GetNthNodeByClass(index, className)
