"""From which score on findings are shown, for a number of false ones a scan that a person accepts.

The table is made on validation patients and travels with the weights, in JSON values.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from LungPNetLib.errors import InputError, ModelError

if TYPE_CHECKING:
    from LungPNetLib.evaluation.judged import JudgedScan


@dataclass(frozen=True)
class OperatingPoint:
    """One step of the choice.

    Parameters
    ----------
    rate : float
        False findings a scan that were allowed.
    threshold : float or None
        Findings with this score or a higher one are shown. None where already the highest score
        brings more false findings than allowed: nothing is shown.
    false_per_scan, sensitivity : float
        What was reached on the patients of the table; not interpolated, so the sensitivity may be
        below that of the FROC at the same rate.
    """

    rate: float
    threshold: float | None
    false_per_scan: float
    sensitivity: float


@dataclass(frozen=True)
class OperatingTable:
    """The points of one detector, from few false findings to many.

    Parameters
    ----------
    points : tuple of OperatingPoint
        Rates ascend; thresholds do not.
    n_scans, n_nodules : int
        On which the table was made.

    Raises
    ------
    InputError
        There is no point, rates do not ascend, thresholds do, or a figure is out of its range.
    """

    points: tuple[OperatingPoint, ...]
    n_scans: int
    n_nodules: int

    def __post_init__(self) -> None:
        steps = list(itertools.pairwise(self.points))
        if not (
            self.points
            and all(_is_sound(point) for point in self.points)
            and all(a.rate < b.rate for a, b in steps)
            and all(_from(a) >= _from(b) for a, b in steps)
        ):
            raise InputError(
                f"These are no operating points: {self.points}. Accepted: one or more, with rates "
                "that ascend, thresholds that do not, and sensitivities from 0 to 1."
            )

    def at(self, rate: float) -> OperatingPoint:
        """The point with exactly this rate.

        Raises
        ------
        InputError
            The table has none.
        """
        for point in self.points:
            if point.rate == rate:
                return point
        rates = ", ".join(f"{point.rate:g}" for point in self.points)
        raise InputError(
            f"There is no operating point at {rate:g} false findings a scan; choose one of {rates}."
        )

    def record(self) -> dict[str, Any]:
        """Plain JSON values under the names above."""
        return asdict(self) | {"points": [asdict(point) for point in self.points]}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> OperatingTable:
        """The inverse of :meth:`record`.

        Raises
        ------
        ModelError
            The record is not one of a table.
        """
        try:
            points = tuple(OperatingPoint(**point) for point in record["points"])
            return cls(**{**record, "points": points})
        except (KeyError, TypeError, InputError) as error:
            raise ModelError(
                f"The operating points of these weights cannot be used ({error}). They come from "
                "another version or were changed by hand; use the weights as they were shipped."
            ) from error


def operating_table(
    scans: Sequence[JudgedScan], rates: Sequence[float] | None = None
) -> OperatingTable:
    """For each rate the lowest score with which no more false findings are shown.

    Parameters
    ----------
    scans : sequence of JudgedScan
        Of validation patients, negative ones among them, as in the use that is meant.
    rates : sequence of float, optional
        False findings a scan, ascending; the seven of the FROC unless given.

    Raises
    ------
    InputError
        No nodule counts in any scan, or a scan is there twice.

    Examples
    --------
    >>> from LungPNetLib.evaluation.judged import JudgedScan, ScoredFinding, TrueNodule
    >>> nodule = TrueNodule((0.0, 0.0, 0.0), 4.0)
    >>> findings = (ScoredFinding(0.9, (1.0, 0.0, 0.0)), ScoredFinding(0.5, (99.0, 0.0, 0.0)))
    >>> table = operating_table([JudgedScan("scan", "patient", findings, (nodule,))])
    >>> table.at(0.5).threshold, table.at(1).threshold
    (0.9, 0.5)
    """
    from LungPNetLib.evaluation.froc import RATES, froc_curve

    curve = froc_curve(scans)
    if not curve.n_nodules:
        raise InputError(
            f"No nodule counts in the {curve.n_scans} scans, so no sensitivity belongs to a "
            "threshold; give scans of which some have nodules that are not excluded."
        )
    points = []
    for rate in RATES if rates is None else rates:
        last = int(np.searchsorted(curve.false_per_scan, rate, side="right")) - 1
        points.append(
            OperatingPoint(
                rate=float(rate),
                threshold=float(curve.thresholds[last]) if last else None,
                false_per_scan=float(curve.false_per_scan[last]),
                sensitivity=float(curve.sensitivity[last]),
            )
        )
    return OperatingTable(tuple(points), curve.n_scans, curve.n_nodules)


def _is_sound(point: OperatingPoint) -> bool:
    return (
        0 < point.rate < math.inf
        and (point.threshold is None or math.isfinite(point.threshold))
        and 0 <= point.false_per_scan <= point.rate
        and 0 <= point.sensitivity <= 1
    )


def _from(point: OperatingPoint) -> float:
    return math.inf if point.threshold is None else point.threshold
