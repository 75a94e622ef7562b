"""The panel LungSegment as a radiologist clicks through it, with the real worker behind it."""

import importlib.metadata
import json
from unittest import mock

import numpy as np
import pytest
import qt
import slicer
from bridge_scene import add_ct, nodes_of
from lungsegment_clicks import (
    add_lungs,
    cells,
    click_cell,
    column,
    correct,
    found_by_library,
    lung_table,
    made_ct,
    new_computer,
    open_module,
    save,
    segmented,
)
from panel_clicks import METHODS, settled

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.slicer_bridge.dependencies import DependencyInstaller, Machine
from LungPNetLib.slicer_bridge.process_runner import ProcessRunner
from LungPNetLib.slicer_bridge.segmentations import labelsOnVolume
from LungPNetLib.slicer_bridge.session import WorkerSession
from LungPNetLib.slicer_bridge.terminology import terminologyEntry
from LungPNetLib.slicer_bridge.worker_process import findPython, workerCommand
from LungPNetLib.volume import Volume, read_image

NUMBERS = {"volume_ml": 0, "mean_hu": 0, "laa950_percent": 1, "perc15_hu": 0}
"""What is measured, and with how many decimals the panel shows it."""


@pytest.fixture(scope="module", autouse=True)
def computer(tmp_path_factory):
    with new_computer(tmp_path_factory.mktemp("home")):
        yield


@pytest.fixture(scope="module")
def ct():
    return made_ct()


