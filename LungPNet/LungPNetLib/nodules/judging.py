"""Brings what was found in a scan together with what is true there: marks, and their outlines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.detection import match
from LungPNetLib.evaluation.judged import JudgedScan, ScoredFinding, TrueNodule
from LungPNetLib.evaluation.operating_points import OperatingTable
from LungPNetLib.evaluation.outlines import outline_agreement
from LungPNetLib.evaluation.overlap import Overlap
from LungPNetLib.nodules.truth import ScanTruth, true_nodules
from LungPNetLib.volume import Triplet, Volume, read_image

if TYPE_CHECKING:
    from LungPNetLib.nodules.predict import NodulePrediction

RESULT = "result.json"
OUTLINES = "nodules.nrrd"

_BORDER = 2
"""Voxels around both outlines: what lies beyond changes no figure."""


@dataclass(frozen=True, eq=False)
class FoundNodules:
    """What the nodule stage marked in a scan.

    Parameters
    ----------
    labels : Volume
        Unsigned, on the grid of the CT; label k is the outline of ``findings[k - 1]``.
    findings : tuple of ScoredFinding
        With their boxes.
    dropped : tuple of ScoredFinding, optional
        What only one of both networks marked, so that fusion left it out; None where nobody knows.
    models : tuple of dict
        The registry's records of the weights.
    operating_points : OperatingTable, optional
        Of the detector.
    """

    labels: Volume
    findings: tuple[ScoredFinding, ...]
    dropped: tuple[ScoredFinding, ...] | None = None
    models: tuple[dict[str, Any], ...] = ()
    operating_points: OperatingTable | None = None


@dataclass(frozen=True)
class NoduleScore:
    """How well one nodule that counts was found.

    Parameters
    ----------
    patient_id, study : str
    number : int
        Its label in the truth.
    nodule : TrueNodule
    score : float, optional
        The highest score in it; None where it was missed.
    outline : Overlap
        Of the finding with that score; Dice 0 where it was missed.
    """

    patient_id: str
    study: str
    number: int
    nodule: TrueNodule
    score: float | None
    outline: Overlap


@dataclass(frozen=True, eq=False)
class JudgedStudy:
    """A scan with everything that figures are made of.

    Parameters
    ----------
    scan : JudgedScan
    nodules : tuple of NoduleScore
        Those that count.
    before_fusion : JudgedScan, optional
        The same scan with what only one of both networks marked; None where nobody knows it.
    seen : bool
        Whether the networks were trained on this patient.
    """

    scan: JudgedScan
    nodules: tuple[NoduleScore, ...]
    before_fusion: JudgedScan | None
    seen: bool


def judge(
    study: str, patient_id: str, found: FoundNodules, truth: ScanTruth, *, seen: bool = False
) -> JudgedStudy:
    """Match findings with nodules, and compare the outlines of those that belong together.

    Parameters
    ----------
    study, patient_id : str
        Pseudonyms.
    found : FoundNodules
    truth : ScanTruth
    seen : bool
        Whether the networks were trained on this patient.

    Raises
    ------
    InputError
        Both are not on one grid.
    """
    if not found.labels.same_grid_as(truth.labels):
        raise InputError(
            f"What was found (shape {found.labels.shape}) does not lie on the grid of the truth "
            f"(shape {truth.labels.shape}). Judge results of the CT that the manifest names."
        )
    scan = JudgedScan(study, patient_id, found.findings, truth.nodules)
    before = None
    if found.dropped is not None:
        before = replace(scan, findings=found.findings + found.dropped)
    return JudgedStudy(scan, tuple(_scores(scan, found, truth)), before, seen)


def of_prediction(prediction: NodulePrediction) -> FoundNodules:
    """The candidates of a run of the nodule stage."""
    findings, dropped = (
        tuple(ScoredFinding(one.score, one.centre_lps_mm, one.box_lps_mm) for one in candidates)
        for candidates in (prediction.findings, prediction.dropped)
    )
    return FoundNodules(
        prediction.labels, findings, dropped, prediction.models, prediction.operating_points
    )


def read_result(folder: Path) -> FoundNodules:
    """The findings in a result folder: result.json and nodules.nrrd. Boxes are those of the labels.

    Raises
    ------
    InputError
        The folder holds no result of the nodule stage, or its files do not belong together.
    """
    try:
        record = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        entries = [(float(one["score"]), _place(one["centre_lps_mm"])) for one in record["nodules"]]
        points = (record["nodule_stage"] or {}).get("operating_points")
        models = tuple(record["models"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"'{folder.name}' holds no result with scored nodules ({error!r}). Give the folder of "
            "an analysis whose stages included 'nodules'."
        ) from error
    labels = read_image(folder / OUTLINES)
    outlined = true_nodules(labels)
    if set(outlined) != set(range(1, len(entries) + 1)):
        raise InputError(
            f"{OUTLINES} in '{folder.name}' has the labels {sorted(outlined)}, and {RESULT} has "
            f"{len(entries)} nodules; label k must be nodule k. Run the analysis again."
        )
    findings = (
        ScoredFinding(score, centre, outlined[label].box)
        for label, (score, centre) in enumerate(entries, start=1)
    )
    return FoundNodules(
        labels,
        tuple(findings),
        models=models,
        operating_points=None if points is None else OperatingTable.from_record(points),
    )


def _place(values: list[float]) -> Triplet:
    x, y, z = map(float, values)
    return x, y, z


def _scores(scan: JudgedScan, found: FoundNodules, truth: ScanTruth) -> Iterator[NoduleScore]:
    best = match(scan).best_finding
    for nodule, number, index in zip(truth.nodules, truth.numbers, best, strict=True):
        if nodule.excluded:
            continue
        label = None if index is None else index + 1
        yield NoduleScore(
            scan.patient_id,
            scan.scan_id,
            number,
            nodule,
            None if index is None else scan.findings[index].score,
            _agreement(found.labels, label, truth.labels, number),
        )


def _agreement(found: Volume, label: int | None, truth: Volume, number: int) -> Overlap:
    mine = np.zeros(found.shape, bool) if label is None else found.array == label
    true = truth.array == number
    [box] = ndimage.find_objects((mine | true).astype(np.uint8))
    start = [max(0, part.start - _BORDER) for part in box]
    stop = [min(n, part.stop + _BORDER) for n, part in zip(found.shape, box, strict=True)]
    size = [b - a for a, b in zip(start, stop, strict=True)]
    a, b = (
        truth.with_array(mask.astype(np.uint8)).cropped(start[::-1], size[::-1])
        for mask in (mine, true)
    )
    return outline_agreement(a, b)
