"""A scripted module in the host: loaded, opened, clicked, closed, saved and opened again."""

import sys
from pathlib import Path

import numpy as np
import pytest
import slicer

EXAMPLE = Path(__file__).parent / "example" / "HostExample.py"


@pytest.fixture
def volume(host):
    """4 x 4 x 4, the eight voxels of the corner at 500, the rest 0."""
    array = np.zeros((4, 4, 4), np.int16)
    array[:2, :2, :2] = 500
    return slicer.util.addVolumeFromArray(array, name="CT")


@pytest.fixture
def panel(host, volume):
    host.load(EXAMPLE)
    return host.open("HostExample")


def segment_array(panel, volume):
    node = panel._parameterNode.output
    return slicer.util.arrayFromSegmentBinaryLabelmap(node, "bright", volume)


def test_the_module_describes_itself(host):
    module = host.load(EXAMPLE)
    assert module.title == "Host example"
    assert slicer.modules.hostexample is module
    assert slicer.util.modulePath("HostExample") == str(EXAMPLE)
    assert slicer.util.getModule("HostExample") is module


def test_the_first_volume_is_the_default(panel, volume):
    assert panel.ui.volumeSelector.currentNode() is volume
    assert panel.ui.applyButton.enabled


def test_without_a_volume_the_button_says_why(host):
    host.load(EXAMPLE)
    panel = host.open("HostExample")
    assert not panel.ui.applyButton.enabled
    assert panel.ui.applyButton.toolTip == "Choose a volume"
    with pytest.raises(AssertionError, match="Choose a volume"):
        host.click(panel.ui.applyButton)


def test_a_click_fills_the_segment(host, panel, volume):
    host.click(panel.ui.applyButton)
    assert panel.ui.resultLabel.text == "8 voxels"
    expected = slicer.util.arrayFromVolume(volume) > 100
    np.testing.assert_array_equal(segment_array(panel, volume), expected)


def test_widgets_and_parameters_follow_each_other(host, panel):
    panel.ui.thresholdSlider.value = -5.0
    assert panel._parameterNode.threshold == -5.0
    panel._parameterNode.threshold = 7.0
    assert panel.ui.thresholdSlider.value == 7.0
    host.click(panel.ui.invertedCheckBox)
    assert panel._parameterNode.inverted is True


def test_two_volumes_and_a_choice(host, panel, volume):
    other = slicer.util.addVolumeFromArray(np.full((2, 2, 2), 300, np.int16), name="Other")
    assert panel.ui.volumeSelector.currentNode() is volume
    host.choose(panel.ui.volumeSelector, other)
    assert panel._parameterNode.inputVolume is other
    host.click(panel.ui.applyButton)
    assert panel.ui.resultLabel.text == "8 voxels"


def test_an_error_is_shown_and_reaches_the_failures(host, panel):
    panel.ui.thresholdSlider.value = 900.0
    with host.failures.expected("No voxel beyond 900"):
        host.click(panel.ui.applyButton)
    (shown,) = host.dialogs.take()
    assert shown.kind == "error"
    assert shown.text == "The volume was not segmented.\n\nNo voxel beyond 900"
    assert "Traceback" in shown.details


def test_in_testing_mode_nothing_is_shown(host, panel):
    panel.ui.thresholdSlider.value = 900.0
    with host.testing_mode(), host.failures.expected("No voxel beyond 900"):
        host.click(panel.ui.applyButton)
    assert host.dialogs.take() == []


def test_a_question_is_answered(host, panel, volume):
    import qt

    host.dialogs.answer(qt.QMessageBox.Cancel, qt.QMessageBox.Ok)
    host.click(panel.ui.restartButton)
    assert panel.ui.volumeSelector.currentNode() is volume
    host.click(panel.ui.restartButton)
    assert panel.ui.volumeSelector.currentNode() is None
    assert [one.text for one in host.dialogs.take()] == ["Close the scene?"] * 2


def test_closing_the_scene_empties_the_panel(host, panel):
    host.close_scene()
    assert panel.ui.volumeSelector.currentNode() is None
    assert not panel.ui.applyButton.enabled
    assert panel._parameterNode.threshold == 100.0


def test_a_saved_scene_comes_back(host, panel, volume, tmp_path):
    panel.ui.thresholdSlider.value = 250.0
    host.click(panel.ui.applyButton)
    before = segment_array(panel, volume)
    host.save_scene(tmp_path / "scene.mrb")
    host.close_scene()
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode") is None
    host.open_scene(tmp_path / "scene.mrb")
    reloaded = slicer.util.getNode("CT")
    assert panel.ui.volumeSelector.currentNode() is reloaded
    assert panel.ui.thresholdSlider.value == 250.0
    np.testing.assert_array_equal(segment_array(panel, reloaded), before)


def test_leaving_ends_the_binding(host, panel):
    host.leave()
    panel.ui.thresholdSlider.value = 1.0
    node = panel.logic.getParameterNode()
    assert float(node.GetParameter("threshold")) == 100.0


def test_unloading_leaves_nothing_behind(host, panel):
    host.unload("HostExample")
    assert not hasattr(slicer.modules, "hostexample")
    assert "HostExample" not in sys.modules
    assert panel.Observations == []
    slicer.mrmlScene.Clear()


def test_without_a_main_window(host):
    with host.without_main_window():
        assert slicer.util.mainWindow() is None
        assert slicer.app.layoutManager() is None
        host.load(EXAMPLE)
        panel = host.open("HostExample")
        assert not panel.ui.applyButton.enabled
    assert slicer.util.mainWindow() is not None


def test_slicer_opens_it_by_name(host, volume):
    host.load(EXAMPLE)
    slicer.util.selectModule("HostExample")
    panel = slicer.util.getModuleWidget("HostExample")
    assert panel.parent.isEntered
    assert slicer.util.getModuleLogic("HostExample") is panel.logic


def test_the_modules_own_test_runs(host):
    host.load(EXAMPLE)
    slicer.modules.HostExampleInstance.runTest()


def test_a_module_that_is_loaded_twice_is_refused(host):
    host.load(EXAMPLE)
    with pytest.raises(ValueError, match="loaded already"):
        host.load(EXAMPLE)
