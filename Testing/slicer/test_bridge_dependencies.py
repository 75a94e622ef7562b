"""What is installed and how it is installed: without a network, with Slicer's ways recorded."""

import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import slicer
from packaging.requirements import Requirement

from LungPNetLib.errors import Cancelled, DependencyError
from LungPNetLib.slicer_bridge.dependencies import (
    REQUIREMENTS_FILE,
    DependencyInstaller,
    DependencyState,
    Machine,
)

pytestmark = pytest.mark.usefixtures("host")

REPOSITORY = Path(__file__).resolve().parents[2]
REQUIREMENTS = REPOSITORY / "LungPNet/Resources" / REQUIREMENTS_FILE
LINUX = Machine("Linux", "x86_64")
WINDOWS = Machine("Windows", "AMD64")
INTEL_MAC = Machine("Darwin", "x86_64")
APPLE_MAC = Machine("Darwin", "arm64")


class Computer:
    """A computer with some packages, on which installing works unless it is made to fail."""

    def __init__(self, **installed):
        self.installed = installed
        self.done = []
        self.failure = None
        self.declines = False

    def versionOf(self, name):
        if name not in self.installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return self.installed[name]

    # slicer.packaging
    def load_requirements(self, path):
        return slicer.packaging.load_requirements(path)

    def pip_check(self, requirements):
        assert isinstance(requirements, list)
        return all(
            one.name in self.installed and self.installed[one.name] in one.specifier
            for one in requirements
        )

    def pip_ensure(self, requirements, **options):
        assert isinstance(requirements, list)
        assert not options["prompt_install"]
        self.done.append([str(one) for one in requirements])
        if self.failure is not None:
            raise self.failure
        self.installed.update(
            {one.name: "99" if "<" not in str(one) else "1.6.1" for one in requirements}
        )

    # PyTorchUtils.PyTorchUtilsLogic
    def installTorch(self, askConfirmation, torchVersionRequirement):
        assert askConfirmation
        self.done.append(f"torch{torchVersionRequirement}")
        if self.failure is not None:
            raise self.failure
        if self.declines:
            return None
        self.installed["torch"] = "2.12.0+cu126"
        return object()

    def installer(self, path, machine=LINUX):
        return DependencyInstaller(path, self, lambda: self, machine, self.versionOf)


@pytest.fixture
def requirements(tmp_path):
    path = tmp_path / REQUIREMENTS_FILE
    path.write_text("# comment\nmonai>=1.6,<1.7\n\ntqdm>=4.66\n", encoding="utf-8")
    return path


def test_what_is_there_and_what_is_missing(requirements):
    nothing = Computer().installer(requirements).report()
    assert nothing.state is DependencyState.TORCH_MISSING
    assert nothing.missing == ("torch>=2.8", "monai<1.7,>=1.6", "tqdm>=4.66")
    assert "PyTorch is missing" in nothing.words
    assert "tqdm>=4.66" in nothing.words

    some = Computer(torch="2.8.0+cpu", monai="1.5.0", tqdm="4.70").installer(requirements).report()
    assert some.state is DependencyState.PACKAGES_MISSING
    assert some.missing == ("monai<1.7,>=1.6",)
    assert "monai" in some.words

    all_of_it = Computer(torch="2.8.0", monai="1.6.1", tqdm="4.70").installer(requirements)
    assert all_of_it.report().state is DependencyState.READY
    assert all_of_it.report().torchVersion == "2.8.0"
    assert all_of_it.report().missing == ()


@pytest.mark.parametrize(
    ("version", "machine", "right"),
    [
        ("2.7.1", LINUX, False),
        ("2.13.0", LINUX, True),
        ("2.13.0", WINDOWS, False),
        ("2.12.1", WINDOWS, True),
        ("2.2.2", INTEL_MAC, False),
        ("2.9.0", APPLE_MAC, True),
    ],
)
def test_which_torch_is_right(requirements, version, machine, right):
    computer = Computer(torch=version, monai="1.6.1", tqdm="4.70")
    report = computer.installer(requirements, machine).report()
    assert (report.state is DependencyState.READY) is right
    assert (report.missing == ()) is right


