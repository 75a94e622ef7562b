"""Which Python packages are there, and one call that installs what is missing.

torch comes through the PyTorch extension, which knows the graphics card; everything else through
Slicer's own pip. Nothing here imports torch: looking costs no time and locks no files.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from slicer.i18n import tr as _

from LungPNetLib.errors import Cancelled, DependencyError

REQUIREMENTS_FILE = "LungPNet-requirements.txt"
TORCH_REQUIREMENT = ">=2.8"
TORCH_REQUIREMENT_ON_WINDOWS = ">=2.8,<2.13"
"""torch 2.13 has licence files whose paths are too long for Windows to install them."""


class Packaging(Protocol):
    """What is used of ``slicer.packaging``."""

    def load_requirements(self, path: Path) -> list[Any]:
        """The requirements (``packaging.requirements.Requirement``) of a file."""

    def pip_check(self, requirements: Sequence[Any]) -> bool:
        """Whether all are met by what is installed."""

    def pip_ensure(
        self, requirements: Sequence[Any], *, prompt_install: bool, requester: str
    ) -> None:
        """Install those that are not met."""


class TorchLogic(Protocol):
    """What is used of ``PyTorchUtils.PyTorchUtilsLogic``."""

    def installTorch(self, *, askConfirmation: bool, torchVersionRequirement: str) -> Any:
        """Install torch; None if the person declines."""


@dataclass(frozen=True)
class Machine:
    """What decides which torch there is: values of ``platform.system()`` and ``machine()``."""

    system: str
    processor: str

    @classmethod
    def this(cls) -> Machine:
        """The one that the application runs on."""
        return cls(platform.system(), platform.machine())

    @property
    def torchRequirement(self) -> str:
        """Versions of torch that LungPNet can use here."""
        isWindows = self.system == "Windows"
        return TORCH_REQUIREMENT_ON_WINDOWS if isWindows else TORCH_REQUIREMENT

    @property
    def isIntelMac(self) -> bool:
        """Whether the application runs as an Intel program on a Mac."""
        return self.system == "Darwin" and self.processor == "x86_64"


class DependencyState(Enum):
    """What stands between the person and a complete analysis."""

    READY = "ready"
    TORCH_MISSING = "torch missing"
    PACKAGES_MISSING = "packages missing"
    NOT_AVAILABLE = "not available"


@dataclass(frozen=True)
class DependencyReport:
    """What is installed.

    Attributes
    ----------
    state : DependencyState
    torchVersion : str
        Of the torch that is installed; empty where there is none.
    missing : tuple of str
        Requirements that are not met, ``"monai>=1.6"``, torch among them.
    """

    state: DependencyState
    torchVersion: str
    missing: tuple[str, ...]

    @property
    def words(self) -> str:
        """One or two sentences for the panel."""
        texts = {
            DependencyState.READY: _("Everything that LungPNet needs is installed."),
            DependencyState.TORCH_MISSING: _(
                "PyTorch is missing or too old, so no network can run. Missing: {missing}."
            ),
            DependencyState.PACKAGES_MISSING: _("Python packages are missing: {missing}."),
            DependencyState.NOT_AVAILABLE: _intelMac(),
        }
        return texts[self.state].format(missing=", ".join(self.missing))


class DependencyInstaller:
    """Looks at what is installed, and installs what is missing when a person asks for it.

    Parameters
    ----------
    requirementsFile : Path
        ``LungPNet-requirements.txt``: all packages that Slicer does not bring, without torch.
    packaging : Packaging
        ``slicer.packaging``.
    makeTorchLogic : callable
        Makes the logic that installs torch; it is called when torch has to be installed.
    machine : Machine
    versionOf : callable
        Version of an installed package; raises PackageNotFoundError.
    """

    def __init__(
        self,
        requirementsFile: Path,
        packaging: Packaging,
        makeTorchLogic: Callable[[], TorchLogic],
        machine: Machine,
        versionOf: Callable[[str], str] = importlib.metadata.version,
    ) -> None:
        self._requirementsFile = requirementsFile
        self._packaging = packaging
        self._makeTorchLogic = makeTorchLogic
        self._machine = machine
        self._versionOf = versionOf

    @classmethod
    def ofSlicer(cls, requirementsFile: Path) -> DependencyInstaller:
        """With Slicer's own pip and the PyTorch extension."""
        import slicer.packaging

        return cls(requirementsFile, slicer.packaging, _torchLogicOfSlicer, Machine.this())

    def report(self) -> DependencyReport:
        """What is installed and what is missing, without importing any of it."""
        torch = self._torchVersion()
        packages = [str(one) for one in self._missingPackages()]
        wanted = f"torch{self._machine.torchRequirement}"
        if self._isTorchRight(torch):
            state = DependencyState.PACKAGES_MISSING if packages else DependencyState.READY
            return DependencyReport(state, torch, tuple(packages))
        isIntelMac = self._machine.isIntelMac
        state = DependencyState.NOT_AVAILABLE if isIntelMac else DependencyState.TORCH_MISSING
        return DependencyReport(state, torch, (wanted, *packages))

    def installAll(self) -> DependencyReport:
        """Install everything that is missing; takes minutes, and downloads up to gigabytes.

        Call it only when a person has asked for it, in the main thread.

        Returns
        -------
        DependencyReport
            ``READY``.

        Raises
        ------
        DependencyError
            There is no torch for this machine, or something could not be installed.
        Cancelled
            The person declined.
        """
        before = self.report()
        if before.state is DependencyState.NOT_AVAILABLE:
            raise DependencyError(_intelMac())
        if before.state is DependencyState.TORCH_MISSING:
            self._installTorch()
        packages = self._missingPackages()
        if packages:
            self._installPackages(packages)
        importlib.invalidate_caches()
        after = self.report()
        if after.state is not DependencyState.READY:
            raise DependencyError(
                _(
                    "These packages are still missing after the installation: {missing}. Restart "
                    "Slicer and try again."
                ).format(missing=", ".join(after.missing))
            )
        return after

    def _installTorch(self) -> None:
        try:
            torch = self._makeTorchLogic().installTorch(
                askConfirmation=True, torchVersionRequirement=self._machine.torchRequirement
            )
        except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
            raise DependencyError(_notInstalled("PyTorch", error)) from error
        if torch is None:
            raise Cancelled(_("PyTorch was not installed, as you chose."))

    def _installPackages(self, packages: Sequence[Any]) -> None:
        try:
            self._packaging.pip_ensure(packages, prompt_install=False, requester="LungPNet")
        except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
            names = ", ".join(str(one) for one in packages)
            raise DependencyError(_notInstalled(names, error)) from error

    def _missingPackages(self) -> list[Any]:
        wanted = self._packaging.load_requirements(self._requirementsFile)
        return [one for one in wanted if not self._packaging.pip_check([one])]

    def _torchVersion(self) -> str:
        try:
            return self._versionOf("torch")
        except importlib.metadata.PackageNotFoundError:
            return ""

    def _isTorchRight(self, version: str) -> bool:
        from packaging.specifiers import SpecifierSet

        return bool(version) and version in SpecifierSet(self._machine.torchRequirement)


def _torchLogicOfSlicer() -> TorchLogic:
    try:
        import PyTorchUtils
    except ImportError as error:
        raise DependencyError(
            _(
                "The extension PyTorch is not installed. Install it with the Extensions Manager, "
                "restart Slicer and try again."
            )
        ) from error
    return PyTorchUtils.PyTorchUtilsLogic()


def _intelMac() -> str:
    return _(
        "PyTorch is not made for Macs with an Intel processor any more: 2.2 was the last version, "
        "and LungPNet needs 2.8. On a Mac with an Apple processor, use a Slicer that was built for "
        "it; otherwise use a computer with Windows or Linux. Without PyTorch the lungs can be "
        "found with the classical method."
    )


def _notInstalled(what: str, error: Exception) -> str:
    return _(
        "{what} could not be installed ({reason}). See the Python console for what pip said; "
        "check the network and the disk, and try again."
    ).format(what=what, reason=type(error).__name__)
