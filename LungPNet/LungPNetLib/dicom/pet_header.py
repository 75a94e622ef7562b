"""What the headers of a PET series state about dose, weight and units: found, compared, checked.

Attributes of the Radiopharmaceutical Information Sequence (0054,0016) are read from its only item
or, as some archives flatten it, from the top level. All slices have to agree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from LungPNetLib.dicom.header import as_text, first_item, numbers, printable, readable
from LungPNetLib.errors import InputError

DOSE_SEQUENCE = "RadiopharmaceuticalInformationSequence"

HALF_LIVES_S = {
    "C-11": 1221.8,
    "N-13": 597.9,
    "O-15": 122.27,
    "F-18": 6586.2,
    "Cu-64": 45723.0,
    "Ga-68": 4062.6,
    "Rb-82": 76.4,
    "Zr-89": 282280.0,
    "I-124": 360810.0,
}
"""Physical half-lives of the nuclides that PET uses (Decay Data Evaluation Project)."""

HALF_LIFE_TOLERANCE = 0.015
"""Scanners round half-lives (F-18: 6584 to 6600 s), some tables are old (Rb-82: 75 to 76.4 s)."""

_CODES = {
    "C-11": ("C-105A1", "40565003"),
    "N-13": ("C-107A1", "21576001"),
    "O-15": ("C-B1038", "129504001"),
    "F-18": ("C-111A1", "77004003"),
    "Cu-64": ("C-127A2", "3932008"),
    "Ga-68": ("C-131A3", "35337001"),
    "Rb-82": ("C-159A2", "79197006"),
    "Zr-89": ("C-168A4", "63360001"),
    "I-124": ("C-114A5", "40937006"),
}
"""Codes of DICOM CID 4020 (PET radionuclide), in SNOMED RT and in SNOMED CT."""

WEIGHT_KG = (2.0, 400.0)
DOSE_BQ = (1e6, 1e10)
"""Outside these, weight or dose are in another unit than DICOM demands, or wrong."""

USUAL_WEIGHT_KG = (25.0, 250.0)
USUAL_DOSE_BQ = (2e7, 1.5e9)
"""Outside these a person should look at weight or dose before the SUV is used."""


@dataclass(frozen=True)
class Dose:
    """What was injected into whom: body weight in kg, activity in Bq, half-life in s."""

    weight_kg: float
    total_dose_bq: float
    half_life_s: float
    nuclide: str
    notices: tuple[str, ...] = ()

    def suv_per_bq_ml(self, decay_s: float) -> float:
        """SUVbw of 1 Bq/mL when the dose has decayed for ``decay_s`` seconds (1 g = 1 mL)."""
        remaining_bq = self.total_dose_bq * 2.0 ** (-decay_s / self.half_life_s)
        return float(self.weight_kg * 1000.0 / remaining_bq)


def named(keyword: str) -> str:
    """An attribute as messages name it.

    >>> named("PatientWeight")
    'PatientWeight (0010,1030)'
    """
    tag = Tag(tag_for_keyword(keyword) or 0)
    return f"{keyword} ({tag.group:04X},{tag.element:04X})"


def common_text(headers: Sequence[Dataset], keyword: str) -> str:
    """The text of a top-level attribute that all slices share; empty where none has it.

    Raises
    ------
    InputError
        Slices disagree.
    """
    found = {as_text(readable(header, keyword)).strip() for header in headers}
    if len(found) > 1:
        raise InputError(
            f"{named(keyword)} differs between slices of this PET series (for example "
            f"{', '.join(repr(printable(text)) for text in sorted(found)[:2])}), so one SUV scale "
            "cannot hold for all. Export the original series again."
        )
    return found.pop()


def dose_value(headers: Sequence[Dataset], keyword: str) -> str:
    """The text of an attribute of the dose, nested or flat; empty where neither has it.

    Raises
    ------
    InputError
        Nested and flat value, two items of the sequence, or slices contradict each other.
    """
    found: set[str] = set()
    for header in headers:
        items: Any = readable(header, DOSE_SEQUENCE) or []
        texts = [_canonical(as_text(readable(source, keyword))) for source in [*items, header]]
        found |= {text for text in texts if text} or {""}
    if len(found) > 1:
        raise InputError(
            f"{named(keyword)} has more than one value in this PET series "
            f"({', '.join(repr(printable(text)) for text in sorted(found)[:3])}), in the sequence "
            "(0054,0016), beside it, or from slice to slice. Find out which one holds and export "
            "the series again."
        )
    return found.pop() if found else ""


def _canonical(text: str) -> str:
    """A number or time without the zeros that one writer adds and another does not."""
    text = text.strip()
    return text.rstrip("0").rstrip(".") if re.fullmatch(r"\d+\.\d*", text) else text


def read_dose(headers: Sequence[Dataset]) -> Dose:
    """Weight, dose and half-life, each present, positive, plausible and without contradiction.

    Raises
    ------
    InputError
        Names the attribute, the value seen, what is accepted and what to do.
    """
    weight = _positive(common_text(headers, "PatientWeight"), "PatientWeight", "kg")
    dose = _positive(dose_value(headers, "RadionuclideTotalDose"), "RadionuclideTotalDose", "Bq")
    half_life = _positive(dose_value(headers, "RadionuclideHalfLife"), "RadionuclideHalfLife", "s")
    _require_unit("PatientWeight", weight, WEIGHT_KG, "kg", "g or another unit")
    _require_unit("RadionuclideTotalDose", dose, DOSE_BQ, "Bq", "MBq, kBq or mCi")
    notices = [
        f"{named(keyword)} is {value:g} {unit}, which is unusual ({low:g} to {high:g} {unit}). "
        "Check it before you use any SUV of this series."
        for keyword, value, (low, high), unit in (
            ("PatientWeight", weight, USUAL_WEIGHT_KG, "kg"),
            ("RadionuclideTotalDose", dose, USUAL_DOSE_BQ, "Bq"),
        )
        if not low <= value <= high
    ]
    return Dose(weight, dose, half_life, _nuclide(headers, half_life), tuple(notices))


def _positive(text: str, keyword: str, unit: str) -> float:
    found = numbers(text) if text else ()
    if len(found) != 1 or found[0] <= 0:
        state = f"is '{printable(text)}'" if text else "is missing"
        raise InputError(
            f"{named(keyword)} {state}; without a positive value in {unit} there is no SUV. "
            "De-identification often removes it: export the series with it, from the scanner's "
            "archive."
        )
    return found[0]


def _require_unit(
    keyword: str, value: float, accepted: tuple[float, float], unit: str, other: str
) -> None:
    low, high = accepted
    if not low <= value <= high:
        raise InputError(
            f"{named(keyword)} is {value:g}; DICOM demands {unit}, and {low:g} to {high:g} {unit} "
            f"are accepted. It seems to be in {other}. Correct the header at its source and export "
            "the series again."
        )


def _nuclide(headers: Sequence[Dataset], half_life_s: float) -> str:
    """The nuclide that the half-life belongs to; a code that names another one is refused."""
    near = [
        name
        for name, seconds in HALF_LIVES_S.items()
        if abs(half_life_s / seconds - 1.0) <= HALF_LIFE_TOLERANCE
    ]
    keyword = "RadionuclideHalfLife"
    if not near:
        raise InputError(
            f"{named(keyword)} is {half_life_s:g}, which is the half-life in s of none of "
            f"{', '.join(HALF_LIVES_S)} (F-18: {HALF_LIVES_S['F-18']:g}). It may be in minutes or "
            "hours; correct the header at its source and export the series again."
        )
    for source in (first_item(headers[0], DOSE_SEQUENCE), headers[0]):
        code = as_text(readable(first_item(source, "RadionuclideCodeSequence"), "CodeValue"))
        stated = next((name for name, codes in _CODES.items() if code.strip() in codes), near[0])
        if stated != near[0]:
            raise InputError(
                f"{named(keyword)} is {half_life_s:g} s, that of {near[0]}, but "
                f"{named('RadionuclideCodeSequence')} names {stated}. Find out which one holds and "
                "export the series again."
            )
    return near[0]
