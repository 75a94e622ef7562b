"""Test patients of generator B: who they are, how they were scanned, kept in the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from LungPNetLib.cohort.kept_arrays import keep_arrays, kept_arrays
from LungPNetLib.cohort.phantom_b.blobs import BlobSpec, Kind
from LungPNetLib.cohort.phantom_b.patient import (
    GENERATOR_VERSION,
    BlobTruth,
    PatientB,
    make_patient_b,
)
from LungPNetLib.cohort.phantom_b.tomography import Beam
from LungPNetLib.errors import InputError
from LungPNetLib.folders import cache_folder
from LungPNetLib.volume import Volume

SEEDS = range(5000, 6000)
"""Seeds of cohorts; each is for tests."""

MOST_PATIENTS = 100_000
_FILTERS = ("ramp", "shepp-logan", "cosine", "hamming", "hann")
_PHOTONS = (4e4, 4e5)
_NODULE_SHARES = (0.15, 0.3, 0.25, 0.15, 0.1, 0.05)
"""Shares of the patients with none, one, two ... nodules."""
_DISTANCES_MM = (2.5, 2.8, 3.2)
_HEIGHT_MM = 290.0
_MASKS = ("lungs", "airways", "nodules")


@dataclass(frozen=True)
class PlanB:
    """All that decides one patient."""

    cohort_seed: int
    index: int
    seed: int
    beam: Beam
    nodules: tuple[BlobSpec, ...]
    slices: int
    distance_mm: float

    @property
    def patient_id(self) -> str:
        """Name of the patient in manifests and files."""
        return f"phantom-b-{self.cohort_seed}-{self.index:05d}"

    @property
    def fingerprint(self) -> str:
        """Hash of the generator's version and of everything that decides the voxels."""
        text = json.dumps([GENERATOR_VERSION, asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:24]


def draw_cohort_b(n: int, seed: int = SEEDS[0]) -> Iterator[PlanB]:
    """The first ``n`` patients of a cohort; a longer one begins with those of a shorter one.

    Raises
    ------
    InputError
        ``n`` or ``seed`` is out of its range.

    Examples
    --------
    >>> [plan.patient_id for plan in draw_cohort_b(2)]
    ['phantom-b-5000-00000', 'phantom-b-5000-00001']
    """
    if not 1 <= n < MOST_PATIENTS:
        raise InputError(f"A cohort has 1 to {MOST_PATIENTS - 1} patients, got {n}.")
    if seed not in SEEDS:
        raise InputError(
            f"Seeds of generator B are {SEEDS.start} to {SEEDS.stop - 1} (for tests), got {seed}."
        )
    return (_drawn(seed, index) for index in range(n))


def _drawn(seed: int, index: int) -> PlanB:
    person = seed * MOST_PATIENTS + index
    rng = np.random.default_rng([person, 10])
    low, high = np.log(_PHOTONS)
    distance_mm = float(rng.choice(_DISTANCES_MM))
    return PlanB(
        cohort_seed=seed,
        index=index,
        seed=person,
        beam=Beam(str(rng.choice(_FILTERS)), round(float(np.exp(rng.uniform(low, high)))), 300),
        nodules=tuple(
            BlobSpec.drawn(rng) for _ in range(rng.choice(len(_NODULE_SHARES), p=_NODULE_SHARES))
        ),
        slices=round(_HEIGHT_MM / distance_mm),
        distance_mm=distance_mm,
    )


def rendered_b(plan: PlanB) -> PatientB:
    """The patient of ``plan`` (about a minute of one core), from the cache where it is there.

    Raises
    ------
    OutputError
        The cache cannot be written.
    """
    path = cache_folder() / "phantom-b" / f"{plan.fingerprint}.npz"
    kept = _loaded(path, plan)
    if kept is not None:
        return kept
    patient = make_patient_b(
        plan.seed, nodules=plan.nodules, beam=plan.beam, slices=plan.slices,
        distance_mm=plan.distance_mm,
    )  # fmt: skip
    _keep(patient, path)
    return patient


def _keep(patient: PatientB, path: Path) -> None:
    table = json.dumps([asdict(row) for row in patient.nodule_table])
    keep_arrays(
        path,
        ct=patient.ct.array,
        origin_mm=np.asarray(patient.ct.origin_mm),
        spacing_mm=np.asarray(patient.ct.spacing_mm),
        nodule_table=np.frombuffer(table.encode(), np.uint8),
        **{name: getattr(patient, name).array for name in _MASKS},
    )


def _loaded(path: Path, plan: PlanB) -> PatientB | None:
    """The kept patient; None where there is none or its file is damaged."""
    arrays = kept_arrays(path, (*_MASKS, "ct", "origin_mm", "spacing_mm", "nodule_table"))
    if arrays is None:
        return None
    spacing, origin = (tuple(arrays[name].tolist()) for name in ("spacing_mm", "origin_mm"))
    ct = Volume(arrays["ct"], spacing, origin)
    rows = json.loads(arrays["nodule_table"].tobytes().decode())
    lungs, airways, nodules = (ct.with_array(arrays[name]) for name in _MASKS)
    return PatientB(ct, lungs, airways, nodules, tuple(map(_row, rows)), plan.seed, plan.beam)


def _row(values: dict[str, object]) -> BlobTruth:
    centre = values["centre_mm"]
    assert isinstance(centre, list)
    fixed = {"kind": Kind(values["kind"]), "centre_mm": tuple(centre)}
    return BlobTruth(**{**values, **fixed})  # type: ignore[arg-type]
