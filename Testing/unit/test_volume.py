"""Geometry of Volume: a voxel stays where it is in the patient, whatever is done to the grid."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.volume import AxisOrder, Volume, read_image, write_image

SHAPE = (4, 5, 6)
MARKER = {1: (0, 0, 0), 2: (5, 0, 0), 3: (5, 4, 0), 4: (1, 2, 3), 5: (4, 4, 3)}
"""Label and (column, row, slice) of five voxels that no turn or mirror maps onto themselves."""

ORIENTATIONS = [
    np.eye(3)[:, list(order)] * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1.0, -1.0), repeat=3)
]
OBLIQUE = Rotation.from_euler("xyz", [17, -23, 31], degrees=True).as_matrix()


def marked(direction, spacing_mm=(0.7, 0.9, 2.5), origin_mm=(-12.0, 34.5, 780.25)) -> Volume:
    array = np.zeros(SHAPE, np.uint8)
    for label, (i, j, k) in MARKER.items():
        array[k, j, i] = label
    return Volume(array, spacing_mm, origin_mm, direction)


def positions_mm(volume: Volume) -> np.ndarray:
    """LPS position of each marker, found by its label, shape (5, 3)."""
    rows = []
    for label in MARKER:
        found = np.argwhere(volume.array == label)
        assert len(found) == 1
        rows.append(volume.index_to_world(found[0][::-1]))
    return np.array(rows)


orientations = st.sampled_from(ORIENTATIONS)
spacings = st.tuples(*[st.floats(0.3, 10)] * 3)
origins = st.tuples(*[st.floats(-1000, 1000)] * 3)
turns = st.tuples(*[st.integers(-180_000, 180_000)] * 3).map(
    lambda angles: Rotation.from_euler("xyz", np.divide(angles, 1000), degrees=True).as_matrix()
)


def test_there_are_48_orientations():
    assert len({matrix.tobytes() for matrix in (m + 0.0 for m in ORIENTATIONS)}) == 48


def test_index_counts_columns_rows_slices_from_the_origin():
    volume = Volume(np.zeros(SHAPE), (2, 3, 5), (100, 200, 300))
    assert volume.index_to_world([1, 2, 3]).tolist() == [102, 206, 315]
    turned = Volume(np.zeros(SHAPE), (2, 3, 5), (100, 200, 300), [[0, 0, -1], [1, 0, 0], [0, 1, 0]])
    assert turned.index_to_world([1, 2, 3]).tolist() == [85, 202, 306]


def test_affine_is_index_to_world():
    volume = marked(OBLIQUE)
    homogeneous = volume.affine @ [2, 3, 1, 1]
    np.testing.assert_allclose(homogeneous[:3], volume.index_to_world([2, 3, 1]))


def test_voxel_volume_is_in_ml():
    assert Volume(np.zeros(SHAPE), (1, 2, 5)).voxel_volume_ml == pytest.approx(0.01)


@given(orientations, turns, spacings, origins)
def test_index_to_world_and_back(orientation, turn, spacing_mm, origin_mm):
    volume = marked(turn @ orientation, spacing_mm, origin_mm)
    index = np.array([[0, 0, 0], [5, 4, 3], [-2.5, 7.25, 100]])
    np.testing.assert_allclose(
        volume.world_to_index(volume.index_to_world(index)), index, atol=1e-8
    )


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_axis_order_makes_every_upright_volume_lps_axial(orientation):
    volume = marked(orientation)
    order = volume.axis_order_to()
    axial = order.apply(volume)
    np.testing.assert_array_equal(axial.direction, np.eye(3))
    np.testing.assert_allclose(positions_mm(axial), positions_mm(volume))
    assert np.shares_memory(axial.array, volume.array)


@given(orientations, turns, turns, spacings, origins)
def test_axis_order_keeps_positions_and_is_undone_by_its_inverse(
    orientation, turn, target, spacing_mm, origin_mm
):
    volume = marked(turn @ orientation, spacing_mm, origin_mm)
    order = volume.axis_order_to(target)
    other = order.apply(volume)
    np.testing.assert_allclose(positions_mm(other), positions_mm(volume), atol=1e-8)
    back = order.inverse().apply(other)
    np.testing.assert_array_equal(back.array, volume.array)
    assert back.same_grid_as(volume, tolerance_mm=1e-8)
    np.testing.assert_allclose(back.spacing_mm, volume.spacing_mm)


@given(turns)
def test_axis_order_of_an_oblique_volume_is_the_closest_one(turn):
    volume = marked(turn)
    chosen = volume.axis_order_to().apply(volume)
    others = [
        np.trace(volume.direction[:, list(axes)] * signs)
        for axes in itertools.permutations(range(3))
        for signs in itertools.product((1, -1), repeat=3)
    ]
    assert np.trace(chosen.direction) == pytest.approx(max(others))


def test_axis_order_of_an_axial_volume_changes_nothing():
    order = marked(np.eye(3)).axis_order_to()
    assert order == AxisOrder((0, 1, 2), (False, False, False))


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
def test_files_keep_positions_in_every_orientation(suffix, tmp_path):
    path = tmp_path / f"marked{suffix}"
    for direction in [*ORIENTATIONS, OBLIQUE, *(OBLIQUE @ o for o in ORIENTATIONS[:8])]:
        volume = marked(direction)
        write_image(volume, path)
        found = read_image(path)
        np.testing.assert_allclose(positions_mm(found), positions_mm(volume), atol=1e-3)
        assert found.array.dtype == np.uint8


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_files_keep_values_and_type(suffix, dtype, tmp_path):
    array = np.linspace(-3024, 3071, 120).reshape(SHAPE).astype(dtype)
    write_image(Volume(array), tmp_path / f"ct{suffix}")
    found = read_image(tmp_path / f"ct{suffix}").array
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, array)


def test_a_reordered_view_is_written_where_it_lies(tmp_path):
    volume = marked(ORIENTATIONS[-1])
    axial = volume.axis_order_to().apply(volume)
    write_image(axial, tmp_path / "axial.nrrd")
    found = read_image(tmp_path / "axial.nrrd")
    np.testing.assert_allclose(positions_mm(found), positions_mm(volume), atol=1e-6)


def test_bool_masks_are_written_as_0_and_1(tmp_path):
    write_image(Volume(np.arange(24).reshape(2, 3, 4) > 20), tmp_path / "mask.nrrd")
    found = read_image(tmp_path / "mask.nrrd").array
    assert found.dtype == np.uint8
    assert np.flatnonzero(found).tolist() == [21, 22, 23]


@given(orientations, st.tuples(*[st.integers(0, 1)] * 3), st.tuples(*[st.integers(0, 3)] * 6))
def test_padding_and_cropping_keep_positions(orientation, start, widths):
    volume = marked(OBLIQUE @ orientation)
    before, after = widths[:3], widths[3:]
    padded = volume.padded(before, after, 99)
    np.testing.assert_allclose(positions_mm(padded), positions_mm(volume), atol=1e-9)
    added = padded.array.size - volume.array.size
    assert (padded.array == 99).sum() == added
    restored = padded.cropped(before, volume.shape[::-1])
    np.testing.assert_array_equal(restored.array, volume.array)
    assert restored.same_grid_as(volume, tolerance_mm=1e-9)
    cropped = volume.cropped(start, (3, 3, 2))
    np.testing.assert_allclose(
        cropped.index_to_world([0, 0, 0]), volume.index_to_world(start), atol=1e-9
    )
    assert cropped.array[1, 2, 0] == volume.array[start[2] + 1, start[1] + 2, start[0]]


@settings(max_examples=25, deadline=None)
@given(orientations, turns)
def test_labels_survive_a_finer_grid_and_the_way_back(orientation, turn):
    volume = marked(turn @ orientation)
    finer = volume.resampled_to_spacing((0.35, 0.3, 0.5), interpolation="nearest")
    assert finer.shape == (20, 15, 12)
    back = finer.resampled_to(volume, interpolation="nearest")
    np.testing.assert_array_equal(back.array, volume.array)


def test_a_finer_grid_covers_the_same_box():
    volume = marked(OBLIQUE)
    finer = volume.resampled_to_spacing((0.35, 0.3, 0.5))
    low, high = np.full(3, -0.5), np.array(volume.shape[::-1]) - 0.5
    finer_high = np.array(finer.shape[::-1]) - 0.5
    np.testing.assert_allclose(finer.index_to_world(low), volume.index_to_world(low), atol=1e-9)
    np.testing.assert_allclose(
        finer.index_to_world(finer_high), volume.index_to_world(high), atol=1e-9
    )


def test_linear_resampling_of_a_ramp_gives_the_world_position():
    grid = Volume(np.zeros((10, 10, 10)), (2, 2, 2), (5, 6, 7), OBLIQUE)
    index = np.moveaxis(np.indices(grid.shape)[::-1], 0, -1)
    ramp = grid.with_array(grid.index_to_world(index)[..., 2].astype(np.float32))
    probe = Volume(np.zeros((2, 3, 4)), (1, 1, 1), tuple(grid.index_to_world([4, 4, 4])))
    sampled = ramp.resampled_to(probe)
    expected = probe.index_to_world(np.moveaxis(np.indices(probe.shape)[::-1], 0, -1))[..., 2]
    np.testing.assert_allclose(sampled.array, expected, atol=1e-4)


def test_resampling_fills_what_lies_outside():
    volume = Volume(np.full((3, 3, 3), 40, np.int16))
    beside = Volume(np.zeros((1, 1, 2)), origin_mm=(2, 1, 1))
    sampled = volume.resampled_to(beside, outside_value=-1024)
    assert sampled.array.dtype == np.int16
    assert sampled.array.ravel().tolist() == [40, -1024]


def test_same_grid_compares_shape_and_corners():
    volume = marked(OBLIQUE)
    assert volume.same_grid_as(volume.with_array(np.ones(SHAPE)))
    assert not volume.same_grid_as(volume.cropped((0, 0, 0), (5, 5, 4)))
    assert not volume.same_grid_as(marked(OBLIQUE, origin_mm=(-12.0, 34.52, 780.25)))
    assert volume.same_grid_as(marked(OBLIQUE, origin_mm=(-12.0, 34.505, 780.25)))
    assert not volume.same_grid_as(marked(OBLIQUE, spacing_mm=(0.7, 0.9, 2.51)))
    assert not volume.same_grid_as(marked(OBLIQUE * [1, 1, -1]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((4, 5)),), r"3 dimensions .* got \(4, 5\)"),
        ((np.zeros((2, 3, 4, 5)),), "3 dimensions"),
        ((np.zeros((0, 5, 5)),), "3 dimensions"),
        ((np.zeros(SHAPE), (1, 0, 1)), r"positive lengths .* \(1.0, 0.0, 1.0\)"),
        ((np.zeros(SHAPE), (1, -1, 1)), "positive lengths"),
        ((np.zeros(SHAPE), (1, float("nan"), 1)), "positive lengths"),
        ((np.zeros(SHAPE), (1, 1)), "three positive lengths"),
        (
            (np.zeros(SHAPE), (1, 1, 1), (0, 0, 0), [[1, 0, 0], [0, 1, 0.2], [0, 0, 1]]),
            "right angles",
        ),
        ((np.zeros(SHAPE), (1, 1, 1), (0, 0, 0), 2 * np.eye(3)), "right angles"),
    ],
)
def test_what_is_no_volume_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Volume(*arguments)


@pytest.mark.parametrize(
    ("start", "size"),
    [
        ((-1, 0, 0), (2, 2, 2)),
        ((0, 0, 0), (7, 5, 4)),
        ((5, 4, 3), (1, 1, 2)),
        ((0, 0, 0), (0, 1, 1)),
    ],
)
def test_crops_outside_the_volume_are_refused(start, size):
    with pytest.raises(InputError, match=r"leaves the volume of size \(6, 5, 4\)"):
        marked(np.eye(3)).cropped(start, size)


def test_negative_padding_is_refused():
    with pytest.raises(InputError, match="must not be negative"):
        marked(np.eye(3)).padded((0, 0, -1), (0, 0, 0), 0)


def test_arrays_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"shape \(4, 5, 6\), got \(6, 5, 4\)"):
        marked(np.eye(3)).with_array(np.zeros((6, 5, 4)))


def test_flat_and_colour_images_are_refused(tmp_path: Path):
    sitk = pytest.importorskip("SimpleITK")
    with pytest.raises(InputError, match="2 dimensions"):
        Volume.from_sitk(sitk.Image(4, 4, sitk.sitkInt16))
    sitk.WriteImage(sitk.Image([4, 4, 4], sitk.sitkVectorUInt8, 3), str(tmp_path / "rgb.nrrd"))
    with pytest.raises(InputError, match="3 components"):
        read_image(tmp_path / "rgb.nrrd")


def test_files_that_are_no_image_are_named(tmp_path: Path):
    (tmp_path / "notes.nrrd").write_text("no image")
    with pytest.raises(InputError, match=r"'notes\.nrrd'"):
        read_image(tmp_path / "notes.nrrd")


def test_sheared_files_are_refused(tmp_path: Path):
    header = (
        "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n"
        "space: left-posterior-superior\nspace origin: (0,0,0)\n"
        "space directions: (1,0,0) (0,1,0) (0,0.3,1)\n\n"
    )
    (tmp_path / "tilted.nrrd").write_bytes(header.encode() + bytes(8))
    with pytest.raises(InputError, match="right angles"):
        read_image(tmp_path / "tilted.nrrd")


def test_a_direction_with_denormal_entries_still_resamples():
    tiny = 1e-311
    direction = np.array(
        [[0.99939082701909576, -tiny, 0.034899496702500969], [tiny, 1, tiny],
         [-0.034899496702500969, 0, 0.99939082701909576]]
    )  # fmt: skip
    volume = Volume(np.ones((4, 5, 6), np.uint8), direction=direction)
    assert volume.resampled_to(volume, interpolation="nearest").array.sum() == 120


def test_a_direction_rounded_to_three_decimals_survives_a_nifti(tmp_path):
    angle = np.radians(4)
    cos, sin = round(np.cos(angle), 3), round(np.sin(angle), 3)
    direction = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    volume = Volume(np.zeros((3, 512, 512), np.uint8), (0.7, 0.7, 1.5), direction=direction)
    write_image(volume, tmp_path / "image.nii.gz")
    assert read_image(tmp_path / "image.nii.gz").same_grid_as(volume)


@pytest.mark.parametrize(("dtype", "value"), [(np.uint8, -1), (np.int16, -100_000)])
def test_fill_values_that_would_wrap_are_refused(dtype, value):
    volume = Volume(np.zeros((2, 2, 2), dtype))
    with pytest.raises(InputError, match="does not fit"):
        volume.padded((1, 1, 1), (0, 0, 0), value)
    with pytest.raises(InputError, match="does not fit"):
        volume.resampled_to(volume, outside_value=value)


def test_an_image_that_cannot_be_written_is_named(tmp_path):
    volume = Volume(np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(OutputError, match=r"lungs\.nrrd"):
        write_image(volume, tmp_path / "nowhere" / "lungs.nrrd")
    with pytest.raises(OutputError, match=r"lungs\.xyz"):
        write_image(volume, tmp_path / "lungs.xyz")


@pytest.mark.parametrize("origin", [(0, 0), (0, float("nan"), 0)])
def test_a_wrong_origin_is_refused(origin):
    with pytest.raises(InputError, match="origin"):
        Volume(np.zeros((2, 2, 2)), origin_mm=origin)
