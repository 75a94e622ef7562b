"""The panel of the module LungSegment: the lungs, their measurements, comparison, corrections."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.errors import InputError
from LungPNetLib.slicer_bridge.lung_nodes import (
    LungNodes,
    findLungs,
    showLungs,
    showMeasurements,
)
from LungPNetLib.slicer_bridge.panels.panel import Panel
from LungPNetLib.slicer_bridge.panels.run_area import RunArea, Tone
from LungPNetLib.slicer_bridge.segmentations import labelsOnVolume
from LungPNetLib.slicer_bridge.session import WorkerSession, workerSession
from LungPNetLib.slicer_bridge.tables import updateComparisonTable
from LungPNetLib.slicer_bridge.volumes import ctFromNode
from LungPNetLib.volume import Volume


class LungSegmentPanel(Panel):
    """See ``Panel``; its parameters are a ``LungSegmentParameters``.

    Parameters
    ----------
    session : callable
        Gives the worker.
    """

    def __init__(
        self, ui: Any, logic: Any, session: Callable[[], WorkerSession] = workerSession
    ) -> None:
        super().__init__(ui, logic)
        self._session = session
        self._nodes: LungNodes | None = None

    def setup(self) -> None:
        """Connect the widgets."""
        super().setup()
        self.runArea = RunArea(self.ui, self._session, lambda _isBusy: self._update())
        for button, work in (
            (self.ui.segmentButton, self._segment),
            (self.ui.measureButton, self._measure),
            (self.ui.editButton, self._edit),
            (self.ui.histogramButton, self._showHistogram),
            (self.ui.compareNowButton, self._compare),
            (self.ui.saveCorrectionButton, self._saveCorrection),
        ):
            button.connect("clicked()", lambda work=work: self.runArea.guarded(work))
        self.ui.lungTableView.connect("clicked(QModelIndex)", self._jump)

    def cleanup(self) -> None:
        """Stop what runs."""
        self.runArea.close()
        super().cleanup()

    def _connect(self) -> None:
        super()._connect()
        if self.parameters.inputVolume is None:
            self.parameters.inputVolume = slicer.mrmlScene.GetFirstNodeByClass(
                "vtkMRMLScalarVolumeNode"
            )
        self.addObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        self._update()

    def _disconnect(self) -> None:
        if self.parameters is not None:
            self.removeObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        super()._disconnect()
        self._update()

    def _onParameters(self, _caller: Any, _event: str) -> None:
        self._update()

    def _update(self) -> None:
        """Buttons and tables as the choices and the scene allow."""
        parameters = self.parameters
        volumeNode = parameters.inputVolume if parameters else None
        self._nodes = findLungs(volumeNode) if volumeNode is not None else None
        idle = not self.runArea.isBusy
        hasLungs = self._nodes is not None and self._nodes.segmentation is not None
        self.ui.segmentButton.enabled = volumeNode is not None and idle
        self.ui.segmentButton.toolTip = (
            _("Find both lungs in this CT") if volumeNode else _("Choose a chest CT first")
        )
        self.ui.editButton.enabled = hasLungs
        self.ui.measureButton.enabled = hasLungs and idle
        self.ui.saveCorrectionButton.enabled = hasLungs
        table = self._nodes.table if self._nodes is not None else None
        self.ui.lungTableView.setMRMLTableNode(table)
        self.ui.lungTableView.visible = table is not None
        self.ui.histogramButton.enabled = self._nodes is not None and self._nodes.chart is not None
        both = parameters is not None and parameters.first and parameters.second
        self.ui.compareNowButton.enabled = bool(both) and volumeNode is not None and idle

    def _segment(self) -> None:
        volumeNode = self.parameters.inputVolume
        nodeId = volumeNode.GetID()
        fields = {
            "volume": ctFromNode(volumeNode),
            "method": self.parameters.method.value,
            "device": self.parameters.device.value,
        }

        def show(result: dict[str, Any]) -> None:
            node = self._still(nodeId)
            showLungs(node, result["labels"], result["measured"], result["method"])
            self._update()
            done = _("Done in {seconds:.0f} s.").format(seconds=self.runArea.seconds)
            notice = result["notice"]
            text = f"{done} {notice}" if notice else done
            self.runArea.say(text, Tone.CAUTION if notice else Tone.GOOD)

        self.runArea.run("lungs", fields, show)

    def _measure(self) -> None:
        volumeNode = self.parameters.inputVolume
        nodeId = volumeNode.GetID()
        fields = {"volume": ctFromNode(volumeNode), "labels": self._labels()}

        def show(result: dict[str, Any]) -> None:
            showMeasurements(self._still(nodeId), result["measured"])
            self._update()
            self.runArea.say(_("The segmentation was measured as it is now."), Tone.GOOD)

        self.runArea.run("measure", fields, show)

    def _labels(self) -> Volume:
        """Both lungs of the segmentation as it is now, on the grid of the CT."""
        if self._nodes is None or self._nodes.segmentation is None:
            raise InputError(_("There is no segmentation of the lungs of this CT yet."))
        return labelsOnVolume(self._nodes.segmentation, self.parameters.inputVolume, LUNG_SEGMENTS)

    def _edit(self) -> None:
        if self._nodes is None:
            return
        slicer.util.selectModule("SegmentEditor")
        editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
        editor.setSegmentationNode(self._nodes.segmentation)
        editor.setSourceVolumeNode(self.parameters.inputVolume)

    def _showHistogram(self) -> None:
        if self._nodes is None or slicer.app.layoutManager() is None:
            raise InputError(_("There is no view to show a plot in."))
        slicer.modules.plots.logic().ShowChartInLayout(self._nodes.chart)

    def _compare(self) -> None:
        parameters = self.parameters
        volumeNode = parameters.inputVolume
        nodeId = volumeNode.GetID()
        fields = {
            name: labelsOnVolume(node, volumeNode, LUNG_SEGMENTS)
            for name, node in (("first", parameters.first), ("second", parameters.second))
        }

        def show(result: dict[str, Any]) -> None:
            self._still(nodeId)
            table = self._comparisonTable()
            updateComparisonTable(table, result["rows"])
            self.ui.comparisonTableView.setMRMLTableNode(table)
            self.runArea.say(_("The two segmentations are compared."), Tone.GOOD)

        self.runArea.run("compare", fields, show)

    def _comparisonTable(self) -> Any:
        table = self.parameters.comparison
        if table is None:
            table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", _("Comparison"))
            self.parameters.comparison = table
        return table

    def _saveCorrection(self) -> None:
        from LungPNetLib.cohort.corrections import save_correction

        folder = str(self.ui.cohortFolderPath.currentPath).strip()
        if not folder:
            raise InputError(_("Choose the cohort folder."))
        written = save_correction(
            Path(folder),
            patient_id=str(self.ui.pseudonymEdit.text).strip(),
            ct=ctFromNode(self.parameters.inputVolume),
            lungs=self._labels(),
        )
        self.runArea.say(
            _("Saved. Train with: lungpnet train lungs --manifest {path}").format(path=written),
            Tone.GOOD,
        )

    def _still(self, nodeId: str) -> Any:
        node = slicer.mrmlScene.GetNodeByID(nodeId)
        if node is None:
            raise InputError(_("The CT is no longer in the scene; its result was dropped."))
        return node

    def _jump(self, index: Any) -> None:
        """Move the slice views to the lung of the row that was clicked."""
        if self._nodes is None or self._nodes.segmentation is None:
            return
        ids = self._nodes.segmentation.GetSegmentation().GetSegmentIDs()
        if index.row() < len(ids):
            centre = self._nodes.segmentation.GetSegmentCenterRAS(ids[index.row()])
            if centre is not None:
                slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *centre)
