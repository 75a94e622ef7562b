"""The detector over a whole CT: overlapping blocks of the lungs, one list of boxes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.evaluation.judged import Box
from LungPNetLib.nodules.grid import DETECTOR_MM, OUTSIDE_HU, network_input, on_cubes
from LungPNetLib.volume import Triplet, Volume

if TYPE_CHECKING:
    from torch import nn

    from LungPNetLib.weights.registry import Found

Floats = npt.NDArray[np.float32]
Network = Callable[[Floats], tuple[Floats, Floats]]

BLOCK = (96, 128, 128)
"""Cubes of 1.5 mm; larger than in training, since little of it is seen twice then."""

OVERLAP = 32
"""Cubes (48 mm): a nodule of that size lies whole in one block at least."""

OUTSIDE_MM = 5.0
"""Centres may lie so far outside the lungs, and a quarter of the box's longest side further: a
mask of the lungs often leaves out what is solid at the pleura."""

AT_MOST = 100


@dataclass(frozen=True)
class ScoredBox:
    """A place that may be a nodule.

    Parameters
    ----------
    score : float
        0 to 1; not calibrated.
    box : Box
        Along the axes of LPS, mm.
    """

    score: float
    box: Box

    @property
    def centre_lps_mm(self) -> Triplet:
        """The middle of the box."""
        x, y, z = (
            (low + high) / 2
            for low, high in zip(self.box.low_lps_mm, self.box.high_lps_mm, strict=True)
        )
        return (x, y, z)


class TorchDetector:
    """Runs a detector with torch, one block at a time.

    Parameters
    ----------
    network : torch.nn.Module
        ``network_detector.Detector``, float32; a copy is run, in evaluation mode.
    device : str
        One that is really there.
    """

    def __init__(self, network: nn.Module, device: str = "cpu") -> None:
        import torch

        from LungPNetLib.runtime import bf16_pays

        self._device = device
        self._half = bf16_pays(device)
        copied = deepcopy(network).eval().float()
        self._network = copied.to(device, memory_format=torch.channels_last_3d)

    def __call__(self, block: Floats) -> tuple[Floats, Floats]:
        """Boxes (K, 6) in voxels, see ``boxes``, and scores (K,) of ``network_input`` (d, h, w)."""
        import torch

        kind = self._device.partition(":")[0]
        half = torch.autocast(kind, torch.bfloat16) if self._half else nullcontext()
        with torch.inference_mode(), half:
            (found,) = self._network(torch.from_numpy(block)[None, None].to(self._device))
        return found.boxes.float().cpu().numpy(), found.scores.float().cpu().numpy()

    def record(self) -> dict[str, str]:
        """What result.json keeps of it, as ``runtime.Runner`` names it."""
        precision = "bfloat16" if self._half else "float32"
        return {"runtime": "torch", "precision": precision, "device": self._device}


def open_detector(found: Found, device: str = "cpu") -> TorchDetector:
    """The detector with verified weights, ready to run.

    Parameters
    ----------
    found : Found
    device : str
        One that is really there.

    Raises
    ------
    ModelError
        The weights are damaged, or those of another network.
    """
    from LungPNetLib.nodules.network_detector import Detector, DetectorArch
    from LungPNetLib.weights.registry import read_weights

    loaded = read_weights(found)
    network = Detector(DetectorArch.from_mapping(loaded.entry.arch))
    network.load_state_dict(loaded.state_dict)
    return TorchDetector(network, device)


def detect(
    ct: Volume,
    lungs: Volume,
    network: Network,
    *,
    progress: Callable[[float], None] = lambda _: None,
) -> list[ScoredBox]:
    """What may be a nodule in or at the lungs, in the order of falling scores.

    Parameters
    ----------
    ct : Volume
        HU; any order of axes.
    lungs : Volume
        Labels above 0 inside, on the grid of ``ct``.
    network : callable
        From float32 (d, h, w), ``network_input`` of a block of cubes of 1.5 mm whose sides are
        multiples of 16, to boxes (K, 6) in voxels and scores (K,); such as ``TorchDetector``.
    progress : callable
        Told the share of the work done, 0 to 1.

    Returns
    -------
    list of ScoredBox
        At most ``AT_MOST``; empty where nothing is found.

    Raises
    ------
    InputError
        The grids differ, or the mask of the lungs is empty.
    """
    cubes, inside = on_cubes(ct, lungs, DETECTOR_MM)
    outside_mm = _distance_mm(inside)
    progress(0.1)
    boxes, scores = _in_blocks(cubes, outside_mm, network, lambda s: progress(0.1 + 0.9 * s))
    centres = (boxes[:, :3] + boxes[:, 3:]) / 2
    index = np.clip(np.floor(centres).astype(int), 0, np.asarray(cubes.shape) - 1)
    sides_mm = (boxes[:, 3:] - boxes[:, :3]).max(axis=1, initial=0) * DETECTOR_MM
    near = outside_mm[tuple(index.T)] <= OUTSIDE_MM + sides_mm / 4
    boxes, scores = boxes[near], scores[near]
    return [
        ScoredBox(float(scores[k]), _in_space(boxes[k], cubes)) for k in _distinct(boxes, scores)
    ]


def _distance_mm(inside: Volume) -> npt.NDArray[np.float64]:
    """Distance of each cube from the lungs, 0 in them; their holes are lung."""
    filled = ndimage.binary_fill_holes(inside.array)
    distance: npt.NDArray[np.float64] = ndimage.distance_transform_edt(~filled, inside.spacing_mm)
    return distance


def _in_blocks(
    cubes: Volume,
    outside_mm: npt.NDArray[np.float64],
    network: Network,
    progress: Callable[[float], None],
) -> tuple[Floats, Floats]:
    """All boxes of all blocks, each taken where it lies furthest from the edge of its block."""
    shape = cubes.shape
    size = tuple(min(side, -(-n // 16) * 16) for side, n in zip(BLOCK, shape, strict=True))
    pad = [(0, max(0, side - n)) for side, n in zip(size, shape, strict=True)]
    image = np.pad(cubes.array, pad, constant_values=OUTSIDE_HU)
    blocks = [
        (start, inner)
        for start, inner in _blocks(image.shape, size)
        if (outside_mm[tuple(slice(a, b) for a, b in inner)] <= OUTSIDE_MM).any()
    ]
    boxes, scores = [np.zeros((0, 6), np.float32)], [np.zeros(0, np.float32)]
    for number, (start, inner) in enumerate(blocks):
        part = tuple(slice(a, a + side) for a, side in zip(start, size, strict=True))
        found, found_scores = network(network_input(image[part]))
        found = found + np.tile(np.asarray(start, np.float32), 2)
        centres = (found[:, :3] + found[:, 3:]) / 2
        low, high = np.asarray(inner).T
        own = ((centres >= low) & (centres < high)).all(axis=1)
        boxes.append(found[own])
        scores.append(found_scores[own])
        progress((number + 1) / len(blocks))
    return np.concatenate(boxes), np.concatenate(scores)


def _blocks(
    shape: tuple[int, ...], size: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], tuple[tuple[int, int], ...]]]:
    """First voxel of each block, and the part of the image (first, end) that is its own.

    The parts meet halfway in the overlap and reach beyond the image at its edges, for boxes whose
    centre lies there.
    """
    axes = []
    for n, side in zip(shape, size, strict=True):
        count = 1 + max(0, -(-(n - side) // (side - OVERLAP)))
        starts = np.linspace(0, n - side, count).round().astype(int).tolist()
        borders = [(a + side + b) // 2 for a, b in itertools.pairwise(starts)]
        axes.append(list(zip(starts, itertools.pairwise([0, *borders, n]), strict=True)))
    for place in itertools.product(*axes):
        yield tuple(start for start, _ in place), tuple(own for _, own in place)


def _distinct(boxes: Floats, scores: Floats) -> list[int]:
    """The best boxes, without those that overlap with a better one."""
    from monai.data.box_utils import non_max_suppression

    from LungPNetLib.nodules.network_detector import SAME_IOU

    kept = non_max_suppression(boxes, scores, SAME_IOU, AT_MOST) if len(boxes) else []
    return [int(k) for k in kept]


def _in_space(box: Floats, cubes: Volume) -> Box:
    """A box of the grid in LPS; on an oblique grid the box around it."""
    # The middle of voxel k is k in the volume's indices and k + 1/2 in those of boxes.
    low, high = box[:3].astype(float)[::-1] - 0.5, box[3:].astype(float)[::-1] - 0.5
    centre = cubes.index_to_world((low + high) / 2)
    half = np.abs(cubes.direction) @ ((high - low) / 2 * np.asarray(cubes.spacing_mm))
    (x0, y0, z0), (x1, y1, z1) = (centre - half).tolist(), (centre + half).tolist()
    return Box((x0, y0, z0), (x1, y1, z1))
