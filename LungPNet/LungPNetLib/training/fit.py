"""Train a task's network: from a configuration to the best checkpoint."""

from __future__ import annotations

import logging
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from LungPNetLib.device import resolve_device
from LungPNetLib.errors import Cancelled, InputError, ModelError
from LungPNetLib.events import Reporter
from LungPNetLib.training.callback import Conductor
from LungPNetLib.training.checkpoints import BEST, LAST, RunState, load_checkpoint
from LungPNetLib.training.config import TrainerConfig
from LungPNetLib.training.loaders import Cohort
from LungPNetLib.training.run_folder import run_folder, run_record
from LungPNetLib.training.task import TrainingTask
from LungPNetLib.weights.registry import load_weights


@dataclass(frozen=True)
class FitResult:
    """Where a training ended.

    ``best_value`` is the validation metric of ``best_epoch`` (0-based), which ``best`` holds;
    ``minutes`` counts all parts of an interrupted run.
    """

    out: Path
    best: Path
    best_epoch: int
    best_value: float
    epochs: int
    minutes: float
    stopped: str


@dataclass(frozen=True)
class Rehearsal:
    """What a dry run found: that everything works, and how long it would take."""

    training_samples: int
    validation_samples: int
    steps_per_epoch: int
    parameters: int
    seconds: float


def fit(
    task: TrainingTask,
    config: Any,
    out: Path,
    *,
    manifest: Path | None = None,
    resume: bool = False,
    reporter: Reporter,
) -> FitResult:
    """Train ``task`` in the folder ``out``, or go on with the run that is in it.

    On the CPU a run that was ended at any moment and gone on with has, bit for bit, the weights of
    one that was not: seeds, draws and learning rates follow from (seed, epoch, step), and weights
    and optimizers from the last checkpoint. The folder holds config.json, checkpoints/last.ckpt
    and best.ckpt, metrics.csv, curves.png, previews/, tensorboard/ and data/ (the task's own).

    Parameters
    ----------
    task : TrainingTask
        A new one.
    config : dataclass
        Of ``task.config_class``.
    out : Path
        Must not exist or be empty, unless ``resume``; is kept when the run is interrupted.
    manifest : Path, optional
        The cohort, for tasks that learn from one.
    resume : bool
        Go on with the run in ``out``; where there is none, a new one begins.

    Raises
    ------
    InputError
        The folder is another run's, or the cohort cannot be used.
    ModelError
        The loss is not finite any more, or the checkpoint is damaged.
    Cancelled
        Somebody ended the run; it can be resumed.
    """
    with run_folder(out, run_record(task, config, manifest), resume=resume):
        return _fit_in(task, config, out, manifest, reporter)


def dry_run(
    task: TrainingTask, config: Any, *, manifest: Path | None = None, reporter: Reporter
) -> Rehearsal:
    """Do two steps and a validation as ``fit`` would, and leave nothing behind.

    Raises
    ------
    LungPNetError
        Whatever would have ended the training at its start.
    """
    short = task.rehearsal(config)
    short = replace(short, trainer=replace(short.trainer, devices=1))
    with tempfile.TemporaryDirectory(prefix="lungpnet-dry-run-") as folder:
        out = Path(folder) / "run"
        began = time.perf_counter()
        with run_folder(out, run_record(task, short, manifest), resume=False):
            _fit_in(task, short, out, manifest, reporter)
        seconds = time.perf_counter() - began
    cohort = Cohort(task.training_samples(), task.validation_samples(), config.trainer, RunState())
    return Rehearsal(
        training_samples=len(task.training_samples()),
        validation_samples=len(task.validation_samples()),
        steps_per_epoch=cohort.steps_per_epoch(),
        parameters=sum(p.numel() for p in task.make_module(config).parameters()),
        seconds=seconds,
    )


