"""``lungpnet train nodule-detector`` as a person runs it: a tiny cohort, killed, resumed, used."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from killed_trainings import killed_and_resumed
from LungPNetLib.cohort.manifest import StudyRow, write_manifest
from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.detection import Verdict, match
from LungPNetLib.nodules.detect import detect, open_detector
from LungPNetLib.nodules.detector_samples import (
    ABSENT,
    IGNORED,
    NODULE,
    BlockConfig,
    FixedBlocks,
    RandomBlocks,
    block_sample,
)
from LungPNetLib.nodules.draws import BlockAugment
from LungPNetLib.nodules.network_detector import VARIANTS, ScoredBoxes
from LungPNetLib.nodules.store import Negative, StoredCase, StoredNodule
from LungPNetLib.nodules.train_detector import DetectorConfig, DetectorTask, judged_block
from LungPNetLib.training.config import find_config, load_config
from LungPNetLib.training.sampler import rng_for
from LungPNetLib.volume import Volume, write_image
from LungPNetLib.weights.entries import read_registry
from LungPNetLib.weights.registry import find_weights

SETTINGS = (
    "trainer.epochs=2", "trainer.steps_per_epoch=6", "trainer.batch_size=2", "trainer.device=cpu",
    "trainer.precision=fp32", "trainer.warmup_steps=4", "trainer.checkpoint_minutes=0.0001",
    "blocks.size=[32, 32, 32]", "blocks.validation_fraction=0.34", "blocks.validation_blocks=4",
)  # fmt: skip


def chest(seed):
    """A CT of two lungs of 60 mm in an uneven body, with vessels; its lungs and three nodules."""
    rng = np.random.default_rng(seed)
    shape = (40, 60, 80)
    # No two patients may look alike, or the training refuses them.
    hu = 6000 * ndimage.gaussian_filter(rng.normal(0, 1, shape), 4)
    lungs, nodules = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    lungs[4:36, 10:50, 6:36], lungs[4:36, 10:50, 44:74] = 1, 2
    inside = lungs > 0
    hu[inside] = rng.normal(-850, 40, inside.sum())
    for _ in range(6):
        j, i = rng.integers(12, 48), rng.integers(8, 72)
        hu[6:34, j : j + 2, i : i + 2] = 0
    k, j, i = np.ogrid[tuple(slice(n) for n in shape)]
    for label, (z, y, x) in enumerate([(12, 20, 15), (28, 40, 28), (20, 30, 60)], start=1):
        z, y, x = (int(c + rng.integers(-2, 3)) for c in (z, y, x))
        ball = ((k - z) * 2) ** 2 + ((j - y) * 1.5) ** 2 + ((i - x) * 1.5) ** 2 <= 25 + 10 * label
        hu[ball], nodules[ball] = 30, label
    spacing_mm = (1.5, 1.5, 2.0)
    return {
        "ct": Volume(np.rint(hu).astype(np.int16), spacing_mm),
        "lungs": Volume(lungs, spacing_mm),
        "nodules": Volume(nodules, spacing_mm),
    }


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """Three made-up patients, one of them with a nodule of a real one, and a patch."""
    folder = tmp_path_factory.mktemp("cohort")
    rows = []
    for seed in (11, 12, 13):
        files = {name: folder / f"{seed}-{name}.nrrd" for name in ("ct", "lungs", "nodules")}
        for name, volume in chest(seed).items():
            write_image(volume, files[name])
        donors = "LIDC-IDRI-0999" if seed == 11 else ""
        split = "validation" if seed == 13 else "training"
        rows.append(StudyRow(f"phantom-{seed}", files, {"donors": donors, "split": split}))
    patch = {name: folder / f"patch-{name}.nrrd" for name in ("ct", "nodules")}
    for name, path in patch.items():
        write_image(chest(14)[name], path)
    rows.append(StudyRow("LIDC-IDRI-0998", patch, {"donors": "", "split": "training"}))
    write_manifest(folder / "manifest.csv", rows)
    return folder / "manifest.csv"


def command(manifest, folder):
    sets = [word for value in SETTINGS for word in ("--set", value)]
    return [
        sys.executable, "-m", "LungPNetLib.cli", "train", "nodule-detector",
        "--manifest", str(manifest), "--out", str(folder / "run"),
        "--weights-out", str(folder / "weights"), "--progress", "json", *sets,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def whole(manifest, tmp_path_factory):
    """Folder of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    subprocess.run(command(manifest, folder), check=True, capture_output=True)
    return folder


def test_killed_and_resumed_training_ends_with_the_same_weights(manifest, whole, tmp_path):
    killed_and_resumed(command(manifest, tmp_path), tmp_path / "run", within_s=240.0)
    (undisturbed,), (resumed,) = (read_registry(f / "weights") for f in (whole, tmp_path))
    assert resumed.sha256 == undisturbed.sha256


def test_losses_are_finite_and_the_card_names_the_donors(whole):
    lines = (whole / "run" / "metrics.csv").read_text().splitlines()
    names, rows = lines[0].split(","), [line.split(",") for line in lines[1:]]
    assert len(rows) == 2
    for part in ("loss", "first_score", "first_box", "second_score", "second_box"):
        assert all(np.isfinite(float(row[names.index(f"train/{part}")])) for row in rows)
    assert 0 <= float(rows[-1][names.index("val/cpm")]) <= 1
    assert len(list((whole / "run" / "previews").glob("*.png"))) == 2
    (entry,) = read_registry(whole / "weights")
    assert entry.outcome_source == "mixed"
    card = (whole / "weights" / entry.card).read_text()
    assert "LIDC-IDRI-0999" in card
    assert "LIDC-IDRI-0998" not in card, "patches are left out"
    assert "CPM" in card


