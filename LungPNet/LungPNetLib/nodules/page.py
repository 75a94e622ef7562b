"""A black page on which sections, the legend of colours and scale bars are set to the pixel.

Pictures are copied as they are and texts stand beside them, so that each coloured pixel of a page
has exactly a colour of the legend.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from LungPNetLib import lazy
from LungPNetLib.nodules.colours import (
    COLOUR_RANGE_HU,
    TICKS_HU,
    ColourMap,
    Colours,
    colours_of,
    greys_of,
    legend_strip,
)
from LungPNetLib.report.pictures import LUNG_WINDOW_HU, bar_length_cm
from LungPNetLib.report.planes import Cut
from LungPNetLib.report.wording import number

if TYPE_CHECKING:
    from PIL import Image

FONT_PX = 15
LINE_PX = 21
EDGE_PX = 12
LETTER_PX = 22
"""Width of the margins beside a section, for R and L."""
LEGEND_PX = 130
"""Width of the legend with its numbers."""
_CHARACTER_PX = 8.2
_STRIP_PX = 28
_FEATURE = "Drawing nodules"


@dataclass(frozen=True)
class _Text:
    words: str
    x_px: float
    y_px: float
    horizontal: str
    size_px: int


class Page:
    """Collects what is to be drawn; pixels count from the upper left corner."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self._canvas = np.zeros((height_px, width_px, 3), np.uint8)
        self._texts: list[_Text] = []

    def paste(self, picture: Colours, left_px: int, top_px: int) -> None:
        """Copy a picture of shape (height, width, 3)."""
        height, width = picture.shape[:2]
        self._canvas[top_px : top_px + height, left_px : left_px + width] = picture

    def write(
        self, words: str, x_px: float, y_px: float, horizontal: str = "left", size_px: int = FONT_PX
    ) -> None:
        """One white line, vertically centred on ``y_px``; ``horizontal`` as in matplotlib."""
        self._texts.append(_Text(words, x_px, y_px, horizontal, size_px))

    def write_lines(self, lines: Iterable[str], x_px: float, top_px: int) -> None:
        """Lines below each other."""
        for index, words in enumerate(lines):
            self.write(words, x_px, top_px + (index + 0.5) * LINE_PX)

    def sides(self, cut: Cut, corner_px: tuple[float, float], size_px: tuple[float, float]) -> None:
        """The letters of the patient's sides, left and right of a section."""
        (left, top), (width, height) = corner_px, size_px
        middle = top + height / 2
        self.write(cut.letters[0], left - LETTER_PX / 2, middle, "center")
        self.write(cut.letters[1], left + width + LETTER_PX / 2, middle, "center")

    def scale_bar(self, width_mm: float, px_per_mm: float, right_px: int, top_px: int) -> None:
        """A bar of a round length, at most a third of ``width_mm``, with its length in mm."""
        length_mm = 10 * bar_length_cm(width_mm)
        length_px = round(length_mm * px_per_mm)
        self._canvas[top_px + 8 : top_px + 12, right_px - length_px : right_px] = 255
        self.write(f"{length_mm:g} mm", right_px - length_px - 6, top_px + 10, "right")

    def legend(self, left_px: int, top_px: int, height_px: int, colours: ColourMap) -> None:
        """All colours from high to low, with the HU that they stand for."""
        low, high = COLOUR_RANGE_HU
        strip_px = height_px - 2 * LINE_PX
        top_px += 2 * LINE_PX - LINE_PX // 2
        self.write("HU", left_px, top_px - LINE_PX)
        self.paste(legend_strip((_STRIP_PX, strip_px), colours), left_px, top_px)
        signs = {low: "\N{LESS-THAN OR EQUAL TO} ", high: "\N{GREATER-THAN OR EQUAL TO} "}
        for hu in TICKS_HU:
            row = top_px + round((high - hu) / (high - low) * (strip_px - 1))
            right = left_px + _STRIP_PX
            self._canvas[row, right : right + 6] = 255
            self.write(f"{signs.get(hu, '')}{number(hu, 0)}", right + 10, row)

    def drawn(self) -> Image.Image:
        """The page as an RGB picture.

        Raises
        ------
        DependencyError
            matplotlib is not installed.
        """
        figures = lazy.require("matplotlib.figure", feature=_FEATURE, extra="report")
        agg = lazy.require("matplotlib.backends.backend_agg", feature=_FEATURE, extra="report")
        from PIL import Image

        height, width = self._canvas.shape[:2]
        # At 72 dots per inch a point of matplotlib is a pixel.
        figure = figures.Figure(figsize=(width / 72, height / 72), dpi=72)
        canvas = agg.FigureCanvasAgg(figure)
        figure.figimage(self._canvas, origin="upper")
        for text in self._texts:
            figure.text(
                text.x_px / width,
                1 - text.y_px / height,
                text.words,
                color="white",
                fontsize=text.size_px,
                ha=text.horizontal,
                va="center_baseline",
            )
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def wrapped(texts: Iterable[str], width_px: float) -> list[str]:
    """Texts as lines that fit into ``width_px``."""
    longest = int(width_px / _CHARACTER_PX)
    return [line for text in texts for line in textwrap.wrap(text, longest)]


def section_size_px(cut: Cut, px_per_mm: float) -> tuple[int, int]:
    """Width and height of a drawn section, in true proportions."""
    width, height = (max(1, round(length * px_per_mm)) for length in cut.size_mm)
    return width, height


def section_in_grey(cut: Cut, px_per_mm: float) -> Colours:
    """A section in the lung window, shape (height, width, 3)."""
    from PIL import Image

    picture = Image.fromarray(greys_of(cut.pixels, LUNG_WINDOW_HU))
    size = section_size_px(cut, px_per_mm)
    return np.asarray(picture.resize(size, Image.Resampling.BICUBIC))


def section_in_colours(cut: Cut, px_per_mm: float, colours: ColourMap) -> Colours:
    """The same with the labelled voxels in their colours, each voxel in one of them."""
    from PIL import Image

    assert cut.labels is not None
    size = section_size_px(cut, px_per_mm)
    coloured = Image.fromarray(colours_of(cut.pixels, colours))
    labelled = Image.fromarray((cut.labels != 0).astype(np.uint8))
    nearest = Image.Resampling.NEAREST
    inside = np.asarray(labelled.resize(size, nearest)) != 0
    return np.where(
        inside[..., None],
        np.asarray(coloured.resize(size, nearest)),
        section_in_grey(cut, px_per_mm),
    )
