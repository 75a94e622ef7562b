"""What networks that outline nodules share: loss, validation, figures, card and pictures."""

from __future__ import annotations

from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch
from monai.losses.dice import DiceCELoss
from torch import nn

from LungPNetLib.evaluation.intervals import patient_mean
from LungPNetLib.evaluation.overlap import dice
from LungPNetLib.events import Reporter
from LungPNetLib.nodules.cohort import NoduleCohort
from LungPNetLib.nodules.grid import SEGMENTER_MM, WINDOW_HU
from LungPNetLib.nodules.network import CLASSES
from LungPNetLib.nodules.windows import FixedWindows, kind_number
from LungPNetLib.training.task import CardFacts, Metric

_SURELY_OUTSIDE = -20.0
"""Logit of voxels outside the image: they cost nothing."""

_FALSE_MM3 = 30.0
"""A ball of 3.9 mm: smaller outlines are no findings."""


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


def window_metrics(
    network: nn.Module, windows: FixedWindows, reporter: Reporter
) -> tuple[Metric, ...]:
    """Mean Dice over windows around nodules, patients counting alike."""
    scores: dict[int, dict[str, list[float]]] = {1: {}, 2: {}}
    for number, spot in enumerate(windows.spots):
        kind = kind_number(spot)
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
