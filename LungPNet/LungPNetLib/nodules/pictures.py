"""One nodule in pictures: its axial sections as CT and in colours, with the legend in HU."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from LungPNetLib.errors import InputError
from LungPNetLib.nodules.colours import COLOUR_RANGE_HU, ColourMap
from LungPNetLib.nodules.heterogeneity import HeterogeneityNumbers
from LungPNetLib.nodules.page import (
    EDGE_PX,
    LEGEND_PX,
    LETTER_PX,
    LINE_PX,
    Page,
    section_in_colours,
    section_in_grey,
    section_size_px,
    wrapped,
)
from LungPNetLib.report import planes, wording
from LungPNetLib.report.language import Words
from LungPNetLib.report.pictures import LUNG_WINDOW_HU, Picture
from LungPNetLib.report.planes import Cut, Plane
from LungPNetLib.volume import Volume

if TYPE_CHECKING:
    from PIL import Image

SECTIONS = 6
"""At most so many on the sheet of a nodule."""
_MARGIN_MM = 10.0
_SECTION_PX = 240
_MOST_PX_PER_MM = 12.0
_NARROWEST_PX = 130
_NARROWEST_PAGE_PX = 800
_ENDS = {ColourMap.JET: ("blue", "red"), ColourMap.VIRIDIS: ("violet", "yellow")}

_SCALE = (
    "HU of the nodule in colours on a fixed scale from {low} ({first}) to {high} HU ({last}), "
    "around it CT in greys ({low_grey} to {high_grey} HU)."
)
_SECTIONS = (
    "Above, the same sections as CT alone. Axial, from head to feet, patient's right on the left."
)
_NUMBERS = (
    "Mean {mean} HU, SD {sd} HU, skewness {skewness}, entropy {entropy} bits (bins of {bin} HU), "
    "{solid} % solid (from −300 HU); within {radius} mm: SD {local_sd} HU, entropy {local_entropy} "
    "bits (means)."
)


def nodule_sheet(
    ct: Volume,
    mask: Volume,
    numbers: HeterogeneityNumbers,
    name: str,
    colours: ColourMap = ColourMap.JET,
) -> Image.Image:
    """The sections of one nodule with its numbers and what the picture shows, in English.

    Parameters
    ----------
    ct : Volume
        HU, any axis order.
    mask : Volume
        On the grid of the CT; every voxel that is not 0 belongs to the nodule.
    numbers : HeterogeneityNumbers
        Of this nodule.
    name : str
        For the heading; nothing that names the patient.
    colours : ColourMap

    Raises
    ------
    InputError
        The mask is empty or lies on another grid.
    DependencyError
        matplotlib is not installed.
    """
    words = Words()
    lines = [numbers_in_words(numbers, words), scale_in_words(colours, words), words(_SECTIONS)]
    heading = f"{name}. {wording.NOTICE}."
    return _drawn(_sections(ct, mask), colours, heading, lines)


def coloured_section(
    cut: Cut, px_per_mm: float, alt: str, colours: ColourMap = ColourMap.JET
) -> Picture:
    """One section in colours with the legend, as PNG: letters and units only, in no language.

    Parameters
    ----------
    cut : Cut
        With labels; what is not 0 is coloured.
    px_per_mm : float
    alt : str
        For people who cannot see it.
    colours : ColourMap

    Raises
    ------
    DependencyError
        matplotlib is not installed.
    """
    width, height = section_size_px(cut, px_per_mm)
    legend_left = 2 * LETTER_PX + width + EDGE_PX
    page = Page(legend_left + LEGEND_PX, height)
    page.paste(section_in_colours(cut, px_per_mm, colours), LETTER_PX, 0)
    page.sides(cut, (LETTER_PX, 0), (width, height))
    page.legend(legend_left, 0, height, colours)
    image = page.drawn()
    buffer = io.BytesIO()
    # Lossless: a JPEG would invent colours that the legend does not have.
    image.save(buffer, "PNG", optimize=True)
    return Picture(buffer.getvalue(), "image/png", image.width, image.height, alt)


def scale_in_words(colours: ColourMap, words: Words) -> str:
    """What colours and greys mean."""
    first, last = _ENDS[colours]
    low, high = (wording.number(edge, 0) for edge in COLOUR_RANGE_HU)
    low_grey, high_grey = (wording.number(edge, 0) for edge in LUNG_WINDOW_HU)
    return words(_SCALE).format(
        low=low,
        high=high,
        first=words(first),
        last=words(last),
        low_grey=low_grey,
        high_grey=high_grey,
    )


def numbers_in_words(numbers: HeterogeneityNumbers, words: Words) -> str:
    """The numbers with their units, in one sentence."""
    return words(_NUMBERS).format(
        mean=wording.number(numbers.mean_hu, 0),
        sd=wording.number(numbers.sd_hu, 0),
        skewness=wording.number(numbers.skewness, 2),
        entropy=wording.number(numbers.entropy_bits, 2),
        bin=numbers.bin_width_hu,
        solid=wording.number(100 * numbers.solid_fraction, 0),
        radius=f"{numbers.radius_mm:g}",
        local_sd=wording.number(numbers.mean_local_sd_hu, 0),
        local_entropy=wording.number(numbers.mean_local_entropy_bits, 2),
    )


def nodule_crop(ct: Volume, mask: Volume, margin_mm: float) -> tuple[Volume, Volume]:
    """CT and mask in upright index order, cut down to the nodule and a margin.

    Raises
    ------
    InputError
        The mask is empty or lies on another grid.
    """
    image, labels = planes.upright(ct, mask)
    assert labels is not None
    if not labels.array.any():
        raise InputError("The nodule's mask is empty; there is nothing to draw. Outline it first.")
    return planes.cropped_around(image, labels, margin_mm)


def _sections(ct: Volume, mask: Volume) -> list[Cut]:
    image, labels = nodule_crop(ct, mask, _MARGIN_MM)
    first, last = planes.extent(planes.marked(labels), Plane.AXIAL)
    indices = planes.spread(first, last, SECTIONS)[::-1]
    return [planes.cut(image, labels, Plane.AXIAL, index) for index in indices]


def _drawn(
    cuts: Sequence[Cut], colours: ColourMap, heading: str, texts: Sequence[str]
) -> Image.Image:
    """Two rows of sections, CT above, with the legend on the right and texts above and below."""
    width_mm, height_mm = cuts[0].size_mm
    px_per_mm = min(_SECTION_PX / max(width_mm, height_mm), _MOST_PX_PER_MM)
    width, height = section_size_px(cuts[0], px_per_mm)
    cell = max(width, _NARROWEST_PX) + 2 * LETTER_PX
    legend_left = 2 * EDGE_PX + len(cuts) * cell
    page_width = max(legend_left + LEGEND_PX, _NARROWEST_PAGE_PX)
    lines = wrapped(texts, page_width - 2 * EDGE_PX)
    top = EDGE_PX + LINE_PX
    rows = (top + LINE_PX, top + LINE_PX + height + EDGE_PX)
    below = rows[1] + height + LINE_PX + EDGE_PX
    page = Page(page_width, below + len(lines) * LINE_PX + EDGE_PX)
    page.write(heading, EDGE_PX, EDGE_PX + LINE_PX / 2)
    for number, cut in enumerate(cuts):
        left = EDGE_PX + number * cell + (cell - width) // 2
        page.write(cut.position, left + width / 2, top + LINE_PX / 2, "center")
        page.paste(section_in_grey(cut, px_per_mm), left, rows[0])
        page.paste(section_in_colours(cut, px_per_mm, colours), left, rows[1])
        for row in rows:
            page.sides(cut, (left, row), (width, height))
        page.scale_bar(width_mm, px_per_mm, left + width, rows[1] + height)
    page.legend(legend_left, top, below - top - LINE_PX, colours)
    page.write_lines(lines, EDGE_PX, below)
    return page.drawn()
