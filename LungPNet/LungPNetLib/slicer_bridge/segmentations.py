"""Label maps and Slicer's segmentations, voxel for voxel in both directions.

A segment is known by its coded type (SNOMED CT), as in the DICOM SEG, and never by its name or its
place in the list: a person may rename and reorder segments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import slicer
import vtk

from LungPNetLib.dicom.export import SegmentSpec
from LungPNetLib.errors import InputError
from LungPNetLib.slicer_bridge.display import showOutlines
from LungPNetLib.slicer_bridge.language import sentence
from LungPNetLib.slicer_bridge.oriented_images import arrayOf, orientedGrid, orientedImage
from LungPNetLib.slicer_bridge.terminology import segmentType, terminologyEntry
from LungPNetLib.slicer_bridge.volumes import volumeFromNode
from LungPNetLib.volume import Volume

_LABELMAP = slicer.vtkSegmentationConverter.GetBinaryLabelmapRepresentationName()
_GEOMETRY = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
_Surfaces = slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule
_SMOOTH_NETS = _Surfaces.GetSurfaceNetInternalSmoothingParameterName()
_Resample = slicer.vtkOrientedImageDataResample


def updateSegmentation(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    labels: Volume,
    segments: Sequence[SegmentSpec],
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
) -> None:
    """Replace all segments of a node by the labels of a map.

    Parameters
    ----------
    segmentationNode : vtkMRMLSegmentationNode
    labels : Volume
        uint8, on any grid in the coordinates of ``segmentationNode``. It becomes the geometry
        that the segments are edited in.
    segments : sequence of SegmentSpec
        One for each label that occurs; one that does not occur makes no segment.
    volumeNode : vtkMRMLScalarVolumeNode
        The CT that was segmented.

    Raises
    ------
    InputError
        The map is not uint8, or holds a label that no spec is given for.
    """
    present = presentLabels(labels, segments)
    image = orientedImage(labels)
    segmentation = segmentationNode.GetSegmentation()
    wasModifying = segmentationNode.StartModify()
    segmentation.RemoveAllSegments()
    segmentationNode.SetSourceRepresentationToBinaryLabelmap()
    segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    geometry = slicer.vtkSegmentationConverter.SerializeImageGeometry(image)
    segmentation.SetConversionParameter(_GEOMETRY, geometry)
    for spec in segments:
        if spec.label in present:
            segmentId = segmentation.GenerateUniqueSegmentID("_".join(spec.type_code[1::-1]))
            segmentation.AddSegment(_segment(spec, image), segmentId)
    segmentationNode.EndModify(wasModifying)
    showOutlines(segmentationNode)


def presentLabels(labels: Volume, segments: Sequence[SegmentSpec]) -> set[int]:
    """The labels that occur in a map.

    Raises
    ------
    InputError
        It is not uint8, or one of them is none of ``segments``.
    """
    if labels.array.dtype != np.uint8:
        raise InputError(f"A label map must hold uint8 values, got {labels.array.dtype}.")
    counts = sum(np.bincount(plane.ravel(), minlength=256) for plane in labels.array)
    present = {int(label) for label in np.flatnonzero(counts) if label}
    unknown = sorted(present - {spec.label for spec in segments})
    if unknown:
        raise InputError(
            f"The label map holds the labels {sorted(present)}, and what {unknown} stands for is "
            "not known. It was made by a later version; update LungPNet."
        )
    return present


def showSurfaces(segmentationNode: slicer.vtkMRMLSegmentationNode) -> None:
    """Show the segments in 3-D as closed surfaces; they follow edits from then on.

    They are made by surface nets, which smooth while they are made: Slicer's default takes five
    times as long, and the application waits. ``updateSegmentation`` removes them.
    """
    for name in (_Surfaces.GetConversionMethodParameterName(), _SMOOTH_NETS):
        segmentationNode.GetSegmentation().SetConversionParameter(name, "1")
    segmentationNode.CreateClosedSurfaceRepresentation()


def segmentsByCode(
    segmentationNode: slicer.vtkMRMLSegmentationNode, segments: Sequence[SegmentSpec]
) -> dict[str, int]:
    """Which segment is which label, by their coded types; other segments are left out.

    Returns
    -------
    dict of str to int
        Segment ID to label.

    Raises
    ------
    InputError
        There is none of the types, or one type twice.
    """
    label_of_type = {spec.type_code[:2]: spec.label for spec in segments}
    segmentation = segmentationNode.GetSegmentation()
    found: dict[str, int] = {}
    for segmentId in segmentation.GetSegmentIDs():
        label = label_of_type.get(segmentType(segmentation.GetSegment(segmentId)))
        if label is not None and label in found.values():
            name = next(spec.name for spec in segments if spec.label == label)
            raise InputError(
                f"Two segments are of the type '{name}', so it is not clear which is meant. "
                "Merge them, or change the type of one in the Segment Editor."
            )
        if label is not None:
            found[segmentId] = label
    if not found:
        names = ", ".join(f"'{spec.name}'" for spec in segments)
        raise InputError(
            f"The segmentation has no segment of the type {names}. Set the type of the segments "
            "with a double click on their colour in the Segment Editor."
        )
    return found


def labelsOnGrid(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    labelOfSegment: Mapping[str, int],
    grid: Volume,
    transform: vtk.vtkAbstractTransform | None = None,
) -> Volume:
    """Segments as a label map on a grid, whatever part of it each of them is stored on.

    Parameters
    ----------
    segmentationNode : vtkMRMLSegmentationNode
    labelOfSegment : mapping of str to int
        Segment ID to label, 1 to 255; see ``segmentsByCode``.
    grid : Volume
        Its voxels are not used. On the grid of the segmentation nothing changes; elsewhere each
        voxel takes the label of the segment voxel that its centre lies in.
    transform : vtkAbstractTransform, optional
        From the coordinates of the segmentation to those of ``grid``; none if they are the same.

    Returns
    -------
    Volume
        uint8, 0 where there is no segment.

    Raises
    ------
    InputError
        Two segments share a voxel.
    """
    out = np.zeros(grid.shape, np.uint8)
    reference = orientedGrid(grid)
    for segmentId, label in labelOfSegment.items():
        image = _labelmapOf(segmentationNode, segmentId)
        if image is None:
            continue
        sampled = slicer.vtkOrientedImageData()
        _Resample.ResampleOrientedImageToReferenceOrientedImage(
            image, reference, sampled, False, False, transform
        )
        mask = arrayOf(sampled) != 0
        shared = int(np.count_nonzero(mask & (out != 0)))
        if shared:
            raise InputError(
                f"{shared} voxels lie in two segments at once, and a label map holds one label a "
                "voxel. In the Segment Editor, remove them from one segment with 'Logical "
                "operators', subtract."
            )
        out[mask] = label
    return grid.with_array(out)


def labelsOnVolume(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    segments: Sequence[SegmentSpec],
) -> Volume:
    """The segments of these coded types as a label map on the voxels of a volume.

    Raises
    ------
    InputError
        As ``segmentsByCode`` and ``segmentsOnVolume``.
    """
    codes = segmentsByCode(segmentationNode, segments)
    return segmentsOnVolume(segmentationNode, codes, volumeNode)


def segmentsOnVolume(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    labelOfSegment: Mapping[str, int],
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
) -> Volume:
    """Segments as a label map on the voxels of a volume, as both are seen in the views.

    Transforms over the one and the other are followed.

    Parameters
    ----------
    labelOfSegment : mapping of str to int
        Segment ID to label, 1 to 255.

    Raises
    ------
    InputError
        As ``labelsOnGrid``.
    """
    grid = volumeFromNode(volumeNode)
    ours = segmentationNode.GetParentTransformNode()
    theirs = volumeNode.GetParentTransformNode()
    if ours is theirs:
        return labelsOnGrid(segmentationNode, labelOfSegment, grid)
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(ours, theirs, transform)
    return labelsOnGrid(segmentationNode, labelOfSegment, grid, transform)


def fingerprint(segmentationNode: slicer.vtkMRMLSegmentationNode) -> str:
    """A hash of shape and coded type of all segments, to tell whether a person has changed one.

    It does not depend on names, colours, order, or on how much empty space is stored around.
    """
    ids = segmentationNode.GetSegmentation().GetSegmentIDs()
    digests = [_digest(segmentationNode, segmentId) for segmentId in ids]
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def segmentFingerprint(segmentationNode: slicer.vtkMRMLSegmentationNode, segmentId: str) -> str:
    """``fingerprint`` of one segment; empty where it is gone or holds no voxel."""
    isThere = segmentationNode.GetSegmentation().GetSegment(segmentId) is not None
    return _digest(segmentationNode, segmentId).hex() if isThere else ""


def _digest(segmentationNode: slicer.vtkMRMLSegmentationNode, segmentId: str) -> bytes:
    image = _labelmapOf(segmentationNode, segmentId)
    if image is None:
        return b""
    shape = _cropped(arrayOf(image) != 0)
    kind = segmentType(segmentationNode.GetSegmentation().GetSegment(segmentId))
    content = repr((kind, shape.shape)).encode() + np.packbits(shape).tobytes()
    return hashlib.sha256(content).digest()


def _segment(spec: SegmentSpec, image: slicer.vtkOrientedImageData) -> slicer.vtkSegment:
    """A segment that shares the voxels of ``image`` with the others."""
    segment = slicer.vtkSegment()
    segment.SetName(sentence(spec.name))
    segment.SetColor(*(part / 255.0 for part in spec.rgb))
    segment.SetLabelValue(spec.label)
    segment.SetTerminology(terminologyEntry(spec))
    segment.AddRepresentation(_LABELMAP, image)
    return segment


def _labelmapOf(
    segmentationNode: slicer.vtkMRMLSegmentationNode, segmentId: str
) -> slicer.vtkOrientedImageData | None:
    """The voxels of one segment (0 elsewhere) on the part of the grid it is stored on, if any."""
    image = slicer.vtkOrientedImageData()
    segmentationNode.GetBinaryLabelmapRepresentation(segmentId, image)
    return None if image.IsEmpty() else image


def _cropped(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The smallest box that holds the mask; empty where the mask is."""
    box = []
    for axis in range(3):
        places = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        if not places.size:
            return mask[:0]
        box.append(slice(int(places[0]), int(places[-1]) + 1))
    return mask[tuple(box)]
