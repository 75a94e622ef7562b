"""How uneven a nodule is: numbers of the whole of it, and maps of the neighbourhood of each voxel.

Everything is in HU, bits and mm, so that slices, patients and scanners can be compared. HU are
rounded to whole numbers before they are put into bins. Noise counts as unevenness: compare only
what was reconstructed with similar kernels and slice thickness.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.grading.measure import lesion_box, measure_nodule
from LungPNetLib.radiomics.histogram import histogram_features
from LungPNetLib.volume import Volume

BIN_WIDTH_HU = 25
"""Width of a bin of the entropies: that of the radiomics settings. Bins begin at multiples of it,
so that one begins at -1000 HU."""
RADIUS_MM = 3.0
"""Of a neighbourhood: reaches the next slice of usual scans, and stays inside a nodule of 6 mm."""
OUTSIDE = -1.0
"""In the maps, outside the nodule; neither a standard deviation nor an entropy is below 0."""
_TOLERANCE_MM = 1e-6

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class HeterogeneityNumbers:
    """Numbers of one nodule, over its voxels as the CT has them, not resampled.

    Parameters
    ----------
    n_voxels : int
    mean_hu, sd_hu, skewness, solid_fraction : float
        As :class:`NoduleMeasurements` defines them: of the voxels (n, not n - 1), solid from -300
        HU.
    entropy_bits : float
        Shannon entropy of the histogram (IBSI TLU2), 0 for a single bin; at most log2 of
        ``n_voxels``, so that small nodules have less.
    bin_width_hu : int
        Of that histogram, and of the local entropy.
    mean_local_sd_hu, mean_local_entropy_bits : float
        Means of the maps.
    radius_mm : float
        Of the neighbourhoods of the maps.
    """

    n_voxels: int
    mean_hu: float
    sd_hu: float
    skewness: float
    solid_fraction: float
    entropy_bits: float
    bin_width_hu: int
    mean_local_sd_hu: float
    mean_local_entropy_bits: float
    radius_mm: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values under the names above."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> HeterogeneityNumbers:
        """The inverse of :meth:`to_dict`.

        Raises
        ------
        InputError
            Names are missing or unknown.
        """
        try:
            return cls(**record)
        except TypeError as error:
            raise InputError(
                f"These are no heterogeneity numbers of a nodule ({error}). They come from another "
                "version or were changed by hand; measure the nodule again."
            ) from error


@dataclass(frozen=True, eq=False)
class Heterogeneity:
    """Numbers and maps of one nodule.

    Parameters
    ----------
    numbers : HeterogeneityNumbers
    local_sd_hu : Volume
        float32: standard deviation of the HU of the nodule's voxels within ``radius_mm`` of each
        of its voxels, itself among them. On the smallest box of the CT's grid that holds the
        nodule; ``OUTSIDE`` where the nodule is not.
    local_entropy_bits : Volume
        The same of the entropy of the histogram of these voxels.
    """

    numbers: HeterogeneityNumbers
    local_sd_hu: Volume
    local_entropy_bits: Volume


def measure_heterogeneity(
    ct: Volume, mask: Volume, *, radius_mm: float = RADIUS_MM
) -> Heterogeneity:
    """Measure how uneven the nodule in ``mask`` is.

    Parameters
    ----------
    ct : Volume
        HU, in any axis order.
    mask : Volume
        Every voxel that is not 0 belongs to the nodule, and nothing else counts. On the grid of the
        CT or a box cut out of it.
    radius_mm : float
        A voxel is in the neighbourhood of another if their centres are at most so far apart.

    Raises
    ------
    InputError
        The mask is empty, its voxels are not voxels of the CT or have no finite HU, or the radius
        reaches no neighbour.

    Examples
    --------
    >>> ct = Volume(np.full((3, 3, 3), -600, np.int16))
    >>> numbers = measure_heterogeneity(ct, ct.with_array(np.ones((3, 3, 3), np.uint8))).numbers
    >>> numbers.mean_hu, numbers.sd_hu, numbers.entropy_bits, numbers.mean_local_sd_hu
    (-600.0, 0.0, 0.0, 0.0)
    """
    box, hu, _ = lesion_box(ct, mask)
    inside = box.array != 0
    if not np.isfinite(hu[inside]).all():
        raise InputError("The nodule holds voxels without finite HU. Convert the CT again.")
    whole_hu = np.where(inside, np.rint(hu), 0.0)
    ball = _ball(box, radius_mm)
    sd_hu = local_sd(whole_hu, inside, ball)
    entropy_bits = local_entropy(whole_hu, inside, ball)
    measured = measure_nodule(ct, mask)
    numbers = HeterogeneityNumbers(
        n_voxels=int(inside.sum()),
        mean_hu=measured.mean_hu,
        sd_hu=measured.sd_hu,
        skewness=measured.skewness,
        solid_fraction=measured.solid_fraction,
        entropy_bits=histogram_features(_levels(whole_hu[inside]))["ih_entropy"],
        bin_width_hu=BIN_WIDTH_HU,
        mean_local_sd_hu=float(sd_hu[inside].mean()),
        mean_local_entropy_bits=float(entropy_bits[inside].mean()),
        radius_mm=radius_mm,
    )
    return Heterogeneity(numbers, _map(box, inside, sd_hu), _map(box, inside, entropy_bits))


def on_grid(grid: Volume, maps: Sequence[Volume]) -> Volume:
    """Maps of several nodules in one volume on the grid of the CT, ``OUTSIDE`` between them.

    Raises
    ------
    InputError
        A map does not lie within the grid.
    """
    joined = grid.with_array(np.full(grid.shape, OUTSIDE, np.float32))
    for one in maps:
        start = np.rint(grid.world_to_index(one.origin_mm)).astype(int).tolist()
        part = joined.cropped(start, one.shape[::-1]).array
        np.copyto(part, one.array, where=one.array != OUTSIDE)
    return joined


def local_sd(hu: Floats, inside: Bools, ball: Floats) -> Floats:
    """Standard deviation within ``ball`` around each voxel, of what is ``inside``.

    Parameters
    ----------
    hu : ndarray, shape (z, y, x)
        Whole numbers, so that the sums below are exact; 0 where not ``inside``.
    inside : ndarray of bool, shape (z, y, x)
    ball : ndarray, shape (z, y, x), of odd lengths
        1 within the radius of its middle, else 0.

    Returns
    -------
    ndarray, shape (z, y, x)
        0 where not ``inside``.
    """
    # Small numbers keep the sums of squares far below what a float can count.
    centred = np.where(inside, hu - np.rint(hu[inside].mean()), 0.0)
    count = np.maximum(_sums(inside.astype(np.float64), ball), 1.0)
    first, second = _sums(centred, ball), _sums(centred**2, ball)
    variance = (count * second - first**2) / count**2
    return np.where(inside, np.sqrt(np.maximum(variance, 0.0)), 0.0)


def local_entropy(hu: Floats, inside: Bools, ball: Floats) -> Floats:
    """Entropy in bits of the histogram within ``ball`` around each voxel.

    Bins have a width of ``BIN_WIDTH_HU``. Parameters and result as those of :func:`local_sd`.
    """
    count = np.maximum(_sums(inside.astype(np.float64), ball), 1.0)
    level = np.zeros(hu.shape, np.int64)
    level[inside] = _levels(hu[inside])
    # -sum(p log p) with p = n / count is log(count) - sum(n log n) / count.
    weighted = np.zeros(hu.shape)
    for value in np.unique(level[inside]):
        in_bin = _sums((level == value).astype(np.float64), ball)
        weighted += in_bin * np.log2(np.maximum(in_bin, 1.0))
    entropy = np.log2(count) - weighted / count
    return np.where(inside, np.maximum(entropy, 0.0), 0.0)


def _ball(box: Volume, radius_mm: float) -> Floats:
    """1 where a voxel's centre is within the radius of the middle one, axes (z, y, x).

    No longer than what can be reached within the box.
    """
    spacing_mm = box.spacing_mm
    if not min(spacing_mm) <= radius_mm < math.inf:
        raise InputError(
            f"A radius of {radius_mm:g} mm is no neighbourhood of a voxel; accepted: lengths from "
            f"the smallest spacing on, here {min(spacing_mm):.3g} mm. Give one such as "
            f"{RADIUS_MM:g}."
        )
    reach = [
        min(int((radius_mm + _TOLERANCE_MM) / step), length - 1)
        for step, length in zip(spacing_mm[::-1], box.shape, strict=True)
    ]
    z, y, x = np.ogrid[tuple(slice(-n, n + 1) for n in reach)]
    sx, sy, sz = spacing_mm
    distance2 = (z * sz) ** 2 + (y * sy) ** 2 + (x * sx) ** 2
    return (distance2 <= (radius_mm + _TOLERANCE_MM) ** 2).astype(np.float64)


def _sums(values: Floats, ball: Floats) -> Floats:
    """Sums of whole numbers within the ball around each voxel; exact, because rounded again."""
    # Here, because result.json's types come from this file and scipy.signal is slow to import.
    from scipy.signal import fftconvolve

    sums: Floats = np.rint(fftconvolve(values, ball, mode="same"))
    return sums


def _levels(whole_hu: Floats) -> npt.NDArray[np.int64]:
    """Bins from 1."""
    bins = np.floor(whole_hu / BIN_WIDTH_HU).astype(np.int64)
    levels: npt.NDArray[np.int64] = bins - bins.min() + 1
    return levels


def _map(box: Volume, inside: Bools, values: Floats) -> Volume:
    return box.with_array(np.where(inside, values, OUTSIDE).astype(np.float32))
