"""The widgets of the clinical form."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from slicer.i18n import tr as _

from LungPNetLib.slicer_bridge.panels.run_area import Tone
from LungPNetLib.survival.categories import (
    Histology,
    MCategory,
    NCategory,
    Sex,
    SmokingStatus,
    TCategory,
)

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


class ClinicalFields:
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

    def choose(self, name: str, value: str) -> None:
        """Choose in one of the boxes, as a person would."""
        self._boxes[name].setCurrentIndex(self._boxes[name].findData(value))

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
