"""qMRMLNodeComboBox: the nodes of the real scene in a real combo box."""

from typing import Any

from PySide6 import QtWidgets
from PySide6.QtCore import Signal

from .declare import checked, stand_in, stored
from .scene_widgets import SceneMixin

_CREATE = "create "


@stand_in
class qMRMLNodeComboBox(SceneMixin, QtWidgets.QWidget):
    """Choose a node of given types. A node that is added is never chosen by itself."""

    currentNodeChanged = Signal((object,), (bool,))
    currentNodeIDChanged = Signal(str)
    nodeActivated = Signal(object)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAddedByUserAction = Signal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        QtWidgets.QWidget.__init__(self, parent)
        self._node: Any = None
        self._requested: Any = None
        self._attributes: list[tuple[str, str, Any]] = []
        self._filling = False
        self._combo = QtWidgets.QComboBox()
        self._combo.setMinimumContentsLength(8)
        self._combo.setSizeAdjustPolicy(
            QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._combo)
        self._combo.currentIndexChanged.connect(self._on_index)
        self._combo.activated.connect(self._on_activated)
        self.setEnabled(False)

    nodeTypes = stored("QStringList", "nodeTypes", (), after="_fill")
    hideChildNodeTypes = stored("QStringList", "hideChildNodeTypes", (), after="_fill")
    noneEnabled = stored(bool, "noneEnabled", False, after="_fill")
    noneDisplay = stored(str, "noneDisplay", "None", after="_fill")
    addEnabled = stored(bool, "addEnabled", True, after="_fill")
    removeEnabled = stored(bool, "removeEnabled", True)
    renameEnabled = stored(bool, "renameEnabled", False)
    editEnabled = stored(bool, "editEnabled", False)
    showHidden = stored(bool, "showHidden", False, after="_fill")
    showChildNodeTypes = stored(bool, "showChildNodeTypes", True, after="_fill")
    selectNodeUponCreation = stored(bool, "selectNodeUponCreation", True)
    baseName = stored(str, "baseName", "")
    currentNodeID = checked(
        str,
        lambda self: self._node.GetID() if self._node else "",
        lambda self, node_id: self.setCurrentNodeID(node_id),
    )

    def setMRMLScene(self, scene: Any) -> None:
        """Follow another scene; disabled while there is none."""
        SceneMixin.setMRMLScene(self, scene)
        self.setEnabled(scene is not None)

    def addAttribute(self, node_type: str, name: str, value: Any = None) -> None:
        """Show nodes of the type only if they have the attribute (with the value, if given)."""
        self._attributes.append((node_type, name, value))
        self._fill()

    def removeAttribute(self, node_type: str, name: str) -> None:
        """Undo `addAttribute`."""
        self._attributes = [one for one in self._attributes if one[:2] != (node_type, name)]
        self._fill()

    def currentNode(self) -> Any:
        """The chosen node, or None."""
        return self._node

    def setCurrentNode(self, node: Any) -> None:
        """Choose a node; one that the list does not show is taken as None.

        While a scene is read, the list is not up to date: the choice is made at the end.
        """
        self._requested = None
        if self._scene is not None and self._scene.IsBatchProcessing():
            self._requested = node
            return
        self._choose(node if node is not None and node in self._nodes() else None)

    def setCurrentNodeID(self, node_id: str) -> None:
        """Choose by ID; an unknown one is taken as None."""
        self.setCurrentNode(self._scene.GetNodeByID(node_id) if node_id and self._scene else None)

    def setCurrentNodeIndex(self, index: int) -> None:
        """Choose by place; 0 is the first node even with "None" shown above it."""
        self.setCurrentNode(self.nodeFromIndex(index))

    def nodeCount(self) -> int:
        """How many nodes the list shows."""
        return len(self._nodes())

    def nodeFromIndex(self, index: int) -> Any:
        """The node at a place of the list, or None."""
        nodes = self._nodes()
        return nodes[index] if 0 <= index < len(nodes) else None

    def addNode(self, node_type: str | None = None) -> Any:
        """Make a node, as the entry "Create new ..." does."""
        kind = node_type or self.nodeTypes[0]
        name = self._scene.GenerateUniqueName(
            self.baseName or self._scene.GetTagByClassName(kind) or kind
        )
        node = self._scene.AddNewNodeByClass(kind, name)
        for for_type, attribute, value in self._attributes:
            if node.IsA(for_type) and value is not None:
                node.SetAttribute(attribute, str(value))
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAdded.emit(node)
        return node

    def _nodes(self) -> list[Any]:
        if self._scene is None:
            return []
        found: list[Any] = []
        for kind in self.nodeTypes:
            nodes = self._scene.GetNodesByClass(kind)
            nodes.UnRegister(None)
            found += [one for one in nodes if one not in found and self._shows(one, kind)]
        return found

    def _shows(self, node: Any, kind: str) -> bool:
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        if node.GetClassName() != kind and not self.showChildNodeTypes:
            return False
        if node.GetClassName() in self.hideChildNodeTypes:
            return False
        for for_type, name, value in self._attributes:
            has = node.GetAttribute(name)
            if node.IsA(for_type) and (has is None or (value is not None and has != str(value))):
                return False
        return True

    def _scene_changed(self) -> None:
        wanted = self._requested or self._node
        self._requested = None
        self._fill()
        self._choose(wanted if wanted in self._nodes() else None)

    def _fill(self) -> None:
        self._filling = True
        self._combo.clear()
        nodes = self._nodes()
        kinds = [one.removeprefix("vtkMRML").removesuffix("Node") for one in self.nodeTypes]
        if self.noneEnabled:
            self._combo.addItem(self.noneDisplay, "")
        elif self._node is None:
            self._combo.addItem(f"Select a {'/'.join(kinds)}", "")
        for node in nodes:
            self._combo.addItem(node.GetName(), node.GetID())
        if self.addEnabled:
            for kind, label in zip(self.nodeTypes, kinds, strict=True):
                self._combo.addItem(f"Create new {label}", _CREATE + kind)
        chosen = self._combo.findData(self._node.GetID() if self._node else "")
        self._combo.setCurrentIndex(max(chosen, 0))
        self._filling = False

    def _choose(self, node: Any) -> None:
        if node is self._node:
            return
        self._node = node
        self._fill()
        self.currentNodeChanged[object].emit(node)
        self.currentNodeChanged[bool].emit(node is not None)
        self.currentNodeIDChanged.emit(self.currentNodeID)

    def _on_index(self, index: int) -> None:
        data = self._combo.itemData(index) or ""
        if not self._filling and not data.startswith(_CREATE):
            self._choose(self._scene.GetNodeByID(data) if data else None)

    def _on_activated(self, index: int) -> None:
        data = self._combo.itemData(index) or ""
        if data.startswith(_CREATE):
            node = self.addNode(data.removeprefix(_CREATE))
            self.nodeAddedByUser.emit(node)
            self.nodeAddedByUserAction.emit(node)
        self.nodeActivated.emit(self._node)
