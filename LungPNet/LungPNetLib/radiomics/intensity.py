"""Intensity-based statistics (IBSI family UHIW), of intensities as they are."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from LungPNetLib.radiomics.ratio import ratio


def intensity_features(values: npt.NDArray[np.float64]) -> dict[str, float]:
    """Statistics of the intensities of a region.

    Parameters
    ----------
    values : ndarray, shape (voxels,)
        HU. Skewness and kurtosis of values that are all the same are undefined (NaN).
    """
    mean, median = values.mean(), np.median(values)
    p10, p25, p75, p90 = np.percentile(values, (10, 25, 75, 90))
    centred = values - mean if np.ptp(values) > 0 else np.zeros_like(values)
    variance = np.mean(centred**2)
    robust = values[(values >= p10) & (values <= p90)]
    energy = np.sum(values**2)
    features = {
        "stat_mean": mean,
        "stat_var": variance,
        "stat_skew": ratio(np.mean(centred**3), variance**1.5),
        "stat_kurt": ratio(np.mean(centred**4), variance**2) - 3.0,
        "stat_median": median,
        "stat_min": values.min(),
        "stat_p10": p10,
        "stat_p90": p90,
        "stat_max": values.max(),
        "stat_iqr": p75 - p25,
        "stat_range": np.ptp(values),
        "stat_mad": np.mean(np.abs(centred)),
        "stat_rmad": np.mean(np.abs(robust - robust.mean())) if len(robust) else math.nan,
        "stat_medad": np.mean(np.abs(values - median)),
        "stat_cov": ratio(np.sqrt(variance), mean),
        "stat_qcod": ratio(p75 - p25, p75 + p25),
        "stat_energy": energy,
        "stat_rms": np.sqrt(energy / len(values)),
    }
    return {name: float(value) for name, value in features.items()}
