"""Found nodules, of a result folder or of a search, as part of a CT's nodule list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from scipy import ndimage

from LungPNetLib.errors import InputError
from LungPNetLib.nodules.finding import NoduleFinding, Origin
from LungPNetLib.slicer_bridge.display import showInside
from LungPNetLib.slicer_bridge.entries import BROCK, keepEntries, keptEntries
from LungPNetLib.slicer_bridge.lung_nodes import findLungs
from LungPNetLib.slicer_bridge.nodule_names import noduleName, noduleNumber
from LungPNetLib.slicer_bridge.nodule_nodes import (
    keepList,
    nodulesOf,
    removeNodule,
    showListed,
    showOutline,
    updateNodule,
)
from LungPNetLib.slicer_bridge.nodule_outlines import (
    isChanged,
    keepMeasuredShape,
    madeNoduleSegmentation,
    measuredShape,
    noduleSegmentation,
)
from LungPNetLib.slicer_bridge.nodule_stage import (
    ListStage,
    keepStage,
    stageOf,
    stageOfResult,
)
from LungPNetLib.slicer_bridge.result_files import keepDecision
from LungPNetLib.slicer_bridge.results import FOLDER, STARTED
from LungPNetLib.volume import Volume


@dataclass(frozen=True)
class Found:
    """What a search for nodules gave.

    Attributes
    ----------
    findings : sequence of NoduleFinding
        Label k is the k-th one.
    labels : Volume
        uint8 or uint16, in the coordinates of the CT's files.
    stage : ListStage
    """

    findings: Sequence[NoduleFinding]
    labels: Volume
    stage: ListStage


def foundFromRecords(
    records: Sequence[Mapping[str, Any]], stage: Mapping[str, Any], labels: Volume
) -> Found:
    """``nodules`` and ``nodule_stage`` of result.json with the label map that belongs to them.

    Raises
    ------
    InputError
        They do not belong together, or come from another version.
    """
    findings = [NoduleFinding.from_dict(record) for record in records]
    made = stageOfResult(stage)
    present = set(np.unique(labels.array).tolist()) - {0}
    if present != set(range(1, len(findings) + 1)):
        raise InputError(
            f"The label map of the nodules holds the labels {sorted(present)}, and the list has "
            f"{len(findings)} nodules, label 1 for the first. Analyze the CT again."
        )
    if [noduleNumber(one) for one in findings] != list(range(1, len(findings) + 1)):
        raise InputError(
            "The nodules of this result are not numbered as in its report. Analyze the CT again."
        )
    return Found(findings, labels, made)


def showFound(volumeNode: slicer.vtkMRMLScalarVolumeNode, found: Found) -> None:
    """Put found nodules into the list of their CT, in the place of those found earlier.

    What a person has put into the list stays, and so does an outline that a person has changed,
    as an entry of that person. Their numbers change where a found nodule needs them: the numbers
    of found nodules are those of the report.
    """
    theirs = _takeOut(volumeNode)
    madeNoduleSegmentation(volumeNode, found.labels)
    boxes = ndimage.find_objects(found.labels.array)
    keepList(volumeNode, found.findings)
    for label, (finding, box) in enumerate(zip(found.findings, boxes, strict=True), start=1):
        start, size = [s.start for s in box][::-1], [s.stop - s.start for s in box][::-1]
        part = found.labels.cropped(start, size)
        mask = part.with_array((part.array == label).astype(np.uint8))
        showOutline(volumeNode, finding, mask)
        # Its number may have been that of another nodule, whose answers are not its own.
        keepEntries(volumeNode, BROCK, finding.finding_id, {})
    _putBack(volumeNode, theirs)
    keepStage(volumeNode, found.stage)
    showListed(volumeNode)
    lungs = findLungs(volumeNode)
    if lungs is not None:
        showInside(lungs)


def removeFound(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Take found nodules out of the list; what is a person's stays, as in ``showFound``."""
    if noduleSegmentation(volumeNode) is None:
        return
    theirs = _takeOut(volumeNode)
    _putBack(volumeNode, theirs)
    keepStage(volumeNode, None)
    mark(volumeNode, {FOLDER: None, STARTED: None})
    showListed(volumeNode)


