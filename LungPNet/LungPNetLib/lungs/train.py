"""Training the lung network: coarse slices of a cohort with lung masks, real or made up."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import lightning.pytorch as pl
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from LungPNetLib.cohort.duplicates import refuse_near_duplicates
from LungPNetLib.cohort.made_up import is_real, with_real_share
from LungPNetLib.cohort.manifest import StudyRow, read_manifest
from LungPNetLib.cohort.phantom.patient import GENERATOR_VERSION
from LungPNetLib.cohort.splits import split_cohort
from LungPNetLib.dicom.masks import read_mask
from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.intervals import patient_mean
from LungPNetLib.evaluation.overlap import dice
from LungPNetLib.events import Reporter
from LungPNetLib.lungs.augment import OUTSIDE_HU, AugmentConfig, augmented
from LungPNetLib.lungs.infer import coarse_labels
from LungPNetLib.lungs.network import CLASSES, VARIANTS, make_network
from LungPNetLib.lungs.slices import TARGET_MM, WINDOW_HU, CoarseCt, neighbours, network_input
from LungPNetLib.reading import read_study
from LungPNetLib.training.config import TrainerConfig
from LungPNetLib.training.sampler import SampleSource
from LungPNetLib.training.task import CardFacts, Metric, OutcomeSource, TrainingTask

RIGHT, LEFT = 1, 2


@dataclass(frozen=True)
class LungDataConfig:
    """How slices are drawn.

    Parameters
    ----------
    image_size : int
        Width and height of a training slice in coarse pixels; a multiple of 16.
    validation_fraction : float
        Share of the patients that choose the checkpoint.
    real_share : float
        Least share of the drawn slices that comes from real patients, if there are any.
    slices_per_patient : int
        Draws from each patient in one pass.
    middle_slices : int
        Use only so many slices from the middle of each CT; 0 uses all.
    """

    image_size: int = 256
    validation_fraction: float = 0.15
    real_share: float = 0.3
    slices_per_patient: int = 40
    middle_slices: int = 0


@dataclass(frozen=True)
class LungConfig:
    """Configuration of ``lungpnet train lungs``."""

    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    data: LungDataConfig = field(default_factory=LungDataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    variant: Literal["compact", "paper"] = "compact"
    cross_entropy_weight: float = 0.5


@dataclass(frozen=True)
class LabelledCt:
    """One patient's coarse slices: HU int16 and labels uint8, both (z, y, x)."""

    patient_id: str
    hu: np.ndarray
    labels: np.ndarray

    @property
    def is_real(self) -> bool:
        """Whether this is a real patient."""
        return is_real(self.patient_id)


