"""The nodule list of the panel NoduleGrade as rows of text."""

from __future__ import annotations

from slicer.i18n import tr as _

from LungPNetLib.nodules.finding import NoduleFinding, Status
from LungPNetLib.slicer_bridge.nodule_names import noduleNumber


def titles() -> list[str]:
    """Of the columns."""
    return [
        _("No."),
        _("Long ×\nshort (mm)"),
        _("Diam.\n(mm)"),
        _("Vol.\n(mL)"),
        _("Mean\n(HU)"),
        _("Side,\nslice"),
        _("Status"),
    ]


def titleTips() -> list[str]:
    """What the columns mean, in their order."""
    return [
        _("Number of the nodule; its segment has the same name"),
        _("Long and short axis on the axial section with the largest area"),
        _("Mean of long and short axis, to the whole millimetre"),
        _("Volume of the outline"),
        _("Mean density of the outline"),
        _(
            "Right or left lung, where the lungs of this CT were found, and the slice with the "
            "largest section, counted from 1"
        ),
        _("What you decided"),
    ]


def listRow(finding: NoduleFinding) -> list[str]:
    """The cells of a nodule, in the order of the columns."""
    number = str(noduleNumber(finding))
    status = {
        Status.OPEN: _("open"),
        Status.ACCEPTED: _("accepted"),
        Status.REJECTED: _("rejected"),
    }[finding.status]
    measured = finding.measurements
    if measured is None:
        return [number, "", "", "", "", "", status]
    side = {"right": _("R"), "left": _("L"), None: ""}[measured.side]
    return [
        number,
        f"{measured.long_axis_mm:.1f} × {measured.short_axis_mm:.1f}",
        str(measured.mean_diameter_whole_mm),
        f"{measured.volume_ml:.2f}",
        f"{measured.mean_hu:.0f}",
        f"{side} {measured.slice_number + 1}".strip(),
        status,
    ]
