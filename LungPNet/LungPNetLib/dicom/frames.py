"""Where the frames of a multi-frame image (enhanced CT, SEG) lie in the patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydicom.dataset import Dataset

from LungPNetLib.dicom.geometry import (
    COSINE_TOLERANCE,
    SPACING_TOLERANCE_MM,
    SliceStack,
    plane_directions,
)
from LungPNetLib.errors import InputError


class Plane(NamedTuple):
    """ImagePositionPatient, ImageOrientationPatient and PixelSpacing of one frame, as stored."""

    position: Sequence[float]
    orientation: Sequence[float]
    pixel_spacing: Sequence[float]


def macro(dataset: Dataset, group: Dataset, keyword: str) -> Dataset:
    """Item of a functional group macro: the frame's own, the one shared by all, or an empty one."""
    for source in (group, *(dataset.get("SharedFunctionalGroupsSequence") or ())):
        sequence = source.get(keyword)
        if sequence:
            item: Dataset = sequence[0]
            return item
    return Dataset()


def frame_planes(dataset: Dataset) -> list[Plane]:
    """The plane of each frame, in the order of the file.

    Raises
    ------
    AttributeError
        A frame states no position, orientation or pixel spacing.
    """
    return [
        Plane(
            macro(dataset, group, "PlanePositionSequence").ImagePositionPatient,
            macro(dataset, group, "PlaneOrientationSequence").ImageOrientationPatient,
            macro(dataset, group, "PixelMeasuresSequence").PixelSpacing,
        )
        for group in dataset.PerFrameFunctionalGroupsSequence
    ]


def stack_of(planes: Sequence[Plane], owner: str) -> SliceStack:
    """The stack that parallel planes make, in the given order; ``owner`` names them in messages.

    Raises
    ------
    InputError
        The planes differ in orientation or pixel spacing.
    """
    positions, orientations, spacings = (
        np.array([plane[part] for plane in planes], dtype=np.float64) for part in range(3)
    )
    turned = np.abs(orientations - orientations[0]).max() > COSINE_TOLERANCE
    if turned or np.abs(spacings - spacings[0]).max() > SPACING_TOLERANCE_MM:
        raise InputError(
            f"{owner} differ in orientation or pixel spacing; only parallel planes of one kind fit "
            "a DICOM SEG. Use masks in NIfTI or NRRD instead."
        )
    row, column = plane_directions(orientations[0])
    return SliceStack(positions, row, column, (float(spacings[0, 1]), float(spacings[0, 0])))
