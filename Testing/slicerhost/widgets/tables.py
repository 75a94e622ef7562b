"""qMRMLTableView: a table node as a spreadsheet."""

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Signal

from .declare import stand_in, stored
from .scene_widgets import NodeFollower, SceneMixin


@stand_in
class qMRMLTableView(SceneMixin, QtWidgets.QTableView):
    """Shows a vtkMRMLTableNode and follows it; editing is not covered."""

    mrmlSceneChanged = Signal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        QtWidgets.QTableView.__init__(self, parent)
        self._node: Any = None
        self._follower = NodeFollower(self)
        self._model = QtGui.QStandardItemModel(self)
        self.setModel(self._model)
        self.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)

    transposed = stored(bool, "transposed", False, after="_fill")
    firstRowLocked = stored(bool, "firstRowLocked", False, after="_fill")
    firstColumnLocked = stored(bool, "firstColumnLocked", False)

    def mrmlTableNode(self) -> Any:
        """The table node, or None."""
        return self._node

    def setMRMLTableNode(self, node: Any) -> None:
        """Show another table, or none."""
        self._node = node
        observed = [(node, "ModifiedEvent"), (node.GetTable(), "ModifiedEvent")] if node else []
        self._follower.follow(observed, self._fill)
        self._fill()

    def _fill(self) -> None:
        table = self._node.GetTable() if self._node else None
        names = [table.GetColumnName(i) for i in range(table.GetNumberOfColumns())] if table else []
        rows = range(table.GetNumberOfRows()) if table else ()
        cells = [[table.GetValue(row, i).ToString() for i in range(len(names))] for row in rows]
        if self._node and self._node.GetUseColumnTitleAsColumnHeader():
            names = [self._node.GetColumnTitle(name) or name for name in names]
        self._model.clear()
        if self.transposed:
            columns = [[name, *values] for name, *values in zip(names, *cells, strict=True)]
            names, cells = [], columns
        self._model.setHorizontalHeaderLabels(names)
        for row in cells:
            items = [QtGui.QStandardItem(text) for text in row]
            for item in items:
                item.setFlags(item.flags() & ~QtCore.Qt.ItemFlag.ItemIsEditable)
            self._model.appendRow(items)
        self.resizeColumnsToContents()
