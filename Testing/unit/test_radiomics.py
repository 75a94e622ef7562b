"""Radiomics: the vector, shape, what is undefined and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ibsi_digital_phantom import SETTINGS, digital_phantom
from LungPNetLib.errors import InputError
from LungPNetLib.radiomics.catalogue import DEFINITIONS, Family, names_of
from LungPNetLib.radiomics.features import features
from LungPNetLib.radiomics.settings import Aggregation, RadiomicsSettings
from LungPNetLib.training.config import config_from_record, config_record, find_config, load_config
from LungPNetLib.volume import AxisOrder
from radiomics_samples import AS_IT_IS, blob, volumes


@pytest.fixture(scope="module", name="blob")
def _blob():
    return blob()


# ------------------------------------------------------------------ the vector


def test_the_vector_has_128_features_of_their_own_names_and_codes():
    assert len(DEFINITIONS) == 128
    assert len({one.name for one in DEFINITIONS}) == 128
    assert len({one.code for one in DEFINITIONS}) == 128
    assert all(len(one.code) == 4 for one in DEFINITIONS)


def test_the_order_of_the_vector_is_fixed(blob):
    found = features(*blob, AS_IT_IS)
    assert tuple(found) == tuple(one.name for one in DEFINITIONS)
    assert found.as_vector().tolist() == list(found.values())
    places = {name: place for place, name in enumerate(found)}
    assert {name: places[name] for name in ("morph_volume", "stat_mean", "ih_mode")} == {
        "morph_volume": 0, "stat_mean": 25, "ih_mode": 43,
    }  # fmt: skip
    assert [places[names_of(family)[0]] for family in Family] == [0, 25, 43, 50, 75, 91, 107, 123]
    assert places["ngt_strength"] == 127


@pytest.mark.parametrize("aggregation", Aggregation, ids=lambda one: one.value)
def test_every_feature_of_an_ordinary_region_is_defined(blob, aggregation):
    found = features(*blob, replace(AS_IT_IS, aggregation=aggregation))
    assert found.undefined == ()


@pytest.mark.parametrize(
    "order",
    [AxisOrder((2, 0, 1), (False, True, False)), AxisOrder((1, 0, 2), (True, False, True))],
)
@pytest.mark.parametrize("aggregation", [Aggregation.BY_SLICE_MERGED, Aggregation.VOLUME_AVERAGED])
def test_the_order_of_the_axes_in_the_file_does_not_matter(blob, order, aggregation):
    settings = RadiomicsSettings(spacing_mm=(1.0, 1.0, 0.0), aggregation=aggregation)
    turned = (order.apply(volume) for volume in blob)
    expected = features(*blob, settings).as_vector()
    assert features(*turned, settings).as_vector() == pytest.approx(expected, rel=1e-6, abs=1e-9)


# ------------------------------------------------------------------ shape


def test_a_ball_has_the_shape_of_a_ball():
    z, y, x = np.mgrid[-12:13, -24:25, -24:25] * np.array([2.0, 1.0, 1.0])[:, None, None, None]
    found = features(*volumes(x, x**2 + y**2 + z**2 <= 20**2, (1.0, 1.0, 2.0)), AS_IT_IS)
    assert found["morph_volume"] == pytest.approx(4 / 3 * math.pi * 20**3, rel=0.01)
    assert found["morph_diam"] == pytest.approx(40, abs=2)
    assert found["morph_pca_maj_axis"] == pytest.approx(40 * math.sqrt(0.8), rel=0.01)
    assert found["morph_pca_flatness"] == pytest.approx(1, abs=0.01)
    # The mesh of a mask has steps, and so about a tenth more surface than the ball.
    assert 0.87 < found["morph_sphericity"] < 0.95
    # It ends half a voxel beyond the outer centres.
    box = found["morph_volume"] / (41 * 41 * 42)
    assert found["morph_vol_dens_aabb"] == pytest.approx(box, rel=1e-6)
    assert 0.94 < found["morph_vol_dens_conv_hull"] < 1


def test_the_centre_of_mass_shifts_towards_bright_voxels():
    ct, mask = volumes([[[1, 1, 2]], [[1, 1, 2]]], spacing_mm=(3.0, 1.0, 1.0))
    found = features(ct, mask, AS_IT_IS)
    # Weighted (0 + 1 + 2 * 2) / 4 = 1.25 columns of 3 mm, unweighted 1.
    assert found["morph_com"] == pytest.approx(0.75)


# ------------------------------------------------------------------ undefined


def test_equal_intensities_leave_features_undefined_and_named():
    ct, mask = volumes(np.full((3, 3, 3), 37.0))
    found = features(ct, mask, AS_IT_IS)
    assert set(found.undefined) == {
        "morph_moran_i", "morph_geary_c", "stat_skew", "stat_kurt", "cm_corr", "cm_info_corr1",
        "ngt_coarseness", "ngt_contrast", "ngt_busyness", "ngt_strength",
    }  # fmt: skip
    assert all(math.isnan(found[name]) for name in found.undefined)
    assert (found["stat_var"], found["cm_energy"], found["szm_z_perc"]) == (0, 1, 1 / 27)


def test_one_bin_has_no_gradient():
    ct, mask = volumes(np.full((3, 3, 3), -1000.0))
    assert "ih_max_grad" in features(ct, mask, AS_IT_IS).undefined


def test_a_mean_of_zero_has_no_coefficient_of_variation():
    found = features(*volumes([[[-10, 10]], [[-10, 10]]]), AS_IT_IS)
    assert {"stat_cov", "stat_qcod", "morph_com"} <= set(found.undefined)


def test_a_region_of_one_slice_has_a_texture_by_slice_only():
    ct, mask = volumes(np.arange(48).reshape(3, 4, 4) * 10)
    mask.array[[0, 2]] = 0
    with pytest.raises(InputError, match="one slice.*2D_comb"):
        features(ct, mask, AS_IT_IS)
    found = features(ct, mask, replace(AS_IT_IS, aggregation=Aggregation.BY_SLICE_MERGED))
    assert found.undefined == ("morph_vol_dens_aee",)
    assert (found["morph_pca_least_axis"], found["morph_pca_flatness"]) == (0, 0)


def test_voxels_in_a_line_have_no_ellipsoid():
    ct, mask = volumes(np.arange(27).reshape(3, 3, 3) * 10, np.eye(3)[:, :, None] * np.eye(3)[0])
    mask.array[:] = 0
    mask.array[[0, 1, 2], [0, 1, 2], [0, 1, 2]] = 1
    found = features(ct, mask, AS_IT_IS)
    assert found["morph_pca_elongation"] == found["morph_pca_flatness"] == 0
    assert {"morph_vol_dens_aee", "morph_area_dens_aee"} <= set(found.undefined)


def test_slices_without_neighbours_do_not_count_in_an_average():
    """The second slice has a single voxel: nothing to average in, instead of zeros."""
    one = volumes([[[0, 50], [100, 150]]])
    two = volumes([[[0, 50], [100, 150]], [[30, 0], [0, 0]]], [[[1, 1], [1, 1]], [[1, 0], [0, 0]]])
    settings = replace(AS_IT_IS, aggregation=Aggregation.BY_SLICE_MERGED)
    single, double = (features(*pair, settings) for pair in (one, two))
    for name in (*names_of(Family.GLCM), "ngt_busyness"):
        assert double[name] == pytest.approx(single[name]), name
    assert double["szm_z_perc"] == 1


# ------------------------------------------------------------------ refusals


def test_a_mask_on_another_grid_is_refused():
    ct, mask = volumes(np.zeros((3, 3, 3)))
    with pytest.raises(InputError, match="grid of the CT"):
        features(ct, replace(mask, origin_mm=(0.5, 0.0, 0.0)), AS_IT_IS)


def test_an_empty_mask_is_refused():
    ct, mask = volumes(np.zeros((3, 3, 3)), np.zeros((3, 3, 3)))
    with pytest.raises(InputError, match="empty"):
        features(ct, mask, AS_IT_IS)


def test_a_single_voxel_is_refused():
    ct, mask = volumes(np.zeros((3, 3, 3)), np.pad([[[1]]], 1))
    with pytest.raises(InputError, match="1 voxel"):
        features(ct, mask, AS_IT_IS)


def test_a_region_that_resegmentation_takes_out_is_refused():
    ct, mask = volumes(np.full((3, 3, 3), 2000.0))
    with pytest.raises(InputError, match=r"27 voxel.*0 lie within"):
        features(ct, mask, AS_IT_IS)


def test_a_region_that_resampling_takes_out_is_refused():
    ct, mask = volumes(np.zeros((9, 9, 9)), np.pad([[[1]]], 4))
    with pytest.raises(InputError, match="at least 2"):
        features(ct, mask, RadiomicsSettings(spacing_mm=(4.0, 4.0, 4.0)))


def test_voxels_that_are_no_numbers_are_refused():
    ct, mask = volumes(np.full((3, 3, 3), np.nan))
    with pytest.raises(InputError, match="finite"):
        features(ct, mask, AS_IT_IS)


def test_too_many_grey_levels_are_refused():
    ct, mask = volumes(np.arange(27.0).reshape(3, 3, 3))
    with pytest.raises(InputError, match="at most 512"):
        features(ct, mask, replace(AS_IT_IS, bin_size_hu=0.5))


# ------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spacing_mm", (1.0, -1.0, 1.0)),
        ("resegmentation_hu", (400.0, -1000.0)),
        ("bin_size_hu", 0.0),
        ("bin_number", 0),
    ],
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(InputError, match=name):
        RadiomicsSettings(**{name: value})


def test_the_pinned_file_says_what_the_code_does_by_itself():
    assert load_config(RadiomicsSettings, find_config("radiomics")) == RadiomicsSettings()


def test_settings_survive_their_record():
    for settings in (SETTINGS, RadiomicsSettings(), AS_IT_IS):
        assert config_from_record(RadiomicsSettings, config_record(settings)) == settings


def test_the_result_holds_its_settings():
    found = features(*digital_phantom(), SETTINGS)
    assert found.settings is SETTINGS
    assert found.n_voxels == found.n_voxels_inside == 74
