"""Splits: by patient, drawn once, and never leaking."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from LungPNetLib.cohort.manifest import Manifest, StudyRow, read_manifest
from LungPNetLib.cohort.splits import Splits, draw_splits, split_cohort
from LungPNetLib.errors import InputError

TEN = [f"P{k}" for k in range(10)]
FRACTIONS = {"validation": 0.2, "test": 0.1}


def manifest_of(folder: Path, text: str) -> Manifest:
    path = folder / "manifest.csv"
    path.write_text(text)
    return read_manifest(path)


@pytest.fixture
def cohort(tmp_path: Path) -> Manifest:
    studies = [f"{patient},{visit}" for patient in TEN for visit in (1, 2)]
    return manifest_of(tmp_path, "patient_id,visit\n" + "\n".join(studies) + "\n")


def test_ten_patients_are_shared_out_as_asked() -> None:
    splits = draw_splits(TEN, FRACTIONS, seed=1)
    assert [len(splits[part]) for part in ("training", "validation", "test")] == [7, 2, 1]


@given(
    n=st.integers(3, 40),
    seed=st.integers(0, 1000),
    validation=st.floats(0.01, 0.45),
    test=st.floats(0.01, 0.45),
)
def test_every_patient_is_in_exactly_one_part(
    n: int, seed: int, validation: float, test: float
) -> None:
    patients = [f"P{k}" for k in range(n)]
    try:
        splits = draw_splits(patients, {"validation": validation, "test": test}, seed=seed)
    except InputError:
        assert n < 10
        return
    parts = (*splits.training, *splits.validation, *splits.test)
    assert sorted(parts) == sorted(patients)
    assert splits.training
    assert splits.validation
    assert splits.test


def test_draw_follows_the_seed_and_not_the_order_of_patients() -> None:
    first = draw_splits(TEN, FRACTIONS, seed=1)
    assert draw_splits(TEN[::-1], FRACTIONS, seed=1) == first
    assert any(draw_splits(TEN, FRACTIONS, seed=seed) != first for seed in (2, 3, 4))


@pytest.mark.parametrize(
    "fractions", [{"validation": 0.7, "test": 0.3}, {"test": -0.1}, {"valid": 0.1}]
)
def test_impossible_fractions_are_refused(fractions: dict[str, float]) -> None:
    with pytest.raises(InputError, match="together below 1"):
        draw_splits(TEN, fractions, seed=1)


def test_too_few_patients_are_refused() -> None:
    with pytest.raises(InputError, match="too few"):
        draw_splits(["P1", "P2"], FRACTIONS, seed=1)


def test_a_patient_in_two_parts_stops_it_without_naming_him() -> None:
    with pytest.raises(InputError, match="both 'training' and 'test'") as caught:
        Splits(("P1", "Smith"), ("P3",), ("Smith",))
    assert "Smith" not in str(caught.value)


def test_both_studies_of_a_patient_go_to_the_same_part(cohort: Manifest, tmp_path: Path) -> None:
    splits = split_cohort(cohort, tmp_path / "splits.json", FRACTIONS, seed=1)
    rows = splits.rows(cohort, "validation")
    assert len(rows) == 2 * len(splits.validation)
    assert {row.patient_id for row in rows} == set(splits.validation)


def test_saved_splits_are_used_again(cohort: Manifest, tmp_path: Path) -> None:
    path = tmp_path / "splits.json"
    drawn = split_cohort(cohort, path, FRACTIONS, seed=1)
    written = path.read_bytes()
    assert split_cohort(cohort, path, FRACTIONS, seed=1) == drawn
    assert path.read_bytes() == written


def test_changed_cohort_is_not_drawn_again_silently(cohort: Manifest, tmp_path: Path) -> None:
    path = tmp_path / "splits.json"
    split_cohort(cohort, path, FRACTIONS, seed=1)
    written = path.read_bytes()
    larger = manifest_of(tmp_path, cohort.path.read_text() + "P99,1\n")
    with pytest.raises(InputError, match="manifest has changed.*move.*aside"):
        split_cohort(larger, path, FRACTIONS, seed=1)
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    ("fractions", "seed"), [(FRACTIONS, 2), ({"validation": 0.3, "test": 0.1}, 1)]
)
def test_other_seed_or_fractions_are_not_ignored(
    cohort: Manifest, tmp_path: Path, fractions: dict[str, float], seed: int
) -> None:
    path = tmp_path / "splits.json"
    split_cohort(cohort, path, FRACTIONS, seed=1)
    with pytest.raises(InputError, match="was drawn with"):
        split_cohort(cohort, path, fractions, seed=seed)


def test_patient_moved_by_hand_is_noticed(cohort: Manifest, tmp_path: Path) -> None:
    path = tmp_path / "splits.json"
    split_cohort(cohort, path, FRACTIONS, seed=1)
    record = json.loads(path.read_text())
    parts = record["content"]["patients"]
    parts["training"].append(parts["test"].pop())
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match="changed after it was drawn"):
        split_cohort(cohort, path, FRACTIONS, seed=1)


def test_patient_copied_into_a_second_part_by_hand_is_noticed(
    cohort: Manifest, tmp_path: Path
) -> None:
    path = tmp_path / "splits.json"
    split_cohort(cohort, path, FRACTIONS, seed=1)
    record = json.loads(path.read_text())
    parts = record["content"]["patients"]
    parts["training"].append(parts["test"][0])
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match="both 'training' and 'test'"):
        split_cohort(cohort, path, FRACTIONS, seed=1)


def test_column_split_decides(tmp_path: Path) -> None:
    text = "patient_id,split\nA,training\nB,training\nC,validation\nD,test\n"
    path = tmp_path / "splits.json"
    splits = split_cohort(manifest_of(tmp_path, text), path, FRACTIONS, seed=1)
    assert splits == Splits(("A", "B"), ("C",), ("D",))
    assert not path.exists()


def test_column_split_with_a_patient_in_two_parts_is_refused(tmp_path: Path) -> None:
    text = "patient_id,visit,split\nA,1,training\nA,2,test\n"
    with pytest.raises(InputError, match="both 'training' and 'test'"):
        split_cohort(manifest_of(tmp_path, text), tmp_path / "s.json", FRACTIONS, seed=1)


def test_column_split_with_a_gap_is_refused(tmp_path: Path) -> None:
    text = "patient_id,split\nA,training\nB,\n"
    with pytest.raises(InputError, match="'split' holds ''"):
        split_cohort(manifest_of(tmp_path, text), tmp_path / "s.json", FRACTIONS, seed=1)


def test_rows_keep_their_files(tmp_path: Path) -> None:
    row = StudyRow("A", {"ct": tmp_path}, {})
    manifest = Manifest(tmp_path / "m.csv", (row,), "0")
    assert Splits(("A",), ()).rows(manifest, "training") == (row,)
