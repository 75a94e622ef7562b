"""The nodule list of a CT in the scene: a segmentation with a segment for each nodule.

The entries are ``NoduleFinding`` as JSON in an attribute of the segmentation node, so that list
and outlines are saved, loaded and deleted together. The outline of an entry is the segment with
its ``finding_id`` as ID; a person may rename, recolour and edit it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import slicer
import vtk
from slicer.i18n import tr as _

from LungPNetLib.dicom.derived import Term
from LungPNetLib.dicom.export import LUNG_SEGMENTS, SegmentSpec
from LungPNetLib.errors import InputError
from LungPNetLib.nodules.click import segment_click
from LungPNetLib.nodules.finding import NoduleFinding, Origin, Status
from LungPNetLib.nodules.measurements import measure_nodule
from LungPNetLib.slicer_bridge.display import showOutlines
from LungPNetLib.slicer_bridge.lung_nodes import findLungs
from LungPNetLib.slicer_bridge.oriented_images import orientedImage
from LungPNetLib.slicer_bridge.results import findNode, roleNode
from LungPNetLib.slicer_bridge.segmentations import (
    labelsOnGrid,
    labelsOnVolume,
    showSurfaces,
    terminologyEntry,
)
from LungPNetLib.slicer_bridge.volumes import ctFromNode, lpsPoint, rasPoint, transformOfResults
from LungPNetLib.volume import Volume

LIST = "LungPNet.Nodules"
"""Attribute: the entries, a JSON list."""

NODULE = SegmentSpec(
    1,
    "Nodule",
    Term("49755003", "SCT", "Morphologically Abnormal Structure"),
    Term("27925004", "SCT", "Nodule"),
    (230, 80, 60),
)

_ROLE = "panel-nodules"
_SAME_SHARE = 0.5
"""Outlines that share so much of the smaller one are of the same nodule."""

Point = npt.NDArray[np.float64]


def noduleSegmentation(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Any:
    """The segmentation of this CT's nodule list; None where there is no list yet."""
    return findNode(volumeNode, "vtkMRMLSegmentationNode", _ROLE)


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
    known = nodulesOf(volumeNode)
    ct = ctFromNode(volumeNode)
    lungs = _lungsOf(volumeNode)
    clicked = segment_click(ct, lpsPoint(_toVolume(volumeNode, pointRas)), lungs=lungs)
    if not clicked.mask.array.any():
        raise InputError(
            _("What lies at this point is smaller than a voxel of this CT. Outline it by hand.")
        )
    _refuseKnown(volumeNode, known, clicked.mask)
    finding = NoduleFinding(
        finding_id=f"N{1 + max((noduleNumber(one) for one in known), default=0)}",
        centre_lps_mm=clicked.centre_mm,
        origin=Origin.CLICKED,
        measurements=measure_nodule(ct, clicked.mask, lungs),
    )
    _addSegment(volumeNode, finding, clicked.mask)
    _keep(volumeNode, [*known, finding])
    return finding


def measureAgain(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> list[NoduleFinding]:
    """Measure every nodule of the list as its segment is now; returns the new list.

    An entry whose segment was deleted or emptied keeps its place and loses its measurements.
    """
    ct, lungs = ctFromNode(volumeNode), _lungsOf(volumeNode)
    findings = []
    for finding in nodulesOf(volumeNode):
        mask = _maskOf(volumeNode, finding, _boxOf(volumeNode, finding, ct))
        if mask is None or not mask.array.any():
            findings.append(replace(finding, measurements=None))
            continue
        measured = measure_nodule(ct, mask, lungs)
        centre = measured.centre_mm
        findings.append(replace(finding, measurements=measured, centre_lps_mm=centre))
    if findings:
        _keep(volumeNode, findings)
    return findings


def updateNodule(volumeNode: slicer.vtkMRMLScalarVolumeNode, changed: NoduleFinding) -> None:
    """Replace the entry with the same ``finding_id``; rejected nodules are hidden in the views."""
    findings = nodulesOf(volumeNode)
    _keep(
        volumeNode, [changed if one.finding_id == changed.finding_id else one for one in findings]
    )
    display = noduleSegmentation(volumeNode).GetDisplayNode()
    display.SetSegmentVisibility(changed.finding_id, changed.status is not Status.REJECTED)


def removeNodule(volumeNode: slicer.vtkMRMLScalarVolumeNode, findingId: str) -> None:
    """Take an entry and its outline out of the scene."""
    _keep(volumeNode, [one for one in nodulesOf(volumeNode) if one.finding_id != findingId])
    noduleSegmentation(volumeNode).GetSegmentation().RemoveSegment(findingId)


def noduleName(finding: NoduleFinding) -> str:
    """What people call the nodule."""
    return _("Nodule {number}").format(number=noduleNumber(finding))


def noduleNumber(finding: NoduleFinding) -> int:
    """Of an entry that was made here, from 1; 0 of others."""
    digits = finding.finding_id.removeprefix("N")
    return int(digits) if digits.isdecimal() else 0


def jumpToNodule(volumeNode: slicer.vtkMRMLScalarVolumeNode, finding: NoduleFinding) -> None:
    """Move all slice views to the nodule."""
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        volumeNode.GetParentTransformNode(), None, transform
    )
    point = transform.TransformPoint(*rasPoint(finding.centre_lps_mm).tolist())
    slicer.vtkMRMLSliceNode.JumpAllSlices(volumeNode.GetScene(), *point)


