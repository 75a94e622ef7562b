"""A made-up patient: CT, masks and truth from one seed (generator A).

Written for demonstrations, tests and training. Nothing in it comes from a real person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom.layers import Layers
from LungPNetLib.cohort.phantom.nodule import NoduleSpec, NoduleTruth
from LungPNetLib.cohort.phantom.organs import AIR_HU, BLOOD_HU, Enhancement
from LungPNetLib.cohort.phantom.pathology import Pathology
from LungPNetLib.cohort.phantom.scanner import Noise, Scanner, Table
from LungPNetLib.cohort.phantom.shapes import Plane, Section
from LungPNetLib.cohort.phantom.surroundings import breathed, paint_surroundings, without_couch
from LungPNetLib.cohort.phantom.thorax import SectionTruth, Thorax
from LungPNetLib.cohort.phantom.trees import Points, rasterised
from LungPNetLib.errors import InputError
from LungPNetLib.volume import Triplet, Volume

GENERATOR_VERSION = "A-3"
"""Goes up whenever the same arguments make other voxels; stored pictures are then made again."""

CENTRE_MM: Triplet = (0.0, 8.0, -36.0)
"""LPS position of the middle of every made-up CT."""

MASKS = ("lungs", "airways", "nodules", "lobes", "pathology", "effusion")
"""The label volumes of a made-up patient."""

_SMALLEST_SIZE = 16
_VEIN_SHARE, _RIGHT_SHARE, _LEFT_SHARE = 1.3, 1.0, 0.85
"""How much contrast agent great veins, right and left heart hold relative to the blood pool."""

LabelPlanes = npt.NDArray[np.uint8]
"""Labels of one slice in the order of ``MASKS``, shape (masks, rows, columns)."""


@dataclass(frozen=True, eq=False)
class MadeUpPatient:
    """A made-up chest CT with everything that is known about it; all volumes share one grid.

    Parameters
    ----------
    ct : Volume
        int16 HU; columns grow to the left (L), rows to the back (P), slices to the head (S).
    lungs : Volume
        uint8, 1 right and 2 left lung. Vessels, segmental bronchi, nodules, consolidated lung and
        masses inside a lung belong to it; pleural fluid, trachea, main bronchi and the large
        vessels of the hila do not.
    airways : Volume
        uint8, 1 where the air of trachea and main bronchi is.
    nodules : Volume
        uint8, label k is nodule k of ``nodule_table``.
    lobes : Volume
        uint8, number of the lobe (``fissures.Lobe``) inside the lungs.
    pathology : Volume
        uint8, ``Pathology.code`` of what changes the lung there; 0 for nothing.
    effusion : Volume
        uint8, 1 in pleural fluid.
    nodule_table : tuple of NoduleTruth
    seed : int
    pathologies : tuple of Pathology
    scanner : Scanner
        What the image was taken with.
    """

    ct: Volume
    lungs: Volume
    airways: Volume
    nodules: Volume
    lobes: Volume
    pathology: Volume
    effusion: Volume
    nodule_table: tuple[NoduleTruth, ...]
    seed: int
    pathologies: tuple[Pathology, ...]
    scanner: Scanner

    @property
    def padding_hu(self) -> int | None:
        """Value of the voxels outside the scanner's round field, if they are padded."""
        return self.scanner.padding_hu


