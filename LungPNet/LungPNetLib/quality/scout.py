"""The whole volume in cells of about 4 mm: enough to find the body, bright blood and metal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.volume import Volume

CELL_MM = 4.0
"""Side of a cell; the noise of a sharp kernel (100 HU) averages to about 15 HU in it."""

HU_RANGE = (-1024, 3071)
"""Values outside (padding, extended scale) are clipped before averaging."""

METAL_HU = 2500
"""Denser than any bone (cortical bone and enamel stay below about 2500 HU)."""

BODY_HU = -300.0
"""Between lung or air and fat."""

_SLAB_SLICES = 16
"""Slices copied at a time, so that volumes stored in another axis order are read in one sweep."""


@dataclass(frozen=True)
class Scout:
    """A coarse look at a CT.

    Parameters
    ----------
    mean_hu : ndarray, float32, shape (z, y, x)
        Mean of each cell.
    metal_ml : ndarray, float32, shape (z, y, x)
        Volume of voxels above ``METAL_HU`` in each cell.
    body : ndarray of bool, shape (z, y, x)
        The patient with the lungs, without the couch.
    cell_ml : float
        Volume of a cell in mL.
    """

    mean_hu: npt.NDArray[np.float32]
    metal_ml: npt.NDArray[np.float32]
    body: npt.NDArray[np.bool_]
    cell_ml: float


def survey(axial: Volume) -> Scout:
    """Average a volume in LPS axial order into cells; extra memory is a few slabs of slices."""
    factors = [max(1, round(CELL_MM / mm)) for mm in axial.spacing_mm[::-1]]
    factors = [min(f, n) for f, n in zip(factors, axial.shape, strict=True)]
    size = [n // f for n, f in zip(axial.shape, factors, strict=True)]
    mean_hu = np.empty(size, np.float32)
    metal = np.zeros(size, np.float32)
    thick = factors[0]
    cells_per_slab = max(1, _SLAB_SLICES // thick)
    for first in range(0, size[0], cells_per_slab):
        last = min(first + cells_per_slab, size[0])
        box = axial.array[first * thick : last * thick, : size[1] * factors[1]]
        slab = np.ascontiguousarray(box[:, :, : size[2] * factors[2]])
        slab = slab.reshape(last - first, thick, *slab.shape[1:])
        if slab.max() > METAL_HU:
            metal[first:last] = _cell_sums((slab > METAL_HU).astype(np.float32), factors)
        mean_hu[first:last] = _cell_sums(np.clip(slab, *HU_RANGE), factors)
    mean_hu /= np.prod(factors)
    voxel_ml = axial.voxel_volume_ml
    return Scout(
        mean_hu, metal * np.float32(voxel_ml), _body(mean_hu), voxel_ml * float(np.prod(factors))
    )


def _cell_sums(slab: npt.NDArray[np.generic], factors: list[int]) -> npt.NDArray[np.float32]:
    """Sums over cells of a slab of shape (cells, slices a cell, rows, columns)."""
    flat: npt.NDArray[np.float32] = slab.sum(axis=1, dtype=np.float32)
    cells, rows, columns = flat.shape
    flat = flat.reshape(cells, rows // factors[1], factors[1], columns).sum(axis=2)
    return flat.reshape(cells, flat.shape[1], columns // factors[2], factors[2]).sum(axis=3)


def _body(mean_hu: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    # Opening takes away couch, tubes and clothes, which are thinner than three cells.
    dense = ndimage.binary_opening(mean_hu > BODY_HU, np.ones((1, 3, 3)))
    parts, count = ndimage.label(dense)
    if not count:
        return dense
    largest = int(np.argmax(np.bincount(parts.ravel())[1:])) + 1
    body: npt.NDArray[np.bool_] = parts == largest
    for k, plane in enumerate(body):
        body[k] = ndimage.binary_fill_holes(plane)
    return body
