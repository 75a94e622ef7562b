"""Who trains, who chooses the checkpoint, who is only tested on: drawn once, by patient.

splits.json holds the draw, the hash of the cohort it was drawn from, and its own hash. It is
never drawn again silently: a changed cohort or a file changed by hand is an error that says what
to do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from LungPNetLib.cohort.manifest import Manifest, StudyRow
from LungPNetLib.errors import InputError, OutputError

PARTS = ("training", "validation", "test")
_SPLIT_STREAM = 11


@dataclass(frozen=True)
class Splits:
    """The patients of each part; no patient is in two.

    Raises
    ------
    InputError
        A patient is in two parts.
    """

    training: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for k, first in enumerate(PARTS):
            for second in PARTS[k + 1 :]:
                shared = set(self[first]) & set(self[second])
                if shared:
                    raise InputError(
                        f"{len(shared)} patient(s) are in both '{first}' and '{second}'. What a "
                        "network has seen cannot test it: put every patient into one part."
                    )

    def __getitem__(self, part: str) -> tuple[str, ...]:
        """The patients of ``training``, ``validation`` or ``test``."""
        patients: tuple[str, ...] = getattr(self, part)
        return patients

    def rows(self, manifest: Manifest, part: str) -> tuple[StudyRow, ...]:
        """The studies of one part: ``training``, ``validation`` or ``test``."""
        patients = set(self[part])
        return tuple(row for row in manifest.rows if row.patient_id in patients)


def draw_splits(patient_ids: Sequence[str], fractions: Mapping[str, float], *, seed: int) -> Splits:
    """Draw validation and test patients; the rest trains.

    Each part has at least one patient where its fraction is above 0. The draw depends on the set
    of patients and the seed, not on their order.

    Parameters
    ----------
    patient_ids : sequence of str
    fractions : mapping
        ``validation`` and ``test``: shares of all patients, each 0 to 1 and together below 1; a
        part that is left out stays empty.
    seed : int

    Raises
    ------
    InputError
        The fractions are out of range, or there are too few patients for them.
    """
    held_out = [fractions.get(part, 0.0) for part in PARTS[1:]]
    if set(fractions) - set(PARTS[1:]) or min(held_out) < 0 or sum(held_out) >= 1:
        raise InputError(
            f"The fractions of the splits are {dict(fractions)}; accepted: 'validation' and "
            "'test', each 0 or more and together below 1."
        )
    patients = sorted(set(patient_ids))
    rng = np.random.default_rng([_SPLIT_STREAM, seed])
    order = [patients[k] for k in rng.permutation(len(patients))]
    counts = [max(1, round(share * len(patients))) if share else 0 for share in held_out]
    n_training = len(patients) - sum(counts)
    if n_training < 1:
        raise InputError(
            f"{len(patients)} patient(s) are too few for {counts[0]} in validation and {counts[1]} "
            "in test; nobody would be left to train on."
        )
    bounds = (0, n_training, n_training + counts[0], len(patients))
    return Splits(*(tuple(sorted(order[bounds[k] : bounds[k + 1]])) for k in range(len(PARTS))))


def split_cohort(
    manifest: Manifest, path: Path, fractions: Mapping[str, float], *, seed: int
) -> Splits:
    """The splits of a cohort: from ``path`` where they were drawn before, or drawn and saved there.

    Where the manifest has a column ``split``, it decides, and nothing is drawn.

    Parameters
    ----------
    manifest : Manifest
    path : Path
        The file splits.json.
    fractions : mapping
    seed : int
        As for :func:`draw_splits`.

    Raises
    ------
    InputError
        The file was drawn from another cohort or with other fractions or seed, was changed by
        hand, or a patient is in two parts; or the column ``split`` is incomplete; or a patient who
        was made for tests would train or validate.
    OutputError
        The file cannot be written.
    """
    if any("split" in row.columns for row in manifest.rows):
        splits = _splits_of_column(manifest)
        _refuse_test_patients(manifest, splits)
        return splits
    drawn_with = {"fractions": dict(fractions), "seed": seed}
    if path.exists():
        return _read(path, manifest, drawn_with)
    splits = draw_splits(manifest.patient_ids, fractions, seed=seed)
    _refuse_test_patients(manifest, splits)
    _write(path, splits, manifest, drawn_with)
    return splits


def _refuse_test_patients(manifest: Manifest, splits: Splits) -> None:
    """Made-up patients that were made for tests neither train nor choose a checkpoint."""
    made_for_tests = {
        row.patient_id for row in manifest.rows if row.columns.get("seeds_for") == "test"
    }
    used = made_for_tests & {*splits.training, *splits.validation}
    if used:
        raise InputError(
            f"{len(used)} made-up patient(s) of this manifest were made for tests (column "
            "'seeds_for'); a network that learns from them could not be tested any more. Make "
            "others: lungpnet phantom --cohort N --seed 1"
        )


def _splits_of_column(manifest: Manifest) -> Splits:
    parts: dict[str, dict[str, None]] = {part: {} for part in PARTS}
    for row in manifest.rows:
        part = row.columns.get("split", "")
        if part not in parts:
            raise InputError(
                f"The manifest's column 'split' holds '{part}'; accepted: {', '.join(PARTS)}. "
                "Fill it in for every study, or remove the column to have the parts drawn."
            )
        parts[part][row.patient_id] = None
    return Splits(*(tuple(sorted(parts[part])) for part in PARTS))


def _read(path: Path, manifest: Manifest, drawn_with: dict[str, Any]) -> Splits:
    anew = (
        f"Restore it; or move '{path}' aside to draw anew, after which results cannot be compared "
        "with earlier ones."
    )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        content = record["content"]
        splits = Splits(*(tuple(content["patients"][part]) for part in PARTS))
        unchanged = record["sha256"] == _digest(content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"'{path}' is not a file of splits ({error!r}). {anew}") from error
    if not unchanged:
        raise InputError(f"'{path}' was changed after it was drawn (its hash differs). {anew}")
    if content["manifest_sha256"] != manifest.sha256:
        raise InputError(f"The manifest has changed since '{path.name}' was drawn from it. {anew}")
    if content["drawn_with"] != drawn_with:
        raise InputError(
            f"'{path.name}' was drawn with {content['drawn_with']}, and {drawn_with} is asked for. "
            f"Ask for the same. {anew}"
        )
    return splits


def _write(path: Path, splits: Splits, manifest: Manifest, drawn_with: dict[str, Any]) -> None:
    content = {
        "manifest_sha256": manifest.sha256,
        "drawn_with": drawn_with,
        "patients": {part: list(splits[part]) for part in PARTS},
    }
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"content": content, "sha256": _digest(content)}, indent=2)
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"The splits cannot be written to '{path}': {error}.") from error


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
