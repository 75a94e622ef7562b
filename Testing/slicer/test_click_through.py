"""The way of a radiologist through the panel LungPNet, on a real patient where one is at hand."""

import importlib
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import psutil
import pydicom
import pytest
import slicer
import vtk
from lungsegment_clicks import click_cell
from nodule_clicks import viewed_ras
from panel_clicks import (
    ROOT,
    analyze,
    analyzed_by_command,
    cancelled,
    imported,
    open_panel,
    write_made_up_patient,
)

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.reading import read_study
from LungPNetLib.slicer_bridge.hierarchy import acquisitionOf, itemOf, patientOf
from LungPNetLib.slicer_bridge.results import findResult
from LungPNetLib.slicer_bridge.segmentations import labelsOnVolume
from LungPNetLib.slicer_bridge.session import workerSession
from LungPNetLib.slicer_bridge.volumes import volumeFromNode
from LungPNetLib.volume import read_image


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    return write_made_up_patient(tmp_path_factory.mktemp("patient"))


@pytest.fixture(scope="module")
def patient(request):
    """DICOM folder of the CT of lidc-0001; of a made-up patient where that is absent."""
    data = Path(os.environ.get("LUNGPNET_TEST_DATA", ROOT.parent / "shared" / "data"))
    real = data / "lidc-0001" / "ct"
    return real if real.is_dir() else request.getfixturevalue("made_up")


@pytest.fixture
def own_session(tmp_path, monkeypatch):
    """A worker that only this test uses, with its folders in ``home`` and ``temporary``."""
    for variable, name in (("LUNGPNET_HOME", "home"), ("TMPDIR", "temporary")):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    workerSession.cache_clear()
    yield workerSession()
    workerSession().runner.close()
    workerSession.cache_clear()


def test_a_patient_from_the_folder_to_an_earlier_result(host, patient, tmp_path):
    """Import, cancel, error, Analyze, lungs, scene saved and reopened, result loaded back."""
    by_command = analyzed_by_command(patient, tmp_path / "by-command", "network")
    results = tmp_path / "results"
    results.mkdir()
    panel = open_panel(host, results)

    volume = imported(host, panel, patient)
    assert_is_the_ct(volume, patient)

    cancelled(host, panel, lambda: panel.ui.progressBar.value > 0)
    assert "cancelled" in panel.ui.messageLabel.text
    assert list(results.iterdir()) == []

    panel.ui.outputFolderPath.currentPath = str(by_command / "result.json")
    analyze(host, panel, "network")
    assert "Cannot write into" in panel.ui.messageLabel.text
    assert findResult(volume).qualityTable is None

    panel.ui.outputFolderPath.currentPath = str(results)
    analyze(host, panel, "network")
    assert panel.ui.messageLabel.text.startswith("Done in")
    assert_shows(panel, volume, by_command)
    assert_lungs_move_the_views(host, panel, volume)

    host.save_scene(tmp_path / "scene.mrb")
    host.close_scene()
    assert panel.ui.verdictLabel.text == "The CT has not been analyzed yet."
    host.open_scene(tmp_path / "scene.mrb")
    assert_shows(panel, panel.parameters.inputVolume, by_command)

    host.close_scene()
    volume = imported(host, panel, patient)
    assert findResult(volume).segmentation is None
    panel.ui.earlierButton.collapsed = False
    panel.ui.resultFolderPath.currentPath = str(by_command)
    host.click(panel.ui.openResultButton)
    assert findResult(volume).folder == by_command
    assert_shows(panel, volume, by_command)


def assert_is_the_ct(volume, dicom):
    """The voxels, where the files say, under the patient and the study of the files."""
    study = read_study(dicom)
    shown = volumeFromNode(volume)
    np.testing.assert_array_equal(shown.array, study.ct.array)
    assert shown.same_grid_as(study.ct)
    assert patientOf(volume) == study.patient
    assert acquisitionOf(volume).study_uid == study.acquisition.study_uid


def assert_shows(panel, volume, by_command):
    """The scene and the panel show what the command line has written."""
    found = findResult(volume)
    lungs = labelsOnVolume(found.segmentation, volume, LUNG_SEGMENTS)
    expected = read_image(by_command / "lungs.nrrd")
    np.testing.assert_array_equal(lungs.array, expected.array)
    assert lungs.same_grid_as(expected)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    study = hierarchy.GetItemParent(itemOf(volume))
    assert hierarchy.GetItemParent(itemOf(found.segmentation)) == study

    assert {path.name for path in found.folder.iterdir()} == {p.name for p in by_command.iterdir()}
    result = json.loads((by_command / "result.json").read_text())
    volumes_ml = [row["volume_ml"] for row in result["lungs"]["measurements"]]
    table = panel.ui.lungTable
    assert table.isVisibleTo(table.window())
    shown_ml = [table.item(0, column).text() for column in range(1, table.columnCount)]
    assert shown_ml == [f"{volume_ml:.0f}" for volume_ml in volumes_ml]
    assert_surfaces_enclose(found.segmentation, volumes_ml[:2])
    assert panel.ui.qualityTable.rowCount == len(result["quality"]["checks"])
    assert "checks" in panel.ui.verdictLabel.text
    for button in (panel.ui.openReportButton, panel.ui.exportButton, panel.ui.acceptButton):
        assert button.enabled


