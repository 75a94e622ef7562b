"""The verbs that make material for nodules, as a person types them."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from LungPNetLib.cli import main
from LungPNetLib.cohort.lidc_patches import RATED, SIDE_VOXELS, read_patches
from LungPNetLib.cohort.manifest import StudyRow, read_manifest, write_manifest
from LungPNetLib.cohort.nodule_studies import patch_parts
from LungPNetLib.cohort.phantom import cohort
from LungPNetLib.cohort.phantom.nodule import Location, NoduleSpec, NoduleType
from LungPNetLib.cohort.phantom.pathology import Pathology
from LungPNetLib.cohort.phantom.patient import make_patient
from LungPNetLib.cohort.phantom.truth import kinds_in_image, masses
from LungPNetLib.volume import read_image, write_image

TEXTURES = (1, 2, 3, 4, 5)


def run(*words: object) -> int:
    return main([*map(str, words), "--progress", "none"])


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_patches(folder: Path, count: int = 20) -> Path:
    """Balls of 5 mm radius as the patches come; the first is of a patient who serves to test."""
    folder.mkdir()
    names = [f"{k}_nod1_ann0" for k in range(count)]
    axis = np.arange(SIDE_VOXELS) - SIDE_VOXELS // 2
    ball = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2 < 25
    rng = np.random.default_rng(0)
    with (folder / "labels.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, ["Filename", "patient_id", *RATED])
        table.writeheader()
        for k, name in enumerate(names):
            ratings = dict.fromkeys(RATED, 3) | {"texture": TEXTURES[k % 5]}
            table.writerow({"Filename": name, "patient_id": f"LIDC-IDRI-{k + 1:04d}", **ratings})
    images = rng.normal(-850, 10, (count, *ball.shape)) + 900 * ball
    np.savez(
        folder / "patches.npz",
        name=np.array(names),
        image_hu=images.astype(np.int16),
        mask=np.packbits(np.broadcast_to(ball, images.shape).reshape(count, -1), axis=1),
    )
    return folder


@pytest.fixture(scope="module")
def patches(tmp_path_factory) -> Path:
    """What nodule-patches writes."""
    folder = tmp_path_factory.mktemp("patches")
    source = write_patches(folder / "source")
    assert run("nodule-patches", "--patches", source, "--out", folder / "out") == 0
    return folder / "out"


@pytest.fixture(scope="module")
def hosts(small_patient, tmp_path_factory) -> Path:
    """A manifest of two studies: one with a nodule of its own, one with only its lungs."""
    folder = tmp_path_factory.mktemp("hosts")
    rows = []
    for name in ("phantom-a", "phantom-b"):
        files = {}
        for kind in ("ct", "lungs", "nodules")[: 3 if name == "phantom-a" else 2]:
            files[kind] = folder / f"{name}-{kind}.nrrd"
            write_image(getattr(small_patient, kind), files[kind])
        rows.append(StudyRow(name, files, {"kind": "solid" if "nodules" in files else ""}))
    write_manifest(folder / "manifest.csv", rows)
    return folder / "manifest.csv"


def test_patches_become_studies_split_by_kind_without_test_only_patients(patches):
    rows = read_manifest(patches / "manifest.csv", ("ct", "nodules", "split", "kind")).rows
    assert len(rows) == 19
    assert "lidc-patch-LIDC-IDRI-0001" not in {row.patient_id for row in rows}
    kinds = {1: "ground-glass", 2: "ground-glass", 3: "part-solid", 4: "part-solid", 5: "solid"}
    for row in rows:
        assert row.columns["kind"] == kinds[int(row.columns["texture"])]
        mask = read_image(row.files["nodules"])
        assert read_image(row.files["ct"]).same_grid_as(mask)
        assert mask.array.sum() == pytest.approx(4 / 3 * np.pi * 5**3, rel=0.1)
    for kind in set(kinds.values()):
        parts = [row.columns["split"] for row in rows if row.columns["kind"] == kind]
        assert parts.count("test") == round(0.3 * len(parts))
        assert parts.count("training") >= parts.count("test") > 0


def test_the_split_depends_on_the_seed_and_not_on_the_order(tmp_path):
    found = read_patches(write_patches(tmp_path / "p"))
    assert patch_parts(found, 11) == patch_parts(found[::-1], 11)
    assert patch_parts(found, 11) != patch_parts(found, 12)
    twins = [*found, replace(found[0], name="second", patient_id=found[1].patient_id)]
    assert patch_parts(twins, 11) == patch_parts(found, 11)


def test_real_patches_are_39_for_training_6_for_validation_and_21_for_tests(real_data):
    parts = list(patch_parts(read_patches(real_data / "lidc-nodule-patches"), 11).values())
    assert [parts.count(part) for part in ("training", "validation", "test")] == [39, 6, 21]


def test_crops_are_the_same_each_time_and_have_their_nodule(tmp_path, capsys):
    for name in ("first", "second"):
        assert run("nodule-crops", 3, "--seed", 1003, "--out", tmp_path / name) == 0
    assert hashes(tmp_path / "first") == hashes(tmp_path / "second")
    assert "3 made-up nodules for validation (research use only)" in capsys.readouterr().out
    rows = read_manifest(tmp_path / "first" / "manifest.csv", ("ct", "nodules", "kind")).rows
    assert [row.patient_id for row in rows] == [f"phantom-crop-1003-0000{k}" for k in range(3)]
    for row in rows:
        assert row.columns["split"] == "validation"
        mask = read_image(row.files["nodules"])
        assert 0.7 <= mask.spacing_mm[0] <= 1.2
        volume = mask.array.sum() * mask.voxel_volume_ml * 1000
        assert volume == pytest.approx(np.pi / 6 * float(row.columns["diameter_mm"]) ** 3, rel=0.25)


def test_crops_of_a_seed_that_belongs_to_no_split_are_refused(tmp_path, capsys):
    assert run("nodule-crops", 3, "--seed", 5000, "--out", tmp_path / "out") == 2
    assert "No cohort has the seed 5000" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_inserted_nodules_come_beside_those_of_the_study(tmp_path, hosts, patches, small_patient):
    out = tmp_path / "out"
    words = ["--manifest", hosts, "--per-study", 4, "--copies", 2, "--patches", patches]
    assert run("nodule-inserts", *words, "--seed", 3, "--out", out) == 0
    rows = read_manifest(out / "manifest.csv", ("ct", "lungs", "nodules", "kind", "split")).rows
    assert [row.patient_id for row in rows] == ["phantom-a"] * 2 + ["phantom-b"] * 2
    donors = {r.patient_id for r in read_manifest(patches / "manifest.csv").rows
              if r.columns["split"] == "training"}  # fmt: skip
    for row in rows:
        ct, labels = (read_image(row.files[name]) for name in ("ct", "nodules"))
        own = row.patient_id == "phantom-a"
        assert labels.array.max() == 4 + own == len(row.columns["kind"].split())
        if own:
            assert ((labels.array == 1) == (small_patient.nodules.array == 1)).all()
        lungs = small_patient.lungs.array > 0
        assert lungs[labels.array > 0].all()
        for k in range(1, labels.array.max() + 1):
            gap = ndimage.distance_transform_edt(labels.array != k, labels.spacing_mm[::-1])
            others = (labels.array > 0) & (labels.array != k)
            assert gap[others].min() >= 5.0
        assert (ct.array != small_patient.ct.array)[labels.array > own].mean() > 0.9
        assert 1 <= len(row.columns["donors"].split()) <= 2
        assert set(row.columns["donors"].split()) <= donors
    first, second = (read_image(row.files["ct"]).array for row in rows[:2])
    assert not np.array_equal(first, second)
    assert run("nodule-inserts", *words, "--seed", 3, "--out", tmp_path / "again") == 0
    assert hashes(out) == hashes(tmp_path / "again")


def test_a_study_for_validation_gets_no_nodule_of_a_training_patient(tmp_path, hosts, patches):
    (row, *_) = read_manifest(hosts).rows
    write_manifest(
        tmp_path / "m.csv", [replace(row, columns={**row.columns, "seeds_for": "validation"})]
    )
    out = tmp_path / "out"
    words = ["--manifest", tmp_path / "m.csv", "--per-study", 4, "--patches", patches]
    assert run("nodule-inserts", *words, "--out", out) == 0
    parts = {r.patient_id: r.columns["split"] for r in read_manifest(patches / "manifest.csv").rows}
    (done,) = read_manifest(out / "manifest.csv").rows
    assert done.columns["split"] == "validation"
    assert {parts[name] for name in done.columns["donors"].split()} <= {"validation"}


@pytest.mark.parametrize("patient", ["LIDC-IDRI-0001", "LIDC-IDRI-0295"])
def test_studies_that_serve_to_test_are_refused_and_nothing_is_written(
    tmp_path, hosts, capsys, patient
):
    (_, row) = read_manifest(hosts).rows
    write_manifest(tmp_path / "m.csv", [replace(row, patient_id=patient)])
    words = ["--manifest", tmp_path / "m.csv", "--out", tmp_path / "out"]
    assert run("nodule-inserts", *words) == 2
    message = capsys.readouterr().err
    assert "serve to test only" in message
    assert patient not in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [("--per-study", 0), ("--copies", 101)])
def test_numbers_out_of_range_are_refused(tmp_path, hosts, capsys, words):
    assert run("nodule-inserts", "--manifest", hosts, "--out", tmp_path / "out", *words) == 2
    assert "accepted: 1 to 100" in capsys.readouterr().err


def test_masses_get_labels_of_their_own_inside_the_lung():
    both = (Pathology.CHEST_WALL_MASS, Pathology.HILAR_MASS)
    grid = {"size": (128, 128, 48), "spacing_mm": (2.8, 2.8, 6.0)}
    patient = make_patient(4, pathologies=both, **grid)
    lesion = masses(patient).array
    assert set(np.unique(lesion)) == {0, 1, 2}
    assert (patient.lungs.array > 0)[lesion > 0].all()
    for label in (1, 2):
        inner = ndimage.binary_erosion(lesion == label)
        assert inner.any()
        assert np.median(patient.ct.array[inner]) > 0
    assert not masses(make_patient(4, **grid)).array.any()


def test_kinds_are_those_of_the_labels_in_the_image():
    specs = [
        NoduleSpec(16.0, kind, location=Location.PARENCHYMAL)
        for kind in (NoduleType.GROUND_GLASS, NoduleType.CALCIFIED)
    ]
    patient = make_patient(4, size=(128, 128, 48), spacing_mm=(2.8, 2.8, 6.0), nodules=specs)
    assert kinds_in_image(patient) == "ground-glass calcified"
    array = np.where(patient.nodules.array == 1, 0, patient.nodules.array)
    outside = replace(patient, nodules=patient.nodules.with_array(array))
    assert kinds_in_image(outside) == "calcified"


def test_a_cohort_names_its_masses_and_kinds(tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path / "home"))
    draw = cohort.draw_patient

    def small(seed: int, index: int) -> cohort.PatientPlan:
        ill = (Pathology.HILAR_MASS,) if index else ()
        grid = {"size": (64, 64, 24), "spacing_mm": (5.6, 5.6, 12.0), "centre_mm": (0, 8, -36)}
        return replace(draw(seed, index), pathologies=ill, nodules=(NoduleSpec(25.0),), **grid)

    monkeypatch.setattr(cohort, "draw_patient", small)
    assert run("phantom", "--cohort", 2, "--seed", 1, "--out", tmp_path / "out") == 0
    healthy, ill = read_manifest(tmp_path / "out" / "manifest.csv").rows
    assert "lesion" not in healthy.files
    assert read_image(ill.files["lesion"]).array.max() == 1
    assert json.loads((tmp_path / "out" / ill.patient_id / "truth.json").read_text())["made_up"]
    assert [row.columns["kind"] for row in (healthy, ill)] == ["solid", "solid"]
