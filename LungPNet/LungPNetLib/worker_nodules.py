"""What the worker can do with nodules: find and measure them in lungs that are known."""

from __future__ import annotations

from typing import Any

from LungPNetLib.device import resolve_device
from LungPNetLib.errors import InputError
from LungPNetLib.worker import Job
from LungPNetLib.worker_fields import ct_of, labels_of
from LungPNetLib.worker_protocol import write_volume


def find_nodules(job: Job) -> dict[str, Any]:
    """Find the nodules of ``volume`` in the lungs ``labels``, without a result folder.

    Fields: ``volume``, ``labels`` (1 right, 2 left, whoever drew them), ``segmenter`` and
    ``detector`` (weights), ``false_findings_per_scan``, ``device``. The result has ``labels`` (a
    volume), ``nodules`` and ``nodule_stage`` (as in result.json) and ``notices``.
    """
    from LungPNetLib.nodules.predict import predict_nodules
    from LungPNetLib.nodules.stage import measured_nodules

    rate = job.fields.get("false_findings_per_scan", 1.0)
    if not isinstance(rate, (int, float)):
        raise InputError(f"'false_findings_per_scan' is a number, got {rate!r}.")
    device = resolve_device(job.fields.get("device", "auto"))
    ct, lungs = ct_of(job), labels_of(job, "labels")
    with job.reporter.stage("nodules"):
        prediction = predict_nodules(
            ct,
            lungs,
            segmenter=job.fields.get("segmenter"),
            detector=job.fields.get("detector"),
            device=device,
            progress=lambda share: job.reporter.progress(0.9 * share),
        )
        stage = measured_nodules(
            ct,
            lungs,
            prediction,
            false_findings_per_scan=rate,
            progress=lambda share: job.reporter.progress(0.9 + 0.1 * share),
        )
    return {
        "labels": write_volume(stage.labels, job.folder / f"{job.id}-nodules.npy"),
        "nodules": [finding.to_dict() for finding in stage.findings],
        "nodule_stage": stage.record,
        "notices": list(prediction.notices),
    }
