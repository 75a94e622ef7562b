"""The made-up patient: made by the worker while Slicer goes on, kept, and cancelled."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import qt
import slicer
from PySide6 import QtWidgets

from LungPNetLib.cohort.phantom import patient as phantom
from LungPNetLib.errors import LungPNetError
from LungPNetLib.slicer_bridge import sample_data
from LungPNetLib.slicer_bridge.sample_data import loadMadeUpPatient

FILE = f"MadeUpPatient-{phantom.GENERATOR_VERSION}.nrrd"


@pytest.fixture
def cache(host, tmp_path, monkeypatch):
    """Slicer's cache, empty; nobody may make a patient in Slicer's own process."""
    manager = slicer.mrmlScene.GetCacheManager()
    before = manager.GetRemoteCacheDirectory()
    manager.SetRemoteCacheDirectory(str(tmp_path))
    monkeypatch.setattr(phantom, "make_patient", None)
    yield tmp_path
    manager.SetRemoteCacheDirectory(before)


@pytest.fixture
def ticks(host):
    """Times at which Slicer had time for something else."""
    times: list[float] = []
    timer = qt.QTimer()
    timer.connect("timeout()", lambda: times.append(time.monotonic()))
    timer.start(20)
    yield times
    timer.stop()


def made_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.name != ".slicer-cache")


def test_slicer_goes_on_and_the_second_time_is_quick(cache, ticks, monkeypatch):
    node = loadMadeUpPatient()
    assert slicer.util.arrayFromVolume(node).shape == (120, 256, 256)
    assert len(ticks) > 20
    assert np.diff(ticks).max() < 1.0
    assert made_in(cache) == [FILE]
    monkeypatch.setattr(sample_data, "_made", None)
    again = loadMadeUpPatient()
    np.testing.assert_array_equal(
        slicer.util.arrayFromVolume(again), slicer.util.arrayFromVolume(node)
    )


def test_cancel_leaves_nothing(host, cache):
    def cancel() -> None:
        (dialog,) = (
            w for w in QtWidgets.QApplication.topLevelWidgets() if isinstance(w, qt.QProgressDialog)
        )
        if dialog.value > 5:
            dialog.findChild(qt.QPushButton).click()

    timer = qt.QTimer()
    timer.connect("timeout()", cancel)
    timer.start(50)
    try:
        assert loadMadeUpPatient() is None
    finally:
        timer.stop()
    assert made_in(cache) == []
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0
    host.process_events()
    assert not [
        w for w in QtWidgets.QApplication.topLevelWidgets() if isinstance(w, qt.QProgressDialog)
    ]


def test_damaged_file_is_made_again(cache):
    (cache / FILE).write_bytes(b"NRRD0004\n")
    assert slicer.util.arrayFromVolume(loadMadeUpPatient()).min() < -900
    assert made_in(cache) == [FILE]


def test_an_error_is_shown_and_leaves_nothing(host, cache, monkeypatch):
    monkeypatch.setattr(sample_data, "_CODE", "raise OSError('no room')")
    with pytest.raises(LungPNetError, match="OSError: no room"):
        loadMadeUpPatient()
    assert "OSError: no room" in str(host.dialogs.take())
    assert made_in(cache) == []


def test_nothing_needs_to_be_installed_for_it():
    """What Slicer 5.12 does not bring, and torch, must not be imported."""
    code = """
import sys
for name in ("torch", "filelock", "platformdirs", "psutil", "tqdm", "matplotlib", "pandas"):
    sys.modules[name] = None
import LungPNetLib.cohort.phantom.sample, LungPNetLib.slicer_bridge.worker_process
"""
    subprocess.run([sys.executable, "-c", code], check=True)
