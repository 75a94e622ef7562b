"""The `qt` module: PySide6 that behaves as PythonQt does, and refuses what PythonQt refuses."""

import os
import sys
import types

# Before PySide6 is imported: no screen, and enums that are integers, as in PythonQt.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["PYSIDE6_OPTION_PYTHON_ENUM"] = "0x2"

from PySide6 import QtCore, QtGui, QtNetwork, QtPrintSupport, QtSvg, QtWidgets

from . import properties, signals, ui_files

_MODULES = (QtCore, QtGui, QtWidgets, QtNetwork, QtSvg, QtPrintSupport)


def make_strict(cls: type) -> type:
    """Install PythonQt's rules on one QObject class; for Qt's classes and for stand-ins."""
    meta = cls.staticMetaObject
    # Kept, because a meta-object that was asked for through an instance dies with it.
    cls._property_names = frozenset(meta.property(i).name() for i in range(meta.propertyCount()))
    cls._signal_signatures = tuple(signals.signal_signatures(meta))
    if cls.__module__.startswith("PySide6"):
        properties.install_properties(cls)
    cls.__setattr__ = properties.strict_setattr
    cls.__getattr__ = properties.strict_getattr
    if not getattr(cls.__getattribute__, "_is_strict", False):
        cls.__getattribute__ = signals.with_string_connect(cls.__getattribute__)
    cls.connect = signals.connect
    cls.disconnect = signals.disconnect
    return cls


def _qt_classes() -> dict[str, type]:
    found: dict[str, type] = {}
    for module in _MODULES:
        for name in dir(module):
            value = getattr(module, name)
            if name.startswith("Q") and isinstance(value, type):
                found.setdefault(name, value)
    return found


def _build() -> types.ModuleType:
    module = types.ModuleType("qt", "Qt as PythonQt gives it to Slicer's modules.")
    classes = _qt_classes()
    qobjects = [cls for cls in classes.values() if issubclass(cls, QtCore.QObject)]
    # Leaves first: each keeps its own original __getattribute__ as the base.
    for cls in sorted(qobjects, key=lambda cls: -len(cls.__mro__)):
        cls.__getattribute__ = signals.with_string_connect(cls.__getattribute__)
    for cls in sorted(qobjects, key=lambda cls: len(cls.__mro__)):
        make_strict(cls)
    properties.install_object_extras()
    properties.drop_out_parameters()
    for cls in classes.values():
        if hasattr(cls, "exec") and not hasattr(cls, "exec_"):
            cls.exec_ = cls.exec
    module.__dict__.update(classes)
    module.Qt = QtCore.Qt
    module.QUiLoader = ui_files.UiLoader
    return module


def install() -> types.ModuleType:
    """Build the `qt` module once and put it where `import qt` finds it."""
    if "qt" not in sys.modules:
        sys.modules["qt"] = _build()
    return sys.modules["qt"]
