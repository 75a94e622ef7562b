"""The verb ``phantom-b`` of the command line: the patients that networks are tested on."""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LungPNetLib.console import add_progress_option, make_reporter, print_result

if TYPE_CHECKING:
    from LungPNetLib.cohort.manifest import StudyRow
    from LungPNetLib.cohort.phantom_b.cohort import PlanB

_COHORT_SEED = 5000


def add_verbs(verbs: Any) -> None:
    """Add the verb to the subparsers of ``lungpnet``."""
    verb = verbs.add_parser(
        "phantom-b", help="make test patients by another generator, which no training may use"
    )
    verb.add_argument("--cohort", type=int, metavar="N", default=60, help="patients (default: 60)")
    verb.add_argument(
        "--seed", type=int, default=_COHORT_SEED, help="of the cohort, 5000-5999 (default: 5000)"
    )
    verb.add_argument("--out", type=Path, required=True, help="folder of the result (made new)")
    verb.add_argument(
        "--processes", type=int, default=1, metavar="N", help="patients made at a time (default: 1)"
    )
    verb.add_argument("--overwrite", action="store_true", help="replace an earlier result")
    add_progress_option(verb)
    verb.set_defaults(command=phantom_b)


def phantom_b(arguments: argparse.Namespace) -> int:
    """Make the cohort; the folder is whole or absent, and patients stay in the cache."""
    from LungPNetLib.cohort.manifest import write_manifest
    from LungPNetLib.cohort.phantom_b.cohort import draw_cohort_b
    from LungPNetLib.output import result_folder

    plans = list(draw_cohort_b(arguments.cohort, arguments.seed))
    reporter, close = make_reporter(arguments)
    rows = []
    try:
        with (
            result_folder(
                arguments.out, overwrite=arguments.overwrite, marker="manifest.csv"
            ) as folder,
            reporter.stage("make cohort"),
            ProcessPoolExecutor(max(1, arguments.processes)) as pool,
        ):
            made = pool.map(_write_study, plans, [folder] * len(plans))
            for done, row in enumerate(made, start=1):
                rows.append(row)
                reporter.progress(done / len(plans))
            write_manifest(folder / "manifest.csv", rows)
    finally:
        close()
    event = {"folder": str(arguments.out), "patients": len(plans), "split": "test"}
    words = f"{len(plans)} made-up test patients (research use only): {arguments.out}/manifest.csv"
    print_result(arguments, event, [words])
    return 0


def _write_study(plan: PlanB, folder: Path) -> StudyRow:
    """Write one patient, and give the row that describes it."""
    from LungPNetLib.cohort.manifest import StudyRow
    from LungPNetLib.cohort.phantom_b.cohort import rendered_b
    from LungPNetLib.cohort.phantom_b.patient import GENERATOR_VERSION
    from LungPNetLib.volume import write_image

    patient = rendered_b(plan)
    own = folder / plan.patient_id
    own.mkdir()
    files = {name: own / f"{name}.nrrd" for name in ("ct", "lungs", "nodules")}
    for name, path in files.items():
        write_image(getattr(patient, name), path)
    truth = {
        "made_up": True,
        "generator": GENERATOR_VERSION,
        "seed": plan.seed,
        "frame": "LPS, mm",
        "beam": asdict(plan.beam),
        "nodules": [{**asdict(n), "kind": n.kind.value} for n in patient.nodule_table],
    }
    text = json.dumps(truth, indent=2, allow_nan=False)
    (own / "truth.json").write_text(f"{text}\n", encoding="utf-8")
    columns = {
        "seeds_for": "test",
        "generator": GENERATOR_VERSION,
        "kernel": plan.beam.filter,
        "thickness_mm": f"{plan.distance_mm:g}",
        "split": "test",
    }
    return StudyRow(plan.patient_id, files, columns)
