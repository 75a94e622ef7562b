"""Results of an analysis come into the scene from their folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from LungPNetLib.slicer_bridge.nodule_findings import (
    Found,
    foundFromRecords,
    removeFound,
    showFound,
)
from LungPNetLib.slicer_bridge.nodule_outlines import noduleSegmentation
from LungPNetLib.slicer_bridge.result_files import (
    checkBelongs,
    readLungs,
    readNodules,
    readResult,
)
from LungPNetLib.slicer_bridge.results import (
    FOLDER,
    HISTOGRAM_CHART,
    HISTOGRAM_SERIES,
    HISTOGRAM_TABLE,
    LUNG_TABLE,
    QUALITY_TABLE,
    SCHEMA,
    SEGMENTATION,
    STARTED,
    VERSION,
    ResultNodes,
    findNode,
    findResult,
    keepCorrection,
    lungSegmentation,
    roleNode,
)
from LungPNetLib.slicer_bridge.tables import (
    updateHistogramChart,
    updateHistogramTable,
    updateLungTable,
    updateQualityTable,
)
from LungPNetLib.volume import Volume


def openResult(folder: Path, volumeNode: slicer.vtkMRMLScalarVolumeNode) -> ResultNodes:
    """Show the result of a folder in the scene of its CT, in the place of an earlier one.

    A segmentation that a person has corrected since is kept, beside the new one; of the nodules see
    ``showFound``.

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
    found = _readFound(result, folder)
    writer = _Writer(result, folder, volumeNode)
    updateQualityTable(
        writer.node("vtkMRMLTableNode", QUALITY_TABLE, _("quality")), result["quality"]["checks"]
    )
    if labels is None:
        writer.removeLungs()
    else:
        writer.showLungs(labels)
    if found is None:
        writer.removeNodules()
    else:
        writer.showNodules(found)
    return findResult(volumeNode)


def _readFound(result: Mapping[str, Any], folder: Path) -> Found | None:
    """The nodules of a result; None where it did not look for them."""
    if result.get("nodule_stage") is None:
        return None
    labels = readNodules(result, folder)
    return foundFromRecords(result["nodules"], result["nodule_stage"], labels)


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
        keepCorrection(self._volumeNode, SEGMENTATION)
        for className, role in _LUNG_NODES:
            node = findNode(self._volumeNode, className, role)
            if node is not None:
                node.GetScene().RemoveNode(node)

    def showNodules(self, found: Found) -> None:
        """The found nodules, in the CT's nodule list."""
        showFound(self._volumeNode, found)
        self._mark(noduleSegmentation(self._volumeNode))

    def removeNodules(self) -> None:
        """Take an earlier run's nodules out of the list: this one did not look for them."""
        node = noduleSegmentation(self._volumeNode)
        if node is not None and node.GetAttribute(FOLDER):
            removeFound(self._volumeNode)

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
