"""The report in Chinese: everything is translated, and nothing else than words changes."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from LungPNetLib import cli, pipeline, worker_verbs
from LungPNetLib.config import load_config, set_value
from LungPNetLib.errors import InputError
from LungPNetLib.report import language
from LungPNetLib.report.blocks import ReportContent
from LungPNetLib.report.content import build
from LungPNetLib.report.html import write_html
from LungPNetLib.report.language import Language, Words, catalogue
from LungPNetLib.report.pdf import write_pdf
from LungPNetLib.study import Patient
from report_samples import a_result, a_thorax

PACKAGE = Path(language.__file__).parents[1]
NOTICE = "仅供研究使用，不得用于诊断"
PLACE = re.compile(r"\{(\w+)[^{}]*\}")
CHINESE = re.compile("[\u4e00-\u9fff]")
VERDICT_CALLS = ("passed", "warned", "refused", "not_assessed")


@pytest.fixture(scope="module")
def thorax():
    return a_thorax()


@pytest.fixture(scope="module")
def in_chinese(thorax) -> ReportContent:
    return build(a_result(), *thorax, Language.CHINESE)


@pytest.fixture(scope="module")
def in_english(thorax) -> ReportContent:
    return build(a_result(), *thorax)


def filled(pattern: str) -> dict[str, str]:
    """A value for every place of a pattern, different ones."""
    return {name: f"<{i}>" for i, name in enumerate(PLACE.findall(pattern))}


# The catalogue


def test_places_are_the_same_on_both_sides():
    chinese = catalogue(Language.CHINESE)
    for text, translation in (*chinese.texts.items(), *chinese.sentences.items()):
        assert sorted(PLACE.findall(text)) == sorted(PLACE.findall(translation)), text


def test_every_translation_is_chinese():
    chinese = catalogue(Language.CHINESE)
    same = [t for t, other in (*chinese.texts.items(), *chinese.sentences.items()) if t == other]
    assert same == ["LAA-950 (%)", "Perc15 (HU)"]


@pytest.mark.parametrize("pattern", sorted(catalogue(Language.CHINESE).sentences))
def test_every_pattern_is_found_by_what_is_made_from_it(pattern):
    """No other pattern takes its sentences, and the values come to their places."""
    values = filled(pattern)
    translation = catalogue(Language.CHINESE).sentences[pattern]
    said = Words(Language.CHINESE).sentence(pattern.format(**values))
    assert said == translation.format(**values)


def test_english_is_left_as_it_is():
    words = Words(Language.ENGLISH)
    assert words("Views") == "Views"
    assert words.sentence("Both lungs were found.") == "Both lungs were found."


def test_words_within_a_sentence_are_translated_and_names_are_not():
    said = Words(Language.CHINESE).sentence(
        "The kernel not stated is not known here, and the noise does not tell how sharp it is."
    )
    assert said == "未收录重建核 not stated，且无法由噪声判断其锐利程度。"


def literal(node: ast.expr) -> str:
    """A string, or an f-string with ``{}`` for its places; empty for other expressions."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return ""
    return "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values)


