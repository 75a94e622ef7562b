"""Pictures of panels, alone and beside the views, and what cannot be read in them."""

import itertools
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from .layout import Layout

PANEL_WIDTH_PX = 400


def panel_image(panel: QtWidgets.QWidget, width_px: int = PANEL_WIDTH_PX) -> QtGui.QImage:
    """The panel, `width_px` wide and as high as it needs."""
    _lay_out(panel, width_px)
    return panel.grab().toImage()


def window_image(
    panel: QtWidgets.QWidget, layout: Layout, width_px: int, height_px: int
) -> QtGui.QImage:
    """The panel at the left, the layout's views in the rest."""
    image = QtGui.QImage(width_px, height_px, QtGui.QImage.Format.Format_RGB888)
    image.fill(panel.palette.color(QtGui.QPalette.ColorRole.Window))
    _lay_out(panel, PANEL_WIDTH_PX)
    views = layout.picture(width_px - PANEL_WIDTH_PX, height_px)
    with QtGui.QPainter(image) as painter:
        painter.drawPixmap(0, 0, panel.grab())
        painter.drawImage(PANEL_WIDTH_PX, 0, views)
    return image


def _lay_out(panel: QtWidgets.QWidget, width_px: int) -> None:
    """Give the panel the width, and the height that it asks for at this width."""
    panel.setAttribute(QtCore.Qt.WidgetAttribute.WA_DontShowOnScreen, True)
    panel.show()
    layout = panel.layout()
    for _ in range(3):  # Heights of wrapped texts follow the width in a second and third pass.
        QtCore.QCoreApplication.processEvents()
        wanted = panel.sizeHint().height()
        if layout is not None and layout.hasHeightForWidth():
            wanted = max(layout.totalHeightForWidth(width_px), wanted)
        panel.resize(width_px, wanted)
    QtCore.QCoreApplication.processEvents()


def cut_off(panel: QtWidgets.QWidget, width_px: int = PANEL_WIDTH_PX) -> list[str]:
    """Widgets that do not fit, or whose text does not, at this width of the panel."""
    _lay_out(panel, width_px)
    found = []
    needed = panel.minimumSizeHint().width()
    if needed > width_px:
        found.append(f"the panel needs {needed} px")
    for child in panel.findChildren(QtWidgets.QWidget):
        if child.isVisibleTo(panel):
            found += [f"{_name(child)} {text}" for text in _complaints(child, panel, width_px)]
    return found


def _name(widget: QtWidgets.QWidget) -> str:
    return f"{type(widget).__name__} '{widget.objectName}'"


def _complaints(widget: Any, panel: QtWidgets.QWidget, width_px: int) -> list[str]:
    found = []
    right = widget.mapTo(panel, QtCore.QPoint(widget.width, 0)).x()
    if right > width_px:
        found.append(f"ends at {right} px")
    if isinstance(widget, QtWidgets.QTableView):
        beyond = widget.horizontalHeader().length() - widget.viewport().width
        if beyond > 0:
            found.append(f"hides {beyond} px of its columns")
        found += _cut_cells(widget)
    missing = _text_width(widget) - widget.width
    if missing > 0:
        found.append(f"lacks {missing} px for its text")
    if isinstance(widget, QtWidgets.QLabel) and widget.wordWrap:
        below = widget.heightForWidth(widget.width) - widget.height
        if below > 0:
            found.append(f"lacks {below} px of height for its text")
    return found


def _cut_cells(table: QtWidgets.QTableView) -> list[str]:
    """Cells of a table whose text is not shown as a whole."""
    model, found = table.model(), []
    rows, columns = (0, 0) if model is None else (model.rowCount(), model.columnCount())
    for row, column in itertools.product(range(rows), range(columns)):
        index = model.index(row, column)
        option = QtWidgets.QStyleOptionViewItem()
        table.initViewItemOption(option)
        option.rect = table.visualRect(index)
        needed = table.itemDelegateForIndex(index).sizeHint(option, index)
        missing = needed.width() - option.rect.width(), needed.height() - option.rect.height()
        if max(missing) > 0:
            found.append(f"lacks {missing} px for {index.data()!r}")
    return found


def _text_width(widget: Any) -> int:
    """What the widget's own text needs in px, 0 for a widget without one or with wrapped text."""
    if isinstance(widget, QtWidgets.QComboBox):
        arrow = widget.height  # the button at the right is about square
        return widget.fontMetrics().horizontalAdvance(widget.currentText) + arrow
    is_label = isinstance(widget, QtWidgets.QLabel) and not widget.wordWrap
    if (is_label or isinstance(widget, QtWidgets.QAbstractButton)) and widget.text:
        return int(widget.sizeHint().width())
    return 0
