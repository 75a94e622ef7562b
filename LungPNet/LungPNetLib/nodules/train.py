"""Training the networks that outline nodules, on windows around nodules and around look-alikes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import lightning.pytorch as pl
import torch

from LungPNetLib.errors import InputError
from LungPNetLib.events import Reporter
from LungPNetLib.nodules.cohort import NoduleCohort, read_cohort, read_testing
from LungPNetLib.nodules.draws import BlockAugment
from LungPNetLib.nodules.network import VARIANTS, make_segmenter
from LungPNetLib.nodules.network_resnet import ResNetSegmenter, load_encoder
from LungPNetLib.nodules.outlining import (
    OutlineModule,
    preview_windows,
    segmenter_facts,
    window_metrics,
)
from LungPNetLib.nodules.windows import FixedWindows, RandomWindows, WindowConfig
from LungPNetLib.training.config import TrainerConfig
from LungPNetLib.training.task import CardFacts, Metric, TrainingTask


@dataclass(frozen=True)
class SegmenterConfig:
    """Configuration of ``lungpnet train nodule-segmenter``.

    Parameters
    ----------
    variant : str
    encoder : Path, optional
        Weights with which the encoder of a ``resnet18`` variant begins, from self-supervised
        learning for instance; see ``network_resnet.load_encoder``.
    """

    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    window: WindowConfig = field(default_factory=WindowConfig)
    augment: BlockAugment = field(default_factory=BlockAugment)
    variant: Literal["compact", "paper", "resnet18-compact", "resnet18-paper"] = "compact"
    encoder: Path | None = None


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
        """The network with its loss.

        Raises
        ------
        InputError
            Weights are given for an encoder that the variant does not have.
        ModelError
            They do not fit.
        """
        module = SegmenterModule(config)
        if config.encoder is not None:
            if not isinstance(module.network, ResNetSegmenter):
                raise InputError(
                    f"The variant '{config.variant}' has no encoder that could begin with the "
                    "weights of encoder; choose resnet18-compact or resnet18-paper."
                )
            load_encoder(module.network, config.encoder)
        return module

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
