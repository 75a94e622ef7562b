"""DICOM SR: measurements with their codes, units and references, readable by other programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest

from dicom_factory import stack_positions, write_multiframe
from export_samples import (
    FILE_ORDER,
    SHAPE,
    assert_anonymous,
    axial_study,
    hu,
    label_array,
    lung_result,
    nodule_result,
    validation_errors,
    write_lungs,
    write_with_nodules,
)
from LungPNetLib import __version__
from LungPNetLib.dicom.export import LUNG_SEGMENTS, SegmentLayer, write_layers
from LungPNetLib.dicom.masks import read_mask
from LungPNetLib.dicom.nodules import nodule_segments
from LungPNetLib.dicom.structured_report import write_measurements
from LungPNetLib.errors import InputError
from LungPNetLib.reading import read_study
from LungPNetLib.study import Study
from LungPNetLib.volume import read_image
from nodule_samples import findings, stage_record


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return axial_study(tmp_path_factory.mktemp("axial"), file_order=FILE_ORDER)


@pytest.fixture(scope="module")
def segmentation(study, tmp_path_factory) -> Path:
    return write_lungs(study, label_array(), tmp_path_factory.mktemp("seg") / "seg.dcm")


def groups_of(path: Path) -> list:
    content = hd.sr.srread(path).content
    return [
        *content.get_volumetric_roi_measurement_groups(),
        *content.get_image_measurement_groups(),
    ]


def numbers_of(group) -> dict[tuple[str, str | None], tuple[float, str]]:
    return {
        (m.name.value, m.derivation and m.derivation.value): (m.value, m.unit.value)
        for m in group.get_measurements()
    }


def items_of(dataset: pydicom.Dataset) -> list[pydicom.Dataset]:
    below = dataset.get("ContentSequence") or []
    return [*below, *(item for child in below for item in items_of(child))]


def test_report_holds_the_measurements_of_each_lung(study, segmentation, tmp_path):
    path = tmp_path / "sr.dcm"
    write_measurements(study, lung_result(), segmentation, path)
    right, left = groups_of(path)
    for group, code in ((right, "3341006"), (left, "44029006")):
        assert group.finding_type.value == code
        assert [site.value.value for site in group.finding_sites] == [code]
    assert numbers_of(right) == {
        ("118565006", None): (2934.5, "ml"),
        ("112031", "373098007"): (-812.25, "[hnsf'U]"),
        ("112031", "PERC15"): (-931.0, "[hnsf'U]"),
        ("LAA950", None): (7.75, "%"),
    }
    assert numbers_of(left)["118565006", None] == (2411.0, "ml")
    assert validation_errors(path) == []


def test_report_refers_to_the_segments(study, segmentation, tmp_path):
    path = tmp_path / "sr.dcm"
    write_measurements(study, lung_result(), segmentation, path)
    seg = pydicom.dcmread(segmentation)
    for group, segment in zip(groups_of(path), seg.SegmentSequence, strict=True):
        reference = group.referenced_segment
        assert reference.referenced_sop_instance_uid == seg.SOPInstanceUID
        assert reference.referenced_segment_numbers == [segment.SegmentNumber]
        assert group.tracking_uid == segment.TrackingUID
        assert group.tracking_identifier == segment.TrackingID


def test_report_names_its_evidence(study, segmentation, tmp_path):
    path = tmp_path / "sr.dcm"
    write_measurements(study, lung_result(), segmentation, path)
    (evidence,) = pydicom.dcmread(path).CurrentRequestedProcedureEvidenceSequence
    named = {
        series.SeriesInstanceUID: {i.ReferencedSOPInstanceUID for i in series.ReferencedSOPSequence}
        for series in evidence.ReferencedSeriesSequence
    }
    ct, seg = pydicom.dcmread(study.source[0].path), pydicom.dcmread(segmentation)
    assert evidence.StudyInstanceUID == ct.StudyInstanceUID
    assert named == {
        ct.SeriesInstanceUID: {source.sop_instance_uid for source in study.source},
        seg.SeriesInstanceUID: {seg.SOPInstanceUID},
    }


def test_report_is_an_unverified_draft_by_a_device(study, segmentation, tmp_path):
    path = tmp_path / "sr.dcm"
    write_measurements(study, lung_result(), segmentation, path)
    dataset = pydicom.dcmread(path)
    assert dataset.CompletionFlag == "PARTIAL"
    assert dataset.VerificationFlag == "UNVERIFIED"
    assert dataset.PreliminaryFlag == "PRELIMINARY"
    assert dataset.SeriesDescription == "LungPNet (research)"
    texts = {
        element.ConceptNameCodeSequence[0].CodeMeaning: element.TextValue
        for element in items_of(dataset)
        if "TextValue" in element
    }
    assert texts["Device Observer Name"] == "LungPNet"
    assert (texts["Algorithm Name"], texts["Algorithm Version"]) == ("LungPNet", __version__)
    assert texts["Comment"] == "Slices are thicker than 1.5 mm (≥ 2.5 mm)."
    language = dataset.ContentSequence[0]
    assert language.ConceptCodeSequence[0].CodeValue == "en"


@pytest.mark.parametrize("multiframe", [False, True])
def test_report_without_segmentation_refers_to_the_images(tmp_path, multiframe):
    if multiframe:
        write_multiframe(tmp_path / "ct.dcm", hu(), stack_positions(SHAPE[0]), order=FILE_ORDER)
        study = read_study(tmp_path / "ct.dcm")
    else:
        study = axial_study(tmp_path)
    path = tmp_path / "sr.dcm"
    write_measurements(study, lung_result(), None, path)
    right, left = groups_of(path)
    uids = {image.referenced_sop_instance_uid for image in right.source_images}
    assert uids == {source.sop_instance_uid for source in study.source}
    assert left.finding_type.value == "44029006"
    assert validation_errors(path) == []


def test_lung_without_a_voxel_in_the_segmentation(study, tmp_path):
    array = np.where(label_array() == 2, 2, 0).astype(np.uint8)
    seg = write_lungs(study, array, tmp_path / "seg.dcm")
    write_measurements(study, lung_result(), seg, tmp_path / "sr.dcm")
    left, right = groups_of(tmp_path / "sr.dcm")
    assert left.referenced_segment.referenced_segment_numbers == [2]
    assert right.finding_type.value == "3341006"
    assert validation_errors(tmp_path / "sr.dcm") == []


def test_values_that_are_not_finite_are_left_out(study, segmentation, tmp_path):
    path = tmp_path / "sr.dcm"
    write_measurements(study, lung_result(laa950_left=float("nan")), segmentation, path)
    right, left = groups_of(path)
    assert ("LAA950", None) in numbers_of(right)
    assert ("LAA950", None) not in numbers_of(left)
    assert len(numbers_of(left)) == 3


def test_result_without_lungs_is_nothing_to_export(study, tmp_path):
    with pytest.raises(InputError, match="nothing to export"):
        write_measurements(study, replace(lung_result(), lungs=None), None, tmp_path / "sr.dcm")


def test_segmentation_of_another_study_is_refused(study, tmp_path):
    other = axial_study(tmp_path, tags={"StudyInstanceUID": "1.2.3.4"})
    seg = write_lungs(other, label_array(), tmp_path / "seg.dcm")
    with pytest.raises(InputError, match="another study") as raised:
        write_measurements(study, lung_result(), seg, tmp_path / "sr.dcm")
    assert_anonymous(str(raised.value))


def test_segmentation_file_that_is_no_dicom_is_refused(study, tmp_path):
    (tmp_path / "seg.dcm").write_text("not DICOM")
    with pytest.raises(InputError, match=r"seg\.dcm"):
        write_measurements(study, lung_result(), tmp_path / "seg.dcm", tmp_path / "sr.dcm")


# --- Nodules ---


@pytest.fixture(scope="module")
def nodule_report(study, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("nodules")
    segmentation = write_with_nodules(study, folder / "seg.dcm")
    write_measurements(study, nodule_result(study), segmentation, folder / "sr.dcm")
    return folder / "sr.dcm"


def nodule_groups_of(path: Path) -> list:
    return [g for g in groups_of(path) if g.finding_type.value == "27925004"]


def test_each_selected_nodule_has_its_measurements(study, nodule_report):
    result = nodule_result(study)
    groups = nodule_groups_of(nodule_report)
    assert [g.tracking_identifier for g in groups] == ["Nodule 1", "Nodule 2"]
    assert len(groups_of(nodule_report)) == 4
    for group, nodule in zip(groups, result.nodules, strict=False):
        measured = nodule.measurements
        found = numbers_of(group)
        expected = {
            ("103339001", None): (measured.long_axis_mm, "mm"),
            ("103340004", None): (measured.short_axis_mm, "mm"),
            ("81827009", "373098007"): (measured.mean_diameter_mm, "mm"),
            ("118565006", None): (measured.volume_mm3, "mm3"),
            ("112031", "373098007"): (measured.mean_hu, "[hnsf'U]"),
            ("112031", "386136009"): (measured.sd_hu, "[hnsf'U]"),
            ("112031", "255605001"): (measured.min_hu, "[hnsf'U]"),
            ("112031", "56851009"): (measured.max_hu, "[hnsf'U]"),
            ("SOLID300", None): (100 * measured.solid_fraction, "%"),
            ("TLU2", None): (nodule.heterogeneity.entropy_bits, "bit"),
            ("NODSCORE", None): (nodule.score, "1"),
        }
        assert set(found) == set(expected)
        for key, (value, unit) in expected.items():
            # DICOM writes decimals with 16 characters.
            assert found[key] == (pytest.approx(value, rel=1e-9, abs=1e-9), unit)
    assert validation_errors(nodule_report) == []


def test_a_nodule_says_where_it_lies_and_of_which_type_it_is(study, nodule_report):
    kinds = {"solid": "SOLID", "part-solid": "PARTSOLID", "non-solid": "NONSOLID"}
    sides = ("24028007", "7771000")
    nodules = nodule_result(study).nodules[:2]
    for group, nodule, side in zip(nodule_groups_of(nodule_report), nodules, sides, strict=True):
        (site,) = group.finding_sites
        assert site.value.value == "39607008"
        assert site.laterality.value == side
        answers = {one.name.value: one.value.value for one in group.get_qualitative_evaluations()}
        assert answers["NODTYPE"] == kinds[nodule.type_finding.nodule_type.value]


def test_a_nodule_refers_to_its_segment_and_names_the_networks(nodule_report):
    segments = pydicom.dcmread(nodule_report.with_name("seg.dcm")).SegmentSequence
    for group, segment in zip(nodule_groups_of(nodule_report), segments[2:], strict=True):
        assert group.referenced_segment.referenced_segment_numbers == [segment.SegmentNumber]
        assert group.tracking_uid == segment.TrackingUID
    texts = [i.TextValue for i in items_of(pydicom.dcmread(nodule_report)) if "TextValue" in i]
    for task in ("segmenter", "detector"):
        assert f"{task}: {stage_record()[task]}" in texts


def test_a_mass_is_called_one(study, tmp_path):
    result = nodule_result(study)
    large = replace(
        result.nodules[0], measurements=replace(result.nodules[0].measurements, long_axis_mm=30.1)
    )
    write_measurements(study, replace(result, nodules=[large]), None, tmp_path / "sr.dcm")
    (group,) = [g for g in groups_of(tmp_path / "sr.dcm") if g.finding_type.value == "4147007"]
    assert group.tracking_identifier == "Mass 1"
    assert validation_errors(tmp_path / "sr.dcm") == []


def test_a_real_nodule_comes_back_from_the_dicom_objects(real_data, tmp_path):
    study = read_study(real_data / "lidc-0001" / "ct")
    votes = read_image(real_data / "lidc-0001" / "nodule_reader_votes.nii.gz")
    on_ct = votes.resampled_to(study.ct, interpolation="nearest")
    nodule = on_ct.with_array((on_ct.array >= 2).astype(np.uint8))
    lungs = study.ct.with_array(np.where(study.ct.array < -600, 1, 0).astype(np.uint8))
    result = replace(
        lung_result(),
        nodules=findings(study.ct, lungs, nodule, (0.9,)),
        nodule_stage=stage_record(),
    )
    segments = nodule_segments(result.selected_nodules)
    layers = [SegmentLayer(lungs, LUNG_SEGMENTS[:1]), SegmentLayer(nodule, segments)]
    seg, sr = tmp_path / "seg.dcm", tmp_path / "sr.dcm"
    write_layers(study, layers, seg)
    write_measurements(study, result, seg, sr)
    # Longer than 30 mm with its spiculae, so it is called a mass.
    found = read_mask(seg, study.ct, roi="Mass 1")
    np.testing.assert_array_equal(found.array != 0, nodule.array != 0)
    (group,) = [g for g in groups_of(sr) if g.tracking_identifier == "Mass 1"]
    assert group.finding_type.value == "4147007"
    long_mm, unit = numbers_of(group)["103339001", None]
    assert unit == "mm"
    assert 30 < long_mm < 33
    assert validation_errors(seg) == []
    assert validation_errors(sr) == []
