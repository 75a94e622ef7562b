"""The button "Find nodules" of the panel LungSegment, with a worker in a process of its own."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import qt
import slicer
from bridge_scene import add_ct
from lungsegment_clicks import add_lungs, new_computer, open_module
from nodule_results import NoduleResult, made_ct, made_lungs, statuses_in
from panel_clicks import ROOT, open_panel, settled
from test_nodule_section import NUMBER, click_row, column, slide

from dicom_factory import write_series
from LungPNetLib.dicom.acceptance import is_accepted, measurement_groups
from LungPNetLib.events import Reporter
from LungPNetLib.pipeline import STAGES, Analysis, AnalyzeOptions, save
from LungPNetLib.reading import read_study
from LungPNetLib.slicer_bridge.nodule_nodes import nodulesOf
from LungPNetLib.slicer_bridge.nodule_outlines import noduleSegmentation
from LungPNetLib.slicer_bridge.open_result import openResult
from LungPNetLib.slicer_bridge.process_runner import ProcessRunner
from LungPNetLib.slicer_bridge.results import FOLDER
from LungPNetLib.slicer_bridge.session import WorkerSession
from LungPNetLib.slicer_bridge.worker_process import findPython, workerCommand

NETWORKS = (
    f"sys.path.append({str(Path(__file__).parent)!r}); "
    "import nodule_networks; nodule_networks.install()"
)


@pytest.fixture(scope="module", autouse=True)
def computer(tmp_path_factory):
    with new_computer(tmp_path_factory.mktemp("home")):
        yield


@pytest.fixture
def volume(host):
    return add_ct(made_ct())


@pytest.fixture
def lungs(volume):
    return add_lungs(volume, made_lungs(made_ct()), "lungs by hand")


@pytest.fixture(scope="module")
def session():
    """A worker whose networks are stand-ins."""
    *start, code, folder = workerCommand(findPython())
    code = code.replace("from LungPNetLib", f"{NETWORKS}; from LungPNetLib")
    session = WorkerSession(
        lambda log: ProcessRunner([*start, code, folder], qt.QTimer(), onLog=log)
    )
    yield session
    session.runner.close()


@pytest.fixture
def panel(host, lungs, session, monkeypatch):
    """Of a CT with lungs."""
    panel = open_module(host).panel
    host.choose(panel.ui.lungsSelector, lungs)
    monkeypatch.setattr(panel.runArea, "_makeSession", lambda: session)
    return panel


def search(host, panel):
    host.click(panel.ui.findNodulesButton)
    settled(host, panel)


def test_the_lungs_come_first(host, volume):
    ui = open_module(host).panel.ui
    assert not ui.findNodulesButton.enabled
    assert ui.findNodulesButton.toolTip == "Find the lungs first"


def test_what_is_found_is_measured_and_listed(host, panel, volume):
    search(host, panel)
    assert panel.ui.messageLabel.text.endswith("These are no networks.")
    assert column(panel, NUMBER) == ["1", "2"]
    first, *others = nodulesOf(volume)
    assert first.measurements.long_axis_mm == pytest.approx(34.0, abs=1.0)
    assert first.measurements.side == "left"
    assert len(others) == 3
    panel.ui.rateSlider.value = 1
    assert column(panel, NUMBER) == ["1", "2", "3", "4"]
    assert "Report" not in panel.ui.sensitivityLabel.text, "there is none"


def test_a_search_takes_the_place_of_a_result_and_leaves_its_folder_alone(
    host, panel, volume, tmp_path
):
    folder = NoduleResult(made_ct()).write(tmp_path / "result")
    openResult(folder, volume)
    search(host, panel)
    assert noduleSegmentation(volume).GetAttribute(FOLDER) is None
    click_row(host, panel, 1)
    host.click(panel.ui.rejectNoduleButton)
    assert statuses_in(folder) == ["open"] * 4


def test_it_can_be_cancelled(host, panel, volume):
    host.click(panel.ui.findNodulesButton)
    host.wait_until(lambda: panel.ui.progressBar.value > 5, "some progress", 60.0)
    assert panel.ui.stageLabel.text == "Finding the nodules"
    host.click(panel.ui.cancelButton)
    settled(host, panel)
    assert "cancelled" in panel.ui.messageLabel.text
    assert nodulesOf(volume) == []
    assert panel.ui.findNodulesButton.enabled


def test_a_ct_that_is_gone_takes_its_result_along(host, panel, volume):
    host.click(panel.ui.findNodulesButton)
    slicer.mrmlScene.RemoveNode(volume)
    settled(host, panel)
    assert "no longer in the scene" in panel.ui.messageLabel.text


@pytest.fixture(scope="module")
def analyzed(tmp_path_factory):
    """A result with DICOM objects, as the pipeline writes it, and the CT that it is of."""
    top = tmp_path_factory.mktemp("dicom")
    ct = made_ct()
    places = [ct.index_to_world((0, 0, slice_number)) for slice_number in range(ct.shape[0])]
    write_series(top / "ct", ct.array, positions=np.array(places), pixel_mm=ct.spacing_mm[:2])
    study = read_study(top / "ct")
    made = NoduleResult(study.ct, series_uid=study.acquisition.series_uid)
    result = made.study_result()
    analysis = Analysis(study, result, made_lungs(study.ct), made.labels)
    (top / "result").mkdir()
    options = AnalyzeOptions(stages=tuple(stage for stage in STAGES if stage != "report"))
    save(analysis, top / "result", options, Reporter())
    assert result.not_written == {}
    return study.ct, top / "result"


def opened(host, analyzed, tmp_path):
    """The panel LungPNet with that result; returns panel, CT and folder."""
    ct, kept = analyzed
    folder = shutil.copytree(kept, tmp_path / "result")
    node = add_ct(ct)
    panel = open_panel(host, tmp_path)
    host.load(ROOT / "LungSegment" / "LungSegment.py")
    openResult(folder, node)
    panel.parameters.inputVolume = node
    panel.resultSection.show(node)
    panel.ui.observerEdit.text, panel.ui.organizationEdit.text = "Reader^Rita", "Hospital"
    return panel, node, folder


def decide(host, number, button):
    """In the panel LungSegment; then back."""
    panel = host.open("LungSegment").panel
    slide(host, panel, 1.0)
    click_row(host, panel, number)
    host.click(getattr(panel.ui, f"{button}NoduleButton"))
    return host.open("LungPNet").panel


def test_rejected_nodules_are_left_out_of_the_accepted_report(host, analyzed, tmp_path):
    _panel, _node, folder = opened(host, analyzed, tmp_path)
    report = folder / "measurements.dcm"
    assert {"Nodule 1", "Mass 2"} <= set(measurement_groups(report))
    panel = decide(host, 1, "reject")
    host.click(panel.ui.acceptButton)
    assert "left out of the DICOM report: 1." in panel.ui.messageLabel.text
    assert is_accepted(report)
    assert "Nodule 1" not in measurement_groups(report)
    assert "Mass 2" in measurement_groups(report)


def test_a_changed_outline_is_not_accepted(host, analyzed, tmp_path):
    panel, node, folder = opened(host, analyzed, tmp_path)
    segmentation = noduleSegmentation(node)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "N1", node)
    array[: array.shape[0] // 2 + 2] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, "N1", node)
    host.click(panel.ui.acceptButton)
    assert "The outline of Nodule 1 was changed" in panel.ui.messageLabel.text
    panel = decide(host, 2, "accept")
    host.click(panel.ui.acceptButton)
    assert "The outline of Nodule 1 was changed" in panel.ui.messageLabel.text, "measured again"
    assert not is_accepted(folder / "measurements.dcm")
    panel = decide(host, 1, "reject")
    host.click(panel.ui.acceptButton)
    assert is_accepted(folder / "measurements.dcm")


def test_nodules_of_another_search_are_not_accepted(host, analyzed, tmp_path):
    panel, node, _folder = opened(host, analyzed, tmp_path)
    noduleSegmentation(node).SetAttribute("LungPNet.Started", None)
    host.click(panel.ui.acceptButton)
    assert "come from another search" in panel.ui.messageLabel.text
