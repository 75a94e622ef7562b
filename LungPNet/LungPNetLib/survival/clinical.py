"""The clinical form: what a person enters about a patient beside the images."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, TypeVar

from LungPNetLib.errors import InputError
from LungPNetLib.survival.categories import (
    Histology,
    MCategory,
    NCategory,
    Sex,
    SmokingStatus,
    TCategory,
)

SCHEMA_VERSION = "1.0"
_NEXT_STEP = "Correct it, or leave it empty if it is not known."


_Choice = TypeVar("_Choice", bound=Enum)


@dataclass(frozen=True)
class _Range:
    low: float
    high: float
    unit: str


_NUMBERS = {
    "age_years": _Range(18, 120, "years"),
    "pack_years": _Range(0, 300, "pack-years (packs of 20 cigarettes a day, times years)"),
    "smoking_years": _Range(0, 100, "years of smoking"),
    "years_since_quitting": _Range(0, 100, "years"),
    "ecog": _Range(0, 4, "(ECOG performance status)"),
}
_CHOICES: dict[str, type[Enum]] = {
    "sex": Sex,
    "smoking_status": SmokingStatus,
    "t_category": TCategory,
    "n_category": NCategory,
    "m_category": MCategory,
    "histology": Histology,
}


@dataclass(frozen=True)
class ClinicalForm:
    """Clinical variables of one patient at the time of the CT; None where not known.

    Parameters
    ----------
    age_years : float, optional
        18 to 120.
    sex : Sex, optional
    smoking_status : SmokingStatus, optional
    pack_years : float, optional
        Packs of 20 cigarettes a day times years of smoking, 0 to 300.
    smoking_years : float, optional
        How long the patient smoked, 0 to 100.
    years_since_quitting : float, optional
        0 to 100; only of former smokers.
    ecog : int, optional
        Performance status of the Eastern Cooperative Oncology Group, 0 to 4 (Oken et al., Am J
        Clin Oncol 1982;5:649-655).
    t_category, n_category, m_category : optional
        TNM 9th edition (Rami-Porta et al., J Thorac Oncol 2024;19:1007-1027), entered by a person:
        nothing in this program sees lymph nodes or metastases.
    histology : Histology, optional

    Raises
    ------
    InputError
        A value is out of its range or contradicts another one; the message names the field, the
        value, what is accepted, and what to do.

    Examples
    --------
    >>> form = ClinicalForm(age_years=64, sex=Sex.FEMALE, smoking_status=SmokingStatus.NEVER)
    >>> form.missing()
    ('ecog', 't_category', 'n_category', 'm_category', 'histology')
    >>> ClinicalForm.from_json(form.to_json()) == form
    True
    """

    age_years: float | None = None
    sex: Sex | None = None
    smoking_status: SmokingStatus | None = None
    pack_years: float | None = None
    smoking_years: float | None = None
    years_since_quitting: float | None = None
    ecog: int | None = None
    t_category: TCategory | None = None
    n_category: NCategory | None = None
    m_category: MCategory | None = None
    histology: Histology | None = None

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, choices):
                raise _not_a_choice(name, value, choices)
        for name in _NUMBERS:
            value = getattr(self, name)
            if value is not None:
                _check_number(name, value)
        self._check_smoking()

    def _check_smoking(self) -> None:
        if self.smoking_status is SmokingStatus.NEVER:
            for name in ("pack_years", "smoking_years"):
                if getattr(self, name):
                    raise _contradiction(name, getattr(self, name), "0 or empty for 'never'")
        if self.years_since_quitting is not None and self.smoking_status not in (
            None,
            SmokingStatus.FORMER,
        ):
            raise _contradiction(
                "years_since_quitting", self.years_since_quitting, "empty except for 'former'"
            )
        lived = (self.smoking_years or 0.0) + (self.years_since_quitting or 0.0)
        if self.age_years is not None and lived > self.age_years:
            raise InputError(
                f"'smoking_years' and 'years_since_quitting' of the clinical form are {lived:g} "
                f"together; accepted: at most 'age_years', which is {self.age_years:g}. Correct "
                "one of them."
            )

    def missing(self) -> tuple[str, ...]:
        """Names of the fields that are empty and could be filled, in the order of the form.

        How much and how long is not asked of patients who never smoked, nor since when they do not
        of those who still do.
        """
        implied: tuple[str, ...] = ()
        if self.smoking_status is SmokingStatus.NEVER:
            implied = ("pack_years", "smoking_years", "years_since_quitting")
        elif self.smoking_status is SmokingStatus.CURRENT:
            implied = ("years_since_quitting",)
        names = (field.name for field in fields(self))
        return tuple(n for n in names if getattr(self, n) is None and n not in implied)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values with the version of the schema; null where not known."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {n: v.value if isinstance(v, Enum) else v for n, v in values.items()}
        return {"schema_version": SCHEMA_VERSION, **plain}

    def to_json(self) -> str:
        """The form as the text of a JSON file."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ClinicalForm:
        """The inverse of :meth:`to_json`.

        Raises
        ------
        InputError
            The text is no such form, is of another version, or holds a value that is not accepted.
        """
        try:
            record = json.loads(text)
        except ValueError as error:
            raise InputError(
                f"The clinical form cannot be read as JSON ({error}). Choose a file that was saved "
                "from the form."
            ) from error
        version = record.get("schema_version") if isinstance(record, dict) else None
        if version != SCHEMA_VERSION:
            raise InputError(
                f"The clinical form has the schema version {version!r}; accepted: "
                f"'{SCHEMA_VERSION}'. Enter the form again."
            )
        unknown = sorted(set(record) - {"schema_version", *_NUMBERS, *_CHOICES})
        if unknown:
            raise InputError(
                f"The clinical form has the unknown field '{unknown[0]}'; accepted: "
                f"{', '.join((*_NUMBERS, *_CHOICES))}. Remove it."
            )
        chosen = {
            name: _chosen(name, record[name], choices)
            for name, choices in _CHOICES.items()
            if record.get(name) is not None
        }
        return cls(**{name: record.get(name) for name in _NUMBERS} | chosen)

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> ClinicalForm:
        """The form from a row of a table whose columns are named like the fields.

        Parameters
        ----------
        row : mapping
            Column to cell, as ``csv.DictReader`` and :class:`StudyRow.columns` give it. Fields
            without a column or with an empty cell stay empty, other columns are passed over, and
            upper and lower case do not matter.

        Raises
        ------
        InputError
            A cell is not a number or not one of the choices, or out of range.
        """
        cells = {name: (row.get(name) or "").strip() for name in (*_NUMBERS, *_CHOICES)}
        values: dict[str, Any] = {name: _number(cells[name]) for name in _NUMBERS if cells[name]}
        values |= {
            name: _chosen(name, cells[name], choices)
            for name, choices in _CHOICES.items()
            if cells[name]
        }
        return cls(**values)


