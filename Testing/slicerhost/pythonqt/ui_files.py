"""QUiLoader that makes the stand-ins of CTK and Slicer widgets, and refuses what is unknown."""

from typing import Any
from xml.etree import ElementTree as ET

from PySide6 import QtCore, QtUiTools, QtWidgets

from .properties import loading, set_python_attribute

# Class name in a .ui file -> stand-in; filled by the widgets package.
custom_widgets: dict[str, type] = {}
_DESIGNER_NAMES = {"Line": QtWidgets.QFrame}


class UiFileError(RuntimeError):
    """A .ui file uses a class or a property that the host does not have."""


def _widget_class(name: str) -> type | None:
    return custom_widgets.get(name) or _DESIGNER_NAMES.get(name) or getattr(QtWidgets, name, None)


def check_ui(root: ET.Element, source: str) -> None:
    """Refuse unknown widget classes and, on known ones, unknown properties.

    A property that the file itself marks as dynamic (`stdset="0"`) is free: SlicerParameterName.

    Raises
    ------
    UiFileError
        With the closed list of custom classes in it.
    """
    for widget in root.iter("widget"):
        name = widget.get("class", "")
        cls = _widget_class(name)
        if cls is None:
            raise UiFileError(
                f"{source}: no stand-in for '{name}'. The closed list (Testing/slicerhost/widgets) "
                f"has {', '.join(sorted(custom_widgets))}; use one of these, or add it there"
            )
        for entry in widget.findall("property"):
            known = entry.get("name", "") in cls._property_names
            # Designer's own: the orientation of a Line becomes the frame's shape.
            if not known and entry.get("stdset") != "0" and name not in _DESIGNER_NAMES:
                raise UiFileError(
                    f"{source}: {name} '{widget.get('name')}' has no property "
                    f"'{entry.get('name')}' (a dynamic one needs stdset=\"0\")"
                )


class UiLoader(QtUiTools.QUiLoader):
    """`qt.QUiLoader`: custom classes resolved to stand-ins, `<connections>` made by string."""

    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> Any:
        """Make one widget; called back by Qt for every `<widget>` of the file."""
        if class_name in custom_widgets:
            widget = custom_widgets[class_name](parent)
            widget.setObjectName(name)
        else:
            widget = super().createWidget(class_name, parent, name)
        self._made.append(widget)
        return widget

    def load(self, device: Any, parent: Any = None) -> Any:
        """Read the .ui file and return its root widget, as QUiLoader.load."""
        root = ET.fromstring(bytes(device.readAll().data()))
        check_ui(root, device.fileName())
        connections = [
            {key: entry.findtext(key, "") for key in ("sender", "signal", "receiver", "slot")}
            for entry in root.iter("connection")
        ]
        for entry in root.findall("connections"):
            root.remove(entry)
        self._made: list[Any] = []
        widget = self._build(root, parent)
        # The Python halves of the stand-ins live as long as the root does.
        set_python_attribute(widget, "_loaded_widgets", self._made)
        by_name = {
            child.objectName: child for child in [widget, *widget.findChildren(QtCore.QObject)]
        }
        for entry in connections:
            by_name[entry["sender"]].connect(
                entry["signal"], by_name[entry["receiver"]], entry["slot"]
            )
        return widget

    def _build(self, root: ET.Element, parent: Any) -> Any:
        buffer = QtCore.QBuffer()
        buffer.setData(ET.tostring(root))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        loading.active = True
        try:
            return super().load(buffer, parent)
        finally:
            loading.active = False
