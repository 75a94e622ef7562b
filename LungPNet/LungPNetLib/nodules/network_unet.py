"""A 3-D U-Net that works on eighths: eight neighbouring voxels become eight channels and back.

So width costs an eighth at full resolution and no detail is lost, as with the sub-pixel
convolutions of Shi et al., CVPR 2016 (doi:10.1109/CVPR.2016.207). The levels are MONAI's residual
blocks.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from monai.networks.blocks.dynunet_block import UnetOutBlock, UnetResBlock, UnetUpBlock
from monai.networks.utils import pixelshuffle, pixelunshuffle
from torch import nn

_FOLD = 2
_FIRST_BIAS = -3.0
"""Logit with which training begins: few voxels are nodule."""


class FoldedUNet(nn.Module):
    """Logits (N, 1, D, H, W) from an image of the same shape; sides are multiples of 16.

    Parameters
    ----------
    widths : sequence of int
        Channels of the levels, finest first.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        channels = [_FOLD**3, *widths]
        self.down = nn.ModuleList(
            UnetResBlock(3, before, after, 3, stride=1 if level == 0 else 2, norm_name="batch")
            for level, (before, after) in enumerate(itertools.pairwise(channels))
        )
        self.up = nn.ModuleList(
            UnetUpBlock(3, deep, fine, 3, stride=1, upsample_kernel_size=2, norm_name="batch")
            for fine, deep in itertools.pairwise(widths)
        )
        self.out = UnetOutBlock(3, widths[0], _FOLD**3)
        nn.init.constant_(self.out.conv.conv.bias, _FIRST_BIAS)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Fold, compute, unfold."""
        levels = []
        level = pixelunshuffle(image, 3, _FOLD)
        for block in self.down:
            level = block(level)
            levels.append(level)
        for block, skipped in zip(reversed(self.up), reversed(levels[:-1]), strict=True):
            level = block(level, skipped)
        logits: torch.Tensor = pixelshuffle(self.out(level), 3, _FOLD)
        return logits
