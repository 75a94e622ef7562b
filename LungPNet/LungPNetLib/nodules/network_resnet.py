"""A segmenter on a 3-D ResNet-18, whose encoder can start from self-supervised weights.

The encoder is that of Hara et al., CVPR 2018 (doi:10.1109/CVPR.2018.00685), as MONAI builds it, and
has MONAI's names, so weights of ``monai.networks.nets.resnet18`` fit. Its stem halves the
resolution and no pooling follows, since a nodule of 4 mm would otherwise be one voxel. The decoder
is a light U-Net's that ends at the resolution of the image.
"""

from __future__ import annotations

from pathlib import Path

import torch
from monai.networks.nets.basic_unet import TwoConv
from monai.networks.nets.resnet import ResNet
from torch import nn

from LungPNetLib.weights.state_dicts import part_that_fits, read_state_dict

_BLOCKS = [2, 2, 2, 2]
_FINEST = 8
"""Channels at the resolution of the image."""


class ResNetEncoder(ResNet):
    """The four levels and the stem of a ResNet-18.

    Parameters
    ----------
    widths : tuple of int
        Channels of the four levels, finest first.
    """

    def __init__(self, widths: tuple[int, int, int, int]) -> None:
        super().__init__(
            "basic",
            _BLOCKS,
            list(widths),
            spatial_dims=3,
            n_input_channels=1,
            conv1_t_stride=2,
            no_max_pool=True,
            feed_forward=False,
        )

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Features of (N, 1, D, H, W) at 1/2, 1/4, 1/8 and 1/16 of its resolution."""
        features = self.act(self.bn1(self.conv1(image)))
        levels = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = layer(features)
            levels.append(features)
        return levels


class _Rise(nn.Module):
    """Doubles the resolution, takes over what the encoder saw there, and convolves twice."""

    def __init__(self, coarse: int, fine: int, out: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose3d(coarse, out, kernel_size=2, stride=2)
        self.convs = TwoConv(3, out + fine, out, act="relu", norm="batch", bias=False)

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        depth, height, width = fine.shape[2:]
        up = self.up(coarse)[..., :depth, :height, :width]
        features: torch.Tensor = self.convs(torch.cat([fine, up], dim=1))
        return features


class ResNetSegmenter(nn.Module):
    """Encoder, decoder and one logit a voxel; any window is accepted."""

    def __init__(self, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.encoder = ResNetEncoder(widths)
        skips = (1, *widths[:-1])
        outs = (_FINEST, *widths[:-1])
        coarse = (*widths[:-1], widths[-1])
        self.decoder = nn.ModuleList(
            _Rise(c, fine, out) for c, fine, out in zip(coarse, skips, outs, strict=True)
        )
        self.logit = nn.Conv3d(_FINEST, 1, kernel_size=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits (N, 1, D, H, W) of an image (N, 1, D, H, W) in [-1, 1]."""
        fine_to_coarse = [image, *self.encoder(image)]
        features = fine_to_coarse.pop()
        for rise, skip in zip(reversed(self.decoder), reversed(fine_to_coarse), strict=True):
            features = rise(features, skip)
        logits: torch.Tensor = self.logit(features)
        return logits


def make_resnet_segmenter(widths: tuple[int, int, int, int]) -> ResNetSegmenter:
    """The segmenter with these channels of its four levels, finest first.

    ``(64, 128, 256, 512)`` is ResNet-18's own size.
    """
    return ResNetSegmenter(widths)


def load_encoder(network: ResNetSegmenter, path: Path) -> None:
    """Give the encoder weights that were learned elsewhere; the decoder keeps its own.

    Parameters
    ----------
    network : ResNetSegmenter
        Is changed.
    path : Path
        A safetensors file or a checkpoint with the tensors of a 3-D ResNet-18 of the same widths
        with one input channel, named as MONAI names them, under any prefix.

    Raises
    ------
    ModelError
        The file cannot be read, or a tensor is missing or has another shape.

    Notes
    -----
    The image must be scaled in the earlier training as it is here (``grid.network_input``).
    """
    wanted = network.encoder.state_dict()
    network.encoder.load_state_dict(part_that_fits(read_state_dict(path), wanted, path))
