"""The verbs ``train``, ``evaluate`` and ``models`` of the command line."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from LungPNetLib.console import add_progress_option, make_reporter, print_result
from LungPNetLib.errors import InputError
from LungPNetLib.events import Reporter
from LungPNetLib.nodules.evaluate_commands import (
    STAGE,
    add_options,
    evaluate_nodules,
    refuse_options,
)


def add_verbs(verbs: Any) -> None:
    """Add the verbs to the subparsers of ``lungpnet``."""
    _add_train(verbs)
    _add_evaluate(verbs)
    _add_models(verbs)


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``train``, also for the script that Slicer runs."""
    parser.add_argument("task", help="what to train, such as lungs")
    parser.add_argument("--manifest", type=Path, help="manifest.csv of the cohort")
    parser.add_argument(
        "--config", help="TOML file, or the name of a shipped one (default: the task's own)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="A.B=V", dest="overrides",
        help="change one value of the configuration; may be given several times",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help="folder of the run (default: TASK-training)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument(
        "--dry-run", action="store_true", help="check everything, do two steps, leave nothing"
    )
    parser.add_argument(
        "--weights-out", type=Path, help="folder of the exported weights (default: your own)"
    )
    add_progress_option(parser)
    parser.set_defaults(command=train)


def train(arguments: argparse.Namespace) -> int:
    """Train, then export the best weights; or only rehearse."""
    from LungPNetLib.lazy import require

    require("lightning", feature="training", extra="train")
    from LungPNetLib.training.config import find_config, load_config
    from LungPNetLib.training.task import find_task

    task = find_task(arguments.task)
    name = arguments.config or task.default_config
    config: Any = load_config(
        task.config_class, find_config(name) if name else None, arguments.overrides
    )
    if arguments.manifest is not None and not arguments.manifest.is_file():
        raise InputError(f"There is no manifest '{arguments.manifest}'. Give a manifest.csv.")
    reporter, close = _reporter(arguments)
    try:
        work = _rehearse if arguments.dry_run else _train_and_export
        event, words = work(task, config, arguments, reporter)
    finally:
        close()
    if words:  # only the first of several training processes has something to say
        print_result(arguments, event, words)
    return 0


def evaluate(arguments: argparse.Namespace) -> int:
    """Measure registered weights on a cohort."""
    from LungPNetLib.lazy import require

    if arguments.task == STAGE:
        return evaluate_nodules(arguments)
    refuse_options(arguments)
    require("lightning", feature="evaluating a network", extra="train")
    from LungPNetLib.training.card import metric_words
    from LungPNetLib.training.evaluate import evaluate_weights
    from LungPNetLib.training.task import find_task

    reporter, close = _reporter(arguments)
    try:
        found, metrics = evaluate_weights(
            find_task(arguments.task), arguments.weights, arguments.manifest, reporter
        )
    finally:
        close()
    print_result(
        arguments,
        {"weights": found.record(), "metrics": [metric.record() for metric in metrics]},
        [
            f"{found.entry.id} (research use only)",
            *(f"{m.name}: {metric_words(m)}, {m.n_patients} patients" for m in metrics),
        ],
    )
    return 0


def _rehearse(
    task: Any, config: Any, arguments: argparse.Namespace, reporter: Reporter
) -> tuple[dict[str, Any], list[str]]:
    from LungPNetLib.training.fit import dry_run

    found = dry_run(task, config, manifest=arguments.manifest, reporter=reporter)
    return {"dry_run": vars(found)}, [
        f"Everything works: {found.training_samples} training and {found.validation_samples} "
        f"validation samples, {found.parameters:,} parameters, {found.steps_per_epoch} steps an "
        f"epoch; two steps with preparation took {found.seconds:.1f} s. Nothing was written."
    ]


