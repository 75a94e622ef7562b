"""How well the outlines of nodules agree: a program's with the truth, and readers' with each other.

What readers reach among themselves is the reference for a program: a higher Dice than theirs says
that it learned one reader's habits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from LungPNetLib.cohort.lidc import PlacedMask
from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.intervals import PatientMean, patient_mean
from LungPNetLib.evaluation.overlap import Mask, Overlap, dice, overlap
from LungPNetLib.volume import Volume

TOLERANCE_MM = 1.0
"""How far an outline may be off and still be right, for the surface Dice (NSD)."""


def outline_agreement(found: Volume, truth: Volume, *, ignored: Volume | None = None) -> Overlap:
    """Dice, surface Dice at ``TOLERANCE_MM`` and 95 % distance of one nodule's outline.

    Parameters
    ----------
    found, truth : Volume
        uint8 on the same grid: 1 in the nodule, 0 elsewhere. ``found`` is empty where the nodule
        was missed.
    ignored : Volume, optional
        On the same grid; what is not 0 there counts in neither.

    Raises
    ------
    InputError
        The grids differ, or the truth is empty.
    """
    if not np.any(truth.array == 1):
        raise InputError(
            f"The true outline (shape {truth.shape}) has no voxel of value 1; give the outline of "
            "a nodule."
        )
    return overlap(found, truth, 1, tolerance_mm=TOLERANCE_MM, ignored=ignored)


@dataclass(frozen=True)
class OutlineMeans:
    """Means over patients, each patient's own mean over their nodules.

    Parameters
    ----------
    dice, surface_dice : PatientMean
        Missed nodules count with 0.
    hd95_mm : PatientMean
        Of the nodules that were found; the others have no distance.
    n_nodules, n_missed : int
        Missed are those whose outline has nothing in common with the truth, by ``dice`` 0.
    """

    dice: PatientMean
    surface_dice: PatientMean
    hd95_mm: PatientMean
    n_nodules: int
    n_missed: int


def outline_means(scores: Iterable[tuple[str, Overlap]], *, seed: int = 0) -> OutlineMeans:
    """Means with 95 % bootstrap intervals over patients.

    Parameters
    ----------
    scores : iterable of (patient_id, Overlap)
        One a nodule.
    seed : int
        Of the bootstrap.
    """
    own: dict[str, list[Overlap]] = {}
    for patient, score in scores:
        own.setdefault(patient, []).append(score)
    nodules = [score for group in own.values() for score in group]

    def mean(name: str) -> PatientMean:
        values = [[getattr(score, name) for score in group] for group in own.values()]
        finite = [[value for value in group if math.isfinite(value)] for group in values]
        return patient_mean([float(np.mean(group)) for group in finite if group], seed=seed)

    return OutlineMeans(
        mean("dice"),
        mean("surface_dice"),
        mean("hd95_mm"),
        len(nodules),
        sum(score.dice == 0 for score in nodules),
    )


def reader_agreement(masks: Sequence[PlacedMask]) -> float:
    """Mean Dice of all pairs of readers of one nodule, 0 to 1; NaN of fewer than two.

    Parameters
    ----------
    masks : sequence of PlacedMask
        One a reader, all of one scan.

    Raises
    ------
    InputError
        The spacings differ, so that the masks are not of one scan.

    Notes
    -----
    A reader who did not mark the nodule is not among ``masks``: this measures outlines, not who
    saw it. Average the nodules of a patient before :func:`patient_mean`.

    Examples
    --------
    >>> one = PlacedMask(np.ones((1, 1, 2), bool), start=(0, 0, 0), spacing_mm=(0.7, 0.7, 2.5))
    >>> other = PlacedMask(np.ones((1, 1, 2), bool), start=(1, 0, 0), spacing_mm=(0.7, 0.7, 2.5))
    >>> reader_agreement([one, other])
    0.5
    """
    if len({mask.spacing_mm for mask in masks}) > 1:
        raise InputError(
            f"The masks have the spacings {sorted({mask.spacing_mm for mask in masks})} mm; give "
            "those of one scan."
        )
    if len(masks) < 2:
        return math.nan
    pairs = itertools.combinations(_on_one_grid(masks), 2)
    return float(np.mean([dice(one, other) for one, other in pairs]))


def _on_one_grid(masks: Sequence[PlacedMask]) -> list[Mask]:
    """Each in the smallest box that holds all of them."""
    starts = np.array([mask.start[::-1] for mask in masks])
    stops = starts + [mask.array.shape for mask in masks]
    first, shape = starts.min(axis=0), stops.max(axis=0) - starts.min(axis=0)
    placed = []
    for mask, start, stop in zip(masks, starts - first, stops - first, strict=True):
        whole = np.zeros(shape, bool)
        whole[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = mask.array
        placed.append(whole)
    return placed
