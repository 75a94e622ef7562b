"""Any volume, with or without a mask, as a picture or as a page with a slider.

Both show the patient in the radiological convention and in true proportions, whatever the axis
order of the volume.

Examples
--------
>>> import tempfile
>>> volume = Volume(np.full((4, 20, 20), -800, np.int16), spacing_mm=(5.0, 5.0, 10.0))
>>> with tempfile.TemporaryDirectory() as folder:
...     write_html(volume, Path(folder) / "page.html")
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from enum import Enum
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.report import planes, wording
from LungPNetLib.report.html import TEMPLATES, environment, policy, trusted
from LungPNetLib.report.pictures import LUNG_WINDOW_HU, Outline, Picture, bar_length_cm, sheet
from LungPNetLib.report.planes import Cut, Plane
from LungPNetLib.volume import Volume

if TYPE_CHECKING:
    from PIL import Image

_COLOURS = ("#ffb347", "#6fd3ff", "#a6e36e", "#ff8fa3", "#d9b3ff", "#ffe66d")
_VIEW_WIDTH_PX = 700
_MONTAGE_COLUMNS, _MONTAGE_SLICES, _MONTAGE_WIDTH_PX = 5, 20, 450
_LONGEST_SIDE_PX = 1024


class Layout(Enum):
    """What a picture shows: three orthogonal slices, or axial ones from head to feet."""

    ORTHOGONAL = "orthogonal"
    MONTAGE = "montage"


@dataclass(frozen=True)
class _Page:
    """One slice of the HTML page."""

    position: str
    image: Picture
    contours: Picture | None


def write_png(
    volume: Volume,
    path: Path,
    *,
    mask: Volume | None = None,
    window_hu: tuple[float, float] = LUNG_WINDOW_HU,
    layout: Layout = Layout.ORTHOGONAL,
) -> None:
    """Draw ``volume`` with the contours of ``mask`` into one PNG picture.

    Parameters
    ----------
    volume : Volume
        HU (or other values, with a ``window_hu`` in their unit), any axis order.
    path : Path
        File to write.
    mask : Volume, optional
        Label map on the grid of ``volume``, 0 for background. The slices are chosen where it is.
    window_hu : tuple of float
        Values shown as black and as white.
    layout : Layout

    Raises
    ------
    InputError
        The mask lies on another grid, or the window is empty or upside down.
    DependencyError
        matplotlib is not installed.
    OSError
        The file cannot be written.
    """
    _check_window(window_hu)
    image, labels = planes.upright(volume, mask)
    rows = _orthogonal(image, labels) if layout is Layout.ORTHOGONAL else _montage(image, labels)
    width_px = _VIEW_WIDTH_PX if layout is Layout.ORTHOGONAL else _MONTAGE_WIDTH_PX
    picture = sheet(
        rows,
        px_per_mm=width_px / max(rows[0][0].size_mm),
        window_hu=window_hu,
        outlines=_outlines(labels),
        caption=f"{wording.NOTICE}. {wording.window(window_hu)}.",
    )
    picture.save(path, "PNG")


def write_html(
    volume: Volume,
    path: Path,
    *,
    mask: Volume | None = None,
    window_hu: tuple[float, float] = LUNG_WINDOW_HU,
    plane: Plane = Plane.AXIAL,
) -> None:
    """Write one HTML page that holds every slice of ``plane``, with a slider to go through them.

    The page loads nothing from elsewhere; its Content-Security-Policy allows only its own style
    sheet and script, by hash. Arguments are those of :func:`write_png`.

    Raises
    ------
    InputError
        The mask lies on another grid, or the window is empty or upside down.
    DependencyError
        Jinja2 is not installed.
    OSError
        The file cannot be written.
    """
    _check_window(window_hu)
    image, labels = planes.upright(volume, mask)
    outlines = _outlines(labels)
    count = image.shape[2 - plane.value]
    cuts = (planes.cut(image, labels, plane, index) for index in range(count))
    pages = [_page(cut, window_hu, outlines) for cut in cuts]
    sample = planes.cut(image, labels, plane, 0)
    first, last = (0, count - 1) if labels is None else planes.extent(planes.marked(labels), plane)
    css = (TEMPLATES / "view.css").read_text("utf-8")
    script = (TEMPLATES / "view.js").read_text("utf-8")
    text = (
        environment("The HTML view")
        .get_template("view.html.j2")
        .render(
            pages=pages,
            start=(first + last) // 2,
            letters=sample.letters,
            outlines=outlines,
            bar_cm=bar_length_cm(sample.size_mm[0]),
            px_per_mm=pages[0].image.width_px / sample.size_mm[0],
            notice=wording.NOTICE,
            window=wording.window(window_hu),
            css=trusted(css),
            script=trusted(script),
            policy=policy(style=css, script=script),
        )
    )
    path.write_text(text, "utf-8", newline="\n")


def _check_window(window_hu: tuple[float, float]) -> None:
    low, high = window_hu
    if not low < high:
        raise InputError(
            f"The window from {low:g} to {high:g} shows nothing; give the darkest value first, "
            "then a larger one for white, such as -1350 150."
        )


def _outlines(labels: Volume | None) -> list[Outline]:
    if labels is None:
        return []
    values = [int(value) for value in np.unique(labels.array) if value]
    # Odd and even labels differ in the line as well, for grey prints.
    looks = cycle(_COLOURS)
    return [Outline(v, f"label {v}", next(looks), dashed=v % 2 == 0) for v in values]


def _orthogonal(image: Volume, labels: Volume | None) -> list[list[Cut]]:
    found = labels is not None and labels.array.any()
    views = (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)
    if labels is not None and found:
        selected = planes.marked(labels)
        return [[planes.cut(image, labels, p, planes.fullest(selected, p)) for p in views]]
    return [[planes.cut(image, labels, p, image.shape[2 - p.value] // 2) for p in views]]


def _montage(image: Volume, labels: Volume | None) -> list[list[Cut]]:
    first, last = 0, image.shape[0] - 1
    if labels is not None:
        first, last = planes.extent(planes.marked(labels), Plane.AXIAL)
    indices = planes.spread(first, last, _MONTAGE_SLICES)[::-1]
    cuts = [planes.cut(image, labels, Plane.AXIAL, index) for index in indices]
    return [cuts[i : i + _MONTAGE_COLUMNS] for i in range(0, len(cuts), _MONTAGE_COLUMNS)]


def _page(cut: Cut, window_hu: tuple[float, float], outlines: list[Outline]) -> _Page:
    from PIL import Image

    low, high = window_hu
    grey = np.clip((cut.pixels.astype(np.float32) - low) * (255.0 / (high - low)), 0, 255)
    size = _square_pixel_size(cut)
    image = Image.fromarray(grey.round().astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
    contours = None
    if cut.labels is not None and cut.labels.any():
        index = np.zeros(cut.labels.shape, np.uint8)
        for number, outline in enumerate(outlines, 1):
            index[cut.labels == outline.label] = number
        larger = Image.fromarray(index).resize(size, Image.Resampling.NEAREST)
        contours = _contour_picture(_borders(np.asarray(larger)), outlines)
    return _Page(cut.position, _encoded(image, "JPEG", quality=82), contours)


def _square_pixel_size(cut: Cut) -> tuple[int, int]:
    """Width and height in pixels that show the slice in true proportions."""
    width_mm, height_mm = cut.size_mm
    px_per_mm = min(1 / min(cut.pixel_mm), _LONGEST_SIDE_PX / max(width_mm, height_mm))
    return max(1, round(width_mm * px_per_mm)), max(1, round(height_mm * px_per_mm))


def _borders(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Only the pixels whose four neighbours are not all of the same label."""
    around = np.pad(labels, 1, mode="edge")
    neighbours = (around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:])
    inside = np.logical_and.reduce([neighbour == labels for neighbour in neighbours])
    return np.where(inside, np.uint8(0), labels)


def _contour_picture(borders: npt.NDArray[np.uint8], outlines: list[Outline]) -> Picture:
    from PIL import Image, ImageColor

    image = Image.fromarray(borders).convert("P")
    colours = [ImageColor.getrgb(outline.colour) for outline in outlines]
    image.putpalette([0, 0, 0, *(part for colour in colours for part in colour)])
    return _encoded(image, "PNG", transparency=0)


def _encoded(image: Image.Image, kind: str, **options: int) -> Picture:
    buffer = io.BytesIO()
    image.save(buffer, kind, optimize=True, **options)
    return Picture(buffer.getvalue(), f"image/{kind.lower()}", image.width, image.height, "")
