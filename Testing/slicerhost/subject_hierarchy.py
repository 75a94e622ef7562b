"""Gives nodes their item in the subject hierarchy, which is Qt's part in Slicer."""

from typing import Any

import slicer
import vtk
from vtkmodules.util.misc import calldata_type

# Class of node -> name of Slicer's plugin that owns its item.
_PLUGINS = {
    "vtkMRMLLabelMapVolumeNode": "LabelMaps",
    "vtkMRMLVolumeNode": "Volumes",
    "vtkMRMLSegmentationNode": "Segmentations",
    "vtkMRMLModelNode": "Models",
    "vtkMRMLMarkupsNode": "Markups",
    "vtkMRMLTableNode": "Tables",
    "vtkMRMLTextNode": "Texts",
    "vtkMRMLPlotChartNode": "Plots",
    "vtkMRMLPlotSeriesNode": "Plots",
    "vtkMRMLTransformNode": "Transforms",
}


class SubjectHierarchy:
    """Adds an item for each node that Slicer's own plugins would take, and removes it with it."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
        scene.AddObserver(scene.NodeAddedEvent, self._on_added)
        scene.AddObserver(scene.NodeAboutToBeRemovedEvent, self._on_removed)
        scene.AddObserver(scene.EndImportEvent, self._on_import)
        scene.AddObserver(scene.StartSaveEvent, self._on_save)

    @calldata_type(vtk.VTK_OBJECT)
    def _on_added(self, _scene: Any, _event: str, node: Any) -> None:
        if not (self._scene.IsBatchProcessing() or self._scene.IsImporting()):
            self._add(node)

    @calldata_type(vtk.VTK_OBJECT)
    def _on_removed(self, _scene: Any, _event: str, node: Any) -> None:
        # To ask for the tree of a scene that is being closed would make a new one.
        if self._scene.IsClosing():
            return
        tree = self._scene.GetSubjectHierarchyNode()
        item = tree.GetItemByDataNode(node)
        if item:
            tree.RemoveItem(item, False, False)

    def _on_import(self, *_: Any) -> None:
        for index in range(self._scene.GetNumberOfNodes()):
            self._add(self._scene.GetNthNode(index))

    def _on_save(self, *_: Any) -> None:
        """Folders get an owner too: items without one cannot be read back."""
        tree = self._scene.GetSubjectHierarchyNode()
        items = vtk.vtkIdList()
        tree.GetItemChildren(tree.GetSceneItemID(), items, True)
        for index in range(items.GetNumberOfIds()):
            if not tree.GetItemOwnerPluginName(items.GetId(index)):
                tree.SetItemOwnerPluginName(items.GetId(index), "Folder")

    def _add(self, node: Any) -> None:
        plugin = next((name for kind, name in _PLUGINS.items() if node.IsA(kind)), None)
        if plugin is None or node.GetHideFromEditors():
            return
        tree = self._scene.GetSubjectHierarchyNode()
        if not tree.GetItemByDataNode(node):
            item = tree.CreateItem(tree.GetSceneItemID(), node)
            tree.SetItemOwnerPluginName(item, plugin)
