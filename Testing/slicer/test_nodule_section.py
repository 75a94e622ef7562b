"""The nodules in the panel LungSegment as a radiologist clicks through them."""

import numpy as np
import pytest
import slicer
from bridge_scene import add_ct, nodes_of
from lungsegment_clicks import click_cell, load_segment_editor, open_module
from nodule_clicks import click_in_view, viewed_ras
from nodule_results import BALLS, STOPS, NoduleResult, made_ct, statuses_in
from panel_clicks import ROOT, open_panel
from PySide6 import QtCore, QtTest

from LungPNetLib.errors import InputError
from LungPNetLib.nodules.colours import COLOUR_RANGE_HU, OUTSIDE_HU, ColourMap, colours_of
from LungPNetLib.nodules.finding import FindingName, Origin, Status
from LungPNetLib.slicer_bridge.nodule_findings import showAt
from LungPNetLib.slicer_bridge.nodule_nodes import nodulesOf, shownNodules
from LungPNetLib.slicer_bridge.nodule_outlines import MASS, NODULE, noduleSegmentation
from LungPNetLib.slicer_bridge.nodule_overlay import overlayOf
from LungPNetLib.slicer_bridge.open_result import openResult
from LungPNetLib.slicer_bridge.segmentations import labelsOnGrid
from LungPNetLib.slicer_bridge.terminology import terminologyEntry
from LungPNetLib.slicer_bridge.volumes import rasPoint, volumeFromNode

NUMBER, FINDING, PLACE, LONG, VOLUME, SCORE, STATUS = range(7)


@pytest.fixture(scope="module")
def ct():
    return made_ct()


@pytest.fixture(scope="module")
def made(ct):
    return NoduleResult(ct)


@pytest.fixture
def volume(host, ct):
    return add_ct(ct)


@pytest.fixture
def folder(made, tmp_path):
    return made.write(tmp_path / "result")


@pytest.fixture
def opened(volume, folder):
    """The result in the scene; returns the CT."""
    openResult(folder, volume)
    return volume


@pytest.fixture
def widget(host, opened):
    return open_module(host)


@pytest.fixture
def panel(widget):
    return widget.panel


def shown(panel):
    """The rows of the table."""
    table = panel.ui.noduleTable
    columns = range(table.columnCount)
    return [[table.item(row, i).text() for i in columns] for row in range(table.rowCount)]


def column(panel, number):
    return [row[number] for row in shown(panel)]


def click_row(host, panel, number):
    """Click the row of the nodule with this number."""
    click_cell(host, panel.ui.noduleTable, column(panel, NUMBER).index(str(number)), PLACE)


def click_title(host, panel, number):
    header = panel.ui.noduleTable.horizontalHeader()
    header.window().show()
    place = QtCore.QPoint(header.sectionViewportPosition(number) + 8, header.height // 2)
    QtTest.QTest.mouseClick(
        header.viewport(), QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.NoModifier, place
    )
    host.process_events()


def slide(host, panel, rate):
    """Move the slider with the arrow keys."""
    slider = panel.ui.rateSlider
    assert slider.enabled
    slider.setFocus()
    while (step := STOPS.index(rate) - slider.value) != 0:
        key = QtCore.Qt.Key.Key_Right if step > 0 else QtCore.Qt.Key.Key_Left
        QtTest.QTest.keyClick(slider, key)
        host.process_events()


def visible(volume_node):
    """Which found nodules the views show, by their numbers."""
    node = noduleSegmentation(volume_node)
    ids = node.GetSegmentation().GetSegmentIDs()
    return [int(one[1:]) for one in ids if node.GetDisplayNode().GetSegmentVisibility(one)]


def test_a_result_becomes_segments_and_rows(panel, opened, made, ct):
    first, second = shown(panel)
    assert first[: FINDING + 2] == ["1", "solid\nnodule", "R\nmiddle"]
    assert second[: FINDING + 2] == ["2", "solid\nmass", "L\nmiddle"]
    assert [first[SCORE:], second[SCORE:]] == [["0.95", "open"], ["0.80", "open"]]
    assert float(first[LONG]) == pytest.approx(10.0, abs=1.0)
    assert float(second[VOLUME]) == pytest.approx(20.58, rel=0.02)
    assert panel.ui.noduleStateLabel.text == (
        "2 of 4 findings are shown. Each may be no nodule; scores are no probabilities."
    )
    node = noduleSegmentation(opened)
    segments = node.GetSegmentation()
    for label, finding in enumerate(made.findings, start=1):
        found = labelsOnGrid(node, {finding.finding_id: 1}, ct)
        np.testing.assert_array_equal(found.array != 0, made.labels.array == label)
        spec = MASS if finding.name is FindingName.MASS else NODULE
        segment = segments.GetSegment(finding.finding_id)
        assert segment.GetTerminology() == terminologyEntry(spec)
        assert segment.GetName() == f"{spec.name} {label}"
    assert visible(opened) == [1, 2]


def test_a_row_moves_the_views(host, panel):
    for number, (centre, *_rest) in enumerate(BALLS[:2], start=1):
        click_row(host, panel, number)
        assert viewed_ras() == pytest.approx(rasPoint(centre).tolist(), abs=1.0)


def test_a_title_sorts(host, panel):
    slide(host, panel, 8.0)
    assert column(panel, NUMBER) == ["1", "2", "3", "4"]
    click_title(host, panel, VOLUME)
    assert column(panel, NUMBER) == ["3", "4", "1", "2"]
    click_title(host, panel, VOLUME)
    assert column(panel, NUMBER) == ["2", "1", "4", "3"]
    click_row(host, panel, 4)
    click_title(host, panel, LONG)
    assert column(panel, NUMBER) == ["3", "4", "1", "2"]
    host.click(panel.ui.acceptNoduleButton)
    assert [row[NUMBER] for row in shown(panel) if row[STATUS] == "accepted"] == ["4"]


def test_what_was_added_without_a_score_is_sorted_last(host, volume, ct, tmp_path):
    openResult(NoduleResult(ct, count=3).write(tmp_path / "three"), volume)
    panel = open_module(host).panel
    click_in_view(host, panel, BALLS[3][0])
    for expected in (["2", "1", "4"], ["1", "2", "4"]):
        click_title(host, panel, SCORE)
        assert column(panel, NUMBER) == expected


def test_a_click_on_a_finding_that_is_not_listed_says_how_to_list_it(host, panel):
    click_in_view(host, panel, BALLS[3][0])
    assert "found already, as Nodule 4, with a score too low" in panel.ui.messageLabel.text
    slide(host, panel, 8.0)
    click_in_view(host, panel, BALLS[3][0])
    assert "in the list already, as Nodule 4" in panel.ui.messageLabel.text


def test_the_slider_shows_and_hides_at_once(host, panel, opened):
    expected = {
        0.25: [1],
        0.5: [1, 2],
        1.0: [1, 2],
        2.0: [1, 2, 3],
        4.0: [1, 2, 3],
        8.0: [1, 2, 3, 4],
    }
    for rate, numbers in expected.items():
        slide(host, panel, rate)
        assert column(panel, NUMBER) == [str(number) for number in numbers]
        assert visible(opened) == numbers
    assert panel.ui.rateValueLabel.text == "8"
    assert "60 scans, 112 nodules): 94 % of the nodules" in panel.ui.sensitivityLabel.text
    assert "Report and DICOM objects hold the findings at 1 false" in panel.ui.sensitivityLabel.text
    slide(host, panel, 1.0)
    assert "76 % of the nodules found, 0.90 false" in panel.ui.sensitivityLabel.text
    assert "Report" not in panel.ui.sensitivityLabel.text


def test_a_stop_without_a_threshold_shows_nothing(host, panel, opened):
    slide(host, panel, 0.125)
    assert panel.ui.rateValueLabel.text == "1/8"
    assert shown(panel) == []
    assert visible(opened) == []
    assert "No nodule was found at this operating point" in panel.ui.noduleStateLabel.text
    assert "No score is high enough" in panel.ui.sensitivityLabel.text
    assert not panel.ui.heterogeneityCheckBox.enabled


def test_accepting_and_rejecting_is_kept_in_scene_and_folder(host, panel, opened, folder):
    slide(host, panel, 2.0)
    for number, button in ((1, "accept"), (2, "reject"), (3, "accept")):
        click_row(host, panel, number)
        host.click(getattr(panel.ui, f"{button}NoduleButton"))
    assert column(panel, STATUS) == ["accepted", "rejected", "accepted"]
    assert visible(opened) == [1, 3]
    assert statuses_in(folder) == ["accepted", "rejected", "accepted", "open"]
    slide(host, panel, 0.25)
    assert column(panel, NUMBER) == ["1", "3"], "what was accepted stays"
    openResult(folder, opened)
    assert [one.status.value for one in nodulesOf(opened)] == statuses_in(folder)
    host.leave()
    panel = host.open("LungSegment").panel
    click_row(host, panel, 2)
    host.click(panel.ui.undecidedNoduleButton)
    assert statuses_in(folder)[1] == "open"


def test_a_decision_is_not_written_into_another_result(host, panel, opened, folder, ct):
    NoduleResult(ct, started="2026-01-01T00:00:00Z").write(folder)
    click_row(host, panel, 1)
    host.click(panel.ui.acceptNoduleButton)
    assert "kept in this scene only" in panel.ui.messageLabel.text
    assert statuses_in(folder)[0] == "open"
    assert nodulesOf(opened)[0].status is Status.ACCEPTED


def test_a_click_adds_a_nodule_where_nobody_has_searched(host, volume):
    panel = open_module(host).panel
    click_in_view(host, panel, BALLS[3][0])
    assert panel.ui.messageLabel.text.startswith("Nodule 1 was outlined")
    assert shown(panel)[0][SCORE] == ""
    assert viewed_ras() == pytest.approx(rasPoint(BALLS[3][0]).tolist(), abs=1.5)


def halve(volume_node, finding_id):
    """What a person does with the eraser."""
    node = noduleSegmentation(volume_node)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, finding_id, volume_node)
    places = np.argwhere(array)
    array[places[:, 0].mean().round().astype(int) :] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, finding_id, volume_node)


