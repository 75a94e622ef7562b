"""Side, third and distance from the pleura, in lungs whose borders are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ellipsoids import CENTRE_MM, ellipsoid
from LungPNetLib.grading.measure import measure_nodule
from LungPNetLib.volume import AxisOrder, Volume


def test_side_comes_from_the_lung_that_is_closest() -> None:
    mask = ellipsoid((6.0, 6.0, 6.0), (0.7, 0.7, 0.7))
    ct = mask.with_array(np.zeros(mask.shape, np.int16))
    coarse = Volume(
        np.zeros((40, 40, 40), np.uint8), (2.0, 2.0, 2.0), tuple(c - 40 for c in CENTRE_MM)
    )
    lungs = coarse.array.copy()
    assert measure_nodule(ct, mask, coarse.with_array(lungs)).side is None
    lungs[:, :, :20] = 1
    lungs[:, :, 26:] = 2
    # The nodule itself is left out of the lung mask, as those at the pleura may be.
    lungs[17:24, 17:24, 17:24] = 0
    assert measure_nodule(ct, mask, coarse.with_array(lungs)).side == "right"
    swapped = np.where(lungs > 0, 3 - lungs, 0).astype(np.uint8)
    assert measure_nodule(ct, mask, coarse.with_array(swapped)).side == "left"


# The lungs: 60 mm wide, 90 mm high, 1 mm voxels; right from x 10 to 40, left from x 50 to 80.
def chest() -> Volume:
    array = np.zeros((100, 60, 90), np.uint8)
    array[5:95, 10:50, 10:40] = 1
    array[5:95, 10:50, 50:80] = 2
    return Volume(array)


def block(x: int, y: int, z: int, width: int = 4) -> Volume:
    array = np.zeros((100, 60, 90), np.uint8)
    array[z : z + width, y : y + width, x : x + width] = 1
    return Volume(array)


@pytest.mark.parametrize(
    ("corner", "expected_mm"),
    [
        ((20, 28, 50), 10.0),  # x 20 to 24 in a lung from 10 on
        ((33, 28, 50), 3.0),  # towards the mediastinum
        ((25, 28, 90), 1.0),  # towards the apex
        ((36, 28, 50), 0.0),  # touches the border
        ((38, 28, 50), 0.0),  # half outside of the lung mask
        ((52, 28, 50), 2.0),  # in the left lung
    ],
)
def test_distance_from_the_pleura(corner, expected_mm) -> None:
    mask = block(*corner)
    found = measure_nodule(mask.with_array(np.zeros(mask.shape, np.int16)), mask, chest())
    assert found.pleura_distance_mm == pytest.approx(expected_mm, abs=1e-6)


def test_distance_from_a_slanted_pleura() -> None:
    z, y, x = np.indices((40, 80, 80))
    inside = (x + y > 60).astype(np.uint8)
    spacing = (0.8, 0.8, 2.0)
    lungs = Volume(inside, spacing)
    ball = ((x - 55) ** 2 + (y - 50) ** 2) * 0.64 + ((z - 20) * 2.0) ** 2 <= 16
    mask = Volume(ball.astype(np.uint8), spacing)
    found = measure_nodule(lungs.with_array(np.zeros(lungs.shape, np.int16)), mask, lungs)
    true_mm = (105 - 60.5) * 0.8 / math.sqrt(2) - 4.0
    assert found.pleura_distance_mm == pytest.approx(true_mm, abs=0.4)


def test_vessels_and_the_end_of_the_image_are_no_pleura() -> None:
    lungs = chest()
    holed = lungs.array.copy()
    holed[48:56, 28:31, 27:29] = 0  # a vessel beside the nodule that the mask leaves out
    cut = lungs.with_array(holed).cropped((0, 0, 40), (90, 60, 20))  # 6 mm above and below
    mask = block(20, 28, 50)
    ct = mask.with_array(np.zeros(mask.shape, np.int16))
    assert measure_nodule(ct, mask, cut).pleura_distance_mm == pytest.approx(10.0)


def test_pleura_is_found_on_another_grid_and_far_away() -> None:
    array = np.zeros((60, 120, 120), np.uint8)
    array[5:55, 10:110, 10:110] = 2
    lungs = Volume(array, (2.0, 2.0, 2.0))
    fine = np.zeros((8, 8, 8), np.uint8)
    fine[2:6, 2:6, 2:6] = 1
    mask = Volume(fine, (1.0, 1.0, 1.0), (116.0, 116.0, 56.0))
    found = measure_nodule(mask.with_array(np.zeros((8, 8, 8), np.int16)), mask, lungs)
    # Lung from z 9 to 109 mm; the nodule from 57.5 to 61.5: below it 48.5, above it 47.5.
    assert found.pleura_distance_mm == pytest.approx(47.5, abs=2.0)
    assert found.side == "left"


@pytest.mark.parametrize(
    ("z", "third"),
    [(6, "lower"), (30, "lower"), (37, "middle"), (60, "middle"), (66, "upper"), (92, "upper")],
)
def test_thirds_of_the_height_of_its_own_lung(z, third) -> None:
    lungs = chest()
    shorter = lungs.array.copy()
    shorter[:50, :, 50:] = 0  # of the other lung, which must not matter
    mask = block(20, 28, z, width=2)
    ct = mask.with_array(np.zeros(mask.shape, np.int16))
    assert measure_nodule(ct, mask, lungs.with_array(shorter)).third == third
    order = AxisOrder((2, 0, 1), (True, False, True))
    turned = measure_nodule(ct, mask, order.apply(lungs.with_array(shorter)))
    assert (turned.third, turned.side) == (third, "right")


def test_no_lung_no_place() -> None:
    mask = block(43, 2, 50, width=2)
    ct = mask.with_array(np.zeros(mask.shape, np.int16))
    for lungs in (None, chest()):
        found = measure_nodule(ct, mask, lungs)
        assert (found.side, found.third, found.pleura_distance_mm) == (None, None, None)
