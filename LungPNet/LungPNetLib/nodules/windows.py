"""Windows that the networks for outlines learn from, and those by which they are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from LungPNetLib.errors import InputError
from LungPNetLib.nodules.draws import Block, BlockAugment, draw_block
from LungPNetLib.nodules.grid import SEGMENTER_MM, network_input
from LungPNetLib.nodules.store import StoredCase
from LungPNetLib.training.sampler import SampleSource
from LungPNetLib.volume import Triplet


@dataclass(frozen=True)
class WindowConfig:
    """How windows are drawn.

    Parameters
    ----------
    size : tuple of int
        (d, h, w) in cubes of 1 mm; multiples of 16.
    patch_share, made_up_share, scan_share : float
        Windows around a nodule of a real patch, of a made-up patch, of a whole scan; the rest are
        around look-alikes. What the cohort lacks is shared out among the others.
    shift_share : float
        Largest shift of the nodule from the middle, as a share of the window.
    validation_fraction : float
        Share of the patients that choose the checkpoint.
    validation_windows : int
        At most so many windows of each kind are validated on.
    """

    size: tuple[int, int, int] = (48, 48, 48)
    patch_share: float = 0.45
    made_up_share: float = 0.12
    scan_share: float = 0.33
    shift_share: float = 0.2
    validation_fraction: float = 0.15
    validation_windows: int = 60


@dataclass(frozen=True)
class Spot:
    """The middle of a window: a nodule, or a look-alike (``label`` 0)."""

    case: StoredCase
    centre_mm: Triplet
    label: int


def spots_by_kind(cases: Sequence[StoredCase]) -> dict[str, list[Spot]]:
    """Where windows may be drawn: ``patch``, ``made_up``, ``scan`` and ``negative``."""
    spots: dict[str, list[Spot]] = {"patch": [], "made_up": [], "scan": [], "negative": []}
    for case in cases:
        kind = ("patch" if case.is_real else "made_up") if case.is_patch else "scan"
        spots[kind] += [Spot(case, nodule.centre_mm, nodule.label) for nodule in case.nodules]
        spots["negative"] += [Spot(case, negative.centre_mm, 0) for negative in case.negatives]
    return spots


class RandomWindows(SampleSource):
    """Augmented windows; each kind comes as often as the configuration says."""

    def __init__(
        self, cases: Sequence[StoredCase], config: WindowConfig, augment: BlockAugment
    ) -> None:
        self._config, self._augment = config, augment
        shares = {
            "patch": config.patch_share,
            "made_up": config.made_up_share,
            "scan": config.scan_share,
        }
        shares["negative"] = 1.0 - sum(shares.values())
        self._spots = {kind: spots for kind, spots in spots_by_kind(cases).items() if spots}
        if not set(self._spots) - {"negative"}:
            raise InputError("The training part of this cohort has no nodule to learn from.")
        self._kinds = list(self._spots)
        weights = np.array([shares[kind] for kind in self._kinds])
        self._shares = weights / weights.sum()

    def __len__(self) -> int:
        return sum(map(len, self._spots.values()))

    def sample(self, index: int, epoch: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:  # noqa: ARG002
        """A random window; ``index`` only counts."""
        spots = self._spots[self._kinds[int(rng.choice(len(self._kinds), p=self._shares))]]
        spot = spots[int(rng.integers(len(spots)))]
        size = self._config.size
        shift = rng.uniform(-1.0, 1.0, 3) * self._config.shift_share * np.asarray(size)
        z, y, x = (np.asarray(spot.centre_mm) + shift * SEGMENTER_MM).tolist()
        block = draw_block(
            spot.case, (z, y, x), size=size, spacing_mm=SEGMENTER_MM, rng=rng,
            augment=self._augment,
        )  # fmt: skip
        return window_of(block)


class FixedWindows(SampleSource):
    """Windows with a nodule or a look-alike in the middle, as they are."""

    def __init__(self, cases: Sequence[StoredCase], config: WindowConfig) -> None:
        self._config = config
        self.spots: list[Spot] = []
        for spots in spots_by_kind(cases).values():
            step = max(1, len(spots) // config.validation_windows)
            self.spots += spots[::step][: config.validation_windows]
        if not self.spots:
            raise InputError("The validation part of this cohort has no nodule to be judged by.")

    def __len__(self) -> int:
        return len(self.spots)

    def sample(self, index: int, epoch: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:  # noqa: ARG002
        """Window ``index``, always the same."""
        spot = self.spots[index]
        block = draw_block(
            spot.case, spot.centre_mm, size=self._config.size, spacing_mm=SEGMENTER_MM, rng=rng
        )
        return {**window_of(block), "kind": torch.tensor(kind_number(spot))}


def window_of(block: Block) -> dict[str, torch.Tensor]:
    """A block as the networks take it: ``image``, ``share`` and ``inside``, each (1, d, h, w)."""
    return {
        "image": torch.from_numpy(network_input(block.hu.numpy()))[None],
        "share": block.share[None],
        "inside": block.inside[None],
    }


def kind_number(spot: Spot) -> int:
    """0 a look-alike, 1 a real patch, 2 everything else."""
    if spot.label == 0:
        return 0
    return 1 if spot.case.is_patch and spot.case.is_real else 2
