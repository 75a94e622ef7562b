"""The lung network over a whole CT: coarse labels, cleaned in 3-D, borders at full resolution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.lungs.borders import draw_borders
from LungPNetLib.lungs.classical import MIN_PART_ML
from LungPNetLib.lungs.morphology import Components, Mask, holes_filled_by_slice
from LungPNetLib.lungs.slices import CoarseCt, neighbours, network_input
from LungPNetLib.volume import Volume

BATCH = 8


def segment(
    ct: Volume,
    network: Any,
    context_slices: int,
    device: str = "cpu",
    progress: Callable[[float], None] = lambda _: None,
) -> Volume:
    """Right (1) and left (2) lung as uint8 on the grid of ``ct``.

    Parameters
    ----------
    ct : Volume
        HU in any axis order.
    network : torch.nn.Module
        From ``network.make_network``, with its weights, in evaluation mode on ``device``.
    context_slices : int
        As in the network's architecture.
    device : str
        torch device.
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
    labels = coarse_labels(coarse.hu, network, context_slices, device, progress)
    sides = {side: _cleaned(labels == side, coarse) for side in (1, 2)}
    full = np.zeros(upright.shape, np.uint8)
    draw_borders(upright.array, full, sides, np.zeros_like(labels, bool), coarse.shrinking)
    if not full.any():
        raise InputError("No lung was found in this CT.")
    return order.inverse().apply(upright.with_array(full))


def coarse_labels(
    hu: npt.NDArray[np.float32],
    network: Any,
    context_slices: int,
    device: str,
    progress: Callable[[float], None] = lambda _: None,
) -> npt.NDArray[np.uint8]:
    """Most likely class of each coarse voxel, uint8, shape of ``hu`` (z, y, x)."""
    import torch

    from LungPNetLib.lungs.network import STRIDE

    n, height, width = hu.shape
    pad = [(0, 0), (0, -height % STRIDE), (0, -width % STRIDE)]
    scaled = torch.from_numpy(np.pad(network_input(hu), pad, constant_values=-1.0))
    out = np.empty(hu.shape, np.uint8)
    half = torch.bfloat16 if bf16_pays(device) else None
    with torch.inference_mode(), torch.autocast(device.split(":")[0], half, half is not None):
        for start in range(0, n, BATCH):
            ks = range(start, min(start + BATCH, n))
            batch = torch.stack([scaled[neighbours(k, n, context_slices)] for k in ks])
            batch = batch.to(device, memory_format=torch.channels_last)
            best = network(batch).argmax(dim=1).to("cpu", torch.uint8).numpy()
            out[start : ks.stop] = best[:, :height, :width]
            progress(0.1 + 0.7 * ks.stop / n)
    return out


def bf16_pays(device: str) -> bool:
    """Whether half precision is faster: on GPUs that have it, on CPUs with AVX512-BF16 or AMX."""
    import torch

    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported())
    # torch tells this by private functions only; without them the answer is no.
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)


def _cleaned(side: Mask, coarse: CoarseCt) -> Mask:
    """One lung without small islands and with the holes of each slice filled."""
    parts = Components.of(side)
    least = MIN_PART_ML * 1000 / float(np.prod(coarse.spacing_mm))
    kept = (parts.labels > 0) & (parts.labels <= int((parts.sizes >= least).sum()))
    return holes_filled_by_slice(kept)
