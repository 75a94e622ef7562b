"""Tiny CT series for tests: every voxel has a value of its own, so that nothing can hide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)
from pydicom.valuerep import format_number_as_ds

from LungPNetLib.errors import InputError
from LungPNetLib.reading import read_study
from LungPNetLib.study import Study
from LungPNetLib.volume import Volume

Array = npt.NDArray[Any]
Change = Callable[[Dataset, int], None]

AXIAL = (1, 0, 0, 0, 1, 0)
FEET_FIRST = (-1, 0, 0, 0, 1, 0)
CORONAL = (1, 0, 0, 0, 0, -1)
SAGITTAL = (0, 1, 0, 0, 0, -1)

NAME, PATIENT_ID, BIRTH_DATE = "Muster^Erika=無^名", "PID-4711", "19510203"
"""Identity in every file of the factory; no message may repeat any of it."""

NATIVE_SYNTAXES = {
    "explicit little endian": ExplicitVRLittleEndian,
    "implicit VR": ImplicitVRLittleEndian,
    "explicit big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}
COMPRESSED_SYNTAXES = {
    "JPEG lossless .57": JPEGLossless,
    "JPEG lossless .70": JPEGLosslessSV1,
    "JPEG-LS lossless .80": JPEGLSLossless,
    "JPEG 2000 lossless .90": JPEG2000Lossless,
    "RLE": RLELossless,
}
SYNTAXES = NATIVE_SYNTAXES | COMPRESSED_SYNTAXES


def numbered_hu(shape: tuple[int, int, int] = (12, 16, 20)) -> Array:
    """HU of shape (slices, rows, columns): -1024, -1023, ... in index order, none twice."""
    return np.arange(np.prod(shape), dtype=np.int16).reshape(shape) - np.int16(1024)


def refusal(path: Path, error: type[Exception] = InputError, **options: Any) -> str:
    """The message with which ``path`` is refused; it must not identify the patient."""
    with pytest.raises(error) as caught:
        read_study(path, **options)
    message = str(caught.value)
    assert not [
        word for word in ("Muster", "Erika", "無", PATIENT_ID, BIRTH_DATE) if word in message
    ]
    assert message.encode("utf-8")
    return message


def upright(study: Study) -> Volume:
    """The CT with its axes re-ordered to columns to the left, rows to the back, slices up."""
    return study.ct.axis_order_to().apply(study.ct)


def world_by_value(volume: Volume) -> Array:
    """LPS position of every voxel in ascending order of the values, shape (voxels, 3)."""
    k, j, i = np.unravel_index(np.argsort(volume.array, axis=None), volume.shape)
    return volume.index_to_world(np.stack([i, j, k], axis=-1))


def uid(what: str) -> str:
    """A UID that is the same whenever ``what`` is the same."""
    return str(generate_uid(entropy_srcs=["LungPNet test", what]))


def stack_positions(
    n: int,
    step_mm: Sequence[float] = (0, 0, 2.5),
    first_mm: Sequence[float] = (-50.0, -40.0, 100.0),
) -> Array:
    """LPS centre of the first pixel of ``n`` equally spaced slices, shape (n, 3)."""
    return np.asarray(first_mm, float) + np.arange(n)[:, None] * np.asarray(step_mm, float)


def world_of(
    positions: Array,
    shape: tuple[int, int, int],
    orientation: Sequence[float] = AXIAL,
    pixel_mm: tuple[float, float] = (0.8, 0.7),
) -> Array:
    """LPS position of every acquired pixel, shape (slices, rows, columns, 3).

    ``pixel_mm`` is the distance of neighbouring pixels along (column, row) index.
    """
    row, column = np.reshape(np.asarray(orientation, float), (2, 3))
    _, j, i = np.indices(shape)
    across = i[..., None] * pixel_mm[0] * row
    down = j[..., None] * pixel_mm[1] * column
    return np.asarray(positions)[:, None, None, :] + across + down


def write_series(
    folder: Path,
    hu: Array,
    *,
    positions: Array | None = None,
    orientation: Sequence[float] = AXIAL,
    pixel_mm: tuple[float, float] = (0.8, 0.7),
    slope: float | Sequence[float] = 1,
    intercept: float | Sequence[float] = -1024,
    signed: bool = True,
    bits_stored: int = 16,
    high_bits: int = 0,
    syntax: str = ExplicitVRLittleEndian,
    series: str = "series",
    number: int | str = 1,
    file_order: Sequence[int] | None = None,
    change: Change | None = None,
) -> list[Path]:
    """Write ``hu`` as single-frame CT images; returns their paths in the order of the slices.

    Parameters
    ----------
    hu : ndarray, shape (slices, rows, columns)
    positions : ndarray, shape (slices, 3), optional
        LPS centre of the first pixel of each slice; 2.5 mm apart along +z if None.
    slope, intercept : float or one for each slice
    high_bits : int
        Set in every stored pixel above ``bits_stored``, as overlays of old scanners are.
    syntax : str
        Transfer syntax UID of the files.
    file_order : sequence of int, optional
        Slice k is written to the ``file_order[k]``-th file name.
    change : callable, optional
        Called with each data set and its slice number before it is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    n = len(hu)
    places = stack_positions(n) if positions is None else np.asarray(positions)
    slopes, intercepts = np.broadcast_to(slope, n), np.broadcast_to(intercept, n)
    names = range(n) if file_order is None else file_order
    paths = []
    for k in range(n):
        dataset = ct_header(series, number)
        dataset.SOPInstanceUID = uid(f"{series} slice {k} {places[k].tolist()}")
        dataset.InstanceNumber = k + 1
        dataset.ImagePositionPatient = [decimal(v) for v in places[k]]
        dataset.ImageOrientationPatient = [decimal(v) for v in orientation]
        dataset.PixelSpacing = [decimal(pixel_mm[1]), decimal(pixel_mm[0])]
        dataset.SliceThickness = "7.5"
        dataset.RescaleSlope = decimal(slopes[k])
        dataset.RescaleIntercept = decimal(intercepts[k])
        stored = np.rint((hu[k] - intercepts[k]) / slopes[k]).astype(np.int64)
        set_pixels(dataset, stored, signed, bits_stored, high_bits)
        if change is not None:
            change(dataset, k)
        paths.append(folder / f"{names[k] + 1:04d}.dcm")
        save(dataset, paths[-1], syntax)
    return paths