def _toVolume(volumeNode: slicer.vtkMRMLScalarVolumeNode, pointRas: npt.ArrayLike) -> Point:
    """A point of the views in the coordinates of the volume, both RAS mm."""
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        None, volumeNode.GetParentTransformNode(), transform
    )
    return np.array(transform.TransformPoint(*np.asarray(pointRas, np.float64).tolist()))


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
        other = _maskOf(volumeNode, finding, mask)
        if other is None:
            continue
        shared = int(np.count_nonzero(inside & (other.array != 0)))
        if shared > _SAME_SHARE * min(np.count_nonzero(inside), np.count_nonzero(other.array)):
            raise InputError(
                _(
                    "This nodule is in the list already, as {name}. Click on another one, or "
                    "delete that entry first."
                ).format(name=noduleName(finding))
            )


def _maskOf(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, finding: NoduleFinding, grid: Volume
) -> Volume | None:
    """The nodule's segment on a grid of the CT's coordinates; None where it has none."""
    node = noduleSegmentation(volumeNode)
    if node is None or node.GetSegmentation().GetSegment(finding.finding_id) is None:
        return None
    return labelsOnGrid(node, {finding.finding_id: 1}, grid)


def _boxOf(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, finding: NoduleFinding, ct: Volume
) -> Volume:
    """The part of the CT that holds the nodule's segment; all of it where it has none."""
    node = noduleSegmentation(volumeNode)
    segment = node.GetSegmentation().GetSegment(finding.finding_id)
    bounds = np.zeros(6)
    if segment is not None:
        segment.GetBounds(bounds)
    if segment is None or bounds[0] > bounds[1]:
        return ct
    corners = np.array(np.meshgrid(*bounds.reshape(3, 2))).reshape(3, -1).T
    index = ct.world_to_index(lpsPoint(corners))
    last = np.array(ct.shape[::-1]) - 1
    start = np.clip(np.floor(index.min(axis=0)).astype(int), 0, last)
    stop = np.clip(np.ceil(index.max(axis=0)).astype(int), 0, last) + 1
    return ct.cropped(start.tolist(), (stop - start).tolist())


def _addSegment(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, finding: NoduleFinding, mask: Volume
) -> None:
    node = roleNode(volumeNode, "vtkMRMLSegmentationNode", _ROLE, _("nodules"))
    transform = transformOfResults(volumeNode, mask)
    node.SetAndObserveTransformNodeID(transform.GetID() if transform else None)
    node.SetSourceRepresentationToBinaryLabelmap()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    segment = slicer.vtkSegment()
    segment.SetName(noduleName(finding))
    segment.SetColor(*(part / 255.0 for part in NODULE.rgb))
    segment.SetTerminology(terminologyEntry(NODULE))
    name = slicer.vtkSegmentationConverter.GetBinaryLabelmapRepresentationName()
    segment.AddRepresentation(name, orientedImage(mask))
    node.GetSegmentation().AddSegment(segment, finding.finding_id)
    showOutlines(node)
    showSurfaces(node)


def _keep(volumeNode: slicer.vtkMRMLScalarVolumeNode, findings: Sequence[NoduleFinding]) -> None:
    records = [finding.to_dict() for finding in findings]
    text = json.dumps(records, ensure_ascii=False, allow_nan=False)
    noduleSegmentation(volumeNode).SetAttribute(LIST, text)
