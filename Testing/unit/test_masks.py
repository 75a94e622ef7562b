"""Masks from image files, DICOM SEG and RTSTRUCT land on the voxels that they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_factory import PATIENT_ID, stack_positions, write_series
from LungPNetLib.dicom.masks import read_mask, read_rois
from LungPNetLib.errors import InputError
from LungPNetLib.reading import read_study
from LungPNetLib.volume import Volume, write_image

SHAPE = (8, 12, 16)
SPACING_MM = (0.8, 0.7, 2.5)
ORIGIN_MM = (-50.0, -40.0, 100.0)
CODE = hd.sr.CodedConcept("39607008", "SCT", "Lung")


def grid(direction: np.ndarray | None = None) -> Volume:
    upright = np.eye(3) if direction is None else direction
    return Volume(np.zeros(SHAPE, np.int16), SPACING_MM, ORIGIN_MM, upright)


def label_array() -> np.ndarray:
    array = np.zeros(SHAPE, np.uint8)
    array[1:3, 2:9, 3:7] = 1
    array[6, 4:11, 9:14] = 2
    array[1, 2, 3] = 0
    return array


# --- Image files ---


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
def test_label_image_on_the_same_grid_is_taken_as_it_is(tmp_path, suffix, kind):
    path = tmp_path / f"mask{suffix}"
    write_image(grid().with_array(label_array().astype(kind)), path)
    mask = read_mask(path, grid())
    assert mask.array.dtype == np.uint8
    assert mask.same_grid_as(grid())
    np.testing.assert_array_equal(mask.array, label_array())


def test_label_image_stored_in_another_axis_order(tmp_path):
    turned = grid().with_array(label_array()).axis_order_to([[0, 0, -1], [0, -1, 0], [1, 0, 0]])
    write_image(turned.apply(grid().with_array(label_array())), tmp_path / "mask.nrrd")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.nrrd", grid()).array, label_array())


def test_label_image_on_a_finer_grid_takes_the_nearest_voxel(tmp_path):
    fine = Volume(
        np.repeat(label_array(), 3, axis=2),
        (SPACING_MM[0] / 3, *SPACING_MM[1:]),
        (ORIGIN_MM[0] - SPACING_MM[0] / 3, *ORIGIN_MM[1:]),
    )
    write_image(fine, tmp_path / "mask.nii.gz")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.nii.gz", grid()).array, label_array())


def test_label_image_of_a_part_of_the_field(tmp_path):
    part = grid().with_array(label_array()).cropped((2, 1, 1), (12, 10, 6))
    write_image(part, tmp_path / "mask.nii.gz")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.nii.gz", grid()).array, label_array())


def test_label_image_elsewhere_is_refused(tmp_path):
    far = replace(grid().with_array(label_array()), origin_mm=(500.0, 0.0, 0.0))
    write_image(far, tmp_path / "mask.nii.gz")
    with pytest.raises(InputError, match="inside the image"):
        read_mask(tmp_path / "mask.nii.gz", grid())


def test_labels_outside_are_refused_even_where_the_fields_overlap(tmp_path):
    array = np.zeros(SHAPE, np.uint8)
    array[:, :, 12:] = 1
    shifted = replace(grid().with_array(array), origin_mm=(ORIGIN_MM[0] + 6.4, *ORIGIN_MM[1:]))
    write_image(shifted, tmp_path / "mask.nii.gz")
    with pytest.raises(InputError, match="inside the image"):
        read_mask(tmp_path / "mask.nii.gz", grid())


def test_empty_label_image_is_an_empty_mask(tmp_path):
    write_image(grid().with_array(np.zeros(SHAPE, np.uint8)), tmp_path / "mask.nii.gz")
    assert not read_mask(tmp_path / "mask.nii.gz", grid()).array.any()


@pytest.mark.parametrize("values", [(-1024, 300), (0, 256), (0, 0.5), (0, np.nan)])
def test_image_instead_of_a_mask_is_refused(tmp_path, values):
    array = np.resize(np.array(values, np.float32), SHAPE)
    write_image(grid().with_array(array), tmp_path / "mask.nrrd")
    with pytest.raises(InputError, match="whole numbers from 0 to 255"):
        read_mask(tmp_path / "mask.nrrd", grid())


def test_region_names_need_a_file_that_has_them(tmp_path):
    write_image(grid().with_array(label_array()), tmp_path / "mask.nii.gz")
    with pytest.raises(InputError, match="without named regions"):
        read_mask(tmp_path / "mask.nii.gz", grid(), roi="GTV")
    with pytest.raises(InputError, match="no DICOM file"):
        read_rois(tmp_path / "mask.nii.gz", grid())


def test_files_that_are_no_mask_are_refused(tmp_path):
    (tmp_path / "text.dcm").write_text("this is not DICOM")
    (tmp_path / "cut.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\x02\x00")
    ct = write_series(tmp_path / "ct", np.zeros(SHAPE, np.int16))[0]
    for path in (tmp_path / "text.dcm", tmp_path / "cut.dcm", tmp_path / "absent.dcm", ct):
        with pytest.raises(InputError, match=path.name) as raised:
            read_mask(path, grid())
        assert PATIENT_ID not in str(raised.value)


# --- DICOM SEG ---


def write_seg(
    folder: Path,
    pixels: np.ndarray,
    kind: str = "BINARY",
    *,
    positions: np.ndarray | None = None,
    names: Sequence[str] = ("one", "two"),
    reverse: bool = False,
) -> Path:
    """A SEG by highdicom; ``pixels`` is a label map, or has the segments along a last axis."""
    hu = np.zeros(pixels.shape[:3], np.int16)
    paths = write_series(folder / "ct", hu, positions=positions, change=_complete)
    step = -1 if reverse else 1
    segments = [
        hd.seg.SegmentDescription(
            number, name, CODE, CODE, hd.seg.SegmentAlgorithmTypeValues.MANUAL
        )
        for number, name in enumerate(names, start=1)
    ]
    seg = hd.seg.Segmentation(
        [pydicom.dcmread(path) for path in paths][::step],
        pixels[::step],
        kind,
        segments,
        series_instance_uid=hd.UID(),
        series_number=1,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="Maker",
        manufacturer_model_name="Model",
        software_versions="1",
        device_serial_number="1",
    )
    seg.save_as(folder / "seg.dcm")
    return folder / "seg.dcm"


def _complete(dataset: Dataset, _: int) -> None:
    dataset.StudyID = dataset.StudyTime = ""


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
@pytest.mark.parametrize("reverse", [False, True])
def test_segmentation_becomes_labels_at_its_place(tmp_path, kind, reverse):
    """Slices 0, 3-5 and 7 are empty and have no frame."""
    path = write_seg(tmp_path, label_array(), kind, reverse=reverse)
    assert pydicom.dcmread(path).NumberOfFrames == 3
    np.testing.assert_array_equal(read_mask(path, grid()).array, label_array())
    masks = read_rois(path, grid())
    np.testing.assert_array_equal(masks["one"].array, label_array() == 1)
    np.testing.assert_array_equal(masks["two"].array, label_array() == 2)
    np.testing.assert_array_equal(read_mask(path, grid(), roi="Two").array, label_array() == 2)


def test_segmentation_read_onto_a_grid_in_another_axis_order(tmp_path):
    order = grid().axis_order_to([[0, 1, 0], [0, 0, -1], [-1, 0, 0]])
    turned, expected = order.apply(grid()), order.apply(grid().with_array(label_array()))
    path = write_seg(tmp_path, label_array())
    np.testing.assert_array_equal(read_mask(path, turned).array, expected.array)


def test_segmentation_fills_thinner_slices_and_no_gaps(tmp_path):
    """Slice 1 of 2.5 mm covers slices 4-8 of 0.5 mm; the empty slices stay empty."""
    thin = Volume(np.zeros((40, *SHAPE[1:])), (0.8, 0.7, 0.5), (-50.0, -40.0, 99.0))
    path = write_seg(tmp_path, label_array())
    expected = np.repeat(label_array(), 5, axis=0)
    np.testing.assert_array_equal(read_mask(path, thin).array, expected)


def test_fractional_segments_are_cut_at_one_half(tmp_path):
    fractions = np.zeros((*SHAPE, 1), np.float32)
    fractions[2, 3, 4:9, 0] = [0.2, 0.45, 0.55, 0.8, 1.0]
    path = write_seg(tmp_path, fractions, "FRACTIONAL", names=["one"])
    assert read_mask(path, grid()).array[2, 3, 4:9].tolist() == [0, 0, 1, 1, 1]


def test_overlapping_segments_fit_masks_but_no_label_map(tmp_path):
    pixels = np.zeros((*SHAPE, 2), np.uint8)
    pixels[2, 2:6, 2:6, 0], pixels[2, 4:8, 4:8, 1] = 1, 1
    path = write_seg(tmp_path, pixels)
    with pytest.raises(InputError, match=r"'two' overlaps.*--roi NAME"):
        read_mask(path, grid())
    masks = read_rois(path, grid())
    np.testing.assert_array_equal(masks["two"].array, pixels[..., 1])
    np.testing.assert_array_equal(read_mask(path, grid(), roi="one").array, pixels[..., 0])


def test_segments_of_one_name_are_told_apart(tmp_path):
    path = write_seg(tmp_path, label_array(), names=["nodule", "nodule"])
    assert list(read_rois(path, grid())) == ["nodule", "nodule (2)"]
    second = read_mask(path, grid(), roi="nodule (2)")
    np.testing.assert_array_equal(second.array, label_array() == 2)


def test_unknown_region_is_refused_with_those_there_are(tmp_path):
    path = write_seg(tmp_path, label_array(), names=["GTV", "Lung"])
    with pytest.raises(InputError, match=r"no region named 'heart'; it holds 'GTV', 'Lung'"):
        read_mask(path, grid(), roi="heart")


def test_segmentation_of_another_place_or_frame_is_refused(tmp_path):
    path = write_seg(tmp_path, label_array())
    with pytest.raises(InputError, match="inside the image"):
        read_mask(path, replace(grid(), origin_mm=(0.0, 0.0, 900.0)))
    frame_uid = pydicom.dcmread(path).FrameOfReferenceUID
    assert read_mask(path, grid(), frame_of_reference_uid=frame_uid).array.any()
    with pytest.raises(InputError, match=r"frame of reference .* the image lies in 1\.2\.3"):
        read_mask(path, grid(), frame_of_reference_uid="1.2.3")


def test_segmentation_on_tilted_slices(tmp_path):
    """Slice k is shifted by k rows; the grid is upright."""
    positions = stack_positions(SHAPE[0], step_mm=(0, 0.7, 2.5))
    path = write_seg(tmp_path, label_array(), positions=positions)
    upright = Volume(np.zeros((8, 19, 16)), SPACING_MM, ORIGIN_MM)
    expected = np.zeros(upright.shape, np.uint8)
    for k in range(8):
        expected[k, k : k + 12] = label_array()[k]
    np.testing.assert_array_equal(read_mask(path, upright).array, expected)


# --- Real data ---


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)))


def test_lung1_contours_equal_the_reference_masks(real_data):
    folder = real_data / "lung1-001"
    reference = _grid_of(folder)
    lungs = read_mask(folder / "lungs_from_rtstruct.nii.gz", reference).array
    tumour = read_mask(folder / "gtv1_from_rtstruct.nii.gz", reference).array
    rois = read_rois(folder / "rtstruct.dcm", reference)
    assert dice(rois["Lung-Right"].array == 1, lungs == 1) >= 0.995
    assert dice(rois["Lung-Left"].array == 1, lungs == 2) >= 0.995
    assert dice(rois["GTV-1"].array == 1, tumour == 1) >= 0.995


def test_lidc_segmentations_lie_where_the_readers_voted(real_data):
    folder = real_data / "lidc-0001"
    reference = _grid_of(folder)
    votes = read_mask(folder / "nodule_reader_votes.nii.gz", reference).array
    count = np.zeros(votes.shape, int)
    for path in sorted((folder / "seg").glob("*.dcm")):
        count += read_mask(path, reference).array
    assert dice(count > 0, votes > 0) >= 0.995
    np.testing.assert_array_equal(count, votes)


@pytest.mark.parametrize(
    ("case", "file", "roi"),
    [
        ("nsclc-gtv-pat1", "rtstruct.dcm", "GTV-1"),
        ("nsclc-gtv-pat2", "rtstruct.dcm", "GTV-1"),
        ("petct-sts-003", "rtstruct_ct.dcm", "GTV_Mass_CT"),
        ("petct-sts-003", "rtstruct_pet.dcm", "GTV_Mass_PET"),
    ],
)
def test_other_real_contours(real_data, case, file, roi):
    folder = real_data / case
    mask = read_mask(folder / file, _grid_of(folder), roi=roi)
    reference = folder / "gtv1_from_rtstruct.nii.gz"
    assert mask.array.any()
    if reference.exists():
        assert dice(mask.array == 1, read_mask(reference, mask).array == 1) >= 0.995


def _grid_of(folder: Path) -> Volume:
    return read_study(folder / "ct").ct
