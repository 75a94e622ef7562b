"""Binding of parameters to widgets, by exact widget type as in Slicer."""

import enum
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ctk
import qt
import slicer

from .parameter_types import Choice, Decimals, Maximum, Minimum, Parameter, SingleStep, WithinRange

_PROPERTY = "SlicerParameterName"


def named_widgets(gui: Any) -> dict[str, Any]:
    """Parameter name -> widget, of the widgets that name one in their dynamic property."""
    widgets = gui.findChildren(qt.QWidget) if isinstance(gui, qt.QWidget) else vars(gui).values()
    named = [(one.property(_PROPERTY), one) for one in widgets if isinstance(one, qt.QObject)]
    return {name: widget for name, widget in named if name}


@dataclass(frozen=True)
class _Kind:
    """How one kind of widget is followed, read and written, and which types it can show."""

    signal: str | None
    read: Callable[[Any], Any]
    write: Callable[[Any, Any], None]
    shows: type


def _property_kind(signal: str | None, name: str, shows: type) -> _Kind:
    convert = str if shows is pathlib.PurePath else (lambda value: value)
    return _Kind(
        signal,
        lambda widget: getattr(widget, name),
        lambda widget, value: setattr(widget, name, convert(value)),
        shows,
    )


_KINDS: dict[type, _Kind] = {
    qt.QCheckBox: _property_kind("toggled(bool)", "checked", bool),
    qt.QPushButton: _property_kind("toggled(bool)", "checked", bool),
    qt.QSlider: _property_kind("valueChanged(int)", "value", int),
    qt.QSpinBox: _property_kind("valueChanged(int)", "value", int),
    qt.QDoubleSpinBox: _property_kind("valueChanged(double)", "value", float),
    ctk.ctkSliderWidget: _property_kind("valueChanged(double)", "value", float),
    qt.QLineEdit: _property_kind("textChanged(QString)", "text", str),
    qt.QTextEdit: _property_kind("textChanged()", "plainText", str),
    qt.QLabel: _property_kind(None, "text", str),
    ctk.ctkPathLineEdit: _property_kind(
        "currentPathChanged(QString)", "currentPath", pathlib.PurePath
    ),
    ctk.ctkDirectoryButton: _property_kind(
        "directoryChanged(QString)", "directory", pathlib.PurePath
    ),
    slicer.qMRMLNodeComboBox: _Kind(
        "currentNodeChanged(vtkMRMLNode*)",
        lambda widget: widget.currentNode(),
        lambda widget, node: widget.setCurrentNode(node),
        slicer.vtkMRMLNode,
    ),
}


class Binding:
    """One parameter and one widget that follow each other."""

    def __init__(self, wrapper: Any, parameter: Parameter, widget: Any, kind: _Kind) -> None:
        self._wrapper, self._parameter, self._widget = wrapper, parameter, widget
        self._kind = kind
        self.update_widget()
        if kind.signal:
            widget.connect(kind.signal, self._update_parameter)

    def update_widget(self) -> None:
        """Show the parameter's value."""
        self._kind.write(self._widget, getattr(self._wrapper, self._parameter.name))

    def _update_parameter(self) -> None:
        value = self._kind.read(self._widget)
        if self._kind.shows is pathlib.PurePath:
            value = self._parameter.kind(value)
        if getattr(self._wrapper, self._parameter.name) != value:
            setattr(self._wrapper, self._parameter.name, value)

    def end(self) -> None:
        """Stop following."""
        if self._kind.signal:
            self._widget.disconnect(self._kind.signal, self._update_parameter)


def bind(wrapper: Any, parameter: Parameter, widget: Any) -> Binding:
    """Bind a parameter to a widget, which takes its value.

    Raises
    ------
    RuntimeError
        The widget's type cannot show the parameter's type, a push button is not checkable, or a
        number without both limits is bound to a slider.
    """
    cls = type(widget)
    refused = f"Parameter '{parameter.name}' ({parameter.kind.__name__}), {cls.__name__}"
    kind = _combo_box_kind(parameter, widget) if cls is qt.QComboBox else _KINDS.get(cls)
    if kind is None or not _can_show(kind, parameter):
        raise RuntimeError(f"{refused}: this widget cannot be bound to this type")
    if cls is qt.QPushButton and not widget.checkable:
        raise RuntimeError(f"{refused}: a push button must be checkable to be bound")
    if kind.shows in (int, float):
        _apply_limits(parameter, widget, refused)
    if cls is slicer.qMRMLNodeComboBox:
        widget.nodeTypes = [parameter.kind.__name__]
    return Binding(wrapper, parameter, widget, kind)


def _can_show(kind: _Kind, parameter: Parameter) -> bool:
    if kind.shows in (bool, int, float, str):
        return parameter.kind is kind.shows
    return issubclass(parameter.kind, kind.shows)


def _combo_box_kind(parameter: Parameter, widget: Any) -> _Kind | None:
    """Fill the box with the enum's members or the choices."""
    choices = [hint.choices for hint in parameter.hints if isinstance(hint, Choice)]
    is_enum = issubclass(parameter.kind, enum.Enum)
    values = list(parameter.kind) if is_enum else choices[0] if choices else []
    if not values:
        return None
    widget.clear()
    for value in values:
        widget.addItem(_label(value))
    return _Kind(
        "currentIndexChanged(int)",
        lambda box: values[box.currentIndex],
        lambda box, value: setattr(box, "currentIndex", values.index(value)),
        object,
    )


def _label(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return str(value.label()) if hasattr(value, "label") else value.name
    return str(value)


def _apply_limits(parameter: Parameter, widget: Any, refused: str) -> None:
    """Give the widget the limits, digits and step of the annotation; no limit is the widest."""
    whole = parameter.kind is int
    low, high = (-(2**31), 2**31 - 1) if whole else (float("-inf"), float("inf"))
    limited = {"low": False, "high": False}
    for hint in parameter.hints:
        if isinstance(hint, (WithinRange, Minimum)):
            low, limited["low"] = hint.minimum, True
        if isinstance(hint, (WithinRange, Maximum)):
            high, limited["high"] = hint.maximum, True
        if isinstance(hint, Decimals):
            widget.decimals = hint.value
        if isinstance(hint, SingleStep):
            widget.singleStep = hint.value
    if isinstance(widget, (qt.QSlider, ctk.ctkSliderWidget)) and not all(limited.values()):
        raise RuntimeError(f"{refused}: a slider needs both limits, as by WithinRange(0, 1)")
    widget.minimum, widget.maximum = low, high
