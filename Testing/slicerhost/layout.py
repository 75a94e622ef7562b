"""The views of the current layout: Slicer's layout logic makes the nodes, this draws them.

The logics of slice views exist as soon as the layout shows them, as in Slicer; windows are made
when they are first looked at.
"""

from typing import Any

import slicer
from PySide6 import QtCore, QtGui

from .views import SliceView, ThreeDView, make_slice_logic
from .widgets.plots import chart_pixels
from .widgets.tables import qMRMLTableView


class Layout:
    """The views that the layout node asks for."""

    def __init__(self, scene: Any, logic: Any) -> None:
        self._scene, self._logic = scene, logic
        self.layout_logic = slicer.vtkMRMLLayoutLogic()
        self.layout_logic.SetMRMLScene(scene)
        self._slice_logics: dict[str, Any] = {}
        self._views: dict[str, Any] = {}
        self.layout_node.AddObserver("ModifiedEvent", lambda *_: self._make_slice_logics())
        self.reset()
        self._make_slice_logics()

    @property
    def layout_node(self) -> Any:
        """The singleton layout node of the scene."""
        return self.layout_logic.GetLayoutNode()

    def reset(self) -> None:
        """Back to three slice views and a 3-D view."""
        self.layout_node.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)

    def _make_slice_logics(self) -> None:
        for node in self.nodes("vtkMRMLSliceNode"):
            if node.GetLayoutName() not in self._slice_logics:
                slice_logic = make_slice_logic(node, self._scene, self._logic)
                self._slice_logics[node.GetLayoutName()] = slice_logic

    def nodes(self, class_name: str) -> list[Any]:
        """The view nodes of a class that the layout shows."""
        nodes = self.layout_logic.GetViewNodes()
        every = [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]
        return [node for node in every if node.IsA(class_name)]

    def view(self, name: str) -> Any:
        """The window of a slice or 3-D view, by its layout name ('Red', '1').

        Raises
        ------
        KeyError
            The layout shows no such view.
        """
        if name not in self._views:
            if name in self._slice_logics:
                self._views[name] = SliceView(self._slice_logics[name], self._logic)
            else:
                nodes = {node.GetLayoutName(): node for node in self.nodes("vtkMRMLViewNode")}
                self._views[name] = ThreeDView(nodes[name], self._logic)
        return self._views[name]

    def picture(self, width: int, height: int) -> QtGui.QImage:
        """The whole layout as drawn, of the size in pixels."""
        image = QtGui.QImage(width, height, QtGui.QImage.Format.Format_RGB888)
        image.fill(QtGui.QColor(60, 60, 60))
        root = self.layout_node.GetLayoutRootElement()
        with QtGui.QPainter(image) as painter:
            self._paint(painter, root, QtCore.QRect(0, 0, width, height))
        return image

    def _paint(self, painter: QtGui.QPainter, element: Any, area: QtCore.QRect) -> None:
        if element.GetName() == "view":
            node = self.layout_logic.GetViewFromElement(element)
            self._paint_view(painter, node, area.adjusted(1, 1, -1, -1))
            return
        items = [element.GetNestedElement(i) for i in range(element.GetNumberOfNestedElements())]
        items = [item for item in items if item.GetNumberOfNestedElements()]
        if element.GetAttribute("type") == "tab":
            items = items[:1]
        across = element.GetAttribute("type") == "horizontal"
        for index, item in enumerate(items):
            part = _part_of(area, index, len(items), across)
            self._paint(painter, item.GetNestedElement(0), part)

    def _paint_view(self, painter: QtGui.QPainter, node: Any, area: QtCore.QRect) -> None:
        if node is None or area.width() < 1 or area.height() < 1:
            return
        if node.IsA("vtkMRMLTableViewNode"):
            table = qMRMLTableView()
            table.setMRMLTableNode(node.GetTableNode())
            table.resize(area.size())
            painter.drawPixmap(area, table.grab())
            return
        if node.IsA("vtkMRMLPlotViewNode"):
            pixels = chart_pixels(node.GetPlotChartNode(), area.width(), area.height())
        else:
            view = self.view(node.GetLayoutName())
            view.resize(area.width(), area.height())
            pixels = view.pixels()
        painter.drawImage(area.topLeft(), as_image(pixels))

    def close_views(self) -> None:
        """Give back the graphics memory; windows are made again when looked at."""
        for view in self._views.values():
            view.close()
        self._views.clear()


def as_image(pixels: Any) -> QtGui.QImage:
    """A QImage of uint8 (rows, columns, 3) RGB pixels; owns its memory."""
    rows, columns, _ = pixels.shape
    kind = QtGui.QImage.Format.Format_RGB888
    return QtGui.QImage(pixels.tobytes(), columns, rows, 3 * columns, kind).copy()


def _part_of(area: QtCore.QRect, index: int, count: int, across: bool) -> QtCore.QRect:
    if across:
        width = area.width() // count
        return QtCore.QRect(area.left() + index * width, area.top(), width, area.height())
    height = area.height() // count
    return QtCore.QRect(area.left(), area.top() + index * height, area.width(), height)
