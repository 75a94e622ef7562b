"""``lungpnet train lungs`` as a person runs it: a tiny cohort, killed, resumed, and then used."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from killed_trainings import killed_and_resumed
from LungPNetLib.cohort.manifest import StudyRow, read_manifest, write_manifest
from LungPNetLib.cohort.phantom.patient import make_patient
from LungPNetLib.volume import write_image
from LungPNetLib.weights.entries import read_registry

SETTINGS = (
    "trainer.epochs=3", "trainer.steps_per_epoch=12", "trainer.batch_size=2", "trainer.device=cpu",
    "trainer.precision=fp32", "trainer.warmup_steps=4", "data.image_size=64",
    "data.validation_fraction=0.34",
)  # fmt: skip


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """Three made-up patients with their lungs."""
    folder = tmp_path_factory.mktemp("cohort")
    rows = []
    for seed in (11, 12, 13):
        patient = make_patient(seed, size=(80, 80, 24), spacing_mm=(4.5, 4.5, 12.0))
        files = {name: folder / f"{seed}-{name}.nrrd" for name in ("ct", "lungs")}
        for name, path in files.items():
            write_image(getattr(patient, name), path)
        rows.append(StudyRow(f"phantom-{seed}", files))
    write_manifest(folder / "manifest.csv", rows)
    return folder / "manifest.csv"


def command(manifest, folder):
    sets = [word for value in SETTINGS for word in ("--set", value)]
    return [
        sys.executable, "-m", "LungPNetLib.cli", "train", "lungs", "--manifest", str(manifest),
        "--out", str(folder / "run"), "--weights-out", str(folder / "weights"),
        "--progress", "json", *sets,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def whole(manifest, tmp_path_factory):
    """Folder of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    subprocess.run(command(manifest, folder), check=True, capture_output=True)
    return folder


def test_killed_and_resumed_training_ends_with_the_same_weights(manifest, whole, tmp_path):
    killed_and_resumed(command(manifest, tmp_path), tmp_path / "run")
    (undisturbed,), (resumed,) = (read_registry(f / "weights") for f in (whole, tmp_path))
    assert resumed.sha256 == undisturbed.sha256
    rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "0", "1", "2"]


def test_run_shows_a_picture_each_epoch_and_its_curve(whole):
    assert len(list((whole / "run" / "previews").glob("*.png"))) == 3
    assert (whole / "run" / "curves.png").is_file()
    (entry,) = read_registry(whole / "weights")
    card = (whole / "weights" / entry.card).read_text()
    assert card.startswith("Share of synthetic patients in training: 100 %.")
    assert "| epoch | learning_rate | val/loss | val/dice | train/loss |" in card
    assert str(whole) not in card


def test_the_cohort_is_split_by_patient(whole):
    content = json.loads((whole / "run" / "data" / "splits.json").read_text())["content"]
    parts = content["patients"]
    assert (len(parts["training"]), len(parts["validation"])) == (2, 1)
    assert not set(parts["training"]) & set(parts["validation"])


def test_patient_in_two_splits_stops_the_training(manifest, tmp_path):
    rows = list(read_manifest(manifest).rows)
    splits = ("training", "training", "validation")
    rows = [replace(row, columns={"split": s}) for row, s in zip(rows, splits, strict=True)]
    rows[2] = replace(rows[2], patient_id=rows[0].patient_id)
    write_manifest(tmp_path / "manifest.csv", rows)
    done = subprocess.run(
        command(tmp_path / "manifest.csv", tmp_path), capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "1 patient(s) are in both 'training' and 'validation'" in done.stderr
    assert not (tmp_path / "weights").exists()


def test_trained_weights_find_lungs_at_once(manifest, whole):
    from LungPNetLib.lungs.predict import LungMethod, predict_lungs
    from LungPNetLib.volume import read_image

    (entry,) = read_registry(whole / "weights")
    row = read_manifest(manifest).rows[0]
    ct, truth = (read_image(row.files[name]) for name in ("ct", "lungs"))
    found = predict_lungs(ct, LungMethod.NETWORK, weights=whole / "weights" / entry.file)
    assert found.method is LungMethod.NETWORK
    assert found.model is not None
    assert found.model["sha256"] == entry.sha256
    lung, true_lung = found.labels.array > 0, truth.array > 0
    dice = 2 * np.count_nonzero(lung & true_lung) / (lung.sum() + true_lung.sum())
    assert dice > 0.5, "36 steps are few, but enough to tell lung from the rest"