def _fit_in(
    task: TrainingTask, config: Any, out: Path, manifest: Path | None, reporter: Reporter
) -> FitResult:
    trainer_config: TrainerConfig = config.trainer
    data = out / "data"
    data.mkdir(exist_ok=True)
    with reporter.stage("prepare"):
        task.prepare(config, manifest, data, reporter)
    checkpoint = load_checkpoint(out, LAST)
    state = RunState(**checkpoint["state"]) if checkpoint else RunState()
    if state.epoch < trainer_config.epochs and not _ended_for_good(state, trainer_config):
        torch.manual_seed(trainer_config.seed)
        module = task.make_module(config)
        if checkpoint:
            module.load_state_dict(checkpoint["weights"])
        elif trainer_config.start_from:
            _begin_with(task, module, trainer_config.start_from)
        cohort = Cohort(task.training_samples(), task.validation_samples(), trainer_config, state)
        optimizers = checkpoint["optimizers"] if checkpoint else []
        steps = cohort.steps_per_epoch()
        conductor = Conductor(task, trainer_config, out, state, steps, optimizers, reporter)
        with reporter.stage("train"), _resumable(out), _quiet_and_deterministic():
            trainer = _trainer(trainer_config, module, conductor)
            progress = trainer.fit_loop.epoch_progress.current
            progress.processed = progress.completed = state.epoch  # type: ignore[attr-defined]
            trainer.fit(module, datamodule=cohort)
    if state.best_epoch < 0:
        raise InputError(f"No epoch had a finite '{task.monitor}'; nothing was learned.")
    return FitResult(
        out=out,
        best=out / "checkpoints" / BEST,
        best_epoch=state.best_epoch,
        best_value=state.best_value,
        epochs=state.epoch,
        minutes=state.seconds / 60,
        stopped=state.stopped,
    )


def _begin_with(task: TrainingTask, module: pl.LightningModule, weights: str) -> None:
    """Take over the weights of an earlier training of the same network."""
    loaded = load_weights(task.name, weights=weights)
    try:
        task.network(module).load_state_dict(loaded.state_dict)
    except RuntimeError as error:
        raise ModelError(
            f"The weights '{weights}' do not fit the network of this configuration; choose others, "
            f"or the variant '{loaded.entry.variant}'. ({error})"
        ) from error


def _ended_for_good(state: RunState, config: TrainerConfig) -> bool:
    """Whether the rule that ended the run still holds, its limits may have been raised since."""
    patience = config.early_stop_epochs
    waited = bool(patience) and state.epoch - 1 - state.best_epoch >= patience
    late = 0 < 60 * config.max_minutes <= state.seconds
    return bool(state.stopped) and (waited or late)


def _trainer(config: TrainerConfig, module: pl.LightningModule, conductor: Conductor) -> pl.Trainer:
    device = resolve_device(config.device)
    on_gpu = device.startswith("cuda")
    number = int(device.partition(":")[2] or 0)
    return pl.Trainer(
        accelerator="gpu" if on_gpu else "cpu",
        devices=[number] if on_gpu and config.devices == 1 else config.devices,
        strategy="ddp" if config.devices > 1 else "auto",
        precision="bf16-mixed" if _uses_bf16(config, on_gpu=on_gpu) else "32-true",
        max_epochs=config.epochs,
        gradient_clip_val=(config.gradient_clip or None) if module.automatic_optimization else None,
        callbacks=[conductor],
        # Batches depend on where the run stands, so they are asked for anew each epoch.
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        # Some CUDA kernels have no deterministic form; on the CPU all that is used has one.
        deterministic="warn" if on_gpu else True,
    )


def _uses_bf16(config: TrainerConfig, *, on_gpu: bool) -> bool:
    if config.precision == "auto":
        return on_gpu and torch.cuda.is_bf16_supported()
    return config.precision == "bf16"


@contextmanager
def _resumable(out: Path) -> Iterator[None]:
    """Whoever ends the run learns how to go on with it."""
    message = (
        f"The training in '{out}' was stopped. To go on with it, give the same command with "
        "--resume."
    )
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except (Cancelled, KeyboardInterrupt) as error:
        raise Cancelled(message) from error
    except SystemExit as error:
        # Lightning turns Ctrl+C into the end of the process.
        if isinstance(error.__context__, KeyboardInterrupt):
            raise Cancelled(message) from error
        raise
    finally:
        if signal.getsignal(signal.SIGINT) != handler:
            signal.signal(signal.SIGINT, handler)


@contextmanager
def _quiet_and_deterministic() -> Iterator[None]:
    """Lightning says nothing of its own; torch's global switches are put back at the end."""
    logger = logging.getLogger("lightning.pytorch")
    level, deterministic = logger.level, torch.are_deterministic_algorithms_enabled()
    random_state = torch.get_rng_state()
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            yield
    finally:
        logger.setLevel(level)
        torch.use_deterministic_algorithms(deterministic)
        torch.set_rng_state(random_state)
