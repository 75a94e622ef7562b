"""Results in the scene: loaded, found again, replaced, kept over .mrb, refused."""

import json

import numpy as np
import pytest
import slicer
import vtk
from bridge_scene import SERIES_UID, MadeResult, add_ct, add_study, made_ct, made_lungs, nodes_of

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.errors import InputError
from LungPNetLib.slicer_bridge.hierarchy import itemOf
from LungPNetLib.slicer_bridge.open_result import openResult
from LungPNetLib.slicer_bridge.result_files import readResult
from LungPNetLib.slicer_bridge.results import findCt, findResult, isCorrected
from LungPNetLib.slicer_bridge.segmentations import labelsOnGrid, segmentsByCode
from LungPNetLib.volume import Volume, read_image

pytestmark = pytest.mark.usefixtures("host")


@pytest.fixture
def ct():
    return made_ct()


@pytest.fixture
def made(ct):
    return MadeResult(ct, made_lungs(ct))


@pytest.fixture
def folder(made, tmp_path):
    """An earlier result of the CT."""
    return made.write(tmp_path / "Ergebnis für 张")


def edit(segmentation_node, grid):
    """Take one voxel from the right lung, as a person does with the eraser."""
    (right, *_) = segmentsByCode(segmentation_node, LUNG_SEGMENTS)
    mask = labelsOnGrid(segmentation_node, {right: 1}, grid).array.copy()
    mask[0, 0, 0] = 0
    scratch = add_ct(grid.with_array(mask), "scratch", "vtkMRMLLabelMapVolumeNode")
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation_node, right, scratch)
    slicer.mrmlScene.RemoveNode(scratch)


def lungs_of(nodes, grid):
    codes = segmentsByCode(nodes.segmentation, LUNG_SEGMENTS)
    return labelsOnGrid(nodes.segmentation, codes, grid).array


def cell(table_node, name, row):
    return table_node.GetTable().GetColumnByName(name).GetValue(row)


def test_a_result_is_shown_beside_its_ct(ct, folder):
    node = add_ct(ct)
    study = add_study(node)
    nodes = openResult(folder, node)

    np.testing.assert_array_equal(lungs_of(nodes, ct), read_image(folder / "lungs.nrrd").array)
    assert nodes.segmentation.GetSegmentation().ContainsRepresentation("Closed surface")
    assert cell(nodes.lungTable, "volume_ml", 0) == 2534.1
    assert cell(nodes.qualityTable, "title", 1) == "Noise"
    assert nodes.histogramChart.GetNumberOfPlotSeriesNodes() == 2
    assert cell(nodes.histogramTable, "left_ml", 2) == 3.75
    assert nodes.folder == folder
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    for one in (nodes.segmentation, nodes.lungTable, nodes.qualityTable, nodes.histogramChart):
        assert hierarchy.GetItemParent(itemOf(one)) == study


def test_loading_twice_leaves_one_of_each(ct, folder):
    node = add_ct(ct)
    first = openResult(folder, node)
    before = slicer.mrmlScene.GetNumberOfNodes()
    for table in nodes_of("vtkMRMLTableNode"):
        table.SetName("renamed by a person")
    assert openResult(folder, node) == first
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_a_later_result_takes_the_place_of_the_earlier_one(ct, made, folder, tmp_path):
    node = add_ct(ct)
    openResult(folder, node)
    made.labels = ct.with_array(np.where(made.labels.array == 1, 2, 0).astype(np.uint8))
    made.volume_ml = (11.0, 22.0)
    nodes = openResult(made.write(tmp_path / "second"), node)
    np.testing.assert_array_equal(lungs_of(nodes, ct), made.labels.array)
    assert cell(nodes.lungTable, "volume_ml", 1) == 22.0
    assert nodes.folder == tmp_path / "second"
    assert len(nodes_of("vtkMRMLSegmentationNode")) == 1


