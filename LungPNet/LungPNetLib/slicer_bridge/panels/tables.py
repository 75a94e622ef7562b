"""Rows of text in a panel's own table widget, coloured where that helps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt

from LungPNetLib.slicer_bridge.panels.run_area import Tone

Row = Sequence[str]

_DECIMALS = {"mL": 0, "HU": 0, "%": 1, "1": 3}
"""What a person reads of a number with this unit; the node in the scene holds all of it."""

_FRAME_PX = 6


def fillTable(widget: Any, titles: Row, rows: Sequence[Row], tones: Sequence[Tone] = ()) -> None:
    """Replace the content of a QTableWidget.

    Parameters
    ----------
    widget : QTableWidget
    titles : sequence of str
        Of the columns.
    rows : sequence of sequence of str
        As long as ``titles``; the whole text is also the tool tip.
    tones : sequence of Tone
        One for each row: the colour of its first cell's text; none by default.
    """
    widget.clear()
    widget.setColumnCount(len(titles))
    widget.setHorizontalHeaderLabels(list(titles))
    widget.setRowCount(len(rows))
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            item = qt.QTableWidgetItem(text)
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
            item.setToolTip(text)
            if column == 0 and number < len(tones) and tones[number].value:
                item.setForeground(qt.QBrush(qt.QColor(tones[number].value)))
            widget.setItem(number, column, item)
    widget.resizeColumnsToContents()
    widget.horizontalHeader().setStretchLastSection(True)


def fillWholeTable(widget: Any, titles: Row, rows: Sequence[Row]) -> None:
    """``fillTable`` for two columns, names and values, as high as all rows need: none scrolls."""
    fillTable(widget, titles, rows)
    widget.verticalHeader().hide()
    widget.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.ResizeToContents)
    # The titles are about as high as a row.
    widget.minimumHeight = sum(widget.rowHeight(row) for row in (0, *range(len(rows)))) + _FRAME_PX


def keepRowsHigh(widget: Any) -> None:
    """Make the rows as high as their texts need whenever widths change; call it once."""
    # Not at once: while the header tells of a new width, its sections still have the old one.
    later = qt.QTimer(widget)
    later.setSingleShot(True)
    later.connect("timeout()", widget.resizeRowsToContents)
    header = widget.horizontalHeader()
    header.connect("sectionResized(int,int,int)", lambda *_: later.start(0))


def fillWrapped(widget: Any, titles: Row, rows: Sequence[Row], tones: Sequence[Tone] = ()) -> None:
    """``fillTable``, with the texts of the last column broken into lines so that all of it fits."""
    fillTable(widget, titles, rows, tones)
    widget.verticalHeader().hide()
    header = widget.horizontalHeader()
    # A last section that stretches of itself grows only.
    header.setStretchLastSection(False)
    header.setSectionResizeMode(len(titles) - 1, qt.QHeaderView.Stretch)
    widget.resizeRowsToContents()


def showTurned(widget: Any, tableNode: Any) -> None:
    """Show a table of few rows and many columns turned by 90 degrees, so that all of it fits.

    Parameters
    ----------
    widget : QTableWidget
        Gets a row for each column of the table, and is hidden without a table.
    tableNode : vtkMRMLTableNode or None
        Its first column holds the titles.
    """
    widget.visible = tableNode is not None
    if tableNode is None:
        widget.setRowCount(0)
        return
    table = tableNode.GetTable()
    first, *others = [table.GetColumn(i) for i in range(table.GetNumberOfColumns())]
    lines = range(table.GetNumberOfRows())
    rows = []
    for column in others:
        decimals = _DECIMALS.get(tableNode.GetColumnUnitLabel(column.GetName()) or "")
        values = [column.GetValue(line) for line in lines]
        texts = [value if decimals is None else f"{value:.{decimals}f}" for value in values]
        rows.append([tableNode.GetColumnTitle(column.GetName()), *texts])
    fillTable(widget, ["", *(first.GetValue(line) for line in lines)], rows)
    widget.verticalHeader().hide()
    widget.horizontalHeader().setSectionResizeMode(qt.QHeaderView.Stretch)
    widget.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.ResizeToContents)
