"""The studies of an evaluation, one after the other: run or read, and judged against the truth."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from LungPNetLib import __version__
from LungPNetLib.cohort.manifest import StudyRow
from LungPNetLib.dicom.masks import read_mask
from LungPNetLib.errors import Cancelled, LungPNetError, ModelError
from LungPNetLib.events import Reporter
from LungPNetLib.lungs.predict import predict_lungs
from LungPNetLib.nodules.evaluate_files import keep_found, kept_found
from LungPNetLib.nodules.judging import FoundNodules, JudgedStudy, judge, of_prediction, read_result
from LungPNetLib.nodules.predict import NoduleWeights, predict_nodules
from LungPNetLib.nodules.truth import read_truth
from LungPNetLib.output import distinct_names
from LungPNetLib.reading import read_study
from LungPNetLib.runtime import Runtime
from LungPNetLib.training.evaluate import about_weights
from LungPNetLib.weights.registry import Found, all_weights

STUDIES = "studies"
"""Folder with what was found in each study."""


@dataclass(frozen=True)
class Source:
    """Where findings come from.

    Parameters
    ----------
    out : Path
        Folder of the evaluation.
    results : Path, optional
        Folder of results that are there already; without it the stage is run with ``weights``.
    weights : NoduleWeights, optional
    device : str
        One that is really there.
    runtime : Runtime
    """

    out: Path
    results: Path | None = None
    weights: NoduleWeights | None = None
    device: str = "cpu"
    runtime: Runtime = Runtime.AUTO


@dataclass(frozen=True)
class Failure:
    """A study that could not be judged, and why."""

    study: str
    message: str
    exit_code: int


@dataclass(frozen=True, eq=False)
class Judged:
    """What became of a cohort; ``found`` are the findings of ``studies``."""

    studies: list[JudgedStudy] = field(default_factory=list)
    found: list[FoundNodules] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def judge_cohort(
    rows: Sequence[StudyRow],
    source: Source,
    reporter: Reporter,
    *,
    least_readers: int = 1,
    count_masses: bool = False,
) -> Judged:
    """Judge every study; one that fails is reported and does not stop the others.

    What the stage found is kept in the folder of the evaluation, and not computed again as long
    as the files of the study and the weights stay the same.

    Parameters
    ----------
    rows : sequence of StudyRow
    source : Source
    reporter : Reporter
    least_readers, count_masses
        As :func:`read_truth` takes them.

    Raises
    ------
    ModelError
        Weights are missing, damaged or unknown: that would be so for each study.
    Cancelled
        Somebody asked the run to stop; what was found until then is kept.
    """
    judged = Judged()
    patients = _SeenPatients(source.weights)
    names = distinct_names(row.patient_id for row in rows)
    for done, (name, row) in enumerate(zip(names, rows, strict=True)):
        reporter.progress(done / len(rows))
        try:
            if source.results is not None:
                found = read_result(source.results / name)
            else:
                found = _run(row, name, source)
            truth = read_truth(
                row, found.labels, least_readers=least_readers, count_masses=count_masses
            )
            study = judge(name, row.patient_id, found, truth, seen=patients.seen(row, found))
        except (Cancelled, ModelError):
            raise
        except LungPNetError as error:
            judged.failures.append(Failure(name, str(error), error.exit_code))
            reporter.warning(f"{name} is left out: {error}")
            continue
        judged.studies.append(study)
        judged.found.append(found)
    for model in sorted(patients.unknown):
        reporter.warning(
            f"The weights '{model}' are not registered here, so nobody knows on whom they were "
            "trained. Figures on their training patients say nothing about new patients."
        )
    return judged


def _run(row: StudyRow, name: str, source: Source) -> FoundNodules:
    """What the stage finds, or found before."""
    weights = source.weights
    assert weights is not None  # there are no results to read
    folder, key = source.out / STUDIES / name, _key(row, weights)
    kept = kept_found(folder, key)
    if kept is not None:
        return kept
    ct = read_study(row.files["ct"], allow_gaps=True).ct
    if "lungs" in row.files:
        lungs, of_lungs = read_mask(row.files["lungs"], ct), "manifest"
    else:
        lungs = predict_lungs(ct, device=source.device, runtime=source.runtime).labels
        of_lungs = "predicted"
    started = time.perf_counter()
    prediction = predict_nodules(
        ct,
        lungs,
        segmenter=weights.segmenter.path,
        detector=weights.detector.path,
        device=source.device,
        runtime=source.runtime,
    )
    seconds = round(time.perf_counter() - started, 2)
    found = of_prediction(prediction)
    run = {"seconds": seconds, "lungs": of_lungs, "notices": list(prediction.notices)}
    keep_found(found, folder, key, run)
    return found


def _key(row: StudyRow, weights: NoduleWeights) -> str:
    """Changes with the files of the row, with the weights and with what is registered of them."""
    files = {
        name: [str(path.absolute()), path.stat().st_size, path.stat().st_mtime_ns]
        for name, path in row.files.items()
        if name in ("ct", "lungs")
    }
    entries = [asdict(found.entry) for found in (weights.segmenter, weights.detector)]
    text = json.dumps([__version__, files, entries], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class _SeenPatients:
    """On whom the networks of a result were trained, by what their weights say."""

    def __init__(self, weights: NoduleWeights | None) -> None:
        given = [] if weights is None else [weights.segmenter, weights.detector]
        self._registered: dict[str, Found] = {
            found.entry.sha256: found for found in (*all_weights(), *given)
        }
        self._ids: dict[str, set[str]] = {}
        self.unknown: set[str] = set()
        """Ids of weights that are not registered here."""

    def seen(self, row: StudyRow, found: FoundNodules) -> bool:
        """Whether the patient, or one whose nodules were inserted, trained a network."""
        patients = {row.patient_id, *row.columns.get("donors", "").split()}
        return any(patients & self._trained(model["sha256"], model["id"]) for model in found.models)

    def _trained(self, sha256: str, weights_id: str) -> set[str]:
        if sha256 not in self._ids:
            registered = self._registered.get(sha256)
            if registered is None:
                self.unknown.add(weights_id)
            about = {} if registered is None else about_weights(registered)
            self._ids[sha256] = set(about.get("training_ids", ()))
        return self._ids[sha256]
