"""Small cubes around one nodule each, as studies of a cohort: real patches and made-up crops.

They have no lungs: what lies farther off is not there, and other nodules in them are not labelled.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from LungPNetLib.cohort.lidc_patches import NodulePatch
from LungPNetLib.cohort.manifest import StudyRow, read_manifest, write_manifest
from LungPNetLib.cohort.phantom.cohort import MOST_PATIENTS, split_of
from LungPNetLib.cohort.phantom.crop import Crop, make_crop
from LungPNetLib.cohort.phantom.patient import GENERATOR_VERSION
from LungPNetLib.cohort.phantom.truth import kind_word
from LungPNetLib.errors import InputError
from LungPNetLib.events import Reporter
from LungPNetLib.volume import Volume, read_image, write_image

PATCH_PREFIX = "lidc-patch-"
"""Begins the patient_id of a real patch: its table's number need not be the collection's own."""
PATCH_SHARES = {"validation": 0.1, "test": 0.3}
"""Shares of the patients of each texture; the others train."""
PART_OF_SPLIT = {"train": "training", "validation": "validation", "test": "test"}
"""What a manifest's column ``split`` says for what ``phantom.cohort.split_of`` returns."""

_PATCH_STREAM, _CROP_STREAM = 41, 42
_CROP_SIZE = 56
_CROP_SPACING_MM = (0.7, 1.2)
_CHUNK = 8


def patch_kind(patch: NodulePatch) -> str:
    """ground-glass (texture 1, 2), part-solid (3, 4) or solid (5); one reader's rating."""
    return ("ground-glass", "ground-glass", "part-solid", "part-solid", "solid")[
        patch.ratings["texture"] - 1
    ]


def patch_parts(patches: Sequence[NodulePatch], seed: int) -> dict[str, str]:
    """What each patient of the patches is for, drawn within each kind of nodule.

    Parameters
    ----------
    patches : sequence of NodulePatch
        A patient with several counts with the kind of the first.
    seed : int
        The draw depends on it and on who the patients are, not on their order.

    Returns
    -------
    dict
        patient_id of the patch to ``training``, ``validation`` or ``test``.
    """
    kinds: dict[str, str] = {}
    for patch in patches:
        kinds.setdefault(patch.patient_id, patch_kind(patch))
    rng = np.random.default_rng([_PATCH_STREAM, seed])
    parts: dict[str, str] = {}
    for kind in sorted(set(kinds.values())):
        own = sorted(patient for patient, its_kind in kinds.items() if its_kind == kind)
        order = [own[k] for k in rng.permutation(len(own))]
        for part, share in PATCH_SHARES.items():
            count = round(share * len(own))
            parts |= dict.fromkeys(order[:count], part)
            order = order[count:]
        parts |= dict.fromkeys(order, "training")
    return parts


def write_patch_studies(folder: Path, patches: Sequence[NodulePatch], seed: int) -> list[StudyRow]:
    """Write each patch as ct.nrrd and nodules.nrrd, and the manifest of all.

    Parameters
    ----------
    folder : Path
        Exists.
    patches : sequence of NodulePatch
    seed : int
        Of ``patch_parts``.
    """
    parts = patch_parts(patches, seed)
    rows = []
    for patch in patches:
        own = folder / patch.name
        own.mkdir()
        columns = {
            "split": parts[patch.patient_id],
            "kind": patch_kind(patch),
            "texture": str(patch.ratings["texture"]),
            "malignancy": str(patch.ratings["malignancy"]),
        }
        files = _written(own, {"ct": patch.ct, "nodules": patch.mask})
        rows.append(StudyRow(PATCH_PREFIX + patch.patient_id, files, columns))
    write_manifest(folder / "manifest.csv", rows)
    return rows


def read_patch_studies(path: Path) -> list[tuple[str, NodulePatch]]:
    """What ``write_patch_studies`` wrote: what each patch is for, and the patch.

    Parameters
    ----------
    path : Path
        The manifest. The patients' names keep their ``PATCH_PREFIX``, and of the ratings only
        texture and malignancy are there.

    Raises
    ------
    InputError
        It is no such manifest.
    """
    manifest = read_manifest(path, ("ct", "nodules", "split", "texture", "malignancy"))
    found = []
    for row in manifest.rows:
        ct, mask = (read_image(row.files[name]) for name in ("ct", "nodules"))
        try:
            ratings = {name: int(row.columns[name]) for name in ("texture", "malignancy")}
        except ValueError as error:
            raise InputError(
                f"The manifest '{path}' has a rating that is no number; 1 to 5 are accepted. Write "
                "it again with: lungpnet nodule-patches"
            ) from error
        name = row.files["ct"].parent.name
        found.append((row.columns["split"], NodulePatch(name, row.patient_id, ct, mask, ratings)))
    return found


def write_crop_studies(
    folder: Path, count: int, seed: int, reporter: Reporter | None = None
) -> list[StudyRow]:
    """Make crops of generator A and write each as ct.nrrd and nodules.nrrd, with a manifest.

    A crop depends on the seed and its place alone, whichever process makes it.

    Parameters
    ----------
    folder : Path
        Exists.
    count : int
        From 1 to ``MOST_PATIENTS`` - 1.
    seed : int
        Of a cohort of generator A; says what the crops are for.
    reporter : Reporter, optional

    Raises
    ------
    InputError
        ``count`` or ``seed`` is out of its range.
    """
    if not 1 <= count < MOST_PATIENTS:
        raise InputError(f"Crops can be 1 to {MOST_PATIENTS - 1}, got {count}.")
    split_of(seed)
    reporter = reporter or Reporter()
    rows: list[StudyRow] = []
    # Started afresh: a forked process would share the threads of whatever was imported before.
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1), get_context("spawn")) as processes:
        work = partial(_write_crop, folder, seed)
        for row in processes.map(work, range(count), chunksize=_CHUNK):
            rows.append(row)
            reporter.progress(len(rows) / count)
    write_manifest(folder / "manifest.csv", rows)
    return rows


def _write_crop(folder: Path, seed: int, index: int) -> StudyRow:
    patient_id = f"phantom-crop-{seed}-{index:05d}"
    crop = _crop(seed * MOST_PATIENTS + index)
    own = folder / patient_id
    own.mkdir()
    columns = {
        "split": PART_OF_SPLIT[split_of(seed)],
        "seeds_for": split_of(seed),
        "generator": GENERATOR_VERSION,
        "kind": kind_word(crop.truth.type),
        "diameter_mm": f"{crop.truth.diameter_mm:.2f}",
    }
    return StudyRow(patient_id, _written(own, {"ct": crop.ct, "nodules": crop.mask}), columns)


def _crop(seed: int) -> Crop:
    """The first crop of the seed's stream with a voxel that is half inside the nodule."""
    rng = np.random.default_rng([_CROP_STREAM, seed])
    while True:
        spacing_mm = round(rng.uniform(*_CROP_SPACING_MM), 3)
        crop = make_crop(int(rng.integers(2**62)), size=_CROP_SIZE, spacing_mm=spacing_mm)
        if crop.mask.array.any():
            return crop


def _written(folder: Path, volumes: dict[str, Volume]) -> dict[str, Path]:
    files = {name: folder / f"{name}.nrrd" for name in volumes}
    for name, volume in volumes.items():
        write_image(volume, files[name])
    return files
