"""What segmentation and detection agree on is kept, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.judged import Box
from LungPNetLib.nodules.detect import ScoredBox
from LungPNetLib.nodules.fusion import Fused, Reason, combined_score, fuse
from LungPNetLib.nodules.fusion_rules import FusionRules
from LungPNetLib.nodules.on_ct import labels_on_ct
from LungPNetLib.nodules.parts import box_of, centre_of, region_of
from LungPNetLib.volume import Volume
from nodule_samples import distance_mm

PIXEL_MM = 0.7


def space(size=(60, 70, 80)) -> Volume:
    """A grid of 1 mm with its origin beside 0, all of it near the lungs."""
    return Volume(np.zeros(size, np.float32), origin_mm=(-10.0, 20.0, 5.0))


def with_balls(*balls, probability=0.9, grid: Volume | None = None) -> Volume:
    """Probabilities: balls ((x, y, z) from the first voxel, radius) in 0.05."""
    grid = grid or space()
    array = np.full(grid.shape, 0.05, np.float32)
    for centre, radius in balls:
        array[distance_mm(grid, tuple(np.add(centre, grid.origin_mm))) <= radius] = probability
    return grid.with_array(array)


def marked(volume: Volume, centre, radius, score=0.8) -> ScoredBox:
    x, y, z = np.add(centre, volume.origin_mm).tolist()
    return ScoredBox(score, Box.around((x, y, z), radius))


def fused(probability: Volume, *boxes: ScoredBox, near=None, **rules) -> Fused:
    near_lungs = np.ones(probability.shape, bool) if near is None else near
    return fuse(
        probability,
        probability.with_array(near_lungs),
        boxes,
        pixel_mm=PIXEL_MM,
        rules=FusionRules(**rules),
    )


def test_a_part_is_kept_where_a_box_meets_it_and_scored_by_both():
    probability = with_balls(((20, 20, 20), 5), ((60, 50, 40), 5))
    result = fused(probability, marked(probability, (20, 20, 20), 5, score=0.4))
    (kept,) = result.kept
    np.testing.assert_allclose(np.subtract(centre_of(kept.mask), probability.origin_mm), 20)
    assert kept.score == pytest.approx(combined_score(0.4, 0.9))
    assert kept.mask.array.sum() == np.count_nonzero(probability.array > 0.5) / 2
    (dropped,) = result.dropped
    assert dropped.reason is Reason.NO_BOX
    np.testing.assert_allclose(
        np.subtract(dropped.centre_lps_mm, probability.origin_mm), (60, 50, 40)
    )


def test_no_detection_gives_an_empty_result():
    probability = with_balls(((20, 20, 20), 5), ((60, 50, 40), 8))
    result = fused(probability)
    assert result.kept == ()
    assert len(result.dropped) == 2
    assert fused(with_balls()).kept == ()


@pytest.mark.parametrize(("gap_mm", "kept"), [(3.0, 1), (4.0, 0)])
def test_the_margin_is_five_pixels_of_the_ct(gap_mm, kept):
    """3.5 mm here: the ball ends at x = 25, the box begins beyond it."""
    probability = with_balls(((20, 20, 20), 5))
    x, y, z = np.add((25 + gap_mm, 20, 20), probability.origin_mm).tolist()
    beside = ScoredBox(0.9, Box((x, y - 3, z - 3), (x + 6, y + 3, z + 3)))
    assert len(fused(probability, beside, sure_score=2.0).kept) == kept


def test_a_smaller_margin_can_be_chosen():
    probability = with_balls(((20, 20, 20), 5))
    x, y, z = np.add((28, 20, 20), probability.origin_mm).tolist()
    beside = ScoredBox(0.9, Box((x, y - 3, z - 3), (x + 6, y + 3, z + 3)))
    assert not fused(probability, beside, box_margin_px=2).kept


def test_a_box_speaks_for_the_part_it_holds_most_of():
    probability = with_balls(((20, 20, 20), 5), ((29, 20, 20), 2))
    result = fused(probability, marked(probability, (20, 20, 20), 6))
    assert [o.mask.array.sum() for o in result.kept] == [515]
    assert [d.reason for d in result.dropped] == [Reason.NO_BOX]


def test_two_touching_nodules_with_a_box_each_are_parted_at_their_neck():
    probability = with_balls(((20, 20, 20), 6), ((30, 20, 20), 6))
    boxes = [marked(probability, (20, 20, 20), 6, 0.9), marked(probability, (30, 20, 20), 6, 0.7)]
    left, right = fused(probability, *boxes).kept
    x = [centre_of(outline.mask)[0] - probability.origin_mm[0] for outline in (left, right)]
    assert x == pytest.approx([19.5, 30.5], abs=0.8)
    assert left.score > right.score
    total = np.count_nonzero(probability.array > 0.5)
    assert left.mask.array.sum() + right.mask.array.sum() == total


def test_one_nodule_with_two_boxes_stays_one():
    probability = with_balls(((30, 30, 30), 9))
    boxes = [marked(probability, (25, 30, 30), 5, 0.6), marked(probability, (35, 30, 30), 5, 0.8)]
    (kept,) = fused(probability, *boxes).kept
    assert kept.detector_score == 0.8


def test_a_vessel_that_a_nodule_touches_is_cut_off():
    probability = with_balls(((20, 20, 20), 4))
    vessel = probability.array.copy()
    vessel[18:23, 18:23, 20:78] = 0.9
    probability = probability.with_array(vessel)
    (kept,) = fused(probability, marked(probability, (20, 20, 20), 4)).kept
    high = box_of(kept.mask).high_lps_mm[0] - probability.origin_mm[0]
    assert high == pytest.approx(20 + 4 + 5 * PIXEL_MM, abs=1)


def test_a_nodule_larger_than_its_box_is_kept_whole():
    probability = with_balls(((30, 30, 30), 11))
    (kept,) = fused(probability, marked(probability, (30, 30, 30), 7)).kept
    assert kept.mask.array.sum() == np.count_nonzero(probability.array > 0.5)


def test_a_mass_needs_no_box_but_a_branching_vessel_does():
    grid = space((90, 90, 90))
    mass = with_balls(((40, 40, 40), 18), probability=0.95, grid=grid)
    (kept,) = fused(mass).kept
    assert kept.score == pytest.approx(0.95)
    assert kept.detector_score is None
    unsure = with_balls(((40, 40, 40), 18), probability=0.7, grid=grid)
    assert not fused(unsure).kept
    vessel = mass.array.copy() * 0
    vessel[38:44, 38:44, 5:85] = 0.95
    assert not fused(grid.with_array(vessel)).kept


def test_a_mass_is_neither_cut_nor_parted_by_its_boxes():
    mass = with_balls(((40, 40, 40), 20), probability=0.95, grid=space((90, 90, 90)))
    boxes = [marked(mass, (30, 40, 40), 6, 0.3), marked(mass, (50, 40, 40), 6, 0.2)]
    (kept,) = fused(mass, *boxes).kept
    assert kept.mask.array.sum() == np.count_nonzero(mass.array > 0.5)
    assert kept.score == pytest.approx(0.95)


def test_a_sure_box_on_faint_ground_glass_gets_an_outline_and_an_unsure_one_does_not():
    probability = with_balls(((20, 20, 20), 6), probability=0.4)
    (kept,) = fused(probability, marked(probability, (20, 20, 20), 7, score=0.9)).kept
    assert kept.mask.array.sum() == np.count_nonzero(probability.array > 0.3)
    result = fused(probability, marked(probability, (20, 20, 20), 7, score=0.3))
    assert result.kept == ()
    assert [d.reason for d in result.dropped] == [Reason.NO_OUTLINE]


def test_two_boxes_on_the_same_faint_place_give_one_finding():
    probability = with_balls(((20, 20, 20), 6), probability=0.4)
    boxes = [marked(probability, (20, 20, 20), 7, 0.9), marked(probability, (22, 20, 20), 7, 0.8)]
    assert len(fused(probability, *boxes).kept) == 1


def test_nothing_is_kept_outside_the_lungs():
    probability = with_balls(((20, 20, 20), 5), ((60, 50, 40), 5))
    near = np.ones(probability.shape, bool)
    near[:, :, 40:] = False
    near[:, :, :18] = False
    boxes = [marked(probability, (20, 20, 20), 5), marked(probability, (60, 50, 40), 5)]
    (kept,) = fused(probability, *boxes, near=near).kept
    assert box_of(kept.mask).low_lps_mm[0] == probability.origin_mm[0] + 17.5


def test_specks_are_left_out():
    probability = with_balls(((20, 20, 20), 1))
    result = fused(probability, marked(probability, (20, 20, 20), 3))
    assert [d.reason for d in result.dropped] == [Reason.TOO_SMALL]
    assert len(fused(probability, marked(probability, (20, 20, 20), 3), least_mm3=5).kept) == 1


def test_findings_come_by_falling_score():
    places = [(15, 15, 15), (15, 50, 15), (60, 15, 15), (60, 50, 40)]
    probability = with_balls(*((place, 4) for place in places))
    scores = [0.3, 0.9, 0.1, 0.6]
    boxes = [marked(probability, p, 4, s) for p, s in zip(places, scores, strict=True)]
    assert [o.detector_score for o in fused(probability, *boxes).kept] == [0.9, 0.6, 0.3, 0.1]


def test_boxes_beyond_the_grid_are_no_error():
    probability = with_balls(((2, 2, 2), 3))
    boxes = [marked(probability, (2, 2, 2), 5), marked(probability, (-200, 0, 900), 5)]
    result = fused(probability, *boxes)
    assert len(result.kept) == 1
    assert [d.reason for d in result.dropped] == [Reason.NO_OUTLINE]


def test_lungs_on_another_grid_are_refused():
    probability = with_balls()
    with pytest.raises(InputError, match="same grid"):
        fuse(probability, space((10, 10, 10)), [], pixel_mm=0.7)


def test_region_holds_the_voxels_with_their_centres_in_the_box():
    grid = space()
    box = Box(tuple(np.add(grid.origin_mm, (2.0, 3.4, 4.6))), tuple(np.add(grid.origin_mm, 8.0)))
    assert region_of(grid, box, 0.0) == (slice(5, 9), slice(4, 9), slice(2, 9))
    assert region_of(grid, box, 1.0) == (slice(4, 10), slice(3, 10), slice(1, 10))


# --- Labels on the grid of the CT ---


def smooth_ball(grid: Volume, centre, radius) -> Volume:
    """Probability that falls from 1 to 0 over 2 mm across the surface."""
    from_surface = radius - distance_mm(grid, tuple(np.add(centre, grid.origin_mm)))
    return grid.with_array(np.clip(0.5 + from_surface / 2, 0, 1).astype(np.float32))


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.5), (0.7, 0.7, 2.5)])
def test_labels_are_as_smooth_as_the_probability(spacing):
    probability = smooth_ball(space(), (30.3, 31.6, 29.8), 8.4)
    centre = tuple(np.add((30.3, 31.6, 29.8), probability.origin_mm).tolist())
    size = [round(60 / mm) for mm in spacing]
    ct = Volume(np.zeros(size[::-1], np.int16), spacing, probability.origin_mm)
    kept = fused(probability, ScoredBox(0.9, Box.around(centre, 8.4))).kept
    labels = labels_on_ct(ct, probability, kept)
    truth = distance_mm(ct, centre) <= 8.4
    found = labels.array == 1
    dice = 2 * np.count_nonzero(found & truth) / (found.sum() + truth.sum())
    assert labels.array.dtype == np.uint8
    assert dice > 0.985


def test_a_turned_ct_gets_the_same_places():
    probability = smooth_ball(space(), (30, 31, 29), 7)
    centre = tuple(np.add((30, 31, 29), probability.origin_mm).tolist())
    kept = fused(probability, ScoredBox(0.9, Box.around(centre, 7))).kept
    turned = Volume(
        np.zeros((80, 60, 70), np.int16),
        origin_mm=tuple(np.add(probability.origin_mm, (75.0, 65.0, 0.0))),
        direction=np.array([[-1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]),
    )
    labels = labels_on_ct(turned, probability, kept)
    np.testing.assert_allclose(centre_of(labels), centre, atol=0.2)
    assert abs(labels.array.sum() / kept[0].mask.array.sum() - 1) < 0.02


def test_every_finding_has_a_voxel_on_a_coarse_ct():
    places = [(10, 10, 10), (14, 10, 10), (50, 50, 40)]
    probability = with_balls(*((place, 1.5) for place in places))
    boxes = [marked(probability, place, 1.5) for place in places]
    kept = fused(probability, *boxes).kept
    assert len(kept) == 3
    ct = Volume(np.zeros((6, 5, 5), np.int16), (15.0, 15.0, 10.0), probability.origin_mm)
    labels = labels_on_ct(ct, probability, kept)
    assert set(np.unique(labels.array)) == {0, 1, 2, 3}


def test_no_finding_gives_an_empty_map_and_many_get_numbers_enough():
    probability = with_balls()
    ct = Volume(np.zeros(probability.shape, np.int16), origin_mm=probability.origin_mm)
    assert not labels_on_ct(ct, probability, ()).array.any()
    probability = with_balls(((20, 20, 20), 3))
    (one,) = fused(probability, marked(probability, (20, 20, 20), 3)).kept
    assert labels_on_ct(ct, probability, [one] * 256).array.dtype == np.uint16
