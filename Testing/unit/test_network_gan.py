"""Generator, critic and perceptual features: sizes, identities, values that follow from theory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from LungPNetLib.errors import ModelError
from LungPNetLib.nodules.grid import network_input
from LungPNetLib.nodules.network_gan import (
    INTENSITY_FLOOR,
    VARIANTS,
    Critic,
    GanArch,
    gradient_penalty,
    hu_from_intensity,
    intensity_from_hu,
    intensity_of_input,
    make_generator,
)
from LungPNetLib.nodules.network_perceptual import RandomFeatures, Vgg19Features, perceptual_loss

SMALL = {"hourglass": GanArch("hourglass", (2, 3, 4)), "blocks": GanArch("blocks", (3, 3))}


def windows(*shape: int, seed: int = 0) -> torch.Tensor:
    """Images in [-1, 1]."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("layout", SMALL)
@pytest.mark.parametrize("size", [(1, 8, 9), (3, 16, 16), (7, 5, 12), (32, 16, 16)])
def test_generator_takes_any_depth(layout, size):
    generator = make_generator(SMALL[layout]).eval()
    with torch.no_grad():
        assert generator(windows(2, 1, *size)).shape == (2, 2, *size)
        assert Critic((4, 8))(windows(2, 1, *size)).shape == (2,)


@pytest.mark.parametrize("layout", SMALL)
def test_untrained_generator_gives_back_its_input(layout):
    """The head starts at zero, so what is left is the residual that spans the whole network."""
    hu = np.array([-1000.0, -600.0, -300.0, 0.0, 399.0], np.float32).reshape(1, 1, 1, 1, 5)
    painted, logit = make_generator(SMALL[layout])(torch.from_numpy(network_input(hu)))[0]
    np.testing.assert_allclose(hu_from_intensity(painted.detach().numpy()), hu[0, 0], atol=1e-2)
    assert not logit.any()


def test_generator_can_paint_nothing():
    generator = make_generator(SMALL["blocks"])
    nn.init.constant_(generator.head.bias, -5.0)
    painted, _ = generator(windows(1, 1, 4, 8, 8))[0]
    assert (painted == 0).all()


def test_published_generator_has_the_published_size():
    """2,326,273 parameters published; here with a second output and without biases before norms."""
    biases = 32 + 64 + 128 + 256 + 128 + 64 + 32
    second_output = 32 * 27 + 1
    counted = sum(p.numel() for p in make_generator(VARIANTS["paper"]).parameters())
    assert counted == 2_326_273 - biases + second_output
    compact = sum(p.numel() for p in make_generator(VARIANTS["compact"]).parameters())
    assert 0.07e6 < compact < 0.09e6


def test_architecture_survives_the_registry_and_foreign_ones_are_refused():
    for arch in VARIANTS.values():
        assert GanArch.from_mapping(arch.to_mapping()) == arch
    for network, widths in (
        ("nodule-unet-3d", [16, 32]), ("nodule-generator-blocks", [16, 8]),
        ("nodule-generator-hourglass", [16]), ("nodule-generator-ring", [16, 16]),
        ("blocks", [16]), ("nodule-generator-blocks", []),
    ):  # fmt: skip
        with pytest.raises(ModelError, match="the adversarial segmenter needs"):
            GanArch.from_mapping({"network": network, "widths": widths})


def test_grey_levels_stand_for_hu():
    hu = np.linspace(-1000, 400, 57)
    level = intensity_from_hu(hu)
    assert (level[0], level[-1]) == (INTENSITY_FLOOR, 1.0)
    assert (np.diff(level) > 0).all()
    np.testing.assert_allclose(hu_from_intensity(level), hu, atol=1e-9)
    through_network = intensity_of_input(torch.from_numpy(network_input(hu)))
    np.testing.assert_allclose(through_network, level, atol=1e-6)
    assert hu_from_intensity(np.array([0.0, 0.05, 2.0])).tolist() == [-1000, -1000, 400]


def test_gradient_penalty_of_a_linear_critic():
    """The slope of w . x is w everywhere, so the penalty is (|w| - 1)^2 for any real and fake."""
    weights = windows(1, 1, 2, 3, 4, seed=3) * 5

    def critic(intensity: torch.Tensor) -> torch.Tensor:
        return (intensity * weights).flatten(1).sum(dim=1)

    penalty = gradient_penalty(critic, windows(3, 1, 2, 3, 4), windows(3, 1, 2, 3, 4, seed=1))
    assert penalty.item() == pytest.approx((weights.norm().item() - 1) ** 2, rel=1e-5)


