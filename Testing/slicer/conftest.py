"""Starts the host before the test modules are imported: they import slicer, qt and vtk."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
# What makes DICOM files for the unit tests makes them for these too.
sys.path.append(str(Path(__file__).resolve().parents[1] / "unit"))

import slicerhost

slicerhost.start()
from slicerhost.pytest_support import *  # noqa: E402, F403

# Looked at for examples, this file would be taken for the one of the unit tests.
collect_ignore = ["conftest.py", "example"]


@pytest.fixture(scope="module", autouse=True)
def own_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The worker of a file's tests ends with them, and touches no folder of who runs them."""
    from LungPNetLib.slicer_bridge.session import workerSession

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGPNET_HOME", str(tmp_path_factory.mktemp("home")))
        yield
        if workerSession.cache_info().currsize:
            workerSession().runner.close()
            workerSession.cache_clear()
