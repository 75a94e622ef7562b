"""Which processor runs the networks."""

from __future__ import annotations

import re

from LungPNetLib.errors import DependencyError, InputError
from LungPNetLib.lazy import require


def resolve_device(wanted: str) -> str:
    """Turn ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` into the torch device that is really there.

    Examples
    --------
    >>> resolve_device("cpu")
    'cpu'

    Raises
    ------
    InputError
        The text names no device.
    DependencyError
        A GPU was asked for and is not usable; nothing falls back silently.
    """
    if wanted == "cpu":
        return "cpu"
    match = re.fullmatch(r"auto|cuda(?::(\d+))?", wanted)
    if match is None:
        raise InputError(f"Unknown device '{wanted}'. Use auto, cpu, cuda or cuda:N.")
    torch = require("torch", feature=f"device '{wanted}'")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        return "cuda:0" if count else "cpu"
    number = int(match.group(1) or 0)
    if number >= count:
        raise DependencyError(
            f"Device '{wanted}' was asked for, but torch {torch.__version__} sees {count} CUDA "
            "device(s). Use --device auto or cpu, or install a CUDA build of torch and its driver."
        )
    return f"cuda:{number}"
