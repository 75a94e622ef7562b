"""The verbs ``lidc``, ``lidc-nodules`` and ``manifest``: cohorts to train on."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from LungPNetLib.console import add_progress_option, make_reporter, print_result
from LungPNetLib.errors import InputError


def add_verbs(verbs: Any) -> None:
    """Add the verbs to the subparsers of ``lungpnet``."""
    _add_lidc(verbs)
    _add_lidc_nodules(verbs)
    _add_manifest(verbs)


def _add_lidc(verbs: Any) -> None:
    verb = verbs.add_parser("lidc", help="training pairs of CT and lung mask from LIDC-IDRI")
    _add_patients(verb)
    verb.add_argument("--out", type=Path, required=True, help="folder of the pairs; kept and added")
    verb.add_argument(
        "--slices", type=int, nargs=2, metavar=("FIRST", "LAST"),
        help="of each scan, counted from the lowest at 0 (default: all)",
    )  # fmt: skip
    verb.add_argument("--middle", type=int, metavar="N", help="only the N middle ones of these")
    add_progress_option(verb)
    verb.set_defaults(command=lidc)


def _add_lidc_nodules(verbs: Any) -> None:
    verb = verbs.add_parser(
        "lidc-nodules", help="nodule masks, votes and ratings of LIDC-IDRI's readers"
    )
    _add_patients(verb)
    verb.add_argument("--out", type=Path, required=True, help="folder of the material; added to")
    verb.add_argument(
        "--table-only", action="store_true", help="nodules and ratings alone, which need no image"
    )
    add_progress_option(verb)
    verb.set_defaults(command=lidc_nodules)


def _add_patients(verb: argparse.ArgumentParser) -> None:
    """Where the LIDC-IDRI lies, and whom of it to take."""
    verb.add_argument(
        "--dicom", type=Path,
        help="folder that holds LIDC-IDRI-0002, ... (default: the setting data.lidc_dicom)",
    )  # fmt: skip
    verb.add_argument(
        "--patient", action="append", metavar="ID", help="only this one; may be given several times"
    )


def _add_manifest(verbs: Any) -> None:
    verb = verbs.add_parser("manifest", help="check cohorts and join them into one manifest")
    verb.add_argument("--out", type=Path, required=True, help="the manifest.csv to write")
    for split in ("training", "validation", "test"):
        verb.add_argument(
            f"--{split}", type=Path, nargs="+", default=[], metavar="MANIFEST",
            help=f"manifests whose patients are for {split}",
        )  # fmt: skip
    verb.add_argument(
        "--split", type=Path, nargs="+", default=[], metavar="MANIFEST",
        help="manifests whose column 'split' says what each patient is for",
    )  # fmt: skip
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=manifest)


def lidc(arguments: argparse.Namespace) -> int:
    """Write the pairs that the arguments ask for."""
    from LungPNetLib.cohort.lidc_pairs import SliceChoice, write_lung_pairs

    first, last = arguments.slices or (0, None)
    reporter, close = make_reporter(arguments)
    try:
        pairs = write_lung_pairs(
            arguments.out,
            dicom=arguments.dicom,
            patients=arguments.patient,
            slices=SliceChoice(first, last, arguments.middle),
            reporter=reporter,
        )
    finally:
        close()
    path = arguments.out / "manifest.csv"
    event = {"manifest": str(path), "scans": len(pairs.rows), "patients": len(pairs.patient_ids)}
    words = f"{len(pairs.rows)} scans of {len(pairs.patient_ids)} patients, weak lung masks: {path}"
    print_result(arguments, event, [words])
    return 0


def lidc_nodules(arguments: argparse.Namespace) -> int:
    """Write the nodules that the arguments ask for."""
    from LungPNetLib.cohort.lidc_nodule_material import write_nodule_material, write_nodule_tables
    from LungPNetLib.report.wording import NOTICE

    if arguments.table_only and arguments.dicom is not None:
        raise InputError("--table-only reads no image; leave out --dicom, or --table-only.")
    reporter, close = make_reporter(arguments)
    try:
        if arguments.table_only:
            done = write_nodule_tables(arguments.out, patients=arguments.patient, reporter=reporter)
        else:
            done = write_nodule_material(
                arguments.out,
                dicom=arguments.dicom,
                patients=arguments.patient,
                reporter=reporter,
            )
    finally:
        close()
    words = [
        f"{done.nodules} nodules ({done.marks} marks) in {done.scans} scans of {done.patients} "
        f"patients, {done.clean_patients} of them clean: {arguments.out / 'nodules.csv'}",
        f"{done.ambiguous} nodules have more marks than there are readers (grouping: ambiguous).",
    ]
    if not arguments.table_only:
        words.append(
            f"{done.images} CTs with masks, {len(done.left_out)} left out: "
            f"{arguments.out / 'manifest.csv'}"
        )
    print_result(arguments, {"folder": str(arguments.out), **asdict(done)}, [*words, f"{NOTICE}."])
    return 0


def manifest(arguments: argparse.Namespace) -> int:
    """Join manifests; the column ``split`` says what each patient is for."""
    from LungPNetLib.cohort.manifest import read_manifest, write_manifest
    from LungPNetLib.cohort.splits import PARTS, Splits

    rows = [
        replace(row, columns={**row.columns, "split": part})
        for part in PARTS
        for path in getattr(arguments, part)
        for row in read_manifest(path).rows
    ]
    rows += [row for path in arguments.split for row in read_manifest(path, ("split",)).rows]
    if not rows:
        raise InputError("Give at least one manifest: --training MANIFEST --validation MANIFEST")
    unknown = {row.columns["split"] for row in rows} - set(PARTS)
    if unknown:
        raise InputError(
            f"A manifest of --split has '{min(unknown)}' in its column 'split'; accepted: "
            f"{', '.join(PARTS)}."
        )
    patients = {
        part: tuple(dict.fromkeys(r.patient_id for r in rows if r.columns["split"] == part))
        for part in PARTS
    }
    Splits(**patients)  # refuses a patient in two parts
    arguments.out.absolute().parent.mkdir(parents=True, exist_ok=True)
    write_manifest(arguments.out, rows)
    joined = read_manifest(arguments.out)
    counts = {part: len(names) for part, names in patients.items()}
    words = ", ".join(f"{n} patients for {part}" for part, n in counts.items())
    print_result(
        arguments,
        {"manifest": str(arguments.out), "patients": counts, "sha256": joined.sha256},
        [f"{arguments.out}: {words}"],
    )
    return 0
