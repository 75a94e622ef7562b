"""What a person does in the panel LungPNet, and what the command line makes of the same patient."""

import subprocess
import sys
from pathlib import Path

from PySide6 import QtTest

from LungPNetLib.cohort.dicom_writer import write_patient
from LungPNetLib.cohort.phantom.patient import make_patient

ROOT = Path(__file__).parents[2]
WAIT_S = 300.0
"""Far more than anything takes on two busy cores."""
METHODS = {"network": "Neural network", "classical": "Thresholds and morphology"}


def write_made_up_patient(folder: Path) -> Path:
    """A made-up patient as DICOM files; returns the folder of the CT."""
    patient = make_patient(5, size=(160, 160, 50), spacing_mm=(2.1, 2.1, 6.0))
    write_patient(patient, folder)
    return folder / "ct"


def analyzed_by_command(dicom: Path, out: Path, method: str) -> Path:
    """Result folder of the command line."""
    words = ["analyze", str(dicom), "--out", str(out), "--method", method, "--progress", "none"]
    subprocess.run(
        [sys.executable, "-m", "LungPNetLib.cli", *words], check=True, capture_output=True
    )
    return out


def open_panel(host, results: Path):
    """The panel, which will put its results into the folder ``results``."""
    host.load(ROOT / "LungPNet" / "LungPNet.py")
    panel = host.open("LungPNet").panel
    panel.ui.outputFolderPath.currentPath = str(results)
    return panel


def settled(host, panel):
    host.wait_until(lambda: not panel.runArea.isBusy, "the worker", WAIT_S)


def imported(host, panel, dicom):
    """Import a folder; returns the volume that is chosen then."""
    panel.ui.dicomFolderPath.currentPath = str(dicom)
    host.click(panel.ui.importButton)
    settled(host, panel)
    assert panel.parameters.inputVolume is not None, panel.ui.messageLabel.text
    return panel.parameters.inputVolume


def analyze(host, panel, method="classical"):
    """Analyze the chosen volume."""
    host.choose(panel.ui.methodComboBox, METHODS[method])
    host.click(panel.ui.analyzeButton)
    settled(host, panel)


def analyzed(host, panel, dicom):
    """Import a folder and analyze it; returns its volume."""
    volume = imported(host, panel, dicom)
    analyze(host, panel)
    return volume


def cancelled(host, panel, has_begun):
    """Analyze, and cancel as soon as ``has_begun()``."""
    host.click(panel.ui.analyzeButton)
    host.wait_until(lambda: has_begun() or not panel.runArea.isBusy, "some progress", WAIT_S)
    assert panel.runArea.isBusy, f"ended before it was cancelled: {panel.ui.messageLabel.text}"
    host.click(panel.ui.cancelButton)
    settled(host, panel)


def type_into(host, edit, text):
    """Replace the text of a line, key by key."""
    edit.window().show()
    edit.clear()
    QtTest.QTest.keyClicks(edit, text)
    host.process_events()


def opened(host, section):
    """Open a section of the panel with the mouse, if it is closed."""
    if section.collapsed:
        host.click(section)
    assert not section.collapsed
