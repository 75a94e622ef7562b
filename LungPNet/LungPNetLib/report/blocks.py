"""The pieces that a report is made of: plain values that HTML and PDF show in the same way.

Strings are plain text, never markup; the writers escape them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from LungPNetLib.report.language import Language
from LungPNetLib.report.pictures import Picture
from LungPNetLib.result import Verdict


@dataclass(frozen=True)
class Paragraph:
    """Running text, with a line above it that is its title, if there is one."""

    kind: ClassVar[str] = "paragraph"
    text: str
    title: str = ""


@dataclass(frozen=True)
class Bullets:
    """A list of notes, warnings or reasons."""

    kind: ClassVar[str] = "bullets"
    items: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Names with their values, in the order of reading."""

    kind: ClassVar[str] = "facts"
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Numbers with their units in the header; the first column names the row.

    Parameters
    ----------
    header : tuple of str
    rows : tuple of tuple of str
    notes : tuple of str
        Right under the table, on the same page.
    texts : tuple of int
        Columns that hold words, not numbers; they are aligned to the left like the first.
    shares : tuple of float
        Widths of the columns on paper, relative to each other; equal if there are none.
    """

    kind: ClassVar[str] = "table"
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    texts: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class CheckRow:
    """One quality check, ready to be read."""

    title: str
    measured: str
    verdict: Verdict
    verdict_word: str
    meaning: str


@dataclass(frozen=True)
class Checks:
    """The verdicts of the quality gate: the overall one with a sentence, then one row a check.

    A verdict decides colours, its word is what people read.
    """

    kind: ClassVar[str] = "checks"
    header: tuple[str, ...]
    verdict: Verdict
    verdict_word: str
    summary: str
    rows: tuple[CheckRow, ...]


@dataclass(frozen=True)
class Figure:
    """A picture with the text below it."""

    picture: Picture
    caption: str


@dataclass(frozen=True)
class Gallery:
    """Figures at one scale, ``columns`` of them side by side; a row may have different widths."""

    kind: ClassVar[str] = "gallery"
    columns: int
    figures: tuple[Figure, ...]


Block: TypeAlias = Paragraph | Bullets | Facts | Table | Checks | Gallery


@dataclass(frozen=True)
class Section:
    """A titled part of the report."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class ReportContent:
    """Everything that both the HTML and the PDF report show.

    Parameters
    ----------
    language : Language
        What all texts are in.
    title : str
    notice : str
        What must stand on every page ("Research use only ...").
    running_line : str
        Whose report this is, for the margin of every page.
    page_line : str
        Number of a page, with the places ``{page}`` and ``{pages}``.
    head_titles : tuple of str
        Of the two that follow.
    patient, examination : Facts
        Head of the first page.
    sections : tuple of Section
        In the order of reading.
    """

    language: Language
    title: str
    notice: str
    running_line: str
    page_line: str
    head_titles: tuple[str, str]
    patient: Facts
    examination: Facts
    sections: tuple[Section, ...]
