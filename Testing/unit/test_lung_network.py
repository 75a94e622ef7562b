"""The lung network's data, losses and inference, with networks that a reader can follow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from LungPNetLib.errors import InputError, ModelError
from LungPNetLib.lungs import infer
from LungPNetLib.lungs.augment import OUTSIDE_HU, AugmentConfig, augmented, cut, placed
from LungPNetLib.lungs.network import STRIDE, VARIANTS, LungArch, make_network
from LungPNetLib.lungs.predict import LungMethod, predict_lungs
from LungPNetLib.lungs.slices import CoarseCt, neighbours, network_input
from LungPNetLib.lungs.train import soft_dice_loss
from LungPNetLib.volume import AxisOrder


class KnowsTheAnswer(nn.Module):
    """Gives back prepared coarse labels, slice after slice, whatever the image."""

    def __init__(self, labels: np.ndarray) -> None:
        super().__init__()
        self.labels = torch.from_numpy(labels.astype(np.int64))
        self.next = 0

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        answer = torch.zeros(len(image), *image.shape[2:], dtype=torch.int64)
        part = self.labels[self.next : self.next + len(image)]
        answer[:, : part.shape[1], : part.shape[2]] = part
        self.next += len(image)
        return nn.functional.one_hot(answer, 3).movedim(-1, 1).float()


@pytest.mark.parametrize("variant", ["compact", "paper"])
def test_output_size_is_input_size(variant):
    arch = LungArch((4, 4, 8, 8, 8), VARIANTS[variant].context_slices)
    network = make_network(arch).eval()
    with torch.no_grad():
        logits = network(torch.zeros(2, arch.context_slices, 3 * STRIDE, 2 * STRIDE))
    assert logits.shape == (2, 3, 3 * STRIDE, 2 * STRIDE)


def test_architecture_survives_the_registry_and_foreign_ones_are_refused():
    for arch in VARIANTS.values():
        assert LungArch.from_mapping(arch.to_mapping()) == arch
    with pytest.raises(ModelError, match="nodule-net"):
        LungArch.from_mapping({"network": "nodule-net", "widths": [1, 2, 3, 4, 5]})


def test_the_window_is_absolute():
    hu = np.array([-2000, -1000, -300, 400, 3000], np.int16)
    assert network_input(hu).tolist() == [-1, -1, 0, 1, 1]


def test_neighbours_stop_at_the_ends():
    assert neighbours(0, 5, 3).tolist() == [0, 0, 1]
    assert neighbours(4, 5, 3).tolist() == [3, 4, 4]
    assert neighbours(2, 5, 1).tolist() == [2]


def test_soft_dice_of_right_and_wrong_answers():
    labels = torch.zeros(1, 4, 4, dtype=torch.int64)
    labels[0, :2], labels[0, 2:] = 1, 2
    right = 50 * nn.functional.one_hot(labels, 3).movedim(-1, 1).float()
    assert soft_dice_loss(right, labels) < 1e-6
    swapped = right[:, [0, 2, 1]]
    assert soft_dice_loss(swapped, labels) == pytest.approx(1 - 1 / 17, abs=1e-4)  # only smoothing
    nothing = torch.zeros(1, 3, 4, 4)
    nothing[:, 0] = 50
    assert soft_dice_loss(nothing, labels) == pytest.approx(1 - 1 / 9, abs=1e-4)


@pytest.mark.parametrize(
    "order", [AxisOrder((0, 1, 2), (False,) * 3), AxisOrder((2, 0, 1), (True, False, True))]
)
def test_inference_puts_labels_where_the_network_saw_lung(small_patient, order):
    """Through crop, padding, batches, clean-up and borders, in any axis order."""
    ct = order.apply(small_patient.ct)
    coarse = CoarseCt.of(small_patient.ct)
    network = KnowsTheAnswer(coarse.shrunk_labels(small_patient.lungs.array))
    found = infer.segment(ct, network, 3)
    assert found.same_grid_as(ct)
    truth = order.apply(small_patient.lungs).array
    for side in (1, 2):
        both = np.count_nonzero((found.array == side) & (truth == side))
        total = np.count_nonzero(found.array == side) + np.count_nonzero(truth == side)
        assert 2 * both / total > 0.98


def test_inference_without_lung_is_an_error(small_patient):
    water = small_patient.ct.with_array(np.zeros(small_patient.ct.shape, np.int16))
    with pytest.raises(InputError, match="No lung was found"):
        infer.segment(water, KnowsTheAnswer(np.zeros(water.shape)), 3)


def test_labels_shrink_by_majority(small_patient):
    coarse = CoarseCt.of(small_patient.ct)
    small = coarse.shrunk_labels(small_patient.lungs.array)
    voxel_ml = np.prod(coarse.spacing_mm) / 1000
    for side in (1, 2):
        truth_ml = (small_patient.lungs.array == side).sum() * small_patient.ct.voxel_volume_ml
        assert (small == side).sum() * voxel_ml == pytest.approx(truth_ml, rel=0.02)


def disc(size: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    y, x = np.ogrid[:size, :size]
    labels = np.zeros((size, size), np.uint8)
    labels[(y - 32) ** 2 + (x - 20) ** 2 < 100] = 1
    labels[(y - 32) ** 2 + (x - 44) ** 2 < 64] = 2
    hu = np.where(labels > 0, -850.0, 40.0).astype(np.float32)
    return torch.from_numpy(np.stack([hu] * 3)), torch.from_numpy(labels)


def test_augmentation_is_a_function_of_its_generator():
    first = augmented(disc(), 64, AugmentConfig(), np.random.default_rng(3))
    again = augmented(disc(), 64, AugmentConfig(), np.random.default_rng(3))
    other = augmented(disc(), 64, AugmentConfig(), np.random.default_rng(4))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_placement_moves_image_and_labels_together():
    for seed in range(20):
        hu, labels = placed(disc(), 64, AugmentConfig(), np.random.default_rng(seed))
        inner = -nn.functional.max_pool2d(-(labels > 0)[None].float(), 5, 1, 2)[0] > 0
        assert (hu[1][inner] < -600).all()
        far = nn.functional.max_pool2d((labels > 0)[None].float(), 5, 1, 2)[0] == 0
        # Beyond the blend at the edge of the image nothing has the density of lung.
        assert (((hu[1] + 850).abs() < 5) & far).sum() < 8


def test_placement_without_variation_changes_nothing():
    still = AugmentConfig(rotation_deg=0, log_zoom=0, shift_fraction=0)
    hu, labels = placed(disc(), 64, still, np.random.default_rng(0))
    assert torch.allclose(hu, disc()[0], atol=1e-2)
    assert torch.equal(labels, disc()[1])


def test_what_the_field_of_view_cuts_is_not_lung():
    for seed in range(10):
        hu, labels = cut(*disc(), np.random.default_rng(seed))
        assert not labels[hu[1] == OUTSIDE_HU].any()


def test_no_weights_means_classical_and_says_so(small_patient, tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path))
    monkeypatch.setattr("LungPNetLib.weights.registry.SHIPPED_FOLDER", tmp_path / "none")
    prediction = predict_lungs(small_patient.ct)
    assert prediction.method is LungMethod.CLASSICAL
    assert "no weights" in prediction.notice
    with pytest.raises(ModelError, match="lungpnet train lungs"):
        predict_lungs(small_patient.ct, LungMethod.NETWORK)
