"""A task small enough to be trained in a second, used by the tests of the training core."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor, nn

from LungPNetLib.events import Reporter
from LungPNetLib.training.config import TrainerConfig
from LungPNetLib.training.task import CardFacts, Metric, OutcomeSource, TrainingTask


@dataclass(frozen=True)
class ToyConfig:
    trainer: TrainerConfig = field(
        default_factory=lambda: TrainerConfig(
            epochs=3, batch_size=4, learning_rate=0.01, device="cpu", lr_step_epochs=2
        )
    )
    width: int = 8
    variant: Literal["compact", "paper"] = "compact"
    nan_at_epoch: int = -1


class Points:
    """Noisy points of y = x0 - x1; ``first`` makes the sets of training and validation differ."""

    def __init__(self, first: int, count: int) -> None:
        self.first, self.count = first, count

    def __len__(self) -> int:
        return self.count

    def sample(self, index: int, epoch: int, rng: np.random.Generator) -> dict[str, Tensor]:
        x = np.random.default_rng(self.first + index).normal(size=2).astype(np.float32)
        noisy = x + rng.normal(scale=0.01, size=2).astype(np.float32)
        return {"x": torch.from_numpy(noisy), "y": torch.tensor([x[0] - x[1]])}


class ToyNetwork(nn.Sequential):
    """Batch normalization has buffers, dropout draws random numbers: both must survive a resume."""

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.Linear(2, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(width, 1),
        )  # fmt: skip


class ToyModule(pl.LightningModule):
    def __init__(self, config: ToyConfig) -> None:
        super().__init__()
        self.network = ToyNetwork(config.width)
        self.config = config

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        loss = nn.functional.mse_loss(self.network(batch["x"]), batch["y"])
        if self.current_epoch == self.config.nan_at_epoch:
            loss = loss * float("nan")
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        loss = nn.functional.mse_loss(self.network(batch["x"]), batch["y"])
        self.log("val/loss", loss, on_epoch=True, sync_dist=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.config.trainer.learning_rate)


class ToyTask(TrainingTask):
    name: ClassVar[str] = "toy"
    config_class: ClassVar[type] = ToyConfig

    def prepare(
        self, config: ToyConfig, manifest: Path | None, folder: Path, reporter: Reporter
    ) -> None:
        (folder / "prepared.txt").write_text("ready")

    def training_samples(self) -> Points:
        return Points(0, 18)

    def validation_samples(self) -> Points:
        return Points(1000, 6)

    def make_module(self, config: ToyConfig) -> ToyModule:
        return ToyModule(config)

    def metrics(self, module: pl.LightningModule, reporter: Reporter) -> tuple[Metric, ...]:
        return (Metric("mean squared error, validation", 0.25, 0.2, 0.3, 6),)

    def card_facts(self, config: ToyConfig) -> CardFacts:
        return CardFacts(
            variant=config.variant,
            arch={"name": "ToyNetwork", "width": config.width},
            preprocessing={"window_hu": [-1000, 400]},
            classes=("background", "lung"),
            outcome_source=OutcomeSource.MIXED,
            synthetic_share=0.75,
            training_ids=("LIDC-IDRI-0028",),
            generator="A 1",
            limits=("Knows only two numbers.",),
        )

    def preview(self, module: pl.LightningModule, path: Path) -> None:
        path.write_bytes(b"picture")


def weights_of(out: Path, name: str = "last.ckpt") -> dict[str, Any]:
    content = torch.load(out / "checkpoints" / name, weights_only=True)
    return {key: value.numpy() for key, value in content["weights"].items()}
