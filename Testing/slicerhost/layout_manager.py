"""What modules see of the views: `slicer.app.layoutManager()`, and the main window."""

from types import SimpleNamespace
from typing import Any

from PySide6 import QtCore, QtWidgets

from .layout import Layout
from .widgets.declare import stand_in


@stand_in
class LayoutManager(QtCore.QObject):
    """Slice, 3-D, plot and table views of the current layout, by Slicer's names."""

    layoutChanged = QtCore.Signal(int)

    def __init__(self, layout: Layout, logic: Any) -> None:
        super().__init__()
        self._layout, self._logic = layout, logic

    def layoutLogic(self) -> Any:
        """Slicer's own layout logic."""
        return self._layout.layout_logic

    def _set_layout(self, arrangement: int) -> None:
        self._layout.layout_node.SetViewArrangement(arrangement)
        self.layoutChanged.emit(arrangement)

    layout = QtCore.Property(
        int, lambda self: self._layout.layout_node.GetViewArrangement(), _set_layout
    )
    threeDViewCount = QtCore.Property(int, lambda self: self._count("vtkMRMLViewNode"))
    plotViewCount = QtCore.Property(int, lambda self: self._count("vtkMRMLPlotViewNode"))
    tableViewCount = QtCore.Property(int, lambda self: self._count("vtkMRMLTableViewNode"))

    def _count(self, class_name: str) -> int:
        return len(self._layout.nodes(class_name))

    def sliceViewNames(self) -> tuple[str, ...]:
        """Names of the slice views that the layout shows."""
        return tuple(node.GetLayoutName() for node in self._layout.nodes("vtkMRMLSliceNode"))

    def sliceWidget(self, name: str) -> Any:
        """A slice view by its name, or None."""
        if name not in self.sliceViewNames():
            return None
        view = self._layout.view(name)
        canvas = SimpleNamespace(
            renderWindow=lambda: view.window,
            forceRender=view.window.Render,
            scheduleRender=view.window.Render,
        )
        return SimpleNamespace(
            sliceLogic=lambda: view.slice_logic,
            mrmlSliceNode=lambda: view.node,
            sliceView=lambda: canvas,
        )

    def mrmlSliceLogics(self) -> Any:
        """A vtkCollection of the slice logics."""
        return self._logic.GetSliceLogics()

    def threeDWidget(self, index: int) -> Any:
        """A 3-D view by its place in the layout, or None."""
        nodes = self._layout.nodes("vtkMRMLViewNode")
        if not 0 <= index < len(nodes):
            return None
        view = self._layout.view(nodes[index].GetLayoutName())
        canvas = SimpleNamespace(
            renderWindow=lambda: view.window,
            resetFocalPoint=view.reset_focal_point,
            forceRender=view.window.Render,
            scheduleRender=view.window.Render,
            mrmlViewNode=lambda: view.node,
        )
        return SimpleNamespace(threeDView=lambda: canvas, mrmlViewNode=lambda: view.node)

    def resetSliceViews(self) -> None:
        """Show all of the background volume in each slice view."""
        for name in self.sliceViewNames():
            self._layout.view(name).fit()

    def resetThreeDViews(self) -> None:
        """Put everything into each 3-D view."""
        for node in self._layout.nodes("vtkMRMLViewNode"):
            self._layout.view(node.GetLayoutName()).reset_focal_point()


@stand_in
class qSlicerMainWindow(QtWidgets.QMainWindow):
    """Found by slicer.util.mainWindow(); its module selector opens modules of the host."""

    def __init__(self, open_module: Any) -> None:
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self._selector = SimpleNamespace(selectModule=open_module)

    def moduleSelector(self) -> Any:
        """The module selector: `selectModule(name)`."""
        return self._selector
