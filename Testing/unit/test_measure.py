"""Nodules of known form, density and place are measured right at any spacing."""

from __future__ import annotations

import csv
import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ellipsoids import CENTRE_MM, ellipsoid, surface_mm2, true_sphericity, volume_mm3
from LungPNetLib.errors import InputError
from LungPNetLib.grading.axes import section_axes
from LungPNetLib.grading.measure import NoduleMeasurements, measure_nodule
from LungPNetLib.volume import AxisOrder, Volume, read_image


def measured(mask: Volume) -> NoduleMeasurements:
    return measure_nodule(mask.with_array(mask.array.astype(np.int16)), mask)


# Diameters and turn, spacing, and how far the result may be off: axes in mm, volume in %. In space,
# the border is known to about half the distance of the slices.
ERROR_TABLE = [
    ((6.0, 6.0, 6.0), 0, (0.7, 0.7, 0.7), 0.4, 3),
    ((6.0, 6.0, 6.0), 0, (0.7, 0.7, 1.25), 0.4, 7),
    ((6.0, 6.0, 6.0), 0, (0.7, 0.7, 2.5), 0.6, 10),
    ((10.0, 10.0, 10.0), 0, (0.7, 0.7, 0.7), 0.4, 2),
    ((10.0, 10.0, 10.0), 0, (0.7, 0.7, 2.5), 0.5, 5),
    ((20.0, 20.0, 20.0), 0, (0.7, 0.7, 0.7), 0.4, 0.5),
    ((20.0, 20.0, 20.0), 0, (0.7, 0.7, 2.5), 0.4, 1.5),
    ((12.0, 8.0, 10.0), 25, (0.7, 0.7, 0.7), 0.4, 2),
    ((12.0, 8.0, 10.0), 25, (0.7, 0.7, 2.5), 0.5, 8),
    ((24.0, 12.0, 16.0), 70, (0.7, 0.7, 0.7), 0.4, 1),
    ((24.0, 12.0, 16.0), 70, (0.7, 0.7, 2.5), 0.5, 2),
    ((24.0, 12.0, 16.0), 0, (0.98, 0.98, 5.0), 1.0, 8),
]


@pytest.mark.parametrize(("diameters", "turn", "spacing", "mm", "percent"), ERROR_TABLE)
def test_spheres_and_ellipsoids(diameters, turn, spacing, mm, percent) -> None:
    found = measured(ellipsoid(diameters, spacing, turn))
    assert found.long_axis_mm == pytest.approx(max(diameters[:2]), abs=mm)
    assert found.short_axis_mm == pytest.approx(min(diameters[:2]), abs=mm)
    assert found.volume_mm3 == pytest.approx(volume_mm3(diameters), rel=percent / 100)
    assert found.volume_ml == pytest.approx(found.volume_mm3 / 1000)
    assert found.equivalent_diameter_mm == pytest.approx(
        math.prod(diameters) ** (1 / 3), rel=percent / 100
    )
    assert found.centre_mm == pytest.approx(CENTRE_MM, abs=max(spacing) / 4)
    in_space_mm = 0.3 + max(spacing) / 2
    assert found.max_diameter_mm == pytest.approx(max(diameters), abs=in_space_mm)
    assert found.min_diameter_mm == pytest.approx(min(diameters), abs=in_space_mm)
    assert found.max_diameter_mm >= found.long_axis_mm
    assert found.diameter_ratio == found.min_diameter_mm / found.max_diameter_mm
    assert found.surface_mm2 == pytest.approx(surface_mm2(diameters), rel=0.01 + max(spacing) / 30)
    assert found.sphericity == pytest.approx(true_sphericity(diameters), abs=0.05)
    section_mm2 = math.pi / 4 * diameters[0] * diameters[1]
    assert found.section_area_mm2 == pytest.approx(section_mm2, rel=max(0.03, 2 * percent / 100))


