"""Cohorts of made-up patients: who they are, how they were scanned, and their pictures on disk.

Every patient is a function of the cohort's seed and the patient's place in it, alone. Rendered
patients are kept in the cache folder and made again only when the generator changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from LungPNetLib.cohort.kept_arrays import keep_arrays, kept_arrays
from LungPNetLib.cohort.phantom.lesion_shapes import Margin
from LungPNetLib.cohort.phantom.nodule import Location, NoduleSpec, NoduleTruth, NoduleType
from LungPNetLib.cohort.phantom.pathology import Pathology, drawn_pathologies
from LungPNetLib.cohort.phantom.patient import (
    CENTRE_MM,
    GENERATOR_VERSION,
    MASKS,
    MadeUpPatient,
    make_patient,
)
from LungPNetLib.cohort.phantom.scanner import Arms, Scanner, Table
from LungPNetLib.cohort.phantom.spectrum import KERNELS
from LungPNetLib.errors import InputError
from LungPNetLib.folders import cache_folder
from LungPNetLib.volume import Triplet, Volume

TRAIN_SEEDS = range(1, 1000)
VALIDATION_SEEDS = range(1000, 2000)
TEST_SEEDS = range(2000, 3000)
"""Seeds of cohorts for training, for choosing models and thresholds, and for the final figures."""

MOST_PATIENTS = 1_000_000
"""A cohort has fewer patients than this, so that no person is in two of them."""

_PIXELS = 256
_MOST_SLICES = 100
_WHOLE_LUNGS_MM = 300.0
_DISTANCES_MM = (3.0, 3.2, 4.0, 5.0)
_WIDE_FIELDS_MM, _NARROW_FIELDS_MM = (330.0, 500.0), (230.0, 300.0)
_NARROW_SHARE, _SLAB_SHARE, _LOW_SHARE = 0.15, 0.12, 0.08
_SLAB_SLICES = (20, 50)
_LOW_SHIFT_MM = (110.0, 190.0)
"""A scan of the abdomen holds the bases of the lungs only."""
_NODULE_SHARES = (0.15, 0.3, 0.22, 0.14, 0.1, 0.06, 0.03)
"""Shares of the patients with none, one, two ... nodules."""
_LARGE_NODULE_MM = 15.0
_NATIVE_PIXEL_MM = 0.75
"""Coarser pixels come from resampling these, which leaves more noise than averaging them would."""


@dataclass(frozen=True)
class PatientPlan:
    """All that ``make_patient`` needs for one patient of a cohort.

    Parameters
    ----------
    cohort_seed, index : int
        Where the patient stands.
    person_seed : int
        Seed of ``make_patient``; no other cohort has it.
    size, spacing_mm, centre_mm : tuple
        As ``make_patient`` takes them.
    scanner : Scanner
    pathologies : tuple of Pathology
    nodules : tuple of NoduleSpec
    """

    cohort_seed: int
    index: int
    person_seed: int
    size: tuple[int, int, int]
    spacing_mm: Triplet
    centre_mm: Triplet
    scanner: Scanner
    pathologies: tuple[Pathology, ...]
    nodules: tuple[NoduleSpec, ...]

    @property
    def patient_id(self) -> str:
        """Name of the patient in manifests and files."""
        return f"phantom-{self.cohort_seed}-{self.index:05d}"

    @property
    def fingerprint(self) -> str:
        """Hash of the generator's version and of everything that decides the voxels."""
        text = json.dumps([GENERATOR_VERSION, asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:24]


def draw_cohort(n: int, seed: int) -> Iterator[PatientPlan]:
    """The first ``n`` patients of the cohort of ``seed``.

    Parameters
    ----------
    n : int
        From 1; a longer cohort begins with the patients of a shorter one.
    seed : int
        One of ``TRAIN_SEEDS``, ``VALIDATION_SEEDS`` or ``TEST_SEEDS``.

    Raises
    ------
    InputError
        ``n`` or ``seed`` is out of its range.

    Examples
    --------
    >>> [plan.patient_id for plan in draw_cohort(2, TEST_SEEDS[0])]
    ['phantom-2000-00000', 'phantom-2000-00001']
    """
    if not 1 <= n < MOST_PATIENTS:
        raise InputError(f"A cohort has 1 to {MOST_PATIENTS - 1} patients, got {n}.")
    split_of(seed)
    return (draw_patient(seed, index) for index in range(n))


def split_of(seed: int) -> str:
    """Which split the cohort of ``seed`` belongs to: train, validation or test.

    Raises
    ------
    InputError
        The seed belongs to none.
    """
    splits = {"train": TRAIN_SEEDS, "validation": VALIDATION_SEEDS, "test": TEST_SEEDS}
    for name, seeds in splits.items():
        if seed in seeds:
            return name
    ranges = ", ".join(f"{s.start} to {s.stop - 1} ({name})" for name, s in splits.items())
    raise InputError(f"No cohort has the seed {seed}; choose one of {ranges}.")


def draw_patient(seed: int, index: int) -> PatientPlan:
    """Patient number ``index`` of the cohort of ``seed``."""
    person = seed * MOST_PATIENTS + index
    rng = np.random.default_rng([person, 30])
    narrow = rng.uniform() < _NARROW_SHARE
    field_mm = rng.uniform(*(_NARROW_FIELDS_MM if narrow else _WIDE_FIELDS_MM))
    pixel_mm = round(field_mm / _PIXELS, 4)
    distance_mm = float(rng.choice(_DISTANCES_MM))
    slices = min(round(_WHOLE_LUNGS_MM / distance_mm), _MOST_SLICES)
    x, y, z = CENTRE_MM
    shift_x, shift_y = rng.normal(0.0, 12.0 if narrow else 6.0, 2)
    if rng.uniform() < _SLAB_SHARE:
        whole = slices * distance_mm
        slices = int(rng.integers(_SLAB_SLICES[0], min(_SLAB_SLICES[1], slices)))
        z += rng.uniform(-0.4, 0.4) * (whole - slices * distance_mm)
    elif rng.uniform() < _LOW_SHARE:
        z -= rng.uniform(*_LOW_SHIFT_MM)
    return PatientPlan(
        cohort_seed=seed,
        index=index,
        person_seed=person,
        size=(_PIXELS, _PIXELS, slices),
        spacing_mm=(pixel_mm, pixel_mm, distance_mm),
        centre_mm=(x + round(shift_x, 2), y + round(shift_y, 2), round(z, 2)),
        scanner=draw_scanner(rng, pixel_mm, distance_mm),
        pathologies=drawn_pathologies(person),
        nodules=draw_nodules(np.random.default_rng([person, 31])),
    )


def draw_scanner(rng: np.random.Generator, pixel_mm: float, distance_mm: float) -> Scanner:
    """A scanner and a protocol such as a cohort from many hospitals has.

    Parameters
    ----------
    rng : Generator
    pixel_mm, distance_mm : float
        Pixel size and distance of the slices of the image to be made.
    """
    kernel = KERNELS[int(rng.integers(len(KERNELS)))]
    thickness_mm = distance_mm * float(rng.choice([1.0, 1.0, 1.0, 1.5, 0.5]))
    tube_mas = round(float(np.exp(rng.uniform(np.log(25.0), np.log(250.0)))), 1)
    exponent = round(rng.uniform(0.25, 0.7), 3)
    base = Scanner.of(
        kernel,
        tube_mas=tube_mas,
        thickness_mm=thickness_mm,
        pixel_mm=float(np.sqrt(pixel_mm * _NATIVE_PIXEL_MM)),
        path_exponent=exponent,
    )
    padding = int(rng.choice([0, -2000, -3024, -1024], p=[0.4, 0.25, 0.25, 0.1]))
    return replace(
        base,
        padding_hu=padding or None,
        offset_hu=round(rng.normal(0.0, 4.0), 2),
        motion_mm=round(rng.uniform(1.0, 5.0), 2) if rng.uniform() < 0.15 else 0.0,
        table=Table(rng.choice(["curved", "flat", "none"], p=[0.7, 0.22, 0.08])),
        arms=Arms.DOWN if rng.uniform() < 0.12 else Arms.UP,
        contrast_hu=round(rng.uniform(150.0, 400.0), 1) if rng.uniform() < 0.4 else None,
        kvp=float(rng.choice([100.0, 120.0, 120.0, 120.0, 140.0])),
    )


def draw_nodules(rng: np.random.Generator) -> tuple[NoduleSpec, ...]:
    """The nodules of one patient: none to six, most often one; at most one of them is large."""
    count = int(rng.choice(len(_NODULE_SHARES), p=_NODULE_SHARES))
    specs: list[NoduleSpec] = []
    while len(specs) < count:
        spec = NoduleSpec.drawn(rng)
        if not specs or spec.diameter_mm < _LARGE_NODULE_MM:
            specs.append(spec)
    return tuple(specs)


def rendered(plan: PatientPlan) -> MadeUpPatient:
    """The patient of ``plan``, from the cache where it is there, and then kept in it.

    Raises
    ------
    OutputError
        The cache cannot be written.
    """
    path = cache_folder() / "phantom" / f"{plan.fingerprint}.npz"
    kept = _loaded(path, plan)
    if kept is not None:
        return kept
    patient = fresh(plan)
    _keep(patient, path)
    return patient


def fresh(plan: PatientPlan) -> MadeUpPatient:
    """The patient of ``plan``, made anew."""
    return make_patient(
        plan.person_seed,
        size=plan.size,
        spacing_mm=plan.spacing_mm,
        centre_mm=plan.centre_mm,
        scanner=plan.scanner,
        pathologies=plan.pathologies,
        nodules=plan.nodules,
    )


def _keep(patient: MadeUpPatient, path: Path) -> None:
    table = json.dumps([asdict(nodule) for nodule in patient.nodule_table])
    keep_arrays(
        path,
        ct=patient.ct.array,
        origin_mm=np.asarray(patient.ct.origin_mm),
        nodule_table=np.frombuffer(table.encode(), np.uint8),
        **{name: getattr(patient, name).array for name in MASKS},
    )


def _loaded(path: Path, plan: PatientPlan) -> MadeUpPatient | None:
    """The kept patient; None where there is none or its file is damaged."""
    arrays = kept_arrays(path, (*MASKS, "ct", "origin_mm", "nodule_table"))
    if arrays is None:
        return None
    origin = tuple(arrays["origin_mm"].tolist())
    ct = Volume(arrays["ct"], plan.spacing_mm, origin)
    table = json.loads(arrays["nodule_table"].tobytes().decode())
    return MadeUpPatient(
        ct=ct,
        **{name: ct.with_array(arrays[name]) for name in MASKS},
        nodule_table=tuple(_nodule(row) for row in table),
        seed=plan.person_seed,
        pathologies=plan.pathologies,
        scanner=plan.scanner,
        acquired=None,
    )


def _nodule(row: dict[str, Any]) -> NoduleTruth:
    """A row of the kept table as it was."""
    kinds = {"type": NoduleType, "margin": Margin, "location": Location}
    values = {name: kinds[name](value) if name in kinds else value for name, value in row.items()}
    values["centre_mm"] = tuple(row["centre_mm"])
    return NoduleTruth(**values)
