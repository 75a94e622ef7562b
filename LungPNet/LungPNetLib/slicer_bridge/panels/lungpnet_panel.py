"""The panel of the module LungPNet: import, quality, the whole analysis, its result."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ctk
import qt
import slicer
import vtk
from slicer.i18n import tr as _

from LungPNetLib.errors import InputError
from LungPNetLib.slicer_bridge.dependencies import DependencyInstaller
from LungPNetLib.slicer_bridge.display import centreThreeDViews, showLungWindow
from LungPNetLib.slicer_bridge.hierarchy import firstCt
from LungPNetLib.slicer_bridge.language import shownLanguage
from LungPNetLib.slicer_bridge.lung_method import stagesToRun, whatRuns
from LungPNetLib.slicer_bridge.open_result import openResult
from LungPNetLib.slicer_bridge.panels.import_section import ImportSection
from LungPNetLib.slicer_bridge.panels.panel import Panel
from LungPNetLib.slicer_bridge.panels.result_section import ResultSection
from LungPNetLib.slicer_bridge.panels.run_area import RunArea, Tone
from LungPNetLib.slicer_bridge.panels.setup_section import SetupSection
from LungPNetLib.slicer_bridge.result_files import readResult
from LungPNetLib.slicer_bridge.results import findCt
from LungPNetLib.slicer_bridge.session import WorkerSession, workerSession
from LungPNetLib.slicer_bridge.sources import sourceOf


class LungPNetPanel(Panel):
    """See ``Panel``; its parameters are a ``LungPNetParameters``.

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

    def setup(self) -> None:
        """Connect the widgets."""
        super().setup()
        self.runArea = RunArea(self.ui, self._session, self._onBusy)
        self.resultSection = ResultSection(self.ui, self.runArea)
        self.setupSection = SetupSection(self.ui, self._installer, self.runArea)
        self.importSection = ImportSection(self.ui, self.runArea, self._choose)
        for edit in (self.ui.dicomFolderPath, self.ui.outputFolderPath, self.ui.resultFolderPath):
            edit.filters = ctk.ctkPathLineEdit.Dirs
        self.ui.outputFolderPath.currentPath = str(_usualFolder())
        self.ui.analyzeButton.connect("clicked()", self.onAnalyze)
        self.ui.openResultButton.connect("clicked()", self.onOpenResult)

    def enter(self) -> None:
        """Show what is installed, and what is there of the chosen CT."""
        super().enter()
        self.setupSection.refresh()

    def cleanup(self) -> None:
        """Stop what runs."""
        self.runArea.close()
        super().cleanup()

    def onAnalyze(self) -> None:
        """Run every stage on the chosen CT, in the worker."""
        self.runArea.guarded(self._analyze)

    def onOpenResult(self) -> None:
        """Show an earlier result on the CT that it was made from."""
        self.runArea.guarded(lambda: self._openEarlier(Path(self.ui.resultFolderPath.currentPath)))

    def _connect(self) -> None:
        super()._connect()
        if self.parameters.inputVolume is None:
            self.parameters.inputVolume = firstCt(slicer.mrmlScene)
        self.addObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        self._update()

    def _disconnect(self) -> None:
        if self.parameters is not None:
            self.removeObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        super()._disconnect()
        self._update()

    def _onParameters(self, _caller: Any, _event: str) -> None:
        self._update()

    def _onBusy(self, _isBusy: bool) -> None:
        self._update()

    def _update(self) -> None:
        volumeNode = self.parameters.inputVolume if self.parameters else None
        ready = volumeNode is not None and not self.runArea.isBusy
        self.ui.analyzeButton.enabled = ready
        self.ui.analyzeButton.toolTip = (
            _("Check the quality, find and measure lungs and nodules, write the report")
            if volumeNode
            else _("Choose a chest CT first, or import a DICOM folder")
        )
        self.importSection.setEnabled(not self.runArea.isBusy)
        self.resultSection.show(volumeNode)

    def _choose(self, volumeNode: Any) -> None:
        if self.parameters is not None:
            self.parameters.inputVolume = volumeNode

    def _analyze(self) -> None:
        volumeNode = self.parameters.inputVolume
        source = sourceOf(volumeNode, getattr(slicer, "dicomDatabase", None))
        chosen = whatRuns(self.parameters.method, self.parameters.device, self._installer)
        stages, why = stagesToRun(
            findNodules=self.parameters.findNodules, installer=self._installer
        )
        options = {
            **source.options,
            "stages": stages,
            "false_findings_per_scan": self.parameters.falseFindings.value,
            "lung_method": chosen.method,
            "device": chosen.device,
            "allow_gaps": self.parameters.allowGaps,
            "deidentify": self.parameters.deidentify,
            "language": shownLanguage().value,
        }
        out = self._newFolder()
        nodeId = volumeNode.GetID()
        notices = [text for text in (source.notice, chosen.notice, why) if text]
        self.runArea.run(
            "analyze",
            {**source.fields, "out": out, "options": options},
            lambda result: self._showNew(Path(result["folder"]), nodeId, notices),
        )

    def _newFolder(self) -> Path:
        parent = Path(self.ui.outputFolderPath.currentPath)
        if not str(self.ui.outputFolderPath.currentPath).strip():
            raise InputError(_("Choose a folder for the results in the options."))
        # The time and nothing else: no folder may carry a patient's name.
        return parent / time.strftime("%Y-%m-%d_%H-%M-%S")

    def _showNew(self, folder: Path, nodeId: str, notices: list[str]) -> None:
        volumeNode = slicer.mrmlScene.GetNodeByID(nodeId)
        if volumeNode is None:
            self.runArea.say(
                _("The CT is no longer in the scene. Its result is in {folder}.").format(
                    folder=folder
                ),
                Tone.CAUTION,
            )
            return
        self._showResult(folder, volumeNode)
        done = _("Done in {seconds:.0f} s.").format(seconds=self.runArea.seconds)
        self.runArea.say(" ".join([done, *notices]), Tone.CAUTION if notices else Tone.GOOD)

    def _openEarlier(self, folder: Path) -> None:
        result = readResult(folder)
        chosen = self.parameters.inputVolume if self.parameters else None
        volumeNode = findCt(result, slicer.mrmlScene) or chosen
        if volumeNode is None:
            raise InputError(
                _("Load the CT that the result was made from first, then open the result again.")
            )
        self._showResult(folder, volumeNode)
        self._choose(volumeNode)
        self.runArea.say(_("The earlier result is shown."), Tone.GOOD)

    def _showResult(self, folder: Path, volumeNode: Any) -> None:
        openResult(folder, volumeNode)
        showLungWindow(volumeNode)
        centreThreeDViews()
        self.resultSection.show(volumeNode)


def _usualFolder() -> Path:
    """Where results go unless a person says otherwise; it need not exist."""
    documents = qt.QStandardPaths.writableLocation(qt.QStandardPaths.DocumentsLocation)
    return Path(documents) / "LungPNet"
