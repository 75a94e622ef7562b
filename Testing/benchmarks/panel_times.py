"""Time from the click on Analyze in the panel LungPNet to the result in the scene.

Run with ``make benchmark``. Cold: the click starts the worker, which loads the model; warm: the
same click once more. Both include the surfaces in 3-D and all files of the result.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from LungPNetLib.cohort.dicom_writer import write_ct_series
from LungPNetLib.cohort.phantom.patient import make_patient

TESTING = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("LUNGPNET_TEST_DATA", TESTING.parents[1] / "shared" / "data"))
sys.path.insert(0, str(TESTING))
sys.path.insert(0, str(TESTING / "slicer"))

import slicerhost  # noqa: E402

host = slicerhost.start()

from panel_clicks import METHODS, analyze, imported, open_panel  # noqa: E402

from LungPNetLib.slicer_bridge.session import workerSession  # noqa: E402


def measure(name: str, dicom: Path, results: Path) -> None:
    results.mkdir()
    panel = open_panel(host, results)
    started = time.perf_counter()
    imported(host, panel, dicom)
    texts = [f"import {time.perf_counter() - started:5.1f} s"]
    for method in METHODS:
        workerSession().runner.close()
        for state in ("cold", "warm"):
            started = time.perf_counter()
            analyze(host, panel, method)
            assert panel.ui.messageLabel.text.startswith("Done in"), panel.ui.messageLabel.text
            texts.append(f"{method} {state} {time.perf_counter() - started:5.1f} s")
    sys.stdout.write(f"{name:<30} {', '.join(texts)}\n")
    sys.stdout.flush()
    host.reset()


def main() -> None:
    sys.stdout.write(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["LUNGPNET_HOME"] = str(folder / "home")
        write_ct_series(make_patient(7).ct, folder / "ct")
        measure("made-up patient", folder / "ct", folder / "made-up")
        if (DATA / "lidc-0001").is_dir():
            measure("lidc-0001 (512x512x111)", DATA / "lidc-0001" / "ct", folder / "real")
        else:
            sys.stdout.write(f"no real data at {DATA} (set LUNGPNET_TEST_DATA)\n")
        workerSession().runner.close()


if __name__ == "__main__":
    main()
