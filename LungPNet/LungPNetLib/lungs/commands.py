"""The verb ``lungs`` of the command line: the lungs of any patients, a folder each."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LungPNetLib.console import (
    add_progress_option,
    add_reading_options,
    make_reporter,
    print_result,
    wants_json,
)
from LungPNetLib.errors import Cancelled, InputError, LungPNetError, ModelError
from LungPNetLib.events import Reporter
from LungPNetLib.lungs.predict import LungMethod
from LungPNetLib.output import distinct_names
from LungPNetLib.report.wording import NOTICE
from LungPNetLib.result import StudyResult, Verdict
from LungPNetLib.runtime import Runtime

if TYPE_CHECKING:
    from LungPNetLib.volume import Volume

_SUMMARY = "summary.json"
_SUMMARY_VERSION = "1.0"


@dataclass(frozen=True)
class _Task:
    """One CT to read, and the name of the folder of its result."""

    name: str
    source: Path


@dataclass(frozen=True)
class _Outcome:
    """What became of one study; ``message`` says why it failed and is empty where it did not."""

    task: _Task
    volumes_ml: dict[str, float]
    method: str = ""
    message: str = ""
    exit_code: int = 0

    def event(self) -> dict[str, Any]:
        """For the ``result`` event."""
        return {
            "name": self.task.name,
            "input": str(self.task.source),
            "volumes_ml": self.volumes_ml,
            "method": self.method,
            "exit_code": self.exit_code,
        }


def add_verbs(verbs: Any) -> None:
    """Add the verb to the subparsers of ``lungpnet``."""
    verb = verbs.add_parser(
        "lungs", help="masks and pictures of the lungs of any patients, a folder each"
    )
    verb.add_argument(
        "inputs", type=Path, nargs="*", metavar="INPUT",
        help="DICOM folder, or NIfTI, NRRD, MetaImage file",
    )  # fmt: skip
    verb.add_argument(
        "--manifest", type=Path, help="the CTs of a cohort; folders are named by its patient_id"
    )
    verb.add_argument("--out", type=Path, required=True, help="folder that gets one for each CT")
    verb.add_argument(
        "--method",
        choices=[method.value for method in LungMethod],
        default=LungMethod.AUTO.value,
        help="how the lungs are found; auto takes the network where there are weights for it",
    )
    verb.add_argument(
        "--runtime",
        choices=[runtime.value for runtime in Runtime],
        default=Runtime.AUTO.value,
        help="what runs the network; auto takes openvino on a CPU, if it is installed",
    )
    verb.add_argument("--weights", help="safetensors file or id of registered lung weights")
    verb.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    verb.add_argument(
        "--every", type=int, default=1, metavar="N",
        help="draw every Nth slice (default: 1, each of them); 0 draws none",
    )  # fmt: skip
    add_reading_options(verb)
    verb.add_argument("--overwrite", action="store_true", help="replace earlier results")
    add_progress_option(verb)
    verb.set_defaults(command=lungs)


def lungs(arguments: argparse.Namespace) -> int:
    """Segment every study; one that fails does not stop the others.

    Returns
    -------
    int
        0, or the highest exit status of the studies that failed.
    """
    from LungPNetLib.device import resolve_device

    if arguments.every < 0:
        raise InputError(f"--every must be 0 (no pictures) or more, got {arguments.every}.")
    tasks = _tasks(arguments)
    device = resolve_device(arguments.device)
    outcomes: list[_Outcome] = []
    faults: list[Exception] = []
    reporter, close = make_reporter(arguments)
    try:
        for number, task in enumerate(tasks, start=1):
            _announce(arguments, reporter, task, f"{number} of {len(tasks)}")
            try:
                outcomes.append(_segment(arguments, task, device, reporter))
            except (Cancelled, ModelError):
                raise  # the weights would be wrong for the other studies as well
            except LungPNetError as error:
                outcomes.append(_Outcome(task, {}, "", str(error), error.exit_code))
            except Exception as error:
                faults.append(error)
                words = f"Not finished ({type(error).__name__})."
                outcomes.append(_Outcome(task, {}, "", words, 1))
            close()
            _say_failure(reporter, outcomes[-1])
    except (Cancelled, KeyboardInterrupt) as error:
        raise Cancelled(
            f"Cancelled; {_count(outcomes)} of {len(tasks)} studies are in '{arguments.out}'."
        ) from error
    finally:
        close()
    _print_outcomes(arguments, outcomes)
    if faults:
        raise faults[0]  # the command line keeps its traceback for the developers
    return max(outcome.exit_code for outcome in outcomes)


def _tasks(arguments: argparse.Namespace) -> list[_Task]:
    """Every CT asked for, with folder names that differ on any file system."""
    wanted = [(_own_name(path), path) for path in arguments.inputs]
    if arguments.manifest is not None:
        from LungPNetLib.cohort.manifest import read_manifest

        rows = read_manifest(arguments.manifest, ("ct",)).rows
        wanted += [(row.patient_id, row.files["ct"]) for row in rows]
    if not wanted:
        raise InputError(
            "There is no CT to read. Give DICOM folders or image files, or --manifest MANIFEST."
        )
    names = distinct_names(name for name, _ in wanted)
    return [_Task(name, path) for name, (_, path) in zip(names, wanted, strict=True)]


def _own_name(path: Path) -> str:
    """Name of the folder or file that the person gave, without the ending of an image."""
    from LungPNetLib.reading import IMAGE_FORMATS

    name = Path(os.path.abspath(path)).name  # noqa: PTH100  (links keep the name they have here)
    ends = sorted((end for end in IMAGE_FORMATS if name.lower().endswith(end)), key=len)
    return name[: -len(ends[-1])] if ends and not path.is_dir() else name


def _segment(
    arguments: argparse.Namespace, task: _Task, device: str, reporter: Reporter
) -> _Outcome:
    """Read one CT, find its lungs, and write its folder, which is whole or absent."""
    from LungPNetLib.output import result_folder
    from LungPNetLib.pipeline import AnalyzeOptions, analyze
    from LungPNetLib.reading import read_study

    options = AnalyzeOptions(
        stages=("quality", "lungs"),
        lung_method=LungMethod(arguments.method),
        runtime=Runtime(arguments.runtime),
        lung_weights=arguments.weights,
    )
    target = arguments.out / task.name
    with result_folder(target, overwrite=arguments.overwrite, marker=_SUMMARY) as folder:
        with reporter.stage("read"):
            study = read_study(
                task.source,
                series=arguments.series,
                allow_gaps=arguments.allow_gaps,
                reporter=reporter,
            )
        analysis = analyze(study, options, reporter, device)
        found, measured = analysis.lungs, analysis.result.lungs
        assert found is not None  # the stage was asked for
        assert measured is not None
        count = _write_images(study.ct, found, folder, arguments.every, reporter)
        volumes_ml = {row.side: row.volume_ml for row in measured.measurements}
        summary = {
            **_about(analysis.result),
            "method": measured.method,
            "volumes_ml": volumes_ml,
            "pictures": {"folder": "pictures", "count": count, "every": arguments.every},
        }
        text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / _SUMMARY).write_text(f"{text}\n", "utf-8")
    return _Outcome(task, volumes_ml, measured.method)


def _write_images(ct: Volume, found: Volume, folder: Path, every: int, reporter: Reporter) -> int:
    """Write masks and pictures; gives the number of pictures."""
    from LungPNetLib.lungs.pictures import masked, write_slices
    from LungPNetLib.saving import write_checked

    with reporter.stage("masks"):
        write_checked(found, folder / "lungs.nrrd")
        reporter.progress(0.3)
        write_checked(masked(_whole_hu(ct), found), folder / "masked-lungs.nrrd")
    if every == 0:
        return 0
    pictures = folder / "pictures"
    pictures.mkdir()
    with reporter.stage("pictures"):
        return len(write_slices(ct, found, pictures, every=every, progress=reporter.progress))


def _whole_hu(ct: Volume) -> Volume:
    """The CT as int16."""
    import numpy as np

    if ct.array.dtype == np.int16:
        return ct
    limits = np.iinfo(np.int16)
    return ct.with_array(np.rint(ct.array).clip(limits.min, limits.max).astype(np.int16))


def _about(result: StudyResult) -> dict[str, Any]:
    """What ``summary.json`` says of the study and the masks: nothing that names the patient."""
    from LungPNetLib.lungs.pictures import MASKED_HU

    findings = [check.meaning for check in result.quality if check.verdict is not Verdict.PASS]
    return {
        "schema_version": _SUMMARY_VERSION,
        "notice": NOTICE,
        "input_format": result.input_format,
        "series_uid": result.acquisition.series_uid,
        "grid": asdict(result.grid),
        "labels": {"1": "right lung", "2": "left lung"},
        "outside_hu": MASKED_HU,
        "weights": result.models[0] if result.models else None,
        "quality": {"verdict": result.verdict.value, "findings": findings},
        "warnings": result.warnings,
        "software": result.software,
    }


def _announce(arguments: argparse.Namespace, reporter: Reporter, task: _Task, place: str) -> None:
    reporter.emit("study", name=task.name, place=place)
    if arguments.progress != "none" and not wants_json(arguments):
        sys.stderr.write(f"{task.name} ({place})\n")


def _say_failure(reporter: Reporter, outcome: _Outcome) -> None:
    if outcome.message:
        name, message = outcome.task.name, outcome.message
        sys.stderr.write(f"lungpnet: {name}: {message}\n")
        reporter.emit("error", study=name, message=message, exit_code=outcome.exit_code)


def _count(outcomes: list[_Outcome]) -> int:
    return sum(outcome.exit_code == 0 for outcome in outcomes)


def _print_outcomes(arguments: argparse.Namespace, outcomes: list[_Outcome]) -> None:
    succeeded = _count(outcomes)
    width = max(len("study"), *(len(outcome.task.name) for outcome in outcomes))
    rows = [f"{'study':<{width}}  right mL  left mL  method"]
    for outcome in outcomes:
        right, left = (
            f"{outcome.volumes_ml[side]:.0f}" if side in outcome.volumes_ml else "-"
            for side in ("right", "left")
        )
        state = outcome.method or "failed, see above"
        rows.append(f"{outcome.task.name:<{width}}  {right:>8}  {left:>7}  {state}")
    print_result(
        arguments,
        {
            "folder": str(arguments.out),
            "succeeded": succeeded,
            "failed": len(outcomes) - succeeded,
            "studies": [outcome.event() for outcome in outcomes],
        },
        [*rows, f"{succeeded} of {len(outcomes)} succeeded, in {arguments.out}. {NOTICE}."],
    )
