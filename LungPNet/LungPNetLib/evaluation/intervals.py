"""How sure a mean over patients is, or another figure of all of them.

References
----------
Efron B, Tibshirani RJ. An introduction to the bootstrap. Chapman & Hall 1993, chapter 13
(percentile interval).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError

LEAST_PATIENTS = 5
"""Fewer have no interval: a bootstrap of so few values says less than it seems to."""

DRAWS = 10_000
"""Bootstrap samples; the interval's ends then vary by some hundredths of its width."""

_PERCENT = (2.5, 97.5)


@dataclass(frozen=True)
class PatientMean:
    """A mean over patients with its 95 % interval.

    Parameters
    ----------
    mean : float
        NaN of no patient.
    low, high : float
        NaN of fewer than ``LEAST_PATIENTS`` patients.
    n_patients : int
    """

    mean: float
    low: float
    high: float
    n_patients: int

    def in_words(self, decimals: int = 3) -> str:
        """The mean and its interval: ``0.912 [0.890, 0.931]``, or that there is none."""
        if not self.n_patients:
            return "none"
        mean = f"{self.mean:.{decimals}f}"
        if math.isnan(self.low):
            return f"{mean} (no interval)"
        return f"{mean} [{self.low:.{decimals}f}, {self.high:.{decimals}f}]"


def patient_mean(values: Sequence[float], *, seed: int = 0) -> PatientMean:
    """Mean of one value a patient, with a percentile bootstrap interval over patients.

    Parameters
    ----------
    values : sequence of float
        One of each patient, finite. What belongs to the same patient (two lungs, ten nodules) is
        to be averaged before: the interval would be too short otherwise.
    seed : int
        Of the ``DRAWS`` bootstrap samples; the same values and seed give the same interval.

    Raises
    ------
    InputError
        A value is not finite.

    Notes
    -----
    In small groups the interval is too short, the more so where a few patients are far off: it
    holds the true mean of normal values in about 84, 90, 93 and 94 % of cases with 5, 10, 20 and
    40 patients, and that of exponential values in 79, 85, 90 and 92 % (simulated).

    Examples
    --------
    >>> patient_mean([0.91, 0.97, 0.96, 0.98, 0.95, 0.99]).in_words()
    '0.960 [0.938, 0.978]'
    >>> patient_mean([0.91, 0.97]).in_words()
    '0.940 (no interval)'
    """
    array = np.asarray(values, np.float64)
    if not np.isfinite(array).all():
        raise InputError(
            f"{np.count_nonzero(~np.isfinite(array))} of {array.size} values are not finite "
            "numbers; leave those patients out of the mean, and say how many they are."
        )
    if not array.size:
        return PatientMean(math.nan, math.nan, math.nan, 0)
    mean = float(array.mean())
    if array.size < LEAST_PATIENTS:
        return PatientMean(mean, math.nan, math.nan, array.size)
    draws = np.random.default_rng(seed).choice(array, (DRAWS, array.size)).mean(axis=1)
    low, high = np.percentile(draws, _PERCENT)
    return PatientMean(mean, float(low), float(high), array.size)


def patient_bootstrap(
    figures: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float64]],
    n_patients: int,
    *,
    seed: int = 0,
    n_draws: int = DRAWS,
) -> list[PatientMean]:
    """Figures that are no mean of one value a patient, each with its interval over patients.

    Parameters
    ----------
    figures : callable
        Takes how often each patient counts, shape (n_patients,), and gives the figures, shape
        (k,); NaN where one is not defined.
    n_patients : int
    seed : int
        As in :func:`patient_mean`.
    n_draws : int
        Bootstrap samples; fewer for a figure that takes long.

    Returns
    -------
    list of PatientMean
        k of them; ``mean`` is the figure of all patients once.

    Notes
    -----
    A sample in which a figure is not defined (a sensitivity, where no patient with a nodule was
    drawn) is left out of that figure's interval.

    Examples
    --------
    >>> found, there = np.array([3, 0, 2, 1, 2, 4]), np.array([4, 1, 2, 3, 2, 4])
    >>> [rate] = patient_bootstrap(lambda n: np.array([n @ found / (n @ there)]), 6)
    >>> rate.in_words(2)
    '0.75 [0.50, 0.94]'
    """
    whole = np.asarray(figures(np.ones(n_patients, np.int64)), np.float64)
    low = high = np.full(whole.shape, math.nan)
    defined = np.isfinite(whole)
    if n_patients >= LEAST_PATIENTS and defined.any():
        times = np.random.default_rng(seed).multinomial(
            n_patients, np.full(n_patients, 1 / n_patients), n_draws
        )
        drawn = np.array([figures(row) for row in times], np.float64)[:, defined]
        low, high = low.copy(), high.copy()
        low[defined], high[defined] = np.nanpercentile(drawn, _PERCENT, axis=0)
    return [
        PatientMean(float(m), float(a), float(b), n_patients)
        for m, a, b in zip(whole, low, high, strict=True)
    ]
