"""Texture features of a region: matrices of slices and directions, summed up to one value each."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy.typing as npt

from LungPNetLib.radiomics import matrices
from LungPNetLib.radiomics.catalogue import Family
from LungPNetLib.radiomics.glcm import cooccurrence_features
from LungPNetLib.radiomics.level_sizes import level_size_features
from LungPNetLib.radiomics.ngtdm import tone_difference_features
from LungPNetLib.radiomics.settings import Aggregation

FeaturesOfMatrix: TypeAlias = Callable[[npt.NDArray[Any]], dict[str, float]]

_LEVEL_SIZES = {
    Family.GLRLM: matrices.run_lengths,
    Family.GLSZM: matrices.size_zones,
    Family.NGLDM: matrices.dependences,
}


def texture_features(levels: matrices.Levels, aggregation: Aggregation) -> dict[str, float]:
    """All texture features.

    Parameters
    ----------
    levels : ndarray of int, shape (z, y, x)
        Grey levels from 1, 0 outside of the region.
    aggregation : Aggregation
        Averages leave out matrices without entries (a slice with a single voxel has no
        co-occurrence) and values that are undefined; a feature that is undefined in each is NaN.
    """
    by_slice = aggregation.by_slice
    pairs = matrices.cooccurrence(levels, by_slice)
    features = summed_up(pairs, cooccurrence_features, aggregation)
    for family, count in _LEVEL_SIZES.items():
        found = count(levels, by_slice)
        of_matrix = partial(level_size_features, family, sizes=found.sizes)
        features |= summed_up(found.counts, of_matrix, aggregation)
    differences = matrices.tone_differences(levels, by_slice)
    return features | summed_up(differences, tone_difference_features, aggregation)


def summed_up(
    stack: npt.NDArray[Any], features: FeaturesOfMatrix, aggregation: Aggregation
) -> dict[str, float]:
    """Merge matrices as ``aggregation`` says, and average the features of those that are left.

    Parameters
    ----------
    stack : ndarray, shape (slices, directions, rows, columns)
        Counts or sums.
    features : callable
        Features of one matrix, shape (rows, columns), that is not empty.
    """
    if aggregation.merges_slices:
        stack = stack.sum(axis=0, keepdims=True)
    if aggregation.merges_directions:
        stack = stack.sum(axis=1, keepdims=True)
    found = [features(matrix) for row in stack for matrix in row if matrix.any()]
    return {name: _mean([one[name] for one in found]) for name in found[0]} if found else {}


def _mean(values: list[float]) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return math.fsum(defined) / len(defined) if defined else math.nan
