"""Dice of the lungs: made-up patients, and the real reference where the data is at hand.

Run with ``make benchmark``. The reference of lung1-001 (NSCLC-Radiomics) is taken without its
tumour, on both sides of the comparison. 0.966 is the score of a 40-line threshold method.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from LungPNetLib.cohort.phantom.patient import make_patient
from LungPNetLib.lungs.predict import LungMethod, predict_lungs
from LungPNetLib.reading import read_study
from LungPNetLib.volume import Volume, read_image

DATA = Path(
    os.environ.get("LUNGPNET_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)
SEEDS = (101, 102, 103, 104, 105)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def row(name: str, ct: Volume, truth: np.ndarray, ignored: np.ndarray | None = None) -> None:
    started = time.perf_counter()
    found = predict_lungs(ct, LungMethod.CLASSICAL).labels.array.copy()
    seconds = time.perf_counter() - started
    truth = truth.copy()
    if ignored is not None:
        found[ignored] = truth[ignored] = 0
    right, left = (dice(found == side, truth == side) for side in (1, 2))
    sys.stdout.write(f"{name:<34} {right:8.4f} {left:8.4f} {seconds:8.1f}\n")
    sys.stdout.flush()


def main() -> None:
    sys.stdout.write(f"{'case (classical method)':<34} {'right':>8} {'left':>8} {'seconds':>8}\n")
    for seed in SEEDS:
        patient = make_patient(seed)
        row(f"made-up patient, seed {seed}", patient.ct, patient.lungs.array)
    folder = DATA / "lung1-001"
    if not folder.is_dir():
        sys.stdout.write(f"lung1-001: no real data at {DATA} (set LUNGPNET_TEST_DATA)\n")
        return
    tumour = read_image(folder / "gtv1_from_rtstruct.nii.gz").array > 0
    truth = read_image(folder / "lungs_from_rtstruct.nii.gz").array
    row("lung1-001 (real), without tumour", read_study(folder / "ct").ct, truth, tumour)


if __name__ == "__main__":
    main()
