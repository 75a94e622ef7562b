"""Finding the CT or PET series in a folder: what is there, and which one to analyze."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from LungPNetLib.dicom.geometry import COSINE_TOLERANCE, SPACING_TOLERANCE_MM
from LungPNetLib.dicom.header import as_text, numbers, printable, read_header
from LungPNetLib.errors import InputError

CT_IMAGE, PET_IMAGE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.128"

Modality: TypeAlias = Literal["CT", "PET"]
_CLASSES = {"CT": {CT_IMAGE, f"{CT_IMAGE}.1", f"{CT_IMAGE}.2"}, "PET": {PET_IMAGE}}
"""CT: classic, enhanced, legacy converted; PET: classic."""

MIN_SLICES = 3
"""Fewer slices have no measurable spacing."""


@dataclass(frozen=True)
class FileHeader:
    """One readable DICOM file and the few header elements that tell what it is."""

    path: Path
    header: Dataset


@dataclass
class FolderContent:
    """What was found in a folder; ``images`` are those of ``modality``."""

    modality: Modality = "CT"
    images: list[FileHeader] = field(default_factory=list)
    other: list[FileHeader] = field(default_factory=list)
    damaged: list[Path] = field(default_factory=list)
    not_dicom: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class SeriesEntry:
    """One stack of CT or PET images that could be analyzed.

    ``key`` is what ``--series`` accepts: the SeriesInstanceUID, followed by ``#2``, ``#3``, ... for
    further stacks of another orientation, matrix or pixel size inside the same series.
    ``left_out`` counts the images of those other stacks.
    """

    key: str
    files: tuple[FileHeader, ...]
    n_slices: int
    left_out: int = 0

    @property
    def header(self) -> Dataset:
        """Header of the first file."""
        return self.files[0].header

    def describe(self) -> str:
        """One line without identity: number, slices, matrix, thickness, kernel, description."""
        head = self.header
        return printable(
            f"{self.key}  number {as_text(head.get('SeriesNumber')) or '-'}, "
            f"{self.n_slices} slices of {head.get('Columns')}x{head.get('Rows')}, thickness "
            f"{as_text(head.get('SliceThickness')) or '-'} mm, "
            f"{as_text(head.get('ConvolutionKernel')) or 'kernel unknown'}, "
            f"'{as_text(head.get('SeriesDescription'))}'"
        )


def scan_folder(folder: Path, modality: Modality = "CT") -> FolderContent:
    """Read the headers of all files under ``folder``, at any depth and with any name.

    Links to folders are not followed. Files that are not DICOM are listed, not refused; files that
    begin as DICOM and cannot be read are damaged. ``InputError`` if a folder cannot be listed.
    """
    return scan_files(_files_under(folder), modality)


def scan_files(paths: Iterable[Path], modality: Modality = "CT") -> FolderContent:
    """Read the headers of these files, as :func:`scan_folder` does."""
    content = FolderContent(modality)
    for path in paths:
        try:
            header, reached_pixels = read_header(path)
        except InvalidDicomError:
            content.not_dicom.append(path)
        except Exception:  # pydicom raises errors of many kinds on damaged files
            content.damaged.append(path)
        else:
            if as_text(header.SOPClassUID) not in _CLASSES[modality]:
                content.other.append(FileHeader(path, header))
            elif reached_pixels:
                content.images.append(FileHeader(path, header))
            else:
                content.damaged.append(path)
    return content


def _files_under(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(
            f"A folder inside '{printable(folder.name)}' cannot be read ({error.strerror}), so "
            "slices may be missing. Change its permissions, or copy the folder."
        )

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            with suppress(PermissionError):  # then reading it fails, and names it
                if not path.is_file():
                    continue
            yield path


def list_series(content: FolderContent) -> list[SeriesEntry]:
    """The stacks among ``content.images``, localizers left out, largest first."""
    series: dict[str, list[tuple[_Layout, list[FileHeader]]]] = defaultdict(list)
    for file in content.images:
        if "LOCALIZER" in as_text(file.header.get("ImageType")):
            continue
        layout = _Layout.of(file.header)
        stacks = series[as_text(file.header.get("SeriesInstanceUID"))]
        same = next((files for other, files in stacks if layout.fits(other)), None)
        if same is None:
            stacks.append((layout, [file]))
        else:
            same.append(file)
    entries = []
    for uid, stacks in series.items():
        parts = sorted((f for _, f in stacks), key=lambda f: (-_count(f), str(f[0].path)))
        total = sum(_count(files) for files in parts)
        for number, files in enumerate(parts, start=1):
            key = uid if number == 1 else f"{uid}#{number}"
            n_slices = _count(files)
            entries.append(SeriesEntry(key, tuple(files), n_slices, total - n_slices))
    return sorted(entries, key=lambda entry: (-entry.n_slices, entry.key))


@dataclass(frozen=True)
class _Layout:
    """What the images of one stack have in common; ``instance`` is empty for single slices."""

    instance: str
    matrix: tuple[object, object]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]

    @classmethod
    def of(cls, header: Dataset) -> _Layout:
        instance = ""
        if as_text(header.SOPClassUID) not in (CT_IMAGE, PET_IMAGE):
            instance = as_text(header.get("ConcatenationUID") or header.get("SOPInstanceUID"))
        return cls(
            instance,
            (header.get("Rows"), header.get("Columns")),
            numbers(header.get("ImageOrientationPatient")),
            numbers(header.get("PixelSpacing")),
        )

    @property
    def is_placed(self) -> bool:
        return bool(self.instance) or (len(self.orientation) == 6 and len(self.spacing) == 2)

    def fits(self, other: _Layout) -> bool:
        return (
            (self.instance, self.matrix) == (other.instance, other.matrix)
            and _close(self.orientation, other.orientation, COSINE_TOLERANCE)
            and _close(self.spacing, other.spacing, SPACING_TOLERANCE_MM)
        )


def _close(ours: tuple[float, ...], theirs: tuple[float, ...], tolerance: float) -> bool:
    return len(ours) == len(theirs) and np.allclose(ours, theirs, rtol=0, atol=tolerance)


def _count(files: Sequence[FileHeader]) -> int:
    return sum(int(max(1, *numbers(f.header.get("NumberOfFrames")), 1)) for f in files)


def choose_series(content: FolderContent, folder: Path, series: str | None = None) -> SeriesEntry:
    """The one stack to analyze.

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
        No image, no such series, or several candidates (they are listed).
    """
    if not content.images:
        raise InputError(_nothing_found(content, folder))
    entries = list_series(content)
    if series is not None and entries:
        return _named_series(entries, series, content.modality)
    usable = _usable(entries)
    if not usable:
        most = max((entry.n_slices for entry in entries), default=0)
        raise InputError(
            f"The {content.modality} in '{_shown(folder)}' has {most} slice(s) that are not "
            f"localizers; at least {MIN_SLICES} of one series are needed. Export the whole series."
        )
    if len(usable) > 1:
        raise InputError(
            f"'{_shown(folder)}' holds {len(usable)} {content.modality} series. "
            f"Name one with --series:\n{_listing(usable)}"
        )
    return usable[0]


def _usable(entries: Sequence[SeriesEntry]) -> list[SeriesEntry]:
    """Stacks with enough slices; those that state no place in the patient if there is no other."""
    enough = [entry for entry in entries if entry.n_slices >= MIN_SLICES]
    return [entry for entry in enough if _Layout.of(entry.header).is_placed] or enough


def _named_series(entries: list[SeriesEntry], series: str, modality: Modality) -> SeriesEntry:
    matches = [entry for entry in entries if entry.key == series]
    if not matches and series.strip().isdecimal():
        wanted = (float(series),)
        matches = [e for e in entries if numbers(e.header.get("SeriesNumber")) == wanted]
        matches = _usable(matches) or matches
    if len(matches) != 1:
        problem = "more than one series has" if matches else f"no {modality} series has"
        raise InputError(
            f"--series {printable(series)}: {problem} this UID or number. Name one of:\n"
            f"{_listing(entries)}"
        )
    return matches[0]


def _listing(entries: Sequence[SeriesEntry]) -> str:
    return "\n".join(f"  {entry.describe()}" for entry in entries)


def _nothing_found(content: FolderContent, folder: Path) -> str:
    found = Counter(UID(as_text(file.header.SOPClassUID)).name for file in content.other)
    parts = [f"{count} {name}" for name, count in found.most_common(4)]
    for paths, what in (
        (content.damaged, "damaged DICOM file(s)"),
        (content.not_dicom, "file(s) that are not DICOM,"),
    ):
        if paths:
            parts.append(f"{len(paths)} {what} such as {_names(paths)}")
    seen = "; ".join(parts) if parts else "no files at all"
    files = ", or a NIfTI, NRRD or MetaImage file" if content.modality == "CT" else ""
    return (
        f"No {content.modality} images in '{_shown(folder)}' (found: {seen}). Give the folder of "
        f"a {content.modality} series in DICOM{files}."
    )


def _names(paths: Sequence[Path], limit: int = 3) -> str:
    return ", ".join(f"'{printable(path.name)}'" for path in paths[:limit])


def _shown(folder: Path) -> str:
    return printable(folder.resolve().name or str(folder))


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
            f"{len(content.damaged)} DICOM file(s) cannot be read and may be slices of this "
            f"{content.modality}: {_names(content.damaged)}. Copy or export the series again, or "
            "remove these files if they do not belong to it."
        )
