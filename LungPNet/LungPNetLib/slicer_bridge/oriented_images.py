"""Volumes as the oriented images that Slicer's segmentations are made of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import slicer
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from LungPNetLib.slicer_bridge.volumes import indexToRasMatrix
from LungPNetLib.volume import Volume


def orientedGrid(grid: Volume) -> slicer.vtkOrientedImageData:
    """The grid of a volume, without voxels."""
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(*grid.shape[::-1])
    image.SetGeometryFromImageToWorldMatrix(indexToRasMatrix(grid))
    return image


def orientedImage(volume: Volume) -> slicer.vtkOrientedImageData:
    """A volume with a copy of its voxels."""
    image = orientedGrid(volume)
    voxels = numpy_to_vtk(np.ascontiguousarray(volume.array).ravel(), deep=True)
    image.GetPointData().SetScalars(voxels)
    return image


def arrayOf(image: slicer.vtkOrientedImageData) -> npt.NDArray[np.generic]:
    """The voxels of the whole extent, shape (slices, rows, columns); a view."""
    array: npt.NDArray[np.generic] = vtk_to_numpy(image.GetPointData().GetScalars())
    return array.reshape(image.GetDimensions()[::-1])
