"""The verbs of the worker for PET: its SUV, how it lies on the CT, and the uptake of a region."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from LungPNetLib.errors import InputError
from LungPNetLib.study import Study
from LungPNetLib.worker import Job
from LungPNetLib.worker_fields import labels_of, study_of
from LungPNetLib.worker_protocol import map_volume, write_volume


def read_suv(job: Job) -> dict[str, Any]:
    """Read a PET as SUVbw, and compare it with a CT if one is given.

    Fields: ``pet`` (a folder), ``series`` (of the PET), and the CT as ``analyze_study`` takes it:
    ``input`` with ``ct_series``, or ``volume``. The result has ``volume`` (SUVbw in g/mL),
    ``patient``, ``acquisition``, ``method`` (where the scale is from), ``notices``, and
    ``alignment`` (``verdict``, ``reason``, ``same_frame``; None without a CT).
    """
    from LungPNetLib.pet_reading import read_pet
    from LungPNetLib.survival.pet_alignment import check_alignment, refuse_other_patient

    with job.reporter.stage("pet"):
        pet = read_pet(
            Path(job.text("pet")), series=job.fields.get("series"), reporter=job.reporter
        )
    study = _ct_study(job)
    alignment = None
    if study is not None:
        refuse_other_patient(pet.patient, study.patient)
        with job.reporter.stage("fit"):
            found = check_alignment(
                pet.suv,
                study.ct,
                pet_frame_uid=pet.acquisition.frame_of_reference_uid,
                ct_frame_uid=study.acquisition.frame_of_reference_uid,
            )
        alignment = {
            "verdict": found.verdict.value,
            "reason": found.reason,
            "same_frame": found.same_frame,
        }
    return {
        "volume": write_volume(pet.suv, job.folder / f"{job.id}-suv.npy"),
        "patient": asdict(pet.patient),
        "acquisition": asdict(pet.acquisition),
        "method": pet.scale.method,
        "notices": list(pet.notices),
        "alignment": alignment,
    }


def measure_uptake_of(job: Job) -> dict[str, Any]:
    """Measure the uptake of a region.

    Fields: ``suv`` (a volume of SUVbw in g/mL), ``region`` (a label map on its grid), ``threshold``
    (of MTV and TLG: ``41%``, ``2.5``, ...). The result has ``metrics`` (the fields of
    ``PetMetrics``) and ``warnings``.
    """
    from LungPNetLib.survival.pet_metrics import SuvThreshold, measure_uptake

    threshold = SuvThreshold.parse(job.text("threshold"))
    suv = map_volume(job.fields.get("suv", {}))
    if not np.issubdtype(suv.array.dtype, np.floating):
        raise InputError(f"A PET is a volume of real numbers, SUV in g/mL, got {suv.array.dtype}.")
    with job.reporter.stage("uptake"):
        found = measure_uptake(suv, labels_of(job, "region"), threshold)
    return {"metrics": asdict(found), "warnings": list(found.warnings)}


def _ct_study(job: Job) -> Study | None:
    from LungPNetLib.reading import read_study

    if "volume" in job.fields:
        return study_of(job)
    if "input" not in job.fields:
        return None
    with job.reporter.stage("read"):
        return read_study(
            Path(job.text("input")),
            series=job.fields.get("ct_series"),
            allow_gaps=True,
            reporter=job.reporter,
        )
