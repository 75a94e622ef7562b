"""The measurements of one nodule as a table: what, how much, and how it is defined."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from LungPNetLib.grading.measure import NoduleMeasurements
from LungPNetLib.grading.nodule_type import NoduleType, TypeFinding
from LungPNetLib.nodules.finding import NoduleFinding
from LungPNetLib.slicer_bridge.language import sentence
from LungPNetLib.slicer_bridge.panels.tables import fillWholeTable

Line = tuple[str, str, str]
"""Name, value with unit, tool tip."""


def showMeasurements(widget: Any, finding: NoduleFinding | None) -> None:
    """Fill a QTableWidget with the measurements of a nodule; hide it where there are none."""
    lines = linesOf(finding) if finding is not None else []
    widget.visible = bool(lines)
    fillWholeTable(widget, [_("Measurement"), _("Value")], [line[:2] for line in lines])
    for row, (_name, _value, words) in enumerate(lines):
        for column in range(2):
            widget.item(row, column).setToolTip(words)


def linesOf(finding: NoduleFinding) -> list[Line]:
    """What is shown of a nodule; nothing where it was not measured."""
    measured = finding.measurements
    if measured is None:
        return []
    return [*_size(measured), *_density(measured, finding.type_finding), *_place(measured)]


def typeWords() -> dict[NoduleType, str]:
    """The types as people say them."""
    return {
        NoduleType.NON_SOLID: _("non-solid"),
        NoduleType.PART_SOLID: _("part-solid"),
        NoduleType.SOLID: _("solid"),
    }


def _size(measured: NoduleMeasurements) -> list[Line]:
    return [
        (
            _("Long × short axis"),
            f"{measured.long_axis_mm:.1f} × {measured.short_axis_mm:.1f} mm",
            _("Long and short axis on the axial section with the largest area"),
        ),
        (
            _("Mean diameter"),
            f"{measured.mean_diameter_whole_mm} mm ({measured.mean_diameter_mm:.1f} mm)",
            _("Mean of both, to the whole millimetre as the Fleischner Society recommends"),
        ),
        (
            _("Volume"),
            f"{measured.volume_ml:.3f} mL",
            _("Number of voxels of the outline times the volume of one"),
        ),
    ]


def _density(measured: NoduleMeasurements, found: TypeFinding | None) -> list[Line]:
    solid = (
        _("Share of the voxels at or above -300 HU; vessels and calcium among them"),
        _("Largest diameter in space of the largest connected part at or above -300 HU"),
    )
    lines = [
        (_("Mean density"), f"{measured.mean_hu:.0f} HU", _("Over all voxels of the outline")),
        (_("Solid share"), f"{100 * measured.solid_fraction:.0f} %", solid[0]),
        (_("Solid diameter"), f"{measured.solid_diameter_mm:.1f} mm", solid[1]),
    ]
    if found is not None:
        why = _("By this rule: {rule}. {caution}").format(
            rule=sentence(found.rule), caution=typeCaution()
        )
        lines.append((_("Type (suggested)"), typeWords()[found.nodule_type], why))
    return lines


def typeCaution() -> str:
    """What the rule cannot do."""
    return str(
        _(
            "Density alone cannot tell part-solid from solid nodules: look whether there is ground "
            "glass."
        )
    )


def _place(measured: NoduleMeasurements) -> list[Line]:
    unknown = _("lungs not found")
    pleura = measured.pleura_distance_mm
    side = {"right": _("Right lung"), "left": _("Left lung"), None: unknown}[measured.side]
    third = {
        "upper": _("upper third"),
        "middle": _("middle third"),
        "lower": _("lower third"),
        None: "",
    }[measured.third]
    return [
        (
            _("Distance to the pleura"),
            f"{pleura:.1f} mm" if pleura is not None else unknown,
            _("To the outer border of its lung; fissures do not count"),
        ),
        (
            _("Place"),
            ", ".join(part for part in (side, third) if part),
            _("Thirds of the height of its lung; they are no lobes"),
        ),
        (
            _("Slice"),
            str(measured.slice_number + 1),
            _("The slice with the largest section, counted from 1"),
        ),
    ]
