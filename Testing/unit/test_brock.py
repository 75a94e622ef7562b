"""The PanCan model gives the published numbers, and refuses what it was not made for."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import fields, replace

import pytest

from LungPNetLib.errors import InputError
from LungPNetLib.grading.brock import BrockInputs, brock, missing_inputs
from LungPNetLib.grading.nodule_type import NoduleType
from LungPNetLib.survival.categories import Sex

BASE = BrockInputs(
    age_years=65,
    sex=Sex.MALE,
    family_history=False,
    emphysema=False,
    diameter_mm=10,
    nodule_type=NoduleType.SOLID,
    upper_lobe=False,
    nodule_count=1,
    spiculation=False,
)
WORST = replace(
    BASE, age_years=80, sex=Sex.FEMALE, family_history=True, emphysema=True, diameter_mm=30,
    nodule_type=NoduleType.PART_SOLID, upper_lobe=True, spiculation=True,
)  # fmt: skip

# Percent, as the test vectors of an independent open calculator give them (a port of an app for
# radiologists, in Swift and then TypeScript, of the full model with spiculation).
CALCULATOR = [
    (replace(BASE, age_years=55, diameter_mm=4, nodule_count=4), 0.092011),
    (
        replace(
            BASE, age_years=68, sex=Sex.FEMALE, upper_lobe=True, nodule_count=2,
            family_history=True,
        ),
        14.588653,
    ),
    (WORST, 91.535942),
    (replace(BASE, nodule_type=NoduleType.NON_SOLID), 3.065470),
    (BASE, 3.468206),
    (replace(BASE, nodule_type=NoduleType.PART_SOLID), 4.977268),
    (replace(BASE, age_years=70, sex=Sex.FEMALE, diameter_mm=4, upper_lobe=True), 0.634830),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "percent"), CALCULATOR)
def test_vectors_of_an_independent_calculator(inputs, percent) -> None:
    assert 100 * brock(inputs).probability == pytest.approx(percent, abs=1e-4)


def uncentred_log_odds(given: BrockInputs) -> float:
    """The full model as Table 2 of Eur Radiol 2019;29:5367-5377 (PMC6717521) writes it.

    Age, count and diameter are not centred there, and the intercept is 0.2761.
    """
    kinds = {NoduleType.SOLID: 0, NoduleType.PART_SOLID: 0.377, NoduleType.NON_SOLID: -0.1276}
    return (
        0.2761
        + 0.0287 * given.age_years
        + 0.6011 * (given.sex is Sex.FEMALE)
        + 0.2961 * given.family_history
        + 0.2953 * given.emphysema
        + 0.6581 * given.upper_lobe
        - 5.3854 * (given.diameter_mm / 10) ** -0.5
        + 0.7729 * given.spiculation
        + kinds[given.nodule_type]
        - 0.0824 * given.nodule_count
    )


@pytest.mark.parametrize("sex", Sex)
@pytest.mark.parametrize("kind", NoduleType)
def test_the_second_published_form_of_the_equation(sex, kind) -> None:
    for number, answers in enumerate(itertools.product((False, True), repeat=4)):
        family, emphysema, upper, spiculation = answers
        inputs = BrockInputs(50 + number, sex, family, emphysema, 3.0 + 1.5 * number, kind, upper,
                             1 + number, spiculation)  # fmt: skip
        assert brock(inputs).log_odds == pytest.approx(uncentred_log_odds(inputs), abs=2e-4)


# Odds ratios as the article's table of the model gives them, to two decimals.
ODDS_RATIOS = {
    "age_years": 1.03, "sex": 1.82, "family_history": 1.34, "emphysema": 1.34,
    "upper_lobe": 1.93, "nodule_count": 0.92, "spiculation": 2.17,
}  # fmt: skip
CHANGES = {
    "age_years": 66,
    "sex": Sex.FEMALE,
    "family_history": True,
    "emphysema": True,
    "upper_lobe": True,
    "nodule_count": 2,
    "spiculation": True,
}


@pytest.mark.parametrize("name", ODDS_RATIOS)
def test_odds_ratios(name) -> None:
    changed = brock(replace(BASE, **{name: CHANGES[name]})).log_odds
    ratio = math.exp(changed - brock(BASE).log_odds)
    assert ratio == pytest.approx(ODDS_RATIOS[name], abs=0.006)


def test_terms_add_up_and_the_source_is_named() -> None:
    found = brock(WORST)
    assert sum(found.terms.values()) == pytest.approx(found.log_odds)
    assert set(found.terms) == {"constant", *(field.name for field in fields(BrockInputs))}
    record = json.loads(json.dumps(found.to_dict()))
    assert "369:910-919" in record["source"]
    assert "full model" in record["source"]


def test_patients_unlike_those_of_the_study_are_marked() -> None:
    assert brock(BASE).caveats == ()
    assert "50 to 75 years" in brock(WORST).caveats[0]


@pytest.mark.parametrize("name", [field.name for field in fields(BrockInputs)])
def test_nothing_is_assumed(name) -> None:
    with pytest.raises(InputError, match=f"without: {name}"):
        brock(replace(BASE, **{name: None}))


def test_all_that_is_missing_is_named_at_once() -> None:
    known = BrockInputs(nodule_type=NoduleType.SOLID, diameter_mm=8.0, nodule_count=1)
    words = "age_years, sex, family_history, emphysema, upper_lobe, spiculation"
    assert ", ".join(missing_inputs(known)) == words
    with pytest.raises(InputError, match=f"without: {words}. Enter"):
        brock(known)


@pytest.mark.parametrize(
    ("change", "unit"),
    [
        ({"age_years": 17}, "18 to 120 years"),
        ({"age_years": math.nan}, "years"),
        ({"diameter_mm": 0.9}, "1 to 30 mm"),
        ({"diameter_mm": 30.1}, "1 to 30 mm"),
        ({"diameter_mm": True}, "mm"),
        ({"nodule_count": 0}, "a whole number from 1 to 100 nodules"),
        ({"nodule_count": 1.5}, "a whole number"),
        ({"sex": "female?"}, "a Sex"),
        ({"nodule_type": "solid"}, "a NoduleType"),
        ({"emphysema": 1}, "a bool"),
    ],
)
def test_values_out_of_range_are_refused_with_the_unit(change, unit) -> None:
    with pytest.raises(InputError, match=unit):
        brock(replace(BASE, **change))
