"""`slicer.app.coreIOManager()`: what slicer.util's load and save functions call."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer

# Longest first: "a.seg.nrrd" is a segmentation.
_KINDS = {
    ".seg.nrrd": "SegmentationFile",
    ".mrk.json": "MarkupsFile",
    ".nii.gz": "VolumeFile",
    ".nrrd": "VolumeFile",
    ".nii": "VolumeFile",
    ".vtk": "ModelFile",
    ".vtp": "ModelFile",
    ".stl": "ModelFile",
    ".csv": "TableFile",
    ".tsv": "TableFile",
    ".mrml": "SceneFile",
    ".mrb": "SceneFile",
}
_KIND_OF_NODE = {
    "vtkMRMLScalarVolumeNode": "VolumeFile",
    "vtkMRMLLabelMapVolumeNode": "VolumeFile",
    "vtkMRMLSegmentationNode": "SegmentationFile",
    "vtkMRMLModelNode": "ModelFile",
    "vtkMRMLTableNode": "TableFile",
    "vtkMRMLMarkupsFiducialNode": "MarkupsFile",
}


def _extension(path: Any) -> str:
    return next((one for one in _KINDS if str(path).lower().endswith(one)), "")


def _logic(name: str) -> Any:
    return getattr(slicer.modules, name).logic()


def _load_markups(path: str, name: str, _properties: dict[str, Any]) -> Any:
    return slicer.mrmlScene.GetNodeByID(_logic("markups").LoadMarkups(path, name) or "")


_LOADERS: dict[str, Callable[[str, str, dict[str, Any]], Any]] = {
    "VolumeFile": lambda path, name, given: _logic("volumes").AddArchetypeVolume(
        path, name, 1 if given.get("labelmap") else 0
    ),
    "SegmentationFile": lambda path, name, given: _logic("segmentations").LoadSegmentationFromFile(
        path, given.get("autoOpacities", True), name
    ),
    "ModelFile": lambda path, _name, _given: _logic("models").AddModel(path),
    "MarkupsFile": _load_markups,
    "TableFile": lambda path, name, _given: _logic("tables").AddTable(path, name),
}


class IOManager:
    """Reads and writes through Slicer's real storage nodes; a closed list of file types."""

    def fileType(self, path: Any) -> str:
        """The kind of file by its extension; 'NoFile' if it is not in the list."""
        return _KINDS.get(_extension(path), "NoFile")

    def fileWriterFileType(self, node: Any) -> str:
        """The kind of file that a node is written to."""
        return _KIND_OF_NODE.get(node.GetClassName(), "NoFile")

    def extractKnownExtension(self, path: Any, _node: Any) -> str:
        """The extension, with all its dots."""
        return _extension(path)

    def fileWriterExtensions(self, node: Any) -> tuple[str, ...]:
        """The extensions that a node can be written with."""
        kind = self.fileWriterFileType(node)
        return tuple(f"{kind} ({one})" for one, of_kind in _KINDS.items() if of_kind == kind)

    def loadNodes(
        self, kind: str, properties: dict[str, Any], loaded: Any, _messages: Any = None
    ) -> bool:
        """Read a file into the scene; `loaded` (a vtkCollection) gets its node."""
        path = str(properties["fileName"])
        if kind == "SceneFile":
            return self._load_scene(path)
        if kind not in _LOADERS:
            return False
        name = properties.get("name") or Path(path).name.removesuffix(_extension(path))
        node = _LOADERS[kind](path, name, properties)
        if node is None:
            return False
        if loaded is not None:
            loaded.AddItem(node)
        if kind == "VolumeFile" and properties.get("show", True):
            _show(node)
        return True

    def loadScene(self, path: str, clear: bool = True) -> bool:
        """Read a .mrml or .mrb file, into an empty scene by default."""
        if clear:
            slicer.mrmlScene.Clear()
        return self._load_scene(path)

    def _load_scene(self, path: str) -> bool:
        scene = slicer.mrmlScene
        if path.lower().endswith(".mrb"):
            return bool(scene.ReadFromMRB(path))
        scene.SetURL(path)
        return bool(scene.Import())

    def saveNodes(self, kind: str, properties: dict[str, Any], messages: Any = None) -> bool:
        """Write a node (`nodeID`) or the scene to `fileName`."""
        path = str(properties["fileName"])
        scene = slicer.mrmlScene
        if kind == "SceneFile":
            if path.lower().endswith(".mrb"):
                return bool(scene.WriteToMRB(path, None, messages))
            return bool(scene.Commit(path))
        node = scene.GetNodeByID(properties["nodeID"])
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        storage.SetFileName(path)
        storage.SetUseCompression(properties.get("useCompression", True))
        return bool(storage.WriteData(node))

    def exportNodes(
        self, node_ids: Any, paths: Any, _properties: Any, _harden: bool, _messages: Any = None
    ) -> bool:
        """Write nodes without changing where they are stored."""
        done = []
        for node_id, path in zip(node_ids, paths, strict=True):
            node = slicer.mrmlScene.GetNodeByID(node_id)
            storage = node.CreateDefaultStorageNode()
            storage.UnRegister(None)
            storage.SetScene(slicer.mrmlScene)
            storage.SetFileName(str(path))
            done.append(bool(storage.WriteData(node)))
        return all(done)


def _show(node: Any) -> None:
    """Put a new volume into the slice views, as Slicer does after loading."""
    logic = slicer.app.applicationLogic()
    is_label = node.IsA("vtkMRMLLabelMapVolumeNode")
    selection = logic.GetSelectionNode()
    if is_label:
        selection.SetActiveLabelVolumeID(node.GetID())
    else:
        selection.SetActiveVolumeID(node.GetID())
    logic.PropagateVolumeSelection(0)
