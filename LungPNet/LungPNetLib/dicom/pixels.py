"""Slices with their position and their Hounsfield units, from single- and multi-frame CT files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset

from LungPNetLib.errors import DependencyError, InputError

LOSSY_SYNTAXES = {
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.203",
}


@dataclass(frozen=True)
class Frame:
    """One slice: HU, place and the file that it came from.

    ``hu`` has shape (rows, columns), float32 or int16; ``position_mm`` is LPS; ``orientation`` are
    the six direction cosines; ``pixel_spacing_mm`` runs along (column, row) index.
    """

    path: Path
    sop_instance_uid: str
    number: int
    position_mm: npt.NDArray[np.float64]
    orientation: npt.NDArray[np.float64]
    pixel_spacing_mm: tuple[float, float]
    hu: npt.NDArray[np.generic]


def read_frames(path: Path) -> tuple[Dataset, list[Frame]]:
    """Read one CT file: its data set (without pixels) and its frames in stored order.

    Raises
    ------
    InputError
        The file is damaged, cut off, or lacks what places a slice in the patient; it is named.
    DependencyError
        No decoder for its compression is installed.
    """
    try:
        dataset = pydicom.dcmread(path)
        stored = _stored_values(dataset, path)
    except (OSError, EOFError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise InputError(
            f"'{path.name}' is damaged or cut off ({_first_line(error)}). Copy or export the "
            "series again."
        ) from error
    del dataset.PixelData
    frames = list(_frames(dataset, stored, path))
    return dataset, frames


def _stored_values(dataset: Dataset, path: Path) -> npt.NDArray[np.int32]:
    """Stored integers, shape (frames, rows, columns), before slope and intercept."""
    from pydicom.pixels.utils import pixel_array

    try:
        values = pixel_array(dataset, raw=True)
    except (RuntimeError, NotImplementedError) as error:
        syntax = dataset.file_meta.TransferSyntaxUID
        if "missing required dependencies" in str(error) or "no available" in str(error).lower():
            raise DependencyError(
                f"'{path.name}' is compressed as {syntax.name}, and no decoder for it is "
                "installed. Install one with: python -m pip install python-gdcm pyjpegls"
            ) from error
        raise ValueError(_first_line(error)) from error
    if int(dataset.get("SamplesPerPixel", 1)) != 1:
        raise ValueError("it holds colour pixels, not CT values")
    values = values.reshape(-1, int(dataset.Rows), int(dataset.Columns))
    return _only_stored_bits(values, dataset)


def _only_stored_bits(values: npt.NDArray[np.generic], dataset: Dataset) -> npt.NDArray[np.int32]:
    """Clear bits above BitsStored (old scanners keep overlays there) and extend the sign."""
    wide: npt.NDArray[np.int32] = values.astype(np.int32)
    bits = int(dataset.BitsStored)
    if bits < int(dataset.BitsAllocated):
        wide &= (1 << bits) - 1
        if int(dataset.PixelRepresentation) == 1:
            sign = 1 << (bits - 1)
            wide = (wide ^ sign) - sign
    return wide


def _frames(dataset: Dataset, stored: npt.NDArray[np.int32], path: Path) -> Iterator[Frame]:
    shared = _first_item(dataset, "SharedFunctionalGroupsSequence")
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or [Dataset()] * len(stored)
    if len(per_frame) != len(stored):
        raise InputError(
            f"'{path.name}' describes {len(per_frame)} frames and holds {len(stored)}; "
            "export the series again."
        )
    for number, (group, values) in enumerate(zip(per_frame, stored, strict=True), start=1):
        sources = [group, shared, dataset]
        position = _numbers(sources, "PlanePositionSequence", "ImagePositionPatient", 3)
        orientation = _numbers(sources, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
        spacing = _numbers(sources, "PixelMeasuresSequence", "PixelSpacing", 2)
        if position is None or orientation is None or spacing is None:
            raise InputError(
                f"'{path.name}' lacks ImagePositionPatient, ImageOrientationPatient or "
                "PixelSpacing; without them nothing can be measured in mm. Export the original "
                "series, not a screen capture."
            )
        slope = _numbers(sources, "PixelValueTransformationSequence", "RescaleSlope", 1)
        intercept = _numbers(sources, "PixelValueTransformationSequence", "RescaleIntercept", 1)
        yield Frame(
            path=path,
            sop_instance_uid=str(dataset.SOPInstanceUID),
            number=number,
            position_mm=position,
            orientation=orientation,
            pixel_spacing_mm=(float(spacing[1]), float(spacing[0])),
            hu=_to_hu(
                values,
                1.0 if slope is None else float(slope[0]),
                0.0 if intercept is None else float(intercept[0]),
            ),
        )


def _to_hu(
    values: npt.NDArray[np.int32], slope: float, intercept: float
) -> npt.NDArray[np.generic]:
    """int16 where slope and intercept are whole numbers (values beyond its range are clipped)."""
    if slope.is_integer() and intercept.is_integer():
        hu = values * int(slope) + int(intercept)
        return np.clip(hu, -32768, 32767).astype(np.int16)
    return (values * slope + intercept).astype(np.float32)


def _first_item(dataset: Dataset, keyword: str) -> Dataset:
    sequence = dataset.get(keyword)
    return sequence[0] if sequence else Dataset()


def _numbers(
    sources: list[Dataset], macro: str, keyword: str, count: int
) -> npt.NDArray[np.float64] | None:
    """First complete value of ``keyword`` in a functional group macro or at the top level."""
    for source in sources:
        value = _first_item(source, macro).get(keyword, source.get(keyword))
        if value is None or value == "":
            continue
        numbers = np.atleast_1d(np.asarray(value, dtype=np.float64))
        if numbers.shape == (count,) and np.isfinite(numbers).all():
            return numbers
    return None


def find_value(dataset: Dataset, keyword: str) -> object | None:
    """``keyword`` at the top level or, in enhanced CT, in its functional groups."""
    if dataset.get(keyword) not in (None, ""):
        return dataset.get(keyword)
    groups = [
        _first_item(dataset, "SharedFunctionalGroupsSequence"),
        _first_item(dataset, "PerFrameFunctionalGroupsSequence"),
    ]
    for group in groups:
        for element in group.iterall():
            if element.keyword == keyword and element.value not in (None, ""):
                return element.value
    return None


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
