"""The orthogonal views of the report: slices spread through the lungs, with their contours."""

from __future__ import annotations

import numpy as np

from LungPNetLib.report import planes
from LungPNetLib.report.blocks import Figure, Gallery, Paragraph, Section
from LungPNetLib.report.language import Words
from LungPNetLib.report.pictures import LEFT_LUNG, LUNG_WINDOW_HU, RIGHT_LUNG, slice_picture
from LungPNetLib.report.planes import Cut, Plane
from LungPNetLib.report.wording import window
from LungPNetLib.volume import Volume

_AXIAL_COUNT = 6
_AXIAL_WIDTH_PX = 800
_MARGIN_MM = 30.0

_WINDOW = (
    "{window} (lung). Positions are DICOM "
    "patient coordinates (x to the left, y to the back, z to the head) of the slice centre. "
    "R right, L left, A front, P back, H head, F feet of the patient."
)
_CONTOURS = "Solid contour: right lung. Dashed contour: left lung."
_PLANES = {Plane.AXIAL: "Axial", Plane.CORONAL: "Coronal", Plane.SAGITTAL: "Sagittal"}


def views(ct: Volume, lungs: Volume | None, words: Words) -> Section:
    """Coronal and sagittal slices, then axial ones from head to feet, all at one scale.

    Parameters
    ----------
    ct : Volume
        HU, any axis order.
    lungs : Volume or None
        Label map on the grid of ``ct`` (1 right, 2 left). The views are cut down to it; without
        it, or where it is empty, they show the whole field of view.
    words : Words
        The language.

    Raises
    ------
    InputError
        The label map does not lie on the grid of the CT.
    """
    image, labels = planes.upright(ct, lungs)
    if labels is not None and labels.array.any():
        image, labels = planes.cropped_around(image, labels, _MARGIN_MM)
        selected = planes.marked(labels)
        texts = [_WINDOW, _CONTOURS]
    else:
        labels, selected = None, np.ones(image.shape, dtype=bool)
        texts = [_WINDOW]
    shown = words.sentence(window(LUNG_WINDOW_HU))
    first, last = planes.extent(selected, Plane.AXIAL)
    axial = [
        planes.cut(image, labels, Plane.AXIAL, index)
        for index in reversed(planes.spread(first, last, _AXIAL_COUNT))
    ]
    px_per_mm = _AXIAL_WIDTH_PX / axial[0].size_mm[0]
    return Section(
        words("Views"),
        (
            Paragraph(words(" ").join(words(text).format(window=shown) for text in texts)),
            Gallery(3, _upright_cuts(image, labels, px_per_mm, words)),
            Gallery(2, tuple(_figure(cut, px_per_mm, "", words) for cut in axial)),
        ),
    )


def _upright_cuts(
    image: Volume, labels: Volume | None, px_per_mm: float, words: Words
) -> tuple[Figure, ...]:
    chosen: list[tuple[Plane, int, str]] = []
    if labels is None:
        for plane, part in (
            (Plane.CORONAL, 1 / 2),
            (Plane.SAGITTAL, 1 / 3),
            (Plane.SAGITTAL, 2 / 3),
        ):
            chosen.append((plane, int(image.shape[2 - plane.value] * part), ""))
    else:
        chosen.append((Plane.CORONAL, planes.fullest(planes.marked(labels), Plane.CORONAL), ""))
        for lung in (RIGHT_LUNG, LEFT_LUNG):
            selected = planes.marked(labels, lung.label)
            if selected.any():
                index = planes.fullest(selected, Plane.SAGITTAL)
                chosen.append((Plane.SAGITTAL, index, lung.name))
    return tuple(
        _figure(planes.cut(image, labels, plane, index), px_per_mm, part, words)
        for plane, index, part in chosen
    )


def _figure(cut: Cut, px_per_mm: float, part: str, words: Words) -> Figure:
    parts = [words(text) for text in (_PLANES[cut.plane], part) if text]
    caption = words(", ").join([*parts, cut.position])
    picture = slice_picture(cut, px_per_mm=px_per_mm, alt=caption, outlines=(RIGHT_LUNG, LEFT_LUNG))
    return Figure(picture, caption)
