"""The panels in Chinese: every text has its translation, and the extension brings it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import ctk
import numpy as np
import pytest
import qt
import slicer

import update_translations as tool
from LungPNetLib.report.language import Language, Words, catalogue
from LungPNetLib.result import Verdict
from LungPNetLib.slicer_bridge.language import sentence, shownLanguage
from LungPNetLib.slicer_bridge.results import QUALITY_TABLE, roleNode
from LungPNetLib.slicer_bridge.tables import updateQualityTable
from update_cmake_lists import installed_files

PLACES = re.compile(r"\{[^{}]*\}")
PANELS = tool.REPOSITORY / "LungPNet" / "LungPNetLib" / "slicer_bridge" / "panels"
SHOWN_BY_NAME = ("text", "toolTip", "title", "placeholderText", "windowTitle")
SHOWN_BY_CALL = ("say", "setText", "setToolTip", "setTitle", "setPlaceholderText", "addItem")
TECHNICAL = ("nodeTypes", "hideChildNodeTypes", "SlicerParameterName")
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture
def load_in(host):
    """Load the module LungPNet in a Slicer of a language, as Slicer's settings name it."""

    def load(code, enabled=True):
        slicer.app.settings().setValue("Internationalization/Enabled", enabled)
        slicer.app.settings().setValue("language", code)
        return host.load(tool.REPOSITORY / "LungPNet" / "LungPNet.py")

    yield load
    translator = slicer.modules.LungPNetInstance.translator
    if translator is not None:
        qt.QCoreApplication.removeTranslator(translator)


@pytest.fixture
def in_chinese(load_in, host):
    """A host whose Slicer is Chinese."""
    load_in("zh-CN")
    return host


# The file


def test_every_text_has_a_translation():
    found = tool.translations()
    missing = [
        f"{context}: {text}"
        for context, texts in tool.source_texts().items()
        for text in texts
        if not found.get(context, {}).get(text)
    ]
    assert missing == [], "run: python Testing/update_translations.py"


def test_the_file_holds_nothing_else():
    assert {c: set(t) for c, t in tool.translations().items()} == {
        c: set(t) for c, t in tool.source_texts().items()
    }, "run: python Testing/update_translations.py"


def test_places_are_the_same_in_both_languages():
    for texts in tool.translations().values():
        for text, translation in texts.items():
            assert sorted(PLACES.findall(text)) == sorted(PLACES.findall(translation)), text


def test_every_panel_says_that_it_is_for_research_only():
    texts = tool.translations()
    for module in tool.MODULES:
        assert texts[module]["Research use only, not for diagnosis."].startswith("仅供研究使用")


def test_the_compiled_file_is_the_one_that_is_made_of_this(host):
    translator = qt.QTranslator()
    assert translator.load(str(tool.COMPILED))
    for context, texts in tool.translations().items():
        for text, translation in texts.items():
            assert translator.translate(context, text) == translation, (
                "run: python Testing/update_translations.py"
            )


def test_the_compiled_file_is_installed():
    _, resources = installed_files(tool.REPOSITORY / "LungPNet")
    assert "Resources/Translations/LungPNet_zh-CN.qm" in resources
    assert not [file for file in resources if file.endswith(".ts")]


def test_a_new_text_is_found_and_keeps_what_is_known():
    texts = {"one": {"Open": "", "New": ""}, "two": {"Open": ""}}
    known = {"one": {"Open": "打开", "Gone": "无"}}
    assert tool.updated(texts, known) == {
        "one": {"Open": "打开", "New": ""},
        "two": {"Open": "打开"},
    }


def test_a_text_that_nothing_can_find_is_refused(tmp_path):
    (tmp_path / "a.py").write_text('_(f"Nodule {number}")\n')
    with pytest.raises(ValueError, match=r"a\.py:1"):
        list(tool._python_texts(tmp_path / "a.py"))


# Nothing goes past it


def is_words(node: ast.expr) -> bool:
    """A string literal, f-string or a sum of them, with letters that a person would read."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return bool(re.search(r"[^\W\d_]{2}", node.value))
    if isinstance(node, ast.JoinedStr):
        return any(is_words(part) for part in node.values if isinstance(part, ast.Constant))
    if isinstance(node, ast.IfExp):
        return is_words(node.body) or is_words(node.orelse)
    return isinstance(node, ast.BinOp) and (is_words(node.left) or is_words(node.right))


def bypassing(source: str) -> list[str]:
    """What is shown without ``_()``: assignments to a widget's text, and message functions."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign):
            names = [t.attr for t in node.targets if isinstance(t, ast.Attribute)]
            if set(names) & set(SHOWN_BY_NAME) and is_words(node.value):
                found.append(ast.unparse(node))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            is_shown = node.func.attr in SHOWN_BY_CALL or node.func.attr.endswith("Display")
            if is_shown and any(is_words(argument) for argument in node.args):
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize(
    "line",
    [
        "self.ui.label.text = 'Ready'",
        "self.ui.label.text = f'{count} checks'",
        "button.setToolTip('Opens it')",
        "self.runArea.say('Done.', Tone.GOOD)",
        "slicer.util.errorDisplay('It failed.')",
        "label.text = 'yes' if good else _('No')",
    ],
)
def test_a_text_past_the_translation_is_seen(line):
    assert bypassing(line)


