"""The batches of each epoch, for Lightning."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as pl
from torch.utils.data import DataLoader

from LungPNetLib.errors import InputError
from LungPNetLib.training.checkpoints import RunState
from LungPNetLib.training.config import TrainerConfig
from LungPNetLib.training.sampler import (
    EpochDraws,
    SampleSource,
    SeededSamples,
    ValidationDraws,
)


@dataclass
class Batches:
    """Batches of the draws of one epoch; its workers start when the first batch is asked for.

    Lightning asks for iterators more often than it uses them, which costs nothing here.
    """

    samples: SeededSamples
    draws: EpochDraws | ValidationDraws
    batch_size: int
    workers: int
    pin_memory: bool

    def __len__(self) -> int:
        """Number of batches."""
        return math.ceil(len(self.draws) / self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        """The batches, collated by torch's rules."""
        yield from DataLoader(
            self.samples,
            batch_size=self.batch_size,
            sampler=self.draws,
            num_workers=self.workers,
            pin_memory=self.pin_memory,
        )


class Cohort(pl.LightningDataModule):
    """Training and validation batches of a run, from where it stands.

    Parameters
    ----------
    training, validation : SampleSource
    config : TrainerConfig
    state : RunState
        Read whenever an epoch begins.
    """

    def __init__(
        self,
        training: SampleSource,
        validation: SampleSource,
        config: TrainerConfig,
        state: RunState,
    ) -> None:
        super().__init__()
        if not len(training) or not len(validation):
            raise InputError(
                f"There are {len(training)} training and {len(validation)} validation samples; at "
                "least one of each is needed. Check the cohort and its splits."
            )
        self._training = SeededSamples(training, config.seed)
        self._validation = SeededSamples(validation, config.seed)
        self._config = config
        self._state = state

    def steps_per_epoch(self) -> int:
        """Optimizer steps in a whole epoch."""
        samples_a_step = self._config.batch_size * self._config.devices
        return self._config.steps_per_epoch or math.ceil(len(self._training) / samples_a_step)

    def train_dataloader(self) -> Batches:
        """The rest of the epoch that the run is in."""
        draws = EpochDraws(
            seed=self._config.seed,
            epoch=self._state.epoch,
            n_items=len(self._training),
            batch_size=self._config.batch_size,
            steps=self.steps_per_epoch(),
            first_step=self._state.step,
            rank=self._rank(),
            world=self._config.devices,
        )
        return self._batches(self._training, draws)

    def val_dataloader(self) -> Batches:
        """Every validation item once."""
        draws = ValidationDraws(len(self._validation), self._rank(), self._config.devices)
        return self._batches(self._validation, draws)

    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer is not None else 0

    def _batches(self, samples: SeededSamples, draws: EpochDraws | ValidationDraws) -> Batches:
        pin_memory = self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
        return Batches(samples, draws, self._config.batch_size, self._config.workers, pin_memory)
