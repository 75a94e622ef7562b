"""The nodules of the report: what is said of them, their table and pictures, in both languages."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pypdf
import pytest
from PIL import Image

from LungPNetLib.errors import InputError
from LungPNetLib.nodules.colours import ColourMap, colours_of
from LungPNetLib.nodules.finding import Status
from LungPNetLib.report import methods as methods_module
from LungPNetLib.report import nodule_pictures as nodule_pictures_module
from LungPNetLib.report import nodules as report_nodules
from LungPNetLib.report.blocks import Gallery, Paragraph, Section, Table
from LungPNetLib.report.content import build
from LungPNetLib.report.html import write_html
from LungPNetLib.report.language import Language, Words, catalogue
from LungPNetLib.report.methods import methods
from LungPNetLib.report.nodule_pictures import MOST_PICTURED, nodule_pictures
from LungPNetLib.report.nodules import nodules
from LungPNetLib.report.pdf import write_pdf
from LungPNetLib.result import SCHEMA_VERSION, StudyResult
from LungPNetLib.volume import Volume
from nodule_samples import LEFT_BALL, RIGHT_BALL, a_chest, findings, stage_record
from report_samples import a_result

BIG_BALL = ((-60.0, -20.0, 10.0), 17.0)
BALLS = (RIGHT_BALL, LEFT_BALL, BIG_BALL)
SCORES = (0.95, 0.81, 0.7)


@pytest.fixture(scope="module")
def chest() -> tuple[Volume, Volume, Volume]:
    return a_chest(balls=BALLS)


@pytest.fixture(scope="module")
def result(chest) -> StudyResult:
    return a_result(nodules=findings(*chest, SCORES), nodule_stage=stage_record())


@pytest.fixture(scope="module")
def summary(result, chest) -> Section:
    return nodules(result, chest[0], Words())


@pytest.fixture(scope="module")
def pictures(result, chest) -> Section:
    return pictured(result, chest)


def pictured(result: StudyResult, chest, language: Language = Language.ENGLISH) -> Section | None:
    ct, _, labels = chest
    return nodule_pictures(result.selected_nodules, ct, labels, Words(language))


def said(section: Section) -> str:
    return " ".join(f"{b.title} {b.text}" for b in section.blocks if isinstance(b, Paragraph))


def table(section: Section) -> Table:
    (found,) = [block for block in section.blocks if isinstance(block, Table)]
    return found


def galleries(section: Section) -> list[Gallery]:
    return [block for block in section.blocks if isinstance(block, Gallery)]


def pixels_of(figure) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(figure.picture.data)).convert("RGB")).astype(int)


# ------------------------------------------------------------------ what is said


def test_what_is_shown_is_counted_by_its_name(summary):
    assert said(summary).startswith("Shown: 2 nodules, 1 mass ")


def test_what_is_not_shown_is_counted_and_stays_out(result, chest):
    fewer = replace(
        result, nodules=[replace(one, selected=one.score > 0.8) for one in result.nodules]
    )
    section = nodules(fewer, chest[0], Words())
    assert said(section).startswith("Shown: 2 nodules ")
    assert "not shown: 1." in said(section)
    assert [row[0] for row in table(section).rows] == ["Nodule 1", "Nodule 2"]
    assert len(galleries(pictured(fewer, chest))) == 2


def test_a_finding_keeps_the_number_of_its_label(result, chest):
    last = [replace(one, selected=one is result.nodules[2]) for one in result.nodules]
    section = nodules(replace(result, nodules=last), chest[0], Words())
    assert [row[0] for row in table(section).rows] == ["Mass 3"]


def test_the_operating_point_is_explained_with_what_it_reached(summary):
    words = said(summary)
    assert "up to 1 false finding a scan, as measured on validation patients" in words
    assert "in 20 scans with 30 nodules, it found 70 % of the nodules" in words
    assert "with 0.90 false findings a scan" in words


def test_a_rate_below_one_is_a_fraction(result, chest):
    stage = {**stage_record(), "operating_rate": 0.25}
    words = said(nodules(replace(result, nodule_stage=stage), chest[0], Words()))
    assert "up to 1/4 false findings a scan" in words
    assert "40 % of the nodules" in words


def test_a_point_without_threshold_says_why_nothing_is_shown(result, chest):
    points = stage_record()["operating_points"]
    points["points"][1]["threshold"] = None
    stage = {**stage_record(), "threshold": None, "operating_points": points}
    hidden = [replace(one, selected=False) for one in result.nodules]
    nothing = replace(result, nodules=hidden, nodule_stage=stage)
    words = said(nodules(nothing, chest[0], Words()))
    assert "No score is high enough" in words
    assert "it found" not in words


def test_weights_without_operating_points_promise_nothing(result, chest):
    stage = {**stage_record(), "threshold": 0.5, "operating_points": None}
    words = said(nodules(replace(result, nodule_stage=stage), chest[0], Words()))
    assert "a score of 0.50 or more" in words
    assert "not known" in words
    assert "validation" not in words


def test_nothing_found_excludes_nothing(result, chest):
    none = replace(result, nodules=[])
    section = nodules(none, chest[0], Words())
    assert "No nodule was found at this operating point. This does not exclude" in said(section)
    assert "not shown: 0." in said(section)
    assert all(isinstance(block, Paragraph) for block in section.blocks)
    assert pictured(none, chest) is None


def test_a_stage_that_did_not_run_is_no_finding(chest):
    assert said(nodules(a_result(), chest[0], Words())).strip() == (
        "Nodules were not looked for in this analysis, so the report says nothing about them."
    )


def test_the_networks_are_named_with_what_they_were_trained_on(result, chest):
    stage = stage_record()
    cohort = "made-up patients (generator A) and 9 real patients"
    models = [
        {"id": stage[task], "task": f"nodule-{task}", "trained_on": cohort, "origin": "shipped"}
        for task in ("segmenter", "detector")
    ]
    known = replace(result, models=models)
    words = said(nodules(known, chest[0], Words()))
    assert f"Found by the network {stage['detector']}, trained on {cohort}." in words
    assert f"Outlined by the network {stage['segmenter']}, trained on {cohort}." in words
    rows = dict(methods(known, Words()).blocks[0].rows)
    assert rows["Network: outlines of nodules"] == (
        f"{stage['segmenter']}, trained on {cohort}, comes with LungPNet"
    )
    rows = dict(methods(known, Words(Language.CHINESE)).blocks[0].rows)
    assert rows["神经网络：结节检测"] == (
        f"{stage['detector']}，训练数据：合成患者（generator A）和 9 名真实患者，随 LungPNet 提供"
    )


# ------------------------------------------------------------------ the table


def test_a_row_holds_place_sizes_density_and_score(summary, result):
    row = dict(zip(table(summary).header, table(summary).rows[0], strict=True))
    number, level = re.fullmatch(r"(\d+)\s\(−(\d+\.\d)\)", row["Slice (z,\u00a0mm)"]).groups()
    assert float(level) == pytest.approx(20, abs=1.3), "the slice nearest to the centre"
    assert int(number) == result.nodules[0].measurements.slice_number + 1
    long_mm, short_mm = row["Long × short axis (mm)"].split("\u00a0×\u00a0")
    assert float(long_mm) == pytest.approx(14, abs=1.5)
    assert float(short_mm) == pytest.approx(14, abs=1.5)
    assert int(row["Mean (mm)"]) == pytest.approx(14, abs=1)
    assert int(row["Volume (mm³)"]) == pytest.approx(4 / 3 * np.pi * 7**3, rel=0.05)
    del row["Slice (z,\u00a0mm)"], row["Long × short axis (mm)"]
    del row["Mean (mm)"], row["Volume (mm³)"]
    assert row == {
        "Finding": "Nodule 1",
        "Place": "Right, lower\u00a0third",
        "Type": "solid",
        "Mean (HU)": "100",
        "Score, not a probability": "0.95",
        "Status": "open",
    }


def test_units_stand_in_the_header_and_the_mass_is_named(summary):
    assert [row[0] for row in table(summary).rows] == ["Nodule 1", "Nodule 2", "Mass 3"]
    header = table(summary).header
    assert sum("mm" in name for name in header) == 4
    assert "Mean (HU)" in header
    assert any("longer than 30 mm" in note for note in table(summary).notes)


def test_the_level_is_that_of_the_patient_whatever_the_order_of_slices(result, chest):
    def flipped(volume: Volume) -> Volume:
        top = tuple(volume.index_to_world((0, 0, volume.shape[0] - 1)))
        return Volume(volume.array[::-1], volume.spacing_mm, top, np.diag([1.0, 1.0, -1.0]))

    other = tuple(flipped(volume) for volume in chest)
    levels = []
    for scan in (chest, other):
        one = replace(result, nodules=findings(*scan, SCORES[:1]))
        cell = table(nodules(one, scan[0], Words())).rows[0][2]
        levels.append(float(cell.split("\u00a0")[1].strip("()").replace("−", "-")))
    assert levels == pytest.approx([-20, -20], abs=2.5), "a ball may have two largest sections"


def test_what_a_person_put_in_and_judged_is_told(result, chest):
    judged = [
        replace(result.nodules[0], score=None, status=Status.ACCEPTED),
        replace(result.nodules[1], status=Status.REJECTED),
        replace(result.nodules[2], measurements=None, type_finding=None, heterogeneity=None),
    ]
    rows = table(nodules(replace(result, nodules=judged), chest[0], Words())).rows
    assert (rows[0][8], rows[0][9]) == ("", "accepted")
    assert rows[1][9] == "rejected"
    assert rows[2] == ("Nodule 3", "", "", "", "", "", "", "", "0.70", "open")


# ------------------------------------------------------------------ the pictures


def test_each_finding_is_outlined_in_three_planes_and_coloured(pictures):
    assert len(galleries(pictures)) == 3
    first = galleries(pictures)[0]
    planes = [figure.caption.split(",")[0] for figure in first.figures]
    assert planes == ["Axial", "Coronal", "Sagittal", "HU in colours"]
    # 14 mm across, with 12 mm around on all sides.
    for figure in first.figures[:3]:
        pixels = pixels_of(figure)
        yellow = (pixels[..., 0] > 180) & (pixels[..., 1] > 140) & (pixels[..., 2] < 90)
        rows, columns = np.nonzero(yellow)
        assert np.ptp(columns) / pixels.shape[1] == pytest.approx(14 / 38, abs=0.06)
        assert np.ptp(rows) / pixels.shape[0] == pytest.approx(14 / 38, abs=0.08)
        assert (rows.min() + rows.max()) / 2 == pytest.approx(pixels.shape[0] / 2, rel=0.1)


def test_the_colours_are_those_of_the_scale(pictures):
    pixels = pixels_of(galleries(pictures)[0].figures[3])
    height = pixels.shape[0]
    expected = colours_of([100.0], ColourMap.JET)[0].tolist()
    assert pixels[height // 2, 22 + 120].tolist() == expected


def test_numbers_stand_with_the_pictures_and_are_explained(pictures, result):
    words = said(pictures)
    assert "Nodule 1: Right, lower\u00a0third, " in words
    numbers = result.nodules[0].heterogeneity
    assert f"Mean {numbers.mean_hu:.0f} HU, SD {numbers.sd_hu:.0f} HU" in words
    for term in ("Skewness:", "Entropy:", "−1000 (blue) to 400 HU (red)", "Window −1350 to 150"):
        assert term in words


def test_a_nodule_at_the_edge_of_the_image_is_shown_in_a_black_margin(result, chest):
    (x, y, z), radius = RIGHT_BALL
    start = np.rint(chest[0].world_to_index((x - radius, y - radius, z - radius))).astype(int)
    parts = tuple(
        v.cropped(start.tolist(), [n - int(s) for n, s in zip(v.shape[::-1], start, strict=True)])
        for v in chest
    )
    section = pictured(replace(result, nodules=findings(*parts, SCORES[:1])), parts)
    axial = pixels_of(galleries(section)[0].figures[0])
    assert axial[60:100, 20:60].max() < 30, "beyond the image"
    assert axial[120, 120].min() > 200, "the nodule stays in the middle"


def with_many(result: StudyResult, chest, count: int) -> tuple[StudyResult, Volume]:
    """So many findings, each with a small outline."""
    labels = chest[2].with_array(np.zeros_like(chest[2].array))
    for label in range(1, count + 1):
        z, x = divmod(label, 40)
        labels.array[3 * z : 3 * z + 2, 20:22, 3 * x : 3 * x + 2] = label
    return replace(result, nodules=[result.nodules[0]] * count), labels


def test_more_findings_than_pictures_are_told(result, chest):
    many, labels = with_many(result, chest, MOST_PICTURED + 3)
    section = pictured(many, (*chest[:2], labels))
    assert len(galleries(section)) == MOST_PICTURED
    told = f"the {MOST_PICTURED} findings with the highest scores, of {MOST_PICTURED + 3}"
    assert told in said(section)


def test_findings_without_outlines_are_not_drawn(result, chest):
    nothing = chest[2].with_array(np.zeros_like(chest[2].array))
    for labels in (None, nothing):
        assert pictured(result, (*chest[:2], labels)) is None


def test_outlines_of_another_grid_are_refused(result, chest):
    ct, lungs, labels = chest
    shifted = Volume(labels.array, labels.spacing_mm, (0.0, 0.0, 0.0))
    with pytest.raises(InputError, match="does not lie on the grid"):
        pictured(result, (ct, lungs, shifted))


# ------------------------------------------------------------------ Chinese, and the files


def texts_in(value: object) -> set[str]:
    """The strings of a constant of a module, but for colours and spaces."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple):
        return set().union(*(texts_in(part) for part in value))
    return {value} if isinstance(value, str) and value.strip() else set()


