"""Stands in for the two networks in a worker: finds the balls of ``nodule_results``.

The worker installs it before it serves; measuring and selecting are the real ones.
"""

import time

import numpy as np
from scipy import ndimage

from LungPNetLib.evaluation.operating_points import OperatingPoint, OperatingTable
from LungPNetLib.nodules import predict

SCORES = (0.95, 0.80, 0.40, 0.10)
TABLE = OperatingTable(
    (OperatingPoint(1.0, 0.7, 0.9, 0.76), OperatingPoint(8.0, 0.05, 7.7, 0.94)), 60, 112
)
NOTICE = "These are no networks."
STEPS = 20


def predict_nodules(ct, lungs, *, progress, **_):
    """What is denser than lung, the largest first; takes a second."""
    for step in range(STEPS):
        time.sleep(0.05)
        progress((step + 1) / STEPS)
    parts, count = ndimage.label((ct.array > -700) & (lungs.array > 0))
    sizes = np.bincount(parts.ravel())[1:]
    labels = np.zeros(ct.shape, np.uint8)
    findings = []
    for label, part in enumerate(np.argsort(-sizes) + 1, start=1):
        labels[parts == part] = label
        centre = ct.index_to_world(np.argwhere(parts == part).mean(axis=0)[::-1])
        findings.append(predict.Candidate(SCORES[label - 1], tuple(centre.tolist()), None))
    models = ({"id": "segmenter"}, {"id": "detector"})
    return predict.NodulePrediction(
        ct.with_array(labels), tuple(findings[:count]), (), models, (NOTICE,), TABLE
    )


def install() -> None:
    """Put the stand-in where the worker looks for the networks."""
    predict.predict_nodules = predict_nodules
