"""The lungs that the panel LungSegment has found or that a person has corrected, in the scene.

A table says of which shapes it was made: one that does not fit the segmentation any more, because
a person has corrected it since, is not found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import slicer
from slicer.i18n import tr as _

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.slicer_bridge.results import (
    SEGMENTATION,
    SHAPE,
    findNode,
    lungSegmentation,
    roleNode,
)
from LungPNetLib.slicer_bridge.segmentations import segmentsByCode
from LungPNetLib.slicer_bridge.tables import (
    SIDES,
    updateComparisonTable,
    updateHistogramChart,
    updateHistogramTable,
    updateLungTable,
)
from LungPNetLib.volume import Volume

CURRENT = "LungPNet.Current"
"""Attribute of the segmentation of a CT that was found last."""

METHODS = ("network", "classical")
_ROLE = {method: f"panel-lungs-{method}" for method in METHODS}
_TABLE, _HISTOGRAM, _CHART = "panel-lung-table", "panel-histogram-table", "panel-histogram-chart"
_COMPARISON = "panel-comparison"
_SERIES = {side: f"panel-histogram-{side}" for side in SIDES}


@dataclass(frozen=True)
class Measurements:
    """Table and plot chart of one segmentation of one CT."""

    table: Any
    chart: Any


def findLungs(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Any:
    """The segmentation to work on: the one found last, else that of an analysis, else None."""
    present = _lungsOf(volumeNode)
    return next((node for node in present if node.GetAttribute(CURRENT)), (*present, None)[0])


def showLungs(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    labels: Volume,
    measured: Mapping[str, Any],
    method: str,
) -> slicer.vtkMRMLSegmentationNode:
    """Put new lungs into the scene; each method has a segmentation of its own, for comparison.

    The other ones of this CT are hidden.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
        The CT.
    labels : Volume
        uint8: 1 right, 2 left.
    measured : mapping
        As ``lungs`` of result.json.
    method : str
        One of ``METHODS``.
    """
    titles = {"network": _("lungs (network)"), "classical": _("lungs (classical)")}
    node = lungSegmentation(volumeNode, _ROLE[method], titles[method], labels)
    for other in _lungsOf(volumeNode):
        other.SetAttribute(CURRENT, "1" if other is node else None)
        other.GetDisplayNode().SetVisibility(other is node)
    showMeasurements(volumeNode, measured, node.GetAttribute(SHAPE))
    return node


def showMeasurements(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, measured: Mapping[str, Any], shape: str
) -> None:
    """Fill the panel's table and histogram of this CT.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
        The CT.
    measured : mapping
        As ``lungs`` of result.json.
    shape : str
        ``fingerprint`` of the segmentation when it was measured.
    """
    table = roleNode(volumeNode, "vtkMRMLTableNode", _TABLE, _("lung measurements"))
    updateLungTable(table, measured)
    table.SetAttribute(SHAPE, shape)
    histogram = roleNode(volumeNode, "vtkMRMLTableNode", _HISTOGRAM, _("lung histogram"))
    updateHistogramTable(histogram, measured)
    series = {
        side: roleNode(volumeNode, "vtkMRMLPlotSeriesNode", role, side)
        for side, role in _SERIES.items()
        if side in measured["histogram_ml"]
    }
    chart = roleNode(volumeNode, "vtkMRMLPlotChartNode", _CHART, _("lung histogram"))
    updateHistogramChart(chart, series, histogram)


def findMeasurements(volumeNode: slicer.vtkMRMLScalarVolumeNode, shape: str) -> Any:
    """The ``Measurements`` of the segmentation with this fingerprint; None if there are none."""
    table = findNode(volumeNode, "vtkMRMLTableNode", _TABLE)
    if table is None or table.GetAttribute(SHAPE) != shape:
        return None
    return Measurements(table, findNode(volumeNode, "vtkMRMLPlotChartNode", _CHART))


def showComparison(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    rows: Sequence[Mapping[str, Any]],
    shapes: tuple[str, str],
) -> None:
    """Fill the table of this CT in which two segmentations are compared.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
        The CT.
    rows : sequence of mapping
        From ``lungs.compare.compare_lungs``.
    shapes : tuple of str
        ``fingerprint`` of the first and the second one when they were compared.
    """
    table = roleNode(volumeNode, "vtkMRMLTableNode", _COMPARISON, _("comparison of lungs"))
    updateComparisonTable(table, rows)
    table.SetAttribute(SHAPE, " ".join(shapes))


def findComparison(volumeNode: slicer.vtkMRMLScalarVolumeNode, shapes: tuple[str, str]) -> Any:
    """The table in which segmentations with these fingerprints are compared; None without one."""
    table = findNode(volumeNode, "vtkMRMLTableNode", _COMPARISON)
    return table if table is not None and table.GetAttribute(SHAPE) == " ".join(shapes) else None


def lungCentresRas(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
) -> list[tuple[float, float, float]]:
    """Where the lungs lie, in RAS mm: the right one, then the left one, without those absent."""
    labels = segmentsByCode(segmentationNode, LUNG_SEGMENTS)
    inOrder = sorted(labels, key=lambda segmentId: labels[segmentId])
    centres = [segmentationNode.GetSegmentCenterRAS(segmentId) for segmentId in inOrder]
    return [centre for centre in centres if centre is not None]


def _lungsOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> list[Any]:
    roles = (*_ROLE.values(), SEGMENTATION)
    found = [findNode(volumeNode, "vtkMRMLSegmentationNode", role) for role in roles]
    return [node for node in found if node is not None]
