"""Measure weights on a cohort, without training."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from LungPNetLib.cohort.manifest import read_manifest
from LungPNetLib.errors import ModelError
from LungPNetLib.events import Reporter
from LungPNetLib.training.config import config_from_record
from LungPNetLib.training.task import Metric, TrainingTask
from LungPNetLib.weights.registry import METADATA_KEY, Found, Loaded, load_weights


def evaluate_weights(
    task: TrainingTask, weights: Path | str | None, manifest: Path | None, reporter: Reporter
) -> tuple[Found, tuple[Metric, ...]]:
    """The task's metrics of registered weights.

    Parameters
    ----------
    task : TrainingTask
        A new one.
    weights : Path or str, optional
        A safetensors file or an id; by default what an analysis would use.
    manifest : Path, optional
        The cohort; by default what the task takes without one.

    Raises
    ------
    ModelError
        The weights are missing, damaged, unknown, or do not fit the network.
    """
    loaded = load_weights(task.name, weights=weights)
    about = about_weights(loaded)
    config: Any = config_from_record(task.config_class, about["config"])
    module = task.make_module(config)
    try:
        task.network(module).load_state_dict(loaded.state_dict)
    except RuntimeError as error:
        raise ModelError(
            f"The weights '{loaded.entry.id}' do not fit the network of '{task.name}' in this "
            f"version. Train again, or use the LungPNet version of their card. ({error})"
        ) from error
    module.eval()
    if manifest is not None:
        _warn_of_training_patients(manifest, about["training_ids"], reporter)
    with tempfile.TemporaryDirectory(prefix="lungpnet-evaluate-") as folder:
        with reporter.stage("prepare"):
            task.prepare_evaluation(config, manifest, Path(folder), reporter)
        with reporter.stage("evaluate"):
            metrics = task.metrics(module, reporter)
    return Found(loaded.entry, loaded.path, loaded.origin), metrics


def _warn_of_training_patients(manifest: Path, training_ids: list[str], reporter: Reporter) -> None:
    known = set(read_manifest(manifest).patient_ids) & set(training_ids)
    if known:
        reporter.warning(
            f"{len(known)} patient(s) of this manifest have the ID of a patient that these weights "
            "were trained on. Figures on them say nothing about new patients: leave them out."
        )


def about_weights(weights: Found | Loaded) -> dict[str, Any]:
    """What the file says about itself: ``training_ids``, ``config``, ...

    Raises
    ------
    ModelError
        It says nothing.
    """
    from safetensors import safe_open

    with safe_open(weights.path, framework="pt") as file:
        metadata: dict[str, str] = file.metadata() or {}
    try:
        about: dict[str, Any] = json.loads(metadata[METADATA_KEY])
    except (KeyError, ValueError) as error:
        raise ModelError(
            f"The weights '{weights.entry.id}' do not say how they were trained ({error!r}). "
            "Export them again with: lungpnet train"
        ) from error
    return about
