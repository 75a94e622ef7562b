"""Finding the CT series in a folder: what is there, and which one to analyze."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from LungPNetLib.errors import InputError

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
LEGACY_CONVERTED_CT = "1.2.840.10008.5.1.4.1.1.2.2"
CT_CLASSES = {CT_IMAGE, ENHANCED_CT, LEGACY_CONVERTED_CT}

MIN_SLICES = 3
"""Fewer slices have no measurable spacing."""

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
    "Rows",
    "Columns",
    "PixelSpacing",
    "ImageOrientationPatient",
    "ImagePositionPatient",
]


@dataclass(frozen=True)
class FileHeader:
    """One readable DICOM file and the few header elements that tell what it is."""

    path: Path
    header: Dataset


@dataclass
class FolderContent:
    """What was found in a folder."""

    images: list[FileHeader] = field(default_factory=list)
    other: list[FileHeader] = field(default_factory=list)
    damaged: list[Path] = field(default_factory=list)
    not_dicom: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class SeriesEntry:
    """One stack of CT images that could be analyzed.

    ``key`` is what ``--series`` accepts: the SeriesInstanceUID, followed by ``#2``, ``#3``, ... for
    further stacks of another orientation or matrix inside the same series.
    """

    key: str
    files: tuple[FileHeader, ...]
    n_slices: int

    @property
    def header(self) -> Dataset:
        """Header of the first file."""
        return self.files[0].header

    def describe(self) -> str:
        """One line without identity: number, slices, matrix, thickness, kernel, description."""
        head = self.header
        kernel = head.get("ConvolutionKernel") or "kernel unknown"
        if not isinstance(kernel, str):
            kernel = "/".join(kernel)
        return (
            f"{self.key}  number {head.get('SeriesNumber', '-')}, {self.n_slices} slices of "
            f"{head.get('Columns')}x{head.get('Rows')}, thickness "
            f"{head.get('SliceThickness', '-')} mm, {kernel}, "
            f"'{head.get('SeriesDescription', '')}'"
        )


def scan_folder(folder: Path) -> FolderContent:
    """Read the headers of all files under ``folder``, at any depth and with any name.

    Symbolic links to folders are not followed. Files that are not DICOM are listed, not refused;
    files that begin as DICOM and cannot be read are listed as damaged.
    """
    content = FolderContent()
    for path in _files_under(folder):
        try:
            header = _read_header(path)
        except InvalidDicomError:
            content.not_dicom.append(path)
        except (OSError, EOFError, ValueError, AttributeError, KeyError, TypeError, MemoryError):
            content.damaged.append(path)
        else:
            is_ct = header.get("SOPClassUID", "") in CT_CLASSES
            (content.images if is_ct else content.other).append(FileHeader(path, header))
    return content


def _files_under(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file():
                yield path


def _read_header(path: Path) -> Dataset:
    with path.open("rb") as stream:
        start = stream.read(132)
    # Files without the 128-byte preamble exist; they start with group 0002 or 0008, little endian.
    bare = start[128:132] != b"DICM" and start[:2] in (b"\x02\x00", b"\x08\x00")
    header = pydicom.dcmread(
        path, stop_before_pixels=True, specific_tags=_HEADER_KEYWORDS, force=bare
    )
    if "SOPClassUID" not in header:
        if bare:
            raise InvalidDicomError
        raise ValueError("no SOP Class UID")
    # pydicom decodes elements late: touch them here, where a damaged file is expected.
    for element in header:
        element.value  # noqa: B018
    return header


def list_series(content: FolderContent) -> list[SeriesEntry]:
    """The stacks of CT images among ``content.images``, localizers left out, largest first."""
    stacks: dict[str, dict[tuple[object, ...], list[FileHeader]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for file in content.images:
        if "LOCALIZER" not in file.header.get("ImageType", ()):
            uid = str(file.header.get("SeriesInstanceUID", ""))
            stacks[uid][_stack_key(file.header)].append(file)
    entries = []
    for uid, parts in stacks.items():
        ordered = sorted(parts.values(), key=lambda files: (-_count(files), str(files[0].path)))
        for number, files in enumerate(ordered, start=1):
            key = uid if number == 1 else f"{uid}#{number}"
            entries.append(SeriesEntry(key, tuple(files), _count(files)))
    return sorted(entries, key=lambda entry: (-entry.n_slices, entry.key))


def _stack_key(header: Dataset) -> tuple[object, ...]:
    if header.SOPClassUID != CT_IMAGE:
        return ("multiframe", str(header.get("SOPInstanceUID", "")))
    orientation = header.get("ImageOrientationPatient") or ()
    spacing = header.get("PixelSpacing") or ()
    return (
        header.get("Rows"),
        header.get("Columns"),
        tuple(round(float(value), 2) for value in orientation),
        tuple(round(float(value), 3) for value in spacing),
    )


def _count(files: Sequence[FileHeader]) -> int:
    return sum(int(file.header.get("NumberOfFrames") or 1) for file in files)


def choose_series(content: FolderContent, folder: Path, series: str | None = None) -> SeriesEntry:
    """The one CT stack to analyze.

    Parameters
    ----------
    content : FolderContent
        From :func:`scan_folder`.
    folder : Path
        Only named in messages.
    series : str, optional
        Key or SeriesNumber of the wanted stack, needed where there are several.

    Raises
    ------
    InputError
        No CT, no such series, or several candidates (they are listed).
    """
    if not content.images:
        raise InputError(_nothing_found(content, folder))
    entries = list_series(content)
    if series is not None:
        return _named_series(entries, series)
    usable = [entry for entry in entries if entry.n_slices >= MIN_SLICES]
    if not usable:
        most = max((entry.n_slices for entry in entries), default=0)
        raise InputError(
            f"The CT in '{folder.name}' has {most} slice(s) that are not localizers; at least "
            f"{MIN_SLICES} slices of one series are needed. Export the whole series."
        )
    if len(usable) > 1:
        raise InputError(
            f"'{folder.name}' holds {len(usable)} CT series that could be analyzed. "
            f"Name one with --series:\n{_listing(usable)}"
        )
    return usable[0]


def _named_series(entries: list[SeriesEntry], series: str) -> SeriesEntry:
    matches = [entry for entry in entries if entry.key == series]
    if not matches:
        matches = [e for e in entries if str(e.header.get("SeriesNumber", "")) == series]
    if len(matches) != 1:
        problem = "more than one series has" if matches else "no CT series has"
        raise InputError(f"--series {series}: {problem} this UID or number:\n{_listing(entries)}")
    return matches[0]


def _listing(entries: Sequence[SeriesEntry]) -> str:
    return "\n".join(f"  {entry.describe()}" for entry in entries)


def _nothing_found(content: FolderContent, folder: Path) -> str:
    found = Counter(UID(file.header.SOPClassUID).name for file in content.other)
    parts = [f"{count} {name}" for name, count in found.most_common(4)]
    if content.damaged:
        parts.append(
            f"{len(content.damaged)} damaged DICOM file(s) such as {_names(content.damaged)}"
        )
    if content.not_dicom:
        parts.append(
            f"{len(content.not_dicom)} file(s) that are not DICOM, such as "
            f"{_names(content.not_dicom)}"
        )
    seen = "; ".join(parts) if parts else "no files at all"
    return (
        f"No CT images in '{folder.name}' (found: {seen}). Give the folder of a CT series in "
        "DICOM, or a NIfTI, NRRD or MetaImage file."
    )


def _names(paths: Sequence[Path], limit: int = 3) -> str:
    return ", ".join(f"'{path.name}'" for path in paths[:limit])


def ignored_files_notice(content: FolderContent) -> str | None:
    """One sentence about files that are not DICOM; without names, which may identify a patient."""
    if not content.not_dicom:
        return None
    return f"{len(content.not_dicom)} file(s) in the folder are not DICOM and were ignored."


def refuse_damaged(content: FolderContent) -> None:
    """Raise when a file that looks like DICOM cannot be read: it may be a slice of the series.

    Raises
    ------
    InputError
        Names up to three of the damaged files.
    """
    if content.damaged:
        raise InputError(
            f"{len(content.damaged)} DICOM file(s) cannot be read and may be slices of this CT: "
            f"{_names(content.damaged)}. Copy or export the series again, or remove these files "
            "if they do not belong to it."
        )
