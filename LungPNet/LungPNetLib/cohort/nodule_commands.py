"""The verbs ``nodule-patches``, ``nodule-crops`` and ``nodule-inserts``: nodules to train on."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from LungPNetLib.console import add_progress_option, make_reporter, print_result

SPLIT_SEED = 11
"""Of the patches of the weights that ship: who trains, validates and tests."""

_MARKER = "manifest.csv"
_NOTICE = "research use only"


def add_verbs(verbs: Any) -> None:
    """Add the verbs to the subparsers of ``lungpnet``."""
    patches = verbs.add_parser("nodule-patches", help="the LIDC patches as studies of a cohort")
    patches.add_argument(
        "--patches", type=Path, required=True, help="folder with labels.csv and patches.npz"
    )
    patches.add_argument(
        "--seed", type=int, default=SPLIT_SEED, help="of the split (default: %(default)s)"
    )
    patches.set_defaults(command=nodule_patches)
    crops = verbs.add_parser("nodule-crops", help="made-up nodules in small cubes (generator A)")
    crops.add_argument("count", type=int, metavar="N", help="how many")
    crops.add_argument(
        "--seed", type=int, default=1,
        help="1-999 for training, 1000-1999 for validation, 2000-2999 for tests (default: 1)",
    )  # fmt: skip
    crops.set_defaults(command=nodule_crops)
    inserts = verbs.add_parser("nodule-inserts", help="nodules put into the lungs of a cohort")
    inserts.add_argument(
        "--manifest", type=Path, required=True, help="the cohort, with its CTs and lungs"
    )
    inserts.add_argument("--per-study", type=int, default=6, metavar="N", help="(default: 6)")
    inserts.add_argument(
        "--copies", type=int, default=1, metavar="C", help="variants of each study (default: 1)"
    )
    inserts.add_argument("--seed", type=int, default=1, help="of sites and nodules (default: 1)")
    inserts.add_argument(
        "--patches", type=Path,
        help="folder that nodule-patches wrote; half of the nodules are then real",
    )  # fmt: skip
    inserts.set_defaults(command=nodule_inserts)
    for verb in (patches, crops, inserts):
        verb.add_argument("--out", type=Path, required=True, help="folder of the studies, made new")
        verb.add_argument("--overwrite", action="store_true", help="replace an earlier result")
        add_progress_option(verb)


def nodule_patches(arguments: argparse.Namespace) -> int:
    """Write the patches that may train or test, with what each is for."""
    from LungPNetLib.cohort.lidc_patches import read_patches
    from LungPNetLib.cohort.nodule_studies import write_patch_studies
    from LungPNetLib.output import result_folder

    patches = read_patches(arguments.patches)
    with result_folder(arguments.out, overwrite=arguments.overwrite, marker=_MARKER) as folder:
        rows = write_patch_studies(folder, patches, arguments.seed)
    parts = Counter(row.columns["split"] for row in rows)
    words = ", ".join(f"{number} for {part}" for part, number in parts.items())
    _print_studies(arguments, f"{len(rows)} real nodules, {words}", {"parts": dict(parts)})
    return 0


def nodule_crops(arguments: argparse.Namespace) -> int:
    """Make the crops that the arguments ask for."""
    from LungPNetLib.cohort.nodule_studies import write_crop_studies
    from LungPNetLib.output import result_folder

    reporter, close = make_reporter(arguments)
    try:
        with (
            result_folder(arguments.out, overwrite=arguments.overwrite, marker=_MARKER) as folder,
            reporter.stage("make crops"),
        ):
            rows = write_crop_studies(folder, arguments.count, arguments.seed, reporter)
    finally:
        close()
    part = rows[0].columns["split"]
    _print_studies(arguments, f"{len(rows)} made-up nodules for {part}", {"crops": len(rows)})
    return 0


def nodule_inserts(arguments: argparse.Namespace) -> int:
    """Write the variants that the arguments ask for."""
    from LungPNetLib.cohort.insertion_studies import InsertionPlan, write_inserted_studies
    from LungPNetLib.cohort.manifest import read_manifest
    from LungPNetLib.cohort.nodule_studies import read_patch_studies
    from LungPNetLib.output import result_folder

    plan = InsertionPlan(arguments.per_study, arguments.copies, arguments.seed)
    hosts = read_manifest(arguments.manifest, ("ct", "lungs"))
    donors = read_patch_studies(arguments.patches / _MARKER) if arguments.patches else []
    reporter, close = make_reporter(arguments)
    try:
        with (
            result_folder(arguments.out, overwrite=arguments.overwrite, marker=_MARKER) as folder,
            reporter.stage("insert nodules"),
        ):
            rows = write_inserted_studies(folder, hosts, plan, donors, reporter)
    finally:
        close()
    count = sum(int(row.columns["inserted"]) for row in rows)
    words = f"{count} nodules inserted into {len(rows)} variants of {len(hosts.rows)} studies"
    _print_studies(arguments, words, {"studies": len(rows), "nodules": count})
    return 0


def _print_studies(arguments: argparse.Namespace, words: str, event: dict[str, Any]) -> None:
    path = arguments.out / "manifest.csv"
    print_result(arguments, {"manifest": str(path), **event}, [f"{words} ({_NOTICE}): {path}"])
