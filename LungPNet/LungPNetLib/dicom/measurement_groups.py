"""Measurement groups of a DICOM SR (TID 1500): what those of all stages have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from LungPNetLib import __version__
from LungPNetLib.dicom.derived import SourceHeaders, Term

PRIVATE_SCHEME = "99LUNGPNET"
"""Coding scheme of concepts that DICOM, SNOMED CT and UCUM have no code for."""

VOLUME = Term("118565006", "SCT", "Volume")
ATTENUATION = Term("112031", "DCM", "Attenuation Coefficient")
MEAN = Term("373098007", "SCT", "Mean")
HOUNSFIELD_UNIT = Term("[hnsf'U]", "UCUM", "Hounsfield unit")
PERCENT = Term("%", "UCUM", "Percent")

COMMENT = Term("121106", "DCM", "Comment")


@dataclass(frozen=True)
class Site:
    """Where something lies: a body part and, if that has two sides, which one."""

    part: Term
    side: Term | None = None


@dataclass(frozen=True)
class Subject:
    """What a group is about.

    Parameters
    ----------
    name : str
        Of its segment, for people.
    category, kind : Term
        As of its segment.
    site : Site
    methods : tuple of str
        How it was found.
    """

    name: str
    category: Term
    kind: Term
    site: Site
    methods: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """What all measurement groups of one report refer to."""

    headers: SourceHeaders
    segmentation: Dataset | None

    def evidence(self) -> list[Dataset]:
        """The source images, and the segmentation where there is one."""
        images = self.headers.images
        return images if self.segmentation is None else [*images, self.segmentation]

    def segment_of(self, name: str) -> Dataset | None:
        """The description of the segment of this name, if it has any frame."""
        if self.segmentation is None:
            return None
        used = {
            group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
            for group in self.segmentation.PerFrameFunctionalGroupsSequence
        }
        segments = self.segmentation.SegmentSequence
        named = (item for item in segments if item.TrackingID == name)
        return next((item for item in named if item.SegmentNumber in used), None)


def number(name: Term, value: float, unit: Term, derivation: Term | None = None) -> list[Any]:
    """One measurement in a list; none where the value is not finite."""
    import highdicom as hd

    if not math.isfinite(value):
        return []
    return [
        hd.sr.Measurement(
            name=hd.sr.CodedConcept(*name),
            value=float(value),
            unit=hd.sr.CodedConcept(*unit),
            derivation=None if derivation is None else hd.sr.CodedConcept(*derivation),
        )
    ]


def group(
    report: Report,
    subject: Subject,
    numbers: list[Any],
    evaluations: Sequence[tuple[Term, Term]] = (),
) -> Any:
    """A measurement group, on the segment of the subject where the report has one.

    Parameters
    ----------
    report : Report
    subject : Subject
    numbers : list
        Of :func:`number`.
    evaluations : sequence of (Term, Term)
        What was asked, and the answer.
    """
    import highdicom as hd

    segment = report.segment_of(subject.name)
    side = subject.site.side
    content = {
        "tracking_identifier": hd.sr.TrackingIdentifier(
            uid=hd.UID() if segment is None else segment.TrackingUID, identifier=subject.name
        ),
        "finding_category": hd.sr.CodedConcept(*subject.category),
        "finding_type": hd.sr.CodedConcept(*subject.kind),
        "finding_sites": [
            hd.sr.FindingSite(
                hd.sr.CodedConcept(*subject.site.part),
                laterality=None if side is None else hd.sr.CodedConcept(*side),
            )
        ],
        "algorithm_id": hd.sr.AlgorithmIdentification("LungPNet", __version__, subject.methods),
        "measurements": numbers,
        "qualitative_evaluations": [
            hd.sr.QualitativeEvaluation(hd.sr.CodedConcept(*asked), hd.sr.CodedConcept(*answer))
            for asked, answer in evaluations
        ]
        or None,
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


def add_comment(to: Any, text: str) -> None:
    """Add words for people to a group."""
    import highdicom as hd

    to[0].ContentSequence.append(
        hd.sr.TextContentItem(
            name=hd.sr.CodedConcept(*COMMENT),
            value=text,
            relationship_type=hd.sr.RelationshipTypeValues.CONTAINS,
        )
    )
