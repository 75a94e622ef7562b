"""slicer.util's loading and saving, segmentations, terminology and subject hierarchy are real."""

import numpy as np
import pytest
import slicer
import vtk

OBLIQUE = np.array(
    [[0.0, -0.7, 0.0, 10.0], [0.8, 0.0, 0.0, -20.0], [0.0, 0.0, 2.5, 30.0], [0, 0, 0, 1.0]]
)


@pytest.fixture
def volume(host):
    """2 x 3 x 4 (z, y, x), every voxel its own number, in an oblique geometry."""
    node = slicer.util.addVolumeFromArray(np.arange(24, dtype=np.int16).reshape(2, 3, 4), name="CT")
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(OBLIQUE))
    return node


def ijk_to_ras(node):
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


@pytest.mark.parametrize("extension", ["nrrd", "nii.gz"])
def test_a_volume_is_saved_and_read_with_its_geometry(host, volume, tmp_path, extension):
    path = tmp_path / f"a volume.{extension}"
    assert slicer.util.saveNode(volume, str(path))
    read = slicer.util.loadVolume(str(path))
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(read), np.arange(24).reshape(2, 3, 4))
    np.testing.assert_allclose(ijk_to_ras(read), OBLIQUE, atol=1e-5)
    assert read.GetName() == "a volume"


def test_a_volume_that_is_loaded_is_shown(host, volume, tmp_path):
    slicer.util.saveNode(volume, str(tmp_path / "ct.nrrd"))
    read = slicer.util.loadVolume(str(tmp_path / "ct.nrrd"))
    composite = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    assert composite.GetBackgroundVolumeID() == read.GetID()


def make_segmentation(volume):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Lungs")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for index, name in enumerate(("right", "left"), start=1):
        node.GetSegmentation().AddEmptySegment(name, name.capitalize(), (index / 2, 0.5, 0.0))
        mask = np.zeros((2, 3, 4), np.uint8)
        mask[:, :, :2] = index == 1
        mask[:, :, 2:] = index == 2
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, name, volume)
    return node


def test_a_segmentation_is_saved_and_read(host, volume, tmp_path):
    node = make_segmentation(volume)
    assert slicer.util.saveNode(node, str(tmp_path / "lungs.seg.nrrd"))
    read = slicer.util.loadSegmentation(str(tmp_path / "lungs.seg.nrrd"))
    ids = read.GetSegmentation().GetSegmentIDs()
    assert [read.GetSegmentation().GetSegment(one).GetName() for one in ids] == ["Right", "Left"]
    array = slicer.util.arrayFromSegmentBinaryLabelmap(read, ids[0], volume)
    assert array[:, :, :2].all()
    assert not array[:, :, 2:].any()


def test_a_file_that_is_missing_says_so(host, tmp_path):
    expected = host.failures.expected("StorageNode", "ArchetypeImageSeries", "returned failure")
    with expected, pytest.raises(RuntimeError, match="no such file"):
        slicer.util.loadVolume(str(tmp_path / "no such file.nrrd"))


def test_the_whole_scene_is_saved_and_read(host, volume, tmp_path):
    make_segmentation(volume)
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Results")
    slicer.util.updateTableFromArray(table, (np.array([1.5, 2.5]),), ["Volume [mL]"])
    host.save_scene(tmp_path / "Szene 肺.mrb")
    host.open_scene(tmp_path / "Szene 肺.mrb")
    read = slicer.util.getNode("Results")
    np.testing.assert_allclose(slicer.util.arrayFromTableColumn(read, "Volume [mL]"), [1.5, 2.5])
    assert slicer.util.getNode("Lungs").GetSegmentation().GetNumberOfSegments() == 2
    np.testing.assert_allclose(ijk_to_ras(slicer.util.getNode("CT")), OBLIQUE, atol=1e-5)


def test_terminology_is_set_and_read_by_the_real_logic(host, volume):
    logic = slicer.modules.terminologies.logic()
    assert "Segmentation category and type - 3D Slicer General Anatomy list" in (
        logic.GetLoadedTerminologyNames(names := vtk.vtkStringArray())
        or [names.GetValue(index) for index in range(names.GetNumberOfValues())]
    )
    segment = make_segmentation(volume).GetSegmentation().GetSegment("right")
    text = (
        "Segmentation category and type - 3D Slicer General Anatomy list"
        "~SCT^85756007^Tissue~SCT^39607008^Lung~^^"
        "~Anatomic codes - DICOM master list~^^~^^"
    )
    segment.SetTag(segment.GetTerminologyEntryTagName(), text)
    entry = slicer.vtkSlicerTerminologyEntry()
    assert logic.DeserializeTerminologyEntry(text, entry)
    assert entry.GetTypeObject().GetCodeMeaning() == "Lung"


def test_the_subject_hierarchy_has_the_study_of_its_series(host, volume):
    tree = slicer.mrmlScene.GetSubjectHierarchyNode()
    patient = tree.CreateSubjectItem(tree.GetSceneItemID(), "Patient")
    study = tree.CreateStudyItem(patient, "Study")
    tree.SetItemParent(tree.GetItemByDataNode(volume), study)
    result = tree.GetItemByDataNode(make_segmentation(volume))
    assert result != study
    tree.SetItemParent(result, tree.GetItemParent(tree.GetItemByDataNode(volume)))
    assert tree.GetItemParent(result) == study


def test_the_subject_hierarchy_comes_back_with_the_scene(host, volume, tmp_path):
    tree = slicer.mrmlScene.GetSubjectHierarchyNode()
    study = tree.CreateStudyItem(tree.CreateSubjectItem(tree.GetSceneItemID(), "P"), "Study")
    tree.SetItemParent(tree.GetItemByDataNode(volume), study)
    host.save_scene(tmp_path / "scene.mrb")
    host.open_scene(tmp_path / "scene.mrb")
    tree = slicer.mrmlScene.GetSubjectHierarchyNode()
    item = tree.GetItemByDataNode(slicer.util.getNode("CT"))
    assert tree.GetItemName(tree.GetItemParent(item)) == "Study"


def test_tests_do_not_see_each_others_nodes_a(host):
    slicer.util.addVolumeFromArray(np.zeros((2, 2, 2)), name="left over")


def test_tests_do_not_see_each_others_nodes_b(host):
    assert slicer.mrmlScene.GetFirstNodeByName("left over") is None
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == 0
