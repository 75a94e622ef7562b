"""Radiomics: how a region is prepared before any feature is computed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from LungPNetLib.radiomics.features import features
from LungPNetLib.radiomics.histogram import histogram_features
from LungPNetLib.radiomics.region import prepare
from LungPNetLib.radiomics.resample import resampled_region
from LungPNetLib.radiomics.settings import Discretization, RadiomicsSettings
from radiomics_samples import AS_IT_IS, blob, volumes

# ------------------------------------------------------------------ resampling


def test_the_new_grid_has_the_same_centre():
    ramp = np.arange(6.0).reshape(1, 1, 6)
    image, mask = resampled_region(ramp, ramp >= 0, (1.0, 1.0, 1.0), (1.0, 1.0, 2.0))
    assert image.ravel().tolist() == [0.5, 2.5, 4.5]
    assert mask.all()


def test_the_new_grid_covers_the_image_and_repeats_its_edge():
    ramp = np.arange(5.0).reshape(1, 1, 5)
    image, _ = resampled_region(ramp, ramp >= 0, (1.0, 1.0, 1.0), (1.0, 1.0, 2.0))
    assert image.ravel().tolist() == [0.0, 2.0, 4.0]
    image, _ = resampled_region(ramp, ramp >= 0, (1.0, 1.0, 1.0), (1.0, 1.0, 3.0))
    assert image.ravel().tolist() == [0.5, 3.5]
    image, _ = resampled_region(ramp[..., :2], ramp[..., :2] >= 0, (1.0,) * 3, (1.0, 1.0, 0.75))
    assert image.ravel().tolist() == [0.0, 0.5, 1.0]


def test_half_a_voxel_in_the_mask_is_enough():
    mask = np.array([[[True, False, False, False]]])
    _, found = resampled_region(mask, mask, (1.0, 1.0, 1.0), (1.0, 1.0, 2.0))
    assert found.ravel().tolist() == [True]
    mask = np.array([[[True, False, False, False, False]]])
    _, found = resampled_region(mask, mask, (1.0, 1.0, 1.0), (1.0, 1.0, 1.5))
    assert found.ravel().tolist() == [True]  # at -0.25 and 1.25 of the old voxels


def test_a_spacing_that_divides_the_extent_adds_no_voxel():
    image = np.zeros((1, 1, 100))
    found, _ = resampled_region(image, image == 0, (0.7, 0.7, 0.7), (0.7, 0.7, 0.1))
    assert found.shape == (1, 1, 700)


def test_an_axis_with_spacing_0_keeps_its_slices():
    ct, mask = blob()
    region = prepare(ct, mask, RadiomicsSettings(spacing_mm=(1.0, 1.0, 0.0)))
    assert region.spacing_mm == (1.5, 1.0, 1.0)
    assert region.morphological.shape[0] == mask.array.any(axis=(1, 2)).sum()


# ------------------------------------------------------------------ intensities


def test_intensities_are_rounded_before_resegmentation():
    ct, mask = volumes([[[-1000.4, 10.2, 400.4, 400.6]], [[0, 0, 0, 0]]])
    region = prepare(ct, mask, AS_IT_IS)
    assert region.inside[0].tolist() == [[True, True, True, False]]
    assert region.intensities[0, 0, :3].tolist() == [-1000, 10, 400]
    region = prepare(ct, mask, replace(AS_IT_IS, round_intensities=False))
    assert region.inside[0].tolist() == [[False, True, False, False]]


def test_resegmentation_leaves_the_shape_alone():
    ct, mask = volumes([[[0, 10, 900]], [[0, 20, 30]]])
    found = features(ct, mask, AS_IT_IS)
    assert (found.n_voxels, found.n_voxels_inside) == (6, 5)
    assert (found["morph_vol_approx"], found["stat_max"]) == (6, 30)


def test_bins_of_a_fixed_size_begin_at_the_range():
    ct, mask = volumes([[[-1000, -976, -975, 399, 400]], [[0, 0, 0, 0, 0]]])
    assert prepare(ct, mask, AS_IT_IS).levels[0, 0].tolist() == [1, 1, 2, 56, 57]
    without = replace(AS_IT_IS, resegmentation_hu=None, bin_size_hu=100.0)
    assert prepare(ct, mask, without).levels[0, 0].tolist() == [1, 1, 1, 14, 15]


def test_a_fixed_number_of_bins_spans_the_region():
    ct, mask = volumes([[[0, 24, 25, 75, 100]], [[0, 0, 0, 0, 0]]])
    settings = replace(AS_IT_IS, discretization=Discretization.FIXED_BIN_NUMBER, bin_number=4)
    assert prepare(ct, mask, settings).levels[0, 0].tolist() == [1, 1, 2, 4, 4]


def test_of_modes_the_one_next_to_the_mean_is_taken():
    assert histogram_features(np.array([1, 1, 3, 3, 4]))["ih_mode"] == 3
    assert histogram_features(np.array([1, 1, 3, 3]))["ih_mode"] == 1
