"""Label maps as segmentations and back: the voxels, the codes, and what a person may edit."""

import json
from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from bridge_scene import add_ct, made_ct, made_lungs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from LungPNetLib.dicom.export import LUNG_SEGMENTS, write_segmentation
from LungPNetLib.errors import InputError
from LungPNetLib.slicer_bridge.segmentations import (
    fingerprint,
    labelsOnGrid,
    labelsOnVolume,
    segmentsByCode,
    showSurfaces,
    updateSegmentation,
)
from LungPNetLib.slicer_bridge.terminology import TERMINOLOGY_CONTEXT, terminologyEntry
from LungPNetLib.slicer_bridge.volumes import indexToRasMatrix
from LungPNetLib.volume import Volume

pytestmark = pytest.mark.usefixtures("host")

REPOSITORY = Path(__file__).resolve().parents[2]
CODES = {spec.label: spec.type_code for spec in LUNG_SEGMENTS}


def add_segmentation(labels, ct_node=None):
    ct_node = ct_node or add_ct(labels.with_array(labels.array.astype(np.int16)))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    updateSegmentation(node, labels, LUNG_SEGMENTS, ct_node)
    return node


def read_back(node, grid):
    return labelsOnGrid(node, segmentsByCode(node, LUNG_SEGMENTS), grid)


def stored(labels, start, size):
    """An oriented image of the part of the grid from ``start`` on, as the Segment Editor makes."""
    part = labels.cropped(start, size)
    image = slicer.vtkOrientedImageData()
    (i, j, k), (ni, nj, nk) = start, size
    image.SetExtent(i, i + ni - 1, j, j + nj - 1, k, k + nk - 1)
    image.SetGeometryFromImageToWorldMatrix(indexToRasMatrix(labels))
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    array = vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    array[:] = part.array.ravel()
    return image


@given(st_np.arrays(np.uint8, (3, 4, 5), elements=st.integers(0, 2)))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_label_map_comes_back_voxel_for_voxel(array):
    labels = made_ct().with_array(array)
    node = add_segmentation(labels)
    assert node.GetSegmentation().GetNumberOfSegments() == len(set(np.unique(array)) - {0})
    if array.any():
        np.testing.assert_array_equal(read_back(node, labels).array, array)


def test_voxels_lie_where_they_do_in_the_patient():
    labels = made_ct().with_array(np.zeros((3, 4, 5), np.uint8))
    labels.array[2, 1, 4] = 1
    node = add_segmentation(labels)
    expected = labels.index_to_world((4, 1, 2)) * (-1, -1, 1)
    (segment_id,) = node.GetSegmentation().GetSegmentIDs()
    np.testing.assert_allclose(node.GetSegmentCenterRAS(segment_id), expected, atol=1e-6)


def test_segments_have_names_colours_and_codes():
    node = add_segmentation(made_lungs(made_ct()))
    segmentation = node.GetSegmentation()
    right, left = (segmentation.GetNthSegment(index) for index in range(2))
    assert (right.GetName(), left.GetName()) == ("Right lung", "Left lung")
    assert right.GetColor() == pytest.approx([value / 255 for value in (128, 174, 128)])
    entry = slicer.vtkSlicerTerminologyEntry()
    read = slicer.modules.terminologies.logic().DeserializeTerminologyEntry
    for segment, code in ((right, "3341006"), (left, "44029006")):
        assert read(segment.GetTerminology(), entry)
        assert entry.GetCategoryObject().GetCodeValue() == "123037004"
        assert entry.GetTypeObject().GetCodeValue() == code
        assert entry.GetTypeObject().GetCodingSchemeDesignator() == "SCT"


def test_codes_are_those_of_the_dicom_seg(tmp_path, dicom_study):
    segread = pytest.importorskip("highdicom", reason="writes the DICOM SEG").seg.segread
    labels = made_lungs(dicom_study.ct)
    write_segmentation(dicom_study, labels, LUNG_SEGMENTS, tmp_path / "segmentation.dcm")
    written = segread(tmp_path / "segmentation.dcm").SegmentSequence
    segmentation = add_segmentation(labels).GetSegmentation()
    entry = slicer.vtkSlicerTerminologyEntry()
    for index, item in enumerate(written):
        segment = segmentation.GetNthSegment(index)
        slicer.modules.terminologies.logic().DeserializeTerminologyEntry(
            segment.GetTerminology(), entry
        )
        for ours, theirs in (
            (entry.GetCategoryObject(), item.SegmentedPropertyCategoryCodeSequence[0]),
            (entry.GetTypeObject(), item.SegmentedPropertyTypeCodeSequence[0]),
        ):
            assert ours.GetCodeValue() == theirs.CodeValue
            assert ours.GetCodingSchemeDesignator() == theirs.CodingSchemeDesignator
            assert ours.GetCodeMeaning() == theirs.CodeMeaning
        assert segment.GetName() == item.SegmentLabel


@pytest.fixture
def dicom_study(tmp_path):
    from LungPNetLib.cohort.dicom_writer import write_ct_series
    from LungPNetLib.reading import read_study

    upright = Volume(made_ct((8, 8, 5)).array, (0.7, 0.8, 2.5))
    write_ct_series(upright, tmp_path / "ct")
    return read_study(tmp_path / "ct")


