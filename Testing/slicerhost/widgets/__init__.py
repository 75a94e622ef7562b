"""Stand-ins of the CTK, qMRML and qSlicer widgets that the modules use: two closed lists.

`CTK` and `SLICER` hold what can be made; `COMPARED_ONLY` are the names that Slicer's own
parameterNodeWrapper compares types with, which exist here but cannot be made. Anything else is an
AttributeError that names this list: add the stand-in here before a module uses the widget.
"""

import types
from typing import Any

from ..pythonqt.ui_files import custom_widgets
from . import ctk_widgets, markups, node_selector, plots, scene_widgets, segments, tables

CTK: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        ctk_widgets.ctkCollapsibleButton,
        ctk_widgets.ctkDirectoryButton,
        ctk_widgets.ctkDoubleRangeSlider,
        ctk_widgets.ctkMessageBox,
        ctk_widgets.ctkPathLineEdit,
        ctk_widgets.ctkSliderWidget,
    )
}
SLICER: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        markups.qSlicerMarkupsPlaceWidget,
        node_selector.qMRMLNodeComboBox,
        plots.qMRMLPlotView,
        plots.qMRMLPlotWidget,
        scene_widgets.qMRMLWidget,
        scene_widgets.qSlicerWidget,
        segments.qMRMLSegmentSelectorWidget,
        segments.qMRMLSegmentsTableView,
        tables.qMRMLTableView,
    )
}
COMPARED_ONLY = frozenset(
    {
        "ctkCheckBox",
        "ctkCheckablePushButton",
        "ctkColorPickerButton",
        "ctkComboBox",
        "ctkDoubleSlider",
        "ctkDoubleSpinBox",
        "ctkRangeWidget",
        "qMRMLRangeWidget",
        "qMRMLSliderWidget",
        "qMRMLSpinBox",
        "qMRMLSubjectHierarchyComboBox",
        "qMRMLSubjectHierarchyTreeView",
    }
)
custom_widgets.update(CTK)
custom_widgets.update(SLICER)


def _placeholder(name: str) -> type:
    def refuse(self: Any, *_: Any) -> None:
        raise NotImplementedError(
            f"{name} has no stand-in in the test host (Testing/slicerhost/widgets)"
        )

    return type(name, (), {"__init__": refuse})


_placeholders = {name: _placeholder(name) for name in COMPARED_ONLY}


def closed_getattr(module: types.ModuleType, prefixes: tuple[str, ...]) -> Any:
    """A module-level `__getattr__` for what the module's closed list does not have."""

    def getattr_(name: str) -> Any:
        if name in _placeholders and name.startswith(prefixes):
            return _placeholders[name]
        message = f"module '{module.__name__}' has no attribute '{name}'"
        if name.startswith(("ctk", "qMRML", "qSlicer")):
            known = ", ".join(sorted([*CTK, *SLICER]))
            message += f"; the closed list of stand-ins (Testing/slicerhost/widgets): {known}"
        raise AttributeError(message)

    return getattr_
