"""Training the networks that outline nodules, on windows around nodules and around look-alikes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import lightning.pytorch as pl
import numpy as np
import torch
from monai.losses.dice import DiceCELoss
from torch import nn

from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.intervals import patient_mean
from LungPNetLib.evaluation.overlap import dice
from LungPNetLib.events import Reporter
from LungPNetLib.nodules.cohort import NoduleCohort, read_cohort, read_testing
from LungPNetLib.nodules.draws import Block, BlockAugment, draw_block
from LungPNetLib.nodules.grid import SEGMENTER_MM, WINDOW_HU, network_input
from LungPNetLib.nodules.network import CLASSES, VARIANTS, make_segmenter
from LungPNetLib.nodules.store import StoredCase
from LungPNetLib.training.config import TrainerConfig
from LungPNetLib.training.sampler import SampleSource
from LungPNetLib.training.task import CardFacts, Metric, TrainingTask
from LungPNetLib.volume import Triplet

_SURELY_OUTSIDE = -20.0
"""Logit of voxels outside the image: they cost nothing."""


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
    patch_share: float = 0.35
    made_up_share: float = 0.15
    scan_share: float = 0.35
    shift_share: float = 0.2
    validation_fraction: float = 0.15
    validation_windows: int = 60


@dataclass(frozen=True)
class SegmenterConfig:
    """Configuration of ``lungpnet train nodule-segmenter``."""

    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    window: WindowConfig = field(default_factory=WindowConfig)
    augment: BlockAugment = field(default_factory=BlockAugment)
    variant: Literal["compact", "paper", "resnet18-compact", "resnet18-paper"] = "compact"


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
        return {**window_of(block), "kind": torch.tensor(_kind_number(spot))}


def window_of(block: Block) -> dict[str, torch.Tensor]:
    """A block as the networks take it: ``image``, ``share`` and ``inside``, each (1, d, h, w)."""
    return {
        "image": torch.from_numpy(network_input(block.hu.numpy()))[None],
        "share": block.share[None],
        "inside": block.inside[None],
    }


def _kind_number(spot: Spot) -> int:
    """0 a look-alike, 1 a real patch, 2 everything else."""
    if spot.label == 0:
        return 0
    return 1 if spot.case.is_patch and spot.case.is_real else 2


class OutlineModule(pl.LightningModule):
    """A network that is judged by its outlines; logs ``val/dice``.

    ``val/dice`` is the mean over windows with a nodule, real patches and all others having the
    same weight, less the share of look-alikes of which more than 30 mm3 were outlined, tenfold
    reduced: an outline matters more than a false one, which the detector can still throw out.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self._loss = DiceCELoss(sigmoid=True, smooth_nr=1.0, smooth_dr=1.0)
        self._scores: list[tuple[int, float]] = []

    def logits(self, image: torch.Tensor) -> torch.Tensor:
        """Of the nodule, (N, 1, D, H, W)."""
        logits: torch.Tensor = self.network(image)
        return logits.float()

    def outline_loss(self, logits: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Soft Dice plus cross-entropy of the voxels in the image."""
        counted = torch.where(batch["inside"], logits, _SURELY_OUTSIDE)
        loss: torch.Tensor = self._loss(counted, batch["share"] * batch["inside"])
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget the scores of the epoch before."""
        self._scores = []

    def validation_step(self, batch: dict[str, torch.Tensor], _: int) -> None:
        """Dice of each window with a nodule, false volume of each without."""
        logits = self.logits(batch["image"])
        self.log("val/loss", self.outline_loss(logits, batch), on_epoch=True, sync_dist=True)
        found = (logits > 0) & batch["inside"]
        true = (batch["share"] >= 0.5) & batch["inside"]
        over = (1, 2, 3, 4)
        sums = (found & true).sum(over), found.sum(over), true.sum(over)
        for kind, both, n_found, n_true in zip(
            batch["kind"].tolist(), *(s.tolist() for s in sums), strict=True
        ):
            if kind == 0:
                self._scores.append((0, float(n_found > _FALSE_MM3 / SEGMENTER_MM**3)))
            elif n_true:
                self._scores.append((kind, 2.0 * both / (n_found + n_true)))

    def on_validation_epoch_end(self) -> None:
        """Log the Dice of each kind, and the figure that chooses the checkpoint."""
        means = {}
        for kind, name in enumerate(("val/false_share", "val/dice_patches", "val/dice_others")):
            scores = [score for k, score in self._scores if k == kind]
            if scores:
                means[name] = sum(scores) / len(scores)
                self.log(name, means[name], sync_dist=True)
        penalty = 0.1 * means.pop("val/false_share", 0.0)
        overall = sum(means.values()) / max(len(means), 1) - penalty
        self.log("val/dice", overall, sync_dist=True)


class SegmenterModule(OutlineModule):
    """A network that learns from :meth:`OutlineModule.outline_loss` alone."""

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__(make_segmenter(VARIANTS[config.variant]))
        self.config = config

    def training_step(self, batch: dict[str, torch.Tensor], _: int) -> torch.Tensor:
        """Loss of one batch."""
        loss = self.outline_loss(self.logits(batch["image"]), batch)
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        return torch.optim.AdamW(
            self.parameters(), lr=self.config.trainer.learning_rate, weight_decay=1e-4
        )


_FALSE_MM3 = 30.0
"""A ball of 3.9 mm: smaller outlines are no findings."""


class SegmenterTask(TrainingTask):
    """Outlines of nodules; needs a manifest with the columns ct and nodules."""

    name = "nodule-segmenter"
    config_class: ClassVar[type] = SegmenterConfig
    default_config = "nodule-segmenter-compact"
    monitor = "val/dice"
    monitor_mode = "max"

    _cohort: NoduleCohort
    _config: SegmenterConfig

    def prepare(
        self, config: SegmenterConfig, manifest: Path | None, folder: Path, reporter: Reporter
    ) -> None:
        """Store every study once in ``folder``."""
        self._config = config
        self._cohort = read_cohort(
            manifest, folder, reporter, seed=config.trainer.seed,
            validation_fraction=config.window.validation_fraction,
        )  # fmt: skip

    def prepare_evaluation(
        self, config: SegmenterConfig, manifest: Path | None, folder: Path, reporter: Reporter
    ) -> None:
        """Take every patient of the manifest for testing."""
        self._config = config
        self._cohort = read_testing(manifest, folder, reporter)

    def training_samples(self) -> RandomWindows:
        """Windows of the training patients."""
        return RandomWindows(self._cohort.training, self._config.window, self._config.augment)

    def validation_samples(self) -> FixedWindows:
        """Windows of the validation patients."""
        return FixedWindows(self._cohort.validation, self._config.window)

    def make_module(self, config: SegmenterConfig) -> SegmenterModule:
        """The network with its loss."""
        return SegmenterModule(config)

    def metrics(self, module: pl.LightningModule, reporter: Reporter) -> tuple[Metric, ...]:
        """Mean Dice of the nodules in the middle of a window, real patches and others apart."""
        module.eval()
        return window_metrics(self.network(module), self.validation_samples(), reporter)

    def card_facts(self, config: SegmenterConfig) -> CardFacts:
        """What the card says about these weights."""
        return segmenter_facts(self._cohort, VARIANTS[config.variant].to_mapping(), config.variant)

    def preview(self, module: pl.LightningModule, path: Path) -> None:
        """Middle slices of some validation windows: CT, truth, probability."""
        preview_windows(self.network(module), self.validation_samples(), path)


def window_metrics(
    network: nn.Module, windows: FixedWindows, reporter: Reporter
) -> tuple[Metric, ...]:
    """Mean Dice over windows around nodules, patients counting alike."""
    scores: dict[int, dict[str, list[float]]] = {1: {}, 2: {}}
    for number, spot in enumerate(windows.spots):
        kind = _kind_number(spot)
        if kind:
            sample = windows.sample(number, 0, np.random.default_rng(0))
            with torch.no_grad():
                found = network(sample["image"][None])[0].float() > 0
            true = (sample["share"] >= 0.5) & sample["inside"]
            # A nodule so small that it fills no voxel by half has no outline to be compared with.
            if true.any():
                value = dice((found & sample["inside"]).numpy(), true.numpy())
                scores[kind].setdefault(spot.case.patient_id, []).append(value)
        reporter.progress((number + 1) / len(windows))
    names = {1: "real patches", 2: "other nodules"}
    metrics = []
    for kind, by_patient in scores.items():
        if by_patient:
            mean = patient_mean([float(np.mean(values)) for values in by_patient.values()])
            name = f"Dice, {names[kind]} (windows of 1 mm)"
            metrics.append(Metric(name, mean.mean, mean.low, mean.high, mean.n_patients))
    return tuple(metrics)


def segmenter_facts(cohort: NoduleCohort, arch: dict[str, object], variant: str) -> CardFacts:
    """What the card of a network that outlines nodules says."""
    made_up = sum(not case.is_real for case in cohort.training)
    return CardFacts(
        variant=variant,
        arch=arch,
        preprocessing={"window_hu": list(WINDOW_HU), "cube_mm": SEGMENTER_MM, "axes": "LPS"},
        classes=CLASSES,
        outcome_source=cohort.outcome_source,
        synthetic_share=made_up / max(len(cohort.training), 1),
        training_ids=cohort.real_ids,
        generator=cohort.generator,
        limits=(
            "The outlines of real nodules are those of one reader each.",
            "Most nodules are made up, or inserted into lungs that had none.",
            "Research use only, not for diagnosis.",
        ),
    )


def preview_windows(network: nn.Module, windows: FixedWindows, path: Path) -> None:
    """Write the middle slices of six windows: CT, truth and probability side by side."""
    from PIL import Image

    rows = []
    chosen = np.linspace(0, len(windows) - 1, 6).astype(int)
    for number in chosen.tolist():
        sample = windows.sample(number, 0, np.random.default_rng(0))
        share = network(sample["image"][None]).float().sigmoid()[0, 0]
        k = share.shape[0] // 2
        panels = [(sample["image"][0, k] + 1) / 2, sample["share"][0, k], share[k]]
        rows.append(torch.cat(panels, dim=1))
    picture = (torch.cat(rows).clamp(0, 1) * 255).to(torch.uint8).cpu().numpy()
    Image.fromarray(picture).resize((picture.shape[1] * 3, picture.shape[0] * 3)).save(path)
