"""The type of a nodule by a written rule on the density inside its outline.

1. The core is what lies more than 1 mm and at least one voxel inside the outline, because the
   border mixes with lung; all of a nodule that has no core.
2. Non-solid, if the median of the core is below -340 HU.
3. Else part-solid, if less than 87 % of the core is at or above -300 HU.
4. Else solid.

The numbers of steps 2 and 3 were chosen on 33 nodules of the LIDC-IDRI with the type that one of
its readers gave them, and tested on 33 others of other patients; docs/measurements.md has both.
Density alone tells non-solid nodules from the rest. It does not tell part-solid from solid ones:
the border of a solid nodule is as dense as ground glass, and a reader sees where the ground glass
lies. So the last two are a suggestion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.grading.measure import SOLID_HU, lesion_box
from LungPNetLib.grading.regions import depth_mm
from LungPNetLib.volume import Triplet, Volume

NON_SOLID_BELOW_HU = -340.0
PART_SOLID_BELOW_SHARE = 0.87
CORE_DEPTH_MM = 1.0


class NoduleType(str, Enum):
    """Types of the Fleischner Society (Bankier et al., Radiology 2024;310:e232558).

    ``NON_SOLID`` is pure ground glass, ``PART_SOLID`` ground glass with a solid component.
    """

    NON_SOLID = "non-solid"
    PART_SOLID = "part-solid"
    SOLID = "solid"


@dataclass(frozen=True)
class TypeFinding:
    """The type by the rule, and what the rule saw.

    Parameters
    ----------
    nodule_type : NoduleType
    core_median_hu : float
    core_solid_share : float
        Share of the core at or above -300 HU, 0 to 1.
    core_volume_ml : float
        The core, or the whole nodule if it has none.
    rule : str
        The step of the rule that gave the answer, with its numbers.
    """

    nodule_type: NoduleType
    core_median_hu: float
    core_solid_share: float
    core_volume_ml: float
    rule: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values under the names above."""
        return {**self.__dict__, "nodule_type": self.nodule_type.value}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> TypeFinding:
        """The inverse of :meth:`to_dict`.

        Raises
        ------
        InputError
            Names are missing or unknown, or the type is none.
        """
        try:
            return cls(**{**record, "nodule_type": NoduleType(record["nodule_type"])})
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"This is no type of a nodule ({error}). It comes from another version or was "
                "changed by hand; measure the nodule again."
            ) from error


def nodule_type(ct: Volume, mask: Volume) -> TypeFinding:
    """Type of the nodule in ``mask``, by the rule of this module.

    Parameters
    ----------
    ct : Volume
        HU. Contrast medium and calcium count as solid.
    mask : Volume
        Every voxel that is not 0 belongs to the nodule. On the grid of the CT or a box cut out of
        it.

    Raises
    ------
    InputError
        The mask is empty, or its voxels are not voxels of the CT.
    """
    box, hu, _ = lesion_box(ct, mask)
    core = hu[_core(box.array != 0, box.spacing_mm)]
    median_hu, share = float(np.median(core)), float((core >= SOLID_HU).mean())
    found, rule = _decide(median_hu, share)
    return TypeFinding(found, median_hu, share, core.size * box.voxel_volume_ml, rule)


def _core(inside: npt.NDArray[np.bool_], spacing_mm: Triplet) -> npt.NDArray[np.bool_]:
    in_steps = depth_mm(inside, (1.0, 1.0, 1.0)) > 1.0
    core: npt.NDArray[np.bool_] = in_steps & (depth_mm(inside, spacing_mm) > CORE_DEPTH_MM)
    return core if core.any() else inside


def _decide(median_hu: float, share: float) -> tuple[NoduleType, str]:
    seen = f"median of the core {median_hu:.0f} HU"
    if median_hu < NON_SOLID_BELOW_HU:
        return NoduleType.NON_SOLID, f"{seen}, below {NON_SOLID_BELOW_HU:g} HU"
    dense = f"{share:.0%} of the core at or above {SOLID_HU:g} HU"
    if share < PART_SOLID_BELOW_SHARE:
        return NoduleType.PART_SOLID, f"{dense}, less than {PART_SOLID_BELOW_SHARE:.0%}"
    return NoduleType.SOLID, f"{dense}, {PART_SOLID_BELOW_SHARE:.0%} or more"
