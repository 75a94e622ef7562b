"""A written CT series: the same voxels in the same place, valid, and the same files each time."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from LungPNetLib.cohort.dicom_writer import SeriesTags, write_ct_series, write_patient
from LungPNetLib.cohort.phantom.patient import make_patient
from LungPNetLib.cohort.phantom.scanner import Scanner
from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.volume import Volume, read_image


def numbered(direction: np.ndarray | None = None) -> Volume:
    """2x3x4 voxels, each with a value of its own."""
    hu = np.arange(24, dtype=np.int16).reshape(2, 3, 4) * 100 - 1000
    return Volume(
        hu,
        spacing_mm=(0.703125, 0.8, 2.5),
        origin_mm=(-170.25, 31.5, -327.75),
        direction=np.eye(3) if direction is None else direction,
    )


def read_series(folder: Path) -> Volume:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return Volume.from_sitk(reader.Execute())


def test_round_trip_keeps_voxels_and_place(tmp_path):
    ct = numbered()
    paths = write_ct_series(ct, tmp_path / "ct")
    assert [path.name for path in paths] == ["0001.dcm", "0002.dcm"]
    back = read_series(tmp_path / "ct")
    assert np.array_equal(back.array, ct.array)
    assert back.same_grid_as(ct, tolerance_mm=1e-3)


@settings(max_examples=15, deadline=None)
@given(angles=st.tuples(*[st.floats(-180.0, 180.0)] * 3))
def test_round_trip_of_any_direction(tmp_path_factory, angles):
    ct = numbered(Rotation.from_euler("xyz", angles, degrees=True).as_matrix())
    folder = tmp_path_factory.mktemp("oblique")
    write_ct_series(ct, folder)
    back = read_series(folder)
    assert np.array_equal(back.array, ct.array)
    assert back.same_grid_as(ct, tolerance_mm=1e-3)


def test_left_handed_grid_comes_back_in_the_same_place(tmp_path):
    ct = numbered(np.diag([1.0, 1.0, -1.0]))
    write_ct_series(ct, tmp_path)
    back = read_series(tmp_path)
    for index in np.ndindex(ct.shape):
        here = ct.index_to_world(index[::-1])
        column, row, k = np.rint(back.world_to_index(here)).astype(int)
        assert back.array[k, row, column] == ct.array[index]
        assert np.allclose(back.index_to_world((column, row, k)), here, atol=1e-3)


def test_extreme_values_survive(tmp_path):
    hu = np.array([[[-2000, -1024], [3071, 32767 - 1024]]], np.int16)
    write_ct_series(Volume(np.concatenate([hu, hu - 1])), tmp_path)
    assert np.array_equal(read_series(tmp_path).array, np.concatenate([hu, hu - 1]))


def test_tags_say_what_was_asked(tmp_path):
    tags = SeriesTags(
        patient_name="MadeUp^Tag",
        patient_id="PHANTOM-T",
        kernel="LUNG",
        slice_thickness_mm=3.0,
        kvp=100.0,
        tube_current_ma=150.0,
        contrast_agent="Iohexol",
        padding_hu=-2000,
    )
    path, *_ = write_ct_series(numbered(), tmp_path, tags=tags)
    image = pydicom.dcmread(path)
    assert (str(image.PatientName), image.PatientID) == ("MadeUp^Tag", "PHANTOM-T")
    assert (image.ConvolutionKernel, image.ContrastBolusAgent) == ("LUNG", "Iohexol")
    assert (image.SliceThickness, image.KVP, image.XRayTubeCurrent) == (3.0, 100.0, 150)
    assert image.PixelPaddingValue * image.RescaleSlope + image.RescaleIntercept == -2000


def test_plain_series_has_neither_contrast_nor_padding(tmp_path):
    path, *_ = write_ct_series(numbered(), tmp_path)
    image = pydicom.dcmread(path)
    assert "ContrastBolusAgent" not in image
    assert "PixelPaddingValue" not in image
    assert image.SliceThickness == 2.5


def test_same_seed_same_files_other_seed_other_uids(tmp_path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        write_ct_series(numbered(), tmp_path / name, uid_seed=seed)
    first, again, other = (
        [path.read_bytes() for path in sorted((tmp_path / name).iterdir())] for name in "abc"
    )
    assert first == again
    images = [
        pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(tmp_path.glob("[ac]/*"))
    ]
    assert len({image.SOPInstanceUID for image in images}) == 4
    assert len({image.SeriesInstanceUID for image in images}) == 2
    assert len({image.StudyInstanceUID for image in images}) == 2
    assert first != other


def test_fractions_and_values_beyond_16_bits_are_refused(tmp_path):
    with pytest.raises(InputError, match="whole HU"):
        write_ct_series(Volume(np.full((1, 1, 1), 0.5, np.float32)), tmp_path)
    with pytest.raises(InputError, match="40000"):
        write_ct_series(Volume(np.full((1, 1, 1), 40000, np.int32)), tmp_path)
    with pytest.raises(InputError, match="nan"):
        write_ct_series(Volume(np.full((1, 1, 1), np.nan, np.float32)), tmp_path)
    assert not any(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "ct").write_text("a file in the way")
    with pytest.raises(OutputError, match="'ct'"):
        write_ct_series(numbered(), tmp_path / "ct")


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is missing")
@pytest.mark.parametrize(
    ("tags", "direction"),
    [
        (SeriesTags(), np.eye(3)),
        (SeriesTags(contrast_agent="Iohexol", padding_hu=-2000), np.eye(3)),
        (SeriesTags(), Rotation.from_euler("xyz", (12, -25, 7), degrees=True).as_matrix()),
    ],
)
def test_files_are_valid_dicom(tmp_path, tags, direction):
    path, *_ = write_ct_series(numbered(direction), tmp_path, tags=tags)
    found = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    report = found.stdout + found.stderr
    assert "CTImage" in report
    assert "Error" not in report


def test_patient_folder_holds_ct_masks_and_truth(tmp_path):
    patient = make_patient(
        7, size=(64, 64, 24), spacing_mm=(5.6, 5.6, 12.0), scanner=Scanner(padding_hu=-2000)
    )
    write_patient(patient, tmp_path)
    back = read_series(tmp_path / "ct")
    assert np.array_equal(back.array, patient.ct.array)
    assert back.same_grid_as(patient.ct, tolerance_mm=1e-3)
    for name in ("lungs", "airways", "nodules"):
        mask = read_image(tmp_path / "truth" / f"{name}.nrrd")
        assert np.array_equal(mask.array, getattr(patient, name).array)
        assert mask.same_grid_as(patient.ct)
    truth = json.loads((tmp_path / "truth" / "truth.json").read_text())
    (nodule,) = truth["nodules"]
    assert truth["seed"] == 7
    assert nodule["centre_mm"] == list(patient.nodule_table[0].centre_mm)
    assert nodule["type"] == patient.nodule_table[0].type.value
    right_ml = np.sum(patient.lungs.array == 1) * patient.ct.voxel_volume_ml
    assert truth["lung_volume_ml"]["right"] == pytest.approx(right_ml, abs=0.1)
    image = pydicom.dcmread(tmp_path / "ct" / "0001.dcm")
    assert (str(image.PatientName), image.PatientID) == ("MadeUp^Patient 7", "PHANTOM-7")
