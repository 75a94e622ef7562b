"""Regions have the size that their radius says, at any spacing."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from ellipsoids import CENTRE_MM, ellipsoid, volume_mm3
from LungPNetLib.errors import InputError
from LungPNetLib.grading.regions import (
    clip_box,
    dilated_region,
    eroded_region,
    merge_region,
    roi_region,
)
from LungPNetLib.volume import Volume

SPACING_MM = (0.7, 0.7, 1.25)


def ball(diameter_mm: float, spacing_mm=SPACING_MM) -> Volume:
    return ellipsoid((diameter_mm,) * 3, spacing_mm)


def millilitres(mask: Volume) -> float:
    return np.count_nonzero(mask.array) * mask.voxel_volume_ml


def test_roi_is_the_lesion() -> None:
    lesion = ball(10)
    region = roi_region(lesion.with_array(lesion.array * 7))
    assert np.array_equal(region.mask.array, lesion.array)
    assert region.radius_mm == 0.0


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.5), SPACING_MM, (0.6, 0.6, 2.0)])
@pytest.mark.parametrize("radius_mm", [2.0, 5.0])
def test_dilation_and_merge_reach_so_far_in_mm(spacing, radius_mm) -> None:
    for grow in (dilated_region, merge_region):
        region = grow(ball(12, spacing), radius_mm)
        ball_mm = (6000 * millilitres(region.mask) / math.pi) ** (1 / 3) / 2
        # From centre to centre, so short by a part of a voxel.
        assert 6 + radius_mm - max(spacing) / 3 < ball_mm < 6 + radius_mm + 0.05
        middle = region.mask.index_to_world(np.argwhere(region.mask.array)[:, ::-1]).mean(axis=0)
        assert middle == pytest.approx(CENTRE_MM, abs=0.4)


def test_erosion_goes_so_deep_in_mm() -> None:
    region = eroded_region(ball(16, (0.5, 0.5, 0.5)), 3.0)
    assert millilitres(region.mask) == pytest.approx(volume_mm3((10.0,) * 3) / 1000, rel=0.15)
    assert not (region.mask.array & ~ball(16, (0.5, 0.5, 0.5)).array & 1).any()
    with pytest.raises(InputError, match="Nothing of the lesion is left"):
        eroded_region(ball(6), 5.0)


def test_erosion_is_the_dilation_of_the_outside() -> None:
    rng = np.random.default_rng(0)
    inside = np.pad(rng.random((6, 8, 9)) < 0.97, 6).astype(np.uint8)
    lesion = Volume(inside, SPACING_MM)
    outside = dilated_region(lesion.with_array(1 - inside), 1.3).mask
    cut = outside.resampled_to(lesion, interpolation="nearest").array
    assert np.array_equal(eroded_region(lesion, 1.3).mask.array, 1 - cut)


def test_regions_at_the_border_of_the_ct_are_whole() -> None:
    lesion = ball(10)
    z, y, x = np.argwhere(lesion.array).min(axis=0)
    cut = lesion.cropped((int(x), int(y), int(z)), (15, 15, 8))
    assert np.count_nonzero(cut.array) == np.count_nonzero(lesion.array)
    assert millilitres(dilated_region(cut, 4.0).mask) == pytest.approx(
        millilitres(dilated_region(lesion, 4.0).mask)
    )


def test_the_ring_stays_in_the_lungs_and_keeps_the_lesion() -> None:
    lesion = ball(10)
    half = np.zeros(lesion.shape, np.uint8)
    half[:, :, : lesion.shape[2] // 2] = 2
    region = merge_region(lesion, 4.0, lesion.with_array(half))
    grid = region.mask
    kept = lesion.resampled_to(grid, interpolation="nearest").array > 0
    assert (grid.array[kept] == 1).all()
    lungs = lesion.with_array(half).resampled_to(grid, interpolation="nearest").array > 0
    assert not (grid.array[~lungs & ~kept]).any()
    whole = merge_region(lesion, 4.0)
    assert millilitres(lesion) < millilitres(grid) < millilitres(whole.mask)


def test_what_a_region_records() -> None:
    region = merge_region(ball(10), 3.0)
    record = json.loads(json.dumps(region.to_dict()))
    assert (record["name"], record["radius_mm"]) == ("merge", 3.0)
    assert record["volume_ml"] == pytest.approx(millilitres(region.mask))
    assert merge_region(ball(10)).radius_mm == 5.0


@pytest.mark.parametrize("radius_mm", [0.0, -1.0, 51.0, math.nan])
def test_radii_out_of_range_and_empty_lesions_are_refused(radius_mm) -> None:
    for change in (dilated_region, eroded_region, merge_region):
        with pytest.raises(InputError, match="above 0 to 50 mm"):
            change(ball(10), radius_mm)
        with pytest.raises(InputError, match="empty"):
            change(Volume(np.zeros((3, 3, 3), np.uint8)), 2.0)


def boxed() -> tuple[Volume, Volume]:
    """A CT of 0.5 x 0.5 x 2 mm, with a lesion of 20 x 10 x 12 mm (40 x 20 x 6 voxels)."""
    inside = np.zeros((40, 100, 120), np.uint8)
    inside[20:26, 40:60, 50:90] = 1
    mask = Volume(inside, (0.5, 0.5, 2.0))
    return mask.with_array(np.zeros(mask.shape, np.int16)), mask


@pytest.mark.parametrize(
    ("percent", "start", "size", "margin_mm"),
    [
        ((0, 0), (50, 40, 20), (40, 20, 6), (0, 0, 0)),
        ((50, 50), (40, 35, 18), (60, 30, 10), (5, 2.5, 4)),
        ((100, 100), (30, 30, 17), (80, 40, 12), (10, 5, 6)),
        ((100, 0), (30, 30, 20), (80, 40, 6), (10, 5, 0)),
    ],
)
def test_boxes_grow_by_a_percentage_of_their_size(percent, start, size, margin_mm) -> None:
    ct, mask = boxed()
    box = clip_box(ct, mask, percent)
    assert (box.start, box.size) == (start, size)
    assert box.margin_mm == pytest.approx(margin_mm)
    assert box.size_mm == pytest.approx(np.array(size) * ct.spacing_mm)
    assert ct.cropped(box.start, box.size).shape == size[::-1]
    cut = mask.cropped((45, 35, 15), (60, 30, 20))
    assert clip_box(ct, cut, percent) == box
    assert json.loads(json.dumps(box.to_dict()))["percent"] == list(percent)


def test_boxes_end_where_the_ct_does() -> None:
    ct, mask = boxed()
    box = clip_box(ct, mask, (400, 400))
    assert (box.start, box.size) == ((0, 0, 8), (120, 100, 30))
    assert box.margin_mm == (40.0, 20.0, 24.0)
    with pytest.raises(InputError, match="0 to 400"):
        clip_box(ct, mask, (-1, 0))
