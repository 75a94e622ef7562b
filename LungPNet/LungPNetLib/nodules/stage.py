"""From what the networks found to findings: measured, typed, named, and chosen by a score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from LungPNetLib.grading.measure import measure_nodule
from LungPNetLib.grading.nodule_type import nodule_type
from LungPNetLib.nodules.finding import MaskReference, NoduleFinding, Origin
from LungPNetLib.nodules.heterogeneity import (
    RADIUS_MM,
    HeterogeneityNumbers,
    measure_heterogeneity,
)
from LungPNetLib.nodules.predict import Candidate, NodulePrediction
from LungPNetLib.volume import Volume

NODULES_FILE = "nodules.nrrd"

AT_MOST = 60
"""Findings of a result: several times of what the highest operating point brings."""

THRESHOLD_WITHOUT_TABLE = 0.5

NO_WEIGHTS = (
    "Nodules were not looked for, because no weights for the networks that find and outline them "
    "are installed."
)


@dataclass(frozen=True, eq=False)
class NoduleStage:
    """What the stage leaves in the result.

    Parameters
    ----------
    labels : Volume
        uint8 on the grid of the CT: k is the outline of ``findings[k - 1]``.
    findings : list of NoduleFinding
        By falling score.
    record : dict
        ``nodule_stage`` of the result, see ``result.StudyResult``.
    """

    labels: Volume
    findings: list[NoduleFinding]
    record: dict[str, Any]


def measured_nodules(
    ct: Volume,
    lungs: Volume,
    prediction: NodulePrediction,
    *,
    false_findings_per_scan: float,
    progress: Callable[[float], None] = lambda _: None,
) -> NoduleStage:
    """Measure the best findings, and select those that reach the operating point.

    Parameters
    ----------
    ct : Volume
        HU.
    lungs : Volume
        1 right, 2 left.
    prediction : NodulePrediction
        Of this CT. Of more than ``AT_MOST`` findings the best are kept, and of those only the ones
        that would be shown at the highest rate of the table.
    false_findings_per_scan : float
        A rate of the table. Without a table, scores of 0.5 or more are selected.
    progress : callable
        Told the share of the work done, 0 to 1.

    Raises
    ------
    InputError
        The table has no such rate.
    """
    table = prediction.operating_points
    threshold: float | None = THRESHOLD_WITHOUT_TABLE
    kept = prediction.findings[:AT_MOST]
    if table is not None:
        threshold, lowest = table.at(false_findings_per_scan).threshold, table.points[-1].threshold
        kept = tuple(one for one in kept if lowest is not None and one.score >= lowest)
    found = prediction.labels.array
    labels = np.where(np.less_equal(found, len(kept)), found, 0).astype(np.uint8, copy=False)
    boxes = ndimage.find_objects(labels, max_label=len(kept)) if kept else []
    findings = []
    for label, (candidate, box) in enumerate(zip(kept, boxes, strict=True), start=1):
        outline = _cut_out(ct, labels, label, box)
        selected = threshold is not None and candidate.score >= threshold
        findings.append(_measured(ct, lungs, outline, candidate, label, selected))
        progress(label / len(kept))
    segmenter, detector = (str(model["id"]) for model in prediction.models)
    record = {
        "operating_rate": false_findings_per_scan,
        "threshold": threshold,
        "operating_points": None if table is None else table.record(),
        "segmenter": segmenter,
        "detector": detector,
    }
    return NoduleStage(ct.with_array(labels), findings, record)


def _cut_out(ct: Volume, labels: Any, label: int, box: tuple[slice, slice, slice]) -> Volume:
    start = [part.start for part in box][::-1]
    size = [part.stop - part.start for part in box][::-1]
    return ct.cropped(start, size).with_array((labels[box] == label).astype(np.uint8))


def _heterogeneity(ct: Volume, outline: Volume) -> HeterogeneityNumbers | None:
    """None where voxels are so large that none has a neighbour."""
    if min(ct.spacing_mm) > RADIUS_MM:
        return None
    return measure_heterogeneity(ct, outline).numbers


def _measured(
    ct: Volume, lungs: Volume, outline: Volume, candidate: Candidate, label: int, selected: bool
) -> NoduleFinding:
    return NoduleFinding(
        finding_id=f"N{label}",
        centre_lps_mm=candidate.centre_lps_mm,
        origin=Origin.FOUND,
        mask=MaskReference(NODULES_FILE, label),
        measurements=measure_nodule(ct, outline, lungs),
        type_finding=nodule_type(ct, outline),
        score=candidate.score,
        selected=selected,
        heterogeneity=_heterogeneity(ct, outline),
    )
