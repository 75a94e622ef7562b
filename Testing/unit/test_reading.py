"""Tags of patient and acquisition, progress, and real patients."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import JPEGLSNearLossless

from dicom_factory import (
    numbered_hu,
    stack_positions,
    uid,
    write_multiframe,
    write_series,
)
from LungPNetLib.errors import Cancelled
from LungPNetLib.events import Reporter
from LungPNetLib.reading import read_study
from LungPNetLib.volume import Volume

# Tags


def test_identity_and_acquisition_of_a_series(tmp_path: Path) -> None:
    study = read_study(write_series(tmp_path, numbered_hu())[0].parent)
    patient, made = study.patient, study.acquisition
    assert (patient.name, patient.patient_id) == ("Muster^Erika=無^名", "PID-4711")
    assert (patient.birth_date, patient.sex, made.patient_age) == ("19510203", "F", "071Y")
    assert (made.study_uid, made.series_uid) == (uid("study"), uid("series"))
    assert made.frame_of_reference_uid == uid("frame of reference")
    assert (made.study_date, made.accession_number) == ("20220101", "ACC1")
    assert (made.study_description, made.series_description) == ("CT chest", "series description")
    assert (made.manufacturer, made.model, made.body_part) == ("Maker", "Model 5", "CHEST")
    assert (made.kernel, made.kvp, made.tube_current_ma) == ("B30f", 120, 211)
    assert (made.slice_thickness_mm, made.contrast_agent, made.lossy) == (7.5, "", False)


def test_acquisition_of_enhanced_ct_is_in_its_functional_groups(tmp_path: Path) -> None:
    def add_contrast(dataset):
        from dicom_factory import item

        dataset.ContrastBolusAgentSequence = [item(CodeMeaning="Iohexol")]

    write_multiframe(tmp_path / "a.dcm", numbered_hu(), stack_positions(12), change=add_contrast)
    made = read_study(tmp_path).acquisition
    assert (made.kernel, made.kvp, made.tube_current_ma) == ("LUNG/2", 100, 222.5)
    assert (made.slice_thickness_mm, made.contrast_agent) == (7.5, "Iohexol")


def test_several_kernels_are_joined(tmp_path: Path) -> None:
    def two_kernels(dataset, _k):
        dataset.ConvolutionKernel = ["Br40d", "3"]

    write_series(tmp_path, numbered_hu(), change=two_kernels)
    assert read_study(tmp_path).acquisition.kernel == "Br40d/3"


@pytest.mark.parametrize(
    "name",
    ["", "Muster", "^^^^", "Yamada^Tarou=山田^太郎=やまだ^たろう", "Muster　Ä^Zoë", "=山田^太郎"],
)
def test_person_names_stay_raw(tmp_path: Path, name: str) -> None:
    write_series(
        tmp_path, numbered_hu(), change=lambda dataset, k: setattr(dataset, "PatientName", name)
    )
    assert read_study(tmp_path).patient.name == name


ODD_VALUES = {
    "XRayTubeCurrent": b"211.7 ",
    "KVP": b"not a number",
    "SliceThickness": b"2.500000000000000000000000",
    "SeriesNumber": b"1.5 ",
    "NumberOfFrames": b"1.5 ",
    "ConvolutionKernel": b"",
    "PatientBirthDate": b"03.02.51",
    "SpecificCharacterSet": b"ISO_IR 999",
    "GantryDetectorTilt": b"nan ",
    "WindowCenter": b"40\\",
}


@pytest.mark.parametrize("keyword", ODD_VALUES)
def test_odd_values_do_not_stop_the_reading(tmp_path: Path, keyword: str) -> None:
    from pydicom import dcmread
    from pydicom.datadict import dictionary_VR, tag_for_keyword
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import BaseTag

    hu, value = numbered_hu(), ODD_VALUES[keyword]
    for path in write_series(tmp_path, hu):
        dataset = dcmread(path)
        tag = BaseTag(tag_for_keyword(keyword))
        vr = dictionary_VR(tag)
        dataset._dict[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset.save_as(path)
        assert value in path.read_bytes()
    study = read_study(tmp_path)
    assert np.array_equal(study.ct.array, hu)
    made = study.acquisition
    assert made.kvp == (None if keyword == "KVP" else 120)
    assert made.slice_thickness_mm == (2.5 if keyword == "SliceThickness" else 7.5)


def test_lossy_compression_is_noticed(tmp_path: Path) -> None:
    def was_lossy(dataset, _k):
        dataset.LossyImageCompression = "01"

    def near_lossless(dataset, _k):
        dataset.compress(JPEGLSNearLossless, jls_error=2, generate_instance_uid=False)

    write_series(tmp_path / "a", numbered_hu(), change=was_lossy)
    write_series(tmp_path / "b", numbered_hu(), change=near_lossless, syntax=JPEGLSNearLossless)
    assert read_study(tmp_path / "a").acquisition.lossy
    assert read_study(tmp_path / "b").acquisition.lossy


def test_progress_and_cancelling(tmp_path: Path) -> None:
    write_series(tmp_path, numbered_hu())
    seen: list[dict[str, Any]] = []
    read_study(tmp_path, reporter=Reporter([seen.append]))
    fractions = [event["fraction"] for event in seen]
    assert fractions == sorted(fractions)
    assert len(fractions) == 12
    with pytest.raises(Cancelled):
        read_study(tmp_path, reporter=Reporter(is_cancelled=lambda: True))


# Real patients


def test_a_real_series_equals_simpleitk(real_data: Path, record_property) -> None:
    import SimpleITK as sitk

    folder = str(real_data / "lidc-0001" / "ct")
    started = time.perf_counter()
    study = read_study(Path(folder))
    record_property("seconds", round(time.perf_counter() - started, 2))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
    truth = Volume.from_sitk(reader.Execute())
    assert study.ct.shape == (111, 512, 512)
    assert np.array_equal(study.ct.array, truth.array)
    assert study.ct.array.dtype == np.int16
    assert study.ct.same_grid_as(truth)
    assert study.ct.spacing_mm == pytest.approx((0.703125, 0.703125, 2.5))
    assert not study.geometry.regridded
    assert not study.notices


def test_the_ct_beside_an_rtstruct_is_chosen(real_data: Path) -> None:
    study = read_study(real_data / "lung1-001")
    assert study.ct.shape == (134, 512, 512)
    assert study.ct.spacing_mm == pytest.approx((0.9765625, 0.9765625, 3.0))
    assert len(study.source) == 134


def test_the_ct_beside_a_pet_is_chosen(real_data: Path) -> None:
    study = read_study(real_data / "petct-sts-003")
    assert study.ct.shape == (51, 158, 154)
    assert {source.path.parent.name for source in study.source} == {"ct"}
