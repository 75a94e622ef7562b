"""Blocks of whole scans that the detector learns from, and those by which it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from LungPNetLib.errors import InputError
from LungPNetLib.nodules.boxes import boxes_of_labels
from LungPNetLib.nodules.draws import BlockAugment, draw_block
from LungPNetLib.nodules.grid import DETECTOR_MM, network_input
from LungPNetLib.nodules.store import StoredCase
from LungPNetLib.training.sampler import SampleSource
from LungPNetLib.volume import Triplet

MOST_NODULES = 16
"""A block holds at most so many; further ones are left out, the last labels first."""

ABSENT, NODULE, IGNORED = 0, 1, 2
"""What a row of ``boxes`` is; ``IGNORED`` are nodules that the edge of the block cuts."""

_REACH = 0.42
"""A nodule's centre lies at most this share of the block's side from the middle."""

_TRIES = 64


@dataclass(frozen=True)
class BlockConfig:
    """How blocks are drawn.

    Parameters
    ----------
    size : tuple of int
        (d, h, w) in cubes of 1.5 mm; multiples of 16.
    nodule_share, negative_share : float
        Share of the blocks around a nodule and around a look-alike; the rest lie anywhere in the
        lungs. A scan without one of them gives blocks anywhere instead.
    real_share : float
        Least share of the blocks that comes from real patients, if there are any.
    blocks_per_scan : int
        Draws from each scan in one pass.
    validation_fraction : float
        Share of the patients that choose the checkpoint.
    validation_blocks : int
        At most so many blocks are validated on, half of them around nodules.
    """

    size: tuple[int, int, int] = (64, 96, 96)
    nodule_share: float = 0.5
    negative_share: float = 0.25
    real_share: float = 0.2
    blocks_per_scan: int = 20
    validation_fraction: float = 0.15
    validation_blocks: int = 120


class RandomBlocks(SampleSource):
    """Augmented blocks of scans drawn in turn."""

    def __init__(
        self, cases: Sequence[StoredCase], config: BlockConfig, augment: BlockAugment
    ) -> None:
        if not any(case.nodules for case in cases):
            raise InputError("The training part of this cohort has no nodule to learn from.")
        self.cases, self._config, self._augment = list(cases), config, augment

    def __len__(self) -> int:
        return len(self.cases) * self._config.blocks_per_scan

    def sample(self, index: int, epoch: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:  # noqa: ARG002
        """A random block of scan ``index`` modulo their number."""
        case = self.cases[index % len(self.cases)]
        centre = self._centre(case, rng)
        return block_sample(case, centre, self._config.size, rng, self._augment)

    def _centre(self, case: StoredCase, rng: np.random.Generator) -> Triplet:
        config = self._config
        draw = rng.random()
        if draw < config.nodule_share and case.nodules:
            place = case.nodules[int(rng.integers(len(case.nodules)))].centre_mm
        elif config.nodule_share <= draw < config.nodule_share + config.negative_share and (
            case.negatives
        ):
            place = case.negatives[int(rng.integers(len(case.negatives)))].centre_mm
        else:
            place = _anywhere(case, rng)
        return _beside(place, config.size, rng)


class FixedBlocks(SampleSource):
    """Blocks as they are: half around nodules, half around look-alikes, of all scans alike."""

    def __init__(self, cases: Sequence[StoredCase], config: BlockConfig) -> None:
        self._size = config.size
        around_nodules = [(case, n.centre_mm) for case in cases for n in case.nodules]
        if not around_nodules:
            raise InputError("The validation part of this cohort has no nodule to be judged by.")
        others = [(case, n.centre_mm) for case in cases for n in case.negatives]
        half = max(1, config.validation_blocks // 2)
        self.spots = [*_spread(around_nodules, half), *_spread(others, half)]

    def __len__(self) -> int:
        return len(self.spots)

    def sample(self, index: int, epoch: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:  # noqa: ARG002
        """Block ``index``, always the same."""
        case, place = self.spots[index]
        return block_sample(case, _beside(place, self._size, rng), self._size, rng)


def _spread(
    spots: list[tuple[StoredCase, Triplet]], at_most: int
) -> list[tuple[StoredCase, Triplet]]:
    """So many of them, evenly taken."""
    if len(spots) <= at_most:
        return spots
    return [spots[k] for k in np.linspace(0, len(spots) - 1, at_most).astype(int)]


def _beside(place: Triplet, size: tuple[int, int, int], rng: np.random.Generator) -> Triplet:
    """The middle of a block in which ``place`` may lie anywhere but at the edge."""
    shift = rng.uniform(-_REACH, _REACH, 3) * np.asarray(size) * DETECTOR_MM
    z, y, x = (np.asarray(place) + shift).tolist()
    return (z, y, x)


def _anywhere(case: StoredCase, rng: np.random.Generator) -> Triplet:
    """A place in the lungs; in the image, should luck not find them."""
    places = rng.integers(0, case.lungs.shape, (_TRIES, 3))
    inside = np.flatnonzero(case.lungs[tuple(places.T)])
    z, y, x = places[inside[0] if inside.size else 0] * np.asarray(case.spacing_mm[::-1])
    return (float(z), float(y), float(x))


def block_sample(
    case: StoredCase,
    centre_mm: Triplet,
    size: tuple[int, int, int],
    rng: np.random.Generator,
    augment: BlockAugment | None = None,
) -> dict[str, torch.Tensor]:
    """A block around a place, as the losses take it.

    Parameters
    ----------
    case, centre_mm, size, rng, augment
        As for ``draws.draw_block``.

    Returns
    -------
    dict
        ``image``: float32, (1, d, h, w), from -1 to 1. ``boxes``: float32, (16, 6), in voxels.
        ``kinds``: int64, (16,), ``ABSENT``, ``NODULE`` or ``IGNORED``.
    """
    block = draw_block(case, centre_mm, size=size, spacing_mm=DETECTOR_MM, rng=rng, augment=augment)
    whole = {n.label: np.pi / 6 * (n.diameter_mm / DETECTOR_MM) ** 3 for n in case.nodules}
    found, known = boxes_of_labels(block.labels.numpy(), whole)
    n = min(len(found), MOST_NODULES)
    boxes = np.zeros((MOST_NODULES, 6), np.float32)
    kinds = np.full(MOST_NODULES, ABSENT, np.int64)
    boxes[:n], kinds[:n] = found[:n], np.where(known[:n], NODULE, IGNORED)
    return {
        "image": torch.from_numpy(network_input(block.hu.numpy()))[None],
        "boxes": torch.from_numpy(boxes),
        "kinds": torch.from_numpy(kinds),
    }
