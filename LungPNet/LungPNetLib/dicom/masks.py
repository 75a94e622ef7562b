"""Masks and label maps from files, on the grid of a CT: NIfTI, NRRD, MetaImage, SEG, RTSTRUCT."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from LungPNetLib.dicom.contours import closed_rois, rasterise
from LungPNetLib.dicom.derived import UNREADABLE
from LungPNetLib.dicom.header import quiet_pydicom
from LungPNetLib.dicom.segments import open_segmentation
from LungPNetLib.errors import InputError
from LungPNetLib.volume import Volume, read_image

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABELMAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"


def read_mask(
    path: Path,
    reference: Volume,
    *,
    roi: str | None = None,
    frame_of_reference_uid: str = "",
) -> Volume:
    """Read a mask or label map onto the grid of ``reference``.

    Parameters
    ----------
    path : Path
        A NIfTI, NRRD or MetaImage file with whole numbers from 0 to 255 (taken as they are,
        nearest neighbour where the grid differs), a DICOM SEG (label = segment number) or an
        RTSTRUCT (label = position of the region among those with closed contours, from 1).
    reference : Volume
        The grid; its voxels are not used.
    roi : str, optional
        Only this segment or region of a SEG or RTSTRUCT, as label 1. Upper and lower case count
        only where names differ by nothing else.
    frame_of_reference_uid : str, optional
        Where given, a SEG or RTSTRUCT that names another frame of reference is refused.

    Returns
    -------
    Volume
        uint8 labels.

    Raises
    ------
    InputError
        The file cannot be used; lies outside the image; its segments overlap (name one by
        ``roi``); or its contours are not parallel to the slices.
    """
    if not _is_dicom(path):
        if roi is not None:
            raise InputError(
                f"'{path.name}' is an image without named regions; leave out the region '{roi}', "
                "or give a DICOM SEG or RTSTRUCT."
            )
        return _read_label_image(path, reference)
    labels = np.zeros(reference.shape, dtype=np.uint8)
    for label, name, mask in _named_masks(path, reference, frame_of_reference_uid, roi):
        inside = mask.array != 0
        if (labels[inside] > 0).any():
            raise InputError(
                f"In '{path.name}' the region '{name}' overlaps another one, which a label map "
                "cannot hold. Name the one to use (--roi NAME)."
            )
        labels[inside] = 1 if roi is not None else label
    if not labels.any():
        raise _outside(path)
    return reference.with_array(labels)


def read_rois(
    path: Path, reference: Volume, *, frame_of_reference_uid: str = ""
) -> dict[str, Volume]:
    """All segments of a DICOM SEG, or all closed regions of an RTSTRUCT, each by its name.

    Masks are uint8 (0, 1) on the grid of ``reference`` and may overlap. A name that occurs again
    gets `` (2)``, `` (3)``, ... appended. Parameters and errors are those of :func:`read_mask`.
    """
    if not _is_dicom(path):
        raise InputError(
            f"'{path.name}' is no DICOM file; regions with names are read from DICOM SEG or "
            "RTSTRUCT."
        )
    named = _named_masks(path, reference, frame_of_reference_uid, None)
    masks = {name: mask for _, name, mask in named}
    if not any(mask.array.any() for mask in masks.values()):
        raise _outside(path)
    return masks


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError as error:
        raise InputError(
            f"The mask '{path.name}' cannot be opened: {error.strerror or type(error).__name__}."
        ) from error


def _read_label_image(path: Path, reference: Volume) -> Volume:
    volume = read_image(path)
    array = volume.array
    whole = np.issubdtype(array.dtype, np.integer) or bool((array == np.rint(array)).all())
    if not whole or array.min() < 0 or array.max() > 255:
        raise InputError(
            f"'{path.name}' holds values from {array.min():g} to {array.max():g}"
            f"{'' if whole else ' that are not whole numbers'}; a mask or label map holds whole "
            "numbers from 0 to 255. Is it the image instead of the mask?"
        )
    mask = volume.with_array(array.astype(np.uint8))
    if mask.same_grid_as(reference):
        return reference.with_array(mask.array)
    _require_overlap(mask, reference, path)
    return mask.resampled_to(reference, interpolation="nearest")


def _require_overlap(mask: Volume, reference: Volume, path: Path) -> None:
    """Refuse a mask whose labelled voxels (all voxels, if none is) miss the reference's box."""
    labelled = np.argwhere(mask.array)
    low, high = np.zeros(3), np.array(mask.shape) - 1.0
    if len(labelled):
        low, high = labelled.min(axis=0), labelled.max(axis=0)
    corners = np.array(
        list(itertools.product(*zip(low[::-1] - 0.5, high[::-1] + 0.5, strict=True)))
    )
    index = reference.world_to_index(mask.index_to_world(corners))
    size = np.array(reference.shape[::-1])
    if (index.max(axis=0) <= -0.5).any() or (index.min(axis=0) >= size - 0.5).any():
        raise _outside(path)


