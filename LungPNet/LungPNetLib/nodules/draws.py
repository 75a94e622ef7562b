"""Windows for training, cut from a stored CT anywhere, each with one variation for all slices."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch.nn import functional

from LungPNetLib.nodules.grid import OUTSIDE_HU, smoothed_for
from LungPNetLib.nodules.store import StoredCase
from LungPNetLib.volume import Triplet

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BlockAugment:
    """How much a window is varied; zero switches a variation off.

    After Song et al. (IEEE JBHI 2022): flips, rotations of up to 30 degrees and shifts of up to a
    fifth, the same for all slices of a nodule; and what differs between scanners.

    Parameters
    ----------
    flip_probability : float
        Of a flip along each axis.
    rotation_deg, tilt_deg : float
        Half-widths of uniform draws about z, and about x and y.
    log_zoom : float
        Half-width of the logarithm of the magnification.
    offset_hu : float
        Standard deviation of a shift of all values.
    noise_hu : float
        Largest standard deviation of added noise, white to correlated.
    blur_mm : float
        Largest standard deviation of added blur.
    slab_mm : float
        Largest slice thickness that is imitated.
    scanner_probability : float
        Share of the windows that get noise, blur and slabs, each for itself.
    """

    flip_probability: float = 0.5
    rotation_deg: float = 30.0
    tilt_deg: float = 10.0
    log_zoom: float = 0.2
    offset_hu: float = 12.0
    noise_hu: float = 50.0
    blur_mm: float = 0.8
    slab_mm: float = 4.0
    scanner_probability: float = 0.35


@dataclass(frozen=True, eq=False)
class Block:
    """A window of cubes.

    Parameters
    ----------
    hu : Tensor of float32, shape (d, h, w)
        ``OUTSIDE_HU`` outside the image.
    labels : Tensor of uint8
        The nodule of each voxel by the nearest voxel of the image; 0 for none.
    share : Tensor of float32
        Share of each voxel that is nodule, 0 to 1, between the voxels of the image interpolated.
    inside : Tensor of bool
        Whether the voxel lies in the image.
    """

    hu: torch.Tensor
    labels: torch.Tensor
    share: torch.Tensor
    inside: torch.Tensor


def draw_block(
    case: StoredCase,
    centre_mm: Triplet,
    *,
    size: tuple[int, int, int],
    spacing_mm: float,
    rng: np.random.Generator,
    augment: BlockAugment | None = None,
) -> Block:
    """The window of ``size`` cubes around a place.

    Parameters
    ----------
    case : StoredCase
    centre_mm : tuple of float
        (z, y, x) from the centre of the case's first voxel; need not lie in the image.
    size : tuple of int
        (d, h, w).
    spacing_mm : float
        Edge of a cube.
    rng : Generator
        All randomness comes from it.
    augment : BlockAugment, optional
        No variation without it.
    """
    turn = np.eye(3) if augment is None else _turn(augment, rng)
    mm_per_voxel = turn * spacing_mm
    step = np.asarray(case.spacing_mm[::-1])
    half = (np.asarray(size) - 1) / 2.0
    reach = np.abs(mm_per_voxel) @ half
    # Two voxels more on each side: for the interpolation, and so that smoothing knows what is next.
    low = np.floor((np.asarray(centre_mm) - reach) / step).astype(int) - 2
    high = np.ceil((np.asarray(centre_mm) + reach) / step).astype(int) + 3
    first = np.clip(low, 0, np.asarray(case.hu.shape) - 1)
    last = np.clip(high, first + 1, case.hu.shape)
    part = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    hu = smoothed_for(case.hu[part].astype(np.float32), case.spacing_mm, spacing_mm)
    labels = np.asarray(case.labels[part])
    # From output voxels to normalized places in the part, x first, as grid_sample counts them.
    centre = np.asarray(centre_mm) / step - first
    scale = 2.0 / np.maximum(np.asarray(hu.shape) - 1, 1)
    matrix = (mm_per_voxel / step[:, None]) * scale[:, None]
    places = _places(matrix, centre * scale - 1.0, size)
    planes = torch.from_numpy(np.stack([hu - OUTSIDE_HU, (labels > 0).astype(np.float32)]))
    smooth = functional.grid_sample(planes[None], places, align_corners=True)[0]
    nearest = functional.grid_sample(
        torch.from_numpy(labels.astype(np.float32))[None, None], places, "nearest",
        align_corners=True,
    )  # fmt: skip
    # Places half a voxel beyond the outermost centres still lie in the image.
    margin = torch.from_numpy(scale[::-1].copy() * 0.5).float()
    inside = (places[0].abs() <= 1.0 + margin).all(dim=-1)
    block = Block(
        hu=torch.where(inside, smooth[0] + OUTSIDE_HU, OUTSIDE_HU),
        labels=nearest[0, 0].to(torch.uint8),
        share=smooth[1],
        inside=inside,
    )
    return block if augment is None else _rescanned(block, spacing_mm, augment, rng)


def _places(matrix: Floats, centre: Floats, size: tuple[int, int, int]) -> torch.Tensor:
    """Where each output voxel lies, shape (1, d, h, w, 3) in the order x, y, z."""
    axes = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2.0 for n in size]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    x_first = torch.from_numpy(matrix[::-1].T.copy()).float()
    return (grid @ x_first + torch.from_numpy(centre[::-1].copy()).float())[None]


def _turn(augment: BlockAugment, rng: np.random.Generator) -> Floats:
    """A random flip, rotation and magnification, acting on (z, y, x)."""
    angles = np.deg2rad(
        [
            rng.uniform(-augment.rotation_deg, augment.rotation_deg),
            rng.uniform(-augment.tilt_deg, augment.tilt_deg),
            rng.uniform(-augment.tilt_deg, augment.tilt_deg),
        ]
    )
    turn = np.eye(3)
    for axis, angle in enumerate(angles):
        rotation = np.eye(3)
        a, b = (k for k in range(3) if k != axis)
        rotation[[a, b], [a, b]] = math.cos(angle)
        rotation[a, b], rotation[b, a] = -math.sin(angle), math.sin(angle)
        turn = rotation @ turn
    flips = np.where(rng.random(3) < augment.flip_probability, -1.0, 1.0)
    zoom = math.exp(rng.uniform(-augment.log_zoom, augment.log_zoom))
    return turn * flips / zoom


def _rescanned(
    block: Block, spacing_mm: float, augment: BlockAugment, rng: np.random.Generator
) -> Block:
    """The same window from another scanner: thicker slices, another kernel, more noise."""
    hu = block.hu.numpy()
    slab, blur, noise = rng.random(3) < augment.scanner_probability
    if slab:
        width = rng.uniform(1.0, max(1.0, augment.slab_mm / spacing_mm))
        hu = ndimage.gaussian_filter1d(hu, width / math.sqrt(12.0), axis=0, mode="nearest")
    if blur:
        hu = ndimage.gaussian_filter(hu, rng.uniform(0.0, augment.blur_mm) / spacing_mm)
    if noise:
        white = rng.standard_normal(hu.shape, dtype=np.float32)
        grain = ndimage.gaussian_filter(white, rng.uniform(0.0, 1.0))
        hu = hu + grain * np.float32(rng.uniform(0.0, augment.noise_hu) / grain.std())
    hu = hu + np.float32(rng.normal(0.0, augment.offset_hu))
    shifted = torch.from_numpy(np.ascontiguousarray(hu, np.float32))
    outside = torch.tensor(OUTSIDE_HU)
    return Block(
        torch.where(block.inside, shifted, outside), block.labels, block.share, block.inside
    )
