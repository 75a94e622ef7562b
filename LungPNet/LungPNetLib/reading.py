"""From what a person points at (folder, DICOM file, NIfTI, NRRD, MetaImage) to a ``Study``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from LungPNetLib.dicom.geometry import (
    SAME_POSITION_MM,
    SliceStack,
    describe_stack,
    order_slices,
    plane_directions,
    regular_volume,
    upright_volume,
)
from LungPNetLib.dicom.pixels import LOSSY_SYNTAXES, Frame, find_value, read_frames
from LungPNetLib.dicom.series import (
    MIN_SLICES,
    FolderContent,
    SeriesEntry,
    choose_series,
    ignored_files_notice,
    refuse_damaged,
    scan_folder,
)
from LungPNetLib.errors import InputError
from LungPNetLib.events import Reporter
from LungPNetLib.study import (
    Acquisition,
    InputFormat,
    Patient,
    SliceGeometry,
    SourceSlice,
    Study,
)
from LungPNetLib.volume import Volume, read_image

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
    if not path.exists():
        raise InputError(f"'{path}' does not exist. Give a DICOM folder or an image file.")
    image_format = _image_format(path)
    if image_format is not None:
        return _read_image_study(path, image_format)
    folder = path if path.is_dir() else path.parent
    content = scan_folder(path) if path.is_dir() else _single_file(path)
    refuse_damaged(content)
    entry = choose_series(content, folder, series)
    return _read_series(entry, content, allow_gaps, reporter)


def _image_format(path: Path) -> InputFormat | None:
    if path.is_dir():
        return None
    name = path.name.lower()
    return next((kind for end, kind in IMAGE_FORMATS.items() if name.endswith(end)), None)


def _single_file(path: Path) -> FolderContent:
    content = scan_folder(path.parent)
    content.images = [file for file in content.images if file.path == path]
    content.other = [file for file in content.other if file.path == path]
    content.damaged = [file for file in content.damaged if file == path]
    content.not_dicom = [file for file in content.not_dicom if file == path]
    if content.images and not content.images[0].header.get("NumberOfFrames"):
        raise InputError(
            f"'{path.name}' is one slice of a CT series. Give the folder that holds the series."
        )
    return content


def _read_image_study(path: Path, image_format: InputFormat) -> Study:
    volume = read_image(path)
    smallest = min(volume.shape)
    if smallest < MIN_SLICES:
        raise InputError(
            f"'{path.name}' has the size {volume.shape[::-1]}; a CT needs at least {MIN_SLICES} "
            "slices."
        )
    if not np.isfinite(volume.array).all():
        raise InputError(f"'{path.name}' holds values that are not finite; write it in HU again.")
    volume = volume.with_array(_compact_hu(volume.array))
    slice_axis = int(np.argmax(np.abs(volume.direction[2])))
    spacing = SliceGeometry(slice_spacing_mm=volume.spacing_mm[slice_axis])
    return Study(ct=volume, input_format=image_format, geometry=spacing)


def _compact_hu(array: npt.NDArray[Any]) -> npt.NDArray[np.generic]:
    """int16 where nothing is lost by it, float32 otherwise."""
    if array.dtype == np.int16:
        return array
    fits = array.min() >= -32768 and array.max() <= 32767
    if fits and (np.issubdtype(array.dtype, np.integer) or bool((array == np.rint(array)).all())):
        return array.astype(np.int16)
    return array.astype(np.float32)


def _read_series(
    entry: SeriesEntry, content: FolderContent, allow_gaps: bool, reporter: Reporter
) -> Study:
    _refuse_mixed_patients(entry)
    frames: list[Frame] = []
    header = Dataset()
    for number, file in enumerate(entry.files):
        dataset, found = read_frames(file.path)
        frames.extend(found)
        if number == 0:
            header = dataset
        reporter.progress((number + 1) / (len(entry.files) + 1))
    frames, stack, dropped = _ordered(frames)
    geometry = describe_stack(stack, duplicates_dropped=dropped)
    notices = [f"{dropped} identical copies of slices were ignored."] if dropped else []
    ignored = ignored_files_notice(content)
    if ignored:
        notices.append(ignored)
    if geometry.gaps and not allow_gaps:
        raise InputError(_gap_message(geometry, frames, notices))
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
        patient=_patient(header),
        acquisition=_acquisition(header),
        geometry=geometry,
        source=source,
        notices=tuple(notices),
    )


def _refuse_mixed_patients(entry: SeriesEntry) -> None:
    def distinct(*keywords: str) -> int:
        return len({tuple(str(f.header.get(k, "")) for k in keywords) for f in entry.files})

    if distinct("PatientID") > 1 or distinct("PatientName", "PatientBirthDate") > 1:
        raise InputError(
            "The slices of this series name more than one patient. Do not use it before somebody "
            "has found out whose images they are; export each patient again."
        )
    if distinct("StudyInstanceUID") > 1 or distinct("FrameOfReferenceUID") > 1:
        raise InputError(
            "The slices of this series belong to more than one study or frame of reference, so "
            "their positions cannot be compared. Export the series again."
        )


def _ordered(frames: list[Frame]) -> tuple[list[Frame], SliceStack, int]:
    """Frames in ascending order, how they are stacked, and how many copies were left out."""
    row, column = plane_directions(frames[0].orientation)
    normal = np.cross(row, column)
    order = order_slices(np.array([frame.position_mm for frame in frames]), normal)
    kept: list[Frame] = []
    dropped = 0
    for index in order:
        frame = frames[index]
        if kept and (frame.position_mm - kept[-1].position_mm) @ normal < SAME_POSITION_MM:
            if not np.array_equal(frame.hu, kept[-1].hu):
                raise InputError(
                    f"Two different slices lie at one position: '{kept[-1].path.name}' and "
                    f"'{frame.path.name}'. The folder mixes two reconstructions or phases under "
                    "one series UID; separate them and run each alone."
                )
            dropped += 1
        else:
            kept.append(frame)
    if len(kept) < MIN_SLICES:
        raise InputError(
            f"The series has {len(kept)} slice(s) at distinct positions; at least {MIN_SLICES} are "
            "needed. Export the whole series."
        )
    positions = np.array([frame.position_mm for frame in kept])
    return kept, SliceStack(positions, row, column, kept[0].pixel_spacing_mm), dropped


def _stacked(frames: list[Frame]) -> npt.NDArray[np.generic]:
    whole = all(frame.hu.dtype == np.int16 for frame in frames)
    array = np.empty((len(frames), *frames[0].hu.shape), np.int16 if whole else np.float32)
    for k, frame in enumerate(frames):
        array[k] = frame.hu
    return array


def _gap_message(geometry: SliceGeometry, frames: list[Frame], notices: list[str]) -> str:
    gap = geometry.gaps[0]
    missing = sum(g.missing for g in geometry.gaps)
    before, after = frames[gap.after].path.name, frames[gap.after + 1].path.name
    return (
        f"{missing} slice(s) are missing at {len(geometry.gaps)} place(s); the first gap of "
        f"{gap.distance_mm:g} mm (others are {geometry.slice_spacing_mm:g} mm) lies between "
        f"'{before}' and '{after}'. Export the series again, or add --allow-gaps to fill the gaps "
        f"by interpolation (findings there are not real). {' '.join(notices)}".rstrip()
    )


def _regrid_notice(geometry: SliceGeometry) -> str:
    reasons = []
    if geometry.tilt_deg:
        reasons.append(f"the gantry was tilted by {geometry.tilt_deg:.1f} degrees")
    if geometry.gaps:
        reasons.append(f"{sum(g.missing for g in geometry.gaps)} slice(s) were missing")
    if not reasons:
        reasons.append(f"slice distances differ by up to {geometry.irregular_mm:g} mm")
    return (
        f"The CT was resampled onto an upright regular grid because {' and '.join(reasons)}; "
        "label maps lie in that grid, DICOM SEG on the acquired slices."
    )


def _patient(header: Dataset) -> Patient:
    return Patient(
        name=str(header.get("PatientName", "")),
        patient_id=str(header.get("PatientID", "")),
        birth_date=str(header.get("PatientBirthDate", "")),
        sex=str(header.get("PatientSex", "")),
    )


def _acquisition(header: Dataset) -> Acquisition:
    def text(keyword: str) -> str:
        value = find_value(header, keyword)
        if value is None:
            return ""
        return value if isinstance(value, str) else _joined(value)

    def number(keyword: str) -> float | None:
        value = find_value(header, keyword)
        try:
            return None if value is None else float(str(value))
        except ValueError:
            return None

    return Acquisition(
        study_uid=text("StudyInstanceUID"),
        series_uid=text("SeriesInstanceUID"),
        frame_of_reference_uid=text("FrameOfReferenceUID"),
        study_date=text("StudyDate"),
        accession_number=text("AccessionNumber"),
        study_description=text("StudyDescription"),
        series_description=text("SeriesDescription"),
        manufacturer=text("Manufacturer"),
        model=text("ManufacturerModelName"),
        kernel=text("ConvolutionKernel"),
        slice_thickness_mm=number("SliceThickness"),
        kvp=number("KVP"),
        tube_current_ma=number("XRayTubeCurrent") or number("XRayTubeCurrentInmA"),
        contrast_agent=text("ContrastBolusAgent"),
        body_part=text("BodyPartExamined"),
        patient_age=text("PatientAge"),
        lossy=str(header.file_meta.TransferSyntaxUID) in LOSSY_SYNTAXES
        or header.get("LossyImageCompression") == "01",
    )


def _joined(value: object) -> str:
    try:
        return "/".join(str(part) for part in value)  # type: ignore[attr-defined]
    except TypeError:
        return str(value)


def _point(position: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    return float(position[0]), float(position[1]), float(position[2])


def upright(study: Study) -> Volume:
    """The CT with its axes re-ordered (losslessly) to columns to the left, rows to the back."""
    return study.ct.axis_order_to().apply(study.ct)
