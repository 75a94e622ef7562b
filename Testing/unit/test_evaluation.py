"""Overlap, intervals and tables, on masks whose figures follow from a few lines of geometry."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.intervals import LEAST_PATIENTS, patient_mean
from LungPNetLib.evaluation.overlap import Overlap, overlap
from LungPNetLib.evaluation.tables import Table
from LungPNetLib.lungs.evaluate import (
    LungCase,
    LungScore,
    Measure,
    evaluate_lungs,
    group_table,
    lung_table,
)
from LungPNetLib.lungs.predict import LungMethod
from LungPNetLib.volume import Volume

SPACING_MM = (0.7, 1.1, 2.5)
STRICT_MM = 0.6
"""Less than any voxel, so that only what lies on the other surface is right."""


def labels(mask: np.ndarray, spacing_mm=SPACING_MM) -> Volume:
    return Volume(mask.astype(np.uint8), spacing_mm)


def compared(found, truth, tolerance_mm, spacing_mm=SPACING_MM, ignored=None) -> Overlap:
    left_out = None if ignored is None else labels(ignored, spacing_mm)
    found, truth = labels(found, spacing_mm), labels(truth, spacing_mm)
    return overlap(found, truth, 1, tolerance_mm=tolerance_mm, ignored=left_out)


def layers(axis: int, first: int, stop: int) -> np.ndarray:
    """A mask of 10 x 11 x 12 voxels, full from ``first`` to ``stop`` along one axis."""
    mask = np.zeros((10, 11, 12), bool)
    mask[(slice(None),) * axis + (slice(first, stop),)] = True
    return mask


def ball(centre_mm, radius_mm: float, spacing_mm, size=(64, 64, 40)) -> np.ndarray:
    x, y, z = (np.arange(n) * s - c for n, s, c in zip(size, spacing_mm, centre_mm, strict=True))
    return x**2 + y[:, None] ** 2 + z[:, None, None] ** 2 <= radius_mm**2


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_two_layers_of_which_one_face_is_off(axis):
    """They fill the image sideways, so each has two faces; one agrees, one is 2 voxels off."""
    found, truth = layers(axis, 3, 8), layers(axis, 3, 6)
    off_mm = 2 * SPACING_MM[2 - axis]
    strict = compared(found, truth, STRICT_MM)
    assert strict.dice == pytest.approx(2 * 3 / (5 + 3))
    assert strict.surface_dice == pytest.approx(0.5)
    assert strict.hd95_mm == pytest.approx(off_mm)
    assert compared(found, truth, off_mm).surface_dice == pytest.approx(1.0)


def test_the_image_border_is_no_surface():
    """Cut by the lower end of the image, each layer has one face left."""
    result = compared(layers(0, 0, 7), layers(0, 0, 5), STRICT_MM)
    assert (result.surface_dice, result.hd95_mm) == pytest.approx((0.0, 5.0))


def test_a_mask_that_stops_short_of_the_border_is_off_by_as_much():
    """Found: faces at 2 and 8; truth: at the border, which is no surface, and at 8."""
    found, truth = layers(1, 2, 8), layers(1, 0, 8)
    assert compared(found, truth, STRICT_MM).surface_dice == pytest.approx(2 / 3)
    assert compared(found, truth, 2 * 1.1).surface_dice == pytest.approx(1.0)


def test_masks_that_fill_the_image_have_no_surface():
    full = np.ones((3, 3, 3), bool)
    result = compared(full, full, 1.0)
    assert result.dice == 1.0
    assert math.isnan(result.surface_dice)
    assert math.isnan(result.hd95_mm)


def test_nothing_to_find_and_nothing_found():
    none = np.zeros((4, 4, 4), bool)
    result = compared(none, none, 1.0)
    assert all(math.isnan(v) for v in (result.dice, result.surface_dice, result.hd95_mm))


@pytest.mark.parametrize("swap", [False, True])
def test_one_empty_mask(swap):
    some, none = layers(0, 3, 5), layers(0, 0, 0)
    pair = (none, some) if swap else (some, none)
    assert compared(*pair, 1.0) == Overlap(0.0, 0.0, math.inf)


def test_ignored_voxels_count_in_neither_mask():
    found, truth = layers(0, 3, 8), layers(0, 3, 6)
    ignored = layers(0, 6, 9)  # all that is wrong
    result = compared(found, truth, 0.0, ignored=ignored)
    assert result == Overlap(1.0, 1.0, 0.0)
    # Where the ignored layer cuts both masks there is no surface: only the lower face is judged.
    lower = compared(layers(0, 2, 8), layers(0, 3, 8), STRICT_MM, ignored=ignored)
    assert lower.surface_dice == 0.0
    assert lower.hd95_mm == pytest.approx(2.5)


def test_everything_ignored_is_nothing_to_find():
    some = layers(0, 3, 5)
    assert math.isnan(compared(some, some, 1.0, ignored=np.ones_like(some)).dice)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.9, 0.9, 2.5), (2.0, 1.0, 1.5)])
def test_a_ball_inside_a_ball(spacing_mm):
    """4 mm apart all around, give or take a voxel."""
    size = tuple(round(60 / s) for s in spacing_mm)
    small, large = (ball((30, 30, 30), r, spacing_mm, size) for r in (18, 22))
    step = max(spacing_mm)
    assert compared(small, large, 4 - 1.5 * step, spacing_mm).surface_dice < 0.06
    assert compared(small, large, 4 + step, spacing_mm).surface_dice > 0.99
    result = compared(small, large, 3.0, spacing_mm)
    assert result.hd95_mm == pytest.approx(4.0, abs=0.6 * step)
    volumes = [18.0**3, 22.0**3]
    assert result.dice == pytest.approx(2 * volumes[0] / sum(volumes), abs=0.01)


def test_a_ball_beside_itself():
    """Moved by d, a surface is off by d times the cosine, which is uniform over a ball's area."""
    spacing_mm = (0.3, 0.4, 0.5)
    size = (174, 120, 96)
    one, other = (ball((24 + shift, 24, 24), 20, spacing_mm, size) for shift in (0.0, 4.0))
    result = compared(other, one, 2.0, spacing_mm)
    # A surface is as thick as a voxel, which makes distances a little smaller.
    assert 2.0 / 4.0 <= result.surface_dice <= (2.0 + 0.5) / 4.0
    assert result.hd95_mm == pytest.approx(0.95 * 4.0, abs=0.2)


