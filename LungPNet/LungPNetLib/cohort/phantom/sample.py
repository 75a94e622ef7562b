"""The made-up patient that Slicer offers as sample data.

It is made in a process of its own, which has only what Slicer brings: the sample is there before
anything is installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from LungPNetLib.cohort.phantom.patient import make_patient
from LungPNetLib.volume import write_image


def write_sample(path: Path) -> None:
    """Write the CT into a new file and tell standard output, line by line, the share that is done.

    It holds a whole chest and takes a few seconds.
    """

    def tell(fraction: float) -> None:
        sys.stdout.write(f"{fraction:.3f}\n")
        sys.stdout.flush()

    patient = make_patient(7, size=(256, 256, 120), spacing_mm=(1.4, 1.4, 2.5), progress=tell)
    write_image(patient.ct, path)
