"""The baseline outlines balls in made-up lung, cut from vessels and from the chest wall."""

from __future__ import annotations

import numpy as np
import pytest

from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.overlap import dice
from LungPNetLib.nodules.baseline import BaselineSettings, segment_baseline
from LungPNetLib.volume import Volume

SPACING_MM = (1.0, 1.0, 2.0)
MIDDLE = (10, 20, 20)
SOLID = BaselineSettings(threshold_hu=-400.0, opening_mm=1.0)


def places() -> np.ndarray:
    """Millimetres (z, y, x) from the middle of a box of 20 x 40 x 40 voxels."""
    steps = np.array(SPACING_MM[::-1]).reshape(3, 1, 1, 1)
    return (np.indices((20, 41, 41)) - np.array(MIDDLE).reshape(3, 1, 1, 1)) * steps


def ball(radius_mm: float) -> np.ndarray:
    return (places() ** 2).sum(axis=0) <= radius_mm**2


def lung(*tissue: np.ndarray, hu: float = 30.0) -> Volume:
    array = np.full((20, 41, 41), -860, np.int16)
    for one in tissue:
        array[one] = hu
    return Volume(array, SPACING_MM, (-5.0, 7.0, 90.0))


def outlined(ct: Volume, settings: BaselineSettings = SOLID, at=MIDDLE) -> np.ndarray:
    return segment_baseline(ct, ct.index_to_world(at[::-1]), settings).array > 0


def test_a_ball_is_outlined_and_noise_elsewhere_is_not():
    elsewhere = np.zeros_like(ball(1))
    elsewhere[2:6, 2:8, 2:8] = True
    assert dice(outlined(lung(ball(8), elsewhere)), ball(8)) > 0.95


def test_a_vessel_through_the_box_is_cut_off():
    z, y, _ = places()
    vessel = np.hypot(z, y) <= 2
    found = outlined(lung(ball(8), vessel))
    assert dice(found, ball(8)) > 0.9
    assert not found[:, :, 0].any()


def test_the_chest_wall_is_cut_off():
    _, y, _ = places()
    found = outlined(lung(ball(8), y > 9))
    assert dice(found, ball(8)) > 0.85
    assert not found[:, -1].any()


def test_of_two_nodules_the_one_at_the_point_is_outlined():
    z, y, x = places()
    other = (z**2 + (y - 12) ** 2 + (x - 12) ** 2) <= 16
    ct = lung(ball(5), other)
    assert dice(outlined(ct, at=(10, 32, 32)), other) > 0.8
    assert dice(outlined(ct), ball(5)) > 0.8


def test_ground_glass_needs_a_lower_threshold():
    ct = lung(ball(8), hu=-600)
    assert not outlined(ct).any()
    assert dice(outlined(ct, BaselineSettings(-700.0, 1.0)), ball(8)) > 0.95


def test_a_nodule_that_no_opening_leaves_is_kept():
    assert dice(outlined(lung(ball(1.5)), BaselineSettings(-400.0, 3.0)), ball(1.5)) == 1


def test_a_point_outside_of_the_box_is_refused():
    with pytest.raises(InputError, match="does not lie in the box"):
        segment_baseline(lung(ball(8)), (900.0, 0.0, 0.0))