def test_a_copy_moved_by_one_voxel_is_within_one_voxel():
    mask = ball((22, 35, 50), 15, SPACING_MM)
    moved = np.roll(mask, 1, axis=0)
    result = compared(moved, mask, 2.5)
    assert result.surface_dice == 1.0
    assert result.hd95_mm <= 2.5


def box_elements(mask: np.ndarray, left_out: np.ndarray, spacing_zyx):
    """Places (mm), areas (mm2) of a box's surface, and which count: one corner after the other.

    A face element is a rectangle, an edge is cut off halfway, a corner is a triangle. Other
    elements lie at ``left_out`` and do not count.
    """
    mask, left_out = np.pad(mask, 1), np.pad(left_out, 1, constant_values=True)
    places, areas, counts = [], [], []
    for corner in itertools.product(*(range(n - 1) for n in mask.shape)):
        cube = tuple(slice(c, c + 2) for c in corner)
        inside = np.argwhere(mask[cube])
        if len(inside) in (0, 8):
            continue
        s = np.asarray(spacing_zyx)
        along = np.ptp(inside, axis=0) > 0
        if len(inside) == 4:
            area = np.prod(s[along])
        elif len(inside) == 2:
            area = s[along][0] * math.hypot(*(s[~along] / 2))
        else:
            a, b, c = s / 2
            area = math.hypot(a * b, b * c, c * a) / 2
        places.append(np.asarray(corner) * s)
        areas.append(area)
        counts.append(not left_out[cube].any())
    return np.array(places), np.array(areas), np.array(counts)


def slow_surface_figures(found, truth, left_out, spacing_zyx, tolerance_mm):
    """Surface Dice and HD95 from every distance of every element to every other."""
    surfaces = [box_elements(mask, left_out, spacing_zyx) for mask in (found, truth)]
    right, total, reached = 0.0, 0.0, []
    for (places, areas, counts), (others, _, _) in itertools.permutations(surfaces, 2):
        to_other = np.linalg.norm(places[:, None] - others, axis=2).min(axis=1)[counts]
        own = areas[counts]
        right += own[to_other <= tolerance_mm + 1e-3].sum()
        total += own.sum()
        # The least distance within which 95 % of the area lies.
        shares = [own[to_other <= d + 1e-3].sum() >= 0.95 * own.sum() - 1e-6 for d in to_other]
        reached += [to_other[shares].min()] if len(own) else []
    return (right / total if total else math.nan), max(reached, default=math.nan)


