"""From a result and its images to what the report says, the same for HTML and PDF.

Each part of the report is one function that answers a :class:`Section`, or None where its stage
did not run. A new stage adds its function to :func:`build`.
"""

from __future__ import annotations

from typing import Any

from LungPNetLib.report import wording
from LungPNetLib.report.blocks import (
    Block,
    Bullets,
    CheckRow,
    Checks,
    Facts,
    Figure,
    Gallery,
    ReportContent,
    Section,
    Table,
)
from LungPNetLib.report.pictures import histogram_picture
from LungPNetLib.report.views import views
from LungPNetLib.result import SCHEMA_VERSION, StudyResult, Verdict
from LungPNetLib.volume import Volume

_SUMMARIES = {
    Verdict.PASS: "The series meets every requirement that was checked.",
    Verdict.WARN: "The series can be used, with the limits stated below.",
    Verdict.REFUSE: "The series does not meet the requirements. Do not rely on values from it.",
}


def build(result: StudyResult, ct: Volume, lungs: Volume | None) -> ReportContent:
    """Collect what the report shows, and draw its pictures.

    Parameters
    ----------
    result : StudyResult
        What the analysis found.
    ct : Volume
        The CT in HU, in any axis order.
    lungs : Volume or None
        Label map on the grid of ``ct`` (1 right, 2 left), or None where the stage did not run.

    Raises
    ------
    InputError
        The label map does not lie on the grid of the CT.
    DependencyError
        matplotlib is not installed.
    """
    sections = (
        _quality(result),
        _warnings(result),
        _lungs(result),
        views(ct, lungs),
        _not_written(result),
        _methods(result),
    )
    return ReportContent(
        title="Chest CT analysis report",
        notice=wording.NOTICE,
        running_line=_running_line(result),
        patient=_patient(result),
        examination=_examination(result),
        sections=tuple(section for section in sections if section is not None),
    )


def _running_line(result: StudyResult) -> str:
    if result.deidentified:
        return "Patient: de-identified"
    return f"Patient ID: {wording.plain(result.patient.patient_id, 64) or 'not stated'}"


def _patient(result: StudyResult) -> Facts:
    if result.deidentified:
        return Facts((("Identity", "de-identified"),))
    patient = result.patient
    rows = (
        ("Name", wording.person_name(patient.name)),
        ("Patient ID", wording.plain(patient.patient_id)),
        ("Birth date", wording.date(patient.birth_date)),
        ("Sex", wording.sex(patient.sex)),
    )
    return Facts(tuple((name, _short(text) or "not stated") for name, text in rows))


def _examination(result: StudyResult) -> Facts:
    made = result.acquisition
    scanner = " ".join(wording.plain(part) for part in (made.manufacturer, made.model) if part)
    exposure = [
        wording.measured(value, unit)
        for value, unit in ((made.kvp, "kVp"), (made.tube_current_ma, "mA"))
        if value is not None
    ]
    rows = (
        ("Study date", wording.date(made.study_date)),
        ("Study", wording.plain(made.study_description)),
        ("Series", wording.plain(made.series_description)),
        ("Accession number", wording.plain(made.accession_number)),
        ("Age at study", wording.age(made.patient_age)),
        ("Scanner", scanner),
        ("Kernel", wording.plain(made.kernel)),
        ("Exposure", ", ".join(exposure)),
        ("Contrast agent", wording.plain(made.contrast_agent)),
        ("Slices", _slices(result)),
        ("Pixels", _pixels(result)),
    )
    hidden = {"Accession number"} if result.deidentified else set()
    return Facts(tuple((name, _short(text)) for name, text in rows if text and name not in hidden))


def _short(text: str) -> str:
    """Head of the first page: more than three full DICOM strings are not worth its space."""
    return wording.plain(text, 200)


def _slices(result: StudyResult) -> str:
    grid = result.grid
    parts = [f"{grid.acquired_slices}, every {wording.measured(grid.acquired_spacing_mm, 'mm')}"]
    if result.acquisition.slice_thickness_mm is not None:
        thickness = wording.measured(result.acquisition.slice_thickness_mm, "mm")
        parts.append(f"thickness {thickness}")
    if abs(grid.tilt_deg) >= 0.1:
        parts.append(f"tilt {wording.measured(grid.tilt_deg, '°')}")
    if grid.regridded:
        parts.append("resampled onto an upright regular grid")
    return ", ".join(parts)


def _pixels(result: StudyResult) -> str:
    columns, rows, _ = result.grid.size
    width_mm, height_mm, _ = result.grid.spacing_mm
    return f"{columns} × {rows} of {width_mm:.3f} × {height_mm:.3f} mm"


