"""Networks that stay in memory between two runs in one process, and memory that does not."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

Model = TypeVar("Model")
Key: TypeAlias = tuple[str, ...]

LIMIT = 8
"""So many models are kept; then the one that was not used for the longest time goes."""

_models: dict[Key, Any] = {}
_lock = threading.Lock()


def warm_model(key: Key, load: Callable[[], Model]) -> Model:
    """The model of ``key``: from memory, or else by calling ``load``.

    Parameters
    ----------
    key : tuple of str
        Everything that makes two models differ: the SHA-256 of the weights, the device.
    load : callable
        Makes the model; what it raises is passed on, and nothing is kept then.

    Examples
    --------
    >>> _ = release_models()
    >>> warm_model(("a1b2", "cpu"), lambda: "loaded")
    'loaded'
    >>> warm_model(("a1b2", "cpu"), lambda: "loaded again")
    'loaded'
    >>> release_models()
    1
    """
    with _lock:
        model: Model = _models.pop(key) if key in _models else load()
        while len(_models) >= LIMIT:
            del _models[next(iter(_models))]
        _models[key] = model
    return model


def release_models() -> int:
    """Forget all models and say how many there were; their memory is free once nobody uses them."""
    with _lock:
        count = len(_models)
        _models.clear()
    return count


def give_memory_back() -> None:
    """Collect what is unreachable and give free memory back to the operating system and GPU."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        import ctypes

        # Other C libraries than glibc have no such function.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