@pytest.mark.parametrize("module", [report_nodules, nodule_pictures_module, methods_module])
def test_every_text_has_a_translation(module):
    texts = [
        texts_in(value) for name, value in vars(module).items() if re.fullmatch("_?[A-Z_]+", name)
    ]
    wanted = set().union(*texts) - {*methods_module._TOLD, SCHEMA_VERSION}
    assert len(wanted) > 5
    assert {text for text in wanted if text not in catalogue(Language.CHINESE).texts} == set()


def test_nothing_that_the_pictures_ask_for_is_missing_in_chinese(monkeypatch, result, chest):
    found: list[str] = []
    real = Words.__call__
    monkeypatch.setattr(
        Words, "__call__", lambda self, text: (found.append(text), real(self, text))[1]
    )
    pictured(result, chest, Language.CHINESE)
    assert len(set(found)) > 15
    assert {text for text in found if text not in catalogue(Language.CHINESE).texts} == set()


def test_chinese_has_the_same_numbers(result, chest, summary):
    chinese = nodules(result, chest[0], Words(Language.CHINESE))
    ours, theirs = table(summary).rows, table(chinese).rows
    for column in (2, 3, 4, 5, 7, 8):
        assert [row[column] for row in ours] == [row[column] for row in theirs]
    assert [row[0] for row in theirs] == ["结节 1", "结节 2", "肿块 3"]
    assert theirs[0][1] == "右肺，下\u00a01/3"
    assert said(chinese).startswith("显示：2 个结节，1 个肿块 ")


