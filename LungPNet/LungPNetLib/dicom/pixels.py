"""Slices with their position and their values, from single- and multi-frame CT and PET files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from LungPNetLib.dicom.geometry import (
    COSINE_TOLERANCE,
    SAME_POSITION_MM,
    SPACING_TOLERANCE_MM,
    SliceStack,
    order_slices,
    plane_directions,
)
from LungPNetLib.dicom.header import first_item, numbers, printable, read_dataset, readable
from LungPNetLib.dicom.jpeg import (
    JPEG_LS_SYNTAXES,
    JPEG_SYNTAXES,
    checked_streams,
    decode_jpeg,
)
from LungPNetLib.dicom.series import MIN_SLICES
from LungPNetLib.errors import DependencyError, InputError, LungPNetError

_DECODERS = {
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pillow",
    "1.2.840.10008.1.2.4.91": "pillow",
    "1.2.840.10008.1.2.5": "pydicom",
}
"""Preferred over GDCM, which reads damaged JPEG-LS streams without a word, and which ends the
process on damaged JPEG 2000 streams (an uncaught C++ exception). JPEG has ``jpeg.py``."""

_FITS_INT32 = 1 << 15
"""Slope and intercept below this keep 16-bit pixels inside int32."""


Rescale: TypeAlias = Callable[[npt.NDArray[np.int32], float, float], npt.NDArray[np.generic]]
"""Stored values, slope and intercept to the values of a slice."""


@dataclass(frozen=True)
class Frame:
    """One slice: HU (in a PET what Units says), place and the file that it came from.

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


def hounsfield(
    values: npt.NDArray[np.int32], slope: float, intercept: float
) -> npt.NDArray[np.generic]:
    """int16 where slope and intercept are whole numbers (values beyond its range are clipped)."""
    whole = slope.is_integer() and intercept.is_integer()
    if whole and max(abs(slope), abs(intercept)) < _FITS_INT32:
        hu = values * int(slope) + int(intercept)
        return np.clip(hu, -32768, 32767).astype(np.int16)
    return (values * slope + intercept).astype(np.float32)


def read_frames(path: Path, rescale: Rescale = hounsfield) -> tuple[Dataset, list[Frame]]:
    """Read one file: its data set (without pixels) and its frames in stored order.

    Raises
    ------
    InputError
        The file is damaged, cut off, or lacks what places a slice in the patient; it is named.
    DependencyError
        No decoder for its compression is installed.
    """
    try:
        dataset = read_dataset(path)
        _refuse_unreadable_pixels(dataset, path)
        stored = _stored_values(dataset)
        del dataset.PixelData
        frames = list(_frames(dataset, stored, path, rescale))
    except (LungPNetError, MemoryError):
        raise
    except Exception as error:  # pydicom and the decoders raise errors of many kinds
        raise InputError(
            f"'{printable(path.name)}' is damaged or cut off ({_first_line(error)}). Copy or "
            "export the series again."
        ) from error
    return dataset, frames


def _refuse_unreadable_pixels(dataset: Dataset, path: Path) -> None:
    from pydicom.pixels.decoders.base import get_decoder

    if "PixelData" not in dataset:
        raise ValueError("its pixels are missing")
    name = printable(path.name)
    samples, bits = readable(dataset, "SamplesPerPixel"), readable(dataset, "BitsAllocated")
    if samples not in (None, 1) or bits not in (8, 16):
        raise InputError(
            f"'{name}' holds {samples} value(s) of {bits} bits a pixel; a CT or PET has one of 16 "
            "bits. It is a screen capture or neither; export the original series."
        )
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in JPEG_SYNTAXES:
        return
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError as error:
        raise InputError(
            f"'{name}' is stored as '{printable(syntax.name)}', which is not read here. Export "
            "the series uncompressed or with JPEG-LS, JPEG 2000, JPEG or RLE compression."
        ) from error
    if not available:
        raise DependencyError(
            f"'{name}' is compressed as {syntax.name}, and no decoder for it is installed. "
            "Install one with: python -m pip install pyjpegls pylibjpeg-openjpeg"
        )


def _stored_values(dataset: Dataset) -> npt.NDArray[np.int32]:
    """Stored integers, shape (frames, rows, columns), before slope and intercept."""
    count = numbers(readable(dataset, "NumberOfFrames"))
    if "NumberOfFrames" in dataset and not (count and count[0].is_integer() and count[0] > 0):
        del dataset.NumberOfFrames
    if dataset.file_meta.TransferSyntaxUID in JPEG_SYNTAXES:
        values = decode_jpeg(dataset)
    else:
        values = _decoded_by_pydicom(dataset)
    values = values.reshape(-1, int(dataset.Rows), int(dataset.Columns))
    return _only_stored_bits(values, dataset)


