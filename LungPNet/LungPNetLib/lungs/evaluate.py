"""How well a method finds the lungs: each lung of each patient, and means over groups of patients.

A patient's figure is the mean of both lungs, so that intervals are over patients.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import numpy as np

from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.intervals import patient_mean
from LungPNetLib.evaluation.overlap import Overlap, overlap
from LungPNetLib.evaluation.tables import Table
from LungPNetLib.lungs.classical import LEFT, RIGHT
from LungPNetLib.lungs.predict import LungMethod, predict_lungs
from LungPNetLib.volume import Volume

TOLERANCE_MM = 3.0
"""How far an outline may be off and still be right, for the surface Dice (NSD)."""

SIDES = ("right", "left")


@dataclass(frozen=True, eq=False)
class LungCase:
    """A CT whose lungs are known.

    Parameters
    ----------
    patient_id : str
        Pseudonymous; tables name the worst case by it.
    ct : Volume
        HU.
    truth : Volume
        uint8 on the same grid: 1 right, 2 left.
    groups : mapping of str to tuple of str
        What the patient belongs to, by kind: ``{"pathology": ("emphysema", "scars")}``. A patient
        may belong to several groups of a kind, or to none.
    ignored : Volume, optional
        On the same grid; what is not 0 there (a tumour of which nobody knows whether it is lung)
        counts neither as found nor as true.
    """

    patient_id: str
    ct: Volume
    truth: Volume
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ignored: Volume | None = None


class Measure(str, Enum):
    """What is averaged: the fields of ``Overlap``."""

    DICE = "dice"
    SURFACE_DICE = "surface_dice"
    HD95_MM = "hd95_mm"


@dataclass(frozen=True)
class LungScore:
    """How well the lungs of one patient were found.

    Parameters
    ----------
    patient_id, groups
        As in ``LungCase``.
    lungs : mapping of str to Overlap
        ``right`` and ``left``.
    seconds : float
        Time of the method.
    refusal : str
        Why the method found no lung at all; empty if it did.
    """

    patient_id: str
    groups: Mapping[str, tuple[str, ...]]
    lungs: Mapping[str, Overlap]
    seconds: float
    refusal: str = ""

    def mean(self, measure: Measure, sides: Sequence[str] = SIDES) -> float:
        """Mean over those of ``sides`` that are in the image or were found; NaN if none is."""
        values = [getattr(self.lungs[side], measure.value) for side in sides]
        present = [value for value in values if not math.isnan(value)]
        return float(np.mean(present)) if present else math.nan


def evaluate_lungs(
    cases: Iterable[LungCase],
    method: LungMethod,
    *,
    weights: Path | str | None = None,
    device: str = "cpu",
) -> Iterator[LungScore]:
    """Find the lungs of each case and compare them with the truth, one case after the other.

    Parameters
    ----------
    cases : iterable of LungCase
        Taken one at a time, so that they need not fit into memory together.
    method, weights, device
        As in ``predict_lungs``.

    Yields
    ------
    LungScore
        A patient in whom the method finds no lung counts as one with an empty mask; ``refusal``
        then says what the method said.

    Raises
    ------
    InputError
        A truth lies on another grid than its CT.
    ModelError
        The weights are missing, damaged or unknown.
    """
    for case in cases:
        began = time.perf_counter()
        refusal = ""
        try:
            found = predict_lungs(case.ct, method, weights=weights, device=device).labels
        except InputError as error:
            found, refusal = case.ct.with_array(np.zeros(case.ct.shape, np.uint8)), str(error)
        seconds = time.perf_counter() - began
        lungs = {
            side: overlap(found, case.truth, n, tolerance_mm=TOLERANCE_MM, ignored=case.ignored)
            for side, n in zip(SIDES, (RIGHT, LEFT), strict=True)
        }
        yield LungScore(case.patient_id, case.groups, lungs, seconds, refusal)


def lung_table(scores: Mapping[str, Sequence[LungScore]]) -> Table:
    """Both lungs together, and each one, over all patients.

    Parameters
    ----------
    scores : mapping of str to sequence of LungScore
        Of each method, by the name to show.
    """
    choices = {"both": SIDES, "right": ("right",), "left": ("left",)}
    rows = [
        (lung, method, *_cells(own, sides))
        for lung, sides in choices.items()
        for method, own in scores.items()
    ]
    return Table(("lung", "method", *_COLUMNS), tuple(rows))


def group_table(scores: Mapping[str, Sequence[LungScore]], kind: str) -> Table:
    """Both lungs in each group of one kind, every method beside the others.

    Parameters
    ----------
    scores : mapping of str to sequence of LungScore
        Of each method, by the name to show.
    kind : str
        Key of ``LungCase.groups``; its groups stand in alphabetical order.
    """
    patients = [score for own in scores.values() for score in own]
    rows = [
        (group, method, *_cells([s for s in own if group in s.groups.get(kind, ())], SIDES))
        for group in sorted({name for score in patients for name in score.groups.get(kind, ())})
        for method, own in scores.items()
    ]
    return Table((kind, "method", *_COLUMNS), tuple(rows))


_COLUMNS = ("n", "Dice", f"NSD {TOLERANCE_MM:g} mm", "HD95 mm", "missed", "worst Dice")
_DECIMALS = {Measure.DICE: 3, Measure.SURFACE_DICE: 3, Measure.HD95_MM: 1}


def _cells(scores: Sequence[LungScore], sides: Sequence[str]) -> tuple[str, ...]:
    """One row; a lung that was missed has Dice and surface Dice 0, and no distance."""
    means = {}
    for measure in Measure:
        values = [score.mean(measure, sides) for score in scores]
        means[measure] = patient_mean([value for value in values if math.isfinite(value)])
    lungs = [(score.lungs[side], side, score.patient_id) for score in scores for side in sides]
    missed = sum(math.isinf(lung.hd95_mm) for lung, _, _ in lungs)
    found = [(lung.dice, f"{side}, {who}") for lung, side, who in lungs if lung.dice >= 0]
    worst = "{:.3f} {}".format(*min(found)) if found else "none"
    words = (mean.in_words(_DECIMALS[measure]) for measure, mean in means.items())
    return str(means[Measure.DICE].n_patients), *words, str(missed), worst
