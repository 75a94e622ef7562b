"""Agreement of two segmentations of the lungs, in values that travel as JSON."""

import json

import numpy as np
import pytest

from LungPNetLib.errors import DependencyError, InputError
from LungPNetLib.lungs.compare import compare_lungs
from LungPNetLib.volume import Volume

EMPTY = Volume(np.zeros((4, 4, 4), np.uint8))


def test_each_lung_that_one_of_them_has_is_compared():
    """A cube of 4 voxels a side, moved by one of them: 3/4 of it is common."""
    first = np.zeros((12, 12, 12), np.uint8)
    first[2:6, 2:6, 2:6] = 1
    first[8:11, 8:11, 8:11] = 2
    second = np.zeros_like(first)
    second[2:6, 2:6, 3:7] = 1
    labels = Volume(first, (2.0, 2.0, 2.0))
    right, left = json.loads(
        json.dumps(compare_lungs(labels, labels.with_array(second)), allow_nan=False)
    )
    assert (right["segment"], left["segment"]) == ("Right lung", "Left lung")
    assert right["dice"] == pytest.approx(0.75)
    assert right["hd95_mm"] == pytest.approx(2.0)
    assert right["surface_dice"] == 1.0
    assert (left["dice"], left["surface_dice"], left["hd95_mm"]) == (0.0, 0.0, None)
    assert (right["first_ml"], right["second_ml"]) == pytest.approx((0.512, 0.512))
    assert (left["first_ml"], left["second_ml"]) == pytest.approx((0.216, 0.0))


def test_a_lung_that_neither_has_is_left_out():
    assert compare_lungs(EMPTY, EMPTY) == []


def test_other_grids_are_refused():
    with pytest.raises(InputError, match="does not lie on the grid"):
        compare_lungs(EMPTY, Volume(np.zeros((4, 4, 5), np.uint8)))


def test_without_monai_it_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "monai", None)
    with pytest.raises(DependencyError, match="monai"):
        compare_lungs(EMPTY, EMPTY)
