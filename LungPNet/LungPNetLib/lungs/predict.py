"""From a CT to its lungs: the door that pipeline, worker and panels use."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from LungPNetLib.lungs import classical
from LungPNetLib.volume import Volume


class LungMethod(str, Enum):
    """How the lungs are found."""

    CLASSICAL = "classical"


_METHODS = {LungMethod.CLASSICAL: classical.segment}


def predict_lungs(
    ct: Volume,
    method: LungMethod = LungMethod.CLASSICAL,
    progress: Callable[[float], None] = lambda _: None,
) -> Volume:
    """Right (1) and left (2) lung as uint8 on the grid of ``ct``, which may have any axis order.

    ``progress`` is told the share of the work done, 0 to 1.

    Raises
    ------
    InputError
        No lung is found.
    """
    return _METHODS[method](ct, progress)
