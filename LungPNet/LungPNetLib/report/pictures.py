"""Pictures of CT slices with contours, and of HU histograms, for paper and for the screen."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from LungPNetLib import lazy
from LungPNetLib.report.planes import Cut
from LungPNetLib.result import LungResult

if TYPE_CHECKING:
    from PIL import Image

LUNG_WINDOW_HU = (-1350.0, 150.0)
"""Darkest and brightest HU of the usual lung window (level -600, width 1500)."""

_FEATURE = "Drawing pictures"
_FONT_PX = 26
_SMALLEST_CELL = (15.4, 11.54)
"""Width and height in letters: letters, position and scale bar have room."""
_BAR_CM = (20, 10, 5, 2, 1, 0.5, 0.2, 0.1)


@dataclass(frozen=True)
class Picture:
    """An encoded picture with its text for people who cannot see it."""

    data: bytes
    media_type: str
    width_px: int
    height_px: int
    alt: str


@dataclass(frozen=True)
class Outline:
    """How one label of a mask is drawn; solid and dashed stay apart in a grey print."""

    label: int
    name: str
    colour: str
    dashed: bool = False


RIGHT_LUNG = Outline(1, "right lung", "#ffb347")
LEFT_LUNG = Outline(2, "left lung", "#6fd3ff", dashed=True)


def slice_picture(
    cut: Cut,
    *,
    px_per_mm: float,
    alt: str,
    window_hu: tuple[float, float] = LUNG_WINDOW_HU,
    outlines: Sequence[Outline] = (),
) -> Picture:
    """One slice as JPEG with contours, orientation letters, position and scale bar."""
    return as_jpeg(sheet([[cut]], px_per_mm=px_per_mm, window_hu=window_hu, outlines=outlines), alt)


def as_jpeg(image: Image.Image, alt: str) -> Picture:
    """A picture of CT, small enough for a page that holds many."""
    buffer = io.BytesIO()
    # Without chroma subsampling the thin coloured lines stay sharp.
    image.save(buffer, "JPEG", quality=88, subsampling=0, optimize=True)
    return Picture(buffer.getvalue(), "image/jpeg", image.width, image.height, alt)


def sheet(
    rows: Sequence[Sequence[Cut]],
    *,
    px_per_mm: float,
    window_hu: tuple[float, float] = LUNG_WINDOW_HU,
    outlines: Sequence[Outline] = (),
    caption: str = "",
    font_px: int = _FONT_PX,
) -> Image.Image:
    """Rows of slices at one scale on black, as an RGB picture.

    Parameters
    ----------
    rows
        Slices from top to bottom and from left to right; a narrow or flat slice gets a black
        margin so that its letters have room.
    px_per_mm : float
        Scale of the picture. Voxels need not be cubes: both axes are drawn in mm.
    window_hu : tuple of float
        HU shown as black and as white.
    outlines
        Labels to draw; labels of the mask that are not named here are not drawn.
    caption : str
        Text for a strip below the slices.
    font_px : int
        Height of the letters.
    """
    figures = lazy.require("matplotlib.figure", feature=_FEATURE, extra="report")
    agg = lazy.require("matplotlib.backends.backend_agg", feature=_FEATURE, extra="report")
    from PIL import Image

    cells = [[_cell_px(cut, px_per_mm, font_px) for cut in row] for row in rows]
    heights = [max(height for _, height in row) for row in cells]
    width = max(sum(width for width, _ in row) for row in cells)
    height = sum(heights) + (2 * font_px if caption else 0)
    # At 72 dots per inch a point of matplotlib is a pixel.
    figure = figures.Figure(figsize=(width / 72, height / 72), dpi=72, facecolor="black")
    canvas = agg.FigureCanvasAgg(figure)
    top = height
    for row, sizes, row_height in zip(rows, cells, heights, strict=True):
        left, top = 0, top - row_height
        for cut, (cell_width, _) in zip(row, sizes, strict=True):
            bounds = (left / width, top / height, cell_width / width, row_height / height)
            cell_mm = (cell_width / px_per_mm, row_height / px_per_mm)
            axes = figure.add_axes(bounds)
            _draw(axes, cut, cell_mm, window_hu, outlines)
            _draw_letters(axes, cut, font_px)
            _draw_scale_bar(axes, cell_mm[0], font_px)
            left += cell_width
    figure.text(8 / width, 0.7 * font_px / height, caption, color="white", fontsize=font_px)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _cell_px(cut: Cut, px_per_mm: float, font_px: int) -> tuple[int, int]:
    width, height = (max(1, round(length * px_per_mm)) for length in cut.size_mm)
    least_width, least_height = (round(letters * font_px) for letters in _SMALLEST_CELL)
    return max(width, least_width), max(height, least_height)


def _draw(
    axes: Any,
    cut: Cut,
    cell_mm: tuple[float, float],
    window_hu: tuple[float, float],
    outlines: Sequence[Outline],
) -> None:
    width, height = cut.size_mm
    axes.imshow(
        cut.pixels,
        cmap="gray",
        vmin=window_hu[0],
        vmax=window_hu[1],
        extent=(0, width, height, 0),
        interpolation="bicubic",
    )
    if cut.labels is not None:
        for outline in outlines:
            _draw_outline(axes, np.equal(cut.labels, outline.label), cut.pixel_mm, outline)
    margin_x, margin_y = (cell_mm[0] - width) / 2, (cell_mm[1] - height) / 2
    axes.set(xlim=(-margin_x, width + margin_x), ylim=(height + margin_y, -margin_y))
    axes.set_aspect("auto")
    axes.axis("off")


def _draw_outline(
    axes: Any, inside: npt.NDArray[np.bool_], pixel_mm: tuple[float, float], outline: Outline
) -> None:
    if inside.all() or not inside.any() or min(inside.shape) < 2:
        return
    x_mm = (np.arange(inside.shape[1]) + 0.5) * pixel_mm[0]
    y_mm = (np.arange(inside.shape[0]) + 0.5) * pixel_mm[1]
    dashes = [(0, (5, 3))] if outline.dashed else ["solid"]
    # A dark line below keeps the colour visible on white soft tissue, in grey prints as well.
    for colour, width, styles in (("black", 3.4, ["solid"]), (outline.colour, 2.0, dashes)):
        axes.contour(
            x_mm,
            y_mm,
            inside.astype(np.float32),
            levels=[0.5],
            colors=[colour],
            linewidths=[width],
            linestyles=styles,
        )


def _draw_letters(axes: Any, cut: Cut, font_px: int) -> None:
    left, right, top, bottom = cut.letters
    _text(axes, (0.012, 0.5), left, ("left", "center"), font_px)
    _text(axes, (0.988, 0.5), right, ("right", "center"), font_px)
    _text(axes, (0.5, 0.985), top, ("center", "top"), font_px)
    _text(axes, (0.5, 0.015), bottom, ("center", "bottom"), font_px)
    _text(axes, (0.012, 0.985), cut.position, ("left", "top"), font_px)


def _text(
    axes: Any, place: tuple[float, float], text: str, anchor: tuple[str, str], font_px: int
) -> None:
    # A dark plate, for white letters would vanish on soft tissue.
    plate = {"facecolor": "black", "alpha": 0.6, "edgecolor": "none", "pad": 3}
    axes.text(
        *place,
        text,
        transform=axes.transAxes,
        color="white",
        fontsize=font_px,
        ha=anchor[0],
        va=anchor[1],
        bbox=plate,
    )


def bar_length_cm(width_mm: float) -> float:
    """Length of the scale bar for a picture of this width: round, and at most a third of it."""
    return next((cm for cm in _BAR_CM if 10 * cm <= width_mm / 3), _BAR_CM[-1])


def _draw_scale_bar(axes: Any, cell_width_mm: float, font_px: int) -> None:
    length_cm = bar_length_cm(cell_width_mm)
    share = 10 * length_cm / cell_width_mm
    effects = lazy.require("matplotlib.patheffects", feature=_FEATURE, extra="report")
    axes.plot(
        [0.975 - share, 0.975],
        [0.025, 0.025],
        transform=axes.transAxes,
        color="white",
        linewidth=4,
        solid_capstyle="butt",
        path_effects=[effects.withStroke(linewidth=8, foreground="black")],
    )
    label = f"{length_cm:g} cm"
    _text(axes, (0.975 - share / 2, 0.05), label, ("center", "bottom"), font_px)


def histogram_picture(lungs: LungResult, alt: str) -> Picture:
    """Volume by HU of each lung as PNG, with the -950 HU threshold of emphysema marked.

    It holds letters and units only, which are the same in every language: R and L for the lungs.
    """
    figures = lazy.require("matplotlib.figure", feature=_FEATURE, extra="report")
    lower_edges = np.asarray(lungs.histogram_hu, dtype=np.float64)
    edges = np.append(lower_edges, lower_edges[-1] + 10.0)
    figure = figures.Figure(figsize=(7.2, 2.7), dpi=200, layout="constrained")
    axes = figure.add_subplot()
    looks = {"right": ("#b34700", "solid"), "left": ("#00629b", (0, (5, 2)))}
    for side, volumes_ml in lungs.histogram_ml.items():
        colour, line = looks.get(side, ("black", "dotted"))
        axes.stairs(
            volumes_ml, edges, color=colour, linestyle=line, linewidth=1.4, label=side[0].upper()
        )
    axes.axvline(-950, color="#444444", linewidth=0.9, linestyle="dotted")
    axes.text(
        -950,
        1.01,
        "\N{MINUS SIGN}950 HU",
        transform=axes.get_xaxis_transform(),
        ha="center",
        va="bottom",
        size=8,
    )
    axes.set(xlim=(edges[0], _last_busy_edge(lungs, edges)), ylim=(0, None))
    axes.set_xlabel("HU", size=9)
    axes.set_ylabel("mL / 10 HU", size=9)
    axes.tick_params(labelsize=8)
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return Picture(buffer.getvalue(), "image/png", 1440, 540, alt)


def _last_busy_edge(lungs: LungResult, edges: npt.NDArray[np.float64]) -> float:
    """Where the long flat tail of dense voxels starts (1 % lies beyond), at least -500 HU."""
    total = np.sum(list(lungs.histogram_ml.values()), axis=0)
    share = np.cumsum(total) / max(float(total.sum()), 1e-9)
    return max(float(edges[min(int(np.searchsorted(share, 0.99)) + 1, edges.size - 1)]), -500.0)
