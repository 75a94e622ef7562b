"""Training the detector of nodules, on blocks of whole scans with all of their nodules known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import lightning.pytorch as pl
import numpy as np
import torch

from LungPNetLib.cohort.made_up import with_real_share
from LungPNetLib.evaluation.froc import RATES, froc_curve, froc_score
from LungPNetLib.evaluation.judged import JudgedScan, ScoredFinding, TrueNodule
from LungPNetLib.events import Reporter
from LungPNetLib.nodules.cohort import NoduleCohort, read_cohort, read_testing
from LungPNetLib.nodules.detect import TorchDetector, detect
from LungPNetLib.nodules.detector_losses import RegressionLoss, detector_losses
from LungPNetLib.nodules.detector_samples import (
    ABSENT,
    IGNORED,
    BlockConfig,
    FixedBlocks,
    RandomBlocks,
)
from LungPNetLib.nodules.draws import BlockAugment
from LungPNetLib.nodules.grid import DETECTOR_MM, WINDOW_HU
from LungPNetLib.nodules.network_detector import VARIANTS, Detector, ScoredBoxes
from LungPNetLib.nodules.store import StoredCase
from LungPNetLib.training.config import TrainerConfig
from LungPNetLib.training.task import CardFacts, Metric, TrainingTask
from LungPNetLib.volume import Volume

BLOCKS_A_SCAN = 12
"""So many blocks cover the lungs: false findings a scan are counted as those of so many blocks."""

CLASSES = ("nodule",)


@dataclass(frozen=True)
class DetectorConfig:
    """Configuration of ``lungpnet train nodule-detector``."""

    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    blocks: BlockConfig = field(default_factory=BlockConfig)
    augment: BlockAugment = field(default_factory=BlockAugment)
    variant: Literal["compact", "compact-slices", "paper"] = "compact"
    regression_loss: RegressionLoss = "giou"
    weight_decay: float = 1e-4


class DetectorModule(pl.LightningModule):
    """The sum of the four losses; logs ``val/cpm``.

    ``val/cpm`` is the mean sensitivity at 1/8 to 8 false findings a scan over the validation
    blocks, ``BLOCKS_A_SCAN`` of which count as a scan.
    """

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        self.network = Detector(VARIANTS[config.variant])
        self.network.to(memory_format=torch.channels_last_3d)
        self._judged: list[JudgedScan] = []

    def training_step(self, batch: dict[str, torch.Tensor], _: int) -> torch.Tensor:
        """Loss of one batch."""
        losses = detector_losses(self.network, batch, self.config.regression_loss)
        loss = torch.stack(list(losses.values())).sum()
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        for name, part in losses.items():
            self.log(f"train/{name}", part, on_step=False, on_epoch=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget the findings of the epoch before."""
        self._judged = []

    def validation_step(self, batch: dict[str, torch.Tensor], _: int) -> None:
        """Keep what is found in each block, and what is there."""
        for item, found in enumerate(self.network(batch["image"])):
            name = f"{len(self._judged)}"
            self._judged.append(
                judged_block(name, found, batch["boxes"][item], batch["kinds"][item])
            )

    def on_validation_epoch_end(self) -> None:
        """Log the figure that chooses the checkpoint."""
        curve = froc_curve(self._judged)
        rates = np.asarray(RATES) / BLOCKS_A_SCAN
        sensitivity = np.interp(rates, curve.false_per_scan, curve.sensitivity)
        self.log("val/cpm", float(sensitivity.mean()), sync_dist=True)
        self.log("val/sensitivity_at_1", float(sensitivity[RATES.index(1.0)]), sync_dist=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        config = self.config
        return torch.optim.AdamW(
            self.parameters(), lr=config.trainer.learning_rate, weight_decay=config.weight_decay
        )


def judged_block(
    name: str, found: ScoredBoxes, boxes: torch.Tensor, kinds: torch.Tensor
) -> JudgedScan:
    """A block as a scan, in mm from its corner: findings in it and nodules, cut ones excluded.

    Parameters
    ----------
    name : str
    found : ScoredBoxes
    boxes, kinds : Tensor, shape (M, 6) and (M,)
        As ``detector_samples`` brings them.
    """
    findings = []
    for box, score in zip(found.boxes.tolist(), found.scores.tolist(), strict=True):
        x, y, z = (DETECTOR_MM * (box[axis] + box[axis + 3]) / 2 for axis in (2, 1, 0))
        findings.append(ScoredFinding(score, (x, y, z)))
    nodules = []
    for box, kind in zip(boxes.tolist(), kinds.tolist(), strict=True):
        if kind != ABSENT:
            x, y, z = (DETECTOR_MM * (box[axis] + box[axis + 3]) / 2 for axis in (2, 1, 0))
            sides = [DETECTOR_MM * (box[axis + 3] - box[axis]) for axis in range(3)]
            radius_mm = float(np.prod(sides)) ** (1 / 3) / 2
            nodules.append(TrueNodule((x, y, z), radius_mm, excluded=kind == IGNORED))
    return JudgedScan(name, name, tuple(findings), tuple(nodules))


class DetectorTask(TrainingTask):
    """Boxes of nodules; needs a manifest with the columns ct, nodules and lungs."""

    name = "nodule-detector"
    config_class = DetectorConfig
    default_config = "nodule-detector-compact"
    monitor = "val/cpm"
    monitor_mode = "max"

    _cohort: NoduleCohort
    _config: DetectorConfig

    def prepare(
        self, config: DetectorConfig, manifest: Path | None, folder: Path, reporter: Reporter
    ) -> None:
        """Store every whole scan once in ``folder``."""
        self._config = config
        self._cohort = read_cohort(
            manifest, folder, reporter, seed=config.trainer.seed,
            validation_fraction=config.blocks.validation_fraction, whole_scans=True,
        )  # fmt: skip

    def prepare_evaluation(
        self, config: DetectorConfig, manifest: Path | None, folder: Path, reporter: Reporter
    ) -> None:
        """Take every whole scan of the manifest for testing."""
        self._config = config
        cohort = read_testing(manifest, folder, reporter)
        scans = [case for case in cohort.validation if not case.is_patch]
        self._cohort = replace(cohort, validation=scans)

    def training_samples(self) -> RandomBlocks:
        """Blocks of the training patients; real ones are repeated up to ``real_share``."""
        drawn = with_real_share(self._cohort.training, self._config.blocks.real_share)
        return RandomBlocks(drawn, self._config.blocks, self._config.augment)

    def validation_samples(self) -> FixedBlocks:
        """Blocks of the validation patients."""
        return FixedBlocks(self._cohort.validation, self._config.blocks)

    def make_module(self, config: DetectorConfig) -> DetectorModule:
        """The network with its losses."""
        return DetectorModule(config)

    def metrics(self, module: pl.LightningModule, reporter: Reporter) -> tuple[Metric, ...]:
        """CPM, and sensitivity at 1 false finding a scan, over whole validation scans."""
        network = TorchDetector(module.network)
        scans = []
        for number, case in enumerate(self._cohort.validation):
            scans.append(judged_case(f"{number}", case, network))
            reporter.progress((number + 1) / len(self._cohort.validation))
        score = froc_score(scans)
        at_one = score.at_rates[RATES.index(1.0)]
        named = {"CPM": score.cpm, "Sensitivity at 1 false finding a scan": at_one}
        return tuple(
            Metric(f"{name}, validation patients", m.mean, m.low, m.high, m.n_patients)
            for name, m in named.items()
        )

    def card_facts(self, config: DetectorConfig) -> CardFacts:
        """What the card says about these weights."""
        drawn = self.training_samples().cases
        return CardFacts(
            variant=config.variant,
            arch=VARIANTS[config.variant].to_mapping(),
            preprocessing={"window_hu": list(WINDOW_HU), "cube_mm": DETECTOR_MM, "axes": "LPS"},
            classes=CLASSES,
            outcome_source=self._cohort.outcome_source,
            synthetic_share=sum(not case.is_real for case in drawn) / len(drawn),
            training_ids=self._cohort.real_ids,
            generator=self._cohort.generator,
            limits=(
                "Most nodules are made up, or inserted into lungs that had none.",
                "Scores are no probabilities: they are not calibrated.",
                "Research use only, not for diagnosis.",
            ),
        )

    def preview(self, module: pl.LightningModule, path: Path) -> None:
        """Some validation blocks with true boxes (left) and found ones (right)."""
        from LungPNetLib.nodules.detector_preview import preview_blocks

        preview_blocks(self.network(module), self.validation_samples(), path)


def judged_case(name: str, case: StoredCase, network: TorchDetector) -> JudgedScan:
    """What is found in a whole stored scan, and what is true there."""
    ct = Volume(case.hu, case.spacing_mm)
    found = detect(ct, ct.with_array(case.lungs), network)
    findings = tuple(ScoredFinding(box.score, box.centre_lps_mm, box.box) for box in found)
    nodules = []
    for nodule in case.nodules:
        z, y, x = nodule.centre_mm
        nodules.append(TrueNodule((x, y, z), nodule.diameter_mm / 2))
    return JudgedScan(name, case.patient_id, findings, tuple(nodules))
