"""A test host for Slicer's scripted modules: real MRML, logics, views and Qt, without Slicer.

`start()` makes `slicer`, `qt`, `ctk` and `vtk` importable as a module finds them in Slicer, and
returns the `Host` that a test drives them with. What it does not cover: README.md beside this file.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .host import Host

__all__ = ["start"]


def start() -> "Host":
    """Start the host; once in a process.

    Raises
    ------
    ModuleNotFoundError
        slicer-core or PySide6-Essentials is not installed; the extra `host` brings both.
    """
    from . import startup

    return startup.start()