def _quality(result: StudyResult) -> Section | None:
    if not result.quality:
        return None
    counts = [
        f"{count} of {len(result.quality)} {word}"
        for verdict, word in ((Verdict.REFUSE, "refused"), (Verdict.WARN, "with a warning"))
        if (count := sum(check.verdict is verdict for check in result.quality))
    ]
    summary = " ".join(
        [_SUMMARIES[result.verdict], *([f"Checks: {', '.join(counts)}."] * bool(counts))]
    )
    # What limits the result comes first, so that it stands on the first page.
    order = [Verdict.REFUSE, Verdict.WARN, Verdict.PASS]
    rows = tuple(
        CheckRow(
            wording.plain(check.title),
            wording.measured(check.value, check.unit),
            check.verdict,
            wording.plain(check.meaning),
        )
        for check in sorted(result.quality, key=lambda check: order.index(check.verdict))
    )
    return Section("Image quality", (Checks(result.verdict, summary, rows),))


def _warnings(result: StudyResult) -> Section | None:
    if not result.warnings:
        return None
    items = tuple(wording.plain(text) for text in result.warnings)
    return Section("Warnings", (Bullets(items),))


def _lungs(result: StudyResult) -> Section | None:
    lungs = result.lungs
    if lungs is None:
        return None
    mark = " *" if lungs.density_caveats else ""
    rows = tuple(
        (
            wording.plain(one.side).capitalize(),
            wording.number(one.volume_ml, 0),
            wording.number(one.mean_hu, 0),
            wording.number(one.laa950_percent, 1),
            wording.number(one.perc15_hu, 0),
        )
        for one in lungs.measurements
    )
    header = ("Lung", "Volume (mL)", *(f"{name}{mark}" for name in _DENSITIES))
    caveats = tuple(f"* {wording.plain(text)}" for text in lungs.density_caveats)
    blocks: list[Block] = [Table(header, rows, (*caveats, _DENSITY_TERMS))]
    if lungs.histogram_hu and lungs.histogram_ml:
        alt = "Histogram of Hounsfield units of each lung"
        caption = (
            "Volume of each lung by density, in steps of 10 HU. Solid: right lung; dashed: left "
            f"lung; dotted line: {wording.MINUS}950 HU. The first step holds all lower values; the "
            "densest 1 % is not shown."
        )
        figure = Figure(histogram_picture(lungs, alt), caption)
        blocks.append(Gallery(1, (figure,)))
    return Section("Lung volumes and densities", tuple(blocks))


_DENSITIES = ("Mean (HU)", "LAA-950 (%)", "Perc15 (HU)")
_DENSITY_TERMS = (
    f"LAA-950: share of the lung below {wording.MINUS}950 HU. Perc15: 15 % of the lung lies below "
    "this density. HU: Hounsfield units."
)


def _not_written(result: StudyResult) -> Section | None:
    if not result.not_written:
        return None
    items = tuple(
        f"{wording.plain(name)}: {wording.plain(reason)}"
        for name, reason in result.not_written.items()
    )
    return Section("Not written", (Bullets(items),))


_LUNG_METHODS = {
    "classical": "classical: thresholds and morphology, no learned weights",
    "network": "network: 2-D U-Net, cleaned in 3-D",
}


def _methods(result: StudyResult) -> Section:
    rows = []
    if result.lungs is not None:
        method = result.lungs.method
        rows.append(("Lungs", _LUNG_METHODS.get(method, wording.plain(method))))
    rows += [(f"Model {model.get('id', '')}".strip(), _listed(model)) for model in result.models]
    run = dict(result.run)
    rows += [
        ("Software", _listed(result.software)),
        ("Run started", _shown(run.pop("started", None))),
        ("Run", _listed(run)),
        ("Input", wording.plain(result.input_format)),
        ("Study UID", wording.plain(result.acquisition.study_uid)),
        ("Series UID", wording.plain(result.acquisition.series_uid)),
        ("Result format", f"result.json, schema version {SCHEMA_VERSION}"),
    ]
    return Section("Methods", (Facts(tuple(row for row in rows if row[1])),))


def _listed(record: dict[str, Any]) -> str:
    """The entries of a JSON object in one line, nested ones in brackets."""
    parts = []
    for key, value in record.items():
        name, text = wording.plain(key).replace("_", " "), _shown(value)
        if text:
            parts.append(f"{name} ({text})" if isinstance(value, dict) else f"{name} {text}")
    return wording.plain(", ".join(parts), 1500)


def _shown(value: Any) -> str:
    """One JSON value in words; empty for null."""
    if isinstance(value, dict):
        return _listed(value)
    if isinstance(value, (list, tuple)):
        return " + ".join(_shown(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else wording.plain(value)
