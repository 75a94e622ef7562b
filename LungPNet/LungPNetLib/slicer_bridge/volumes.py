"""Volumes between Slicer's scene (RAS) and ``Volume`` (LPS).

Everything is computed in the volume's own coordinates, as its files state them. A linear transform
over a volume (a registration, say) moves it in the views and changes neither distances nor volumes
in mL; results go under the same transform and so lie where the CT is seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import slicer
import vtk
from slicer.i18n import tr as _

from LungPNetLib.errors import InputError
from LungPNetLib.image_files import compact_hu
from LungPNetLib.volume import Volume

_RAS_OF_LPS = np.array([-1.0, -1.0, 1.0])


def rasPoint(pointLps: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """RAS positions in mm of LPS positions in mm, shape (..., 3)."""
    return np.asarray(pointLps, np.float64) * _RAS_OF_LPS


def lpsPoint(pointRas: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """LPS positions in mm of RAS positions in mm, shape (..., 3)."""
    return np.asarray(pointRas, np.float64) * _RAS_OF_LPS


def indexToRasMatrix(grid: Volume) -> vtk.vtkMatrix4x4:
    """Matrix from (column, row, slice) index to RAS mm, as Slicer's nodes want it."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy((np.diag([*_RAS_OF_LPS, 1.0]) @ grid.affine).ravel().tolist())
    return matrix


def volumeFromNode(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Volume:
    """The voxels of a scalar or label map volume and their grid, in the node's own coordinates.

    Returns
    -------
    Volume
        Of the node's data type. The array is a read-only view: it shows what is later done to the
        voxels of the node.

    Raises
    ------
    InputError
        The node holds no voxels, several values a voxel, or axes that are not at right angles.
    """
    image = volumeNode.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None:
        raise InputError("The chosen volume holds no voxels. Choose a CT, or load it again.")
    components = image.GetNumberOfScalarComponents()
    if components != 1:
        raise InputError(
            f"The chosen volume holds {components} values a voxel, and a CT holds one. Choose the "
            "CT itself, not a colour or vector image."
        )
    array = slicer.util.arrayFromVolume(volumeNode).view()
    array.setflags(write=False)
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    affine = slicer.util.arrayFromVTKMatrix(matrix)
    steps = _RAS_OF_LPS[:, np.newaxis] * affine[:3, :3]
    spacing = np.linalg.norm(steps, axis=0)
    if not (np.isfinite(spacing).all() and spacing.all()):
        raise InputError(
            f"The voxels of the chosen volume have the spacing {spacing.tolist()} mm, and each "
            "must be positive. Correct it in the Volumes module."
        )
    return Volume(array, tuple(spacing), tuple(lpsPoint(affine[:3, 3])), steps / spacing)


def ctFromNode(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Volume:
    """The CT of a node in HU, as ``read_ct_image`` would read it from a file.

    Returns
    -------
    Volume
        int16 where nothing is lost by it (without a copy where the node is int16), else float32.

    Raises
    ------
    InputError
        As ``volumeFromNode``, or a non-linear transform lies over the volume.
    """
    if isWarped(volumeNode):
        raise InputError(
            "A non-linear transform lies over the chosen volume, so that its voxels have no "
            "spacing. Analyze it from its DICOM files, or apply (harden) the transform in the "
            "Transforms module and choose the volume again."
        )
    volume = volumeFromNode(volumeNode)
    return volume.with_array(compact_hu(volume.array))


def updateNodeFromVolume(volumeNode: slicer.vtkMRMLScalarVolumeNode, volume: Volume) -> None:
    """Give ``volumeNode`` the voxels (copied) and the grid of ``volume``."""
    wasModifying = volumeNode.StartModify()
    volumeNode.SetIJKToRASMatrix(indexToRasMatrix(volume))
    slicer.util.updateVolumeFromArray(volumeNode, volume.array)
    volumeNode.EndModify(wasModifying)


def isWarped(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether a non-linear transform lies over the volume.

    Slicer's DICOM reader puts one over a CT with a tilted gantry or with irregular slices.
    """
    transform = volumeNode.GetParentTransformNode()
    return transform is not None and not transform.IsTransformToWorldLinear()


def onSameGrid(one: Volume, other: Volume) -> bool:
    """Whether both have the same voxels, within half a voxel and whatever the order of the axes.

    Programs differ in the direction in which they stack slices, and in how they round the mean
    distance of slices.
    """
    tolerance = 0.5 * min(one.spacing_mm)
    upright = [volume.axis_order_to().apply(volume) for volume in (one, other)]
    return upright[0].same_grid_as(upright[1], tolerance_mm=tolerance)


def pointOfVolume(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, pointRas: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """A point of the views in the coordinates of the volume, both RAS mm."""
    return _transformed(None, volumeNode.GetParentTransformNode(), pointRas)


def pointInViews(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, pointRas: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """The inverse of ``pointOfVolume``."""
    return _transformed(volumeNode.GetParentTransformNode(), None, pointRas)


def _transformed(source: Any, target: Any, pointRas: npt.ArrayLike) -> npt.NDArray[np.float64]:
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(source, target, transform)
    return np.array(transform.TransformPoint(*np.asarray(pointRas, np.float64).tolist()))


def refuseGone(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Refuse to show a result whose CT was deleted while it was computed.

    Another CT may have got the ID of one that is gone, so nodes are compared, not IDs.

    Raises
    ------
    InputError
        It was deleted.
    """
    if not slicer.mrmlScene.IsNodePresent(volumeNode):
        raise InputError(_("The CT is no longer in the scene; its result was dropped."))


def transformOfResults(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, grid: Volume
) -> slicer.vtkMRMLTransformNode | None:
    """The transform that a result of this CT belongs under so that it lies where the CT is seen.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
        The CT.
    grid : Volume
        Grid of the result, in the coordinates of the CT's files.

    Returns
    -------
    vtkMRMLTransformNode or None
        The CT's own. If a non-linear one corrects the positions of the CT's slices, the one above:
        what was computed from the files is upright already.
    """
    transform = volumeNode.GetParentTransformNode()
    corrects = isWarped(volumeNode) and not onSameGrid(volumeFromNode(volumeNode), grid)
    return transform.GetParentTransformNode() if corrects else transform
