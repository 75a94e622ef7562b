"""How well the boxes of findings fit those of nodules: average precision, by MONAI.

References
----------
Baumgartner M et al. nnDetection: a self-configuring method for medical object detection. MICCAI
2021, 530-539 (the IoU of 0.1 for lung nodules, and the program that MONAI took over).
Lin TY et al. Microsoft COCO: common objects in context. ECCV 2014, 740-755.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.detection import Verdict, match
from LungPNetLib.evaluation.intervals import PatientMean, patient_bootstrap
from LungPNetLib.evaluation.judged import Box, JudgedScan

IOU_THRESHOLDS = (0.1, 0.5)

_DRAWS = 1000
"""As in LUNA16; each takes milliseconds."""

_CLASS = 0


def average_precision(scans: Sequence[JudgedScan], *, seed: int = 0) -> dict[float, PatientMean]:
    """Average precision at each of ``IOU_THRESHOLDS``, with 95 % intervals over patients.

    Parameters
    ----------
    scans : sequence of JudgedScan
        Findings and nodules that count need their boxes. Findings that :func:`match` ignores
        count neither way here either.
    seed : int
        Of the bootstrap.

    Returns
    -------
    dict of float to PatientMean
        By IoU, 0 to 1; NaN where no nodule counts.

    Raises
    ------
    InputError
        A box is missing.

    Notes
    -----
    The mean of the precision at 101 recalls from 0 to 1, each the best at that recall or a higher
    one. Findings take nodules in the order of their scores, each the free one with the highest
    IoU; a second finding on the same nodule is false here, unlike in the FROC. Of equal scores
    the order of scan identifiers and positions decides, so that the order given does not.
    """
    from monai.apps.detection.metrics.coco import COCOMetric

    ordered = sorted(scans, key=lambda scan: scan.scan_id)
    most = max((len(scan.findings) for scan in ordered), default=0) or 1
    low, high = IOU_THRESHOLDS
    metric = COCOMetric(
        ["nodule"],
        iou_list=IOU_THRESHOLDS,
        iou_range=(low, high, high - low),
        max_detection=(most,),
        per_class=False,
        verbose=False,
    )
    results = [_matched(scan, most) for scan in ordered]
    patients = sorted({scan.patient_id for scan in ordered})
    owner = np.array([patients.index(scan.patient_id) for scan in ordered], np.intp)
    n_nodules = np.array([sum(not n.excluded for n in scan.nodules) for scan in ordered], np.intp)

    def figures(times: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        copies = times[owner]
        if not copies @ n_nodules:
            return np.full(len(IOU_THRESHOLDS), np.nan)
        drawn = [result for result, n in zip(results, copies, strict=True) for _ in range(n)]
        values, _ = metric(drawn)
        return np.array([values[f"AP_IoU_{iou:.2f}_MaxDet_{most}"] for iou in IOU_THRESHOLDS])

    means = patient_bootstrap(figures, len(patients), seed=seed, n_draws=_DRAWS)
    return dict(zip(IOU_THRESHOLDS, means, strict=True))


def _matched(scan: JudgedScan, most: int) -> dict[int, dict[str, npt.NDArray[Any]]]:
    """MONAI's record of one scan."""
    from monai.apps.detection.metrics.matching import matching_batch
    from monai.data.box_utils import box_iou

    verdicts = match(scan).verdicts
    findings = sorted(
        (
            f
            for f, verdict in zip(scan.findings, verdicts, strict=True)
            if verdict is not Verdict.IGNORED
        ),
        key=lambda finding: (-finding.score, finding.centre_lps_mm),
    )
    nodules = sorted(
        (n for n in scan.nodules if not n.excluded), key=lambda nodule: nodule.centre_lps_mm
    )
    [record] = matching_batch(
        box_iou,
        IOU_THRESHOLDS,
        pred_boxes=[_corners([f.box for f in findings])],
        pred_classes=[np.full(len(findings), _CLASS)],
        pred_scores=[np.array([f.score for f in findings], float)],
        gt_boxes=[_corners([n.box for n in nodules])],
        gt_classes=[np.full(len(nodules), _CLASS)],
        max_detections=most,
    )
    return record


def _corners(boxes: Sequence[Box | None]) -> npt.NDArray[np.float64]:
    """Shape (n, 6)."""
    known = [box for box in boxes if box is not None]
    if len(known) < len(boxes):
        raise InputError(
            f"{len(boxes) - len(known)} of {len(boxes)} findings or nodules of a scan have no box; "
            "give each one (Box.around makes the cube around a ball)."
        )
    rows = [(*box.low_lps_mm, *box.high_lps_mm) for box in known]
    return np.array(rows, np.float64).reshape(-1, 6)
