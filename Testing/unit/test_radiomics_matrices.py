"""Texture matrices against what is counted by eye or voxel by voxel."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage

from LungPNetLib.radiomics import matrices
from LungPNetLib.radiomics.autocorrelation import autocorrelation_features

ROW = np.array([[[1, 1, 2, 0, 2]]])
SQUARE = np.array([[[1, 2], [2, 1]]])


@pytest.fixture(scope="module")
def levels():
    """4 levels in an irregular region with a hole."""
    random = np.random.default_rng(5)
    found = random.integers(1, 5, (4, 6, 5))
    found[random.random(found.shape) < 0.25] = 0
    return found


def pairs(levels):
    """All ordered pairs of neighbours, found voxel by voxel."""
    inside = {tuple(k) for k in np.argwhere(levels)}
    for k in inside:
        for step in itertools.product((-1, 0, 1), repeat=3):
            m = tuple(np.add(k, step).tolist())
            if any(step) and m in inside:
                yield k, m, step


def test_directions_are_4_in_a_slice_and_13_in_space():
    assert len(matrices.directions(True)) == 4
    assert len(matrices.directions(False)) == 13
    both = {tuple(np.multiply(sign, d)) for d in matrices.directions(False) for sign in (1, -1)}
    assert len(both) == 26


def test_cooccurrence_of_a_row():
    along = matrices.directions(True).index((0, 0, 1))
    found = matrices.cooccurrence(ROW, True)
    assert found[0, along].tolist() == [[2, 1], [1, 0]]
    assert np.delete(found[0], along, axis=0).sum() == 0


@pytest.mark.parametrize("by_slice", [True, False])
def test_cooccurrence_counts_every_pair_both_ways(levels, by_slice):
    expected = np.zeros((4, 4), int)
    for k, m, step in pairs(levels):
        if not (by_slice and step[0]):
            expected[levels[k] - 1, levels[m] - 1] += 1
    assert matrices.cooccurrence(levels, by_slice).sum(axis=(0, 1)).tolist() == expected.tolist()


def test_runs_of_a_row_end_at_the_border_of_the_region():
    found = matrices.run_lengths(ROW, True)
    along = matrices.directions(True).index((0, 0, 1))
    assert found.counts[0, along, :, :2].tolist() == [[0, 1], [2, 0]]


def test_runs_along_a_diagonal():
    found = matrices.run_lengths(SQUARE, False)
    falling = matrices.directions(False).index((0, 1, 1))
    rising = matrices.directions(False).index((0, 1, -1))
    assert found.counts[0, falling].tolist() == [[0, 1], [2, 0]]
    assert found.counts[0, rising].tolist() == [[2, 0], [0, 1]]


@pytest.mark.parametrize("by_slice", [True, False])
def test_runs_hold_every_voxel_once_in_each_direction(levels, by_slice):
    found = matrices.run_lengths(levels, by_slice)
    held = (found.counts * found.sizes).sum(axis=-1)
    per_level = np.bincount(levels.ravel())[1:]
    assert (held.sum(axis=0) == per_level).all()
    inside = (levels > 0).sum(axis=(1, 2))
    assert ((inside if by_slice else inside.sum()) == held.sum(axis=-1).T).all()


def test_zones_are_linked_by_corners():
    found = matrices.size_zones(SQUARE, False)
    assert found.sizes.tolist() == [2]
    assert found.counts[0, 0].tolist() == [[1], [1]]


def test_zones_as_an_image_library_labels_them(levels):
    found = matrices.size_zones(levels, False)
    for level in range(1, 5):
        labels, _ = ndimage.label(levels == level, np.ones((3, 3, 3)))
        sizes, counts = np.unique(np.bincount(labels.ravel())[1:], return_counts=True)
        row = dict(zip(found.sizes.tolist(), found.counts[0, 0, level - 1].tolist(), strict=True))
        assert {size: n for size, n in row.items() if n} == dict(
            zip(sizes.tolist(), counts.tolist(), strict=True)
        )


def test_zones_of_voxels_without_neighbours():
    found = matrices.size_zones(np.array([[[1, 0, 1]]]), False)
    assert (found.sizes.tolist(), found.counts.ravel().tolist()) == ([1], [2])


@pytest.mark.parametrize("by_slice", [True, False])
def test_dependence_counts_equal_neighbours_and_the_voxel(levels, by_slice):
    dependence = {tuple(k): 1 for k in np.argwhere(levels)}
    for k, m, step in pairs(levels):
        dependence[k] += levels[k] == levels[m] and not (by_slice and step[0])
    found = matrices.dependences(levels, by_slice)
    expected = np.zeros(found.counts.shape, int)
    for (z, y, x), count in dependence.items():
        expected[z if by_slice else 0, 0, levels[z, y, x] - 1, count - 1] += 1
    assert (found.counts == expected).all()


def test_tone_differences_of_a_row_leave_out_the_voxel_without_neighbours():
    found = matrices.tone_differences(ROW, True)
    # |1 - 1| and |1 - 1.5| of level 1, |2 - 1| of level 2.
    assert found[0, 0].tolist() == [[2, 0.5], [1, 1.0]]


def test_autocorrelation_over_all_pairs():
    random = np.random.default_rng(3)
    values, inside = random.normal(size=(4, 3, 5)), random.random((4, 3, 5)) < 0.7
    spacing_mm = (3.0, 0.7, 0.9)
    x, place = values[inside], np.argwhere(inside) * spacing_mm
    distance = np.linalg.norm(place[:, None] - place[None], axis=-1)
    weight = np.divide(1.0, distance, out=np.zeros_like(distance), where=distance > 0)
    centred, n = x - x.mean(), len(x)
    scale = weight.sum() * (centred**2).sum()
    moran = n * (weight * np.outer(centred, centred)).sum() / scale
    geary = (n - 1) * (weight * np.subtract.outer(x, x) ** 2).sum() / (2 * scale)
    found = autocorrelation_features(values, inside, spacing_mm)
    assert found["morph_moran_i"] == pytest.approx(moran, rel=1e-9)
    assert found["morph_geary_c"] == pytest.approx(geary, rel=1e-9)
