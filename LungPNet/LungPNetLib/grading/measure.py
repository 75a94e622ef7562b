"""What is measured of one nodule: size, form, density and place, in physical units."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.errors import InputError
from LungPNetLib.grading.axes import section_axes
from LungPNetLib.grading.place import SIDES, lung_label, lung_third, pleura_distance_mm
from LungPNetLib.grading.surface import diameters, sphericity, surface_area_mm2
from LungPNetLib.volume import Triplet, Volume

SOLID_HU = -300.0
"""Voxels from here on count as solid, vessels and calcium among them (Scholten et al., Eur Radiol
2015;25:488-496: tells part-solid from non-solid nodules with 90 % sensitivity, 88 % specificity).
"""
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
    section_area_mm2 : float
        The largest area of an axial section: pixels times the area of one.
    max_diameter_mm, min_diameter_mm : float
        In space, as :class:`Diameters` defines them; the largest is never less than the long axis.
    diameter_ratio : float
        The smallest by the largest diameter, 0 to 1.
    equivalent_diameter_mm : float
        Diameter of the sphere of the same volume.
    surface_mm2, sphericity : float
        As :func:`surface_area_mm2` and :func:`sphericity` define them.
    mean_hu, min_hu, max_hu, sd_hu, variance_hu2, skewness : float
        Over all voxels, each counted once. Standard deviation, variance and skewness are those of
        the voxels, not estimates (n, not n - 1); the skewness of a constant is 0.
    solid_fraction : float
        Share of the voxels at or above -300 HU, 0 to 1.
    solid_diameter_mm : float
        Largest diameter in space of the largest connected part (by faces) at or above -300 HU; 0
        if there is none.
    centre_mm : tuple of float
        Centre of the volume, LPS mm; may lie outside a bent nodule.
    slice_number : int
        Of the section with the largest area (the first of several), counted from 0 in the CT.
    side, third : str, optional
        ``"right"`` or ``"left"``, and ``"upper"``, ``"middle"`` or ``"lower"`` as
        :func:`lung_third` defines it; None without a lung mask, or with no lung within 5 mm.
    pleura_distance_mm : float, optional
        As :func:`pleura_distance_mm` defines it; None where ``side`` is.
    """

    volume_mm3: float
    volume_ml: float
    long_axis_mm: float
    short_axis_mm: float
    mean_diameter_mm: float
    mean_diameter_whole_mm: int
    section_area_mm2: float
    max_diameter_mm: float
    min_diameter_mm: float
    diameter_ratio: float
    equivalent_diameter_mm: float
    surface_mm2: float
    sphericity: float
    mean_hu: float
    min_hu: float
    max_hu: float
    sd_hu: float
    variance_hu2: float
    skewness: float
    solid_fraction: float
    solid_diameter_mm: float
    centre_mm: Triplet
    slice_number: int
    side: str | None = None
    third: str | None = None
    pleura_distance_mm: float | None = None

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

    def lung_pnet_columns(self) -> dict[str, float]:
        """The measured columns of the Lung-PNetV2 table, under its names.

        The table has 11 numbers; the eleventh is the patient's age. Its source gives names and
        units but no definitions; these are ours, with X read as "in the axial section", and the
        ratio as smallest by largest diameter.
        """
        return {
            "XMaxDiameter(mm)": self.long_axis_mm,
            "Volume(ml)": self.volume_ml,
            "MaxCT": self.max_hu,
            "MinCT": self.min_hu,
            "MeanCT": self.mean_hu,
            "VarCT": self.variance_hu2,
            "XAreaMax(mm2)": self.section_area_mm2,
            "DiameterMax(mm)": self.max_diameter_mm,
            "DiameterMin(mm)": self.min_diameter_mm,
            "RatioDiameter": self.diameter_ratio,
        }


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
        1 right, 2 left, in any grid; gives side, third and distance from the pleura.

    Raises
    ------
    InputError
        The mask is empty, or its voxels are not voxels of the CT.
    """
    mask, hu, corner = lesion_box(ct, mask)
    inside = mask.array != 0
    centre = mask.index_to_world(np.argwhere(inside).mean(axis=0)[::-1])
    size = _size(mask, inside, corner)
    solid_mm = _solid_diameter_mm(mask, inside & (hu >= SOLID_HU))
    return NoduleMeasurements(
        **size,
        **_density(hu[inside]),
        solid_diameter_mm=min(solid_mm, size["max_diameter_mm"]),
        centre_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
        **({} if lungs is None else _place(mask, lungs, float(centre[2]))),
    )


def lesion_box(
    ct: Volume, mask: Volume
) -> tuple[Volume, npt.NDArray[np.float64], tuple[int, int, int]]:
    """The smallest box of the CT that holds the lesion.

    Parameters
    ----------
    ct, mask : Volume
        As :func:`measure_nodule` takes them.

    Returns
    -------
    tuple
        The mask in this box, the CT's values (z, y, x) in it, and the index (column, row, slice)
        of its first voxel in the CT.

    Raises
    ------
    InputError
        The mask is empty, or its voxels are not voxels of the CT.
    """
    voxels = np.argwhere(mask.array != 0)[:, ::-1]
    if not len(voxels):
        raise InputError("The nodule's mask is empty; there is nothing to measure. Outline it.")
    offset = _corner_in(ct, mask)
    start = voxels.min(axis=0)
    size = (voxels.max(axis=0) - start + 1).tolist()
    i, j, k = (start + offset).tolist()
    hu = ct.cropped((i, j, k), size).array.astype(np.float64)
    return mask.cropped(start.tolist(), size), hu, (i, j, k)


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


def _size(
    mask: Volume, inside: npt.NDArray[np.bool_], corner: tuple[int, int, int]
) -> dict[str, Any]:
    volume_mm3 = int(inside.sum()) * float(np.prod(mask.spacing_mm))
    # Axial is across the index axis that is closest to the patient's long axis.
    axis = mask.axis_order_to().axes[2]
    sections = np.moveaxis(inside, 2 - axis, 0)
    index = int(np.argmax(sections.sum(axis=(1, 2))))
    rows_mm, columns_mm = (mask.spacing_mm[other] for other in (2, 1, 0) if other != axis)
    axes = section_axes(sections[index], (rows_mm, columns_mm))
    mean_mm = (axes.long_axis_mm + axes.short_axis_mm) / 2.0
    across = diameters(mask)
    max_mm = max(across.max_mm, axes.long_axis_mm)
    area_mm2 = surface_area_mm2(mask)
    return {
        "volume_mm3": volume_mm3,
        "volume_ml": volume_mm3 / 1000.0,
        "long_axis_mm": axes.long_axis_mm,
        "short_axis_mm": axes.short_axis_mm,
        "mean_diameter_mm": mean_mm,
        "mean_diameter_whole_mm": math.floor(mean_mm + 0.5),
        "section_area_mm2": int(sections[index].sum()) * rows_mm * columns_mm,
        "max_diameter_mm": max_mm,
        "min_diameter_mm": across.min_mm,
        "diameter_ratio": across.min_mm / max_mm,
        "equivalent_diameter_mm": (6.0 * volume_mm3 / math.pi) ** (1.0 / 3.0),
        "surface_mm2": area_mm2,
        "sphericity": sphericity(volume_mm3, area_mm2),
        "slice_number": corner[axis] + index,
    }


def _density(hu: npt.NDArray[np.float64]) -> dict[str, Any]:
    third_moment = float(((hu - hu.mean()) ** 3).mean())
    return {
        "mean_hu": float(hu.mean()),
        "min_hu": float(hu.min()),
        "max_hu": float(hu.max()),
        "sd_hu": float(hu.std()),
        "variance_hu2": float(hu.var()),
        "skewness": third_moment / float(hu.std()) ** 3 if np.ptp(hu) else 0.0,
        "solid_fraction": float((hu >= SOLID_HU).mean()),
    }


def _solid_diameter_mm(mask: Volume, solid: npt.NDArray[np.bool_]) -> float:
    labels, count = ndimage.label(solid)
    if not count:
        return 0.0
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    return diameters(mask.with_array(largest)).max_mm


def _place(mask: Volume, lungs: Volume, z_mm: float) -> dict[str, Any]:
    label = lung_label(mask, lungs)
    if label is None:
        return {}
    return {
        "side": SIDES[label],
        "third": lung_third(z_mm, lungs, label),
        "pleura_distance_mm": pleura_distance_mm(mask, lungs, label),
    }


def _text(spacing_mm: Triplet) -> str:
    return " x ".join(f"{step:.4g}" for step in spacing_mm)
