"""What a detector marked in a scan and what readers marked there: the material of every figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from LungPNetLib.errors import InputError
from LungPNetLib.grading.nodule_type import NoduleType
from LungPNetLib.volume import Triplet

POINT_MARK_RADIUS_MM = 5.0
"""LUNA16's radius of an excluded annotation whose size nobody measured (a mark of < 3 mm)."""


@dataclass(frozen=True)
class Box:
    """A box along the axes of LPS, from its lowest to its highest corner.

    Raises
    ------
    InputError
        A corner is not finite, or an edge has no length.
    """

    low_lps_mm: Triplet
    high_lps_mm: Triplet

    def __post_init__(self) -> None:
        edges_mm = [b - a for a, b in zip(self.low_lps_mm, self.high_lps_mm, strict=True)]
        if not all(0 < edge < math.inf for edge in edges_mm):
            raise InputError(
                f"The box from {self.low_lps_mm} to {self.high_lps_mm} mm has edges of {edges_mm} "
                "mm; accepted: finite corners, and each edge longer than 0."
            )

    @classmethod
    def around(cls, centre_lps_mm: Triplet, radius_mm: float) -> Box:
        """The cube around a ball: the box of a nodule of which only centre and size are known."""
        x, y, z = centre_lps_mm
        r = radius_mm
        return cls((x - r, y - r, z - r), (x + r, y + r, z + r))


@dataclass(frozen=True)
class ScoredFinding:
    """What a detector marked.

    Parameters
    ----------
    score : float
        Higher is more suspicious; any finite number, comparable between scans.
    centre_lps_mm : tuple of float
    box : Box, optional
        Needed by ``average_precision`` only.

    Raises
    ------
    InputError
        Score or centre is not finite.
    """

    score: float
    centre_lps_mm: Triplet
    box: Box | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.score) and _is_place(self.centre_lps_mm)):
            raise InputError(
                f"A finding has the score {self.score} and the centre {self.centre_lps_mm} mm; "
                "accepted: a finite score and three finite positions."
            )


@dataclass(frozen=True)
class TrueNodule:
    """An annotation of a scan.

    Parameters
    ----------
    centre_lps_mm : tuple of float
    radius_mm : float
        Above 0; ``POINT_MARK_RADIUS_MM`` for a mark without a size.
    excluded : bool
        Whether findings on it count neither way (LUNA16: fewer than 3 of 4 readers, < 3 mm, or
        not a nodule).
    votes : int, optional
        Readers who marked it.
    nodule_type : NoduleType, optional
    box : Box, optional
        Needed by ``average_precision`` only, and only where it is not excluded.

    Raises
    ------
    InputError
        The centre is not finite, or the radius is not above 0.
    """

    centre_lps_mm: Triplet
    radius_mm: float
    excluded: bool = False
    votes: int | None = None
    nodule_type: NoduleType | None = None
    box: Box | None = None

    def __post_init__(self) -> None:
        if not (_is_place(self.centre_lps_mm) and 0 < self.radius_mm < math.inf):
            raise InputError(
                f"A nodule has the centre {self.centre_lps_mm} mm and the radius {self.radius_mm} "
                "mm; accepted: three finite positions and a radius above 0."
            )

    @property
    def diameter_mm(self) -> float:
        """Twice the radius."""
        return 2 * self.radius_mm


@dataclass(frozen=True)
class JudgedScan:
    """All that a detector marked in a scan, and all that the readers did.

    Parameters
    ----------
    scan_id, patient_id : str
        Pseudonymous; a patient may have several scans.
    findings : tuple of ScoredFinding
        With low scores too: what is left out here cannot be ranked.
    nodules : tuple of TrueNodule
        Counted and excluded ones.
    """

    scan_id: str
    patient_id: str
    findings: tuple[ScoredFinding, ...]
    nodules: tuple[TrueNodule, ...]

    @property
    def is_negative(self) -> bool:
        """Whether it has no nodule that counts; excluded ones it may have."""
        return all(nodule.excluded for nodule in self.nodules)


def counting_only(
    scans: Sequence[JudgedScan], counts: Callable[[TrueNodule], bool]
) -> list[JudgedScan]:
    """The same scans with every other nodule excluded: how a size or a type is measured.

    False findings stay what they are, for they belong to no size and no type.
    """
    return [
        replace(
            scan,
            nodules=tuple(
                replace(nodule, excluded=nodule.excluded or not counts(nodule))
                for nodule in scan.nodules
            ),
        )
        for scan in scans
    ]


def _is_place(place: Triplet) -> bool:
    return len(place) == 3 and all(math.isfinite(value) for value in place)
