"""The detector: Faster R-CNN in 3-D, a pyramid of features with two heads.

A residual backbone with a feature pyramid; a first head that asks of anchors at each cell whether
they hold a nodule (region proposal network); a second one that looks at the best of them again
(ROI head), with what lies around. Anchors of up to 10 mm sit on the map of stride 2, since cells of
stride 4 (6 mm) lie too far apart to meet a nodule of 4 mm; larger ones on the map of stride 4.

References
----------
Ren S et al. NIPS 2015 (Faster R-CNN). Lin TY et al. Feature pyramid networks for object detection.
CVPR 2017. He K et al. CVPR 2016 (residual networks; bottlenecks in ``paper``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from monai.networks.blocks.feature_pyramid_network import FeaturePyramidNetwork
from monai.networks.nets.resnet import ResNetBlock, ResNetBottleneck
from torch import nn

from LungPNetLib.errors import ModelError
from LungPNetLib.nodules.boxes import anchors, decode, pool, suppressed
from LungPNetLib.nodules.grid import DETECTOR_MM
from LungPNetLib.nodules.network_detector_heads import POOLED, FirstHead, SecondHead

LEVELS = (2, 4)
"""Strides of the maps with anchors."""

STRIDE = 16
"""Sides of a block must be multiples of this (the deepest map)."""


@dataclass(frozen=True)
class DetectorArch:
    """Size of the network.

    Parameters
    ----------
    block : str
        ``basic`` (two convolutions of 3) or ``bottleneck`` (1, 3, 1), with a shortcut.
    stem : int
        Channels at stride 2.
    widths, depths : tuple of int
        Channels inside the blocks and number of blocks, at strides 4, 8 and 16.
    pyramid : int
        Channels of the feature maps.
    anchors_mm : tuple of tuple of float
        Sides of the cubes on each of ``LEVELS``, as many on each.
    in_plane : bool
        After the stem, which sees 7 adjacent slices, maps are made by convolutions within a slice;
        3-D otherwise.
    """

    block: Literal["basic", "bottleneck"]
    stem: int
    widths: tuple[int, ...]
    depths: tuple[int, ...]
    pyramid: int
    anchors_mm: tuple[tuple[float, ...], ...] = ((4.0, 6.0, 10.0), (16.0, 26.0, 42.0))
    in_plane: bool = False

    @classmethod
    def from_mapping(cls, arch: Mapping[str, Any]) -> DetectorArch:
        """The architecture that a registry entry states.

        Raises
        ------
        ModelError
            The entry describes another kind of network.
        """
        if arch.get("network") != "nodule-faster-rcnn-3d":
            raise ModelError(
                f"These weights are for '{arch.get('network')}'; the detector of nodules needs "
                "'nodule-faster-rcnn-3d'."
            )
        return cls(
            block=arch["block"],
            stem=int(arch["stem"]),
            widths=tuple(map(int, arch["widths"])),
            depths=tuple(map(int, arch["depths"])),
            pyramid=int(arch["pyramid"]),
            anchors_mm=tuple(tuple(map(float, level)) for level in arch["anchors_mm"]),
            in_plane=bool(arch.get("in_plane", False)),
        )

    def to_mapping(self) -> dict[str, Any]:
        """JSON values for the registry."""
        return {
            "network": "nodule-faster-rcnn-3d",
            "block": self.block,
            "stem": self.stem,
            "widths": list(self.widths),
            "depths": list(self.depths),
            "pyramid": self.pyramid,
            "anchors_mm": [list(level) for level in self.anchors_mm],
            "in_plane": self.in_plane,
        }


_COMPACT = DetectorArch("basic", 32, (64, 96, 128), (1, 1, 1), pyramid=32)

VARIANTS = {
    "compact": _COMPACT,
    "compact-slices": replace(_COMPACT, in_plane=True),
    "paper": DetectorArch("bottleneck", 64, (64, 128, 256), (3, 4, 6), pyramid=256),
}
"""``paper`` has the backbone of Song et al. 2022 (ResNet-50 up to its third stage) in 3-D;
``compact-slices`` is what ``compact`` was compared with."""


@dataclass(frozen=True)
class Searched:
    """What the first head says of a batch.

    Parameters
    ----------
    maps : tuple of Tensor
        Features at ``LEVELS``, (N, C, D / stride, H / stride, W / stride).
    logits : Tensor of float32, shape (N, A)
        Of each anchor holding a nodule.
    deltas : Tensor of float32, shape (N, A, 6)
        From anchor to nodule, see ``boxes.encode``.
    anchors : Tensor of float32, shape (A, 6)
    """

    maps: tuple[torch.Tensor, ...]
    logits: torch.Tensor
    deltas: torch.Tensor
    anchors: torch.Tensor


@dataclass(frozen=True)
class ScoredBoxes:
    """Boxes in a block, (K, 6) in voxels as ``boxes`` says, and their scores, (K,), 0 to 1."""

    boxes: torch.Tensor
    scores: torch.Tensor


@dataclass(frozen=True)
class Proposing:
    """How many of the anchors go on to the second head.

    Parameters
    ----------
    considered : int
        Anchors with the highest scores.
    kept : int
        Of them, after those that overlap more than ``largest_iou`` with a better one are gone.
    """

    considered: int
    kept: int
    largest_iou: float = 0.3


FINDING = Proposing(considered=600, kept=120)
"""In use."""

SAME_IOU = 0.15
"""Found boxes that overlap more are one nodule."""


class Detector(nn.Module):
    """Blocks in, boxes with scores out.

    Parameters
    ----------
    arch : DetectorArch
    """

    def __init__(self, arch: DetectorArch) -> None:
        super().__init__()
        self._anchors_mm = arch.anchors_mm
        self.backbone = Backbone(arch)
        self.first_head = FirstHead(arch.pyramid, len(arch.anchors_mm[0]))
        self.second_head = SecondHead(len(LEVELS) * arch.pyramid)
        if arch.in_plane:
            _flatten(self.first_head.shared)

    def search(self, blocks: torch.Tensor) -> Searched:
        """The first stage, for ``network_input`` of blocks, (N, 1, D, H, W)."""
        maps = self.backbone(blocks)
        said = [self.first_head(level) for level in maps]
        cubes = [
            anchors(level.shape[2:], stride, [mm / DETECTOR_MM for mm in sides], level.device)
            for level, stride, sides in zip(maps, LEVELS, self._anchors_mm, strict=True)
        ]
        logits = torch.cat([logits for logits, _ in said], dim=1)
        deltas = torch.cat([deltas for _, deltas in said], dim=1)
        return Searched(maps, logits, deltas, torch.cat(cubes))

    def proposals(
        self, searched: Searched, item: int, how: Proposing
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The best boxes of one block, (K, 6), and their logits, (K,), without gradients."""
        logits, deltas = searched.logits[item].detach(), searched.deltas[item].detach()
        scores, best = logits.topk(min(how.considered, len(logits)))
        boxes = decode(deltas[best], searched.anchors[best])
        kept = suppressed(boxes, scores, how.largest_iou, how.kept)
        return boxes[kept], scores[kept]

    def look_again(
        self, searched: Searched, item: int, boxes: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The second stage: logits (K,) and deltas (K, 6) of boxes in one block."""
        wide = _with_surroundings(boxes)
        pooled = [
            pool(level[item].float(), wide, stride, POOLED)
            for level, stride in zip(searched.maps, LEVELS, strict=True)
        ]
        sides = (boxes[:, 3:] - boxes[:, :3]).log()
        logits, deltas = self.second_head(torch.cat(pooled, dim=1), sides)
        return logits, deltas

    def forward(self, blocks: torch.Tensor) -> list[ScoredBoxes]:
        """Nodules in each block of (N, 1, D, H, W), in the order of falling scores.

        D, H and W are multiples of ``STRIDE``.
        """
        searched = self.search(blocks)
        return [self._found(searched, item) for item in range(len(blocks))]

    def _found(self, searched: Searched, item: int) -> ScoredBoxes:
        boxes, _ = self.proposals(searched, item, FINDING)
        logits, deltas = self.look_again(searched, item, boxes)
        boxes, scores = decode(deltas, boxes), logits.sigmoid()
        kept = suppressed(boxes, scores, SAME_IOU, FINDING.kept)
        return ScoredBoxes(boxes[kept], scores[kept])


def _with_surroundings(boxes: torch.Tensor) -> torch.Tensor:
    """Half as large again and 3 mm more on each side: what is around tells nodule from vessel."""
    centres, half = (boxes[:, :3] + boxes[:, 3:]) / 2, (boxes[:, 3:] - boxes[:, :3]) / 2
    half = 1.5 * half + 3.0 / DETECTOR_MM
    return torch.cat([centres - half, centres + half], dim=1)


class Backbone(nn.Module):
    """Residual stages at strides 2, 4, 8, 16 and the pyramid that brings them together."""

    def __init__(self, arch: DetectorArch) -> None:
        super().__init__()
        block = ResNetBlock if arch.block == "basic" else ResNetBottleneck
        self.stem = nn.Sequential(
            *_convolution(1, arch.stem, 2), *_convolution(arch.stem, arch.stem)
        )
        stages, channels = [], [arch.stem]
        for width, depth in zip(arch.widths, arch.depths, strict=True):
            out = width * block.expansion
            shortcut = nn.Sequential(
                nn.Conv3d(channels[-1], out, 1, stride=2, bias=False), nn.BatchNorm3d(out)
            )
            blocks = [block(channels[-1], width, stride=2, downsample=shortcut)]
            blocks += [block(out, width) for _ in range(depth - 1)]
            stages.append(nn.Sequential(*blocks))
            channels.append(out)
        self.stages = nn.ModuleList(stages)
        self.pyramid = FeaturePyramidNetwork(3, channels, arch.pyramid)
        self._in_plane = arch.in_plane
        if arch.in_plane:
            _flatten(self.stages)
            _flatten(self.pyramid)

    def forward(self, blocks: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Maps at ``LEVELS``."""
        maps = [self.stem(blocks)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        combined = self.pyramid({str(k): level for k, level in enumerate(maps)})
        fine, coarse = (combined[str(k)] for k in range(len(LEVELS)))
        return fine, coarse[:, :, ::2] if self._in_plane else coarse


def _flatten(part: nn.Module) -> None:
    """Make its convolutions see one slice each, and keep all slices."""
    for module in list(part.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Conv3d):
                _, *kernel = child.kernel_size
                _, *stride = child.stride
                _, *padding = (side // 2 for side in child.kernel_size)
                flat = nn.Conv3d(
                    child.in_channels, child.out_channels, (1, *kernel), (1, *stride),
                    (0, *padding), bias=child.bias is not None,
                )  # fmt: skip
                setattr(module, name, flat)


def _convolution(channels: int, out: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv3d(channels, out, 3, stride=stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm3d(out), nn.ReLU(inplace=True)]