def test_an_outline_is_edited_and_measured_again(host, panel, opened, folder, tmp_path):
    load_segment_editor(
        host, tmp_path, "setSegmentationNode", "setSourceVolumeNode", "setCurrentSegmentID"
    )
    before = nodulesOf(opened)
    click_row(host, panel, 1)
    host.click(panel.ui.editNoduleButton)
    editor = slicer.modules.SegmentEditorWidget.editor
    editor.setSegmentationNode.assert_called_once_with(noduleSegmentation(opened))
    editor.setSourceVolumeNode.assert_called_once_with(opened)
    editor.setCurrentSegmentID.assert_called_once_with("N1")
    halve(opened, "N1")
    host.leave()
    panel = host.open("LungSegment").panel
    assert panel.ui.messageLabel.text.startswith("Nodule 1: measured again")
    after = nodulesOf(opened)
    assert after[0].measurements.volume_ml < 0.7 * before[0].measurements.volume_ml
    assert after[0].heterogeneity.n_voxels < before[0].heterogeneity.n_voxels
    assert (after[0].score, after[1:]) == (before[0].score, before[1:])
    host.leave()
    panel.ui.messageLabel.text = ""
    host.open("LungSegment")
    assert panel.ui.messageLabel.text == "", "once is enough"


def test_another_result_keeps_what_a_person_has_drawn(host, panel, opened, ct, tmp_path):
    slide(host, panel, 8.0)
    halve(opened, "N2")
    slicer.util.arrayFromVolume(opened)[5:9, 20:24, 20:24] = 30
    click_in_view(host, panel, (-43.0, -43.0, -31.0))
    clicked = nodulesOf(opened)[-1]
    assert clicked.finding_id == "N5"
    edited = labelsOnGrid(noduleSegmentation(opened), {"N2": 1}, ct).array
    openResult(NoduleResult(ct, count=2, started="later").write(tmp_path / "second"), opened)
    findings = nodulesOf(opened)
    assert [(one.finding_id, one.origin) for one in findings] == [
        ("N1", Origin.FOUND),
        ("N2", Origin.FOUND),
        ("N6", Origin.OUTLINED),
        ("N5", Origin.CLICKED),
    ]
    kept = labelsOnGrid(noduleSegmentation(opened), {"N6": 1}, ct).array
    np.testing.assert_array_equal(kept, edited)
    assert noduleSegmentation(opened).GetSegmentation().GetSegment("N6").GetName() == "Mass 6"


