"""A button after which a click into a slice view gives a point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.util import VTKObservationMixin


class ClickPlace(VTKObservationMixin):
    """Waits for one click into a slice view; the point itself is neither listed nor saved.

    Parameters
    ----------
    button : QPushButton
        Checkable: waits while it is checked.
    placeWidget : qSlicerMarkupsPlaceWidget
        Hidden; turns Slicer's place mode on and off.
    onWaiting : callable
        Told whether a click is waited for, whenever that changes.
    onPoint : callable
        Called with the point that was clicked, RAS mm as seen in the views.
    """

    def __init__(
        self,
        button: Any,
        placeWidget: Any,
        onWaiting: Callable[[bool], Any],
        onPoint: Callable[[list[float]], Any],
    ) -> None:
        super().__init__()
        self._button = button
        self._placeWidget = placeWidget
        self._onWaiting = onWaiting
        self._onPoint = onPoint
        self._points: Any = None
        placeWidget.buttonsVisible = False
        placeWidget.placeMultipleMarkups = placeWidget.ForcePlaceSingleMarkup
        placeWidget.connect("activeMarkupsPlaceModeChanged(bool)", self._onPlaceMode)
        button.connect("clicked(bool)", self._place)

    def end(self) -> None:
        """Stop waiting."""
        if self._placeWidget.placeModeEnabled:
            self._placeWidget.setPlaceModeEnabled(False)
        self._removePoints()
        self._button.checked = False

    def _place(self, on: bool) -> None:
        if not on:
            self.end()
            return
        self._points = self._newPoints()
        self._placeWidget.setCurrentNode(self._points)
        self._placeWidget.setPlaceModeEnabled(True)
        self._onWaiting(True)

    def _newPoints(self) -> Any:
        self._removePoints()
        points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
        points.SetHideFromEditors(True)
        points.SaveWithSceneOff()
        points.CreateDefaultDisplayNodes()
        points.GetDisplayNode().SetPointLabelsVisibility(False)
        self.addObserver(points, points.PointPositionDefinedEvent, self._onDefined)
        return points

    def _onDefined(self, points: Any, _event: str) -> None:
        # The view that took the click still works on the point: handle it when that is done.
        qt.QTimer.singleShot(0, lambda: self._take(points))

    def _take(self, points: Any) -> None:
        if points is not self._points:
            return
        place = [0.0, 0.0, 0.0]
        points.GetNthControlPointPositionWorld(0, place)
        self.end()
        self._onPoint(place)

    def _onPlaceMode(self, isOn: bool) -> None:
        """The views may end it too, after a click or with Esc."""
        self._button.checked = isOn
        if not isOn:
            self._onWaiting(False)

    def _removePoints(self) -> None:
        points, self._points = self._points, None
        if points is None:
            return
        self.removeObserver(points, points.PointPositionDefinedEvent, self._onDefined)
        self._placeWidget.setCurrentNode(None)
        if points.GetScene() is not None:
            points.GetScene().RemoveNode(points)