def test_border_runs_between_the_pixels() -> None:
    square = np.zeros((30, 30), bool)
    square[5:25, 5:25] = True
    axes = section_axes(square, (0.5, 0.5))
    # 10 mm from edge to edge; from corner to corner 14.1 mm, with corners a little rounded.
    assert 13.0 < axes.long_axis_mm < 14.15
    bar = np.zeros((30, 30), bool)
    bar[10:20, 3:27] = True
    turned = [section_axes(m, s) for m, s in ((bar, (0.5, 1.0)), (bar.T, (1.0, 0.5)))]
    assert turned[0].long_axis_mm == pytest.approx(turned[1].long_axis_mm)
    assert turned[0].long_axis_mm == pytest.approx(math.hypot(24, 5), abs=0.8)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_short_axis_is_never_longer_and_both_fit_into_the_box(height, width, seed) -> None:
    section = np.random.default_rng(seed).random((height, width)) < 0.7
    section[height // 2, width // 2] = True
    axes = section_axes(section, (0.7, 0.7))
    assert 0 < axes.short_axis_mm <= axes.long_axis_mm + 1e-9
    assert axes.long_axis_mm <= 0.7 * (math.hypot(height, width) + 1.2)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(0, 1), (1, 0)]), st.booleans())
def test_axes_do_not_depend_on_flips_and_rotations(seed, order, flip) -> None:
    rows, columns = np.ogrid[-8:9, -8:9]
    rng = np.random.default_rng(seed)
    section = (rows / rng.uniform(2, 7)) ** 2 + (columns / rng.uniform(2, 7)) ** 2 <= 1
    turned = section.transpose(order)[:: -1 if flip else 1]
    first, second = section_axes(section, (0.8, 0.8)), section_axes(turned, (0.8, 0.8))
    assert first.long_axis_mm == pytest.approx(second.long_axis_mm)
    assert first.short_axis_mm == pytest.approx(second.short_axis_mm, abs=0.3)


def test_mean_diameter_to_whole_millimetres() -> None:
    found = measured(ellipsoid((12.0, 8.0, 10.0), (0.7, 0.7, 0.7)))
    assert found.mean_diameter_mm == (found.long_axis_mm + found.short_axis_mm) / 2
    assert found.mean_diameter_whole_mm == 10
    assert isinstance(found.mean_diameter_whole_mm, int)


def test_density_and_place_of_a_small_mask() -> None:
    hu = np.full((4, 5, 6), -850, np.int16)
    hu[2, 1:3, 2:4] = [[-100, 0], [20, 40]]
    ct = Volume(hu, (0.5, 0.5, 2.0), (10.0, 20.0, 30.0))
    inside = np.zeros(ct.shape, np.uint8)
    inside[2, 1:3, 2:4] = 7
    found = measure_nodule(ct, ct.with_array(inside))
    assert (found.mean_hu, found.min_hu, found.max_hu) == (-10.0, -100.0, 40.0)
    assert found.sd_hu == pytest.approx(math.sqrt(2900))
    assert found.variance_hu2 == pytest.approx(2900)
    # Third moment: mean of (-90, 10, 30, 50) cubed.
    assert found.skewness == pytest.approx(-144000 / 2900**1.5)
    assert found.solid_fraction == 1.0
    assert found.section_area_mm2 == 4 * 0.25
    assert found.volume_mm3 == 4 * 0.5
    assert found.centre_mm == pytest.approx((11.25, 20.75, 34.0))
    assert found.slice_number == 2
    assert found.side is None


def test_a_mask_cut_out_of_the_grid_gives_the_same() -> None:
    mask = ellipsoid((12.0, 8.0, 10.0), (0.7, 0.7, 2.5))
    ct = mask.with_array(np.arange(mask.array.size, dtype=np.int32).reshape(mask.shape))
    z, y, x = np.argwhere(mask.array).min(axis=0)
    z2, y2, x2 = np.argwhere(mask.array).max(axis=0) + 1
    cut = mask.cropped((int(x), int(y), int(z)), (int(x2 - x), int(y2 - y), int(z2 - z)))
    assert cut.shape != mask.shape
    whole, part = measure_nodule(ct, mask), measure_nodule(ct, cut)
    for name, value in whole.to_dict().items():
        assert getattr(part, name) == (value if value is None else pytest.approx(value)), name