@st.composite
def boxes(draw) -> np.ndarray:
    mask = np.zeros((6, 7, 8), bool)
    first = [draw(st.integers(0, n - 1)) for n in mask.shape]
    stop = [draw(st.integers(a + 1, n)) for a, n in zip(first, mask.shape, strict=True)]
    mask[tuple(slice(*ends) for ends in zip(first, stop, strict=True))] = True
    return mask


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    found=boxes(),
    truth=boxes(),
    ignored=st.one_of(st.just(np.zeros((6, 7, 8), bool)), boxes()),
    spacing_mm=st.tuples(*[st.sampled_from([0.6, 1.0, 2.5])] * 3),
    tolerance_mm=st.sampled_from([0.0, 1.0, 2.5, 4.0]),
)
def test_boxes_against_a_slow_count(found, truth, ignored, spacing_mm, tolerance_mm):
    result = compared(found, truth, tolerance_mm, spacing_mm, ignored)
    found, truth = found & ~ignored, truth & ~ignored
    assume(found.any() and truth.any())
    expected = slow_surface_figures(found, truth, ignored, spacing_mm[::-1], tolerance_mm)
    got = (result.surface_dice, result.hd95_mm)
    assert got == pytest.approx(expected, abs=1e-3, nan_ok=True)


def test_any_shape_against_the_library_where_nothing_is_cut():
    from monai.metrics import compute_surface_dice

    found, truth = ball((22, 35, 50), 14, SPACING_MM), ball((24, 33, 48), 17, SPACING_MM)
    found[18:20] = False
    one_hot = [torch.from_numpy(np.stack([~m, m])[None]).float() for m in (found, truth)]
    expected = compute_surface_dice(*one_hot, [2.0], spacing=SPACING_MM[::-1], use_subvoxels=True)
    result = compared(found, truth, 2.0)
    assert 0.1 < result.surface_dice < 0.9
    assert result.surface_dice == pytest.approx(float(expected), abs=1e-5)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(found=boxes(), truth=boxes())
def test_found_and_truth_can_be_exchanged(found, truth):
    there, back = compared(found, truth, 1.0), compared(truth, found, 1.0)
    assert there.dice == back.dice
    assert there.surface_dice == pytest.approx(back.surface_dice, nan_ok=True)
    assert there.hd95_mm == pytest.approx(back.hd95_mm, nan_ok=True)


def test_only_the_asked_label_counts():
    truth = Volume(np.array([[[1, 1, 2, 2]]], np.uint8))
    found = truth.with_array(np.array([[[1, 1, 1, 2]]], np.uint8))
    assert overlap(found, truth, 1, tolerance_mm=1).dice == pytest.approx(0.8)
    assert overlap(found, truth, 2, tolerance_mm=1).dice == pytest.approx(2 / 3)


def test_another_grid_and_a_negative_tolerance_are_refused():
    truth = labels(layers(0, 3, 5))
    other = labels(layers(0, 3, 5), (1.0, 1.0, 1.0))
    with pytest.raises(InputError, match="grid"):
        overlap(other, truth, 1, tolerance_mm=1.0)
    with pytest.raises(InputError, match="'ignored'"):
        overlap(truth, truth, 1, tolerance_mm=1.0, ignored=other)
    with pytest.raises(InputError, match="-1"):
        overlap(truth, truth, 1, tolerance_mm=-1.0)


def test_the_interval_holds_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(4)
    intervals = [patient_mean(rng.normal(0.9, 0.05, 40), seed=k) for k in range(300)]
    coverage = np.mean([i.low <= 0.9 <= i.high for i in intervals])
    assert 0.90 <= coverage <= 0.975
    assert np.mean([i.high - i.low for i in intervals]) == pytest.approx(
        2 * 1.96 * 0.05 / math.sqrt(40), rel=0.05
    )


def test_the_interval_is_that_of_scipy():
    from scipy import stats

    values = np.random.default_rng(8).exponential(size=12)
    expected = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=20_000)
    mine = patient_mean(values)
    width = mine.high - mine.low
    assert mine.mean == pytest.approx(values.mean())
    assert mine.low == pytest.approx(expected.confidence_interval.low, abs=0.05 * width)
    assert mine.high == pytest.approx(expected.confidence_interval.high, abs=0.05 * width)


def test_the_interval_is_a_function_of_values_and_seed():
    values = np.random.default_rng(5).normal(0.9, 0.05, 12)
    assert patient_mean(values) == patient_mean(values)
    assert patient_mean(values).low != patient_mean(values, seed=1).low


