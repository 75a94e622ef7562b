"""What CMake would install is complete, and runs where nothing but Slicer's own packages are."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from update_cmake_lists import MODULES, REPOSITORY, installed_files, updated

TESTING = REPOSITORY / "Testing"

BUNDLED_MODULES = [
    "numpy", "scipy", "SimpleITK", "pydicom", "highdicom", "PIL", "requests", "packaging",
    "dicomweb_client", "certifi", "typing_extensions",
]  # fmt: skip
"""What Slicer 5.12 brings of what a module may import."""
HOST_MODULES = [
    "slicerhost", "slicer", "slicer_core", "vtk", "vtkmodules", "PySide6", "shiboken6", "qt", "ctk",
    "SampleData", "MRMLCorePython",
]  # fmt: skip

# Runs with -I -S: neither PYTHONPATH nor the .pth files of site-packages, so that LungPNetLib can
# only be the installed copy.
PRELUDE = """
import importlib.abc, json, sys
flat, allowed, *folders = json.loads(sys.argv[1])
allowed = {*allowed, *sys.stdlib_module_names}

class NothingElse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        known = name.partition(".")[0] in allowed or name.startswith("_sysconfigdata")
        if not known:
            raise ModuleNotFoundError(f"{name} does not come with Slicer", name=name)

sys.meta_path.insert(0, NothingElse())
sys.path += folders

import slicerhost
host = slicerhost.start()

def load(name):
    return host.load(f"{flat}/{name}.py")

def answer(value):
    print(json.dumps(value), flush=True)
"""

InSlicer = Callable[[str], Any]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one folder into which CMake installs the modules, files that are listed and no others."""
    folder = tmp_path_factory.mktemp("qt-scripted-modules")
    for module in MODULES:
        for file in listed_files(module):
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / module / file, target)
    return folder


