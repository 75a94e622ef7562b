"""The nodules of the report in pictures: outlined in three planes, and with their HU in colours."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from LungPNetLib.nodules.colours import ColourMap
from LungPNetLib.nodules.finding import NoduleFinding
from LungPNetLib.nodules.pictures import coloured_section, numbers_in_words, scale_in_words
from LungPNetLib.report import planes
from LungPNetLib.report.blocks import Block, Figure, Gallery, Paragraph, Section
from LungPNetLib.report.language import Words
from LungPNetLib.report.nodules import axes, name, place, type_word
from LungPNetLib.report.pictures import LUNG_WINDOW_HU, Outline, as_jpeg, sheet
from LungPNetLib.report.planes import Cut, Plane
from LungPNetLib.report.wording import window
from LungPNetLib.volume import Volume

MOST_PICTURED = 12
"""What four pages hold; the table names all."""
_SECTION_PX = 240
_FONT_PX = 14
_MARGIN_MM = 12.0
_OUTLINE = Outline(1, "nodule", "#ffd21f")
_PLANES = {Plane.AXIAL: "Axial", Plane.CORONAL: "Coronal", Plane.SAGITTAL: "Sagittal"}

_READING = (
    "Each finding with its outline where it is largest in the three planes ({window}), and the "
    "axial section again in colours."
)
_TERMS = (
    "SD: standard deviation, how much the density varies. Skewness: below 0 where some parts are "
    "much less dense than most, above 0 where some are much denser. Entropy: how evenly the "
    "densities spread, 0 if there is only one. Within 3 mm: the same around each voxel. Noise "
    "raises SD and entropy, so compare only scans with similar slices and kernels."
)
_LEFT_OUT = "Pictured are the {count} findings with the highest scores, of {total}."
_COLOURED = "HU in colours"


def nodule_pictures(
    findings: list[tuple[int, NoduleFinding]], ct: Volume, labels: Volume | None, words: Words
) -> Section | None:
    """One row of pictures for each finding; None where there is nothing to draw.

    Parameters
    ----------
    findings : list of (int, NoduleFinding)
        What is shown, each with its label, the highest score first.
    ct : Volume
        HU, any axis order.
    labels : Volume or None
        Label map on the grid of ``ct``.
    words : Words
        The language.

    Raises
    ------
    InputError
        The label map does not lie on the grid of the CT.
    DependencyError
        matplotlib is not installed.
    """
    if labels is None:
        return None
    image, upright_labels = planes.upright(ct, labels)
    assert upright_labels is not None
    boxes = dict(enumerate(ndimage.find_objects(upright_labels.array), 1))
    drawable = [(n, finding) for n, finding in findings if boxes.get(n) is not None]
    if not drawable:
        return None
    blocks: list[Block] = [Paragraph(_reading(words)), Paragraph(words(_TERMS))]
    pictured = drawable[:MOST_PICTURED]
    if len(pictured) < len(findings):
        text = words(_LEFT_OUT).format(count=len(pictured), total=len(findings))
        blocks.append(Paragraph(text))
    for number, finding in pictured:
        cuts = _cuts(image, upright_labels, number, boxes[number])
        blocks += [_text(number, finding, words), Gallery(4, _figures(cuts, words))]
    return Section(words("Nodules in pictures"), tuple(blocks))


def _reading(words: Words) -> str:
    shown = words.sentence(window(LUNG_WINDOW_HU))
    parts = (words(_READING).format(window=shown), scale_in_words(ColourMap.JET, words))
    return words(" ").join(parts)


def _text(number: int, finding: NoduleFinding, words: Words) -> Paragraph:
    facts = []
    if finding.measurements is not None:
        facts = [place(finding.measurements, words), f"{axes(finding.measurements)} mm"]
    facts += [kind] if (kind := type_word(finding, words)) else []
    title = words("{name}: {facts}").format(
        name=name(number, finding, words), facts=words(", ").join(facts)
    )
    numbers = finding.heterogeneity
    return Paragraph("" if numbers is None else numbers_in_words(numbers, words), title)


def _cuts(
    image: Volume, labels: Volume, label: int, box: tuple[slice, slice, slice]
) -> tuple[Cut, ...]:
    """Axial, coronal and sagittal slice where the nodule is largest, of one size in mm."""
    hu, near = _cube_around(image, box, LUNG_WINDOW_HU[0]), _cube_around(labels, box, 0)
    mask = near.with_array((near.array == label).astype(np.uint8))
    inside = planes.marked(mask)
    return tuple(planes.cut(hu, mask, plane, planes.fullest(inside, plane)) for plane in _PLANES)


def _cube_around(volume: Volume, box: tuple[slice, slice, slice], beyond: float) -> Volume:
    """A cube that holds the box and a margin, of the value ``beyond`` outside of the image."""
    steps_mm = volume.spacing_mm[::-1]
    longest_mm = max((s.stop - s.start) * mm for s, mm in zip(box, steps_mm, strict=True))
    half_mm = longest_mm / 2 + _MARGIN_MM
    start, size, before, after = [], [], [], []
    for part, mm, length in zip(box, steps_mm, volume.shape, strict=True):
        middle = (part.start + part.stop - 1) / 2
        low, high = math.floor(middle - half_mm / mm), math.ceil(middle + half_mm / mm) + 1
        before.append(max(0, -low))
        after.append(max(0, high - length))
        start.append(max(0, low))
        size.append(min(high, length) - start[-1])
    inside = volume.cropped(start[::-1], size[::-1])
    return inside.padded(before[::-1], after[::-1], beyond)


def _figures(cuts: tuple[Cut, ...], words: Words) -> tuple[Figure, ...]:
    px_per_mm = _SECTION_PX / max(length for cut in cuts for length in cut.size_mm)
    figures = []
    for cut in cuts:
        caption = words(", ").join((words(_PLANES[cut.plane]), cut.position))
        image = sheet([[cut]], px_per_mm=px_per_mm, outlines=(_OUTLINE,), font_px=_FONT_PX)
        figures.append(Figure(as_jpeg(image, caption), caption))
    coloured = words(", ").join((words(_COLOURED), cuts[0].position))
    return (*figures, Figure(coloured_section(cuts[0], px_per_mm, coloured), coloured))
