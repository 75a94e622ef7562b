"""Slices of a thorax before any scanner, upright or tilted, from thin upright layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom.layers import Layers
from LungPNetLib.cohort.phantom.organs import AIR_HU
from LungPNetLib.cohort.phantom.scanner import Scanner, Table
from LungPNetLib.cohort.phantom.shapes import Plane, Section
from LungPNetLib.cohort.phantom.surroundings import paint_surroundings, without_couch
from LungPNetLib.cohort.phantom.thorax import SectionTruth, Thorax
from LungPNetLib.cohort.phantom.trees import Points, rasterised
from LungPNetLib.volume import Triplet

LabelPlanes = npt.NDArray[np.uint8]
"""Labels of one slice in the order of ``patient.MASKS``, shape (masks, rows, columns)."""


def upright_slices(
    thorax: Thorax,
    scanner: Scanner,
    axes_mm: tuple[Points, Points, Points],
    spacing_mm: Triplet,
) -> Iterator[tuple[Plane, LabelPlanes]]:
    """HU of each slice before the scanner, and its labels in the order of ``MASKS``."""
    x, y, z = axes_mm
    layers = Layers.of(spacing_mm[2], scanner.slab_mm(spacing_mm[2]))
    heights = z[0] + layers.first_mm + layers.step_mm * np.arange(layers.needed(len(z)))
    layer = _painter(thorax, scanner, (x, y, heights), spacing_mm[0], layers.step_mm)
    painted: dict[int, tuple[Plane, SectionTruth]] = {}
    for first in range(0, len(z) * layers.stride, layers.stride):
        own = range(first, first + layers.per_slice)
        painted = {n: painted[n] for n in own if n in painted}
        for n in own:
            if n not in painted:
                painted[n] = layer(n)
        hu: Plane = np.mean([painted[n][0] for n in own], axis=0)
        yield hu, _labels([painted[n][1] for n in own])


def tilted_slices(
    thorax: Thorax,
    scanner: Scanner,
    axes_mm: tuple[Points, Points, Points],
    lean_mm: Points,
    spacing_mm: Triplet,
    tilt_deg: float,
) -> Iterator[tuple[Plane, LabelPlanes]]:
    """What ``upright_slices`` gives, of slices whose rows lie ``lean_mm`` above their middle."""
    x, y, z = axes_mm
    layers = Layers.of(spacing_mm[2], scanner.slab_mm(spacing_mm[2]))
    step_mm = layers.step_mm
    # Along the table a leaning slice is thicker than across.
    slab_mm = layers.per_slice * step_mm / float(np.cos(np.radians(tilt_deg)))
    beyond_mm = float(np.abs(lean_mm).max()) + slab_mm / 2 + step_mm
    heights = np.arange(z[0] - beyond_mm, z[-1] + beyond_mm + step_mm, step_mm)
    layer = _painter(thorax, scanner, (x, y, heights), spacing_mm[0], step_mm)

    def painted() -> Iterator[tuple[float, Plane, LabelPlanes]]:
        for n, height in enumerate(heights):
            hu, truth = layer(n)
            yield float(height), hu, _labels([truth])

    return _gathered(painted(), step_mm, z, lean_mm, slab_mm)


def _gathered(
    layers: Iterable[tuple[float, Plane, LabelPlanes]],
    step_mm: float,
    centres_mm: Points,
    lean_mm: Points,
    slab_mm: float,
) -> Iterator[tuple[Plane, LabelPlanes]]:
    """Tilted slices out of upright layers.

    Parameters
    ----------
    layers
        LPS height, HU and labels of each layer, from the feet up. They lie ``step_mm`` apart, on
        the rows of the tilted slices, and reach beyond the slices by at least half a step.
    centres_mm : ndarray, shape (slices,)
        LPS height of the middle of each slice, ascending.
    lean_mm : ndarray, shape (rows,)
        Height of each row over the middle of its slice.
    slab_mm : float
        Thickness of the slices along the table; at least ``step_mm``.

    Yields
    ------
    ndarray, ndarray
        HU, the mean over the thickness, and labels, those of the layer that is nearest to the
        middle of the thickness.
    """
    reach = float(np.abs(lean_mm).max()) + (slab_mm + step_mm) / 2
    open_slices: dict[int, tuple[Plane, LabelPlanes]] = {}
    done = 0
    for height, hu, labels in layers:
        low, high = np.searchsorted(centres_mm, (height - reach, height + reach))
        for k in range(done, low):
            yield open_slices.pop(k)
        done = max(done, int(low))
        for k in range(done, high):
            if k not in open_slices:
                open_slices[k] = np.zeros_like(hu), np.zeros_like(labels)
            gap = np.abs(centres_mm[k] + lean_mm - height)
            met = np.flatnonzero(gap < (slab_mm + step_mm) / 2)
            share = np.clip((slab_mm + step_mm) / 2 - gap[met], 0.0, step_mm) / slab_mm
            open_slices[k][0][met] += share[:, None].astype(np.float32) * hu[met]
            # Rounding must not leave a row half-way between two layers to neither.
            nearest = np.flatnonzero(gap <= step_mm / 2 + 1e-6)
            open_slices[k][1][:, nearest] = labels[:, nearest]
    for k in range(done, len(centres_mm)):
        yield open_slices.pop(k)


def _painter(
    thorax: Thorax,
    scanner: Scanner,
    axes_mm: tuple[Points, Points, Points],
    pixel_mm: float,
    thickness_mm: float,
) -> Callable[[int], tuple[Plane, SectionTruth]]:
    """What paints the layer at the n-th of the heights ``axes_mm[2]``."""
    vessels = rasterised(thorax.vessels, axes_mm)
    body = thorax if scanner.table is Table.CURVED else without_couch(thorax)

    def layer(n: int) -> tuple[Plane, SectionTruth]:
        section = _empty_section(axes_mm, float(axes_mm[2][n]), pixel_mm)
        paint_surroundings(section, thorax.build, scanner)
        share = vessels[n].astype(np.float32) / np.float32(255.0)
        return section.hu, body.paint(section, share, thickness_mm)

    return layer


def _empty_section(axes_mm: tuple[Points, Points, Points], z_mm: float, pixel_mm: float) -> Section:
    x, y, _ = axes_mm
    return Section(
        x[None].astype(np.float32),
        y[:, None].astype(np.float32),
        z_mm,
        pixel_mm,
        np.full((len(y), len(x)), AIR_HU, np.float32),
    )


def _labels(truths: list[SectionTruth]) -> LabelPlanes:
    """Labels of one slice in the order of ``MASKS``."""
    lungs = _mostly([t.right_lung for t in truths]) + 2 * _mostly([t.left_lung for t in truths])
    inside = lungs > 0
    nodules = np.maximum.reduce([t.nodule_label for t in truths])
    return np.stack(
        [
            lungs,
            _mostly([t.airways for t in truths]),
            _mostly([t.nodule for t in truths]) * inside * nodules,
            np.maximum.reduce([t.lobes for t in truths]) * inside,
            np.maximum.reduce([t.pathology for t in truths]) * inside,
            _mostly([t.effusion for t in truths]),
        ]
    )


def _mostly(shares: list[Plane]) -> npt.NDArray[np.uint8]:
    """1 where at least half of the voxel is inside."""
    inside: npt.NDArray[np.uint8] = (np.mean(shares, axis=0) >= 0.5).astype(np.uint8)
    return inside
