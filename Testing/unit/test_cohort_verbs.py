"""The verbs that make and join cohorts, as a person types them."""

import json

import numpy as np
import pytest

from LungPNetLib.cli import main
from LungPNetLib.cohort.manifest import StudyRow, read_manifest, write_manifest
from LungPNetLib.volume import Volume, write_image


def cohort(folder, *patients):
    """A manifest with an image for each patient."""
    folder.mkdir()
    rows = []
    for patient in patients:
        path = folder / f"{patient}.nrrd"
        write_image(Volume(np.zeros((2, 2, 2), np.int16), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)), path)
        rows.append(StudyRow(patient, {"ct": path}, {"hospital": folder.name}))
    write_manifest(folder / "manifest.csv", rows)
    return str(folder / "manifest.csv")


def test_manifests_are_joined_with_what_each_is_for(tmp_path, capsys):
    a, b, c = (
        cohort(tmp_path / "a", "p1", "p2"), cohort(tmp_path / "b", "p3"),
        cohort(tmp_path / "c", "p4"),
    )  # fmt: skip
    out = tmp_path / "joined" / "manifest.csv"
    words = ["manifest", "--out", str(out), "--training", a, b, "--validation", c, "--json"]
    assert main(words) == 0
    event = json.loads(capsys.readouterr().out)
    assert event["patients"] == {"training": 3, "validation": 1, "test": 0}
    rows = {row.patient_id: row for row in read_manifest(out, ("ct",)).rows}
    assert {name: row.columns["split"] for name, row in rows.items()} == {
        "p1": "training", "p2": "training", "p3": "training", "p4": "validation"
    }  # fmt: skip
    assert rows["p3"].columns["hospital"] == "b"
    assert rows["p3"].files["ct"] == tmp_path / "b" / "p3.nrrd"


def test_a_patient_in_two_parts_is_refused_and_nothing_is_written(tmp_path, capsys):
    a, b = cohort(tmp_path / "a", "p1", "p2"), cohort(tmp_path / "b", "p2")
    out = tmp_path / "joined.csv"
    assert main(["manifest", "--out", str(out), "--training", a, "--validation", b]) == 2
    assert "1 patient(s) are in both 'training' and 'validation'" in capsys.readouterr().err
    assert not out.exists()


def test_no_manifest_at_all_is_an_error(tmp_path, capsys):
    assert main(["manifest", "--out", str(tmp_path / "joined.csv")]) == 2
    assert "at least one manifest" in capsys.readouterr().err


@pytest.mark.parametrize("patient", ["LIDC-IDRI-0001", "LIDC-IDRI-0295"])
def test_test_only_patients_make_no_pairs(tmp_path, capsys, patient):
    root = tmp_path / "dicom"
    (root / patient).mkdir(parents=True)
    words = ["lidc", "--dicom", str(root), "--out", str(tmp_path / "out"), "--patient", patient]
    assert main(words) == 2
    assert f"{patient} serves to test only" in capsys.readouterr().err


def test_pairs_of_real_scans_by_command(tmp_path, real_data):
    root = tmp_path / "dicom"
    root.mkdir()
    (root / "LIDC-IDRI-0293").symlink_to(real_data / "lidc-0293-thin-slab" / "ct")
    out = tmp_path / "out"
    words = ["lidc", "--dicom", str(root), "--out", str(out), "--slices", "2", "9", "--middle", "4"]
    assert main([*words, "--progress", "none"]) == 0
    (row,) = read_manifest(out / "manifest.csv", ("ct", "lungs")).rows
    assert (row.patient_id, row.columns["first_slice"], row.columns["slices"]) == (
        "LIDC-IDRI-0293", "4", "4"
    )  # fmt: skip
