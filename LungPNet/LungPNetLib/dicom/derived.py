"""What every DICOM object that we derive from a CT shares: source headers, identity, equipment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from LungPNetLib import __version__
from LungPNetLib.dicom.frames import Plane, frame_planes, stack_of
from LungPNetLib.dicom.geometry import SliceStack
from LungPNetLib.dicom.header import quiet_pydicom, readable
from LungPNetLib.dicom.series import CT_IMAGE
from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.study import SourceSlice, Study

SERIES_DESCRIPTION = "LungPNet (research)"
CONTENT_QUALIFICATION = "RESEARCH"
EQUIPMENT: dict[str, Any] = {
    "manufacturer": "LungPNet",
    "manufacturer_model_name": "LungPNet",
    "software_versions": __version__,
    "device_serial_number": "LungPNet-software",
}

_DAMAGED = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError)
UNREADABLE = (InvalidDicomError, *_DAMAGED)
"""What pydicom and highdicom raise on damaged files."""

ANONYMOUS_NAME = "Anonymous^"
ANONYMOUS_ID = "Anonymous"

_UTF8 = "ISO_IR 192"

_TECHNICAL_KEYWORDS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "Modality",
    "Manufacturer",
    "ManufacturerModelName",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
]
"""Copied from the source files; none of them says who the patient is or where and when the CT was
made. SliceThickness and SpacingBetweenSlices stay behind: the distance of slices is measured."""

_IDENTITY_KEYWORDS = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
]
"""Elements that must be present in every object, if only empty."""


class Term(NamedTuple):
    """A coded concept, such as ``Term("3341006", "SCT", "Right lung")``."""

    value: str
    scheme_designator: str
    meaning: str


@dataclass(frozen=True)
class SourceHeaders:
    """The source series in the form that highdicom needs.

    Parameters
    ----------
    images : list of Dataset
        One technical header (no identity, no pixels) a file: the single-frame slices in the order
        of ``Study.source``, or exactly one multi-frame image.
    stack : SliceStack
        Where the slices of ``Study.source`` lie, in the same order.
    frame_of_slice : tuple of int
        0-based position of each slice of ``Study.source`` among the frames of ``images``.
    n_frames : int
        Number of frames in ``images``.
    identity : Dataset or None
        Patient and study as the first source file states them; None to leave them out.
    """

    images: list[Dataset]
    stack: SliceStack
    frame_of_slice: tuple[int, ...]
    n_frames: int
    identity: Dataset | None

    @property
    def shape(self) -> tuple[int, int]:
        """Number of (rows, columns) of each slice."""
        return int(self.images[0].Rows), int(self.images[0].Columns)

    def stamp_identity(self, derived: Any) -> None:
        """Write patient and study onto a highdicom object, or say that they were removed."""
        derived.SpecificCharacterSet = _UTF8
        if self.identity is not None:
            derived.copy_patient_and_study_information(self.identity)
            if derived.get("PatientIdentityRemoved") == "YES" and not (
                derived.get("DeidentificationMethod")
                or derived.get("DeidentificationMethodCodeSequence")
            ):
                derived.DeidentificationMethod = "Not stated by the source series"
            return
        derived.PatientName = ANONYMOUS_NAME
        derived.PatientID = ANONYMOUS_ID
        derived.PatientIdentityRemoved = "YES"
        derived.DeidentificationMethod = "LungPNet: patient and study data left out, UIDs kept"
        derived.LongitudinalTemporalInformationModified = "REMOVED"


def read_source_headers(study: Study, *, deidentify: bool) -> SourceHeaders:
    """Read the headers of the files that ``study`` was read from.

    Parameters
    ----------
    study : Study
        Must come from DICOM; the files named in ``study.source`` must still be there.
    deidentify : bool
        Leave out patient and study.

    Raises
    ------
    InputError
        The study has no DICOM source, the files have changed, or they state no frame of reference.
    """
    if not study.source:
        raise InputError(
            f"DICOM objects refer to the DICOM series that they were made from; this CT was read "
            f"from {study.input_format}. Analyze the DICOM series to get them."
        )
    with quiet_pydicom():
        return _read_all(study, deidentify)


def save_object(dataset: Dataset, path: Path) -> None:
    """Write a finished DICOM object.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    try:
        with quiet_pydicom():
            dataset.save_as(path)
    except OSError as error:
        raise OutputError(
            f"Cannot write '{path.name}': {error.strerror or 'input/output error'}. "
            "Check free disk space and permissions."
        ) from error


