"""The panel of the module SurvivalRisk: clinical form, TNM stage, uptake in a PET."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from LungPNetLib.errors import InputError, LungPNetError
from LungPNetLib.slicer_bridge.clinical_store import (
    cellsOf,
    keepForm,
    keptForm,
    readForm,
    writeForm,
)
from LungPNetLib.slicer_bridge.hierarchy import firstCt
from LungPNetLib.slicer_bridge.panels.clinical_fields import ClinicalFields
from LungPNetLib.slicer_bridge.panels.message_line import MessageLine
from LungPNetLib.slicer_bridge.panels.panel import Panel
from LungPNetLib.slicer_bridge.panels.run_area import Tone
from LungPNetLib.slicer_bridge.panels.stage_section import StageSection
from LungPNetLib.slicer_bridge.panels.uptake_section import UptakeSection
from LungPNetLib.slicer_bridge.session import WorkerSession, workerSession
from LungPNetLib.survival.clinical import ClinicalForm


class SurvivalRiskPanel(Panel):
    """See ``Panel``; its parameters are a ``SurvivalRiskParameters``.

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
        self._shownId = ""
        self._kept: dict[str, str] = {}
        self._drafts: dict[str, dict[str, str]] = {}

    def setup(self) -> None:
        """Fill the boxes and connect the widgets."""
        super().setup()
        ui = self.ui
        self.messages = MessageLine(ui.messageLabel)
        self._fields = ClinicalFields(ui)
        self._fields.onChange(self._check)
        self.stageSection = StageSection(ui, self._fields, self._check)
        self.uptakeSection = UptakeSection(ui, self._session, lambda: self.parameters)
        ui.resultLabel.text = _("No survival model is installed.")
        ui.keepButton.connect("clicked()", lambda: self.messages.guarded(self._keep))
        ui.loadButton.connect("clicked()", lambda: self.messages.guarded(self._load))
        ui.saveButton.connect("clicked()", lambda: self.messages.guarded(self._save))

    def _connect(self) -> None:
        super()._connect()
        if self.parameters.inputVolume is None:
            self.parameters.inputVolume = firstCt(slicer.mrmlScene)
        self.addObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        self._show()
        self.uptakeSection.restore()

    def _disconnect(self) -> None:
        if self.parameters is not None:
            self.removeObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        super()._disconnect()
        self.uptakeSection.show()

    def cleanup(self) -> None:
        """Stop what runs."""
        self.uptakeSection.close()
        super().cleanup()

    def onSceneStartClose(self, caller: Any, event: str) -> None:
        """What was not kept goes with the scene."""
        super().onSceneStartClose(caller, event)
        self._shownId = ""
        self._drafts.clear()

    def _onParameters(self, _caller: Any, _event: str) -> None:
        volumeNode = self.parameters.inputVolume
        if (volumeNode.GetID() if volumeNode is not None else "") != self._shownId:
            self._show()
        self.uptakeSection.show()

    def _show(self) -> None:
        """The form of the chosen CT, with what was typed into it and is not kept yet."""
        volumeNode = self.parameters.inputVolume
        self._keepDraft()
        self._shownId = volumeNode.GetID() if volumeNode is not None else ""
        error = ""
        form = ClinicalForm()
        try:
            form = (keptForm(volumeNode) if volumeNode is not None else None) or form
        except LungPNetError as unreadable:
            error = str(unreadable)
        self._kept = cellsOf(form)
        self._fields.show(self._drafts.pop(self._shownId, self._kept))
        self.ui.keepButton.enabled = self.ui.loadButton.enabled = volumeNode is not None
        self.ui.keepButton.toolTip = (
            _("Check the form and keep it in the scene, for all series of this study")
            if volumeNode is not None
            else _("Choose a chest CT first")
        )
        self.stageSection.show(volumeNode)
        self._check()
        if error:
            self.messages.say(error, Tone.BAD)

    def _keepDraft(self) -> None:
        cells = self._fields.cells()
        if self._shownId and cells != self._kept:
            self._drafts[self._shownId] = cells

    def _check(self) -> ClinicalForm | None:
        """Say what is wrong or missing, as one types; the form if all is accepted."""
        cells = self._fields.cells()
        self.stageSection.update()
        try:
            form = ClinicalForm.from_row(cells)
        except InputError as error:
            self.messages.say(self._fields.mark(str(error)), Tone.BAD)
            self.ui.missingLabel.visible = False
            return None
        self._fields.mark("")
        self.ui.missingLabel.visible = True
        missing = [self._fields.title(name) for name in form.missing()]
        self.ui.missingLabel.text = (
            _("Not known yet: {fields}.").format(fields=", ".join(missing))
            if missing
            else _("The form is complete.")
        )
        changed = cells != self._kept and bool(self._shownId)
        self.messages.say(_("Not kept yet.") if changed else "", Tone.CAUTION)
        return form

    def _keep(self) -> None:
        form = self._check()
        if form is None:
            return
        keepForm(self.parameters.inputVolume, form)
        self._kept = cellsOf(form)
        self._fields.show(self._kept)
        self.messages.say(_("Kept. Save the scene to have it next time."), Tone.GOOD)

    def _load(self) -> None:
        form = readForm(self._file(), str(self.ui.pseudonymEdit.text).strip())
        self._fields.show(cellsOf(form))
        self._check()

    def _save(self) -> None:
        form = self._check()
        if form is None:
            return
        path = self._file()
        writeForm(path, str(self.ui.pseudonymEdit.text).strip(), form)
        self.messages.say(_("Written to {name}.").format(name=path.name), Tone.GOOD)

    def _file(self) -> Path:
        text = str(self.ui.tableFilePath.currentPath).strip()
        if not text:
            raise InputError(_("Choose a file, .csv or .json."))
        return Path(text)
