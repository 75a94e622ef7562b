"""How a CT and what was found in it are shown at first; what a person changes later stays."""

from __future__ import annotations

import slicer

from LungPNetLib.report.pictures import LUNG_WINDOW_HU

_SEE_THROUGH = 0.3
_FILL = 0.125
"""Opacity; Slicer's own is 0.5, under which vessels and nodules are hard to see."""


def showOutlines(segmentationNode: slicer.vtkMRMLSegmentationNode) -> None:
    """Show a segmentation as outlines with a light fill; one that is shown already stays as it is.

    The outlines keep their full strength, and segments that are added later look the same.
    """
    if segmentationNode.GetDisplayNode() is None:
        segmentationNode.CreateDefaultDisplayNodes()
        segmentationNode.GetDisplayNode().SetOpacity2DFill(_FILL)


def showInside(segmentationNode: slicer.vtkMRMLSegmentationNode) -> None:
    """Let a person see into closed surfaces in 3-D, unless their opacity was changed already."""
    display = segmentationNode.GetDisplayNode()
    if display is not None and display.GetOpacity3D() == 1.0:
        display.SetOpacity3D(_SEE_THROUGH)


def showLungWindow(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Show a CT in the usual lung window, unless a person, or its DICOM file, has chosen another.

    Width 1500 HU, level -600 HU, as in the report's pictures and in "Windowing (CT)" of
    radiopaedia.org.
    """
    volumeNode.CreateDefaultDisplayNodes()
    display = volumeNode.GetDisplayNode()
    if display.GetAutoWindowLevel():
        lowest_hu, highest_hu = LUNG_WINDOW_HU
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(lowest_hu, highest_hu)


def centreThreeDViews() -> None:
    """Turn the 3-D views to what there is to see; nothing where there are no views."""
    if slicer.app.layoutManager() is not None:
        slicer.util.resetThreeDViews()