def test_everything_is_installed_torch_first(requirements):
    computer = Computer(tqdm="4.70")
    report = computer.installer(requirements).installAll()
    assert report.state is DependencyState.READY
    assert report.torchVersion == "2.12.0+cu126"
    assert computer.done == ["torch>=2.8", ["monai<1.7,>=1.6"]]
    assert computer.installer(requirements).installAll().state is DependencyState.READY
    assert len(computer.done) == 2


def test_windows_gets_a_torch_that_can_be_installed_there(requirements):
    computer = Computer()
    computer.installer(requirements, WINDOWS).installAll()
    assert computer.done[0] == "torch>=2.8,<2.13"


def test_intel_macs_are_told_why_not(requirements):
    computer = Computer()
    installer = computer.installer(requirements, INTEL_MAC)
    report = installer.report()
    assert report.state is DependencyState.NOT_AVAILABLE
    assert "Intel" in report.words
    with pytest.raises(DependencyError, match=r"Intel.*classical"):
        installer.installAll()
    assert computer.done == []


def test_declining_is_no_error(requirements):
    computer = Computer()
    computer.declines = True
    with pytest.raises(Cancelled, match="as you chose"):
        computer.installer(requirements).installAll()
    assert computer.done == ["torch>=2.8"]


@pytest.mark.parametrize("installed", [{}, {"torch": "2.8"}])
def test_what_cannot_be_installed_is_said(requirements, installed):
    computer = Computer(**installed)
    computer.failure = subprocess.CalledProcessError(1, "pip install")
    what = "monai" if installed else "PyTorch"
    with pytest.raises(DependencyError, match=rf"{what}.*could not be installed.*network"):
        computer.installer(requirements).installAll()


def test_an_installation_without_effect_is_no_success(requirements):
    """As under ``Slicer --testing``, where pip_ensure does nothing."""
    computer = Computer(torch="2.8")
    computer.pip_ensure = lambda *_, **__: None
    with pytest.raises(DependencyError, match=r"still missing.*monai"):
        computer.installer(requirements).installAll()


def test_with_slicers_own_packaging_nothing_is_asked_for_by_looking(host):
    report = DependencyInstaller.ofSlicer(REQUIREMENTS).report()
    assert host.packages.requested == []
    assert report.words
    for name in ("numpy", "pydicom", "SimpleITK"):
        assert not any(name in one for one in report.missing)


def test_the_pytorch_extension_must_be_there(monkeypatch, requirements):
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    computer = Computer()
    installer = DependencyInstaller.ofSlicer(requirements)
    monkeypatch.setattr(installer, "_machine", LINUX)
    monkeypatch.setattr(installer, "_versionOf", computer.versionOf)
    with pytest.raises(DependencyError, match="extension PyTorch is not installed"):
        installer.installAll()


BUNDLED = {"torch", "numpy", "scipy", "simpleitk", "pydicom", "highdicom", "pillow"}
"""What Slicer 5.12 brings itself, and torch, which its extension brings."""


def test_the_requirements_are_those_of_the_package():
    """Core and report of pyproject.toml, without what Slicer brings."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["report"]]
    expected = {str(one) for one in map(Requirement, needed) if one.name.lower() not in BUNDLED}
    stated = slicer.packaging.load_requirements(REQUIREMENTS)
    assert {str(one) for one in stated} == expected
    assert len(stated) == len(expected)


def test_no_requirement_is_pinned():
    """Slicer has one Python for all extensions."""
    for one in slicer.packaging.load_requirements(REQUIREMENTS):
        assert not any(part.operator in ("==", "===", "~=") for part in one.specifier), str(one)
