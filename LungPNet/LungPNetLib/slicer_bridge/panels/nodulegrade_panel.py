"""The panel of the module NoduleGrade: nodules that a person points at, and their measurements."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from LungPNetLib.errors import LungPNetError
from LungPNetLib.nodules.finding import NoduleFinding, Status
from LungPNetLib.slicer_bridge.hierarchy import firstCt
from LungPNetLib.slicer_bridge.nodule_findings import decide
from LungPNetLib.slicer_bridge.nodule_names import noduleName
from LungPNetLib.slicer_bridge.nodule_nodes import (
    addClickedNodule,
    addSegmentedNodule,
    jumpToNodule,
    measureAgain,
    removeNodule,
    shownNodules,
)
from LungPNetLib.slicer_bridge.panels.brock_section import BrockSection
from LungPNetLib.slicer_bridge.panels.click_place import ClickPlace
from LungPNetLib.slicer_bridge.panels.measurement_rows import showMeasurements
from LungPNetLib.slicer_bridge.panels.message_line import MessageLine
from LungPNetLib.slicer_bridge.panels.nodule_list import listRow, titles, titleTips
from LungPNetLib.slicer_bridge.panels.panel import Panel
from LungPNetLib.slicer_bridge.panels.run_area import Tone
from LungPNetLib.slicer_bridge.panels.tables import fillTable

_TONES = {Status.OPEN: Tone.PLAIN, Status.ACCEPTED: Tone.GOOD, Status.REJECTED: Tone.CAUTION}


class NoduleGradePanel(Panel):
    """See ``Panel``; its parameters are a ``NoduleGradeParameters``."""

    def __init__(self, ui: Any, logic: Any) -> None:
        super().__init__(ui, logic)
        self._findings: list[NoduleFinding] = []

    def setup(self) -> None:
        """Connect the widgets."""
        super().setup()
        ui = self.ui
        self.messages = MessageLine(ui.messageLabel)
        self.brockSection = BrockSection(ui)
        self._clickPlace = ClickPlace(ui.clickButton, ui.placeWidget, self._onWaiting, self._take)
        ui.segmentSelector.connect("currentSegmentChanged(QString)", lambda _id: self._showChoice())
        ui.segmentSelector.connect(
            "currentNodeChanged(vtkMRMLNode*)", lambda _n: self._showChoice()
        )
        ui.addSegmentButton.connect("clicked()", self._takeSegment)
        ui.noduleTable.verticalHeader().hide()
        # Highlighted titles are bold, and then the columns do not fit into a narrow panel.
        ui.noduleTable.horizontalHeader().setHighlightSections(False)
        ui.noduleTable.connect("cellClicked(int,int)", lambda _row, _column: self._jump())
        ui.noduleTable.connect("itemSelectionChanged()", self._showSelected)
        for button, status in (
            (ui.acceptButton, Status.ACCEPTED),
            (ui.rejectButton, Status.REJECTED),
            (ui.undecidedButton, Status.OPEN),
        ):
            button.connect("clicked()", lambda status=status: self._change(status=status))
        ui.commentEdit.connect("editingFinished()", self._comment)
        ui.deleteButton.connect("clicked()", self._delete)
        ui.measureButton.connect("clicked()", self._measure)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.NodeRemovedEvent, self._onNodeRemoved)

    def _connect(self) -> None:
        super()._connect()
        if self.parameters.inputVolume is None:
            self.parameters.inputVolume = firstCt(slicer.mrmlScene)
        self.addObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        self.messages.say("")
        self._update()

    def _disconnect(self) -> None:
        if self.parameters is not None:
            self.removeObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        self._clickPlace.end()
        super()._disconnect()
        self._update()

    def _onParameters(self, _caller: Any, _event: str) -> None:
        self._clickPlace.end()
        self.messages.say("")
        self._update()

    def _onNodeRemoved(self, scene: Any, _event: str) -> None:
        """A person may delete the segmentation, and the list with it."""
        if self.parameters is not None and not scene.IsBatchProcessing():
            self._update()

    @property
    def _volumeNode(self) -> Any:
        return self.parameters.inputVolume if self.parameters is not None else None

    # Placing

    def _onWaiting(self, isWaiting: bool) -> None:
        words = _("Click into a nodule in a slice view; Esc stops.") if isWaiting else ""
        self.messages.say(words)

    def _take(self, place: list[float]) -> None:
        """Outline the nodule at the point that was clicked."""
        volumeNode = self._volumeNode
        if volumeNode is None:
            return
        with slicer.util.WaitCursor():
            self.messages.guarded(lambda: self._add(volumeNode, place))

    def _add(self, volumeNode: Any, place: list[float]) -> None:
        finding = addClickedNodule(volumeNode, place)
        self._showNew(
            finding,
            _("{name} was outlined. Check the outline in all views.").format(
                name=noduleName(finding)
            ),
        )

    def _takeSegment(self) -> None:
        """Put the chosen segment into the list."""
        selector = self.ui.segmentSelector
        volumeNode, segmentation = self._volumeNode, selector.currentNode()
        segmentId = selector.currentSegmentID()
        with slicer.util.WaitCursor():
            self.messages.guarded(lambda: self._addSegment(volumeNode, segmentation, segmentId))

    def _addSegment(self, volumeNode: Any, segmentation: Any, segmentId: str) -> None:
        finding = addSegmentedNodule(volumeNode, segmentation, segmentId)
        self._showNew(
            finding, _("The segment was measured as {name}.").format(name=noduleName(finding))
        )

    def _showChoice(self) -> None:
        """Whether there is a segment to measure."""
        selector = self.ui.segmentSelector
        ready = self._volumeNode is not None and bool(selector.currentSegmentID())
        self.ui.addSegmentButton.enabled = ready

    def _showNew(self, finding: NoduleFinding, words: str) -> None:
        self._update(finding.finding_id)
        jumpToNodule(self._volumeNode, finding)
        self.messages.say(words, Tone.GOOD)

    # The list

    def _update(self, selectedId: str = "") -> None:
        """Show the list of the chosen CT; keep the selection, or make another one."""
        volumeNode = self._volumeNode
        selectedId = selectedId or self._selectedId()
        self._findings = []
        try:
            self._findings = shownNodules(volumeNode) if volumeNode is not None else []
        except LungPNetError as error:
            self.messages.say(str(error), Tone.BAD)
        self.ui.clickButton.enabled = volumeNode is not None
        self.ui.clickButton.toolTip = (
            _("Then click into a nodule in a slice view; its outline is found at once")
            if volumeNode is not None
            else _("Choose a chest CT first")
        )
        self._showChoice()
        self._fill(selectedId)
        self._showSelected()

    def _fill(self, selectedId: str) -> None:
        table = self.ui.noduleTable
        wasBlocked = table.blockSignals(True)
        fillTable(
            table,
            titles(),
            [listRow(finding) for finding in self._findings],
            [_TONES[finding.status] for finding in self._findings],
        )
        for column, words in enumerate(titleTips()):
            table.horizontalHeaderItem(column).setToolTip(words)
        ids = [finding.finding_id for finding in self._findings]
        if selectedId in ids:
            table.selectRow(ids.index(selectedId))
        table.blockSignals(wasBlocked)

    def _selected(self) -> NoduleFinding | None:
        rows = self.ui.noduleTable.selectionModel().selectedRows()
        if not rows or rows[0].row() >= len(self._findings):
            return None
        return self._findings[rows[0].row()]

    def _selectedId(self) -> str:
        selected = self._selected()
        return selected.finding_id if selected is not None else ""

    def _showSelected(self) -> None:
        """Buttons, comment, measurements and Brock of the selected row."""
        selected, ui = self._selected(), self.ui
        ui.acceptButton.enabled = selected is not None and selected.status is not Status.ACCEPTED
        ui.rejectButton.enabled = selected is not None and selected.status is not Status.REJECTED
        ui.undecidedButton.enabled = selected is not None and selected.status is not Status.OPEN
        ui.deleteButton.enabled = selected is not None
        ui.commentEdit.enabled = selected is not None
        ui.commentEdit.text = selected.comment if selected is not None else ""
        ui.measureButton.enabled = bool(self._findings)
        showMeasurements(ui.detailsTable, selected)
        ui.detailsButton.text = (
            _("Measurements of {name}").format(name=noduleName(selected))
            if selected is not None
            else _("Measurements of the selected nodule")
        )
        ui.typeLabel.visible = selected is not None
        self.messages.guarded(lambda: self.brockSection.show(self._volumeNode, selected))

    def _jump(self) -> None:
        selected = self._selected()
        if selected is not None:
            jumpToNodule(self._volumeNode, selected)

    def _change(self, **fields: Any) -> None:
        selected = self._selected()
        if selected is None:
            return
        self.messages.guarded(lambda: decide(self._volumeNode, replace(selected, **fields)))
        self._update()

    def _comment(self) -> None:
        selected, words = self._selected(), str(self.ui.commentEdit.text).strip()
        if selected is not None and words != selected.comment:
            self._change(comment=words)

    def _delete(self) -> None:
        selected = self._selected()
        if selected is None:
            return
        self.messages.guarded(lambda: removeNodule(self._volumeNode, selected.finding_id))
        self._update()

    def _measure(self) -> None:
        with slicer.util.WaitCursor():
            ids = [finding.finding_id for finding in self._findings]
            if self.messages.guarded(lambda: measureAgain(self._volumeNode, ids)):
                self.messages.say(_("All outlines were measured as they are now."), Tone.GOOD)
        self._update()
