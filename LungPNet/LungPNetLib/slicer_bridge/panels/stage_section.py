"""TNM in the panel SurvivalRisk: T from what was measured and seen, the stage from T, N and M."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from LungPNetLib.errors import InputError, LungPNetError
from LungPNetLib.grading.nodule_type import NoduleType
from LungPNetLib.grading.tnm import StageResult, TResult, TumourExtent, stage_group, t_category
from LungPNetLib.grading.tnm_tables import Edition, Invasion, SeparateNodules, StageGroup
from LungPNetLib.nodules.finding import NoduleFinding
from LungPNetLib.slicer_bridge.entries import STAGING, TUMOUR, keepEntries, keptEntries
from LungPNetLib.slicer_bridge.language import sentence
from LungPNetLib.slicer_bridge.nodule_names import noduleName
from LungPNetLib.slicer_bridge.nodule_nodes import shownNodules
from LungPNetLib.slicer_bridge.panels.clinical_fields import ClinicalFields
from LungPNetLib.slicer_bridge.panels.measurement_rows import typeWords
from LungPNetLib.slicer_bridge.panels.run_area import Tone
from LungPNetLib.survival.categories import MCategory, NCategory, TCategory

_BOXES = ("edition", "tumour_type", "separate_nodules")
_EDITS = ("total_mm", "solid_mm")
_STAGED = ("t_category", "n_category", "m_category")


class StageSection:
    """Every answer is kept with the scene at once; T, N and M are those of the clinical form.

    Parameters
    ----------
    ui : namespace
        The panel's widgets.
    fields : ClinicalFields
        Have T, N and M.
    onT : callable
        Called when T was put into the clinical form.
    """

    def __init__(self, ui: Any, fields: ClinicalFields, onT: Callable[[], Any]) -> None:
        self._ui = ui
        self._fields = fields
        self._onT = onT
        self._volumeNode: Any = None
        self._findings: list[NoduleFinding] = []
        self._t: TResult | None = None
        self._fill()
        for name in _BOXES:
            self._box(name).connect("activated(int)", lambda _index: self._changed())
        for name in _EDITS:
            self._edit(name).connect("textEdited(QString)", lambda _text: self._changed())
        ui.invasionList.connect("itemChanged(QListWidgetItem*)", lambda _item: self._changed())
        ui.invasionsCheckBox.connect("clicked(bool)", lambda _on: self._changed())
        ui.lesionComboBox.connect("activated(int)", self._takeLesion)
        ui.useTButton.connect("clicked()", self._useT)

    def show(self, volumeNode: Any) -> None:
        """Show the lesions and the answers of a CT."""
        self._volumeNode = volumeNode
        self._ui.stageForm.enabled = volumeNode is not None
        self._findings, kept, problem = [], {}, ""
        try:
            if volumeNode is not None:
                self._findings = [one for one in shownNodules(volumeNode) if one.measurements]
                kept = keptEntries(volumeNode, STAGING, TUMOUR)
        except LungPNetError as error:
            problem = sentence(str(error))
        self._showLesions()
        self._showKept(kept)
        self.update()
        if problem:
            _say(self._ui.tLabel, problem, Tone.BAD)

    def update(self) -> None:
        """T and stage as the answers are now."""
        self._t = None
        try:
            self._showT()
        except InputError as error:
            _say(self._ui.tLabel, self._named(sentence(str(error))), Tone.BAD)
        self._ui.useTButton.enabled = self._t is not None
        try:
            self._showStage()
        except InputError as error:
            _say(self._ui.stageResultLabel, sentence(str(error)), Tone.BAD)

    # The widgets

    def _box(self, name: str) -> Any:
        return getattr(self._ui, f"{name}ComboBox")

    def _edit(self, name: str) -> Any:
        return getattr(self._ui, f"{name}Edit")

    def _fill(self) -> None:
        edition, kinds, separate = (self._box(name) for name in _BOXES)
        edition.addItem(_("9th edition (2024)"), Edition.NINTH.value)
        edition.addItem(_("8th edition (2016)"), Edition.EIGHTH.value)
        for box in (kinds, separate):
            box.addItem(_("(not known)"), "")
        for kind, words in typeWords().items():
            kinds.addItem(words, kind.value)
        for one in SeparateNodules:
            separate.addItem(sentence(one.value), one.value)
        for invasion in Invasion:
            item = qt.QListWidgetItem(sentence(invasion.value))
            item.setToolTip(sentence(invasion.value))
            item.setData(qt.Qt.UserRole, invasion.name)
            item.setCheckState(qt.Qt.Unchecked)
            self._ui.invasionList.addItem(item)

    def _items(self) -> list[Any]:
        widget = self._ui.invasionList
        return [widget.item(row) for row in range(len(Invasion))]

    def _showLesions(self) -> None:
        box = self._ui.lesionComboBox
        box.clear()
        box.addItem(_("(choose one)") if self._findings else _("(none measured yet)"), "")
        for finding in self._findings:
            box.addItem(noduleName(finding), finding.finding_id)

    def _showKept(self, kept: dict[str, str]) -> None:
        for name in _BOXES:
            self._box(name).setCurrentIndex(max(0, self._box(name).findData(kept.get(name, ""))))
        for name in _EDITS:
            self._edit(name).text = kept.get(name, "")
        self._ui.invasionsCheckBox.checked = kept.get("looked", "") == "yes"
        ticked = kept.get("invasions", "").split()
        widget = self._ui.invasionList
        wasBlocked = widget.blockSignals(True)
        for item in self._items():
            isTicked = item.data(qt.Qt.UserRole) in ticked
            item.setCheckState(qt.Qt.Checked if isTicked else qt.Qt.Unchecked)
        widget.blockSignals(wasBlocked)

    # What a person does

    def _takeLesion(self, index: int) -> None:
        """Size and type of a measured nodule, for a person to correct."""
        if not 0 < index <= len(self._findings):
            return
        finding = self._findings[index - 1]
        measured, found = finding.measurements, finding.type_finding
        if measured is None or found is None:
            return
        extent = TumourExtent.of_measurements(measured, found.nodule_type)
        kinds = self._box("tumour_type")
        kinds.setCurrentIndex(kinds.findData(found.nodule_type.value))
        for name in _EDITS:
            size_mm = getattr(extent, name)
            self._edit(name).text = "" if size_mm is None else f"{size_mm:.1f}"
        self._changed()

    def _changed(self) -> None:
        try:
            if self._volumeNode is not None:
                keepEntries(self._volumeNode, STAGING, TUMOUR, self._cells())
        except LungPNetError as error:
            _say(self._ui.tLabel, sentence(str(error)), Tone.BAD)
            return
        self.update()

    def _useT(self) -> None:
        if self._t is not None:
            self._fields.choose("t_category", self._t.category.value)
            self._onT()

    # What follows

    def _cells(self) -> dict[str, str]:
        return {
            **{name: str(self._box(name).currentData or "") for name in _BOXES},
            **{name: str(self._edit(name).text).strip() for name in _EDITS},
            "looked": "yes" if self._ui.invasionsCheckBox.checked else "",
            "invasions": " ".join(
                item.data(qt.Qt.UserRole)
                for item in self._items()
                if item.checkState() == qt.Qt.Checked
            ),
        }

    def _extent(self, cells: dict[str, str]) -> TumourExtent:
        kind, separate = cells["tumour_type"], cells["separate_nodules"]
        sizes = {name: _size(name, cells[name]) for name in _EDITS}
        looked = cells["looked"] == "yes"
        return TumourExtent(
            nodule_type=NoduleType(kind) if kind else None,
            invasions=[Invasion[name] for name in cells["invasions"].split()] if looked else None,
            separate_nodules=SeparateNodules(separate) if separate else None,
            **sizes,
        )

    def _showT(self) -> None:
        cells = self._cells()
        extent = self._extent(cells)
        missing = [name for name in _asked(extent) if getattr(extent, name) is None]
        if missing:
            names = ", ".join(self._title(name) for name in missing)
            words = _("T cannot be told without: {names}.").format(names=names)
            _say(self._ui.tLabel, words, Tone.CAUTION)
            return
        self._t = t_category(extent, Edition(cells["edition"]))
        category, rule = self._t.rule.split(": ", 1)
        words = _("{t}: {rule}. Source: {source}.").format(
            t=category, rule=sentence(rule), source=self._t.source
        )
        _say(self._ui.tLabel, words, Tone.PLAIN)

    def _showStage(self) -> None:
        chosen = {name: self._fields.cells()[name] for name in _STAGED}
        missing = [self._fields.title(name) for name in _STAGED if not chosen[name]]
        if missing:
            words = _("Cannot be staged without: {names}.").format(names=", ".join(missing))
            _say(self._ui.stageResultLabel, words, Tone.CAUTION)
            return
        t, n, m = chosen.values()
        edition = Edition(str(self._box("edition").currentData))
        found = stage_group(TCategory(t), NCategory(n), MCategory(m), edition)
        _say(self._ui.stageResultLabel, _stageWords(found), Tone.PLAIN)

    def _title(self, name: str) -> str:
        """What the panel calls what a T is told from."""
        label = {"nodule_type": "tumour_typeLabel", "invasions": "invasionsCheckBox"}
        widget = getattr(self._ui, label.get(name, f"{name}Label"))
        return str(widget.text).rstrip(":：")

    def _named(self, message: str) -> str:
        """The message with the names of the panel."""
        for name in _EDITS:
            message = message.replace(name, self._title(name))
        return message


def _asked(extent: TumourExtent) -> list[str]:
    asked = ["nodule_type", "total_mm", "invasions", "separate_nodules"]
    return [*asked, "solid_mm"] if extent.nodule_type is NoduleType.PART_SOLID else asked


def _size(name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise InputError(
            f"The tumour's {name} is '{text}'; accepted: a number of mm, such as 12.5. Correct it."
        ) from error


def _stageWords(found: StageResult) -> str:
    group = (
        _("occult carcinoma")
        if found.group is StageGroup.OCCULT
        else _("stage {group}").format(group=found.group.value)
    )
    row = found.rule.split(": ", 1)[0]
    return str(
        _("{row}: {group}. Source: {source}.").format(
            row=sentence(row), group=group, source=found.source
        )
    )


def _say(label: Any, text: str, tone: Tone) -> None:
    label.text = text
    color = f"color: {tone.value}; " if tone.value else ""
    label.styleSheet = f"{color}font-weight: bold"
