"""The Brock model in the panel NoduleGrade: its questions, and the probability that follows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from slicer.i18n import tr as _

from LungPNetLib.errors import InputError, LungPNetError
from LungPNetLib.grading.brock import SOURCE, BrockInputs, brock, missing_inputs
from LungPNetLib.grading.nodule_type import NoduleType
from LungPNetLib.nodules.finding import NoduleFinding
from LungPNetLib.slicer_bridge.clinical_store import keepForm, keptForm
from LungPNetLib.slicer_bridge.entries import BROCK, PATIENT, keepEntries, keptEntries
from LungPNetLib.slicer_bridge.hierarchy import ageOf, sexOf
from LungPNetLib.slicer_bridge.language import sentence
from LungPNetLib.slicer_bridge.panels.measurement_rows import typeWords
from LungPNetLib.slicer_bridge.panels.run_area import Tone
from LungPNetLib.survival.categories import Sex
from LungPNetLib.survival.clinical import ClinicalForm

_OF_PATIENT = ("family_history", "emphysema")
_OF_NODULE = ("upper_lobe", "spiculation")
_TRUTH = {"yes": True, "no": False}


class BrockSection:
    """Asks what the image does not tell; every answer is kept with the scene at once.

    Age and sex come from the clinical form or from DICOM, count once a person has confirmed them,
    and go into the clinical form then.

    Parameters
    ----------
    ui : namespace
        The panel's widgets.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._volumeNode: Any = None
        self._finding: NoduleFinding | None = None
        self._boxes = {name: getattr(ui, f"{name}ComboBox") for name in (*_OF_PATIENT, *_OF_NODULE)}
        for box in self._boxes.values():
            for words, value in ((_("(not known)"), ""), (_("Yes"), "yes"), (_("No"), "no")):
                box.addItem(words, value)
        ui.sexComboBox.addItem(_("(not known)"), "")
        ui.sexComboBox.addItem(_("Female"), Sex.FEMALE.value)
        ui.sexComboBox.addItem(_("Male"), Sex.MALE.value)
        ui.brockSourceLabel.text = _(
            "Source: {source}. Made from the first screening CTs of current and former smokers of "
            "50 to 75 years; not for patients with symptoms or a known cancer."
        ).format(source=SOURCE)
        for box in (*self._boxes.values(), ui.nodule_typeComboBox):
            box.connect("activated(int)", lambda _index: self._changed())
        ui.nodule_countEdit.connect("textEdited(QString)", lambda _text: self._changed())
        ui.age_yearsEdit.connect("textEdited(QString)", lambda _text: self._unconfirm())
        ui.sexComboBox.connect("activated(int)", lambda _index: self._unconfirm())
        ui.confirmedCheckBox.connect("clicked(bool)", self._confirm)

    def show(self, volumeNode: Any, finding: NoduleFinding | None) -> None:
        """Show the answers that are kept, and what follows from them.

        Raises
        ------
        InputError
            What the scene keeps cannot be read.
        """
        self._volumeNode, self._finding = volumeNode, finding
        self._ui.brockForm.enabled = finding is not None
        patient = keptEntries(volumeNode, BROCK, PATIENT) if volumeNode is not None else {}
        self._showPatient(patient)
        nodule = {}
        if volumeNode is not None and finding is not None:
            nodule = keptEntries(volumeNode, BROCK, finding.finding_id)
        self._showType(nodule.get("nodule_type", ""))
        for name, box in self._boxes.items():
            cell = (patient if name in _OF_PATIENT else nodule).get(name, "")
            box.setCurrentIndex(max(0, box.findData(cell)))
        self._update()

    def _showPatient(self, kept: dict[str, str]) -> None:
        ui = self._ui
        form = keptForm(self._volumeNode) if self._volumeNode is not None else None
        form = form or ClinicalForm()
        age, sex = form.age_years, form.sex
        if self._volumeNode is not None:
            age = ageOf(self._volumeNode) if age is None else age
            sex = sexOf(self._volumeNode) if sex is None else sex
        ui.age_yearsEdit.text = "" if age is None else f"{age:g}"
        ui.sexComboBox.setCurrentIndex(ui.sexComboBox.findData("" if sex is None else sex.value))
        ui.nodule_countEdit.text = kept.get("nodule_count", "")
        ui.confirmedCheckBox.checked = bool(self._shownPatient()) and (
            kept.get("confirmed", "") == self._shownPatient()
        )

    def _showType(self, kept: str) -> None:
        """What the rule has found is offered by its name; a person may know better."""
        box = self._ui.nodule_typeComboBox
        box.clear()
        found = self._finding.type_finding if self._finding is not None else None
        words = typeWords()
        suggested = words[found.nodule_type] if found is not None else _("(not known)")
        box.addItem(_("By the rule: {type}").format(type=suggested), "")
        for kind, name in words.items():
            box.addItem(name, kind.value)
        box.setCurrentIndex(max(0, box.findData(kept)))

    def _shownPatient(self) -> str:
        """Age and sex as they stand in the form; empty where both are open."""
        ui = self._ui
        cells = [str(ui.age_yearsEdit.text).strip(), str(ui.sexComboBox.currentData or "")]
        return " ".join(cells) if any(cells) else ""

    def _unconfirm(self) -> None:
        self._ui.confirmedCheckBox.checked = False
        self._update()

    def _confirm(self, isRight: bool) -> None:
        """What is confirmed goes into the clinical form."""
        try:
            if isRight:
                form = keptForm(self._volumeNode) or ClinicalForm()
                seen = self._seenPatient()
                keepForm(self._volumeNode, replace(form, age_years=seen.age_years, sex=seen.sex))
        except InputError as error:
            self._ui.confirmedCheckBox.checked = False
            self._say(self._named(sentence(str(error))), Tone.BAD)
            return
        self._changed()

    def _seenPatient(self) -> ClinicalForm:
        ui = self._ui
        return ClinicalForm.from_row(
            {"age_years": str(ui.age_yearsEdit.text), "sex": str(ui.sexComboBox.currentData or "")}
        )

    def _changed(self) -> None:
        """Keep the answers and say what follows."""
        try:
            self._keep()
        except LungPNetError as error:
            self._say(sentence(str(error)), Tone.BAD)
            return
        self._update()

    def _keep(self) -> None:
        if self._volumeNode is None or self._finding is None:
            return
        cells = {name: str(box.currentData) for name, box in self._boxes.items()}
        ui = self._ui
        patient = {name: cells[name] for name in _OF_PATIENT} | {
            "nodule_count": str(ui.nodule_countEdit.text).strip(),
            "confirmed": self._shownPatient() if ui.confirmedCheckBox.checked else "",
        }
        nodule = {name: cells[name] for name in _OF_NODULE} | {
            "nodule_type": str(ui.nodule_typeComboBox.currentData or "")
        }
        keepEntries(self._volumeNode, BROCK, PATIENT, patient)
        keepEntries(self._volumeNode, BROCK, self._finding.finding_id, nodule)

    def _inputs(self) -> BrockInputs:
        finding = self._finding
        measured = finding.measurements if finding is not None else None
        found = finding.type_finding if finding is not None else None
        chosen = str(self._ui.nodule_typeComboBox.currentData or "")
        patient = self._seenPatient() if self._ui.confirmedCheckBox.checked else ClinicalForm()
        answers = {name: _TRUTH.get(str(box.currentData)) for name, box in self._boxes.items()}
        kind = found.nodule_type if found is not None else None
        return BrockInputs(
            age_years=patient.age_years,
            sex=patient.sex,
            diameter_mm=measured.long_axis_mm if measured is not None else None,
            nodule_type=NoduleType(chosen) if chosen else kind,
            nodule_count=self._count(),
            **answers,
        )

    def _count(self) -> Any:
        """The number of nodules; the text itself if it is none, for the model to refuse."""
        text = str(self._ui.nodule_countEdit.text).strip()
        return int(text) if text.isdecimal() else text or None

    def _update(self) -> None:
        """The probability, or what is missing for it."""
        if self._finding is None:
            self._say(_("Choose a nodule in the list."), Tone.PLAIN)
            return
        try:
            inputs = self._inputs()
            missing = missing_inputs(inputs)
            if missing:
                self._sayMissing(missing)
                return
            result = brock(inputs)
        except InputError as error:
            self._say(self._named(sentence(str(error))), Tone.BAD)
            return
        words = _("Brock: probability of cancer {percent} %.").format(
            percent=f"{100 * result.probability:.1f}"
        )
        self._say(" ".join([words, *(sentence(text) for text in result.caveats)]), Tone.PLAIN)

    def _sayMissing(self, missing: tuple[str, ...]) -> None:
        names = ", ".join(self._title(name) for name in missing)
        words = _("Brock cannot be computed without: {names}.").format(names=names)
        if self._shownPatient() and not self._ui.confirmedCheckBox.checked:
            words = f"{words} {_('Age and sex count once they are confirmed.')}"
        self._say(words, Tone.CAUTION)

    def _say(self, text: str, tone: Tone) -> None:
        label = self._ui.brockLabel
        label.text = text
        color = f"color: {tone.value}; " if tone.value else ""
        label.styleSheet = f"{color}font-weight: bold"

    def _title(self, name: str) -> str:
        """What the panel calls an input."""
        if name == "diameter_mm":
            return str(_("Long axis (mm)"))
        return str(getattr(self._ui, f"{name}Label").text).rstrip(":：")

    def _named(self, message: str) -> str:
        """The message with the names of the panel."""
        for name in vars(BrockInputs()):
            message = message.replace(f"'{name}'", f"'{self._title(name)}'")
            message = message.replace(f"“{name}”", f"“{self._title(name)}”")
        return message