def test_the_extensions_terminology_file_has_the_same_codes():
    path = REPOSITORY / "LungPNet/Resources/SegmentationCategoryTypeModifier-LungPNet.term.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["SegmentationCategoryTypeContextName"] == TERMINOLOGY_CONTEXT
    found = {
        (category["CodeValue"], kind["CodeValue"]): (
            kind["CodingSchemeDesignator"],
            kind["CodeMeaning"],
            tuple(kind["recommendedDisplayRGBValue"]),
        )
        for category in content["SegmentationCodes"]["Category"]
        for kind in category["Type"]
    }
    for spec in LUNG_SEGMENTS:
        _, scheme, meaning = spec.type_code
        stated = found[spec.category_code.value, spec.type_code.value]
        assert stated == (scheme, meaning, spec.rgb)


def test_slicer_knows_the_entries_once_the_file_is_loaded(tmp_path):
    path = REPOSITORY / "LungPNet/Resources/SegmentationCategoryTypeModifier-LungPNet.term.json"
    logic = slicer.modules.terminologies.logic()
    logic.SetUserContextsPath(str(tmp_path))
    assert logic.LoadTerminologyFromFile(str(path)) == TERMINOLOGY_CONTEXT
    entry = slicer.vtkSlicerTerminologyEntry()
    assert logic.DeserializeTerminologyEntry(terminologyEntry(LUNG_SEGMENTS[1]), entry)
    assert "Left lung" in logic.GetInfoStringFromTerminologyEntry(entry)


def test_a_label_map_on_another_grid_than_the_ct_is_edited_in_its_own():
    """As after resampling a tilted CT."""
    upright = Volume(np.zeros((6, 7, 8), np.uint8), (1.0, 1.0, 2.0), (-5.0, 0.0, 10.0))
    upright.array[2:4, 3, 1:7] = 2
    ct_node = add_ct(made_ct())
    node = add_segmentation(upright, ct_node)
    np.testing.assert_array_equal(read_back(node, upright).array, upright.array)
    geometry = slicer.vtkOrientedImageData()
    text = node.GetSegmentation().GetConversionParameter("Reference image geometry")
    slicer.vtkSegmentationConverter.DeserializeImageGeometry(text, geometry, False)
    assert geometry.GetDimensions() == (8, 7, 6)
    assert geometry.GetSpacing() == pytest.approx((1.0, 1.0, 2.0))
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is ct_node


def test_edited_segments_of_other_extents_come_back():
    """The Segment Editor keeps each segment on the part of the grid that it needs."""
    labels = made_lungs(made_ct())
    node = add_segmentation(labels)
    right, left = segmentsByCode(node, LUNG_SEGMENTS)
    edited = labels.array.copy()
    edited[0, 0, 2] = 1
    edited[labels.array == 2] = 0
    edited[2, 3, 4] = 2
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    masks = labels.with_array(np.uint8(edited == 1)), labels.with_array(np.uint8(edited == 2))
    logic.SetBinaryLabelmapToSegment(
        stored(masks[0], (0, 0, 0), (3, 4, 3)), node, right, logic.MODE_REPLACE
    )
    logic.SetBinaryLabelmapToSegment(
        stored(masks[1], (4, 3, 2), (1, 1, 1)), node, left, logic.MODE_REPLACE
    )
    np.testing.assert_array_equal(read_back(node, labels).array, edited)


def test_what_was_drawn_beyond_the_ct_is_left_out():
    labels = made_lungs(made_ct())
    larger = labels.padded((2, 2, 2), (3, 3, 3), 0)
    larger.array[0, 0, 0] = larger.array[-1, -1, -1] = 1
    node = add_segmentation(larger)
    np.testing.assert_array_equal(read_back(node, labels).array, labels.array)


def test_an_emptied_segment_is_no_label():
    labels = made_lungs(made_ct())
    node = add_segmentation(labels)
    right, left = segmentsByCode(node, LUNG_SEGMENTS)
    slicer.vtkSlicerSegmentationsModuleLogic.ClearSegment(node, left)
    found = labelsOnGrid(node, {right: 1, left: 2}, labels)
    np.testing.assert_array_equal(found.array, np.where(labels.array == 1, 1, 0))
    node.GetSegmentation().AddEmptySegment("nothing")
    assert not labelsOnGrid(node, {"nothing": 7}, labels).array.any()


def test_segments_are_known_by_code_whatever_their_name_and_order():
    labels = made_lungs(made_ct())
    node = add_segmentation(labels)
    segmentation = node.GetSegmentation()
    segmentation.ReorderSegments(segmentation.GetSegmentIDs()[::-1])
    segmentation.GetNthSegment(0).SetName("Right lung")
    segmentation.GetNthSegment(1).SetName("Left lung")
    segmentation.AddEmptySegment("heart", "Heart")
    np.testing.assert_array_equal(read_back(node, labels).array, labels.array)


