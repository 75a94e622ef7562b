"""The widgets that carry a MRML scene, and the base of all that show one."""

from collections.abc import Callable
from typing import Any

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Signal

from .declare import stand_in


class NodeFollower:
    """Observes MRML objects for a widget, until the widget is deleted."""

    def __init__(self, owner: QtCore.QObject) -> None:
        self._followed: list[tuple[Any, int]] = []
        owner.destroyed.connect(self._release)

    def follow(self, observed: list[tuple[Any, Any]], callback: Callable[[], None]) -> None:
        """Observe (object, event) pairs in place of what was observed before."""
        self._release()
        self._followed = [
            (obj, obj.AddObserver(event, lambda *_: callback())) for obj, event in observed
        ]

    def _release(self, *_: Any) -> None:
        for obj, tag in self._followed:
            obj.RemoveObserver(tag)
        self._followed = []


class SceneMixin:
    """Holds a scene and calls `_scene_changed()` when nodes come or go."""

    _scene: Any = None
    _scene_follower: NodeFollower | None = None

    def mrmlScene(self) -> Any:
        """The scene, or None."""
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        """Follow another scene, or none."""
        if scene is self._scene:
            return
        if self._scene_follower is None:
            self._scene_follower = NodeFollower(self)
        self._scene = scene
        observed = []
        if scene is not None:
            events = (
                scene.NodeAddedEvent,
                scene.NodeRemovedEvent,
                scene.EndBatchProcessEvent,
                scene.EndImportEvent,
                scene.EndCloseEvent,
            )
            observed = [(scene, event) for event in events]
        self._scene_follower.follow(observed, self._on_scene)
        self._scene_changed()
        if hasattr(self, "mrmlSceneChanged"):
            self.mrmlSceneChanged.emit(scene)

    def _on_scene(self) -> None:
        if not self._scene.IsBatchProcessing():
            self._scene_changed()

    def _scene_changed(self) -> None:
        """Nodes were added or removed."""


@stand_in
class qMRMLWidget(SceneMixin, QtWidgets.QWidget):
    """A widget with a scene, which it hands to its children through a .ui file's connections."""

    mrmlSceneChanged = Signal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        QtWidgets.QWidget.__init__(self, parent)


@stand_in
class qSlicerWidget(qMRMLWidget):
    """Slicer's own name for the same."""
