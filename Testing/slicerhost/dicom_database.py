"""Slicer's DICOM database and `DICOMLib`, as far as modules use them: files stay where they are."""

import contextlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import slicer


class DicomDatabase:
    """The part of ctkDICOMDatabase that modules use; empty at first.

    Attributes
    ----------
    isOpen : bool
        Read as a property, as in Slicer. It is False there until a person has chosen a folder.
    """

    __slots__ = ("_paths", "isOpen")

    def __init__(self) -> None:
        self._paths: dict[str, str] = {}
        self.isOpen = True

    def fileForInstance(self, sopInstanceUid: str) -> str:
        """Path of the instance's file; empty where it is not known."""
        return self._paths.get(sopInstanceUid, "")

    def instanceValue(self, sopInstanceUid: str, tag: str) -> str:
        """A value of the instance by its tag `"gggg,eeee"`; empty where there is none."""
        path = self.fileForInstance(sopInstanceUid)
        element = _header(Path(path)).get(tag.replace(",", "")) if path else None
        return "" if element is None else str(element.value)


def _header(path: Path) -> pydicom.Dataset:
    return pydicom.dcmread(path, stop_before_pixels=True, force=True)


def _import_dicom(dicomDataDir: str, dicomDatabase: Any = None, copyFiles: bool = False) -> bool:
    """`DICOMUtils.importDicom`: False, and nothing raised, where it does not succeed."""
    database = dicomDatabase or slicer.dicomDatabase
    if not database.isOpen or copyFiles:
        return False
    for path in (path for path in sorted(Path(dicomDataDir).rglob("*")) if path.is_file()):
        uid = _header(path).get("SOPInstanceUID")
        if uid:
            database._paths[str(uid)] = str(path)
    return True


@contextlib.contextmanager
def dicom_database() -> Iterator[DicomDatabase]:
    """Put `slicer.dicomDatabase` and the module `DICOMLib` in place for a while."""
    library = types.ModuleType("DICOMLib")
    library.DICOMUtils = types.SimpleNamespace(importDicom=_import_dicom)
    slicer.dicomDatabase = DicomDatabase()
    sys.modules["DICOMLib"] = library
    try:
        yield slicer.dicomDatabase
    finally:
        del slicer.dicomDatabase, sys.modules["DICOMLib"]
