"""Regions of a DICOM RTSTRUCT, rasterised on the grid of a CT.

A voxel belongs to a region when its centre lies inside the contours of its slice by the even-odd
rule, so a contour inside another one of the same region is a hole, and a keyhole contour (outline
and hole joined by a cut that runs there and back) works as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from LungPNetLib.errors import InputError
from LungPNetLib.volume import Volume

FloatArray = npt.NDArray[np.float64]

CLOSED_TYPES = {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"}

FLATNESS = 0.2
"""A contour may leave its slice plane by this fraction of the slice spacing."""

SAME_PLANE_MM = 0.05
"""Contours closer than this along the slice normal lie in one plane."""

_DECIMALS = 5
"""Corners are rounded to this fraction of a pixel, well below what contours are drawn to."""


@dataclass(frozen=True)
class ContourRoi:
    """One region of a structure set.

    ``contours_mm`` are its closed contours, each an array of LPS points of shape (n, 3);
    ``frame_of_reference_uid`` is empty where the file does not state it.
    """

    name: str
    contours_mm: tuple[FloatArray, ...]
    frame_of_reference_uid: str


def closed_rois(structure_set: Dataset) -> list[ContourRoi]:
    """The regions of an RTSTRUCT that have closed contours, in the order of the file.

    Raises
    ------
    InputError
        The coordinates of a contour are damaged.
    """
    contours = {
        int(item.ReferencedROINumber): item.get("ContourSequence") or []
        for item in structure_set.get("ROIContourSequence") or []
    }
    rois = []
    for item in structure_set.get("StructureSetROISequence") or []:
        number = int(item.ROINumber)
        name = str(item.get("ROIName") or f"ROI {number}")
        points = tuple(
            _points(contour, name)
            for contour in contours.get(number, [])
            if contour.get("ContourGeometricType") in CLOSED_TYPES
        )
        if points:
            frame_uid = str(item.get("ReferencedFrameOfReferenceUID") or "")
            rois.append(ContourRoi(name, points, frame_uid))
    return rois


def _points(contour: Dataset, name: str) -> FloatArray:
    values = np.array(contour.get("ContourData") or [], dtype=np.float64)
    if values.size % 3 or not np.isfinite(values).all():
        raise InputError(
            f"A contour of the region '{name}' has {values.size} coordinates; three finite numbers "
            "a point are needed. Export the structure set again."
        )
    return values.reshape(-1, 3)


def rasterise(roi: ContourRoi, reference: Volume) -> Volume:
    """The region as a uint8 mask (0, 1) on the grid of ``reference``.

    A slice takes the contours of the plane nearest to it, if that is no farther away than half
    the slice spacing (or half the distance of the contour planes, where they are coarser).

    Raises
    ------
    InputError
        A contour is not parallel to the slices of ``reference``.
    """
    polygons = [reference.world_to_index(points) for points in roi.contours_mm if len(points) > 2]
    mask = np.zeros(reference.shape, dtype=np.uint8)
    if not polygons:
        return reference.with_array(mask)
    _require_flat(polygons, roi.name, reference.spacing_mm[2])
    heights = np.array([polygon[:, 2].mean() for polygon in polygons])
    order = np.argsort(heights, kind="stable")
    new_plane = np.diff(heights[order]) > SAME_PLANE_MM / reference.spacing_mm[2]
    planes = np.split(order, np.flatnonzero(new_plane) + 1)
    plane_heights = np.array([heights[plane].mean() for plane in planes])
    reach = 0.5 * max(1.0, float(np.median(np.diff(plane_heights))) if len(planes) > 1 else 1.0)
    for k in range(reference.shape[0]):
        distance = np.abs(plane_heights - k)
        nearest = int(np.argmin(distance))
        if distance[nearest] <= reach + 1e-6:
            # Rounded, so that a corner drawn on a pixel centre is not moved off it by arithmetic.
            outlines = [polygons[index][:, :2].round(_DECIMALS) for index in planes[nearest]]
            mask[k] = fill_even_odd(outlines, reference.shape[1:])
    return reference.with_array(mask)


def _require_flat(polygons: Sequence[FloatArray], name: str, slice_spacing_mm: float) -> None:
    deviation = max(float(np.ptp(polygon[:, 2])) for polygon in polygons)
    if deviation > FLATNESS:
        raise InputError(
            f"The contours of the region '{name}' are not parallel to the slices of the image: one "
            f"spans {deviation * slice_spacing_mm:.1f} mm across them (at most "
            f"{FLATNESS * slice_spacing_mm:.1f} mm is accepted). They were drawn on another "
            "orientation, or on the tilted slices of a CT that had to be resampled. Convert the "
            "structure set to DICOM SEG or NIfTI in the program that made it, and give that file."
        )


def fill_even_odd(polygons: Sequence[FloatArray], shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Pixels whose centre lies inside an odd number of ``polygons``.

    Parameters
    ----------
    polygons : sequence of ndarray, shape (n, 2)
        Corners as (column, row) in pixel indices; the centre of pixel (0, 0) is the point (0, 0).
        The last corner is joined to the first.
    shape : tuple of int
        Number of (rows, columns).

    Returns
    -------
    ndarray, shape (rows, columns)
        1 inside, 0 outside. Centres on a left or upper edge are inside, on a right or lower edge
        outside, so regions that share an edge share no pixel.

    Examples
    --------
    >>> square = np.array([[0.5, 0.5], [3.5, 0.5], [3.5, 2.5], [0.5, 2.5]])
    >>> fill_even_odd([square], (4, 5))
    array([[0, 0, 0, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 0, 0, 0]], dtype=uint8)
    """
    n_rows, n_columns = shape
    start = np.concatenate([np.asarray(polygon, np.float64) for polygon in polygons])
    end = np.concatenate([np.roll(np.asarray(p, np.float64), -1, axis=0) for p in polygons])
    # From top to bottom, so that a cut that runs there and back cancels exactly.
    upward = start[:, 1] > end[:, 1]
    top = np.where(upward[:, np.newaxis], end, start)
    bottom = np.where(upward[:, np.newaxis], start, end)
    first_row = np.clip(np.ceil(top[:, 1]), 0, n_rows).astype(np.intp)
    stop_row = np.clip(np.ceil(bottom[:, 1]), 0, n_rows).astype(np.intp)
    counts = np.maximum(stop_row - first_row, 0)
    edge = np.repeat(np.arange(len(top)), counts)
    offset = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    row = first_row[edge] + offset
    fraction = (row - top[edge, 1]) / (bottom[edge, 1] - top[edge, 1])
    crossing = top[edge, 0] + fraction * (bottom[edge, 0] - top[edge, 0])
    column = np.clip(np.ceil(crossing), 0, n_columns).astype(np.intp)
    toggles = np.zeros((n_rows, n_columns + 1), dtype=np.int32)
    np.add.at(toggles, (row, column), 1)
    inside: npt.NDArray[np.uint8] = (np.cumsum(toggles, axis=1)[:, :-1] % 2).astype(np.uint8)
    return inside
