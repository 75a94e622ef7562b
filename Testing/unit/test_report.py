"""The report: slices the right way up and in proportion, nothing lost, nothing executed."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import re
import sys
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from LungPNetLib.errors import DependencyError, InputError
from LungPNetLib.report import fonts, pictures, planes, wording
from LungPNetLib.report.blocks import Gallery, ReportContent
from LungPNetLib.report.content import build
from LungPNetLib.report.html import write_html
from LungPNetLib.report.pdf import write_pdf
from LungPNetLib.report.planes import Plane
from LungPNetLib.result import Verdict
from LungPNetLib.study import Patient
from LungPNetLib.volume import AxisOrder, Volume
from report_samples import a_result, a_thorax, lung_result, quality_checks

NASTY_NAME = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
NASTY_SERIES = "]]>--><svg onload=alert(1)></style><b>&amp;"

# ------------------------------------------------------------------ slices, orientation, scale


def numbered() -> Volume:
    """A volume of 2 x 3 x 4 different voxels in LPS order, with three different spacings."""
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    return Volume(array, spacing_mm=(1.0, 2.0, 5.0), origin_mm=(10.0, 20.0, 30.0))


def test_the_axial_slice_has_patient_right_on_the_left_and_the_front_on_top():
    cut = planes.cut(numbered(), None, Plane.AXIAL, 1)
    assert cut.pixels.tolist() == [[12, 13, 14, 15], [16, 17, 18, 19], [20, 21, 22, 23]]
    assert cut.letters == ("R", "L", "A", "P")
    assert cut.pixel_mm == (1.0, 2.0)
    assert cut.position == "z 35.0 mm"


def test_the_coronal_slice_has_patient_right_on_the_left_and_the_head_on_top():
    cut = planes.cut(numbered(), None, Plane.CORONAL, 0)
    assert cut.pixels.tolist() == [[12, 13, 14, 15], [0, 1, 2, 3]]
    assert cut.letters == ("R", "L", "H", "F")
    assert cut.pixel_mm == (1.0, 5.0)
    assert cut.position == "y 20.0 mm"


def test_the_sagittal_slice_has_the_front_on_the_left_and_the_head_on_top():
    cut = planes.cut(numbered(), None, Plane.SAGITTAL, 3)
    assert cut.pixels.tolist() == [[15, 19, 23], [3, 7, 11]]
    assert cut.letters == ("A", "P", "H", "F")
    assert cut.pixel_mm == (2.0, 5.0)
    assert cut.position == "x 13.0 mm"


ORDERS = [
    AxisOrder(axes, flips)  # type: ignore[arg-type]
    for axes in itertools.permutations(range(3))
    for flips in itertools.product((False, True), repeat=3)
]


@pytest.mark.parametrize("order", ORDERS)
def test_all_48_axis_orders_give_the_same_slices(order):
    expected, stored = numbered(), order.apply(numbered())
    image, labels = planes.upright(stored, stored)
    for plane in Plane:
        wanted = planes.cut(expected, expected, plane, 1)
        got = planes.cut(image, labels, plane, 1)
        assert np.array_equal(got.pixels, wanted.pixels)
        assert np.array_equal(got.labels, wanted.labels)
        assert got.pixel_mm == wanted.pixel_mm
        assert got.position == wanted.position


def test_negative_positions_have_a_minus_sign_and_zero_has_none():
    volume = Volume(np.zeros((2, 2, 2), np.int16), origin_mm=(-0.04, 0.0, -1.5))
    assert planes.cut(volume, None, Plane.SAGITTAL, 0).position == "x 0.0 mm"
    assert planes.cut(volume, None, Plane.AXIAL, 0).position == "z −1.5 mm"


def test_a_mask_of_another_grid_is_refused():
    ct, lungs = a_thorax()
    shifted = replace(lungs, origin_mm=(0.0, 0.0, 0.0))
    with pytest.raises(InputError, match="does not lie on the grid"):
        build(a_result(), ct, shifted)


@given(first=st.integers(0, 50), length=st.integers(1, 80), count=st.integers(1, 12))
def test_spread_slices_are_inside_distinct_and_as_many_as_fit(first, length, count):
    chosen = planes.spread(first, first + length - 1, count)
    assert chosen == sorted(set(chosen))
    assert all(first <= index < first + length for index in chosen)
    assert len(chosen) == min(count, length)


def test_cropping_keeps_the_margin_and_stays_inside():
    ct, lungs = a_thorax()
    image, labels = planes.cropped_around(ct, lungs, 30.0)
    # Lungs span columns 8-55, rows 10-37, slices 4-15; 30 mm are 6, 6 and 3 voxels.
    assert image.shape == labels.shape == (18, 40, 60)
    assert image.index_to_world([0, 0, 0]).tolist() == ct.index_to_world([2, 4, 1]).tolist()


def drawn(cut: planes.Cut, **options) -> np.ndarray:
    picture = pictures.slice_picture(cut, px_per_mm=2.0, alt="", **options)
    return np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGB")).astype(int)


def test_pictures_have_true_proportions_whatever_the_voxel():
    # A 100 x 100 mm white square in voxels of 1 x 5 mm, in the middle of 200 x 200 mm of black.
    hu = np.full((40, 1, 200), -1000, np.int16)
    hu[10:30, :, 50:150] = 1000
    volume = Volume(hu, spacing_mm=(1.0, 1.0, 5.0))
    picture = drawn(planes.cut(volume, None, Plane.CORONAL, 0), window_hu=(-1000.0, 1000.0))
    assert picture.shape[:2] == (400, 400)
    white = picture[:, :, 1] > 128
    white[:, :90], white[:90], white[:, 310:], white[310:] = False, False, False, False
    rows, columns = np.flatnonzero(white.any(axis=1)), np.flatnonzero(white.any(axis=0))
    assert np.ptp(rows) + 1 == pytest.approx(200, abs=6)
    assert np.ptp(columns) + 1 == pytest.approx(200, abs=6)


def test_the_window_decides_what_is_black_and_white():
    hu = np.array([[[-2000, -1350, -600, 150, 3000]]], np.int16).repeat(5, 1)
    volume = Volume(hu, spacing_mm=(50.0, 50.0, 1.0))
    grey = drawn(planes.cut(volume, None, Plane.AXIAL, 0))[180, 50:500:100, 0]
    assert grey[0] < 15
    assert grey[1] < 15
    assert grey[2] == pytest.approx(127, abs=12)
    assert grey[3] > 240
    assert grey[4] > 240


def is_orange(picture: np.ndarray) -> np.ndarray:
    return picture[:, :, 0] - picture[:, :, 2] > 60


def is_blue(picture: np.ndarray) -> np.ndarray:
    return picture[:, :, 2] - picture[:, :, 0] > 60


def test_contours_lie_on_the_border_of_their_lung():
    ct, lungs = a_thorax()
    cut = planes.cut(ct, lungs, Plane.AXIAL, 10)
    both = (pictures.RIGHT_LUNG, pictures.LEFT_LUNG)
    picture = drawn(cut, outlines=both)
    # 10 px a voxel: the right lung spans columns 80-240, the left one 400-560, rows 100-380.
    rows, columns = np.nonzero(is_orange(picture))
    assert [columns.min(), columns.max()] == pytest.approx([80, 240], abs=4)
    assert [rows.min(), rows.max()] == pytest.approx([100, 380], abs=4)
    rows, columns = np.nonzero(is_blue(picture))
    assert [columns.min(), columns.max()] == pytest.approx([400, 560], abs=4)
    assert not is_orange(picture)[120:360, 100:220].any()
    assert not is_blue(drawn(cut, outlines=both[:1])).any()


def test_right_and_left_contour_differ_in_a_grey_print():
    ct, lungs = a_thorax()
    cut = planes.cut(ct, lungs, Plane.AXIAL, 10)
    grey = drawn(cut, outlines=(pictures.RIGHT_LUNG, pictures.LEFT_LUNG)).mean(axis=2)
    # Along the middle of the line: even where it is solid, light and dark where it is dashed.
    right, left = grey[110:370, 239:241].mean(axis=1), grey[110:370, 399:401].mean(axis=1)
    assert right.min() > 120
    assert np.ptp(right) < 60
    assert left.min() < 60 < 120 < left.max()


def test_letters_and_scale_bar_are_drawn_outside_a_flat_slice():
    slab = Volume(np.full((2, 50, 300), 40, np.int16), spacing_mm=(1.0, 1.0, 1.0))
    picture = drawn(planes.cut(slab, None, Plane.CORONAL, 0))
    assert picture.shape[0] >= 300
    assert (picture[: picture.shape[0] // 2 - 10] > 200).any(), "letters above the slab"
    bar = (picture[picture.shape[0] // 2 + 10 :].min(axis=2) > 200).sum(axis=1).max()
    assert bar == pytest.approx(200, abs=8), "10 cm at 2 px a mm"


@pytest.mark.parametrize(("width_mm", "length_cm"), [(320, 10), (299, 5), (40, 1), (2, 0.1)])
def test_the_scale_bar_is_round_and_at_most_a_third(width_mm, length_cm):
    assert pictures.bar_length_cm(width_mm) == length_cm


# ------------------------------------------------------------------ what the report says


@pytest.fixture(scope="module")
def thorax() -> tuple[Volume, Volume]:
    return a_thorax()


@pytest.fixture(scope="module")
def content(thorax) -> ReportContent:
    return build(a_result(), *thorax)


def section(content: ReportContent, title: str):
    return next(section for section in content.sections if section.title == title)


def titles(content: ReportContent) -> list[str]:
    return [section.title for section in content.sections]


def test_the_sections_stand_in_the_order_of_reading(content):
    assert titles(content) == [
        "Image quality",
        "Warnings",
        "Nodules",
        "Lung volumes and densities",
        "Views",
        "Not written",
        "Methods",
    ]


def test_stages_that_did_not_run_leave_no_section_but_that_of_the_nodules(thorax):
    result = a_result(lungs=None, quality=[], warnings=[], not_written={})
    assert titles(build(result, thorax[0], None)) == ["Nodules", "Views", "Methods"]


def test_the_worst_checks_come_first_with_value_unit_and_meaning(content):
    (checks,) = section(content, "Image quality").blocks
    assert checks.verdict is Verdict.REFUSE
    assert "1 of 4 refused, 1 of 4 with a warning" in checks.summary
    assert [(row.verdict.value, row.measured) for row in checks.rows] == [
        ("refuse", "3"),
        ("warn", "34.2 HU"),
        ("pass", "0°"),
        ("pass", "not measured"),
    ]
    assert checks.rows[1].meaning == "Noise raises LAA-950."


def test_the_density_table_has_its_caveats_under_it(content):
    table = section(content, "Lung volumes and densities").blocks[0]
    assert table.header == ("Lung", "Volume (mL)", "Mean (HU) *", "LAA-950 (%) *", "Perc15 (HU) *")
    assert table.rows[0] == ("Right", "2744", "−862", "8.0", "−929")
    assert table.notes[0] == "* Contrast agent lowers LAA-950."


def test_one_lung_alone_is_reported_as_one(thorax):
    ct, lungs = thorax
    full = lung_result()
    one = replace(
        full,
        measurements=full.measurements[:1],
        density_caveats=(),
        histogram_ml={"right": full.histogram_ml["right"]},
    )
    right = lungs.with_array(np.where(lungs.array == 1, 1, 0).astype(np.uint8))
    content = build(a_result(lungs=one), ct, right)
    table = section(content, "Lung volumes and densities").blocks[0]
    assert [row[0] for row in table.rows] == ["Right"]
    assert not any("*" in name for name in table.header)
    assert "left" not in " ".join(captions(content))


def captions(content: ReportContent) -> list[str]:
    return [
        figure.caption
        for block in section(content, "Views").blocks
        if isinstance(block, Gallery)
        for figure in block.figures
    ]


def test_the_views_go_through_both_lungs_from_head_to_feet(content):
    # Most lung in a coronal slice: rows 10-37, the first of them; sagittal likewise.
    assert captions(content) == [
        "Coronal, y −70.0 mm",
        "Sagittal, right lung, x −120.0 mm",
        "Sagittal, left lung, x 40.0 mm",
        *[f"Axial, z −{z}.0 mm" for z in (150, 170, 190, 210, 230, 250)],
    ]


def test_without_lungs_or_with_an_empty_mask_the_views_are_plain(thorax):
    ct, lungs = thorax
    empty = lungs.with_array(np.zeros_like(lungs.array))
    for mask in (None, empty):
        plain = build(a_result(lungs=None), ct, mask)
        assert len(captions(plain)) == 9
        assert "contour" not in section(plain, "Views").blocks[0].text


def test_a_slab_of_three_slices_is_shown_whole():
    ct, lungs = a_thorax()
    slab, mask = (volume.cropped((0, 0, 8), (64, 48, 3)) for volume in (ct, lungs))
    content = build(a_result(), slab, mask)
    assert sum(caption.startswith("Axial") for caption in captions(content)) == 3


def test_de_identified_reports_hold_no_identity(thorax):
    content = build(a_result(deidentified=True), *thorax)
    text = repr(replace(content, sections=()))
    for secret in ("Doe", "Jane", "PID-7", "1943", "female", "ACC-9"):
        assert secret not in text
    assert "de-identified" in text


def test_the_head_names_patient_and_examination(content):
    assert dict(content.patient.rows) == {
        "Name": "Doe, Jane",
        "Patient ID": "PID-7",
        "Birth date": "1943-07-15",
        "Sex": "female",
    }
    examination = dict(content.examination.rows)
    assert examination["Scanner"] == "ACME Scan 64"
    assert examination["Kernel"] == "B30f"
    assert examination["Slices"] == "20, every 10 mm, thickness 10 mm"
    assert examination["Pixels"] == "64 × 48 of 5.000 × 5.000 mm"
    assert "Contrast agent" not in examination


def test_methods_hold_versions_models_and_the_date(content):
    rows = dict(section(content, "Methods").blocks[0].rows)
    assert "version 0.1.0" in rows["Software"]
    assert "numpy 2.4.6" in rows["Software"]
    network = rows["Network: lungs"]
    assert network.startswith("lung-unet, trained on made-up patients and 3 real patients, comes ")
    assert "ab" * 32 in network
    assert rows["Run started"] == "2024-02-01T10:00:00Z"
    assert "deidentify no" in rows["Run"]
    assert rows["Result format"].endswith("schema version 1.0")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou (山田 太郎, やまだ たろう)"),
        ("=王^小明", "王 小明"),
        ("Müller^Jürgen", "Müller, Jürgen"),
        ("Smith^^^Dr.^Jr.", "Smith, Dr., Jr."),
        ("Anonymous", "Anonymous"),
        ("^Given", "Given"),
        ("", ""),
    ],
)
def test_person_names_are_readable(raw, shown):
    assert wording.person_name(raw) == shown


@given(st.text(max_size=80))
def test_no_name_breaks_the_wording(raw):
    assert wording.person_name(raw).isprintable()


# ------------------------------------------------------------------ HTML


class Page(HTMLParser):
    """Collects the elements and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def html_of(content: ReportContent, folder: Path) -> str:
    write_html(content, folder / "report.html")
    return (folder / "report.html").read_text("utf-8")