def test_an_empty_result_says_so(host, volume, ct, tmp_path):
    openResult(NoduleResult(ct, count=0).write(tmp_path / "empty"), volume)
    panel = open_module(host).panel
    assert panel.ui.noduleStateLabel.text.startswith("No nodule was found at this operating point")
    assert shown(panel) == []
    slide(host, panel, 8.0)
    assert panel.ui.noduleStateLabel.text.startswith("No nodule was found at this operating point")


def test_without_a_search_there_is_nothing_to_choose(host, volume, ct, tmp_path):
    openResult(NoduleResult(ct, has_stage=False).write(tmp_path / "lungs"), volume)
    panel = open_module(host).panel
    assert "not looked for" in panel.ui.noduleStateLabel.text
    assert not panel.ui.ratesForm.isVisibleTo(panel.ui.nodulesButton)
    assert panel.ui.findNodulesButton.enabled


def test_a_result_without_nodules_takes_those_of_an_earlier_one_away(volume, folder, ct, tmp_path):
    openResult(folder, volume)
    openResult(NoduleResult(ct, has_stage=False).write(tmp_path / "lungs"), volume)
    assert nodulesOf(volume) == []
    assert noduleSegmentation(volume).GetSegmentation().GetSegmentIDs() == ()


def test_without_operating_points_the_findings_of_the_report_are_shown(host, volume, ct, tmp_path):
    openResult(NoduleResult(ct, table=None).write(tmp_path / "bare"), volume)
    panel = open_module(host).panel
    assert column(panel, NUMBER) == ["1", "2"]
    assert not panel.ui.rateSlider.enabled
    assert "not known how many false findings" in panel.ui.sensitivityLabel.text


def test_a_label_map_of_other_nodules_is_refused(host, volume, folder, ct):
    (folder / "nodules.nrrd").unlink()
    from LungPNetLib.volume import write_image

    write_image(NoduleResult(ct, count=2).labels, folder / "nodules.nrrd")
    before = slicer.mrmlScene.GetNumberOfNodes()
    with pytest.raises(InputError, match="the list has 4 nodules"):
        openResult(folder, volume)
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_densities_are_shown_in_colours_with_their_scale(host, panel, opened, ct):
    host.view_pixels("Red")
    display = noduleSegmentation(opened).GetDisplayNode()
    host.click(panel.ui.heterogeneityCheckBox)
    image = overlayOf(opened)
    assert panel.ui.messageLabel.text == ""
    shades = image.GetScalarVolumeDisplayNode()
    assert (shades.GetWindowLevelMin(), shades.GetWindowLevelMax()) == COLOUR_RANGE_HU
    coloured = volumeFromNode(image)
    inside = coloured.array != OUTSIDE_HU
    assert set(np.unique(coloured.array[inside]).tolist()) == {30, 60}, "those that are shown"
    (legend,) = nodes_of("vtkMRMLColorLegendDisplayNode")
    assert legend.GetVisibility()
    assert legend.GetPrimaryDisplayNode() is shades
    assert not display.GetVisibility2DFill(), "it would change the colours"

    click_row(host, panel, 1)
    check_view(host, ColourMap.JET)
    host.choose(panel.ui.coloursComboBox, "Viridis")
    check_view(host, ColourMap.VIRIDIS)
    slide(host, panel, 2.0)
    assert -600 in volumeFromNode(overlayOf(opened)).array
    assert "mean 30 HU, SD 0 HU" in panel.ui.heterogeneityLabel.text
    host.click(panel.ui.heterogeneityCheckBox)
    assert overlayOf(opened) is None
    assert nodes_of("vtkMRMLColorLegendDisplayNode") == []
    assert display.GetVisibility2DFill()


