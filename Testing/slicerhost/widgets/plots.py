"""qMRMLPlotView: a plot chart node, drawn by VTK's own charts into a picture."""

from typing import Any

import numpy as np
import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Signal

from ..pixels import image_of
from .declare import stand_in
from .scene_widgets import NodeFollower, SceneMixin, qMRMLWidget


def _chart_of(node: Any) -> vtk.vtkChartXY:
    """A VTK chart with the series, title, axes and legend of the chart node."""
    chart = vtk.vtkChartXY()
    chart.SetTitle((node.GetTitle() or "") if node.GetTitleVisibility() else "")
    chart.SetShowLegend(bool(node.GetLegendVisibility()))
    axes = ((vtk.vtkAxis.BOTTOM, node.GetXAxisTitle()), (vtk.vtkAxis.LEFT, node.GetYAxisTitle()))
    for axis, title in axes:
        chart.GetAxis(axis).SetTitle(title or "")
    for index in range(node.GetNumberOfPlotSeriesNodes()):
        series = node.GetNthPlotSeriesNode(index)
        if series is not None and series.GetTableNode() is not None:
            _add_series(chart, series)
    return chart


def _add_series(chart: vtk.vtkChartXY, series: Any) -> None:
    table = series.GetTableNode().GetTable()
    kinds = slicer.vtkMRMLPlotSeriesNode
    bar = series.GetPlotType() in (kinds.PlotTypeBar, kinds.PlotTypeScatterBar)
    plot = chart.AddPlot(vtk.vtkChart.BAR if bar else vtk.vtkChart.LINE)
    x_name, y_name = series.GetXColumnName(), series.GetYColumnName()
    if table.GetColumnByName(y_name) is None:
        return
    if x_name and table.GetColumnByName(x_name) is not None:
        plot.SetInputData(table, x_name, y_name)
    else:
        plot.UseIndexForXSeriesOn()
        plot.SetInputData(table, y_name, y_name)
    plot.SetLabel(series.GetName())
    plot.SetColorF(*series.GetColor())
    plot.SetWidth(series.GetLineWidth())


def chart_pixels(node: Any, width: int, height: int) -> np.ndarray:
    """A plot chart node (or None) as drawn: uint8 (rows, columns, 3) RGB, top row first."""
    view = vtk.vtkContextView()
    window = view.GetRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    window.SetSize(max(width, 1), max(height, 1))
    if node is not None:
        view.GetScene().AddItem(_chart_of(node))
    return image_of(window)


@stand_in
class qMRMLPlotView(SceneMixin, QtWidgets.QWidget):
    """Draws the chart of a plot view node; without mouse interaction."""

    mrmlSceneChanged = Signal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        QtWidgets.QWidget.__init__(self, parent)
        self._view_node: Any = None
        self._follower = NodeFollower(self)
        self.setMinimumHeight(160)

    def mrmlPlotViewNode(self) -> Any:
        """The view node, or None."""
        return self._view_node

    def setMRMLPlotViewNode(self, node: Any) -> None:
        """Follow another view node, or none."""
        self._view_node = node
        self._observe()

    def _chart_node(self) -> Any:
        return self._view_node.GetPlotChartNode() if self._view_node else None

    def _observe(self) -> None:
        observed = [(self._view_node, "ModifiedEvent")] if self._view_node else []
        if self._chart_node() is not None:
            observed.append((self._chart_node(), "ModifiedEvent"))
        self._follower.follow(observed, self._changed)
        self.update()

    def _changed(self) -> None:
        self._observe()

    def paintEvent(self, _event: QtGui.QPaintEvent) -> None:
        """Draw the chart."""
        pixels = chart_pixels(self._chart_node(), self.width, self.height)
        rows, columns, _ = pixels.shape
        image = QtGui.QImage(
            pixels.data, columns, rows, 3 * columns, QtGui.QImage.Format.Format_RGB888
        )
        with QtGui.QPainter(self) as painter:
            painter.drawImage(QtCore.QPoint(0, 0), image)

    def fitToContent(self) -> None:
        """The chart always shows all of its content."""


@stand_in
class qMRMLPlotWidget(qMRMLWidget):
    """A plot view; the bar of buttons above it is not covered."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        qMRMLWidget.__init__(self, parent)
        self._view = qMRMLPlotView()
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._view)

    def setMRMLScene(self, scene: Any) -> None:
        """Follow another scene."""
        SceneMixin.setMRMLScene(self, scene)
        self._view.setMRMLScene(scene)

    def plotView(self) -> qMRMLPlotView:
        """The view."""
        return self._view

    def mrmlPlotViewNode(self) -> Any:
        """The view node, or None."""
        return self._view.mrmlPlotViewNode()

    def setMRMLPlotViewNode(self, node: Any) -> None:
        """Follow another view node, or none."""
        self._view.setMRMLPlotViewNode(node)
