"""Where the voxels of a DICOM series lie: order, spacing, orientation, gaps and gantry tilt."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dicom_factory import (
    AXIAL,
    CORONAL,
    FEET_FIRST,
    SAGITTAL,
    Array,
    numbered_hu,
    refusal,
    stack_positions,
    upright,
    world_by_value,
    world_of,
    write_series,
)
from LungPNetLib.dicom.geometry import OUTSIDE_HU
from LungPNetLib.reading import read_study
from LungPNetLib.study import Study

RAMP = np.array([3.0, -2.0, 5.0])
"""HU a mm along x, y, z: linear interpolation reproduces such a ramp exactly."""

RAMP_SLOPE = 0.02
"""Rescale slope of ramps; stored values are rounded to it."""


def ramp_at(world_mm: Array) -> Array:
    return (world_mm - (-50, -40, 100)) @ RAMP


def write_ramp(
    folder: Path,
    positions: Array,
    orientation: tuple[float, ...] = AXIAL,
    shape: tuple[int, int] = (16, 20),
) -> None:
    """Slices whose HU are ``ramp_at`` of where their pixels lie."""
    hu = ramp_at(world_of(positions, (len(positions), *shape), orientation))
    write_series(
        folder, hu, positions=positions, orientation=orientation, slope=RAMP_SLOPE, intercept=0
    )


def world_of_grid(study: Study) -> Array:
    k, j, i = np.indices(study.ct.shape)
    return study.ct.index_to_world(np.stack([i, j, k], axis=-1))


def assert_ramp(study: Study, covered: Array | bool = True) -> None:
    """These voxels hold the ramp at their place, all others are padding."""
    array = study.ct.array
    covered = np.broadcast_to(covered, array.shape)
    assert covered.any()
    assert np.abs(array - ramp_at(world_of_grid(study)))[covered].max() <= RAMP_SLOPE
    assert (array[~covered] == OUTSIDE_HU).all()


def test_spacing_is_measured_from_positions(tmp_path: Path) -> None:
    def lie(dataset, _k):
        dataset.SliceThickness = "5"
        dataset.SpacingBetweenSlices = "9"
        dataset.SliceLocation = "77"

    write_series(tmp_path, numbered_hu(), positions=stack_positions(12, (0, 0, 1.25)), change=lie)
    study = read_study(tmp_path)
    assert study.ct.spacing_mm == pytest.approx((0.8, 0.7, 1.25))
    assert study.ct.origin_mm == (-50, -40, 100)
    assert np.array_equal(study.ct.direction, np.eye(3))
    assert study.geometry.slice_spacing_mm == pytest.approx(1.25)
    assert not study.geometry.regridded
    assert not study.notices
    assert study.acquisition.slice_thickness_mm == 5


@pytest.mark.parametrize("step", [2.5, -2.5], ids=["ascending", "descending"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_file_order_and_slice_order_do_not_matter(
    tmp_path: Path, step: float, shuffled: bool
) -> None:
    hu, positions = numbered_hu(), stack_positions(12, (0, 0, step))
    order = np.random.default_rng(1).permutation(12) if shuffled else range(12)
    paths = write_series(tmp_path, hu, positions=positions, file_order=order)
    study = read_study(tmp_path)
    up = slice(None, None, 1 if step > 0 else -1)
    assert np.array_equal(study.ct.array, hu[up])
    assert study.ct.origin_mm[2] == min(positions[:, 2])
    assert [s.path for s in study.source] == paths[up]
    assert [s.position_mm for s in study.source] == [tuple(p) for p in positions[up].tolist()]


@pytest.mark.parametrize(
    ("orientation", "step", "neighbours"),
    [
        # LPS steps in mm to the next column, row and slice; the slice index grows along the normal.
        (AXIAL, (0, 0, 2.5), [(0.8, 0, 0), (0, 0.7, 0), (0, 0, 2.5)]),
        (FEET_FIRST, (0, 0, 2.5), [(-0.8, 0, 0), (0, 0.7, 0), (0, 0, -2.5)]),
        ((-1, 0, 0, 0, -1, 0), (0, 0, 2.5), [(-0.8, 0, 0), (0, -0.7, 0), (0, 0, 2.5)]),
        (SAGITTAL, (2.5, 0, 0), [(0, 0.8, 0), (0, 0, -0.7), (-2.5, 0, 0)]),
        (CORONAL, (0, 2.5, 0), [(0.8, 0, 0), (0, 0, -0.7), (0, 2.5, 0)]),
    ],
    ids=["head first", "feet first", "head first prone", "sagittal", "coronal"],
)
def test_the_marker_lies_where_the_header_says(tmp_path, orientation, step, neighbours) -> None:
    hu = np.full((12, 16, 20), -1000, np.int16)
    hu[2, 3, 5] = 400
    first = np.array([-50.0, -40.0, 100.0])
    write_series(tmp_path, hu, positions=stack_positions(12, step, first), orientation=orientation)
    ct = read_study(tmp_path).ct
    k, j, i = np.argwhere(ct.array == 400)[0]
    row, column = np.reshape(orientation, (2, 3))
    expected = first + 2 * np.array(step) + 3 * 0.7 * column + 5 * 0.8 * row
    assert ct.index_to_world([i, j, k]) == pytest.approx(expected)
    steps = ct.index_to_world(np.eye(3)) - ct.origin_mm
    assert steps == pytest.approx(np.array(neighbours))


AXES = list(
    itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3))
)


@settings(max_examples=60, deadline=None)
@given(
    axes=st.sampled_from(AXES),
    turn_deg=st.sampled_from([(0, 0, 0), (11, -23, 35)]),
    order=st.permutations(range(4)),
)
def test_every_voxel_keeps_its_place_in_all_48_orientations(axes, turn_deg, order) -> None:
    permutation, signs = axes
    direction = np.eye(3)[:, permutation] * signs
    direction = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix() @ direction
    hu = numbered_hu((4, 3, 5))
    positions = stack_positions(4, 2.5 * direction[:, 2], (12.5, -7.25, 33))
    orientation = direction[:, :2].T.ravel()
    with tempfile.TemporaryDirectory() as folder:
        write_series(
            Path(folder), hu, positions=positions, orientation=orientation, file_order=order
        )
        study = read_study(Path(folder))
    truth = world_of(positions, hu.shape, orientation).reshape(-1, 3)
    assert not study.geometry.regridded
    assert np.allclose(world_by_value(study.ct), truth, atol=1e-4)
    assert np.allclose(world_by_value(upright(study)), truth, atol=1e-4)
    assert np.linalg.det(study.ct.direction) == pytest.approx(1)


def tilted_stack(angle_deg: float, convention: str, n: int) -> tuple[Array, tuple[float, ...]]:
    """Positions and orientation of slices 2.5 mm apart along the table.

    "tilted planes": the image planes are turned about x and fed along z. "drifting": the planes
    are axial in their own frame, so that their corner drifts along y.
    """
    sine, cosine = np.sin(np.radians(angle_deg)), np.cos(np.radians(angle_deg))
    if convention == "tilted planes":
        return stack_positions(n), (1, 0, 0, 0, cosine, sine)
    return stack_positions(n, (0, 2.5 * sine, 2.5 * cosine)), AXIAL


@pytest.mark.parametrize("angle_deg", [-20.0, -5.0, 5.0, 20.0])
@pytest.mark.parametrize("convention", ["tilted planes", "drifting"])
def test_a_tilted_stack_becomes_upright(tmp_path: Path, convention: str, angle_deg: float) -> None:
    positions, orientation = tilted_stack(angle_deg, convention, 24)
    write_ramp(tmp_path, positions, orientation)
    study = read_study(tmp_path)
    assert study.geometry.tilt_deg == pytest.approx(abs(angle_deg), abs=0.01)
    assert study.geometry.regridded
    assert "tilted" in " ".join(study.notices)
    assert np.allclose(study.ct.direction, np.eye(3), atol=1e-9)
    row, column = np.reshape(orientation, (2, 3))
    steps = np.stack([0.8 * row, 0.7 * column, positions[1] - positions[0]], axis=1)
    index = (world_of_grid(study) - positions[0]) @ np.linalg.inv(steps).T
    # The tolerance takes in voxels that lie on the outermost pixel centres.
    covered = ((index > -1e-6) & (index < np.array([19, 15, 23]) + 1e-6)).all(axis=-1)
    assert_ramp(study, covered)
    corners = world_of(positions, (24, 16, 20), orientation).reshape(-1, 3)
    grid = study.ct.index_to_world([[0, 0, 0], np.array(study.ct.shape[::-1]) - 1])
    assert np.abs(grid[0] - corners.min(axis=0)).max() < 1e-3
    assert (corners.max(axis=0) - grid[1] <= np.array(study.ct.spacing_mm) + 1e-6).all()


@pytest.mark.parametrize("convention", ["tilted planes", "drifting"])
def test_a_sphere_in_a_tilted_stack_is_a_sphere_again(tmp_path: Path, convention: str) -> None:
    positions, orientation = tilted_stack(18, convention, 24)
    world = world_of(positions, (24, 40, 40), orientation)
    centre = world[12, 20, 20]
    distance = np.linalg.norm(world - centre, axis=-1)
    hu = np.rint(np.clip((9 - distance) * 500, -800, 0)).astype(int)
    write_series(tmp_path, hu, positions=positions, orientation=orientation)
    ct = read_study(tmp_path).ct
    k, j, i = np.nonzero(ct.array > -400)
    inside = ct.index_to_world(np.stack([i, j, k], axis=-1))
    assert np.abs(inside.mean(axis=0) - centre).max() < 0.2
    # A sphere of 9.8 mm radius (-400 HU) has a standard deviation of r / sqrt(5) along each axis.
    assert inside.std(axis=0) == pytest.approx(np.full(3, 9.8 / np.sqrt(5)), rel=0.04)


@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, "oblique"])
def test_gaps_are_filled_only_when_allowed(tmp_path: Path, orientation) -> None:
    if orientation == "oblique":
        turn = Rotation.from_euler("xyz", (11, -23, 35), degrees=True).as_matrix()
        orientation = tuple(turn[:, :2].T.ravel())
    normal = np.cross(orientation[:3], orientation[3:])
    positions = stack_positions(16, 2.5 * normal)
    write_ramp(tmp_path, positions, orientation)
    for missing in (5, 6, 11):
        (tmp_path / f"{missing:04d}.dcm").unlink()
    message = refusal(tmp_path)
    assert "3 slice(s) are missing at 2 place(s)" in message
    assert "7.5 mm (others are 2.5 mm) lies between '0004.dcm' and '0007.dcm'" in message
    assert "--allow-gaps" in message

    study = read_study(tmp_path, allow_gaps=True)
    assert [(g.after, g.missing) for g in study.geometry.gaps] == [(3, 2), (7, 1)]
    assert study.geometry.regridded
    assert "3 slice(s) were missing" in " ".join(study.notices)
    assert study.ct.shape == (16, 16, 20)
    assert study.ct.spacing_mm == pytest.approx((0.8, 0.7, 2.5), abs=1e-6)
    assert len(study.source) == 13
    assert_ramp(study)


def test_the_last_slice_survives_rounded_positions_and_a_gap(tmp_path: Path) -> None:
    """1.25 mm rounded to 0.1 mm makes steps of 1.2 and 1.3, whose mean is not the spacing."""
    z = np.round(np.arange(30) * 1.25 + 0.01, 1)
    positions = stack_positions(30) * (1, 1, 0) + z[:, None] * (0, 0, 1)
    keep = np.delete(np.arange(30), [4, 6, 9])
    write_ramp(tmp_path, positions[keep])
    study = read_study(tmp_path, allow_gaps=True)
    assert study.ct.shape[0] == 30
    assert study.ct.index_to_world([0, 0, 29])[2] == pytest.approx(z[-1])
    assert_ramp(study)


def test_a_stray_slice_does_not_make_a_huge_volume(tmp_path: Path) -> None:
    positions = stack_positions(12)
    positions[11, 2] += 900
    write_series(tmp_path, numbered_hu(), positions=positions)
    assert "360 slice(s) are missing" in refusal(tmp_path, allow_gaps=True)


def test_unequal_spacing_is_resampled(tmp_path: Path) -> None:
    positions = stack_positions(12)
    positions[6:, 2] += 0.6
    write_ramp(tmp_path, positions)
    study = read_study(tmp_path)
    assert study.geometry.irregular_mm == pytest.approx(0.6, abs=1e-3)
    assert study.geometry.regridded
    assert "not equally spaced" in " ".join(study.notices)
    assert_ramp(study)


def test_small_deviations_that_add_up_are_resampled(tmp_path: Path) -> None:
    """Steps of 2.4 and then 2.6 mm deviate by 4 %, the slice between by a whole 1.2 mm."""
    z = np.concatenate([[0], np.cumsum(np.repeat([2.4, 2.6], 12))])
    write_ramp(tmp_path, stack_positions(25) * (1, 1, 0) + z[:, None] * (0, 0, 1))
    study = read_study(tmp_path)
    assert study.geometry.regridded
    assert_ramp(study)


def test_rounded_positions_are_left_as_they_are(tmp_path: Path) -> None:
    z = np.round(np.arange(12) * 0.625, 1)
    positions = stack_positions(12) * (1, 1, 0) + z[:, None] * (0, 0, 1)
    hu = numbered_hu()
    write_series(tmp_path, hu, positions=positions)
    study = read_study(tmp_path)
    assert not study.geometry.regridded
    assert np.array_equal(study.ct.array, hu)
    assert study.ct.spacing_mm[2] == pytest.approx(0.625, abs=0.01)


@pytest.mark.parametrize(
    "orientation", [(1, 0, 0, 0.5, 0.8, 0), (0, 0, 0, 0, 0, 0), (1, 0, 0, 1, 0, 0)]
)
def test_an_orientation_without_right_angles_is_refused(tmp_path: Path, orientation) -> None:
    write_series(tmp_path, numbered_hu(), orientation=orientation)
    message = refusal(tmp_path)
    assert "ImageOrientationPatient" in message
    assert "right angles" in message


def test_an_orientation_rounded_to_three_decimals_is_accepted(tmp_path: Path) -> None:
    turn = Rotation.from_euler("xyz", (13, -21, 37), degrees=True).as_matrix()
    rounded = tuple(np.round(turn[:, :2].T.ravel(), 3))
    write_series(
        tmp_path,
        numbered_hu(),
        orientation=rounded,
        positions=stack_positions(12, 2.5 * turn[:, 2]),
    )
    assert np.allclose(read_study(tmp_path).ct.direction, turn, atol=2e-3)
