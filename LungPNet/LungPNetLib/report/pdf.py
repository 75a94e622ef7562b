"""The report as a PDF for A4 paper."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from LungPNetLib.report import fonts
from LungPNetLib.report.blocks import (
    Block,
    Bullets,
    Checks,
    Facts,
    Gallery,
    Paragraph,
    ReportContent,
    Section,
    Table,
)
from LungPNetLib.result import Verdict

_MM = 72 / 25.4
_WIDTH = 182 * _MM
_GAP = 3 * _MM
_TALLEST_FIGURE = 59 * _MM
_MOST_ROWS_TOGETHER, _MOST_COLUMNS = 5, 8
"""Of a table that stays on one page, and of one in the size of other text."""
_INK, _GREY, _RULE = "#1b2733", "#51626f", "#c3ccd4"
_VERDICTS = {
    Verdict.PASS: ("#ffffff", "#1f6f43"),
    Verdict.WARN: ("#ffe2a8", "#5c3800"),
    Verdict.REFUSE: ("#98180f", "#ffffff"),
}
"""Background and text of each verdict: white, light and dark, so that grey prints differ too."""


def write_pdf(content: ReportContent, path: Path) -> None:
    """Write the report to ``path``; every page names the patient ID and its number.

    Raises
    ------
    DependencyError
        reportlab or matplotlib (whose fonts are used) is not installed.
    OSError
        The file cannot be written.
    """
    fonts.register()
    # Only a finished document knows how many pages it has.
    pages, _ = _typeset(content, pages=0)
    _, data = _typeset(content, pages)
    path.write_bytes(data)


def _typeset(content: ReportContent, pages: int) -> tuple[int, bytes]:
    """The number of pages, and the document with ``pages`` printed as their number."""
    from reportlab.platypus import SimpleDocTemplate

    buffer = io.BytesIO()
    document = SimpleDocTemplate(
        buffer,
        pagesize=(210 * _MM, 297 * _MM),
        leftMargin=14 * _MM - 6,  # the frame pads by 6 points
        rightMargin=14 * _MM - 6,
        topMargin=18 * _MM,
        bottomMargin=15 * _MM,
        title=content.title,
        author="LungPNet",
        lang=content.language.tag,
    )

    def margins(canvas: Any, document: Any) -> None:
        _draw_margins(canvas, content, content.page_line.format(page=document.page, pages=pages))

    document.build(_story(content), onFirstPage=margins, onLaterPages=margins)
    return document.page, buffer.getvalue()


def _draw_margins(canvas: Any, content: ReportContent, page: str) -> None:
    top, bottom, left = 285 * _MM, 9 * _MM, 14 * _MM
    canvas.saveState()
    canvas.setStrokeColor(_INK)
    canvas.setLineWidth(1.2)
    canvas.line(left, top - 3 * _MM, left + _WIDTH, top - 3 * _MM)
    for line, y in (
        (_text(content.notice, size=10, bold=True), top),
        (_text(content.title, size=8, alignment=2), top),
        (_text(content.running_line, size=8), bottom),
        (_text(page, size=8, alignment=2), bottom),
    ):
        line.wrap(_WIDTH, 10)
        # The letters stand that much above the lower edge of their line.
        line.drawOn(canvas, left, y - 0.3 * line.style.fontSize)
    canvas.restoreState()


def _story(content: ReportContent) -> list[Any]:
    from reportlab.platypus import Spacer
    from reportlab.platypus import Table as Grid

    head = [[_text(title, bold=True) for title in content.head_titles]]
    widths = [84 * _MM, _WIDTH - 84 * _MM]
    head.append(
        [
            _facts(facts, width - 4 * _MM, 33 * _MM)
            for facts, width in zip((content.patient, content.examination), widths, strict=True)
        ]
    )
    rules = [("LINEBELOW", (0, 0), (-1, 0), 0.6, _RULE)]
    story: list[Any] = [
        _text(content.title, size=15, bold=True),
        Spacer(1, 3 * _MM),
        Grid(head, widths, style=[*_TIGHT, *rules]),
    ]
    for section in content.sections:
        story += [Spacer(1, 4 * _MM), *_section(section)]
    return story


def _section(section: Section) -> list[Any]:
    """A heading and running text stay on the page of what they introduce."""
    from reportlab.platypus import CondPageBreak, KeepTogether

    story: list[Any] = []
    waiting = [_heading(section)]
    for block in section.blocks:
        flowables = _block(block)
        match block:
            case Paragraph() | Bullets():
                waiting += flowables
                continue
            case Table() if len(block.rows) <= _MOST_ROWS_TOGETHER:
                story.append(KeepTogether([*waiting, *flowables]))
            case Gallery():
                story += [KeepTogether([*waiting, flowables[0]]), *flowables[1:]]
            case Table():
                grid, *notes = flowables
                story += [CondPageBreak(70 * _MM), *waiting, grid, KeepTogether(notes)]
            case Facts() | Checks():  # long tables that may go on over the page
                story += [CondPageBreak(25 * _MM), *waiting, *flowables]
        waiting = []
    return [*story, KeepTogether(waiting)]


_TIGHT = [
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ("TOPPADDING", (0, 0), (-1, -1), 1.5),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
]


def _heading(section: Section) -> Any:
    from reportlab.platypus import Table as Grid

    rules = [("LINEBELOW", (0, 0), (-1, 0), 0.6, _RULE)]
    return Grid([[_text(section.title, size=11, bold=True)]], [_WIDTH], style=[*_TIGHT, *rules])


def _text(
    text: str, *, size: float = 8.5, bold: bool = False, colour: str = _INK, alignment: int = 0
) -> Any:
    """A paragraph of plain text; ``alignment`` 0 left, 1 centred, 2 right."""
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph as Flow

    style = ParagraphStyle(
        "text",
        fontName=fonts.BOLD if bold and not fonts.is_asian(text) else fonts.REGULAR,
        fontSize=size,
        leading=size * 1.3,
        textColor=colour,
        alignment=alignment,
        splitLongWords=1,
        wordWrap="CJK" if fonts.is_asian_prose(text) else None,
    )
    return Flow(fonts.markup(text), style)


def _block(block: Block) -> list[Any]:
    match block:
        case Paragraph():
            title = [_spaced(_text(block.title, bold=True))] if block.title else []
            return [*title, _spaced(_text(block.text))]
        case Bullets():
            return [_spaced(_bullet(item)) for item in block.items]
        case Facts():
            return [_facts(block, _WIDTH, 34 * _MM)]
        case Table():
            return _numbers(block)
        case Checks():
            return [_overall(block), _check_table(block)]
        case Gallery():
            return _gallery(block)


def _spaced(flowable: Any) -> Any:
    flowable.spaceBefore = flowable.spaceAfter = 3
    return flowable


def _bullet(item: str) -> Any:
    flowable = _text(f"•  {item}")
    flowable.style.leftIndent, flowable.style.firstLineIndent = 10, -10
    return flowable


def _facts(block: Facts, width: float, name_width: float) -> Any:
    from reportlab.platypus import Table as Grid

    rows = [[_text(name, colour=_GREY), _text(value)] for name, value in block.rows]
    return Grid(rows, [name_width, width - name_width], style=_TIGHT)


def _numbers(block: Table) -> list[Any]:
    from reportlab.platypus import Table as Grid

    left = (0, *block.texts)
    size = 8.5 if len(block.header) <= _MOST_COLUMNS else 7.8
    rows = [
        [
            _text(cell, size=size, bold=bold or i == 0, alignment=0 if i in left else 2)
            for i, cell in enumerate(row)
        ]
        for bold, row in [(True, block.header), *((False, row) for row in block.rows)]
    ]
    # Words begin away from the number that ends before them.
    apart = [("LEFTPADDING", (i, 0), (i, -1), 6) for i in block.texts]
    rules = [("LINEBELOW", (0, 0), (-1, -1), 0.4, _RULE)]
    shares = block.shares or (1.0,) * len(block.header)
    widths = [_WIDTH * share / sum(shares) for share in shares]
    grid = Grid(rows, widths, repeatRows=1, style=[*_TIGHT, *rules, *apart])
    return [grid, *(_spaced(_text(note, size=7.8)) for note in block.notes)]


def _badge(verdict: Verdict, text: str, size: float) -> Any:
    from reportlab.platypus import Table as Grid

    background, colour = _VERDICTS[verdict]
    word = _text(text, size=size, bold=True, colour=colour, alignment=1)
    style = [
        *_TIGHT,
        ("BACKGROUND", (0, 0), (-1, -1), background),
        ("BOX", (0, 0), (-1, -1), 0.8, background if colour == "#ffffff" else colour),
        ("RIGHTPADDING", (0, 0), (-1, -1), 0),
    ]
    return Grid([[word]], [size * 6.2], style=style)


def _overall(block: Checks) -> Any:
    from reportlab.platypus import Table as Grid

    cells = [_badge(block.verdict, block.verdict_word, 11), _text(block.summary, size=9.5)]
    style = [*_TIGHT, ("VALIGN", (0, 0), (-1, -1), "MIDDLE")]
    return _spaced(Grid([cells], [28 * _MM, _WIDTH - 28 * _MM], style=style))


def _check_table(block: Checks) -> Any:
    from reportlab.platypus import Table as Grid

    rows = [[_text(name, bold=True, colour=_GREY) for name in block.header]]
    rows += [
        [
            _text(row.title, bold=True),
            _text(row.measured),
            _badge(row.verdict, row.verdict_word, 7.5),
            _text(row.meaning),
        ]
        for row in block.rows
    ]
    widths = [38 * _MM, 34 * _MM, 20 * _MM, _WIDTH - 92 * _MM]
    rules = [("LINEBELOW", (0, 0), (-1, -1), 0.4, _RULE)]
    return Grid(rows, widths, repeatRows=1, style=[*_TIGHT, *rules])


def _gallery(block: Gallery) -> list[Any]:
    """One table a row of figures, all pictures at one scale."""
    from reportlab.platypus import Image
    from reportlab.platypus import Table as Grid

    columns = block.columns
    rows = [block.figures[i : i + columns] for i in range(0, len(block.figures), columns)]
    widest = max(sum(figure.picture.width_px for figure in row) for row in rows)
    tallest = max(figure.picture.height_px for figure in block.figures)
    scale = min((_WIDTH - _GAP * columns) / widest, _TALLEST_FIGURE / tallest)
    grids = []
    for row in rows:
        sizes = [(f.picture.width_px * scale, f.picture.height_px * scale) for f in row]
        images = [
            Image(io.BytesIO(figure.picture.data), *size)
            for figure, size in zip(row, sizes, strict=True)
        ]
        captions = [_text(figure.caption, size=7.5, colour=_GREY) for figure in row]
        widths = [width + _GAP for width, _ in sizes]
        # A caption stays under its picture, and the pictures of a row together.
        together = [*_TIGHT, ("NOSPLIT", (0, 0), (-1, -1))]
        grids.append(Grid([images, captions], widths, hAlign="LEFT", style=together))
    return grids
