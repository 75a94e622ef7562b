"""From a trained run to weights that others can use: file, registry entry and card in one step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from LungPNetLib import __version__
from LungPNetLib.errors import ModelError, OutputError
from LungPNetLib.events import Reporter
from LungPNetLib.training.card import RunFacts, model_card
from LungPNetLib.training.checkpoints import BEST, load_checkpoint
from LungPNetLib.training.config import config_record
from LungPNetLib.training.fit import FitResult
from LungPNetLib.training.task import CardFacts, Metric, TrainingTask
from LungPNetLib.weights.entries import WeightsEntry, read_registry, write_registry
from LungPNetLib.weights.registry import METADATA_KEY, user_folder

if TYPE_CHECKING:
    import lightning.pytorch as pl
    from torch import Tensor


@dataclass(frozen=True)
class Exported:
    """What an export wrote, and the figures that stand in the card."""

    entry: WeightsEntry
    folder: Path
    metrics: tuple[Metric, ...]


def export(
    task: TrainingTask,
    config: Any,
    result: FitResult,
    *,
    folder: Path | None = None,
    command: str = "",
    reporter: Reporter,
) -> Exported:
    """Write the best checkpoint of a run as ``ID.safetensors`` with its card, and register it.

    Numbers are stored as float16 and computed with as float32; the card's metrics are those of
    the rounded numbers. Weights of the same id, which is made of task, variant and hash, are
    replaced.

    Parameters
    ----------
    task : TrainingTask
        The task that ``fit`` prepared.
    config : dataclass
    result : FitResult
    folder : Path, optional
        Where file, card and registry.json go; the user's own folder by default.
    command : str
        The command that trained them, for the card.

    Raises
    ------
    ModelError
        There is no best checkpoint.
    OutputError
        The folder cannot be written.
    """
    folder = folder or user_folder()
    module = best_module(task, config, result.out)
    network = task.network(module)
    tensors = as_stored(network.state_dict())
    network.load_state_dict({name: _as_computed(tensor) for name, tensor in tensors.items()})
    module.eval()
    with reporter.stage("evaluate"):
        metrics = task.metrics(module, reporter)
    facts = task.card_facts(config)
    content = _file_content(task, config, facts, tensors)
    entry = _entry(task, facts, content)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    run = RunFacts.of(result, config, command=command, parameters=parameters, n_bytes=len(content))
    _write(folder, entry, content, model_card(entry, facts, metrics, run))
    return Exported(entry, folder, metrics)


def best_module(task: TrainingTask, config: Any, out: Path) -> pl.LightningModule:
    """The module with the weights of the best epoch of the run in ``out``.

    Raises
    ------
    ModelError
        The run has no such checkpoint, or it is damaged.
    """
    checkpoint = load_checkpoint(out, BEST)
    if checkpoint is None:
        raise ModelError(f"The run in '{out}' has no best checkpoint yet. Train it further.")
    module = task.make_module(config)
    module.load_state_dict(checkpoint["weights"])
    return module


def as_stored(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as the file holds them: float16, or as they are where that would overflow."""
    import torch

    stored = {}
    for name, tensor in state_dict.items():
        kept = tensor.detach().cpu().contiguous()
        if kept.is_floating_point():
            half = kept.to(torch.float16)
            kept = half if bool(torch.isfinite(half).all()) else kept.float()
        # Tensors that share memory (tied weights) are stored as independent copies.
        stored[name] = kept.clone()
    return stored


def _as_computed(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _file_content(
    task: TrainingTask, config: Any, facts: CardFacts, tensors: dict[str, Tensor]
) -> bytes:
    from safetensors.torch import save

    about = {
        "lungpnet": __version__,
        "task": task.name,
        "variant": facts.variant,
        "arch": facts.arch,
        "preprocessing": facts.preprocessing,
        "classes": facts.classes,
        "training_ids": facts.training_ids,
        "config": config_record(config),
    }
    # One key only: safetensors writes several in random order, and the hash would differ each time.
    metadata = {METADATA_KEY: json.dumps(about, sort_keys=True, default=dict)}
    content: bytes = save(tensors, metadata)
    return content


def _entry(task: TrainingTask, facts: CardFacts, content: bytes) -> WeightsEntry:
    digest = hashlib.sha256(content).hexdigest()
    weights_id = f"{task.name}-{facts.variant}-{digest[:8]}"
    return WeightsEntry(
        id=weights_id,
        task=task.name,
        variant=facts.variant,
        file=f"{weights_id}.safetensors",
        sha256=digest,
        arch=dict(facts.arch),
        preprocessing=dict(facts.preprocessing),
        classes=tuple(facts.classes),
        outcome_source=facts.outcome_source.value,
        trained_on=facts.trained_on,
        card=f"{weights_id}.md",
    )


def _write(folder: Path, entry: WeightsEntry, content: bytes, card: str) -> None:
    """File and card first, the registry last, so that it never names what is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".registry.lock"):
            for name, data in ((entry.file, content), (entry.card, card.encode())):
                partial = folder / f".{name}.partial"
                partial.write_bytes(data)
                partial.replace(folder / name)
            others = [other for other in read_registry(folder) if other.id != entry.id]
            write_registry(folder, [*others, entry])
    except OSError as error:
        raise OutputError(f"The weights cannot be written to '{folder}': {error}.") from error
