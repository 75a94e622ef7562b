"""Plain values, as TOML and JSON hold them, into the typed fields of a dataclass."""

from __future__ import annotations

import math
import types
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from LungPNetLib.errors import InputError

T = TypeVar("T")


def typed_dataclass(cls: type[T], content: Any, place: str = "", base: T | None = None) -> T:
    """An instance of the dataclass ``cls`` from a table of plain values.

    Parameters
    ----------
    cls : type
        A dataclass; fields that ``content`` leaves out keep their defaults.
    content : dict
        Keys are field names.
    place : str
        Where the table lies, such as ``"trainer."``, for the messages.
    base : dataclass, optional
        Gives the values that ``content`` leaves out, instead of the defaults of ``cls``.

    Raises
    ------
    InputError
        An unknown key, a missing one, or a value of another type; all of them are named.
    """
    if not isinstance(content, dict):
        raise InputError(f"'{place.rstrip('.')}' must be a section, got {content!r}.")
    hints = get_type_hints(cls)
    names = {field.name: _default(field) for field in fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(content) - set(names))
    if unknown:
        raise InputError(
            f"There is no configuration key '{place}{unknown[0]}'. "
            f"Keys of {f'section {place[:-1]!r}' if place else 'the configuration'}: "
            f"{', '.join(names)}."
        )
    values = {
        name: typed_dataclass(hints[name], value, f"{place}{name}.", names[name])
        if is_dataclass(hints[name])
        else _typed(hints[name], value, f"{place}{name}")
        for name, value in content.items()
    }
    try:
        return cls(**values) if base is None else replace(base, **values)  # type: ignore[type-var]
    except TypeError as error:
        raise InputError(f"The configuration lacks a key: {error}.") from error


def _default(field: Field[Any]) -> Any:
    """What a section starts from, where the field has a default of its own; else None."""
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def _typed(hint: Any, value: Any, name: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        return typed_dataclass(hint, value, f"{name}.")  # type: ignore[arg-type]
    if origin is Literal:
        if value in arguments and not isinstance(value, bool):
            return value
    elif origin in (Union, types.UnionType):
        return _typed_optional(arguments, value, name)
    elif origin is tuple:
        return _typed_tuple(arguments, value, name)
    elif isinstance(hint, type):
        matched, result = _typed_scalar(hint, value)
        if matched:
            return result
    raise InputError(f"'{name}' must be {_words(hint)}, got {value!r}.")


def _typed_optional(arguments: tuple[Any, ...], value: Any, name: str) -> Any:
    """``X | None``: TOML has no null, so an empty text also means None."""
    others = [argument for argument in arguments if argument is not type(None)]
    if value is None or (value == "" and len(others) < len(arguments)):
        return None
    return _typed(others[0], value, name)


def _typed_tuple(arguments: tuple[Any, ...], value: Any, name: str) -> tuple[Any, ...]:
    repeated = len(arguments) == 2 and arguments[1] is Ellipsis
    if not isinstance(value, list | tuple) or not (repeated or len(value) == len(arguments)):
        count = "any number of values" if repeated else f"{len(arguments)} values"
        raise InputError(f"'{name}' must be a list of {count}, got {value!r}.")
    hints = [arguments[0]] * len(value) if repeated else list(arguments)
    return tuple(
        _typed(hint, item, f"{name}[{k}]")
        for k, (hint, item) in enumerate(zip(hints, value, strict=True))
    )


def _typed_scalar(hint: type, value: Any) -> tuple[bool, Any]:
    """Whether ``value`` is acceptable, and what it becomes."""
    if issubclass(hint, Enum):
        choices = {member.value: member for member in hint}
        known = isinstance(value, str | int) and value in choices
        return known, choices[value] if known else None
    if hint is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and math.isfinite(value), float(value) if number else None
    if hint is Path:
        return isinstance(value, str | Path), Path(value) if isinstance(value, str | Path) else None
    return type(value) is hint, value


def _words(hint: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a finite number", str: "a text"}
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return f"one of {', '.join(str(member.value) for member in hint)}"
    return names.get(hint, "a path" if hint is Path else str(hint))
