"""Moran's I and Geary's C: whether voxels that are close have similar intensities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

from LungPNetLib.radiomics.ratio import ratio
from LungPNetLib.volume import Triplet


def autocorrelation_features(
    intensities: npt.NDArray[np.float64], inside: npt.NDArray[np.bool_], spacing_mm: Triplet
) -> dict[str, float]:
    """Both measures over all pairs of voxels, weighted by the inverse of their distance in mm.

    Sums over pairs are convolutions with the inverse distance, so every pair counts and none is
    listed.

    Parameters
    ----------
    intensities, inside : ndarray, shape (z, y, x)
        Values, and which of them count.
    spacing_mm : tuple of float
        In the order (z, y, x).
    """
    values = intensities[inside]
    centred = values - values.mean()
    scatter = float(np.sum(centred**2)) if np.ptp(values) > 0 else 0.0
    field = np.zeros(inside.shape)
    field[inside] = centred
    size = [fft.next_fast_len(2 * n - 1, real=True) for n in inside.shape]
    kernel = fft.rfftn(_inverse_distance(size, spacing_mm))

    def weighted_sums(array: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
        """For each voxel inside, the sum over all others divided by their distance."""
        sums = fft.irfftn(fft.rfftn(array, size) * kernel, size)
        found: npt.NDArray[np.float64] = sums[tuple(slice(n) for n in inside.shape)][inside]
        return found

    weight = weighted_sums(inside.astype(np.float64))
    pairs = float(weight.sum())
    products = float(centred @ weighted_sums(field))
    differences = 2.0 * float(centred**2 @ weight) - 2.0 * products
    n = len(values)
    return {
        "morph_moran_i": ratio(n * products, pairs * scatter),
        "morph_geary_c": ratio((n - 1) * differences, 2.0 * pairs * scatter),
    }


def _inverse_distance(size: list[int], spacing_mm: Triplet) -> npt.NDArray[np.float64]:
    """1 / distance in mm from voxel 0 of a periodic grid; 0 at that voxel itself."""
    axes = [
        np.minimum(np.arange(n), n - np.arange(n)) * step
        for n, step in zip(size, spacing_mm, strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    squared = z**2 + y**2 + x**2
    squared[0, 0, 0] = np.inf
    return np.asarray(1.0 / np.sqrt(squared))