def _read_all(study: Study, deidentify: bool) -> SourceHeaders:
    first = _read(study.source[0].path, None)
    if not readable(first, "FrameOfReferenceUID"):
        raise InputError(
            "The CT series states no FrameOfReferenceUID, so nothing can be placed relative to it. "
            "Use the label maps (.nrrd) instead, or export the series again."
        )
    identity = None if deidentify else _identity(first)
    if first.get("SOPClassUID") == CT_IMAGE:
        return _from_single_frames(study, first, identity)
    return _from_multiframe(study, first, identity)


def _read(path: Path, keywords: list[str] | None) -> Dataset:
    try:
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=keywords, force=True)
    except UNREADABLE as error:
        raise InputError(
            f"'{path.name}', a slice of the source CT, cannot be read any more "
            f"({type(error).__name__}). Leave the series in place until the run has finished."
        ) from error


def _identity(first: Dataset) -> Dataset:
    """The header with its text as Unicode, without the elements that cannot be understood."""
    for element in list(first.keys()):
        try:
            first[element]
        except Exception:  # pydicom raises errors of many kinds on malformed values
            del first[element]
    first.decode()
    first.SpecificCharacterSet = _UTF8
    return first


def _technical(dataset: Dataset, source: SourceSlice) -> Dataset:
    if str(dataset.get("SOPInstanceUID", "")) != source.sop_instance_uid:
        raise InputError(
            f"'{source.path.name}' is no longer the slice that was analyzed (its SOPInstanceUID "
            "changed). Leave the series in place until the run has finished."
        )
    header = Dataset()
    for keyword in _TECHNICAL_KEYWORDS:
        value = readable(dataset, keyword)
        if value is not None:
            setattr(header, keyword, value)
    for keyword in _IDENTITY_KEYWORDS:
        setattr(header, keyword, None)
    return header


def _from_single_frames(study: Study, first: Dataset, identity: Dataset | None) -> SourceHeaders:
    images = [_technical(first, study.source[0])]
    images += [_technical(_read(s.path, _TECHNICAL_KEYWORDS), s) for s in study.source[1:]]
    planes = [
        Plane(h.ImagePositionPatient, h.ImageOrientationPatient, h.PixelSpacing) for h in images
    ]
    stack = stack_of(planes, "The slices of the CT")
    for header in images:
        # Rounded differently from slice to slice in some series; highdicom wants them equal.
        header.ImageOrientationPatient = planes[0].orientation
        header.PixelSpacing = planes[0].pixel_spacing
        header.SliceThickness = study.geometry.slice_spacing_mm
    return SourceHeaders(images, stack, tuple(range(len(images))), len(images), identity)


def _from_multiframe(study: Study, first: Dataset, identity: Dataset | None) -> SourceHeaders:
    if any(source.path != study.source[0].path for source in study.source):
        raise InputError(
            "The CT is spread over several multi-frame files, which DICOM SEG cannot refer to as "
            "one volume. Use the label maps (.nrrd), or convert the series to single-frame CT."
        )
    planes = frame_planes(first)
    frames = tuple(source.frame_number - 1 for source in study.source)
    stack = stack_of([planes[frame] for frame in frames], "The frames of the CT")
    header = _technical(first, study.source[0])
    of_slice = planes[frames[0]]
    measures = _item("PixelSpacing", of_slice.pixel_spacing)
    measures.SliceThickness = study.geometry.slice_spacing_mm
    shared = _item("PixelMeasuresSequence", [measures])
    shared.PlaneOrientationSequence = [_item("ImageOrientationPatient", of_slice.orientation)]
    header.SharedFunctionalGroupsSequence = [shared]
    header.PerFrameFunctionalGroupsSequence = [
        _item("PlanePositionSequence", [_item("ImagePositionPatient", plane.position)])
        for plane in planes
    ]
    return SourceHeaders([header], stack, frames, len(planes), identity)


def _item(keyword: str, value: Any) -> Dataset:
    item = Dataset()
    setattr(item, keyword, value)
    return item
