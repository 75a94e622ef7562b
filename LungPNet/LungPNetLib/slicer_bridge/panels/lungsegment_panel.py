"""The panel of the module LungSegment: the lungs, their measurements, comparison, corrections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import ctk
import slicer
import vtk
from slicer.i18n import tr as _

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.errors import InputError
from LungPNetLib.slicer_bridge.dependencies import DependencyInstaller
from LungPNetLib.slicer_bridge.display import centreThreeDViews
from LungPNetLib.slicer_bridge.hierarchy import firstCt, patientOf
from LungPNetLib.slicer_bridge.language import sentence
from LungPNetLib.slicer_bridge.lung_method import checkInstalled, whatRuns
from LungPNetLib.slicer_bridge.lung_nodes import (
    findComparison,
    findLungs,
    findMeasurements,
    lungCentresRas,
    showComparison,
    showLungs,
    showMeasurements,
)
from LungPNetLib.slicer_bridge.panels.nodule_section import Chosen, NoduleSection
from LungPNetLib.slicer_bridge.panels.panel import Panel
from LungPNetLib.slicer_bridge.panels.run_area import RunArea, Tone
from LungPNetLib.slicer_bridge.panels.tables import showTurned
from LungPNetLib.slicer_bridge.results import SHAPE, isCorrected
from LungPNetLib.slicer_bridge.segmentations import fingerprint, labelsOnVolume
from LungPNetLib.slicer_bridge.session import WorkerSession, workerSession
from LungPNetLib.slicer_bridge.volumes import ctFromNode, refuseGone


class LungSegmentPanel(Panel):
    """See ``Panel``; its parameters are a ``LungSegmentParameters``.

    Parameters
    ----------
    installer : DependencyInstaller
        Knows what is installed.
    session : callable
        Gives the worker.
    """

    def __init__(
        self,
        ui: Any,
        logic: Any,
        installer: DependencyInstaller,
        session: Callable[[], WorkerSession] = workerSession,
    ) -> None:
        super().__init__(ui, logic)
        self._installer = installer
        self._session = session
        self._volumeNode: Any = None
        self._lungs: Any = None
        self._shapes: dict[str, str] = {}

    def setup(self) -> None:
        """Connect the widgets."""
        super().setup()
        self.runArea = RunArea(self.ui, self._session, lambda _isBusy: self._update())
        self.noduleSection = NoduleSection(self.ui, self.runArea, self._installer)
        self.ui.cohortFolderPath.filters = ctk.ctkPathLineEdit.Dirs
        for button, work in (
            (self.ui.segmentButton, self._segment),
            (self.ui.measureButton, self._measure),
            (self.ui.editButton, self._edit),
            (self.ui.histogramButton, self._showHistogram),
            (self.ui.compareNowButton, self._compare),
            (self.ui.saveCorrectionButton, self._saveCorrection),
        ):
            button.connect("clicked()", lambda work=work: self.runArea.guarded(work))
        self.ui.lungTable.connect(
            "cellClicked(int,int)",
            lambda _row, column: self.runArea.guarded(lambda: self._jump(column - 1)),
        )

    def cleanup(self) -> None:
        """Stop what runs."""
        self.runArea.close()
        super().cleanup()

    def choose(self, volumeNode: Any) -> None:
        """Work on this CT, as another module asks."""
        if self.parameters is not None:
            self.parameters.inputVolume = volumeNode

    def _connect(self) -> None:
        super()._connect()
        parameters = self.parameters
        if parameters.inputVolume is None:
            parameters.inputVolume = firstCt(slicer.mrmlScene)
        self._volumeNode = parameters.inputVolume
        if parameters.lungs is None and self._volumeNode is not None:
            parameters.lungs = findLungs(self._volumeNode)
        self._lungs = parameters.lungs
        # In the Segment Editor a person may have changed them since.
        self._shapes.clear()
        self.addObserver(parameters, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        self._update()
        self.noduleSection.measureChanged()

    def _disconnect(self) -> None:
        if self.parameters is not None:
            self.removeObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        super()._disconnect()
        self._volumeNode = self._lungs = None
        self._update()

    def onSceneStartClose(self, caller: Any, event: str) -> None:
        """Let go of the scene; the next one is of another patient."""
        super().onSceneStartClose(caller, event)
        self.ui.pseudonymEdit.text = ""
        self.runArea.say("")

    def _onParameters(self, _caller: Any, _event: str) -> None:
        # While a scene is read its nodes come after the parameters that refer to them.
        if slicer.mrmlScene.IsBatchProcessing():
            return
        if self.parameters.inputVolume is not self._volumeNode:
            self._volumeNode = self.parameters.inputVolume
            self.ui.pseudonymEdit.text = ""
            self.parameters.lungs = findLungs(self._volumeNode) if self._volumeNode else None
        if self.parameters.lungs is not self._lungs:
            # What is seen in the views is what is measured, corrected and saved.
            _setVisible(self._lungs, False)
            self._lungs = self.parameters.lungs
            _setVisible(self._lungs, True)
        self._update()

    def _update(self) -> None:
        """Buttons and tables as the choices and the scene allow."""
        parameters = self.parameters
        volumeNode = parameters.inputVolume if parameters else None
        lungs = parameters.lungs if parameters and volumeNode else None
        ready = volumeNode is not None and not self.runArea.isBusy
        self.ui.segmentButton.enabled = ready
        self.ui.segmentButton.toolTip = (
            _("Find both lungs in this CT") if volumeNode else _("Choose a chest CT first")
        )
        self.ui.editButton.enabled = lungs is not None
        self.ui.measureButton.enabled = ready and lungs is not None
        self.ui.saveCorrectionButton.enabled = ready
        self._updateMeasurements(volumeNode, lungs)
        first, second = (parameters.first, parameters.second) if parameters else (None, None)
        self.ui.compareNowButton.enabled = ready and None not in (first, second)
        self._updateComparison(volumeNode, first, second)
        device = parameters.device.value if parameters else "auto"
        self.noduleSection.show(Chosen(volumeNode, lungs, device))

    def _updateMeasurements(self, volumeNode: Any, lungs: Any) -> None:
        measurements = findMeasurements(volumeNode, self._shapeOf(lungs)) if lungs else None
        showTurned(self.ui.lungTable, measurements.table if measurements else None)
        self.ui.histogramButton.enabled = measurements is not None
        self.ui.measuredLabel.text = _("Not measured as it is now: press 'Measure'.")
        self.ui.measuredLabel.styleSheet = f"color: {Tone.CAUTION.value}"
        self.ui.measuredLabel.visible = lungs is not None and measurements is None

    def _updateComparison(self, volumeNode: Any, first: Any, second: Any) -> None:
        table = None
        if None not in (volumeNode, first, second):
            table = findComparison(volumeNode, (self._shapeOf(first), self._shapeOf(second)))
        showTurned(self.ui.comparisonTable, table)

    def _shapeOf(self, segmentationNode: Any) -> str:
        """Its fingerprint, kept while the panel is open: a third of a second for a large CT."""
        nodeId = segmentationNode.GetID()
        if nodeId not in self._shapes:
            self._shapes[nodeId] = fingerprint(segmentationNode)
        return self._shapes[nodeId]

    def _segment(self) -> None:
        volumeNode = self.parameters.inputVolume
        chosen = whatRuns(self.parameters.method, self.parameters.device, self._installer)
        fields = {
            "volume": ctFromNode(volumeNode),
            "method": chosen.method,
            "device": chosen.device,
        }

        def show(result: dict[str, Any]) -> None:
            refuseGone(volumeNode)
            found = showLungs(volumeNode, result["labels"], result["measured"], result["method"])
            centreThreeDViews()
            parameters = self.logic.getParameterNode()
            if parameters.inputVolume is volumeNode:
                parameters.lungs = found
            self._showNew()
            notices = [text for text in (chosen.notice, sentence(result["notice"])) if text]
            done = _("Done in {seconds:.0f} s.").format(seconds=self.runArea.seconds)
            self.runArea.say(" ".join([done, *notices]), Tone.CAUTION if notices else Tone.GOOD)

        self.runArea.run("lungs", fields, show)

    def _measure(self) -> None:
        volumeNode, lungs = self.parameters.inputVolume, self.parameters.lungs
        fields = {
            "volume": ctFromNode(volumeNode),
            "labels": labelsOnVolume(lungs, volumeNode, LUNG_SEGMENTS),
        }
        shape = fingerprint(lungs)

        def show(result: dict[str, Any]) -> None:
            refuseGone(volumeNode)
            showMeasurements(volumeNode, result["measured"], shape)
            self._showNew()
            self.runArea.say(_("The segmentation is measured as it is now."), Tone.GOOD)

        self.runArea.run("measure", fields, show)

    def _showNew(self) -> None:
        self._shapes.clear()
        self._update()

    def _edit(self) -> None:
        if slicer.util.mainWindow() is None:
            raise InputError(_("There is no main window to show the Segment Editor in."))
        # Taken before the other module opens: this panel is left then, and lets go of them.
        volumeNode, lungs = self.parameters.inputVolume, self.parameters.lungs
        _setVisible(lungs, True)
        slicer.util.selectModule("SegmentEditor")
        editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
        editor.setSegmentationNode(lungs)
        editor.setSourceVolumeNode(volumeNode)

    def _showHistogram(self) -> None:
        if slicer.app.layoutManager() is None:
            raise InputError(_("There is no view to show a plot in."))
        lungs = self.parameters.lungs
        measurements = findMeasurements(self.parameters.inputVolume, self._shapeOf(lungs))
        slicer.modules.plots.logic().ShowChartInLayout(measurements.chart)

    def _compare(self) -> None:
        volumeNode = self.parameters.inputVolume
        first, second = self.parameters.first, self.parameters.second
        if first is second:
            raise InputError(_("Choose two different segmentations."))
        checkInstalled(self._installer)
        fields = {
            "first": labelsOnVolume(first, volumeNode, LUNG_SEGMENTS),
            "second": labelsOnVolume(second, volumeNode, LUNG_SEGMENTS),
        }
        shapes = (fingerprint(first), fingerprint(second))

        def show(result: dict[str, Any]) -> None:
            refuseGone(volumeNode)
            showComparison(volumeNode, result["rows"], shapes)
            self._showNew()
            self.runArea.say(_("The two segmentations are compared."), Tone.GOOD)

        self.runArea.run("compare", fields, show)

    def _saveCorrection(self) -> None:
        volumeNode, lungs = self.parameters.inputVolume, self.parameters.lungs
        if lungs is None:
            raise InputError(_("There are no lungs to save. Find them, then correct them."))
        if lungs.GetAttribute(SHAPE) and not isCorrected(lungs):
            raise InputError(
                _(
                    "These lungs are as they were found, so there is no correction to save. "
                    "Correct them in the Segment Editor first."
                )
            )
        folder = str(self.ui.cohortFolderPath.currentPath).strip()
        if not folder:
            raise InputError(_("Choose the cohort folder."))
        fields = {
            "cohort": folder,
            "patient_id": str(self.ui.pseudonymEdit.text).strip(),
            "patient": asdict(patientOf(volumeNode)),
            "volume": ctFromNode(volumeNode),
            "labels": labelsOnVolume(lungs, volumeNode, LUNG_SEGMENTS),
        }

        def show(result: dict[str, Any]) -> None:
            text = _("Saved for training as patient {name}; the cohort has {count} studies.")
            self.runArea.say(
                text.format(name=result["patient_id"], count=result["studies"]), Tone.GOOD
            )

        self.runArea.run("correction", fields, show)

    def _jump(self, place: int) -> None:
        """Move the slice views to the lung whose column was clicked, the first one being 0."""
        centres = lungCentresRas(self.parameters.lungs)
        if 0 <= place < len(centres):
            slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *centres[place])


def _setVisible(segmentationNode: Any, isVisible: bool) -> None:
    if segmentationNode is not None and slicer.mrmlScene.IsNodePresent(segmentationNode):
        segmentationNode.CreateDefaultDisplayNodes()
        segmentationNode.GetDisplayNode().SetVisibility(isVisible)
