"""What is measured of one nodule: size, density and place, in physical units."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.lungs.classical import LEFT, RIGHT
from LungPNetLib.nodules.axes import section_axes
from LungPNetLib.volume import Triplet, Volume

_SIDES = {RIGHT: "right", LEFT: "left"}
_SIDE_REACH_MM = 5.0
"""A nodule that a lung mask leaves out belongs to the lung that comes this close to it."""
_GRID_TOLERANCE = 1e-2


@dataclass(frozen=True)
class NoduleMeasurements:
    """Measurements of one nodule.

    Parameters
    ----------
    volume_mm3, volume_ml : float
        Number of voxels times the volume of one.
    long_axis_mm, short_axis_mm : float
        On the axial section with the largest area, as :func:`section_axes` defines them.
    mean_diameter_mm : float
        Mean of long and short axis.
    mean_diameter_whole_mm : int
        The same to the nearest whole millimetre, halves upwards, as the Fleischner Society
        recommends to report it (Bankier et al., Radiology 2017;285:584-600).
    equivalent_diameter_mm : float
        Diameter of the sphere of the same volume.
    mean_hu, min_hu, max_hu, sd_hu : float
        Over all voxels; the standard deviation is that of the voxels, not an estimate (n, not
        n - 1).
    centre_mm : tuple of float
        Centre of the volume, LPS mm; may lie outside a bent nodule.
    slice_number : int
        Of the section with the largest area (the first of several), counted from 0 in the CT.
    side : str, optional
        ``"right"`` or ``"left"``; None without a lung mask, or with no lung close to the nodule.
    """

    volume_mm3: float
    volume_ml: float
    long_axis_mm: float
    short_axis_mm: float
    mean_diameter_mm: float
    mean_diameter_whole_mm: int
    equivalent_diameter_mm: float
    mean_hu: float
    min_hu: float
    max_hu: float
    sd_hu: float
    centre_mm: Triplet
    slice_number: int
    side: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values under the names above."""
        return asdict(self) | {"centre_mm": list(self.centre_mm)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> NoduleMeasurements:
        """The inverse of :meth:`to_dict`.

        Raises
        ------
        InputError
            Names are missing or unknown, or the centre is not three numbers.
        """
        try:
            x, y, z = map(float, record["centre_mm"])
            return cls(**{**record, "centre_mm": (x, y, z)})
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"These are no measurements of a nodule ({error}). They come from another version "
                "or were changed by hand; measure the nodule again."
            ) from error


def measure_nodule(ct: Volume, mask: Volume, lungs: Volume | None = None) -> NoduleMeasurements:
    """Measure the nodule in ``mask``.

    Parameters
    ----------
    ct : Volume
        HU, in any axis order.
    mask : Volume
        Every voxel that is not 0 belongs to the nodule. On the grid of the CT or a box cut out of
        it.
    lungs : Volume, optional
        1 right, 2 left, in any grid; gives the side.

    Raises
    ------
    InputError
        The mask is empty, or its voxels are not voxels of the CT.
    """
    inside = mask.array.astype(bool)
    if not inside.any():
        raise InputError("The nodule's mask is empty; there is nothing to measure. Outline it.")
    corner = _corner_in(ct, mask)
    hu = ct.cropped(corner, mask.shape[::-1]).array[inside].astype(np.float64)
    volume_mm3 = int(inside.sum()) * float(np.prod(mask.spacing_mm))
    section, spacing_mm, axis, index = _largest_axial_section(mask, inside)
    axes = section_axes(section, spacing_mm)
    mean_diameter = (axes.long_axis_mm + axes.short_axis_mm) / 2.0
    centre = mask.index_to_world(np.argwhere(inside).mean(axis=0)[::-1])
    return NoduleMeasurements(
        volume_mm3=volume_mm3,
        volume_ml=volume_mm3 / 1000.0,
        long_axis_mm=axes.long_axis_mm,
        short_axis_mm=axes.short_axis_mm,
        mean_diameter_mm=mean_diameter,
        mean_diameter_whole_mm=math.floor(mean_diameter + 0.5),
        equivalent_diameter_mm=(6.0 * volume_mm3 / math.pi) ** (1.0 / 3.0),
        mean_hu=float(hu.mean()),
        min_hu=float(hu.min()),
        max_hu=float(hu.max()),
        sd_hu=float(hu.std()),
        centre_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
        slice_number=corner[axis] + index,
        side=None if lungs is None else _side(mask, inside, lungs),
    )


def _corner_in(ct: Volume, mask: Volume) -> tuple[int, int, int]:
    """Index (column, row, slice) in the CT of the mask's first voxel."""
    first = ct.world_to_index(mask.origin_mm)
    i, j, k = np.rint(first).astype(int).tolist()
    last = ct.world_to_index(mask.index_to_world(np.array(mask.shape[::-1]) - 1))
    steps = np.array([i, j, k]) + np.array(mask.shape[::-1]) - 1
    apart = max(np.abs(first - (i, j, k)).max(), np.abs(last - steps).max())
    inside = min(i, j, k) >= 0 and (steps < ct.shape[::-1]).all()
    if apart > _GRID_TOLERANCE or not inside:
        raise InputError(
            f"The nodule's mask (spacing {_text(mask.spacing_mm)} mm) does not lie on the grid of "
            f"the CT (spacing {_text(ct.spacing_mm)} mm); resample it onto the CT first."
        )
    return i, j, k


def _largest_axial_section(
    mask: Volume, inside: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], tuple[float, float], int, int]:
    """The section, its spacing (row, column), the axis it is taken along, and its index there.

    Axial is across the index axis that is closest to the patient's long axis.
    """
    axis = mask.axis_order_to().axes[2]
    sections = np.moveaxis(inside, 2 - axis, 0)
    index = int(np.argmax(sections.sum(axis=(1, 2))))
    rows, columns = (a for a in (2, 1, 0) if a != axis)
    return sections[index], (mask.spacing_mm[rows], mask.spacing_mm[columns]), axis, index


def _side(mask: Volume, inside: npt.NDArray[np.bool_], lungs: Volume) -> str | None:
    reach = [math.ceil(_SIDE_REACH_MM / step) for step in mask.spacing_mm]
    box = np.argwhere(inside)[:, ::-1]
    start = box.min(axis=0) - reach
    size = box.max(axis=0) + reach - start + 1
    around = Volume(
        np.broadcast_to(np.uint8(0), size[::-1]),
        mask.spacing_mm,
        tuple(mask.index_to_world(start)),
        mask.direction,
    )
    near = lungs.resampled_to(around, interpolation="nearest").array
    counts = {label: int(np.count_nonzero(near == label)) for label in _SIDES}
    label = max(_SIDES, key=lambda label: counts[label])
    return _SIDES[label] if counts[label] else None


def _text(spacing_mm: Triplet) -> str:
    return " x ".join(f"{step:.4g}" for step in spacing_mm)