def test_a_persons_correction_is_kept(ct, folder):
    node = add_ct(ct)
    found = openResult(folder, node).segmentation
    assert not isCorrected(found)
    edit(found, ct)
    assert isCorrected(found)
    nodes = openResult(folder, node)
    assert nodes.segmentation is not found
    assert "(corrected)" in found.GetName()
    assert lungs_of(nodes, ct)[0, 0, 0] == 1
    (right, *_) = segmentsByCode(found, LUNG_SEGMENTS)
    assert labelsOnGrid(found, {right: 1}, ct).array[0, 0, 0] == 0
    assert findResult(node).segmentation is nodes.segmentation


def test_two_cts_have_a_result_each(ct, made, folder, tmp_path):
    other = Volume(made_ct((6, 5, 4), seed=1).array, (1.0, 1.0, 3.0))
    second = MadeResult(other, made_lungs(other), volume_ml=(1.0, 2.0)).write(tmp_path / "other")
    one, two = add_ct(ct, "one"), add_ct(other, "two")
    of_one, of_two = openResult(folder, one), openResult(second, two)
    assert findResult(one) == of_one
    assert findResult(two) == of_two
    assert of_one.segmentation is not of_two.segmentation
    assert cell(of_two.lungTable, "volume_ml", 0) == 1.0
    assert findCt(readResult(second), slicer.mrmlScene) is two
    assert findCt(readResult(folder), slicer.mrmlScene) is one


def test_without_a_result_nothing_is_found(ct, folder):
    node = add_ct(ct)
    nodes = findResult(node)
    assert nodes.segmentation is None
    assert nodes.folder is None
    assert findCt(readResult(folder), slicer.mrmlScene) is node
    slicer.mrmlScene.RemoveNode(node)
    assert findCt(readResult(folder), slicer.mrmlScene) is None


def test_a_run_without_lungs_takes_older_lungs_away(ct, made, folder, tmp_path):
    node = add_ct(ct)
    openResult(folder, node)
    gate_only = made.write(tmp_path / "gate")
    record = json.loads((gate_only / "result.json").read_text())
    (gate_only / "result.json").write_text(json.dumps(record | {"lungs": None}))
    (gate_only / "lungs.nrrd").unlink()
    nodes = openResult(gate_only, node)
    assert nodes.segmentation is nodes.lungTable is nodes.histogramChart is None
    assert nodes.qualityTable is not None
    assert not nodes_of("vtkMRMLPlotSeriesNode")


def test_everything_is_found_again_after_mrb(host, ct, made, folder, tmp_path):
    other = Volume(made_ct((6, 5, 4), seed=1).array, (1.0, 1.0, 3.0))
    second = MadeResult(other, made_lungs(other), volume_ml=(1.0, 2.0)).write(tmp_path / "other")
    for grid, path, name in ((ct, folder, "one"), (other, second, "two")):
        node = add_ct(grid, name)
        add_study(node)
        openResult(path, node)
    host.save_scene(tmp_path / "scene.mrb")
    host.close_scene()
    assert not nodes_of("vtkMRMLSegmentationNode")
    host.open_scene(tmp_path / "scene.mrb")

    one, two = slicer.util.getNode("one"), slicer.util.getNode("two")
    nodes = findResult(one)
    np.testing.assert_array_equal(lungs_of(nodes, ct), made.labels.array)
    np.testing.assert_array_equal(lungs_of(findResult(two), other), made_lungs(other).array)
    assert cell(nodes.lungTable, "volume_ml", 0) == 2534.1
    assert nodes.lungTable.GetColumnTitle("volume_ml") == "Volume (mL)"
    assert nodes.lungTable.GetColumnUnitLabel("volume_ml") == "mL"
    assert cell(nodes.qualityTable, "meaning", 1) == "Small nodules vanish."
    assert nodes.histogramChart.GetNthPlotSeriesNode(1).GetTableNode() is nodes.histogramTable
    assert nodes.folder == folder
    assert nodes.segmentation.GetAttribute("LungPNet.Version") == "0.1"
    assert not isCorrected(nodes.segmentation)
    before = slicer.mrmlScene.GetNumberOfNodes()
    assert openResult(folder, one) == nodes
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_a_correction_is_seen_after_mrb(host, ct, folder, tmp_path):
    node = add_ct(ct)
    edit(openResult(folder, node).segmentation, ct)
    host.save_scene(tmp_path / "scene.mrb")
    host.open_scene(tmp_path / "scene.mrb")
    assert isCorrected(findResult(slicer.util.getNode("CT")).segmentation)


