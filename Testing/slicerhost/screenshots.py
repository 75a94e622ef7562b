"""Pictures of panels, alone and beside the views, and what cannot be read in them."""

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
        if not child.isVisibleTo(panel):
            continue
        right = child.mapTo(panel, QtCore.QPoint(child.width, 0)).x()
        if right > width_px:
            found.append(f"{_name(child)} ends at {right} px")
        missing = _text_width(child) - child.width
        if missing > 0:
            found.append(f"{_name(child)}: its text '{child.text}' lacks {missing} px")
    return found


def _name(widget: QtWidgets.QWidget) -> str:
    return f"{type(widget).__name__} '{widget.objectName}'"


def _text_width(widget: Any) -> int:
    """What the widget's own text needs, 0 for a widget without one or with wrapped text."""
    if isinstance(widget, QtWidgets.QLabel) and not widget.wordWrap and widget.text:
        return widget.sizeHint().width() if widget.textFormat else 0
    if isinstance(widget, QtWidgets.QAbstractButton) and widget.text:
        return widget.sizeHint().width() if widget.isVisible() else 0
    return 0
