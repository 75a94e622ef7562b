"""Slices that lie beside their neighbours because the patient moved or breathed.

Anatomy changes steadily from slice to slice: a point at the border of the lung is in a slice
somewhere between what it is in the slice below and in the slice above. Where it is not, the slice
was moved. Summed along the border of the lungs and divided by its length this gives a displacement
in mm that depends neither on the kernel (values are averaged over 2.5 mm and clipped between air
and water) nor on how fast the anatomy changes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.quality.checks import Check
from LungPNetLib.result import QualityCheck
from LungPNetLib.volume import Volume

FloatArray = npt.NDArray[np.float32]

MAX_DISPLACEMENT_MM = 1.0
"""Mean displacement of the border of the lungs in one slice; resting anatomy stays below 0.3 mm in
slices of 2.5 mm, and a slice shifted by 3 mm sideways exceeds it."""

MIN_SLICES = 20
MAX_SPACING_MM = 5.0
"""Coarser or shorter scans do not tell motion from anatomy."""

SPAN_MM = 5.0
"""Slices are compared with their neighbours and with those 5 mm away: the first sees slices that
jump to and fro, the second packs of slices that moved together."""

CELL_MM = 2.5
BAND_CELLS = 2
"""The border of the lungs is taken as a band of two cells on either side."""

CLIP_HU = (-1000, 0)
"""Ribs, vessels with contrast and metal count as soft tissue."""

DEAD_ZONE_HU = 150.0
"""Deviations that noise alone (about 30 HU a cell with a sharp kernel) produces do not count."""

STEP_HU = 850.0
"""From lung to soft tissue: what a voxel changes by when the border passes over it."""

MIN_BORDER_MM = 100.0
"""Slices with a shorter border (apex, recess) change too fast to be judged."""

_MOTION = Check("motion", "Motion", "mm")


def motion(axial: Volume, labels: Volume) -> QualityCheck:
    """Largest displacement of one slice against its neighbours, in LPS axial order."""
    slices, spacing_mm = axial.shape[0], axial.spacing_mm[2]
    if slices < MIN_SLICES or spacing_mm > MAX_SPACING_MM:
        return _MOTION.not_assessed(
            f"motion shows in at least {MIN_SLICES} slices at most {MAX_SPACING_MM:g} mm apart "
            f"(here {slices}, {spacing_mm:.3g} mm)"
        )
    if not labels.array.any():
        return _MOTION.not_assessed("there are no lungs whose border could move")
    moved_mm = _displacements_mm(axial, labels)
    worst_mm = round(float(moved_mm.max()), 2)
    if worst_mm > MAX_DISPLACEMENT_MM:
        count = int((moved_mm > MAX_DISPLACEMENT_MM).sum())
        return _MOTION.warned(
            worst_mm,
            f"In {count} slice(s) the border of the lungs lies up to {worst_mm:g} mm (on average "
            "over the slice) beside the neighbouring slices: the patient moved or breathed, and "
            "contours, volumes and nodules there are distorted.",
        )
    return _MOTION.passed(
        worst_mm, "The border of the lungs runs smoothly from slice to slice; no motion is seen."
    )


def _displacements_mm(axial: Volume, labels: Volume) -> FloatArray:
    """Mean displacement of the lung border in each slice, shape (slices,); 0 where not judged."""
    factors = [max(1, round(CELL_MM / mm)) for mm in axial.spacing_mm[:2]]
    cell_mm = [f * mm for f, mm in zip(factors, axial.spacing_mm[:2], strict=True)]
    hu, lung = _cells(axial, labels, factors)
    area_mm2 = cell_mm[0] * cell_mm[1]
    border_mm = np.sqrt(area_mm2) * np.array([_border(plane).sum() for plane in lung])
    spans = {1, max(1, round(SPAN_MM / axial.spacing_mm[2]))}
    result = np.zeros(len(hu), np.float32)
    for span in spans:
        for k in range(span, len(hu) - span):
            if border_mm[k] < MIN_BORDER_MM:
                continue
            near = (k - span, k, k + span)
            excess_hu = _outside_neighbours(hu[near[0]], hu[k], hu[near[2]])
            band = _band(lung[list(near)])
            moved_mm = excess_hu[band].sum() / STEP_HU * area_mm2 / border_mm[k]
            result[k] = max(result[k], moved_mm)
    return result


def _cells(
    axial: Volume, labels: Volume, factors: list[int]
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Clipped HU and lung in cells of (factors[1], factors[0]) pixels, slice by slice."""
    across, down = factors
    slices, rows, columns = axial.shape
    size = (slices, rows // down, columns // across)
    hu, lung = np.empty(size, np.float32), np.empty(size, bool)
    for k in range(slices):
        box = (k, slice(size[1] * down), slice(size[2] * across))
        hu[k] = _cell_means(np.clip(axial.array[box], *CLIP_HU), down, across)
        lung[k] = _cell_means(labels.array[box].astype(bool), down, across) > 0.5
    return hu, lung


def _cell_means(plane: npt.NDArray[np.generic], down: int, across: int) -> FloatArray:
    rows, columns = plane.shape
    sums: FloatArray = plane.reshape(rows // down, down, columns).sum(axis=1, dtype=np.float32)
    return sums.reshape(rows // down, columns // across, across).sum(axis=2) / (down * across)


def _outside_neighbours(below: FloatArray, here: FloatArray, above: FloatArray) -> FloatArray:
    """By how many HU ``here`` leaves the range between its neighbours, less the dead zone."""
    low, high = np.minimum(below, above), np.maximum(below, above)
    excess = np.maximum(low - here, here - high) - DEAD_ZONE_HU
    return np.maximum(excess, 0.0)


def _border(plane: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return plane & ~ndimage.binary_erosion(plane)


def _band(planes: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Where the border of the lungs runs in any of the planes."""
    outer = ndimage.binary_dilation(planes.any(axis=0), iterations=BAND_CELLS)
    inner = ndimage.binary_erosion(planes.all(axis=0), iterations=BAND_CELLS)
    band: npt.NDArray[np.bool_] = outer & ~inner
    return band
