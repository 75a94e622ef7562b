"""The thread that runs through a training: where it stands, what it saves, when it ends."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
import torch
from typing_extensions import override

from LungPNetLib.errors import ModelError
from LungPNetLib.events import Reporter
from LungPNetLib.training.checkpoints import BEST, LAST, RunState, save_checkpoint, training_content
from LungPNetLib.training.config import TrainerConfig
from LungPNetLib.training.run_log import RunLog
from LungPNetLib.training.sampler import VALIDATION_EPOCH, seed_torch
from LungPNetLib.training.schedule import learning_rate_factor

if TYPE_CHECKING:
    from LungPNetLib.training.task import TrainingTask

_LOG_EVERY_STEPS = 10


class Conductor(pl.Callback):
    """Sets seed and learning rate before each step; logs, saves and stops after.

    Parameters
    ----------
    task : TrainingTask
    config : TrainerConfig
    out : Path
        The run's folder.
    state : RunState
        Where the run stands; kept up to date.
    steps : int
        Optimizer steps an epoch.
    optimizers : list of dict
        The optimizers' states to go on with; empty for a new run.
    reporter : Reporter
    """

    def __init__(
        self,
        task: TrainingTask,
        config: TrainerConfig,
        out: Path,
        state: RunState,
        steps: int,
        optimizers: list[dict[str, Any]],
        reporter: Reporter,
    ) -> None:
        self._task, self._config, self._out = task, config, out
        self._state, self._steps, self._saved_optimizers = state, steps, optimizers
        self._reporter = reporter
        self._log: RunLog | None = None
        self._clock = self._saved_at = self._epoch_began = time.monotonic()

    @override
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the optimizers into the state of the checkpoint."""
        if trainer.lr_scheduler_configs:
            raise TypeError(
                f"Task '{self._task.name}' makes a learning-rate scheduler; the rates come from "
                "the trainer's configuration. Return only optimizers from configure_optimizers."
            )
        for optimizer, saved in zip(trainer.optimizers, self._saved_optimizers, strict=False):
            optimizer.load_state_dict(saved)
        for group in _groups(trainer):
            group.setdefault("initial_lr", group["lr"])
        self._clock = self._saved_at = time.monotonic()
        if trainer.is_global_zero:
            self._log = RunLog(self._out, self._state.epoch, self._global_step())

    @override
    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note when the epoch began."""
        self._epoch_began = time.monotonic()

    @override
    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed and learning rate follow from the step alone."""
        state = self._state
        pl_module.run_step = self._global_step()
        seed_torch(self._config.seed, state.epoch, state.step, trainer.global_rank)
        factor = learning_rate_factor(self._config, state.epoch, state.step, self._steps)
        for group in _groups(trainer):
            group["lr"] = group["initial_lr"] * factor

    @override
    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Count the step, tell how far the run is, and save within long epochs."""
        self._state.step += 1
        if self._log is not None and self._global_step() % _LOG_EVERY_STEPS == 0:
            loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
            if isinstance(loss, torch.Tensor):
                self._log.step({"train/step_loss": float(loss)}, self._global_step())
        saved_s = time.monotonic() - self._saved_at
        limit_s = 60 * self._config.checkpoint_minutes
        if limit_s and saved_s > limit_s and self._state.step < self._steps:
            self._save_last(trainer, pl_module)
        self._reporter.progress(self._global_step() / (self._steps * self._config.epochs))

    @override
    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Validation sees the same random numbers in every epoch."""
        seed_torch(self._config.seed, VALIDATION_EPOCH, 0, trainer.global_rank)

    @override
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log, choose the best, decide whether to go on, and save."""
        values = {name: float(value) for name, value in trainer.callback_metrics.items()}
        value = self._monitored(values)
        epoch_s = time.monotonic() - self._epoch_began
        if self._is_better(value):
            self._state.best_epoch, self._state.best_value = self._state.epoch, value
            self._save_best(trainer, pl_module)
        self._show(trainer, pl_module, {**values, "seconds": epoch_s})
        self._state.epoch, self._state.step = self._state.epoch + 1, 0
        self._state.stopped = self._reason_to_stop(epoch_s)
        self._save_last(trainer, pl_module)
        stopped = trainer.strategy.broadcast(self._state.stopped)
        if stopped:
            trainer.should_stop = True

    @override
    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Close the log."""
        if self._log is not None:
            self._log.close()
            self._log = None

    def _global_step(self) -> int:
        return self._state.epoch * self._steps + self._state.step

    def _monitored(self, values: dict[str, float]) -> float:
        if self._task.monitor not in values:
            raise KeyError(
                f"Task '{self._task.name}' does not log '{self._task.monitor}'; it logs "
                f"{', '.join(sorted(values))}."
            )
        if not all(math.isfinite(v) for name, v in values.items() if name.startswith("train/")):
            raise ModelError(
                f"The training loss is not a finite number in epoch {self._state.epoch}. Lower "
                "trainer.learning_rate or trainer.gradient_clip and train anew in another --out."
            )
        return values[self._task.monitor]

    def _is_better(self, value: float) -> bool:
        if self._state.best_epoch < 0:
            return math.isfinite(value)
        sign = 1 if self._task.monitor_mode == "max" else -1
        return sign * value > sign * self._state.best_value

    def _reason_to_stop(self, epoch_s: float) -> str:
        patience = self._config.early_stop_epochs
        if self._state.epoch >= self._config.epochs:
            return "all epochs done"
        if patience and self._state.epoch - 1 - self._state.best_epoch >= patience:
            return f"no better {self._task.monitor} for {patience} epochs"
        limit_s = 60 * self._config.max_minutes
        if limit_s and self._spent_s() + epoch_s > limit_s:
            return f"the next epoch would pass {self._config.max_minutes:g} minutes"
        return ""

    def _spent_s(self) -> float:
        """Seconds in training, also those of the parts before an interruption."""
        now = time.monotonic()
        self._state.seconds += now - self._clock
        self._clock = now
        return self._state.seconds

    def _show(
        self, trainer: pl.Trainer, module: pl.LightningModule, values: dict[str, float]
    ) -> None:
        if self._log is None:
            return
        epoch = self._state.epoch
        row = {"epoch": epoch, "learning_rate": next(iter(_groups(trainer)))["lr"], **values}
        self._log.epoch(row, self._global_step(), self._task.monitor)
        self._reporter.emit("epoch", **{name: round(value, 6) for name, value in row.items()})
        previews = self._out / "previews"
        previews.mkdir(exist_ok=True)
        was_training = module.training
        module.eval()
        with torch.no_grad():
            self._task.preview(module, previews / f"epoch-{epoch:03d}.png")
        module.train(was_training)

    def _save_best(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if trainer.is_global_zero:
            content = training_content(module.state_dict(), [], self._state)
            save_checkpoint(content, self._out, BEST)

    def _save_last(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._spent_s()
        self._saved_at = time.monotonic()
        if trainer.is_global_zero:
            optimizers = [optimizer.state_dict() for optimizer in trainer.optimizers]
            save_checkpoint(
                training_content(module.state_dict(), optimizers, self._state), self._out, LAST
            )


def _groups(trainer: pl.Trainer) -> list[dict[str, Any]]:
    return [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
