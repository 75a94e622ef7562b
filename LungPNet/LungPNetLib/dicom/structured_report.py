"""DICOM Structured Report (TID 1500) of an analysis, as a new series in the study of its CT.

Each stage adds its measurement groups in a function of its own (see :func:`_lung_groups` and
``nodule_groups``); what is common to all groups lies in ``measurement_groups``.
"""

from __future__ import annotations

from collections.abc import Iterable
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
from LungPNetLib.dicom.measurement_groups import (
    ATTENUATION,
    HOUNSFIELD_UNIT,
    MEAN,
    PERCENT,
    PRIVATE_SCHEME,
    VOLUME,
    Report,
    Site,
    Subject,
    add_comment,
    group,
    number,
)
from LungPNetLib.dicom.nodule_groups import nodule_groups
from LungPNetLib.errors import InputError
from LungPNetLib.result import LungMeasurement, LungResult, StudyResult
from LungPNetLib.study import Study

SR_SERIES_NUMBER = 9002

PERCENTILE_15 = Term("PERC15", PRIVATE_SCHEME, "15th percentile")
LAA_950 = Term("LAA950", PRIVATE_SCHEME, "Share of lung volume below -950 HU")

MILLILITER = Term("ml", "UCUM", "milliliter")

CT_PROCEDURE = Term("25045-6", "LN", "CT unspecified body region")
ENGLISH = Term("en", "RFC5646", "English")
DEVICE = Term("121007", "DCM", "Device")

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
    comment. One a selected nodule holds its axes and mean diameter (mm), volume (mm3), density
    (HU), the share at or above -300 HU (%), entropy (bit), score and type. Values that are not
    finite are left out.

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
    report = Report(headers, _read_segmentation(segmentation_path, headers))
    groups = [] if result.lungs is None else list(_lung_groups(report, result.lungs))
    groups += nodule_groups(report, result)
    if not groups:
        raise InputError("There is nothing to export: the result holds no measurements.")
    document = _document(report, groups)
    headers.stamp_identity(document)
    save_object(document, path)


def _lung_groups(report: Report, lungs: LungResult) -> Iterable[Any]:
    """One measurement group for each of the two lungs that was measured."""
    for measured in lungs.measurements:
        if measured.side not in _SIDES:
            continue
        lung = _SIDES[measured.side]
        method = f"Lungs: {lungs.method}"
        subject = Subject(lung.meaning, ANATOMICAL_STRUCTURE, lung, Site(lung), (method,))
        made = group(report, subject, _lung_numbers(measured))
        for caveat in lungs.density_caveats:
            add_comment(made, caveat)
        yield made


def _lung_numbers(measured: LungMeasurement) -> list[Any]:
    return [
        *number(VOLUME, measured.volume_ml, MILLILITER),
        *number(ATTENUATION, measured.mean_hu, HOUNSFIELD_UNIT, MEAN),
        *number(ATTENUATION, measured.perc15_hu, HOUNSFIELD_UNIT, PERCENTILE_15),
        *number(LAA_950, measured.laa950_percent, PERCENT),
    ]


def _document(report: Report, groups: list[Any]) -> Any:
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
