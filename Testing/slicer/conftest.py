"""Starts the host before the test modules are imported: they import slicer, qt and vtk."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import slicerhost  # noqa: E402

collect_ignore = ["example"]
if slicerhost.missing_packages():
    collect_ignore_glob = ["test_*.py"]
else:
    slicerhost.start()
    from slicerhost.pytest_support import *  # noqa: F403
