"""Volumes and densities of the lungs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.lungs.classical import LEFT, RIGHT
from LungPNetLib.result import LungMeasurement, LungResult
from LungPNetLib.volume import Volume

EMPHYSEMA_HU = -950
"""Voxels below this count as emphysema on thin, soft-kernel, non-contrast inspiratory CT
(Gevenois et al., Am J Respir Crit Care Med 1996;154:187-192; QIBA lung density profile)."""

HISTOGRAM_EDGES_HU = np.arange(-1024, 301, 10)
"""Bins for the report's histogram; what lies outside is counted in the first or last bin."""

_LOWEST, _HIGHEST = -32768, 32767


def measure_lungs(
    ct: Volume, lungs: Volume, *, method: str, density_caveats: tuple[str, ...] = ()
) -> LungResult:
    """Volume, mean HU, LAA-950 and Perc15 of each lung and of both.

    Parameters
    ----------
    ct : Volume
        HU; fractions are rounded to whole HU.
    lungs : Volume
        uint8 on the same grid: 1 right, 2 left. Everything inside the mask counts, vessels too.
    method : str
        How the mask was made, for the result.
    density_caveats : tuple of str
        Why the densities may be off (contrast, kernel, thickness), for the result.

    Notes
    -----
    LAA-950 is the share of voxels below -950 HU. Perc15 is the lowest HU that at least 15 % of the
    voxels do not exceed. A lung without voxels is left out.

    Raises
    ------
    InputError
        The mask lies on another grid or is empty.
    """
    if not ct.same_grid_as(lungs):
        raise InputError("The lung mask does not lie on the grid of the CT; resample it first.")
    counts = {label: _hu_counts(ct, lungs, label) for label in (RIGHT, LEFT)}
    sides = [("right", RIGHT, counts[RIGHT]), ("left", LEFT, counts[LEFT])]
    present = [side for side in sides if side[2].any()]
    if not present:
        raise InputError("The lung mask is empty; there is nothing to measure.")
    if len(present) == 2:
        present.append(("both", 0, counts[RIGHT] + counts[LEFT]))
    voxel_ml = ct.voxel_volume_ml
    return LungResult(
        method=method,
        measurements=tuple(_measurement(*side, voxel_ml) for side in present),
        density_caveats=density_caveats,
        histogram_hu=tuple(float(edge) for edge in HISTOGRAM_EDGES_HU[:-1]),
        histogram_ml={
            name: _histogram_ml(count, voxel_ml) for name, label, count in present if label
        },
    )


def _hu_counts(ct: Volume, lungs: Volume, label: int) -> npt.NDArray[np.int64]:
    """Number of voxels at each whole HU from -32768 to 32767."""
    total = np.zeros(_HIGHEST - _LOWEST + 1, np.int64)
    for hu, mask in zip(ct.array, lungs.array, strict=True):
        values = np.rint(hu[mask == label]).astype(np.int64) - _LOWEST
        total += np.bincount(values, minlength=total.size)
    return total


def _measurement(
    name: str, label: int, counts: npt.NDArray[np.int64], voxel_ml: float
) -> LungMeasurement:
    hu = np.arange(_LOWEST, _HIGHEST + 1)
    n = int(counts.sum())
    below = int(counts[: EMPHYSEMA_HU - _LOWEST].sum())
    at_15_percent = int(np.searchsorted(np.cumsum(counts), 0.15 * n))
    return LungMeasurement(
        side=name,
        label=label,
        volume_ml=round(n * voxel_ml, 1),
        mean_hu=round(float(counts @ hu) / n, 1),
        laa950_percent=round(100 * below / n, 2),
        perc15_hu=float(hu[at_15_percent]),
    )


def _histogram_ml(counts: npt.NDArray[np.int64], voxel_ml: float) -> tuple[float, ...]:
    hu = np.clip(
        np.arange(_LOWEST, _HIGHEST + 1), HISTOGRAM_EDGES_HU[0], HISTOGRAM_EDGES_HU[-1] - 1
    )
    volumes, _ = np.histogram(hu, bins=HISTOGRAM_EDGES_HU, weights=counts * voxel_ml)
    return tuple(round(float(v), 3) for v in volumes)
