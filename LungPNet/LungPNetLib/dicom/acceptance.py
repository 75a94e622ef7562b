"""A person accepts the findings: the structured report becomes complete, final and verified."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from LungPNetLib.dicom.derived import save_object
from LungPNetLib.errors import InputError


def accept_measurements(
    path: Path, *, observer_name: str, organization: str, at: datetime | None = None
) -> None:
    """Replace an unverified SR by its verified successor (PS3.3 C.17.2, SR Document General).

    Parameters
    ----------
    path : Path
        ``measurements.dcm`` of a result.
    observer_name : str
        The person who takes responsibility, as a DICOM person name (``Family^Given``).
    organization : str
        Where the person works.
    at : datetime, optional
        Now by default.

    Raises
    ------
    InputError
        A name is missing or too long, the file is no SR, or it was accepted before.
    OutputError
        The file cannot be written; the old one stays.
    """
    for what, text in (("name of the person", observer_name), ("organization", organization)):
        if not 0 < len(text.strip()) <= 64:
            raise InputError(
                f"Accepting the findings needs the {what}, of at most 64 characters; it has "
                f"{len(text.strip())}."
            )
    document = _read(path)
    at = at or datetime.now()
    document.PredecessorDocumentsSequence = [_reference_to(document)]
    document.SOPInstanceUID = generate_uid()
    document.file_meta.MediaStorageSOPInstanceUID = document.SOPInstanceUID
    document.InstanceNumber = int(document.InstanceNumber) + 1
    document.ContentDate, document.ContentTime = at.strftime("%Y%m%d"), at.strftime("%H%M%S")
    document.CompletionFlag = "COMPLETE"
    document.PreliminaryFlag = "FINAL"
    document.VerificationFlag = "VERIFIED"
    verifier = Dataset()
    verifier.VerifyingOrganization = organization.strip()
    verifier.VerificationDateTime = at.strftime("%Y%m%d%H%M%S")
    verifier.VerifyingObserverName = observer_name.strip()
    verifier.VerifyingObserverIdentificationCodeSequence = []
    document.VerifyingObserverSequence = [verifier]
    partial = path.with_name(f".{path.name}.partial")
    save_object(document, partial)
    partial.replace(path)


def is_accepted(path: Path) -> bool:
    """Whether the SR was accepted by a person.

    Raises
    ------
    InputError
        The file is no SR.
    """
    return str(_opened(path).get("VerificationFlag", "")) == "VERIFIED"


def _read(path: Path) -> Dataset:
    document = _opened(path)
    if document.get("VerificationFlag") == "VERIFIED":
        raise InputError(
            f"'{path.name}' was accepted before. Analyze the CT again for a new, open report."
        )
    return document


def _opened(path: Path) -> Dataset:
    try:
        document = pydicom.dcmread(path)
        is_sr = document.Modality == "SR"
    except (OSError, pydicom.errors.InvalidDicomError, AttributeError) as error:
        raise InputError(
            f"'{path.name}' cannot be read as a DICOM SR ({type(error).__name__}). Analyze the CT "
            "again."
        ) from error
    if not is_sr:
        raise InputError(f"'{path.name}' is no structured report; its modality is another one.")
    return document


def _reference_to(document: Dataset) -> Dataset:
    """This document as a predecessor (PS3.3 C.17-3)."""
    instance = Dataset()
    instance.ReferencedSOPClassUID = document.SOPClassUID
    instance.ReferencedSOPInstanceUID = document.SOPInstanceUID
    series = Dataset()
    series.ReferencedSOPSequence = [instance]
    series.SeriesInstanceUID = document.SeriesInstanceUID
    study = Dataset()
    study.ReferencedSeriesSequence = [series]
    study.StudyInstanceUID = document.StudyInstanceUID
    return study
