"""Imports run one way: the package does not know Slicer, and the bridge does not know torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "LungPNet" / "LungPNetLib"
BRIDGE = LIBRARY / "slicer_bridge"
OF_SLICER = {"slicer", "vtk", "vtkmodules", "qt", "ctk", "SampleData", "DICOMLib", "PyTorchUtils"}
BUNDLED = {"numpy", "scipy", "pydicom", "SimpleITK", "vtk", "vtkmodules", "slicer", "qt", "ctk"}
FILES = sorted(LIBRARY.rglob("*.py"))


def imported(nodes):
    """Top-level packages that import statements among ``nodes`` name."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def at_start(tree):
    """Statements that run when the file is imported, without ``if TYPE_CHECKING``."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        waiting += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def test_only_the_bridge_knows_slicer():
    others = [path for path in FILES if BRIDGE not in path.parents]
    assert len(others) > 50
    found = {
        str(path.relative_to(LIBRARY)): names
        for path in others
        if (names := OF_SLICER & set(imported(ast.walk(tree_of(path)))))
    }
    assert found == {}


def test_the_rest_of_the_package_does_not_import_the_bridge():
    statements = (
        ast.unparse(node)
        for path in FILES
        if BRIDGE not in path.parents
        for node in ast.walk(tree_of(path))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    )
    assert [one for one in statements if "slicer_bridge" in one] == []


@pytest.mark.parametrize("path", sorted(BRIDGE.rglob("*.py")), ids=lambda path: path.name)
def test_the_bridge_starts_with_nothing_but_what_slicer_brings(path):
    names = set(imported(at_start(tree_of(path)))) - set(sys.stdlib_module_names)
    assert names <= BUNDLED | {"LungPNetLib"}


def test_the_check_sees_what_it_must():
    """A file that breaks both rules, to prove that the two tests above can fail."""
    tree = ast.parse("class A:\n    import torch\ndef f():\n    import qt\n    from vtk import x\n")
    assert set(imported(ast.walk(tree))) == {"torch", "qt", "vtk"}
    assert set(imported(at_start(tree))) == {"torch"}


MODULES = [
    "volumes",
    "oriented_images",
    "hierarchy",
    "sources",
    "segmentations",
    "tables",
    "result_files",
    "results",
    "dependencies",
    "models",
]


NOT_IN_SLICER = {
    "torch",
    "monai",
    "safetensors",
    "jpeg_ls",
    "imagecodecs",
    "platformdirs",
    "filelock",
    "psutil",
    "tqdm",
    "jinja2",
    "matplotlib",
    "reportlab",
    "pandas",
}


def test_the_bridge_is_imported_where_nothing_is_installed_yet():
    names = ", ".join(f"LungPNetLib.slicer_bridge.{name}" for name in MODULES)
    script = f"""
import sys, types
import slicer

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {NOT_IN_SLICER}:
            raise ModuleNotFoundError(name + " is not in Slicer")

for name in {NOT_IN_SLICER}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Missing())
sys.path.insert(0, {str(LIBRARY.parent)!r})
sys.modules["slicer.i18n"] = types.SimpleNamespace(tr=str)
import {names}
assert "highdicom" not in sys.modules, "highdicom takes long to import"
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