def ct_header(series: str = "series", number: int | str = 1) -> Dataset:
    """What all images of a series share, without geometry and pixels."""
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SpecificCharacterSet = "ISO_IR 192"
    header.SOPClassUID = CTImageStorage
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.Modality = "CT"
    header.PatientName, header.PatientID = NAME, PATIENT_ID
    header.PatientBirthDate, header.PatientSex, header.PatientAge = BIRTH_DATE, "F", "071Y"
    header.StudyInstanceUID = uid("study")
    header.StudyDate, header.AccessionNumber = "20220101", "ACC1"
    header.StudyDescription, header.SeriesDescription = "CT chest", f"{series} description"
    header.SeriesInstanceUID = uid(series)
    header.SeriesNumber = number
    header.FrameOfReferenceUID = uid("frame of reference")
    header.Manufacturer, header.ManufacturerModelName = "Maker", "Model 5"
    header.KVP, header.XRayTubeCurrent = "120", 211
    header.ConvolutionKernel = "B30f"
    header.BodyPartExamined = "CHEST"
    return header


def set_pixels(
    dataset: Dataset, stored: Array, signed: bool = True, bits_stored: int = 16, high_bits: int = 0
) -> None:
    """Add the image pixel module with ``stored`` integers, shape ([frames,] rows, columns)."""
    low = -(1 << (bits_stored - 1)) if signed else 0
    assert low <= stored.min()
    assert stored.max() < low + (1 << bits_stored)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits_stored, bits_stored - 1
    dataset.PixelRepresentation = int(signed)
    words = stored & ((1 << bits_stored) - 1) | high_bits << bits_stored
    dataset.PixelData = words.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"


