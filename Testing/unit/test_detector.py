"""The detector of nodules: it learns bright balls, and finds them in a whole CT."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from LungPNetLib.errors import InputError, ModelError
from LungPNetLib.nodules.detect import TorchDetector, detect
from LungPNetLib.nodules.detector_losses import detector_losses
from LungPNetLib.nodules.network_detector import LEVELS, VARIANTS, Detector, DetectorArch
from LungPNetLib.volume import Volume

SMALL = DetectorArch("basic", 8, (16, 24, 24), (1, 1, 1), pyramid=16)
SHAPE = (32, 48, 48)
N_STEPS = 100


def ball(shape, centre, radius):
    """Whether a voxel belongs to the ball, all in voxels."""
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    return sum((a - c) ** 2 for a, c in zip(axes, centre, strict=True)) <= radius**2


def block(balls, seed):
    """Noise with bright balls, and their boxes, as the samples of the training are."""
    image = np.random.default_rng(seed).normal(-0.8, 0.05, SHAPE).astype(np.float32)
    boxes, kinds = torch.zeros(4, 6), torch.zeros(4, dtype=torch.int64)
    for k, (centre, radius) in enumerate(balls):
        image[ball(SHAPE, centre, radius)] = 0.4
        boxes[k] = torch.tensor([*(c - radius for c in centre), *(c + radius + 1 for c in centre)])
        kinds[k] = 1
    return {"image": torch.from_numpy(image)[None], "boxes": boxes, "kinds": kinds}


def drawn_block(rng):
    """A block with a ball of 1 to 8 voxels' radius somewhere in it, or (a fifth) without."""
    radius = int(rng.integers(1, 9))
    centre = [int(rng.integers(radius, n - radius)) for n in SHAPE]
    return block([(centre, radius)] if rng.random() < 0.8 else [], int(rng.integers(10**9)))


