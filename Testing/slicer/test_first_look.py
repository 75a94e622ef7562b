"""What a person sees before having chosen anything: CT, window, outlines, 3-D view, folders."""

from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import qt
import slicer
from bridge_scene import nodes_of
from panel_clicks import ROOT

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.slicer_bridge.display import showLungWindow
from LungPNetLib.slicer_bridge.hierarchy import firstCt, itemOf
from LungPNetLib.slicer_bridge.segmentations import updateSegmentation
from LungPNetLib.slicer_bridge.volumes import volumeFromNode

MODULES = ("LungPNet", "LungSegment", "NoduleGrade", "SurvivalRisk")


def add_volume(name, shape=(6, 8, 8), node_class="vtkMRMLScalarVolumeNode"):
    voxels = np.zeros(shape, np.int16)
    voxels[..., 0] = -1000
    return slicer.util.addVolumeFromArray(voxels, name=name, nodeClassName=node_class)


def set_modality(volume, modality):
    item = itemOf(volume)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    hierarchy.SetItemAttribute(item, "DICOM.Modality", modality)


def window_of(volume):
    display = volume.GetDisplayNode()
    return display.GetWindow(), display.GetLevel()


@pytest.mark.parametrize("module", MODULES)
def test_every_panel_begins_with_the_ct(host, module):
    add_volume("labels", node_class="vtkMRMLLabelMapVolumeNode")
    add_volume("colours", (6, 8, 8, 3), "vtkMRMLVectorVolumeNode")
    add_volume("localizer", (1, 8, 8))
    set_modality(add_volume("PET"), "PT")
    ct = add_volume("CT")
    set_modality(ct, "CT")
    add_volume("another")
    host.load(ROOT / module / f"{module}.py")
    assert host.open(module).panel.parameters.inputVolume is ct


def test_nothing_is_chosen_where_there_is_no_ct(host):
    add_volume("labels", node_class="vtkMRMLLabelMapVolumeNode")
    assert firstCt(slicer.mrmlScene) is None


def test_the_lung_window_is_set_unless_a_window_was_chosen(host):
    untouched, chosen = add_volume("CT"), add_volume("CT")
    chosen.GetDisplayNode().SetAutoWindowLevel(False)
    chosen.GetDisplayNode().SetWindowLevel(400, 40)
    for volume in (untouched, chosen):
        showLungWindow(volume)
    assert window_of(untouched) == (1500, -600)
    assert window_of(chosen) == (400, 40)


def test_outlines_leave_the_anatomy_visible_until_a_person_fills_them(host):
    volume = add_volume("CT")
    voxels = volumeFromNode(volume)
    labels = voxels.with_array(np.ones(voxels.shape, np.uint8))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    updateSegmentation(node, labels, LUNG_SEGMENTS, volume)
    display = node.GetDisplayNode()
    assert 0.1 <= display.GetOpacity2DFill() <= 0.15
    assert display.GetOpacity2DOutline() == 1.0
    assert display.GetOpacity3D() == 1.0
    display.SetOpacity2DFill(0.4)
    updateSegmentation(node, labels, LUNG_SEGMENTS, volume)
    assert display.GetOpacity2DFill() == 0.4


def test_results_have_a_place_before_one_is_chosen(host):
    host.load(ROOT / "LungPNet" / "LungPNet.py")
    ui = host.open("LungPNet").panel.ui
    documents = qt.QStandardPaths.writableLocation(qt.QStandardPaths.DocumentsLocation)
    assert Path(ui.outputFolderPath.currentPath) == Path(documents) / "LungPNet"


@pytest.mark.parametrize("name", ["dicomFolder", "outputFolder", "exportFolder", "resultFolder"])
def test_a_folder_is_asked_for_as_a_folder(host, tmp_path, name):
    host.load(ROOT / "LungPNet" / "LungPNet.py")
    edit = getattr(host.open("LungPNet").panel.ui, f"{name}Path")
    with mock.patch("PySide6.QtWidgets.QFileDialog.getExistingDirectory") as ask:
        ask.return_value = str(tmp_path)
        edit.browse()
    assert edit.currentPath == str(tmp_path)


def test_without_a_ct_there_are_no_empty_tables(host):
    host.load(ROOT / "LungPNet" / "LungPNet.py")
    ui = host.open("LungPNet").panel.ui
    assert nodes_of("vtkMRMLTableNode") == []
    for table, section in ((ui.qualityTable, ui.qualityButton), (ui.lungTable, ui.findingsButton)):
        assert not table.isVisibleTo(section)
