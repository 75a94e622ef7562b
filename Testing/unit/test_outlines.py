"""Outlines of nodules against the truth and readers against each other, on a few voxels."""

from __future__ import annotations

import math

import numpy as np
import pytest

from LungPNetLib.cohort.lidc import PlacedMask
from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.outlines import outline_agreement, outline_means, reader_agreement
from LungPNetLib.evaluation.overlap import Overlap
from LungPNetLib.volume import Volume

SPACING_MM = (0.7, 0.7, 2.5)


def block(first: int, spacing_mm=(1.0, 1.0, 1.0)) -> Volume:
    """5 x 5 x 5 voxels that begin ``first`` slices up."""
    array = np.zeros((14, 9, 9), np.uint8)
    array[first : first + 5, 2:7, 2:7] = 1
    return Volume(array, spacing_mm)


def reader(*start: int, size=(1, 2, 4)) -> PlacedMask:
    return PlacedMask(np.ones(size, bool), start, SPACING_MM)


def test_one_millimetre_off_is_right_and_two_are_not():
    near, far = (outline_agreement(block(2 + k), block(2)) for k in (1, 2))
    assert (near.dice, near.surface_dice, near.hd95_mm) == (0.8, 1, 1)
    assert far.dice == pytest.approx(0.6)
    assert far.surface_dice < 1
    assert far.hd95_mm == 2


def test_the_tolerance_is_millimetres_not_voxels():
    spacing_mm = (1.0, 1.0, 2.5)
    agreement = outline_agreement(block(3, spacing_mm), block(2, spacing_mm))
    assert agreement.surface_dice < 1
    assert agreement.hd95_mm == 2.5


def test_a_truth_without_a_voxel_is_refused():
    empty = block(2).with_array(np.zeros((14, 9, 9), np.uint8))
    assert outline_agreement(empty, block(2)) == Overlap(0.0, 0.0, math.inf)
    with pytest.raises(InputError, match="no voxel of value 1"):
        outline_agreement(block(2), empty)


def test_means_are_over_patients_and_a_missed_nodule_has_no_distance():
    """Patient a has 0.8 and a missed one, b has 0.6."""
    means = outline_means(
        [
            ("a", Overlap(0.8, 1.0, 2.0)),
            ("b", Overlap(0.6, 0.9, 3.0)),
            ("a", Overlap(0.0, 0.0, math.inf)),
        ]
    )
    assert means.dice.mean == pytest.approx((0.4 + 0.6) / 2)
    assert means.surface_dice.mean == pytest.approx((0.5 + 0.9) / 2)
    assert means.hd95_mm.mean == pytest.approx(2.5)
    assert (means.n_nodules, means.n_missed, means.dice.n_patients) == (3, 1, 2)


def test_means_of_nothing():
    means = outline_means([])
    assert math.isnan(means.dice.mean)
    assert means.n_nodules == means.n_missed == 0


def test_readers_who_agree_and_one_who_does_not():
    assert reader_agreement([reader(7, 8, 9)] * 3) == 1
    assert reader_agreement([reader(7, 8, 9), reader(7, 8, 9), reader(7, 8, 20)]) == (
        pytest.approx(1 / 3)
    )


@pytest.mark.parametrize(
    ("start", "expected"), [((8, 8, 9), 3 / 4), ((7, 9, 9), 1 / 2), ((7, 8, 10), 0)]
)
def test_masks_are_placed_by_column_row_and_slice(start, expected):
    """Four columns, two rows, one slice: a step along each takes another share away."""
    assert reader_agreement([reader(7, 8, 9), reader(*start)]) == expected


def test_readers_of_different_sizes():
    """8 voxels within 32."""
    inner = reader(7, 8, 9)
    assert reader_agreement([inner, reader(7, 7, 8, size=(2, 4, 4))]) == 2 * 8 / (8 + 32)


def test_one_reader_has_nobody_to_agree_with():
    assert math.isnan(reader_agreement([reader(1, 2, 3)]))
    assert math.isnan(reader_agreement([]))


def test_masks_of_two_scans_are_refused():
    other = PlacedMask(np.ones((1, 2, 4), bool), (7, 8, 9), (0.5, 0.5, 1.0))
    with pytest.raises(InputError, match="those of one scan"):
        reader_agreement([reader(7, 8, 9), other])
