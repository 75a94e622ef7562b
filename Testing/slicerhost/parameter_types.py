"""How each supported type of parameter is written into a vtkMRMLScriptedModuleNode.

Numbers, texts, truth values, enums (by name), paths, MRML nodes and Optional nodes: what the
modules use of Slicer's parameterNodeWrapper. Anything else is refused when the class is made.
"""

import enum
import pathlib
import typing
from dataclasses import dataclass
from typing import Any

import slicer

_PLAIN = (bool, int, float, str)


class Validator:
    """Base of what restricts a parameter's values."""

    def validate(self, value: Any) -> None:
        """Raise ValueError if the value is refused."""
        raise NotImplementedError


@dataclass(frozen=True)
class Minimum(Validator):
    """Not below `minimum`."""

    minimum: float

    def validate(self, value: Any) -> None:
        """Raise ValueError if the value is refused."""
        if value < self.minimum:
            raise ValueError(f"Value must be at least {self.minimum}, is {value}")


@dataclass(frozen=True)
class Maximum(Validator):
    """Not above `maximum`."""

    maximum: float

    def validate(self, value: Any) -> None:
        """Raise ValueError if the value is refused."""
        if value > self.maximum:
            raise ValueError(f"Value must be at most {self.maximum}, is {value}")


@dataclass(frozen=True)
class WithinRange(Validator):
    """From `minimum` to `maximum`, both included."""

    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        """Raise ValueError if the value is refused."""
        if not self.minimum <= value <= self.maximum:
            limits = f"[{self.minimum}, {self.maximum}]"
            raise ValueError(f"Value must be within range {limits}, is {value}")


class Choice(Validator):
    """One of the given values."""

    def __init__(self, choices: Any) -> None:
        self.choices = list(choices)

    def validate(self, value: Any) -> None:
        """Raise ValueError if the value is refused."""
        if value not in self.choices:
            raise ValueError(f"Value must be one of {self.choices}, is {value!r}")


class Default:
    """The value of a parameter that was never set."""

    def __init__(self, value: Any = None, *, generator: Any = None) -> None:
        self._value, self._generator = value, generator

    def get(self) -> Any:
        """The value, made anew by the generator if there is one."""
        return self._generator() if self._generator else self._value


@dataclass(frozen=True)
class Decimals:
    """Digits after the point in the bound widget."""

    value: int


@dataclass(frozen=True)
class SingleStep:
    """Step of the bound widget."""

    value: float


@dataclass(frozen=True)
class Parameter:
    """One parameter of a wrapper: name, type, default, and what its annotation says."""

    name: str
    kind: type
    default: Any
    validators: tuple[Validator, ...]
    hints: tuple[Any, ...]

    @property
    def is_node(self) -> bool:
        """Whether the value is a MRML node (kept as a node reference) or None."""
        return issubclass(self.kind, slicer.vtkMRMLNode)

    def is_in(self, node: Any) -> bool:
        """Whether the node has a value for it; a missing node reference is the value None."""
        return self.is_node or bool(node.HasParameter(self.name))

    def read(self, node: Any) -> Any:
        """The value."""
        if self.is_node:
            return node.GetNodeReference(self.name)
        return _from_text(node.GetParameter(self.name), self.kind)

    def write(self, node: Any, value: Any) -> None:
        """Check the value and put it into the node.

        Raises
        ------
        TypeError
            A value of another type.
        ValueError
            None where no node is meant, or a value that a validator refuses.
        """
        self._check(value)
        if self.is_node:
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
        else:
            node.SetParameter(self.name, value.name if isinstance(value, enum.Enum) else str(value))

    def _check(self, value: Any) -> None:
        if value is None:
            if not self.is_node:
                raise ValueError(f"Parameter '{self.name}' cannot be None")
            return
        accepted: Any = (float, int) if self.kind is float else self.kind
        if not isinstance(value, accepted):
            wanted = self.kind.__name__
            raise TypeError(f"Parameter '{self.name}' is a {wanted}, got {value!r}")
        for validator in self.validators:
            validator.validate(value)


def _from_text(text: str, kind: type) -> Any:
    if kind is bool:
        return text == "True"
    if issubclass(kind, enum.Enum):
        return kind[text]
    return kind(text)


def _resolve(name: str, annotation: Any) -> tuple[type, tuple[Any, ...]]:
    """The type and the extra annotations of a declaration."""
    extras: tuple[Any, ...] = ()
    if typing.get_origin(annotation) is typing.Annotated:
        annotation, *rest = typing.get_args(annotation)
        extras = tuple(rest)
    # Slicer's own takes Optional[X] and not `X | None`, which is another type in Python 3.12.
    if typing.get_origin(annotation) is typing.Union:
        members = [one for one in typing.get_args(annotation) if one is not type(None)]
        is_node = [isinstance(one, type) and issubclass(one, slicer.vtkMRMLNode) for one in members]
        if len(members) == 1 and all(is_node):
            annotation = members[0]
    known = isinstance(annotation, type) and (
        annotation in _PLAIN
        or issubclass(annotation, (enum.Enum, pathlib.PurePath, slicer.vtkMRMLNode))
    )
    if not known:
        raise TypeError(
            f"Parameter '{name}': the test host's parameterNodeWrapper has bool, int, float, str, "
            f"Enum, Path, MRML nodes and Optional[node], but not {annotation}; add it in "
            "Testing/slicerhost/parameter_types.py before a module uses it"
        )
    return annotation, extras


def _implicit_default(kind: type) -> Any:
    if issubclass(kind, slicer.vtkMRMLNode):
        return None
    return next(iter(kind)) if issubclass(kind, enum.Enum) else kind()


def declared_parameters(cls: type) -> list[Parameter]:
    """The parameters that a class declares by annotations, in order.

    Raises
    ------
    TypeError
        A type that the host does not support.
    """
    found = []
    for name, annotation in typing.get_type_hints(cls, include_extras=True).items():
        kind, extras = _resolve(name, annotation)
        default: Any = _implicit_default(kind)
        for extra in extras:
            if isinstance(extra, Default):
                default = extra
        default = cls.__dict__.get(name, default)
        validators = tuple(one for one in extras if isinstance(one, Validator))
        hints = tuple(one for one in extras if not isinstance(one, Default))
        found.append(Parameter(name, kind, default, validators, hints))
    return found
