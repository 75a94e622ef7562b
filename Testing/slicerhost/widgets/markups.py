"""qSlicerMarkupsPlaceWidget: the button that starts placing points in the views."""

from typing import Any

import slicer
from PySide6 import QtWidgets
from PySide6.QtCore import Signal

from .declare import checked, stand_in, stored
from .scene_widgets import NodeFollower, SceneMixin, qSlicerWidget


@stand_in
class qSlicerMarkupsPlaceWidget(qSlicerWidget):
    """Turns Slicer's place mode on and off for its node, through the real interaction node.

    The points themselves come from a click in a view, which Slicer's displayable managers turn
    into control points: a test adds them with `Host.place_point`.
    """

    activeMarkupsPlaceModeChanged = Signal(bool)
    ShowPlaceMultipleMarkupsOption = 0
    HidePlaceMultipleMarkupsOption = 1
    ForcePlaceSingleMarkup = 2
    ForcePlaceMultipleMarkups = 3

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        qSlicerWidget.__init__(self, parent)
        self._node: Any = None
        self._was_on = False
        self._follower = NodeFollower(self)
        self._place, self._delete = QtWidgets.QToolButton(), QtWidgets.QToolButton()
        self._place.setText("Place")
        self._place.setCheckable(True)
        self._delete.setText("Delete")
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._place)
        row.addWidget(self._delete)
        self._place.clicked.connect(self._set_on)
        self._delete.clicked.connect(self.deleteLastPoint)
        self._update()

    def _is_on(self) -> bool:
        interaction, selection = self.interactionNode(), self.selectionNode()
        if self._node is None or interaction is None:
            return False
        placing = interaction.GetCurrentInteractionMode() == interaction.Place
        return placing and selection.GetActivePlaceNodeID() == self._node.GetID()

    def _set_on(self, on: bool) -> None:
        if on and self._node is not None:
            logic = slicer.modules.markups.logic()
            logic.SetActiveList(self._node)
            several = self.placeMultipleMarkups == self.ForcePlaceMultipleMarkups
            self.interactionNode().SetPlaceModePersistence(several or self.placeModePersistency)
            self.interactionNode().SetCurrentInteractionMode(self.interactionNode().Place)
        elif self.interactionNode() is not None and self._is_on():
            view_mode = self.interactionNode().ViewTransform
            self.interactionNode().SetCurrentInteractionMode(view_mode)
        self._update()

    placeModeEnabled = checked(bool, _is_on, _set_on)
    placeModePersistency = stored(bool, "persistency", False)
    placeMultipleMarkups = stored(int, "multiple", 0)
    buttonsVisible = stored(bool, "buttonsVisible", True, after="_apply_visibility")
    deleteAllControlPointsOptionVisible = stored(bool, "deleteAllVisible", True)

    def setMRMLScene(self, scene: Any) -> None:
        """Follow another scene."""
        SceneMixin.setMRMLScene(self, scene)
        node = self.interactionNode()
        observed = [(node, node.InteractionModeChangedEvent)] if node is not None else []
        self._follower.follow(observed, self._update)

    def interactionNode(self) -> Any:
        """The scene's interaction node, or None."""
        return self._scene.GetNodeByID("vtkMRMLInteractionNodeSingleton") if self._scene else None

    def selectionNode(self) -> Any:
        """The scene's selection node, or None."""
        return self._scene.GetNodeByID("vtkMRMLSelectionNodeSingleton") if self._scene else None

    def currentNode(self) -> Any:
        """The markups node, or None."""
        return self._node

    def setCurrentNode(self, node: Any) -> None:
        """Place points into another node, or into none."""
        self._node = node
        self._update()

    def placeButton(self) -> QtWidgets.QToolButton:
        """The button that turns place mode on and off."""
        return self._place

    def deleteButton(self) -> QtWidgets.QToolButton:
        """The button that deletes the last point."""
        return self._delete

    def deleteLastPoint(self) -> None:
        """Remove the node's last control point."""
        if self._node is not None and self._node.GetNumberOfControlPoints():
            self._node.RemoveNthControlPoint(self._node.GetNumberOfControlPoints() - 1)

    def deleteAllPoints(self) -> None:
        """Remove all control points."""
        if self._node is not None:
            self._node.RemoveAllControlPoints()

    def _apply_visibility(self) -> None:
        for button in (self._place, self._delete):
            button.setVisible(self.buttonsVisible)

    def _update(self) -> None:
        on = self._is_on()
        self.setEnabled(self._node is not None)
        self._place.setChecked(on)
        if on != self._was_on:
            self._was_on = on
            self.activeMarkupsPlaceModeChanged.emit(on)
