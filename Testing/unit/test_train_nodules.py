"""``lungpnet train nodule-segmenter`` on a tiny cohort of patches: killed, resumed, and used."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from killed_trainings import killed_and_resumed
from LungPNetLib.cohort.manifest import StudyRow, write_manifest
from LungPNetLib.cohort.phantom.crop import make_crop
from LungPNetLib.cohort.phantom.nodule import NoduleSpec, NoduleType
from LungPNetLib.errors import InputError
from LungPNetLib.nodules.cohort import NoduleCohort
from LungPNetLib.nodules.draws import BlockAugment
from LungPNetLib.nodules.network import VARIANTS, SegmenterArch, make_segmenter
from LungPNetLib.nodules.outlining import OutlineModule, segmenter_facts
from LungPNetLib.nodules.store import Negative, StoredCase, StoredNodule
from LungPNetLib.nodules.train import SegmenterConfig, SegmenterModule, SegmenterTask
from LungPNetLib.nodules.windows import FixedWindows, RandomWindows, WindowConfig
from LungPNetLib.training.config import TrainerConfig
from LungPNetLib.training.task import OutcomeSource
from LungPNetLib.volume import write_image
from LungPNetLib.weights.entries import read_registry

SETTINGS = (
    "trainer.epochs=3", "trainer.steps_per_epoch=12", "trainer.batch_size=2", "trainer.device=cpu",
    "trainer.precision=fp32", "trainer.warmup_steps=4", "window.size=[32,32,32]",
    "window.validation_fraction=0.34",
)  # fmt: skip


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """Six made-up nodules with what lies around them."""
    folder = tmp_path_factory.mktemp("cohort")
    rows = []
    for seed in range(6):
        crop = make_crop(seed, NoduleSpec(12.0, NoduleType.SOLID), size=32, spacing_mm=1.0)
        files = {"ct": folder / f"{seed}-ct.nrrd", "nodules": folder / f"{seed}-nodules.nrrd"}
        write_image(crop.ct, files["ct"])
        write_image(crop.mask, files["nodules"])
        rows.append(StudyRow(f"phantom-{seed}", files))
    write_manifest(folder / "manifest.csv", rows)
    return folder / "manifest.csv"


def command(manifest, folder):
    sets = [word for value in SETTINGS for word in ("--set", value)]
    return [
        sys.executable, "-m", "LungPNetLib.cli", "train", "nodule-segmenter", "--manifest",
        str(manifest), "--out", str(folder / "run"), "--weights-out", str(folder / "weights"),
        "--progress", "json", *sets,
    ]  # fmt: skip


def test_killed_and_resumed_training_ends_with_the_same_weights(manifest, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run(command(manifest, whole), check=True, capture_output=True)
    killed_and_resumed(command(manifest, broken), broken / "run")
    (undisturbed,), (resumed,) = (read_registry(f / "weights") for f in (whole, broken))
    assert resumed.sha256 == undisturbed.sha256
    losses = [
        float(value)
        for line in (whole / "run" / "metrics.csv").read_text().splitlines()[1:]
        for value in line.split(",")
    ]
    assert np.isfinite(losses).all()
    assert len(list((whole / "run" / "previews").glob("*.png"))) == 3
    card = (whole / "weights" / undisturbed.card).read_text()
    assert "Dice, other nodules (windows of 1 mm)" in card
    assert SegmenterArch.from_mapping(undisturbed.arch) == VARIANTS["compact"]


@pytest.mark.parametrize("variant", ["compact", "resnet18-compact"])
def test_networks_keep_the_size_and_depend_on_the_window_alone(variant):
    torch.manual_seed(1)
    network = make_segmenter(VARIANTS[variant]).eval()
    image = torch.randn(2, 1, 32, 48, 16)
    with torch.no_grad():
        both, first = network(image), network(image[:1])
    assert both.shape == image.shape
    assert torch.allclose(both[:1], first, atol=1e-4)


def balls(n, radius=8, side=40):
    """Bright balls in dark lung, each a patch of its own."""
    place = np.moveaxis(np.indices((side,) * 3), 0, -1)
    cases = []
    for k in range(n):
        centre = np.array([side / 2 + k, side / 2 - k, side / 2])
        labels = (np.linalg.norm(place - centre, axis=-1) <= radius).astype(np.uint8)
        cases.append(
            StoredCase(
                patient_id=f"phantom-{k}",
                hu=np.where(labels > 0, 30, -850).astype(np.int16),
                labels=labels,
                lungs=np.zeros_like(labels),
                spacing_mm=(1.0, 1.0, 1.0),
                is_patch=True,
                nodules=(
                    StoredNodule(
                        label=1,
                        centre_mm=tuple(centre),
                        diameter_mm=2.0 * radius,
                        low_mm=tuple(centre - radius),
                        high_mm=tuple(centre + radius),
                    ),
                ),
                negatives=(),
            )
        )
    return cases


def test_module_learns_to_outline_balls():
    window = WindowConfig(size=(32, 32, 32))
    config = SegmenterConfig(trainer=TrainerConfig(learning_rate=5e-3), window=window)
    torch.manual_seed(3)
    module = SegmenterModule(config)
    source = RandomWindows(balls(3), window, BlockAugment(noise_hu=20.0))
    optimizer = module.configure_optimizers()
    module.log = lambda *_, **__: None
    for step in range(60):
        rng = np.random.default_rng(step)
        samples = [source.sample(0, 0, rng) for _ in range(4)]
        batch = {name: torch.stack([s[name] for s in samples]) for name in samples[0]}
        loss = module.training_step(batch, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    module.eval()
    fixed = FixedWindows(balls(3), window)
    sample = fixed.sample(0, 0, np.random.default_rng(0))
    with torch.no_grad():
        found = module.network(sample["image"][None])[0] > 0
    true = sample["share"] >= 0.5
    assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.9


def test_voxels_outside_the_image_cost_nothing():
    module = OutlineModule(torch.nn.Identity())
    logits = torch.randn(2, 1, 8, 8, 8)
    batch = {"share": torch.ones(2, 1, 8, 8, 8), "inside": torch.zeros(2, 1, 8, 8, 8) > 0}
    batch["inside"][:, :, :4] = True
    other = torch.where(batch["inside"], logits, 7.0)
    assert module.outline_loss(logits, batch) == module.outline_loss(other, batch)


def test_kinds_come_as_often_as_asked():
    scan = balls(1)[0]
    scan = StoredCase(
        **{
            **vars(scan),
            "patient_id": "LIDC-IDRI-0028",
            "is_patch": False,
            "negatives": (Negative((3.0, 3.0, 3.0), "wall"),),
        }
    )
    window = WindowConfig(size=(16, 16, 16), patch_share=0.0, made_up_share=0.5, scan_share=0.25)
    source = RandomWindows([*balls(2), scan], window, BlockAugment())
    kinds = [
        source.sample(0, 0, np.random.default_rng(seed))["share"].max() > 0.5 for seed in range(200)
    ]
    # A quarter are look-alikes, here in a corner far from the ball.
    assert 0.65 < np.mean(kinds) < 0.85


def test_card_names_everybody_whose_nodules_were_seen():
    made_up = balls(2)
    cohort = NoduleCohort(made_up, made_up[:1], donors=("LIDC-IDRI-0100",))
    facts = segmenter_facts(cohort, VARIANTS["compact"].to_mapping(), "compact")
    assert facts.training_ids == ("LIDC-IDRI-0100",)
    assert facts.outcome_source is OutcomeSource.MIXED
    assert (
        segmenter_facts(
            NoduleCohort(made_up, made_up), VARIANTS["compact"].to_mapping(), "compact"
        ).outcome_source
        is OutcomeSource.SYNTHETIC
    )


def test_encoder_begins_with_given_weights(tmp_path):
    torch.manual_seed(4)
    earlier = SegmenterTask().make_module(SegmenterConfig(variant="resnet18-compact"))
    torch.save(earlier.network.encoder.state_dict(), tmp_path / "encoder.pt")
    config = SegmenterConfig(variant="resnet18-compact", encoder=tmp_path / "encoder.pt")
    torch.manual_seed(5)
    module = SegmenterTask().make_module(config)
    assert torch.equal(module.network.encoder.conv1.weight, earlier.network.encoder.conv1.weight)
    assert not torch.equal(module.network.logit.weight, earlier.network.logit.weight)
    with pytest.raises(InputError, match="'compact' has no encoder"):
        SegmenterTask().make_module(SegmenterConfig(encoder=tmp_path / "encoder.pt"))
