"""Real scans for ``nodule_accuracy.py``: what readers marked in them, and what the stage found.

Each scan is run in a process of its own, so that its time and memory are its own.
"""

from __future__ import annotations

import os
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from LungPNetLib.cohort.lidc import scans
from LungPNetLib.evaluation.overlap import dice
from LungPNetLib.grading.measure import measure_nodule
from LungPNetLib.lungs.morphology import dilated
from LungPNetLib.lungs.predict import predict_lungs
from LungPNetLib.nodules.infer import NEAR_LUNGS_MM
from LungPNetLib.nodules.predict import NodulePrediction, predict_nodules
from LungPNetLib.provenance import peak_memory_mib
from LungPNetLib.reading import read_study
from LungPNetLib.volume import Volume, read_image

DATA = Path(
    os.environ.get("LUNGPNET_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)
CASES = {
    "lidc-0001": "test only",
    "lidc-0295": "test only",
    "lidc-0028": "seen in training",
    "lidc-0306": "seen in training",
    "lidc-0293-thin-slab": "seen in training",
}
MASS_BOX = np.s_[46:61, 330:401, 60:131]
"""Slices, rows and columns around the mass of lidc-0295, by its description."""
RATE = 1.0
NO_TABLE_THRESHOLD = 0.5
"""As the stage shows findings of weights without operating points."""
POINT_MM = 5.0
_XML = "{http://www.nih.gov}"


@dataclass(frozen=True)
class CaseResult:
    """What the table of real scans says of one."""

    name: str
    role: str
    found: int
    shown: int
    false: int
    on_non_nodules: int
    outside: int
    seconds: float
    peak_gib: float
    words: str


@dataclass(frozen=True, eq=False)
class _Run:
    ct: Volume
    lungs: Volume
    prediction: NodulePrediction
    seconds: float
    peak_gib: float


def run_case(name: str, segmenter: str | None, detector: str | None) -> CaseResult:
    """Run the stage on one scan, and compare it with what readers marked there."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        run = pool.submit(_stage, name, segmenter, detector).result()
    ct, labels = run.ct, run.prediction.labels.array
    shown = [k for k, f in enumerate(run.prediction.findings, 1) if f.score >= threshold_of(run)]
    nodules, others = marks(DATA / name, ct)
    true = marked_voxels(DATA / name, ct)
    if name == "lidc-0295":
        true[MASS_BOX] = True
    near = dilated(run.lungs.array > 0, NEAR_LUNGS_MM, ct.spacing_mm[::-1])
    false = [k for k in shown if not (true[labels == k].any() or is_near(run, k, nodules))]
    return CaseResult(
        name,
        CASES[name],
        len(run.prediction.findings),
        len(shown),
        len(false),
        sum(is_near(run, k, others) for k in false),
        int(sum(near[labels == k].mean() < 0.5 for k in shown)),
        run.seconds,
        run.peak_gib,
        _about(name, run),
    )


def _stage(name: str, segmenter: str | None, detector: str | None) -> _Run:
    ct = read_study(DATA / name / "ct").ct
    lungs = predict_lungs(ct).labels
    began = time.perf_counter()
    prediction = predict_nodules(ct, lungs, segmenter=segmenter, detector=detector)
    seconds = time.perf_counter() - began
    return _Run(ct, lungs, prediction, seconds, (peak_memory_mib() or 0) / 1024)


def threshold_of(run: _Run) -> float:
    """Of the default operating point."""
    table = run.prediction.operating_points
    if table is None:
        return NO_TABLE_THRESHOLD
    threshold = table.at(RATE).threshold
    return float("inf") if threshold is None else threshold


def is_near(run: _Run, label: int, places: np.ndarray) -> bool:
    """Whether a finding's centre or a voxel of it lies within 5 mm of a place."""
    if not len(places):
        return False
    voxels = run.ct.index_to_world(np.argwhere(run.prediction.labels.array == label)[:, ::-1])
    centre = np.array([run.prediction.findings[label - 1].centre_lps_mm])
    own = np.concatenate([voxels, centre])
    return bool((np.linalg.norm(own[:, None] - places, axis=2) <= POINT_MM).any())


def marks(folder: Path, ct: Volume) -> tuple[np.ndarray, np.ndarray]:
    """LPS positions of the readers' marks below 3 mm, and of their marks of what is no nodule."""
    nodules: list[np.ndarray] = []
    others: list[np.ndarray] = []
    for path in folder.glob("*.xml"):
        root = ET.parse(path).getroot()
        for mark in root.iter(f"{_XML}unblindedReadNodule"):
            points = list(mark.iter(f"{_XML}edgeMap"))
            if len(points) == 1:
                height = mark.find(f".//{_XML}imageZposition")
                nodules.append(_position(points[0], height, ct))
        for mark in root.iter(f"{_XML}nonNodule"):
            height, point = mark.find(f"{_XML}imageZposition"), mark.find(f"{_XML}locus")
            others.append(_position(point, height, ct))
    return np.array(nodules).reshape(-1, 3), np.array(others).reshape(-1, 3)


def _position(point: ET.Element, height: ET.Element, ct: Volume) -> np.ndarray:
    """From a pixel of the slice at a height."""
    column, row = (int(point.findtext(f"{_XML}{name}")) for name in ("xCoord", "yCoord"))
    x, y, _ = ct.index_to_world([column, row, 0])
    return np.array([x, y, float(height.text)])


def marked_voxels(folder: Path, ct: Volume) -> np.ndarray:
    """What any reader marked as a nodule of 3 mm or more."""
    path = folder / "nodule_reader_votes.nii.gz"
    if not path.is_file():
        return np.zeros(ct.shape, bool)
    votes = read_image(path)
    if not votes.same_grid_as(ct):
        raise ValueError(f"The reader votes in '{folder.name}' lie on another grid than its CT.")
    return votes.array > 0


def _about(name: str, run: _Run) -> str:
    if name == "lidc-0001":
        return _spiculated(run)
    return _mass(run) if name == "lidc-0295" else ""


def _spiculated(run: _Run) -> str:
    """The nodule that all four readers marked."""
    votes = read_image(DATA / "lidc-0001" / "nodule_reader_votes.nii.gz").array
    labels = run.prediction.labels.array
    label = most_frequent(labels[votes >= 2])
    if not label:
        return "nodule MISSED"
    mask = run.prediction.labels.with_array((labels == label).astype(np.uint8))
    long_mm = measure_nodule(run.ct, mask).long_axis_mm
    [scan] = scans("LIDC-IDRI-0001")
    readers_mm = scan.nodules[0].diameter_mm
    return (
        f"nodule: rank {label}, score {run.prediction.findings[label - 1].score:.3f}, Dice "
        f"{dice(labels == label, votes >= 2):.3f} (two readers' votes), long axis {long_mm:.1f} mm "
        f"(readers {readers_mm:.1f})"
    )


def _mass(run: _Run) -> str:
    """The mass at the chest wall."""
    labels = run.prediction.labels.array
    label = most_frequent(labels[MASS_BOX])
    if not label:
        return "mass MISSED"
    mask = run.prediction.labels.with_array((labels == label).astype(np.uint8))
    long_mm = measure_nodule(run.ct, mask).long_axis_mm
    score = run.prediction.findings[label - 1].score
    word = "mass" if long_mm > 30 else "nodule"
    return f"at the mass: rank {label}, score {score:.3f}, {long_mm:.1f} mm, named a {word}"


def most_frequent(labels: np.ndarray) -> int:
    """The label with most voxels; 0 where there is none."""
    counts = np.bincount(labels[labels > 0])
    return int(counts.argmax()) if counts.size else 0
