"""Nodules of LIDC-IDRI: votes and masks on the CT, the tables, and what may train."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from LungPNetLib.cli import main
from LungPNetLib.cohort import lidc, lidc_nodule_material
from LungPNetLib.cohort.lidc_nodules import (
    NoduleSlice,
    is_ambiguous,
    needed_votes,
    slices_of,
    truth_on,
    votes_of,
)
from LungPNetLib.cohort.lidc_patches import RATED, read_patches
from LungPNetLib.cohort.manifest import read_manifest
from LungPNetLib.dicom.masks import read_mask
from LungPNetLib.errors import InputError
from LungPNetLib.reading import read_study
from LungPNetLib.study import Acquisition, SliceGeometry, SourceSlice, Study
from LungPNetLib.volume import Volume, read_image

pytest.importorskip("sqlalchemy", reason="pylidc is not installed")

SIDE = 512
TEST_ONLY = ("LIDC-IDRI-0001", "LIDC-IDRI-0295")


@pytest.fixture(scope="module")
def scan_78() -> lidc.LidcScan:
    """Four nodules; the third was marked by one reader alone."""
    (scan,) = lidc.scans("LIDC-IDRI-0078")
    return scan


def study_of(scan: lidc.LidcScan, *, signs: tuple[int, int, int] = (1, 1, 1)) -> Study:
    """Its CT without an image; ``signs`` say which way columns, rows and slices run in LPS."""
    heights_mm = scan.slice_z_mm[:: signs[2]]
    ct = Volume(
        np.zeros((len(heights_mm), SIDE, SIDE), np.int16),
        scan.spacing_mm,
        (-100.0, -150.0, float(heights_mm[0])),
        np.diag(np.array(signs, float)),
    )
    source = tuple(
        SourceSlice(Path(), str(k), 1, (-100.0, -150.0, float(z_mm)))
        for k, z_mm in enumerate(heights_mm)
    )
    return Study(ct, "dicom", acquisition=Acquisition(series_uid=scan.series_uid), source=source)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


# Masks and votes


def test_votes_and_masks_of_a_real_scan_are_those_kept_beside_it(real_data):
    folder = real_data / "lidc-0001"
    (scan,) = lidc.scans("LIDC-IDRI-0001")
    study = read_study(folder / "ct")
    truth = truth_on(scan, study)
    known = read_image(folder / "nodule_reader_votes.nii.gz")
    assert truth.votes.same_grid_as(known)
    np.testing.assert_array_equal(truth.votes.array, known.array)
    np.testing.assert_array_equal(truth.labels.array, (known.array >= 2).astype(np.uint8))
    assert truth.cut == ()
    # DICOM SEG, one a reader, place their voxels by themselves.
    segments = [read_mask(path, study.ct).array > 0 for path in (folder / "seg").glob("*.dcm")]
    np.testing.assert_array_equal(np.sum(segments, axis=0), truth.votes.array)


def test_marks_stay_in_their_slices_where_the_ct_runs_the_other_way(scan_78):
    upright = truth_on(scan_78, study_of(scan_78))
    turned = truth_on(scan_78, study_of(scan_78, signs=(1, -1, -1)))
    assert set(np.unique(upright.labels.array)) == {0, 1, 2, 3, 4}
    np.testing.assert_array_equal(turned.votes.array[::-1], upright.votes.array)
    np.testing.assert_array_equal(turned.labels.array[::-1], upright.labels.array)
    order = turned.labels.axis_order_to()
    shown = order.apply(turned.labels)
    k, row, column = np.argwhere(upright.labels.array == 1)[0]
    assert shown.array[k, SIDE - 1 - row, column] == 1
    assert shown.index_to_world([0, 0, k])[2] == pytest.approx(scan_78.slice_z_mm[k])


def test_a_ct_that_lacks_slices_gets_the_rest_of_the_marks(scan_78):
    whole = study_of(scan_78)
    truth = truth_on(scan_78, whole)
    first = int(np.argwhere(truth.votes.array)[0][0]) + 2
    part = replace(
        whole,
        ct=whole.ct.cropped((0, 0, first), (SIDE, SIDE, len(whole.source) - first)),
        source=whole.source[first:],
    )
    cut = truth_on(scan_78, part)
    np.testing.assert_array_equal(cut.votes.array, truth.votes.array[first:])
    np.testing.assert_array_equal(cut.labels.array, truth.labels.array[first:])
    assert cut.cut == (1,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"acquisition": Acquisition(series_uid="1.2.3")}, "is of series '1.2.3'"),
        ({"geometry": SliceGeometry(3.0, tilt_deg=5.0, regridded=True)}, "was resampled"),
        ({"source": ()}, "not a stack of axial"),
    ],
)
def test_pixels_that_no_reader_saw_are_refused(scan_78, change, message):
    with pytest.raises(InputError, match=message):
        truth_on(scan_78, replace(study_of(scan_78), **change))


def test_half_of_the_readers_is_what_pylidc_calls_half(scan_78):
    assert [needed_votes(nodule) for nodule in scan_78.nodules] == [2, 2, 1, 2]
    assert [needed_votes(scan_78.nodules[0], share) for share in (0.25, 0.51, 1.0)] == [1, 3, 4]
    for nodule in scan_78.nodules:
        votes, known = votes_of(nodule), nodule.consensus(0.5)
        assert votes.start == known.start
        np.testing.assert_array_equal(votes.array >= needed_votes(nodule), known.array)
    with pytest.raises(InputError, match="share of readers"):
        needed_votes(scan_78.nodules[0], 0.0)


@pytest.mark.parametrize(("patient", "number", "marks"), [("0092", 2, 5), ("0340", 1, 8)])
def test_more_marks_than_readers_still_count_readers(patient, number, marks):
    (scan,) = lidc.scans(f"LIDC-IDRI-{patient}")
    nodule = scan.nodules[number - 1]
    assert len(nodule.readings) == marks
    assert is_ambiguous(nodule)
    assert sum(map(is_ambiguous, scan.nodules)) == 1
    assert needed_votes(nodule) == 2
    assert votes_of(nodule).array.max() == 4


def test_a_mask_below_eight_voxels_is_left_out_and_its_votes_stay():
    (scan,) = lidc.scans("LIDC-IDRI-0899")
    truth = truth_on(scan, study_of(scan))
    assert votes_of(scan.nodules[0]).array.sum() == 7
    assert not (truth.labels.array == 1).any()
    assert truth.votes.array.sum() == sum(votes_of(one).array.sum() for one in scan.nodules)


def test_parts_in_slices_below_eight_pixels_are_not_listed():
    array = np.zeros((3, 6, 6), np.uint8)
    array[0, 0, :] = 2
    array[1, :2, :4] = 2
    array[1, 4:, :] = 5
    array[2, 0, :] = 2
    labels = Volume(array, (1.0, 1.0, 2.5), (0.0, 0.0, -50.0))
    assert list(slices_of(labels)) == [NoduleSlice(1, -47.5, 2, 8), NoduleSlice(1, -47.5, 5, 12)]


# Tables


def test_tables_need_no_image(tmp_path, capsys):
    words = ["lidc-nodules", "--table-only", "--out", str(tmp_path)]
    words += ["--patient", "LIDC-IDRI-0078", "--patient", "LIDC-IDRI-0028", "--progress", "json"]
    assert main(words) == 0
    counts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (counts["nodules"], counts["marks"], counts["clean_patients"]) == (4, 13, 1)
    assert counts["ambiguous"] == 0
    rows = rows_of(tmp_path / "nodules.csv")
    assert [row["nodule"] for row in rows] == ["1", "2", "3", "4", "0"]
    assert [row["readers"] for row in rows] == ["4", "4", "1", "4", "0"]
    assert [row["is_clean"] for row in rows] == ["false"] * 4 + ["true"]
    assert rows[0]["mask_voxels"] == "1903"
    readings = rows_of(tmp_path / "readings.csv")
    first = [row for row in readings if row["nodule"] == "1"]
    assert sorted(row["malignancy"] for row in first) == ["3", "3", "4", "5"]
    assert {row["annotation_id"]: row["diameter_mm"] for row in readings}["1"] == "20.84"


def test_centre_in_the_table_is_that_of_the_mask(scan_78, tmp_path):
    truth = truth_on(scan_78, study_of(scan_78))
    lidc_nodule_material.write_nodule_tables(tmp_path, patients=["LIDC-IDRI-0078"])
    for row in rows_of(tmp_path / "nodules.csv"):
        k, j, i = np.argwhere(truth.labels.array == int(row["nodule"])).mean(axis=0)
        centre = [float(row[name]) for name in ("centre_column", "centre_row", "centre_z_mm")]
        assert centre == pytest.approx([i, j, scan_78.slice_z_mm[0] + 3.0 * k], abs=0.006)


@pytest.mark.parametrize("patient", TEST_ONLY)
def test_patients_to_test_on_make_no_material(tmp_path, capsys, patient):
    (tmp_path / "dicom" / patient).mkdir(parents=True)
    out = tmp_path / "out"
    for more in (["--table-only"], ["--dicom", str(tmp_path / "dicom")]):
        assert main(["lidc-nodules", "--out", str(out), "--patient", patient, *more]) == 2
        assert f"{patient} serves to test only" in capsys.readouterr().err
    assert main(["lidc-nodules", "--out", str(out), "--dicom", str(tmp_path / "dicom")]) == 2
    assert not out.exists()


def test_the_whole_collection_is_without_patients_to_test_on(tmp_path, monkeypatch):
    some = [scan for p in (*TEST_ONLY, "LIDC-IDRI-0028") for scan in lidc.scans(p)]
    monkeypatch.setattr(lidc_nodule_material, "scans", lambda: some)
    done = lidc_nodule_material.write_nodule_tables(tmp_path)
    assert done.patients == done.clean_patients == 1
    assert [row["patient_id"] for row in rows_of(tmp_path / "nodules.csv")] == ["LIDC-IDRI-0028"]
    assert not {row["patient_id"] for row in rows_of(tmp_path / "readings.csv")} & set(TEST_ONLY)


def test_table_only_takes_no_images(tmp_path, capsys):
    words = ["lidc-nodules", "--table-only", "--out", str(tmp_path), "--dicom", str(tmp_path)]
    assert main(words) == 2
    assert "--table-only reads no image" in capsys.readouterr().err


# Material with images


@pytest.fixture
def collection(tmp_path, monkeypatch, scan_78):
    """A folder of two patients; only the CT of LIDC-IDRI-0078, upside down, can be read."""
    root = tmp_path / "dicom"
    for patient in ("LIDC-IDRI-0028", "LIDC-IDRI-0078", *TEST_ONLY):
        (root / patient).mkdir(parents=True)

    def read(path: Path, series: str) -> Study:
        if path.name == scan_78.patient_id and series == scan_78.series_uid:
            return study_of(scan_78, signs=(1, -1, -1))
        raise InputError("=1+1 is no CT")

    monkeypatch.setattr(lidc_nodule_material, "read_study", read)
    return root


def test_material_is_a_cohort_of_upright_cts_with_masks(collection, tmp_path, scan_78):
    out = tmp_path / "out"
    done = lidc_nodule_material.write_nodule_material(out, dicom=collection)
    assert (done.images, done.patients, done.nodules) == (1, 2, 4)
    (study,) = read_manifest(out / "manifest.csv", ("ct", "nodules")).rows
    ratings = [sorted(cell.split()) for cell in study.columns["malignancy"].split(";")]
    assert [len(of_one) for of_one in ratings] == [4, 4, 1, 4]
    assert ratings[0] == ["3", "3", "4", "5"]
    ct, labels = (read_image(study.files[name]) for name in ("ct", "nodules"))
    votes = read_image(study.files["ct"].with_name("votes.nrrd"))
    assert ct.same_grid_as(labels)
    assert ct.same_grid_as(votes)
    np.testing.assert_array_equal(ct.direction, np.eye(3))
    known = truth_on(scan_78, study_of(scan_78))
    np.testing.assert_array_equal(labels.array, known.labels.array[:, ::-1])
    np.testing.assert_array_equal(votes.array, known.votes.array[:, ::-1])
    rows = [row for row in rows_of(out / "nodules.csv") if row["nodule"] != "0"]
    assert [row["ct_voxels"] for row in rows] == [row["mask_voxels"] for row in rows]
    for row in rows:
        place = [float(row[f"centre_{axis}_mm"]) for axis in "xyz"]
        i, j, k = np.rint(labels.world_to_index(place)).astype(int)
        assert labels.array[k, j, i] == int(row["nodule"])


def test_slices_hold_all_nodules_of_theirs(collection, tmp_path):
    out = tmp_path / "out"
    lidc_nodule_material.write_nodule_material(out, dicom=collection)
    (study,) = read_manifest(out / "manifest.csv", ("nodules",)).rows
    labels = read_image(study.files["nodules"])
    rows = rows_of(out / "slices.csv")
    assert {row["nodule"] for row in rows} == {"1", "2", "3", "4"}
    from PIL import Image

    for row in rows:
        assert int(row["voxels"]) >= 8
        with Image.open(out / row["file"]) as picture:
            shown = np.asarray(picture)
        np.testing.assert_array_equal(shown, labels.array[int(row["slice"])])
        assert (shown == int(row["nodule"])).sum() == int(row["voxels"])


def test_a_ct_that_cannot_be_used_is_listed_and_the_others_go_on(collection, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["lidc-nodules", "--out", str(out), "--dicom", str(collection)]
    assert main(words) == 0
    *_, result = map(json.loads, capsys.readouterr().out.splitlines())
    (clean,) = lidc.scans("LIDC-IDRI-0028")
    assert result["left_out"] == [[clean.series_uid, "=1+1 is no CT"]]
    (row,) = rows_of(out / "left_out.csv")
    # A spreadsheet must not run what a file says.
    assert row == {"series_uid": clean.series_uid, "reason": "'=1+1 is no CT"}


def test_scans_that_are_there_are_not_made_again(collection, tmp_path):
    out = tmp_path / "out"
    first = lidc_nodule_material.write_nodule_material(out, dicom=collection)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("scan-*/**/*")}
    tables = {path.name: path.read_bytes() for path in out.glob("*.csv")}
    assert lidc_nodule_material.write_nodule_material(out, dicom=collection) == first
    assert {path: path.stat().st_mtime_ns for path in out.rglob("scan-*/**/*")} == before
    assert {path.name: path.read_bytes() for path in out.glob("*.csv")} == tables


def test_no_usable_ct_at_all_is_an_error(collection, tmp_path):
    with pytest.raises(InputError, match="No CT in .* can be used; the first: =1"):
        lidc_nodule_material.write_nodule_material(
            tmp_path / "out", dicom=collection, patients=["LIDC-IDRI-0028"]
        )


def test_a_real_clean_scan_is_a_negative(real_data, tmp_path):
    root = tmp_path / "dicom"
    root.mkdir()
    (root / "LIDC-IDRI-0293").symlink_to(real_data / "lidc-0293-thin-slab" / "ct")
    out = tmp_path / "out"
    done = lidc_nodule_material.write_nodule_material(out, dicom=root)
    assert (done.images, done.nodules, done.clean_patients) == (1, 0, 1)
    (study,) = read_manifest(out / "manifest.csv", ("ct", "nodules")).rows
    ct, labels = (read_image(study.files[name]) for name in ("ct", "nodules"))
    assert ct.array.min() < -900 < 0 < ct.array.max()
    assert not labels.array.any()
    assert rows_of(out / "slices.csv") == []


# Cubes


def write_patches(folder: Path, patients: list[str]) -> None:
    header = ["Filename", *RATED, "patient_id"]
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *([p[-4:], *range(1, 8), p] for p in patients)])
    masks = np.zeros((len(patients), 43**3), np.uint8)
    masks[:, 43 * 43 + 2] = 1
    np.savez(
        folder / "patches.npz",
        name=np.array([patient[-4:] for patient in patients]),
        image_hu=np.arange(len(patients))[:, None, None, None] * np.ones((43,) * 3, np.int16),
        mask=np.packbits(masks, axis=1),
    )


def test_cubes_of_patients_to_test_on_are_left_out(tmp_path):
    write_patches(tmp_path, ["LIDC-IDRI-0002", "LIDC-IDRI-0001", "LIDC-IDRI-0003"])
    patches = read_patches(tmp_path)
    assert [patch.patient_id for patch in patches] == ["LIDC-IDRI-0002", "LIDC-IDRI-0003"]
    assert [patch.ct.array[0, 0, 0] for patch in patches] == [0, 2]
    assert np.argwhere(patches[1].mask.array).tolist() == [[1, 0, 2]]
    assert patches[0].ratings == dict(zip(RATED, range(1, 8), strict=True))
    assert len(read_patches(tmp_path, left_out=())) == 3


def test_cubes_and_table_that_do_not_belong_together_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"no readable labels\.csv"):
        read_patches(tmp_path)
    write_patches(tmp_path, ["LIDC-IDRI-0002", "LIDC-IDRI-0003"])
    lines = (tmp_path / "labels.csv").read_text().splitlines()
    (tmp_path / "labels.csv").write_text("\n".join([lines[0], lines[2], lines[1]]))
    with pytest.raises(InputError, match="do not belong to each other"):
        read_patches(tmp_path)
    (tmp_path / "patches.npz").write_bytes(b"PK\3\4 cut off")
    with pytest.raises(InputError, match="BadZipFile"):
        read_patches(tmp_path)


def test_real_cubes_are_as_their_table_says(real_data):
    folder = real_data / "lidc-nodule-patches"
    patches = read_patches(folder)
    assert len(patches) == 66
    known = {row["Filename"]: row for row in rows_of(folder / "labels.csv")}
    assert not {patch.patient_id for patch in patches} & lidc.TEST_ONLY_PATIENTS
    for patch in patches:
        row, inside = known[patch.name], patch.mask.array == 1
        assert inside.sum() == int(row["mask_voxels_in_crop"])
        assert patch.ct.array[inside].mean() == pytest.approx(
            float(row["mean_HU_in_mask"]), abs=2.0
        )
        assert patch.ratings["texture"] == int(row["texture"])
