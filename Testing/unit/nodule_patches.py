"""Nodules of the LIDC-IDRI with the type that one of its readers gave them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from LungPNetLib.cohort import lidc_patches
from LungPNetLib.grading.nodule_type import NoduleType, nodule_type
from LungPNetLib.volume import Volume


@dataclass(frozen=True, eq=False)
class Patch:
    patient_id: str
    nodule_type: NoduleType
    ct: Volume
    mask: Volume


def read_patches(folder: Path) -> list[Patch]:
    """Those that are not for tests alone: texture 1, 2 non-solid, 3, 4 part-solid, 5 solid."""
    types = {1: NoduleType.NON_SOLID, 2: NoduleType.NON_SOLID, 5: NoduleType.SOLID}
    return [
        Patch(
            one.patient_id,
            types.get(one.ratings["texture"], NoduleType.PART_SOLID),
            one.ct,
            one.mask,
        )
        for one in lidc_patches.read_patches(folder)
    ]


def halves(patches: list[Patch]) -> tuple[list[Patch], list[Patch]]:
    """Those to choose on and those to test on: no patient in both, as many of each type in each.

    The patients of a type, in the order of the hashes of their names, go to both in turn; each has
    one nodule.
    """
    chosen_on, tested_on = [], []
    for kind in NoduleType:
        of_kind = [one for one in patches if one.nodule_type is kind]
        of_kind.sort(key=lambda one: hashlib.sha256(one.patient_id.encode()).hexdigest())
        chosen_on += of_kind[0::2]
        tested_on += of_kind[1::2]
    return chosen_on, tested_on


def answers(patches: list[Patch]) -> tuple[np.ndarray, np.ndarray]:
    """Whether the reader called each non-solid, and the median of its core in HU."""
    read = [one.nodule_type is NoduleType.NON_SOLID for one in patches]
    medians = [nodule_type(one.ct, one.mask).core_median_hu for one in patches]
    return np.array(read), np.array(medians)


def balanced_accuracy(read: np.ndarray, by_rule: np.ndarray) -> float:
    return float((by_rule[read].mean() + (~by_rule[~read]).mean()) / 2)


def best_cut_hu(read: np.ndarray, medians_hu: np.ndarray) -> float:
    """The cut with the best balanced accuracy; the middle of all that are as good."""
    levels = np.unique(medians_hu)
    cuts = (levels[1:] + levels[:-1]) / 2
    scores = np.array([balanced_accuracy(read, medians_hu < cut) for cut in cuts])
    return float(cuts[np.isclose(scores, scores.max())].mean())


def scores_of_random_halves(patches: list[Patch], repeats: int) -> np.ndarray:
    """Balanced accuracies with the cut chosen on one half and tested on the other, by turns."""
    read, medians_hu = answers(patches)
    kinds = np.array([one.nodule_type.value for one in patches])
    rng = np.random.default_rng(0)
    scores = []
    for _ in range(repeats):
        first = np.zeros(len(patches), bool)
        for kind in NoduleType:
            of_kind = rng.permutation(np.flatnonzero(kinds == kind.value))
            first[of_kind[: len(of_kind) // 2]] = True
        for half in (first, ~first):
            cut_hu = best_cut_hu(read[half], medians_hu[half])
            scores.append(balanced_accuracy(read[~half], medians_hu[~half] < cut_hu))
    return np.array(scores)
