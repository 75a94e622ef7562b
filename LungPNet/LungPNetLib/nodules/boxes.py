"""Boxes of nodules on a grid of cubes: anchors, their coding, their matching, and pooling in them.

Everywhere here a box is (z0, y0, x0, z1, y1, x1) in voxels of the block: voxel k reaches from k to
k + 1, so that a box around the voxels a .. b is (a, b + 1) along that axis. MONAI's functions on
boxes take any three axes in this order.

References
----------
Ren S et al. Faster R-CNN: towards real-time object detection with region proposal networks. NIPS
2015 (coding, matching). He K et al. Mask R-CNN. ICCV 2017 (pooling without rounding).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from monai.data.box_utils import box_iou, non_max_suppression
from scipy import ndimage
from torch.nn import functional

LARGEST_LOG_RATIO = math.log(8.0)
"""A box is at most so many times larger or smaller than the box it is decoded from."""

POSITIVE, NEGATIVE, NEITHER = 1, 0, -1
"""What a box stands for in training; ``HardNegativeSampler`` of MONAI reads them so."""


def anchors(
    shape: Sequence[int], stride: int, sides: Sequence[float], device: torch.device | str = "cpu"
) -> torch.Tensor:
    """Cubes around the centre of each cell of a feature map.

    Parameters
    ----------
    shape : sequence of int
        Cells of the map, (d, h, w).
    stride : int
        Voxels a cell.
    sides : sequence of float
        Voxels.

    Returns
    -------
    Tensor of float32, shape (d * h * w * len(sides), 6)
        The sides of a cell follow each other; then come x, y and z.
    """
    axes = [(torch.arange(n, dtype=torch.float32, device=device) + 0.5) * stride for n in shape]
    centres = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 1, 3)
    half = torch.tensor(sides, dtype=torch.float32, device=device).reshape(1, -1, 1) / 2
    return torch.cat([centres - half, centres + half], dim=-1).reshape(-1, 6)


def encode(boxes: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    """Shift of the centre in terms of the reference's sides, and logarithms of the ratio of sides.

    Parameters
    ----------
    boxes, references : Tensor, shape (N, 6)
        Each side above 0.

    Returns
    -------
    Tensor, shape (N, 6)
        (dz, dy, dx, log dz, log dy, log dx); the inverse is :func:`decode`.
    """
    centres, sides = _centres_and_sides(boxes)
    from_centres, from_sides = _centres_and_sides(references)
    return torch.cat([(centres - from_centres) / from_sides, (sides / from_sides).log()], dim=-1)


def decode(deltas: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    """The boxes that :func:`encode` would turn into ``deltas``, shape (N, 6).

    Sides are at most 8 times those of the reference, and at least an eighth of them; that keeps
    what an untrained network says finite.
    """
    centres, sides = _centres_and_sides(references)
    centres = centres + deltas[:, :3] * sides
    bounded = deltas[:, 3:].clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO)
    half = sides * bounded.exp() / 2
    return torch.cat([centres - half, centres + half], dim=-1)


def _centres_and_sides(boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    low, high = boxes[:, :3], boxes[:, 3:]
    return (low + high) / 2, high - low


@dataclass(frozen=True)
class Matching:
    """What each of N boxes is for the nodules of a block.

    Parameters
    ----------
    kinds : Tensor of int64, shape (N,)
        ``POSITIVE``, ``NEGATIVE`` or ``NEITHER``.
    nodules : Tensor of int64, shape (N,)
        Index of the nodule that overlaps most; without meaning where there is none.
    """

    kinds: torch.Tensor
    nodules: torch.Tensor


def match(
    boxes: torch.Tensor,
    nodules: torch.Tensor,
    ignored: torch.Tensor,
    *,
    positive_iou: float,
    negative_iou: float,
    best_too: bool,
) -> Matching:
    """Tell which boxes stand for a nodule.

    Parameters
    ----------
    boxes : Tensor, shape (N, 6)
    nodules, ignored : Tensor, shape (M, 6) and (K, 6)
        Nodules, and those that are known in part only; M and K may be 0. A box that meets one of
        the latter is no negative.
    positive_iou, negative_iou : float
        A box is positive from the first on and negative below the second; IoU in 3-D, where two
        boxes that share 7/10 of each side have 0.2.
    best_too : bool
        Make the boxes that overlap most with a nodule positive, however little that is.
    """
    n = len(boxes)
    kinds = torch.zeros(n, dtype=torch.int64, device=boxes.device)
    best_nodule = torch.zeros_like(kinds)
    if len(ignored) and n:
        kinds[(box_iou(boxes, ignored) > 0).any(dim=1)] = NEITHER
    if not len(nodules) or not n:
        return Matching(kinds, best_nodule)
    iou = box_iou(boxes, nodules)
    best_iou, best_nodule = iou.max(dim=1)
    kinds[best_iou >= negative_iou] = NEITHER
    kinds[best_iou >= positive_iou] = POSITIVE
    if best_too:
        most = iou.max(dim=0).values
        first, which = ((iou == most) & (most > 0)).nonzero(as_tuple=True)
        kinds[first], best_nodule[first] = POSITIVE, which
    return Matching(kinds, best_nodule)


def pool(features: torch.Tensor, boxes: torch.Tensor, stride: int, size: int) -> torch.Tensor:
    """Sample a feature map at ``size`` ** 3 places in each box, trilinearly, without rounding.

    Parameters
    ----------
    features : Tensor of float32, shape (C, d, h, w)
    boxes : Tensor, shape (N, 6)
        In voxels of the image. Outside the map its outermost values go on.
    stride : int
        Voxels of the image a cell of the map.
    size : int

    Returns
    -------
    Tensor, shape (N, C, size, size, size)
        Values at the centres of the ``size`` ** 3 equal parts of the box.
    """
    n, channels = len(boxes), len(features)
    if n == 0:
        return features.new_zeros(0, channels, size, size, size)
    extent = torch.tensor(features.shape[1:], dtype=torch.float32, device=boxes.device) * stride
    steps = (torch.arange(size, dtype=torch.float32, device=boxes.device) + 0.5) / size
    low, high = boxes[:, None, :3].float(), boxes[:, None, 3:].float()
    # Shape (N, size, 3), from -1 to 1 between the faces of the map, as grid_sample wants it.
    places = (low + (high - low) * steps[None, :, None]) / extent * 2 - 1
    z, y, x = places.unbind(dim=-1)
    shape = (n, size, size, size)
    grid = torch.stack(
        [
            x[:, None, None, :].expand(shape),
            y[:, None, :, None].expand(shape),
            z[:, :, None, None].expand(shape),
        ],
        dim=-1,
    ).reshape(1, n * size, size, size, 3)
    sampled = functional.grid_sample(
        features[None], grid, padding_mode="border", align_corners=False
    )
    return sampled[0].reshape(channels, n, size, size, size).transpose(0, 1)


def suppressed(
    boxes: torch.Tensor, scores: torch.Tensor, largest_iou: float, at_most: int
) -> torch.Tensor:
    """Indices of the boxes that are left when each removes those with lower scores on it.

    Parameters
    ----------
    boxes : Tensor, shape (N, 6)
    scores : Tensor, shape (N,)
    largest_iou : float
        Boxes that overlap more are the same.
    at_most : int
        So many with the highest scores.
    """
    if not len(boxes):
        return torch.zeros(0, dtype=torch.int64, device=boxes.device)
    kept: torch.Tensor = non_max_suppression(boxes, scores, largest_iou, at_most)
    return kept


def boxes_of_labels(
    labels: npt.NDArray[np.uint8], whole_voxels: Mapping[int, float]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """The boxes of the nodules in a block, and which of them are to be found.

    Parameters
    ----------
    labels : ndarray of uint8, shape (d, h, w)
        0 where there is no nodule.
    whole_voxels : mapping
        Voxels that the whole nodule of each label would have.

    Returns
    -------
    boxes : ndarray of float32, shape (N, 6)
        Of what lies in the block.
    known : ndarray of bool, shape (N,)
        False where the edge of the block leaves less than half of the nodule.
    """
    boxes, known = [], []
    for index, box in enumerate(ndimage.find_objects(labels)):
        if box is None:
            continue
        low, high = [part.start for part in box], [part.stop for part in box]
        cut = min(low) == 0 or any(b == n for b, n in zip(high, labels.shape, strict=True))
        n_voxels = np.count_nonzero(labels[box] == index + 1)
        boxes.append([*low, *high])
        known.append(not cut or n_voxels >= 0.5 * whole_voxels[index + 1])
    return np.array(boxes, np.float32).reshape(-1, 6), np.array(known, bool)
