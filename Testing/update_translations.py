"""Brings the panels' translation up to date: ``python update_translations.py``.

Collects every text that a person sees (``_("...")`` in the modules and in the bridge, texts of the
.ui files), writes them into ``LungPNet/Resources/Translations/LungPNet_zh-CN.ts`` beside the
translations that are there already, compiles that file with Qt's lrelease to the .qm that the
extension brings, and lists what has no translation yet: fill it in (by hand or with Qt Linguist)
and run this again.

Texts belong to a context, under which Qt looks them up: a .ui file's is its ``<class>``, a Python
file's is what ``slicer.i18n.tr`` makes of its path.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

REPOSITORY = Path(__file__).resolve().parents[1]
MODULES = ("LungPNet", "LungSegment", "NoduleGrade", "SurvivalRisk")
TRANSLATIONS = REPOSITORY / "LungPNet" / "Resources" / "Translations"
SOURCE = TRANSLATIONS / "LungPNet_zh-CN.ts"
COMPILED = SOURCE.with_suffix(".qm")

Texts = dict[str, dict[str, str]]
"""Context -> English text -> translation, empty where there is none."""


def python_files() -> list[Path]:
    """The files whose texts people see: the modules' own and the bridge."""
    bridge = REPOSITORY / "LungPNet" / "LungPNetLib" / "slicer_bridge"
    modules = [REPOSITORY / module / f"{module}.py" for module in MODULES]
    return modules + sorted(bridge.rglob("*.py"))


def ui_files() -> list[Path]:
    """The modules' .ui files."""
    return [REPOSITORY / module / "Resources" / "UI" / f"{module}.ui" for module in MODULES]


def source_texts() -> Texts:
    """All texts that need a translation, without one.

    Raises
    ------
    ValueError
        A text is not a plain string, so that nothing can find it.
    """
    texts: Texts = {}
    for path in python_files():
        for text in _python_texts(path):
            texts.setdefault(_context(path), {})[text] = ""
    for path in ui_files():
        root = ET.parse(path).getroot()
        for text in _ui_texts(root):
            texts.setdefault(root.findtext("class", ""), {})[text] = ""
    return dict(sorted(texts.items()))


def translations() -> Texts:
    """What the .ts file holds."""
    root = ET.parse(SOURCE).getroot()
    return {
        context.findtext("name", ""): {
            message.findtext("source", ""): message.findtext("translation", "")
            for message in context.iter("message")
        }
        for context in root.iter("context")
    }


def updated(texts: Texts, known: Texts) -> Texts:
    """``texts`` with the translations that are known, also from another context."""
    anywhere = {text: word for words in known.values() for text, word in words.items() if word}
    return {
        context: {
            text: known.get(context, {}).get(text) or anywhere.get(text, "") for text in words
        }
        for context, words in texts.items()
    }


def write(texts: Texts) -> None:
    """Write the .ts file, without line numbers, so that it changes only where texts do."""
    root = ET.Element("TS", version="2.1", language="zh_CN", sourcelanguage="en_US")
    for name, words in texts.items():
        context = ET.SubElement(root, "context")
        ET.SubElement(context, "name").text = name
        for text, word in words.items():
            message = ET.SubElement(context, "message")
            ET.SubElement(message, "source").text = text
            translation = ET.SubElement(message, "translation")
            translation.text = word
            if not word:
                translation.set("type", "unfinished")
    ET.indent(root, " " * 4)
    SOURCE.parent.mkdir(exist_ok=True)
    head = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n'
    text = head + ET.tostring(root, encoding="unicode") + "\n"
    SOURCE.write_text(text, encoding="utf-8", newline="\n")


def compile_translations() -> None:
    """Make the .qm file.

    Raises
    ------
    FileNotFoundError
        Neither Qt's lrelease nor that of PySide6 is installed.
    """
    tool = shutil.which("pyside6-lrelease") or shutil.which("lrelease")
    if tool is None:
        raise FileNotFoundError("There is no lrelease; it comes with PySide6-Essentials.")
    subprocess.run([tool, "-silent", str(SOURCE), "-qm", str(COMPILED)], check=True)


def _python_texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id != "_":
            continue
        text = node.args[0] if node.args else None
        if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
            raise ValueError(f"{path.name}:{node.lineno}: _() takes a plain string, and .format")
        yield text.value


def _ui_texts(root: ET.Element) -> Iterator[str]:
    for entry in (*root.iter("property"), *root.iter("attribute")):
        for string in entry.iter("string"):
            if string.get("notr") != "true" and string.text:
                yield string.text


def _context(path: Path) -> str:
    has_package = (path.parent / "__init__.py").is_file()
    return f"{path.parent.name}.{path.stem}" if has_package else path.stem


def main() -> int:
    """Update both files; 1 if a text has no translation."""
    known = translations() if SOURCE.is_file() else {}
    texts = updated(source_texts(), known)
    write(texts)
    compile_translations()
    missing = [f"{c}: {text!r}" for c, words in texts.items() for text in words if not words[text]]
    sys.stdout.write("".join(f"no translation: {line}\n" for line in missing))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
