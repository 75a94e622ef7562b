"""The outlines of a CT's nodule list: a segmentation with a segment for each nodule."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from LungPNetLib.dicom.export import SegmentSpec
from LungPNetLib.dicom.nodules import ABNORMAL_STRUCTURE, KINDS
from LungPNetLib.errors import InputError
from LungPNetLib.nodules.finding import FindingName
from LungPNetLib.slicer_bridge.display import showOutlines
from LungPNetLib.slicer_bridge.oriented_images import orientedImage
from LungPNetLib.slicer_bridge.results import findNode, roleNode
from LungPNetLib.slicer_bridge.segmentations import (
    labelsOnGrid,
    segmentFingerprint,
    segmentsOnVolume,
    showSurfaces,
)
from LungPNetLib.slicer_bridge.terminology import terminologyEntry
from LungPNetLib.slicer_bridge.volumes import lpsPoint, transformOfResults
from LungPNetLib.volume import Volume

NODULE = SegmentSpec(
    1,
    "Nodule",
    ABNORMAL_STRUCTURE,
    KINDS[FindingName.NODULE],
    (230, 80, 60),
)

MASS = SegmentSpec(
    2,
    "Mass",
    ABNORMAL_STRUCTURE,
    KINDS[FindingName.MASS],
    (200, 50, 60),
)

SHAPES = "LungPNet.NoduleShapes"
"""Attribute: what each outline was when it was measured, a JSON object by the segment's ID."""

_ROLE = "panel-nodules"


def noduleSegmentation(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Any:
    """The segmentation of this CT's nodule list; None where there is no list yet."""
    return findNode(volumeNode, "vtkMRMLSegmentationNode", _ROLE)


def madeNoduleSegmentation(volumeNode: slicer.vtkMRMLScalarVolumeNode, grid: Volume) -> Any:
    """``noduleSegmentation``, made where there is none.

    Parameters
    ----------
    grid : Volume
        Of the outlines that come into it, or a part of it, in the coordinates of the CT's files.
    """
    node = roleNode(volumeNode, "vtkMRMLSegmentationNode", _ROLE, _("nodules"))
    transform = transformOfResults(volumeNode, grid)
    node.SetAndObserveTransformNodeID(transform.GetID() if transform else None)
    node.SetSourceRepresentationToBinaryLabelmap()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    return node


def addOutline(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    findingId: str,
    name: str,
    mask: Volume,
    spec: SegmentSpec = NODULE,
) -> None:
    """Show an outline as a segment of the nodule list, made where there is none.

    Parameters
    ----------
    spec : SegmentSpec
        ``NODULE`` or ``MASS``: its coded type and its colour.
    """
    node = madeNoduleSegmentation(volumeNode, mask)
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetColor(*(part / 255.0 for part in spec.rgb))
    segment.SetTerminology(terminologyEntry(spec))
    representation = slicer.vtkSegmentationConverter.GetBinaryLabelmapRepresentationName()
    segment.AddRepresentation(representation, orientedImage(mask))
    node.GetSegmentation().AddSegment(segment, findingId)
    showOutlines(node)
    showSurfaces(node)


def measuredShape(volumeNode: slicer.vtkMRMLScalarVolumeNode, findingId: str) -> str | None:
    """What an outline was when it was measured; None where that is not known."""
    return _shapes(noduleSegmentation(volumeNode)).get(findingId)


def keepMeasuredShape(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, findingId: str, shape: str | None = None
) -> None:
    """Remember what an outline was when it was measured; as it is now by default."""
    node = noduleSegmentation(volumeNode)
    if shape is None:
        shape = segmentFingerprint(node, findingId)
    node.SetAttribute(SHAPES, json.dumps({**_shapes(node), findingId: shape}))


def isChanged(volumeNode: slicer.vtkMRMLScalarVolumeNode, findingId: str) -> bool:
    """Whether a person has changed or deleted an outline since it was measured."""
    kept = measuredShape(volumeNode, findingId)
    return kept not in (None, segmentFingerprint(noduleSegmentation(volumeNode), findingId))


def _shapes(node: Any) -> dict[str, str]:
    try:
        return dict(json.loads(node.GetAttribute(SHAPES) or "{}"))
    except ValueError as error:
        raise InputError(
            f"The attribute '{SHAPES}' of the nodules' segmentation cannot be read ({error}). "
            "Remove it in the Data module; the outlines then count as unchanged."
        ) from error


def outlineOf(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, findingId: str, grid: Volume
) -> Volume | None:
    """An outline on a grid of the CT's coordinates; None where its segment is gone."""
    node = noduleSegmentation(volumeNode)
    if node is None or node.GetSegmentation().GetSegment(findingId) is None:
        return None
    return labelsOnGrid(node, {findingId: 1}, grid)


def outlineBox(volumeNode: slicer.vtkMRMLScalarVolumeNode, findingId: str, ct: Volume) -> Volume:
    """The part of the CT that holds an outline; all of it where there is none."""
    segment = noduleSegmentation(volumeNode).GetSegmentation().GetSegment(findingId)
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


def segmentMask(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    segmentId: str,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
) -> Volume:
    """A segment of any segmentation on the voxels of the CT, cut to the box that it fills.

    Raises
    ------
    InputError
        It has no voxel in the CT.
    """
    whole = segmentsOnVolume(segmentationNode, {segmentId: 1}, volumeNode)
    voxels = np.argwhere(whole.array)
    if not len(voxels):
        raise InputError(
            "The chosen segment has no voxel in this CT. Choose another one, or outline the "
            "nodule in the Segment Editor."
        )
    start, stop = voxels.min(axis=0)[::-1], voxels.max(axis=0)[::-1] + 1
    return whole.cropped(start.tolist(), (stop - start).tolist())
