"""Which findings lie on a true nodule, and how many do not: the hits of LUNA16.

A finding hits a nodule if its centre is no further from the nodule's centre than the nodule's
radius. Several findings in one nodule are one hit, with the highest of their scores. A finding on
an annotation that is excluded counts neither as a hit nor as false, unless it hits a nodule that
counts as well. Every other finding is false.

References
----------
Setio AAA et al. Validation, comparison, and combination of algorithms for automatic detection of
pulmonary nodules in computed tomography images: the LUNA16 challenge. Med Image Anal 2017;42:1-13.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.intervals import PatientMean, patient_bootstrap
from LungPNetLib.evaluation.judged import JudgedScan


class Verdict(str, Enum):
    """What a finding is; ``IGNORED`` counts neither way."""

    HIT = "hit"
    FALSE = "false"
    IGNORED = "ignored"


@dataclass(frozen=True)
class ScanMatch:
    """Findings and nodules of a scan brought together.

    Parameters
    ----------
    verdicts : tuple of Verdict
        One a finding, in the order of the scan.
    best_finding : tuple of int or None
        One a nodule, in the order of the scan: index of the finding with the highest score that
        lies in it (the first of equals), None where none does. Excluded nodules have theirs too.
    """

    verdicts: tuple[Verdict, ...]
    best_finding: tuple[int | None, ...]


def match(scan: JudgedScan) -> ScanMatch:
    """Bring findings and nodules together, as the module's first lines say.

    Notes
    -----
    A finding that lies in two nodules hits both, as in LUNA16's own program. That program asks for
    a distance below the radius; here one that equals it is a hit too, as the paper words it.

    Examples
    --------
    >>> from LungPNetLib.evaluation.judged import ScoredFinding, TrueNodule
    >>> nodule = TrueNodule((0.0, 0.0, 0.0), radius_mm=4.0)
    >>> near, far = (ScoredFinding(0.9, (x, 0.0, 0.0)) for x in (3.0, 5.0))
    >>> found = match(JudgedScan("scan", "patient", (near, far), (nodule,)))
    >>> [verdict.value for verdict in found.verdicts], found.best_finding
    (['hit', 'false'], (0,))
    """
    places = np.array([f.centre_lps_mm for f in scan.findings], float).reshape(-1, 1, 3)
    centres = np.array([n.centre_lps_mm for n in scan.nodules], float).reshape(1, -1, 3)
    radii_mm = np.array([n.radius_mm for n in scan.nodules], float)
    inside = np.linalg.norm(places - centres, axis=2) <= radii_mm
    counted = np.array([not n.excluded for n in scan.nodules], bool)
    verdicts = (
        Verdict.HIT if row[counted].any() else Verdict.IGNORED if row.any() else Verdict.FALSE
        for row in inside
    )
    scores = np.array([f.score for f in scan.findings], float)
    best = (
        int(np.argmax(np.where(column, scores, -math.inf))) if column.any() else None
        for column in inside.T
    )
    return ScanMatch(tuple(verdicts), tuple(best))


@dataclass(frozen=True, eq=False)
class Tally:
    """What counts in a set of scans, patients by number.

    Parameters
    ----------
    nodule_scores, nodule_patients : ndarray, shape (nodules,)
        Score with which each nodule was hit, -inf where it was missed, and whose it is.
    false_scores, false_patients : ndarray, shape (false findings,)
    scan_patients : ndarray of int, shape (scans,)
    n_patients : int
    """

    nodule_scores: npt.NDArray[np.float64]
    nodule_patients: npt.NDArray[np.intp]
    false_scores: npt.NDArray[np.float64]
    false_patients: npt.NDArray[np.intp]
    scan_patients: npt.NDArray[np.intp]
    n_patients: int


def tally(scans: Sequence[JudgedScan]) -> Tally:
    """Match every scan and gather what counts.

    Raises
    ------
    InputError
        A scan is there twice.
    """
    if len({scan.scan_id for scan in scans}) < len(scans):
        raise InputError(
            f"{len(scans)} scans have {len({scan.scan_id for scan in scans})} identifiers; give "
            "each scan once."
        )
    patients = sorted({scan.patient_id for scan in scans})
    number = {patient: k for k, patient in enumerate(patients)}
    hits: list[tuple[float, int]] = []
    false: list[tuple[float, int]] = []
    for scan in scans:
        patient, found = number[scan.patient_id], match(scan)
        for nodule, best in zip(scan.nodules, found.best_finding, strict=True):
            if not nodule.excluded:
                hits.append((-math.inf if best is None else scan.findings[best].score, patient))
        for finding, verdict in zip(scan.findings, found.verdicts, strict=True):
            if verdict is Verdict.FALSE:
                false.append((finding.score, patient))
    return Tally(
        *_columns(hits),
        *_columns(false),
        np.array([number[scan.patient_id] for scan in scans], np.intp),
        len(patients),
    )


@dataclass(frozen=True)
class DetectionScore:
    """How well the findings from one score upwards do, with 95 % intervals over patients.

    Parameters
    ----------
    threshold : float
        Findings with this score or a higher one were taken.
    n_hit, n_missed : int
        Nodules.
    n_false : int
        Findings.
    precision, recall, f1 : PatientMean
        Of hit nodules among hit nodules and false findings, of hit nodules among nodules, and
        their harmonic mean. NaN where there is nothing to divide by.
    """

    threshold: float
    n_hit: int
    n_missed: int
    n_false: int
    precision: PatientMean
    recall: PatientMean
    f1: PatientMean


def detection_score(
    scans: Sequence[JudgedScan], threshold: float, *, seed: int = 0
) -> DetectionScore:
    """Precision, recall and F1 of the findings with ``threshold`` or a higher score.

    Raises
    ------
    InputError
        A scan is there twice.
    """
    counts = tally(scans)
    hit = np.bincount(
        counts.nodule_patients[counts.nodule_scores >= threshold], minlength=counts.n_patients
    )
    nodules = np.bincount(counts.nodule_patients, minlength=counts.n_patients)
    false = np.bincount(
        counts.false_patients[counts.false_scores >= threshold], minlength=counts.n_patients
    )

    def figures(times: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        n_hit, n_nodules, n_false = times @ hit, times @ nodules, times @ false
        parts = np.array([n_hit, n_hit, 2 * n_hit], float)
        wholes = np.array([n_hit + n_false, n_nodules, n_hit + n_false + n_nodules], float)
        return np.divide(parts, wholes, out=np.full(3, math.nan), where=wholes > 0)

    precision, recall, f1 = patient_bootstrap(figures, counts.n_patients, seed=seed)
    n_hit = int(hit.sum())
    return DetectionScore(
        threshold, n_hit, int(nodules.sum()) - n_hit, int(false.sum()), precision, recall, f1
    )


def _columns(
    rows: list[tuple[float, int]],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    return (
        np.array([score for score, _ in rows], np.float64),
        np.array([patient for _, patient in rows], np.intp),
    )
