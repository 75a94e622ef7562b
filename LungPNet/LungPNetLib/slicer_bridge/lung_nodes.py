"""The lungs that the panel LungSegment has found or that a person has corrected, in the scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import slicer
from slicer.i18n import tr as _

from LungPNetLib.slicer_bridge.results import SEGMENTATION, findNode, lungSegmentation, roleNode
from LungPNetLib.slicer_bridge.tables import (
    SIDES,
    updateHistogramChart,
    updateHistogramTable,
    updateLungTable,
)
from LungPNetLib.volume import Volume

CURRENT = "LungPNet.Current"
"""Attribute of the segmentation of a CT that the panel works on."""

METHODS = ("network", "classical")
_ROLE = {method: f"panel-lungs-{method}" for method in METHODS}
_TABLE, _HISTOGRAM, _CHART = "panel-lung-table", "panel-histogram-table", "panel-histogram-chart"
_SERIES = {side: f"panel-histogram-{side}" for side in SIDES}


@dataclass(frozen=True)
class LungNodes:
    """The lungs of one CT; None for what there is not."""

    segmentation: Any = None
    table: Any = None
    chart: Any = None


def findLungs(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> LungNodes:
    """The segmentation to work on (the last one found, else that of an analysis) and its tables."""
    found = [
        findNode(volumeNode, "vtkMRMLSegmentationNode", role)
        for role in (*_ROLE.values(), SEGMENTATION)
    ]
    present = [node for node in found if node is not None]
    current = [node for node in present if node.GetAttribute(CURRENT)]
    return LungNodes(
        segmentation=(current or present or [None])[0],
        table=findNode(volumeNode, "vtkMRMLTableNode", _TABLE),
        chart=findNode(volumeNode, "vtkMRMLPlotChartNode", _CHART),
    )


def showLungs(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    labels: Volume,
    measured: Mapping[str, Any],
    method: str,
) -> None:
    """Put new lungs into the scene; each method has a segmentation of its own, for comparison.

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
    for role in _ROLE.values():
        other = findNode(volumeNode, "vtkMRMLSegmentationNode", role)
        if other is not None:
            other.SetAttribute(CURRENT, "1" if other is node else None)
            other.GetDisplayNode().SetVisibility(other is node)
    showMeasurements(volumeNode, measured)


def showMeasurements(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, measured: Mapping[str, Any]
) -> None:
    """Fill the panel's table and histogram of this CT."""
    table = roleNode(volumeNode, "vtkMRMLTableNode", _TABLE, _("lung measurements"))
    updateLungTable(table, measured)
    histogram = roleNode(volumeNode, "vtkMRMLTableNode", _HISTOGRAM, _("lung histogram"))
    updateHistogramTable(histogram, measured)
    series = {
        side: roleNode(volumeNode, "vtkMRMLPlotSeriesNode", role, side)
        for side, role in _SERIES.items()
        if side in measured["histogram_ml"]
    }
    chart = roleNode(volumeNode, "vtkMRMLPlotChartNode", _CHART, _("lung histogram"))
    updateHistogramChart(chart, series, histogram)
