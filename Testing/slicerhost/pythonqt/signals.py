"""`object.connect('signal(type)', slot)` by PythonQt's rules.

The signature is checked against the meta-object (Slicer only warns on its console), the slot gets
the arguments that the signature names, and no more of them than it takes.
"""

import functools
import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import shiboken6
from PySide6 import QtCore

# VTK types are unknown to PySide's signals: stand-ins carry them as Python objects.
_ALIASES = {"vtkMRMLNode*": "PyObject", "vtkMRMLScene*": "PyObject", "vtkObject*": "PyObject"}
_VARIABLE_ARGUMENTS = 0x04
# PySide counts a slot's parameters to choose what it passes: a slot of exactly so many is needed.
_SLOTS: tuple[Callable[[Callable[..., None]], Callable[..., None]], ...] = (
    lambda call: lambda: call(),
    lambda call: lambda first: call(first),
    lambda call: lambda first, second: call(first, second),
    lambda call: lambda first, second, third: call(first, second, third),
)


@dataclass(frozen=True)
class _Connection:
    signature: str
    target: Callable[..., Any]
    signal: Any
    slot: Callable[..., None]


_connections: dict[int, list[_Connection]] = {}


def normalized(signature: str) -> str:
    """The signature without spaces, const and references, VTK types as Python objects."""
    plain = signature.replace(" ", "").replace("const", "").replace("&", "")
    name, _, arguments = plain.partition("(")
    types_named = [part for part in arguments.rstrip(")").split(",") if part]
    return f"{name}({','.join(_ALIASES.get(part, part) for part in types_named)})"


def signal_signatures(meta: QtCore.QMetaObject) -> list[str]:
    """The signatures of all signals of a class, as Qt writes them."""
    methods = [meta.method(index) for index in range(meta.methodCount())]
    kind = QtCore.QMetaMethod.MethodType.Signal
    return [
        bytes(method.methodSignature()).decode()
        for method in methods
        if method.methodType() == kind
    ]


def _overloads(meta: QtCore.QMetaObject, name: str) -> list[str]:
    """The argument lists of a signal; `clicked()` is only `clicked(bool)` with its default."""
    lists = [
        text.partition("(")[2].rstrip(")")
        for text in signal_signatures(meta)
        if text.partition("(")[0] == name
    ]
    return [
        one
        for one in lists
        if not any(other != one and (one == "" or other.startswith(f"{one},")) for other in lists)
    ]


def _find_signal(source: Any, signature: str) -> tuple[Any, str, int]:
    wanted = normalized(signature)
    meta = source.metaObject()
    if meta.indexOfSignal(wanted) < 0:
        raise ValueError(
            f"{meta.className()} has no signal '{signature}'; it has {signal_signatures(meta)}"
        )
    name, _, arguments = wanted.partition("(")
    arguments = arguments.rstrip(")")
    signal = getattr(source, name)
    if len(_overloads(meta, name)) > 1:
        signal = signal[arguments]
    return signal, wanted, len([part for part in arguments.split(",") if part])


def _accepted_arguments(target: Callable[..., Any]) -> int | None:
    """How many positional arguments PythonQt would pass; None is all of them."""
    if isinstance(target, functools.partial):
        return None
    bound = inspect.ismethod(target)
    code = getattr(target.__func__ if bound else target, "__code__", None)
    if code is None or code.co_flags & _VARIABLE_ARGUMENTS:
        return None
    return int(code.co_argcount) - int(bound)


def _resolve_target(rest: tuple[Any, ...]) -> Callable[..., Any]:
    target = getattr(rest[0], rest[1].partition("(")[0]) if len(rest) == 2 else rest[0]
    if not callable(target):
        raise TypeError(f"connect() needs a callable, got {target!r}")
    return target


def connect(self: Any, signature: str, *rest: Any) -> bool:
    """Connect a signal, by its signature, to a callable or to (receiver, 'slot(type)').

    Raises
    ------
    TypeError
        The signature is no string, or the target cannot be called.
    ValueError
        The class has no such signal.
    """
    if not isinstance(signature, str):
        raise TypeError("connect() needs the signal's signature as a string, as in PythonQt")
    signal, wanted, count = _find_signal(self, signature)
    target = _resolve_target(rest)
    accepted = _accepted_arguments(target)

    def call(*given: Any) -> None:
        target(*(given if accepted is None else given[:accepted]))

    slot = _SLOTS[count](call)
    signal.connect(slot)
    _own_connections(self).append(_Connection(wanted, target, signal, slot))
    return True


def _own_connections(source: Any) -> list[_Connection]:
    pointer = shiboken6.getCppPointer(source)[0]
    if pointer not in _connections:
        _connections[pointer] = []
        # The address may be given to another object later.
        source.destroyed.connect(lambda *_: _connections.pop(pointer, None))
    return _connections[pointer]


def disconnect(self: Any, signature: str | None = None, *rest: Any) -> bool:
    """Undo `connect`: of one target, of one signal, or of everything.

    Returns
    -------
    bool
        Whether anything was connected.
    """
    wanted = normalized(signature) if signature else None
    target = _resolve_target(rest) if rest else None
    own = _own_connections(self)
    ended = [
        one
        for one in own
        if (wanted is None or one.signature == wanted) and (target is None or one.target == target)
    ]
    for one in ended:
        one.signal.disconnect(one.slot)
        own.remove(one)
    return bool(ended)


def with_string_connect(base: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """A `__getattribute__` that gives the functions above for `connect` and `disconnect`.

    Qt's own are static and instance methods at once and come from a generated function of each
    class, which hides what a class attribute says: everything else is left to that class's own one
    (another class's would crash: `QFile.exists()` is such a pair as well).
    """

    def getattribute(self: Any, key: str) -> Any:
        if key == "connect":
            return types.MethodType(connect, self)
        if key == "disconnect":
            return types.MethodType(disconnect, self)
        return base(self, key)

    getattribute._is_strict = True
    return getattribute
