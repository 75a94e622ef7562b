"""Cuts through a volume as a radiologist looks at them: which slice, which way up, where it lies.

Everything here works on an *upright* volume, whose indices grow towards left, posterior and head
(LPS), as :func:`upright` makes it from any axis order. Patient right is then on the left of axial
and coronal cuts, and the feet are at the bottom.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.volume import Volume


class Plane(Enum):
    """The three standard planes; the value is the index axis (0 x, 1 y, 2 z) across the plane."""

    SAGITTAL = 0
    CORONAL = 1
    AXIAL = 2

    @property
    def coordinate(self) -> str:
        """Name of the LPS coordinate that is constant in the plane."""
        return "xyz"[self.value]


_LETTERS = {
    Plane.AXIAL: ("R", "L", "A", "P"),
    Plane.CORONAL: ("R", "L", "H", "F"),
    Plane.SAGITTAL: ("A", "P", "H", "F"),
}


@dataclass(frozen=True, eq=False)
class Cut:
    """One slice, the right way up.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns)
        Values (HU for CT); the first row is the top, the first column the left of the picture.
    labels : ndarray, shape (rows, columns), or None
        Label map on the same pixels, 0 for background.
    pixel_mm : tuple of float
        Distance of neighbouring columns and of neighbouring rows, in mm.
    plane : Plane
    position_mm : float
        LPS coordinate across the plane at the centre of the slice, in mm.
    """

    pixels: npt.NDArray[np.generic]
    labels: npt.NDArray[np.generic] | None
    pixel_mm: tuple[float, float]
    plane: Plane
    position_mm: float

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height, in mm."""
        rows, columns = self.pixels.shape
        return columns * self.pixel_mm[0], rows * self.pixel_mm[1]

    @property
    def letters(self) -> tuple[str, str, str, str]:
        """Patient directions at the left, right, top and bottom edge of the picture."""
        return _LETTERS[self.plane]

    @property
    def position(self) -> str:
        """Where the slice lies, as in ``"z −123.5 mm"``."""
        number = round(self.position_mm, 1) + 0.0  # the sum turns -0.0 into 0.0
        return f"{self.plane.coordinate} {number:.1f} mm".replace("-", "\N{MINUS SIGN}")


def upright(image: Volume, labels: Volume | None = None) -> tuple[Volume, Volume | None]:
    """Bring an image and its label map to LPS index order, without interpolation.

    Raises
    ------
    InputError
        The label map does not lie on the grid of the image.
    """
    if labels is not None and not image.same_grid_as(labels):
        raise InputError(
            f"The mask of size {labels.shape[::-1]} (column, row, slice) does not lie on the grid "
            f"of the image of size {image.shape[::-1]}. A mask needs the same size, spacing, "
            "origin and direction; resample it onto the image first."
        )
    order = image.axis_order_to()
    return order.apply(image), None if labels is None else order.apply(labels)


def cut(image: Volume, labels: Volume | None, plane: Plane, index: int) -> Cut:
    """Slice ``index`` of an upright volume in ``plane``."""
    centre = [(n - 1) / 2 for n in image.shape[::-1]]
    centre[plane.value] = index
    pixels = np.take(image.array, index, axis=2 - plane.value)
    marks = None if labels is None else np.take(labels.array, index, axis=2 - plane.value)
    if plane is not Plane.AXIAL:
        # Rows are slices here, and the head belongs at the top.
        pixels = pixels[::-1]
        marks = None if marks is None else marks[::-1]
    across, down = [axis for axis in range(3) if axis != plane.value]
    return Cut(
        pixels,
        marks,
        (image.spacing_mm[across], image.spacing_mm[down]),
        plane,
        float(image.index_to_world(centre)[plane.value]),
    )


def marked(labels: Volume, label: int | None = None) -> npt.NDArray[np.bool_]:
    """The voxels of one label, or of any label, shape (slices, rows, columns)."""
    found: npt.NDArray[np.bool_] = (
        np.not_equal(labels.array, 0) if label is None else np.equal(labels.array, label)
    )
    return found


def extent(selected: npt.NDArray[np.bool_], plane: Plane) -> tuple[int, int]:
    """First and last slice of ``plane`` with a True voxel; the whole range where there is none."""
    others = tuple(axis for axis in range(3) if axis != 2 - plane.value)
    hits = np.flatnonzero(selected.any(axis=others))
    return (int(hits[0]), int(hits[-1])) if hits.size else (0, selected.shape[2 - plane.value] - 1)


def spread(first: int, last: int, count: int) -> list[int]:
    """At most ``count`` different indices in the middle of equal parts of ``first..last``."""
    middles = first + (last + 1 - first) * (np.arange(count) + 0.5) / count
    return sorted({int(index) for index in middles})


def fullest(selected: npt.NDArray[np.bool_], plane: Plane) -> int:
    """The slice of ``plane`` with the most True voxels."""
    others = tuple(axis for axis in range(3) if axis != 2 - plane.value)
    return int(np.argmax(selected.sum(axis=others)))


def cropped_around(image: Volume, labels: Volume, margin_mm: float) -> tuple[Volume, Volume]:
    """Both volumes cut down to the labelled part and ``margin_mm`` around it.

    An empty label map leaves them as they are.
    """
    selected = marked(labels)
    start, size = [], []
    for plane in (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL):
        axis = plane.value
        first, last = extent(selected, plane)
        margin = round(margin_mm / image.spacing_mm[axis])
        low = max(0, first - margin)
        high = min(image.shape[2 - axis] - 1, last + margin)
        start.append(low)
        size.append(high - low + 1)
    return image.cropped(start, size), labels.cropped(start, size)
