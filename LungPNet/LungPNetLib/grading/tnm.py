"""T of a measured lesion, and the stage group of T, N and M; each answer names its rule.

Nothing here looks for lymph nodes, metastases or invasion: a person answers for them, and "not
assessed" (TX, NX) is an answer that has to be given.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from LungPNetLib.errors import InputError
from LungPNetLib.grading.measure import NoduleMeasurements
from LungPNetLib.grading.nodule_type import NoduleType
from LungPNetLib.grading.tnm_tables import (
    EIGHTH_M,
    EIGHTH_N,
    INVASIONS,
    M0_GROUPS,
    M1_GROUPS,
    NINTH_ONLY,
    NODULES,
    SIZES_CM,
    SOURCES,
    SUBSOLID_SOURCE,
    Edition,
    Invasion,
    SeparateNodules,
    StageGroup,
)
from LungPNetLib.survival.categories import MCategory, NCategory, TCategory

_ORDER = tuple(TCategory)
_MOST_MM = 300.0
_MINIMAL_MM, _SMALL_MM = 5, 30


@dataclass(frozen=True)
class TumourExtent:
    """What decides the T of a primary tumour; None where not answered.

    Parameters
    ----------
    nodule_type : NoduleType, optional
        Of a nodule without ground glass: solid.
    total_mm : float, optional
        Greatest dimension with the ground glass, above 0 to 300 mm.
    solid_mm : float, optional
        Greatest dimension of the solid component; asked for of part-solid lesions only.
    invasions : collection of Invasion, optional
        What the tumour involves; empty if a person has looked and found nothing.
    separate_nodules : SeparateNodules, optional
    """

    nodule_type: NoduleType | None = None
    total_mm: float | None = None
    solid_mm: float | None = None
    invasions: Collection[Invasion] | None = None
    separate_nodules: SeparateNodules | None = None

    @classmethod
    def of_measurements(
        cls,
        measured: NoduleMeasurements,
        nodule_type: NoduleType,
        invasions: Collection[Invasion] | None = None,
        separate_nodules: SeparateNodules | None = None,
    ) -> TumourExtent:
        """The extent of a measured lesion, with its diameters in space.

        The solid component is the largest part above -300 HU, so a vessel that runs through
        ground glass is taken for one; a person should look at it.
        """
        part_solid = nodule_type is NoduleType.PART_SOLID
        return cls(
            nodule_type=nodule_type,
            total_mm=measured.max_diameter_mm,
            solid_mm=measured.solid_diameter_mm if part_solid else None,
            invasions=invasions,
            separate_nodules=separate_nodules,
        )


@dataclass(frozen=True)
class TResult:
    """A T category with the rule that gave it, and where the rule is published."""

    category: TCategory
    edition: Edition
    rule: str
    source: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values under the names above."""
        return _plain(asdict(self))


