"""The verb ``phantom`` of the command line: make one patient, or a cohort of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LungPNetLib.console import add_progress_option, make_reporter, print_result
from LungPNetLib.errors import InputError
from LungPNetLib.events import Reporter

if TYPE_CHECKING:
    from LungPNetLib.cohort.manifest import StudyRow
    from LungPNetLib.cohort.phantom.cohort import PatientPlan
    from LungPNetLib.cohort.phantom.pathology import Pathology
    from LungPNetLib.cohort.phantom.scanner import Scanner

_COHORT_SEED = 1


def add_verbs(verbs: Any) -> None:
    """Add the verb to the subparsers of ``lungpnet``."""
    verb = verbs.add_parser("phantom", help="make a patient, or a cohort of patients, with truth")
    verb.add_argument("--out", type=Path, required=True, help="folder of the result (made new)")
    verb.add_argument("--seed", type=int, help="which patient (default 7) or cohort (default 1)")
    verb.add_argument(
        "--cohort", type=int, metavar="N",
        help="make a cohort of N patients; its seed is 1-999 for training, 1000-1999 for "
        "validation, 2000-2999 for tests",
    )  # fmt: skip
    _add_patient_options(verb.add_argument_group("one patient"))
    verb.add_argument(
        "--format", choices=("nrrd", "nii.gz"), default="nrrd", help="files of a cohort"
    )
    verb.add_argument("--overwrite", action="store_true", help="replace an earlier result")
    add_progress_option(verb)
    verb.set_defaults(command=phantom)


def _add_patient_options(group: Any) -> None:
    group.add_argument(
        "--size", type=int, nargs=3, metavar=("COLUMNS", "ROWS", "SLICES"),
        help="default: 512 512 120",
    )  # fmt: skip
    group.add_argument(
        "--spacing", type=float, nargs=2, metavar=("PIXEL", "SLICES"),
        help="distances in mm (default: 0.7 2.5)",
    )  # fmt: skip
    group.add_argument("--kernel", help="such as STANDARD, BONE, B30f, B70f, L, FC51")
    group.add_argument("--mas", type=float, help="dose in mAs, with --kernel (default: 100)")
    group.add_argument("--tilt", type=float, metavar="DEGREES", help="of the gantry, 1-30")
    group.add_argument("--contrast", type=float, metavar="HU", help="HU of enhanced blood, 150-400")
    group.add_argument(
        "--pathology", action="append", metavar="NAME",
        help="may be given several times: emphysema, consolidation, ground-glass, effusion, "
        "atelectasis, chest-wall-mass, hilar-mass, scars, fibrosis",
    )  # fmt: skip


def phantom(arguments: argparse.Namespace) -> int:
    """Make what the arguments ask for; the folder is whole or absent."""
    reporter, close = make_reporter(arguments)
    work = _one_patient if arguments.cohort is None else _cohort
    try:
        event, words = work(arguments, reporter)
    finally:
        close()
    print_result(arguments, event, words)
    return 0


def _one_patient(
    arguments: argparse.Namespace, reporter: Reporter
) -> tuple[dict[str, Any], list[str]]:
    from LungPNetLib.cohort.dicom_writer import write_patient
    from LungPNetLib.cohort.phantom.patient import make_patient
    from LungPNetLib.output import result_folder

    pixel_mm, distance_mm = arguments.spacing or (0.7, 2.5)
    scanner = _scanner(arguments, pixel_mm, distance_mm)
    pathologies = _pathologies(arguments.pathology or [])
    seed = 7 if arguments.seed is None else arguments.seed
    with result_folder(arguments.out, overwrite=arguments.overwrite, marker="truth") as folder:
        with reporter.stage("make patient"):
            patient = make_patient(
                seed,
                size=tuple(arguments.size or (512, 512, 120)),
                spacing_mm=(pixel_mm, pixel_mm, distance_mm),
                scanner=scanner,
                pathologies=pathologies,
                tilt_deg=arguments.tilt or 0.0,
                progress=reporter.progress,
            )
        with reporter.stage("write files"):
            write_patient(patient, folder)
    event = {"folder": str(arguments.out), "seed": seed, "nodules": len(patient.nodule_table)}
    return event, [
        f"Made-up patient {seed} (research use only) in {arguments.out}: ct/, truth/",
        f"Pathologies: {', '.join(kind.value for kind in patient.pathologies) or 'none'}",
    ]


def _cohort(arguments: argparse.Namespace, reporter: Reporter) -> tuple[dict[str, Any], list[str]]:
    from LungPNetLib.cohort.manifest import write_manifest
    from LungPNetLib.cohort.phantom.cohort import draw_cohort, split_of
    from LungPNetLib.output import result_folder

    _refuse_patient_options(arguments)
    seed = _COHORT_SEED if arguments.seed is None else arguments.seed
    plans = list(draw_cohort(arguments.cohort, seed))
    rows = []
    with (
        result_folder(
            arguments.out, overwrite=arguments.overwrite, marker="manifest.csv"
        ) as folder,
        reporter.stage("make cohort"),
    ):
        for done, plan in enumerate(plans, start=1):
            rows.append(_write_study(plan, folder, arguments.format))
            reporter.progress(done / len(plans))
        write_manifest(folder / "manifest.csv", rows)
    event = {"folder": str(arguments.out), "patients": len(plans), "split": split_of(seed)}
    return event, [
        f"{len(plans)} made-up patients for {split_of(seed)} (research use only): "
        f"{arguments.out / 'manifest.csv'}"
    ]


def _write_study(plan: PatientPlan, folder: Path, suffix: str) -> StudyRow:
    """Write one patient of a cohort, and the row that describes it."""
    from LungPNetLib.cohort.manifest import StudyRow
    from LungPNetLib.cohort.phantom.cohort import rendered, split_of
    from LungPNetLib.cohort.phantom.patient import GENERATOR_VERSION
    from LungPNetLib.cohort.phantom.truth import kinds_in_image, masses, truth_json
    from LungPNetLib.volume import write_image

    patient = rendered(plan)
    own = folder / plan.patient_id
    own.mkdir()
    volumes = {"ct": patient.ct, "lungs": patient.lungs, "nodules": patient.nodules}
    lesion = masses(patient)
    if lesion.array.any():
        volumes["lesion"] = lesion
    files = {name: own / f"{name}.{suffix}" for name in volumes}
    for name, path in files.items():
        write_image(volumes[name], path)
    (own / "truth.json").write_text(truth_json(patient), encoding="utf-8")
    scanner = plan.scanner
    columns = {
        "seeds_for": split_of(plan.cohort_seed),
        "generator": GENERATOR_VERSION,
        "kind": kinds_in_image(patient),
        "pathologies": " ".join(kind.value for kind in plan.pathologies),
        "manufacturer": scanner.manufacturer,
        "kernel": scanner.kernel,
        "thickness_mm": f"{scanner.slab_mm(plan.spacing_mm[2]):g}",
        "noise_hu": f"{scanner.noise_hu:.1f}",
        "contrast": "no" if scanner.contrast_hu is None else "yes",
    }
    return StudyRow(plan.patient_id, files, columns)


def _scanner(arguments: argparse.Namespace, pixel_mm: float, distance_mm: float) -> Scanner:
    from dataclasses import replace

    from LungPNetLib.cohort.phantom.scanner import Scanner
    from LungPNetLib.cohort.phantom.spectrum import kernel_named

    if arguments.kernel is None:
        if arguments.mas is not None:
            raise InputError("--mas needs a --kernel, which decides the noise at that dose.")
        return Scanner(contrast_hu=arguments.contrast)
    if min(pixel_mm, distance_mm) <= 0:
        raise InputError(f"--spacing must be positive, got {pixel_mm} and {distance_mm} mm.")
    scanner = Scanner.of(
        kernel_named(arguments.kernel),
        tube_mas=100.0 if arguments.mas is None else arguments.mas,
        thickness_mm=distance_mm,
        pixel_mm=pixel_mm,
    )
    return replace(scanner, contrast_hu=arguments.contrast)


def _pathologies(names: list[str]) -> list[Pathology]:
    from LungPNetLib.cohort.phantom.pathology import Pathology

    known = {kind.value: kind for kind in Pathology}
    for name in names:
        if name not in known:
            raise InputError(f"No pathology is called '{name}'; choose from {', '.join(known)}.")
    return [known[name] for name in names]


def _refuse_patient_options(arguments: argparse.Namespace) -> None:
    names = ("size", "spacing", "kernel", "mas", "tilt", "contrast", "pathology")
    given = [f"--{name}" for name in names if getattr(arguments, name) is not None]
    if given:
        raise InputError(
            f"{', '.join(given)} describe one patient; in a cohort they are drawn. Leave them out, "
            "or leave out --cohort."
        )
