"""The two heads of the detector: one for every anchor, one for the boxes that are left."""

from __future__ import annotations

import torch
from torch import nn

POOLED = 7
"""Places along each side of a box at which the second head samples the maps."""

_FIRST_BIAS = -4.6
"""Logit of 1 %, with which the first head begins: few anchors hold a nodule."""


class FirstHead(nn.Module):
    """One logit and six deltas for each anchor; the same weights on every level."""

    def __init__(self, channels: int, n_anchors: int) -> None:
        super().__init__()
        self.shared = nn.Sequential(nn.Conv3d(channels, channels, 3, padding=1), nn.ReLU())
        self.logits = _small(nn.Conv3d(channels, n_anchors, 1))
        nn.init.constant_(self.logits.bias, _FIRST_BIAS)
        self.deltas = _small(nn.Conv3d(channels, 6 * n_anchors, 1))

    def forward(self, level: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (N, A) and deltas (N, A, 6), in the order of ``boxes.anchors``."""
        shared = self.shared(level)
        logits = self.logits(shared).float().movedim(1, -1)
        deltas = self.deltas(shared).float().movedim(1, -1)
        return logits.flatten(1), deltas.flatten(1).unflatten(1, (-1, 6))


class SecondHead(nn.Module):
    """Whether a box holds a nodule, and where it is exactly, from the features in and around it."""

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        self.convolution = nn.Sequential(
            nn.Conv3d(channels, width, 3, stride=2),
            nn.GroupNorm(8, width),
            nn.LeakyReLU(0.1),
            nn.Flatten(),
        )
        # The pooling takes the size away, so it is told. Leaky, for most boxes are no nodules, and
        # they soon shut units for good that the few nodules would need.
        self.joined = nn.Sequential(
            nn.Linear(width * (POOLED // 2) ** 3 + 3, 2 * width), nn.LeakyReLU(0.1)
        )
        self.logits = _small(nn.Linear(2 * width, 1))
        self.deltas = _small(nn.Linear(2 * width, 6))

    def forward(
        self, pooled: torch.Tensor, log_sides: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (K,) and deltas (K, 6) for (K, C, 7, 7, 7) and the sides in voxels, (K, 3)."""
        joined = self.joined(torch.cat([self.convolution(pooled), log_sides], dim=1))
        return self.logits(joined).float()[:, 0], self.deltas(joined).float()


def _small(layer: nn.Module) -> nn.Module:
    """The layer with weights so small that boxes begin where their anchors are."""
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer
