"""The panel NoduleGrade as a radiologist clicks through it."""

from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from bridge_scene import add_ct, nodes_of
from PySide6 import QtCore, QtTest

from LungPNetLib.cohort.phantom.patient import make_patient
from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.nodules.finding import Status
from LungPNetLib.nodules.measurements import measure_nodule
from LungPNetLib.slicer_bridge.nodule_nodes import LIST, NODULE, noduleSegmentation, nodulesOf
from LungPNetLib.slicer_bridge.results import SEGMENTATION, roleNode
from LungPNetLib.slicer_bridge.segmentations import (
    labelsOnGrid,
    terminologyEntry,
    updateSegmentation,
)
from LungPNetLib.slicer_bridge.volumes import rasPoint
from LungPNetLib.volume import Volume

ROOT = Path(__file__).parents[2]
AIR_MM = (40.0, 0.0, 0.0)
BALLS = (((0.0, 0.0, 0.0), 5.0), ((25.0, 10.0, 12.0), 4.0))
"""Centre (LPS mm) and radius (mm) of the nodules of `made_ct`."""


def made_ct() -> Volume:
    """Lung at -850 HU with two balls of 30 HU in it; 120 x 120 x 80 mm around the origin."""
    shape, spacing_mm = (40, 120, 120), (1.0, 1.0, 2.0)
    ct = Volume(np.full(shape, -850, np.int16), spacing_mm, (-60.0, -60.0, -40.0), np.eye(3))
    places = ct.index_to_world(np.moveaxis(np.indices(shape)[::-1], 0, -1))
    hu = ct.array.copy()
    for centre, radius in BALLS:
        hu[np.linalg.norm(places - centre, axis=-1) <= radius] = 30
    return ct.with_array(hu)


@pytest.fixture
def volume(host):
    return add_ct(made_ct())


@pytest.fixture
def widget(host, volume):
    host.load(ROOT / "NoduleGrade" / "NoduleGrade.py")
    return host.open("NoduleGrade")


@pytest.fixture
def panel(widget):
    return widget.panel


def click_in_view(host, panel, point_lps):
    """Press the button, then click in a slice view."""
    host.click(panel.ui.clickButton)
    assert panel.ui.clickButton.checked
    (points,) = nodes_of("vtkMRMLMarkupsFiducialNode")
    host.place_point(points, rasPoint(point_lps).tolist())
    host.process_events()
    assert nodes_of("vtkMRMLMarkupsFiducialNode") == []
    assert not panel.ui.clickButton.checked


def click_row(host, panel, row):
    table = panel.ui.noduleTable
    table.window().show()
    place = table.visualItemRect(table.item(row, 0)).center()
    QtTest.QTest.mouseClick(
        table.viewport(), QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.NoModifier, place
    )
    host.process_events()


def shown(panel):
    """The rows of the list."""
    table = panel.ui.noduleTable
    return [
        [table.item(row, column).text() for column in range(table.columnCount)]
        for row in range(table.rowCount)
    ]


def viewed_ras():
    """Position of the three slice views: right, anterior, superior mm."""
    offsets = {
        name: slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}").GetSliceToRAS()
        for name in ("Yellow", "Green", "Red")
    }
    return [offsets[name].GetElement(axis, 3) for axis, name in enumerate(offsets)]


def test_without_a_ct_the_button_says_what_to_do(host):
    host.load(ROOT / "NoduleGrade" / "NoduleGrade.py")
    panel = host.open("NoduleGrade").panel
    assert not panel.ui.clickButton.enabled
    assert panel.ui.clickButton.toolTip == "Choose a chest CT first"
    assert "not for diagnosis" in panel.ui.disclaimerLabel.text


def test_a_click_outlines_measures_and_lists(host, panel, volume):
    click_in_view(host, panel, BALLS[0][0])
    ((number, axes, mean, _volume_ml, mean_hu, place, status),) = shown(panel)
    assert (number, mean_hu, place, status) == ("1", "30", "21", "open")
    long_mm, short_mm = map(float, axes.split(" × "))
    assert long_mm == pytest.approx(10.0, abs=1.5)
    assert short_mm == pytest.approx(10.0, abs=1.5)
    assert int(mean) == pytest.approx(10, abs=1)
    segmentation = noduleSegmentation(volume)
    segment = segmentation.GetSegmentation().GetSegment("N1")
    assert segment.GetName() == "Nodule 1"
    assert segment.GetTerminology() == terminologyEntry(NODULE)
    ct = made_ct()
    found = labelsOnGrid(segmentation, {"N1": 1}, ct).array
    truth = (
        np.linalg.norm(ct.index_to_world(np.moveaxis(np.indices(ct.shape)[::-1], 0, -1)), axis=-1)
        <= 5.0
    )
    assert 2 * np.sum(truth & (found > 0)) / (truth.sum() + found.sum()) > 0.9


