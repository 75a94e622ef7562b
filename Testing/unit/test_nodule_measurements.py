"""Nodules of known form are measured right at any spacing, and findings survive JSON."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LungPNetLib.errors import InputError
from LungPNetLib.nodules.axes import section_axes
from LungPNetLib.nodules.finding import MaskReference, NoduleFinding, Origin, Status
from LungPNetLib.nodules.measurements import NoduleMeasurements, measure_nodule
from LungPNetLib.volume import AxisOrder, Triplet, Volume

CENTRE_MM = (31.3, -12.6, 104.2)


def ellipsoid(diameters_mm: Triplet, spacing_mm: Triplet, turn_deg: float = 0.0) -> Volume:
    """Mask of an ellipsoid around ``CENTRE_MM``, turned about z, on a grid that does not fit it."""
    size = [2 * math.ceil((max(diameters_mm) / 2 + 4) / step) + 1 for step in spacing_mm]
    corner = [c - step * (n - 1) / 2 + 0.31 * step
              for c, step, n in zip(CENTRE_MM, spacing_mm, size, strict=True)]  # fmt: skip
    grid = Volume(np.zeros(size[::-1], np.uint8), spacing_mm, tuple(corner))
    places = grid.index_to_world(np.moveaxis(np.indices(grid.shape)[::-1], 0, -1)) - CENTRE_MM
    turn = math.radians(turn_deg)
    x = places[..., 0] * math.cos(turn) + places[..., 1] * math.sin(turn)
    y = places[..., 1] * math.cos(turn) - places[..., 0] * math.sin(turn)
    a, b, c = diameters_mm
    level = (2 * x / a) ** 2 + (2 * y / b) ** 2 + (2 * places[..., 2] / c) ** 2
    return grid.with_array((level <= 1).astype(np.uint8))


def measured(mask: Volume) -> NoduleMeasurements:
    return measure_nodule(mask.with_array(mask.array.astype(np.int16)), mask)


# Diameters and turn, spacing, and how far the result may be off: axes in mm, volume in %.
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
    true_mm3 = math.pi / 6 * math.prod(diameters)
    assert found.volume_mm3 == pytest.approx(true_mm3, rel=percent / 100)
    assert found.volume_ml == pytest.approx(found.volume_mm3 / 1000)
    assert found.equivalent_diameter_mm == pytest.approx(
        math.prod(diameters) ** (1 / 3), rel=percent / 100
    )
    assert found.centre_mm == pytest.approx(CENTRE_MM, abs=max(spacing) / 4)


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
    assert found.sd_hu == pytest.approx(np.std([-100, 0, 20, 40]))
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


def test_side_comes_from_the_lung_that_is_closest() -> None:
    mask = ellipsoid((6.0, 6.0, 6.0), (0.7, 0.7, 0.7))
    ct = mask.with_array(np.zeros(mask.shape, np.int16))
    coarse = Volume(
        np.zeros((40, 40, 40), np.uint8), (2.0, 2.0, 2.0), tuple(c - 40 for c in CENTRE_MM)
    )
    lungs = coarse.array.copy()
    assert measure_nodule(ct, mask, coarse.with_array(lungs)).side is None
    lungs[:, :, :20] = 1
    lungs[:, :, 26:] = 2
    # The nodule itself is left out of the lung mask, as those at the pleura may be.
    lungs[17:24, 17:24, 17:24] = 0
    assert measure_nodule(ct, mask, coarse.with_array(lungs)).side == "right"
    swapped = np.where(lungs > 0, 3 - lungs, 0).astype(np.uint8)
    assert measure_nodule(ct, mask, coarse.with_array(swapped)).side == "left"


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


@pytest.fixture
def finding() -> NoduleFinding:
    mask = ellipsoid((6.0, 6.0, 6.0), (0.7, 0.7, 0.7))
    return NoduleFinding(
        "N3",
        (1.5, -2.25, 30.0),
        Origin.CLICKED,
        MaskReference("nodules.nrrd", 3),
        measured(mask),
        Status.ACCEPTED,
        "wächst, 变大",
    )


def test_findings_survive_json(finding) -> None:
    assert NoduleFinding.from_json(finding.to_json()) == finding
    bare = NoduleFinding("N1", (0.0, 0.0, 0.0), Origin.FOUND)
    assert NoduleFinding.from_json(bare.to_json()) == bare
    record = json.loads(finding.to_json())
    assert (record["origin"], record["status"]) == ("clicked", "accepted")
    assert record["mask"] == {"file": "nodules.nrrd", "label": 3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "maybe"}, "'maybe'"),
        ({"origin": None}, "no entry of a nodule list"),
        ({"centre_lps_mm": [1, 2]}, "no entry of a nodule list"),
        ({"finding_id": ""}, "no identifier"),
        ({"mask": {"file": "../lungs.nrrd", "label": 1}}, "without a folder"),
        ({"mask": {"file": "nodules.nrrd", "label": 0}}, "accepted: 1 and more"),
        ({"measurements": {"volume_ml": 1}}, "measure the nodule again"),
    ],
)
def test_damaged_findings_are_refused(finding, change, message) -> None:
    with pytest.raises(InputError, match=message):
        NoduleFinding.from_dict(finding.to_dict() | change)


def test_a_finding_needs_a_finite_centre() -> None:
    with pytest.raises(InputError, match="three finite positions"):
        NoduleFinding("N1", (0.0, math.nan, 0.0), Origin.FOUND)
    with pytest.raises(InputError, match="cannot be read as JSON"):
        NoduleFinding.from_json("{")
