"""``lungpnet evaluate nodules``: the whole nodule stage on a cohort."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LungPNetLib.console import make_reporter, print_result
from LungPNetLib.errors import InputError, ModelError
from LungPNetLib.evaluation.froc import RATES
from LungPNetLib.events import Reporter
from LungPNetLib.runtime import Runtime

if TYPE_CHECKING:
    from LungPNetLib.cohort.manifest import Manifest, StudyRow
    from LungPNetLib.evaluation.operating_points import OperatingTable
    from LungPNetLib.nodules.evaluate_studies import Judged, Source
    from LungPNetLib.nodules.predict import NoduleWeights

STAGE = "nodules"
"""What is evaluated, where other evaluations have the name of one network."""


def add_options(verb: argparse.ArgumentParser) -> None:
    """Add what only ``evaluate nodules`` takes."""
    group = verb.add_argument_group("evaluate nodules")
    group.add_argument("--out", type=Path, help="folder of the figures; give it again to go on")
    group.add_argument(
        "--results", type=Path, metavar="FOLDER",
        help="judge results that are there (FOLDER/PATIENT_ID/result.json) instead of running",
    )  # fmt: skip
    group.add_argument("--segmenter", help="safetensors file or id of registered weights")
    group.add_argument("--detector", help="likewise")
    group.add_argument("--split", help="only the rows with this word in the column 'split'")
    group.add_argument(
        "--least-readers", type=int, default=1, metavar="N",
        help="nodules that fewer readers marked count neither way; LUNA16: 3 (default: 1)",
    )  # fmt: skip
    group.add_argument(
        "--masses", action="store_true", help="what the column 'lesion' outlines is to be found"
    )
    group.add_argument(
        "--false-findings-per-scan", type=float, choices=RATES, default=1.0, metavar="RATE",
        help="operating point for precision and recall, 0.125 to 8 (default: 1)",
    )  # fmt: skip
    group.add_argument(
        "--write-operating-points", action="store_true",
        help="make the detector's thresholds on these validation patients, and keep them with it",
    )  # fmt: skip
    group.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    group.add_argument(
        "--runtime", choices=[runtime.value for runtime in Runtime], default=Runtime.AUTO.value
    )


def refuse_options(arguments: argparse.Namespace) -> None:
    """Raise InputError where options of the whole stage were given with one network.

    Raises
    ------
    InputError
        One was.
    """
    names = (
        "out", "results", "segmenter", "detector", "split", "masses", "write_operating_points",
    )  # fmt: skip
    given = [f"--{name.replace('_', '-')}" for name in names if getattr(arguments, name)]
    if given:
        raise InputError(
            f"{', '.join(given)} belong to 'evaluate {STAGE}', and '{arguments.task}' was asked "
            "for. Leave them out."
        )


def evaluate_nodules(arguments: argparse.Namespace) -> int:
    """Judge every study, write the figures, and the operating points if they were asked for.

    Returns
    -------
    int
        0, or the highest exit status of the studies that failed.

    Raises
    ------
    LungPNetError
        Options or manifest cannot be used, weights are wrong, or no study could be judged.
    """
    from LungPNetLib.nodules.evaluate_studies import judge_cohort

    manifest, rows = _cohort(arguments)
    source = _source(arguments, rows)
    reporter, close = make_reporter(arguments)
    try:
        with reporter.stage("nodules"):
            judged = judge_cohort(
                rows, source, reporter,
                least_readers=arguments.least_readers, count_masses=arguments.masses,
            )  # fmt: skip
        if not judged.studies:
            raise InputError(f"No study could be judged; the first: {judged.failures[0].message}")
        with reporter.stage("evaluate"):
            table = _operating_table(arguments, judged, source.weights, reporter)
            files = _write(arguments, manifest, judged, table)
    finally:
        close()
    failures = [asdict(failure) for failure in judged.failures]
    counts = {"studies": len(judged.studies), "failed": failures}
    words = [f"{failure.study} is left out: {failure.message}" for failure in judged.failures]
    text = (arguments.out / "tables.md").read_text(encoding="utf-8")
    print_result(
        arguments,
        {"folder": str(arguments.out), "files": files, **counts},
        [*words, text, f"{len(judged.studies)} of {len(rows)} studies, in {arguments.out}."],
    )
    return max((failure.exit_code for failure in judged.failures), default=0)


def _cohort(arguments: argparse.Namespace) -> tuple[Manifest, list[StudyRow]]:
    """The manifest and those of its rows that were asked for."""
    from LungPNetLib.cohort.manifest import read_manifest

    if arguments.manifest is None or arguments.out is None:
        raise InputError("Evaluating nodules needs --manifest MANIFEST and --out FOLDER.")
    if arguments.weights is not None:
        raise InputError("Nodules have two networks; give --segmenter and --detector instead.")
    if arguments.least_readers < 1:
        raise InputError(f"--least-readers must be 1 or more, got {arguments.least_readers}.")
    _refuse_other_folder(arguments.out)
    manifest = read_manifest(arguments.manifest, ("ct",))
    wanted = arguments.split
    rows = [row for row in manifest.rows if wanted in (None, row.columns.get("split"))]
    if not rows:
        raise InputError(f"No row of the manifest has '{wanted}' in its column 'split'.")
    return manifest, rows


def _refuse_other_folder(out: Path) -> None:
    from LungPNetLib.nodules.evaluate_files import EVALUATION
    from LungPNetLib.nodules.evaluate_studies import STUDIES

    ours = (out / EVALUATION).is_file() or (out / STUDIES).is_dir()
    if out.exists() and not ours and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            f"'{out}' exists and is no folder of an evaluation (it holds no {EVALUATION}). Choose "
            "another --out."
        )


def _source(arguments: argparse.Namespace, rows: Sequence[StudyRow]) -> Source:
    from LungPNetLib.nodules.calibrate import refuse_fixed_registry, refuse_other_than_validation
    from LungPNetLib.nodules.evaluate_studies import Source
    from LungPNetLib.nodules.predict import find_nodule_weights
    from LungPNetLib.runtime import device_for

    calibrates = arguments.write_operating_points
    if arguments.results is not None:
        if calibrates or arguments.segmenter or arguments.detector:
            raise InputError(
                "--results judges what other runs found; leave out --segmenter, --detector and "
                "--write-operating-points, or leave out --results."
            )
        return Source(arguments.out, arguments.results)
    if calibrates:
        refuse_other_than_validation(rows)
    weights = find_nodule_weights(arguments.segmenter, arguments.detector)
    if weights is None:
        raise ModelError(
            "There are no weights for the two networks that find nodules. Train some with: "
            "lungpnet train nodule-segmenter, and: lungpnet train nodule-detector"
        )
    if calibrates:
        refuse_fixed_registry(weights)
    runtime = Runtime(arguments.runtime)
    device = device_for(runtime, arguments.device)
    return Source(arguments.out, None, weights, device, runtime)


def _operating_table(
    arguments: argparse.Namespace,
    judged: Judged,
    weights: NoduleWeights | None,
    reporter: Reporter,
) -> OperatingTable | None:
    """That of the weights, or the one that is made here and written to their registry."""
    from LungPNetLib.evaluation.operating_points import operating_table
    from LungPNetLib.nodules.calibrate import write_operating_points

    if arguments.write_operating_points:
        assert weights is not None  # refused before
        if judged.failures:
            raise InputError(
                f"{len(judged.failures)} studies could not be judged, so no operating points were "
                f"written; the first: {judged.failures[0].message}"
            )
        table = operating_table([study.scan for study in judged.studies])
        write_operating_points(weights, table)
        return table
    tables = list(dict.fromkeys(found.operating_points for found in judged.found))
    if len(tables) == 1 and tables[0] is not None:
        return tables[0]
    why = "several detectors made these results" if len(tables) > 1 else "the detector has none"
    reporter.warning(f"There is no precision at an operating point: {why}.")
    return None


def _write(
    arguments: argparse.Namespace,
    manifest: Manifest,
    judged: Judged,
    table: OperatingTable | None,
) -> list[str]:
    from LungPNetLib.nodules.evaluate import nodule_figures, nodule_table, tables
    from LungPNetLib.nodules.evaluate_files import write_evaluation

    rate = arguments.false_findings_per_scan
    threshold = None
    if table is not None:
        point = table.at(rate)
        threshold = float("inf") if point.threshold is None else point.threshold
    figures = nodule_figures(judged.studies, threshold)
    record: dict[str, Any] = {
        "manifest_sha256": manifest.sha256,
        "split": arguments.split,
        "least_readers": arguments.least_readers,
        "masses_counted": arguments.masses,
        "operating_rate": rate,
        "operating_points": None if table is None else table.record(),
        "operating_points_made_here": arguments.write_operating_points,
        "models": list({m["sha256"]: m for found in judged.found for m in found.models}.values()),
        "figures": {name: own.record() for name, own in figures.items()},
        "studies": [
            {
                "name": study.scan.scan_id,
                "seen_in_training": study.seen,
                "nodules": len(study.nodules),
                "findings": len(study.scan.findings),
            }
            for study in judged.studies
        ],
        "failed": [asdict(failure) for failure in judged.failures],
    }
    shown = tables(figures)
    arguments.out.mkdir(parents=True, exist_ok=True)
    return write_evaluation(
        arguments.out, record, shown, nodule_table(judged.studies), judged.studies
    )
