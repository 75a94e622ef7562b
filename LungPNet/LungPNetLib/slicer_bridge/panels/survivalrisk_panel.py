"""The panel of the module SurvivalRisk: the clinical form of the patient."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
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
from LungPNetLib.slicer_bridge.panels.message_line import MessageLine
from LungPNetLib.slicer_bridge.panels.panel import Panel
from LungPNetLib.slicer_bridge.panels.run_area import Tone
from LungPNetLib.survival.categories import (
    Histology,
    MCategory,
    NCategory,
    Sex,
    SmokingStatus,
    TCategory,
)
from LungPNetLib.survival.clinical import ClinicalForm

_EDITS = ("age_years", "pack_years", "smoking_years", "years_since_quitting")
_BOXES: dict[str, type[Enum]] = {
    "sex": Sex,
    "smoking_status": SmokingStatus,
    "t_category": TCategory,
    "n_category": NCategory,
    "m_category": MCategory,
    "histology": Histology,
}
_ECOG = ("0", "1", "2", "3", "4")


class SurvivalRiskPanel(Panel):
    """See ``Panel``; its parameters are a ``SurvivalRiskParameters``."""

    def __init__(self, ui: Any, logic: Any) -> None:
        super().__init__(ui, logic)
        self._shownId = ""
        self._kept: dict[str, str] = {}
        self._drafts: dict[str, dict[str, str]] = {}

    def setup(self) -> None:
        """Fill the boxes and connect the widgets."""
        super().setup()
        ui = self.ui
        self.messages = MessageLine(ui.messageLabel)
        self._fields = _Fields(ui)
        self._fields.onChange(self._check)
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

    def _disconnect(self) -> None:
        if self.parameters is not None:
            self.removeObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        super()._disconnect()

    def onSceneStartClose(self, caller: Any, event: str) -> None:
        """What was not kept goes with the scene."""
        super().onSceneStartClose(caller, event)
        self._shownId = ""
        self._drafts.clear()

    def _onParameters(self, _caller: Any, _event: str) -> None:
        volumeNode = self.parameters.inputVolume
        if (volumeNode.GetID() if volumeNode is not None else "") != self._shownId:
            self._show()

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


class _Fields:
    """The widgets of the form, and their content as cells of a table."""

    def __init__(self, ui: Any) -> None:
        self._labels = {name: getattr(ui, f"{name}Label") for name in (*_EDITS, *_BOXES, "ecog")}
        self._edits = {name: getattr(ui, f"{name}Edit") for name in _EDITS}
        self._boxes = {name: getattr(ui, f"{name}ComboBox") for name in (*_BOXES, "ecog")}
        words = _words()
        for name, box in self._boxes.items():
            box.addItem(_("(not known)"), "")
            values = [choice.value for choice in _BOXES[name]] if name in _BOXES else _ECOG
            for value in values:
                box.addItem(words.get(value, value), value)

    def onChange(self, slot: Any) -> None:
        """Have ``slot`` called whenever something is typed or chosen."""
        for edit in self._edits.values():
            edit.connect("textEdited(QString)", lambda _text: slot())
        for box in self._boxes.values():
            box.connect("activated(int)", lambda _index: slot())

    def title(self, name: str) -> str:
        """What the panel calls a field."""
        return str(self._labels[name].text).rstrip(":：")

    def cells(self) -> dict[str, str]:
        """As ``ClinicalForm.from_row`` takes them."""
        texts = {name: str(edit.text).strip() for name, edit in self._edits.items()}
        return texts | {name: str(box.currentData) for name, box in self._boxes.items()}

    def show(self, cells: Mapping[str, str]) -> None:
        """Put cells into the widgets."""
        for name, edit in self._edits.items():
            edit.text = cells[name]
        for name, box in self._boxes.items():
            box.setCurrentIndex(box.findData(cells[name]))

    def mark(self, message: str) -> str:
        """Colour the labels of the fields that an error names; the message with these labels."""
        words = message
        for name, label in self._labels.items():
            label.styleSheet = f"color: {Tone.BAD.value}" if f"'{name}'" in message else ""
            words = words.replace(f"'{name}'", f"'{self.title(name)}'")
        return words


def _words() -> dict[str, str]:
    """Values of the form as people say them; TNM categories and numbers are what they are."""
    return {
        Sex.FEMALE.value: _("Female"),
        Sex.MALE.value: _("Male"),
        SmokingStatus.NEVER.value: _("Never"),
        SmokingStatus.FORMER.value: _("Former"),
        SmokingStatus.CURRENT.value: _("Current"),
        "0": _("0: fully active"),
        "1": _("1: light work only"),
        "2": _("2: cares for self, no work"),
        "3": _("3: in bed or chair more than half the day"),
        "4": _("4: completely disabled"),
        Histology.ADENOCARCINOMA.value: _("Adenocarcinoma"),
        Histology.SQUAMOUS_CELL.value: _("Squamous cell carcinoma"),
        Histology.ADENOSQUAMOUS.value: _("Adenosquamous carcinoma"),
        Histology.LARGE_CELL.value: _("Large cell carcinoma"),
        Histology.NSCLC_NOS.value: _("Non-small cell carcinoma, not otherwise specified"),
        Histology.SMALL_CELL.value: _("Small cell carcinoma"),
        Histology.CARCINOID.value: _("Carcinoid"),
        Histology.OTHER.value: _("Other"),
    }
