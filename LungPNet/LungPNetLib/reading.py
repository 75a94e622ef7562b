"""From what a person points at (folder, DICOM file, NIfTI, NRRD, MetaImage) to a ``Study``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from LungPNetLib.dicom.geometry import describe_stack, regular_volume, upright_volume
from LungPNetLib.dicom.header import (
    acquisition_of,
    as_text,
    patient_of,
    printable,
    quiet_pydicom,
)
from LungPNetLib.dicom.pixels import Frame, name_both, order_frames, read_frames
from LungPNetLib.dicom.series import (
    MIN_SLICES,
    FileHeader,
    FolderContent,
    SeriesEntry,
    choose_series,
    ignored_files_notice,
    refuse_damaged,
    scan_files,
    scan_folder,
)
from LungPNetLib.errors import InputError
from LungPNetLib.events import Reporter
from LungPNetLib.image_files import read_ct_image
from LungPNetLib.study import InputFormat, SliceGeometry, SourceSlice, Study

IMAGE_FORMATS: dict[str, InputFormat] = {
    ".nii": "nifti",
    ".nii.gz": "nifti",
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
    ".mha": "metaimage",
    ".mhd": "metaimage",
}


def read_study(
    path: Path,
    *,
    series: str | None = None,
    allow_gaps: bool = False,
    reporter: Reporter | None = None,
) -> Study:
    """Read one CT study.

    Parameters
    ----------
    path : Path
        A folder with DICOM files at any depth, an enhanced (multi-frame) DICOM file, or a NIfTI,
        NRRD or MetaImage file in HU.
    series : str, optional
        SeriesInstanceUID or SeriesNumber where the folder holds several CT series.
    allow_gaps : bool
        Fill missing slices by linear interpolation instead of refusing.
    reporter : Reporter, optional
        Told how far the reading is.

    Raises
    ------
    InputError
        There is no usable CT; the message says why and what to do.
    DependencyError
        The compression of the pixels needs a decoder that is not installed.
    """
    reporter = reporter or Reporter()
    try:
        path.stat()
    except (OSError, ValueError) as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else "cannot be reached"
        raise InputError(
            f"'{printable(str(path))}' {reason}. Give a DICOM folder or an image file."
        ) from error
    image_format = _image_format(path)
    if image_format is not None:
        return _read_image_study(path, image_format)
    with quiet_pydicom():
        content = scan_folder(path) if path.is_dir() else _single_file(path)
        refuse_damaged(content)
        entry = choose_series(content, path, series)
        return _read_series(entry, content, allow_gaps, reporter)


def _image_format(path: Path) -> InputFormat | None:
    if path.is_dir():
        return None
    name = path.name.lower()
    return next((kind for end, kind in IMAGE_FORMATS.items() if name.endswith(end)), None)


def _single_file(path: Path) -> FolderContent:
    content = scan_files([path])
    if content.images and not content.images[0].header.get("NumberOfFrames"):
        raise InputError(
            f"'{printable(path.name)}' is one slice of a CT series. Give the folder that holds the "
            "series."
        )
    return content


def _read_image_study(path: Path, image_format: InputFormat) -> Study:
    name = printable(path.name)
    try:
        volume = read_ct_image(path)
    except InputError as error:
        raise InputError(
            f"'{name}': {error} Accepted is one CT of three dimensions in HU; export the DICOM "
            "series again, or give its folder."
        ) from error
    if min(volume.shape) < MIN_SLICES:
        raise InputError(
            f"'{name}' has the size {volume.shape[::-1]}; a CT needs at least {MIN_SLICES} slices. "
            "Give the whole CT."
        )
    slice_axis = int(np.argmax(np.abs(volume.direction[2])))
    spacing = SliceGeometry(slice_spacing_mm=volume.spacing_mm[slice_axis])
    return Study(ct=volume, input_format=image_format, geometry=spacing)


def _read_series(
    entry: SeriesEntry, content: FolderContent, allow_gaps: bool, reporter: Reporter
) -> Study:
    refuse_mixed_patients(entry, content)
    frames: list[Frame] = []
    header = Dataset()
    for number, file in enumerate(entry.files):
        dataset, found = read_frames(file.path)
        frames.extend(found)
        if number == 0:
            header = dataset
        reporter.progress((number + 1) / (len(entry.files) + 1))
    frames, stack, dropped = order_frames(frames)
    geometry = describe_stack(stack, duplicates_dropped=dropped)
    notices = _reading_notices(entry, content, dropped)
    _refuse_gaps(geometry, frames, notices, allow_gaps)
    array = _stacked(frames)
    source = tuple(
        SourceSlice(f.path, f.sop_instance_uid, f.number, _point(f.position_mm)) for f in frames
    )
    frames.clear()
    if geometry.regridded:
        ct = upright_volume(stack, array, geometry.slice_spacing_mm)
        notices.append(_regrid_notice(geometry))
    else:
        ct = regular_volume(stack, array, geometry.slice_spacing_mm)
    return Study(
        ct=ct,
        input_format="dicom",
        patient=patient_of(header),
        acquisition=acquisition_of(header),
        geometry=geometry,
        source=source,
        notices=tuple(notices),
    )


def refuse_mixed_patients(entry: SeriesEntry, content: FolderContent) -> None:
    """Raise where the slices of a series name two patients, studies or frames of reference."""

    def distinct(files: Iterable[FileHeader], *keywords: str) -> int:
        # Systems differ in case and in trailing ^ of one and the same name.
        texts = ([as_text(f.header.get(k)).casefold().strip("^ ") for k in keywords] for f in files)
        return len({tuple(text) for text in texts})

    uid = entry.header.get("SeriesInstanceUID")
    series = [file for file in content.images if file.header.get("SeriesInstanceUID") == uid]
    if distinct(series, "PatientID") > 1 or distinct(series, "PatientName", "PatientBirthDate") > 1:
        raise InputError(
            "The slices of this series name more than one patient. Do not use it before somebody "
            "has found out whose images they are; export each patient again."
        )
    if distinct(entry.files, "StudyInstanceUID") > 1 or (
        distinct(entry.files, "FrameOfReferenceUID") > 1
    ):
        raise InputError(
            "The slices of this series belong to more than one study or frame of reference, so "
            "their positions cannot be compared. Export the series again."
        )


def _reading_notices(entry: SeriesEntry, content: FolderContent, dropped: int) -> list[str]:
    notices = [f"{dropped} identical copies of slices were ignored."] if dropped else []
    if entry.left_out:
        notices.append(
            f"{entry.left_out} image(s) of the same series with another orientation, matrix or "
            "pixel size, or none, were left out."
        )
    ignored = ignored_files_notice(content)
    return [*notices, ignored] if ignored else notices


def _stacked(frames: list[Frame]) -> npt.NDArray[np.generic]:
    whole = all(frame.hu.dtype == np.int16 for frame in frames)
    array = np.empty((len(frames), *frames[0].hu.shape), np.int16 if whole else np.float32)
    for k, frame in enumerate(frames):
        array[k] = frame.hu
    return array


def _refuse_gaps(
    geometry: SliceGeometry, frames: list[Frame], notices: list[str], allow_gaps: bool
) -> None:
    missing = sum(gap.missing for gap in geometry.gaps)
    if not missing or (allow_gaps and missing <= len(frames)):
        return
    gap = geometry.gaps[0]
    advice = (
        "More is missing than there is, so the gaps cannot be filled; single slices of another "
        "scan may lie among these. Export the series again."
        if missing > len(frames)
        else "Export the series again, or add --allow-gaps to fill the gaps by interpolation "
        "(findings there are not real)."
    )
    raise InputError(
        f"{missing} slice(s) are missing at {len(geometry.gaps)} place(s); the first gap of "
        f"{gap.distance_mm:g} mm (others are {geometry.slice_spacing_mm:g} mm) lies between "
        f"{name_both(frames[gap.after], frames[gap.after + 1])}. "
        f"{' '.join([advice, *notices])}"
    )


def _regrid_notice(geometry: SliceGeometry) -> str:
    reasons = []
    if geometry.tilt_deg:
        reasons.append(f"the gantry was tilted by {geometry.tilt_deg:.1f} degrees")
    if geometry.gaps:
        reasons.append(f"{sum(g.missing for g in geometry.gaps)} slice(s) were missing")
    if not reasons:
        reasons.append(
            f"its slices are not equally spaced (distances differ by {geometry.irregular_mm:g} mm)"
        )
    return (
        f"The CT was resampled onto an upright regular grid because {' and '.join(reasons)}; "
        "label maps lie in that grid, DICOM SEG on the acquired slices."
    )


def _point(position: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    return float(position[0]), float(position[1]), float(position[2])