def test_gradient_penalty_trains_the_critic_and_nothing_else():
    critic = Critic((4, 8))
    real, fake = windows(2, 1, 4, 8, 8).requires_grad_(), windows(2, 1, 4, 8, 8).requires_grad_()
    gradient_penalty(critic, real, fake).backward()
    slopes = [parameter.grad for parameter in critic.layers.parameters() if parameter.ndim > 1]
    assert all(bool(slope.isfinite().all()) and bool(slope.any()) for slope in slopes)
    assert real.grad is None
    assert fake.grad is None


def test_flat_critic_costs_one_and_gives_finite_slopes():
    critic = Critic((4,))
    nn.init.zeros_(critic.value.weight)
    penalty = gradient_penalty(critic, windows(2, 1, 4, 8, 8), windows(2, 1, 4, 8, 8, seed=1))
    penalty.backward()
    assert penalty.item() == 1
    assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in critic.parameters())


def test_critic_judges_each_window_for_itself():
    critic = Critic((4, 8)).train()
    batch = windows(4, 1, 6, 8, 8)
    together = critic(batch)
    alone = torch.cat([critic(one[None]) for one in batch])
    torch.testing.assert_close(together, alone)


def test_random_features_are_the_same_in_every_run_and_in_no_checkpoint():
    torch.manual_seed(1)
    first = RandomFeatures()
    torch.manual_seed(2)
    levels, again = first(windows(1, 1, 4, 8, 8)), RandomFeatures()(windows(1, 1, 4, 8, 8))
    assert all(torch.equal(a, b) for a, b in zip(levels, again, strict=True))
    assert [level.shape[2:] for level in levels] == [(4, 8, 8), (2, 4, 4), (1, 2, 2)]
    assert not first.state_dict()
    assert not list(first.parameters())


def test_perceptual_loss_sees_shape_and_leaves_its_images_alone():
    features = RandomFeatures()
    real = torch.zeros(1, 1, 8, 16, 16)
    real[..., 2:6, 4:9, 4:9] = 0.8
    fake = real.roll(1, dims=-1).requires_grad_()
    before = fake.detach().clone()
    loss = perceptual_loss(features, fake, real)
    loss.backward()
    assert loss > 0
    assert fake.grad is not None
    assert fake.grad.any()
    assert torch.equal(fake.detach(), before)
    assert perceptual_loss(features, real, real) == 0


@pytest.fixture(scope="module")
def vgg19() -> dict[str, torch.Tensor]:
    """Weights of VGG19's shapes that pass the red channel on: each layer copies channel 0."""
    tensors, wide_in, index = {}, 3, 0
    for wide, convolutions in ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)):
        for _ in range(convolutions):
            weight = torch.zeros(wide, wide_in, 3, 3)
            weight[0, 0, 1, 1] = 1
            tensors[f"features.{index}.weight"] = weight
            tensors[f"features.{index}.bias"] = torch.zeros(wide)
            wide_in, index = wide, index + 2
        index += 1
    return {**tensors, "classifier.0.weight": torch.zeros(1, 1)}


@pytest.mark.parametrize("form", ["torch", "safetensors"])
def test_vgg19_reads_published_weights_in_their_scale(vgg19, tmp_path, form):
    path = tmp_path / f"vgg19.{form}"
    save_file(vgg19, path) if form == "safetensors" else torch.save(vgg19, path)
    features = Vgg19Features(path)
    grey = torch.full((1, 1, 2, 32, 32), 0.9)
    (found,) = features(grey)
    assert found.shape == (2, 512, 1, 1)
    torch.testing.assert_close(found[:, 0], torch.full((2, 1, 1), (0.9 - 0.485) / 0.229))
    assert (grey == 0.9).all()
    assert not features.state_dict()


def test_other_weights_than_those_of_vgg19_are_refused(vgg19, tmp_path):
    path = tmp_path / "vgg16.pt"
    torch.save({name: t for name, t in vgg19.items() if "features.34" not in name}, path)
    with pytest.raises(ModelError, match=r"lack 2 of 32 tensors.*features\.34\.weight"):
        Vgg19Features(path)
