"""A made-up patient: CT, masks and truth from one seed (generator A).

Written for demonstrations, tests and training. Nothing in it comes from a real person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from LungPNetLib.cohort.phantom.nodule import NoduleSpec, NoduleTruth
from LungPNetLib.cohort.phantom.organs import BLOOD_HU, Enhancement
from LungPNetLib.cohort.phantom.pathology import Pathology
from LungPNetLib.cohort.phantom.rendering import tilted_slices, upright_slices
from LungPNetLib.cohort.phantom.scanner import Noise, Scanner
from LungPNetLib.cohort.phantom.surroundings import breathed
from LungPNetLib.cohort.phantom.thorax import Thorax
from LungPNetLib.cohort.phantom.tilted import AcquiredSlices, leaning_rows, tilted_stack
from LungPNetLib.errors import InputError
from LungPNetLib.volume import Triplet, Volume

GENERATOR_VERSION = "A-4"
"""Goes up whenever the same arguments make other voxels; stored pictures are then made again."""

CENTRE_MM: Triplet = (0.0, 8.0, -36.0)
"""LPS position of the middle of every made-up CT."""

MASKS = ("lungs", "airways", "nodules", "lobes", "pathology", "effusion")
"""The label volumes of a made-up patient."""

_SMALLEST_SIZE = 16
_VEIN_SHARE, _RIGHT_SHARE, _LEFT_SHARE = 1.3, 1.0, 0.85
"""How much contrast agent great veins, right and left heart hold relative to the blood pool."""

_TILT_DEG = (1.0, 30.0)
"""How far gantries tilt either way; less is not told from rounding."""


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
    acquired : AcquiredSlices, optional
        The slices of a tilted gantry, which are what is written as DICOM. The volumes then lie on
        the upright grid that the reader resamples them to, -2000 HU where no slice is.
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
    acquired: AcquiredSlices | None = None

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
    tilt_deg: float = 0.0,
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
    tilt_deg : float
        Tilt of the gantry about the left-right axis, up to 30 degrees either way. Slices then lie
        ``spacing_mm[2]`` apart along the table; see ``MadeUpPatient.acquired``.
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
    _check_tilt(tilt_deg)
    scanner = scanner or Scanner()
    diseases = tuple(kind for kind in pathologies if kind is not Pathology.NONE)
    thorax = Thorax.drawn(seed, diseases, _enhancement(scanner), nodules)
    x, y, z = (
        middle + step * (np.arange(count) - (count - 1) / 2)
        for middle, step, count in zip(centre_mm, spacing_mm, size, strict=True)
    )
    y, lean = leaning_rows(y, tilt_deg)
    noise = Noise(
        scanner,
        (size[1], size[0]),
        spacing_mm[:2],
        np.random.default_rng([seed, 9]),
        spacing_mm[2],
    )
    ct = np.empty(size[::-1], np.int16)
    masks = np.zeros((len(MASKS), *ct.shape), np.uint8)
    slices = (
        tilted_slices(thorax, scanner, (x, y, z), lean, spacing_mm, tilt_deg)
        if tilt_deg
        else upright_slices(thorax, scanner, (x, y, z), spacing_mm)
    )
    for k, (hu, labels) in enumerate(slices):
        if scanner.motion_mm:
            hu = breathed(hu, y, scanner.motion_mm, k * spacing_mm[2])
        blurred = scanner.blurred(hu, spacing_mm[:2])
        ct[k] = scanner.digitised(blurred + noise.next_slice(hu))
        masks[:, k] = labels
        progress((k + 1) / size[2])
    masks[:, :, scanner.unseen((size[1], size[0]))] = 0
    corner = (float(x[0]), float(y[0]), float(z[0] + lean[0]))
    acquired = None
    if tilt_deg:
        stack = tilted_stack(corner, tilt_deg, size[2], spacing_mm)
        acquired = AcquiredSlices(ct, stack, spacing_mm[2])
        grid = acquired.upright()
        volumes = [acquired.labels_on(grid, mask) for mask in masks]
    else:
        grid = Volume(ct, spacing_mm, corner)
        volumes = [grid.with_array(mask) for mask in masks]
    return MadeUpPatient(
        ct=grid,
        **dict(zip(MASKS, volumes, strict=True)),
        nodule_table=tuple(nodule.truth for nodule in thorax.nodules),
        seed=seed,
        pathologies=diseases,
        scanner=scanner,
        acquired=acquired,
    )


def _enhancement(scanner: Scanner) -> Enhancement | None:
    if scanner.contrast_hu is None:
        return None
    added = scanner.contrast_hu - BLOOD_HU
    return Enhancement(_VEIN_SHARE * added, _RIGHT_SHARE * added, _LEFT_SHARE * added)


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


def _check_tilt(tilt_deg: float) -> None:
    low, high = _TILT_DEG
    if tilt_deg and not low <= abs(tilt_deg) <= high:
        raise InputError(
            f"The tilt of a made-up gantry must be 0 or {low:g} to {high:g} degrees either way, "
            f"got {tilt_deg:g}."
        )
