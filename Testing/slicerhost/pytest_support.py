"""Hooks and fixtures for a conftest.py: `from slicerhost.pytest_support import *`.

A test fails if anything went wrong on its way that was not raised to it: an exception in a slot or
an observer, an error of VTK, a warning of Qt, an error shown to the user that the test did not
look at.
"""

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from . import start
from .host import Host

__all__ = ["host", "pytest_runtest_call", "slicer_host"]


@pytest.fixture(scope="session")
def slicer_host() -> Iterator[Host]:
    """The host of the whole run."""
    started = start()
    yield started
    started.stop()


@pytest.fixture
def host(slicer_host: Host) -> Iterator[Host]:
    """The host, as an empty Slicer."""
    slicer_host.reset()
    slicer_host.failures.clear()
    yield slicer_host
    slicer_host.failures.clear()
    slicer_host.reset()
    slicer_host.failures.check()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test that passed although something went wrong."""
    result = yield
    used = getattr(item, "funcargs", {}).get("host")
    if isinstance(used, Host):
        used.process_events()
        used.dialogs.check()
        used.failures.check()
    return result