def _decoded_by_pydicom(dataset: Dataset) -> npt.NDArray[np.generic]:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.utils import pixel_array

    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in JPEG_LS_SYNTAXES:
        for _ in checked_streams(dataset):
            pass
    preferred = _DECODERS.get(str(syntax), "")
    return pixel_array(
        dataset,
        raw=True,
        decoding_plugin=preferred if preferred in get_decoder(syntax).available_plugins else "",
        correct_unused_bits=False,
    )


def _only_stored_bits(values: npt.NDArray[np.generic], dataset: Dataset) -> npt.NDArray[np.int32]:
    """Clear bits beside BitsStored (old scanners keep overlays there) and extend the sign."""
    wide: npt.NDArray[np.int32] = values.astype(np.int32)
    bits = int(dataset.BitsStored)
    if bits < int(dataset.BitsAllocated):
        wide >>= max(0, int(dataset.HighBit) + 1 - bits)
        wide &= (1 << bits) - 1
        if int(dataset.PixelRepresentation) == 1:
            sign = 1 << (bits - 1)
            wide = (wide ^ sign) - sign
    return wide


def _frames(
    dataset: Dataset, stored: npt.NDArray[np.int32], path: Path, rescale: Rescale
) -> Iterator[Frame]:
    shared = first_item(dataset, "SharedFunctionalGroupsSequence")
    per_frame = readable(dataset, "PerFrameFunctionalGroupsSequence") or [Dataset()] * len(stored)
    if len(per_frame) != len(stored):
        raise InputError(
            f"'{printable(path.name)}' describes {len(per_frame)} frames and holds {len(stored)}; "
            "export the series again."
        )
    for number, (group, values) in enumerate(zip(per_frame, stored, strict=True), start=1):
        sources = [group, shared, dataset]
        position = _numbers(sources, "PlanePositionSequence", "ImagePositionPatient", 3)
        orientation = _numbers(sources, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
        spacing = _numbers(sources, "PixelMeasuresSequence", "PixelSpacing", 2)
        if position is None or orientation is None or spacing is None:
            raise InputError(
                f"'{printable(path.name)}' lacks ImagePositionPatient, ImageOrientationPatient or "
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
            hu=rescale(
                values,
                1.0 if slope is None else float(slope[0]),
                0.0 if intercept is None else float(intercept[0]),
            ),
        )


def _numbers(
    sources: list[Dataset], macro: str, keyword: str, count: int
) -> npt.NDArray[np.float64] | None:
    """First complete value of ``keyword`` in a functional group macro or at the top level."""
    for source in sources:
        for dataset in (first_item(source, macro), source):
            found = numbers(readable(dataset, keyword))
            if len(found) == count:
                return np.array(found)
    return None


def order_frames(frames: list[Frame]) -> tuple[list[Frame], SliceStack, int]:
    """Frames in ascending order, how they are stacked, and how many copies were left out.

    Raises
    ------
    InputError
        The frames are not parallel, two differ at one position, or there are too few of them.
    """
    _refuse_different_planes(frames)
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
                    f"Two different slices lie at one position: {name_both(kept[-1], frame)}. "
                    "The folder mixes two reconstructions or phases under one series UID; "
                    "separate them and run each alone."
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


def _refuse_different_planes(frames: list[Frame]) -> None:
    first = frames[0]
    for frame in frames[1:]:
        turned = np.abs(frame.orientation - first.orientation).max() > COSINE_TOLERANCE
        scaled = np.subtract(frame.pixel_spacing_mm, first.pixel_spacing_mm)
        if turned or np.abs(scaled).max() > SPACING_TOLERANCE_MM:
            raise InputError(
                f"Orientation or pixel spacing differ between {name_both(first, frame)}, so they "
                "make no volume. Export each stack as a series of its own."
            )


def name_both(first: Frame, second: Frame) -> str:
    """Two slices by the shortest names that tell them apart."""
    names = [printable(frame.path.name) for frame in (first, second)]
    if first.path == second.path:
        return f"frames {first.number} and {second.number} of '{names[0]}'"
    if names[0] == names[1]:
        names = [printable(str(Path(*frame.path.parts[-2:]))) for frame in (first, second)]
    return f"'{names[0]}' and '{names[1]}'"


def _first_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
