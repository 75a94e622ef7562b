"""The panel NoduleGrade as a radiologist clicks through it."""

from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from bridge_scene import add_ct, nodes_of
from nodule_clicks import BALLS, click_in_view, click_row, made_ct, shown, viewed_ras

from LungPNetLib.cohort.phantom.patient import make_patient
from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.grading.measure import measure_nodule
from LungPNetLib.slicer_bridge.nodule_nodes import nodulesOf
from LungPNetLib.slicer_bridge.nodule_outlines import NODULE, noduleSegmentation
from LungPNetLib.slicer_bridge.results import SEGMENTATION, roleNode
from LungPNetLib.slicer_bridge.segmentations import (
    labelsOnGrid,
    updateSegmentation,
)
from LungPNetLib.slicer_bridge.terminology import terminologyEntry
from LungPNetLib.slicer_bridge.volumes import rasPoint

ROOT = Path(__file__).parents[2]
AIR_MM = (40.0, 0.0, 0.0)


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


def test_leaving_place_mode_without_a_click_changes_nothing(host, panel):
    host.click(panel.ui.clickButton)
    assert "Click into a nodule" in panel.ui.messageLabel.text
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)
    host.process_events()
    assert not panel.ui.clickButton.checked
    assert panel.ui.messageLabel.text == ""
    host.click(panel.ui.clickButton)
    host.click(panel.ui.clickButton)
    assert not panel.ui.clickButton.checked
    assert nodes_of("vtkMRMLMarkupsFiducialNode") == []
    assert shown(panel) == []
