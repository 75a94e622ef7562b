"""A picture of what the detector does now, for the run's folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from LungPNetLib.nodules.detector_samples import NODULE, FixedBlocks

_N_BLOCKS = 4
_SHOWN = 5
"""Found boxes a block, those with the highest scores."""


def preview_blocks(network: nn.Module, blocks: FixedBlocks, path: Path) -> None:
    """Write some blocks with true boxes (left) and found ones (right) as a PNG.

    The slice is that through the middle of the first nodule. Found boxes are the brighter the
    higher their score.
    """
    from PIL import Image

    rows = []
    for number in np.linspace(0, len(blocks) - 1, _N_BLOCKS).astype(int).tolist():
        sample = blocks.sample(number, 0, np.random.default_rng(number))
        (found,) = network(sample["image"][None])
        true = sample["boxes"][sample["kinds"] == NODULE]
        anchor = true if len(true) else found.boxes
        depth = sample["image"].shape[1]
        k = int((anchor[0, 0] + anchor[0, 3]) / 2) if len(anchor) else depth // 2
        k = min(max(k, 0), depth - 1)
        image = ((sample["image"][0, k].numpy() + 1) / 2).clip(0, 1) * 0.8
        best = [(box, float(score)) for box, score in zip(found.boxes, found.scores, strict=True)]
        panels = [
            _with_boxes(image, [(box, 1.0) for box in true], k),
            _with_boxes(image, best[:_SHOWN], k),
        ]
        rows.append(np.concatenate(panels, axis=1))
    picture = (np.concatenate(rows) * 255).astype(np.uint8)
    Image.fromarray(picture).resize((picture.shape[1] * 2, picture.shape[0] * 2)).save(path)


def _with_boxes(image: np.ndarray, boxes: list[tuple[torch.Tensor, float]], k: int) -> np.ndarray:
    """The slice ``k`` with the outlines of the boxes that meet it, as bright as their value."""
    drawn = image.copy()
    for box, value in boxes:
        z0, y0, x0, z1, y1, x1 = (round(edge) for edge in box.tolist())
        if not z0 <= k < z1:
            continue
        height, width = drawn.shape
        y0, y1 = max(y0 - 1, 0), min(y1, height - 1)
        x0, x1 = max(x0 - 1, 0), min(x1, width - 1)
        drawn[[y0, y1], x0 : x1 + 1] = value
        drawn[y0 : y1 + 1, [x0, x1]] = value
    return drawn
