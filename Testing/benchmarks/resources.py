"""Time and memory of the whole command, and where the time goes.

Run with ``make benchmark``. Each row is one ``lungpnet analyze`` in a process of its own, from
DICOM files to the report; memory is that process's largest resident set.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from LungPNetLib.cohort.dicom_writer import write_ct_series
from LungPNetLib.cohort.phantom.patient import make_patient

DATA = Path(
    os.environ.get("LUNGPNET_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)


def measure(name: str, source: Path, out: Path) -> None:
    command = [sys.executable, "-m", "LungPNetLib.cli", "analyze", str(source), "--out", str(out)]
    started = time.perf_counter()
    subprocess.run([*command, "--progress", "none"], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    run = json.loads((out / "result.json").read_text())["run"]
    events = [json.loads(line) for line in (out / "run.jsonl").read_text().splitlines()]
    stages = {e["stage"]: e["seconds"] for e in events if e["event"] == "stage_finished"}
    shares = ", ".join(f"{stage} {value:.1f}" for stage, value in stages.items())
    sys.stdout.write(
        f"{name:<36} {seconds:6.1f} s {run['peak_memory_mib'] / 1024:6.2f} GiB   {shares}\n"
    )
    sys.stdout.flush()


def main() -> None:
    sys.stdout.write(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if (DATA / "lidc-0001").is_dir():
            measure("lidc-0001 (512x512x111)", DATA / "lidc-0001" / "ct", folder / "real")
        else:
            sys.stdout.write(f"no real data at {DATA} (set LUNGPNET_TEST_DATA)\n")
        for n, thickness in ((120, 2.5), (600, 0.5)):
            patient = make_patient(7, size=(512, 512, n), spacing_mm=(0.7, 0.7, thickness))
            write_ct_series(patient.ct, folder / f"ct{n}")
            del patient
            measure(f"made-up patient (512x512x{n})", folder / f"ct{n}", folder / f"out{n}")


if __name__ == "__main__":
    main()
