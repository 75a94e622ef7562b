"""Variations of one training slice: placement, scanner, field of view and dense lung.

All randomness comes from the generator that is passed in, so that a sample is a function of its
seed, epoch and index.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from LungPNetLib.lungs.network import CLASSES


@dataclass(frozen=True)
class AugmentConfig:
    """How much a slice is varied; zero switches a variation off.

    Parameters
    ----------
    rotation_deg, log_zoom, shift_fraction : float
        Half-widths of uniform draws; the shift is a fraction of the image side.
    noise_hu : float
        Largest standard deviation of added noise, white to strongly correlated.
    offset_hu : float
        Standard deviation of a shift of all values.
    cut_probability : float
        Share of slices whose field of view is cut by a circle or a straight edge.
    dense_probability : float
        Share of slices in which a part of the lung at its border turns into soft tissue.
    thin_probability : float
        Share of slices whose neighbours are drawn towards them, as in a scan of thinner slices.
    """

    rotation_deg: float = 12.0
    log_zoom: float = 0.25
    shift_fraction: float = 0.08
    noise_hu: float = 70.0
    offset_hu: float = 15.0
    cut_probability: float = 0.2
    dense_probability: float = 0.15
    thin_probability: float = 0.5


Sample = tuple[torch.Tensor, torch.Tensor]
"""HU, float32 (context_slices, H, W), and labels, uint8 (H, W)."""

OUTSIDE_HU = -1024.0


def augmented(sample: Sample, size: int, config: AugmentConfig, rng: np.random.Generator) -> Sample:
    """One random variation of ``sample``, ``size`` pixels wide and high."""
    hu, labels = placed(sample, size, config, rng)
    if rng.random() < config.thin_probability:
        hu = hu.lerp(hu[len(hu) // 2], float(rng.uniform(0.2, 0.8)))
    if rng.random() < config.dense_probability:
        hu = with_dense_lung(hu, labels, rng)
    hu = with_scanner(hu, config, rng)
    if rng.random() < config.cut_probability:
        return cut(hu, labels, rng)
    return hu, labels


def placed(sample: Sample, size: int, config: AugmentConfig, rng: np.random.Generator) -> Sample:
    """Rotate, zoom, shift and stretch about the image centre onto ``size`` x ``size`` pixels."""
    hu, labels = sample
    angle = np.radians(rng.uniform(-1, 1) * config.rotation_deg)
    zoom = np.exp(rng.uniform(-1, 1, 2) * config.log_zoom * np.array([1.0, 0.3]))
    scale = size / np.array(hu.shape[1:][::-1]) / (zoom[0] * np.array([zoom[1], 1 / zoom[1]]))
    shift = rng.uniform(-2, 2, 2) * config.shift_fraction
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    theta = np.concatenate([turn * scale[:, None], shift[:, None]], axis=1)
    grid = functional.affine_grid(
        torch.from_numpy(theta[None]).float(), [1, 1, size, size], align_corners=False
    )
    one_hot = torch.stack([(labels == c).float() for c in range(1, len(CLASSES))])
    stacked = torch.cat([hu - OUTSIDE_HU, one_hot])[None]
    moved = functional.grid_sample(stacked, grid, align_corners=False)[0]
    share, best = moved[len(hu) :].max(dim=0)
    return moved[: len(hu)] + OUTSIDE_HU, torch.where(share > 0.5, best + 1, 0).to(torch.uint8)


def with_scanner(hu: torch.Tensor, config: AugmentConfig, rng: np.random.Generator) -> torch.Tensor:
    """Another calibration, sharpness and noise."""
    hu = hu * float(rng.uniform(0.97, 1.03)) + float(rng.normal(0, config.offset_hu))
    if rng.random() < 0.3:
        hu = _blurred(hu, rng.uniform(0.4, 1.2))
    sigma_hu = rng.uniform(0, 1) ** 2 * config.noise_hu
    noise = torch.from_numpy(rng.standard_normal(hu.shape, dtype=np.float32))
    if rng.random() < 0.5:
        noise = _blurred(noise, rng.uniform(0.4, 1.0))
        noise = noise / noise.std()
    return hu + noise * float(sigma_hu)


def _blurred(image: torch.Tensor, sigma: float) -> torch.Tensor:
    x = torch.arange(-4, 5, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (x / sigma) ** 2)
    kernel = kernel / kernel.sum()
    stacked = image[:, None]
    stacked = functional.conv2d(stacked, kernel[None, None, None, :], padding=(0, 4))
    return functional.conv2d(stacked, kernel[None, None, :, None], padding=(4, 0))[:, 0]


def with_dense_lung(
    hu: torch.Tensor, labels: torch.Tensor, rng: np.random.Generator
) -> torch.Tensor:
    """Turn an ellipse at the border of a lung into soft tissue; its label stays lung."""
    inner = -functional.max_pool2d(-(labels > 0)[None].float(), 5, 1, 2)[0]
    border = torch.nonzero((labels > 0) & (inner == 0))
    if len(border) == 0:
        return hu
    row, column = border[int(rng.integers(len(border)))].tolist()
    size = labels.shape[0]
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    a, b = rng.uniform(4, 30, 2)
    angle = rng.uniform(0, np.pi)
    along = (x - column) * np.cos(angle) + (y - row) * np.sin(angle)
    across = (y - row) * np.cos(angle) - (x - column) * np.sin(angle)
    weight = torch.sigmoid((1 - torch.sqrt((along / a) ** 2 + (across / b) ** 2)) * 12)
    weight = weight * (labels > 0)
    density_hu = float(rng.uniform(-40, 80))
    return hu * (1 - weight) + density_hu * weight


def cut(hu: torch.Tensor, labels: torch.Tensor, rng: np.random.Generator) -> Sample:
    """Leave only what a circle or a straight image edge encloses; the rest is padding."""
    size = labels.shape[0]
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    if rng.random() < 0.5:
        radius = rng.uniform(0.3, 0.5) * size
        row, column = rng.uniform(0.4, 0.6, 2) * size
        outside = (y - row) ** 2 + (x - column) ** 2 > radius**2
    else:
        edge, axis = rng.uniform(0.1, 0.35) * size, (x, y)[int(rng.integers(2))]
        outside = axis < edge if rng.random() < 0.5 else axis > size - edge
    hu = torch.where(outside, torch.tensor(OUTSIDE_HU), hu)
    return hu, torch.where(outside, torch.tensor(0, dtype=torch.uint8), labels)
