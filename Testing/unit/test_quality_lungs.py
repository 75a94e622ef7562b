"""Coverage of the lungs and motion as the quality gate sees them in a made-up thorax."""

from __future__ import annotations

import numpy as np
import pytest

from LungPNetLib.quality.motion import MAX_DISPLACEMENT_MM
from LungPNetLib.result import Verdict
from LungPNetLib.volume import Volume
from quality_samples import (
    SHAPE,
    SPACING_MM,
    anatomy,
    clean_hu,
    inside_circle,
    lung_checks,
    noisy,
    shifted,
)


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return clean_hu()


@pytest.fixture(scope="module")
def lungs() -> Volume:
    return Volume(anatomy()[1], SPACING_MM)


def test_missing_lungs(clean, lungs):
    none = lung_checks(clean, np.zeros(SHAPE, np.uint8))
    assert none["lungs_found"].verdict is Verdict.REFUSE
    assert all(none[name].value is None for name in none if name != "lungs_found")
    stray = np.zeros(SHAPE, np.uint8)
    stray[20:120, 100:120, 100:120] = 1
    limb = lung_checks(clean, stray)["lungs_found"]
    assert (limb.verdict, limb.value) == (Verdict.REFUSE, 60.0)
    assert lung_checks(clean[70:80], lungs.array[70:80])["lungs_found"].verdict is Verdict.PASS
    only_left = np.where(lungs.array == 2, lungs.array, 0)
    one = lung_checks(clean, only_left)["lungs_found"]
    assert one.verdict is Verdict.WARN
    assert "right lung was not found" in one.meaning


def test_lungs_cut_by_the_side_of_the_image(clean, lungs):
    check = lung_checks(clean[:, :, 60:], lungs.array[:, :, 60:])["field_of_view"]
    assert check.verdict is Verdict.WARN
    # The plane x = 60 cuts the ellipsoid (52, 78, 100) mm 35 mm from its centre.
    assert check.value == pytest.approx(np.pi * 78 * 100 * (1 - (35 / 52) ** 2) / 100, rel=0.05)


def test_the_area_along_padding_is_that_of_the_cut(clean, lungs):
    hu, labels = clean.copy(), lungs.array.copy()
    hu[:, :, :60], labels[:, :, :60] = -3024, 0
    check = lung_checks(hu, labels)["field_of_view"]
    assert check.value == pytest.approx(np.pi * 78 * 100 * (1 - (33 / 52) ** 2) / 100, rel=0.05)


@pytest.mark.parametrize("padding_hu", [-1024, -2000, -3024, 0])
def test_lungs_cut_by_a_round_field_of_view(clean, lungs, padding_hu):
    outside = ~inside_circle(110)
    hu, labels = clean.copy(), lungs.array.copy()
    hu[:, outside], labels[:, outside] = padding_hu, 0
    check = lung_checks(hu, labels)["field_of_view"]
    assert check.verdict is Verdict.WARN
    assert check.value > 100


def test_lungs_that_keep_clear_of_padding_pass(clean, lungs):
    hu = clean.copy()
    hu[:, ~inside_circle(150)] = -3024
    assert lung_checks(hu, lungs.array)["field_of_view"].verdict is Verdict.PASS


@pytest.mark.parametrize(("box", "end"), [(np.s_[:80], "top"), (np.s_[70:], "bottom")])
def test_lungs_cut_at_the_ends_of_the_scan(clean, lungs, box, end):
    checks = lung_checks(clean[box], lungs.array[box])
    assert checks["scan_range"].verdict is Verdict.WARN
    assert f"at the {end} " in checks["scan_range"].meaning
    assert checks["scan_range"].value == pytest.approx(2 * np.pi * 5.2 * 7.8, rel=0.05)
    assert checks["lung_volume"].verdict is Verdict.PASS
    assert "part" in checks["lung_volume"].meaning


def test_impossible_volumes_warn(clean, lungs):
    right_smaller = np.where(lungs.array == 1, 0, lungs.array)
    right_smaller[50:90][lungs.array[50:90] == 1] = 1
    assert lung_checks(clean, right_smaller)["lung_volume"].verdict is Verdict.WARN
    small = Volume(clean, (0.6, 0.6, 1.0))
    assert lung_checks(clean, lungs.array, ct=small)["lung_volume"].verdict is Verdict.WARN


@pytest.mark.parametrize(
    "pattern_px",
    [[0, 6], [0, 0, 6], [0] * 75 + [6] * 3 + [0] * 72],
    ids=["every second", "every third", "one pack of three"],
)
def test_slices_moved_sideways_are_motion(clean, lungs, pattern_px):
    shifts = np.resize(pattern_px, SHAPE[0])
    check = lung_checks(shifted(clean, shifts), shifted(lungs.array, shifts))["motion"]
    assert check.verdict is Verdict.WARN
    assert 2 < check.value < 12


def test_one_moved_slice_is_measured(clean, lungs):
    shifts = np.zeros(SHAPE[0], int)
    shifts[75] = 6
    check = lung_checks(shifted(clean, shifts), shifted(lungs.array, shifts))["motion"]
    assert check.verdict is Verdict.WARN
    # An ellipse moved along x by d is displaced by d |cos| of its normal: 0.7 d on this one.
    assert check.value == pytest.approx(0.7 * 6, rel=0.3)


@pytest.mark.parametrize("sd_hu", [15, 110])
def test_noise_and_a_leaning_body_are_no_motion(lungs, sd_hu):
    drift = np.arange(SHAPE[0]) // 3 - 25
    hu = noisy(shifted(anatomy()[0], drift), sd_hu)
    check = lung_checks(hu, shifted(lungs.array, drift))["motion"]
    assert check.verdict is Verdict.PASS
    assert check.value < MAX_DISPLACEMENT_MM / 2


def test_motion_is_not_assessed_in_short_or_coarse_scans(clean, lungs):
    short = lung_checks(clean[:19], lungs.array[:19])["motion"]
    coarse = lung_checks(clean, lungs.array, ct=Volume(clean, (1, 1, 6)))["motion"]
    for check in (short, coarse):
        assert (check.verdict, check.value) == (Verdict.PASS, None)
        assert check.meaning.startswith("Not assessed")
