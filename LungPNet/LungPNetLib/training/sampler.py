"""Draws that do not depend on how the work is spread out or where it was interrupted.

What sample ``position`` of an epoch is follows from (seed, epoch, position) alone. So the same
samples come with any number of workers, after any resume, and in any process of a DDP group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

_ORDER_STREAM = 1
_SAMPLE_STREAM = 2
_TORCH_STREAM = 3
VALIDATION_EPOCH = 2**31 - 1
"""Stands for the epoch in the draws of validation, which are the same each time."""


class SampleSource(Protocol):
    """Where samples come from: a sequence whose items may be augmented at random."""

    def __len__(self) -> int:
        """Number of different items."""

    def sample(self, index: int, epoch: int, rng: np.random.Generator) -> Any:
        """Item ``index`` (0 .. len - 1) as torch's default collation takes it.

        All randomness comes from ``rng``; the global generators of torch and numpy differ between
        workers and must not be used.
        """


@dataclass(frozen=True)
class Draw:
    """The ``position``-th sample of an epoch, which is item ``index`` of the source."""

    epoch: int
    position: int
    index: int


def rng_for(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The generator of one draw; streams of different (seed, epoch, index) are independent.

    Examples
    --------
    >>> first, again = rng_for(7, 2, 5).integers(1000), rng_for(7, 2, 5).integers(1000)
    >>> bool(first == again)
    True
    """
    return np.random.default_rng([_SAMPLE_STREAM, seed, epoch, index])


def torch_seed(seed: int, epoch: int, step: int, rank: int) -> int:
    """Seed of torch's global generator in one training step (dropout, noise in the module)."""
    sequence = np.random.SeedSequence([_TORCH_STREAM, seed, epoch, step, rank])
    return int(sequence.generate_state(1, np.uint64)[0])


class SeededSamples:
    """Asks a source for the item of a :class:`Draw`; a map-style data set for torch.

    Parameters
    ----------
    source : SampleSource
    seed : int
    """

    def __init__(self, source: SampleSource, seed: int) -> None:
        self.source = source
        self.seed = seed

    def __len__(self) -> int:
        """Number of different items."""
        return len(self.source)

    def __getitem__(self, draw: Draw) -> Any:
        """The sample of ``draw``."""
        rng = rng_for(self.seed, draw.epoch, draw.position)
        return self.source.sample(draw.index, draw.epoch, rng)


@dataclass(frozen=True)
class EpochDraws:
    """The draws of one process in one epoch of training.

    The items are shuffled; where an epoch needs more samples than there are items, they are
    shuffled again. Process ``rank`` of ``world`` takes every ``world``-th position, so a step's
    batches together are ``batch_size * world`` consecutive positions.

    Parameters
    ----------
    seed, epoch : int
    n_items : int
        Number of items of the source.
    batch_size, steps : int
        Samples a step and process; steps in a whole epoch.
    first_step : int
        Steps that were done before an interruption.
    rank, world : int
        This process, and how many there are.
    """

    seed: int
    epoch: int
    n_items: int
    batch_size: int
    steps: int
    first_step: int = 0
    rank: int = 0
    world: int = 1

    def __len__(self) -> int:
        """Draws that are left."""
        return (self.steps - self.first_step) * self.batch_size

    def __iter__(self) -> Iterator[Draw]:
        """The draws in order."""
        order = np.empty(0, dtype=np.int64)
        shuffled = -1
        first = self.first_step * self.batch_size
        for own in range(first, self.steps * self.batch_size):
            position = own * self.world + self.rank
            turn = position // self.n_items
            if turn != shuffled:
                rng = np.random.default_rng([_ORDER_STREAM, self.seed, self.epoch, turn])
                order, shuffled = rng.permutation(self.n_items), turn
            yield Draw(self.epoch, position, int(order[position % self.n_items]))


@dataclass(frozen=True)
class ValidationDraws:
    """Each item once, in order, spread over the processes; the same in every epoch."""

    n_items: int
    rank: int = 0
    world: int = 1

    def __len__(self) -> int:
        """Items of this process."""
        return len(range(self.rank, self.n_items, self.world))

    def __iter__(self) -> Iterator[Draw]:
        """The draws in order."""
        for index in range(self.rank, self.n_items, self.world):
            yield Draw(VALIDATION_EPOCH, index, index)


def seed_torch(seed: int, epoch: int, step: int, rank: int) -> None:
    """Put torch's global generators into the state that belongs to one training step."""
    import torch

    torch.manual_seed(torch_seed(seed, epoch, step, rank))
