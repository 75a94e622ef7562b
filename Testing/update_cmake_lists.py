"""Writes the lists of files in the modules' CMakeLists.txt: ``python update_cmake_lists.py``.

Slicer installs what is listed by name and nothing else, so a forgotten file is missing only for
those who install the extension. ``Testing/slicer/test_packaging.py`` says when to run this.
"""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
MODULES = ("LungPNet", "LungSegment", "NoduleGrade", "SurvivalRisk")

_BEGIN = "# begin: written by Testing/update_cmake_lists.py\n"
_END = "# end\n"
_NOT_INSTALLED = ("__pycache__", "Testing")
"""Folders."""
_SOURCES = (".pyc", ".ts")
"""Compiled again by Python; compiled already, by update_translations.py."""


def installed_files(module: Path) -> tuple[list[str], list[str]]:
    """Scripts and resources that a module consists of, relative to its folder, sorted.

    Scripts are the module's own file and its package, which Slicer compiles; resources are all the
    other files.
    """
    found = (path.relative_to(module) for path in module.rglob("*") if path.is_file())
    files = sorted(path for path in found if _is_installed(path))
    scripts = [path.as_posix() for path in files if _is_script(path)]
    resources = [path.as_posix() for path in files if not _is_script(path)]
    return scripts, resources


def _is_installed(path: Path) -> bool:
    ours = not any(
        part in _NOT_INSTALLED or part.startswith(".") or part.endswith(".egg-info")
        for part in path.parts
    )
    return ours and path.name != "CMakeLists.txt" and path.suffix not in _SOURCES


def updated(module: Path) -> str:
    """The text of a module's CMakeLists.txt with the lists that its files make."""
    text = (module / "CMakeLists.txt").read_text(encoding="utf-8")
    before, rest = text.split(_BEGIN)
    _, after = rest.split(_END)
    scripts, resources = installed_files(module)
    lists = _cmake_list("MODULE_PYTHON_SCRIPTS", scripts)
    lists += "\n" + _cmake_list("MODULE_PYTHON_RESOURCES", resources)
    return before + _BEGIN + lists + _END + after


def _is_script(path: Path) -> bool:
    return path.suffix == ".py" and path.parts[0] != "Scripts"


def _cmake_list(name: str, files: list[str]) -> str:
    return "".join([f"set({name}\n", *(f"  {file}\n" for file in files), "  )\n"])


if __name__ == "__main__":
    for name in MODULES:
        folder = REPOSITORY / name
        (folder / "CMakeLists.txt").write_text(updated(folder), encoding="utf-8", newline="\n")