def calls_in(folder: str):
    for path in sorted((PACKAGE / folder).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                yield node


def test_every_text_of_the_report_has_a_translation():
    texts = [
        literal(node.args[0])
        for node in calls_in("report")
        if isinstance(node.func, ast.Name) and node.func.id == "words"
    ]
    assert len(texts) > 40
    assert [t for t in texts if t and t not in catalogue(Language.CHINESE).texts] == []


def test_every_verdict_of_the_gate_has_a_translation():
    known = {PLACE.sub("{}", text) for text in catalogue(Language.CHINESE).sentences}
    said = []
    for node in calls_in("quality"):
        if isinstance(node.func, ast.Attribute) and node.func.attr in VERDICT_CALLS:
            said.append(literal(node.args[-1]))
        if isinstance(node.func, ast.Name) and node.func.id == "Check":
            said.append(literal(node.args[1]))
        if isinstance(node.func, ast.Attribute) and node.func.attr == "append":
            said.append(literal(node.args[0]))
    said = [text for text in said if " " in text and text != "{} {} HU"]
    assert len(said) > 60
    # A side, and soft or standard, are words within the sentence: one pattern for each of them.
    spelled_out = ("The {} lung was not found", "The {} kernel {} is suited")
    missing = [text for text in said if text not in known and not text.startswith(spelled_out)]
    assert missing == []


# What is built


def asked(monkeypatch: pytest.MonkeyPatch, thorax, **changes: object) -> list[str]:
    """Texts that a report asks for."""
    found: list[str] = []
    real = Words.__call__

    def recorded(self: Words, text: str) -> str:
        found.append(text)
        return real(self, text)

    monkeypatch.setattr(Words, "__call__", recorded)
    build(a_result(**changes), *thorax, Language.CHINESE)
    return found


def test_nothing_that_a_report_asks_for_is_missing(monkeypatch, thorax):
    grid = replace(a_result().grid, tilt_deg=5.0, regridded=True)
    texts = asked(monkeypatch, thorax, grid=grid) + asked(monkeypatch, thorax, deidentified=True)
    assert [text for text in texts if text not in catalogue(Language.CHINESE).texts] == []


def test_the_sections_have_chinese_titles(in_chinese, in_english):
    assert in_chinese.title == "胸部 CT 分析报告"
    assert in_chinese.notice == NOTICE
    titles = [section.title for section in in_chinese.sections]
    assert len(titles) == len(in_english.sections)
    assert all(CHINESE.search(title) for title in titles)


def test_numbers_are_the_same(in_chinese, in_english):
    tables = [
        next(s.blocks[0] for s in content.sections if s.blocks[0].kind == "table")
        for content in (in_chinese, in_english)
    ]
    assert [row[1:] for row in tables[0].rows] == [row[1:] for row in tables[1].rows]
    assert [row[0] for row in tables[0].rows] == ["右肺", "左肺", "双肺"]


def test_what_comes_from_dicom_is_not_translated(thorax):
    made = replace(a_result().acquisition, series_description="Views", kernel="unknown")
    patient = Patient("male", "Views", "", "F")
    content = build(a_result(acquisition=made, patient=patient), *thorax, Language.CHINESE)
    assert content.patient.rows == (
        ("姓名", "male"),
        ("患者编号", "Views"),
        ("出生日期", "未注明"),
        ("性别", "女"),
    )
    examination = dict(content.examination.rows)
    assert examination["序列"] == "Views"
    assert examination["重建核"] == "unknown"
    assert content.running_line == "患者编号：Views"


def test_html_says_its_language_and_has_no_english_heading(in_chinese, tmp_path):
    write_html(in_chinese, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert '<html lang="zh-CN">' in page
    assert NOTICE in page
    assert '"第 " counter(page) " 页，共 " counter(pages) " 页"' in page
    headings = re.findall(r"<(h1|h2|th)[^>]*>([^<]+)</\1>", page)
    english = [text for _, text in headings if not CHINESE.search(text) and "HU" not in text]
    assert english == ["LAA-950 (%) *"]


def test_english_html_is_as_before(in_english, tmp_path):
    write_html(in_english, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert '<html lang="en">' in page
    assert '"Page " counter(page) " of " counter(pages) ""' in page
    assert not CHINESE.search(page.partition("</style>")[2])


def test_every_pdf_page_is_chinese_and_says_what_it_is(in_chinese, tmp_path):
    import pypdf

    write_pdf(in_chinese, tmp_path / "report.pdf")
    document = pypdf.PdfReader(tmp_path / "report.pdf")
    assert document.trailer["/Root"]["/Lang"] == "zh-CN"
    pages = [page.extract_text() for page in document.pages]
    for number, text in enumerate(pages, 1):
        assert NOTICE in text
        assert f"第 {number} 页，共 {len(pages)} 页" in text
    whole = "".join(pages)
    assert "图像质量" in whole
    assert "拒绝" in whole
    assert "?" not in whole


# Who asks for it


@pytest.fixture
def options_of(monkeypatch, tmp_path):
    """Options with which ``lungpnet analyze`` runs the analysis, given more words."""
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path))
    given = []

    def run(_source, _out, options, _reporter):
        given.append(options)
        return a_result()

    monkeypatch.setattr(pipeline, "run", run)

    def ask(*words: str) -> pipeline.AnalyzeOptions:
        assert cli.main(["analyze", "ct", "--out", "out", "--progress", "none", *words]) == 0
        return given[-1]

    return ask


def test_the_command_line_chooses_the_language(options_of):
    assert options_of().language is Language.ENGLISH
    assert options_of("--language", "zh").language is Language.CHINESE


def test_the_setting_is_what_holds_without_the_option(options_of):
    set_value("report.language", "zh")
    assert options_of().language is Language.CHINESE
    assert options_of("--language", "en").language is Language.ENGLISH


def test_the_setting_takes_languages_only(options_of):
    with pytest.raises(InputError, match="accepted: en, zh"):
        set_value("report.language", "fr")
    set_value("report.language", "zh")
    set_value("report.language", "")
    assert load_config()["report.language"] == "en"


def test_the_worker_takes_the_language_of_the_panel():
    assert worker_verbs._options({"language": "zh"}).language is Language.CHINESE
    with pytest.raises(InputError, match="'language' is one of en, zh"):
        worker_verbs._options({"language": "fr"})
