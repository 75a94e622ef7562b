"""Made-up patients beside real ones: how they are told apart, and in what shares they train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

PREFIX = "phantom-"
"""IDs of made-up patients start with this."""


class _Patient(Protocol):
    @property
    def is_real(self) -> bool: ...


Case = TypeVar("Case", bound=_Patient)


def is_real(patient_id: str) -> bool:
    """Whether this is the ID of a real patient.

    Examples
    --------
    >>> is_real("LIDC-IDRI-0028"), is_real("phantom-1-00000")
    (True, False)
    """
    return not patient_id.startswith(PREFIX)


def with_real_share(cases: Sequence[Case], share: float) -> list[Case]:
    """The cases, the real ones repeated until they are about ``share`` of all.

    Parameters
    ----------
    cases : sequence
        Each with ``is_real``.
    share : float
        0 to 1; at both ends, or where there is only one kind, nothing is repeated.
    """
    real = [case for case in cases if case.is_real]
    others = len(cases) - len(real)
    copies = 1
    if real and others and 0 < share < 1:
        copies = max(1, round(share / (1 - share) * others / len(real)))
    return [*cases, *real * (copies - 1)]
