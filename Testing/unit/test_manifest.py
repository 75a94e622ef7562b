"""The cohort's table is checked before anything is trained on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from LungPNetLib.cohort.duplicates import (
    SAME_BELOW,
    difference,
    fingerprint,
    refuse_near_duplicates,
)
from LungPNetLib.cohort.manifest import StudyRow, neutral_cell, read_manifest, write_manifest
from LungPNetLib.cohort.phantom.patient import make_patient
from LungPNetLib.errors import InputError
from LungPNetLib.events import Reporter
from LungPNetLib.volume import Volume

HEADER = "patient_id,ct,lungs,age\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one.nrrd", "two.nrrd", "lungs.nrrd"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def manifest(folder: Path, text: str) -> Path:
    path = folder / "manifest.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_start_at_the_manifest_and_other_columns_stay(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = manifest(folder, HEADER + "A,one.nrrd,lungs.nrrd,61\nB,two.nrrd,,\n")
    monkeypatch.chdir(folder.parent)
    found = read_manifest(Path(folder.name) / path.name, required=("ct",))
    assert found.rows[0].files == {"ct": folder / "one.nrrd", "lungs": folder / "lungs.nrrd"}
    assert found.rows[0].columns == {"age": "61"}
    assert found.rows[1].files == {"ct": folder / "two.nrrd"}
    assert found.patient_ids == ("A", "B")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks the column 'patient_id'"),
        ("patient_id,ct\n", "has no rows"),
        ("id,ct\nA,one.nrrd\n", "lacks the column 'patient_id'"),
        ("patient_id,pet\nA,one.nrrd\n", "lacks the column 'ct'"),
        ("patient_id,ct,ct\nA,one.nrrd,two.nrrd\n", "names a column twice"),
        ("patient_id,ct\nA,one.nrrd,B\n", "Line 2 of the manifest has 3 cells"),
        ("patient_id,ct\nA,one.nrrd\n,two.nrrd\n", "no 'patient_id' in line 3"),
        ("patient_id,ct\nA,one.nrrd\nB,\n", "no 'ct' in line 3"),
        ("patient_id,ct\nA,one.nrrd\nB,gone.nrrd\n", "do not exist, in line 3"),
        ("patient_id,ct\nA,one.nrrd\nB,./one.nrrd\n", "Lines 2 and 3 .* the same ct"),
        ('patient_id,ct\nA,"one.nrrd\n', "cannot be read as a CSV"),
    ],
)
def test_faulty_tables_are_refused(folder: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_manifest(manifest(folder, text), required=("ct",))


def test_a_row_without_images_cannot_come_twice(folder: Path) -> None:
    with pytest.raises(InputError, match="Lines 2 and 4 .* the same row"):
        read_manifest(manifest(folder, "patient_id,age\nA,61\nA,62\nA,61\n"))


def test_messages_name_lines_and_not_patients(folder: Path) -> None:
    text = "patient_id,ct\nSmith,one.nrrd\nJones,Jones/ct\n"
    with pytest.raises(InputError) as caught:
        read_manifest(manifest(folder, text))
    assert "Jones" not in str(caught.value)


def test_hash_is_of_the_content(folder: Path) -> None:
    first = read_manifest(manifest(folder, HEADER + "A,one.nrrd,,61\nB,two.nrrd,,70\n")).sha256
    windows = "\ufeff" + HEADER + "B, two.nrrd,,70\r\nA,one.nrrd,,61\r\n"
    assert read_manifest(manifest(folder, windows)).sha256 == first
    other_age = HEADER + "A,one.nrrd,,61\nB,two.nrrd,,71\n"
    assert read_manifest(manifest(folder, other_age)).sha256 != first


def test_written_manifest_reads_back_and_starts_no_formula(folder: Path) -> None:
    evil = '=HYPERLINK("http://evil","x")'
    rows = [
        StudyRow("@A", {"ct": folder / "one.nrrd"}, {"note": evil, "change": "-3.5"}),
        StudyRow("B", {"lungs": folder / "lungs.nrrd"}, {"note": "+1+1", "change": "2"}),
    ]
    path = folder / "written.csv"
    write_manifest(path, rows)
    assert read_manifest(path).rows == tuple(rows)
    cells = [cell.strip('"') for line in path.read_text().splitlines() for cell in line.split(",")]
    assert "-3.5" in cells
    assert [c for c in cells if c.startswith(("=", "+", "@"))] == []
    assert "one.nrrd" in cells


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-cmd", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_are_neutralised(text: str) -> None:
    assert neutral_cell(text) == "'" + text


@pytest.fixture(scope="module")
def two_chests() -> tuple[Volume, Volume]:
    first, second = (
        make_patient(seed, size=(64, 64, 24), spacing_mm=(5.6, 5.6, 12.0)).ct for seed in (3, 4)
    )
    return first, second


def test_fingerprint_of_a_gradient_is_known() -> None:
    array = np.broadcast_to(np.arange(-960, 0, 30, dtype=np.int16), (16, 16, 32))
    found = fingerprint(Volume(array, (1, 1, 1), (0, 0, 0), np.eye(3)))
    along_z, along_y, along_x = np.split(found, 3)
    assert (along_x == 1).all()
    assert not along_y.any()
    assert not along_z.any()


def test_copies_are_nearly_the_same_and_other_people_are_not(
    two_chests: tuple[Volume, Volume],
) -> None:
    first, second = two_chests
    rng = np.random.default_rng(0)
    noisy = first.with_array(first.array + rng.normal(10, 10, first.shape).astype(np.float32))
    for copy in (noisy, first.resampled_to_spacing((4.0, 4.0, 9.0))):
        assert difference(fingerprint(first), fingerprint(copy)) < SAME_BELOW
    assert difference(fingerprint(first), fingerprint(second)) > SAME_BELOW


def test_axis_order_does_not_matter(two_chests: tuple[Volume, Volume]) -> None:
    ct = two_chests[0]
    turned = ct.axis_order_to([[0, -1, 0], [0, 0, 1], [1, 0, 0]]).apply(ct)
    assert turned.shape != ct.shape
    assert difference(fingerprint(ct), fingerprint(turned)) < 0.01


def duplicates_in(folder: Path, text: str, images: dict[str, Volume]) -> None:
    found = read_manifest(manifest(folder, text))
    reporter = Reporter()
    with reporter.stage("check"):
        refuse_near_duplicates(found, reporter, read=lambda path: images[path.name])


def test_one_image_under_two_patients_is_caught(
    folder: Path, two_chests: tuple[Volume, Volume]
) -> None:
    first, second = two_chests
    (folder / "copy.nrrd").write_bytes(b"")
    copy = first.with_array(first.array + np.int16(5))
    images = {"one.nrrd": first, "two.nrrd": second, "copy.nrrd": copy}
    text = "patient_id,ct\nSmith,one.nrrd\nB,two.nrrd\n"
    duplicates_in(folder, text, images)
    duplicates_in(folder, text + "Smith,copy.nrrd\n", images)
    with pytest.raises(InputError, match="Studies 1 and 3 .* same image") as caught:
        duplicates_in(folder, text + "C,copy.nrrd\n", images)
    assert "Smith" not in str(caught.value)


def test_real_patients_differ(real_data: Path) -> None:
    from LungPNetLib.reading import read_study

    prints = [
        fingerprint(read_study(real_data / name / "ct", allow_gaps=True).ct)
        for name in ("lidc-0028", "lidc-0306")
    ]
    assert difference(*prints) > SAME_BELOW