def pages_of(path) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(path).pages]


@pytest.mark.parametrize("language", Language)
def test_html_and_pdf_hold_table_and_pictures(language, result, chest, tmp_path):
    ct, lungs, labels = chest
    content = build(result, ct, lungs, language, labels)
    write_html(content, tmp_path / "report.html")
    write_pdf(content, tmp_path / "report.pdf")
    page = (tmp_path / "report.html").read_text("utf-8")
    pages = pages_of(tmp_path / "report.pdf")
    whole = " ".join(" ".join(pages).split())
    name = Words(language)("Mass {number}").format(number=3)
    for text in (page, whole):
        assert name in text
        assert "0.95" in text
    assert all(content.notice in text for text in pages)
    assert "?" not in whole
    # 9 views and a histogram without nodules.
    assert page.count("<img ") == 10 + 3 * 4


def test_sixty_findings_go_over_pages_and_stay_small(result, chest, tmp_path):
    many, labels = with_many(result, chest, 60)
    parts = nodules(many, chest[0], Words()), pictured(many, (*chest[:2], labels))
    content = replace(build(a_result(), *chest[:2]), sections=parts)
    write_html(content, tmp_path / "report.html")
    write_pdf(content, tmp_path / "report.pdf")
    pages = pages_of(tmp_path / "report.pdf")
    assert all("probability" in page for page in pages[:2]), "the header stands on each page"
    assert "Nodule 60" in " ".join(pages)
    for file in ("report.html", "report.pdf"):
        assert (tmp_path / file).stat().st_size < 5e6
