"""What is drawn depends on seed, epoch and position alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch

from LungPNetLib.training.loaders import Batches
from LungPNetLib.training.sampler import (
    EpochDraws,
    SeededSamples,
    ValidationDraws,
    rng_for,
    torch_seed,
)


class Echo:
    """Items that show what they were asked for and a random number."""

    def __len__(self) -> int:
        return 5

    def sample(self, index: int, epoch: int, rng: np.random.Generator) -> list[float]:
        return [index, epoch, rng.random()]


def batches(epoch: int = 0, **more: int) -> list[list[list[float]]]:
    workers = more.pop("workers", 0)
    draws = EpochDraws(seed=7, epoch=epoch, n_items=5, batch_size=2, steps=6, **more)
    loaded = Batches(SeededSamples(Echo(), 7), draws, 2, workers, pin_memory=False)
    assert len(loaded) == 6 - more.get("first_step", 0)
    return [torch.stack(list(batch)).T.tolist() for batch in loaded]


def test_streams_differ_in_each_argument() -> None:
    values = [rng_for(*key).integers(2**60) for key in ((1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2))]
    assert len(set(values)) == 4
    assert torch_seed(1, 2, 3, 0) != torch_seed(1, 2, 3, 1)


def test_every_item_comes_equally_often_and_in_another_order_each_epoch() -> None:
    items = [item for batch in batches() for item, _, _ in batch]
    assert Counter(items[:5]) == Counter(items[5:10]) == Counter(range(5))
    others = [item for batch in batches(epoch=1) for item, _, _ in batch]
    assert items != others


def test_draws_are_the_same_with_workers() -> None:
    assert batches(workers=2) == batches()


def test_resumed_epoch_goes_on_where_it_was_left() -> None:
    assert batches(first_step=4) == batches()[4:]


def test_two_processes_share_the_draws_of_one_with_twice_the_batch() -> None:
    alone = EpochDraws(seed=7, epoch=3, n_items=5, batch_size=4, steps=3)
    shared = [
        list(EpochDraws(seed=7, epoch=3, n_items=5, batch_size=2, steps=3, rank=rank, world=2))
        for rank in (0, 1)
    ]
    together = [draw for pair in zip(*shared, strict=True) for draw in pair]
    assert together == list(alone)


def test_validation_takes_each_item_once_over_all_processes() -> None:
    draws = [list(ValidationDraws(5, rank, 2)) for rank in (0, 1)]
    assert sorted(draw.index for part in draws for draw in part) == [0, 1, 2, 3, 4]
    assert [len(ValidationDraws(5, rank, 2)) for rank in (0, 1)] == [3, 2]
