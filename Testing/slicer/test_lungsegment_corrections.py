"""Lungs that a person has corrected: measured again, compared, saved for training, by clicks."""

import numpy as np
import pytest
import slicer
from bridge_scene import add_ct, add_study, nodes_of
from lungsegment_clicks import (
    add_lungs,
    cells,
    column,
    correct,
    load_segment_editor,
    lung_table,
    made_ct,
    new_computer,
    open_module,
    reopened,
    save,
    segmented,
)
from panel_clicks import settled

from LungPNetLib.cohort.manifest import read_manifest
from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.dicom.masks import read_mask
from LungPNetLib.reading import read_study
from LungPNetLib.slicer_bridge.segmentations import labelsOnVolume
from LungPNetLib.volume import Volume


@pytest.fixture(scope="module", autouse=True)
def computer(tmp_path_factory):
    with new_computer(tmp_path_factory.mktemp("home")):
        yield


@pytest.fixture(scope="module")
def ct():
    return made_ct()


@pytest.fixture
def volume(host, ct):
    return add_ct(ct)


@pytest.fixture
def panel(host, volume):
    return open_module(host).panel


def test_the_segment_editor_gets_the_segmentation_and_its_ct(host, panel, volume, tmp_path):
    load_segment_editor(host, tmp_path, "setSegmentationNode", "setSourceVolumeNode")
    by_thresholds = segmented(host, panel)
    by_network = segmented(host, panel, "network")
    assert not by_thresholds.GetDisplayNode().GetVisibility()
    host.choose(panel.ui.lungsSelector, by_thresholds)
    assert by_thresholds.GetDisplayNode().GetVisibility()
    assert not by_network.GetDisplayNode().GetVisibility()
    by_thresholds.GetDisplayNode().SetVisibility(False)
    host.click(panel.ui.editButton)
    editor = slicer.modules.SegmentEditorWidget.editor
    editor.setSegmentationNode.assert_called_once_with(by_thresholds)
    editor.setSourceVolumeNode.assert_called_once_with(volume)
    assert by_thresholds.GetDisplayNode().GetVisibility()
    assert slicer.modules.segmenteditor.widgetRepresentation().isEntered


def test_nothing_is_saved_where_nothing_was_corrected(host, panel, volume, tmp_path):
    ui, cohort = panel.ui, tmp_path / "cohort"
    host.click(ui.correctionButton)
    assert "no lungs to save" in save(host, panel, cohort, "P-1")
    node = segmented(host, panel)
    assert "no correction to save" in save(host, panel, cohort, "P-1")
    correct(node, volume)
    assert "Choose the cohort folder" in save(host, panel, "", "P-1")
    node.GetSegmentation().RemoveAllSegments()
    assert "no segment of the type" in save(host, panel, cohort, "P-1")
    assert not cohort.exists()


def test_a_correction_is_saved_as_the_training_reads_it(host, panel, volume, ct, tmp_path):
    add_study(volume)
    first = correct(segmented(host, panel), volume)
    host.click(panel.ui.correctionButton)
    assert "real name or number" in save(host, panel, tmp_path, "doe-1")
    assert not (tmp_path / "manifest.csv").exists()
    assert "as patient Reader.1-a; the cohort has 1 " in save(host, panel, tmp_path, "Reader.1-a")
    (row,) = read_manifest(tmp_path / "manifest.csv", required=("ct", "lungs")).rows
    assert row.patient_id == "Reader.1-a"
    assert row.columns["label_source"] == "corrected by a person"
    saved = read_study(row.files["ct"]).ct
    assert saved.same_grid_as(ct)
    np.testing.assert_array_equal(saved.array, ct.array)
    np.testing.assert_array_equal(read_mask(row.files["lungs"], saved).array, first.array)

    second = correct(panel.parameters.lungs, volume)
    assert "the cohort has 1 " in save(host, panel, tmp_path, "Reader.1-a")
    (row,) = read_manifest(tmp_path / "manifest.csv", required=("ct", "lungs")).rows
    np.testing.assert_array_equal(read_mask(row.files["lungs"], saved).array, second.array)
    earlier = read_mask(tmp_path / row.columns["earlier_lungs"], saved)
    np.testing.assert_array_equal(earlier.array, first.array)


