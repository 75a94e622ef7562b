"""Studies with inserted nodules: variants of the studies of a cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.insertion import Inserted, NoRoomError, insert_nodule
from LungPNetLib.cohort.insertion_host import HostTraits
from LungPNetLib.cohort.insertion_lesion import Lesion, is_whole
from LungPNetLib.cohort.insertion_sites import SITE_SHARES, Site, SiteMap
from LungPNetLib.cohort.lidc import TEST_ONLY_PATIENTS
from LungPNetLib.cohort.lidc_patches import NodulePatch
from LungPNetLib.cohort.manifest import Manifest, StudyRow, write_manifest
from LungPNetLib.cohort.nodule_studies import PART_OF_SPLIT, patch_kind
from LungPNetLib.cohort.phantom.nodule import Nodule, NoduleSpec
from LungPNetLib.cohort.phantom.truth import kind_word
from LungPNetLib.errors import InputError
from LungPNetLib.events import Reporter
from LungPNetLib.reading import read_study
from LungPNetLib.volume import Volume, read_image, write_image

_STREAM = 43
_TRIES = 25
"""Lesions and places that are tried for each nodule."""
_LEAST_CONTRAST_HU = 80.0
_MOST = 100
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class InsertionPlan:
    """What is inserted into each study.

    Parameters
    ----------
    per_study : int
        Nodules in each variant, 1 to 100.
    copies : int
        Variants of each study, 1 to 100.
    seed : int
    """

    per_study: int
    copies: int
    seed: int

    def __post_init__(self) -> None:
        for name in ("per_study", "copies"):
            if not 1 <= getattr(self, name) <= _MOST:
                raise InputError(f"{name} is {getattr(self, name)}; accepted: 1 to {_MOST}.")


@dataclass(frozen=True, eq=False)
class _Host:
    """A study that gets nodules; ``nodules`` and ``lesion`` are 0 where it has none."""

    ct: Volume
    lungs: Volume
    nodules: Volume
    lesion: Volume
    traits: HostTraits
    sites: SiteMap


@dataclass(frozen=True, eq=False)
class _Donor:
    """A lesion, its kind, and the patient from whom it comes ("" for a made-up one)."""

    lesion: Lesion
    kind: str
    patient_id: str


def part_of(row: StudyRow) -> str:
    """What a study is for; without a word about it, training."""
    if row.columns.get("split"):
        return row.columns["split"]
    return PART_OF_SPLIT.get(row.columns.get("seeds_for", ""), "training")


def write_inserted_studies(
    folder: Path,
    manifest: Manifest,
    plan: InsertionPlan,
    donors: Sequence[tuple[str, NodulePatch]] = (),
    reporter: Reporter | None = None,
) -> list[StudyRow]:
    """Write the variants with their manifest.csv.

    Half of the nodules are made up, and half real where there are donors for what the study is
    for. Nodules that the study has keep their labels. A study with too little lung gets fewer
    nodules; its column ``inserted`` says how many.

    Parameters
    ----------
    folder : Path
        Exists.
    manifest : Manifest
        Rows with ``ct`` and ``lungs``.
    plan : InsertionPlan
    donors : sequence of (part, patch)
        Only patches of the part to which a study belongs go into it.
    reporter : Reporter, optional

    Raises
    ------
    InputError
        A study serves to test only, lacks its lungs, or they lie on another grid.
    """
    reporter = reporter or Reporter()
    refuse_test_hosts(manifest)
    needed = {part_of(row) for row in manifest.rows}
    prepared = [
        (part, _Donor(Lesion.of_patch(patch), patch_kind(patch), patch.patient_id))
        for part, patch in donors
        if part in needed and is_whole(patch)
    ]
    rows: list[StudyRow] = []
    for number, row in enumerate(manifest.rows):
        host = _host(row)
        suited = [donor for part, donor in prepared if part == part_of(row)]
        for copy in range(plan.copies):
            rng = np.random.default_rng([_STREAM, plan.seed, number, copy])
            own = folder / f"study-{number:05d}-{copy:02d}"
            written = _write_variant(own, row, host, plan.per_study, suited, rng)
            if int(written.columns["inserted"]) < plan.per_study:
                reporter.warning(
                    f"Study {number + 1} of the manifest has room for "
                    f"{written.columns['inserted']} of {plan.per_study} nodules."
                )
            rows.append(written)
            reporter.progress(len(rows) / (len(manifest.rows) * plan.copies))
    write_manifest(folder / "manifest.csv", rows)
    return rows


def refuse_test_hosts(manifest: Manifest) -> None:
    """Raise InputError where a study is of a patient on whom the project tests."""
    refused = [n for n, row in enumerate(manifest.rows, 1) if row.patient_id in TEST_ONLY_PATIENTS]
    if refused:
        raise InputError(
            f"{len(refused)} of the studies (the first is number {refused[0]}) serve to test only, "
            "and nothing may be derived from them; leave them out of the manifest."
        )


def _host(row: StudyRow) -> _Host:
    ct, lungs = read_study(row.files["ct"]).ct, read_image(row.files["lungs"])
    empty = ct.with_array(np.zeros(ct.shape, np.uint8))
    nodules, lesion = (
        read_image(row.files[name]) if name in row.files else empty
        for name in ("nodules", "lesion")
    )
    for name, volume in (("lungs", lungs), ("nodules", nodules), ("lesion", lesion)):
        if not ct.same_grid_as(volume):
            raise InputError(
                f"The column '{name}' of a study names an image on another grid than its CT; "
                "resample it to the CT first."
            )
    traits, sites = HostTraits.measured(ct, lungs), SiteMap.of(ct, lungs)
    return _Host(ct, lungs, nodules, lesion, traits, sites)


def _write_variant(
    folder: Path,
    row: StudyRow,
    host: _Host,
    count: int,
    donors: Sequence[_Donor],
    rng: np.random.Generator,
) -> StudyRow:
    """Insert up to ``count`` nodules into a study, write it, and return its row."""
    ct, labels = host.ct, host.nodules.array.astype(np.uint8)
    taken = np.concatenate([host.sites.taken(host.nodules), host.sites.taken(host.lesion)])
    present = int(np.count_nonzero(np.bincount(labels.ravel())[1:]))
    kinds = row.columns.get("kind", "").split() or [_UNKNOWN] * present
    names: list[str] = []
    inserted = 0
    for real in rng.permutation(np.arange(count) % 2 == 1).tolist():
        found = _one(host, ct, taken, donors if real else (), rng)
        if found is None:
            continue
        nodule, donor = found
        ct, inserted = nodule.ct, inserted + 1
        labels[nodule.mask.array != 0] = labels.max() + 1
        taken = np.concatenate([taken, host.sites.taken(nodule.mask)])
        kinds.append(donor.kind)
        names.append(donor.patient_id)
    volumes = {"ct": ct, "lungs": host.lungs, "nodules": ct.with_array(labels)}
    if host.lesion.array.any():
        volumes["lesion"] = host.lesion
    folder.mkdir()
    files = {name: folder / f"{name}.nrrd" for name in volumes}
    for name, volume in volumes.items():
        write_image(volume, files[name])
    columns = {
        **row.columns,
        "split": part_of(row),
        "kind": " ".join(kinds),
        "donors": " ".join(dict.fromkeys(filter(None, names))),
        "inserted": str(inserted),
    }
    return StudyRow(row.patient_id, files, columns)


def _one(
    host: _Host,
    ct: Volume,
    taken_mm: npt.NDArray[np.float64],
    donors: Sequence[_Donor],
    rng: np.random.Generator,
) -> tuple[Inserted, _Donor] | None:
    """The CT with another nodule and what that is; None where there is no room for any."""
    for _ in range(_TRIES):
        donor = donors[int(rng.integers(len(donors)))] if donors else _made_up(rng)
        lesion = donor.lesion.turned(rng)
        site = list(Site)[int(rng.choice(len(Site), p=[SITE_SHARES[site] for site in Site]))]
        try:
            centre = host.sites.drawn(site, lesion, taken_mm, rng)
            inserted = insert_nodule(ct, host.lungs, lesion, centre, rng, host.traits)
        except NoRoomError:
            continue
        # What no reader could see must not be called a nodule.
        noise = float(host.traits.noise.sd_hu.mean())
        if inserted.contrast_hu >= max(_LEAST_CONTRAST_HU, noise):
            return inserted, donor
    return None


def _made_up(rng: np.random.Generator) -> _Donor:
    spec = NoduleSpec.drawn(rng)
    nodule = Nodule.grown(1, (0.0, 0.0, 0.0), spec, rng)
    return _Donor(Lesion.of_nodule(nodule), kind_word(spec.type), "")
