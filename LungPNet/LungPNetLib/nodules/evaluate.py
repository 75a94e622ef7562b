"""How well the nodules of a cohort were found and outlined: all figures, with their intervals.

Studies of patients on whom the networks were trained never share a figure with others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from LungPNetLib.evaluation.average_precision import average_precision
from LungPNetLib.evaluation.detection import DetectionScore, detection_score
from LungPNetLib.evaluation.froc import (
    RATES,
    FrocScore,
    SizeGroup,
    froc_scores,
    froc_table,
)
from LungPNetLib.evaluation.intervals import PatientMean
from LungPNetLib.evaluation.outlines import OutlineMeans, outline_means
from LungPNetLib.evaluation.tables import Table
from LungPNetLib.grading.nodule_type import NoduleType
from LungPNetLib.nodules.judging import JudgedStudy, NoduleScore

NEW, SEEN = "new patients", "seen in training"
"""Groups of studies, by what the networks know of their patients."""

_ANY_SCORE = 0.0
"""Scores are 0 to 1: from here on every finding counts."""


@dataclass(frozen=True)
class OutlineFigures:
    """Outlines of some nodules: of those that were hit, and of all with the missed ones as 0."""

    hit: OutlineMeans
    all: OutlineMeans


@dataclass(frozen=True)
class NoduleFigures:
    """All figures of a group of studies.

    Parameters
    ----------
    n_studies, n_patients : int
    froc : dict of str to FrocScore
        By rows: all scans, without negative ones, sizes, types.
    average_precision : dict of float to PatientMean
        By IoU.
    at_point : DetectionScore, optional
        At the operating point; None where there is none.
    outlines : dict of str to OutlineFigures
        By rows: all nodules, sizes, types.
    fusion : dict of str to DetectionScore
        All that either network marked, and what fusion kept of it, whatever the scores; empty where
        it is not known what fusion left out.
    """

    n_studies: int
    n_patients: int
    froc: dict[str, FrocScore]
    average_precision: dict[float, PatientMean]
    at_point: DetectionScore | None
    outlines: dict[str, OutlineFigures]
    fusion: dict[str, DetectionScore]

    def record(self) -> dict[str, Any]:
        """Plain JSON values; null where a figure is not defined."""
        record = asdict(self)
        precisions = record["average_precision"].items()
        record["average_precision"] = {f"IoU {iou:g}": mean for iou, mean in precisions}
        for row in record["froc"].values():
            row["at_rates"] = dict(zip(map(str, RATES), row["at_rates"], strict=True))
        plain: dict[str, Any] = _finite(record)
        return plain


def nodule_figures(
    studies: Sequence[JudgedStudy], threshold: float | None = None, *, seed: int = 0
) -> dict[str, NoduleFigures]:
    """The figures of new patients and of those seen in training, each group for itself.

    Parameters
    ----------
    studies : sequence of JudgedStudy
        Each once.
    threshold : float, optional
        Of the operating point for precision, recall and F1.
    seed : int
        Of the bootstraps.

    Returns
    -------
    dict of str to NoduleFigures
        By ``NEW`` and ``SEEN``; a group without a study is left out.

    Raises
    ------
    InputError
        A study is there twice.
    """
    groups = {
        name: [study for study in studies if study.seen is seen]
        for name, seen in ((NEW, False), (SEEN, True))
    }
    return {name: _figures(own, threshold, seed) for name, own in groups.items() if own}


def outline_figures(nodules: Sequence[NoduleScore], *, seed: int = 0) -> OutlineFigures:
    """Means over patients, of the nodules that were hit, and of all of them."""
    pairs = [(one.patient_id, one.outline) for one in nodules]
    hit = [(one.patient_id, one.outline) for one in nodules if one.score is not None]
    return OutlineFigures(outline_means(hit, seed=seed), outline_means(pairs, seed=seed))


def tables(figures: Mapping[str, NoduleFigures]) -> dict[str, Table]:
    """Everything that ``nodule_figures`` gave, as tables by the names of their files."""
    return {
        "froc": _joined(figures, lambda own: froc_table(own.froc)),
        "operating-point": _joined(figures, _point_table),
        "average-precision": _joined(figures, _precision_table),
        "outlines": _joined(figures, _outline_table),
        "fusion": _joined(figures, _fusion_table),
    }


def nodule_table(studies: Sequence[JudgedStudy]) -> Table:
    """Every nodule that counts, one row each."""
    rows = tuple(
        (
            study.scan.scan_id,
            str(one.number),
            SEEN if study.seen else NEW,
            f"{one.nodule.diameter_mm:.1f}",
            one.nodule.nodule_type.value if one.nodule.nodule_type else "",
            "missed" if one.score is None else f"{one.score:.4f}",
            f"{one.outline.dice:.4f}",
            f"{one.outline.surface_dice:.4f}",
            f"{one.outline.hd95_mm:.2f}" if math.isfinite(one.outline.hd95_mm) else "",
        )
        for study in studies
        for one in study.nodules
    )
    names = (
        "study",
        "label",
        "patient",
        "diameter mm",
        "type",
        "score",
        "Dice",
        "NSD 1 mm",
        "HD95 mm",
    )
    return Table(names, rows)


def _figures(studies: Sequence[JudgedStudy], threshold: float | None, seed: int) -> NoduleFigures:
    scans = [study.scan for study in studies]
    return NoduleFigures(
        n_studies=len(scans),
        n_patients=len({scan.patient_id for scan in scans}),
        froc=froc_scores(scans, seed=seed),
        average_precision=average_precision(scans, seed=seed),
        at_point=None if threshold is None else detection_score(scans, threshold, seed=seed),
        outlines=dict(_outlines([one for study in studies for one in study.nodules], seed)),
        fusion=dict(_fusion(studies, seed)),
    )


def _fusion(studies: Sequence[JudgedStudy], seed: int) -> Iterator[tuple[str, DetectionScore]]:
    before = [s.before_fusion for s in studies if s.before_fusion is not None]
    if len(before) == len(studies):
        yield "before fusion", detection_score(before, _ANY_SCORE, seed=seed)
        yield "after fusion", detection_score([s.scan for s in studies], _ANY_SCORE, seed=seed)


def _outlines(nodules: Sequence[NoduleScore], seed: int) -> Iterator[tuple[str, OutlineFigures]]:
    rows = {"all": list(nodules)}
    for size in SizeGroup:
        rows[size.value] = [n for n in nodules if SizeGroup.of(n.nodule.diameter_mm) is size]
    for kind in NoduleType:
        rows[kind.value] = [n for n in nodules if n.nodule.nodule_type is kind]
    for name, own in rows.items():
        if own:
            yield name, outline_figures(own, seed=seed)


def _joined(figures: Mapping[str, NoduleFigures], table_of: Any) -> Table:
    """The tables of all groups below each other."""
    parts = {name: table_of(own) for name, own in figures.items()}
    rows = tuple((name, *row) for name, part in parts.items() for row in part.rows)
    header = next(iter(parts.values())).header if parts else ()
    return Table(("patients", *header), rows)


def _point_table(own: NoduleFigures) -> Table:
    header = ("threshold", "hit", "missed", "false", "false a scan", "precision", "recall", "F1")
    point = own.at_point
    if point is None:
        return Table(header, ())
    counts = (point.n_hit, point.n_missed, point.n_false)
    row = (
        f"{point.threshold:.4f}",
        *map(str, counts),
        f"{point.n_false / own.n_studies:.2f}",
        *(mean.in_words() for mean in (point.precision, point.recall, point.f1)),
    )
    return Table(header, (row,))


def _precision_table(own: NoduleFigures) -> Table:
    rows = tuple((f"{iou:g}", mean.in_words()) for iou, mean in own.average_precision.items())
    return Table(("IoU", "average precision"), rows)


def _outline_table(own: NoduleFigures) -> Table:
    header = (
        "nodules", "n", "hit", "Dice of the hit", "NSD 1 mm of the hit", "HD95 mm of the hit",
        "Dice, missed as 0", "NSD 1 mm, missed as 0",
    )  # fmt: skip
    rows = tuple(
        (
            name,
            str(found.all.n_nodules),
            str(found.hit.n_nodules),
            found.hit.dice.in_words(),
            found.hit.surface_dice.in_words(),
            found.hit.hd95_mm.in_words(1),
            found.all.dice.in_words(),
            found.all.surface_dice.in_words(),
        )
        for name, found in own.outlines.items()
    )
    return Table(header, rows)


def _fusion_table(own: NoduleFigures) -> Table:
    header = ("findings", "hit", "missed", "false", "false a scan", "sensitivity")
    rows = tuple(
        (
            name,
            str(score.n_hit),
            str(score.n_missed),
            str(score.n_false),
            f"{score.n_false / own.n_studies:.2f}",
            score.recall.in_words(),
        )
        for name, score in own.fusion.items()
    )
    return Table(header, rows)


def _finite(value: Any) -> Any:
    """With None instead of what is not finite, and text for keys."""
    if isinstance(value, dict):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
