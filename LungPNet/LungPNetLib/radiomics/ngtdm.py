"""Features of a neighbourhood grey tone difference matrix (IBSI family IPET)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from LungPNetLib.radiomics.ratio import ratio


def tone_difference_features(matrix: npt.NDArray[np.float64]) -> dict[str, float]:
    """Features of one matrix.

    Parameters
    ----------
    matrix : ndarray, shape (levels, 2)
        Number of voxels with neighbours and their summed differences; row ``i`` is grey level
        ``i + 1``. At least one voxel. Where the manual puts a number (0 or 10^6) in place of a
        quotient by 0, the feature is undefined here (NaN).
    """
    present = matrix[:, 0] > 0
    level = np.arange(1.0, len(matrix) + 1)[present]
    count, difference = matrix[present].T
    n = count.sum()
    p = count / n
    weighted = p * difference
    total, apart = float(weighted.sum()), level[:, np.newaxis] - level
    pairs = p[:, np.newaxis] + p
    steps = np.abs(np.subtract.outer(level * p, level * p)).sum()
    n_levels = len(level)
    spread = ratio(np.sum(np.outer(p, p) * apart**2), n_levels * (n_levels - 1))
    return {
        "ngt_coarseness": ratio(1.0, total),
        "ngt_contrast": spread * float(difference.sum() / n),
        "ngt_busyness": ratio(total, steps),
        "ngt_complexity": float(
            np.sum(np.abs(apart) * np.add.outer(weighted, weighted) / pairs) / n
        ),
        "ngt_strength": ratio(np.sum(pairs * apart**2), float(difference.sum())),
    }