@pytest.fixture(scope="module")
def in_slicer(installed: Path) -> InSlicer:
    """Run code in a new process as in Slicer with the extension; returns what it answers.

    ``load(name)`` loads a module, ``host`` is the test host, ``answer(value)`` gives the result.
    Nothing can be imported but the standard library, what Slicer brings, and what was installed.
    """
    allowed = [*BUNDLED_MODULES, *HOST_MODULES, *MODULES, "LungPNetLib"]
    site = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    arguments = json.dumps([str(installed), allowed, str(TESTING), *site])

    def run(code: str) -> Any:
        process = subprocess.run(
            [sys.executable, "-I", "-S", "-c", PRELUDE + code, arguments],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert process.returncode == 0, process.stderr
        return json.loads(process.stdout.splitlines()[-1])

    return run


def listed_files(module: str) -> list[str]:
    """Scripts and resources that a module's CMakeLists.txt names."""
    text = (REPOSITORY / module / "CMakeLists.txt").read_text(encoding="utf-8")
    lists = re.findall(r"set\(MODULE_PYTHON_(?:SCRIPTS|RESOURCES)\n(.*?)\)", text, re.DOTALL)
    assert len(lists) == 2
    return " ".join(lists).split()


# The lists


@pytest.mark.parametrize("module", MODULES)
def test_cmake_lists_what_is_there(module: str) -> None:
    text = (REPOSITORY / module / "CMakeLists.txt").read_text(encoding="utf-8")
    assert text == updated(REPOSITORY / module), "run: python Testing/update_cmake_lists.py"


@pytest.mark.parametrize("module", MODULES)
def test_every_listed_file_is_there(module: str) -> None:
    """Else Slicer's macro ends the build."""
    missing = [file for file in listed_files(module) if not (REPOSITORY / module / file).is_file()]
    assert missing == []


def test_files_that_are_not_python_are_installed() -> None:
    files = listed_files("LungPNet")
    for file in (
        "Scripts/train.py",
        "Resources/LungPNet-requirements.txt",
        "LungPNetLib/py.typed",
        "LungPNetLib/weights/registry.json",
        "LungPNetLib/configs/lungs-compact.toml",
        "LungPNetLib/report/templates/report.html.j2",
        "LungPNetLib/cohort/phantom/lidc_forms.csv",
    ):
        assert file in files


def test_lists_follow_the_tree(tmp_path: Path) -> None:
    module = tmp_path / "Nose"
    installed = ["Nose.py", "NoseLib/a.py", "NoseLib/a.safetensors", "Resources/UI/Nose.ui"]
    others = ["CMakeLists.txt", "NoseLib/__pycache__/a.pyc", "Resources/Translations/Nose_zh.ts"]
    for file in [*installed, "Scripts/run.py", *others]:
        (module / file).parent.mkdir(parents=True, exist_ok=True)
        (module / file).touch()
    assert installed_files(module) == (
        ["Nose.py", "NoseLib/a.py"],
        ["NoseLib/a.safetensors", "Resources/UI/Nose.ui", "Scripts/run.py"],
    )


def test_modules_do_not_overwrite_each_others_files() -> None:
    files = [file.lower() for module in MODULES for file in listed_files(module)]
    assert sorted(files) == sorted(set(files))


@pytest.mark.parametrize("module", MODULES)
def test_only_the_module_file_can_be_taken_for_a_module(module: str) -> None:
    """Slicer loads every Python file that lies directly in the folder."""
    assert [path.name for path in (REPOSITORY / module).glob("*.py")] == [f"{module}.py"]


# The installed copy, with nothing else


def test_modules_start_fast_and_light(in_slicer: InSlicer) -> None:
    cpu_s, loaded = in_slicer("""
import time
before, started = set(sys.modules), time.process_time()
for name in ("LungPNet", "LungSegment", "NoduleGrade", "SurvivalRisk"):
    load(name)
answer([time.process_time() - started, sorted(set(sys.modules) - before)])
""")
    assert cpu_s < 0.3
    assert [name for name in loaded if name.startswith("LungPNetLib.")] == []
    assert not {"torch", "monai", "pandas", "matplotlib"} & {n.partition(".")[0] for n in loaded}


def test_installed_copy_is_the_one_that_runs(in_slicer: InSlicer, installed: Path) -> None:
    files = in_slicer("""
load("LungPNet")
host.app.startupCompleted.emit()
import LungPNet, LungPNetLib
host.failures.check()
answer([LungPNet.__file__, LungPNetLib.__file__])
""")
    assert files == [f"{installed}/LungPNet.py", f"{installed}/LungPNetLib/__init__.py"]


@pytest.mark.parametrize("module", MODULES)
def test_module_works_before_anything_is_installed(in_slicer: InSlicer, module: str) -> None:
    """Its panel opens, also without a main window, and its own test passes."""
    disclaimer = in_slicer(f"""
import slicer
load("LungPNet")
if "{module}" != "LungPNet":
    load("{module}")
host.app.startupCompleted.emit()
with host.without_main_window():
    widget = host.open("{module}")
    host.process_events()
    text = widget.panel.ui.disclaimerLabel.text
host.close_scene()
slicer.modules.{module}Instance.runTest()
host.leave()
host.process_events()
host.dialogs.check()
host.failures.check()
answer(text)
""")
    assert disclaimer == "Research use only, not for diagnosis."


def test_bridge_needs_only_what_slicer_brings(in_slicer: InSlicer) -> None:
    """A panel must open to say what is missing."""
    failed = in_slicer("""
import importlib, pathlib
load("LungPNet")
bridge = pathlib.Path(flat, "LungPNetLib", "slicer_bridge")
failed = {}
for file in sorted(bridge.rglob("*.py")):
    name = ".".join(file.relative_to(flat).with_suffix("").parts).removesuffix(".__init__")
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed[name] = str(error)
answer(failed)
""")
    assert failed == {}


def test_isolation_isolates(in_slicer: InSlicer) -> None:
    """What Slicer does not bring cannot be imported, although it is installed here."""
    assert (
        in_slicer("""
refused = []
for name in ("torch", "monai", "pandas", "matplotlib", "psutil", "platformdirs", "pytest"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        refused.append(name)
answer(len(refused))
""")
        == 7
    )


# Slicer's Python


def python312() -> str | None:
    """An interpreter that is Python 3.12, as Slicer's, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [sys.executable, shutil.which("python3.12"), *pyenv.glob("3.12*/bin/python3.12")]
    for candidate in filter(None, candidates):
        ask = [candidate, "-c", "import sys; print(sys.version_info[:2] == (3, 12))"]
        if (
            subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip()
            == "True"
        ):
            return str(candidate)
    return None


def test_whole_tree_compiles_with_slicers_python() -> None:
    python = python312()
    if python is None:
        pytest.skip("no Python 3.12 here, which is what Slicer 5.12 has")
    folders = [*MODULES, "Testing", "Resources"]
    files = [str(path) for folder in folders for path in (REPOSITORY / folder).rglob("*.py")]
    code = (
        "import json, sys\nfor f in json.load(sys.stdin): compile(open(f, 'rb').read(), f, 'exec')"
    )
    process = subprocess.run(
        [python, "-W", "error", "-c", code],
        input=json.dumps(files), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
