"""Rows of text in a panel's own table widget, coloured where that helps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt

from LungPNetLib.slicer_bridge.panels.run_area import Tone

Row = Sequence[str]


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
