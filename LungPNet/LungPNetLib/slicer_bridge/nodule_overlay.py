"""The colour image of the nodules over a CT: a colour is an interval of HU, the same everywhere.

A volume with the HU of the nodules and nothing outside them lies as the foreground over the CT;
window, colours and legend are those of ``nodules.colours``, whatever the window of the CT.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from LungPNetLib.errors import InputError
from LungPNetLib.nodules.colours import (
    COLOUR_RANGE_HU,
    OUTSIDE_HU,
    TICKS_HU,
    ColourMap,
    colour_table,
    hu_inside,
)
from LungPNetLib.nodules.finding import Status
from LungPNetLib.slicer_bridge.lung_nodes import findLungs
from LungPNetLib.slicer_bridge.nodule_nodes import shownNodules
from LungPNetLib.slicer_bridge.nodule_outlines import noduleSegmentation, outlineBox, outlineOf
from LungPNetLib.slicer_bridge.results import findNode, roleNode
from LungPNetLib.slicer_bridge.volumes import ctFromNode, transformOfResults, updateNodeFromVolume
from LungPNetLib.volume import Volume

_VOLUME, _COLOURS = "nodule-heterogeneity", "nodule-colours"


def overlayOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Any:
    """The colour image of the nodules of a CT; None where it is not shown."""
    return findNode(volumeNode, "vtkMRMLScalarVolumeNode", _VOLUME)


def showOverlay(volumeNode: slicer.vtkMRMLScalarVolumeNode, colours: ColourMap) -> None:
    """Show the listed nodules that are not rejected in colours, with their legend.

    Called again it follows changes of the list and of the outlines.

    Raises
    ------
    InputError
        No nodule is shown, or a non-linear transform lies over the CT.
    DependencyError
        What makes the colours is not installed.
    """
    image = _imageOf(volumeNode)
    isNew = overlayOf(volumeNode) is None
    node = roleNode(volumeNode, "vtkMRMLScalarVolumeNode", _VOLUME, _("heterogeneity"))
    transform = transformOfResults(volumeNode, image)
    node.SetAndObserveTransformNodeID(transform.GetID() if transform else None)
    updateNodeFromVolume(node, image)
    _showColours(volumeNode, node, colours)
    _fillSegments(volumeNode, isFilled=False)
    if isNew and slicer.app.layoutManager() is not None:
        slicer.util.setSliceViewerLayers(
            background=volumeNode, foreground=node, foregroundOpacity=1.0
        )
    # A view looks whether it shows the volume when the legend changes, not when the layer does.
    _showLegend(node)


def removeOverlay(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Take the colour image out of the scene."""
    scene = volumeNode.GetScene()
    node = overlayOf(volumeNode)
    if node is not None:
        _fillSegments(volumeNode, isFilled=True)
        for index in range(node.GetNumberOfDisplayNodes() - 1, -1, -1):
            scene.RemoveNode(node.GetNthDisplayNode(index))
        scene.RemoveNode(node)
    table = findNode(volumeNode, "vtkMRMLColorTableNode", _COLOURS)
    if table is not None:
        scene.RemoveNode(table)


def coloursOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> ColourMap:
    """The colours of the image that is shown; the published ones where there is none."""
    table = findNode(volumeNode, "vtkMRMLColorTableNode", _COLOURS)
    return ColourMap(table.GetAttribute(_COLOURS)) if table is not None else ColourMap.JET


def _fillSegments(volumeNode: slicer.vtkMRMLScalarVolumeNode, *, isFilled: bool) -> None:
    """Under the fill of a segment a colour would be another one; outlines stay."""
    for node in (noduleSegmentation(volumeNode), findLungs(volumeNode)):
        if node is not None and node.GetDisplayNode() is not None:
            node.GetDisplayNode().SetVisibility2DFill(isFilled)


def _imageOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Volume:
    """HU of the nodules on the part of the CT that holds them all."""
    ct = ctFromNode(volumeNode)
    masks = []
    for finding in shownNodules(volumeNode):
        if finding.status is Status.REJECTED:
            continue
        box = outlineBox(volumeNode, finding.finding_id, ct)
        mask = outlineOf(volumeNode, finding.finding_id, box)
        if mask is not None and mask.array.any():
            masks.append(mask)
    if not masks:
        raise InputError(_("No nodule is shown that could be coloured."))
    return _joined(ct, masks)


def _joined(ct: Volume, masks: Sequence[Volume]) -> Volume:
    """``hu_inside`` of the smallest box of the CT with all masks."""
    starts = [np.rint(ct.world_to_index(mask.origin_mm)).astype(int) for mask in masks]
    stops = [start + mask.shape[::-1] for start, mask in zip(starts, masks, strict=True)]
    low, high = np.min(starts, axis=0), np.max(stops, axis=0)
    box = ct.cropped(low.tolist(), (high - low).tolist())
    inside = box.with_array(np.zeros(box.shape, np.uint8))
    for start, mask in zip(starts, masks, strict=True):
        part = inside.cropped((start - low).tolist(), mask.shape[::-1]).array
        np.copyto(part, mask.array, where=mask.array != 0)
    return hu_inside(box, inside)


def _showColours(volumeNode: slicer.vtkMRMLScalarVolumeNode, node: Any, colours: ColourMap) -> None:
    node.CreateDefaultDisplayNodes()
    display = node.GetScalarVolumeDisplayNode()
    display.SetAndObserveColorNodeID(_tableNode(volumeNode, colours).GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(*COLOUR_RANGE_HU)
    display.SetThreshold(OUTSIDE_HU + 1, -OUTSIDE_HU - 1)
    display.SetApplyThreshold(True)
    # A mixture of HU and the value outside would be another colour.
    display.SetInterpolate(False)


def _showLegend(node: Any) -> None:
    legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(node)
    legend.SetTitleText("HU")
    legend.SetLabelFormat("%.0f")
    legend.SetNumberOfLabels(len(TICKS_HU))
    for text in (legend.GetTitleTextProperty(), legend.GetLabelTextProperty()):
        text.SetShadow(True)
        text.SetBold(True)
    legend.Modified()


def _tableNode(volumeNode: slicer.vtkMRMLScalarVolumeNode, colours: ColourMap) -> Any:
    rows = colour_table(colours)
    table = roleNode(volumeNode, "vtkMRMLColorTableNode", _COLOURS, _("colours of HU"))
    table.SetAttribute(_COLOURS, colours.value)
    table.SetTypeToUser()
    table.SetNumberOfColors(len(rows))
    low, high = COLOUR_RANGE_HU
    for index, colour in enumerate(rows.tolist()):
        hu = low + index * (high - low) / (len(rows) - 1)
        table.SetColor(index, f"{hu:.0f} HU", *(part / 255.0 for part in colour), 1.0)
    return table
