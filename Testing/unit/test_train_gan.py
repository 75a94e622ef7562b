"""Training the adversarial segmenter on a tiny cohort: turns, losses, resume, export."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from LungPNetLib.cohort.manifest import StudyRow, write_manifest
from LungPNetLib.errors import Cancelled, InputError
from LungPNetLib.events import Reporter
from LungPNetLib.nodules.draws import BlockAugment
from LungPNetLib.nodules.network_gan import INTENSITY_FLOOR, VARIANTS, GanArch, make_generator
from LungPNetLib.nodules.train_gan import (
    AdversarialConfig,
    GanConfig,
    GanModule,
    GanTask,
    painted_truth,
)
from LungPNetLib.nodules.windows import WindowConfig
from LungPNetLib.training.config import TrainerConfig, find_config, load_config
from LungPNetLib.training.export import export
from LungPNetLib.training.fit import FitResult, fit
from LungPNetLib.volume import Volume, write_image

STEPS, EPOCHS, ALONE = 3, 2, 2

CONFIG = GanConfig(
    trainer=TrainerConfig(
        epochs=EPOCHS, steps_per_epoch=STEPS, batch_size=2, learning_rate=3e-3, device="cpu",
        precision="fp32", lr_schedule="cosine",
    ),
    window=WindowConfig(size=(8, 16, 16), validation_fraction=0.34),
    augment=BlockAugment(noise_hu=20.0),
    adversarial=AdversarialConfig(warmup_steps=ALONE),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Generators of four channels are enough to see how they are trained."""
    monkeypatch.setitem(VARIANTS, "compact", GanArch("blocks", (4, 4)))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three patches with a ball of 30 HU and 10 mm in lung."""
    folder = tmp_path_factory.mktemp("cohort")
    rows = []
    for k in range(3):
        place = np.moveaxis(np.indices((20, 24, 24)), 0, -1) - (10, 11 + k, 12)
        ball = np.linalg.norm(place, axis=-1) <= 5
        rng = np.random.default_rng(k)
        hu = np.where(ball, 30.0, -850.0) + rng.normal(0, 20, ball.shape)
        files = {"ct": folder / f"{k}-ct.nrrd", "nodules": folder / f"{k}-nodules.nrrd"}
        write_image(Volume(hu.astype(np.int16)), files["ct"])
        write_image(Volume(ball.astype(np.uint8)), files["nodules"])
        rows.append(StudyRow(f"phantom-{k}", files))
    write_manifest(folder / "manifest.csv", rows)
    return folder / "manifest.csv"


def train(out: Path, manifest: Path, config: GanConfig = CONFIG, **more) -> FitResult:
    more.setdefault("reporter", Reporter())
    return fit(GanTask(), config, out, manifest=manifest, **more)


@pytest.fixture
def whole(manifest: Path, tmp_path: Path) -> Path:
    """The folder of a run that nobody disturbed."""
    return train(tmp_path / "whole", manifest).out


def last(out: Path) -> dict:
    return torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)


def updates(out: Path) -> list[int]:
    """How often each of the two networks was updated."""
    return [
        int(next(iter(optimizer["state"].values()))["step"]) if optimizer["state"] else 0
        for optimizer in last(out)["optimizers"]
    ]


def test_critic_learns_five_times_a_step_and_only_after_the_warm_up(whole, manifest, tmp_path):
    n_steps = STEPS * EPOCHS
    assert updates(whole) == [n_steps, 5 * (n_steps - ALONE)]
    alone = replace(CONFIG, adversarial=AdversarialConfig(warmup_steps=100))
    assert updates(train(tmp_path / "alone", manifest, alone).out) == [n_steps, 0]


def test_losses_are_finite_and_shown(whole):
    with (whole / "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == EPOCHS
    for name in ("loss", "squared_error", "outline", "adversarial", "perceptual"):
        assert np.isfinite(float(rows[-1][f"train/{name}"]))
    assert np.isfinite(float(rows[-1]["train/critic_distance"]))
    assert 0 <= float(rows[-1]["val/dice"]) <= 1
    assert len(list((whole / "previews").glob("*.png"))) == EPOCHS


@pytest.mark.parametrize("ended_at", [0.2, 0.7], ids=["warming up", "adversarial"])
def test_interrupted_run_ends_with_the_same_weights(whole, manifest, tmp_path, ended_at):
    def stop(event):
        if event.get("stage") == "train" and event.get("fraction", 0) > ended_at:
            raise Cancelled("stop")

    every_step = replace(CONFIG, trainer=replace(CONFIG.trainer, checkpoint_minutes=1e-9))
    with pytest.raises(Cancelled, match="--resume"):
        train(tmp_path / "run", manifest, every_step, reporter=Reporter([stop]))
    assert updates(tmp_path / "run")[0] < STEPS * EPOCHS
    train(tmp_path / "run", manifest, every_step, resume=True)
    undisturbed, resumed = last(whole), last(tmp_path / "run")
    assert undisturbed["weights"].keys() == resumed["weights"].keys()
    for name, tensor in undisturbed["weights"].items():
        assert torch.equal(tensor, resumed["weights"][name]), name
    for one, other in zip(undisturbed["optimizers"], resumed["optimizers"], strict=True):
        for number, state in one["state"].items():
            assert torch.equal(state["exp_avg"], other["state"][number]["exp_avg"])


def test_weights_without_their_critic_are_exported(manifest, tmp_path):
    task = GanTask()
    result = fit(task, CONFIG, tmp_path / "run", manifest=manifest, reporter=Reporter())
    weights = tmp_path / "weights"
    exported = export(task, CONFIG, result, folder=weights, reporter=Reporter())
    generator = make_generator(GanArch.from_mapping(exported.entry.arch))
    generator.load_state_dict(load_file(weights / exported.entry.file))
    names = [metric.name for metric in exported.metrics]
    assert any(name.startswith("Dice") for name in names)
    (painted,) = (metric for metric in exported.metrics if metric.unit == "HU")
    assert 0 <= painted.value <= 1400


def test_generator_learns_to_paint_balls(manifest, tmp_path):
    """Alone for the first half, against the critic in the second."""
    longer = replace(CONFIG.trainer, epochs=2, steps_per_epoch=40, learning_rate=1e-2)
    config = replace(CONFIG, trainer=longer, adversarial=AdversarialConfig(warmup_steps=40))
    result = train(tmp_path / "run", manifest, config)
    assert result.best_value > 0.8
    task = GanTask()
    task.prepare(config, manifest, tmp_path / "run" / "data", Reporter())
    module = GanModule(config)
    module.load_state_dict(last(result.out)["weights"])
    module.eval()
    sample = task.validation_samples().sample(0, 0, np.random.default_rng(0))
    nodule = sample["share"] >= 0.5
    with torch.no_grad():
        painted = module.network(sample["image"][None])[0, :1]
    assert painted[nodule].mean() > 0.4, "30 HU is 0.76"
    assert painted[~nodule & sample["inside"]].mean() < 0.1


def test_truth_to_paint_is_the_nodule_in_the_image_and_nothing_else():
    share = torch.tensor([0.0, 0.4, 0.5, 1.0, 1.0]).reshape(1, 1, 1, 1, 5)
    image = torch.tensor([1.0, 1.0, -1.0, 1.0, 1.0]).reshape_as(share)
    inside = torch.tensor([True, True, True, True, False]).reshape_as(share)
    real = painted_truth({"image": image, "share": share, "inside": inside})
    assert real.flatten().tolist() == pytest.approx([0, 0, INTENSITY_FLOOR, 1, 0])


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(InputError, match="devices is 2.*Set it to 1"):
        GanConfig(trainer=TrainerConfig(devices=2))
    with pytest.raises(InputError, match="critic_steps must be above 0, got 0"):
        AdversarialConfig(critic_steps=0)
    with pytest.raises(InputError, match="adversarial_weight must be 0 or more, got -1"):
        AdversarialConfig(adversarial_weight=-1)


def test_shipped_configurations_keep_the_published_weights(tmp_path):
    for name, variant in (("compact", "compact"), ("even", "compact"), ("paper", "paper")):
        config = load_config(GanConfig, find_config(f"nodule-gan-{name}"))
        assert config.variant == variant
        told = config.adversarial
        assert (told.critic_steps, told.gradient_penalty) == (5, 10.0)
        assert (told.adversarial_weight, told.squared_error_weight) == (0.1, 1.0)
        assert (told.perceptual_weight, told.vgg19_weights) == (1.0, None)
    paper = load_config(GanConfig, find_config("nodule-gan-paper"))
    assert (paper.trainer.learning_rate, paper.trainer.lr_step_epochs) == (1e-4, 4)
