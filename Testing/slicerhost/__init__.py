"""A test host for Slicer's scripted modules: real MRML, logics, views and Qt, without Slicer.

`start()` makes `slicer`, `qt`, `ctk` and `vtk` importable as a module finds them in Slicer, and
returns the `Host` that a test drives them with. What it does not cover: README.md beside this file.
"""

import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .host import Host

__all__ = ["missing_packages", "start"]

_PACKAGES = {"slicer_core": "slicer-core", "PySide6": "PySide6-Essentials"}


def missing_packages() -> list[str]:
    """What is not installed of what the host needs; install the extra `host` to have it."""
    return [
        package for name, package in _PACKAGES.items() if importlib.util.find_spec(name) is None
    ]


def start() -> "Host":
    """Start the host; once in a process.

    Raises
    ------
    ModuleNotFoundError
        slicer-core or PySide6-Essentials is not installed.
    """
    from . import startup

    return startup.start()
