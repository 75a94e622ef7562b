"""The clinical form takes what is plausible, says what is not, and survives JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from LungPNetLib.errors import InputError
from LungPNetLib.survival.categories import (
    Histology,
    MCategory,
    NCategory,
    Sex,
    SmokingStatus,
    TCategory,
)
from LungPNetLib.survival.clinical import ClinicalForm

FULL = ClinicalForm(
    age_years=64.5,
    sex=Sex.FEMALE,
    smoking_status=SmokingStatus.FORMER,
    pack_years=30,
    smoking_years=25,
    years_since_quitting=12,
    ecog=1,
    t_category=TCategory.T1C,
    n_category=NCategory.N2A,
    m_category=MCategory.M0,
    histology=Histology.ADENOCARCINOMA,
)


def test_an_empty_form_lacks_everything_and_a_full_one_nothing() -> None:
    assert ClinicalForm().missing() == tuple(field.name for field in fields(ClinicalForm))
    assert FULL.missing() == ()


def test_what_does_not_apply_is_not_missing() -> None:
    never = replace(ClinicalForm(), smoking_status=SmokingStatus.NEVER).missing()
    assert {"pack_years", "smoking_years", "years_since_quitting"}.isdisjoint(never)
    current = replace(ClinicalForm(), smoking_status=SmokingStatus.CURRENT).missing()
    assert "years_since_quitting" not in current
    assert "pack_years" in current


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"age_years": 17}, ("'age_years'", "17", "18 to 120 years")),
        ({"age_years": 121}, ("'age_years'", "121", "18 to 120 years")),
        ({"age_years": math.nan}, ("'age_years'", "nan", "18 to 120")),
        ({"age_years": "old"}, ("'age_years'", "'old'", "18 to 120")),
        ({"age_years": True}, ("'age_years'", "True")),
        ({"pack_years": -1}, ("'pack_years'", "-1", "0 to 300 pack-years")),
        ({"smoking_years": 101}, ("'smoking_years'", "101", "0 to 100")),
        ({"ecog": 5}, ("'ecog'", "5", "whole number from 0 to 4")),
        ({"ecog": 1.5}, ("'ecog'", "1.5", "whole number from 0 to 4")),
        ({"sex": "female"}, ("'sex'", "'female'", "'female', 'male'")),
        ({"t_category": NCategory.N1}, ("'t_category'", "'T1a'", "'T4'")),
    ],
)
def test_bad_values_are_named_with_what_is_accepted(values, parts) -> None:
    with pytest.raises(InputError) as caught:
        ClinicalForm(**values)
    for part in (*parts, "Correct it, or leave it empty"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"smoking_status": SmokingStatus.NEVER, "pack_years": 3}, "pack_years"),
        ({"smoking_status": SmokingStatus.NEVER, "smoking_years": 3}, "smoking_years"),
        ({"smoking_status": SmokingStatus.NEVER, "years_since_quitting": 3}, "years_since"),
        ({"smoking_status": SmokingStatus.CURRENT, "years_since_quitting": 0}, "years_since"),
        ({"age_years": 50, "smoking_years": 30, "years_since_quitting": 21}, "smoking_years"),
    ],
)
def test_contradictions_are_refused(values, name) -> None:
    with pytest.raises(InputError, match=f"'{name}.*Correct one of"):
        ClinicalForm(**values)


def test_what_is_not_contradictory_is_accepted() -> None:
    ClinicalForm(smoking_status=SmokingStatus.NEVER, pack_years=0, smoking_years=0)
    ClinicalForm(years_since_quitting=4)
    ClinicalForm(age_years=18, ecog=0)
    ClinicalForm(age_years=120, ecog=4)


def test_tnm_is_that_of_the_9th_edition() -> None:
    assert [c.value for c in NCategory] == ["NX", "N0", "N1", "N2a", "N2b", "N3"]
    assert [c.value for c in MCategory] == ["M0", "M1a", "M1b", "M1c1", "M1c2"]
    with pytest.raises(InputError, match="'n_category' is 'N2'; accepted: .*'N2a', 'N2b'"):
        ClinicalForm.from_row({"n_category": "N2"})


forms = st.builds(
    ClinicalForm,
    age_years=st.none() | st.floats(80, 120) | st.integers(80, 120),
    sex=st.none() | st.sampled_from(Sex),
    smoking_status=st.none() | st.just(SmokingStatus.FORMER),
    pack_years=st.none() | st.floats(0, 300),
    smoking_years=st.none() | st.floats(0, 40),
    years_since_quitting=st.none() | st.floats(0, 40),
    ecog=st.none() | st.integers(0, 4),
    t_category=st.none() | st.sampled_from(TCategory),
    n_category=st.none() | st.sampled_from(NCategory),
    m_category=st.none() | st.sampled_from(MCategory),
    histology=st.none() | st.sampled_from(Histology),
)


@given(forms)
def test_forms_survive_json_and_a_table(form: ClinicalForm) -> None:
    assert ClinicalForm.from_json(form.to_json()) == form
    record = json.loads(form.to_json())
    table = io.StringIO()
    writer = csv.DictWriter(table, list(record))
    writer.writeheader()
    writer.writerow(record)
    row = next(csv.DictReader(io.StringIO(table.getvalue())))
    assert ClinicalForm.from_row(row) == form


def test_a_row_may_lack_columns_have_others_and_write_as_it_likes() -> None:
    row = {"patient_id": "A", "age_years": " 61 ", "sex": "MALE", "t_category": "tis", "ecog": "2"}
    found = ClinicalForm.from_row(row)
    assert found == ClinicalForm(61, Sex.MALE, t_category=TCategory.TIS, ecog=2)
    assert isinstance(found.ecog, int)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"age_years": "61 y"}, "'age_years' is '61 y'"),
        ({"age_years": "nan"}, "'age_years' is nan"),
        ({"age_years": "inf"}, "'age_years' is inf"),
        ({"ecog": "2.5"}, "'ecog' is 2.5"),
        ({"sex": "f"}, "'sex' is 'f'; accepted: 'female', 'male'"),
        ({"smoking_status": "ex"}, "accepted: 'never', 'former', 'current'"),
    ],
)
def test_bad_cells_are_refused(row, message) -> None:
    with pytest.raises(InputError, match=message):
        ClinicalForm.from_row(row)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[1]", "schema version None"),
        ('{"schema_version": "2.0"}', "schema version '2.0'; accepted: '1.0'"),
        ('{"schema_version": "1.0", "name": "x"}', "unknown field 'name'"),
        ('{"schema_version": "1.0", "sex": "x"}', "'sex' is 'x'"),
        ('{"schema_version": "1.0", "age_years": "64"}', "'age_years' is '64'"),
    ],
)
def test_foreign_json_is_refused(text, message) -> None:
    with pytest.raises(InputError, match=message):
        ClinicalForm.from_json(text)


def test_a_partly_filled_json_is_accepted() -> None:
    assert ClinicalForm.from_json('{"schema_version": "1.0", "ecog": 2}') == ClinicalForm(ecog=2)