@pytest.mark.parametrize("axes", [(2, 0, 1), (1, 2, 0), (0, 2, 1)])
def test_the_axial_section_is_found_in_any_axis_order(axes) -> None:
    """The nodule is long from head to foot, so another section would give other axes."""
    mask = ellipsoid((12.0, 8.0, 30.0), (0.7, 0.7, 1.0))
    order = AxisOrder(axes, (True, False, True))
    found, turned = measured(mask), measured(order.apply(mask))
    assert turned.long_axis_mm == pytest.approx(found.long_axis_mm, abs=0.2)
    assert turned.short_axis_mm == pytest.approx(found.short_axis_mm, abs=0.4)
    assert turned.centre_mm == pytest.approx(found.centre_mm)
    across = order.apply(mask).index_to_world(
        [turned.slice_number if a == axes.index(2) else 0 for a in range(3)]
    )
    assert across[2] == pytest.approx(CENTRE_MM[2], abs=1.0)


def test_what_cannot_be_measured_is_refused() -> None:
    ct = Volume(np.zeros((4, 4, 4), np.int16))
    one = np.zeros((4, 4, 4), np.uint8)
    with pytest.raises(InputError, match="empty"):
        measure_nodule(ct, ct.with_array(one))
    one[1, 1, 1] = 1
    for elsewhere in (
        Volume(one, (1.1, 1.0, 1.0)),
        Volume(one, origin_mm=(0.4, 0.0, 0.0)),
        Volume(one, origin_mm=(1.0, 0.0, 0.0)),
        Volume(one, direction=np.diag([-1.0, 1.0, 1.0])),
    ):
        with pytest.raises(InputError, match="does not lie on the grid"):
            measure_nodule(ct, elsewhere)


def test_a_ball_of_200_voxels_across_measures_what_the_table_says() -> None:
    """The finer the grid, the smaller the error: nothing is systematically off."""
    coarse, fine = (measured(ellipsoid((12.0, 8.0, 10.0), (step,) * 3, 25)) for step in (0.8, 0.2))
    assert fine.max_diameter_mm == pytest.approx(12.0, abs=0.1)
    assert fine.min_diameter_mm == pytest.approx(8.0, abs=0.1)
    assert fine.surface_mm2 == pytest.approx(surface_mm2((12.0, 8.0, 10.0)), rel=0.01)
    assert fine.sphericity == pytest.approx(true_sphericity((12.0, 8.0, 10.0)), abs=0.01)
    assert abs(fine.long_axis_mm - 12.0) < abs(coarse.long_axis_mm - 12.0)


def test_one_voxel_can_be_measured() -> None:
    inside = np.zeros((3, 4, 5), np.uint8)
    inside[1, 2, 3] = 1
    found = measured(Volume(inside, (0.5, 0.5, 2.0)))
    assert found.volume_mm3 == 0.5
    assert 0 < found.min_diameter_mm < found.max_diameter_mm < 2.5
    assert (found.skewness, found.sd_hu, found.slice_number) == (0.0, 0.0, 1)
    assert all(math.isfinite(v) for v in found.to_dict().values() if isinstance(v, float))


def test_ibsi_reference_values_where_the_definitions_agree(real_data) -> None:
    """Volume by voxels and intensity statistics; surface and diameters are defined otherwise."""
    folder = real_data / "ibsi-1"
    mask = read_image(folder / "digital_mask.nii.gz")
    found = measure_nodule(read_image(folder / "digital_phantom.nii.gz"), mask)
    with (folder / "ibsi_1_dig_phantom.csv").open(encoding="utf-8", newline="") as lines:
        rows = {row["tag"]: row for row in csv.DictReader(lines, delimiter=";")}
    for tag, value in {
        "morph_vol_approx": found.volume_mm3,
        "stat_mean": found.mean_hu,
        "stat_var": found.variance_hu2,
        "stat_skew": found.skewness,
        "stat_min": found.min_hu,
        "stat_max": found.max_hu,
    }.items():
        reference = float(rows[tag]["reference value"])
        # The values are given to three digits.
        assert value == pytest.approx(reference, rel=0.005), tag