def _check_number(name: str, value: Any) -> None:
    limits = _NUMBERS[name]
    whole = name == "ecog"
    kinds = int if whole else int | float
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and limits.low <= value <= limits.high:
        return
    kind = "a whole number from " if whole else ""
    raise InputError(
        f"The clinical form's '{name}' is {value!r}; accepted: {kind}{limits.low:g} to "
        f"{limits.high:g} {limits.unit}. {_NEXT_STEP}"
    )


def _number(cell: str) -> float | int | str:
    """The number in ``cell``; the text itself if there is none, for the form to refuse."""
    try:
        number = float(cell)
    except ValueError:
        return cell
    return int(number) if number.is_integer() else number


def _chosen(name: str, text: object, choices: type[_Choice]) -> _Choice:
    for choice in choices:
        if str(text).casefold() == str(choice.value).casefold():
            return choice
    raise _not_a_choice(name, text, choices)


def _not_a_choice(name: str, value: object, choices: type[Enum]) -> InputError:
    accepted = ", ".join(f"'{choice.value}'" for choice in choices)
    return InputError(
        f"The clinical form's '{name}' is {value!r}; accepted: {accepted}. {_NEXT_STEP}"
    )


def _contradiction(name: str, value: float, accepted: str) -> InputError:
    return InputError(
        f"The clinical form's '{name}' is {value:g}; accepted: {accepted} in 'smoking_status'. "
        "Correct one of the two."
    )
