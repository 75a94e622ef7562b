"""A made-up patient: CT, masks and truth from one seed (generator A).

Written for demonstrations, tests and training. Nothing in it comes from a real person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom.nodule import NoduleTruth
from LungPNetLib.cohort.phantom.organs import AIR_HU
from LungPNetLib.cohort.phantom.scanner import Noise, Scanner
from LungPNetLib.cohort.phantom.shapes import Plane, Section
from LungPNetLib.cohort.phantom.thorax import SectionTruth, Thorax
from LungPNetLib.cohort.phantom.trees import Points, rasterised
from LungPNetLib.errors import InputError
from LungPNetLib.volume import Triplet, Volume

CENTRE_MM: Triplet = (0.0, 8.0, -36.0)
"""LPS position of the middle of every made-up CT."""

_LAYER_MM = 1.6
"""A slice is the mean of layers at most this thick (its sensitivity profile is a box)."""
_SMALLEST_SIZE = 16


@dataclass(frozen=True, eq=False)
class MadeUpPatient:
    """A made-up chest CT with everything that is known about it; all volumes share one grid.

    Parameters
    ----------
    ct : Volume
        int16 HU; columns grow to the left (L), rows to the back (P), slices to the head (S).
    lungs : Volume
        uint8, 1 right and 2 left lung. Vessels, segmental bronchi and the nodule inside a lung
        belong to it; trachea, main bronchi and the large vessels of the hila do not.
    airways : Volume
        uint8, 1 where the air of trachea and main bronchi is.
    nodules : Volume
        uint8, label k is nodule k of ``nodule_table``.
    nodule_table : tuple of NoduleTruth
    seed : int
    padding_hu : int or None
        Value of the voxels outside the scanner's round field, if they are padded.
    """

    ct: Volume
    lungs: Volume
    airways: Volume
    nodules: Volume
    nodule_table: tuple[NoduleTruth, ...]
    seed: int
    padding_hu: int | None = None


def make_patient(
    seed: int = 7,
    *,
    size: tuple[int, int, int] = (512, 512, 120),
    spacing_mm: Triplet = (0.7, 0.7, 2.5),
    scanner: Scanner | None = None,
) -> MadeUpPatient:
    """Make the patient that belongs to ``seed``.

    The person and the nodule depend on the seed alone: another ``size``, ``spacing_mm`` or
    ``scanner`` is another scan of the same person. The same arguments give the same voxels.

    Parameters
    ----------
    seed : int
        Not negative.
    size : tuple of int
        Number of (columns, rows, slices), each at least 16. About 360 x 360 x 290 mm hold both
        lungs.
    spacing_mm : tuple of float
        Distances of voxel centres along (column, row, slice) in mm; pixels are square.
    scanner : Scanner, optional
        How the image is blurred and how noisy it is.

    Raises
    ------
    InputError
        An argument is out of its range.

    Examples
    --------
    >>> patient = make_patient(size=(64, 64, 24), spacing_mm=(5.6, 5.6, 12.0))
    >>> patient.ct.shape, patient.nodule_table[0].label
    ((24, 64, 64), 1)
    """
    _check(seed, size, spacing_mm)
    scanner = scanner or Scanner()
    thorax = Thorax.drawn(seed)
    x, y, z = (
        middle + step * (np.arange(count) - (count - 1) / 2)
        for middle, step, count in zip(CENTRE_MM, spacing_mm, size, strict=True)
    )
    noise = Noise(scanner, (size[1], size[0]), spacing_mm[:2], np.random.default_rng([seed, 9]))
    ct = np.empty(size[::-1], np.int16)
    masks = np.zeros((3, *ct.shape), np.uint8)
    for k, (hu, labels) in enumerate(_slices(thorax, (x, y, z), spacing_mm)):
        ct[k] = scanner.digitised(scanner.blurred(hu, spacing_mm[:2]) + noise.next_slice())
        masks[:, k] = labels
    grid = Volume(ct, spacing_mm, (float(x[0]), float(y[0]), float(z[0])))
    return MadeUpPatient(
        ct=grid,
        lungs=grid.with_array(masks[0]),
        airways=grid.with_array(masks[1]),
        nodules=grid.with_array(masks[2]),
        nodule_table=(thorax.nodule.truth,),
        seed=seed,
        padding_hu=scanner.padding_hu,
    )


def _slices(
    thorax: Thorax, axes_mm: tuple[Points, Points, Points], spacing_mm: Triplet
) -> Iterator[tuple[Plane, npt.NDArray[np.uint8]]]:
    """HU of each slice before the scanner, and its labels of (lungs, airways, nodules)."""
    x, y, z = axes_mm
    layers = int(np.ceil(spacing_mm[2] / _LAYER_MM))
    shifts = ((np.arange(layers) + 0.5) / layers - 0.5) * spacing_mm[2]
    heights = (z[:, None] + shifts).ravel()
    vessels = rasterised(thorax.vessels, (x, y, heights))
    for first in range(0, len(heights), layers):
        painted = [
            _painted(thorax, (x, y, heights[n]), spacing_mm, layers, vessels[n])
            for n in range(first, first + layers)
        ]
        hu: Plane = np.mean([plane for plane, _ in painted], axis=0)
        truths = [truth for _, truth in painted]
        lungs = _mostly([t.right_lung for t in truths]) + 2 * _mostly([t.left_lung for t in truths])
        airways = _mostly([t.airways for t in truths])
        nodule = _mostly([t.nodule for t in truths]) * thorax.nodule.truth.label
        yield hu, np.stack([lungs, airways, nodule])


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


def _painted(
    thorax: Thorax,
    position_mm: tuple[Points, Points, float],
    spacing_mm: Triplet,
    layers: int,
    vessel_share: npt.NDArray[np.uint8],
) -> tuple[Plane, SectionTruth]:
    """HU and truth of one layer of a slice."""
    x, y, z_mm = position_mm
    section = Section(
        x[None].astype(np.float32),
        y[:, None].astype(np.float32),
        float(z_mm),
        spacing_mm[0],
        np.full(vessel_share.shape, AIR_HU, np.float32),
    )
    share = vessel_share.astype(np.float32) / np.float32(255.0)
    return section.hu, thorax.paint(section, share, spacing_mm[2] / layers)


def _mostly(shares: list[Plane]) -> npt.NDArray[np.uint8]:
    """1 where at least half of the voxel is inside."""
    inside: npt.NDArray[np.uint8] = (np.mean(shares, axis=0) >= 0.5).astype(np.uint8)
    return inside
