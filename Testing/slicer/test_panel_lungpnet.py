"""The panel LungPNet, with the real worker behind it; the whole way is in test_click_through."""

import json

import pytest
import slicer
from panel_clicks import analyzed, open_panel, settled, write_made_up_patient

from LungPNetLib.slicer_bridge.results import findResult


@pytest.fixture(scope="module")
def dicom(tmp_path_factory):
    return write_made_up_patient(tmp_path_factory.mktemp("patient"))


@pytest.fixture
def panel(host, tmp_path):
    return open_panel(host, tmp_path)


def test_without_a_ct_the_button_says_what_to_do(panel):
    assert not panel.ui.analyzeButton.enabled
    assert "import a DICOM folder" in panel.ui.analyzeButton.toolTip
    assert "not for diagnosis" in panel.ui.disclaimerLabel.text


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


def test_a_result_that_was_replaced_or_damaged_since_cannot_be_accepted(host, panel, dicom):
    volume = analyzed(host, panel, dicom)
    folder = findResult(volume).folder
    panel.ui.observerEdit.text, panel.ui.organizationEdit.text = "Reader^Rita", "Hospital"
    result = json.loads((folder / "result.json").read_text())
    result["run"]["started"] = "2001-02-03T04:05:06Z"
    (folder / "result.json").write_text(json.dumps(result))
    host.click(panel.ui.acceptButton)
    assert "has changed since its findings were shown" in panel.ui.messageLabel.text
    (folder / "measurements.dcm").write_bytes(b"no DICOM")
    panel.resultSection.show(volume)
    assert not panel.ui.acceptButton.enabled
    assert "cannot be read" in panel.ui.acceptanceLabel.text


def test_dicom_objects_are_copied_where_a_person_says(host, panel, dicom, tmp_path):
    analyzed(host, panel, dicom)
    target = tmp_path / "export"
    target.mkdir()
    panel.ui.exportFolderPath.currentPath = str(target)
    host.click(panel.ui.exportButton)
    assert {path.name for path in target.iterdir()} == {"segmentation.dcm", "measurements.dcm"}
    host.click(panel.ui.exportButton)
    assert "exists in that folder" in panel.ui.messageLabel.text


def test_a_bad_folder_is_a_message(host, panel, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    panel.ui.dicomFolderPath.currentPath = str(empty)
    host.click(panel.ui.importButton)
    settled(host, panel)
    assert panel.ui.messageLabel.text
    assert panel.parameters.inputVolume is None


def test_nothing_is_cut_off_at_400_pixels(host, panel, dicom):
    analyzed(host, panel, dicom)
    for name in ("optionsButton", "earlierButton", "setupButton", "logButton"):
        getattr(panel.ui, name).collapsed = False
    assert host.cut_off(slicer.modules.LungPNetWidget) == []
