"""The rules of Slicer's Extensions Index and for what an extension installs; no network needed."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement
from PIL import Image

from update_cmake_lists import MODULES, REPOSITORY

NAME = "LungPNet"
CATEGORIES = {"Chest Imaging Platform", "Quantification", "Segmentation", "Informatics"}
"""Those of the accepted ones that fit; the module DICOM and a new category are not for us."""
FIELDS = {
    "$schema": str,
    "build_dependencies": list,
    "build_subdirectory": str,
    "category": str,
    "enabled": bool,
    "scm_revision": str,
    "scm_type": str,
    "scm_url": str,
    "tier": int,
}
"""What the schema of an entry knows; anything else is refused."""
START_UP_IMPORTS = {"slicer", "qt", "ctk", "vtk", "SimpleITK", "numpy", "scipy", "SampleData"}
"""What may be imported at file scope beside the standard library and our own package.

SampleData is a module of Slicer's.
"""
START_UP_METHODS = {"__init__", "onStartupCompleted"}
"""What Slicer calls of a module file at its start."""


SLICER_PACKAGES = {
    "numpy": "2.4.6",
    "scipy": "1.17.1",
    "SimpleITK": "2.5.5",
    "pydicom": "3.0.2",
    "highdicom": "0.27.0",
    "pillow": "12.2.0",
    "requests": "2.34.2",
    "packaging": "26.2",
    "dicomweb-client": "0.61.0",
    "certifi": "2026.5.20",
}
"""What Slicer 5.12 brings of what we use, and which version."""


@pytest.fixture(scope="module")
def entry() -> dict[str, object]:
    return json.loads((REPOSITORY / "Resources" / f"{NAME}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def cmake() -> str:
    return (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")


def metadata(cmake: str, name: str) -> str:
    """The value of a variable, in the one form that the Index reads: quoted, on one line."""
    (value,) = re.findall(rf'^set\(EXTENSION_{name} "([^"\n]+)"\)$', cmake, re.MULTILINE)
    return str(value)


def test_entry_has_the_fields_of_the_schema(entry: dict[str, object]) -> None:
    assert {"$schema", "category", "scm_url"} <= set(entry) <= set(FIELDS)
    assert all(isinstance(value, FIELDS[field]) for field, value in entry.items())
    assert re.fullmatch(
        r"https://\S+/slicer-extension-catalog-entry-schema-v1\.0\.\d\.json#", str(entry["$schema"])
    )
    assert entry["tier"] in (1, 3, 5)


def test_entry_has_unix_line_ends() -> None:
    assert b"\r" not in (REPOSITORY / "Resources" / f"{NAME}.json").read_bytes()


def test_entry_and_cmake_agree(entry: dict[str, object], cmake: str) -> None:
    assert re.findall(r"^project\((\w+)\)$", cmake, re.MULTILINE) == [NAME]
    assert entry["category"] == metadata(cmake, "CATEGORY")
    assert entry["build_dependencies"] == metadata(cmake, "DEPENDS").split() == ["PyTorch"]
    assert entry["scm_url"] == metadata(cmake, "HOMEPAGE")


def test_names_and_category_are_accepted(entry: dict[str, object]) -> None:
    """The repository's name begins with Slicer, the extension's does not."""
    assert not NAME.startswith("Slicer")
    assert urlsplit(str(entry["scm_url"])).path.rpartition("/")[2] == f"Slicer{NAME}"
    assert entry["category"] in CATEGORIES


def test_addresses_have_the_form_that_is_read(entry: dict[str, object], cmake: str) -> None:
    home = urlsplit(str(entry["scm_url"]))
    assert (home.scheme, home.netloc) == ("https", "github.com")
    raw = f"https://raw.githubusercontent.com{home.path}/{entry['scm_revision']}/"
    pictures = [metadata(cmake, "ICONURL"), *metadata(cmake, "SCREENSHOTURLS").split(" ")]
    assert len(pictures) >= 2
    assert all(re.fullmatch(re.escape(raw) + r"[\w/]+\.png", address) for address in pictures)
    assert (REPOSITORY / pictures[0].removeprefix(raw)).is_file()


def test_description_names_patents_and_limits(cmake: str) -> None:
    description = metadata(cmake, "DESCRIPTION")
    for words in ("EMV-3D-CNN", "US-2026-0134512-A1", "Lung-PNet", "research only", "not for"):
        assert words in description
    assert not set(description) & set(";$\\<>&"), "CMake and the catalogue's XML would change these"


def test_licence_lies_where_it_is_looked_for() -> None:
    assert "Apache License" in (REPOSITORY / "LICENSE").read_text(encoding="utf-8")


def test_checkout_is_under_100_mb() -> None:
    command = ["git", "-C", str(REPOSITORY), "ls-files", "-z", "-co", "--exclude-standard"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("not a git checkout")
    files = [REPOSITORY / name for name in found.stdout.split("\0") if name]
    size = sum(path.stat().st_size for path in files if path.is_file())
    assert 1e5 < size < 1e8


def test_pictures_are_icons() -> None:
    with Image.open(REPOSITORY / "Resources" / f"{NAME}.png") as icon:
        assert (icon.size, icon.mode) == ((128, 128), "RGBA")
    for module in MODULES:
        with Image.open(REPOSITORY / module / "Resources" / "Icons" / f"{module}.png") as icon:
            assert min(icon.size) >= 64
            assert icon.getpixel((0, 0))[3] == 0, "the corner is not transparent"


@pytest.mark.parametrize("module", MODULES)
def test_module_file_is_short_and_only_declares(module: str) -> None:
    text = (REPOSITORY / module / f"{module}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    docstring, *rest = ast.parse(text).body
    assert isinstance(docstring, ast.Expr)
    assert all(isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef) for node in rest)
    classes = [node.name for node in rest if isinstance(node, ast.ClassDef)]
    assert classes == [module, *(f"{module}{part}" for part in ("Widget", "Logic", "Test"))]


@pytest.mark.parametrize("module", MODULES)
def test_start_up_imports_only_what_the_index_accepts(module: str) -> None:
    library = REPOSITORY / NAME
    waiting = [REPOSITORY / module / f"{module}.py", library / "LungPNetLib" / "__init__.py"]
    seen: set[Path] = set()
    refused = []
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in start_up_imports(ast.parse(path.read_text(encoding="utf-8"))):
            top = name.partition(".")[0]
            if top == "LungPNetLib":
                waiting += own_files(library, name)
            elif top not in START_UP_IMPORTS | set(sys.stdlib_module_names):
                refused.append(f"{path.relative_to(REPOSITORY)}: {name}")
    assert refused == []
    if module == NAME:
        assert library / "LungPNetLib" / "slicer_bridge" / "sample_data.py" in seen


def start_up_imports(node: ast.AST) -> Iterator[str]:
    """Names that are imported when the file is run and Slicer has started the module."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield str(child.module)
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        elif not isinstance(child, ast.FunctionDef) or child.name in START_UP_METHODS:
            yield from start_up_imports(child)


