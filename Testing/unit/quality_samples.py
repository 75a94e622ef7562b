"""A made-up thorax for the tests of the quality gate, and short ways to ask the gate."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from scipy import ndimage

from LungPNetLib.quality import assess_lungs, assess_series
from LungPNetLib.result import QualityCheck, Verdict
from LungPNetLib.study import Acquisition, SliceGeometry, Study
from LungPNetLib.volume import Volume

SPACING_MM = (1.0, 1.0, 1.5)
SHAPE = (150, 250, 350)
GOOD_TAGS = Acquisition(kernel="B30f", slice_thickness_mm=1.5, body_part="CHEST")


@lru_cache(maxsize=1)
def anatomy() -> tuple[np.ndarray, np.ndarray]:
    """Noise-free HU (int16) and lung labels of a thorax 225 mm long, 330 mm wide, 230 mm deep."""
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    z, y, x = (z - 75) * 1.5, y - 125.0, x - 175.0

    def ellipsoid(centre_xyz, radii_xyz):
        terms = [(v - c) / r for v, c, r in zip((x, y, z), centre_xyz, radii_xyz, strict=True)]
        return sum(np.square(t) for t in terms) < 1

    hu = np.full(SHAPE, -1000, np.int16)
    labels = np.zeros(SHAPE, np.uint8)
    long = np.inf
    hu[ellipsoid((0, 0, 0), (165, 115, long))] = -100
    hu[ellipsoid((0, 0, 0), (150, 100, long))] = 50
    for label, side in ((1, -1), (2, 1)):
        lung = ellipsoid((side * 80, 0, 0), (52, 78, 100))
        hu[lung], labels[lung] = -860, label
    hu[ellipsoid((0, 55, 0), (20, 18, long))] = 600
    hu[ellipsoid((0, 55, 0), (17, 15, long))] = 200
    hu[ellipsoid((0, -25, -20), (25, 30, 50))] = 45
    hu[ellipsoid((0, 10, 80), (9, 9, 70))] = -1000
    return hu, labels


def study_of(hu: np.ndarray, tags: Acquisition = GOOD_TAGS, **changes) -> Study:
    geometry = SliceGeometry(slice_spacing_mm=SPACING_MM[2])
    study = Study(Volume(hu, SPACING_MM), "dicom", acquisition=tags, geometry=geometry)
    return replace(study, **changes)


def noisy(hu: np.ndarray, sd_hu: float, grain_px: float = 0.0) -> np.ndarray:
    """``hu`` with noise of a known standard deviation, correlated in plane over ``grain_px``."""
    noise = np.random.default_rng(7).standard_normal(hu.shape, dtype=np.float32)
    if grain_px:
        noise = ndimage.gaussian_filter(noise, (0, grain_px, grain_px))
        noise /= noise.std()
    return np.rint(hu + sd_hu * noise).astype(np.int16)


@lru_cache(maxsize=1)
def clean_hu() -> np.ndarray:
    """HU of the thorax with noise of 15 HU and the grain of a standard kernel, read-only."""
    hu = noisy(anatomy()[0], 15, grain_px=0.8)
    hu.setflags(write=False)
    return hu


def by_id(checks: list[QualityCheck]) -> dict[str, QualityCheck]:
    return {check.check_id: check for check in checks}


def series(hu: np.ndarray, tags: Acquisition = GOOD_TAGS, **changes) -> dict[str, QualityCheck]:
    return by_id(assess_series(study_of(hu, tags, **changes)))


def not_passed(checks: list[QualityCheck]) -> dict[str, str]:
    return {c.check_id: c.verdict.value for c in checks if c.verdict is not Verdict.PASS}


def lung_checks(hu: np.ndarray, labels: np.ndarray, **changes) -> dict[str, QualityCheck]:
    study = study_of(hu, **changes)
    return by_id(assess_lungs(study, study.ct.with_array(labels)))


def inside_circle(radius_px: float) -> np.ndarray:
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    return (y - 125.0) ** 2 + (x - 175.0) ** 2 < radius_px**2


def shifted(array: np.ndarray, shifts_px: np.ndarray) -> np.ndarray:
    return np.stack([np.roll(plane, s, axis=1) for plane, s in zip(array, shifts_px, strict=True)])
