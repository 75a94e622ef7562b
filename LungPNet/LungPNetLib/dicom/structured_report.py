"""DICOM Structured Report (TID 1500) of an analysis, as a new series in the study of its CT.

Each stage adds its measurement groups in a function of its own (see :func:`_lung_groups`);
what is common to all groups lies in :class:`_Report`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from LungPNetLib import __version__
from LungPNetLib.dicom.derived import (
    CONTENT_QUALIFICATION,
    EQUIPMENT,
    SERIES_DESCRIPTION,
    UNREADABLE,
    SourceHeaders,
    Term,
    read_source_headers,
    save_object,
)
from LungPNetLib.dicom.export import ANATOMICAL_STRUCTURE, LEFT_LUNG, RIGHT_LUNG
from LungPNetLib.dicom.header import quiet_pydicom
from LungPNetLib.errors import InputError
from LungPNetLib.result import LungMeasurement, LungResult, StudyResult
from LungPNetLib.study import Study

SR_SERIES_NUMBER = 9002

PRIVATE_SCHEME = "99LUNGPNET"
"""Coding scheme of concepts that DICOM, SNOMED CT and UCUM have no code for."""

VOLUME = Term("118565006", "SCT", "Volume")
MEAN = Term("373098007", "SCT", "Mean")
ATTENUATION = Term("112031", "DCM", "Attenuation Coefficient")
PERCENTILE_15 = Term("PERC15", PRIVATE_SCHEME, "15th percentile")
LAA_950 = Term("LAA950", PRIVATE_SCHEME, "Share of lung volume below -950 HU")

MILLILITER = Term("ml", "UCUM", "milliliter")
HOUNSFIELD_UNIT = Term("[hnsf'U]", "UCUM", "Hounsfield unit")
PERCENT = Term("%", "UCUM", "Percent")

CT_PROCEDURE = Term("25045-6", "LN", "CT unspecified body region")
ENGLISH = Term("en", "RFC5646", "English")
DEVICE = Term("121007", "DCM", "Device")
COMMENT = Term("121106", "DCM", "Comment")

_SIDES = {"right": RIGHT_LUNG, "left": LEFT_LUNG}


def write_measurements(
    study: Study,
    result: StudyResult,
    segmentation_path: Path | None,
    path: Path,
    *,
    deidentify: bool = False,
) -> None:
    """Write the measurements of ``result`` as a Comprehensive 3D SR after TID 1500.

    The report is PARTIAL, PRELIMINARY and UNVERIFIED, observed by the device LungPNet. One
    measurement group a lung holds its volume (mL), mean attenuation (HU), 15th percentile of
    attenuation (HU) and share of volume below -950 HU (%); what limits the densities is said in a
    comment. Values that are not finite are left out.

    Parameters
    ----------
    study : Study
        The CT, read from DICOM.
    result : StudyResult
        What was measured on it.
    segmentation_path : Path or None
        SEG of :func:`~LungPNetLib.dicom.export.write_segmentation`; groups then refer to its
        segments. Without it they refer to the source images.
    path : Path
        File to write.
    deidentify : bool
        Leave patient and study data out of the file (UIDs stay: they tie it to its CT).

    Raises
    ------
    InputError
        There are no measurements, the study has no usable DICOM source, or the SEG belongs to
        another study.
    OutputError
        The file cannot be written.
    """
    headers = read_source_headers(study, deidentify=deidentify)
    report = _Report(headers, _read_segmentation(segmentation_path, headers))
    groups = [] if result.lungs is None else list(_lung_groups(report, result.lungs))
    if not groups:
        raise InputError("There is nothing to export: the result holds no measurements.")
    document = _document(report, groups)
    headers.stamp_identity(document)
    save_object(document, path)


@dataclass(frozen=True)
class _Report:
    """What all measurement groups of one report refer to."""

    headers: SourceHeaders
    segmentation: Dataset | None

    def evidence(self) -> list[Dataset]:
        images = self.headers.images
        return images if self.segmentation is None else [*images, self.segmentation]

    def segment_of(self, structure: Term) -> Dataset | None:
        """The description of the segment of this type, if it has any frame."""
        if self.segmentation is None:
            return None
        described = [
            item
            for item in self.segmentation.SegmentSequence
            if item.SegmentedPropertyTypeCodeSequence[0].CodeValue == structure.value
        ]
        used = {
            group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
            for group in self.segmentation.PerFrameFunctionalGroupsSequence
        }
        return next((item for item in described if item.SegmentNumber in used), None)


def _lung_groups(report: _Report, lungs: LungResult) -> Iterable[Any]:
    """One measurement group for each of the two lungs that was measured."""
    for measured in lungs.measurements:
        if measured.side in _SIDES:
            numbers = [number for number in _lung_numbers(measured) if number is not None]
            group = _group(report, _SIDES[measured.side], numbers, f"Lungs: {lungs.method}")
            for caveat in lungs.density_caveats:
                _add_comment(group, caveat)
            yield group


def _lung_numbers(measured: LungMeasurement) -> list[Any]:
    return [
        _number(VOLUME, measured.volume_ml, MILLILITER),
        _number(ATTENUATION, measured.mean_hu, HOUNSFIELD_UNIT, derivation=MEAN),
        _number(ATTENUATION, measured.perc15_hu, HOUNSFIELD_UNIT, derivation=PERCENTILE_15),
        _number(LAA_950, measured.laa950_percent, PERCENT),
    ]


def _number(name: Term, value: float, unit: Term, derivation: Term | None = None) -> Any:
    import highdicom as hd

    if not math.isfinite(value):
        return None
    return hd.sr.Measurement(
        name=hd.sr.CodedConcept(*name),
        value=float(value),
        unit=hd.sr.CodedConcept(*unit),
        derivation=None if derivation is None else hd.sr.CodedConcept(*derivation),
    )


def _group(report: _Report, structure: Term, numbers: list[Any], method: str) -> Any:
    """A measurement group about ``structure``, on its segment where the report has one."""
    import highdicom as hd

    segment = report.segment_of(structure)
    tracking = hd.sr.TrackingIdentifier(
        uid=hd.UID() if segment is None else segment.TrackingUID,
        identifier=structure.meaning if segment is None else segment.TrackingID,
    )
    content = {
        "tracking_identifier": tracking,
        "finding_category": hd.sr.CodedConcept(*ANATOMICAL_STRUCTURE),
        "finding_type": hd.sr.CodedConcept(*structure),
        "finding_sites": [hd.sr.FindingSite(hd.sr.CodedConcept(*structure))],
        "algorithm_id": hd.sr.AlgorithmIdentification("LungPNet", __version__, [method]),
        "measurements": numbers,
    }
    images = report.headers.images
    if segment is None or report.segmentation is None:
        sources = [
            hd.sr.SourceImageForMeasurementGroup(image.SOPClassUID, image.SOPInstanceUID)
            for image in images
        ]
        return hd.sr.MeasurementsAndQualitativeEvaluations(source_images=sources, **content)
    reference = hd.sr.ReferencedSegment(
        sop_class_uid=report.segmentation.SOPClassUID,
        sop_instance_uid=report.segmentation.SOPInstanceUID,
        segment_number=int(segment.SegmentNumber),
        source_series=hd.sr.SourceSeriesForSegmentation(images[0].SeriesInstanceUID),
    )
    return hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        referenced_segment=reference, **content
    )


def _add_comment(group: Any, text: str) -> None:
    import highdicom as hd

    group[0].ContentSequence.append(
        hd.sr.TextContentItem(
            name=hd.sr.CodedConcept(*COMMENT),
            value=text,
            relationship_type=hd.sr.RelationshipTypeValues.CONTAINS,
        )
    )


def _document(report: _Report, groups: list[Any]) -> Any:
    import highdicom as hd
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=generate_uid(entropy_srcs=["LungPNet", __version__]),
        name="LungPNet",
        manufacturer_name=EQUIPMENT["manufacturer"],
        model_name=EQUIPMENT["manufacturer_model_name"],
        serial_number=EQUIPMENT["device_serial_number"],
    )
    content = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(
            observer_device_context=hd.sr.ObserverContext(hd.sr.CodedConcept(*DEVICE), device)
        ),
        procedure_reported=hd.sr.CodedConcept(*CT_PROCEDURE),
        imaging_measurements=groups,
        language_of_content_item_and_descendants=hd.sr.LanguageOfContentItemAndDescendants(
            hd.sr.CodedConcept(*ENGLISH)
        ),
    )
    scheme = CodingSchemeIdentificationItem(
        designator=PRIVATE_SCHEME,
        name="LungPNet private coding scheme",
        responsible_organization="LungPNet",
    )
    return hd.sr.Comprehensive3DSR(
        evidence=report.evidence(),
        content=content,
        series_instance_uid=hd.UID(),
        series_number=SR_SERIES_NUMBER,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        is_complete=False,
        is_final=False,
        is_verified=False,
        series_description=SERIES_DESCRIPTION,
        content_qualification=CONTENT_QUALIFICATION,
        coding_schemes=[scheme],
        **EQUIPMENT,
    )


def _read_segmentation(path: Path | None, headers: SourceHeaders) -> Dataset | None:
    if path is None:
        return None
    try:
        with quiet_pydicom():
            segmentation = pydicom.dcmread(path, stop_before_pixels=True)
        same_study = segmentation.StudyInstanceUID == headers.images[0].StudyInstanceUID
    except UNREADABLE as error:
        raise InputError(
            f"'{path.name}' cannot be read as a DICOM SEG ({type(error).__name__}); the report "
            "needs the file that the segmentation was written to."
        ) from error
    if not same_study:
        raise InputError(
            f"'{path.name}' belongs to another study than the CT; give the SEG of this analysis."
        )
    return segmentation
