"""Checks of the layout of the slices: length, thickness, spacing, gaps, tilt, pixel size."""

from __future__ import annotations

from LungPNetLib.quality.checks import Check
from LungPNetLib.result import QualityCheck
from LungPNetLib.study import SliceGeometry, Study
from LungPNetLib.volume import Volume

MIN_SLICES = 3
"""A slice needs a neighbour on either side before anything in it has a volume."""

MIN_LENGTH_MM = 200.0
"""Adult lungs are 20 to 30 cm long from apex to costophrenic recess."""

DENSITY_THICKNESS_MM = 1.5
"""Up to here LAA-950 keeps its meaning: it falls as sections get thicker (Gierada et al., Acad
Radiol 2010;17:146). The Fleischner Society 2017 asks for the same for small nodules."""

NODULE_THICKNESS_MM = 2.5
"""The thickest section that lung cancer screening accepts (ACR-STR practice parameter)."""

MAX_SPACING_MM = 10.0
"""Slices further apart sample the lungs instead of imaging them (old high-resolution protocols)."""

CONTIGUITY = 1.05
"""Spacing may exceed the stated thickness by this factor (tags are rounded) without a gap."""

IRREGULAR_FRACTION = 0.1
"""Slice distances that differ by more than this fraction make volumes wrong by as much, locally."""

TILT_TOLERANCE_DEG = 0.1
"""A tilt of 0.1 degrees moves the ends of a 300 mm long scan by half a millimetre: one pixel."""

MAX_PIXEL_MM = 1.0
"""A 512 matrix over the largest common field of view (500 mm) has pixels of 0.98 mm."""

_LENGTH = Check("scan_length", "Scan length", "mm")
_THICKNESS = Check("slice_thickness", "Slice thickness", "mm")
_SPACING = Check("slice_spacing", "Slice spacing", "mm")
_MISSING = Check("missing_slices", "Missing slices")
_REGULARITY = Check("slice_regularity", "Slice regularity", "mm")
_DUPLICATES = Check("duplicate_slices", "Duplicate slices")
_TILT = Check("gantry_tilt", "Gantry tilt", "degrees")
_PIXEL = Check("pixel_size", "Pixel size", "mm")


def scan_length(axial: Volume) -> QualityCheck:
    """Length of the scan along the patient, from the volume in LPS axial order."""
    slices = axial.shape[0]
    length_mm = round(slices * axial.spacing_mm[2], 1)
    if slices < MIN_SLICES:
        return _LENGTH.refused(
            length_mm,
            f"With {slices} axial slice(s) nothing has a volume; at least {MIN_SLICES} are needed.",
        )
    if length_mm < MIN_LENGTH_MM:
        return _LENGTH.warned(
            length_mm,
            f"The {slices} slices cover {length_mm:g} mm, less than the length of adult lungs "
            f"({MIN_LENGTH_MM:g} mm and more), so volumes may be those of a part only.",
        )
    return _LENGTH.passed(
        length_mm, f"The {slices} slices cover {length_mm:g} mm, enough for whole lungs."
    )


def slice_thickness(study: Study) -> QualityCheck:
    """Thickness of the sections, or their spacing where no thickness is stated."""
    stated = study.acquisition.slice_thickness_mm
    if stated is None or stated <= 0:
        thickness_mm = round(study.geometry.slice_spacing_mm, 3)
        what = f"The thickness is not stated; going by the slice spacing of {thickness_mm:g} mm"
    else:
        thickness_mm = round(stated, 3)
        what = f"Going by the slice thickness of {thickness_mm:g} mm"
    if thickness_mm <= DENSITY_THICKNESS_MM:
        return _THICKNESS.passed(
            thickness_mm, f"{what}, the sections are thin enough for nodules and for lung density."
        )
    density = f"LAA-950 reads lower than at {DENSITY_THICKNESS_MM:g} mm or less"
    if thickness_mm <= NODULE_THICKNESS_MM:
        return _THICKNESS.warned(
            thickness_mm, f"{what}, the sections will do for nodules, but {density}."
        )
    return _THICKNESS.warned(
        thickness_mm,
        f"{what}, the sections are thicker than the {NODULE_THICKNESS_MM:g} mm accepted for "
        f"nodules: small nodules can be missed, volumes of nodules are coarse, and {density}.",
    )


