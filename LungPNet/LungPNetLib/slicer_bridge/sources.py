"""What the worker is given of a CT in the scene: its DICOM files where they exist, else its voxels.

From the files comes more: the gate sees how the CT was made, and the result can be written as
DICOM SEG and SR that refer to them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import slicer
from slicer.i18n import tr as _

from LungPNetLib.reading import IMAGE_FORMATS
from LungPNetLib.slicer_bridge.hierarchy import acquisitionOf, patientOf, seriesUid
from LungPNetLib.slicer_bridge.importing import SOURCE_PATH, SOURCE_SERIES
from LungPNetLib.slicer_bridge.volumes import ctFromNode
from LungPNetLib.study import InputFormat

INSTANCE_UIDS = "DICOM.instanceUIDs"
"""Attribute of volumes that Slicer loads from DICOM: SOP instance UIDs, with spaces between."""

_SERIES_UID_TAG = "0020,000e"
_DEEPEST = 3
"""Files of a series lie at most this deep below one folder (as on CDs with 50 files a folder)."""


class DicomDatabase(Protocol):
    """What is used of ``slicer.dicomDatabase``."""

    def fileForInstance(self, sopInstanceUid: str) -> str:
        """Path of the instance's file; empty where it is not known."""

    def instanceValue(self, sopInstanceUid: str, tag: str) -> str:
        """A value of the instance, by its tag ``"gggg,eeee"``."""


@dataclass(frozen=True)
class CtSource:
    """A CT as a request to analyze it states it.

    Attributes
    ----------
    fields : dict
        ``input``, or ``volume`` with ``input_format``, ``patient`` and ``acquisition``; see
        ``worker_verbs.analyze_study``.
    options : dict
        Options of the analysis that follow from the source: which ``series`` of the folder.
    notice : str
        Why it is not read from DICOM files, in words for the person; empty if it is, or if it
        never had any.
    """

    fields: dict[str, Any]
    options: dict[str, Any]
    notice: str = ""

    @property
    def isFromFiles(self) -> bool:
        """Whether the worker reads the CT from its files."""
        return "input" in self.fields


def sourceOf(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, database: DicomDatabase | None
) -> CtSource:
    """How the worker gets the CT of ``volumeNode``.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
    database : DicomDatabase or None
        ``slicer.dicomDatabase``, where there is one.

    Raises
    ------
    InputError
        There are no files, and the node holds no CT that can be analyzed; see ``ctFromNode``.
    """
    known = volumeNode.GetAttribute(SOURCE_PATH)
    if known and Path(known).exists():
        return _fromFiles(Path(known), volumeNode.GetAttribute(SOURCE_SERIES) or "")
    uids = (volumeNode.GetAttribute(INSTANCE_UIDS) or "").split()
    if uids and database is not None:
        place = _placeOf(_filesOf(uids, database))
        if place is not None:
            series = seriesUid(volumeNode) or database.instanceValue(uids[0], _SERIES_UID_TAG)
            return _fromFiles(place, series)
    wasDicom = bool(uids or seriesUid(volumeNode))
    fields = {
        "volume": ctFromNode(volumeNode),
        "input_format": "dicom" if wasDicom else _formatOf(volumeNode),
        "patient": asdict(patientOf(volumeNode)),
        "acquisition": asdict(acquisitionOf(volumeNode)),
    }
    return CtSource(fields, {}, _withoutFiles() if wasDicom else "")


def _fromFiles(place: Path, series: str) -> CtSource:
    return CtSource({"input": place}, {"series": series} if series else {})


def _withoutFiles() -> str:
    return _(
        "The DICOM files of this CT are not together at hand any more, so it is analyzed as it was "
        "loaded, and no DICOM SEG and SR can be written. Import its folder again to have them."
    )


def _filesOf(uids: Sequence[str], database: DicomDatabase) -> list[Path]:
    """The file of every instance; none at all where one of them is missing."""
    paths = [Path(path) for uid in uids if (path := database.fileForInstance(uid))]
    return paths if len(paths) == len(uids) and all(path.is_file() for path in paths) else []


def _placeOf(files: Sequence[Path]) -> Path | None:
    """What ``read_study`` is given: the one (enhanced) file, or the folder with all of them."""
    if len(files) < 2:
        return files[0] if files else None
    folders = {str(path.parent) for path in files}
    try:
        folder = Path(os.path.commonpath(folders))
    except ValueError:  # on different drives
        return None
    depth = max(len(path.relative_to(folder).parts) for path in files)
    return folder if depth <= _DEEPEST and folder != Path(folder.anchor) else None


def _formatOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> InputFormat:
    """The format of the file that the node was loaded from; NRRD where there is none."""
    storage = volumeNode.GetStorageNode()
    name = (storage.GetFileName() or "").lower() if storage is not None else ""
    return next((kind for end, kind in IMAGE_FORMATS.items() if name.endswith(end)), "nrrd")
