"""The lung network over a whole CT: coarse labels, cleaned in 3-D, borders at full resolution."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.errors import InputError
from LungPNetLib.lungs.borders import LUNG_HU, draw_borders
from LungPNetLib.lungs.completion import completed
from LungPNetLib.lungs.morphology import Components, FloatImage, Mask, holes_filled_by_slice
from LungPNetLib.lungs.network import STRIDE
from LungPNetLib.lungs.slices import CoarseCt, neighbours, network_input
from LungPNetLib.runtime import TorchRunner
from LungPNetLib.volume import Volume

if TYPE_CHECKING:
    from torch import nn

BATCH = 16
"""Slices between two reports of progress (on a GPU, slices at a time)."""

MIN_PART_ML = 3.0
"""Smaller islands are mistakes (or a tip of lung that is hardly missed)."""

LARGEST_POCKET_ML = 40.0
"""Larger pieces between lung and chest wall (fluid, for the most part) the network knows better."""

BODY_HU = -500
"""Darker is air, or lung; lungs have body around them in every row and column of the image."""

BODY_SHARE = 0.1
"""Smaller parts, in terms of the largest, are table, blanket and cables."""

BODY_MARGIN_MM = 20.0

MOST_OF_SLICE = 0.7
"""A crop that leaves more than this share of the image saves too little to be worth it."""


def segment(
    ct: Volume,
    network: Callable[[FloatImage], Any],
    context_slices: int,
    progress: Callable[[float], None] = lambda _: None,
) -> Volume:
    """Right (1) and left (2) lung as uint8 on the grid of ``ct``.

    Parameters
    ----------
    ct : Volume
        HU in any axis order.
    network : callable
        From float32 (N, context_slices, H, W), ``network_input`` of neighbouring slices, to an
        array (N, 3, H, W) of scores of ``network.CLASSES``; such as a ``runtime.Runner``. H and W
        are multiples of ``network.STRIDE``.
    context_slices : int
        As in the network's architecture.
    progress : callable
        Told the share of the work done, 0 to 1.

    Raises
    ------
    InputError
        No lung is found.
    """
    order = ct.axis_order_to()
    upright = order.apply(ct)
    coarse = CoarseCt.of(upright)
    progress(0.1)
    labels = np.zeros(coarse.hu.shape, np.uint8)
    body = (slice(None), *body_region(coarse))
    labels[body] = label_slices(
        coarse.hu[body], network, context_slices, lambda share: progress(0.1 + 0.7 * share)
    )
    sides = _completed({side: _cleaned(labels == side, coarse) for side in (1, 2)}, coarse)
    progress(0.9)
    full = np.zeros(upright.shape, np.uint8)
    draw_borders(upright.array, full, sides, np.zeros_like(labels, bool), coarse.shrinking)
    if not full.any():
        raise InputError("No lung was found in this CT.")
    return order.inverse().apply(upright.with_array(full))


def body_region(coarse: CoarseCt) -> tuple[slice, slice]:
    """Rows and columns of the coarse image that hold the body; all, where that saves little.

    Starts are multiples of ``network.STRIDE``, so that the network's poolings fall on the same
    voxels as without the crop. Parts of the body that the field of view separates all count.
    """
    step = 4
    parts = Components.of(coarse.hu[:, ::step, ::step] > BODY_HU)
    if parts.sizes.size == 0:
        return slice(None), slice(None)
    body = (parts.labels > 0) & (parts.labels <= np.sum(parts.sizes >= BODY_SHARE * parts.sizes[0]))
    (box,) = ndimage.find_objects(body.any(axis=0).astype(np.uint8))
    region = []
    for part, size, spacing_mm in zip(box, coarse.hu.shape[1:], coarse.spacing_mm[1:], strict=True):
        margin = BODY_MARGIN_MM / spacing_mm
        first = math.floor((part.start * step - margin) / STRIDE) * STRIDE
        last = math.ceil((part.stop * step + margin) / STRIDE) * STRIDE
        region.append(slice(max(0, first), min(size, last)))
    rows, columns = region
    if coarse.hu[0, rows, columns].size > MOST_OF_SLICE * coarse.hu[0].size:
        return slice(None), slice(None)
    return rows, columns


def label_slices(
    hu: npt.NDArray[np.float32],
    network: Callable[[FloatImage], Any],
    context_slices: int,
    progress: Callable[[float], None] = lambda _: None,
) -> npt.NDArray[np.uint8]:
    """Most likely class of each coarse voxel, uint8, shape of ``hu`` (z, y, x); see ``segment``."""
    n, height, width = hu.shape
    pad = [(0, 0), (0, -height % STRIDE), (0, -width % STRIDE)]
    scaled = np.pad(network_input(hu), pad, constant_values=-1.0)
    labels = np.empty(hu.shape, np.uint8)
    for start in range(0, n, BATCH):
        ks = range(start, min(start + BATCH, n))
        batch = np.stack([scaled[neighbours(k, n, context_slices)] for k in ks])
        best = np.asarray(network(batch)).argmax(axis=1)
        labels[start : ks.stop] = best[:, :height, :width]
        progress(ks.stop / n)
    return labels


def coarse_labels(
    hu: npt.NDArray[np.float32], network: nn.Module, context_slices: int, device: str = "cpu"
) -> npt.NDArray[np.uint8]:
    """``label_slices`` by a torch module in memory, as training asks for it."""
    return label_slices(hu, TorchRunner(network, device), context_slices)


def _cleaned(side: Mask, coarse: CoarseCt) -> Mask:
    """One lung without small islands and with the holes of each slice filled."""
    parts = Components.of(side)
    least = MIN_PART_ML * 1000 / float(np.prod(coarse.spacing_mm))
    kept = (parts.labels > 0) & (parts.labels <= int((parts.sizes >= least).sum()))
    return holes_filled_by_slice(kept)


def _completed(sides: dict[int, Mask], coarse: CoarseCt) -> dict[int, Mask]:
    """Both lungs with dense parts at their borders that the network took for something else.

    Whether air is lung (and not bronchus, bowel or room) is left to the network.
    """
    both = sides[1] | sides[2]
    rows, columns = (np.flatnonzero(both.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    if rows.size == 0:
        return sides
    centre = (float(rows.mean()), float(columns[[0, -1]].mean()))
    other_air = (coarse.hu < LUNG_HU) & ~both
    found: dict[int, Mask] = {}
    for side, lung in sides.items():
        if not lung.any():
            continue
        taken = found.get(1, sides[3 - side]) if side == 2 else sides[2]
        whole = ~other_air & completed(
            lung, taken, coarse.hu, centre, coarse.spacing_mm, largest_pocket_ml=LARGEST_POCKET_ML
        )
        found[side] = holes_filled_by_slice(whole) & ~taken
    return found