def test_small_groups_have_no_interval():
    few = patient_mean([0.5] * (LEAST_PATIENTS - 1))
    assert few.mean == 0.5
    assert math.isnan(few.low)
    assert math.isnan(few.high)
    assert few.in_words() == "0.500 (no interval)"
    assert patient_mean([0.5] * LEAST_PATIENTS).in_words(1) == "0.5 [0.5, 0.5]"
    assert patient_mean([]).in_words() == "none"


def test_values_that_are_no_numbers_are_not_averaged_in_silence():
    with pytest.raises(InputError, match="2 of 6"):
        patient_mean([1.0, math.nan, 1.0, 1.0, math.inf, 1.0])


def test_a_table_has_a_cell_for_each_column():
    with pytest.raises(ValueError, match="shorter|longer"):
        Table(("a", "b"), (("1",),)).as_text()


GOOD, MISSED, NONE = Overlap(0.9, 0.8, 2.0), Overlap(0, 0, math.inf), Overlap(*[math.nan] * 3)


def score(patient_id: str, right: Overlap, left: Overlap, *groups: str) -> LungScore:
    return LungScore(patient_id, {"kernel": groups}, {"right": right, "left": left}, 1.0)


def test_a_patient_counts_once_and_with_the_lungs_that_there_are():
    assert score("a", Overlap(0.9, 0.8, 2), Overlap(0.7, 0.6, 4)).mean(Measure.DICE) == 0.8
    assert score("a", GOOD, NONE).mean(Measure.HD95_MM) == 2.0
    assert score("a", GOOD, MISSED).mean(Measure.SURFACE_DICE) == 0.4
    assert math.isnan(score("a", NONE, NONE).mean(Measure.DICE))


def test_groups_name_their_size_their_missed_lungs_and_their_worst_case():
    scores = [
        score("p1", GOOD, GOOD, "soft"),
        score("p2", GOOD, MISSED, "soft", "odd"),
        score("p3", Overlap(0.6, 0.5, 9.0), NONE, "sharp"),
    ]
    table = group_table({"ours": scores, "theirs": scores[:1]}, "kernel")
    assert table.header[:3] == ("kernel", "method", "n")
    rows = {row[:2]: row[2:] for row in table.rows}
    assert [row[0] for row in table.rows] == ["odd", "odd", "sharp", "sharp", "soft", "soft"]
    assert rows["soft", "ours"] == (
        "2",
        "0.675 (no interval)",  # (0.9 + 0.45) / 2
        "0.600 (no interval)",
        "2.0 (no interval)",  # the missed lung has no distance, and its patient none
        "1",
        "0.000 left, p2",
    )
    assert rows["sharp", "ours"][0] == "1"
    assert rows["sharp", "ours"][-1] == "0.600 right, p3"
    assert rows["odd", "theirs"] == ("0", "none", "none", "none", "0", "none")


def test_each_lung_has_its_row():
    lungs = lung_table({"ours": [score(str(k), GOOD, MISSED) for k in range(6)]})
    rows = {row[0]: row[2:] for row in lungs.rows}
    assert rows["right"][:2] == ("6", "0.900 [0.900, 0.900]")
    assert rows["left"][-2:] == ("6", "0.000 left, 0")
    assert rows["both"][1] == "0.450 [0.450, 0.450]"


def test_lungs_are_found_and_compared(small_patient):
    truth = small_patient.lungs
    wrong = truth.array.copy()
    wrong[:20] = 0
    cases = [
        LungCase("good", small_patient.ct, truth, {"kernel": ("STANDARD",)}),
        LungCase("half known", small_patient.ct, truth.with_array(wrong)),
        LungCase(
            "ignored",
            small_patient.ct,
            truth.with_array(wrong),
            ignored=truth.with_array((truth.array != wrong).astype(np.uint8)),
        ),
    ]
    good, half, ignored = evaluate_lungs(cases, LungMethod.CLASSICAL)
    assert (good.patient_id, good.groups, good.refusal) == ("good", {"kernel": ("STANDARD",)}, "")
    assert min(lung.dice for lung in good.lungs.values()) > 0.98
    assert half.mean(Measure.DICE) < 0.9
    assert ignored.mean(Measure.DICE) > 0.98


def test_a_method_that_finds_nothing_has_missed_what_there_is(small_patient):
    water = small_patient.ct.with_array(np.zeros(small_patient.ct.shape, np.int16))
    (result,) = evaluate_lungs([LungCase("w", water, small_patient.lungs)], LungMethod.CLASSICAL)
    assert result.lungs == {"right": MISSED, "left": MISSED}
    assert "No lung was found" in result.refusal
