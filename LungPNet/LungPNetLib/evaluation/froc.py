"""Sensitivity against false findings a scan: FROC, CPM and the thresholds that belong to them.

A point of the curve takes all findings with a score or a higher one. Points are joined by straight
lines, the first one with (0, 0); beyond the last one the sensitivity stays what it is. The CPM is
the mean sensitivity at the seven rates of ``RATES``.

MONAI's ``compute_froc_curve_data`` is not used: its curve lacks the point at which all findings
count, and it takes no weights for a bootstrap.

References
----------
Setio AAA et al. Validation, comparison, and combination of algorithms for automatic detection of
pulmonary nodules in computed tomography images: the LUNA16 challenge. Med Image Anal 2017;42:1-13.
Niemeijer M et al. On combining computer-aided detection systems. IEEE Trans Med Imaging
2011;30:215-223 (CPM).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial

import numpy as np
import numpy.typing as npt

from LungPNetLib.evaluation.detection import Tally, tally
from LungPNetLib.evaluation.intervals import LEAST_PATIENTS, PatientMean, patient_bootstrap
from LungPNetLib.evaluation.judged import JudgedScan, TrueNodule, counting_only
from LungPNetLib.evaluation.tables import Table
from LungPNetLib.grading.nodule_type import NoduleType

RATES = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
"""False findings a scan at which the sensitivity is read."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FrocCurve:
    """The points of the curve, from the highest threshold to the lowest.

    Parameters
    ----------
    thresholds : ndarray of float, shape (points,)
        Descending; the first is infinite, at (0, 0).
    false_per_scan, sensitivity : ndarray of float, shape (points,)
        Both never fall. NaN where there is no scan, or no nodule.
    n_scans, n_nodules : int
    """

    thresholds: Floats
    false_per_scan: Floats
    sensitivity: Floats
    n_scans: int
    n_nodules: int

    @property
    def at_rates(self) -> Floats:
        """Sensitivity at each of ``RATES``, shape (7,)."""
        return np.interp(RATES, self.false_per_scan, self.sensitivity)

    @property
    def cpm(self) -> float:
        """Competition performance metric: the mean of ``at_rates``, 0 to 1."""
        return float(self.at_rates.mean())


def froc_curve(scans: Sequence[JudgedScan]) -> FrocCurve:
    """The curve of all scans together, without intervals.

    Raises
    ------
    InputError
        A scan is there twice.

    Examples
    --------
    >>> from LungPNetLib.evaluation.judged import JudgedScan, ScoredFinding, TrueNodule
    >>> nodules = (TrueNodule((0.0, 0.0, 0.0), 4.0), TrueNodule((50.0, 0.0, 0.0), 4.0))
    >>> findings = (ScoredFinding(0.9, (1.0, 0.0, 0.0)), ScoredFinding(0.5, (99.0, 0.0, 0.0)))
    >>> curve = froc_curve([JudgedScan("scan", "patient", findings, nodules)])
    >>> curve.false_per_scan.tolist(), curve.sensitivity.tolist(), curve.cpm
    ([0.0, 0.0, 1.0], [0.0, 0.5, 0.5], 0.5)
    """
    return _CurveOf(tally(scans)).every_patient_once()


class SizeGroup(str, Enum):
    """Groups by diameter: the steps of the Fleischner Society's guideline, and masses.

    MacMahon H et al. Radiology 2017;284:228-243.
    """

    BELOW_6_MM = "< 6 mm"
    FROM_6_TO_8_MM = "6 to 8 mm"
    FROM_8_TO_30_MM = "> 8 to 30 mm"
    MASS = "> 30 mm"

    @classmethod
    def of(cls, diameter_mm: float) -> SizeGroup:
        """The group of a nodule."""
        if diameter_mm < 6:
            return cls.BELOW_6_MM
        if diameter_mm <= 8:
            return cls.FROM_6_TO_8_MM
        return cls.FROM_8_TO_30_MM if diameter_mm <= 30 else cls.MASS


@dataclass(frozen=True)
class FrocScore:
    """The figures of a curve with their 95 % intervals over patients.

    Parameters
    ----------
    at_rates : tuple of PatientMean
        Sensitivity at each of ``RATES``.
    cpm : PatientMean
    n_scans, n_nodules : int
    """

    at_rates: tuple[PatientMean, ...]
    cpm: PatientMean
    n_scans: int
    n_nodules: int


