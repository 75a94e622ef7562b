"""A small CT study with an identity, labels and results for it: what DICOM export starts from."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dicom_factory import write_series
from LungPNetLib.dicom.export import (
    LUNG_SEGMENTS,
    SegmentLayer,
    write_layers,
    write_segmentation,
)
from LungPNetLib.dicom.nodules import nodule_segments
from LungPNetLib.reading import read_study
from LungPNetLib.result import GridInfo, LungMeasurement, LungResult, StudyResult
from LungPNetLib.study import Study
from LungPNetLib.volume import Volume
from nodule_samples import findings, stage_record

SHAPE = (20, 48, 64)
FILE_ORDER = [int(n) for n in np.random.default_rng(7).permutation(SHAPE[0])]
REVERSED = list(range(SHAPE[0]))[::-1]

IDENTITY = {
    "PatientName": "Muster^Erika",
    "PatientID": "PID-4711",
    "PatientBirthDate": "19470203",
    "PatientAge": "077Y",
    "AccessionNumber": "ACC-8152",
    "StudyID": "STUDY-77",
    "StudyDate": "20240131",
    "StudyTime": "101112",
    "StudyDescription": "Thorax of Mrs M.",
    "ReferringPhysicianName": "Overweiser^Otto",
    "OtherPatientNames": "Mustermann^E",
    "PatientComments": "lives at Musterweg 5",
    "InstitutionName": "Musterklinik",
    "StationName": "CT-SOUTH-2",
    "OperatorsName": "Operatrice^Olga",
}


def hu(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    return (np.arange(np.prod(shape)) % 3000 - 1024).astype(np.int16).reshape(shape)


def label_array(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Two boxes that no flip or exchange of axes leaves as they are; slices 0-2, 11 and 16-19 are
    empty."""
    array = np.zeros(shape, dtype=np.uint8)
    array[3:9, 5:20, 4:30] = 1
    array[7:16, 10:41, 33:60] = 2
    array[5, 6, 5] = 0
    array[11] = 0
    return array


def axial_study(folder: Path, **options) -> Study:
    def change(dataset, _):
        for keyword, value in {**IDENTITY, **options.get("tags", {})}.items():
            setattr(dataset, keyword, value)
        for keyword in options.get("without", []):
            dataset.pop(keyword, None)

    layout = {key: options[key] for key in ("positions", "file_order") if key in options}
    write_series(folder / "ct", hu(), change=change, **layout)
    return read_study(folder / "ct", allow_gaps=True)


def write_lungs(study: Study, array: np.ndarray, path: Path, *, deidentify: bool = False) -> Path:
    labels = study.ct.with_array(array)
    write_segmentation(study, labels, LUNG_SEGMENTS, path, deidentify=deidentify)
    return path


def validation_errors(path: Path) -> list[str]:
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy (Debian's dicom3tools) is not installed")
    run = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
    lines = (run.stdout + run.stderr).splitlines()
    return [line for line in lines if line.startswith(("Error", "Abort"))]


def lung_result(laa950_left: float = 2.5) -> StudyResult:
    lungs = LungResult(
        "classical",
        (
            LungMeasurement("right", 1, 2934.5, -812.25, 7.75, -931.0),
            LungMeasurement("left", 2, 2411.0, -805.5, laa950_left, -926.5),
            LungMeasurement("both", 0, 5345.5, -809.0, 5.5, -929.0),
        ),
        density_caveats=("Slices are thicker than 1.5 mm (≥ 2.5 mm).",),
    )
    study = Study(Volume(np.zeros((1, 1, 1))), "dicom")
    grid = GridInfo((1, 1, 1), (1, 1, 1), (0, 0, 0), (), False, 20, 2.5, 0.0)
    return StudyResult("dicom", study.patient, False, study.acquisition, grid, lungs=lungs)


def nodule_labels(study: Study) -> np.ndarray:
    """Two boxes inside the lungs of ``label_array`` and one that no result selects."""
    array = np.zeros(study.ct.shape, np.uint8)
    array[4:8, 8:14, 6:14] = 1
    array[8:11, 20:26, 40:50] = 2
    array[13:15, 30:33, 50:53] = 3
    return array


def nodule_result(study: Study) -> StudyResult:
    """A result with lungs and three nodules; the third one is not selected."""
    lungs = study.ct.with_array(label_array())
    found = findings(study.ct, lungs, study.ct.with_array(nodule_labels(study)), (0.9, 0.7, 0.2))
    return replace(lung_result(), nodules=found, nodule_stage=stage_record())


def write_with_nodules(study: Study, path: Path) -> Path:
    """Lungs and the selected nodules of ``nodule_result`` as DICOM SEG."""
    nodules = nodule_labels(study)
    nodules[nodules == 3] = 0
    segments = nodule_segments(nodule_result(study).selected_nodules)
    layers = [
        SegmentLayer(study.ct.with_array(label_array()), LUNG_SEGMENTS),
        SegmentLayer(study.ct.with_array(nodules), segments),
    ]
    write_layers(study, layers, path)
    return path


def assert_anonymous(message: str) -> None:
    assert not [value for value in IDENTITY.values() if value in message]