def test_results_lie_where_the_ct_is_seen(ct, folder):
    node = add_ct(ct)
    registration = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 50.0)
    registration.SetMatrixTransformToParent(matrix)
    node.SetAndObserveTransformNodeID(registration.GetID())
    nodes = openResult(folder, node)
    assert nodes.segmentation.GetParentTransformNode() is registration
    node.SetAndObserveTransformNodeID(None)
    assert openResult(folder, node).segmentation.GetParentTransformNode() is None


def refused(folder, node, match):
    with pytest.raises(InputError, match=match):
        openResult(folder, node)
    assert not nodes_of("vtkMRMLSegmentationNode")
    assert not nodes_of("vtkMRMLTableNode")


def test_the_result_of_another_grid_is_refused(folder):
    refused(folder, add_ct(Volume(np.zeros((3, 4, 5), np.int16))), "CT of 5 x 4 x 3 voxels")


def test_the_result_of_another_series_is_refused(ct, made, tmp_path):
    made.series_uid = "1.2.3.4"
    node = add_ct(ct)
    add_study(node)
    refused(made.write(tmp_path / "r"), node, "another CT series")
    made.series_uid = SERIES_UID
    assert openResult(made.write(tmp_path / "s"), node).segmentation is not None


def test_a_resampled_ct_is_known_by_its_series_alone(ct, tmp_path):
    upright = Volume(made_ct((6, 7, 8)).array, (1.0, 1.0, 1.0))
    made = MadeResult(upright, made_lungs(upright), series_uid=SERIES_UID, regridded=True)
    folder = made.write(tmp_path / "r")
    node = add_ct(ct)
    refused(folder, node, "Load that CT from DICOM")
    add_study(node)
    np.testing.assert_array_equal(lungs_of(openResult(folder, node), upright), made.labels.array)


def test_other_schema_versions_are_refused(ct, folder):
    record = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    node = add_ct(ct)
    (folder / "result.json").write_text(json.dumps(record | {"schema_version": "2.0"}))
    refused(folder, node, r"schema version 2\.0, and this LungPNet reads 1\.0")
    (folder / "result.json").write_text(json.dumps(record | {"schema_version": "1.7"}))
    assert openResult(folder, node).lungTable is not None


@pytest.mark.parametrize(
    ("content", "match"),
    [(None, "holds no result.json"), ("{", "JSONDecodeError"), ("[]", "TypeError")],
)
def test_no_result_and_a_damaged_one_are_refused(ct, folder, content, match):
    (folder / "result.json").unlink()
    if content is not None:
        (folder / "result.json").write_text(content)
    refused(folder, add_ct(ct), match)


def test_a_label_map_of_another_result_is_refused(ct, folder):
    MadeResult(ct, Volume(np.zeros((2, 2, 2), np.uint8))).write(folder)
    refused(folder, add_ct(ct), r"lungs.nrrd \(2 x 2 x 2 voxels")


def test_a_label_map_with_other_labels_is_refused(ct, made, folder):
    made.labels.array[0, 0, 0] = 7
    refused(made.write(folder), add_ct(ct), r"labels \[1, 2, 7\]")


def test_no_message_names_the_patient(ct, made, tmp_path):
    node = add_ct(ct, "Doe^Jane")
    add_study(node)
    made.series_uid = "1.2.3.4"
    with pytest.raises(InputError) as refusal:
        openResult(made.write(tmp_path / "Doe_Jane_17"), node)
    assert "Doe" not in str(refusal.value)
