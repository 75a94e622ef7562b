"""DICOM Segmentation (SEG) of a label map, as a new series in the study of its CT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from LungPNetLib import __version__
from LungPNetLib.dicom.derived import (
    CONTENT_QUALIFICATION,
    EQUIPMENT,
    SERIES_DESCRIPTION,
    SourceHeaders,
    Term,
    read_source_headers,
    save_object,
)
from LungPNetLib.dicom.geometry import SliceStack
from LungPNetLib.errors import InputError
from LungPNetLib.study import Study
from LungPNetLib.volume import Volume

SEG_SERIES_NUMBER = 9001

ANATOMICAL_STRUCTURE = Term("123037004", "SCT", "Anatomical Structure")
RIGHT_LUNG = Term("3341006", "SCT", "Right lung")
LEFT_LUNG = Term("44029006", "SCT", "Left lung")

ARTIFICIAL_INTELLIGENCE = Term("123110", "DCM", "Artificial Intelligence")
MORPHOLOGICAL_OPERATIONS = Term("123104", "DCM", "Morphological Operations")


@dataclass(frozen=True)
class SegmentSpec:
    """What one label of a label map is.

    Parameters
    ----------
    label : int
        Value in the label map, 1 to 255.
    name : str
        SegmentLabel and tracking identifier, for people; 64 characters at most.
    category_code, type_code : Term
        Segmented property category and type.
    rgb : tuple of int
        Recommended display colour, 0 to 255 each.
    algorithm_family : Term
        Kind of method that found it (DICOM CID 7162).
    region_code : Term, optional
        Anatomic region that it lies in.
    """

    label: int
    name: str
    category_code: Term
    type_code: Term
    rgb: tuple[int, int, int]
    algorithm_family: Term = ARTIFICIAL_INTELLIGENCE
    region_code: Term | None = None


LUNG_SEGMENTS = (
    SegmentSpec(
        1,
        "Right lung",
        ANATOMICAL_STRUCTURE,
        RIGHT_LUNG,
        (128, 174, 128),
        MORPHOLOGICAL_OPERATIONS,
    ),
    SegmentSpec(
        2,
        "Left lung",
        ANATOMICAL_STRUCTURE,
        LEFT_LUNG,
        (241, 214, 145),
        MORPHOLOGICAL_OPERATIONS,
    ),
)
"""The segments of ``lungs.nrrd``."""


@dataclass(frozen=True, eq=False)
class SegmentLayer:
    """A label map and what its labels are; segments of different layers may overlap.

    Parameters
    ----------
    labels : Volume
        uint8 label map on the grid of the CT.
    segments : sequence of SegmentSpec
        One for each label that occurs in ``labels``.
    """

    labels: Volume
    segments: Sequence[SegmentSpec]


def write_segmentation(
    study: Study,
    labels: Volume,
    segments: Sequence[SegmentSpec],
    path: Path,
    *,
    deidentify: bool = False,
) -> None:
    """Write one label map as a BINARY DICOM Segmentation; see :func:`write_layers`."""
    write_layers(study, [SegmentLayer(labels, segments)], path, deidentify=deidentify)


def write_layers(
    study: Study, layers: Sequence[SegmentLayer], path: Path, *, deidentify: bool = False
) -> None:
    """Write label maps as a BINARY DICOM Segmentation on the source slices of ``study``.

    Segment ``n`` of the file is the ``n``-th of all layers, also where its label does not occur.
    Slices (of each segment) without a labelled pixel are left out, as DICOM allows.

    Parameters
    ----------
    study : Study
        The CT, read from DICOM.
    layers : sequence of SegmentLayer
        At least one. If the grid of ``study.ct`` was resampled (``study.geometry.regridded``),
        every pixel of a source slice takes the label of the voxel that its centre lies in;
        otherwise slices are taken as they are.
    path : Path
        File to write.
    deidentify : bool
        Leave patient and study data out of the file (UIDs stay: they tie it to its CT).

    Raises
    ------
    InputError
        There is nothing to export, a label has no segment, a label map is not on the grid of
        the CT, or the study has no usable DICOM source.
    OutputError
        The file cannot be written.
    """
    numbered = [
        layer.labels.with_array(_segment_numbers(layer.labels, layer.segments)) for layer in layers
    ]
    headers = read_source_headers(study, deidentify=deidentify)
    on_slices = [_on_source_slices(study, labels, headers) for labels in numbered]
    if not any(labels.any() for labels in on_slices):
        raise InputError(
            "There is nothing to export: no labelled voxel reaches a slice of the source series."
        )
    segments = [segment for layer in layers for segment in layer.segments]
    if len(layers) == 1:
        frames = np.zeros((headers.n_frames, *headers.shape), dtype=np.uint8)
        frames[list(headers.frame_of_slice)] = on_slices[0]
    else:
        frames = _stacked(on_slices, [len(layer.segments) for layer in layers], headers)
    segmentation = _segmentation(headers, frames, segments)
    headers.stamp_identity(segmentation)
    save_object(segmentation, path)


def _stacked(
    on_slices: Sequence[npt.NDArray[np.generic]], counts: Sequence[int], headers: SourceHeaders
) -> npt.NDArray[np.uint8]:
    """One mask a segment, shape (frames, rows, columns, segments)."""
    # Segments come first in memory: what stays empty of a small segment's mask then takes none.
    masks = np.zeros((sum(counts), headers.n_frames, *headers.shape), dtype=np.uint8)
    before = 0
    for labels, count in zip(on_slices, counts, strict=True):
        for frame, plane in zip(headers.frame_of_slice, labels, strict=True):
            for number in np.unique(plane[plane != 0]).tolist():
                masks[before + number - 1, frame] = plane == number
        before += count
    return np.moveaxis(masks, 0, -1)


def _segmentation(
    headers: SourceHeaders, frames: npt.NDArray[np.uint8], segments: Sequence[SegmentSpec]
) -> Any:
    import highdicom as hd

    return hd.seg.Segmentation(
        source_images=headers.images,
        pixel_array=frames,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(number, segment) for number, segment in enumerate(segments, start=1)
        ],
        series_instance_uid=hd.UID(),
        series_number=SEG_SERIES_NUMBER,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        series_description=SERIES_DESCRIPTION,
        content_label="LUNGPNET",
        content_description="Automatic segmentation, research use only",
        content_qualification=CONTENT_QUALIFICATION,
        **EQUIPMENT,
    )


def _description(number: int, segment: SegmentSpec) -> Any:
    import highdicom as hd

    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.name,
        segmented_property_category=hd.sr.CodedConcept(*segment.category_code),
        segmented_property_type=hd.sr.CodedConcept(*segment.type_code),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name="LungPNet",
            version=__version__,
            family=hd.sr.CodedConcept(*segment.algorithm_family),
        ),
        tracking_id=segment.name,
        tracking_uid=hd.UID(),
        anatomic_regions=None
        if segment.region_code is None
        else [hd.sr.CodedConcept(*segment.region_code)],
        display_color=hd.color.CIELabColor.from_rgb(*segment.rgb),
    )


def _segment_numbers(labels: Volume, segments: Sequence[SegmentSpec]) -> npt.NDArray[np.uint8]:
    """The label map with each label replaced by the number of its segment."""
    array = labels.array
    if array.dtype != np.uint8:
        raise InputError(f"A label map must hold uint8 values, got {array.dtype}.")
    counts = sum(np.bincount(plane.ravel(), minlength=256) for plane in array)
    present = [int(label) for label in np.flatnonzero(counts) if label]
    if not present:
        raise InputError("There is nothing to export: the label map is empty.")
    unknown = sorted(set(present) - {segment.label for segment in segments})
    if unknown:
        raise InputError(
            f"The label map holds the labels {present}, and no segment is given for {unknown}. "
            "Give a SegmentSpec for each of them."
        )
    number_of = np.zeros(256, dtype=np.uint8)
    for number, segment in enumerate(segments, start=1):
        number_of[segment.label] = number
    return number_of[array]


def _on_source_slices(
    study: Study, labels: Volume, headers: SourceHeaders
) -> npt.NDArray[np.generic]:
    """Labels of the source slices, shape (slices, rows, columns), in order of ``study.source``."""
    if not labels.same_grid_as(study.ct):
        raise InputError(
            f"The label map (size {labels.shape[::-1]}) is not on the grid of the CT "
            f"(size {study.ct.shape[::-1]}). Resample it onto the CT first."
        )
    if study.geometry.regridded:
        return sample_on_planes(labels, headers.stack, headers.shape)
    if labels.shape != (len(study.source), *headers.shape):
        raise InputError(
            f"The label map has {labels.shape} (slices, rows, columns) and the source series "
            f"{(len(study.source), *headers.shape)}; they do not belong together."
        )
    return labels.array


def sample_on_planes(
    labels: Volume, stack: SliceStack, shape: tuple[int, int]
) -> npt.NDArray[np.generic]:
    """Nearest-neighbour values of ``labels`` at the pixel centres of ``stack``; 0 outside.

    Parameters
    ----------
    labels : Volume
        Any grid in the frame of the stack.
    stack : SliceStack
        Where the planes lie; they need be neither upright nor regular.
    shape : tuple of int
        Number of (rows, columns) of each plane.

    Returns
    -------
    ndarray, shape (planes, rows, columns)
        Of the data type of ``labels``.
    """
    rows, columns = shape
    out = np.zeros((len(stack.positions_mm), rows, columns), dtype=labels.array.dtype)
    to_index = np.linalg.inv(labels.affine)[:3, :3]
    column_step = to_index @ stack.row_direction * stack.pixel_spacing_mm[0]
    row_step = to_index @ stack.column_direction * stack.pixel_spacing_mm[1]
    starts = labels.world_to_index(stack.positions_mm)
    for plane, start in zip(out, starts, strict=True):
        index, inside = [], np.ones(shape, dtype=bool)
        for axis, size in enumerate(labels.shape[::-1]):
            down = start[axis] + row_step[axis] * np.arange(rows)
            across = column_step[axis] * np.arange(columns)
            nearest = np.rint(down[:, np.newaxis] + across).astype(np.intp)
            inside &= (nearest >= 0) & (nearest < size)
            index.append(np.clip(nearest, 0, size - 1))
        i, j, k = index
        plane[inside] = labels.array[k, j, i][inside]
    return out