@pytest.fixture(scope="module")
def by_library(ct, tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    found_by_library(ct, folder)
    return folder


@pytest.fixture
def volume(host, ct):
    return add_ct(ct)


@pytest.fixture
def widget(host, volume):
    return open_module(host)


@pytest.fixture
def panel(widget):
    return widget.panel


def test_without_a_ct_the_button_says_what_to_do(host):
    ui = open_module(host).panel.ui
    assert ui.segmentButton.toolTip == "Choose a chest CT first"
    assert "not for diagnosis" in ui.disclaimerLabel.text
    for name in ("segment", "edit", "measure", "histogram", "compareNow", "saveCorrection"):
        assert not getattr(ui, f"{name}Button").enabled
    assert cells(ui.lungTable) == []


@pytest.mark.parametrize("method", ["classical", "network"])
def test_lungs_are_those_of_the_library(host, panel, volume, ct, by_library, method):
    node = segmented(host, panel, method)
    expected = read_image(by_library / f"{method}.nrrd")
    assert expected.same_grid_as(ct)
    found = labelsOnVolume(node, volume, LUNG_SEGMENTS)
    np.testing.assert_array_equal(found.array, expected.array)
    segments = node.GetSegmentation()
    shown = [segments.GetSegment(one) for one in segments.GetSegmentIDs()]
    assert [one.GetTerminology() for one in shown] == [terminologyEntry(s) for s in LUNG_SEGMENTS]
    assert segments.ContainsRepresentation("Closed surface")
    right, left = map(node.GetSegmentCenterRAS, segments.GetSegmentIDs())
    assert right[0] > 0 > left[0]  # R is positive in RAS
    measured = json.loads((by_library / f"{method}.json").read_text())
    check_numbers(host, panel, measured)


def check_numbers(host, panel, measured):
    """Table, histogram and plot hold what the library has measured."""
    shown = cells(panel.ui.lungTable)
    assert shown[0] == ["", "Right", "Left", "Both"]
    for (name, decimals), texts in zip(NUMBERS.items(), shown[1:], strict=True):
        values = [row[name] for row in measured["measurements"]]
        assert column(lung_table(), name) == values
        assert texts[1:] == [f"{value:.{decimals}f}" for value in values]
    host.click(panel.ui.histogramButton)
    chart = nodes_of("vtkMRMLPlotViewNode")[0].GetPlotChartNode()
    drawn = [chart.GetNthPlotSeriesNode(i) for i in range(chart.GetNumberOfPlotSeriesNodes())]
    assert [one.GetName() for one in drawn] == ["Right lung", "Left lung"]
    for series, side in zip(drawn, ("right", "left"), strict=True):
        table = series.GetTableNode()
        assert column(table, series.GetXColumnName()) == measured["histogram_hu"]
        assert column(table, series.GetYColumnName()) == measured["histogram_ml"][side]


def test_a_click_moves_the_views_to_that_lung(host, panel):
    node = segmented(host, panel)
    # A person may put the left lung first.
    segments = node.GetSegmentation()
    right, left = segments.GetSegmentIDs()
    segments.ReorderSegments([left, right])
    sagittal = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeYellow")
    for place, segment in ((1, right), (2, left), (0, left), (3, left)):
        click_cell(host, panel.ui.lungTable, 1, place)
        x = sagittal.GetSliceToRAS().GetElement(0, 3)
        assert x == pytest.approx(node.GetSegmentCenterRAS(segment)[0], abs=3.5)


def test_two_volumes_have_lungs_of_their_own(host, panel, volume, ct):
    bigger = Volume(ct.array, tuple(1.1 * step for step in ct.spacing_mm), ct.origin_mm)
    other = add_ct(bigger, "second CT")
    one_lungs = segmented(host, panel)
    one_shown = cells(panel.ui.lungTable)
    panel.ui.pseudonymEdit.text = "P-1"
    host.choose(panel.ui.inputVolumeSelector, other)
    assert panel.parameters.lungs is None
    assert cells(panel.ui.lungTable) == []
    assert panel.ui.pseudonymEdit.text == ""
    assert not panel.ui.editButton.enabled
    other_lungs = segmented(host, panel)
    assert other_lungs is not one_lungs
    assert not one_lungs.GetDisplayNode().GetVisibility()
    both_ml = [float(shown[1][3]) for shown in (one_shown, cells(panel.ui.lungTable))]
    assert both_ml[1] == pytest.approx(1.1**3 * both_ml[0], rel=0.1)
    host.choose(panel.ui.inputVolumeSelector, volume)
    assert panel.parameters.lungs is one_lungs
    assert one_lungs.GetDisplayNode().GetVisibility()
    assert cells(panel.ui.lungTable) == one_shown


def test_cancel_leaves_nothing(host, panel):
    before = slicer.mrmlScene.GetNumberOfNodes()
    host.click(panel.ui.segmentButton)
    host.click(panel.ui.cancelButton)
    settled(host, panel)
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    assert panel.ui.messageLabel.text
    assert panel.ui.segmentButton.enabled
    assert not panel.ui.progressBar.isVisibleTo(panel.ui.progressBar.parent())


def test_a_ct_without_lungs_is_a_message(host, panel, ct):
    water = add_ct(ct.with_array(np.zeros(ct.shape, np.int16)), "water")
    host.choose(panel.ui.inputVolumeSelector, water)
    host.choose(panel.ui.methodComboBox, METHODS["classical"])
    host.click(panel.ui.segmentButton)
    settled(host, panel)
    assert "No lung" in panel.ui.messageLabel.text
    assert panel.parameters.lungs is None


def test_a_result_never_reaches_the_ct_of_another_scene(host, panel, ct):
    host.click(panel.ui.segmentButton)
    host.close_scene()
    other = add_ct(ct, "another patient")
    assert other.GetID() == "vtkMRMLScalarVolumeNode1"
    settled(host, panel)
    assert nodes_of("vtkMRMLSegmentationNode") == []
    assert "no longer in the scene" in panel.ui.messageLabel.text


def test_a_saved_scene_is_shown_again(host, panel, tmp_path):
    segmented(host, panel, "network")
    node = segmented(host, panel)
    host.click(panel.ui.compareButton)
    host.choose(panel.ui.firstSelector, node)
    (second,) = (one for one in nodes_of("vtkMRMLSegmentationNode") if one is not node)
    host.choose(panel.ui.secondSelector, second)
    host.click(panel.ui.compareNowButton)
    settled(host, panel)
    shown = cells(panel.ui.lungTable), cells(panel.ui.comparisonTable)
    assert all(shown)
    name = node.GetName()
    host.save_scene(tmp_path / "scene.mrb")
    host.close_scene()
    assert not panel.ui.segmentButton.enabled
    assert cells(panel.ui.lungTable) == []
    host.open_scene(tmp_path / "scene.mrb")
    assert panel.parameters.lungs.GetName() == name
    assert (cells(panel.ui.lungTable), cells(panel.ui.comparisonTable)) == shown
    host.click(panel.ui.histogramButton)
    host.click(panel.ui.correctionButton)
    assert "no correction to save" in save(host, panel, tmp_path, "P-1")


@pytest.fixture
def bare_panel(host, volume, monkeypatch):
    """The panel on a computer without torch, with a worker that cannot import it either."""

    def version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    def without_torch(_cls, requirements):
        return DependencyInstaller(
            requirements, slicer.packaging, mock.Mock(), Machine("Linux", "x86_64"), version
        )

    monkeypatch.setattr(DependencyInstaller, "ofSlicer", classmethod(without_torch))
    panel = open_module(host).panel
    *start, code, folder = workerCommand(findPython())
    code = f"import sys; sys.modules.update(torch=None, monai=None); {code}"
    session = WorkerSession(
        lambda log: ProcessRunner([*start, code, folder], qt.QTimer(), onLog=log)
    )
    monkeypatch.setattr(panel.runArea, "_makeSession", lambda: session)
    yield panel
    session.runner.close()


def test_without_torch_it_says_so_and_the_classical_method_works(host, bare_panel, by_library):
    ui = bare_panel.ui
    host.choose(ui.methodComboBox, METHODS["network"])
    host.click(ui.segmentButton)
    assert "PyTorch is missing" in ui.messageLabel.text
    assert "Install it in the module LungPNet" in ui.messageLabel.text
    assert not bare_panel.runArea.isBusy
    node = segmented(host, bare_panel)
    expected = read_image(by_library / "classical.nrrd").array
    found = labelsOnVolume(node, bare_panel.parameters.inputVolume, LUNG_SEGMENTS)
    np.testing.assert_array_equal(found.array, expected)
    assert "PyTorch" not in ui.messageLabel.text
    host.choose(ui.methodComboBox, "Automatic choice")
    host.click(ui.segmentButton)
    settled(host, bare_panel)
    assert ui.messageLabel.text.startswith("Done in")
    assert "PyTorch is missing" in ui.messageLabel.text


def test_without_a_main_window(host, volume):
    with host.without_main_window():
        panel = open_module(host).panel
        segmented(host, panel)
        assert cells(panel.ui.lungTable)[0][1] == "Right"
        host.click(panel.ui.editButton)
        assert "no main window" in panel.ui.messageLabel.text
        host.click(panel.ui.histogramButton)
        assert "no view" in panel.ui.messageLabel.text
        host.leave()


def test_nothing_is_cut_off(host, widget, volume, tmp_path):
    panel = widget.panel
    first = segmented(host, panel)
    second = add_lungs(volume, labelsOnVolume(first, volume, LUNG_SEGMENTS), "reader 2")
    host.click(panel.ui.compareButton)
    host.choose(panel.ui.firstSelector, first)
    host.choose(panel.ui.secondSelector, second)
    host.click(panel.ui.compareNowButton)
    settled(host, panel)
    host.click(panel.ui.correctionButton)
    host.click(panel.ui.logButton)
    assert host.cut_off(widget) == []
    for table in (panel.ui.lungTable, panel.ui.comparisonTable):
        assert table.horizontalScrollBar().maximum == table.verticalScrollBar().maximum == 0
    correct(first, volume)
    file = tmp_path / ("a-long-name" * 9)
    file.write_text("")
    assert "cannot be written" in save(host, panel, file, "P-1")
    assert host.cut_off(widget) == []
