"""The model card: what weights are made of, how good they are, and how they were made."""

from __future__ import annotations

import json
import math
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from LungPNetLib import __version__
from LungPNetLib.training.config import config_record
from LungPNetLib.training.fit import FitResult
from LungPNetLib.training.run_log import read_metrics
from LungPNetLib.training.task import CardFacts, Metric
from LungPNetLib.weights.entries import WeightsEntry


@dataclass(frozen=True)
class RunFacts:
    """How weights were made: for the card only."""

    command: str
    minutes: float
    machine: str
    seed: int
    epochs: int
    best_epoch: int
    parameters: int
    n_bytes: int
    config: dict[str, Any]
    curve: tuple[dict[str, float], ...]

    @classmethod
    def of(
        cls, result: FitResult, config: Any, *, command: str, parameters: int, n_bytes: int
    ) -> RunFacts:
        """The facts of a run that just ended."""
        return cls(
            command=command,
            minutes=result.minutes,
            machine=machine(),
            seed=config.trainer.seed,
            epochs=result.epochs,
            best_epoch=result.best_epoch,
            parameters=parameters,
            n_bytes=n_bytes,
            config=config_record(config),
            curve=tuple(read_metrics(result.out)),
        )


def machine() -> str:
    """This computer in words: processor, cores, GPU, torch."""
    import torch

    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores{gpu}; Python {platform.python_version()}, "
        f"torch {torch.__version__}, LungPNet {__version__}"
    )


def model_card(
    entry: WeightsEntry, facts: CardFacts, metrics: tuple[Metric, ...], run: RunFacts
) -> str:
    """The card as Markdown; its first line states the share of made-up patients."""
    parts = [
        [
            f"Share of synthetic patients in training: {100 * facts.synthetic_share:.0f} %.",
            "",
            f"# {entry.id}",
            "",
            "Research use only, not for diagnosis.",
        ],
        _section("What it is", _identity(entry, run)),
        _section("Training cohort", _cohort(facts)),
        _section("Preprocessing", [f"- {_item(k, v)}" for k, v in facts.preprocessing.items()]),
        _section("Classes", [f"- {k}: {name}" for k, name in enumerate(facts.classes)]),
        _section("Metrics", _metrics_table(metrics)),
        _section("Limits", [f"- {sentence}" for sentence in facts.limits]),
        _section("How it was made", _making(run)),
        _section("Curve", _curve_table(run.curve)),
        _section("Licence", [facts.licence]),
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def metric_words(metric: Metric) -> str:
    """The figure with its interval: ``0.912 [0.890, 0.931] mm``."""
    interval = (
        f" [{metric.low:.3f}, {metric.high:.3f}]"
        if math.isfinite(metric.low) and math.isfinite(metric.high)
        else " (no interval)"
    )
    return f"{metric.value:.3f}{interval} {metric.unit}".rstrip()


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"## {title}", "", *(lines or ["None stated."])]


def _item(key: str, value: Any) -> str:
    return f"{key}: {value if isinstance(value, str) else json.dumps(value)}"


def _identity(entry: WeightsEntry, run: RunFacts) -> list[str]:
    return [
        f"- task {entry.task}, variant {entry.variant}",
        f"- network {json.dumps(entry.arch)}",
        f"- {run.parameters:,} parameters, stored as float16 in {run.n_bytes / 1e6:.2f} MB, "
        "computed as float32",
        f"- SHA-256 {entry.sha256}",
        f"- truth from: {entry.outcome_source}",
    ]


def _cohort(facts: CardFacts) -> list[str]:
    lines = [f"- generator of made-up patients: {facts.generator or 'none'}"]
    ids = ", ".join(facts.training_ids) or "none"
    return [*lines, f"- real patients ({len(facts.training_ids)}): {ids}"]


def _metrics_table(metrics: tuple[Metric, ...]) -> list[str]:
    if not metrics:
        return []
    rows = [f"| {m.name} | {metric_words(m)} | {m.n_patients} |" for m in metrics]
    return [
        "Patients that the network did not learn from; 95 % intervals from a bootstrap over "
        "patients.",
        "",
        "| metric | value [95 % interval] | patients |",
        "|---|---|---|",
        *rows,
    ]


def _making(run: RunFacts) -> list[str]:
    return [
        f"- command: `{run.command or 'not recorded'}`",
        f"- {run.minutes:.1f} minutes, {run.epochs} epochs, best after epoch {run.best_epoch} "
        "(counted from 0)",
        f"- seed {run.seed}",
        f"- machine: {run.machine}",
        f"- date: {datetime.now(UTC):%Y-%m-%d}",
        "",
        "```json",
        json.dumps(run.config, indent=2),
        "```",
    ]


def _curve_table(curve: tuple[dict[str, float], ...]) -> list[str]:
    """Every epoch of the run, a row each."""
    names = [name for name in dict.fromkeys(key for row in curve for key in row) if name != "epoch"]
    if not names:
        return []
    rows = [
        f"| {row['epoch']:.0f} | "
        + " | ".join(f"{row[name]:.4g}" if name in row else "" for name in names)
        + " |"
        for row in curve
    ]
    return [f"| epoch | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|", *rows]