@pytest.fixture(scope="module")
def learned():
    """A small detector that has seen some hundred blocks."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = Detector(SMALL)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    for step in range(N_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * min(1, (step + 1) / 10) * (1 - 0.9 * step / N_STEPS)
        blocks = [drawn_block(rng) for _ in range(3)]
        batch = {name: torch.stack([b[name] for b in blocks]) for name in blocks[0]}
        loss = sum(detector_losses(network, batch, "giou").values())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
    return network.eval()


def test_it_finds_balls_that_it_has_never_seen(learned):
    balls = [([9, 20, 30], 6), ([20, 30, 12], 4), ([16, 24, 24], 8)]
    for seed, (centre, radius) in enumerate(balls):
        with torch.inference_mode():
            (found,) = learned(block([(centre, radius)], seed)["image"][None])
        box = found.boxes[0]
        assert found.scores[0] > 0.8
        # One more box on the same ball is the same finding; there is none elsewhere.
        centres = (found.boxes[:, :3] + found.boxes[:, 3:]) / 2
        sure = centres[found.scores >= 0.5]
        assert len(sure) <= 2
        assert ((sure - torch.tensor(centre) - 0.5).norm(dim=1) <= radius).all()
        assert ((box[:3] + box[3:]) / 2 - torch.tensor(centre) - 0.5).abs().max() < radius / 2
        assert ((box[3:] - box[:3]) / (2 * radius + 1)).log().abs().max() < 0.4


def test_it_finds_nothing_where_nothing_is(learned):
    with torch.inference_mode():
        (found,) = learned(block([], 9)["image"][None])
    assert (found.scores < 0.3).all()


def test_it_learns_by_smooth_l1_too():
    torch.manual_seed(0)
    batch = {name: value[None] for name, value in block([((16, 24, 24), 6)], 1).items()}
    network = Detector(SMALL)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    sums = []
    for _ in range(12):
        loss = sum(detector_losses(network, batch, "smooth_l1").values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        sums.append(float(loss.detach()))
    assert sums[-1] < 0.75 * sums[0]


def test_losses_of_a_block_without_nodules_are_finite_and_teach():
    torch.manual_seed(0)
    batch = {name: value[None] for name, value in block([], 1).items()}
    network = Detector(SMALL)
    losses = detector_losses(network, batch, "giou")
    assert losses["first_box"] == losses["second_box"] == 0
    assert losses["first_score"] > 0
    assert losses["second_score"] > 0
    sum(losses.values()).backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_arch_survives_the_registry():
    for arch in VARIANTS.values():
        assert DetectorArch.from_mapping(arch.to_mapping()) == arch
    with pytest.raises(ModelError, match="lung-unet-2d"):
        DetectorArch.from_mapping({"network": "lung-unet-2d"})


def test_compact_has_about_two_million_weights():
    assert 1.5e6 < sum(p.numel() for p in Detector(VARIANTS["compact"]).parameters()) < 2.5e6


@torch.inference_mode()
def test_flat_maps_see_adjacent_slices_alone():
    network = Detector(replace(SMALL, in_plane=True)).eval()
    images = torch.zeros(2, 1, 64, 32, 32)
    images[1, 0, 30] = 1.0
    for level, stride in zip(network.search(images).maps, LEVELS, strict=True):
        assert level.shape[2:] == (64 // stride, 32 // stride, 32 // stride)
        differ = (level[0] - level[1]).abs().amax(dim=(0, 2, 3)).nonzero()[:, 0] * stride
        assert differ.min() >= 30 - 4
        assert differ.max() <= 30 + 4


@pytest.fixture
def scan():
    """A CT of air with a box of lungs, oblique spacing and axes that run against LPS."""
    shape = (60, 130, 120)
    hu = np.full(shape, -850, np.int16)
    lungs = np.zeros(shape, np.uint8)
    lungs[8:52, 20:110, 10:110] = 1
    direction = np.diag([-1.0, 1.0, -1.0])
    return Volume(hu, (1.5, 1.5, 2.5), (100.0, -50.0, 30.0), direction), lungs


def bright_voxels(image):
    """A network that knows no more than where it is bright: one box a bright voxel."""
    places = np.argwhere(image > 0).astype(np.float32)
    return np.concatenate([places - 2, places + 3], axis=1), np.full(len(places), 0.5, np.float32)


def test_boxes_lie_where_the_nodule_is_in_the_patient(scan):
    ct, lungs = scan
    hu = ct.array.copy()
    hu[30, 64, 57] = 3000
    (found,) = detect(ct.with_array(hu), ct.with_array(lungs), bright_voxels)
    gap_mm = np.subtract(found.centre_lps_mm, ct.index_to_world([57, 64, 30]))
    assert np.abs(gap_mm).max() < 1.5
    edges_mm = np.subtract(found.box.high_lps_mm, found.box.low_lps_mm)
    assert edges_mm == pytest.approx([7.5, 7.5, 7.5])


def test_each_nodule_is_found_once_wherever_it_lies_in_the_blocks():
    """The lungs are larger than a block, so that blocks overlap."""
    ct = Volume(np.full((110, 150, 140), -850, np.int16), (1.5, 1.5, 1.5))
    lungs = np.ones(ct.shape, np.uint8)
    hu = ct.array.copy()
    places = [(k, j, i) for k in (3, 48, 62, 105) for j in (5, 75, 98, 146) for i in (4, 120)]
    for place in places:
        hu[place] = 3000
    found = detect(ct.with_array(hu), ct.with_array(lungs), bright_voxels)
    assert len(found) == len(places)
    centres = {tuple(np.rint(ct.world_to_index(f.centre_lps_mm)).astype(int)) for f in found}
    assert centres == {place[::-1] for place in places}


def test_what_lies_outside_the_lungs_is_dropped_and_at_the_pleura_kept(scan):
    ct, lungs = scan
    hu = ct.array.copy()
    hu[30, 113, 60] = 3000  # 6 mm beyond the last voxel of the lungs, with a box of 7.5 mm
    hu[30, 116, 30] = 3000  # 10.5 mm beyond it
    found = detect(ct.with_array(hu), ct.with_array(lungs), bright_voxels)
    assert len(found) == 1
    assert ct.world_to_index(found[0].centre_lps_mm)[0] == pytest.approx(60, abs=1)


def test_a_hole_in_the_lungs_is_lung(scan):
    ct, lungs = scan
    hu = ct.array.copy()
    hu[30, 64, 57] = 3000
    lungs[22:38, 50:80, 40:72] = 0
    assert len(detect(ct.with_array(hu), ct.with_array(lungs), bright_voxels)) == 1


def test_nothing_found_is_an_empty_list_and_the_progress_ends(scan):
    ct, lungs = scan
    shares = []
    found = detect(ct, ct.with_array(lungs), bright_voxels, progress=shares.append)
    assert found == []
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_no_lungs_is_an_error_that_says_so(scan):
    ct, lungs = scan
    with pytest.raises(InputError, match="empty"):
        detect(ct, ct.with_array(np.zeros_like(lungs)), bright_voxels)


def test_a_trained_detector_finds_a_ball_in_a_scan(learned, scan):
    ct, lungs = scan
    hu = ct.array + np.random.default_rng(0).normal(0, 30, ct.shape)
    # Balls of 9 mm radius: on this grid of 1.5 x 1.5 x 2.5 mm.
    k, j, i = np.ogrid[tuple(slice(n) for n in ct.shape)]
    hu[((k - 30) * 2.5) ** 2 + ((j - 64) * 1.5) ** 2 + ((i - 57) * 1.5) ** 2 <= 81] = -20
    found = detect(
        ct.with_array(hu.astype(np.float32)), ct.with_array(lungs), TorchDetector(learned)
    )
    gap_mm = np.linalg.norm(np.subtract(found[0].centre_lps_mm, ct.index_to_world([57, 64, 30])))
    assert gap_mm < 4
    assert found[0].score > 0.5