def write_multiframe(
    path: Path,
    hu: Array,
    positions: Array,
    *,
    orientation: Sequence[float] = AXIAL,
    pixel_mm: tuple[float, float] = (0.8, 0.7),
    order: Sequence[int] | None = None,
    slopes: Sequence[float] | None = None,
    intercepts: Sequence[float] | None = None,
    sop_class: str = EnhancedCTImageStorage,
    syntax: str = ExplicitVRLittleEndian,
    change: Callable[[Dataset], None] | None = None,
) -> Path:
    """Write ``hu`` as one enhanced CT image whose frame f is slice ``order[f]``.

    Orientation, spacing, thickness and acquisition are shared; position and rescale are a frame's.
    """
    order = list(range(len(hu))) if order is None else list(order)
    slopes = np.ones(len(hu)) if slopes is None else slopes
    intercepts = np.full(len(hu), -1024) if intercepts is None else intercepts
    dataset = ct_header("enhanced")
    for keyword in ("KVP", "XRayTubeCurrent", "ConvolutionKernel", "BodyPartExamined"):
        delattr(dataset, keyword)
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = uid(f"enhanced {path.name}")
    dataset.NumberOfFrames = len(hu)
    shared = Dataset()
    shared.PlaneOrientationSequence = [item(ImageOrientationPatient=list(orientation))]
    shared.PixelMeasuresSequence = [
        item(PixelSpacing=[pixel_mm[1], pixel_mm[0]], SliceThickness="7.5")
    ]
    shared.CTReconstructionSequence = [item(ConvolutionKernel=["LUNG", "2"])]
    shared.CTXRayDetailsSequence = [item(KVP="100")]
    shared.CTExposureSequence = [item(XRayTubeCurrentInmA=222.5)]
    dataset.SharedFunctionalGroupsSequence = [shared]
    groups, stored = [], []
    for k in order:
        group = Dataset()
        group.PlanePositionSequence = [item(ImagePositionPatient=list(positions[k]))]
        group.PixelValueTransformationSequence = [
            item(RescaleSlope=slopes[k], RescaleIntercept=intercepts[k], RescaleType="HU")
        ]
        groups.append(group)
        stored.append(np.rint((hu[k] - intercepts[k]) / slopes[k]).astype(np.int64))
    dataset.PerFrameFunctionalGroupsSequence = groups
    set_pixels(dataset, np.stack(stored))
    if change is not None:
        change(dataset)
    path.parent.mkdir(parents=True, exist_ok=True)
    save(dataset, path, syntax)
    return path


def item(**elements: Any) -> Dataset:
    """A sequence item with the given elements."""
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def other_object(path: Path, sop_class: str, modality: str) -> None:
    """A DICOM file that is no CT image (SR, PET, SEG, ...), with no more than its header."""
    dataset = ct_header(modality)
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid(path.name)
    dataset.Modality = modality
    path.parent.mkdir(parents=True, exist_ok=True)
    save(dataset, path)


def save(dataset: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> None:
    """Write ``dataset`` (native little endian) to ``path`` in another transfer syntax."""
    if syntax in (RLELossless, JPEGLSLossless):
        dataset.compress(syntax, generate_instance_uid=False)
    elif syntax == ExplicitVRBigEndian and "PixelData" in dataset:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    if syntax in NATIVE_SYNTAXES.values():
        dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    if dataset.file_meta.TransferSyntaxUID != syntax:
        _recompress(path, syntax)


def _recompress(path: Path, syntax: str) -> None:
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(syntax))))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


def decimal(value: float) -> str:
    """A decimal string of at most 16 characters."""
    return str(format_number_as_ds(float(value)))


def drop_meta(path: Path) -> None:
    """Cut preamble and file meta information off, as files of old archives are."""
    from pydicom import dcmread

    dataset = dcmread(path)
    dataset.preamble = None
    implicit = bool(dataset.file_meta.TransferSyntaxUID.is_implicit_VR)
    dataset.file_meta = FileMetaDataset()
    dataset.save_as(path, implicit_vr=implicit, little_endian=True)


def cut(path: Path, fraction: float) -> None:
    """Keep the first ``fraction`` of the file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
