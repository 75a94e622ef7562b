"""Training the adversarial nodule segmenter, on the windows of the networks it competes with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as pl
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.intervals import patient_mean
from LungPNetLib.events import Reporter
from LungPNetLib.nodules.draws import BlockAugment
from LungPNetLib.nodules.network_gan import (
    CRITIC_WIDTHS,
    INTENSITY_FLOOR,
    VARIANTS,
    Critic,
    gradient_penalty,
    hu_from_intensity,
    intensity_of_input,
    make_generator,
)
from LungPNetLib.nodules.network_perceptual import RandomFeatures, Vgg19Features, perceptual_loss
from LungPNetLib.nodules.outlining import OutlineModule, segmenter_facts, window_metrics
from LungPNetLib.nodules.train import SegmenterTask
from LungPNetLib.nodules.windows import FixedWindows, WindowConfig
from LungPNetLib.training.config import TrainerConfig
from LungPNetLib.training.task import CardFacts, Metric

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class AdversarialConfig:
    """What the generator is held to, and how the critic is trained.

    Parameters
    ----------
    warmup_steps : int
        So many first steps the generator learns alone, from squared error and outline.
    critic_steps : int
        Updates of the critic before each of the generator, on the same batch.
    critic_learning_rate : float
        At the start; follows the same schedule as ``trainer.learning_rate``, the generator's.
    gradient_penalty : float
        Weight of the squared distance of the critic's slope from 1.
    adversarial_weight, squared_error_weight, perceptual_weight, outline_weight : float
        Of the critic's value, of the grey levels' squared error, of that of their features, and of
        the nodule's probability (Dice and cross-entropy, as for the other networks).
    vgg19_weights : Path, optional
        A file with the published weights of VGG19, whose features are then compared; random
        features of fixed weights otherwise.
    """

    warmup_steps: int = 1000
    critic_steps: int = 5
    critic_learning_rate: float = 1e-4
    gradient_penalty: float = 10.0
    adversarial_weight: float = 0.1
    squared_error_weight: float = 1.0
    perceptual_weight: float = 1.0
    outline_weight: float = 1.0
    vgg19_weights: Path | None = None

    def __post_init__(self) -> None:
        for name in ("critic_steps", "critic_learning_rate"):
            if not getattr(self, name) > 0:
                raise InputError(f"adversarial.{name} must be above 0, got {getattr(self, name)}.")
        for name in (
            "warmup_steps", "gradient_penalty", "adversarial_weight", "squared_error_weight",
            "perceptual_weight", "outline_weight",
        ):  # fmt: skip
            if getattr(self, name) < 0:
                raise InputError(
                    f"adversarial.{name} must be 0 or more, got {getattr(self, name)}."
                )


@dataclass(frozen=True)
class GanConfig:
    """Configuration of ``lungpnet train nodule-gan``."""

    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    window: WindowConfig = field(default_factory=lambda: WindowConfig(size=(32, 64, 64)))
    augment: BlockAugment = field(default_factory=BlockAugment)
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)
    variant: Literal["compact", "paper"] = "compact"

    def __post_init__(self) -> None:
        if self.trainer.devices > 1:
            raise InputError(
                f"trainer.devices is {self.trainer.devices}, and the adversarial segmenter is "
                "trained on one device: its two networks take turns within a step. Set it to 1."
            )


class GanModule(OutlineModule):
    """A generator and its critic in turns; logs ``val/dice`` of the generator's probability.

    A step is one batch: ``critic_steps`` updates of the critic, then one of the generator. The
    painted nodules of the batch are computed once, since the generator stays as it is meanwhile.
    """

    def __init__(self, config: GanConfig) -> None:
        super().__init__(make_generator(VARIANTS[config.variant]))
        self.automatic_optimization = False
        self.run_step = 0
        self.critic = Critic(CRITIC_WIDTHS[config.variant])
        self._config = config.adversarial
        self._trainer_config = config.trainer
        vgg19_weights = config.adversarial.vgg19_weights
        self._features: nn.Module = (
            Vgg19Features(vgg19_weights) if vgg19_weights else RandomFeatures()
        )

    def training_step(self, batch: Batch, _: int) -> torch.Tensor:
        """Train the critic, then the generator; returns the generator's loss."""
        weights = self._config
        optimizers: Any = self.optimizers()
        generator_optimizer, critic_optimizer = optimizers
        output = self.network(batch["image"]).float()
        fake, logits = output[:, :1] * batch["inside"], output[:, 1:]
        real = painted_truth(batch)
        losses = {
            "squared_error": weights.squared_error_weight * functional.mse_loss(fake, real),
            "outline": weights.outline_weight * self.outline_loss(logits, batch),
        }
        if self.run_step >= weights.warmup_steps:
            for _turn in range(weights.critic_steps):
                self._update(critic_optimizer, self._critic_loss(real, fake.detach()))
            # The critic judges the generator now and is not to learn from it.
            self.critic.requires_grad_(False)
            losses["adversarial"] = -weights.adversarial_weight * self.critic(fake).float().mean()
            losses["perceptual"] = weights.perceptual_weight * perceptual_loss(
                self._features, fake, real
            )
        loss = torch.stack(list(losses.values())).sum()
        self._update(generator_optimizer, loss)
        self.critic.requires_grad_(True)
        self.log_dict(
            {"train/loss": loss, **{f"train/{name}": part for name, part in losses.items()}},
            on_step=False,
            on_epoch=True,
        )
        return loss.detach()

    def _critic_loss(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        distance = self.critic(real).float().mean() - self.critic(fake).float().mean()
        penalty = gradient_penalty(self.critic, real, fake)
        self.log("train/critic_distance", distance, on_step=False, on_epoch=True)
        return self._config.gradient_penalty * penalty - distance

    def _update(self, optimizer: Any, loss: torch.Tensor) -> None:
        """One step of one of the two networks."""
        optimizer.zero_grad()
        self.manual_backward(loss)
        if self._trainer_config.gradient_clip:
            self.clip_gradients(optimizer, self._trainer_config.gradient_clip, "norm")
        optimizer.step()

    def logits(self, image: torch.Tensor) -> torch.Tensor:
        """Of the nodule, (N, 1, D, H, W)."""
        logits: torch.Tensor = self.network(image)[:, 1:]
        return logits.float()

    def configure_optimizers(self) -> Any:
        """Adam for each of the two networks, generator first."""
        rates = (
            (self.network, self._trainer_config.learning_rate),
            (self.critic, self._config.critic_learning_rate),
        )
        return [
            torch.optim.Adam(network.parameters(), lr=rate, betas=(0.5, 0.9))
            for network, rate in rates
        ]


def painted_truth(batch: Batch) -> torch.Tensor:
    """What the generator is to paint: the nodule's grey levels in the image, 0 elsewhere."""
    nodule = (batch["share"] >= 0.5) & batch["inside"]
    return torch.where(nodule, intensity_of_input(batch["image"]), 0.0)


class _Logits(nn.Module):
    """The generator as a network that gives logits only."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.generator(image)[:, 1:]
        return logits


class GanTask(SegmenterTask):
    """Painted nodules and their probability; needs a manifest with the columns ct and nodules."""

    name = "nodule-gan"
    config_class = GanConfig
    default_config = "nodule-gan-compact"

    def make_module(self, config: Any) -> GanModule:
        """Generator, critic and losses."""
        return GanModule(config)

    def metrics(self, module: pl.LightningModule, reporter: Reporter) -> tuple[Metric, ...]:
        """Dice of the probability's outline, and how far painted grey levels are from the CT's."""
        module.eval()
        generator, windows = self.network(module), self.validation_samples()
        outlines = window_metrics(_Logits(generator), windows, reporter)
        return (*outlines, *painting_metrics(generator, windows))

    def card_facts(self, config: Any) -> CardFacts:
        """What the card says about these weights."""
        return segmenter_facts(self._cohort, VARIANTS[config.variant].to_mapping(), config.variant)

    def preview(self, module: pl.LightningModule, path: Path) -> None:
        """Middle slices of some validation windows: CT, what to paint, painted, probability."""
        from PIL import Image

        windows, rows = self.validation_samples(), []
        for number in np.linspace(0, len(windows) - 1, 6).astype(int).tolist():
            sample = _batch_of(windows, number)
            painted, logit = self.network(module)(sample["image"]).float()[0]
            k = len(painted) // 2
            panels = [(sample["image"][0, 0, k] + 1) / 2, painted_truth(sample)[0, 0, k]]
            rows.append(torch.cat([*panels, painted[k], logit[k].sigmoid()], dim=1))
        picture = (torch.cat(rows).clamp(0, 1) * 255).to(torch.uint8).cpu().numpy()
        Image.fromarray(picture).resize((picture.shape[1] * 3, picture.shape[0] * 3)).save(path)


def painting_metrics(generator: nn.Module, windows: FixedWindows) -> tuple[Metric, ...]:
    """Mean distance in HU of the painted grey level from the CT's, in true nodule voxels.

    Patients count alike; HU are those of the window -1000..400, and what was not painted is -1000.
    """
    by_patient: dict[str, list[float]] = {}
    for number, spot in enumerate(windows.spots):
        sample = _batch_of(windows, number)
        real = painted_truth(sample)
        nodule = real >= INTENSITY_FLOOR
        if spot.label and nodule.any():
            with torch.no_grad():
                fake = generator(sample["image"])[:, :1].float()
            distance = (hu_from_intensity(fake) - hu_from_intensity(real))[nodule].abs().mean()
            by_patient.setdefault(spot.case.patient_id, []).append(float(distance))
    if not by_patient:
        return ()
    mean = patient_mean([float(np.mean(values)) for values in by_patient.values()])
    name = "Painted grey level, mean distance from the CT's in the nodule"
    return (Metric(name, mean.mean, mean.low, mean.high, mean.n_patients, "HU"),)


def _batch_of(windows: FixedWindows, number: int) -> Batch:
    """Window ``number`` as a batch of one."""
    sample = windows.sample(number, 0, np.random.default_rng(0))
    return {name: tensor[None] for name, tensor in sample.items()}
