"""The nodules in the report: what was looked for, how many are shown, and the numbers of each."""

from __future__ import annotations

from typing import Any

from LungPNetLib.grading.measure import NoduleMeasurements
from LungPNetLib.grading.nodule_type import NoduleType
from LungPNetLib.nodules.finding import FindingName, NoduleFinding, Status
from LungPNetLib.report import wording
from LungPNetLib.report.blocks import Paragraph, Section, Table
from LungPNetLib.report.language import Words
from LungPNetLib.result import StudyResult
from LungPNetLib.volume import Volume

TITLE = "Nodules"
_FIXED_SPACE = "\N{NO-BREAK SPACE}"

_NOT_RUN = "Nodules were not looked for in this analysis, so the report says nothing about them."
_NONE = "No nodule was found at this operating point. This does not exclude nodules."
_SHOWN = "Shown: {found}"
_COUNTS = {
    FindingName.NODULE: ("{count} nodule", "{count} nodules"),
    FindingName.MASS: ("{count} mass", "{count} masses"),
}
_POINT = "Operating point: up to {rate} false finding a scan, as measured on validation patients."
_POINTS = "Operating point: up to {rate} false findings a scan, as measured on validation patients."
_UNMEASURED = (
    "For these weights no operating point was measured on patients: findings with a score of "
    "{score} or more are shown, and how many of them are false is not known."
)
_REACHED = (
    "There, in {scans} scans with {nodules} nodules, it found {sensitivity} % of the nodules, with "
    "{false} false findings a scan."
)
_NOTHING = "No score is high enough for so few false findings, so nothing is shown at this point."
_LIMITS = "What is shown may be no nodule, and nodules may be missed."
_HIDDEN = "Candidates with lower scores, which are not shown: {count}."
_NETWORKS = {
    "detector": "Found by the network {id}, trained on {cohort}.",
    "segmenter": "Outlined by the network {id}, trained on {cohort}.",
}

_HEADER = (
    "Finding",
    "Place",
    "Slice (z,\N{NO-BREAK SPACE}mm)",
    "Long × short axis (mm)",
    "Mean (mm)",
    "Volume (mm³)",
    "Type",
    "Mean (HU)",
    "Score, not a probability",
    "Status",
)
_TEXTS = (1, 6, 9)
_SHARES = (18.0, 30.0, 20.5, 20.0, 11.5, 15.5, 18.0, 12.5, 20.5, 15.5)
_NOTES = (
    "What is longer than 30 mm is named a mass. Axes, and their mean in whole mm, on the axial "
    "slice with the largest section; slices are counted from 1. Thirds are those of the height of "
    "the lung, not lobes.",
    "The type goes by density alone, which does not tell part-solid from solid nodules for sure.",
    "The score ranks the findings; it says neither how probable a nodule is nor how malignant.",
    "Status: open until a person has accepted or rejected the finding.",
)
_NAMES = {FindingName.NODULE: "Nodule {number}", FindingName.MASS: "Mass {number}"}
_SIDES = {"right": "Right", "left": "Left"}
_THIRDS = {"upper": "upper third", "middle": "middle third", "lower": "lower third"}
_TYPES = {
    NoduleType.SOLID: "solid",
    NoduleType.PART_SOLID: "part-solid",
    NoduleType.NON_SOLID: "non-solid",
}
_STATUSES = {
    Status.OPEN: "open",
    Status.ACCEPTED: "accepted",
    Status.REJECTED: "rejected",
}


def nodules(result: StudyResult, ct: Volume, words: Words) -> Section:
    """Summary and table of what the nodule stage shows.

    Parameters
    ----------
    result : StudyResult
    ct : Volume
        On whose grid the slices are counted.
    words : Words
        The language.
    """
    if result.nodule_stage is None:
        return Section(words(TITLE), (Paragraph(words(_NOT_RUN)),))
    shown = result.selected_nodules
    found = _counted([finding for _, finding in shown], words)
    summary = words(_SHOWN).format(found=found) if shown else words(_NONE)
    hidden = words(_HIDDEN).format(count=len(result.nodules) - len(shown))
    texts = (_operating_point(result, words), _networks(result, words))
    paragraphs = (
        Paragraph(hidden, title=summary),
        *(Paragraph(words(" ").join(sentences)) for sentences in texts if sentences),
    )
    if not shown:
        return Section(words(TITLE), paragraphs)
    table = Table(
        tuple(words(name) for name in _HEADER),
        tuple(_row(number, finding, ct, words) for number, finding in shown),
        tuple(words(note) for note in _NOTES),
        _TEXTS,
        _SHARES,
    )
    return Section(words(TITLE), (*paragraphs, table))


