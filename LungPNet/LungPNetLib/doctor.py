"""Is this machine ready? Versions, device, memory, disk, what is missing and how to get it."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from LungPNetLib import __version__
from LungPNetLib.config import load_config, problems
from LungPNetLib.errors import LungPNetError
from LungPNetLib.folders import cache_folder, config_file, data_folder, log_folder

CORE_PACKAGES = (
    "torch", "numpy", "scipy", "SimpleITK", "pydicom", "highdicom", "pyjpegls", "imagecodecs",
    "pillow", "scikit-image", "platformdirs", "filelock", "psutil", "tqdm",
)  # fmt: skip
REPORT_PACKAGES = ("Jinja2", "matplotlib", "reportlab")

ADVISED_MEMORY_GIB = 8.0
"""A 512 x 512 x 600 CT stays below 6 GiB; the rest is for the system."""

ADVISED_DISK_GIB = 2.0


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: what was looked at, what was seen, and what to do about it.

    ``state`` is ``"ok"``, ``"advice"`` (something works less well) or ``"missing"`` (something
    does not work).
    """

    topic: str
    state: str
    seen: str
    advice: str = ""


def examine() -> list[Finding]:
    """Look at this machine; imports torch, nothing else heavy."""
    findings = [
        Finding("LungPNet", "ok", f"{__version__} in {Path(__file__).parent}"),
        _python(),
        *(_package(name, "lungpnet") for name in CORE_PACKAGES),
        *(_package(name, "'lungpnet[report]'") for name in REPORT_PACKAGES),
        _device(),
        _memory(),
        _disk(),
    ]
    for topic, path in (
        ("settings", config_file()),
        ("weights", data_folder()),
        ("cache", cache_folder()),
        ("crash reports", log_folder()),
    ):
        findings.append(Finding(topic, "ok", f"{path}{'' if path.exists() else ' (not made yet)'}"))
    return findings + _settings()


def _python() -> Finding:
    return Finding(
        "Python", "ok", f"{platform.python_version()} on {platform.platform(terse=True)}"
    )


def _package(name: str, install: str) -> Finding:
    try:
        return Finding(name, "ok", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(
            name, "missing", "not installed", f"Run: {sys.executable} -m pip install {install}"
        )


def _device() -> Finding:
    try:
        import torch
    except ImportError as error:
        return Finding("device", "missing", f"torch cannot be imported ({error})")
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return Finding("device", "ok", "CUDA: " + ", ".join(names))
    return Finding(
        "device",
        "ok",
        f"CPU with {torch.get_num_threads()} threads",
        "Everything runs on the CPU; a CUDA build of torch and its driver make networks faster.",
    )


def _memory() -> Finding:
    import psutil

    memory = psutil.virtual_memory()
    seen = f"{memory.total / 2**30:.1f} GiB, {memory.available / 2**30:.1f} GiB free"
    if memory.available / 2**30 >= ADVISED_MEMORY_GIB:
        return Finding("memory", "ok", seen)
    return Finding(
        "memory", "advice", seen, f"{ADVISED_MEMORY_GIB:g} GiB free are advised for thin-slice CT."
    )


def _disk() -> Finding:
    folder = next(p for p in (data_folder(), *data_folder().parents) if p.exists())
    free = shutil.disk_usage(folder).free / 2**30
    seen = f"{free:.1f} GiB free at {folder}"
    if free >= ADVISED_DISK_GIB:
        return Finding("disk", "ok", seen)
    return Finding("disk", "advice", seen, f"Keep {ADVISED_DISK_GIB:g} GiB free.")


def _settings() -> list[Finding]:
    try:
        found = problems(load_config())
    except LungPNetError as error:
        return [Finding("settings", "missing", "cannot be read", str(error))]
    return [Finding("settings", "advice", "a path is wrong", text) for text in found]


def as_text(findings: list[Finding]) -> str:
    """The findings as aligned lines, advice below its line."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<8} {finding.topic:<14} {finding.seen}")
        if finding.advice:
            lines.append(f"{'':<23} {finding.advice}")
    return "\n".join(lines)
