"""The command line: ``lungpnet VERB``.

Results and events go to standard output, words for people to standard error. The exit status is
0, or that of the error: 2 input, 3 missing package or device, 4 model, 130 cancelled, 1 the rest.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from LungPNetLib import __version__
from LungPNetLib.console import (
    add_progress_option,
    add_reading_options,
    add_series_option,
    make_reporter,
    print_event,
    print_result,
    wants_json,
)
from LungPNetLib.crash_report import explained
from LungPNetLib.errors import Cancelled, InputError, OutputError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; errors become one readable message."""
    arguments = _parser().parse_args(argv)
    previous = signal.signal(signal.SIGTERM, _on_terminate)
    try:
        return int(arguments.command(arguments))
    except KeyboardInterrupt:
        return _fail(arguments, "Cancelled; nothing was written.", Cancelled.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:
        return _fail(arguments, *explained(error))
    finally:
        signal.signal(signal.SIGTERM, previous)


def _on_terminate(_signal: int, _frame: object) -> None:
    raise Cancelled("Ended by the system; nothing was written.")


def _fail(arguments: argparse.Namespace, message: str, exit_code: int) -> int:
    sys.stderr.write(f"lungpnet: {message}\n")
    if wants_json(arguments):
        print_event({"event": "error", "message": message, "exit_code": exit_code})
    return exit_code


def _parser() -> argparse.ArgumentParser:
    from LungPNetLib.cohort import commands as cohort_commands
    from LungPNetLib.cohort import nodule_commands as nodule_material_commands
    from LungPNetLib.cohort.phantom import commands as phantom_commands
    from LungPNetLib.cohort.phantom_b import commands as phantom_b_commands
    from LungPNetLib.lungs import commands as lungs_commands
    from LungPNetLib.nodules import heterogeneity_commands
    from LungPNetLib.radiomics import commands as radiomics_commands
    from LungPNetLib.survival import pet_commands
    from LungPNetLib.training import commands as training_commands

    parser = argparse.ArgumentParser(
        prog="lungpnet",
        description="Chest CT from DICOM to a report. Research use only, not for diagnosis.",
    )
    parser.add_argument("--version", action="version", version=f"LungPNet {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for add in (
        _add_analyze,
        _add_demo,
        lungs_commands.add_verbs,
        pet_commands.add_verbs,
        radiomics_commands.add_verbs,
        heterogeneity_commands.add_verbs,
        _add_view,
        _add_config,
        phantom_commands.add_verbs,
        phantom_b_commands.add_verbs,
        cohort_commands.add_verbs,
        nodule_material_commands.add_verbs,
        training_commands.add_verbs,
    ):
        add(verbs)
    doctor = verbs.add_parser("doctor", help="versions, device, memory, disk, what is missing")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.set_defaults(command=_doctor)
    return parser


def _add_analyze(verbs: Any) -> None:
    from LungPNetLib.lungs.predict import LungMethod
    from LungPNetLib.pipeline import FALSE_FINDINGS, STAGES
    from LungPNetLib.report.language import Language
    from LungPNetLib.runtime import Runtime

    verb = verbs.add_parser("analyze", help="analyze one chest CT and write a report")
    verb.add_argument("input", type=Path, help="DICOM folder, or NIfTI, NRRD, MetaImage file")
    verb.add_argument("--out", type=Path, required=True, help="folder of the result (made new)")
    verb.add_argument(
        "--stages",
        default=",".join(STAGES),
        help="comma-separated; the quality gate always runs (default: %(default)s)",
    )
    add_reading_options(verb)
    verb.add_argument("--deidentify", action="store_true", help="leave out the patient's identity")
    verb.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    for name, kind, text in (
        ("--method", LungMethod, "how the lungs are found; auto: the network, if it has weights"),
        ("--runtime", Runtime, "what runs networks; auto: openvino on a CPU, if it is installed"),
    ):
        verb.add_argument(name, choices=[c.value for c in kind], default="auto", help=text)
    verb.add_argument("--weights", help="safetensors file or id of registered lung weights")
    for name, what in (("segmenter", "outlines"), ("detector", "finds")):
        verb.add_argument(f"--nodule-{name}", help=f"the same, of the network that {what} nodules")
    verb.add_argument(
        "--false-findings", type=float, choices=FALSE_FINDINGS, default=1.0, metavar="N",
        help="nodules are shown so that there are about N false ones a scan: "
        f"{', '.join(f'{rate:g}' for rate in FALSE_FINDINGS)} (default: 1)",
    )  # fmt: skip
    verb.add_argument(
        "--language",
        choices=[language.value for language in Language],
        help="of the report (default: the setting report.language, English at first)",
    )
    _add_run_options(verb)
    verb.set_defaults(command=_analyze)


def _add_demo(verbs: Any) -> None:
    verb = verbs.add_parser("demo", help="make a patient, analyze it, and show the report")
    verb.add_argument("--out", type=Path, default=Path("demo-output"))
    verb.add_argument("--seed", type=int, default=7, help="which made-up patient")
    _add_run_options(verb)
    verb.set_defaults(command=_demo)


def _add_run_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--overwrite", action="store_true", help="replace an earlier result")
    add_progress_option(verb)


def _add_view(verbs: Any) -> None:
    verb = verbs.add_parser("view", help="show a volume and a mask as PNG or HTML with a slider")
    verb.add_argument("input", type=Path, help="DICOM folder, or NIfTI, NRRD, MetaImage file")
    verb.add_argument("--out", type=Path, required=True, help="picture.png or page.html")
    verb.add_argument("--mask", type=Path, help="NIfTI, NRRD, MetaImage, DICOM SEG or RTSTRUCT")
    verb.add_argument("--roi", help="the one region or segment of the mask to show")
    verb.add_argument("--masked", action="store_true", help="black out all but the mask")
    add_series_option(verb)
    verb.add_argument(
        "--window", type=float, nargs=2, metavar=("LOW", "HIGH"), default=(-1350.0, 150.0),
        help="darkest and brightest HU (default: -1350 150)",
    )  # fmt: skip
    verb.set_defaults(command=_view)


def _add_config(verbs: Any) -> None:
    verb = verbs.add_parser("config", help="paths of data and weights, language of the report")
    actions = verb.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("show", help="print all settings").set_defaults(command=_config_show)
    actions.add_parser("init", help="make the settings file").set_defaults(command=_config_init)
    actions.add_parser("check", help="check all paths").set_defaults(command=_config_check)
    setter = actions.add_parser("set", help="set one of them; an empty value unsets it")
    setter.add_argument("name")
    setter.add_argument("value")
    setter.set_defaults(command=_config_set)


def _analyze(arguments: argparse.Namespace) -> int:
    from LungPNetLib.config import load_config
    from LungPNetLib.lungs.predict import LungMethod
    from LungPNetLib.pipeline import AnalyzeOptions, run
    from LungPNetLib.report.language import Language
    from LungPNetLib.runtime import Runtime

    options = AnalyzeOptions(
        series=arguments.series,
        allow_gaps=arguments.allow_gaps,
        stages=tuple(stage.strip() for stage in arguments.stages.split(",")),
        device=arguments.device,
        runtime=Runtime(arguments.runtime),
        lung_method=LungMethod(arguments.method),
        lung_weights=arguments.weights,
        nodule_segmenter=arguments.nodule_segmenter,
        nodule_detector=arguments.nodule_detector,
        false_findings_per_scan=arguments.false_findings,
        deidentify=arguments.deidentify,
        overwrite=arguments.overwrite,
        language=Language(arguments.language or load_config()["report.language"]),
    )
    reporter, close = make_reporter(arguments)
    try:
        result = run(arguments.input, arguments.out, options, reporter)
    finally:
        close()
    print_result(
        arguments,
        {"folder": str(arguments.out), "verdict": result.verdict.value, "files": result.outputs},
        [
            f"Quality gate: {result.verdict.value}",
            *(f"Warning: {text}" for text in result.warnings if arguments.progress == "none"),
            f"Result in {arguments.out}: {', '.join(result.outputs)}",
        ],
    )
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from LungPNetLib.demo import run_demo

    reporter, close = make_reporter(arguments)
    try:
        demo = run_demo(
            arguments.out, seed=arguments.seed, overwrite=arguments.overwrite, reporter=reporter
        )
    finally:
        close()
    report = demo.result / "report.html"
    print_result(
        arguments,
        {"report": str(report), "dice_right": demo.dice_right, "dice_left": demo.dice_left},
        [
            f"Made-up patient: {demo.patient}",
            "Lungs against the known truth of this made-up patient: "
            f"Dice {demo.dice_right:.3f} right, {demo.dice_left:.3f} left",
            f"Open the report: {report.absolute()}",
        ],
    )
    return 0


def _view(arguments: argparse.Namespace) -> int:
    from LungPNetLib import view
    from LungPNetLib.dicom.masks import read_mask
    from LungPNetLib.lungs.pictures import masked
    from LungPNetLib.reading import read_study

    writers: dict[str, Callable[..., None]] = {".png": view.write_png, ".html": view.write_html}
    writer = writers.get(arguments.out.suffix.lower())
    if writer is None:
        raise InputError(f"--out must end in .png or .html, got '{arguments.out.name}'.")
    ct = read_study(arguments.input, series=arguments.series, allow_gaps=True).ct
    mask = read_mask(arguments.mask, ct, roi=arguments.roi) if arguments.mask else None
    if arguments.masked:
        if mask is None:
            raise InputError("--masked needs a --mask, which says what to show.")
        ct = masked(ct, mask, outside=arguments.window[0])
    try:
        writer(ct, arguments.out, mask=mask, window_hu=tuple(arguments.window))
    except OSError as error:
        raise OutputError(f"'{arguments.out}' cannot be written: {error.strerror}.") from error
    sys.stdout.write(f"{arguments.out}\n")
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from LungPNetLib.doctor import as_text, examine

    findings = examine()
    as_json = json.dumps([vars(finding) for finding in findings], indent=2)
    sys.stdout.write((as_json if arguments.json else as_text(findings)) + "\n")
    return 3 if any(finding.state == "missing" for finding in findings) else 0


def _config_show(_: argparse.Namespace) -> int:
    from LungPNetLib.config import KEYS, load_config
    from LungPNetLib.folders import config_file

    sys.stdout.write(f"# {config_file()}\n")
    for name, value in load_config().items():
        sys.stdout.write(f"{name} = {json.dumps(value, ensure_ascii=False)}  # {KEYS[name]}\n")
    return 0


def _config_init(_: argparse.Namespace) -> int:
    from LungPNetLib.config import load_config, save_config

    sys.stdout.write(f"{save_config(load_config())}\n")
    return 0


def _config_check(_: argparse.Namespace) -> int:
    from LungPNetLib.config import load_config, problems

    if found := problems(load_config()):
        raise InputError(" ".join(found))
    sys.stdout.write("All paths that are set exist.\n")
    return 0


def _config_set(arguments: argparse.Namespace) -> int:
    from LungPNetLib.config import set_value

    sys.stdout.write(f"{set_value(arguments.name, arguments.value)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
