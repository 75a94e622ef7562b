"""A CT that the worker has read from files becomes a volume of the scene."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from LungPNetLib.slicer_bridge.display import showLungWindow
from LungPNetLib.slicer_bridge.hierarchy import placeInStudy
from LungPNetLib.slicer_bridge.volumes import updateNodeFromVolume
from LungPNetLib.study import Acquisition, Patient

SOURCE_PATH = "LungPNet.SourcePath"
"""Attribute of volumes that the worker read: the folder or file."""
SOURCE_SERIES = "LungPNet.SourceSeries"
"""Attribute: SeriesInstanceUID that was read from it; empty for image files."""


def indexFolder(folder: Path) -> bool:
    """Make the files of ``folder`` known to Slicer's DICOM database; nothing is copied.

    Qt's events are worked off meanwhile.

    Returns
    -------
    bool
        False where Slicer could not. True, and nothing is done, where there is no database, or none
        is open because nobody has chosen a folder for it yet.
    """
    database = getattr(slicer, "dicomDatabase", None)
    if database is None or not database.isOpen:
        return True
    from DICOMLib import DICOMUtils

    return bool(DICOMUtils.importDicom(str(folder), database))


def nodeFromReading(reading: Mapping[str, Any], place: Path, scene: slicer.vtkMRMLScene) -> Any:
    """A new volume node, placed under its patient and study.

    Parameters
    ----------
    reading : mapping
        Result of the worker's verb ``read``: ``volume``, ``patient``, ``acquisition``.
    place : Path
        What was read.
    scene : vtkMRMLScene

    Returns
    -------
    vtkMRMLScalarVolumeNode
    """
    acquisition = Acquisition(**reading["acquisition"])
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", _("Chest CT"))
    if acquisition.series_description:
        node.SetName(acquisition.series_description)
    updateNodeFromVolume(node, reading["volume"])
    showLungWindow(node)
    node.SetAttribute(SOURCE_PATH, str(place.absolute()))
    node.SetAttribute(SOURCE_SERIES, acquisition.series_uid)
    placeInStudy(node, Patient(**reading["patient"]), acquisition)
    return node
