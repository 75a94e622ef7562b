"""From a folder with a PET series in DICOM to a volume of SUVbw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from LungPNetLib.dicom.geometry import describe_stack, regular_volume
from LungPNetLib.dicom.header import acquisition_of, patient_of, printable, quiet_pydicom
from LungPNetLib.dicom.pixels import Frame, order_frames, read_frames
from LungPNetLib.dicom.series import (
    SeriesEntry,
    choose_series,
    ignored_files_notice,
    refuse_damaged,
    scan_folder,
)
from LungPNetLib.dicom.suv import SuvScale, suv_scale
from LungPNetLib.errors import InputError
from LungPNetLib.events import Reporter
from LungPNetLib.reading import refuse_mixed_patients
from LungPNetLib.study import Acquisition, Patient, SliceGeometry
from LungPNetLib.volume import Volume


@dataclass(frozen=True)
class PetStudy:
    """A PET as SUVbw.

    Parameters
    ----------
    suv : Volume
        float32 SUVbw in g/mL on the acquired grid.
    scale : SuvScale
        How the stored values became SUVbw.
    notices : tuple of str
        What a person should know, those of ``scale`` among them.
    """

    suv: Volume
    scale: SuvScale
    patient: Patient
    acquisition: Acquisition
    geometry: SliceGeometry
    notices: tuple[str, ...] = ()


def read_pet(
    path: Path, *, series: str | None = None, reporter: Reporter | None = None
) -> PetStudy:
    """Read one PET series from a folder with DICOM files at any depth.

    Parameters
    ----------
    series : str, optional
        SeriesInstanceUID or SeriesNumber where the folder holds several PET series.

    Raises
    ------
    InputError
        There is no usable PET series, slices are missing or not equally spaced, or its headers
        do not lead to SUVbw; the message names the attribute.
    DependencyError
        The compression of the pixels needs a decoder that is not installed.
    """
    reporter = reporter or Reporter()
    if not path.is_dir():
        raise InputError(f"'{printable(str(path))}' is no folder. Give that of a PET series.")
    with quiet_pydicom():
        content = scan_folder(path, "PET")
        refuse_damaged(content)
        entry = choose_series(content, path, series)
        refuse_mixed_patients(entry, content)
        headers, frames = _read_slices(entry, reporter)
        scale = suv_scale(headers)
        frames, stack, dropped = order_frames(frames)
        geometry = describe_stack(stack, duplicates_dropped=dropped)
        _refuse_irregular(geometry)
        array = np.stack([frame.hu for frame in frames]).astype(np.float32)
        array *= np.float32(scale.factor)
        ignored = ignored_files_notice(content)
        return PetStudy(
            regular_volume(stack, array, geometry.slice_spacing_mm),
            scale,
            patient_of(headers[0]),
            acquisition_of(headers[0]),
            geometry,
            (*scale.notices, ignored) if ignored else scale.notices,
        )


def _read_slices(entry: SeriesEntry, reporter: Reporter) -> tuple[list[Dataset], list[Frame]]:
    headers: list[Dataset] = []
    frames: list[Frame] = []
    for number, file in enumerate(entry.files):
        header, found = read_frames(file.path, rescaled)
        headers.append(header)
        frames.extend(found)
        reporter.progress((number + 1) / (len(entry.files) + 1))
    return headers, frames


def rescaled(
    values: npt.NDArray[np.int32], slope: float, intercept: float
) -> npt.NDArray[np.generic]:
    """The values of a PET slice, always as float32 (PET uses all 16 bits, with slopes below 1)."""
    return (values * slope + intercept).astype(np.float32)


def _refuse_irregular(geometry: SliceGeometry) -> None:
    if geometry.gaps:
        missing = sum(gap.missing for gap in geometry.gaps)
        raise InputError(
            f"{missing} slice(s) are missing at {len(geometry.gaps)} place(s) of this PET series; "
            "volumes and peaks would be wrong. Export the whole series."
        )
    if geometry.regridded:
        raise InputError(
            f"The slices of this PET series are not equally spaced (they differ by up to "
            f"{geometry.irregular_mm:g} mm) or not stacked upright. Export the original series."
        )