@pytest.fixture(scope="module")
def patient():
    """The part of a made-up patient around the nodule of its truth table."""
    (nodule,) = make_patient(1, size=(16, 16, 16), spacing_mm=(5.0, 5.0, 5.0)).nodule_table
    return make_patient(
        1, size=(80, 80, 40), spacing_mm=(0.8, 0.8, 1.5), centre_mm=nodule.centre_mm
    )


def test_the_outline_is_that_of_the_made_up_patient(host, patient):
    volume = add_ct(patient.ct)
    lungs = roleNode(volume, "vtkMRMLSegmentationNode", SEGMENTATION, "lungs")
    updateSegmentation(lungs, patient.lungs, LUNG_SEGMENTS, volume)
    host.load(ROOT / "NoduleGrade" / "NoduleGrade.py")
    panel = host.open("NoduleGrade").panel
    (truth,) = patient.nodule_table
    click_in_view(host, panel, truth.centre_mm)
    (finding,) = nodulesOf(volume)
    found = labelsOnGrid(noduleSegmentation(volume), {"N1": 1}, patient.ct).array > 0
    expected = patient.nodules.array > 0
    assert 2 * np.sum(found & expected) / (found.sum() + expected.sum()) > 0.8
    axes = measure_nodule(patient.ct, patient.nodules)
    assert finding.measurements.long_axis_mm == pytest.approx(axes.long_axis_mm, abs=2.0)
    assert finding.measurements.short_axis_mm == pytest.approx(axes.short_axis_mm, abs=2.0)
    side = "R" if truth.centre_mm[0] < 0 else "L"
    assert shown(panel)[0][5] == f"{side} {finding.measurements.slice_number + 1}"


@pytest.mark.parametrize(
    ("point", "words"),
    [(AIR_MM, "stands out"), ((500.0, 0.0, 0.0), "outside of this CT")],
)
def test_a_click_beside_a_nodule_says_so_and_leaves_nothing(host, panel, volume, point, words):
    before = slicer.mrmlScene.GetNumberOfNodes()
    click_in_view(host, panel, point)
    assert words in panel.ui.messageLabel.text
    assert shown(panel) == []
    assert noduleSegmentation(volume) is None
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_a_nodule_is_listed_once(host, panel):
    click_in_view(host, panel, BALLS[0][0])
    click_in_view(host, panel, (1.0, 1.0, 0.0))
    assert "in the list already, as Nodule 1" in panel.ui.messageLabel.text
    assert len(shown(panel)) == 1


def test_a_row_moves_the_views(host, panel):
    for centre, _radius in BALLS:
        click_in_view(host, panel, centre)
    for row, (centre, _radius) in enumerate(BALLS):
        click_row(host, panel, row)
        assert viewed_ras() == pytest.approx(rasPoint(centre).tolist(), abs=1.0)


def test_a_moved_ct_is_clicked_where_it_is_seen(host, panel, volume):
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 100.0)
    transform.SetMatrixTransformToParent(matrix)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    seen_lps = np.array(BALLS[0][0]) - (100.0, 0.0, 0.0)
    click_in_view(host, panel, seen_lps)
    (finding,) = nodulesOf(volume)
    assert finding.centre_lps_mm == pytest.approx(BALLS[0][0], abs=0.5)
    assert noduleSegmentation(volume).GetParentTransformNode() is transform
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, 0.0, 0.0, 0.0)
    click_row(host, panel, 0)
    assert viewed_ras() == pytest.approx(rasPoint(seen_lps).tolist(), abs=1.0)


def test_status_and_comment_belong_to_the_selected_nodule(host, panel, volume):
    for centre, _radius in BALLS:
        click_in_view(host, panel, centre)
    click_row(host, panel, 0)
    host.click(panel.ui.rejectButton)
    panel.ui.commentEdit.setFocus()
    QtTest.QTest.keyClicks(panel.ui.commentEdit, "a vessel")
    QtTest.QTest.keyClick(panel.ui.commentEdit, QtCore.Qt.Key.Key_Return)
    click_row(host, panel, 1)
    assert panel.ui.commentEdit.text == ""
    host.click(panel.ui.acceptButton)
    first, second = nodulesOf(volume)
    assert (first.status, first.comment) == (Status.REJECTED, "a vessel")
    assert (second.status, second.comment) == (Status.ACCEPTED, "")
    display = noduleSegmentation(volume).GetDisplayNode()
    assert [display.GetSegmentVisibility(one) for one in ("N1", "N2")] == [False, True]
    host.click(panel.ui.undecidedButton)
    assert [row[-1] for row in shown(panel)] == ["rejected", "open"]


