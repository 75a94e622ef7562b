"""Does the scan hold the whole of both lungs?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.quality.checks import Check
from LungPNetLib.result import QualityCheck
from LungPNetLib.volume import Volume

BoolArray = npt.NDArray[np.bool_]

RIGHT, LEFT = 1, 2

MIN_LUNGS_ML = 20.0
"""Less than this of both lungs is a stray pocket of air."""

SPARSE_ML = 200.0
SPARSE_AREA_CM2 = 10.0
"""Less than both, over the length of the scan, is no chest: lungs fill 150 to 250 cm2 of a slice in
adults and still more than 10 cm2 in newborns."""

MIN_SIDE_SHARE = 0.02
"""A lung with less than this share of both counts as missing."""

MAX_CONTACT_CM2 = 1.0
"""Lung may meet the edge of the image over this area (one corner of a rib space) unnoticed."""

MAX_END_AREA_CM2 = 5.0
"""Lung of 5 cm2 in the last slice tapers off within 1 to 2 cm: less than 10 mL were left out."""

END_SLICES = 2
EDGE_PIXELS = 2
"""Label maps may stop short of the border by one voxel, so that many outermost ones are judged."""

TOTAL_ML = (1000.0, 10000.0)
"""Both lungs of an adult from full expiration to full inspiration of a tall person."""

SIDE_RATIO = (0.5, 2.0)
"""Right over left lung; 1.1 to 1.2 is usual, half or double means collapse, effusion, surgery or
a wrong label."""

PADDING_HU = -1500.0
"""Below is padding, whatever the scanner."""

PADDING_SLICES = 64
"""Slices searched for padding, spread evenly."""

_NO_LUNGS = "no lungs were found"

_FOUND = Check("lungs_found", "Lungs found", "mL")
_VIEW = Check("field_of_view", "Lungs in the field of view", "cm2")
_RANGE = Check("scan_range", "Lungs in the scan range", "cm2")
_VOLUME = Check("lung_volume", "Lung volume", "mL")


def lungs_found(labels: Volume) -> QualityCheck:
    """Whether both lungs are there at all."""
    right_ml, left_ml = _volumes_ml(labels)
    total_ml = right_ml + left_ml
    value = round(total_ml, 1)
    if total_ml < MIN_LUNGS_ML:
        return _FOUND.refused(
            value, "No lungs were found in this series, so there is nothing to measure."
        )
    length_mm = labels.shape[0] * labels.spacing_mm[2]
    if total_ml < SPARSE_ML and total_ml / (length_mm / 10) < SPARSE_AREA_CM2:
        return _FOUND.refused(
            value,
            f"Only {total_ml:.0f} mL look like lung in a scan of {length_mm:.0f} mm, so this is "
            "not a chest, or hardly any of it.",
        )
    missing = [
        side
        for side, volume_ml in (("right", right_ml), ("left", left_ml))
        if volume_ml < MIN_SIDE_SHARE * total_ml
    ]
    if missing:
        return _FOUND.warned(
            value,
            f"The {missing[0]} lung was not found (removed, collapsed, filled with fluid, or not "
            "scanned), so results are those of the other side only.",
        )
    return _FOUND.passed(value, "Both lungs were found.")


def field_of_view(axial: Volume, labels: Volume) -> QualityCheck:
    """Area over which lung meets the sides of the image or its padding, in LPS axial order."""
    if not labels.array.any():
        return _VIEW.not_assessed(_NO_LUNGS)
    contact_cm2 = _border_contact_cm2(labels) + _padding_contact_cm2(axial, labels)
    value = round(contact_cm2, 1)
    if value > MAX_CONTACT_CM2:
        return _VIEW.warned(
            value,
            f"The field of view cuts the lungs over {value:g} cm2, so volumes and nodules outside "
            "it are missing.",
        )
    return _VIEW.passed(value, "The field of view holds the whole width of the lungs.")


def scan_range(labels: Volume) -> QualityCheck:
    """Area of lung in the lowest and the highest slices, in LPS axial order."""
    if not labels.array.any():
        return _RANGE.not_assessed(_NO_LUNGS)
    lung = labels.array.astype(bool)
    pixel_cm2 = labels.spacing_mm[0] * labels.spacing_mm[1] / 100.0
    areas = lung.sum(axis=(1, 2)) * pixel_cm2
    bottom, top = float(areas[:END_SLICES].max()), float(areas[-END_SLICES:].max())
    value = round(max(bottom, top), 1)
    ends = [
        f"{name} ({area:.0f} cm2 of lung)"
        for name, area in (("bottom", bottom), ("top", top))
        if area > MAX_END_AREA_CM2
    ]
    if ends:
        return _RANGE.warned(
            value,
            f"The scan cuts the lungs at the {' and the '.join(ends)}, so volumes and densities "
            "are those of the part that was scanned.",
        )
    return _RANGE.passed(value, "The scan reaches beyond the lungs at both ends.")


def lung_volume(labels: Volume, *, scanned_whole: bool) -> QualityCheck:
    """Whether the volumes are possible in an adult; judged only for lungs scanned whole."""
    right_ml, left_ml = _volumes_ml(labels)
    total_ml = right_ml + left_ml
    if not total_ml:
        return _VOLUME.not_assessed(_NO_LUNGS)
    value = round(total_ml, 1)
    both = f"{right_ml:.0f} mL on the right and {left_ml:.0f} mL on the left"
    if not scanned_whole:
        return _VOLUME.passed(value, f"The part of the lungs that was scanned holds {both}.")
    if not TOTAL_ML[0] <= total_ml <= TOTAL_ML[1]:
        return _VOLUME.warned(
            value,
            f"The lungs hold {both}, outside the {TOTAL_ML[0]:.0f} to {TOTAL_ML[1]:.0f} mL of "
            "adults; look at the contours before using any value.",
        )
    if not SIDE_RATIO[0] * left_ml <= right_ml <= SIDE_RATIO[1] * left_ml:
        return _VOLUME.warned(
            value,
            f"The lungs differ by more than a factor of {SIDE_RATIO[1]:g} ({both}): collapse, "
            "effusion or surgery, or a wrong contour; look at the contours.",
        )
    return _VOLUME.passed(value, f"The lungs hold {both}, as adult lungs do.")


def _volumes_ml(labels: Volume) -> tuple[float, float]:
    voxel_ml = labels.voxel_volume_ml
    right, left = (int((labels.array == side).sum()) for side in (RIGHT, LEFT))
    return right * voxel_ml, left * voxel_ml


def _border_contact_cm2(labels: Volume) -> float:
    width_mm, height_mm, depth_mm = labels.spacing_mm
    array = labels.array
    edge = EDGE_PIXELS
    rows = array[:, :edge].any(axis=1).sum() + array[:, -edge:].any(axis=1).sum()
    columns = array[:, :, :edge].any(axis=2).sum() + array[:, :, -edge:].any(axis=2).sum()
    return float(rows * width_mm + columns * height_mm) * depth_mm / 100.0


def _padding_contact_cm2(axial: Volume, labels: Volume) -> float:
    slices = axial.shape[0]
    count = min(PADDING_SLICES, slices)
    chosen = ((np.arange(count) + 0.5) * slices / count).astype(int)
    width_mm, height_mm, depth_mm = axial.spacing_mm
    faces_mm = 0.0
    for k in chosen:
        lung = labels.array[k].astype(bool)
        padding = _padding(axial.array[k]) if lung.any() else None
        if padding is None or not padding.any():
            continue
        near = ndimage.binary_dilation(padding, iterations=EDGE_PIXELS)
        faces_mm += height_mm * _faces(lung, near) + width_mm * _faces(lung.T, near.T)
    return faces_mm * depth_mm * slices / count / 100.0


def _padding(plane: npt.NDArray[Any]) -> BoolArray:
    """Pixels that were never measured: very low, or one value that fills the corners."""
    padding: BoolArray = plane < PADDING_HU
    corners = np.stack(
        [plane[i : i + 3 or None, j : j + 3 or None] for i in (0, -3) for j in (0, -3)]
    )
    value = corners.flat[0]
    if padding.any() or (corners != value).any():
        return padding
    parts, _ = ndimage.label(plane == value)
    height, width = plane.shape
    touching = {int(parts[i, j]) for i in (0, height - 1) for j in (0, width - 1)}
    return np.isin(parts, list(touching))


def _faces(lung: BoolArray, padding: BoolArray) -> int:
    """Pixel sides along a row that have lung on one hand and padding on the other."""
    before = lung[:, :-1] & ~padding[:, :-1] & padding[:, 1:]
    after = lung[:, 1:] & ~padding[:, 1:] & padding[:, :-1]
    return int(before.sum() + after.sum())