def policy_of(page: Page) -> str:
    (policy,) = [m for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    return policy["content"] or ""


def test_strings_from_dicom_are_never_markup(thorax, tmp_path):
    nasty = a_result(
        patient=Patient(NASTY_NAME, NASTY_NAME, NASTY_NAME, NASTY_NAME),
        acquisition=replace(
            a_result().acquisition, series_description=NASTY_SERIES, kernel=NASTY_NAME
        ),
        quality=[replace(check, meaning=NASTY_SERIES) for check in quality_checks()],
        warnings=[NASTY_SERIES],
        not_written={NASTY_NAME: NASTY_SERIES},
        software={NASTY_NAME: NASTY_SERIES},
    )
    page = Page(html_of(build(nasty, *thorax), tmp_path))
    assert not page.all("script")
    assert not page.all("svg")
    assert not page.all("b")
    assert len(page.all("style")) == 1
    assert NASTY_NAME in page.text
    assert NASTY_SERIES in page.text
    assert all((image["src"] or "").startswith("data:image/") for image in page.all("img"))
    names = {name for _, attributes in page.elements for name in attributes}
    assert not [name for name in names if name.startswith("on")]


def test_the_policy_allows_this_style_sheet_and_nothing_that_runs(content, tmp_path):
    text = html_of(content, tmp_path)
    page = Page(text)
    style = text[text.index("<style>") + 7 : text.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    directives = policy_of(page).split("; ")
    assert directives[:3] == [
        "default-src 'none'",
        "img-src data:",
        f"style-src 'sha256-{digest}'",
    ]
    assert "script-src" not in policy_of(page)
    assert not [attributes for _, attributes in page.elements if "style" in attributes]
    assert not re.findall(r"https?:|url\(|@import", text)
    assert not re.findall(r'(?:src|href)="(?!data:image/)', text)


def test_html_says_everything_once_and_every_picture_has_words(content, tmp_path):
    page = Page(html_of(content, tmp_path))
    for words in ("Research use only, not for diagnosis", "Doe, Jane", "PID-7", "2744", "REFUSE"):
        assert words in page.text
    assert len(page.all("img")) == 10
    assert all(image["alt"] for image in page.all("img"))


# ------------------------------------------------------------------ PDF


def pages_of(content: ReportContent, folder: Path) -> list[str]:
    write_pdf(content, folder / "report.pdf")
    return [page.extract_text() for page in pypdf.PdfReader(folder / "report.pdf").pages]


def test_every_pdf_page_has_notice_patient_and_number(content, tmp_path):
    pages = pages_of(content, tmp_path)
    assert 2 <= len(pages) <= 4
    for number, text in enumerate(pages, 1):
        assert "Research use only, not for diagnosis" in text
        assert "Patient ID: PID-7" in text
        assert f"Page {number} of {len(pages)}" in text


def test_the_first_pdf_page_has_the_verdicts(content, tmp_path):
    first = pages_of(content, tmp_path)[0]
    for words in ("Doe, Jane", "1943-07-15", "REFUSE", "WARN", "PASS", "34.2 HU", "Three slices"):
        assert words in first


def test_pdf_markup_in_strings_is_shown_as_it_is(thorax, tmp_path):
    series = '<b>bold</b> <img src="/etc/passwd"/> </para> & <font color="red">'
    nasty = a_result(
        patient=Patient("<para>Doe", "<b>7", "", ""),
        acquisition=replace(a_result().acquisition, series_description=series),
        warnings=["a < b && c > d", NASTY_SERIES],
    )
    text = " ".join(" ".join(pages_of(build(nasty, *thorax), tmp_path)).split())
    for words in (*series.split(), "Patient ID: <b>7", "<para>Doe", "a < b && c > d", "]]>-->"):
        assert words in text


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", ["Yamada, Tarou", "山田 太郎", "やまだ たろう"]),
        ("Müller^Jürgen", ["Müller, Jürgen"]),
        ("Иванов^Иван", ["Иванов, Иван"]),
        ("Παπαδόπουλος^Γιώργος", ["Παπαδόπουλος, Γιώργος"]),
        ("Hong^Gildong=洪^吉洞=홍^길동", ["Hong, Gildong", "洪 吉洞", "홍 길동"]),
        ("Wang^XiaoDong=王^小东", ["Wang, XiaoDong", "王 小东"]),
    ],
)
def test_names_in_other_scripts_can_be_read_from_the_pdf(raw, parts, thorax, tmp_path):
    content = build(a_result(patient=Patient(raw, "7"), lungs=None), thorax[0], None)
    text = " ".join(pages_of(content, tmp_path)[0].split())
    for part in parts:
        assert part in text