def name(number: int, finding: NoduleFinding, words: Words) -> str:
    """What the finding is called, with its number."""
    return words(_NAMES[finding.name]).format(number=number)


def place(measured: NoduleMeasurements, words: Words) -> str:
    """Side and third, as far as they are known."""
    parts = [
        words(names[part]).replace(" ", _FIXED_SPACE)
        for names, part in ((_SIDES, measured.side), (_THIRDS, measured.third))
        if part is not None
    ]
    return words(", ").join(parts) or words("no lung beside it")


def type_word(finding: NoduleFinding, words: Words) -> str:
    """The type by density; empty where it was not measured."""
    found = finding.type_finding
    return "" if found is None else words(_TYPES[found.nodule_type])


def axes(measured: NoduleMeasurements) -> str:
    """Long and short axis, in mm without the unit."""
    return f"{_FIXED_SPACE}×{_FIXED_SPACE}".join(
        wording.number(length, 1) for length in (measured.long_axis_mm, measured.short_axis_mm)
    )


def _counted(findings: list[NoduleFinding], words: Words) -> str:
    parts = []
    for kind, (one, several) in _COUNTS.items():
        count = sum(finding.name is kind for finding in findings)
        if count:
            parts.append(words(one if count == 1 else several).format(count=count))
    return words(", ").join(parts)


def _operating_point(result: StudyResult, words: Words) -> list[str]:
    """From which score on findings are shown, and what that brought."""
    stage = result.nodule_stage
    assert stage is not None
    rate, table = stage["operating_rate"], stage["operating_points"]
    if table is None:
        score = wording.number(stage["threshold"], 2)
        return [words(_UNMEASURED).format(score=score), words(_LIMITS)]
    point = words(_POINT if rate == 1 else _POINTS).format(rate=_fraction(rate))
    return [point, _reached(table, rate, words), words(_LIMITS)]


def _networks(result: StudyResult, words: Words) -> list[str]:
    """Which networks found and outlined the nodules, and what they have been trained on."""
    stage = result.nodule_stage
    assert stage is not None
    known = {model.get("id"): model for model in result.models}
    return [
        words(text).format(id=stage[task], cohort=cohort(known[stage[task]], words))
        for task, text in _NETWORKS.items()
        if stage[task] in known
    ]


def _reached(table: dict[str, Any], rate: float, words: Words) -> str:
    point = next(point for point in table["points"] if point["rate"] == rate)
    if point["threshold"] is None:
        return words(_NOTHING)
    return words(_REACHED).format(
        scans=table["n_scans"],
        nodules=table["n_nodules"],
        sensitivity=wording.number(100 * point["sensitivity"], 0),
        false=wording.number(point["false_per_scan"], 2),
    )


def _fraction(rate: float) -> str:
    """A rate of the FROC as people write it.

    >>> _fraction(0.125), _fraction(8.0)
    ('1/8', '8')
    """
    return f"1/{1 / rate:g}" if rate < 1 else f"{rate:g}"


def cohort(model: dict[str, Any], words: Words) -> str:
    """What a network has been trained on."""
    return words.sentence(wording.plain(model.get("trained_on", ""))) or words("not stated")


def _row(number: int, finding: NoduleFinding, ct: Volume, words: Words) -> tuple[str, ...]:
    score = "" if finding.score is None else wording.number(finding.score, 2)
    measured = finding.measurements
    sizes = ("",) * 5
    density = ""
    if measured is not None:
        sizes = (
            place(measured, words),
            f"{measured.slice_number + 1}{_FIXED_SPACE}({_level(measured.slice_number, ct)})",
            axes(measured),
            str(measured.mean_diameter_whole_mm),
            wording.number(measured.volume_mm3, 0),
        )
        density = wording.number(measured.mean_hu, 0)
    return (
        name(number, finding, words),
        *sizes,
        type_word(finding, words),
        density,
        score,
        words(_STATUSES[finding.status]),
    )


def _level(slice_number: int, ct: Volume) -> str:
    """LPS z of the centre of an axial slice, in mm."""
    centre = [(n - 1) / 2 for n in ct.shape[::-1]]
    centre[ct.axis_order_to().axes[2]] = slice_number
    return wording.number(float(ct.index_to_world(centre)[2]), 1)
