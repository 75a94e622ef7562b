"""Nodules with radiologists' ratings of malignancy, side by side in colours.

A rating is an opinion on a CT, not pathology: "rated benign" and "rated malignant" stand for the
readers' median, as in the LIDC table (1-2 and 4-5; 3 is left out).
"""

from __future__ import annotations

import csv
import re
import statistics
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LungPNetLib.cohort.lidc import Suspicion
from LungPNetLib.errors import InputError
from LungPNetLib.nodules.colours import ColourMap
from LungPNetLib.nodules.heterogeneity import HeterogeneityNumbers, measure_heterogeneity
from LungPNetLib.nodules.page import (
    EDGE_PX,
    LEGEND_PX,
    LETTER_PX,
    LINE_PX,
    Page,
    section_in_colours,
    section_size_px,
    wrapped,
)
from LungPNetLib.nodules.pictures import nodule_crop, scale_in_words
from LungPNetLib.report import planes, wording
from LungPNetLib.report.language import Words
from LungPNetLib.report.planes import Cut, Plane
from LungPNetLib.volume import Volume

if TYPE_CHECKING:
    from PIL import Image

OPINION = "Ratings are radiologists' opinions of the CT, not pathology."
GROUPS = {Suspicion.BENIGN: "Rated benign (1-2)", Suspicion.MALIGNANT: "Rated malignant (4-5)"}
_PATCHES, _LABELS = "patches.npz", "labels.csv"
_FIELD_MM = 40.0
_PX_PER_MM = 4.0
_COLUMNS = 8
_SMALL_PX = 12
_SECTIONS = "Largest axial section of each, patient's right on the left, all at one scale."


@dataclass(frozen=True, eq=False)
class RatedNodule:
    """A nodule cut out of its CT.

    Parameters
    ----------
    place : str
        Where in its table it stands; never who it is.
    rating : int
        Median of the readers' ratings of malignancy, 1 to 5.
    ct, mask : Volume
        HU, and the nodule as the voxels that are not 0, on one grid.
    """

    place: str
    rating: int
    ct: Volume
    mask: Volume

    @property
    def suspicion(self) -> Suspicion:
        """What the rating stands for."""
        return Suspicion.of(self.rating)


@dataclass(frozen=True, eq=False)
class GalleryEntry:
    """What a gallery shows of a nodule; ``number`` is under its picture and in the table."""

    number: int
    place: str
    rating: int
    suspicion: Suspicion
    numbers: HeterogeneityNumbers
    cut: Cut

    def to_row(self) -> dict[str, Any]:
        """The line of the table."""
        about = {"number": self.number, "place": self.place, "median_rating": self.rating}
        return about | {"group": GROUPS[self.suspicion]} | self.numbers.to_dict()


def median_rating(cell: str) -> int:
    """The higher median of ratings 1 to 5 that are separated by blanks.

    Raises
    ------
    InputError
        There is none, or one that is not 1 to 5.

    Examples
    --------
    >>> median_rating("4 2 5 3")
    4
    """
    words = cell.split()
    if not words or not all(re.fullmatch("[1-5]", word) for word in words):
        raise InputError(
            f"'{wording.plain(cell, 40)}' is no rating of malignancy; accepted: numbers from 1 to "
            "5, those of several readers separated by blanks."
        )
    return statistics.median_high(map(int, words))


def read_rated(source: Path) -> Iterator[RatedNodule]:
    """The nodules of a manifest or of a folder with patches, one after the other.

    Parameters
    ----------
    source : Path
        A manifest.csv with the columns ``ct``, ``nodules`` and ``malignancy``: the ratings of
        label 1, of label 2, ..., separated by semicolons, several readers' by blanks ("4 5 5; 2").
        Or a folder with patches.npz (``image_hu``, HU of shape (n, z, y, x), voxels of 1 mm, first
        axes pointing to the left, back and head; ``mask``, bits of its nodules, packed) and
        labels.csv (column ``malignancy``), a row each.

    Raises
    ------
    InputError
        It is neither, or the ratings do not fit the masks.
    """
    yield from _read_patches(source) if source.is_dir() else _read_manifest(source)


def _read_patches(folder: Path) -> Iterator[RatedNodule]:
    try:
        with (folder / _LABELS).open(encoding="utf-8-sig", newline="") as lines:
            ratings = [row["malignancy"] for row in csv.DictReader(lines)]
        stored = np.load(folder / _PATCHES)
        images, packed = stored["image_hu"], stored["mask"]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(
            f"'{folder.name}' is no folder of rated patches ({error}); it needs {_PATCHES} with "
            f"image_hu and mask, and {_LABELS} with a column malignancy."
        ) from error
    if images.ndim != 4 or not len(images) == len(packed) == len(ratings):
        raise InputError(
            f"The patches do not fit each other: images of shape {images.shape}, {len(packed)} "
            f"masks, {len(ratings)} rows of ratings; they need one row each."
        )
    bits = np.unpackbits(packed, axis=1)[:, : images[0].size]
    for row, (cell, hu, mask) in enumerate(zip(ratings, images, bits, strict=True), 1):
        yield RatedNodule(
            f"row {row}", median_rating(cell), Volume(hu), Volume(mask.reshape(hu.shape))
        )


