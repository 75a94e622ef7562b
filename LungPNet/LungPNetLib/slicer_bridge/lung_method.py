"""What will run on this machine: what a person chose, and what is installed."""

from __future__ import annotations

from dataclasses import dataclass

from slicer.i18n import tr as _

from LungPNetLib.errors import DependencyError
from LungPNetLib.slicer_bridge.dependencies import DependencyInstaller, DependencyState
from LungPNetLib.slicer_bridge.parameters import DeviceChoice, LungMethodChoice

NODULES = "nodules"
"""Name of the stage."""


@dataclass(frozen=True)
class WhatRuns:
    """Method and device as the worker is told; ``notice``: why it is another one, or empty."""

    method: str
    device: str
    notice: str = ""


def whatRuns(
    method: LungMethodChoice, device: DeviceChoice, installer: DependencyInstaller
) -> WhatRuns:
    """The choice as it can run; without torch the automatic choice is the classical method.

    Raises
    ------
    DependencyError
        The network was chosen, and what it needs is not installed.
    """
    if method is LungMethodChoice.CLASSICAL:
        return WhatRuns(method.value, DeviceChoice.CPU.value)
    report = installer.report()
    if method is LungMethodChoice.AUTO and report.state is not DependencyState.READY:
        return WhatRuns(LungMethodChoice.CLASSICAL.value, DeviceChoice.CPU.value, report.words)
    checkInstalled(installer)
    return WhatRuns(method.value, device.value)


def stagesToRun(*, findNodules: bool, installer: DependencyInstaller) -> tuple[list[str], str]:
    """The stages of an analysis, and why nodules are left out against a person's choice, or "".

    There is no way to find nodules without the networks, and the rest can do without them.
    """
    from LungPNetLib.pipeline import STAGES

    report = installer.report()
    ready = report.state is DependencyState.READY
    stages = [stage for stage in STAGES if stage != NODULES or (findNodules and ready)]
    if ready or not findNodules:
        return stages, ""
    words = _("Nodules were not looked for.")
    return stages, f"{words} {report.words}"


def checkInstalled(installer: DependencyInstaller) -> None:
    """Make sure that networks can run and surfaces can be compared.

    Raises
    ------
    DependencyError
        Something is missing; the message says what, and where it is installed.
    """
    report = installer.report()
    if report.state is DependencyState.NOT_AVAILABLE:
        raise DependencyError(report.words)
    if report.state is not DependencyState.READY:
        where = _("Install it in the module LungPNet, section 'Installation and models'.")
        raise DependencyError(f"{report.words} {where}")
