"""Every slice of a patient side by side: the CT, the CT with the lungs outlined, the lungs alone.

Drawn with Pillow in 256 colours (250 greys and the outlines): a CT of 120 slices takes seconds,
and a picture about 300 kB.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.report import planes, wording
from LungPNetLib.report.pictures import LEFT_LUNG, LUNG_WINDOW_HU, RIGHT_LUNG, bar_length_cm
from LungPNetLib.report.planes import Cut, Plane
from LungPNetLib.volume import Volume

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

MASKED_HU = -1024
"""HU outside the mask: what scanners write where nothing was measured, and the lowest value of a
12-bit CT. Zero would be water, and would look like dense tissue around the lungs."""

_LUNGS = (RIGHT_LUNG, LEFT_LUNG)
_GREYS = 250
_PANEL_PX = (512, 768)
"""Shortest and longest that the longer side of a slice is drawn; between them a pixel is one."""
_NARROWEST_PX = 420
_FONT_PX = 16
_STRIP_PX = 26
_GAP_PX = 6

Bytes = npt.NDArray[np.uint8]


def masked(image: Volume, labels: Volume, outside: float = MASKED_HU) -> Volume:
    """``image`` where ``labels`` is not 0, and ``outside`` elsewhere.

    Parameters
    ----------
    image : Volume
        HU, or other values.
    labels : Volume
        Label map on the same grid.
    outside : float
        In the unit of the image; whole where the image is.

    Raises
    ------
    InputError
        The label map lies on another grid.

    Examples
    --------
    >>> ct = Volume(np.full((1, 1, 2), -800, np.int16))
    >>> masked(ct, Volume(np.array([[[0, 2]]], np.uint8))).array.tolist()
    [[[-1024, -800]]]
    """
    if not image.same_grid_as(labels):
        raise InputError("The mask does not lie on the grid of the image; resample it first.")
    value = image.array.dtype.type(outside)
    return image.with_array(np.where(labels.array != 0, image.array, value))


def write_slices(
    ct: Volume,
    lungs: Volume,
    folder: Path,
    *,
    every: int = 1,
    progress: Callable[[float], None] = lambda _: None,
) -> list[str]:
    """Draw the axial slices into ``folder`` as ``slice-001.png``, ..., and give their names.

    Parameters
    ----------
    ct : Volume
        HU, any axis order.
    lungs : Volume
        Label map on the grid of ``ct``: 1 right, 2 left.
    folder : Path
        Must exist.
    every : int
        1 draws every slice, 2 every second one, ...; always the lowest one first. Slices are
        counted from the feet, as ``lungpnet view`` does.
    progress : callable
        Told the share of the pictures that are done.

    Raises
    ------
    InputError
        The label map does not lie on the grid of the CT.
    OSError
        A file cannot be written.
    """
    image, labels = planes.upright(ct, lungs)
    count = image.shape[0]
    digits = max(3, len(str(count)))
    names = []
    for index in range(0, count, every):
        name = f"slice-{index + 1:0{digits}d}.png"
        cut = planes.cut(image, labels, Plane.AXIAL, index)
        side_by_side(cut, f"Slice {index + 1} of {count}").save(folder / name, "PNG")
        names.append(name)
        progress((index + 1) / count)
    return names


def side_by_side(cut: Cut, name: str) -> Image.Image:
    """One slice three times, in the lung window of -1350 to 150 HU, as a picture with a palette.

    Parameters
    ----------
    cut : Cut
        HU, with labels (1 right lung, 2 left lung).
    name : str
        Which slice it is, for the heading.
    """
    from PIL import Image, ImageDraw

    layout = _Layout.of(cut)
    size = (layout.width_px, layout.height_px)
    grey, labels = _scaled(cut, size)
    canvas = Image.new("L", layout.canvas_px)
    for left, panel in zip(
        layout.lefts_px, (grey, grey, np.where(labels > 0, grey, 0)), strict=True
    ):
        canvas.paste(Image.fromarray(panel.astype(np.uint8)), (left, layout.top_px))
    draw = ImageDraw.Draw(canvas)
    _write_strips(draw, layout, cut, name)
    for left in layout.lefts_px:
        _write_letters(draw, layout, cut, left)
        _draw_scale_bar(draw, layout, cut, left)
    shades = (np.arange(256) * (_GREYS - 1) + 127) // 255
    index = shades.astype(np.uint8)[np.asarray(canvas)]
    middle = layout.lefts_px[1]
    _draw_outlines(
        index[layout.top_px : layout.top_px + size[1], middle : middle + size[0]], labels
    )
    for number, x_px in enumerate(layout.legend_px):
        index[_STRIP_PX + 10 : _STRIP_PX + 16, x_px : x_px + 24] = _GREYS + number
    return _with_palette(index)


@dataclass(frozen=True)
class _Layout:
    """Where the parts of a picture lie, in pixels."""

    width_px: int
    height_px: int
    cell_px: int

    @classmethod
    def of(cls, cut: Cut) -> _Layout:
        width_mm, height_mm = cut.size_mm
        longest_mm = max(width_mm, height_mm)
        longest_px = np.clip(longest_mm / min(cut.pixel_mm), *_PANEL_PX)
        width, height = (
            max(1, round(float(side * longest_px / longest_mm))) for side in (width_mm, height_mm)
        )
        return cls(width, height, max(width, _NARROWEST_PX))

    @property
    def top_px(self) -> int:
        """Upper edge of the slices: the heading and the names of the panels lie above."""
        return 2 * _STRIP_PX

    @property
    def lefts_px(self) -> tuple[int, ...]:
        """Left edges of the three slices."""
        margin = (self.cell_px - self.width_px) // 2
        return tuple(n * (self.cell_px + _GAP_PX) + margin for n in range(3))

    @property
    def canvas_px(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return 3 * self.cell_px + 2 * _GAP_PX, self.height_px + 3 * _STRIP_PX

    @property
    def legend_px(self) -> tuple[int, ...]:
        """Left edges of the colour samples over the middle panel."""
        left = self.cell_px + _GAP_PX
        return left + self.cell_px - 250, left + self.cell_px - 120


def _scaled(cut: Cut, size_px: tuple[int, int]) -> tuple[Bytes, Bytes]:
    """Grey values in the window and labels, both in the size of a panel."""
    from PIL import Image

    low, high = LUNG_WINDOW_HU
    grey = np.clip((cut.pixels.astype(np.float32) - low) * (255.0 / (high - low)), 0, 255)
    image = Image.fromarray(grey.round().astype(np.uint8))
    labels = Image.fromarray(np.ascontiguousarray(cut.labels, np.uint8))
    return (
        np.asarray(image.resize(size_px, Image.Resampling.BICUBIC)),
        np.asarray(labels.resize(size_px, Image.Resampling.NEAREST)),
    )


def _draw_outlines(panel: Bytes, labels: Bytes) -> None:
    """Draw the inner edge of each lung into ``panel``, and a black line around both."""
    from scipy import ndimage

    lowest, highest = (
        f(labels, size=3, mode="nearest") for f in (ndimage.minimum_filter, ndimage.maximum_filter)
    )
    # Beside white soft tissue the colours would be hard to see.
    panel[(labels == 0) & (highest > 0)] = 0
    for number, lung in enumerate(_LUNGS):
        panel[(labels == lung.label) & (lowest != highest)] = _GREYS + number


def _write_strips(draw: ImageDraw.ImageDraw, layout: _Layout, cut: Cut, name: str) -> None:
    low, high = LUNG_WINDOW_HU
    width, height = layout.canvas_px
    top, titles, bottom = _STRIP_PX // 2, 3 * _STRIP_PX // 2, height - _STRIP_PX // 2
    _write(draw, (8, top), f"{name} (from the feet), {cut.position}", "lm")
    _write(draw, (width - 8, top), wording.NOTICE, "rm")
    for n, title in enumerate(("CT", "CT with lung outlines", "Lungs alone (rest black)")):
        _write(draw, (n * (layout.cell_px + _GAP_PX) + 8, titles), title, "lm")
    for lung, x_px in zip(_LUNGS, layout.legend_px, strict=True):
        _write(draw, (x_px + 30, titles), lung.name, "lm")
    words = f"{wording.window(LUNG_WINDOW_HU)} (width {high - low:.0f} HU)"
    _write(draw, (8, bottom), words, "lm")
    letters = "Patient: R right, L left, A front, P back; z grows to the head"
    _write(draw, (width - 8, bottom), letters, "rm")


def _write_letters(draw: ImageDraw.ImageDraw, layout: _Layout, cut: Cut, left_px: int) -> None:
    middle_x, middle_y = left_px + layout.width_px // 2, layout.top_px + layout.height_px // 2
    right, bottom = left_px + layout.width_px - 7, layout.top_px + layout.height_px - 7
    places = (
        ((left_px + 7, middle_y), "lm"),
        ((right, middle_y), "rm"),
        ((middle_x, layout.top_px + 7), "mt"),
        ((middle_x, bottom), "mb"),
    )
    for letter, (place, anchor) in zip(cut.letters, places, strict=True):
        _write(draw, place, letter, anchor)


def _draw_scale_bar(draw: ImageDraw.ImageDraw, layout: _Layout, cut: Cut, left_px: int) -> None:
    length_cm = bar_length_cm(cut.size_mm[0])
    length_px = 10 * length_cm * layout.width_px / cut.size_mm[0]
    right, bottom = left_px + layout.width_px - 10, layout.top_px + layout.height_px - 8
    draw.rectangle((right - length_px - 1, bottom - 4, right + 1, bottom + 1), fill=0)
    draw.rectangle((right - length_px, bottom - 3, right, bottom), fill=255)
    _write(draw, (right - length_px / 2, bottom - 9), f"{length_cm:g} cm", "mb")


def _write(
    draw: ImageDraw.ImageDraw, place_px: tuple[float, float], text: str, anchor: str
) -> None:
    # Pillow's own font has no minus sign.
    text = text.replace(wording.MINUS, "-")
    draw.text(place_px, text, 255, _font(), anchor, stroke_width=2, stroke_fill=0)


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(_FONT_PX)


def _with_palette(index: Bytes) -> Image.Image:
    from PIL import Image, ImageColor

    greys = np.repeat(np.rint(np.linspace(0, 255, _GREYS)).astype(int), 3)
    colours = [part for lung in _LUNGS for part in ImageColor.getrgb(lung.colour)]
    picture = Image.fromarray(index).convert("P")
    picture.putpalette([*greys.tolist(), *colours])
    return picture