class RandomSlices(SampleSource):
    """Augmented slices of patients drawn in turn, so that long scans do not dominate."""

    def __init__(self, patients: list[LabelledCt], config: LungConfig) -> None:
        self.patients = patients
        self._config = config
        self._context = VARIANTS[config.variant].context_slices

    def __len__(self) -> int:
        return len(self.patients) * self._config.data.slices_per_patient

    def sample(self, index: int, epoch: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:  # noqa: ARG002
        """A random slice of patient ``index`` modulo their number."""
        patient = self.patients[index % len(self.patients)]
        k = int(rng.integers(len(patient.hu)))
        hu, labels = _slice(patient, k, self._context)
        data = self._config.data
        hu, labels = augmented((hu, labels), data.image_size, self._config.augment, rng)
        return {"image": torch.from_numpy(network_input(hu.numpy())), "labels": labels.long()}


class FixedSlices(SampleSource):
    """Every fourth slice of each patient as it is, padded or cropped to the training size."""

    def __init__(self, patients: list[LabelledCt], config: LungConfig) -> None:
        self._size = config.data.image_size
        self._context = VARIANTS[config.variant].context_slices
        self._slices = [(p, k) for p in patients for k in range(0, len(p.hu), 4)]

    def __len__(self) -> int:
        return len(self._slices)

    def sample(self, index: int, epoch: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:  # noqa: ARG002
        """Slice ``index``, always the same."""
        hu, labels = _slice(*self._slices[index], self._context)
        image = torch.from_numpy(network_input(_centred(hu, self._size, OUTSIDE_HU).numpy()))
        return {"image": image, "labels": _centred(labels, self._size, 0).long()}


def _slice(patient: LabelledCt, k: int, context: int) -> tuple[torch.Tensor, torch.Tensor]:
    hu = patient.hu[neighbours(k, len(patient.hu), context)].astype(np.float32)
    return torch.from_numpy(hu), torch.from_numpy(patient.labels[k].copy())


def _centred(image: torch.Tensor, size: int, value: float) -> torch.Tensor:
    """The middle ``size`` x ``size`` pixels, padded with ``value`` where the image is smaller."""
    pads = []
    for length in image.shape[-1], image.shape[-2]:
        before = (size - length) // 2
        pads += [before, size - length - before]
    return functional.pad(image, pads, value=value)


class LungModule(pl.LightningModule):
    """Soft Dice over both lungs plus cross-entropy; logs ``val/dice``, the mean of both lungs."""

    def __init__(self, config: LungConfig) -> None:
        super().__init__()
        self.config = config
        self.network: nn.Module = make_network(VARIANTS[config.variant])
        self.network.to(memory_format=torch.channels_last)
        self._overlap = torch.zeros(3, len(CLASSES) - 1)

    def training_step(self, batch: dict[str, torch.Tensor], _: int) -> torch.Tensor:
        """Loss of one batch."""
        logits = self.network(batch["image"].to(memory_format=torch.channels_last)).float()
        entropy = functional.cross_entropy(logits, batch["labels"])
        loss = soft_dice_loss(logits, batch["labels"]) + self.config.cross_entropy_weight * entropy
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget the counts of the epoch before."""
        self._overlap = torch.zeros(3, len(CLASSES) - 1)

    def validation_step(self, batch: dict[str, torch.Tensor], _: int) -> None:
        """Count voxels; Dice is that of all validation slices together."""
        logits = self.network(batch["image"].to(memory_format=torch.channels_last)).float()
        self.log("val/loss", soft_dice_loss(logits, batch["labels"]), on_epoch=True, sync_dist=True)
        best = logits.argmax(dim=1)
        for c in range(1, len(CLASSES)):
            found, true = best == c, batch["labels"] == c
            counts = torch.stack([(found & true).sum(), found.sum(), true.sum()]).cpu()
            self._overlap[:, c - 1] += counts

    def on_validation_epoch_end(self) -> None:
        """Log the mean Dice of both lungs."""
        both, found, true = self._overlap
        dice = (2 * both / (found + true).clamp(min=1)).mean()
        self.log("val/dice", dice, sync_dist=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.config.trainer.learning_rate)


def soft_dice_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """1 - mean soft Dice of the lungs over the batch.

    Parameters
    ----------
    logits : Tensor, shape (N, 3, H, W)
    labels : Tensor of int64, shape (N, H, W)

    Notes
    -----
    Milletari et al., 3DV 2016 (V-Net). Sums run over the whole batch, so that a slice without
    lung does not make the quotient jump.
    """
    share = logits.softmax(dim=1)[:, 1:]
    truth = functional.one_hot(labels, len(CLASSES)).movedim(-1, 1)[:, 1:].to(share.dtype)
    over = (0, 2, 3)
    dice = (2 * (share * truth).sum(over) + 1) / (share.sum(over) + truth.sum(over) + 1)
    return 1 - dice.mean()


class LungTask(TrainingTask):
    """Right and left lung from axial slices; needs a manifest with the columns ct and lungs."""

    name = "lungs"
    config_class = LungConfig
    default_config = "lungs-compact"
    monitor = "val/dice"
    monitor_mode = "max"

    def prepare(
        self, config: LungConfig, manifest: Path | None, folder: Path, reporter: Reporter
    ) -> None:
        """Shrink every CT and mask once, and keep them in ``folder``."""
        if manifest is None:
            raise InputError(
                "Training the lungs needs --manifest: a manifest.csv with the columns patient_id, "
                "ct and lungs. Made-up patients: lungpnet phantom --cohort 80 --out FOLDER"
            )
        self._config = config
        cohort = read_manifest(manifest, required=("ct", "lungs"))
        refuse_near_duplicates(cohort, reporter)
        splits = split_cohort(
            cohort, folder / "splits.json", {"validation": config.data.validation_fraction},
            seed=config.trainer.seed,
        )  # fmt: skip
        self._training = _load(splits.rows(cohort, "training"), folder, config, reporter)
        self._validation = _load(splits.rows(cohort, "validation"), folder, config, reporter)

    def prepare_evaluation(
        self, config: LungConfig, manifest: Path | None, folder: Path, reporter: Reporter
    ) -> None:
        """Take every patient of the manifest for testing."""
        if manifest is None:
            raise InputError("Evaluating the lungs needs --manifest with the columns ct and lungs.")
        self._config, self._training = config, []
        rows = read_manifest(manifest, required=("ct", "lungs")).rows
        self._validation = _load(rows, folder, config, reporter)

    def training_samples(self) -> RandomSlices:
        """Slices of the training patients; real ones are repeated up to ``real_share``."""
        drawn = with_real_share(self._training, self._config.data.real_share)
        return RandomSlices(drawn, self._config)

    def validation_samples(self) -> FixedSlices:
        """Slices of the validation patients."""
        return FixedSlices(self._validation, self._config)

    def make_module(self, config: LungConfig) -> LungModule:
        """The network with its loss."""
        return LungModule(config)

    def metrics(self, module: pl.LightningModule, reporter: Reporter) -> tuple[Metric, ...]:
        """Dice of each lung on the coarse grid, over the validation patients."""
        scores: dict[int, list[float]] = {RIGHT: [], LEFT: []}
        context = VARIANTS[self._config.variant].context_slices
        module.eval()
        for number, patient in enumerate(self._validation):
            found = coarse_labels(patient.hu, module.network, context, "cpu")
            for side, values in scores.items():
                value = dice(found == side, patient.labels == side)
                if not math.isnan(value):
                    values.append(value)
            reporter.progress((number + 1) / len(self._validation))
        return tuple(
            _dice_metric(f"Dice, {CLASSES[side]}, validation patients (1.5 mm grid)", values)
            for side, values in scores.items()
            if values
        )

    def card_facts(self, config: LungConfig) -> CardFacts:
        """What the card says about these weights."""
        real = sorted(p.patient_id for p in self._training + self._validation if p.is_real)
        drawn = self.training_samples().patients
        share = sum(not p.is_real for p in drawn) / len(drawn)
        made_up = any(not p.is_real for p in drawn)
        return CardFacts(
            variant=config.variant,
            arch=VARIANTS[config.variant].to_mapping(),
            preprocessing={
                "window_hu": list(WINDOW_HU),
                "target_mm": TARGET_MM,
                "axes": "LPS axial slices, block means",
            },
            classes=CLASSES,
            outcome_source=OutcomeSource.MIXED if real else OutcomeSource.SYNTHETIC,
            synthetic_share=share,
            training_ids=tuple(real),
            generator=f"LungPNet generator A {GENERATOR_VERSION}" if made_up else "",
            limits=(
                "Masks of real training patients are weak labels of the classical method.",
                "Research use only, not for diagnosis.",
            ),
        )

    def preview(self, module: pl.LightningModule, path: Path) -> None:
        """The CT and the probability of lung side by side, for slices of the first patient."""
        from PIL import Image

        patient = self._validation[0]
        context = VARIANTS[self._config.variant].context_slices
        rows = []
        for k in np.linspace(0, len(patient.hu) - 1, 6).astype(int)[1:-1]:
            hu, labels = _slice(patient, int(k), context)
            size = self._config.data.image_size
            image = torch.from_numpy(network_input(_centred(hu, size, OUTSIDE_HU).numpy()))
            share = module.network(image[None]).softmax(dim=1)[0]
            truth = _centred(labels, size, 0).float() / 2
            panels = [(image[context // 2] + 1) / 2, truth, share[RIGHT] / 2 + share[LEFT]]
            rows.append(torch.cat(panels, dim=1))
        picture = (torch.cat(rows).clamp(0, 1) * 255).to(torch.uint8).cpu().numpy()
        Image.fromarray(picture).save(path)


def _dice_metric(name: str, values: list[float]) -> Metric:
    """Mean over patients, with a 95 % interval where there are enough of them."""
    mean = patient_mean(values)
    return Metric(name, mean.mean, mean.low, mean.high, mean.n_patients)


def _load(
    rows: Sequence[StudyRow], folder: Path, config: LungConfig, reporter: Reporter
) -> list[LabelledCt]:
    """Coarse slices of these studies; made once and kept in ``folder``."""
    patients = []
    for number, row in enumerate(rows):
        patients.append(_load_one(row, folder, config.data.middle_slices))
        reporter.progress((number + 1) / len(rows))
    if not patients:
        raise InputError("A split of this cohort has no patient; give a manifest with more rows.")
    return patients


def _load_one(row: StudyRow, folder: Path, middle_slices: int) -> LabelledCt:
    ct_path, lungs_path = row.files["ct"], row.files["lungs"]
    key = hashlib.sha256(f"{ct_path}|{lungs_path}".encode()).hexdigest()[:24]
    cached = folder / f"{key}.npz"
    if not cached.is_file():
        ct = read_study(ct_path, allow_gaps=True).ct
        labels = read_mask(lungs_path, ct)
        order = ct.axis_order_to()
        coarse = CoarseCt.of(order.apply(ct))
        small = coarse.shrunk_labels(order.apply(labels).array.astype(np.uint8))
        partial = cached.with_suffix(".partial.npz")
        np.savez_compressed(partial, hu=np.rint(coarse.hu).astype(np.int16), labels=small)
        partial.replace(cached)
    with np.load(cached) as stored:
        hu, labels_array = stored["hu"], stored["labels"]
    if middle_slices:
        start = max(0, (len(hu) - middle_slices) // 2)
        hu = hu[start : start + middle_slices]
        labels_array = labels_array[start : start + middle_slices]
    return LabelledCt(row.patient_id, hu, labels_array)