def froc_score(scans: Sequence[JudgedScan], *, seed: int = 0) -> FrocScore:
    """Sensitivities and CPM, with a bootstrap that draws patients with all their scans.

    Raises
    ------
    InputError
        A scan is there twice.

    Notes
    -----
    There is no interval where fewer than ``LEAST_PATIENTS`` patients have a nodule that counts.
    """
    counts = tally(scans)
    curve_of = _CurveOf(counts)

    def figures(times: npt.NDArray[np.int64]) -> Floats:
        curve = curve_of.patients(times)
        return np.append(curve.at_rates, curve.cpm)

    enough = len(np.unique(counts.nodule_patients)) >= LEAST_PATIENTS
    means = (
        patient_bootstrap(figures, counts.n_patients, seed=seed)
        if enough
        else [
            PatientMean(float(value), math.nan, math.nan, counts.n_patients)
            for value in figures(np.ones(counts.n_patients, np.int64))
        ]
    )
    return FrocScore(tuple(means[:-1]), means[-1], len(scans), len(counts.nodule_scores))


def froc_scores(scans: Sequence[JudgedScan], *, seed: int = 0) -> dict[str, FrocScore]:
    """Figures of all scans, of those with a nodule, and of each size and type there is.

    Returns
    -------
    dict of str to FrocScore
        By the name of the row of :func:`froc_table`.

    Notes
    -----
    Rows of a size or a type are over all scans: findings on other nodules count neither way, false
    ones count in each row.

    Raises
    ------
    InputError
        A scan is there twice.
    """
    rows = {"all scans": list(scans), "without negative scans": without_negative(scans)}
    for size in SizeGroup:
        rows[size.value] = counting_only(scans, partial(_has_size, size))
    for kind in NoduleType:
        rows[kind.value] = counting_only(scans, partial(_has_type, kind))
    scores = {name: froc_score(chosen, seed=seed) for name, chosen in rows.items()}
    return {name: score for name, score in scores.items() if score.n_nodules}


def froc_table(scores: Mapping[str, FrocScore]) -> Table:
    """One row for each of :func:`froc_scores`; only the CPM has its interval beside it."""
    cells = [
        (
            name,
            str(score.n_scans),
            str(score.n_nodules),
            *(f"{value.mean:.3f}" for value in score.at_rates),
            score.cpm.in_words(),
        )
        for name, score in scores.items()
    ]
    rates = ("1/8", "1/4", "1/2", "1", "2", "4", "8")
    return Table(("nodules", "scans", "n", *rates, "CPM"), tuple(cells))


def without_negative(scans: Sequence[JudgedScan]) -> list[JudgedScan]:
    """The scans in which a nodule counts."""
    return [scan for scan in scans if not scan.is_negative]


def _has_size(size: SizeGroup, nodule: TrueNodule) -> bool:
    return SizeGroup.of(nodule.diameter_mm) is size


def _has_type(kind: NoduleType, nodule: TrueNodule) -> bool:
    return nodule.nodule_type is kind


class _CurveOf:
    """Curves of bootstrap samples of a tally; the scores are sorted once for all of them."""

    def __init__(self, counts: Tally) -> None:
        self._counts = counts
        hit = np.isfinite(counts.nodule_scores)
        scores = np.concatenate([counts.nodule_scores[hit], counts.false_scores])
        order = np.argsort(-scores, kind="stable")
        n_hit = np.count_nonzero(hit)
        self._is_hit = order < n_hit
        self._patients = np.concatenate([counts.nodule_patients[hit], counts.false_patients])[order]
        falling = scores[order]
        # Findings of one score come and go together: the curve has one point for them.
        self._lasts = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)[: falling.size])
        self._thresholds = np.append(math.inf, falling[self._lasts])

    def every_patient_once(self) -> FrocCurve:
        return self.patients(np.ones(self._counts.n_patients, np.int64))

    def patients(self, times: npt.NDArray[np.int64]) -> FrocCurve:
        """With each patient as often as ``times`` says, shape (patients,)."""
        n_scans = int(times[self._counts.scan_patients].sum())
        n_nodules = int(times[self._counts.nodule_patients].sum())
        copies = times[self._patients]
        n_hit = np.cumsum(copies * self._is_hit)[self._lasts]
        n_false = np.cumsum(copies * ~self._is_hit)[self._lasts]
        return FrocCurve(
            self._thresholds,
            np.append(0, n_false) / (n_scans or math.nan),
            np.append(0, n_hit) / (n_nodules or math.nan),
            n_scans,
            n_nodules,
        )
