"""The panel LungPNet as a radiologist clicks through it, with the real worker behind it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import slicer

from LungPNetLib.cohort.dicom_writer import write_patient
from LungPNetLib.cohort.phantom.patient import make_patient
from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.slicer_bridge.results import findResult
from LungPNetLib.slicer_bridge.segmentations import labelsOnVolume
from LungPNetLib.volume import read_image

ROOT = Path(__file__).parents[2]
WAIT_S = 120.0


@pytest.fixture(scope="module")
def dicom(tmp_path_factory):
    """A made-up patient as DICOM files."""
    folder = tmp_path_factory.mktemp("patient")
    patient = make_patient(5, size=(160, 160, 50), spacing_mm=(2.1, 2.1, 6.0))
    write_patient(patient, folder)
    return folder / "ct"


@pytest.fixture(scope="module")
def by_command(dicom, tmp_path_factory):
    """Result folder of the command line for the same patient."""
    out = tmp_path_factory.mktemp("command") / "result"
    words = ["analyze", str(dicom), "--out", str(out), "--method", "classical"]
    subprocess.run(
        [sys.executable, "-m", "LungPNetLib.cli", *words, "--progress", "none"],
        check=True,
        capture_output=True,
    )
    return out


@pytest.fixture
def panel(host, tmp_path):
    host.load(ROOT / "LungPNet" / "LungPNet.py")
    widget = host.open("LungPNet")
    widget.panel.ui.outputFolderPath.currentPath = str(tmp_path)
    return widget.panel


def settled(host, panel):
    host.wait_until(lambda: not panel.runArea.isBusy, "the worker", WAIT_S)


def imported(host, panel, dicom):
    panel.ui.dicomFolderPath.currentPath = str(dicom)
    host.click(panel.ui.importButton)
    settled(host, panel)
    assert panel.parameters.inputVolume is not None, panel.ui.messageLabel.text
    return panel.parameters.inputVolume


def analyzed(host, panel, dicom):
    volume = imported(host, panel, dicom)
    host.choose(panel.ui.methodComboBox, "Thresholds and morphology")
    host.click(panel.ui.analyzeButton)
    settled(host, panel)
    return volume


def test_without_a_ct_the_button_says_what_to_do(panel):
    assert not panel.ui.analyzeButton.enabled
    assert "import a DICOM folder" in panel.ui.analyzeButton.toolTip
    assert "not for diagnosis" in panel.ui.disclaimerLabel.text


def test_a_patient_from_import_to_result(host, panel, dicom, by_command):
    volume = analyzed(host, panel, dicom)
    assert panel.ui.messageLabel.text.startswith("Done in")
    found = findResult(volume)
    labels = labelsOnVolume(found.segmentation, volume, LUNG_SEGMENTS)
    np.testing.assert_array_equal(labels.array, read_image(by_command / "lungs.nrrd").array)
    expected = json.loads((by_command / "result.json").read_text())["lungs"]["measurements"]
    table = found.lungTable
    shown = [float(table.GetCellText(row, 1)) for row in range(table.GetNumberOfRows())]
    assert shown == pytest.approx([row["volume_ml"] for row in expected], abs=0.06)
    assert panel.ui.qualityTable.rowCount > 10
    for name in ("result.json", "segmentation.dcm", "measurements.dcm", "report.html"):
        assert (found.folder / name).is_file()


def test_a_row_moves_the_views_to_its_lung(host, panel, dicom):
    volume = analyzed(host, panel, dicom)
    segmentation = findResult(volume).segmentation
    slice_node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSliceNode")
    for row, segment in enumerate(segmentation.GetSegmentation().GetSegmentIDs()):
        view = panel.ui.lungTableView
        view.clicked.emit(view.model().index(row, 0))
        centre = segmentation.GetSegmentCenterRAS(segment)
        offset = slice_node.GetSliceToRAS().GetElement(2, 3)
        assert offset == pytest.approx(centre[2], abs=6.0)


def test_accepting_needs_a_name_and_makes_the_report_verified(host, panel, dicom):
    from LungPNetLib.dicom.acceptance import is_accepted

    folder = findResult(analyzed(host, panel, dicom)).folder
    panel.ui.observerEdit.text = ""
    host.click(panel.ui.acceptButton)
    assert "needs the name" in panel.ui.messageLabel.text
    assert not is_accepted(folder / "measurements.dcm")
    panel.ui.observerEdit.text = "Reader^Rita"
    panel.ui.organizationEdit.text = "Hospital"
    host.click(panel.ui.acceptButton)
    assert is_accepted(folder / "measurements.dcm")
    assert not panel.ui.acceptButton.enabled


def test_dicom_objects_are_copied_where_a_person_says(host, panel, dicom, tmp_path):
    analyzed(host, panel, dicom)
    target = tmp_path / "export"
    target.mkdir()
    panel.ui.exportFolderPath.currentPath = str(target)
    host.click(panel.ui.exportButton)
    assert {path.name for path in target.iterdir()} == {"segmentation.dcm", "measurements.dcm"}
    host.click(panel.ui.exportButton)
    assert "exists in that folder" in panel.ui.messageLabel.text


def test_cancel_leaves_nothing(host, panel, dicom, tmp_path):
    imported(host, panel, dicom)
    before = sorted(tmp_path.iterdir())
    host.click(panel.ui.analyzeButton)
    host.wait_until(lambda: panel.ui.progressBar.value > 0, "some progress", WAIT_S)
    host.click(panel.ui.cancelButton)
    settled(host, panel)
    assert sorted(tmp_path.iterdir()) == before
    assert panel.ui.analyzeButton.enabled


def test_a_bad_folder_is_a_message(host, panel, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    panel.ui.dicomFolderPath.currentPath = str(empty)
    host.click(panel.ui.importButton)
    settled(host, panel)
    assert panel.ui.messageLabel.text
    assert panel.parameters.inputVolume is None


def test_closed_and_reopened_scene_shows_the_result_again(host, panel, dicom, tmp_path):
    analyzed(host, panel, dicom)
    host.save_scene(tmp_path / "scene.mrb")
    host.close_scene()
    assert not panel.ui.analyzeButton.enabled
    assert panel.ui.qualityTable.rowCount == 0
    host.open_scene(tmp_path / "scene.mrb")
    assert panel.parameters.inputVolume is not None
    assert panel.ui.qualityTable.rowCount > 10
    assert panel.ui.openReportButton.enabled


def test_an_earlier_result_is_shown_on_its_ct(host, panel, dicom, by_command):
    volume = imported(host, panel, dicom)
    assert findResult(volume).segmentation is None
    panel.ui.earlierButton.collapsed = False
    panel.ui.resultFolderPath.currentPath = str(by_command)
    host.click(panel.ui.openResultButton)
    assert findResult(volume).segmentation is not None


def test_nothing_is_cut_off_at_400_pixels(host, panel, dicom):
    analyzed(host, panel, dicom)
    for name in ("optionsButton", "earlierButton", "setupButton", "logButton"):
        getattr(panel.ui, name).collapsed = False
    assert host.cut_off(slicer.modules.LungPNetWidget) == []