@dataclass(frozen=True)
class StageResult:
    """A stage group with the row of the table that gave it, and where the table is published.

    ``t``, ``n`` and ``m`` are named as the edition names them: N2a is N2 in the 8th.
    """

    group: StageGroup
    t: str
    n: str
    m: str
    edition: Edition
    rule: str
    source: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values under the names above."""
        return _plain(asdict(self))


def t_category(extent: TumourExtent, edition: Edition = Edition.NINTH) -> TResult:
    """T of a tumour: the highest of what its size, invasion and separate nodules ask for.

    Sizes are rounded to whole millimetres, halves upwards, before they are compared. Of
    part-solid lesions the solid component counts; lesions of at most 30 mm are Tis if they are
    pure ground glass, and T1mi if their solid component is at most 5 mm. A tumour above 4 to 5 cm
    stays T2b whatever else makes it a T2.

    Raises
    ------
    InputError
        An answer is missing or out of range, or the edition does not name a structure. A tumour
        that cannot be assessed is TX, which a person says.
    """
    _check(extent, edition)
    candidates = [_by_size(extent)]
    for invasion in extent.invasions or ():
        candidates.append((INVASIONS[invasion], f"involves: {invasion.value}"))
    nodules = extent.separate_nodules
    if nodules in NODULES:
        candidates.append((NODULES[nodules], f"separate tumour nodules: {nodules.value}"))
    category, rule = max(candidates, key=lambda one: _ORDER.index(one[0]))
    subsolid = extent.nodule_type is not NoduleType.SOLID and rule == candidates[0][1]
    source = f"{SOURCES[edition]}; {SUBSOLID_SOURCE}" if subsolid else SOURCES[edition]
    return TResult(category, edition, f"{category.value}: {rule}", source)


def stage_group(
    t: TCategory | None,
    n: NCategory | None,
    m: MCategory | None,
    edition: Edition = Edition.NINTH,
) -> StageResult:
    """Stage group by the table of an edition.

    Parameters
    ----------
    t, n, m : optional
        In the categories of the 9th edition, which the 8th joins: N2a and N2b are its N2, M1c1
        and M1c2 its M1c.

    Raises
    ------
    InputError
        One of them is missing, or the table has no such row (TX with nodes, Tis with nodes, T0 or
        NX without distant metastases).
    """
    if t is None or n is None or m is None:
        given = {"T": t, "N": n, "M": m}
        missing = ", ".join(name for name, value in given.items() if value is None)
        raise InputError(
            f"The stage cannot be told without {missing}. Choose a category; TX and NX are those "
            "of what cannot be assessed."
        )
    eighth = edition is Edition.EIGHTH
    row = t.value
    column = EIGHTH_N.get(n, n.value) if eighth else n.value
    spread = EIGHTH_M.get(m, m.value) if eighth else m.value
    if m is not MCategory.M0:
        group, rule = M1_GROUPS[spread], f"any T, any N, {spread}"
    else:
        group, rule = _without_metastases(row, column, edition), f"{row} {column} M0"
    return StageResult(
        group, row, column, spread, edition, f"{rule}: {_named(group)}", SOURCES[edition]
    )


def _without_metastases(row: str, column: str, edition: Edition) -> StageGroup:
    group = M0_GROUPS[edition].get((row, column))
    if group is None:
        raise InputError(
            f"{SOURCES[edition]} has no stage group for {row} {column} M0. Assess what is open "
            "(TX, NX), or correct T: in situ and minimally invasive tumours have no nodes."
        )
    return group


def _by_size(extent: TumourExtent) -> tuple[TCategory, str]:
    total_mm = _whole(extent.total_mm or 0.0)
    if extent.nodule_type is NoduleType.NON_SOLID:
        if total_mm <= _SMALL_MM:
            return TCategory.TIS, f"pure ground glass of {total_mm} mm, at most {_SMALL_MM} mm"
        return TCategory.T1A, f"pure ground glass of {total_mm} mm, above {_SMALL_MM} mm"
    if extent.nodule_type is NoduleType.SOLID:
        return _by_cut_points(total_mm, "greatest dimension")
    solid_mm = _whole(extent.solid_mm or 0.0)
    if solid_mm <= _MINIMAL_MM:
        seen = f"solid component of {solid_mm} mm, at most {_MINIMAL_MM} mm, in {total_mm} mm"
        small = total_mm <= _SMALL_MM
        return TCategory.T1MI if small else TCategory.T1A, seen
    return _by_cut_points(solid_mm, "solid component")


def _by_cut_points(size_mm: int, what: str) -> tuple[TCategory, str]:
    low_cm = 0.0
    for high_cm, category in SIZES_CM:
        if size_mm <= 10.0 * high_cm:
            return category, f"{what} of {size_mm} mm, above {low_cm:g} to {high_cm:g} cm"
        low_cm = high_cm
    return TCategory.T4, f"{what} of {size_mm} mm, above {low_cm:g} cm"


def _whole(size_mm: float) -> int:
    """To the whole millimetre; what is there at all has at least one."""
    return max(1, math.floor(size_mm + 0.5)) if size_mm > 0.0 else 0


def _check(extent: TumourExtent, edition: Edition) -> None:
    asked = ["nodule_type", "total_mm", "invasions", "separate_nodules"]
    if extent.nodule_type is NoduleType.PART_SOLID:
        asked.append("solid_mm")
    missing = [name for name in asked if getattr(extent, name) is None]
    if missing:
        raise InputError(
            f"T cannot be told without: {', '.join(missing)}. Answer it (an empty list or 'none' "
            "if there is nothing), or choose TX if the tumour cannot be assessed."
        )
    if not 0.0 < (extent.total_mm or 0.0) <= _MOST_MM:
        raise InputError(
            f"The tumour's total_mm is {extent.total_mm}; accepted: above 0 to {_MOST_MM:g} mm. "
            "Measure it again."
        )
    if not 0.0 <= (extent.solid_mm or 0.0) <= (extent.total_mm or 0.0):
        raise InputError(
            f"The tumour's solid_mm is {extent.solid_mm}; accepted: 0 to total_mm, which is "
            f"{extent.total_mm:g} mm. Measure both again."
        )
    unnamed = sorted(one.value for one in NINTH_ONLY.intersection(extent.invasions or ()))
    if edition is Edition.EIGHTH and unnamed:
        raise InputError(
            f"The table of the 8th edition does not name: {', '.join(unnamed)}. Choose T yourself, "
            "or the 9th edition, which does."
        )


def _named(group: StageGroup) -> str:
    return group.value if group is StageGroup.OCCULT else f"stage {group.value}"


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    return {name: one.value if isinstance(one, Enum) else one for name, one in record.items()}
