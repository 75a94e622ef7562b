"""What a network has to bring to be trained: its samples, its module, its metrics, its facts."""

from __future__ import annotations

import importlib
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from LungPNetLib.errors import InputError

if TYPE_CHECKING:
    import lightning.pytorch as pl
    from torch import nn

    from LungPNetLib.events import Reporter
    from LungPNetLib.training.sampler import SampleSource


class OutcomeSource(str, Enum):
    """Whom the truth that a network learned from belongs to."""

    PATIENTS = "patients"
    SYNTHETIC = "synthetic"
    MIXED = "mixed"


@dataclass(frozen=True)
class Metric:
    """One figure of a network on patients that it did not learn from.

    Parameters
    ----------
    name : str
        What was measured and on what: ``"Dice, right lung, validation patients"``.
    value, low, high : float
        The figure and its 95 % interval (bootstrap over patients); NaN where there is no interval.
    n_patients : int
    unit : str
        Empty for ratios.
    """

    name: str
    value: float
    low: float
    high: float
    n_patients: int
    unit: str = ""

    def record(self) -> dict[str, Any]:
        """JSON values: null where a number is not finite."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in vars(self).items()
        }


@dataclass(frozen=True)
class CardFacts:
    """What only the task knows about its weights; goes into registry entry and model card.

    Parameters
    ----------
    variant : str
        ``"compact"``, ``"paper"``; with the task's name it says which weights these are.
    arch : mapping
        Name of the network and the arguments of its constructor, in JSON values: enough for
        ``predict.py`` to build it.
    preprocessing : mapping
        Spacing, window, normalizer statistics, in JSON values, units in the names.
    classes : tuple of str
        Index k of the output means ``classes[k]``.
    outcome_source : OutcomeSource
    synthetic_share : float
        Share of made-up patients among the training samples, 0 to 1.
    training_ids : tuple of str
        Pseudonymous IDs of the real patients seen in training.
    generator : str
        Name and version of the generator of made-up patients; empty where there are none.
    licence : str
    limits : tuple of str
        Sentences: what the weights were not made for, what is known to go wrong.
    """

    variant: str
    arch: Mapping[str, Any]
    preprocessing: Mapping[str, Any]
    classes: tuple[str, ...]
    outcome_source: OutcomeSource
    synthetic_share: float
    training_ids: tuple[str, ...] = ()
    generator: str = ""
    licence: str = "Apache-2.0"
    limits: tuple[str, ...] = field(default=())

    @property
    def trained_on(self) -> str:
        """The cohort in a few words, for screens and reports."""
        made_up = f"made-up patients ({self.generator})" if self.generator else ""
        n = len(self.training_ids)
        real = f"{n} real patient{'s' if n > 1 else ''}" if n else ""
        return " and ".join(filter(None, (made_up, real)))


class TrainingTask(ABC):
    """One network's training; made new for every run, ``prepare`` is called first.

    Class attributes
    ----------------
    name : str
        As in ``lungpnet train NAME``.
    config_class : type
        Frozen dataclass with a field ``trainer: TrainerConfig``.
    default_config : str
        Name of a file in ``configs/`` without ``.toml``.
    monitor, monitor_mode
        The validation metric that chooses the best checkpoint, as the module logs it, and whether
        it should be large or small.
    """

    name: ClassVar[str]
    config_class: ClassVar[type]
    default_config: ClassVar[str] = ""
    monitor: ClassVar[str] = "val/loss"
    monitor_mode: ClassVar[Literal["min", "max"]] = "min"

    @abstractmethod
    def prepare(self, config: Any, manifest: Path | None, folder: Path, reporter: Reporter) -> None:
        """Check the cohort and get the samples ready.

        Called in every process of a DDP group and again at each resume; must give the same
        samples each time. ``folder`` (exists) belongs to the run and may hold what is slow to make
        (write such files under another name first and rename them).

        Raises
        ------
        InputError
            The cohort cannot be used.
        """

    @abstractmethod
    def training_samples(self) -> SampleSource:
        """What the network learns from."""

    @abstractmethod
    def validation_samples(self) -> SampleSource:
        """Other patients, by which the best checkpoint is chosen."""

    @abstractmethod
    def make_module(self, config: Any) -> pl.LightningModule:
        """The module with its losses and optimizers.

        It logs ``train/loss`` (``on_step=False, on_epoch=True``) and ``monitor``. It makes no
        learning-rate scheduler (the trainer's configuration sets the rates, as multiples of the
        optimizers' own), keeps all its state in parameters and buffers, and draws random numbers
        from torch only. ``self.current_epoch`` is right after a resume, too; the number of steps
        since the very beginning is ``self.run_step`` (``global_step`` and ``batch_idx`` count from
        the resume). It does not depend on ``prepare``.
        """

    @abstractmethod
    def metrics(self, module: pl.LightningModule, reporter: Reporter) -> tuple[Metric, ...]:
        """The figures for the card, on prepared patients that the network did not learn from."""

    @abstractmethod
    def card_facts(self, config: Any) -> CardFacts:
        """The facts about the weights of this prepared run."""

    def prepare_evaluation(
        self, config: Any, manifest: Path | None, folder: Path, reporter: Reporter
    ) -> None:
        """As ``prepare``, for ``metrics`` of finished weights.

        A task that learns from a manifest takes all of its patients for testing here.
        """
        self.prepare(config, manifest, folder, reporter)

    def network(self, module: pl.LightningModule) -> nn.Module:
        """The part of the module that is shipped; its attribute ``network`` unless overridden."""
        network: nn.Module = module.network
        return network

    def preview(self, module: pl.LightningModule, path: Path) -> None:  # noqa: B027 (optional)
        """Write a picture of what the network does now to ``path`` (a PNG) after each epoch.

        The module is in evaluation mode and gradients are off. By default there is no picture.
        """

    def rehearsal(self, config: Any) -> Any:
        """The configuration of a dry run: two steps of the same work.

        A task whose ``prepare`` is slow makes its data small here.
        """
        return replace(config, trainer=replace(config.trainer, epochs=1, steps_per_epoch=2))


TASKS: dict[str, str] = {
    "lungs": "LungPNetLib.lungs.train:LungTask",
    "nodule-detector": "LungPNetLib.nodules.train_detector:DetectorTask",
    "nodule-gan": "LungPNetLib.nodules.train_gan:GanTask",
    "nodule-segmenter": "LungPNetLib.nodules.train:SegmenterTask",
}
"""Every task by name, and where its class is; imported when it is asked for."""


def find_task(name: str) -> TrainingTask:
    """A new task of this name.

    Raises
    ------
    InputError
        There is no such task; the names are listed.
    """
    if name not in TASKS:
        raise InputError(f"There is no training task '{name}'. Tasks: {', '.join(sorted(TASKS))}.")
    module, _, attribute = TASKS[name].partition(":")
    task: TrainingTask = getattr(importlib.import_module(module), attribute)()
    return task
