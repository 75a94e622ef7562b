"""What runs with PySide6 and not with PythonQt, found in the source without running it.

The host refuses most of it when the line runs; this finds it in lines that no test runs. Names of
Qt, CTK and Slicer are checked against the classes that the host has, `self.ui.<name>` against the
module's .ui file. Run it in a process where the host was started.
"""

import ast
import enum
import functools
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import ctk
import qt
import slicer
from PySide6 import QtCore

from .pythonqt.properties import QtProperty
from .pythonqt.signals import normalized
from .pythonqt.ui_files import custom_widgets
from .widgets import CTK, SLICER

_FOREIGN = ("PySide6", "PySide2", "PyQt5", "PyQt6", "shiboken6", "PythonQt", "__feature__")
_PYSIDE_NAMES = ("Signal", "Slot", "Property", "QtCore", "QtGui", "QtWidgets", "QtNetwork")
_NAMESPACES = {"qt": qt, "ctk": ctk, "slicer": slicer}
_STAND_IN_NAMES = ("qMRML", "qSlicer")
_SIGNAL = re.compile(r"^\w+\(.*\)$")
_ADDED = ("connect", "disconnect", "name", "className", "delete")
_MODULE_CLASSES = ("qSlicerScriptedLoadableModule", "qSlicerScriptedLoadableModuleWidget")


@dataclass(frozen=True)
class Finding:
    """One place that would not work in Slicer."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line}: {self.text}"


def check_file(path: Path, ui: Path | None = None) -> list[Finding]:
    """All findings of a Python file; `ui` is the .ui file that its `self.ui` comes from."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    widgets = ui_classes(ui) if ui else {}
    found = []
    for node in ast.walk(tree):
        for text in _findings(node, widgets):
            found.append(Finding(path, getattr(node, "lineno", 0), text))
    return sorted(found, key=lambda one: one.line)


def ui_classes(ui: Path) -> dict[str, type]:
    """Widget name -> class, of a .ui file."""
    root = ET.parse(ui)
    return {
        entry.get("name", ""): custom_widgets.get(entry.get("class", ""))
        or getattr(qt, entry.get("class", ""), qt.QFrame)
        for entry in root.iter("widget")
    }


