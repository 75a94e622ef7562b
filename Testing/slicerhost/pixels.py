"""From a VTK render window to an array."""

import numpy as np
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy


def image_of(window: vtk.vtkRenderWindow) -> np.ndarray:
    """Render the window and read it back: uint8 (rows, columns, 3) RGB, top row first."""
    window.Render()
    reader = vtk.vtkWindowToImageFilter()
    reader.SetInput(window)
    reader.SetInputBufferTypeToRGB()
    reader.ReadFrontBufferOff()
    reader.Update()
    image = reader.GetOutput()
    columns, rows, _ = image.GetDimensions()
    pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, 3)
    return np.ascontiguousarray(pixels[::-1])
