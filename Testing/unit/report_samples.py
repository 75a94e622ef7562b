"""A small made-up thorax and a result on it, for the tests of report, view and schema."""

from __future__ import annotations

import numpy as np

from LungPNetLib.result import (
    GridInfo,
    LungMeasurement,
    LungResult,
    QualityCheck,
    StudyResult,
    Verdict,
)
from LungPNetLib.study import Acquisition, Patient
from LungPNetLib.volume import Volume


def a_thorax() -> tuple[Volume, Volume]:
    """A box of tissue with two boxes of lung: right at columns 8-24, left at columns 40-56."""
    hu = np.full((20, 48, 64), 40, np.int16)
    labels = np.zeros(hu.shape, np.uint8)
    labels[4:16, 10:38, 8:24] = 1
    labels[4:16, 10:38, 40:56] = 2
    hu[labels > 0] = -850
    ct = Volume(hu, spacing_mm=(5.0, 5.0, 10.0), origin_mm=(-160.0, -120.0, -300.0))
    return ct, ct.with_array(labels)


def quality_checks() -> list[QualityCheck]:
    """One check of each verdict, the mildest first."""
    return [
        QualityCheck("tilt", "Gantry tilt", Verdict.PASS, 0.0, "degrees", "Slices are upright."),
        QualityCheck("noise", "Image noise", Verdict.WARN, 34.2, "HU", "Noise raises LAA-950."),
        QualityCheck("gaps", "Missing slices", Verdict.REFUSE, 3, "", "Three slices are missing."),
        QualityCheck("motion", "Motion", Verdict.PASS, None, "", "It could not be measured."),
    ]


def lung_result() -> LungResult:
    """Measurements with three bins of histogram."""
    return LungResult(
        method="classical",
        measurements=(
            LungMeasurement("right", 1, 2744.2, -862.3, 8.04, -929.0),
            LungMeasurement("left", 2, 2465.1, -858.1, 6.32, -926.0),
            LungMeasurement("both", 0, 5209.3, -860.2, 7.23, -927.0),
        ),
        density_caveats=("Contrast agent lowers LAA-950.",),
        histogram_hu=(-1024.0, -1014.0, -1004.0),
        histogram_ml={"right": (1.0, 2.0, 3.0), "left": (2.0, 1.0, 0.0)},
    )


def a_result(**changes: object) -> StudyResult:
    """A complete result; ``changes`` replace its fields."""
    fields: dict[str, object] = {
        "input_format": "dicom",
        "patient": Patient("Doe^Jane", "PID-7", "19430715", "F"),
        "deidentified": False,
        "acquisition": Acquisition(
            study_uid="1.2.3",
            series_uid="1.2.3.4",
            study_date="20240131",
            accession_number="ACC-9",
            series_description="THORAX 1.0",
            manufacturer="ACME",
            model="Scan 64",
            kernel="B30f",
            slice_thickness_mm=10.0,
            kvp=120.0,
        ),
        "grid": GridInfo(
            size=(64, 48, 20),
            spacing_mm=(5.0, 5.0, 10.0),
            origin_mm=(-160.0, -120.0, -300.0),
            direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
            regridded=False,
            acquired_slices=20,
            acquired_spacing_mm=10.0,
            tilt_deg=0.0,
        ),
        "quality": quality_checks(),
        "lungs": lung_result(),
        "warnings": ["2 copies of slices were ignored."],
        "models": [
            {
                "id": "lung-unet",
                "task": "lungs",
                "variant": "compact",
                "sha256": "ab" * 32,
                "outcome_source": "mixed",
                "trained_on": "made-up patients and 3 real patients",
                "origin": "shipped",
                "runtime": "torch",
                "precision": "float32",
                "device": "cpu",
            }
        ],
        "run": {
            "started": "2024-02-01T10:00:00Z",
            "device": "cpu",
            "options": {
                "stages": ["quality", "lungs", "report"],
                "lung_method": "classical",
                "false_findings_per_scan": 1.0,
                "allow_gaps": False,
                "deidentify": False,
                "device": "auto",
                "runtime": "auto",
            },
            "stage_seconds": {"lungs": 1.5},
            "peak_memory_mib": 900,
        },
        "software": {
            "name": "LungPNet",
            "version": "0.1.0",
            "python": "3.12.1",
            "platform": "Linux",
            "packages": {"numpy": "2.4.6"},
        },
        "outputs": ["result.json", "lungs.nrrd"],
        "not_written": {"segmentation.dcm": "The input has no DICOM slices."},
    }
    return StudyResult(**{**fields, **changes})  # type: ignore[arg-type]