def slice_spacing(study: Study) -> QualityCheck:
    """Measured distance of the slices against their stated thickness: overlap or gap."""
    spacing_mm = round(study.geometry.slice_spacing_mm, 3)
    stated = study.acquisition.slice_thickness_mm
    if spacing_mm > MAX_SPACING_MM:
        return _SPACING.refused(
            spacing_mm,
            f"Slices {spacing_mm:g} mm apart (at most {MAX_SPACING_MM:g} mm are accepted) are "
            "samples of the lungs from which no volume can be built.",
        )
    if stated is None or stated <= 0:
        return _SPACING.passed(
            spacing_mm,
            f"Slices are {spacing_mm:g} mm apart; the thickness is not stated, so gaps or overlap "
            "between them are unknown.",
        )
    if spacing_mm > CONTIGUITY * stated:
        gap_mm = spacing_mm - stated
        return _SPACING.warned(
            spacing_mm,
            f"Slices of {stated:g} mm every {spacing_mm:g} mm leave {gap_mm:.3g} mm between them "
            f"that nobody imaged ({100 * gap_mm / spacing_mm:.0f} % of the lung): small nodules "
            "can be missed, and volumes are interpolated.",
        )
    overlap = 100 * (1 - spacing_mm / stated)
    fit = f"overlap by {overlap:.0f} %" if stated > CONTIGUITY * spacing_mm else "are contiguous"
    return _SPACING.passed(
        spacing_mm,
        f"Slices of {stated:g} mm every {spacing_mm:g} mm {fit}, so no tissue was left out.",
    )


def missing_slices(geometry: SliceGeometry) -> QualityCheck:
    """Slices that were never there and had to be interpolated."""
    missing = sum(gap.missing for gap in geometry.gaps)
    if not missing:
        return _MISSING.passed(0, "No slice is missing between the first and the last.")
    widest_mm = max(gap.distance_mm for gap in geometry.gaps)
    return _MISSING.warned(
        missing,
        f"{missing} slice(s) are missing at {len(geometry.gaps)} place(s) (widest gap "
        f"{widest_mm:g} mm) and were filled by interpolation, so what is shown there was never "
        "imaged.",
    )


def slice_regularity(geometry: SliceGeometry) -> QualityCheck:
    """Largest deviation of a slice distance from the usual one, gaps left out."""
    deviation_mm = round(geometry.irregular_mm, 3)
    limit_mm = IRREGULAR_FRACTION * geometry.slice_spacing_mm
    if deviation_mm > limit_mm:
        return _REGULARITY.warned(
            deviation_mm,
            f"Slice distances differ by up to {deviation_mm:g} mm from the usual "
            f"{geometry.slice_spacing_mm:.3g} mm; the slices were resampled to even distances, "
            "which blurs them a little.",
        )
    return _REGULARITY.passed(
        deviation_mm, "The slices are evenly spaced, so lengths and volumes along the body hold."
    )


def duplicate_slices(geometry: SliceGeometry) -> QualityCheck:
    """Identical copies that the reader left out."""
    copies = geometry.duplicates_dropped
    if not copies:
        return _DUPLICATES.passed(0, "Every slice is there once.")
    return _DUPLICATES.warned(
        copies,
        f"{copies} identical copies of slices were ignored; the images are whole, but the export "
        "that produced the copies deserves a look.",
    )


def gantry_tilt(geometry: SliceGeometry) -> QualityCheck:
    """Angle by which the stack of slices leans."""
    tilt_deg = round(geometry.tilt_deg, 2)
    if abs(tilt_deg) > TILT_TOLERANCE_DEG:
        return _TILT.warned(
            tilt_deg,
            f"The gantry was tilted by {tilt_deg:g} degrees and the images were resampled upright, "
            "which blurs fine detail a little and lowers the noise.",
        )
    return _TILT.passed(tilt_deg, "The slices stand upright on the axis of the scan.")


def pixel_size(axial: Volume) -> QualityCheck:
    """Larger side of a pixel of an axial slice."""
    size_mm = round(max(axial.spacing_mm[:2]), 3)
    if size_mm > MAX_PIXEL_MM:
        return _PIXEL.warned(
            size_mm,
            f"Pixels of {size_mm:g} mm are coarser than a diagnostic CT of the chest "
            f"({MAX_PIXEL_MM:g} mm or less): borders and small nodules are blurred.",
        )
    return _PIXEL.passed(size_mm, f"Pixels of {size_mm:g} mm resolve small nodules.")
