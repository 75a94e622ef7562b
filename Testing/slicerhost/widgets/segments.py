"""Widgets over a segmentation node: the table of its segments, and the choice of one."""

from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Signal

from .declare import checked, forwarded, stand_in, stored
from .node_selector import qMRMLNodeComboBox
from .scene_widgets import NodeFollower, SceneMixin, qMRMLWidget

_SEGMENT_ID = QtCore.Qt.ItemDataRole.UserRole
_COLUMNS = ("Visible", "Color", "Name")


def _follow_segments(follower: NodeFollower, node: Any, callback: Any) -> None:
    """Observe the segments and their display."""
    if node is None:
        follower.follow([], callback)
        return
    kinds = slicer.vtkSegmentation
    # The node tells of its segments when it has prepared their display.
    observed = [
        (node, kinds.SegmentAdded),
        (node, kinds.SegmentRemoved),
        (node, kinds.SegmentModified),
    ]
    if node.GetDisplayNode() is not None:
        observed.append((node.GetDisplayNode(), "ModifiedEvent"))
    follower.follow(observed, callback)


@stand_in
class qMRMLSegmentsTableView(qMRMLWidget):
    """Visibility, colour and name of each segment; no opacity, status or editing."""

    selectionChanged = Signal(QtCore.QItemSelection, QtCore.QItemSelection)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        qMRMLWidget.__init__(self, parent)
        self._node: Any = None
        self._filling = False
        self._follower = NodeFollower(self)
        self._table = QtWidgets.QTableWidget(0, len(_COLUMNS))
        self._table.setHorizontalHeaderLabels(_COLUMNS)
        self._table.horizontalHeader().setStretchLastSection(True)
        behavior = QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows
        self._table.setSelectionBehavior(behavior)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._table)
        self._table.selectionModel().selectionChanged.connect(self.selectionChanged)
        self._table.itemChanged.connect(self._on_item_changed)

    def _set_mode(self, mode: int) -> None:
        self._table.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode(mode))

    selectionMode = checked(int, lambda self: int(self._table.selectionMode), _set_mode)
    segmentCount = QtCore.Property(int, lambda self: self._table.rowCount)
    readOnly = stored(bool, "readOnly", False)
    headerVisible = stored(bool, "headerVisible", True)
    opacityColumnVisible = stored(bool, "opacityColumnVisible", True)
    statusColumnVisible = stored(bool, "statusColumnVisible", False)
    layerColumnVisible = stored(bool, "layerColumnVisible", False)
    filterBarVisible = stored(bool, "filterBarVisible", False)

    def segmentationNode(self) -> Any:
        """The node, or None."""
        return self._node

    def setSegmentationNode(self, node: Any) -> None:
        """Show another segmentation, or none."""
        self._node = node
        _follow_segments(self._follower, node, self._fill)
        self._fill()

    def selectedSegmentIDs(self) -> tuple[str, ...]:
        """IDs of the selected rows."""
        rows = sorted({index.row() for index in self._table.selectionModel().selectedRows()})
        return tuple(self._table.item(row, 2).data(_SEGMENT_ID) for row in rows)

    def setSelectedSegmentIDs(self, segment_ids: list[str]) -> None:
        """Select the rows of these segments and no others."""
        self._table.clearSelection()
        for row in range(self._table.rowCount):
            if self._table.item(row, 2).data(_SEGMENT_ID) in segment_ids:
                self._table.selectRow(row)

    def clearSelection(self) -> None:
        """Select nothing."""
        self._table.clearSelection()

    def tableWidget(self) -> QtWidgets.QTableView:
        """The table itself."""
        return self._table

    def _fill(self) -> None:
        self._filling = True
        segmentation = self._node.GetSegmentation() if self._node else None
        ids = segmentation.GetSegmentIDs() if segmentation else ()
        self._table.setRowCount(len(ids))
        display = self._node.GetDisplayNode() if self._node else None
        for row, segment_id in enumerate(ids):
            segment = segmentation.GetSegment(segment_id)
            visible = QtWidgets.QTableWidgetItem()
            shown = display is None or display.GetSegmentVisibility(segment_id)
            states = QtCore.Qt.CheckState
            visible.setCheckState(states.Checked if shown else states.Unchecked)
            color = QtWidgets.QTableWidgetItem()
            color.setBackground(QtGui.QColor.fromRgbF(*segment.GetColor()))
            name = QtWidgets.QTableWidgetItem(segment.GetName())
            for column, item in enumerate((visible, color, name)):
                item.setData(_SEGMENT_ID, segment_id)
                self._table.setItem(row, column, item)
        self._filling = False

    def _on_item_changed(self, item: QtWidgets.QTableWidgetItem) -> None:
        if self._filling or item.column() != 0 or self._node.GetDisplayNode() is None:
            return
        shown = item.checkState() == QtCore.Qt.CheckState.Checked
        self._node.GetDisplayNode().SetSegmentVisibility(item.data(_SEGMENT_ID), shown)


