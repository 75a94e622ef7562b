"""Contours of an RTSTRUCT fill the voxels whose centres they enclose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom.dataset import Dataset
from pydicom.uid import RTStructureSetStorage, generate_uid
from scipy.spatial.transform import Rotation

from dicom_factory import PATIENT_ID, item, save
from LungPNetLib.dicom.contours import fill_even_odd
from LungPNetLib.dicom.masks import read_mask, read_rois
from LungPNetLib.errors import InputError
from LungPNetLib.volume import Volume

SHAPE = (8, 12, 16)
SPACING_MM = (0.8, 0.7, 2.5)
ORIGIN_MM = (-50.0, -40.0, 100.0)


def grid(direction: np.ndarray | None = None) -> Volume:
    upright = np.eye(3) if direction is None else direction
    return Volume(np.zeros(SHAPE, np.int16), SPACING_MM, ORIGIN_MM, upright)


def write_rtstruct(
    path: Path,
    rois: dict[str, list[tuple[np.ndarray, float]]],
    reference: Volume,
    kind: str = "CLOSED_PLANAR",
) -> Path:
    """Contours given as (column, row) corners and the slice index of their plane."""
    dataset = Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = RTStructureSetStorage, generate_uid()
    dataset.Modality, dataset.PatientID = "RTSTRUCT", PATIENT_ID
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
    for number, (name, contours) in enumerate(rois.items(), start=5):
        dataset.StructureSetROISequence.append(
            item(ROINumber=number, ROIName=name.strip(), ReferencedFrameOfReferenceUID="1.2.9")
        )
        points = [
            reference.index_to_world(np.column_stack([xy, np.full(len(xy), k)])).ravel()
            for xy, k in contours
        ]
        sequence = [
            item(ContourGeometricType=kind, ContourData=[f"{v:.6f}" for v in p]) for p in points
        ]
        dataset.ROIContourSequence.append(
            item(ReferencedROINumber=number, ContourSequence=sequence)
        )
    save(dataset, path)
    return path


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def drawn(rows: str) -> np.ndarray:
    return np.array([[int(c == "#") for c in row] for row in rows.split()])


HOLE = """
........
.######.
.######.
.##..##.
.##..##.
.######.
........
"""
KEYHOLE = np.array(
    [
        *[(0.5, 0.5), (4, 0.5), (4, 2.5), (2.5, 2.5), (2.5, 4.5), (4.5, 4.5)],
        *[(4.5, 2.5), (4, 2.5), (4, 0.5), (6.5, 0.5), (6.5, 5.5), (0.5, 5.5)],
    ],
    float,
)


@pytest.mark.parametrize(
    "contours",
    [[box(0.5, 0.5, 6.5, 5.5), box(2.5, 2.5, 4.5, 4.5)], [KEYHOLE], [KEYHOLE[::-1]]],
    ids=["two contours", "keyhole", "keyhole the other way"],
)
def test_hole_in_a_region(tmp_path, contours):
    path = write_rtstruct(tmp_path / "rt.dcm", {"GTV": [(c, 3) for c in contours]}, grid())
    mask = read_mask(path, grid()).array
    np.testing.assert_array_equal(mask[3, :7, :8], drawn(HOLE))
    assert mask.sum() == drawn(HOLE).sum()


def test_pixel_belongs_to_a_region_when_its_centre_does():
    """The diagonal edge passes exactly midway between pixel centres."""
    triangle = np.array([(0.0, -0.5), (4.5, 4.0), (0.0, 4.0)])
    expected = drawn("#.... ##... ###.. ####. .....")
    np.testing.assert_array_equal(fill_even_odd([triangle], (5, 5)), expected)


coordinate = st.integers(-40, 140).map(lambda tenths: tenths / 10 + 0.031)
polygons = st.lists(
    hnp.arrays(float, st.tuples(st.integers(3, 9), st.just(2)), elements=coordinate),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60, deadline=None)
@given(polygons)
def test_even_odd_fill_counts_crossings_of_a_ray(contours):
    """The oracle walks each pixel by itself and shoots its ray upwards instead of sideways."""
    found = fill_even_odd(contours, (10, 11))
    for row, column in np.ndindex(found.shape):
        crossings = [
            y0 + (column - x0) * (y1 - y0) / (x1 - x0)
            for corners in contours
            for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True)
            if (x0 > column) != (x1 > column)
        ]
        on_an_edge = any(abs(y - row) < 1e-9 for y in crossings)
        assert on_an_edge or found[row, column] == sum(y < row for y in crossings) % 2


def test_regions_that_share_an_edge_share_no_pixel(tmp_path):
    rois = {"a": [(box(2, 2, 6, 8), 4)], "b": [(box(6, 2, 9, 8), 4)]}
    labels = read_mask(write_rtstruct(tmp_path / "rt.dcm", rois, grid()), grid()).array
    np.testing.assert_array_equal(labels[4, 3], [0, 0, 1, 1, 1, 1, 2, 2, 2] + [0] * 7)


@settings(max_examples=15, deadline=None)
@given(st.tuples(*[st.floats(-3, 3)] * 3), st.booleans())
def test_contours_follow_the_grid_in_any_orientation(tmp_path_factory, angles, flip):
    direction = Rotation.from_euler("xyz", angles).as_matrix() * ([1, 1, -1] if flip else 1)
    oblique = grid(direction)
    contours = [(box(2.5, 3.5, 9.5, 6.5), k) for k in (2, 3, 5)]
    path = write_rtstruct(tmp_path_factory.mktemp("rt") / "rt.dcm", {"GTV": contours}, oblique)
    expected = np.zeros(SHAPE, np.uint8)
    expected[[2, 3, 5], 4:7, 3:10] = 1
    np.testing.assert_array_equal(read_mask(path, oblique).array, expected)


def slices_filled(folder: Path, planes: Sequence[float]) -> list[int]:
    contours = [(box(2.5, 3.5, 9.5, 6.5), plane) for plane in planes]
    path = write_rtstruct(folder / "rt.dcm", {"GTV": contours}, grid())
    return np.flatnonzero(read_mask(path, grid()).array.any(axis=(1, 2))).tolist()


def test_planes_go_to_the_nearest_slice(tmp_path):
    assert slices_filled(tmp_path, [1.9, 3.1, 4.05]) == [2, 3, 4]


def test_slice_without_a_contour_stays_empty(tmp_path):
    assert slices_filled(tmp_path, [1, 2, 3, 5, 6]) == [1, 2, 3, 5, 6]


def test_planes_coarser_than_the_slices_leave_no_stripes(tmp_path):
    assert slices_filled(tmp_path, [1, 3, 5]) == [0, 1, 2, 3, 4, 5, 6]


def test_planes_finer_than_the_slices_do_not_cancel(tmp_path):
    assert slices_filled(tmp_path, [2, 2.25, 2.5, 2.75, 3, 3.25]) == [2, 3]


def test_planes_outside_the_image_are_left_out(tmp_path):
    assert slices_filled(tmp_path, [-3, -2, -1, 0, 1]) == [0, 1]
    with pytest.raises(InputError, match="inside the image"):
        slices_filled(tmp_path, [-3, -2])


def test_contours_across_the_slices_are_refused(tmp_path):
    turned = grid(Rotation.from_euler("x", 20, degrees=True).as_matrix())
    path = write_rtstruct(tmp_path / "rt.dcm", {"GTV": [(box(2, 2, 9, 9), 3)]}, turned)
    with pytest.raises(InputError, match=r"'GTV' are not parallel.*give that file") as raised:
        read_mask(path, grid())
    assert PATIENT_ID not in str(raised.value)


def test_overlapping_regions_fit_masks_but_no_label_map(tmp_path):
    rois = {"Lung": [(box(1, 1, 8, 8), 2)], "GTV": [(box(6, 6, 10, 10), 2)]}
    path = write_rtstruct(tmp_path / "rt.dcm", rois, grid())
    with pytest.raises(InputError, match=r"'GTV' overlaps"):
        read_mask(path, grid())
    assert {name: int(mask.array.sum()) for name, mask in read_rois(path, grid()).items()} == {
        "Lung": 49,
        "GTV": 16,
    }
    assert read_mask(path, grid(), roi="gtv").array.sum() == 16


def test_region_without_a_name_gets_its_number(tmp_path):
    path = write_rtstruct(tmp_path / "rt.dcm", {" ": [(box(1, 1, 8, 8), 2)]}, grid())
    assert list(read_rois(path, grid())) == ["ROI 5"]


def test_points_and_open_lines_are_no_regions(tmp_path):
    rois = {"GTV": [(box(1, 1, 8, 8), 2)]}
    path = write_rtstruct(tmp_path / "rt.dcm", rois, grid(), kind="OPEN_PLANAR")
    with pytest.raises(InputError, match="no segment and no closed contour"):
        read_mask(path, grid())


def test_damaged_contour_is_refused(tmp_path):
    path = write_rtstruct(tmp_path / "rt.dcm", {"GTV": [(box(1, 1, 8, 8), 2)]}, grid())
    dataset = pydicom.dcmread(path)
    contour = dataset.ROIContourSequence[0].ContourSequence[0]
    contour.ContourData = contour.ContourData[:-1]
    dataset.save_as(path)
    with pytest.raises(InputError, match="11 coordinates"):
        read_mask(path, grid())


def test_contours_of_another_frame_are_refused(tmp_path):
    path = write_rtstruct(tmp_path / "rt.dcm", {"GTV": [(box(1, 1, 8, 8), 2)]}, grid())
    assert read_mask(path, grid(), frame_of_reference_uid="1.2.9").array.any()
    with pytest.raises(InputError, match=r"frame of reference 1\.2\.9"):
        read_rois(path, grid(), frame_of_reference_uid="1.2.3")
