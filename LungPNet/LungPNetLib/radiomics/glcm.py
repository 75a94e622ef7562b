"""Features of a grey level co-occurrence matrix (IBSI family LFYI)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from LungPNetLib.radiomics.ratio import ratio


def cooccurrence_features(counts: npt.NDArray[np.integer]) -> dict[str, float]:
    """Features of one matrix.

    Parameters
    ----------
    counts : ndarray, shape (levels, levels)
        Symmetric, with at least one pair; row and column ``i`` are grey level ``i + 1``.
        Correlation and information correlation 1 of a single grey level are undefined (NaN).
    """
    p = counts / counts.sum()
    n = len(p)
    level = np.arange(1, n + 1)
    i, j = level[:, np.newaxis], level[np.newaxis, :]
    marginal = p.sum(axis=1)
    mean = float(np.sum(level * marginal))
    variance = float(np.sum((level - mean) ** 2 * marginal))
    cluster = i + j - 2.0 * mean
    auto_correlation = float(np.sum(i * j * p))
    difference, total = np.arange(n), np.arange(2, 2 * n + 1)
    by_difference = np.bincount(np.abs(i - j).ravel(), p.ravel()).astype(np.float64)
    by_sum = np.bincount((i + j - 2).ravel(), p.ravel()).astype(np.float64)
    features = {
        "cm_joint_max": p.max(),
        "cm_joint_avg": mean,
        "cm_joint_var": variance,
        "cm_joint_entr": _entropy(p),
        **_difference_features(difference, by_difference),
        **_sum_features(total, by_sum),
        "cm_energy": np.sum(p**2),
        "cm_corr": ratio(auto_correlation - mean**2, variance),
        "cm_auto_corr": auto_correlation,
        "cm_clust_tend": np.sum(cluster**2 * p),
        "cm_clust_shade": np.sum(cluster**3 * p),
        "cm_clust_prom": np.sum(cluster**4 * p),
        **_information_features(p, marginal),
    }
    return {name: float(value) for name, value in features.items()}


def _difference_features(
    k: npt.NDArray[np.integer], p: npt.NDArray[np.float64]
) -> dict[str, float]:
    """Features of the distribution of differences of grey levels, ``k`` from 0."""
    mean, n = float(np.sum(k * p)), len(k)
    return {
        "cm_diff_avg": mean,
        "cm_diff_var": np.sum((k - mean) ** 2 * p),
        "cm_diff_entr": _entropy(p),
        "cm_contrast": np.sum(k**2 * p),
        "cm_dissimilarity": mean,
        "cm_inv_diff": np.sum(p / (1 + k)),
        "cm_inv_diff_norm": np.sum(p / (1 + k / n)),
        "cm_inv_diff_mom": np.sum(p / (1 + k**2)),
        "cm_inv_diff_mom_norm": np.sum(p / (1 + (k / n) ** 2)),
        "cm_inv_var": np.sum(p[1:] / k[1:] ** 2),
    }


def _sum_features(k: npt.NDArray[np.integer], p: npt.NDArray[np.float64]) -> dict[str, float]:
    """Features of the distribution of sums of grey levels, ``k`` from 2."""
    mean = float(np.sum(k * p))
    return {
        "cm_sum_avg": mean,
        "cm_sum_var": float(np.sum((k - mean) ** 2 * p)),
        "cm_sum_entr": _entropy(p),
    }


def _information_features(
    p: npt.NDArray[np.float64], marginal: npt.NDArray[np.float64]
) -> dict[str, float]:
    joint, single = _entropy(p), _entropy(marginal)
    # Both cross entropies of a symmetric matrix are twice the entropy of its marginal.
    independent = 2.0 * single
    return {
        "cm_info_corr1": ratio(joint - independent, single),
        "cm_info_corr2": math.sqrt(max(0.0, 1.0 - math.exp(-2.0 * (independent - joint)))),
    }


def _entropy(p: npt.NDArray[np.float64]) -> float:
    """Shannon entropy in bits."""
    present = p[p > 0]
    return float(np.sum(present * np.log2(1 / present)))
