"""Stand-ins of CTK widgets: real Qt widgets inside, CTK's names, properties and signals outside."""

from pathlib import Path
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Signal

from .declare import checked, forwarded, stand_in, stored

_HEADER_HEIGHT = 24


@stand_in
class ctkMessageBox(QtWidgets.QMessageBox):
    """The message box that slicer.util shows; how it is answered: slicerhost.dialogs."""


@stand_in
class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A section with a clickable header; collapsed, its children are hidden."""

    contentsCollapsed = Signal(bool)

    def __init__(self, *arguments: Any) -> None:
        parents = [one for one in arguments if isinstance(one, QtWidgets.QWidget)]
        super().__init__(*parents)
        self._forcing = False
        self._hidden: set[QtCore.QObject] = set()
        self.setCheckable(True)
        self.setChecked(True)
        if arguments and isinstance(arguments[0], str):
            self.setText(arguments[0])
        self.setContentsMargins(0, _HEADER_HEIGHT, 0, 0)
        self.toggled.connect(self._apply)

    def _set_collapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)

    collapsed = checked(bool, lambda self: not self.isChecked(), _set_collapsed)
    contentsFrameShape = stored(int, "contentsFrameShape", 0)

    def _apply(self, expanded: bool) -> None:
        for child in self.children():
            if child.isWidgetType():
                self._force(child)
        self.setMaximumHeight(16777215 if expanded else _HEADER_HEIGHT)
        self.updateGeometry()
        self.contentsCollapsed.emit(not expanded)

    def _force(self, child: QtWidgets.QWidget) -> None:
        """Show the child where the section is open, unless the child itself was hidden."""
        self._forcing = True
        child.setVisible(self.isChecked() and child not in self._hidden)
        # As if its parent had done it: else Qt says nothing of a hide() while it is out of sight.
        child.setAttribute(QtCore.Qt.WidgetAttribute.WA_WState_ExplicitShowHide, False)
        self._forcing = False

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        """A child that is added to a collapsed section starts hidden."""
        child = event.child()
        if event.added() and child.isWidgetType():
            child.installEventFilter(self)
            if not self.isChecked():
                self._force(child)

    def eventFilter(self, child: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """Remember what was hidden or shown on purpose; collapsed, it stays out of sight."""
        kinds = QtCore.QEvent.Type
        if not self._forcing and event.type() in (kinds.HideToParent, kinds.ShowToParent):
            if event.type() == kinds.HideToParent:
                self._hidden.add(child)
            else:
                self._hidden.discard(child)
            self._force(child)
        return False

    def hitButton(self, position: QtCore.QPoint) -> bool:
        """Only the header is clickable."""
        return position.y() < _HEADER_HEIGHT

    def sizeHint(self) -> QtCore.QSize:
        """The header alone when collapsed."""
        inner = self.layout()
        if not self.isChecked() or inner is None:
            return QtCore.QSize(120, _HEADER_HEIGHT)
        return inner.totalSizeHint()

    def minimumSizeHint(self) -> QtCore.QSize:
        """The header alone when collapsed."""
        inner = self.layout()
        if not self.isChecked() or inner is None:
            return QtCore.QSize(60, _HEADER_HEIGHT)
        return inner.totalMinimumSize()

    def paintEvent(self, _event: QtGui.QPaintEvent) -> None:
        """Draw the header with its arrow."""
        header = QtCore.QRect(0, 0, self.width, _HEADER_HEIGHT)
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = header
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(6, 6, 12, 12)
        kinds = QtWidgets.QStyle.PrimitiveElement
        kind = kinds.PE_IndicatorArrowDown if self.isChecked() else kinds.PE_IndicatorArrowRight
        bevel = QtWidgets.QStyle.ControlElement.CE_PushButtonBevel
        text = header.adjusted(24, 0, 0, 0)
        with QtGui.QPainter(self) as painter:
            self.style().drawControl(bevel, option, painter, self)
            self.style().drawPrimitive(kind, arrow, painter, self)
            painter.drawText(text, QtCore.Qt.AlignmentFlag.AlignVCenter, self.text)


@stand_in
class ctkSliderWidget(QtWidgets.QWidget):
    """A slider and a spin box of one floating-point value."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    _STEPS = 1000

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self._slider.setRange(0, self._STEPS)
        self._spin_box = QtWidgets.QDoubleSpinBox()
        row.addWidget(self._slider)
        row.addWidget(self._spin_box)
        self._spin_box.valueChanged.connect(self._from_spin_box)
        self._slider.sliderMoved.connect(self._from_slider)

    value = forwarded(float, "_spin_box", "value")
    minimum = forwarded(float, "_spin_box", "minimum")
    maximum = forwarded(float, "_spin_box", "maximum")
    singleStep = forwarded(float, "_spin_box", "singleStep")
    decimals = forwarded(int, "_spin_box", "decimals")
    prefix = forwarded(str, "_spin_box", "prefix")
    suffix = forwarded(str, "_spin_box", "suffix")
    pageStep = stored(float, "pageStep", 1.0)
    tracking = stored(bool, "tracking", True)

    def setRange(self, minimum: float, maximum: float) -> None:
        """Set both ends."""
        self._spin_box.setRange(minimum, maximum)

    def spinBox(self) -> QtWidgets.QDoubleSpinBox:
        """The spin box beside the slider."""
        return self._spin_box

    def _span(self) -> float:
        return (self._spin_box.maximum - self._spin_box.minimum) or 1.0

    def _from_spin_box(self, value: float) -> None:
        part = (value - self._spin_box.minimum) / self._span()
        self._slider.setValue(round(self._STEPS * part))
        self.valueChanged.emit(value)

    def _from_slider(self, step: int) -> None:
        self._spin_box.setValue(self._spin_box.minimum + self._span() * step / self._STEPS)


