"""Opening DICOM files and reading single values from them, however odd both are."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from LungPNetLib.study import Acquisition, Patient

LOSSY_SYNTAXES = {
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.203",
}

_PIXEL_DATA = 0x7FE00010
_BARE_STARTS = (b"\x02\x00", b"\x08\x00")
_ENCODINGS = {
    (True, True): ImplicitVRLittleEndian,
    (False, True): ExplicitVRLittleEndian,
    (False, False): ExplicitVRBigEndian,
}


_HEADER_KEYWORDS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "Modality",
    "ImageType",
    "SeriesNumber",
    "SeriesDescription",
    "ConvolutionKernel",
    "SliceThickness",
    "NumberOfFrames",
    "ConcatenationUID",
    "Rows",
    "Columns",
    "PixelSpacing",
    "ImageOrientationPatient",
    "ImagePositionPatient",
]
_HEADER_TAGS = [tag_for_keyword(keyword) or 0 for keyword in _HEADER_KEYWORDS]


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Silence pydicom's warnings: they quote odd values, a birth date say, and whole paths."""
    with pydicom.config.disable_value_validation(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="pydicom")
        yield


def read_header(path: Path) -> tuple[Dataset, bool]:
    """The few elements that tell what a file is, and whether the file goes on to its pixels.

    Elements whose value cannot be understood are left out; SOPClassUID is always there.

    Raises
    ------
    InvalidDicomError
        The file is not DICOM.
    Exception
        Of many kinds, where the file is damaged.
    """
    reached_pixels = False

    def at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        nonlocal reached_pixels
        reached_pixels = tag == _PIXEL_DATA
        return reached_pixels

    with path.open("rb") as stream:
        if path.suffix.lower() == ".dcm" and not stream.read(1024).strip(b"\0"):
            raise ValueError("an empty file, or zeros: what an interrupted copy leaves")
        bare = _is_bare(stream)
        try:
            header = read_partial(stream, at_pixels, force=bare, specific_tags=_HEADER_TAGS)
        except Exception as error:
            # Without the preamble nothing says that these bytes were meant to be DICOM.
            raise (InvalidDicomError() if bare else error) from error
    if header.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        header.SOPClassUID = MediaStorageDirectoryStorage  # only a DICOMDIR leaves it out
    if any(_is_cut(header.get_item(tag)) for tag in header.keys()):  # noqa: SIM118
        raise ValueError("cut off inside a value")
    for keyword in _HEADER_KEYWORDS:
        if keyword in header and readable(header, keyword) is None:
            delattr(header, keyword)
    if "SOPClassUID" not in header:
        raise InvalidDicomError if bare else ValueError("no SOP Class UID")
    return header, reached_pixels


def _is_cut(element: object) -> bool:
    """Whether the file ended before the value did; pydicom takes what there is."""
    return (
        isinstance(element, RawDataElement)
        and element.value is not None
        and len(element.value) < element.length
    )


def _is_bare(stream: BinaryIO) -> bool:
    """Whether this may be DICOM without the 128-byte preamble; the stream is rewound.

    Such files start with group 0002 or 0008, little endian.
    """
    stream.seek(0)
    start = stream.read(132)
    stream.seek(0)
    return start[128:132] != b"DICM" and start[:2] in _BARE_STARTS


def read_dataset(path: Path) -> Dataset:
    """The whole file, with a transfer syntax even where the file does not state it."""
    with path.open("rb") as stream:
        bare = _is_bare(stream)
    dataset = pydicom.dcmread(path, force=bare)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = _ENCODINGS[bool(implicit), bool(little)]
    return dataset


def readable(dataset: Dataset, keyword: str) -> Any:
    """The value of an element; None where it is absent, empty or not understood."""
    try:
        value = dataset.get(keyword)
    except Exception:  # pydicom raises errors of many kinds on malformed values
        return None
    empty = value is None or value == "" or (isinstance(value, MultiValue) and len(value) == 0)
    return None if empty else value


def find_value(dataset: Dataset, keyword: str) -> Any:
    """``keyword`` at the top level or, in enhanced CT, in its functional groups."""
    value = readable(dataset, keyword)
    if value is not None:
        return value
    groups = [
        first_item(dataset, "SharedFunctionalGroupsSequence"),
        first_item(dataset, "PerFrameFunctionalGroupsSequence"),
    ]
    for group in groups:
        for macro in group:
            for item in macro.value if macro.VR == "SQ" else []:
                if (value := readable(item, keyword)) is not None:
                    return value
    return None


def first_item(dataset: Dataset, keyword: str) -> Dataset:
    """The first item of a sequence; an empty one where there is none."""
    sequence = readable(dataset, keyword)
    return sequence[0] if isinstance(sequence, pydicom.Sequence) and sequence else Dataset()


def numbers(value: object | None) -> tuple[float, ...]:
    """The numbers of a value; none at all where it is absent or one of them is not finite."""
    try:
        found = tuple(np.atleast_1d(np.asarray(value, dtype=np.float64)).tolist())
    except (TypeError, ValueError):
        return ()
    return found if all(math.isfinite(number) for number in found) else ()


def as_text(value: object | None) -> str:
    """A value as it stands, empty where absent; several values are joined with a slash."""
    if value is None:
        return ""
    parts = value if isinstance(value, (MultiValue, list, tuple)) else [value]
    return "/".join(str(part) for part in parts)


def printable(text: str) -> str:
    """``text`` without what could break a line, steer a terminal or not be encoded."""
    return "".join(char if char.isprintable() else "?" for char in text)


def patient_of(header: Dataset) -> Patient:
    """Identity as the file states it."""
    return Patient(
        name=as_text(readable(header, "PatientName")),
        patient_id=as_text(readable(header, "PatientID")),
        birth_date=as_text(readable(header, "PatientBirthDate")),
        sex=as_text(readable(header, "PatientSex")),
    )


def acquisition_of(header: Dataset) -> Acquisition:
    """How a CT was made, from one of its files, classic or enhanced."""

    def text(keyword: str) -> str:
        return as_text(find_value(header, keyword))

    def number(keyword: str) -> float | None:
        found = numbers(find_value(header, keyword))
        return found[0] if len(found) == 1 else None

    contrast = first_item(header, "ContrastBolusAgentSequence")
    return Acquisition(
        study_uid=text("StudyInstanceUID"),
        series_uid=text("SeriesInstanceUID"),
        frame_of_reference_uid=text("FrameOfReferenceUID"),
        study_date=text("StudyDate"),
        accession_number=text("AccessionNumber"),
        study_description=text("StudyDescription"),
        series_description=text("SeriesDescription"),
        manufacturer=text("Manufacturer"),
        model=text("ManufacturerModelName"),
        kernel=text("ConvolutionKernel"),
        slice_thickness_mm=number("SliceThickness"),
        kvp=number("KVP"),
        tube_current_ma=number("XRayTubeCurrent") or number("XRayTubeCurrentInmA"),
        contrast_agent=text("ContrastBolusAgent") or as_text(readable(contrast, "CodeMeaning")),
        body_part=text("BodyPartExamined"),
        patient_age=text("PatientAge"),
        lossy=str(header.file_meta.TransferSyntaxUID) in LOSSY_SYNTAXES
        or as_text(readable(header, "LossyImageCompression")) == "01",
    )
