"""The simple way to outline a nodule, which every network has to beat: threshold and morphology.

A fixed threshold parts tissue from lung. What is thinner than a ball of growing radius is cut off
until the part nearest to the middle no longer reaches the border of the box: vessels first, the
chest wall at last. After Kostis et al. (IEEE Trans Med Imaging 2003;22:1259-1274) and Kuhnigk et
al. (IEEE Trans Med Imaging 2006;25:417-434), without what those do beyond it. It knows no ground
glass, which lies below the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.errors import InputError
from LungPNetLib.lungs.morphology import Mask, dilated, distance_mm
from LungPNetLib.volume import Volume

_STEP_MM, _WIDEST_MM = 0.5, 10.0


@dataclass(frozen=True)
class BaselineSettings:
    """What the baseline depends on; the defaults were the best of a few on the training patches.

    Parameters
    ----------
    threshold_hu : float
        Voxels with this value or a higher one are tissue (-400 for solid nodules in the papers;
        a third of the patches are ground glass).
    opening_mm : float
        Radius of the smallest ball that is tried; 0 for none.
    """

    threshold_hu: float = -750.0
    opening_mm: float = 1.0


def segment_baseline(
    ct: Volume, point_mm: npt.ArrayLike, settings: BaselineSettings | None = None
) -> Volume:
    """Outline the nodule around a point.

    Parameters
    ----------
    ct : Volume
        HU; a box around the nodule, in any axis order.
    point_mm : array_like, shape (3,)
        LPS mm, in the nodule.
    settings : BaselineSettings, optional

    Returns
    -------
    Volume
        uint8 on the grid of ``ct``, 1 in the nodule; empty where the box holds no tissue. Where
        every opening leaves something that reaches the border, it is that of the first one.

    Raises
    ------
    InputError
        The point does not lie in the box.

    Examples
    --------
    >>> hu = np.full((9, 9, 9), -850.0)
    >>> hu[3:6, 3:6, 3:6] = 0.0
    >>> settings = BaselineSettings(opening_mm=0.0)
    >>> int(segment_baseline(Volume(hu), (4.0, 4.0, 4.0), settings).array.sum())
    27
    """
    settings = settings or BaselineSettings()
    index = ct.world_to_index(point_mm)[::-1]
    if not ((index > -0.5) & (index < np.array(ct.shape) - 0.5)).all():
        raise InputError(
            f"The point {np.asarray(point_mm, float).round(1).tolist()} mm does not lie in the box "
            f"of size {ct.shape[::-1]}. Give a point in the nodule."
        )
    tissue = np.asarray(ct.array, np.float32) >= settings.threshold_hu
    z, y, x = ct.spacing_mm[::-1]
    depth_mm = distance_mm(~tissue, (z, y, x))
    first: Mask | None = None
    for radius_mm in np.arange(settings.opening_mm, _WIDEST_MM, _STEP_MM).tolist():
        core = depth_mm > radius_mm
        if not core.any():
            break
        nearest = _nearest_part(core, index, (z, y, x))
        part = dilated(nearest, radius_mm, (z, y, x))
        if not _reaches_border(part):
            return ct.with_array(part.astype(np.uint8))
        first = part if first is None else first
    # An opening that leaves nothing of a small nodule is no reason to find nothing.
    if first is None:
        first = _nearest_part(tissue, index, (z, y, x)) if tissue.any() else tissue
    return ct.with_array(first.astype(np.uint8))


def _nearest_part(
    mask: Mask, index: npt.NDArray[np.float64], spacing_mm: tuple[float, float, float]
) -> Mask:
    """The connected part with the voxel that is nearest to an index (z, y, x)."""
    parts, _ = ndimage.label(mask)
    places = np.argwhere(mask)
    apart_mm = (places - index) * spacing_mm
    nearest = places[int(np.argmin((apart_mm**2).sum(axis=1)))]
    part: Mask = parts == parts[tuple(nearest)]
    return part


def _reaches_border(mask: Mask) -> bool:
    inner = mask[1:-1, 1:-1, 1:-1]
    return int(np.count_nonzero(mask)) > int(np.count_nonzero(inner))
