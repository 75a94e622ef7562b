"""NIfTI, NRRD and MetaImage give the same CT as the DICOM series, or are refused."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dicom_factory import (
    Array,
    numbered_hu,
    refusal,
    stack_positions,
    upright,
    world_by_value,
    world_of,
    write_series,
)
from LungPNetLib.reading import read_study
from LungPNetLib.volume import AxisOrder, Volume, write_image

FORMATS = {".nii": "nifti", ".nii.gz": "nifti", ".nrrd": "nrrd", ".mha": "metaimage"}
OBLIQUE = Rotation.from_euler("xyz", (11, -23, 35), degrees=True).as_matrix()


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("plane", ["axial", "coronal", "oblique"])
def test_image_files_equal_the_dicom_series(tmp_path: Path, plane: str, suffix: str) -> None:
    direction = {
        "axial": np.eye(3),
        "coronal": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]),
        "oblique": OBLIQUE,
    }[plane]
    hu = numbered_hu()
    positions = stack_positions(12, 2.5 * direction[:, 2])
    write_series(
        tmp_path / "dicom", hu, positions=positions, orientation=direction[:, :2].T.ravel()
    )
    dicom = read_study(tmp_path / "dicom")
    write_image(dicom.ct, tmp_path / f"ct{suffix}")
    study = read_study(tmp_path / f"ct{suffix}")
    assert study.input_format == FORMATS[suffix]
    assert study.ct.same_grid_as(dicom.ct, tolerance_mm=1e-3)
    assert np.array_equal(study.ct.array, dicom.ct.array)
    assert study.ct.array.dtype == np.int16
    assert study.geometry.slice_spacing_mm == pytest.approx(
        study.ct.spacing_mm[np.argmax(abs(study.ct.direction[2]))]
    )
    assert not study.source


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    "order",
    [
        AxisOrder((0, 1, 2), (True, True, False)),  # RAS, the usual order of NIfTI
        AxisOrder((2, 0, 1), (False, True, True)),
        AxisOrder((1, 0, 2), (False, False, True)),
    ],
    ids=["RAS", "SLA", "PLI"],
)
def test_axes_in_another_order_keep_every_voxel_in_its_place(tmp_path, suffix, order) -> None:
    hu, positions = numbered_hu(), stack_positions(12)
    ct = Volume(hu, (0.8, 0.7, 2.5), tuple(positions[0]))
    write_image(order.apply(ct), tmp_path / f"ct{suffix}")
    study = read_study(tmp_path / f"ct{suffix}")
    assert study.ct.shape == order.apply(ct).shape
    assert study.geometry.slice_spacing_mm == pytest.approx(2.5)
    truth = world_of(positions, hu.shape).reshape(-1, 3)
    assert np.allclose(world_by_value(study.ct), truth, atol=1e-3)
    assert np.array_equal(upright(study).array, hu)
    assert upright(study).same_grid_as(ct, tolerance_mm=1e-3)


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (numbered_hu().astype(np.float64), np.int16),
        (numbered_hu().astype(np.int32), np.int16),
        ((numbered_hu() + 1024).astype(np.uint16), np.int16),
        (numbered_hu() + 0.5, np.float32),
        (numbered_hu().astype(np.int32) * 100, np.float32),
        (numbered_hu().astype(np.float32) * 100, np.float32),
    ],
    ids=["whole float64", "int32", "uint16", "fractions", "beyond int16", "float beyond int16"],
)
def test_voxels_become_int16_where_nothing_is_lost(tmp_path: Path, array: Array, dtype) -> None:
    write_image(Volume(array), tmp_path / "ct.nii")
    ct = read_study(tmp_path / "ct.nii").ct
    assert ct.array.dtype == dtype
    assert np.array_equal(ct.array, array)


RAS = np.array([[-0.8, 0, 0, 0], [0, -0.7, 0, 0], [0, 0, 2.5, 0]])
"""Columns to the left, rows to the back, slices upward, as a NIfTI file states it."""


def nifti(path: Path, **fields: Any) -> Path:
    """A NIfTI file of ``numbered_hu`` on the grid ``RAS`` with other header fields."""
    write_image(Volume(numbered_hu(), (0.8, 0.7, 2.5)), path)
    content = bytearray(path.read_bytes())
    places = {
        "pixdim": (80, "<3f"),
        "xyzt_units": (123, "<B"),
        "qform_code": (252, "<h"),
        "sform_code": (254, "<h"),
        "sform": (280, "<12f"),
    }
    for name, value in fields.items():
        place, layout = places[name]
        struct.pack_into(layout, content, place, *np.ravel(value).tolist())
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("qform_code", [0, 1])
@pytest.mark.parametrize("sform_code", [0, 1, 2])
def test_nifti_with_either_form(tmp_path: Path, qform_code: int, sform_code: int) -> None:
    path = nifti(tmp_path / "ct.nii", qform_code=qform_code, sform_code=sform_code, sform=RAS)
    if qform_code == sform_code == 0:
        assert "does not state which side is left" in refusal(path)
        return
    ct = read_study(path).ct
    assert np.array_equal(ct.array, numbered_hu())
    assert ct.spacing_mm == pytest.approx((0.8, 0.7, 2.5))
    assert np.allclose(ct.direction, np.eye(3))


@pytest.mark.parametrize("qform_code", [0, 1], ids=["no qform", "straight qform"])
def test_a_sheared_nifti_is_refused_even_if_its_qform_hides_it(tmp_path, qform_code) -> None:
    sheared = RAS + np.array([[0, 0, 0, 0], [0, 0, 0.9, 0], [0, 0, 0, 0]])
    message = refusal(nifti(tmp_path / "ct.nii", qform_code=qform_code, sform=sheared))
    assert "'ct.nii'" in message
    assert "export the DICOM series again" in message


def test_a_nifti_with_two_spacings_is_refused(tmp_path: Path) -> None:
    """ITK would take the one of pixdim without a word."""
    path = nifti(tmp_path / "ct.nii", pixdim=[1, 1, 1])
    assert "sform, qform and pixdim disagree" in refusal(path)


@pytest.mark.parametrize(("unit", "unit_mm"), [(2, 1), (0, 1), (1, 1000), (3, 0.001), (10, 1)])
def test_nifti_units(tmp_path: Path, unit: int, unit_mm: float) -> None:
    """Millimetres, not stated, metres, micrometres; and millimetres together with seconds."""
    path = nifti(
        tmp_path / "ct.nii",
        xyzt_units=unit,
        pixdim=np.array([0.8, 0.7, 2.5]) / unit_mm,
        sform=RAS / unit_mm,
    )
    assert read_study(path).ct.spacing_mm == pytest.approx((0.8, 0.7, 2.5))


NRRD = """NRRD0004
type: short
dimension: 3
sizes: 3 3 3
encoding: ascii
{geometry}