def test_trained_weights_open_and_run(whole):
    (entry,) = read_registry(whole / "weights")
    found = find_weights("nodule-detector", weights=whole / "weights" / entry.file)
    case = chest(13)
    boxes = detect(case["ct"], case["lungs"], open_detector(found))
    scores = [box.score for box in boxes]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


@pytest.fixture(scope="module")
def case():
    """A stored scan of 2 mm with a nodule of 12 mm and one look-alike."""
    shape = (60, 60, 60)
    hu, labels = np.full(shape, -850, np.int16), np.zeros(shape, np.uint8)
    k, j, i = np.ogrid[tuple(slice(n) for n in shape)]
    ball = (k - 30) ** 2 + (j - 30) ** 2 + (i - 30) ** 2 <= 9
    hu[ball], labels[ball] = 0, 3
    nodule = StoredNodule(3, (60.0,) * 3, 12.0, (53.0,) * 3, (67.0,) * 3)
    return StoredCase(
        "phantom-1", hu, labels, np.ones(shape, np.uint8), (2.0, 2.0, 2.0), False, (nodule,),
        (Negative((20.0, 20.0, 20.0), "vessel"),),
    )  # fmt: skip


def test_boxes_follow_the_variation_of_the_block(case):
    """Wherever the block lies and however it is turned, the box is around the bright voxels."""
    config = BlockConfig(size=(32, 48, 48), nodule_share=1.0, negative_share=0.0)
    blocks = RandomBlocks([case], config, BlockAugment(noise_hu=0.0, blur_mm=0.0, slab_mm=0.0))
    kinds = []
    for number in range(12):
        sample = blocks.sample(0, 0, rng_for(1, 0, number))
        kinds.append(int(sample["kinds"][0]))
        assert (sample["kinds"][1:] == ABSENT).all()
        if kinds[-1] == NODULE:
            bright = (sample["image"][0] > -0.4).nonzero()
            low, high = bright.min(dim=0).values, bright.max(dim=0).values + 1
            assert (sample["boxes"][0] - torch.cat([low, high])).abs().max() <= 1.5
    assert kinds.count(NODULE) >= 8


@pytest.mark.parametrize(("shift_mm", "kind"), [(0, NODULE), (21, NODULE), (27, IGNORED)])
def test_nodules_that_the_edge_cuts_are_ignored(case, shift_mm, kind):
    """The face of a block of 48 mm lies 24 mm from its middle."""
    block = block_sample(case, (60.0 + shift_mm, 60.0, 60.0), (32, 48, 48), rng_for(2, 0, 0))
    assert block["kinds"].tolist() == [kind] + [ABSENT] * 15


def test_blocks_lie_around_nodules_look_alikes_and_anywhere(case):
    n = 200
    blocks = RandomBlocks([case], BlockConfig(size=(16, 16, 16)), BlockAugment())
    centres = [blocks._centre(case, rng_for(3, 0, k)) for k in range(n)]
    reach_mm = 0.42 * 16 * 1.5 + 1e-6
    near = [
        sum(np.abs(np.subtract(c, place)).max() <= reach_mm for c in centres)
        for place in ((60.0,) * 3, (20.0,) * 3)
    ]
    assert near[0] == pytest.approx(0.5 * n, abs=25)
    assert near[1] == pytest.approx(0.25 * n, abs=25)


def test_validation_blocks_are_the_same_each_time(case):
    blocks = FixedBlocks([case], BlockConfig(size=(16, 16, 16)))
    assert len(blocks) == 2
    first, again = (blocks.sample(0, 0, rng_for(1, 0, 0)) for _ in range(2))
    assert torch.equal(first["image"], again["image"])
    assert torch.equal(first["boxes"], again["boxes"])


def test_cohort_without_nodules_is_refused(case):
    empty = replace(case, nodules=())
    with pytest.raises(InputError, match="no nodule to learn from"):
        RandomBlocks([empty], BlockConfig(), BlockAugment())
    with pytest.raises(InputError, match="no nodule to be judged by"):
        FixedBlocks([empty], BlockConfig())


def test_judged_block_counts_hits_and_leaves_cut_nodules_out():
    boxes = torch.zeros(3, 6)
    boxes[0] = torch.tensor([4.0, 4, 4, 10, 10, 10])
    boxes[1] = torch.tensor([0.0, 20, 20, 2, 26, 26])
    kinds = torch.tensor([NODULE, IGNORED, ABSENT])
    found = ScoredBoxes(
        torch.tensor([[5.0, 5, 5, 9, 9, 11], [0, 20, 20, 2, 26, 26], [20, 20, 20, 24, 24, 24]]),
        torch.tensor([0.9, 0.8, 0.7]),
    )
    verdicts = match(judged_block("block", found, boxes, kinds)).verdicts
    assert verdicts == (Verdict.HIT, Verdict.IGNORED, Verdict.FALSE)


def test_manifest_is_asked_for(tmp_path):
    with pytest.raises(InputError, match="--manifest"):
        DetectorTask().prepare(DetectorConfig(), None, tmp_path, None)


def test_shipped_configurations_are_read():
    for name in ("nodule-detector-compact", "nodule-detector-paper"):
        config = load_config(DetectorConfig, find_config(name))
        assert config.regression_loss == "giou"
        assert all(side % 16 == 0 for side in config.blocks.size)
        assert config.variant == name.rpartition("-")[2]
    slices = load_config(DetectorConfig, find_config(name), ["variant=compact-slices"])
    assert VARIANTS[slices.variant].in_plane