@pytest.mark.parametrize("path", sorted(PANELS.glob("*.py")), ids=lambda path: path.stem)
def test_nothing_in_a_panel_goes_past_the_translation(path):
    assert bypassing(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", tool.ui_files(), ids=lambda path: path.stem)
def test_names_of_classes_and_parameters_are_not_translated(path):
    for entry in ET.parse(path).getroot().iter("property"):
        if entry.get("name") in TECHNICAL:
            assert {text.get("notr") for text in entry.iter("string")} == {"true"}


def raised(path: Path) -> list[str]:
    """Texts of the errors that a file raises, with ``{}`` for every place; not those in ``_()``."""
    calls = [
        node.exc
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args
    ]
    return [text for call in calls if (text := pattern_of(call.args[0]))]


def pattern_of(node: ast.expr) -> str:
    """An f-string or a string as a pattern; empty for other expressions and places alone."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
    text = "".join(str(part) for part in parts)
    return text if re.search("[a-z]", text) else ""


def test_errors_of_the_bridge_are_translated_when_they_are_shown():
    known = {PLACES.sub("{}", text) for text in catalogue(Language.CHINESE).sentences}
    missing = [text for path in tool.python_files() for text in raised(path) if text not in known]
    assert missing == []


# In Slicer


@pytest.mark.parametrize("code", ["zh-CN", "zh_CN", "zh-Hans", "zh"])
def test_the_extension_brings_its_translation(load_in, code):
    """LanguagePacks and Slicer write the code in different ways."""
    assert CHINESE.search(load_in(code).helpText)
    assert shownLanguage() is Language.CHINESE


@pytest.mark.parametrize(
    ("code", "enabled"), [("", True), ("en", True), ("zh-TW", True), ("fr", True), ("zh-CN", False)]
)
def test_other_languages_leave_it_in_english(load_in, code, enabled):
    assert load_in(code, enabled).helpText.startswith("Opens a chest CT")
    assert shownLanguage() is Language.ENGLISH


def test_a_text_with_places_is_filled_in(in_chinese):
    from LungPNetLib.nodules.finding import NoduleFinding, Origin
    from LungPNetLib.slicer_bridge.nodule_names import noduleName

    assert noduleName(NoduleFinding("N3", (0.0, 0.0, 0.0), Origin.CLICKED)) == "结节 3"


def test_what_the_worker_says_is_translated_when_it_is_shown(in_chinese):
    assert sentence("2 identical copies of slices were ignored.") == "已忽略 2 份相同的层面副本。"
    assert sentence("No pattern has these words.") == "No pattern has these words."


@pytest.mark.parametrize("name", tool.MODULES)
def test_panels_are_chinese_and_fit(in_chinese, name):
    """Widths depend on the fonts that are there; without a Chinese one they are those of boxes."""
    if name != "LungPNet":
        in_chinese.load(tool.REPOSITORY / name / f"{name}.py")
    slicer.util.addVolumeFromArray(np.zeros((8, 8, 8), np.int16), name="CT")
    widget = in_chinese.open(name)
    assert CHINESE.search(widget.panel.ui.disclaimerLabel.text)
    buttons = widget.parent.findChildren(qt.QPushButton)
    english = [b.text for b in buttons if b.text and not CHINESE.search(b.text)]
    assert english == []
    assert in_chinese.cut_off(widget) == []
    for section in widget.parent.findChildren(ctk.ctkCollapsibleButton):
        section.collapsed = False
    assert in_chinese.cut_off(widget) == []


def a_check(verdict: Verdict) -> dict[str, object]:
    return {
        "check_id": "noise",
        "title": "Image noise",
        "verdict": verdict.value,
        "value": 40.0,
        "unit": "HU",
        "meaning": "Noise of 40 HU (limit 30 HU) raises LAA-950, lowers the 15th percentile and "
        "hides faint ground glass.",
    }


def test_verdicts_are_shown_in_chinese(in_chinese):
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    updateQualityTable(table, [a_check(Verdict.WARN)])
    cells = [table.GetCellText(0, column) for column in range(4)]
    assert cells[:3] == ["图像噪声", "注意", "40 HU"]
    assert cells[3].startswith("噪声为 40 HU（上限 30 HU）")


def test_a_scene_from_a_slicer_in_another_language_is_shown(host, load_in):
    """What the table says stays as it was written; colours and counts do not depend on it."""
    slicer.app.settings().setValue("language", "en")
    volume = slicer.util.addVolumeFromArray(np.zeros((8, 8, 8), np.int16), name="CT")
    table = roleNode(volume, "vtkMRMLTableNode", QUALITY_TABLE, "quality")
    updateQualityTable(table, [a_check(Verdict.WARN), a_check(Verdict.PASS)])
    load_in("zh-CN")
    ui = host.open("LungPNet").panel.ui
    assert ui.verdictLabel.text == "2 项检查中有 1 项需注意。"
    assert [ui.qualityTable.item(row, 0).text() for row in range(2)] == ["Warning", "Pass"]


def test_the_report_is_in_the_language_of_the_panels(in_chinese):
    assert Words(shownLanguage())("Views") == "图像"


def test_an_error_names_a_field_as_the_form_does(in_chinese):
    in_chinese.load(tool.REPOSITORY / "SurvivalRisk" / "SurvivalRisk.py")
    slicer.util.addVolumeFromArray(np.zeros((8, 8, 8), np.int16), name="CT")
    ui = in_chinese.open("SurvivalRisk").panel.ui
    ui.age_yearsEdit.text = "7"
    ui.age_yearsEdit.textEdited.emit("7")
    assert ui.messageLabel.text == (
        "临床表单的“年龄（岁）”为 7；可接受：18 至 120。请更正；如未知请留空。"
    )
