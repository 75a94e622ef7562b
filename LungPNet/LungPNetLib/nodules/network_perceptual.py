"""What makes two painted nodules look alike: the features of a network that is never trained here.

VGG19 (Simonyan and Zisserman, ICLR 2015, arXiv:1409.1556) where somebody has its weights, which are
not ours to ship. Otherwise random convolutions on three scales: they have learned nothing of CT,
but compare edges and textures of neighbourhoods instead of single voxels (on random features for
texture: Ustyuzhaninov et al. 2016, arXiv:1606.00021).
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from LungPNetLib.weights.state_dicts import part_that_fits, read_state_dict

_RANDOM_WIDTHS = (8, 16, 32)
_RANDOM_SEED = 19

_POOL = 0
_VGG19 = (
    64, 64, _POOL, 128, 128, _POOL, 256, 256, 256, 256, _POOL, 512, 512, 512, 512, _POOL,
    512, 512, 512, 512, _POOL,
)  # fmt: skip
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_SD = (0.229, 0.224, 0.225)


class RandomFeatures(nn.Module):
    """Convolutions with fixed random weights, the same in every run.

    The weights are no part of the state dict: they follow from a seed.
    """

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(_RANDOM_SEED)
        for k, (wide_in, wide_out) in enumerate(
            zip((1, *_RANDOM_WIDTHS[:-1]), _RANDOM_WIDTHS, strict=True)
        ):
            weight = torch.randn(wide_out, wide_in, 3, 3, 3, generator=random)
            scale = math.sqrt(2.0 / (27 * wide_in))
            self.register_buffer(f"weight_{k}", weight * scale, persistent=False)

    def forward(self, intensity: torch.Tensor) -> list[torch.Tensor]:
        """Features of (N, 1, D, H, W) at its resolution, half of it and a quarter."""
        features, levels = intensity, []
        for k in range(len(_RANDOM_WIDTHS)):
            weight = self.get_buffer(f"weight_{k}")
            step = 1 if k == 0 else 2
            features = functional.conv3d(features, weight, stride=step, padding=1).relu()
            levels.append(features)
        return levels


class Vgg19Features(nn.Module):
    """The convolutional part of VGG19, slice by slice.

    Parameters
    ----------
    weights : Path
        The state dict that torchvision publishes for ``vgg19`` (tensors ``features.0.weight`` to
        ``features.34.bias``), as safetensors or saved by torch.

    Raises
    ------
    ModelError
        The file cannot be read or holds another network.
    """

    def __init__(self, weights: Path) -> None:
        super().__init__()
        wanted: dict[str, torch.Tensor] = {}
        self._layers: list[str] = []
        index, wide_in = 0, 3
        for wide in _VGG19:
            self._layers.append(str(index) if wide != _POOL else "")
            if wide != _POOL:
                wanted[f"features.{index}.weight"] = torch.empty(wide, wide_in, 3, 3, device="meta")
                wanted[f"features.{index}.bias"] = torch.empty(wide, device="meta")
                wide_in = wide
            index += 2 if wide != _POOL else 1
        found = part_that_fits(read_state_dict(weights), wanted, weights)
        for name, tensor in found.items():
            self._keep(name.removeprefix("features.").replace(".", "_"), tensor.float())
        self._keep("mean", torch.tensor(_IMAGENET_MEAN).reshape(1, 3, 1, 1))
        self._keep("sd", torch.tensor(_IMAGENET_SD).reshape(1, 3, 1, 1))

    def _keep(self, name: str, tensor: torch.Tensor) -> None:
        """A tensor that moves with the module and stays out of its checkpoints."""
        self.register_buffer(name, tensor, persistent=False)

    def forward(self, intensity: torch.Tensor) -> list[torch.Tensor]:
        """The last features of the slices of (N, 1, D, H, W), (N * D, 512, H / 32, W / 32).

        Grey levels 0 to 1 become the three colours, in the scale that VGG19 was trained in. H and W
        are at least 32.
        """
        slices = intensity[:, 0].flatten(0, 1)[:, None].expand(-1, 3, -1, -1)
        features = (slices - self.get_buffer("mean")) / self.get_buffer("sd")
        for index in self._layers:
            if index:
                weight, bias = self.get_buffer(f"{index}_weight"), self.get_buffer(f"{index}_bias")
                features = functional.relu(functional.conv2d(features, weight, bias, padding=1))
            else:
                features = functional.max_pool2d(features, 2)
        return [features]


def perceptual_loss(features: nn.Module, fake: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Mean squared difference of the features, averaged over their levels.

    Parameters
    ----------
    features : Module
        :class:`RandomFeatures` or :class:`Vgg19Features`.
    fake, real : Tensor, shape (N, 1, D, H, W)
        Grey levels; neither is changed. Gradients flow to ``fake`` only.
    """
    with torch.no_grad():
        wanted = features(real)
    levels = [functional.mse_loss(a, b) for a, b in zip(features(fake), wanted, strict=True)]
    return torch.stack(levels).mean()
