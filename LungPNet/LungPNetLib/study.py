"""One patient's examination as the rest of the package sees it, wherever it was read from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from LungPNetLib.volume import Triplet, Volume

InputFormat: TypeAlias = Literal["dicom", "nifti", "nrrd", "metaimage"]


@dataclass(frozen=True)
class Patient:
    """Identity as the source states it; goes onto report and DICOM objects, never into a log.

    Empty strings where the source is silent. ``name`` is the DICOM person name in its raw form
    (``Family^Given``, with ideographic and phonetic groups after ``=``); dates are ``YYYYMMDD``.
    """

    name: str = ""
    patient_id: str = ""
    birth_date: str = ""
    sex: str = ""


@dataclass(frozen=True)
class Acquisition:
    """How the CT was made, from its DICOM tags; None or empty where the tag is absent."""

    study_uid: str = ""
    series_uid: str = ""
    frame_of_reference_uid: str = ""
    study_date: str = ""
    accession_number: str = ""
    study_description: str = ""
    series_description: str = ""
    manufacturer: str = ""
    model: str = ""
    kernel: str = ""
    slice_thickness_mm: float | None = None
    kvp: float | None = None
    tube_current_ma: float | None = None
    contrast_agent: str = ""
    body_part: str = ""
    patient_age: str = ""
    lossy: bool = False


@dataclass(frozen=True)
class SourceSlice:
    """Where one slice of the CT lies on disk and in the patient.

    ``frame_number`` is 1-based and 1 for single-frame files. ``position_mm`` is the LPS position
    of the centre of the first pixel.
    """

    path: Path
    sop_instance_uid: str
    frame_number: int
    position_mm: Triplet


@dataclass(frozen=True)
class Gap:
    """A place where slices are missing: ``missing`` of them after acquired slice ``after``."""

    after: int
    distance_mm: float
    missing: int


@dataclass(frozen=True)
class SliceGeometry:
    """How the slices were laid out before anything was resampled.

    Parameters
    ----------
    slice_spacing_mm : float
        Median distance of neighbouring slice planes along their normal.
    tilt_deg : float
        Angle between the slice normal and the direction in which the slices are stacked; positive
        for a gantry tilt of either sign.
    gaps : tuple of Gap
        Missing slices.
    irregular_mm : float
        Largest deviation of a slice distance from the median, gaps left out.
    duplicates_dropped : int
        Identical copies of a slice that were ignored.
    regridded : bool
        Whether ``Study.ct`` was resampled onto an upright regular grid (tilt or gaps).
    """

    slice_spacing_mm: float
    tilt_deg: float = 0.0
    gaps: tuple[Gap, ...] = ()
    irregular_mm: float = 0.0
    duplicates_dropped: int = 0
    regridded: bool = False


@dataclass(frozen=True)
class Study:
    """A CT in HU with its origin.

    Parameters
    ----------
    ct : Volume
        int16 (float32 where the file holds fractions) Hounsfield units, on the acquired grid or,
        if ``geometry.regridded``, on an upright regular grid.
    source : tuple of SourceSlice
        For DICOM the acquired slices in ascending order along the slice normal; without regridding,
        ``source[k]`` is slice ``k`` of ``ct``. Empty for other formats.
    notices : tuple of str
        What the reader did that a person should know (dropped copies, resampling).
    """

    ct: Volume
    input_format: InputFormat
    patient: Patient = Patient()
    acquisition: Acquisition = Acquisition()
    geometry: SliceGeometry = SliceGeometry(1.0)
    source: tuple[SourceSlice, ...] = ()
    notices: tuple[str, ...] = ()