def test_a_pseudonym_is_made_where_none_is_entered(host, panel, volume, tmp_path):
    correct(segmented(host, panel), volume)
    host.click(panel.ui.correctionButton)
    assert "enter a pseudonym" in save(host, panel, tmp_path, "")
    add_study(volume)
    save(host, panel, tmp_path, "")
    (row,) = read_manifest(tmp_path / "manifest.csv").rows
    assert row.patient_id.startswith("P-")
    assert row.patient_id in panel.ui.messageLabel.text


def test_lungs_found_again_do_not_replace_a_correction(host, panel, volume):
    corrected = segmented(host, panel)
    labels = correct(corrected, volume)
    found = segmented(host, panel)
    assert found is not corrected
    host.choose(panel.ui.lungsSelector, corrected)
    kept = labelsOnVolume(panel.parameters.lungs, volume, LUNG_SEGMENTS)
    np.testing.assert_array_equal(kept.array, labels.array)


def test_numbers_of_lungs_that_were_corrected_since_are_not_shown(host, panel, volume):
    node = segmented(host, panel)
    before = column(lung_table(), "volume_ml")
    corrected = correct(node, volume)
    reopened(host, panel)
    assert cells(panel.ui.lungTable) == []
    assert "press 'Measure'" in panel.ui.measuredLabel.text
    assert not panel.ui.histogramButton.enabled
    host.click(panel.ui.measureButton)
    settled(host, panel)
    assert not panel.ui.measuredLabel.isVisibleTo(panel.ui.lungsButton)
    after = column(lung_table(), "volume_ml")
    expected = np.count_nonzero(corrected.array == 1) * corrected.voxel_volume_ml
    assert after[0] == pytest.approx(expected, abs=0.06)
    assert after[0] < before[0]
    assert after[1] == before[1]


def hand_made_pair():
    """A cube of 4 voxels of 2 mm a side, moved by one of them; a left lung that one lacks."""
    first = np.zeros((12, 12, 12), np.uint8)
    first[2:6, 2:6, 2:6] = 1
    first[8:11, 8:11, 8:11] = 2
    second = np.zeros_like(first)
    second[2:6, 2:6, 3:7] = 1
    ct = Volume(np.full(first.shape, -800, np.int16), (2.0, 2.0, 2.0), (-5.0, 3.0, 11.0))
    return ct, ct.with_array(first), ct.with_array(second)


def test_a_comparison_has_the_known_dice_and_distance(host, panel):
    ct, *pair = hand_made_pair()
    volume = add_ct(ct, "cubes")
    one, other = (add_lungs(volume, labels, f"reader {k}") for k, labels in enumerate(pair))
    ui = panel.ui
    host.choose(ui.inputVolumeSelector, volume)
    host.click(ui.compareButton)
    host.choose(ui.firstSelector, one)
    assert not ui.compareNowButton.enabled
    host.choose(ui.secondSelector, one)
    host.click(ui.compareNowButton)
    assert ui.messageLabel.text == "Choose two different segmentations."
    host.choose(ui.secondSelector, other)
    host.click(ui.compareNowButton)
    settled(host, panel)
    (table,) = nodes_of("vtkMRMLTableNode")
    assert column(table, "first_ml") == pytest.approx([0.512, 0.216])
    assert column(table, "second_ml") == pytest.approx([0.512, 0.0])
    assert cells(ui.comparisonTable)[:4] == [
        ["", "Right lung", "Left lung"],
        ["Dice (0 to 1)", "0.750", "0.000"],
        ["Surface within 3 mm (0 to 1)", "1.000", "0.000"],
        ["95 % surface distance (mm)", "2.00", ""],
    ]
    # Numbers never stand below a pair that they are not of.
    host.choose(ui.firstSelector, other)
    assert cells(ui.comparisonTable) == []
