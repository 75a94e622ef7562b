"""Qt properties as attributes, and no other attributes: PythonQt's rules on PySide classes.

PySide classes are changed in place rather than subclassed, for two reasons: QUiLoader makes the
original classes, and parameterNodeWrapper compares exact types (`type(widget) == qt.QCheckBox`).
"""

import inspect
import types
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore, QtWidgets

_MISSING = object()
# C++ virtuals: shiboken would call the Python descriptor back from C++.
_VIRTUAL_GETTERS = frozenset({"sizeHint", "minimumSizeHint"})
_METHOD_TYPES = (types.MethodDescriptorType, types.FunctionType)

# QObject's own __setattr__ cannot be applied to subclasses ("can't apply this __setattr__").
set_python_attribute = shiboken6.Shiboken.Object.__setattr__


class QtProperty:
    """Data descriptor of one Q_PROPERTY: read and written as an attribute, as in PythonQt."""

    def __init__(
        self,
        meta_property: QtCore.QMetaProperty,
        getter: Callable[[Any], Any] | None,
        setter: Callable[[Any, Any], None] | None,
        on_class: Any = None,
    ) -> None:
        self.name = meta_property.name()
        self._type_name = meta_property.typeName()
        self._writable = meta_property.isWritable()
        self._getter = getter
        self._setter = setter
        self._on_class = on_class

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self._on_class or self
        value = self._getter(instance) if self._getter else instance.property(self.name)
        return tuple(value) if isinstance(value, list) else value

    def __set__(self, instance: Any, value: Any) -> None:
        kind = type(instance).__name__
        if not self._writable:
            raise ValueError(f"Property '{self.name}' of '{kind}' is not writable")
        rejected = f"Property '{self.name}' of '{kind}' does not accept {value!r}"
        if self._type_name == "int" and isinstance(value, float):
            raise ValueError(rejected)
        try:
            if self._setter:
                self._setter(instance, value)
            elif not instance.setProperty(self.name, value):
                raise ValueError(rejected)
        except TypeError as error:
            raise ValueError(rejected) from error


def original_method(cls: type, name: str) -> Any:
    """The method `name` that Qt gave the class, before a property took its place."""
    for base in cls.__mro__:
        found = base.__dict__.get(f"_qt_{name}", base.__dict__.get(name, _MISSING))
        if found is not _MISSING and not isinstance(found, QtProperty):
            return found if isinstance(found, _METHOD_TYPES) else None
    return None


def install_properties(cls: type) -> None:
    """Put a `QtProperty` on the class for every property that its own meta-object declares."""
    meta = cls.staticMetaObject
    for index in range(meta.propertyOffset(), meta.propertyCount()):
        meta_property = meta.property(index)
        name = meta_property.name()
        if name in _VIRTUAL_GETTERS:
            continue
        capitalized = name[0].upper() + name[1:]
        getter = original_method(cls, name) or original_method(cls, f"is{capitalized}")
        setter = original_method(cls, f"set{capitalized}")
        own = cls.__dict__.get(name)
        if own is not None and not isinstance(own, QtProperty):
            setattr(cls, f"_qt_{name}", own)
        # QTimer.singleShot is a property and a static function: the class gives the function.
        on_class = getattr(cls, name) if cls is QtCore.QTimer and name == "singleShot" else None
        setattr(cls, name, QtProperty(meta_property, getter, setter, on_class))


def is_wrapped_class(cls: type) -> bool:
    """Whether the class is C++ in Slicer: Qt's own, or a stand-in of a CTK or Slicer widget."""
    return cls.__module__.startswith("PySide6") or "_stands_for_cpp" in cls.__dict__


class _Loading:
    """True while QUiLoader runs, which sets every named child as an attribute of the root."""

    active = False


loading = _Loading()


def strict_setattr(self: Any, key: str, value: Any) -> None:
    """`object.key = value` as PythonQt does it: properties only, no new attributes.

    Subclasses that a module writes in Python may have attributes of their own.
    """
    cls = type(self)
    if loading.active and not key.startswith("_") and isinstance(value, QtCore.QObject):
        return
    if (
        key.startswith("_")
        or not is_wrapped_class(cls)
        or isinstance(value, QtCore.SignalInstance)  # PySide keeps a signal once it was asked for
    ):
        set_python_attribute(self, key, value)
        return
    declared = inspect.getattr_static(cls, key, _MISSING)
    if isinstance(declared, QtCore.Property):
        if declared.fset is None:
            raise ValueError(f"Property '{key}' of '{cls.__name__}' is not writable")
        declared.fset(self, value)
    elif declared is not _MISSING and hasattr(type(declared), "__set__"):
        set_python_attribute(self, key, value)
    elif declared is not _MISSING:
        raise AttributeError(f"Slot '{key}' of '{cls.__name__}' cannot be overwritten")
    elif self.property(key) is not None:
        self.setProperty(key, value)
    else:
        raise AttributeError(
            f"'{key}' does not exist on {cls.__name__}, and PythonQt refuses new attributes "
            "on C++ objects"
        )


def strict_getattr(self: Any, key: str) -> Any:
    """What PythonQt tries after slots and properties: dynamic properties, then direct children."""
    if not key.startswith("_"):
        value = self.property(key)
        if value is not None:
            return value
        for child in self.children():
            if child.objectName == key:
                return child
    raise AttributeError(f"{type(self).__name__} has no attribute named '{key}'")


def install_object_extras() -> None:
    """Give QObject what PythonQt adds to it: `name`, `className()` and `delete()`."""
    base = QtCore.QObject
    base.name = property(
        lambda self: self.objectName, lambda self, value: self.setObjectName(value)
    )
    base.className = lambda self: self.metaObject().className()
    base.delete = lambda self: shiboken6.delete(self)


def drop_out_parameters() -> None:
    """Dialog functions return the value alone: PythonQt has no second return value."""

    def first_only(function: Callable[..., Any]) -> staticmethod:
        return staticmethod(lambda *args: function(*args)[0])

    for cls, names in (
        (QtWidgets.QInputDialog, ("getText", "getInt", "getDouble", "getItem")),
        (QtWidgets.QFileDialog, ("getOpenFileName", "getSaveFileName", "getOpenFileNames")),
    ):
        for name in names:
            setattr(cls, name, first_only(getattr(cls, name)))
