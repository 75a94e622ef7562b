"""The quality gate on a made-up thorax: the contract, the layout of the slices, tags, contents."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from LungPNetLib.errors import InputError
from LungPNetLib.quality import assess_lungs, assess_series, density_caveats
from LungPNetLib.quality.scout import survey
from LungPNetLib.result import Verdict
from LungPNetLib.study import Acquisition, Gap, SliceGeometry
from LungPNetLib.volume import Volume
from quality_samples import (
    GOOD_TAGS,
    SPACING_MM,
    anatomy,
    by_id,
    clean_hu,
    noisy,
    not_passed,
    series,
    study_of,
)

SERIES_CHECKS = [
    "scan_length",
    "slice_thickness",
    "slice_spacing",
    "missing_slices",
    "slice_regularity",
    "duplicate_slices",
    "gantry_tilt",
    "pixel_size",
    "hu_scale",
    "kernel",
    "noise",
    "contrast",
    "metal",
    "compression",
    "body_region",
]
LUNG_CHECKS = ["lungs_found", "field_of_view", "scan_range", "lung_volume", "motion"]


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return clean_hu()


@pytest.fixture(scope="module")
def lungs() -> Volume:
    return Volume(anatomy()[1], SPACING_MM)


def test_a_clean_thorax_passes_everything(clean, lungs):
    study = study_of(clean)
    checks = assess_series(study) + assess_lungs(study, lungs)
    assert [check.check_id for check in checks] == SERIES_CHECKS + LUNG_CHECKS
    assert not_passed(checks) == {}
    assert density_caveats(study, checks) == ()
    for check in checks:
        assert check.value is not None
        assert check.meaning.endswith(".")
        assert check.title


@pytest.mark.parametrize("axes", [(2, 0, 1), (1, 2, 0), (2, 1, 0)])
def test_verdicts_do_not_depend_on_the_axis_order(clean, lungs, axes):
    column, row, plane = (2 - axis for axis in axes[::-1])
    direction = np.eye(3)[:, [column, row, plane]] * [-1, 1, -1]
    spacing = tuple(SPACING_MM[axis] for axis in (column, row, plane))

    def turned(array):
        return Volume(array.transpose(axes)[::-1, :, ::-1], spacing, (0, 0, 0), direction)

    upright, other = study_of(clean), study_of(clean, ct=turned(clean))
    assert assess_series(other) == assess_series(upright)
    assert assess_lungs(other, turned(lungs.array)) == assess_lungs(upright, lungs)


def test_the_checks_are_the_same_for_anything(clean):
    tiny = study_of(np.zeros((1, 4, 5), np.float32))
    assert [check.check_id for check in assess_series(tiny)] == SERIES_CHECKS
    nothing = tiny.ct.with_array(np.zeros((1, 4, 5), np.uint8))
    assert [check.check_id for check in assess_lungs(tiny, nothing)] == LUNG_CHECKS


def test_lungs_on_another_grid_are_an_error(clean, lungs):
    with pytest.raises(InputError, match="do not lie on the grid"):
        assess_lungs(study_of(clean), lungs.cropped((0, 0, 0), (350, 250, 149)))


def test_a_large_volume_is_assessed_in_seconds_with_little_memory(clean, lungs):
    hu = np.repeat(clean, 4, axis=0)[:, :, :]
    labels = np.repeat(lungs.array, 4, axis=0)
    study = study_of(hu, ct=Volume(hu, (1.0, 1.0, 0.375)))
    tracemalloc.start()
    started = time.process_time()
    assess_series(study)
    assess_lungs(study, study.ct.with_array(labels))
    seconds = time.process_time() - started
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 15
    assert peak_bytes < hu.nbytes


@pytest.mark.parametrize(
    ("thickness_mm", "verdict", "word"),
    [(1.0, "pass", "lung density"), (2.5, "warn", "do for nodules"), (5.0, "warn", "missed")],
)
def test_slice_thickness(clean, thickness_mm, verdict, word):
    check = series(clean, replace(GOOD_TAGS, slice_thickness_mm=thickness_mm))["slice_thickness"]
    assert (check.verdict.value, check.value, check.unit) == (verdict, thickness_mm, "mm")
    assert word in check.meaning


def test_spacing_stands_in_for_a_missing_thickness(clean):
    study = study_of(clean, replace(GOOD_TAGS, slice_thickness_mm=None))
    study = replace(study, geometry=SliceGeometry(3.0))
    checks = assess_series(study)
    assert by_id(checks)["slice_thickness"].value == 3.0
    assert by_id(checks)["slice_thickness"].verdict is Verdict.WARN
    assert any("Slices of 3 mm" in caveat for caveat in density_caveats(study, checks))


@pytest.mark.parametrize(
    ("spacing_mm", "verdict", "word"),
    [
        (1.5, "pass", "contiguous"),
        (0.75, "pass", "overlap by 50 %"),
        (3.0, "warn", "leave 1.5 mm between them"),
        (12.0, "refuse", "12 mm apart"),
    ],
)
def test_slice_spacing_against_thickness(clean, spacing_mm, verdict, word):
    check = series(clean, geometry=SliceGeometry(spacing_mm))["slice_spacing"]
    assert (check.verdict.value, check.value) == (verdict, spacing_mm)
    assert word in check.meaning


def test_gaps_copies_tilt_and_irregular_slices_are_told(clean):
    geometry = SliceGeometry(
        1.5,
        tilt_deg=12.5,
        gaps=(Gap(10, 4.5, 2), Gap(40, 3.0, 1)),
        irregular_mm=0.4,
        duplicates_dropped=3,
        regridded=True,
    )
    checks = series(clean, geometry=geometry)
    values = {"missing_slices": 3, "duplicate_slices": 3, "gantry_tilt": 12.5}
    for name, value in {**values, "slice_regularity": 0.4}.items():
        assert (checks[name].verdict, checks[name].value) == (Verdict.WARN, value)
    assert "widest gap 4.5 mm" in checks["missing_slices"].meaning


def test_short_and_flat_volumes(clean):
    assert series(clean[50:80])["scan_length"].verdict is Verdict.WARN
    assert series(clean[50:80])["scan_length"].value == 45.0
    assert series(clean[50:52])["scan_length"].verdict is Verdict.REFUSE


def test_coarse_pixels_warn(clean):
    coarse = Volume(clean[:, ::3, ::3], (3.0, 3.0, 1.5))
    assert series(clean, ct=coarse)["pixel_size"].verdict is Verdict.WARN


@pytest.mark.parametrize("box", [np.s_[:], np.s_[60:70]], ids=["whole", "slab of 15 mm"])
def test_bright_blood_is_contrast(clean, box):
    hu = clean.copy()
    hu[anatomy()[0] == 45] += 250
    check = series(hu[box])["contrast"]
    assert check.verdict is Verdict.WARN
    assert "not stated" in check.meaning
    assert check.value > 3
    assert series(clean[box])["contrast"].verdict is Verdict.PASS


def test_bone_in_front_and_bright_organs_at_the_side_are_no_contrast(clean):
    bone, implant = clean.copy(), clean.copy()
    bone[50:80, 30:68, 155:195] += 700
    bone[52:78, 33:65, 158:192] -= 500
    implant[40:70, 90:150, 30:60] += 120
    for hu in (bone, implant):
        assert series(hu)["contrast"].verdict is Verdict.PASS


def test_stated_contrast_counts_even_when_it_is_not_seen(clean):
    assert series(clean[::6], replace(GOOD_TAGS, contrast_agent="IV"))[
        "contrast"
    ].verdict.value == ("warn")
    assert series(clean[::6], replace(GOOD_TAGS, contrast_agent="NONE"))[
        "contrast"
    ].verdict.value == ("pass")


def test_metal_in_the_body_warns_and_on_the_couch_does_not(clean):
    inside, outside = clean.copy(), clean.copy()
    inside[70:74, 100:108, 170:178] = 3071
    check = series(inside)["metal"]
    assert check.verdict is Verdict.WARN
    assert check.value == pytest.approx(4 * 8 * 8 * 1.5 / 1000, rel=0.1)
    outside[:, 236:242, 20:330] = 100
    outside[70:74, 236:242, 20:28] = 3071
    assert series(outside)["metal"].verdict is Verdict.PASS


def test_lossy_images_and_other_regions_warn(clean):
    tags = replace(GOOD_TAGS, lossy=True, body_part="EXTREMITY")
    checks = series(clean[::6], tags)
    assert checks["compression"].verdict is Verdict.WARN
    assert (checks["body_region"].verdict, checks["body_region"].value) == (
        Verdict.WARN,
        "EXTREMITY",
    )
    unknown = series(clean[::6], replace(GOOD_TAGS, body_part=""), input_format="nifti")
    assert unknown["compression"].value is None
    assert unknown["body_region"].verdict is Verdict.PASS


def test_caveats_name_every_reason(clean):
    tags = Acquisition(kernel="B70f", slice_thickness_mm=3.0, contrast_agent="IV")
    study = study_of(noisy(anatomy()[0][::6], 60), tags)
    caveats = density_caveats(study, assess_series(study))
    assert len(caveats) == 4
    for word, caveat in zip(("IV", "B70f", "3 mm", "Noise"), caveats, strict=True):
        assert word in caveat


def test_cells_of_the_scout_are_means_of_voxels(clean):
    scout = survey(Volume(clean, (1.0, 2.0, 1.5)))
    assert scout.mean_hu.shape == (50, 125, 87)
    assert scout.mean_hu[20, 30, 40] == pytest.approx(clean[60:63, 60:62, 160:164].mean())
    assert scout.cell_ml == pytest.approx(0.072)
