"""The quality gate on real CT, as it is and degraded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from LungPNetLib.quality import assess_lungs, assess_series
from LungPNetLib.result import Verdict
from LungPNetLib.study import Acquisition, SliceGeometry, Study
from LungPNetLib.volume import Volume
from quality_samples import (
    by_id,
    not_passed,
    shifted,
)


def read_real(folder: Path, kernel: str) -> Study:
    sitk = pytest.importorskip("SimpleITK")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    ct = Volume.from_sitk(reader.Execute())
    tags = Acquisition(kernel=kernel, slice_thickness_mm=2.5, body_part="CHEST")
    geometry = SliceGeometry(ct.spacing_mm[2])
    return Study(
        ct.with_array(ct.array.astype(np.int16)), "dicom", acquisition=tags, geometry=geometry
    )


def halved(study: Study) -> tuple[Study, Volume]:
    """Every second pixel, and a plain labelling of enclosed air: right and left of the middle."""
    ct = study.ct
    width, height, depth = ct.spacing_mm
    hu = np.ascontiguousarray(ct.array[:, ::2, ::2])
    ct = Volume(hu, (2 * width, 2 * height, depth), ct.origin_mm, ct.direction)
    smooth = ndimage.uniform_filter(np.clip(hu, -1024, 400), (1, 3, 3))
    parts, _ = ndimage.label(ndimage.binary_opening(smooth < -500, np.ones((1, 3, 3))))
    outside = np.unique(np.concatenate([parts[:, 0], parts[:, -1], parts[:, :, 0].T], axis=None))
    sizes_ml = np.bincount(parts.ravel()) * ct.voxel_volume_ml
    sizes_ml[outside] = 0
    lung = (sizes_ml > 300)[parts]
    middle = round(ndimage.center_of_mass(lung)[2])
    labels = lung.astype(np.uint8)
    labels[:, :, middle:] *= 2
    return replace(study, ct=ct), ct.with_array(labels)


@pytest.fixture(scope="module", params=[("lidc-0028", "STANDARD"), ("lidc-0306", "BONE")])
def real(request, real_data) -> Study:
    name, kernel = request.param
    return read_real(real_data / name / "ct", kernel)


def test_real_ct_is_not_refused(real):
    checks = by_id(assess_series(real))
    expected = {"slice_thickness": "warn"}
    if real.acquisition.kernel == "BONE":
        expected |= {"kernel": "warn", "noise": "warn"}
    assert not_passed(list(checks.values())) == expected
    study, lungs = halved(real)
    found = by_id(assess_lungs(study, lungs))
    for name in ("lungs_found", "field_of_view", "lung_volume", "motion"):
        assert found[name].verdict is Verdict.PASS


def test_the_grain_of_real_noise_tells_the_kernel(real):
    silent = replace(real, acquisition=replace(real.acquisition, kernel=""))
    sharp = real.acquisition.kernel == "BONE"
    verdict = by_id(assess_series(silent))["kernel"].verdict
    assert verdict is (Verdict.WARN if sharp else Verdict.PASS)


def test_real_ct_that_is_not_in_hu_is_refused(real):
    tenth = (real.ct.array * 0.1).astype(np.int16)
    for array in (tenth, real.ct.array + 1024):
        broken = replace(real, ct=real.ct.with_array(array))
        assert by_id(assess_series(broken))["hu_scale"].verdict is Verdict.REFUSE


def test_metal_in_a_real_ct_is_found(real):
    array = real.ct.array.copy()
    array[50:54, 180:196, 200:216] = 3071
    check = by_id(assess_series(replace(real, ct=real.ct.with_array(array))))["metal"]
    assert check.verdict is Verdict.WARN


def test_a_cropped_and_a_moved_real_ct_are_found(real):
    study, lungs = halved(real)
    box = ((60, 60, 0), (136, 140, study.ct.shape[0]))
    cropped = replace(study, ct=study.ct.cropped(*box))
    view = by_id(assess_lungs(cropped, lungs.cropped(*box)))["field_of_view"]
    assert view.verdict is Verdict.WARN
    step = round(6 / study.ct.spacing_mm[0])
    shifts = np.random.default_rng(1).choice([-step, 0, step], size=study.ct.shape[0])
    moved = study.ct.with_array(shifted(study.ct.array, shifts))
    labels = lungs.with_array(shifted(lungs.array, shifts))
    assert by_id(assess_lungs(replace(study, ct=moved), labels))["motion"].verdict is Verdict.WARN
