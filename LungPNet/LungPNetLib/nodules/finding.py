"""One entry of the nodule list: where it is, what was measured, and what a person thinks of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from LungPNetLib.errors import InputError
from LungPNetLib.grading.measure import NoduleMeasurements
from LungPNetLib.grading.nodule_type import TypeFinding
from LungPNetLib.nodules.heterogeneity import HeterogeneityNumbers
from LungPNetLib.volume import Triplet

MASS_FROM_MM = 30.0
"""What has a longer axis is called a mass (Fleischner Society; Bankier et al., Radiology
2024;310:e232558)."""


class Origin(str, Enum):
    """How an entry came into the list: ``OUTLINED`` is a segment that a person chose."""

    CLICKED = "clicked"
    OUTLINED = "outlined"
    FOUND = "found"


class FindingName(str, Enum):
    """What a finding is called, by its size alone."""

    NODULE = "nodule"
    MASS = "mass"


class Status(str, Enum):
    """What a person decided; ``OPEN`` until somebody did."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True)
class MaskReference:
    """Where the outline of a nodule is kept: a label in an image file of the result folder.

    Parameters
    ----------
    file : str
        Name without a folder, such as ``"nodules.nrrd"``.
    label : int
        1 or more.
    """

    file: str
    label: int

    def __post_init__(self) -> None:
        if not self.file or "/" in self.file or "\\" in self.file:
            raise InputError(
                f"The outline's file is named '{self.file}'; give a name without a folder, such as "
                "nodules.nrrd."
            )
        if self.label < 1:
            raise InputError(f"The outline's label is {self.label}; accepted: 1 and more.")


@dataclass(frozen=True)
class NoduleFinding:
    """An entry of the nodule list.

    Parameters
    ----------
    finding_id : str
        Unique in its list, and stays the same when other entries come or go.
    centre_lps_mm : tuple of float
        A point inside or near the nodule to jump to, LPS mm.
    origin : Origin
    mask : MaskReference, optional
        None until it has an outline.
    measurements : NoduleMeasurements, optional
        None until it was measured.
    type_finding : TypeFinding, optional
        The type by the rule; None until it was measured.
    status : Status
    comment : str
        A person's words.
    score : float, optional
        0 to 1, by which the nodule stage ranks what it found; no probability. None for what a
        person put into the list.
    selected : bool
        Whether it reaches the operating point that was chosen; report and DICOM objects hold only
        these.
    heterogeneity : HeterogeneityNumbers, optional
        None until it was measured.

    Raises
    ------
    InputError
        There is no identifier, or the centre is not three finite numbers.
    """

    finding_id: str
    centre_lps_mm: Triplet
    origin: Origin
    mask: MaskReference | None = None
    measurements: NoduleMeasurements | None = None
    type_finding: TypeFinding | None = None
    status: Status = Status.OPEN
    comment: str = ""
    score: float | None = None
    selected: bool = True
    heterogeneity: HeterogeneityNumbers | None = None

    def __post_init__(self) -> None:
        if not self.finding_id:
            raise InputError("A nodule of the list has no identifier; give it one, such as N1.")
        if len(self.centre_lps_mm) != 3 or not all(
            abs(value) < float("inf") for value in self.centre_lps_mm
        ):
            raise InputError(
                f"Nodule {self.finding_id} has the centre {self.centre_lps_mm}; accepted: three "
                "finite positions in mm."
            )

    @property
    def name(self) -> FindingName:
        """Mass or nodule, by the long axis; nodule where it was not measured."""
        measured = self.measurements
        is_mass = measured is not None and measured.long_axis_mm > MASS_FROM_MM
        return FindingName.MASS if is_mass else FindingName.NODULE

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "finding_id": self.finding_id,
            "centre_lps_mm": list(self.centre_lps_mm),
            "origin": self.origin.value,
            "mask": None
            if self.mask is None
            else {"file": self.mask.file, "label": self.mask.label},
            "measurements": None if self.measurements is None else self.measurements.to_dict(),
            "type_finding": None if self.type_finding is None else self.type_finding.to_dict(),
            "status": self.status.value,
            "comment": self.comment,
            "name": self.name.value,
            "score": self.score,
            "selected": self.selected,
            "heterogeneity": None if self.heterogeneity is None else self.heterogeneity.to_dict(),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> NoduleFinding:
        """The inverse of :meth:`to_dict`.

        Entries of scenes from before there was a nodule stage have no score, selection and
        heterogeneity.

        Raises
        ------
        InputError
            The record is not one of a finding; the message says where.
        """
        try:
            x, y, z = map(float, record["centre_lps_mm"])
            mask, measurements = record["mask"], record["measurements"]
            type_finding, score = record["type_finding"], record.get("score")
            heterogeneity = record.get("heterogeneity")
            return cls(
                finding_id=str(record["finding_id"]),
                centre_lps_mm=(x, y, z),
                origin=Origin(record["origin"]),
                mask=None if mask is None else MaskReference(mask["file"], int(mask["label"])),
                measurements=None
                if measurements is None
                else NoduleMeasurements.from_dict(measurements),
                type_finding=None if type_finding is None else TypeFinding.from_dict(type_finding),
                status=Status(record["status"]),
                comment=str(record["comment"]),
                score=None if score is None else float(score),
                selected=bool(record.get("selected", True)),
                heterogeneity=None
                if heterogeneity is None
                else HeterogeneityNumbers.from_dict(heterogeneity),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"This is no entry of a nodule list ({error!r}). The file comes from another "
                "version or was changed by hand; run the analysis again."
            ) from error

    def to_json(self) -> str:
        """One JSON object as text; refuses NaN and infinity."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> NoduleFinding:
        """The inverse of :meth:`to_json`.

        Raises
        ------
        InputError
            The text is not JSON, or not a finding.
        """
        try:
            record = json.loads(text)
        except ValueError as error:
            raise InputError(f"The nodule list cannot be read as JSON ({error}).") from error
        return cls.from_dict(record)
