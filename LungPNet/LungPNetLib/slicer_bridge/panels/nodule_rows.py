"""The nodules of a CT as rows of the panel LungSegment, and how they are sorted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slicer.i18n import tr as _

from LungPNetLib.nodules.finding import FindingName, NoduleFinding, Status
from LungPNetLib.slicer_bridge.nodule_names import noduleNumber
from LungPNetLib.slicer_bridge.panels.measurement_rows import typeWords

_UNKNOWN = ""


def titles() -> list[str]:
    """Of the columns."""
    return [
        _("No."),
        _("Finding"),
        _("Place"),
        _("Long\n(mm)"),
        _("Vol.\n(mL)"),
        _("Score"),
        _("Status"),
    ]


def titleTips() -> list[str]:
    """What the columns mean, in their order."""
    return [
        _("Number of the nodule, as in the report; its segment has the same name"),
        _(
            "Type by density alone, which cannot tell part-solid from solid nodules for sure; what "
            "is longer than 30 mm is called a mass"
        ),
        _("Right or left lung, and the third of its height; thirds are no lobes"),
        _("Longest axis on the axial section with the largest area"),
        _("Volume of the outline"),
        _("Ranks what was found; neither a probability of a nodule nor one of cancer"),
        _("What you decided"),
    ]


def row(finding: NoduleFinding) -> list[str]:
    """The cells of a nodule, in the order of the columns."""
    measured, found = finding.measurements, finding.type_finding
    names = {FindingName.NODULE: _("nodule"), FindingName.MASS: _("mass")}
    statuses = {
        Status.OPEN: _("open"),
        Status.ACCEPTED: _("accepted"),
        Status.REJECTED: _("rejected"),
    }
    name = names[finding.name]
    if found is not None:
        name = f"{typeWords()[found.nodule_type]}\n{name}"
    return [
        str(noduleNumber(finding)),
        name,
        _place(finding),
        _UNKNOWN if measured is None else f"{measured.long_axis_mm:.1f}",
        _UNKNOWN if measured is None else f"{measured.volume_ml:.2f}",
        _UNKNOWN if finding.score is None else f"{finding.score:.2f}",
        statuses[finding.status],
    ]


def inOrder(
    findings: Sequence[NoduleFinding], column: int, *, falling: bool
) -> list[NoduleFinding]:
    """The findings sorted by a column; what has no value there comes last, either way."""
    values = {finding.finding_id: _value(finding, column) for finding in findings}
    known = [one for one in findings if values[one.finding_id] is not None]
    unknown = [one for one in findings if values[one.finding_id] is None]
    known.sort(key=lambda one: values[one.finding_id], reverse=falling)
    return [*known, *unknown]


def _value(finding: NoduleFinding, column: int) -> Any:
    """What a column is sorted by: numbers as they are, not as they are written."""
    measured = finding.measurements
    if column == 0:
        return noduleNumber(finding)
    if column == 3:
        return None if measured is None else measured.long_axis_mm
    if column == 4:
        return None if measured is None else measured.volume_ml
    if column == 5:
        return finding.score
    return row(finding)[column] or None


def _place(finding: NoduleFinding) -> str:
    measured = finding.measurements
    if measured is None or measured.side is None:
        return _UNKNOWN
    thirds = {
        "upper": {"right": _("R\nupper"), "left": _("L\nupper")},
        "middle": {"right": _("R\nmiddle"), "left": _("L\nmiddle")},
        "lower": {"right": _("R\nlower"), "left": _("L\nlower")},
        None: {"right": _("R"), "left": _("L")},
    }
    return str(thirds[measured.third][measured.side])