def test_lungs_coded_with_slicers_own_terms_are_known():
    labels = made_lungs(made_ct())
    node = add_segmentation(labels)
    for index, side in enumerate(("24028007^Right", "7771000^Left")):
        node.GetSegmentation().GetNthSegment(index).SetTerminology(
            "Segmentation category and type - 3D Slicer General Anatomy list"
            "~SCT^123037004^Anatomical Structure~SCT^39607008^Lung"
            f"~SCT^{side}~Anatomic codes - DICOM master list~^^~^^"
        )
    np.testing.assert_array_equal(read_back(node, labels).array, labels.array)


def test_no_lung_and_two_right_lungs_are_refused():
    node = add_segmentation(made_lungs(made_ct()))
    segmentation = node.GetSegmentation()
    right = segmentation.GetNthSegment(0)
    segmentation.GetNthSegment(1).SetTerminology(right.GetTerminology())
    with pytest.raises(InputError, match="Two segments are of the type 'Right lung'"):
        segmentsByCode(node, LUNG_SEGMENTS)
    segmentation.RemoveAllSegments()
    segmentation.AddEmptySegment("lung", "Right lung")
    with pytest.raises(InputError, match="no segment of the type 'Right lung', 'Left lung'"):
        segmentsByCode(node, LUNG_SEGMENTS)


def test_voxels_of_two_segments_are_refused():
    labels = made_lungs(made_ct())
    node = add_segmentation(labels)
    right, left = segmentsByCode(node, LUNG_SEGMENTS)
    overlapping = labels.with_array(np.zeros(labels.shape, np.uint8))
    overlapping.array[0, 0, 1:3] = 1
    segmentation = node.GetSegmentation()
    segmentation.SeparateSegmentLabelmap(left)
    image = stored(overlapping, (0, 0, 0), (5, 4, 3))
    segmentation.GetSegment(left).AddRepresentation("Binary labelmap", image)
    segmentation.GetSegment(left).SetLabelValue(1)
    with pytest.raises(InputError, match="1 voxels lie in two segments"):
        labelsOnGrid(node, {right: 1, left: 2}, labels)


def test_an_unknown_label_is_refused():
    labels = made_lungs(made_ct())
    labels.array[0, 0, 0] = 9
    with pytest.raises(InputError, match=r"\[1, 2, 9\].*\[9\]"):
        add_segmentation(labels)


def test_transforms_between_segmentation_and_ct_are_followed():
    labels = made_lungs(made_ct())
    ct_node = add_ct(made_ct())
    node = add_segmentation(labels, ct_node)
    moved = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    step = (labels.index_to_world((1, 0, 0)) - labels.origin_mm) * (-1, -1, 1)
    for axis in range(3):
        matrix.SetElement(axis, 3, step[axis])
    moved.SetMatrixTransformToParent(matrix)

    node.SetAndObserveTransformNodeID(moved.GetID())
    shifted = labelsOnVolume(node, ct_node, LUNG_SEGMENTS).array
    np.testing.assert_array_equal(shifted[:, :, 1:], labels.array[:, :, :-1])
    assert not shifted[:, :, 0].any()

    ct_node.SetAndObserveTransformNodeID(moved.GetID())
    np.testing.assert_array_equal(labelsOnVolume(node, ct_node, LUNG_SEGMENTS).array, labels.array)


def test_a_ball_has_its_surface_where_it_lies():
    z, y, x = np.ogrid[:30, :30, :30]
    ball = ((x - 15) ** 2 + (y - 15) ** 2 + (z - 15) ** 2 <= 100).astype(np.uint8)
    labels = Volume(ball, (1.0, 1.0, 2.0), (5.0, 6.0, 7.0))
    node = add_segmentation(labels)
    showSurfaces(node)
    surface = vtk.vtkPolyData()
    (segment_id,) = node.GetSegmentation().GetSegmentIDs()
    node.GetClosedSurfaceRepresentation(segment_id, surface)
    low_x, high_x, low_y, high_y, low_z, high_z = surface.GetBounds()
    assert (low_x + high_x) / 2 == pytest.approx(-20.0, abs=0.2)
    assert (low_y + high_y) / 2 == pytest.approx(-21.0, abs=0.2)
    assert (low_z + high_z) / 2 == pytest.approx(37.0, abs=0.4)
    assert high_x - low_x == pytest.approx(20.0, abs=2.0)
    mass = vtk.vtkMassProperties()
    mass.SetInputData(surface)
    assert mass.GetVolume() == pytest.approx(2.0 * ball.sum(), rel=0.1)


def test_the_fingerprint_sees_one_voxel_and_nothing_else():
    labels = made_lungs(made_ct())
    node = add_segmentation(labels)
    before = fingerprint(node)
    segmentation = node.GetSegmentation()
    segmentation.ReorderSegments(segmentation.GetSegmentIDs()[::-1])
    segmentation.GetNthSegment(0).SetName("other")
    assert fingerprint(node) == before
    assert fingerprint(add_segmentation(labels.padded((1, 0, 2), (0, 1, 0), 0))) == before
    labels.array[0, 0, 0] = 0
    assert fingerprint(add_segmentation(labels)) != before