""" + " ".join(map(str, range(27)))


def test_nrrd_orientation(tmp_path: Path) -> None:
    path = tmp_path / "ct.nrrd"
    axes = "space directions: (0.5,0,0) (0,0.5,0) (0,0,2)\nspace origin: (1,2,3)"
    for space, origin in (
        ("left-posterior-superior", (1, 2, 3)),
        ("right-anterior-superior", (-1, -2, 3)),
        ("LAS", (1, -2, 3)),
    ):
        path.write_text(NRRD.format(geometry=f"space: {space}\n{axes}"))
        assert read_study(path).ct.origin_mm == origin
    for geometry in ("spacings: 0.5 0.5 2", f"space: scanner-xyz\n{axes}"):
        path.write_text(NRRD.format(geometry=geometry))
        assert "does not state which side is left" in refusal(path)
    sheared = "space: LPS\nspace directions: (0.5,0,0) (0,0.5,0) (0,0.5,2)"
    path.write_text(NRRD.format(geometry=sheared))
    assert "right angles" in refusal(path)


def four_dimensions() -> Any:
    import SimpleITK as sitk

    return sitk.JoinSeries([sitk.Image(5, 5, 5, sitk.sitkInt16)] * 2)


def two_dimensions() -> Any:
    import SimpleITK as sitk

    return sitk.Image(5, 5, sitk.sitkInt16)


def colours() -> Any:
    import SimpleITK as sitk

    return sitk.Image([5, 5, 5], sitk.sitkVectorUInt8, 3)


def complex_numbers() -> Any:
    import SimpleITK as sitk

    return sitk.Image([5, 5, 5], sitk.sitkComplexFloat32)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (four_dimensions, "4 dimensions"),
        (two_dimensions, "2 dimensions"),
        (colours, "3 components"),
        (complex_numbers, ""),
    ],
)
def test_images_that_are_no_volume_are_refused(tmp_path: Path, suffix, make, reason) -> None:
    import SimpleITK as sitk

    path = tmp_path / f"ct{suffix}"
    sitk.WriteImage(make(), str(path))
    message = refusal(path)
    assert f"'ct{suffix}'" in message
    assert reason in message


@pytest.mark.parametrize("shape", [(2, 16, 20), (12, 2, 20), (12, 16, 1)])
def test_an_image_of_one_or_two_slices_is_refused(tmp_path: Path, shape) -> None:
    write_image(Volume(numbered_hu(shape)), tmp_path / "ct.nii.gz")
    message = refusal(tmp_path / "ct.nii.gz")
    assert str(shape[::-1]) in message
    assert "at least 3 slices" in message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    array = numbered_hu().astype(np.float32)
    array[3, 4, 5] = value
    for suffix in FORMATS:
        write_image(Volume(array), tmp_path / f"ct{suffix}")
        message = refusal(tmp_path / f"ct{suffix}")
        assert f"'ct{suffix}'" in message
        assert "values that are not finite" in message


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_damaged_image_file_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"ct{suffix}"
    write_image(Volume(numbered_hu()), path)
    whole = path.read_bytes()
    for content in (whole[:2000], whole[:-20], b"", b"no image at all" * 50):
        path.write_bytes(content)
        assert f"'ct{suffix}'" in refusal(path)