def own_files(library: Path, name: str) -> list[Path]:
    """The file of a module of our own, none if ``name`` is something in one."""
    path = library.joinpath(*name.split("."))
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]


def test_start_up_imports_are_found() -> None:
    source = """
import a.b
from c import d
if TYPE_CHECKING:
    import e
try:
    import f
except ImportError:
    pass
class G:
    import h
    def __init__(self):
        import i
    def setup(self):
        import j
"""
    found = list(start_up_imports(ast.parse(source)))
    assert found == ["a.b", "c", "c.d", "f", "h", "i"]


# Requirements


def project() -> dict[str, Any]:
    """The table [project] of pyproject.toml."""
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements_file() -> list[Requirement]:
    path = REPOSITORY / "LungPNet" / "Resources" / "LungPNet-requirements.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_requirements_are_those_of_the_package_less_what_is_there_already() -> None:
    there = {name.lower() for name in [*SLICER_PACKAGES, "torch"]}
    wanted = [*project()["dependencies"], *project()["optional-dependencies"]["report"]]
    expected = {str(r) for r in map(Requirement, wanted) if r.name.lower() not in there}
    assert {str(requirement) for requirement in requirements_file()} == expected


def test_requirements_are_ranges() -> None:
    """Slicer's rule: a pin in one extension breaks another one."""
    for requirement in requirements_file():
        assert [one.operator for one in requirement.specifier][-1] in (">=", "<"), requirement
        assert not {one.operator for one in requirement.specifier} & {"==", "==="}


def test_what_slicer_brings_is_new_enough() -> None:
    for requirement in map(Requirement, project()["dependencies"]):
        if requirement.name in SLICER_PACKAGES:
            assert SLICER_PACKAGES[requirement.name] in requirement.specifier, requirement
