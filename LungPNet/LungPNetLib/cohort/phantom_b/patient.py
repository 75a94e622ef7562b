"""A made-up patient of generator B: anatomy, nodules and scan from one seed.

For tests only. Networks learn from generator A; this one shares none of its code for anatomy,
vessels, nodules or the scanner, so that what a network does here says whether it learned more than
the ways of generator A.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.cohort.phantom_b.blobs import Blob, BlobSpec, Kind
from LungPNetLib.cohort.phantom_b.outlines import Plane
from LungPNetLib.cohort.phantom_b.thorax import Thorax
from LungPNetLib.cohort.phantom_b.tomography import Beam, scanned
from LungPNetLib.errors import InputError
from LungPNetLib.volume import Triplet, Volume

GENERATOR_VERSION = "B-1"
"""Goes up whenever the same arguments make other voxels."""

FIELD_MM = 380.0
_FINER = 2
"""Pixels and slices are averaged from so many finer ones along each axis."""
_SITE_GRID_MM = 4.0
_HILUM_MM = 38.0
_TRIES = 200


@dataclass(frozen=True)
class BlobTruth:
    """What is known of one nodule.

    Parameters
    ----------
    label : int
    kind : Kind
    diameter_mm : float
        Of the sphere of the volume that lies in the lung.
    centre_mm : tuple of float
        LPS, centre of that volume.
    at_wall, is_spiculated : bool
    """

    label: int
    kind: Kind
    diameter_mm: float
    centre_mm: Triplet
    at_wall: bool
    is_spiculated: bool


@dataclass(frozen=True, eq=False)
class PatientB:
    """CT (int16 HU) and truth (uint8) on one grid, axes to the left, back and head.

    ``lungs`` is 1 right and 2 left, nodules and vessels included, pleural fluid and large airways
    not; ``airways`` is 1 in the air of trachea and main bronchi; label k of ``nodules`` is row k of
    ``nodule_table``.
    """

    ct: Volume
    lungs: Volume
    airways: Volume
    nodules: Volume
    nodule_table: tuple[BlobTruth, ...]
    seed: int
    beam: Beam


def make_patient_b(
    seed: int, *, nodules: Sequence[BlobSpec], beam: Beam, pixels: int = 320, slices: int = 100,
    distance_mm: float = 2.8, progress: Callable[[float], None] = lambda _: None,
) -> PatientB:  # fmt: skip
    """Somebody made up, and scanned.

    Parameters
    ----------
    seed : int
        Decides anatomy, where nodules lie, and noise.
    nodules : sequence of BlobSpec
        One that finds no place is left out.
    beam : Beam
    pixels : int
        Rows and columns of the image, whose field is 380 mm.
    slices : int
    distance_mm : float
        Of the slices, which is also their thickness.
    progress : callable
        Told the share of the work done.

    Raises
    ------
    InputError
        A size is not positive.
    """
    if min(pixels, slices, distance_mm) <= 0:
        raise InputError(
            f"Pixels, slices and their distance must be positive, got {pixels}, {slices} and "
            f"{distance_mm} mm."
        )
    thorax = Thorax.drawn(np.random.default_rng([seed, 11]))
    thorax = replace(thorax, blobs=_placed(thorax, nodules, np.random.default_rng([seed, 12])))
    rng = np.random.default_rng([seed, 13])
    pixel_mm = FIELD_MM / pixels
    plane = Plane.of(_FINER * pixels, pixel_mm / _FINER)
    heights = _heights(thorax, slices, distance_mm)
    stacks: list[tuple[npt.NDArray[Any], ...]] = []
    for done, z in enumerate(heights, start=1):
        hu, lungs, airways, labels = _slice(thorax, float(z), distance_mm, plane)
        stacks.append((scanned(hu, pixel_mm, beam, rng), lungs, airways, labels))
        progress(done / slices)
    ct_array, lungs, airways, labels = (np.stack(part) for part in zip(*stacks, strict=True))
    first = -(pixels - 1) / 2 * pixel_mm
    ct = Volume(
        np.rint(np.clip(ct_array, -1024, 3071)).astype(np.int16),
        (pixel_mm, pixel_mm, distance_mm),
        (first, first, float(heights[0])),
    )
    labels, table = _truth(labels, ct, thorax.blobs)
    volumes = [ct.with_array(array) for array in (lungs, airways, labels)]
    return PatientB(ct, volumes[0], volumes[1], volumes[2], table, seed, beam)


def _heights(thorax: Thorax, slices: int, distance_mm: float) -> npt.NDArray[np.float64]:
    low, high = thorax.person.cage.z_mm[[0, -1]]
    middle = (low + high) / 2
    return np.asarray(middle + (np.arange(slices) - (slices - 1) / 2) * distance_mm)


def _slice(
    thorax: Thorax, z_mm: float, distance_mm: float, plane: Plane
) -> tuple[npt.NDArray[Any], ...]:
    """HU, lungs, airways and nodules of one slice, averaged from thin sections."""
    thin_mm = distance_mm / _FINER
    offsets = (np.arange(_FINER) - (_FINER - 1) / 2) * thin_mm
    parts = [thorax.section(z_mm + float(offset), thin_mm, plane) for offset in offsets]
    hu = _averaged([p.hu for p in parts])
    shares = np.stack([_averaged([(p.lungs == side) for p in parts]) for side in (1, 2)])
    lungs = np.where(shares.max(axis=0) > 0.5, shares.argmax(axis=0) + 1, 0).astype(np.uint8)
    airways = (_averaged([p.airways for p in parts]) > 0.5).astype(np.uint8)
    labels = np.zeros(hu.shape, np.uint8)
    for number in range(len(thorax.blobs)):
        labels[_averaged([p.nodules[number] for p in parts]) >= 0.5] = number + 1
    return hu, lungs, airways, labels


def _averaged(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
    mean = np.mean([part.astype(np.float32) for part in parts], axis=0)
    n = mean.shape[0] // _FINER
    blocks: npt.NDArray[np.float32] = mean.reshape(n, _FINER, n, _FINER).mean(axis=(1, 3))
    return blocks


def _placed(
    thorax: Thorax, specs: Sequence[BlobSpec], rng: np.random.Generator
) -> tuple[Blob, ...]:
    """Nodules at places that suit them: in the lung, or against its outer wall; none together."""
    plane = Plane.of(int(300 / _SITE_GRID_MM), _SITE_GRID_MM)
    heights = np.arange(thorax.person.cage.z_mm[0], thorax.person.cage.z_mm[-1], _SITE_GRID_MM)
    lung = np.stack([thorax.lungs(float(z), plane) > 0 for z in heights])
    depth_mm = ndimage.distance_transform_edt(lung, sampling=_SITE_GRID_MM)
    places = np.argwhere(lung)
    blobs: list[Blob] = []
    for spec in specs:
        radius = spec.diameter_mm / 2
        nearest, furthest = (0.35 * radius, 0.9 * radius + 2) if spec.at_wall else (radius + 3, 1e9)
        for _ in range(_TRIES):
            k, j, i = places[rng.integers(len(places))]
            centre = np.array([plane.x[j, i], plane.y[j, i], heights[k]])
            centre += rng.uniform(-0.5, 0.5, 3) * _SITE_GRID_MM
            near_hilum = np.hypot(np.abs(centre[0]) - 30, centre[2] + 8) < _HILUM_MM
            apart = all(
                np.linalg.norm(centre - b.centre_mm) > radius + b.spec.diameter_mm for b in blobs
            )
            if nearest <= depth_mm[k, j, i] <= furthest and apart and not near_hilum:
                x, y, z = centre.tolist()
                blobs.append(Blob.grown(spec, (x, y, z), rng))
                break
    return tuple(blobs)


def _truth(
    labels: npt.NDArray[np.uint8], ct: Volume, blobs: Sequence[Blob]
) -> tuple[npt.NDArray[np.uint8], tuple[BlobTruth, ...]]:
    """The table of the nodules that the image shows, and labels that follow it."""
    table: list[BlobTruth] = []
    kept = np.zeros_like(labels)
    for number, blob in enumerate(blobs, start=1):
        mask = labels == number
        if not mask.any():
            continue
        k, j, i = np.argwhere(mask).mean(axis=0)
        x, y, z = ct.index_to_world([i, j, k]).tolist()
        volume_mm3 = np.count_nonzero(mask) * ct.voxel_volume_ml * 1000
        label = len(table) + 1
        kept[mask] = label
        diameter = round(float((6 * volume_mm3 / np.pi) ** (1 / 3)), 2)
        spec = blob.spec
        table.append(
            BlobTruth(label, spec.kind, diameter, (x, y, z), spec.at_wall, spec.is_spiculated)
        )
    return kept, tuple(table)