def _findings(node: ast.AST, widgets: dict[str, type]) -> Iterator[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from _check_import(node)
    elif isinstance(node, ast.Attribute):
        yield from _check_name(node)
        yield from _check_ui_member(node, widgets)
    elif isinstance(node, ast.Call):
        yield from _check_call(node, widgets)


def _dotted(node: ast.AST) -> list[str]:
    """['qt', 'Qt', 'AlignLeft'] of `qt.Qt.AlignLeft`; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else []


def _ui_path(node: ast.AST) -> list[str]:
    """['label', 'text'] of `self.ui.label.text` or `ui.label.text`; empty for anything else."""
    parts = _dotted(node)
    if parts[:1] == ["ui"]:
        return parts[1:]
    return parts[2:] if parts[:1] == ["self"] and parts[1:2] in (["ui"], ["_ui"]) else []


def _check_import(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        modules = [node.module]
        if node.module == "qt":
            for alias in node.names:
                if alias.name in _PYSIDE_NAMES:
                    yield f"qt has no '{alias.name}' in PythonQt"
    for module in modules:
        if module.partition(".")[0] in _FOREIGN:
            yield f"'{module}' is not in Slicer: import qt"


def _check_name(node: ast.Attribute) -> Iterator[str]:
    parts = _dotted(node)
    if len(parts) < 2 or parts[0] not in _NAMESPACES:
        return
    namespace, name = parts[0], parts[1]
    if namespace == "qt":
        if len(parts) == 2 and (name in _PYSIDE_NAMES or not hasattr(qt, name)):
            yield f"qt has no '{name}' in PythonQt"
        if len(parts) == 4 and _is_enum(qt, parts[1:3]):
            short = ".".join((*parts[:2], parts[3]))
            yield f"'{'.'.join(parts)}': PythonQt has enum values in the class only, as {short}"
    elif len(parts) == 2 and namespace == "ctk" and name not in CTK:
        yield f"ctk.{name} is not in the host's closed list"
    elif (
        len(parts) == 2
        and name.startswith(_STAND_IN_NAMES)
        and name not in SLICER
        and name not in _MODULE_CLASSES
    ):
        yield f"slicer.{name} is not in the host's closed list"


def _is_enum(root: Any, path: list[str]) -> bool:
    for name in path:
        root = getattr(root, name, None)
    return isinstance(root, type) and issubclass(root, enum.Enum)


def _check_call(node: ast.Call, widgets: dict[str, type]) -> Iterator[str]:
    parts = _dotted(node.func)
    named = [keyword.arg for keyword in node.keywords if keyword.arg]
    is_widget = len(parts) == 2 and (
        (parts[0] in ("qt", "ctk") and parts[1][:1] in "Qc")
        or (parts[0] == "slicer" and parts[1].startswith(_STAND_IN_NAMES))
    )
    ui_path = _ui_path(node.func)
    if named and (is_widget or len(ui_path) == 2):
        yield f"PythonQt takes no keyword arguments ({', '.join(named)})"
    if parts == ["qt", "QMessageBox"] or (parts[:2] == ["qt", "QMessageBox"] and len(parts) == 3):
        yield "qt.QMessageBox stops Slicer's own tests: use slicer.util's displays"
    if isinstance(node.func, ast.Attribute) and node.func.attr == "exec":
        yield "PythonQt's name for 'exec()' is 'exec_()'"
    is_translation = isinstance(node.func, ast.Name) and node.func.id == "_" and node.args
    if is_translation and isinstance(node.args[0], ast.JoinedStr):
        yield "An f-string cannot be translated: use _('...').format(...)"
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("connect", "disconnect"):
        yield from _check_signal(node, ui_path, widgets)
    if len(ui_path) == 2 and ui_path[0] in widgets:
        member = inspect.getattr_static(widgets[ui_path[0]], ui_path[1], None)
        if isinstance(member, (QtProperty, QtCore.Property)):
            yield f"'{ui_path[1]}' is a property in PythonQt, not a method"


@functools.cache
def _known_signals() -> set[str]:
    classes = [
        value
        for namespace in (vars(qt), CTK, SLICER)
        for value in namespace.values()
        if isinstance(value, type) and issubclass(value, QtCore.QObject)
    ]
    classes += [type(slicer.app), type(slicer.app.moduleManager())]
    return {normalized(text) for cls in classes for text in cls._signal_signatures}


def _check_signal(node: ast.Call, ui_path: list[str], widgets: dict[str, type]) -> Iterator[str]:
    first = node.args[0] if node.args else None
    if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
        return
    if not _SIGNAL.match(first.value):
        yield f"connect('{first.value}'): a signal has its argument types, as 'clicked(bool)'"
        return
    wanted = normalized(first.value)
    if len(ui_path) == 2 and ui_path[0] in widgets:
        cls = widgets[ui_path[0]]
        if wanted not in {normalized(text) for text in cls._signal_signatures}:
            yield f"{cls.__name__} '{ui_path[0]}' has no signal '{first.value}'"
    elif wanted not in _known_signals():
        yield f"no class of Qt or of the host has a signal '{first.value}'"


def _check_ui_member(node: ast.Attribute, widgets: dict[str, type]) -> Iterator[str]:
    path = _ui_path(node)
    if not widgets or not path:
        return
    if path[0] not in widgets:
        if len(path) == 1:
            yield f"the .ui file has no '{path[0]}'"
    elif len(path) == 2 and path[1] not in _ADDED and not hasattr(widgets[path[0]], path[1]):
        yield f"{widgets[path[0]].__name__} '{path[0]}' has no '{path[1]}'"
