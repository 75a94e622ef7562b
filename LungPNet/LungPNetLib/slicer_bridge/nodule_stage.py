"""What the nodule stage says about the found nodules of a list, and which of them are shown.

It stands as JSON in an attribute of the list's segmentation, beside the list itself, and so is
saved, loaded and deleted with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import slicer

from LungPNetLib.errors import InputError, LungPNetError
from LungPNetLib.evaluation.operating_points import OperatingPoint, OperatingTable
from LungPNetLib.nodules.finding import NoduleFinding, Status
from LungPNetLib.slicer_bridge.nodule_outlines import noduleSegmentation

STAGE = "LungPNet.NoduleStage"


@dataclass(frozen=True)
class ListStage:
    """The stage as the list of one CT has it.

    Attributes
    ----------
    operatingRate : float
        False findings a scan, for which report and DICOM objects were made.
    shownRate : float
        The same of what is shown now.
    table : OperatingTable or None
        None where the weights state none: then the findings of the report are shown.
    """

    operatingRate: float
    shownRate: float
    table: OperatingTable | None

    @property
    def shownPoint(self) -> OperatingPoint | None:
        """The point of the table that is shown; None without a table."""
        return self.table.at(self.shownRate) if self.table is not None else None

    def shows(self, finding: NoduleFinding) -> bool:
        """Whether a finding is listed at what is shown now.

        What a person has put into the list, or accepted, always is.
        """
        if finding.score is None or finding.status is Status.ACCEPTED:
            return True
        point = self.shownPoint
        if point is None or self.shownRate == self.operatingRate:
            # As the report has it.
            return finding.selected
        return point.threshold is not None and finding.score >= point.threshold


def stageOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> ListStage | None:
    """The stage whose findings are in the list of a CT; None where nodules were not looked for.

    Raises
    ------
    InputError
        The scene comes from another version, or was changed by hand.
    """
    node = noduleSegmentation(volumeNode)
    text = node.GetAttribute(STAGE) if node is not None else None
    if not text:
        return None
    try:
        kept = json.loads(text)
        return _made(kept["operatingRate"], kept["shownRate"], kept["table"])
    except (KeyError, TypeError, ValueError, LungPNetError) as error:
        raise InputError(
            f"What this scene keeps of the search for nodules cannot be read ({error}). Look for "
            "the nodules again."
        ) from error


def stageOfResult(record: Mapping[str, Any]) -> ListStage:
    """``nodule_stage`` of result.json as the stage of a list.

    Raises
    ------
    InputError
        A field is missing or is not what it should be.
    """
    try:
        rate = record["operating_rate"]
        return _made(rate, rate, record["operating_points"])
    except (KeyError, TypeError, ValueError, LungPNetError) as error:
        raise InputError(
            f"The nodules of this result cannot be used ({error}). They come from another version "
            "or were changed by hand; analyze the CT again."
        ) from error


def keepStage(volumeNode: slicer.vtkMRMLScalarVolumeNode, stage: ListStage | None) -> None:
    """Keep the stage with the list of the CT, which must be there; None forgets it."""
    text = None
    if stage is not None:
        kept = {
            "operatingRate": stage.operatingRate,
            "shownRate": stage.shownRate,
            "table": stage.table.record() if stage.table is not None else None,
        }
        text = json.dumps(kept, allow_nan=False)
    noduleSegmentation(volumeNode).SetAttribute(STAGE, text)


def _made(operatingRate: Any, shownRate: Any, table: Any) -> ListStage:
    points = OperatingTable.from_record(table) if table is not None else None
    made = ListStage(float(operatingRate), float(shownRate), points)
    if points is not None:
        points.at(made.operatingRate)
        points.at(made.shownRate)
    return made
