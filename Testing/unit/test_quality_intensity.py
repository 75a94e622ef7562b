"""Hounsfield units, noise and kernel as the quality gate sees them in a made-up thorax."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from LungPNetLib.quality import assess_series, density_caveats
from LungPNetLib.quality.tags import classify_kernel
from LungPNetLib.result import Verdict
from quality_samples import (
    GOOD_TAGS,
    SHAPE,
    anatomy,
    by_id,
    clean_hu,
    inside_circle,
    noisy,
    series,
    study_of,
)


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return clean_hu()


NOT_HU = {
    "offset not subtracted": lambda hu: hu + 1024,
    "offset subtracted twice": lambda hu: hu - 1024,
    "a tenth": lambda hu: hu * 0.1,
    "double": lambda hu: hu * 2.0,
    "0 to 1": lambda hu: (np.clip(hu, -1000, 400) + 1000) / 1400,
    "grey levels": lambda hu: np.rint((np.clip(hu, -1000, 400) + 1000) / 1400 * 255),
    "0 to 4095": lambda hu: (hu - hu.min()) / (hu.max() - hu.min()) * 4095,
    "0 to 1000": lambda hu: (hu - hu.min()) / (hu.max() - hu.min()) * 1000,
    "PET": lambda hu: np.abs(hu) / 100.0,
    "not a number": lambda hu: np.where(hu > 500, np.nan, hu),
    "constant": lambda hu: hu * 0.0 + 40,
    "mirrored": lambda hu: -hu,
    "tissue as dense as bone": lambda hu: np.interp(hu, [-1000, -860, 50], [-1000, 0, 1000]),
    "squeezed towards air": lambda hu: hu * 0.5 - 500,
}


@pytest.mark.parametrize("fault", NOT_HU)
@pytest.mark.parametrize("padding_hu", [None, -2048])
def test_values_that_are_not_hu_are_refused(clean, fault, padding_hu):
    hu = clean[::6].astype(np.float32)
    if padding_hu is not None:
        hu[:, ~inside_circle(170)] = padding_hu
    checks = series(NOT_HU[fault](hu).astype(np.float32))
    assert checks["hu_scale"].verdict is Verdict.REFUSE
    assert "HU" in checks["hu_scale"].meaning or "numbers" in checks["hu_scale"].meaning
    assert [checks[name].value for name in ("noise", "contrast", "metal")] == [None] * 3


@pytest.mark.parametrize("padding_hu", [-1024, -2000, -2048, -3024])
def test_padding_does_not_hide_the_hounsfield_scale(clean, padding_hu):
    hu = clean[::6].copy()
    hu[:, ~inside_circle(170)] = padding_hu
    check = series(hu)["hu_scale"]
    assert check.verdict is Verdict.PASS
    assert "fat -10" in check.value or "fat -9" in check.value


@pytest.mark.parametrize(
    "box",
    [
        np.s_[70:80],
        np.s_[:, 50:200, 60:290],
        np.s_[60:90, 60:180, 80:180],
    ],
    ids=["thin slab", "no air outside", "around one lung"],
)
def test_crops_without_air_outside_are_in_hu(clean, box):
    assert series(clean[box])["hu_scale"].verdict is Verdict.PASS


def test_a_sharp_kernel_and_clipped_air_are_in_hu():
    hu = np.maximum(noisy(anatomy()[0][::6], 110), -1024)
    assert series(hu)["hu_scale"].verdict is Verdict.PASS


@pytest.mark.parametrize("shift_hu", [-100, 100, 200])
def test_shifted_tissue_warns(clean, shift_hu):
    study = study_of(clean[::6] + np.int16(shift_hu))
    checks = assess_series(study)
    assert by_id(checks)["hu_scale"].verdict is Verdict.WARN
    assert any("in doubt" in caveat for caveat in density_caveats(study, checks))


@pytest.mark.parametrize("sd_hu", [5, 15, 40, 100])
@pytest.mark.parametrize("grain_px", [0.0, 0.8])
def test_noise_is_measured_within_a_fifth(sd_hu, grain_px):
    hu = noisy(anatomy()[0][::6], sd_hu, grain_px)
    check = series(hu)["noise"]
    assert check.value == pytest.approx(sd_hu, rel=0.2)
    assert check.verdict is (Verdict.WARN if sd_hu > 30 else Verdict.PASS)


def test_noise_is_measured_in_a_few_slices_with_contrast():
    hu = anatomy()[0][70:76].copy()
    hu[hu == 45] = 300
    assert series(noisy(hu, 25, 0.8))["noise"].value == pytest.approx(25, rel=0.2)


def test_borders_are_no_noise():
    hu = anatomy()[0][::6].copy()
    strands = np.zeros(SHAPE[1:], bool)
    strands[:, ::7] = True
    strands[:130] = False
    hu[:, strands] = np.where(hu[:, strands] == 50, -30, hu[:, strands])
    assert series(noisy(hu, 10, 0.8))["noise"].value == pytest.approx(10, rel=0.2)


@pytest.mark.parametrize(
    ("name", "manufacturer", "kind"),
    [
        ("STANDARD", "GE MEDICAL SYSTEMS", "standard"),
        ("SOFT", "GE MEDICAL SYSTEMS", "soft"),
        ("LUNG", "GE MEDICAL SYSTEMS", "sharp"),
        ("BONE", "GE MEDICAL SYSTEMS", "sharp"),
        ("BONEPLUS", "GE MEDICAL SYSTEMS", "sharp"),
        ("CHST", "GE MEDICAL SYSTEMS", "sharp"),
        ("DETAIL", "GE MEDICAL SYSTEMS", "sharp"),
        ("EDGE", "GE MEDICAL SYSTEMS", "sharp"),
        ("B10f", "SIEMENS", "soft"),
        ("B30f", "SIEMENS", "standard"),
        ("B35s", "SIEMENS", "standard"),
        ("B50f", "SIEMENS", "sharp"),
        ("B80f", "SIEMENS", "sharp"),
        ("Br40d/3", "Siemens Healthineers", "standard"),
        ("['Bl57d', '2']", "Siemens Healthineers", "sharp"),
        ("I70f/3", "SIEMENS", "sharp"),
        ("I26f", "SIEMENS", "soft"),
        ("A", "Philips", "soft"),
        ("B", "Philips", "standard"),
        ("C", "Philips", "sharp"),
        ("D", "Philips", "sharp"),
        ("L", "Philips", "sharp"),
        ("YA", "Philips", "sharp"),
        ("YC", "", "sharp"),
        ("FC01", "TOSHIBA", "soft"),
        ("FC03", "TOSHIBA", "standard"),
        ("FC13-H", "TOSHIBA", "standard"),
        ("FC51", "TOSHIBA", "sharp"),
        ("FC86", "CANON", "sharp"),
        ("BODY SHARP", "CANON", "sharp"),
        ("B", "SIEMENS", "unknown"),
        ("custom", "", "unknown"),
        ("", "", "unknown"),
    ],
)
def test_kernels_of_the_vendors(name, manufacturer, kind):
    assert classify_kernel(name, manufacturer) == kind


@pytest.mark.parametrize(("grain_px", "verdict"), [(0.0, "warn"), (0.8, "pass")])
def test_the_grain_of_the_noise_tells_an_unknown_kernel(grain_px, verdict):
    hu = noisy(anatomy()[0][::6], 20, grain_px)
    check = series(hu, replace(GOOD_TAGS, kernel=""))["kernel"]
    assert check.verdict.value == verdict
    assert "not stated" in check.meaning


def test_a_sharp_kernel_by_its_tag_warns(clean):
    check = series(clean[::6], replace(GOOD_TAGS, kernel="BONE"))["kernel"]
    assert (check.verdict, check.value) == (Verdict.WARN, "BONE (sharp)")
