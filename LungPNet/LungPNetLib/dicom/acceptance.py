"""A person accepts the findings: the structured report becomes complete, final and verified."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage, generate_uid

from LungPNetLib.dicom.derived import UNREADABLE, save_object
from LungPNetLib.dicom.header import quiet_pydicom
from LungPNetLib.errors import InputError, OutputError

_MEASUREMENT_GROUP = "125007"
_TRACKING_IDENTIFIER, _TRACKING_UID = "112039", "112040"
_LONGEST = 64


def accept_measurements(
    path: Path,
    *,
    observer_name: str,
    organization: str,
    started: str,
    rejected: Collection[str] = (),
    at: datetime | None = None,
) -> None:
    """Replace an unverified SR by its verified successor (PS3.3 C.17.2, SR Document General).

    The successor is another instance of the same series and names the draft as its predecessor.

    Parameters
    ----------
    path : Path
        ``measurements.dcm`` in its result folder.
    observer_name : str
        The person who takes responsibility, as a DICOM person name (``Family^Given``).
    organization : str
        Where the person works.
    started : str
        ``run.started`` in the ``result.json`` that the person has seen: what somebody has put in
        its place since is not accepted.
    rejected : collection of str
        Tracking UIDs of measurement groups that the person does not accept; they are left out.
    at : datetime, optional
        Now by default.

    Raises
    ------
    InputError
        A name is missing or cannot be written, a file of the folder is missing, damaged, or has
        changed, the report was accepted before, or nothing is left of it.
    OutputError
        The file cannot be written; the old one stays.
    """
    name = _checked("name of the person", observer_name)
    place = _checked("organization", organization)
    document = _opened(path)
    if document.VerificationFlag == "VERIFIED":
        raise InputError(
            f"'{path.name}' was accepted before. Analyze the CT again for a new, open report."
        )
    _refuse_changed(document, path.parent, started)
    draft = _reference_to(document)
    _leave_out(document, rejected)
    _verify(document, name, place, at or datetime.now())
    document.PredecessorDocumentsSequence = [draft]
    document.InstanceNumber = int(document.InstanceNumber) + 1
    _replace(path, document)


def is_accepted(path: Path) -> bool:
    """Whether the SR was accepted by a person.

    Raises
    ------
    InputError
        The file is no SR.
    """
    return bool(_read(path, ["Modality", "VerificationFlag"]).VerificationFlag == "VERIFIED")


def measurement_groups(path: Path) -> dict[str, str]:
    """Tracking UIDs of the measurement groups of an SR, by their tracking identifiers.

    Raises
    ------
    InputError
        The file is no SR.
    """
    groups = {}
    for item in _items(_read(path, None)):
        uid = _tracking_uid(item)
        parts = item.get("ContentSequence") or ()
        names = [str(one.TextValue) for one in parts if _code_of(one) == _TRACKING_IDENTIFIER]
        if uid is not None and names:
            groups[names[0]] = uid
    return groups


def _checked(what: str, text: str) -> str:
    text = text.strip()
    if not 0 < len(text) <= _LONGEST:
        raise InputError(
            f"Accepting the findings needs the {what}, of at most {_LONGEST} characters; it has "
            f"{len(text)}."
        )
    if "\\" in text or not text.isprintable():
        raise InputError(f"The {what} must not hold a backslash, a tab or a line break.")
    return text


def _opened(path: Path) -> Dataset:
    document = _read(path, None)
    again = BytesIO()
    try:
        with quiet_pydicom():
            document.save_as(again)
        # pydicom reads a file that was cut off without a word, and writes what it understood.
        whole = again.getvalue() == path.read_bytes()
    except UNREADABLE as error:
        raise _unreadable(path, error) from error
    if not whole:
        raise InputError(
            f"'{path.name}' is damaged or was not written by LungPNet. Analyze the CT again."
        )
    return document


def _read(path: Path, keywords: list[str] | None) -> Dataset:
    try:
        with quiet_pydicom():
            document = pydicom.dcmread(path, specific_tags=keywords)
            is_sr = document.Modality == "SR" and bool(document.VerificationFlag)
    except UNREADABLE as error:
        raise _unreadable(path, error) from error
    if not is_sr:
        raise InputError(f"'{path.name}' is no structured report; its modality is another one.")
    return document


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"'{path.name}' cannot be read as a DICOM SR ({type(error).__name__}). Analyze the CT "
        "again."
    )


def _items(item: Dataset) -> Iterator[Dataset]:
    """A content item and all below it."""
    yield item
    for child in item.get("ContentSequence") or ():
        yield from _items(child)


def _refuse_changed(document: Dataset, folder: Path, started: str) -> None:
    """Only what the person has seen can be accepted."""
    segmented = {
        str(reference.ReferencedSOPInstanceUID)
        for item in _items(document)
        for reference in item.get("ReferencedSOPSequence") or ()
        if reference.ReferencedSOPClassUID == SegmentationStorage
    }
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        same = result["run"]["started"] == started
        if segmented:
            with quiet_pydicom():
                header = pydicom.dcmread(
                    folder / "segmentation.dcm", specific_tags=["SOPInstanceUID"]
                )
            same = same and segmented == {str(header.SOPInstanceUID)}
    except UNREADABLE as error:
        raise InputError(
            f"A file of the result folder is missing or damaged ({type(error).__name__}), so the "
            "findings cannot be accepted. Analyze the CT again."
        ) from error
    if not same:
        raise InputError(
            "The result folder has changed since its findings were shown, so they cannot be "
            "accepted. Open the result again and look at it."
        )


def _leave_out(document: Dataset, rejected: Collection[str]) -> None:
    """Remove the measurement groups with these tracking UIDs."""
    left, removed = 0, set()
    for item in _items(document):
        kept = []
        for child in item.get("ContentSequence") or ():
            uid = _tracking_uid(child)
            if uid in rejected:
                removed.add(uid)
                continue
            left += uid is not None
            kept.append(child)
        if len(kept) < len(item.get("ContentSequence") or ()):
            item.ContentSequence = kept
    unknown = sorted(set(rejected) - removed)
    if unknown:
        raise InputError(f"The report has no finding with the tracking UID '{unknown[0]}'.")
    if not left:
        raise InputError("Every finding was rejected, so there is nothing to accept.")


def _tracking_uid(item: Dataset) -> str | None:
    """The tracking UID of a measurement group; None for other content."""
    if _code_of(item) != _MEASUREMENT_GROUP:
        return None
    found = (str(part.UID) for part in item.ContentSequence if _code_of(part) == _TRACKING_UID)
    return next(found, None)


def _code_of(item: Dataset) -> str:
    names = item.get("ConceptNameCodeSequence")
    return str(names[0].get("CodeValue", "")) if names else ""


def _verify(document: Dataset, name: str, organization: str, at: datetime) -> None:
    document.SOPInstanceUID = generate_uid()
    document.file_meta.MediaStorageSOPInstanceUID = document.SOPInstanceUID
    document.ContentDate, document.ContentTime = at.strftime("%Y%m%d"), at.strftime("%H%M%S")
    document.CompletionFlag = "COMPLETE"
    document.PreliminaryFlag = "FINAL"
    document.VerificationFlag = "VERIFIED"
    verifier = Dataset()
    verifier.VerifyingOrganization = organization
    verifier.VerificationDateTime = at.strftime("%Y%m%d%H%M%S")
    verifier.VerifyingObserverName = name
    verifier.VerifyingObserverIdentificationCodeSequence = []
    document.VerifyingObserverSequence = [verifier]


def _replace(path: Path, document: Dataset) -> None:
    """Write beside ``path`` first: the old file stays whole whatever happens."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        save_object(document, partial)
        partial.replace(path)
    except (OSError, OutputError) as error:
        # A folder that cannot be written does not hold it either.
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise OutputError(
            f"'{path.name}' cannot be written, so the findings are not accepted. Check that the "
            "result folder may be written, that no other program has the file open, and that the "
            "disk is not full."
        ) from error


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