def test_a_deleted_nodule_is_gone_and_its_number_is_not_given_again(host, panel, volume):
    for centre, _radius in BALLS:
        click_in_view(host, panel, centre)
    click_row(host, panel, 0)
    host.click(panel.ui.deleteButton)
    assert [row[0] for row in shown(panel)] == ["2"]
    assert noduleSegmentation(volume).GetSegmentation().GetSegmentIDs() == ("N2",)
    click_in_view(host, panel, BALLS[0][0])
    assert [row[0] for row in shown(panel)] == ["2", "3"]


def test_two_cts_have_two_lists(host, panel, volume):
    other = add_ct(made_ct(), "Other")
    click_in_view(host, panel, BALLS[0][0])
    host.choose(panel.ui.inputVolumeSelector, other)
    assert shown(panel) == []
    for centre, _radius in BALLS:
        click_in_view(host, panel, centre)
    assert len(shown(panel)) == 2
    host.choose(panel.ui.inputVolumeSelector, volume)
    assert len(shown(panel)) == 1


def test_a_saved_scene_brings_the_list_back(host, panel, volume, tmp_path):
    for centre, _radius in BALLS:
        click_in_view(host, panel, centre)
    click_row(host, panel, 0)
    panel.ui.commentEdit.setText('spiculated; "growing" <5 mm> ä')
    QtTest.QTest.keyClick(panel.ui.commentEdit, QtCore.Qt.Key.Key_Return)
    before = nodulesOf(volume)
    noduleSegmentation(volume).SetName("renamed")
    host.save_scene(tmp_path / "scene.mrb")
    host.close_scene()
    assert shown(panel) == []
    assert not panel.ui.clickButton.enabled
    host.open_scene(tmp_path / "scene.mrb")
    assert len(shown(panel)) == 2
    again = panel.parameters.inputVolume
    assert nodulesOf(again) == before
    click_row(host, panel, 1)
    assert viewed_ras() == pytest.approx(rasPoint(BALLS[1][0]).tolist(), abs=1.0)
    click_in_view(host, panel, BALLS[0][0])
    assert "in the list already" in panel.ui.messageLabel.text


def test_an_edited_outline_is_measured_again(host, panel, volume):
    click_in_view(host, panel, BALLS[0][0])
    segmentation = noduleSegmentation(volume)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "N1", volume)
    array[:] = 0
    array[20, 50:60, 50:54] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, "N1", volume)
    host.click(panel.ui.measureButton)
    (finding,) = nodulesOf(volume)
    assert finding.measurements.volume_ml == pytest.approx(0.08)


def test_a_deleted_segmentation_takes_the_list_along(host, panel, volume):
    click_in_view(host, panel, BALLS[0][0])
    slicer.mrmlScene.RemoveNode(noduleSegmentation(volume))
    assert shown(panel) == []
    click_in_view(host, panel, BALLS[0][0])
    assert [row[0] for row in shown(panel)] == ["1"]


def test_a_list_of_another_version_is_not_overwritten(host, panel, volume):
    click_in_view(host, panel, BALLS[0][0])
    noduleSegmentation(volume).SetAttribute(LIST, '[{"finding": 7}]')
    host.leave()
    host.open("NoduleGrade")
    assert "no entry of a nodule list" in panel.ui.messageLabel.text
    click_in_view(host, panel, BALLS[1][0])
    assert "no entry of a nodule list" in panel.ui.messageLabel.text
    assert noduleSegmentation(volume).GetAttribute(LIST) == '[{"finding": 7}]'


def test_leaving_ends_place_mode(host, panel):
    host.click(panel.ui.clickButton)
    host.leave()
    assert nodes_of("vtkMRMLMarkupsFiducialNode") == []
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform


def test_without_a_main_window(host, volume):
    with host.without_main_window():
        host.load(ROOT / "NoduleGrade" / "NoduleGrade.py")
        panel = host.open("NoduleGrade").panel
        click_in_view(host, panel, BALLS[0][0])
        assert len(shown(panel)) == 1
        host.leave()


def test_nothing_is_cut_off(host, widget):
    for centre, _radius in BALLS:
        click_in_view(host, widget.panel, centre)
    click_row(host, widget.panel, 0)
    host.click(widget.panel.ui.acceptButton)
    assert host.cut_off(widget) == []
    assert widget.panel.ui.noduleTable.horizontalScrollBar().maximum == 0
