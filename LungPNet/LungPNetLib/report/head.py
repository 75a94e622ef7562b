"""The head of the report: whose CT it is, and how it was made."""

from __future__ import annotations

from LungPNetLib.report import wording
from LungPNetLib.report.blocks import Facts
from LungPNetLib.report.language import Words
from LungPNetLib.result import StudyResult


def running_line(result: StudyResult, words: Words) -> str:
    """Whose report it is, for the margin of every page."""
    if result.deidentified:
        return words("Patient: de-identified")
    known = wording.plain(result.patient.patient_id, 64) or words("not stated")
    return words("Patient ID: {known}").format(known=known)


def patient(result: StudyResult, words: Words) -> Facts:
    """Who was examined, unless the result is de-identified."""
    if result.deidentified:
        return Facts(((words("Identity"), words("de-identified")),))
    person = result.patient
    rows = (
        (words("Name"), wording.person_name(person.name)),
        (words("Patient ID"), wording.plain(person.patient_id)),
        (words("Birth date"), wording.date(person.birth_date)),
        (words("Sex"), words.sentence(wording.sex(person.sex))),
    )
    return Facts(tuple((name, _short(text) or words("not stated")) for name, text in rows))


def examination(result: StudyResult, words: Words) -> Facts:
    """How the CT was made, as far as its files say."""
    made = result.acquisition
    scanner = " ".join(wording.plain(part) for part in (made.manufacturer, made.model) if part)
    exposure = [
        wording.measured(value, unit)
        for value, unit in ((made.kvp, "kVp"), (made.tube_current_ma, "mA"))
        if value is not None
    ]
    number = "" if result.deidentified else wording.plain(made.accession_number)
    rows = (
        (words("Study date"), wording.date(made.study_date)),
        (words("Study"), wording.plain(made.study_description)),
        (words("Series"), wording.plain(made.series_description)),
        (words("Accession number"), number),
        (words("Age at study"), words.sentence(wording.age(made.patient_age))),
        (words("Scanner"), scanner),
        (words("Kernel"), wording.plain(made.kernel)),
        (words("Exposure"), ", ".join(exposure)),
        (words("Contrast agent"), wording.plain(made.contrast_agent)),
        (words("Slices"), _slices(result, words)),
        (words("Pixels"), _pixels(result, words)),
    )
    return Facts(tuple((name, _short(text)) for name, text in rows if text))


def _short(text: str) -> str:
    """Head of the first page: more than three full DICOM strings are not worth its space."""
    return wording.plain(text, 200)


def _slices(result: StudyResult, words: Words) -> str:
    grid = result.grid
    spacing = wording.measured(grid.acquired_spacing_mm, "mm")
    parts = [words("{count}, every {spacing}").format(count=grid.acquired_slices, spacing=spacing)]
    if result.acquisition.slice_thickness_mm is not None:
        thickness = wording.measured(result.acquisition.slice_thickness_mm, "mm")
        parts.append(words("thickness {thickness}").format(thickness=thickness))
    if abs(grid.tilt_deg) >= 0.1:
        parts.append(words("tilt {tilt}").format(tilt=wording.measured(grid.tilt_deg, "°")))
    if grid.regridded:
        parts.append(words("resampled onto an upright regular grid"))
    return words(", ").join(parts)


def _pixels(result: StudyResult, words: Words) -> str:
    columns, rows, _ = result.grid.size
    width_mm, height_mm, _ = result.grid.spacing_mm
    return words("{columns} × {rows} of {width_mm:.3f} × {height_mm:.3f} mm").format(
        columns=columns, rows=rows, width_mm=width_mm, height_mm=height_mm
    )
