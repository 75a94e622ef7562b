"""Long and short axis of a lesion in one section, in mm.

The border runs between the pixels: it is where the mask, blurred by less than a pixel, falls to
half of its maximum. Through the corners of the pixels it would lie half a pixel too far out,
through their centres half a pixel too far in, and without the blur the largest of many distances
would always find the steps of the mask that stick out farthest.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial.distance import pdist, squareform

Points: TypeAlias = npt.NDArray[np.float64]
Mask2D: TypeAlias = npt.NDArray[np.bool_]

_SMOOTHING_PIXELS = 0.7
"""Standard deviation of the blur. Discs of 6 to 20 mm at 0.7 mm come out 0.2 to 0.4 mm too long
with it, 0.4 to 0.6 mm without; more would cut off the tips of long nodules."""
_SADDLE = ((0, 1), (2, 3))
_MOST_POINTS = 1500
"""More border points than this (a section wider than about 30 cm) are thinned out."""


@dataclass(frozen=True)
class SectionAxes:
    """Both axes of a section, in mm; ``short_axis_mm`` is never the larger one."""

    long_axis_mm: float
    short_axis_mm: float


def section_axes(section: Mask2D, spacing_mm: tuple[float, float]) -> SectionAxes:
    """Long axis of a section, and the longest extent at right angles to it.

    The long axis is the largest distance of two points of the border. The short axis is the
    largest distance of two points of the border whose connection is perpendicular to the long
    axis. Separate parts count together.

    Parameters
    ----------
    section : ndarray of bool, shape (rows, columns)
        At least one pixel is set.
    spacing_mm : tuple of float
        Distance of pixel centres along (row, column) index.

    Examples
    --------
    >>> rows, columns = np.ogrid[-9:10, -9:10]
    >>> axes = section_axes((rows / 4) ** 2 + (columns / 8) ** 2 <= 1, (1.0, 0.5))
    >>> round(axes.long_axis_mm), round(axes.short_axis_mm)
    (8, 8)
    """
    starts, ends = _border(section, spacing_mm)
    points = np.unique(np.concatenate([starts, ends]), axis=0)
    points = points[:: -(-len(points) // _MOST_POINTS)]
    distances = squareform(pdist(points))
    first, second = np.unravel_index(np.argmax(distances), distances.shape)
    along = (points[second] - points[first]) / distances[first, second]
    across = np.array([-along[1], along[0]])
    turn = np.stack([along, across], axis=1)
    short = _widest(starts @ turn, ends @ turn)
    return SectionAxes(float(distances[first, second]), short)


def _border(section: Mask2D, spacing_mm: tuple[float, float]) -> tuple[Points, Points]:
    """Starts and ends of the border's segments, (n, 2) each, in (row, column) mm.

    Marching squares: each square of four pixel centres is crossed by a segment between the two
    sides whose ends lie on both sides of the level; by two segments, if all four sides do.
    """
    share = ndimage.gaussian_filter(np.pad(section.astype(np.float64), 4), _SMOOTHING_PIXELS)
    over = share - share.max() / 2.0
    corners = [over[:-1, :-1], over[:-1, 1:], over[1:, 1:], over[1:, :-1]]
    places = np.array([(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)])
    crossed, crossings = [], []
    for side in range(4):
        first, second = corners[side], corners[(side + 1) % 4]
        differ = (first > 0) != (second > 0)
        along = first / np.where(differ, first - second, 1.0)
        step = places[(side + 1) % 4] - places[side]
        crossed.append(differ)
        crossings.append(places[side] + along[..., None] * step)
    starts, ends = [], []
    for one, other in itertools.combinations(range(4), 2):
        count = crossed[0].astype(int) + crossed[1] + crossed[2] + crossed[3]
        # Where all four sides are crossed, the segments (0, 1) and (2, 3) cut off two corners.
        joined = crossed[one] & crossed[other] & ((count == 2) | ((one, other) in _SADDLE))
        squares = np.argwhere(joined)
        starts.append(squares + crossings[one][joined])
        ends.append(squares + crossings[other][joined])
    scale = np.asarray(spacing_mm)
    return np.concatenate(starts) * scale, np.concatenate(ends) * scale


def _widest(starts: Points, ends: Points) -> float:
    """Largest distance of two border points with the same first coordinate.

    The border consists of straight segments, so it is met at the first coordinate of one of them.
    """
    low, high = np.minimum(starts[:, 0], ends[:, 0]), np.maximum(starts[:, 0], ends[:, 0])
    width = 0.0
    for at in np.unique(np.round(np.concatenate([low, high]), 9)):
        met = (low <= at + 1e-9) & (high >= at - 1e-9)
        level = starts[met, 0] == ends[met, 0]
        step = np.where(level, 1.0, ends[met, 0] - starts[met, 0])
        share = np.clip((at - starts[met, 0]) / step, 0.0, 1.0)
        across = starts[met, 1] + share * (ends[met, 1] - starts[met, 1])
        width = max(width, float(np.ptp(np.concatenate([across, ends[met, 1][level]]))))
    return width