def _train_and_export(
    task: Any, config: Any, arguments: argparse.Namespace, reporter: Reporter
) -> tuple[dict[str, Any], list[str]]:
    from LungPNetLib.training.card import metric_words
    from LungPNetLib.training.export import export
    from LungPNetLib.training.fit import fit
    from LungPNetLib.training.run_folder import is_first_process

    out = arguments.out or Path(f"{task.name}-training")
    result = fit(
        task, config, out, manifest=arguments.manifest, resume=arguments.resume, reporter=reporter
    )
    if not is_first_process():
        return {}, []
    exported = export(
        task, config, result, folder=arguments.weights_out, command=_command(), reporter=reporter
    )
    event = {
        "folder": str(out),
        "weights": str(exported.folder / exported.entry.file),
        "best_epoch": result.best_epoch,
        "minutes": round(result.minutes, 2),
        "stopped": result.stopped,
    }
    return event, [
        f"Trained {result.epochs} epochs in {result.minutes:.1f} minutes ({result.stopped}); best: "
        f"epoch {result.best_epoch}, {task.monitor} {result.best_value:.4f}",
        *(f"{metric.name}: {metric_words(metric)}" for metric in exported.metrics),
        f"Weights: {exported.folder / exported.entry.file} (research use only)",
    ]


def _command() -> str:
    """The command as it can be given again; folders are left out, they tell of the machine."""
    kept, skip = [], False
    for word in sys.argv[1:]:
        if not skip and word not in ("--out", "--weights-out", "--resume"):
            kept.append(word)
        skip = word in ("--out", "--weights-out")
    return shlex.join(["lungpnet", *kept])


def _models_list(arguments: argparse.Namespace) -> int:
    from LungPNetLib.weights.registry import all_weights

    found = all_weights()
    words = [
        f"{f.entry.id}  {f.origin.value}  truth: {f.entry.outcome_source}  {f.path}" for f in found
    ]
    print_result(
        arguments, {"models": [f.record() for f in found]}, words or ["No weights are registered."]
    )
    return 0


def _models_verify(arguments: argparse.Namespace) -> int:
    from LungPNetLib.errors import ModelError
    from LungPNetLib.weights.registry import all_weights, verify

    problems = []
    found = all_weights()
    for weights in found:
        try:
            verify(weights)
        except ModelError as error:
            problems.append(str(error))
    if problems:
        raise ModelError(" ".join(problems))
    print_result(
        arguments, {"verified": len(found)}, [f"{len(found)} weights are what the registry says."]
    )
    return 0


def _models_remove(arguments: argparse.Namespace) -> int:
    from LungPNetLib.weights.registry import remove

    path = remove(arguments.id)
    print_result(arguments, {"removed": arguments.id}, [f"Removed {path}"])
    return 0


def _add_train(verbs: Any) -> None:
    add_train_arguments(verbs.add_parser("train", help="train a network on a cohort"))


def _add_evaluate(verbs: Any) -> None:
    verb = verbs.add_parser("evaluate", help="measure weights on a cohort")
    verb.add_argument("task", help=f"a network, such as lungs, or the whole stage: {STAGE}")
    verb.add_argument("--weights", help="safetensors file or id (default: what would be used)")
    verb.add_argument("--manifest", type=Path, help="manifest.csv of the cohort")
    add_options(verb)
    add_progress_option(verb)
    verb.set_defaults(command=evaluate)


def _add_models(verbs: Any) -> None:
    verb = verbs.add_parser("models", help="registered weights")
    actions = verb.add_subparsers(required=True, metavar="ACTION")
    commands: dict[str, tuple[str, Callable[[argparse.Namespace], int]]] = {
        "list": ("what is registered, and where", _models_list),
        "verify": ("are the files what the registry says", _models_verify),
        "remove": ("remove weights of your own", _models_remove),
    }
    for name, (words, command) in commands.items():
        action = actions.add_parser(name, help=words)
        if name == "remove":
            action.add_argument("id")
        action.add_argument("--json", action="store_true", help="print JSON")
        action.set_defaults(command=command)


def _reporter(arguments: argparse.Namespace) -> tuple[Reporter, Callable[[], None]]:
    """Only the first of several training processes reports."""
    from LungPNetLib.training.run_folder import is_first_process

    if not is_first_process():
        return Reporter(), lambda: None
    return make_reporter(arguments)