def test_solid_component_of_a_part_solid_nodule() -> None:
    mask = ellipsoid((20.0, 16.0, 16.0), (0.7, 0.7, 1.0))
    core = ellipsoid((8.0, 8.0, 8.0), (0.7, 0.7, 1.0)).resampled_to(mask, interpolation="nearest")
    hu = np.where(core.array > 0, -20, np.where(mask.array > 0, -600, -850)).astype(np.int16)
    hu[mask.shape[0] // 2, mask.shape[1] // 2, -14] = 0
    found = measure_nodule(mask.with_array(hu), mask)
    assert found.solid_diameter_mm == pytest.approx(8.0, abs=0.6)
    assert found.solid_fraction == pytest.approx(
        core.array.sum() / mask.array.sum(), abs=2 / mask.array.sum()
    )
    ground_glass = np.where(mask.array > 0, -600, -850).astype(np.int16)
    without = measure_nodule(mask.with_array(ground_glass), mask)
    assert (without.solid_diameter_mm, without.solid_fraction) == (0.0, 0.0)


def test_solid_nodules_are_not_larger_inside_than_outside() -> None:
    mask = ellipsoid((9.0, 8.0, 8.0), (0.7, 0.7, 2.5))
    found = measure_nodule(mask.with_array(np.zeros(mask.shape, np.int16)), mask)
    assert found.solid_diameter_mm == found.max_diameter_mm


def test_columns_of_lung_pnet() -> None:
    """A block of 3 x 2 x 4 voxels of 1 x 2 x 0.5 mm, with its axes and moments by hand."""
    inside = np.zeros((9, 8, 7), np.uint8)
    inside[2:6, 3:5, 2:5] = 1
    mask = Volume(inside, (1.0, 2.0, 0.5))
    hu = np.where(np.indices(mask.shape)[0] < 4, -600, -400).astype(np.int16)
    found = measure_nodule(mask.with_array(hu), mask)
    columns = found.lung_pnet_columns()
    assert columns["Volume(ml)"] == pytest.approx(24 / 1000)
    assert columns["XAreaMax(mm2)"] == pytest.approx(12)
    assert (columns["MinCT"], columns["MeanCT"], columns["MaxCT"]) == (-600, -500, -400)
    assert columns["VarCT"] == pytest.approx(100**2)
    assert columns["XMaxDiameter(mm)"] == pytest.approx(math.hypot(3, 4), abs=0.7)
    assert columns["DiameterMax(mm)"] == pytest.approx(math.hypot(3, 4, 2), abs=1.0)
    assert columns["DiameterMin(mm)"] == pytest.approx(2.0, abs=0.3)
    assert columns["RatioDiameter"] == pytest.approx(
        columns["DiameterMin(mm)"] / columns["DiameterMax(mm)"]
    )
    assert len(columns) == 10


def test_measurements_survive_a_record() -> None:
    mask = ellipsoid((6.0, 6.0, 6.0), (0.7, 0.7, 0.7))
    lungs = mask.with_array(np.ones(mask.shape, np.uint8))
    found = measure_nodule(mask.with_array(np.zeros(mask.shape, np.int16)), mask, lungs)
    record = found.to_dict()
    assert set(record) == {field.name for field in fields(NoduleMeasurements)}
    assert NoduleMeasurements.from_dict(record) == found
    with pytest.raises(InputError, match="measure the nodule again"):
        NoduleMeasurements.from_dict({k: v for k, v in record.items() if k != "sphericity"})
