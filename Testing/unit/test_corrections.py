"""Corrected masks become a cohort that the training reads, whatever goes wrong in between."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from LungPNetLib.cohort.corrections import LABEL_SOURCE, save_correction
from LungPNetLib.cohort.manifest import StudyRow, read_manifest, write_manifest
from LungPNetLib.cohort.pseudonyms import check_pseudonym, propose_pseudonym, site_salt
from LungPNetLib.dicom.masks import read_mask
from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.reading import read_study
from LungPNetLib.study import Patient
from LungPNetLib.volume import AxisOrder, Volume

SALT = b"a salt of a site"


def made_up_ct(seed: int, size: int = 12) -> Volume:
    noise = np.random.default_rng(seed).normal(-500, 300, (size - 4, size - 2, size))
    return Volume(noise.astype(np.int16), (0.7, 0.7, 2.5), (-10.0, 5.0, 40.0))


def lungs_of(ct: Volume, shift: int = 0) -> Volume:
    labels = np.zeros(ct.shape, np.uint8)
    labels[2:6, 3:8, 1 + shift : 5] = 1
    labels[2:6, 3:8, 7:11] = 2
    return ct.with_array(labels)


def stored(cohort: Path) -> set[str]:
    return {path.name for path in (cohort / "corrections").iterdir()}


def test_the_training_reads_what_was_saved(tmp_path: Path) -> None:
    ct = made_up_ct(1)
    path = save_correction(tmp_path / "cohort", patient_id="P-1", ct=ct, lungs=lungs_of(ct))
    row = read_manifest(path, required=("ct", "lungs")).rows[0]
    assert row.patient_id == "P-1"
    assert row.columns["label_source"] == LABEL_SOURCE
    again = read_study(row.files["ct"]).ct
    assert again.array.dtype == np.int16
    assert again.same_grid_as(ct)
    np.testing.assert_array_equal(again.array, ct.array)
    labels = read_mask(row.files["lungs"], again)
    assert labels.array.dtype == np.uint8
    np.testing.assert_array_equal(labels.array, lungs_of(ct).array)


def test_nothing_that_is_stored_names_the_patient(tmp_path: Path) -> None:
    ct = made_up_ct(1)
    save_correction(tmp_path, patient_id="P-1", ct=ct, lungs=lungs_of(ct))
    assert all("P-1" not in name for name in stored(tmp_path))


def test_the_same_study_again_replaces_its_row(tmp_path: Path) -> None:
    first, second = made_up_ct(1), made_up_ct(2)
    for ct, patient in ((first, "A"), (second, "B")):
        path = save_correction(tmp_path, patient_id=patient, ct=ct, lungs=lungs_of(ct))
    before = read_manifest(path).rows
    # From another file format: turned axes, and HU as floats.
    order = AxisOrder((2, 0, 1), (True, False, False))
    turned = order.apply(first.with_array(first.array.astype(np.float32)))
    better = order.apply(lungs_of(first, shift=1))
    save_correction(tmp_path, patient_id="A", ct=turned, lungs=better, label_source="by hand")
    rows = read_manifest(path, required=("ct", "lungs")).rows
    assert [row.patient_id for row in rows] == ["A", "B"]
    assert rows[1].files == before[1].files
    assert rows[1].columns == before[1].columns | {"earlier_lungs": ""}
    assert rows[0].files["ct"] == before[0].files["ct"]
    assert rows[0].columns["label_source"] == "by hand"
    saved = read_mask(rows[0].files["lungs"], read_study(rows[0].files["ct"]).ct)
    np.testing.assert_array_equal(saved.array, lungs_of(first, shift=1).array)
    # A new mask has a new name, or a training would go on with what it keeps of the old one.
    assert rows[0].files["lungs"] != before[0].files["lungs"]
    assert len(stored(tmp_path)) == 4


def test_earlier_masks_of_a_study_stay_and_are_named(tmp_path: Path) -> None:
    ct = made_up_ct(1)
    masks = [lungs_of(ct, shift) for shift in (0, 1, 2, 0)]
    for mask in masks:
        path = save_correction(tmp_path, patient_id="A", ct=ct, lungs=mask)
    (row,) = read_manifest(path, required=("ct", "lungs")).rows
    names = row.columns["earlier_lungs"].split(";")
    saved = [read_mask(tmp_path / name, ct).array for name in names]
    np.testing.assert_array_equal(saved, [masks[1].array, masks[2].array])
    np.testing.assert_array_equal(read_mask(row.files["lungs"], ct).array, masks[0].array)
    assert len(stored(tmp_path)) == 4


def test_the_mask_stays_on_its_ct_where_a_copy_lies_elsewhere(tmp_path: Path) -> None:
    """The same voxels, as after a new export, are the same study even with another origin."""
    ct = made_up_ct(1)
    moved = Volume(ct.array, ct.spacing_mm, (0.0, 0.0, 7.0))
    other = Volume(made_up_ct(2).array, ct.spacing_mm, (3.0, 0.0, 0.0))
    for patient, image in (("A", ct), ("A", moved), ("B", other)):
        path = save_correction(tmp_path, patient_id=patient, ct=image, lungs=lungs_of(image))
    rows = read_manifest(path).rows
    assert [row.patient_id for row in rows] == ["A", "B"]
    for row, image in zip(rows, (moved, other), strict=True):
        again = read_study(row.files["ct"]).ct
        assert again.same_grid_as(image)
        np.testing.assert_array_equal(
            read_mask(row.files["lungs"], again).array, lungs_of(image).array
        )
    assert len(stored(tmp_path)) == 5


def test_what_others_wrote_into_the_table_stays(tmp_path: Path) -> None:
    other = tmp_path / "other.nrrd"
    other.write_bytes(b"")
    path = tmp_path / "manifest.csv"
    own = StudyRow("P-9", {"ct": other}, {"split": "validation", "age_years": "61"})
    write_manifest(path, [own])
    ct, second = made_up_ct(1), made_up_ct(2)
    save_correction(tmp_path, patient_id="P-9", ct=ct, lungs=lungs_of(ct))
    save_correction(tmp_path, patient_id="P-2", ct=second, lungs=lungs_of(second))
    rows = read_manifest(path).rows
    assert rows[0].files == own.files
    assert {name: rows[0].columns[name] for name in own.columns} == own.columns
    assert [row.columns["split"] for row in rows] == ["validation", "validation", "training"]
    changed = StudyRow(rows[1].patient_id, rows[1].files, {**rows[1].columns, "age_years": "62"})
    write_manifest(path, [rows[0], changed, rows[2]])
    save_correction(tmp_path, patient_id="P-9", ct=ct, lungs=lungs_of(ct, shift=1))
    assert read_manifest(path).rows[1].columns["age_years"] == "62"
    assert other.exists()


def test_one_study_cannot_be_of_two_patients(tmp_path: Path) -> None:
    ct = made_up_ct(1)
    path = save_correction(tmp_path, patient_id="Secret-1", ct=ct, lungs=lungs_of(ct))
    before = path.read_bytes(), stored(tmp_path)
    with pytest.raises(InputError, match="study 1 .* another patient's pseudonym") as caught:
        save_correction(tmp_path, patient_id="B", ct=ct, lungs=lungs_of(ct, shift=1))
    assert "Secret" not in str(caught.value)
    assert (path.read_bytes(), stored(tmp_path)) == before


def refused(tmp_path: Path, message: str, **changes: object) -> None:
    ct = made_up_ct(1)
    arguments = {"patient_id": "P-1", "ct": ct, "lungs": lungs_of(ct)} | changes
    with pytest.raises(InputError, match=message):
        save_correction(tmp_path / "cohort", **arguments)
    assert not (tmp_path / "cohort").exists()


def test_masks_that_teach_nothing_are_refused(tmp_path: Path) -> None:
    ct = made_up_ct(1)
    empty = ct.with_array(np.zeros(ct.shape, np.uint8))
    refused(tmp_path, "mask is empty", lungs=empty)
    three = ct.with_array(np.full(ct.shape, 3, np.uint8))
    refused(tmp_path, "labels 3; accepted: 0 outside, 1 right, 2 left", lungs=three)
    moved = Volume(lungs_of(ct).array, ct.spacing_mm, (0.0, 0.0, 0.0))
    refused(tmp_path, "does not lie on the grid", lungs=moved)
    whole = lungs_of(ct)
    refused(tmp_path, "size .12, 10, 7.", lungs=whole.cropped((0, 0, 0), (12, 10, 7)))


def test_a_ct_that_is_none_is_refused(tmp_path: Path) -> None:
    ct = made_up_ct(1)
    for value in (np.nan, 1e6, np.inf):
        odd = ct.array.astype(np.float32)
        odd[0, 0, 0] = value
        refused(tmp_path, "accepted: Hounsfield units", ct=ct.with_array(odd))


@pytest.mark.parametrize("name", ["", " ", "a b", "=1+1", "../x", "Zoë", "-x", "x" * 65, "a/b"])
def test_pseudonyms_are_plain_words(tmp_path: Path, name: str) -> None:
    refused(tmp_path, "needs a pseudonym", patient_id=name)
    with pytest.raises(InputError):
        check_pseudonym(name)


def test_real_names_and_numbers_are_no_pseudonyms(tmp_path: Path) -> None:
    patient = Patient(name="Müller-Lee^Anna=李^安娜", patient_id="4711-08")
    for name in ("4711-08", "case4711-08b", "anna_2", "P.ANNA"):
        refused(tmp_path, "real name or number", patient_id=name, identity=patient)
    refused(tmp_path, "made-up patients", patient_id="Phantom-1", identity=patient)
    ct = made_up_ct(1)
    for identity in (patient, Patient(), Patient(patient_id="1")):
        save_correction(
            tmp_path, patient_id="Hannah-1", ct=ct, lungs=lungs_of(ct), identity=identity
        )


def test_pseudonyms_are_stable_at_a_site_and_differ_between_sites(tmp_path: Path) -> None:
    proposed = propose_pseudonym("4711", SALT)
    check_pseudonym(proposed)
    assert proposed == propose_pseudonym(" 4711 ", SALT)
    assert "4711" not in proposed
    others = {propose_pseudonym(str(k), SALT) for k in range(500)}
    assert len(others) == 500
    assert propose_pseudonym("4711", SALT + b"2") != proposed
    with pytest.raises(InputError, match="no identifier"):
        propose_pseudonym(" ", SALT)
    with pytest.raises(InputError, match="at least 16"):
        propose_pseudonym("4711", b"short")


def test_the_salt_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "data" / "site-salt"
    salt = site_salt(path)
    assert len(salt) == 32
    assert site_salt(path) == salt
    assert site_salt(tmp_path / "elsewhere") != salt
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o077 == 0
    path.write_text("short", encoding="ascii")
    with pytest.raises(InputError, match="Restore it"):
        site_salt(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made or read"):
        site_salt(tmp_path / "file" / "site-salt")


def save_one(cohort: Path, seed: int) -> None:
    ct = made_up_ct(seed)
    save_correction(cohort, patient_id=f"P-{seed % 3}", ct=ct, lungs=lungs_of(ct))


def test_processes_that_save_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(save_one, [(tmp_path, seed) for seed in range(6)], chunksize=1)
    rows = read_manifest(tmp_path / "manifest.csv", required=("ct", "lungs")).rows
    assert len({row.files["ct"] for row in rows}) == len(rows) == 6
    assert stored(tmp_path) == {path.name for row in rows for path in row.files.values()}


def test_a_table_that_cannot_be_written_leaves_the_old_state(tmp_path: Path) -> None:
    ct = made_up_ct(1)
    path = save_correction(tmp_path, patient_id="A", ct=ct, lungs=lungs_of(ct))
    before = path.read_bytes(), stored(tmp_path)
    blocker = tmp_path / ".manifest.csv.partial"
    blocker.mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        save_correction(tmp_path, patient_id="A", ct=ct, lungs=lungs_of(ct, shift=1))
    assert (path.read_bytes(), stored(tmp_path)) == before
    blocker.rmdir()
    save_correction(tmp_path, patient_id="A", ct=ct, lungs=lungs_of(ct, shift=1))
    assert path.read_bytes() != before[0]


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_corrections import lungs_of, made_up_ct, save_correction
from LungPNetLib.errors import OutputError
big = made_up_ct(5, size=64)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    save_correction(Path(sys.argv[1]), patient_id="B", ct=big, lungs=lungs_of(big))
except OutputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files there")
def test_a_full_disk_leaves_the_old_state(tmp_path: Path) -> None:
    """Writing stops in the middle of the CT, as on a full disk (here: at a limit of 20 kB)."""
    ct = made_up_ct(1)
    path = save_correction(tmp_path, patient_id="A", ct=ct, lungs=lungs_of(ct))
    before = path.read_bytes(), stored(tmp_path)
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(Path(__file__).parent)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Nothing was changed. Free some space" in run.stdout
    assert (path.read_bytes(), stored(tmp_path)) == before


def test_what_a_killed_process_left_behind_is_removed(tmp_path: Path) -> None:
    (tmp_path / "corrections").mkdir()
    (tmp_path / "corrections" / "partial_ct_1.nrrd").write_bytes(b"cut off")
    ct = made_up_ct(1)
    save_correction(tmp_path, patient_id="A", ct=ct, lungs=lungs_of(ct))
    assert not any(name.startswith("partial") for name in stored(tmp_path))


def test_a_folder_that_cannot_be_made_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ct = made_up_ct(1)
    with pytest.raises(OutputError, match="Choose a folder"):
        save_correction(tmp_path / "file", patient_id="A", ct=ct, lungs=lungs_of(ct))
