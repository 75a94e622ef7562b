"""The table of nodules in the panel LungSegment: sorted by a click on a title."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt

from LungPNetLib.nodules.finding import NoduleFinding, Status
from LungPNetLib.slicer_bridge.panels.nodule_rows import inOrder, row, titles, titleTips
from LungPNetLib.slicer_bridge.panels.run_area import Tone
from LungPNetLib.slicer_bridge.panels.tables import fillTable

_TONES = {Status.OPEN: Tone.PLAIN, Status.ACCEPTED: Tone.GOOD, Status.REJECTED: Tone.CAUTION}


class NoduleTable:
    """Rows of findings, one of them selected at most.

    Parameters
    ----------
    widget : QTableWidget
    onSelected : callable
        Called when another row, or none, is selected by hand.
    onClicked : callable
        Called with the finding whose row was clicked.
    """

    def __init__(
        self,
        widget: Any,
        onSelected: Callable[[], Any],
        onClicked: Callable[[NoduleFinding], Any],
    ) -> None:
        self._widget = widget
        self._onClicked = onClicked
        self._findings: Sequence[NoduleFinding] = ()
        self._column, self._isFalling = 0, False
        widget.verticalHeader().hide()
        header = widget.horizontalHeader()
        # Highlighted titles are bold, and then the columns do not fit into a narrow panel.
        header.setHighlightSections(False)
        header.setSectionsClickable(True)
        header.connect("sectionClicked(int)", self._sort)
        widget.connect("cellClicked(int,int)", lambda _row, _column: self._click())
        widget.connect("itemSelectionChanged()", onSelected)

    @property
    def selected(self) -> NoduleFinding | None:
        """The finding of the selected row."""
        rows = self._widget.selectionModel().selectedRows()
        if not rows or rows[0].row() >= len(self._findings):
            return None
        return self._findings[rows[0].row()]

    def show(self, findings: Sequence[NoduleFinding], selectedId: str = "") -> None:
        """Replace the rows; the same one stays selected unless another is asked for."""
        selected = self.selected
        selectedId = selectedId or (selected.finding_id if selected is not None else "")
        self._findings = inOrder(findings, self._column, falling=self._isFalling)
        wasBlocked = self._widget.blockSignals(True)
        tones = [_TONES[finding.status] for finding in self._findings]
        fillTable(self._widget, titles(), [row(one) for one in self._findings], tones)
        for column, words in enumerate(titleTips()):
            self._widget.horizontalHeaderItem(column).setToolTip(words)
        # Cells of two lines keep the columns narrow enough for the panel.
        self._widget.resizeRowsToContents()
        header = self._widget.horizontalHeader()
        order = qt.Qt.DescendingOrder if self._isFalling else qt.Qt.AscendingOrder
        header.setSortIndicator(self._column, order)
        ids = [finding.finding_id for finding in self._findings]
        if selectedId in ids:
            self._widget.selectRow(ids.index(selectedId))
        self._widget.blockSignals(wasBlocked)

    def _sort(self, column: int) -> None:
        """By this column, and the other way round at the next click."""
        self._isFalling = column == self._column and not self._isFalling
        self._column = column
        self.show(self._findings)

    def _click(self) -> None:
        if self.selected is not None:
            self._onClicked(self.selected)