@stand_in
class ctkDoubleRangeSlider(QtWidgets.QWidget):
    """A range of two floating-point values; drawn as two spin boxes."""

    valuesChanged = Signal(float, float)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._low, self._high = QtWidgets.QDoubleSpinBox(), QtWidgets.QDoubleSpinBox()
        for box in (self._low, self._high):
            row.addWidget(box)
            box.valueChanged.connect(self._changed)

    minimumValue = forwarded(float, "_low", "value")
    maximumValue = forwarded(float, "_high", "value")
    singleStep = stored(float, "singleStep", 1.0)
    minimum = checked(
        float, lambda self: self._low.minimum, lambda self, v: self.setRange(v, self._high.maximum)
    )
    maximum = checked(
        float, lambda self: self._low.maximum, lambda self, v: self.setRange(self._low.minimum, v)
    )

    def setRange(self, minimum: float, maximum: float) -> None:
        """Set both ends of what can be chosen."""
        self._low.setRange(minimum, maximum)
        self._high.setRange(minimum, maximum)

    def setValues(self, low: float, high: float) -> None:
        """Set both values."""
        self._low.setValue(low)
        self._high.setValue(high)

    def _changed(self, _value: float) -> None:
        self.valuesChanged.emit(self._low.value, self._high.value)


@stand_in
class ctkPathLineEdit(QtWidgets.QWidget):
    """A line for a path, with a button that browses."""

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    Dirs, Files, Drives, Readable, Writable, NoDotAndDotDot = 0x1, 0x2, 0x4, 0x10, 0x20, 0x1000

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._edit = QtWidgets.QLineEdit()
        self._button = QtWidgets.QToolButton()
        self._button.setText("...")
        row.addWidget(self._edit)
        row.addWidget(self._button)
        self._valid = False
        self._edit.textChanged.connect(self._changed)
        self._button.clicked.connect(self.browse)

    currentPath = forwarded(str, "_edit", "text")
    filters = stored(int, "filters", 0x7)
    label = stored(str, "label", "")
    nameFilters = stored("QStringList", "nameFilters", ())
    settingKey = stored(str, "settingKey", "")

    def addCurrentPathToHistory(self) -> None:
        """The history itself is not covered."""

    def browse(self) -> None:
        """Ask for a folder or a file; answered by the test (slicerhost.dialogs)."""
        dialog = QtWidgets.QFileDialog
        folder = not self.filters & self.Files
        ask = dialog.getExistingDirectory if folder else dialog.getOpenFileName
        chosen = ask(self, self.label, self.currentPath)
        if chosen:
            self.currentPath = chosen

    def _changed(self, path: str) -> None:
        valid = bool(path) and Path(path).exists()
        if valid != self._valid:
            self._valid = valid
            self.validInputChanged.emit(valid)
        self.currentPathChanged.emit(path)


@stand_in
class ctkDirectoryButton(QtWidgets.QWidget):
    """A button that shows a folder and, clicked, asks for another one."""

    directoryChanged = Signal(str)
    directorySelected = Signal(str)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*[one for one in arguments if isinstance(one, QtWidgets.QWidget)])
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._button = QtWidgets.QPushButton()
        self._button.setIcon(self.style().standardIcon(QtWidgets.QStyle.StandardPixmap.SP_DirIcon))
        row.addWidget(self._button)
        self._button.clicked.connect(self.browse)
        self._text = ""
        self._directory = str(Path.cwd())
        given = [one for one in arguments if isinstance(one, str)]
        self._set_directory(given[0] if given else ".")

    def _set_directory(self, path: str) -> None:
        absolute = str(Path(path or ".").absolute())
        changed = absolute != self._directory
        self._directory = absolute
        self._button.setText(self._text or absolute)
        if changed:
            self.directoryChanged.emit(absolute)
        self.directorySelected.emit(absolute)

    def _set_text(self, text: str) -> None:
        self._text = text
        self._button.setText(text or self._directory)

    directory = checked(str, lambda self: self._directory, _set_directory)
    text = checked(str, lambda self: self._text, _set_text)
    caption = stored(str, "caption", "")

    def browse(self) -> str:
        """Ask for a folder; answered by the test (slicerhost.dialogs)."""
        chosen = QtWidgets.QFileDialog.getExistingDirectory(self, self.caption, self._directory)
        if chosen:
            self.directory = chosen
        return chosen