def assert_surfaces_enclose(segmentation, volumes_ml):
    """Each lung has its code, and in 3-D its closed surface."""
    ids = segmentation.GetSegmentation().GetSegmentIDs()
    for segment_id, spec, volume_ml in zip(ids, LUNG_SEGMENTS, volumes_ml, strict=True):
        segment = segmentation.GetSegmentation().GetSegment(segment_id)
        assert f"~SCT^{spec.type_code.value}^" in segment.GetTerminology()
        surface = vtk.vtkPolyData()
        segmentation.GetClosedSurfaceRepresentation(segment_id, surface)
        mass = vtk.vtkMassProperties()
        mass.SetInputData(surface)
        assert mass.GetVolume() / 1000 == pytest.approx(volume_ml, rel=0.05)


def assert_lungs_move_the_views(host, panel, volume):
    segmentation = findResult(volume).segmentation
    spacing_mm = max(volumeFromNode(volume).spacing_mm)
    for side, segment_id in enumerate(segmentation.GetSegmentation().GetSegmentIDs()):
        click_cell(host, panel.ui.lungTable, 0, side + 1)
        centre = segmentation.GetSegmentCenterRAS(segment_id)
        assert viewed_ras() == pytest.approx(centre, abs=spacing_mm)


def test_ten_rounds_of_analyze_and_cancel_leave_nothing(host, own_session, made_up, tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    others = set(psutil.Process().children(recursive=True))
    panel = open_panel(host, results)
    imported(host, panel, made_up)
    memory_mib = {}
    # A stage may be over before anyone has looked, so the next ones count too.
    before_lungs = {"Starting...", "Reading the CT", "Checking the quality"}
    for not_yet in ({"Starting..."}, before_lungs) * 5:
        cancelled(host, panel, lambda stages=not_yet: panel.ui.stageLabel.text not in stages)
        assert "cancelled" in panel.ui.messageLabel.text
        assert list(results.iterdir()) == []
        # A worker that did not stop within a second was ended; the next round starts another one.
        for pid in filter(None, (os.getpid(), own_session.runner.pid)):
            memory_mib.setdefault(pid, []).append(psutil.Process(pid).memory_info().rss / 2**20)
    grown_mib = {pid: used[-1] - used[:3][-1] for pid, used in memory_mib.items()}
    assert max(grown_mib.values()) < 50

    analyze(host, panel)
    assert panel.ui.messageLabel.text.startswith("Done in")
    own_session.runner.close()
    assert set(psutil.Process().children(recursive=True)) - others == set()
    assert list((tmp_path / "home" / "cache" / "worker").iterdir()) == []
    assert list((tmp_path / "temporary").iterdir()) == []


# Slicer's DICOM database


def test_import_makes_the_files_known_to_slicers_database(host, made_up, tmp_path):
    with host.dicom_database() as database:
        panel = open_panel(host, tmp_path)
        volume = imported(host, panel, made_up)
        assert panel.ui.messageLabel.text == "The CT is loaded."
        assert_is_the_ct(volume, made_up)
        for path in made_up.iterdir():
            uid = pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID
            assert database.fileForInstance(uid) == str(path)


def test_database_that_nobody_has_opened_yet_is_left_alone(host, made_up, tmp_path):
    with host.dicom_database() as database:
        database.isOpen = False
        panel = open_panel(host, tmp_path)
        imported(host, panel, made_up)
        assert panel.ui.messageLabel.text == "The CT is loaded."


def test_database_that_fails_is_said(host, made_up, tmp_path, monkeypatch):
    with host.dicom_database():
        monkeypatch.setattr("DICOMLib.DICOMUtils.importDicom", lambda *_: False)
        panel = open_panel(host, tmp_path)
        imported(host, panel, made_up)
        assert "database could not take the folder" in panel.ui.messageLabel.text


def test_ct_that_slicer_has_loaded_is_analyzed_from_its_files(host, made_up, tmp_path):
    """Volumes of the module DICOM know their instances, and the database knows the files."""
    by_command = analyzed_by_command(made_up, tmp_path / "by-command", "classical")
    files = sorted(made_up.iterdir())
    with host.dicom_database() as database:
        importlib.import_module("DICOMLib").DICOMUtils.importDicom(str(made_up), database)
        volume = slicer.util.loadVolume(str(files[0]))
        uids = [pydicom.dcmread(path).SOPInstanceUID for path in files]
        volume.SetAttribute("DICOM.instanceUIDs", " ".join(uids))
        (tmp_path / "results").mkdir()
        panel = open_panel(host, tmp_path / "results")
        host.choose(panel.ui.inputVolumeSelector, volume)
        analyze(host, panel)
        assert panel.ui.messageLabel.text.startswith("Done in")
        assert_shows(panel, volume, by_command)
