"""The cohort that the nodule networks learn from: its parts, its stored studies, who is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from LungPNetLib.cohort.duplicates import refuse_near_duplicates
from LungPNetLib.cohort.manifest import StudyRow, read_manifest
from LungPNetLib.cohort.phantom.patient import GENERATOR_VERSION
from LungPNetLib.cohort.splits import split_cohort
from LungPNetLib.errors import InputError
from LungPNetLib.events import Reporter
from LungPNetLib.nodules.store import StoredCase, open_store
from LungPNetLib.training.task import OutcomeSource

NEEDED = (
    "It needs --manifest: a manifest.csv with the columns patient_id, ct and nodules, and lungs "
    "for whole scans. Made-up patients: lungpnet phantom --cohort 80 --out FOLDER"
)


@dataclass(frozen=True)
class NoduleCohort:
    """The studies of a manifest, by part.

    Parameters
    ----------
    training, validation : list of StoredCase
    donors : tuple of str
        Pseudonyms of the patients whose nodules were inserted into other patients' lungs.
    """

    training: list[StoredCase]
    validation: list[StoredCase]
    donors: tuple[str, ...] = ()

    @property
    def real_ids(self) -> tuple[str, ...]:
        """Pseudonyms of all real patients of whom the network has seen something."""
        cases = self.training + self.validation
        return tuple(sorted({case.patient_id for case in cases if case.is_real} | {*self.donors}))

    @property
    def outcome_source(self) -> OutcomeSource:
        """Whose nodules these are."""
        return OutcomeSource.MIXED if self.real_ids else OutcomeSource.SYNTHETIC

    @property
    def generator(self) -> str:
        """Name and version of the generator of the made-up patients; empty without any."""
        made_up = any(not case.is_real for case in self.training)
        return f"LungPNet generator A {GENERATOR_VERSION}" if made_up else ""


def read_cohort(
    manifest: Path | None,
    folder: Path,
    reporter: Reporter,
    *,
    validation_fraction: float,
    seed: int,
    whole_scans: bool = False,
) -> NoduleCohort:
    """Check the cohort, split it by patients, and prepare its studies in ``folder``.

    Parameters
    ----------
    manifest : Path, optional
    folder : Path
        Of the run.
    reporter : Reporter
    validation_fraction : float
        Share of the patients that choose the checkpoint, where the manifest has no column
        ``split``.
    seed : int
    whole_scans : bool
        Leave out the patches, which have no ``lungs``.

    Raises
    ------
    InputError
        There is no manifest, the cohort cannot be used, or a part of it is empty.
    """
    if manifest is None:
        raise InputError(f"Training the nodule networks. {NEEDED}")
    cohort = read_manifest(manifest, required=("ct", "nodules"))
    scans = tuple(row for row in cohort.rows if "lungs" in row.files)
    # A patch is as near to the scan that it was cut from as any two patches to each other.
    refuse_near_duplicates(replace(cohort, rows=scans), reporter)
    splits = split_cohort(
        cohort, folder / "splits.json", {"validation": validation_fraction}, seed=seed
    )
    parts = [
        [row for row in splits.rows(cohort, part) if "lungs" in row.files or not whole_scans]
        for part in ("training", "validation")
    ]
    training, validation = (_opened(rows, folder / "studies", reporter) for rows in parts)
    return NoduleCohort(training, validation, _donors([*parts[0], *parts[1]]))


def read_testing(manifest: Path | None, folder: Path, reporter: Reporter) -> NoduleCohort:
    """All studies of a manifest, for testing: nobody in ``training``.

    Raises
    ------
    InputError
        There is no manifest, or it cannot be used.
    """
    if manifest is None:
        raise InputError(f"Evaluating the nodule networks. {NEEDED}")
    rows = read_manifest(manifest, required=("ct", "nodules")).rows
    return NoduleCohort([], _opened(rows, folder / "studies", reporter))


def _opened(rows: Sequence[StudyRow], folder: Path, reporter: Reporter) -> list[StoredCase]:
    if not rows:
        raise InputError("A part of this cohort has no patient; give a manifest with more rows.")
    return open_store(rows, folder, reporter)


def _donors(rows: Sequence[StudyRow]) -> tuple[str, ...]:
    return tuple(sorted({donor for row in rows for donor in row.columns.get("donors", "").split()}))
