"""How a stand-in declares itself and its properties."""

from collections.abc import Callable
from typing import Any

from PySide6 import QtCore

from .. import pythonqt

_ACCEPTED: dict[Any, tuple[type, ...]] = {
    bool: (bool, int),
    int: (bool, int),
    float: (bool, int, float),
    str: (str,),
    "QStringList": (list, tuple),
}


def stand_in(cls: type) -> type:
    """Class decorator: PythonQt's rules, `setName()` for each writable property."""
    cls._stands_for_cpp = True
    for name, value in list(cls.__dict__.items()):
        if isinstance(value, QtCore.Property) and value.fset is not None:
            setter = f"set{name[0].upper()}{name[1:]}"
            if setter not in cls.__dict__:
                setattr(cls, setter, _as_method(value.fset))
    return pythonqt.make_strict(cls)


def _as_method(setter: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    return lambda self, value: setter(self, value)


def checked(kind: Any, getter: Callable[[Any], Any], setter: Callable[[Any, Any], Any]) -> Any:
    """A Qt property that refuses values of another type, as PythonQt does."""
    accepted = _ACCEPTED.get(kind)

    def checked_setter(self: Any, value: Any) -> None:
        if accepted is not None and not isinstance(value, accepted):
            raise ValueError(f"{type(self).__name__}: a property of {kind} got {value!r}")
        setter(self, value)

    return QtCore.Property(kind, getter, checked_setter)


def stored(kind: Any, name: str, default: Any, after: str | None = None) -> Any:
    """A Qt property that is only kept; `after` names a method to call when it was set."""
    attribute = f"_{name}"

    def setter(self: Any, value: Any) -> None:
        setattr(self, attribute, tuple(value) if kind == "QStringList" else value)
        if after:
            getattr(self, after)()

    return checked(kind, lambda self: getattr(self, attribute, default), setter)


def forwarded(kind: Any, part: str, name: str) -> Any:
    """A Qt property that is an inner widget's property of the same name."""
    return checked(
        kind,
        lambda self: getattr(getattr(self, part), name),
        lambda self, value: setattr(getattr(self, part), name, value),
    )
