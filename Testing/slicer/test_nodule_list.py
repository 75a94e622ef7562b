"""The nodule list of the panel NoduleGrade: decisions, deletion, saving, two CTs."""

from pathlib import Path

import pytest
import slicer
from bridge_scene import add_ct
from nodule_clicks import BALLS, click_in_view, click_row, made_ct, shown, viewed_ras
from PySide6 import QtCore, QtTest

from LungPNetLib.nodules.finding import Status
from LungPNetLib.slicer_bridge.nodule_nodes import LIST, nodulesOf
from LungPNetLib.slicer_bridge.nodule_outlines import noduleSegmentation
from LungPNetLib.slicer_bridge.volumes import rasPoint

ROOT = Path(__file__).parents[2]


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


def test_a_nodule_whose_segment_was_removed_has_no_measurements(host, panel, volume):
    for centre, _radius in BALLS:
        click_in_view(host, panel, centre)
    noduleSegmentation(volume).GetSegmentation().RemoveSegment("N1")
    host.click(panel.ui.measureButton)
    first, second = nodulesOf(volume)
    assert first.measurements is None
    assert second.measurements.volume_ml > 0.2
    assert shown(panel)[0] == ["1", "", "", "", "", "", "open"]
    click_row(host, panel, 0)
    host.click(panel.ui.rejectButton)
    host.click(panel.ui.deleteButton)
    assert [row[0] for row in shown(panel)] == ["2"]
