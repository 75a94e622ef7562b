"""DICOM SEG and SR: what is written can be found again, by other programs, at the same place."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian, LegacyConvertedEnhancedCTImageStorage

from dicom_factory import PATIENT_ID, item, stack_positions, write_multiframe, write_series
from export_samples import (
    FILE_ORDER,
    IDENTITY,
    REVERSED,
    SHAPE,
    assert_anonymous,
    axial_study,
    hu,
    label_array,
    lung_result,
    nodule_labels,
    nodule_result,
    validation_errors,
    write_lungs,
    write_with_nodules,
)
from LungPNetLib import __version__
from LungPNetLib.dicom.derived import Term
from LungPNetLib.dicom.export import (
    LUNG_SEGMENTS,
    SegmentLayer,
    SegmentSpec,
    write_layers,
    write_segmentation,
)
from LungPNetLib.dicom.masks import read_mask
from LungPNetLib.dicom.nodules import nodule_segments
from LungPNetLib.dicom.structured_report import write_measurements
from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.reading import read_study
from LungPNetLib.study import Study
from LungPNetLib.volume import Volume


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return axial_study(tmp_path_factory.mktemp("axial"), file_order=FILE_ORDER)


@pytest.fixture(scope="module")
def segmentation(study, tmp_path_factory) -> Path:
    return write_lungs(study, label_array(), tmp_path_factory.mktemp("seg") / "seg.dcm")


def labels_by_position(path: Path, study: Study) -> np.ndarray:
    """The label map of a SEG on the source slices, read by pydicom; nothing lies elsewhere."""
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    keys = [np.round(source.position_mm, 3).tolist() for source in study.source]
    labels = np.zeros((len(keys), dataset.Rows, dataset.Columns), np.uint8)
    for group, frame in zip(dataset.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        position = np.round(group.PlanePositionSequence[0].ImagePositionPatient, 3).tolist()
        segment = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        labels[keys.index(position)] += np.uint8(segment) * frame
    return labels


# --- Segmentation: places ---


@pytest.mark.parametrize("file_order", [None, REVERSED, FILE_ORDER])
def test_segmentation_is_the_label_map_voxel_for_voxel(tmp_path, file_order):
    study = axial_study(tmp_path, file_order=file_order)
    path = write_lungs(study, label_array(), tmp_path / "seg.dcm")
    np.testing.assert_array_equal(labels_by_position(path, study), label_array())
    np.testing.assert_array_equal(read_mask(path, study.ct).array, label_array())


def test_segmentation_refers_to_the_source_slice_of_each_frame(study, segmentation):
    opened = hd.seg.segread(segmentation)
    pixels = opened.get_pixels_by_source_instance(
        [source.sop_instance_uid for source in study.source],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    np.testing.assert_array_equal(pixels, label_array())


def test_slices_without_a_label_are_left_out(segmentation):
    assert pydicom.dcmread(segmentation).NumberOfFrames == 6 + 8


def test_tilted_series_is_mapped_back_onto_its_own_slices(tmp_path):
    """Each slice is shifted by exactly one row, so slice k of the upright grid is shifted by k."""
    positions = stack_positions(SHAPE[0], step_mm=(0, 0.7, 2.5))
    study = axial_study(tmp_path, positions=positions, file_order=FILE_ORDER)
    assert study.geometry.regridded
    assert study.ct.shape == (20, 48 + 19, 64)
    upright = label_array((20, 48 + 19, 64))
    upright[12:, 55:60, 10:15] = 1
    path = write_lungs(study, upright, tmp_path / "seg.dcm")
    expected = np.stack([upright[k, k : k + 48] for k in range(SHAPE[0])])
    np.testing.assert_array_equal(labels_by_position(path, study), expected)
    covered = np.zeros_like(upright)
    for k in range(SHAPE[0]):
        covered[k, k : k + 48] = upright[k, k : k + 48]
    np.testing.assert_array_equal(read_mask(path, study.ct).array, covered)
    assert validation_errors(path) == []


@pytest.mark.parametrize("step_mm", [(0.3, 0.45, 2.5), (0, -1.1, 2.5)])
def test_tilted_series_takes_the_label_at_each_pixel_centre(tmp_path, step_mm):
    positions = stack_positions(SHAPE[0], step_mm=step_mm)
    study = axial_study(tmp_path, positions=positions)
    upright = np.zeros(study.ct.shape, np.uint8)
    upright[2:9, 8:21, 4:30], upright[5:18, 20:41, 33:50] = 1, 2
    path = write_lungs(study, upright, tmp_path / "seg.dcm")
    found = labels_by_position(path, study)
    rng = np.random.default_rng(3)
    for k, j, i in rng.integers((20, 48, 64), size=(2000, 3)):
        world = np.array(study.source[k].position_mm) + np.array([i * 0.8, j * 0.7, 0])
        index = study.ct.world_to_index(world)
        if np.abs(index - np.floor(index) - 0.5).min() < 0.01:
            continue  # on the border of two voxels, either is right
        column, row, plane = np.rint(index).astype(int)
        assert found[k, j, i] == upright[plane, row, column]


def test_missing_slices_get_no_frame(tmp_path):
    positions = np.delete(stack_positions(SHAPE[0] + 2), [8, 9], axis=0)
    study = axial_study(tmp_path, positions=positions)
    assert study.ct.shape == (22, 48, 64)
    full = label_array((22, 48, 64))
    path = write_lungs(study, full, tmp_path / "seg.dcm")
    np.testing.assert_array_equal(labels_by_position(path, study), np.delete(full, [8, 9], axis=0))
    assert validation_errors(path) == []


@pytest.mark.parametrize("order", [None, REVERSED, FILE_ORDER])
def test_multi_frame_source(tmp_path, order):
    positions = stack_positions(SHAPE[0])
    write_multiframe(tmp_path / "ct.dcm", hu(), positions, order=order)
    study = read_study(tmp_path / "ct.dcm")
    path = write_lungs(study, label_array(), tmp_path / "seg.dcm")
    np.testing.assert_array_equal(labels_by_position(path, study), label_array())
    by_frame = hd.seg.segread(path).get_pixels_by_source_frame(
        study.source[0].sop_instance_uid,
        [source.frame_number for source in study.source],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    np.testing.assert_array_equal(by_frame, label_array())
    assert validation_errors(path) == []


def test_legacy_converted_source(tmp_path):
    path = tmp_path / "ct.dcm"
    sop_class = LegacyConvertedEnhancedCTImageStorage
    write_multiframe(path, hu(), stack_positions(SHAPE[0]), order=REVERSED, sop_class=sop_class)
    study = read_study(path)
    seg = write_lungs(study, label_array(), tmp_path / "seg.dcm")
    np.testing.assert_array_equal(labels_by_position(seg, study), label_array())


def test_multi_frame_source_with_orientation_in_each_frame(tmp_path):
    def move_orientation(dataset):
        shared = dataset.SharedFunctionalGroupsSequence[0]
        for group in dataset.PerFrameFunctionalGroupsSequence:
            group.PlaneOrientationSequence = shared.PlaneOrientationSequence
        del shared.PlaneOrientationSequence

    path = tmp_path / "ct.dcm"
    write_multiframe(path, hu(), stack_positions(SHAPE[0]), change=move_orientation)
    study = read_study(path)
    seg = write_lungs(study, label_array(), tmp_path / "seg.dcm")
    np.testing.assert_array_equal(labels_by_position(seg, study), label_array())


# --- Segmentation: what it says ---


def test_segmentation_is_a_new_series_of_the_same_study(study, segmentation):
    source, seg = pydicom.dcmread(study.source[0].path), pydicom.dcmread(segmentation)
    assert seg.StudyInstanceUID == source.StudyInstanceUID
    assert seg.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert seg.SeriesInstanceUID != source.SeriesInstanceUID
    assert seg.SeriesDescription == "LungPNet (research)"
    assert seg.ContentQualification == "RESEARCH"
    assert (seg.Manufacturer, seg.SoftwareVersions) == ("LungPNet", __version__)
    assert seg.SegmentationType == "BINARY"


def test_segments_carry_codes_algorithm_colour_and_tracking(segmentation):
    right, left = pydicom.dcmread(segmentation).SegmentSequence
    assert [right.SegmentNumber, left.SegmentNumber] == [1, 2]
    assert [right.SegmentLabel, left.SegmentLabel] == ["Right lung", "Left lung"]
    codes = [s.SegmentedPropertyTypeCodeSequence[0].CodeValue for s in (right, left)]
    assert codes == ["3341006", "44029006"]
    for segment in (right, left):
        category = segment.SegmentedPropertyCategoryCodeSequence[0]
        assert (category.CodeValue, category.CodingSchemeDesignator) == ("123037004", "SCT")
        assert segment.SegmentAlgorithmType == "AUTOMATIC"
        algorithm = segment.SegmentationAlgorithmIdentificationSequence[0]
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("LungPNet", __version__)
        assert segment.TrackingID == segment.SegmentLabel
    assert right.TrackingUID != left.TrackingUID
    assert right.RecommendedDisplayCIELabValue != left.RecommendedDisplayCIELabValue


def test_labels_of_any_value_become_segments_in_the_given_order(study, tmp_path):
    array = np.choose(label_array(), [0, 200, 7]).astype(np.uint8)
    category, kind = Term("49755003", "SCT", "Abnormal"), Term("27925004", "SCT", "Nodule")
    segments = [SegmentSpec(n, f"N{n}", category, kind, (255, 0, 0)) for n in (200, 7)]
    write_segmentation(study, study.ct.with_array(array), segments, tmp_path / "seg.dcm")
    np.testing.assert_array_equal(labels_by_position(tmp_path / "seg.dcm", study), label_array())


def test_a_lone_left_lung_stays_segment_two(study, tmp_path):
    array = np.where(label_array() == 2, 2, 0).astype(np.uint8)
    path = write_lungs(study, array, tmp_path / "seg.dcm")
    np.testing.assert_array_equal(read_mask(path, study.ct).array, array)
    assert validation_errors(path) == []


def test_source_without_slice_thickness(tmp_path):
    study = axial_study(tmp_path, without=["SliceThickness"])
    path = write_lungs(study, label_array(), tmp_path / "seg.dcm")
    assert validation_errors(path) == []


# --- Identity ---


def identity_of(path: Path) -> dict[str, str]:
    dataset = pydicom.dcmread(path)
    return {keyword: str(dataset.get(keyword, "")) for keyword in IDENTITY}


def test_identity_is_carried_over(study, segmentation, tmp_path):
    write_measurements(study, lung_result(), segmentation, tmp_path / "sr.dcm")
    study_and_patient = set(IDENTITY) - {"InstitutionName", "StationName", "OperatorsName"}
    for path in (segmentation, tmp_path / "sr.dcm"):
        found = identity_of(path)
        assert {k: found[k] for k in study_and_patient} == {
            k: IDENTITY[k] for k in study_and_patient
        }
        assert "PatientIdentityRemoved" not in pydicom.dcmread(path)


def test_identity_is_removed_on_request(study, tmp_path):
    seg = write_lungs(study, label_array(), tmp_path / "seg.dcm", deidentify=True)
    sr = tmp_path / "sr.dcm"
    write_measurements(study, lung_result(), seg, sr, deidentify=True)
    for path in (seg, sr):
        dataset = pydicom.dcmread(path)
        # A random UID may hold the digits of a time by chance.
        words = [
            str(element.value) for element in dataset.iterall() if element.VR not in ("UI", "SQ")
        ]
        assert [value for value in IDENTITY.values() if value in "\n".join(words)] == []
        assert str(dataset.PatientName).rstrip("^") == dataset.PatientID == "Anonymous"
        assert dataset.PatientIdentityRemoved == "YES"
        assert dataset.StudyInstanceUID == pydicom.dcmread(study.source[0].path).StudyInstanceUID
        assert validation_errors(path) == []


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 192", "<script>alert('x')</script>^\"&amp;^{{7*7}}"),
        ("ISO_IR 100", "Müßig^Jürgen^^Dr."),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("ISO_IR 192", "OneWordOnly"),
        ("ISO_IR 192", ""),
    ],
)
def test_odd_names_are_carried_unharmed_and_unheard(tmp_path, charset, name):
    study = axial_study(tmp_path, tags={"SpecificCharacterSet": charset, "PatientName": name})
    seg, sr = tmp_path / "seg.dcm", tmp_path / "sr.dcm"
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        write_lungs(study, label_array(), seg)
        write_measurements(study, lung_result(), seg, sr)
    assert not [warning for warning in heard if name and name in str(warning.message)]
    for path in (seg, sr):
        assert pydicom.dcmread(path).PatientName == pydicom.valuerep.PersonName(name)
        assert validation_errors(path) == []


@pytest.mark.parametrize(
    "tags",
    [
        {"PatientBirthDate": "3.2.1947"},
        {"PatientSex": "female"},
        {"StudyDate": "yesterday"},
        {"PatientID": "9" * 70},
        {"PatientIdentityRemoved": "YES"},
    ],
)
def test_tags_that_break_the_rules_are_carried_and_never_quoted(tmp_path, tags):
    with pydicom.config.disable_value_validation():
        study = axial_study(tmp_path, tags=tags)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = write_lungs(study, label_array(), tmp_path / "seg.dcm")
        write_measurements(study, lung_result(), path, tmp_path / "sr.dcm")
    keyword, value = next(iter(tags.items()))
    with pydicom.config.disable_value_validation():
        assert str(pydicom.dcmread(path)[keyword].value) == value


def test_values_that_cannot_be_understood_do_not_break_the_export(tmp_path):
    def change(dataset, _):
        dataset.add_new("ExposureTimeInms", "LO", "oops")  # 8 bytes each; no VR in the file

    write_series(tmp_path / "ct", hu(), change=change, syntax=ImplicitVRLittleEndian)
    path = write_lungs(read_study(tmp_path / "ct"), label_array(), tmp_path / "seg.dcm")
    assert pydicom.dcmread(path).PatientID == PATIENT_ID


def test_text_inside_sequences_is_carried_in_another_character_set(tmp_path):
    nested = item(PatientID="Zürich-1", TypeOfPatientID="TEXT")
    tags = {"SpecificCharacterSet": "ISO_IR 100", "OtherPatientIDsSequence": [nested]}
    study = axial_study(tmp_path, tags=tags)
    path = write_lungs(study, label_array(), tmp_path / "seg.dcm")
    assert pydicom.dcmread(path).OtherPatientIDsSequence[0].PatientID == "Zürich-1"


# --- Refusals ---


def test_empty_label_map_is_nothing_to_export(study, tmp_path):
    with pytest.raises(InputError, match="nothing to export") as raised:
        write_lungs(study, np.zeros(SHAPE, np.uint8), tmp_path / "seg.dcm")
    assert_anonymous(str(raised.value))
    assert not (tmp_path / "seg.dcm").exists()


def test_labels_between_the_acquired_slices_are_nothing_to_export(tmp_path):
    positions = np.delete(stack_positions(SHAPE[0] + 2), [8, 9], axis=0)
    study = axial_study(tmp_path, positions=positions)
    array = np.zeros((22, 48, 64), np.uint8)
    array[8, 10, 10] = 1
    with pytest.raises(InputError, match="no labelled voxel reaches"):
        write_lungs(study, array, tmp_path / "seg.dcm")


def test_label_without_segment_is_refused(study, tmp_path):
    array = label_array()
    array[0, 0, 0] = 9
    with pytest.raises(InputError, match=r"labels \[1, 2, 9\].*for \[9\]"):
        write_lungs(study, array, tmp_path / "seg.dcm")


def test_label_map_on_another_grid_is_refused(study, tmp_path):
    moved = replace(study.ct.with_array(label_array()), origin_mm=(0.0, 0.0, 0.0))
    with pytest.raises(InputError, match="not on the grid"):
        write_segmentation(study, moved, LUNG_SEGMENTS, tmp_path / "seg.dcm")


def test_study_without_dicom_source_is_refused(tmp_path):
    ct = Volume(np.zeros(SHAPE, np.int16))
    nifti = Study(ct, input_format="nifti")
    with pytest.raises(InputError, match="read from nifti"):
        write_lungs(nifti, label_array(), tmp_path / "seg.dcm")
    with pytest.raises(InputError, match="read from nifti"):
        write_measurements(nifti, lung_result(), None, tmp_path / "sr.dcm")


@pytest.mark.parametrize("harm", ["missing", "replaced", "garbage"])
def test_source_files_that_changed_are_refused(tmp_path, harm):
    study = axial_study(tmp_path)
    path = study.source[4].path
    if harm == "missing":
        path.unlink()
    elif harm == "garbage":
        path.write_bytes(b"no longer DICOM" * 40)
    else:
        path.write_bytes(study.source[5].path.read_bytes())
    with pytest.raises(InputError, match=path.name) as raised:
        write_lungs(study, label_array(), tmp_path / "seg.dcm")
    assert_anonymous(str(raised.value))


def test_series_without_frame_of_reference_is_refused(tmp_path):
    study = axial_study(tmp_path, without=["FrameOfReferenceUID"])
    with pytest.raises(InputError, match="FrameOfReferenceUID"):
        write_lungs(study, label_array(), tmp_path / "seg.dcm")


def test_unwritable_target_is_an_output_error(study, tmp_path):
    with pytest.raises(OutputError, match=r"seg\.dcm"):
        write_lungs(study, label_array(), tmp_path / "no such folder" / "seg.dcm")


# --- Real data ---


def test_real_series_pass_validation_and_come_back(real_data, tmp_path):
    for case in ("lidc-0293-thin-slab", "nsclc-gtv-pat2"):
        study = read_study(real_data / case / "ct")
        array = np.zeros(study.ct.shape, np.uint8)
        array[3:9, 20:60, 10:70], array[12:20, 40:90, 80:120] = 1, 2
        seg = write_lungs(study, array, tmp_path / "seg.dcm")
        write_measurements(study, lung_result(), seg, tmp_path / "sr.dcm")
        np.testing.assert_array_equal(labels_by_position(seg, study), array)
        assert validation_errors(seg) == []
        assert validation_errors(tmp_path / "sr.dcm") == []


# --- Nodules ---


@pytest.fixture(scope="module")
def with_nodules(study, tmp_path_factory) -> Path:
    return write_with_nodules(study, tmp_path_factory.mktemp("nodules") / "seg.dcm")


def test_each_nodule_is_a_segment_of_its_own_over_the_lungs(study, with_nodules):
    for name, expected in (
        ("Nodule 1", nodule_labels(study) == 1),
        ("Nodule 2", nodule_labels(study) == 2),
        ("Right lung", label_array() == 1),
        ("Left lung", label_array() == 2),
    ):
        found = read_mask(with_nodules, study.ct, roi=name)
        np.testing.assert_array_equal(found.array != 0, expected)
    assert validation_errors(with_nodules) == []


def test_a_nodule_has_codes_region_and_tracking(with_nodules):
    segments = pydicom.dcmread(with_nodules).SegmentSequence
    labels = [segment.SegmentLabel for segment in segments]
    assert labels == ["Right lung", "Left lung", "Nodule 1", "Nodule 2"]
    right, left = segments[2:]
    for segment in (right, left):
        category = segment.SegmentedPropertyCategoryCodeSequence[0]
        kind = segment.SegmentedPropertyTypeCodeSequence[0]
        assert (category.CodeValue, category.CodingSchemeDesignator) == ("49755003", "SCT")
        assert (kind.CodeValue, kind.CodingSchemeDesignator) == ("27925004", "SCT")
        assert segment.TrackingID == segment.SegmentLabel
    regions = [segment.AnatomicRegionSequence[0].CodeValue for segment in (right, left)]
    assert regions == ["3341006", "44029006"]
    assert len({segment.TrackingUID for segment in segments}) == 4


def test_nodules_of_a_tilted_ct_lie_where_they_were_found(tmp_path):
    study = axial_study(tmp_path, positions=stack_positions(SHAPE[0], step_mm=(0, 0.7, 2.5)))
    lungs, nodules = label_array(study.ct.shape), np.zeros(study.ct.shape, np.uint8)
    nodules[5:9, 15:25, 8:20] = 4
    abnormal, nodule = Term("49755003", "SCT", "Abnormal"), Term("27925004", "SCT", "Nodule")
    layers = [
        SegmentLayer(study.ct.with_array(lungs), LUNG_SEGMENTS),
        SegmentLayer(
            study.ct.with_array(nodules), [SegmentSpec(4, "N4", abnormal, nodule, (9, 9, 9))]
        ),
    ]
    write_layers(study, layers, tmp_path / "seg.dcm")
    found = read_mask(tmp_path / "seg.dcm", study.ct, roi="N4").array != 0
    covered = np.zeros_like(found)
    for k in range(SHAPE[0]):
        covered[k, k : k + 48] = True
    np.testing.assert_array_equal(found, (nodules == 4) & covered)


def test_a_layer_with_a_label_without_segment_is_refused(study, tmp_path):
    segments = nodule_segments(nodule_result(study).selected_nodules)
    layer = SegmentLayer(study.ct.with_array(nodule_labels(study)), segments)
    with pytest.raises(InputError, match=r"labels \[1, 2, 3\].*for \[3\]"):
        write_layers(study, [layer], tmp_path / "seg.dcm")
