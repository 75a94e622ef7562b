"""`slicer.parameterNodeWrapper`: the used subset, written for the host.

With SLICER_BASE_PYTHON set, Slicer's own package takes its place; a difference is a fault here.
"""

import itertools
from typing import Any

from .parameter_gui import Binding, bind, named_widgets
from .parameter_types import (
    Choice,
    Decimals,
    Default,
    Maximum,
    Minimum,
    Parameter,
    SingleStep,
    Validator,
    WithinRange,
    declared_parameters,
)

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Maximum",
    "Minimum",
    "SingleStep",
    "Validator",
    "WithinRange",
    "parameterNodeWrapper",
]


class _Wrapped:
    """What the decorator adds to a class: a typed view of a vtkMRMLScriptedModuleNode."""

    _parameters: dict[str, Parameter]

    def __init__(self, parameterNode: Any, prefix: str | None = None) -> None:
        if prefix is not None:
            raise NotImplementedError("The test host's parameterNodeWrapper has no prefix")
        if parameterNode is None or not parameterNode.IsA("vtkMRMLScriptedModuleNode"):
            raise TypeError(f"A vtkMRMLScriptedModuleNode is needed, got {parameterNode}")
        object.__setattr__(self, "parameterNode", parameterNode)
        object.__setattr__(self, "_bindings", {})
        object.__setattr__(self, "_tags", itertools.count())
        for parameter in self._parameters.values():
            if not parameter.is_in(parameterNode):
                default = parameter.default
                value = default.get() if isinstance(default, Default) else default
                parameter.write(parameterNode, value)

    def __getattr__(self, name: str) -> Any:
        parameters = type(self)._parameters
        if name in parameters:
            return parameters[name].read(self.parameterNode)
        raise AttributeError(f"{type(self).__name__} has no parameter '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._parameters:
            raise AttributeError(f"{type(self).__name__} has no parameter '{name}'")
        self._parameters[name].write(self.parameterNode, value)

    def AddObserver(self, event: Any, callback: Any, priority: float = 0.0) -> int:
        """Observe the node underneath."""
        return int(self.parameterNode.AddObserver(event, callback, priority))

    def RemoveObserver(self, tag: int) -> None:
        """End what `AddObserver` began."""
        self.parameterNode.RemoveObserver(tag)

    def StartModify(self) -> int:
        """Hold back ModifiedEvent until `EndModify`."""
        return int(self.parameterNode.StartModify())

    def EndModify(self, was_modifying: int) -> int:
        """Let ModifiedEvent go again."""
        return int(self.parameterNode.EndModify(was_modifying))

    def connectGui(self, gui: Any) -> int:
        """Bind the widgets that have the dynamic property SlicerParameterName.

        `gui` is what slicer.util.childWidgetVariables returns, or a widget. Returns a tag for
        `disconnectGui`.
        """
        return self.connectParametersToGui(named_widgets(gui))

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        """Bind parameter names to widgets, both ways; the widgets take the node's values."""
        unknown = sorted(set(mapping) - set(self._parameters))
        if unknown:
            raise ValueError(f"{type(self).__name__} has no parameters {unknown}")
        bindings: list[Binding] = [
            bind(self, self._parameters[name], widget) for name, widget in mapping.items()
        ]

        def update_all(*_: Any) -> None:
            for one in bindings:
                one.update_widget()

        observer = self.AddObserver("ModifiedEvent", update_all)
        tag = next(self._tags)
        self._bindings[tag] = (bindings, observer)
        return tag

    def disconnectGui(self, tag: int) -> None:
        """Undo `connectGui`."""
        bindings, observer = self._bindings.pop(tag)
        self.RemoveObserver(observer)
        for one in bindings:
            one.end()


def parameterNodeWrapper(cls: type) -> type:
    """Class decorator: the annotations of `cls` become typed parameters of its node.

    Raises
    ------
    TypeError
        A parameter of a type that the host does not support.
    """
    parameters = {one.name: one for one in declared_parameters(cls)}
    body = {
        name: value
        for name, value in cls.__dict__.items()
        if name not in parameters and name not in ("__dict__", "__weakref__")
    }
    return type(cls.__name__, (_Wrapped,), {**body, "_parameters": parameters})
