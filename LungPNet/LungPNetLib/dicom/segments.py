"""Segments of a DICOM SEG, placed on the grid of a CT by position.

Frames are never matched by their order: empty ones are left out of most files, and the slices may
run either way or be those of another series.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from LungPNetLib.dicom.derived import UNREADABLE
from LungPNetLib.dicom.frames import frame_planes, macro, stack_of
from LungPNetLib.dicom.geometry import SAME_POSITION_MM, SliceStack
from LungPNetLib.dicom.header import quiet_pydicom
from LungPNetLib.errors import InputError
from LungPNetLib.volume import Volume


@dataclass(frozen=True)
class SegmentationFile:
    """A DICOM SEG and where its frames lie.

    Parameters
    ----------
    image : highdicom.seg.Segmentation
        The file, frames not yet decoded.
    names : dict of int to str
        SegmentLabel of each segment number.
    stack : SliceStack
        Planes of the frames, in the order of the file (not sorted).
    segment_of_frame : tuple of int
        Segment number of each frame; 0 for LABELMAP, whose frames hold all segments.
    reach_mm : float
        A voxel takes the value of a frame no farther away than this.
    """

    image: Any
    names: dict[int, str]
    stack: SliceStack
    segment_of_frame: tuple[int, ...]
    reach_mm: float

    @property
    def is_labelmap(self) -> bool:
        """Whether the frames hold segment numbers instead of one segment each."""
        return str(self.image.SegmentationType) == "LABELMAP"

    def masks(self, reference: Volume, numbers: Sequence[int]) -> Iterator[tuple[int, Volume]]:
        """Number and uint8 mask (0, 1) of some segments, on the grid of ``reference``."""
        labels = self._sampled(0, reference) if self.is_labelmap else None
        for number in numbers:
            mask = self._sampled(number, reference) if labels is None else labels == number
            yield number, reference.with_array(mask.astype(np.uint8))

    def _sampled(self, number: int, reference: Volume) -> npt.NDArray[np.generic]:
        frames = [f for f, segment in enumerate(self.segment_of_frame) if segment == number]
        heights = self.stack.heights_mm[frames]
        frames = [frames[index] for index in np.argsort(heights, kind="stable")]
        if not frames:
            return np.zeros(reference.shape, dtype=np.uint8)
        if len(frames) > 1 and np.diff(np.sort(heights)).min() < SAME_POSITION_MM:
            raise InputError(
                "The DICOM SEG holds two frames of one segment at one position, so it is not clear "
                "which is meant. Export the segmentation again."
            )
        stack = SliceStack(
            self.stack.positions_mm[frames],
            self.stack.row_direction,
            self.stack.column_direction,
            self.stack.pixel_spacing_mm,
        )
        planes = np.stack([self._decoded(frame) for frame in frames])
        return sample_nearest_plane(planes, stack, self.reach_mm, reference)

    def _decoded(self, frame: int) -> npt.NDArray[np.generic]:
        stored: npt.NDArray[np.generic] = self.image.get_stored_frame(frame + 1)
        if str(self.image.SegmentationType) == "FRACTIONAL":
            return np.greater_equal(stored, 0.5 * int(self.image.MaximumFractionalValue))
        return stored


def open_segmentation(path: Path, slice_spacing_mm: float) -> SegmentationFile:
    """Read the headers of a DICOM SEG (BINARY, FRACTIONAL or LABELMAP).

    Of FRACTIONAL segments, voxels of at least half the maximum belong to the mask.

    Parameters
    ----------
    path : Path
        The file.
    slice_spacing_mm : float
        Distance of slices to assume where the file does not tell it.

    Raises
    ------
    InputError
        The file is damaged, or its frames are not parallel planes in the patient.
    """
    import highdicom as hd

    try:
        with quiet_pydicom():
            image = hd.seg.segread(path)
        names = {
            int(item.SegmentNumber): str(
                item.get("SegmentLabel") or f"Segment {item.SegmentNumber}"
            )
            for item in image.SegmentSequence
            if int(item.SegmentNumber) > 0
        }
        groups = image.PerFrameFunctionalGroupsSequence
        planes = frame_planes(image)
        segment_of_frame = tuple(_segment_number(image, group) for group in groups)
    except UNREADABLE as error:
        raise InputError(
            f"'{path.name}' cannot be read as a DICOM SEG of CT or PET slices "
            f"({type(error).__name__}). Export the segmentation again, or give it as NIfTI or NRRD."
        ) from error
    stack = stack_of(planes, f"The frames of '{path.name}'")
    measures = macro(image, groups[0], "PixelMeasuresSequence")
    reach = _slice_distance(stack, measures, slice_spacing_mm) / 2.0
    return SegmentationFile(image, names, stack, segment_of_frame, reach)


def _segment_number(image: Dataset, group: Dataset) -> int:
    identification = macro(image, group, "SegmentIdentificationSequence")
    return int(identification.get("ReferencedSegmentNumber", 0))


def _slice_distance(stack: SliceStack, measures: Dataset, otherwise_mm: float) -> float:
    """Distance of the slices the file was drawn on, which need not all be in it."""
    stated = measures.get("SpacingBetweenSlices") or measures.get("SliceThickness")
    distance = abs(float(stated)) if stated else otherwise_mm
    heights = np.unique(np.round(stack.heights_mm / SAME_POSITION_MM) * SAME_POSITION_MM)
    if len(heights) > 1:
        distance = min(distance, float(np.diff(heights).min()))
    return distance


def sample_nearest_plane(
    planes: npt.NDArray[np.generic], stack: SliceStack, reach_mm: float, reference: Volume
) -> npt.NDArray[np.generic]:
    """Value of the nearest pixel of the nearest plane at each voxel centre of ``reference``.

    Parameters
    ----------
    planes : ndarray, shape (planes, rows, columns)
        Pixels, in ascending order along the normal of ``stack``.
    stack : SliceStack
        Where the planes lie; distances may be irregular, and each may be shifted (gantry tilt).
    reach_mm : float
        Voxels farther than this from every plane (along the normal) are 0.
    reference : Volume
        The grid, of any orientation.

    Returns
    -------
    ndarray, shape of ``reference``
        Of the data type of ``planes``.
    """
    out = np.zeros(reference.shape, dtype=planes.dtype)
    _, n_rows, n_columns = planes.shape
    axes = np.stack([stack.normal, stack.row_direction, stack.column_direction])
    steps = axes @ (reference.direction * np.asarray(reference.spacing_mm))
    origin = axes @ np.asarray(reference.origin_mm)
    heights, lefts, tops = axes @ stack.positions_mm.T
    middles = (heights[1:] + heights[:-1]) / 2.0
    rows, columns = np.arange(reference.shape[1])[:, np.newaxis], np.arange(reference.shape[2])
    for k in range(reference.shape[0]):
        height, across, down = (
            origin[axis]
            + steps[axis] @ np.array([0, 0, k])
            + steps[axis, 0] * columns
            + steps[axis, 1] * rows
            for axis in range(3)
        )
        if height.min() > heights[-1] + reach_mm or height.max() < heights[0] - reach_mm:
            continue
        plane = np.searchsorted(middles, height)
        i = np.rint((across - lefts[plane]) / stack.pixel_spacing_mm[0]).astype(np.intp)
        j = np.rint((down - tops[plane]) / stack.pixel_spacing_mm[1]).astype(np.intp)
        inside = np.abs(height - heights[plane]) <= reach_mm * (1.0 + 1e-3)
        inside &= (i >= 0) & (i < n_columns) & (j >= 0) & (j < n_rows)
        out[k][inside] = planes[plane[inside], j[inside], i[inside]]
    return out