def mark(volumeNode: slicer.vtkMRMLScalarVolumeNode, attributes: Mapping[str, str | None]) -> None:
    """Say in the list of a CT which result its found nodules are of; None forgets it."""
    node = noduleSegmentation(volumeNode)
    for name, value in attributes.items():
        node.SetAttribute(name, value)


def isOfResult(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether the found nodules of a CT are those of a result folder, with its report."""
    node = noduleSegmentation(volumeNode)
    return node is not None and bool(node.GetAttribute(FOLDER))


def showAt(volumeNode: slicer.vtkMRMLScalarVolumeNode, rate: float) -> None:
    """Show the findings at another number of false findings a scan; nothing is computed.

    Raises
    ------
    InputError
        Nodules were not looked for, or the weights state no such point.
    """
    stage = stageOf(volumeNode)
    if stage is None or stage.table is None:
        raise InputError("There are no operating points to choose from. Look for nodules first.")
    stage.table.at(rate)
    keepStage(volumeNode, replace(stage, shownRate=rate))
    showListed(volumeNode)


def decide(volumeNode: slicer.vtkMRMLScalarVolumeNode, changed: NoduleFinding) -> None:
    """Keep status and comment of an entry in the scene, and of a found one in its result folder.

    Raises
    ------
    InputError, OutputError
        The folder was moved, replaced or cannot be written; the scene has the decision then.
    """
    updateNodule(volumeNode, changed)
    node = noduleSegmentation(volumeNode)
    folder, started = node.GetAttribute(FOLDER), node.GetAttribute(STARTED)
    if changed.origin is Origin.FOUND and folder:
        keepDecision(Path(folder), str(started), changed)


def isEdited(volumeNode: slicer.vtkMRMLScalarVolumeNode, finding: NoduleFinding) -> bool:
    """Whether a person has changed the outline of a found nodule."""
    isFound = finding.origin is Origin.FOUND
    return isFound and (finding.mask is None or isChanged(volumeNode, finding.finding_id))


@dataclass(frozen=True)
class _Taken:
    """An entry of a person, with what belongs to it in the scene."""

    finding: NoduleFinding
    segment: Any
    shape: str | None
    brock: Mapping[str, str]


def _takeOut(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> list[_Taken]:
    """Empty the list; returns what is a person's."""
    if noduleSegmentation(volumeNode) is None:
        return []
    segmentation = noduleSegmentation(volumeNode).GetSegmentation()
    taken = []
    for finding in nodulesOf(volumeNode):
        findingId = finding.finding_id
        segment = segmentation.GetSegment(findingId)
        isTheirs = finding.origin is not Origin.FOUND
        if isTheirs or (segment is not None and isEdited(volumeNode, finding)):
            if not isTheirs:
                finding = replace(finding, origin=Origin.OUTLINED, mask=None, score=None)
            shape = measuredShape(volumeNode, findingId)
            brock = keptEntries(volumeNode, BROCK, findingId)
            taken.append(_Taken(finding, segment, shape, brock))
        removeNodule(volumeNode, findingId)
    return taken


def _putBack(volumeNode: slicer.vtkMRMLScalarVolumeNode, taken: Sequence[_Taken]) -> None:
    """Add entries to the list, under new numbers where theirs are in use."""
    findings = list(nodulesOf(volumeNode))
    everybody = [*findings, *(one.finding for one in taken)]
    highest = max((noduleNumber(finding) for finding in everybody), default=0)
    used = {one.finding_id for one in findings}
    segmentation = noduleSegmentation(volumeNode).GetSegmentation()
    for one in taken:
        finding = one.finding
        if finding.finding_id in used:
            highest += 1
            finding = replace(finding, finding_id=f"N{highest}")
        used.add(finding.finding_id)
        findings.append(finding)
        if one.segment is not None:
            if one.segment.GetName() == noduleName(one.finding):
                one.segment.SetName(noduleName(finding))
            segmentation.AddSegment(one.segment, finding.finding_id)
        keepMeasuredShape(volumeNode, finding.finding_id, one.shape)
        keepEntries(volumeNode, BROCK, finding.finding_id, dict(one.brock))
    keepList(volumeNode, findings)