@stand_in
class qMRMLSegmentSelectorWidget(qMRMLWidget):
    """Choose a segmentation and one of its segments."""

    currentNodeChanged = Signal(object)
    currentSegmentChanged = Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        qMRMLWidget.__init__(self, parent)
        self._follower = NodeFollower(self)
        self._nodes = qMRMLNodeComboBox()
        self._nodes.nodeTypes = ["vtkMRMLSegmentationNode"]
        self._nodes.addEnabled = False
        self._segments = QtWidgets.QComboBox()
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._nodes)
        column.addWidget(self._segments)
        self._nodes.currentNodeChanged[object].connect(self._on_node)
        self._segments.currentIndexChanged.connect(self._on_segment)

    noneEnabled = forwarded(bool, "_nodes", "noneEnabled")
    segmentationNodeSelectorVisible = stored(
        bool, "selectorVisible", True, after="_apply_visibility"
    )

    def setMRMLScene(self, scene: Any) -> None:
        """Follow another scene."""
        SceneMixin.setMRMLScene(self, scene)
        self._nodes.setMRMLScene(scene)

    def currentNode(self) -> Any:
        """The segmentation node, or None."""
        return self._nodes.currentNode()

    def setCurrentNode(self, node: Any) -> None:
        """Choose a segmentation node."""
        self._nodes.setCurrentNode(node)

    def currentNodeID(self) -> str:
        """ID of the segmentation node, or an empty text."""
        return self._nodes.currentNodeID

    def setCurrentNodeID(self, node_id: str) -> None:
        """Choose a segmentation node by its ID."""
        self._nodes.setCurrentNodeID(node_id)

    def currentSegmentID(self) -> str:
        """ID of the chosen segment, or an empty text."""
        return self._segments.currentData or ""

    def setCurrentSegmentID(self, segment_id: str) -> None:
        """Choose a segment."""
        self._segments.setCurrentIndex(self._segments.findData(segment_id))

    def _apply_visibility(self) -> None:
        self._nodes.setVisible(self.segmentationNodeSelectorVisible)

    def _on_node(self, node: Any) -> None:
        _follow_segments(self._follower, node, self._fill)
        self._fill()
        self.currentNodeChanged.emit(node)

    def _fill(self) -> None:
        chosen = self.currentSegmentID()
        node = self.currentNode()
        ids = node.GetSegmentation().GetSegmentIDs() if node else ()
        if [self._segments.itemData(row) for row in range(self._segments.count)] == list(ids):
            return
        self._segments.clear()
        for segment_id in ids:
            name = node.GetSegmentation().GetSegment(segment_id).GetName()
            self._segments.addItem(name, segment_id)
        if chosen in ids:
            self.setCurrentSegmentID(chosen)

    def _on_segment(self, _index: int) -> None:
        self.currentSegmentChanged.emit(self.currentSegmentID())