def make_patient(
    seed: int = 7,
    *,
    size: tuple[int, int, int] = (512, 512, 120),
    spacing_mm: Triplet = (0.7, 0.7, 2.5),
    centre_mm: Triplet = CENTRE_MM,
    scanner: Scanner | None = None,
    pathologies: Sequence[Pathology] = (),
    nodules: Sequence[NoduleSpec] | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> MadeUpPatient:
    """Make the patient that belongs to ``seed``.

    The person and the standard nodule depend on the seed alone: another ``size``, ``spacing_mm``,
    ``centre_mm`` or ``scanner`` is another scan of the same person. The same arguments give the
    same voxels.

    Parameters
    ----------
    seed : int
        Not negative.
    size : tuple of int
        Number of (columns, rows, slices), each at least 16. About 360 x 360 x 290 mm hold both
        lungs; a smaller or shifted field cuts them.
    spacing_mm : tuple of float
        Distances of voxel centres along (column, row, slice) in mm; pixels are square.
    centre_mm : tuple of float
        LPS position of the middle of the image.
    scanner : Scanner, optional
        How the image is taken.
    pathologies : sequence of Pathology
        What the patient suffers from; healthy without any.
    nodules : sequence of NoduleSpec, optional
        Nodules in place of the standard one, labelled from 1.
    progress : callable
        Told the share of the slices that are done.

    Raises
    ------
    InputError
        An argument is out of its range, or the lungs have no room for a nodule.

    Examples
    --------
    >>> patient = make_patient(size=(64, 64, 24), spacing_mm=(5.6, 5.6, 12.0))
    >>> patient.ct.shape, patient.nodule_table[0].label
    ((24, 64, 64), 1)
    """
    _check(seed, size, spacing_mm)
    scanner = scanner or Scanner()
    diseases = tuple(kind for kind in pathologies if kind is not Pathology.NONE)
    thorax = Thorax.drawn(seed, diseases, _enhancement(scanner), nodules)
    x, y, z = (
        middle + step * (np.arange(count) - (count - 1) / 2)
        for middle, step, count in zip(centre_mm, spacing_mm, size, strict=True)
    )
    noise = Noise(
        scanner,
        (size[1], size[0]),
        spacing_mm[:2],
        np.random.default_rng([seed, 9]),
        spacing_mm[2],
    )
    ct = np.empty(size[::-1], np.int16)
    masks = np.zeros((len(MASKS), *ct.shape), np.uint8)
    slices = _slices(thorax, scanner, (x, y, z), spacing_mm)
    for k, (hu, labels) in enumerate(slices):
        if scanner.motion_mm:
            hu = breathed(hu, y, scanner.motion_mm, k * spacing_mm[2])
        blurred = scanner.blurred(hu, spacing_mm[:2])
        ct[k] = scanner.digitised(blurred + noise.next_slice(hu))
        masks[:, k] = labels
        progress((k + 1) / size[2])
    masks[:, :, scanner.unseen((size[1], size[0]))] = 0
    grid = Volume(ct, spacing_mm, (float(x[0]), float(y[0]), float(z[0])))
    return MadeUpPatient(
        ct=grid,
        **{name: grid.with_array(mask) for name, mask in zip(MASKS, masks, strict=True)},
        nodule_table=tuple(nodule.truth for nodule in thorax.nodules),
        seed=seed,
        pathologies=diseases,
        scanner=scanner,
    )


def _enhancement(scanner: Scanner) -> Enhancement | None:
    if scanner.contrast_hu is None:
        return None
    added = scanner.contrast_hu - BLOOD_HU
    return Enhancement(_VEIN_SHARE * added, _RIGHT_SHARE * added, _LEFT_SHARE * added)


def _slices(
    thorax: Thorax,
    scanner: Scanner,
    axes_mm: tuple[Points, Points, Points],
    spacing_mm: Triplet,
) -> Iterator[tuple[Plane, LabelPlanes]]:
    """HU of each slice before the scanner, and its labels in the order of ``MASKS``."""
    x, y, z = axes_mm
    layers = Layers.of(spacing_mm[2], scanner.slab_mm(spacing_mm[2]))
    heights = z[0] + layers.first_mm + layers.step_mm * np.arange(layers.needed(len(z)))
    vessels = rasterised(thorax.vessels, (x, y, heights))
    body = thorax if scanner.table is Table.CURVED else without_couch(thorax)
    painted: dict[int, tuple[Plane, SectionTruth]] = {}
    for first in range(0, len(z) * layers.stride, layers.stride):
        own = range(first, first + layers.per_slice)
        painted = {n: painted[n] for n in own if n in painted}
        for n in own:
            if n not in painted:
                section = _empty_section(axes_mm, float(heights[n]), spacing_mm[0])
                paint_surroundings(section, thorax.build, scanner)
                share = vessels[n].astype(np.float32) / np.float32(255.0)
                painted[n] = section.hu, body.paint(section, share, layers.step_mm)
        hu: Plane = np.mean([painted[n][0] for n in own], axis=0)
        yield hu, _labels([painted[n][1] for n in own])


def _empty_section(axes_mm: tuple[Points, Points, Points], z_mm: float, pixel_mm: float) -> Section:
    x, y, _ = axes_mm
    return Section(
        x[None].astype(np.float32),
        y[:, None].astype(np.float32),
        z_mm,
        pixel_mm,
        np.full((len(y), len(x)), AIR_HU, np.float32),
    )


def _labels(truths: list[SectionTruth]) -> LabelPlanes:
    """Labels of one slice in the order of ``MASKS``."""
    lungs = _mostly([t.right_lung for t in truths]) + 2 * _mostly([t.left_lung for t in truths])
    inside = lungs > 0
    nodules = np.maximum.reduce([t.nodule_label for t in truths])
    return np.stack(
        [
            lungs,
            _mostly([t.airways for t in truths]),
            _mostly([t.nodule for t in truths]) * inside * nodules,
            np.maximum.reduce([t.lobes for t in truths]) * inside,
            np.maximum.reduce([t.pathology for t in truths]) * inside,
            _mostly([t.effusion for t in truths]),
        ]
    )


def _mostly(shares: list[Plane]) -> npt.NDArray[np.uint8]:
    """1 where at least half of the voxel is inside."""
    inside: npt.NDArray[np.uint8] = (np.mean(shares, axis=0) >= 0.5).astype(np.uint8)
    return inside


def _check(seed: int, size: tuple[int, int, int], spacing_mm: Triplet) -> None:
    if seed < 0:
        raise InputError(f"The seed of a made-up patient must not be negative, got {seed}.")
    if len(size) != 3 or min(size) < _SMALLEST_SIZE:
        raise InputError(
            f"A made-up CT needs at least {_SMALLEST_SIZE} columns, rows and slices, got {size}."
        )
    if len(spacing_mm) != 3 or not all(np.isfinite(v) and v > 0 for v in spacing_mm):
        raise InputError(f"Voxel spacing must be three positive lengths in mm, got {spacing_mm}.")
    if spacing_mm[0] != spacing_mm[1]:
        raise InputError(
            f"A made-up CT has square pixels, got {spacing_mm[0]} x {spacing_mm[1]} mm; "
            "give both the same spacing."
        )