def test_characters_without_a_font_become_question_marks():
    assert fonts.markup("A\N{GRINNING FACE}B") in ("A?B", "A\N{GRINNING FACE}B")
    assert fonts.markup("\U00020bb7") == "?"
    assert fonts.markup("a<b>&c") == "a&lt;b&gt;&amp;c"


def test_hebrew_is_drawn_from_right_to_left():
    assert fonts.markup("ID 12, כהן, דוד (x)") == "ID 12, דוד ,ןהכ (x)"


def test_endless_strings_are_cut_and_break_no_page(thorax, tmp_path):
    endless = a_result(
        patient=Patient("W" * 5000, "1" * 5000, "x" * 5000, "y" * 5000),
        acquisition=replace(
            a_result().acquisition, series_description="界" * 5000, manufacturer="m " * 5000
        ),
        quality=[
            replace(check, title="T" * 3000, value="V" * 3000, meaning="sense " * 900)
            for check in quality_checks()
        ],
        warnings=["w" * 5000] * 20,
        software={"name": "n" * 5000, "packages": {f"package{i}": "1" * 50 for i in range(300)}},
    )
    content = build(endless, *thorax)
    pages = pages_of(content, tmp_path)
    assert all("Research use only" in page for page in pages)
    assert "…" in pages[0]
    assert len(html_of(content, tmp_path)) < 3e6


