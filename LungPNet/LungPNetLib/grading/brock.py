"""Probability of cancer in a nodule by the PanCan model, also known as the Brock model.

McWilliams et al., N Engl J Med 2013;369:910-919 (doi:10.1056/NEJMoa1214726): a logistic regression
over the nodules of first screening CTs of 1871 current and former smokers of the Pan-Canadian
Early Detection of Lung Cancer Study. Of their models this is the full one with spiculation (2b).
The diameter enters as (mm / 10)^-0.5, centred at 4 mm, age at 62 years and the number of nodules
at 4.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from LungPNetLib.errors import InputError
from LungPNetLib.grading.nodule_type import NoduleType
from LungPNetLib.survival.categories import Sex

SOURCE = "McWilliams et al., N Engl J Med 2013;369:910-919, full model with spiculation"
COHORT_AGE_YEARS = (50.0, 75.0)
"""Whom the study enrolled; for others the model is extrapolated."""

_CENTRE_SIZE = 1.58113883
_CENTRE_AGE_YEARS, _CENTRE_COUNT = 62.0, 4


@dataclass(frozen=True)
class BrockInputs:
    """What the model asks about a patient and one nodule; None where not known.

    Parameters
    ----------
    age_years : float, optional
        18 to 120; the study enrolled people of 50 to 75 years.
    sex : Sex, optional
    family_history : bool, optional
        Of lung cancer.
    emphysema : bool, optional
        Seen on the CT.
    diameter_mm : float, optional
        The nodule's longest diameter in the axial plane, 1 to 30 mm
        (``NoduleMeasurements.long_axis_mm``).
    nodule_type : NoduleType, optional
    upper_lobe : bool, optional
        In the right or left upper lobe; the upper third of a lung is not the same.
    nodule_count : int, optional
        Nodules on this CT with this one, 1 to 100.
    spiculation : bool, optional
    """

    age_years: float | None = None
    sex: Sex | None = None
    family_history: bool | None = None
    emphysema: bool | None = None
    diameter_mm: float | None = None
    nodule_type: NoduleType | None = None
    upper_lobe: bool | None = None
    nodule_count: int | None = None
    spiculation: bool | None = None


@dataclass(frozen=True)
class BrockResult:
    """A probability with how it came about.

    Parameters
    ----------
    probability : float
        Of this nodule being diagnosed as cancer within the two to four years of follow-up of the
        study, 0 to 1.
    log_odds : float
    terms : dict
        What each input, and ``"constant"``, adds to the log odds.
    caveats : tuple of str
        In which way this patient is unlike those of the study.
    source : str
    """

    probability: float
    log_odds: float
    terms: dict[str, float]
    caveats: tuple[str, ...] = ()
    source: str = SOURCE

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values under the names above."""
        return asdict(self) | {"caveats": list(self.caveats)}


_UNITS = {
    "age_years": (18.0, 120.0, "years"),
    "diameter_mm": (1.0, 30.0, "mm"),
    "nodule_count": (1, 100, "nodules on this CT"),
}
_KINDS = {
    "sex": Sex,
    "nodule_type": NoduleType,
    "family_history": bool,
    "emphysema": bool,
    "upper_lobe": bool,
    "spiculation": bool,
}
_COEFFICIENTS = {
    "constant": -6.7892,
    "age_years": 0.0287,
    "sex": 0.6011,
    "family_history": 0.2961,
    "emphysema": 0.2953,
    "diameter_mm": -5.3854,
    "upper_lobe": 0.6581,
    "nodule_count": -0.0824,
    "spiculation": 0.7729,
}
_TYPE_COEFFICIENTS = {
    NoduleType.NON_SOLID: -0.1276,
    NoduleType.PART_SOLID: 0.3770,
    NoduleType.SOLID: 0.0,
}


def brock(inputs: BrockInputs) -> BrockResult:
    """Probability of cancer in a nodule.

    Raises
    ------
    InputError
        Something that the model asks for is missing, or out of its range; the message names it
        with its unit.

    Examples
    --------
    >>> inputs = BrockInputs(65, Sex.MALE, False, False, 10, NoduleType.SOLID, False, 1, False)
    >>> round(100 * brock(inputs).probability, 2)
    3.47
    """
    _check(inputs)
    terms = {name: factor * _value(inputs, name) for name, factor in _COEFFICIENTS.items()}
    if inputs.nodule_type is not None:
        terms["nodule_type"] = _TYPE_COEFFICIENTS[inputs.nodule_type]
    log_odds = sum(terms.values())
    return BrockResult(1.0 / (1.0 + math.exp(-log_odds)), log_odds, terms, _caveats(inputs))


def _value(inputs: BrockInputs, name: str) -> float:
    """What a coefficient is multiplied with."""
    if name == "constant":
        return 1.0
    given = getattr(inputs, name)
    if name == "sex":
        return float(given is Sex.FEMALE)
    if name == "age_years":
        return float(given) - _CENTRE_AGE_YEARS
    if name == "nodule_count":
        return float(given - _CENTRE_COUNT)
    if name == "diameter_mm":
        return float((given / 10.0) ** -0.5) - _CENTRE_SIZE
    return float(given)


def missing_inputs(inputs: BrockInputs) -> tuple[str, ...]:
    """Names of what is not known yet; without any of them there is no probability."""
    return tuple(one.name for one in fields(inputs) if getattr(inputs, one.name) is None)


def _check(inputs: BrockInputs) -> None:
    missing = missing_inputs(inputs)
    if missing:
        raise InputError(
            f"The Brock model cannot be computed without: {', '.join(missing)}. Enter what is "
            "missing; nothing is assumed."
        )
    for name, value in vars(inputs).items():
        if name in _KINDS:
            if not isinstance(value, _KINDS[name]):
                raise InputError(
                    f"The Brock model's '{name}' is {value!r}; accepted: a {_KINDS[name].__name__}."
                )
            continue
        low, high, unit = _UNITS[name]
        kinds = int if name == "nodule_count" else int | float
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:
            whole = "a whole number from " if name == "nodule_count" else ""
            raise InputError(
                f"The Brock model's '{name}' is {value!r}; accepted: {whole}{low:g} to {high:g} "
                f"{unit}. Correct it; the model was not made for other values."
            )


def _caveats(inputs: BrockInputs) -> tuple[str, ...]:
    low, high = COHORT_AGE_YEARS
    if inputs.age_years is None or low <= inputs.age_years <= high:
        return ()
    return (
        f"The study enrolled people of {low:g} to {high:g} years; at {inputs.age_years:g} years "
        "the model is extrapolated.",
    )
