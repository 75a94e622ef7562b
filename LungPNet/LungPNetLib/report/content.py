"""From a result and its images to what the report says, the same for HTML and PDF.

Each part of the report is one function that answers a :class:`Section`, or None where its stage
did not run. A new stage adds its function to :func:`build`.
"""

from __future__ import annotations

from LungPNetLib.report import head, wording
from LungPNetLib.report.blocks import (
    Block,
    Bullets,
    CheckRow,
    Checks,
    Figure,
    Gallery,
    ReportContent,
    Section,
    Table,
)
from LungPNetLib.report.language import Language, Words
from LungPNetLib.report.methods import methods
from LungPNetLib.report.nodule_pictures import nodule_pictures
from LungPNetLib.report.nodules import nodules
from LungPNetLib.report.pictures import histogram_picture
from LungPNetLib.report.views import views
from LungPNetLib.result import StudyResult, Verdict
from LungPNetLib.volume import Volume

_VERDICTS = {Verdict.PASS: "PASS", Verdict.WARN: "WARN", Verdict.REFUSE: "REFUSE"}
_CHECK_TITLES = ("Check", "Measured", "Verdict", "What it means")
_SUMMARIES = {
    Verdict.PASS: "The series meets every requirement that was checked.",
    Verdict.WARN: "The series can be used, with the limits stated below.",
    Verdict.REFUSE: "The series does not meet the requirements. Do not rely on values from it.",
}


def build(
    result: StudyResult,
    ct: Volume,
    lungs: Volume | None,
    language: Language = Language.ENGLISH,
    nodule_labels: Volume | None = None,
) -> ReportContent:
    """Collect what the report shows, and draw its pictures.

    Parameters
    ----------
    result : StudyResult
        What the analysis found.
    ct : Volume
        The CT in HU, in any axis order.
    lungs : Volume or None
        Label map on the grid of ``ct`` (1 right, 2 left), or None where the stage did not run.
    language : Language
        Of the report; numbers, units, codes and what comes from DICOM are the same in all.
    nodule_labels : Volume or None
        Label map on the grid of ``ct``, label k for ``result.nodules[k - 1]``; without it nodules
        are not pictured.

    Raises
    ------
    InputError
        A label map does not lie on the grid of the CT.
    DependencyError
        matplotlib is not installed.
    """
    words = Words(language)
    sections = (
        _quality(result, words),
        _warnings(result, words),
        nodules(result, ct, words),
        _lungs(result, words),
        nodule_pictures(result.selected_nodules, ct, nodule_labels, words),
        views(ct, lungs, words),
        _not_written(result, words),
        methods(result, words),
    )
    return ReportContent(
        language=language,
        title=words("Chest CT analysis report"),
        notice=words(wording.NOTICE),
        running_line=head.running_line(result, words),
        page_line=words("Page {page} of {pages}"),
        head_titles=(words("Patient"), words("Examination")),
        patient=head.patient(result, words),
        examination=head.examination(result, words),
        sections=tuple(section for section in sections if section is not None),
    )


def _quality(result: StudyResult, words: Words) -> Section | None:
    if not result.quality:
        return None
    # What limits the result comes first, so that it stands on the first page.
    order = [Verdict.REFUSE, Verdict.WARN, Verdict.PASS]
    rows = tuple(
        CheckRow(
            words.sentence(wording.plain(check.title)),
            words.sentence(wording.measured(check.value, check.unit)),
            check.verdict,
            words(_VERDICTS[check.verdict]),
            words.sentence(wording.plain(check.meaning)),
        )
        for check in sorted(result.quality, key=lambda check: order.index(check.verdict))
    )
    checks = Checks(
        header=tuple(words(title) for title in _CHECK_TITLES),
        verdict=result.verdict,
        verdict_word=words(_VERDICTS[result.verdict]),
        summary=_quality_summary(result, words),
        rows=rows,
    )
    return Section(words("Image quality"), (checks,))


def _quality_summary(result: StudyResult, words: Words) -> str:
    texts = {
        Verdict.REFUSE: words("{count} of {total} refused"),
        Verdict.WARN: words("{count} of {total} with a warning"),
    }
    counts = [
        text.format(count=count, total=len(result.quality))
        for verdict, text in texts.items()
        if (count := sum(check.verdict is verdict for check in result.quality))
    ]
    summary = words(_SUMMARIES[result.verdict])
    if not counts:
        return summary
    checks = words("Checks: {counts}.").format(counts=words(", ").join(counts))
    return words(" ").join([summary, checks])


def _warnings(result: StudyResult, words: Words) -> Section | None:
    if not result.warnings:
        return None
    items = tuple(words.sentence(wording.plain(text)) for text in result.warnings)
    return Section(words("Warnings"), (Bullets(items),))


def _lungs(result: StudyResult, words: Words) -> Section | None:
    lungs = result.lungs
    if lungs is None:
        return None
    mark = " *" if lungs.density_caveats else ""
    rows = tuple(
        (
            words(_SIDES.get(one.side, one.side)),
            wording.number(one.volume_ml, 0),
            wording.number(one.mean_hu, 0),
            wording.number(one.laa950_percent, 1),
            wording.number(one.perc15_hu, 0),
        )
        for one in lungs.measurements
    )
    densities = (f"{words(name)}{mark}" for name in _DENSITIES)
    header = (words("Lung"), words("Volume (mL)"), *densities)
    caveats = tuple(f"* {words.sentence(wording.plain(text))}" for text in lungs.density_caveats)
    blocks: list[Block] = [Table(header, rows, (*caveats, words(_DENSITY_TERMS)))]
    if lungs.histogram_hu and lungs.histogram_ml:
        alt = words("Histogram of Hounsfield units of each lung")
        caption = words(_HISTOGRAM_CAPTION)
        blocks.append(Gallery(1, (Figure(histogram_picture(lungs, alt), caption),)))
    return Section(words("Lung volumes and densities"), tuple(blocks))


_SIDES = {"right": "Right", "left": "Left", "both": "Both"}
_DENSITIES = ("Mean (HU)", "LAA-950 (%)", "Perc15 (HU)")
_DENSITY_TERMS = (
    f"LAA-950: share of the lung below {wording.MINUS}950 HU. Perc15: 15 % of the lung lies below "
    "this density. HU: Hounsfield units."
)
_HISTOGRAM_CAPTION = (
    "Volume of each lung by density, in steps of 10 HU. Solid: right lung (R); dashed: left lung "
    f"(L); dotted line: {wording.MINUS}950 HU. The first step holds all lower values; the densest "
    "1 % is not shown."
)


def _not_written(result: StudyResult, words: Words) -> Section | None:
    if not result.not_written:
        return None
    items = tuple(
        words("{name}: {reason}").format(
            name=wording.plain(name), reason=words.sentence(wording.plain(reason))
        )
        for name, reason in result.not_written.items()
    )
    return Section(words("Not written"), (Bullets(items),))