def check_view(host, colours):
    """The nodule in the middle of the view has the colour of 30 HU, and the legend is there."""
    pixels = host.view_pixels("Red", (400, 400))
    expected = colours_of(30, colours)
    assert (np.abs(pixels.astype(int) - expected).max(axis=-1) <= 2).sum() > 100
    right = pixels[100:300, 350:].reshape(-1, 3)
    legend_colours = colours_of(np.linspace(*COLOUR_RANGE_HU, 8), colours)
    for colour in legend_colours[1:-1]:
        assert (np.abs(right.astype(int) - colour).max(axis=-1) <= 12).any(), colour


def test_a_rejected_nodule_loses_its_colours(host, panel, opened):
    host.click(panel.ui.heterogeneityCheckBox)
    click_row(host, panel, 1)
    host.click(panel.ui.rejectNoduleButton)
    assert 30 not in volumeFromNode(overlayOf(opened)).array
    click_row(host, panel, 2)
    host.click(panel.ui.rejectNoduleButton)
    assert overlayOf(opened) is None
    assert not panel.ui.heterogeneityCheckBox.checked


def test_a_saved_scene_brings_everything_back(host, panel, opened, folder, tmp_path):
    slide(host, panel, 2.0)
    click_row(host, panel, 3)
    host.click(panel.ui.rejectNoduleButton)
    host.click(panel.ui.heterogeneityCheckBox)
    host.choose(panel.ui.coloursComboBox, "Viridis")
    before, rows = nodulesOf(opened), shown(panel)
    host.save_scene(tmp_path / "scene.mrb")
    host.close_scene()
    assert shown(panel) == []
    host.open_scene(tmp_path / "scene.mrb")
    again = panel.parameters.inputVolume
    assert nodulesOf(again) == before
    assert shown(panel) == rows
    assert visible(again) == [1, 2]
    assert panel.ui.rateValueLabel.text == "2"
    assert panel.ui.heterogeneityCheckBox.checked
    assert panel.ui.coloursComboBox.currentText == "Viridis"
    assert len(nodes_of("vtkMRMLColorLegendDisplayNode")) == 1
    click_row(host, panel, 3)
    host.click(panel.ui.acceptNoduleButton)
    assert statuses_in(folder)[2] == "accepted"


def test_nodulegrade_measures_what_was_found(host, opened):
    host.load(ROOT / "NoduleGrade" / "NoduleGrade.py")
    panel = host.open("NoduleGrade").panel
    assert column(panel, 0) == ["1", "2"]
    click_cell(host, panel.ui.noduleTable, 1, 1)
    assert panel.ui.detailsButton.text == "Measurements of Mass 2"
    assert panel.ui.detailsTable.rowCount > 5
    host.click(panel.ui.measureButton)
    assert [one.score for one in shownNodules(opened)] == [0.95, 0.80]


def test_the_panel_lungpnet_lists_them_too(host, volume, folder, tmp_path):
    panel = open_panel(host, tmp_path)
    panel.ui.earlierButton.collapsed = False
    panel.ui.resultFolderPath.currentPath = str(folder)
    host.click(panel.ui.openResultButton)
    assert column(panel, NUMBER) == ["1", "2"]
    click_row(host, panel, 2)
    assert viewed_ras() == pytest.approx(rasPoint(BALLS[1][0]).tolist(), abs=1.0)
    other = add_ct(made_ct(), "another CT")
    host.load(ROOT / "LungSegment" / "LungSegment.py")
    host.open("LungSegment").panel.parameters.inputVolume = other
    showAt(volume, 2.0)
    host.open("LungPNet")
    panel.parameters.inputVolume = volume
    assert column(panel, NUMBER) == ["1", "2", "3"]
    assert "Report and DICOM objects hold the findings at 1 " in panel.ui.noduleStateLabel.text
    host.click(panel.ui.noduleSectionButton)
    assert slicer.modules.LungSegmentWidget.panel.parameters.inputVolume is volume


def test_nothing_is_cut_off(host, widget):
    slide(host, widget.panel, 8.0)
    for number, button in ((1, "accept"), (2, "reject")):
        click_row(host, widget.panel, number)
        host.click(getattr(widget.panel.ui, f"{button}NoduleButton"))
    host.click(widget.panel.ui.heterogeneityCheckBox)
    assert host.cut_off(widget) == []
    assert widget.panel.ui.noduleTable.horizontalScrollBar().maximum == 0
