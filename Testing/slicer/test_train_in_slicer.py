"""Scripts/train.py as `Slicer --no-splash --no-main-window --python-script` runs it.

The file runs in the event loop of a process of its own, which goes on until it is told to end.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from LungPNetLib.cohort.manifest import StudyRow, write_manifest
from LungPNetLib.cohort.phantom.patient import make_patient
from LungPNetLib.volume import write_image

TESTING = Path(__file__).resolve().parents[1]
SCRIPT = TESTING.parent / "LungPNet" / "Scripts" / "train.py"
SLICER = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
import slicerhost
host = slicerhost.start()
import slicer
from PySide6 import QtCore

def run_script():
    sys.argv = sys.argv[3:]
    exec(planted)
    runpy.run_path(sys.argv[0], run_name="__main__")

planted = sys.argv[2]
with host.without_main_window():
    QtCore.QTimer.singleShot(0, run_script)
    status = QtCore.QCoreApplication.exec()
host.stop()
sys.exit(status)
"""
SETTINGS = (
    "trainer.epochs=1", "trainer.steps_per_epoch=2", "trainer.batch_size=2", "trainer.device=cpu",
    "trainer.precision=fp32", "data.image_size=64", "data.validation_fraction=0.34",
)  # fmt: skip


def run(tmp_path, *words, planted=""):
    """Status and standard error; a Slicer that stays open fails the test."""
    done = subprocess.run(
        [sys.executable, "-c", SLICER, str(TESTING), planted, str(SCRIPT), *map(str, words)],
        cwd=tmp_path,
        env={**os.environ, "LUNGPNET_HOME": str(tmp_path / "home"), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stderr


def test_what_is_wrong_with_the_input_is_2(tmp_path):
    status, words = run(tmp_path, "lungs", "--manifest", tmp_path / "none.csv", "--out", "run")
    assert status == 2, words
    assert "none.csv" in words
    assert "Traceback" not in words


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("ZeroDivisionError('planted')", 1),
        ("KeyboardInterrupt()", 130),
        ("SystemExit(4)", 4),
        ("GeneratorExit()", 1),
    ],
)
def test_it_ends_whatever_happens(tmp_path, error, status):
    planted = (
        "from LungPNetLib.training import commands\n"
        f"def fail(_): raise {error}\n"
        "commands.train = fail"
    )
    assert run(tmp_path, "lungs", planted=planted)[0] == status


def test_a_network_is_trained(tmp_path):
    pytest.importorskip("lightning")
    rows = []
    for seed in (11, 12, 13):
        patient = make_patient(seed, size=(80, 80, 24), spacing_mm=(4.5, 4.5, 12.0))
        files = {name: tmp_path / f"{seed}-{name}.nrrd" for name in ("ct", "lungs")}
        for name, path in files.items():
            write_image(getattr(patient, name), path)
        rows.append(StudyRow(f"phantom-{seed}", files))
    write_manifest(tmp_path / "manifest.csv", rows)
    sets = [word for value in SETTINGS for word in ("--set", value)]
    places = ["--out", tmp_path / "run", "--weights-out", tmp_path / "weights"]
    words = ["lungs", "--manifest", tmp_path / "manifest.csv", *places, *sets]
    status, told = run(tmp_path, *words, "--progress", "none")
    assert status == 0, told
    assert list((tmp_path / "weights").glob("*.safetensors"))
