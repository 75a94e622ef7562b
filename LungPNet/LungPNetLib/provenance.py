"""What a result says about the program that made it: versions and memory."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import Any

from LungPNetLib import __version__

_REPORTED_PACKAGES = ("numpy", "scipy", "SimpleITK", "pydicom", "highdicom", "torch", "openvino")


def software_versions() -> dict[str, Any]:
    """Versions of this package, of Python and of what computes the results."""
    packages = {}
    for name in _REPORTED_PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "name": "LungPNet",
        "version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "packages": packages,
    }


def peak_memory_mib() -> int | None:
    """Largest resident memory of this process so far; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))