def _read_manifest(path: Path) -> Iterator[RatedNodule]:
    from LungPNetLib.cohort.manifest import read_manifest
    from LungPNetLib.dicom.masks import read_mask
    from LungPNetLib.reading import read_study

    for row, study in enumerate(read_manifest(path, ("ct", "nodules", "malignancy")).rows, 1):
        cells = study.columns["malignancy"].split(";")
        ratings = {label: median_rating(cell) for label, cell in enumerate(cells, 1)}
        ct = read_study(study.files["ct"]).ct
        labels = read_mask(study.files["nodules"], ct)
        present = {int(label) for label in np.unique(labels.array) if label}
        if present != set(ratings):
            raise InputError(
                f"Row {row} of the manifest has {len(ratings)} ratings, but its nodules have the "
                f"labels {sorted(present)}. It needs the ratings of the labels 1, 2, ... in order, "
                "separated by semicolons."
            )
        for label, rating in ratings.items():
            mask = labels.with_array((labels.array == label).astype(np.uint8))
            yield RatedNodule(
                f"row {row}, label {label}", rating, *nodule_crop(ct, mask, _FIELD_MM)
            )


def gallery_entry(nodule: RatedNodule, number: int) -> GalleryEntry:
    """Measure a nodule, and cut its largest axial section, 40 mm wide, out of its CT.

    Raises
    ------
    InputError
        The mask is empty.
    """
    image, labels = nodule_crop(nodule.ct, nodule.mask, _FIELD_MM)
    index = planes.fullest(planes.marked(labels), Plane.AXIAL)
    return GalleryEntry(
        number,
        nodule.place,
        nodule.rating,
        nodule.suspicion,
        measure_heterogeneity(nodule.ct, nodule.mask).numbers,
        _field(planes.cut(image, labels, Plane.AXIAL, index)),
    )


def _field(cut: Cut) -> Cut:
    """The part of a section around its nodule, as many pixels on either side as there are."""
    assert cut.labels is not None
    parts = []
    for axis, step_mm in ((0, cut.pixel_mm[1]), (1, cut.pixel_mm[0])):
        hits = np.flatnonzero((cut.labels != 0).any(axis=1 - axis))
        half = round(_FIELD_MM / 2 / step_mm)
        middle = int(hits[0] + hits[-1]) // 2
        parts.append(slice(max(0, middle - half), middle + half))
    window = tuple(parts)
    return Cut(cut.pixels[window], cut.labels[window], cut.pixel_mm, cut.plane, cut.position_mm)


def gallery_page(entries: Sequence[GalleryEntry], colours: ColourMap) -> Image.Image:
    """Both groups below each other, every nodule at the same scale and in the same colours.

    Raises
    ------
    InputError
        There is no nodule to show.
    DependencyError
        matplotlib is not installed.
    """
    if not entries:
        raise InputError(
            "No nodule is rated benign (1-2) or malignant (4-5), so there is nothing to show; "
            "those rated 3 are left out."
        )
    groups = {
        kind: sorted((one for one in entries if one.suspicion is kind), key=lambda one: one.rating)
        for kind in GROUPS
    }
    side = round(_FIELD_MM * _PX_PER_MM)
    cell = (side + 2 * LETTER_PX, side + 3 * LINE_PX)
    n_rows = sum(-(-len(group) // _COLUMNS) for group in groups.values())
    width = 2 * EDGE_PX + _COLUMNS * cell[0] + LEGEND_PX
    text = f"{wording.NOTICE}. {OPINION} {scale_in_words(colours, Words())} {_SECTIONS}"
    lines = wrapped([text], width - 2 * EDGE_PX)
    height = 2 * EDGE_PX + n_rows * cell[1] + (2 * len(groups) + len(lines)) * LINE_PX
    page = Page(width, height)
    page.write_lines(lines, EDGE_PX, EDGE_PX)
    top = EDGE_PX + (len(lines) + 1) * LINE_PX
    page.legend(width - LEGEND_PX, top, 3 * side, colours)
    for kind, group in groups.items():
        page.write(f"{GROUPS[kind]}: {len(group)} nodules", EDGE_PX, top + LINE_PX / 2, size_px=18)
        top += 2 * LINE_PX - LINE_PX // 2
        for index, entry in enumerate(group):
            row, column = divmod(index, _COLUMNS)
            corner = (EDGE_PX + column * cell[0] + LETTER_PX, top + row * cell[1])
            _set(page, entry, corner, side, colours)
        top += -(-len(group) // _COLUMNS) * cell[1] + LINE_PX // 2
    return page.drawn()


def _set(
    page: Page, entry: GalleryEntry, corner_px: tuple[int, int], side_px: int, colours: ColourMap
) -> None:
    left, top = corner_px
    width, height = section_size_px(entry.cut, _PX_PER_MM)
    left, upper = left + (side_px - width) // 2, top + (side_px - height) // 2
    page.paste(section_in_colours(entry.cut, _PX_PER_MM, colours), left, upper)
    page.sides(entry.cut, (left, upper), (width, height))
    page.scale_bar(entry.cut.size_mm[0], _PX_PER_MM, left + width, top + side_px)
    numbers = entry.numbers
    mean, sd = wording.number(numbers.mean_hu, 0), wording.number(numbers.sd_hu, 0)
    texts = (f"#{entry.number}", f"{mean} HU, SD {sd}")
    for words, x_px, y_px in zip(
        texts, (corner_px[0], corner_px[0]), (top + side_px + 10, top + side_px + 10 + LINE_PX),
        strict=True,
    ):  # fmt: skip
        page.write(words, x_px, y_px, size_px=_SMALL_PX)


def group_medians(entries: Sequence[GalleryEntry]) -> dict[str, dict[str, Any]]:
    """Number of nodules and medians of their numbers, by group; empty groups are left out."""
    names = ("mean_hu", "sd_hu", "skewness", "solid_fraction", "entropy_bits", "n_voxels")
    found = {}
    for kind, title in GROUPS.items():
        group = [one.numbers.to_dict() for one in entries if one.suspicion is kind]
        if group:
            medians = {n: statistics.median(row[n] for row in group) for n in names}
            found[title] = {"nodules": len(group), "medians": medians}
    return found
