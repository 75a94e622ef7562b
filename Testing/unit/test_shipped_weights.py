"""What ships as weights: whole, small, honest about its training, and good on a fresh patient."""

import json

import numpy as np
import pytest
from safetensors import safe_open

from LungPNetLib.cohort.lidc import TEST_ONLY_PATIENTS
from LungPNetLib.cohort.lidc_patches import read_patches
from LungPNetLib.cohort.nodule_commands import SPLIT_SEED
from LungPNetLib.cohort.nodule_studies import PATCH_PREFIX, patch_parts
from LungPNetLib.cohort.phantom.patient import make_patient
from LungPNetLib.evaluation.froc import RATES
from LungPNetLib.lungs.predict import LungMethod, predict_lungs
from LungPNetLib.nodules.predict import find_nodule_weights, operating_points
from LungPNetLib.weights.entries import read_registry
from LungPNetLib.weights.registry import METADATA_KEY, SHIPPED_FOLDER, sha256_of

MAY_TRAIN = {"LIDC-IDRI-0028", "LIDC-IDRI-0293", "LIDC-IDRI-0306"}
"""The real CTs at hand that may train; everybody else here is for tests only."""

SHIPPED = read_registry(SHIPPED_FOLDER)


def about(entry):
    """What the file says of itself."""
    with safe_open(SHIPPED_FOLDER / entry.file, framework="pt") as file:
        return json.loads(file.metadata()[METADATA_KEY])


def test_one_network_for_each_task_ships():
    tasks = sorted(entry.task for entry in SHIPPED)
    assert tasks == ["lungs", "nodule-detector", "nodule-segmenter"]


def test_the_detector_has_operating_points_for_this_segmenter():
    table, notices = operating_points(find_nodule_weights())
    assert [point.rate for point in table.points] == list(RATES)
    assert not notices


def test_all_files_belong_to_the_registry_and_are_small():
    files = {path.name for path in SHIPPED_FOLDER.glob("*.safetensors")}
    assert files == {entry.file for entry in SHIPPED}
    assert sum((SHIPPED_FOLDER / name).stat().st_size for name in files) < 60e6


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda entry: entry.id)
def test_file_is_what_the_registry_says(entry):
    assert sha256_of(SHIPPED_FOLDER / entry.file) == entry.sha256
    assert entry.id.endswith(entry.sha256[:8])


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda entry: entry.id)
def test_no_test_only_patient_trained_it(entry):
    learned_from = set(about(entry)["training_ids"])
    assert not learned_from & TEST_ONLY_PATIENTS
    assert {one for one in learned_from if not one.startswith(PATCH_PREFIX)} <= MAY_TRAIN
    card = (SHIPPED_FOLDER / entry.card).read_text()
    assert all(patient in card for patient in learned_from)
    assert not any(patient in card for patient in TEST_ONLY_PATIENTS)


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda entry: entry.id)
def test_no_patch_for_tests_trained_it(entry, real_data):
    parts = patch_parts(read_patches(real_data / "lidc-nodule-patches"), SPLIT_SEED)
    for_tests = {PATCH_PREFIX + patient for patient, part in parts.items() if part == "test"}
    assert len(for_tests) > 15
    assert not set(about(entry)["training_ids"]) & for_tests


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda entry: entry.id)
def test_card_says_what_a_reader_needs(entry):
    card = (SHIPPED_FOLDER / entry.card).read_text()
    assert card.startswith("Share of synthetic patients in training: ")
    needed = (
        "Research use only", "command: `lungpnet train", " minutes, ", "- seed ", "## Curve",
        "| epoch |", "95 % intervals", "## Limits", entry.sha256,
    )  # fmt: skip
    for words in needed:
        assert words in card
    assert "/home" not in card
    assert "--manifest /" not in card


def test_the_network_is_the_default_and_good_on_a_fresh_patient():
    patient = make_patient(2_999_999, size=(192, 192, 60), spacing_mm=(1.8, 1.8, 5.0))
    found = predict_lungs(patient.ct)
    assert found.method is LungMethod.NETWORK
    for side in (1, 2):
        mask, truth = found.labels.array == side, patient.lungs.array == side
        assert 2 * np.count_nonzero(mask & truth) / (mask.sum() + truth.sum()) > 0.97
