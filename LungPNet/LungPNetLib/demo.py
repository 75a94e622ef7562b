"""The main job on a made-up patient, from DICOM files to a report to open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from LungPNetLib.events import Reporter
from LungPNetLib.output import result_folder
from LungPNetLib.pipeline import AnalyzeOptions, run
from LungPNetLib.volume import read_image


@dataclass(frozen=True)
class DemoResult:
    """Where the demo left its files, and how well the lungs match the known truth."""

    patient: Path
    result: Path
    dice_right: float
    dice_left: float


def run_demo(
    out: Path, *, seed: int = 7, overwrite: bool = False, reporter: Reporter | None = None
) -> DemoResult:
    """Make a patient in ``out/patient`` and analyze it into ``out/result``.

    Raises
    ------
    InputError
        ``out`` exists and ``overwrite`` is False.
    """
    from LungPNetLib.cohort.dicom_writer import write_patient
    from LungPNetLib.cohort.phantom.patient import make_patient

    reporter = reporter or Reporter()
    with (
        result_folder(out / "patient", overwrite=overwrite, marker="truth") as folder,
        reporter.stage("make patient"),
    ):
        write_patient(make_patient(seed), folder)
    run(out / "patient" / "ct", out / "result", AnalyzeOptions(overwrite=overwrite), reporter)
    truth = read_image(out / "patient" / "truth" / "lungs.nrrd").array
    found = read_image(out / "result" / "lungs.nrrd").array
    return DemoResult(
        out / "patient",
        out / "result",
        _dice(truth == 1, found == 1),
        _dice(truth == 2, found == 2),
    )


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)))
