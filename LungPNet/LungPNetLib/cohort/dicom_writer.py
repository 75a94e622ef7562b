"""Write a CT volume as a DICOM series, and a made-up patient as a folder with its truth.

For made-up patients: the files say so in their patient name. Results on real patients go through
``dicom/export.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import format_number_as_ds

from LungPNetLib.cohort.phantom.patient import MASKS, MadeUpPatient
from LungPNetLib.cohort.phantom.tilted import AcquiredSlices
from LungPNetLib.cohort.phantom.truth import nodule_rows, truth_json
from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.volume import Volume, write_image

_INTERCEPT_HU = -1024
_STORED = np.iinfo(np.int16)


@dataclass(frozen=True)
class SeriesTags:
    """What the headers of a series say beside its geometry.

    Parameters
    ----------
    patient_name, patient_id, birth_date, sex, age : str
        In DICOM form: ``Family^Given``, ``YYYYMMDD``, ``M``, ``F`` or ``O``, and ``060Y``.
    study_description, series_description, study_date : str
        The date as ``YYYYMMDD``.
    manufacturer, model, kernel : str
        Maker and name of the scanner, and its convolution kernel.
    slice_thickness_mm : float, optional
        The distance of the slices if None.
    kvp, tube_current_ma : float
    contrast_agent : str
        Empty for a scan without contrast.
    padding_hu : int, optional
        HU of the pixels outside the field of reconstruction, if there are any.
    """

    patient_name: str = "MadeUp^Patient"
    patient_id: str = "PHANTOM"
    birth_date: str = "19600101"
    sex: str = "O"
    age: str = "065Y"
    study_description: str = "CT CHEST (made up)"
    series_description: str = "Chest, made-up patient"
    study_date: str = "20250102"
    manufacturer: str = "LungPNet"
    model: str = "Made-up CT scanner"
    kernel: str = "STANDARD"
    slice_thickness_mm: float | None = None
    kvp: float = 120.0
    tube_current_ma: float = 200.0
    contrast_agent: str = ""
    padding_hu: int | None = None


@dataclass(frozen=True)
class _Uids:
    """UIDs that follow from a seed: the same seed, the same files."""

    seed: str

    def of(self, what: str) -> str:
        """The UID of one thing of this series."""
        return str(generate_uid(entropy_srcs=["LungPNet made-up CT", self.seed, what]))


def write_ct_series(
    ct: Volume | AcquiredSlices,
    folder: Path,
    *,
    tags: SeriesTags | None = None,
    uid_seed: str = "phantom",
) -> list[Path]:
    """Write ``ct`` as single-frame CT images, one file a slice.

    Parameters
    ----------
    ct : Volume or AcquiredSlices
        HU, whole numbers from -33792 to 31743, any orthonormal direction, or the slices of a
        tilted gantry. A direction that is left-handed is written truly; readers sort slices along
        their normal and so return it flipped along the slice axis, in the same place.
    folder : Path
        Made if missing. Files are named ``0001.dcm`` and so on in the order of the slices.
    tags : SeriesTags, optional
        What the headers say.
    uid_seed : str
        The same seed gives the same UIDs, hence the same files.

    Returns
    -------
    list of Path
        The files in the order of the slices.

    Raises
    ------
    InputError
        HU that are not whole, or outside of what 16 bits hold.
    OutputError
        The folder or a file cannot be written.
    """
    tags = tags or SeriesTags()
    slices = AcquiredSlices.of(ct) if isinstance(ct, Volume) else ct
    _check_values(slices.hu)
    common = _series_header(slices, tags, _Uids(uid_seed))
    paths = [folder / f"{k + 1:04d}.dcm" for k in range(len(slices.hu))]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for k, path in enumerate(paths):
            image = _slice_dataset(common, slices, k, _Uids(uid_seed))
            image.PixelData = (slices.hu[k] - np.float64(_INTERCEPT_HU)).astype("<i2").tobytes()
            image["PixelData"].VR = "OW"
            image.save_as(path, enforce_file_format=True)
    except OSError as error:
        raise OutputError(
            f"Cannot write the CT series to '{folder.name}': {error.strerror}. "
            "Choose a folder with write permission and enough space."
        ) from error
    return paths


def write_patient(patient: MadeUpPatient, folder: Path) -> None:
    """Write ``ct/*.dcm``, and in ``truth/`` every mask as .nrrd, truth.json and nodules.csv.

    Parameters
    ----------
    patient : MadeUpPatient
    folder : Path
        Made if missing; files of the same names are replaced.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    slices = patient.acquired or patient.ct
    write_ct_series(slices, folder / "ct", tags=tags_of(patient), uid_seed=_fingerprint(patient))
    truth = folder / "truth"
    try:
        truth.mkdir(parents=True, exist_ok=True)
        for name in MASKS:
            write_image(getattr(patient, name), truth / f"{name}.nrrd")
        (truth / "nodules.csv").write_text(nodule_rows(patient), encoding="utf-8")
        (truth / "truth.json").write_text(truth_json(patient), encoding="utf-8")
    except (OSError, RuntimeError) as error:
        raise OutputError(
            f"Cannot write the truth of a made-up patient to '{truth.name}': {error}. "
            "Choose a folder with write permission and enough space."
        ) from error


def tags_of(patient: MadeUpPatient) -> SeriesTags:
    """The tags that the scanner of a made-up patient writes."""
    scanner = patient.scanner
    slices = patient.acquired or AcquiredSlices.of(patient.ct)
    return SeriesTags(
        patient_name=f"MadeUp^Patient {patient.seed}",
        patient_id=f"PHANTOM-{patient.seed}",
        manufacturer=scanner.manufacturer,
        model=scanner.model,
        kernel=scanner.kernel,
        slice_thickness_mm=scanner.slab_mm(slices.distance_mm),
        kvp=scanner.kvp,
        tube_current_ma=scanner.tube_mas,
        contrast_agent="" if scanner.contrast_hu is None else "made-up contrast agent",
        padding_hu=scanner.padding_hu,
    )


def _fingerprint(patient: MadeUpPatient) -> str:
    """Seed, grid and scanner: another scan of the same person is another series."""
    ct = patient.ct
    grid = f"{ct.shape} {ct.spacing_mm} {ct.origin_mm}"
    if patient.acquired is not None:
        grid += f" {patient.acquired.stack.column_direction}"
    return f"{patient.seed} {grid} {patient.pathologies} {patient.scanner}"


def _check_values(hu: npt.NDArray[np.generic]) -> None:
    """Refuse what cannot be stored exactly: pixel values are HU less the rescale intercept."""
    accepted = (_STORED.min + _INTERCEPT_HU, _STORED.max + _INTERCEPT_HU)
    low, high = float(hu.min()), float(hu.max())
    if not (accepted[0] <= low and high <= accepted[1]):
        raise InputError(
            f"HU from {low:g} to {high:g} do not fit into a CT image; accepted are "
            f"{accepted[0]} to {accepted[1]}. Clip or rescale the volume first."
        )
    if hu.dtype.kind == "f" and not np.array_equal(hu, np.rint(hu)):
        raise InputError("CT images hold whole HU, got fractions; round the volume first.")


def _series_header(slices: AcquiredSlices, tags: SeriesTags, uids: _Uids) -> Dataset:
    """What all images of the series share."""
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 192"
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.SOPClassUID = CTImageStorage
    header.Modality = "CT"
    _add_patient_and_study(header, tags, uids)
    _add_acquisition(header, slices, tags)
    header.SeriesInstanceUID = uids.of("series")
    header.SeriesNumber = 1
    header.SeriesDescription = tags.series_description
    header.FrameOfReferenceUID = uids.of("frame of reference")
    header.PositionReferenceIndicator = ""
    header.PatientPosition = "HFS"
    _add_pixel_format(header, slices, tags)
    return header


def _add_patient_and_study(header: Dataset, tags: SeriesTags, uids: _Uids) -> None:
    header.PatientName = tags.patient_name
    header.PatientID = tags.patient_id
    header.PatientBirthDate = tags.birth_date
    header.PatientSex = tags.sex
    header.PatientAge = tags.age
    header.StudyInstanceUID = uids.of("study")
    header.StudyID = "1"
    header.StudyDescription = tags.study_description
    header.AccessionNumber = ""
    header.ReferringPhysicianName = ""
    for moment in ("Study", "Series", "Acquisition", "Content"):
        setattr(header, f"{moment}Date", tags.study_date)
        setattr(header, f"{moment}Time", "120000")


def _add_acquisition(header: Dataset, slices: AcquiredSlices, tags: SeriesTags) -> None:
    thickness = tags.slice_thickness_mm
    header.Manufacturer = tags.manufacturer
    header.ManufacturerModelName = tags.model
    header.BodyPartExamined = "CHEST"
    header.ScanOptions = "HELICAL MODE"
    header.KVP = _ds(tags.kvp)
    header.XRayTubeCurrent = round(tags.tube_current_ma)
    header.ConvolutionKernel = tags.kernel
    header.SliceThickness = _ds(slices.distance_mm if thickness is None else thickness)
    header.ReconstructionDiameter = _ds(slices.stack.pixel_spacing_mm[0] * slices.hu.shape[2])
    header.GantryDetectorTilt = _ds(slices.tilt_deg)
    header.AcquisitionNumber = 1
    if tags.contrast_agent:
        header.ContrastBolusAgent = tags.contrast_agent


def _add_pixel_format(header: Dataset, slices: AcquiredSlices, tags: SeriesTags) -> None:
    stack = slices.stack
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.Rows, header.Columns = slices.hu.shape[1:]
    header.PixelSpacing = [_ds(v) for v in stack.pixel_spacing_mm[::-1]]
    axes = (*stack.row_direction, *stack.column_direction)
    header.ImageOrientationPatient = [_ds(v) for v in axes]
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit = 15
    header.PixelRepresentation = 1
    header.RescaleIntercept = _ds(_INTERCEPT_HU)
    header.RescaleSlope = _ds(1)
    header.RescaleType = "HU"
    header.WindowCenter, header.WindowWidth = _ds(-600), _ds(1500)
    if tags.padding_hu is not None:
        header.PixelPaddingValue = tags.padding_hu - _INTERCEPT_HU


def _slice_dataset(common: Dataset, slices: AcquiredSlices, k: int, uids: _Uids) -> FileDataset:
    """The header of slice ``k``, without its pixels."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset("", common.copy(), file_meta=meta, preamble=b"\0" * 128)
    image.SOPInstanceUID = uids.of(f"slice {k}")
    image.InstanceNumber = k + 1
    image.ImagePositionPatient = [_ds(v) for v in slices.stack.positions_mm[k]]
    image.SliceLocation = _ds(slices.stack.heights_mm[k])
    return image


def _ds(value: float) -> str:
    """A decimal string of at most 16 characters."""
    return str(format_number_as_ds(float(value)))