# ------------------------------------------------------------------ packages, size, speed


@pytest.mark.parametrize("missing", ["reportlab.pdfbase.pdfmetrics", "matplotlib"])
def test_a_missing_pdf_package_is_named_with_its_remedy(missing, content, tmp_path, monkeypatch):
    fonts.register.cache_clear()
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(DependencyError, match=r"lungpnet\[report\]"):
        write_pdf(content, tmp_path / "report.pdf")


def test_a_missing_template_engine_is_named_with_its_remedy(content, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(DependencyError, match=r"jinja2.*lungpnet\[report\]"):
        write_html(content, tmp_path / "report.html")


def test_missing_matplotlib_is_named_with_its_remedy(thorax, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(DependencyError, match=r"matplotlib.*lungpnet\[report\]"):
        build(a_result(), *thorax)


def test_a_real_ct_gives_small_files_in_seconds(real_data, tmp_path):
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    folder = str(real_data / "lidc-0028" / "ct")
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
    ct = Volume.from_sitk(reader.Execute())
    dark = (ct.array < -500).astype(np.uint8)
    started = time.process_time()
    content = build(a_result(), ct, ct.with_array(dark))
    write_html(content, tmp_path / "report.html")
    write_pdf(content, tmp_path / "report.pdf")
    assert time.process_time() - started < 6
    assert (tmp_path / "report.html").stat().st_size < 3e6
    assert (tmp_path / "report.pdf").stat().st_size < 3e6
    assert 2 <= len(pypdf.PdfReader(tmp_path / "report.pdf").pages) <= 4
