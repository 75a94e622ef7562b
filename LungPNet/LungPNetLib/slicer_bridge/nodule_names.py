"""What the entries of a nodule list are called."""

from __future__ import annotations

from slicer.i18n import tr as _

from LungPNetLib.nodules.finding import FindingName, NoduleFinding


def noduleName(finding: NoduleFinding) -> str:
    """What people call the nodule, or the mass."""
    isMass = finding.name is FindingName.MASS
    words = _("Mass {number}") if isMass else _("Nodule {number}")
    return str(words.format(number=noduleNumber(finding)))


def noduleNumber(finding: NoduleFinding) -> int:
    """Of an entry that was made here, from 1; 0 of others."""
    digits = finding.finding_id.removeprefix("N")
    return int(digits) if digits.isdecimal() else 0
