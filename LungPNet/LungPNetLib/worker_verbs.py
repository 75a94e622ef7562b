"""What the worker can do: each verb takes a job and returns the fields of its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from enum import Enum
from pathlib import Path
from typing import Any

from LungPNetLib.device import resolve_device
from LungPNetLib.errors import InputError
from LungPNetLib.lazy import require
from LungPNetLib.lungs.predict import LungMethod, lung_network, predict_lungs
from LungPNetLib.pipeline import AnalyzeOptions, run
from LungPNetLib.reading import read_study
from LungPNetLib.study import Patient
from LungPNetLib.volume import Volume
from LungPNetLib.warm_models import release_models
from LungPNetLib.weights.registry import find_weights, verify
from LungPNetLib.worker import Job, Verb
from LungPNetLib.worker_fields import choice_of, ct_of, labels_of, record_of, study_of
from LungPNetLib.worker_nodules import find_nodules
from LungPNetLib.worker_pet import measure_uptake_of, read_suv
from LungPNetLib.worker_protocol import write_volume


def ping(_job: Job) -> dict[str, Any]:
    """Answer at once."""
    return {}


def analyze_study(job: Job) -> dict[str, Any]:
    """Run the whole analysis, as ``lungpnet analyze`` does, and leave its files in ``out``.

    Fields: ``out``, ``options`` (those of ``AnalyzeOptions``), and the CT as either ``input`` (a
    path) or ``volume`` with ``input_format`` (what it was loaded from) and, where known,
    ``patient`` and ``acquisition`` (the fields of these classes).
    """
    options = _options(job.fields.get("options", {}))
    out = Path(job.text("out"))
    source = study_of(job) if "volume" in job.fields else Path(job.text("input"))
    result = run(source, out, options, job.reporter)
    return {"folder": str(out), "verdict": result.verdict.value, "files": result.outputs}


def read_ct(job: Job) -> dict[str, Any]:
    """Read a CT from files.

    Fields: ``input`` (a path), ``series``. The result has ``volume``, ``patient``,
    ``acquisition`` (the fields of these classes) and ``notices``.
    """
    with job.reporter.stage("read"):
        study = read_study(
            Path(job.text("input")), series=job.fields.get("series"), reporter=job.reporter
        )
    return {
        "volume": write_volume(study.ct, job.folder / f"{job.id}-ct.npy"),
        "patient": asdict(study.patient),
        "acquisition": asdict(study.acquisition),
        "notices": list(study.notices),
    }


def measure(job: Job) -> dict[str, Any]:
    """Measure the lungs ``labels`` (a volume) in the CT ``volume``, whoever drew them.

    The result has ``measured``, as ``lungs`` of result.json.
    """
    with job.reporter.stage("measure"):
        return {"measured": _measured(ct_of(job), labels_of(job, "labels"), "corrected")}


def compare(job: Job) -> dict[str, Any]:
    """Compare the label maps ``first`` and ``second``; see ``lungs.compare``."""
    from LungPNetLib.lungs.compare import compare_lungs

    with job.reporter.stage("compare"):
        return {"rows": compare_lungs(labels_of(job, "first"), labels_of(job, "second"))}


def keep_correction(job: Job) -> dict[str, Any]:
    """Save the CT ``volume`` and its corrected lungs ``labels`` for training; see ``cohort``.

    Fields: ``cohort`` (its folder), ``patient_id`` (a pseudonym; where it is empty, one is made of
    the real ID) and, where known, ``patient`` (the fields of this class; not stored). The result
    has ``patient_id`` (the pseudonym), ``studies`` (how many the cohort has) and ``manifest``.
    """
    require("filelock", feature="Saving a correction")
    from LungPNetLib.cohort.corrections import save_correction
    from LungPNetLib.cohort.manifest import read_manifest
    from LungPNetLib.cohort.pseudonyms import propose_pseudonym, site_salt

    identity = record_of(Patient, job.fields.get("patient", {}))
    with job.reporter.stage("correction"):
        patient_id = job.text("patient_id") or propose_pseudonym(identity.patient_id, site_salt())
        manifest = save_correction(
            Path(job.text("cohort")),
            patient_id=patient_id,
            ct=ct_of(job),
            lungs=labels_of(job, "labels"),
            identity=identity,
        )
        studies = len(read_manifest(manifest).rows)
    return {"patient_id": patient_id, "studies": studies, "manifest": str(manifest)}


def segment_lungs(job: Job) -> dict[str, Any]:
    """Find the lungs of ``volume`` and return their label map, without quality gate or report.

    Fields: ``volume``, ``method``, ``weights``, ``device``. The result has ``labels`` (a volume),
    ``method``, ``model``, ``notice`` and ``measured`` (as ``lungs`` of result.json).
    """
    method = choice_of(LungMethod, "method", job.fields.get("method", LungMethod.AUTO))
    device = resolve_device(job.fields.get("device", "auto"))
    ct = ct_of(job)
    with job.reporter.stage("lungs"):
        found = predict_lungs(
            ct,
            method,
            weights=job.fields.get("weights"),
            device=device,
            progress=job.reporter.progress,
        )
    return {
        "labels": write_volume(found.labels, job.folder / f"{job.id}-labels.npy"),
        "method": found.method.value,
        "model": found.model,
        "notice": found.notice,
        "measured": _measured(ct, found.labels, found.method.value),
    }


def manage_models(job: Job) -> dict[str, Any]:
    """Load the models that an analysis will use (``action`` warm), or forget them (release).

    Fields: ``weights``, ``segmenter``, ``detector`` and ``device``, as an analysis takes them.
    """
    from LungPNetLib.nodules.predict import (
        detector_network,
        find_nodule_weights,
        segmenter_network,
    )

    action = job.fields.get("action")
    if action == "release":
        return {"released": release_models()}
    if action != "warm":
        raise InputError(f"The action of 'models' is warm or release, got {action!r}.")
    device = resolve_device(job.fields.get("device", "auto"))
    found = find_weights("lungs", weights=job.fields.get("weights"))
    nodules = find_nodule_weights(job.fields.get("segmenter"), job.fields.get("detector"))
    warm = []
    with job.reporter.stage("models"):
        if found is not None:
            verify(found)
            lung_network(found, device=device)
            warm.append(found.entry.id)
        if nodules is not None:
            segmenter_network(nodules.segmenter, device=device)
            detector_network(nodules.detector, device)
            warm += [nodules.segmenter.entry.id, nodules.detector.entry.id]
    return {"warm": warm}


VERBS: dict[str, Verb] = {
    "ping": ping,
    "analyze": analyze_study,
    "read": read_ct,
    "lungs": segment_lungs,
    "nodules": find_nodules,
    "measure": measure,
    "compare": compare,
    "correction": keep_correction,
    "models": manage_models,
    "pet": read_suv,
    "uptake": measure_uptake_of,
}


def _measured(ct: Volume, labels: Volume, method: str) -> dict[str, Any]:
    from LungPNetLib.lungs.measure import measure_lungs

    return asdict(measure_lungs(ct, labels, method=method))


def _options(given: Any) -> AnalyzeOptions:
    defaults = AnalyzeOptions()
    known = {field.name: getattr(defaults, field.name) for field in fields(AnalyzeOptions)}
    if not isinstance(given, Mapping) or set(given) - set(known):
        raise InputError(f"The options of an analysis are {', '.join(known)}.")
    chosen = dict(given)
    for name, default in known.items():
        if name in chosen and isinstance(default, Enum):
            chosen[name] = choice_of(type(default), name, chosen[name])
        elif name in chosen and isinstance(default, tuple):
            chosen[name] = tuple(chosen[name])
    return AnalyzeOptions(**chosen)
