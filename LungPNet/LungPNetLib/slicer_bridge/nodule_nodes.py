"""The nodule list of a CT in the scene: a segmentation with a segment for each nodule.

The entries are ``NoduleFinding`` as JSON in an attribute of the segmentation node, so that list
and outlines are saved, loaded and deleted together. The outline of an entry is the segment with
its ``finding_id`` as ID; a person may rename, recolour and edit it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import slicer
from slicer.i18n import tr as _

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.errors import InputError
from LungPNetLib.grading.measure import measure_nodule
from LungPNetLib.grading.nodule_type import nodule_type
from LungPNetLib.nodules.click import segment_click
from LungPNetLib.nodules.finding import FindingName, NoduleFinding, Origin, Status
from LungPNetLib.nodules.heterogeneity import (
    RADIUS_MM,
    HeterogeneityNumbers,
    measure_heterogeneity,
)
from LungPNetLib.slicer_bridge.entries import BROCK, keepEntries
from LungPNetLib.slicer_bridge.lung_nodes import findLungs
from LungPNetLib.slicer_bridge.nodule_names import noduleName, noduleNumber
from LungPNetLib.slicer_bridge.nodule_outlines import (
    MASS,
    NODULE,
    addOutline,
    isChanged,
    keepMeasuredShape,
    noduleSegmentation,
    outlineBox,
    outlineOf,
    segmentMask,
)
from LungPNetLib.slicer_bridge.nodule_stage import stageOf
from LungPNetLib.slicer_bridge.segmentations import labelsOnVolume
from LungPNetLib.slicer_bridge.volumes import (
    ctFromNode,
    lpsPoint,
    pointInViews,
    pointOfVolume,
    rasPoint,
)
from LungPNetLib.volume import Volume

LIST = "LungPNet.Nodules"
"""Attribute: the entries, a JSON list."""

_SAME_SHARE = 0.5
"""Outlines that share so much of the smaller one are of the same nodule."""


def nodulesOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> list[NoduleFinding]:
    """The nodule list of a CT, in the order in which it was filled.

    Raises
    ------
    InputError
        The scene comes from another version, or its list was changed by hand.
    """
    node = noduleSegmentation(volumeNode)
    text = node.GetAttribute(LIST) if node is not None else None
    if not text:
        return []
    try:
        records = json.loads(text)
    except ValueError as error:
        raise InputError(
            f"The nodule list of this scene cannot be read as JSON ({error}). Delete the "
            "segmentation of the nodules in the Data module to begin a new one."
        ) from error
    return [NoduleFinding.from_dict(record) for record in records]


def shownNodules(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> list[NoduleFinding]:
    """The nodule list without the findings below the operating point that is shown.

    Raises
    ------
    InputError
        As ``nodulesOf``.
    """
    stage = stageOf(volumeNode)
    return [one for one in nodulesOf(volumeNode) if stage is None or stage.shows(one)]


def addClickedNodule(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, pointRas: npt.ArrayLike
) -> NoduleFinding:
    """Outline and measure the nodule at a point and put it into the list of the CT.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
        The CT.
    pointRas : array_like, shape (3,)
        RAS mm as seen in the views, so with the transforms over the CT.

    Raises
    ------
    InputError
        There is no nodule at this point, or it is in the list; the scene is as it was.
    """
    ct, lungs = ctFromNode(volumeNode), _lungsOf(volumeNode)
    clicked = segment_click(ct, lpsPoint(pointOfVolume(volumeNode, pointRas)), lungs=lungs)
    if not clicked.mask.array.any():
        raise InputError(
            _("What lies at this point is smaller than a voxel of this CT. Outline it by hand.")
        )
    return _add(volumeNode, ct, clicked.mask, lungs, Origin.CLICKED)


def addSegmentedNodule(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    segmentId: str,
) -> NoduleFinding:
    """Measure a segment as a nodule and put a copy of its outline into the list of the CT.

    Raises
    ------
    InputError
        The segment has no voxel in the CT, or it is in the list; the scene is as it was.
    """
    mask = segmentMask(segmentationNode, segmentId, volumeNode)
    lungs = _lungsOf(volumeNode)
    return _add(volumeNode, ctFromNode(volumeNode), mask, lungs, Origin.OUTLINED)


def _add(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    ct: Volume,
    mask: Volume,
    lungs: Volume | None,
    origin: Origin,
) -> NoduleFinding:
    known = nodulesOf(volumeNode)
    _refuseKnown(volumeNode, known, mask)
    measured = measure_nodule(ct, mask, lungs)
    finding = NoduleFinding(
        finding_id=f"N{1 + max((noduleNumber(one) for one in known), default=0)}",
        centre_lps_mm=measured.centre_mm,
        origin=origin,
        measurements=measured,
        type_finding=nodule_type(ct, mask),
        heterogeneity=_heterogeneity(ct, mask),
    )
    showOutline(volumeNode, finding, mask)
    keepList(volumeNode, [*known, finding])
    # Its number may have been that of a nodule that was deleted, whose answers are not its own.
    keepEntries(volumeNode, BROCK, finding.finding_id, {})
    return finding


def measureAgain(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, ids: Collection[str]
) -> list[NoduleFinding]:
    """Measure nodules of the list as their segments are now; returns the new list.

    An entry whose segment was deleted or emptied keeps its place and loses its measurements.

    Parameters
    ----------
    ids : collection of str
        Which ones, by ``finding_id``; the others stay as they are.
    """
    ct, lungs = ctFromNode(volumeNode), _lungsOf(volumeNode)
    findings = [
        _measuredAgain(volumeNode, finding, ct, lungs) if finding.finding_id in ids else finding
        for finding in nodulesOf(volumeNode)
    ]
    if findings:
        keepList(volumeNode, findings)
    return findings


def _measuredAgain(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    finding: NoduleFinding,
    ct: Volume,
    lungs: Volume | None,
) -> NoduleFinding:
    box = outlineBox(volumeNode, finding.finding_id, ct)
    mask = outlineOf(volumeNode, finding.finding_id, box)
    # An outline that a person has changed is no longer the one of the label map.
    reference = None if isChanged(volumeNode, finding.finding_id) else finding.mask
    finding = replace(finding, mask=reference)
    keepMeasuredShape(volumeNode, finding.finding_id)
    if mask is None or not mask.array.any():
        return replace(finding, measurements=None, type_finding=None, heterogeneity=None)
    measured = measure_nodule(ct, mask, lungs)
    return replace(
        finding,
        measurements=measured,
        type_finding=nodule_type(ct, mask),
        heterogeneity=_heterogeneity(ct, mask),
        centre_lps_mm=measured.centre_mm,
    )


def _heterogeneity(ct: Volume, mask: Volume) -> HeterogeneityNumbers | None:
    """None where voxels are so large that none has a neighbour."""
    return measure_heterogeneity(ct, mask).numbers if min(ct.spacing_mm) <= RADIUS_MM else None


def updateNodule(volumeNode: slicer.vtkMRMLScalarVolumeNode, changed: NoduleFinding) -> None:
    """Replace the entry with the same ``finding_id``; rejected nodules are hidden in the views."""
    findings = nodulesOf(volumeNode)
    keepList(
        volumeNode, [changed if one.finding_id == changed.finding_id else one for one in findings]
    )
    _show(volumeNode, [changed])


def showListed(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Show the outlines of what is listed and not rejected, and hide all others of the list."""
    _show(volumeNode, nodulesOf(volumeNode))