def _outside(path: Path) -> InputError:
    return InputError(
        f"Nothing in '{path.name}' lies inside the image. It belongs to another series, or its "
        "position was lost in conversion; give the mask of this image."
    )


def _named_masks(
    path: Path, reference: Volume, frame_of_reference_uid: str, roi: str | None
) -> Iterator[tuple[int, str, Volume]]:
    """Label, unique name and mask of each region (of ``roi`` only, if given)."""
    header = _header(path)
    if header.SOPClassUID == RTSTRUCT:
        yield from _contour_masks(path, header, reference, frame_of_reference_uid, roi)
    elif header.SOPClassUID in (SEGMENTATION, LABELMAP_SEGMENTATION):
        _require_frame(path, str(header.get("FrameOfReferenceUID", "")), frame_of_reference_uid)
        yield from _segment_masks(path, reference, roi)
    else:
        raise InputError(
            f"'{path.name}' is a DICOM {header.SOPClassUID.name}; a mask is read from DICOM SEG or "
            "RTSTRUCT, or from a NIfTI, NRRD or MetaImage file."
        )


def _header(path: Path) -> Dataset:
    try:
        with quiet_pydicom():
            header = pydicom.dcmread(path, stop_before_pixels=True)
        header.SOPClassUID  # noqa: B018
    except UNREADABLE as error:
        raise InputError(
            f"'{path.name}' is a damaged DICOM file ({type(error).__name__}). Export it again."
        ) from error
    return header


def _require_frame(path: Path, found_uid: str, wanted_uid: str) -> None:
    if wanted_uid and found_uid and found_uid != wanted_uid:
        raise InputError(
            f"'{path.name}' was drawn in the frame of reference {found_uid}, the image lies in "
            f"{wanted_uid}; positions cannot be compared. Give the mask of this image."
        )


def _contour_masks(
    path: Path, header: Dataset, reference: Volume, frame_of_reference_uid: str, roi: str | None
) -> Iterator[tuple[int, str, Volume]]:
    with quiet_pydicom():
        rois = closed_rois(header)
    names = _unique([region.name for region in rois])
    chosen = _chosen(path, names, roi)
    for index in chosen:
        _require_frame(path, rois[index].frame_of_reference_uid, frame_of_reference_uid)
    _require_labels(path, len(names))
    for index in chosen:
        yield index + 1, names[index], rasterise(rois[index], reference)


def _segment_masks(
    path: Path, reference: Volume, roi: str | None
) -> Iterator[tuple[int, str, Volume]]:
    file = open_segmentation(path, reference.spacing_mm[2])
    numbers = list(file.names)
    names = _unique(list(file.names.values()))
    chosen = [numbers[index] for index in _chosen(path, names, roi)]
    _require_labels(path, max(numbers))
    for number, mask in file.masks(reference, chosen):
        yield number, names[numbers.index(number)], mask


def _require_labels(path: Path, highest: int) -> None:
    if highest > 255:
        raise InputError(
            f"'{path.name}' numbers its regions up to {highest}; at most 255 are supported. "
            "Export the needed regions alone."
        )


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


def _chosen(path: Path, names: list[str], roi: str | None) -> list[int]:
    """Indices of the wanted names: all, or the one that ``roi`` means."""
    if not names:
        raise InputError(f"'{path.name}' holds no segment and no closed contour.")
    if roi is None:
        return list(range(len(names)))
    exact = [index for index, name in enumerate(names) if name == roi]
    matches = exact or [i for i, name in enumerate(names) if name.casefold() == roi.casefold()]
    if len(matches) != 1:
        listing = ", ".join(f"'{name}'" for name in names)
        raise InputError(
            f"'{path.name}' holds {'more than one region' if matches else 'no region'} named "
            f"'{roi}'; it holds {listing}."
        )
    return matches
