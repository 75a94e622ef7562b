"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from LungPNetLib.cohort.dicom_writer import write_ct_series
from LungPNetLib.cohort.phantom.patient import MadeUpPatient, make_patient
from LungPNetLib.warm_models import release_models

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real CT and PET studies; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("LUNGPNET_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "README.md").is_file():
        pytest.skip(f"no real data at {folder} (set LUNGPNET_TEST_DATA)")
    return folder


@pytest.fixture(autouse=True)
def no_warm_models() -> Iterator[None]:
    """No test gets a network that another one has loaded."""
    yield
    release_models()


@pytest.fixture(scope="session")
def small_patient() -> MadeUpPatient:
    """A made-up patient on a coarse grid, quick to make and to analyze."""
    return make_patient(3, size=(128, 128, 48), spacing_mm=(2.8, 2.8, 6.0))


@pytest.fixture(scope="session")
def small_series(small_patient: MadeUpPatient, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the DICOM series of ``small_patient``; do not change it."""
    folder = tmp_path_factory.mktemp("small") / "ct"
    write_ct_series(small_patient.ct, folder)
    return folder