def _show(volumeNode: slicer.vtkMRMLScalarVolumeNode, findings: Sequence[NoduleFinding]) -> None:
    stage = stageOf(volumeNode)
    display = noduleSegmentation(volumeNode).GetDisplayNode()
    if display is None:
        return
    wasModifying = display.StartModify()
    for finding in findings:
        listed = stage is None or stage.shows(finding)
        visible = listed and finding.status is not Status.REJECTED
        display.SetSegmentVisibility(finding.finding_id, visible)
    display.EndModify(wasModifying)


def removeNodule(volumeNode: slicer.vtkMRMLScalarVolumeNode, findingId: str) -> None:
    """Take an entry and its outline out of the scene."""
    keepList(volumeNode, [one for one in nodulesOf(volumeNode) if one.finding_id != findingId])
    noduleSegmentation(volumeNode).GetSegmentation().RemoveSegment(findingId)


def showOutline(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, finding: NoduleFinding, mask: Volume
) -> None:
    """Make the segment of an entry, under its name and coded type; it is as it was measured."""
    spec = MASS if finding.name is FindingName.MASS else NODULE
    addOutline(volumeNode, finding.finding_id, noduleName(finding), mask, spec)
    keepMeasuredShape(volumeNode, finding.finding_id)


def jumpToNodule(volumeNode: slicer.vtkMRMLScalarVolumeNode, finding: NoduleFinding) -> None:
    """Move all slice views to the nodule."""
    point = pointInViews(volumeNode, rasPoint(finding.centre_lps_mm))
    slicer.vtkMRMLSliceNode.JumpAllSlices(volumeNode.GetScene(), *point.tolist())


def _lungsOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Volume | None:
    """Label map of the lungs on the CT, if they were found."""
    segmentation = findLungs(volumeNode)
    if segmentation is None:
        return None
    return labelsOnVolume(segmentation, volumeNode, LUNG_SEGMENTS)


def _refuseKnown(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, known: Sequence[NoduleFinding], mask: Volume
) -> None:
    inside = mask.array != 0
    for finding in known:
        other = outlineOf(volumeNode, finding.finding_id, mask)
        if other is None:
            continue
        shared = int(np.count_nonzero(inside & (other.array != 0)))
        if shared > _SAME_SHARE * min(np.count_nonzero(inside), np.count_nonzero(other.array)):
            stage = stageOf(volumeNode)
            words = (
                _(
                    "This nodule is in the list already, as {name}. Click on another one, or "
                    "delete that entry first."
                )
                if stage is None or stage.shows(finding)
                else _(
                    "This was found already, as {name}, with a score too low to be listed. Move "
                    "the slider of the module LungSegment to the right to list it; once accepted "
                    "it stays listed."
                )
            )
            raise InputError(words.format(name=noduleName(finding)))


def keepList(volumeNode: slicer.vtkMRMLScalarVolumeNode, findings: Sequence[NoduleFinding]) -> None:
    """Replace the nodule list of a CT; its segmentation must be there."""
    records = [finding.to_dict() for finding in findings]
    text = json.dumps(records, ensure_ascii=False, allow_nan=False)
    noduleSegmentation(volumeNode).SetAttribute(LIST, text)
