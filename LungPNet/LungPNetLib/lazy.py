"""Imports that wait until they are needed, and say what to install when they fail."""

from __future__ import annotations

import importlib
from types import ModuleType

from LungPNetLib.errors import DependencyError


def require(module: str, *, feature: str, extra: str | None = None) -> ModuleType:
    """Import ``module`` or raise an error that says which feature needs it and how to get it.

    Parameters
    ----------
    module : str
        Dotted module name, such as ``"reportlab.platypus"``.
    feature : str
        What the person asked for, in words: "the PDF report".
    extra : str, optional
        The extra of the ``lungpnet`` distribution that brings the package.

    Raises
    ------
    DependencyError
        The module, or something that it imports, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        target = f"'lungpnet[{extra}]'" if extra else package
        raise DependencyError(
            f"{feature} needs the Python package '{package}', which cannot be imported ({error}). "
            f"Install it with: python -m pip install {target}"
        ) from error
