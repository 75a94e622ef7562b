"""Offscreen slice and 3-D views: Slicer's own logics and displayable managers, drawn by VTK.

Only the last step is ours: CTK's view widgets are not in slicer-core, so that a plain image mapper
puts the slice logic's picture under what the displayable managers draw.
"""

from typing import Any

import numpy as np
import slicer
import vtk

from .pixels import image_of

_SLICE_MANAGERS = (
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLTransformsDisplayableManager2D",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)
_THREE_D_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLVolumeRenderingDisplayableManager",
    "vtkMRMLThreeDReformatDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager3D",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLTransformsDisplayableManager3D",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)
_DEFAULT_SIZE = (300, 300)


def make_slice_logic(node: Any, scene: Any, logic: Any) -> Any:
    """The logic of a slice node, known to the application's logic."""
    slice_logic = slicer.vtkMRMLSliceLogic()
    slice_logic.SetMRMLApplicationLogic(logic)
    logic.GetSliceLogics().AddItem(slice_logic)
    slice_logic.SetMRMLScene(scene)
    slice_logic.SetSliceNode(node)
    slice_logic.ResizeSliceNode(*_DEFAULT_SIZE)
    return slice_logic


class OffscreenView:
    """A render window, its renderer and a group of displayable managers."""

    def __init__(self, node: Any, factory: Any, managers: tuple[str, ...], logic: Any) -> None:
        self.node = node
        self.renderer = vtk.vtkRenderer()
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetShowWindow(False)
        self.window.SetMultiSamples(0)
        self.window.SetSize(*_DEFAULT_SIZE)
        self.window.AddRenderer(self.renderer)
        self._interactor = vtk.vtkRenderWindowInteractor()
        self._interactor.SetRenderWindow(self.window)
        self._interactor.Initialize()
        factory.SetMRMLApplicationLogic(logic)
        for name in managers:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self._managers = slicer.vtkMRMLDisplayableManagerGroup()
        self._managers.SetRenderer(self.renderer)
        self._managers.Initialize(factory, self.renderer)

    def pixels(self) -> np.ndarray:
        """What the view shows: uint8 (rows, columns, 3) RGB, top row first."""
        return image_of(self.window)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size in pixels."""
        self.window.SetSize(columns, rows)

    def close(self) -> None:
        """Let go of the scene and of the graphics memory."""
        self._managers.SetMRMLDisplayableNode(None)
        self.window.Finalize()


class SliceView(OffscreenView):
    """One slice view: the window of a slice logic."""

    def __init__(self, slice_logic: Any, logic: Any) -> None:
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        super().__init__(slice_logic.GetSliceNode(), factory, _SLICE_MANAGERS, logic)
        self.slice_logic = slice_logic
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        # Markups and other overlays are drawn into a second layer.
        overlay = vtk.vtkRenderer()
        overlay.SetLayer(1)
        overlay.GetActiveCamera().ParallelProjectionOn()
        self.window.SetNumberOfLayers(2)
        self.window.AddRenderer(overlay)
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._actor = vtk.vtkActor2D()
        self._actor.SetMapper(self._mapper)
        self._actor.GetProperty().SetDisplayLocationToBackground()
        self._actor.SetVisibility(False)
        # Before what the managers draw of a scene that is there already, else it lies on top.
        self.renderer.AddViewProp(self._actor)
        self._managers.SetMRMLDisplayableNode(self.node)
        slice_logic.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_image)
        self.resize(*_DEFAULT_SIZE)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size; the field of view keeps its scale, as in Slicer."""
        super().resize(columns, rows)
        self.slice_logic.ResizeSliceNode(columns, rows)

    def fit(self) -> None:
        """Show the whole background volume. Moves the slice to its middle."""
        self.slice_logic.FitSliceToBackground()
        self.slice_logic.SnapSliceOffsetToIJK()

    def _on_image(self, *_: Any) -> None:
        connection = self.slice_logic.GetImageDataConnection()
        self._mapper.SetInputConnection(connection)
        self._actor.SetVisibility(bool(connection))

    def pixels(self) -> np.ndarray:
        """What the view shows: uint8 (rows, columns, 3) RGB, top row first."""
        self._on_image()
        return super().pixels()

    def close(self) -> None:
        """Let go of the scene and of the graphics memory."""
        self.slice_logic.RemoveAllObservers()
        super().close()


class ThreeDView(OffscreenView):
    """One 3-D view: the window of a view node."""

    def __init__(self, node: Any, logic: Any) -> None:
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        super().__init__(node, factory, _THREE_D_MANAGERS, logic)
        self._managers.SetMRMLDisplayableNode(self.node)

    def reset_focal_point(self) -> None:
        """Put everything that is shown into the view, and the box around it, as Slicer does."""
        boxed = self.node.GetBoxVisible()
        self.node.SetBoxVisible(False)
        self.renderer.ResetCamera()
        self.node.SetBoxVisible(boxed)
        self.node.InvokeEvent(slicer.vtkMRMLViewNode.ResetFocalPointRequestedEvent)
