"""SUVpeak: the largest mean SUV in a sphere of 1 mL."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.volume import Triplet, Volume

FloatArray = npt.NDArray[np.float64]

SPHERE_ML = 1.0
RADIUS_MM = (3000.0 * SPHERE_ML / (4.0 * math.pi)) ** (1.0 / 3.0)
"""6.20 mm: the sphere of about 1.2 cm diameter of PERCIST."""

_SAMPLE_MM = 0.5
"""Voxels are cut into cubes of at most this edge to find their share in the sphere; cubes at its
surface count in proportion to their depth, which keeps the sphere's volume within 0.2 %."""

_CANDIDATES = 8
_FINEST_MM = 0.05


@dataclass(frozen=True)
class SuvPeak:
    """Mean SUV of the best sphere and the LPS position of its centre in mm."""

    suv: float
    centre_mm: Triplet


def suv_peak(suv: Volume, region: Volume) -> SuvPeak | None:
    """SUVpeak of a region.

    A sphere of 1 mL is moved, by fractions of a voxel, to where its mean SUV is largest (Wahl et
    al., PERCIST 1.0, J Nucl Med 2009;50:122S-150S; placed to maximise the mean: Lodge et al.,
    J Nucl Med 2012;53:1041-1047). Each voxel counts with the share of the sphere that lies in it;
    voxels have one SUV throughout. The centre stays in the region's voxels; the sphere may reach
    beyond the region, so that lesions below 1 mL have a peak, but not beyond the image.

    The centre is searched from the best ``_CANDIDATES`` voxel centres (local maxima) by steps along
    the axes that halve down to 0.05 mm.

    Parameters
    ----------
    suv : Volume
        SUVbw, g/mL.
    region : Volume
        Label map on the same grid; non-zero voxels are the region.

    Returns
    -------
    SuvPeak or None
        None where no sphere around the region's voxels lies wholly in the image.

    Raises
    ------
    InputError
        The grids differ or the region is empty.
    """
    if not region.same_grid_as(suv) or not region.array.any():
        raise InputError("SUVpeak needs a region with voxels on the grid of the PET.")
    inside = region.array != 0
    best: tuple[float, FloatArray] | None = None
    for start in _starts(suv, inside):
        found = _climb(suv, inside, start)
        if best is None or found[0] > best[0]:
            best = found
    if best is None:
        return None
    x, y, z = suv.index_to_world(best[1] / np.asarray(suv.spacing_mm))
    return SuvPeak(best[0], (float(x), float(y), float(z)))


def sphere_shares(spacing_mm: Triplet, offset_mm: npt.ArrayLike = (0.0, 0.0, 0.0)) -> FloatArray:
    """The share of each voxel that lies in a 1 mL sphere.

    Parameters
    ----------
    spacing_mm : tuple of float
        Along (column, row, slice).
    offset_mm : array_like, shape (3,)
        From the middle voxel's centre to the sphere's, along (column, row, slice); at most half a
        voxel.

    Returns
    -------
    ndarray, shape (2a + 1, 2b + 1, 2c + 1)
        Shares from 0 to 1 in ``(z, y, x)`` order around the middle voxel.
    """
    squared, sizes, cuts = [], [], []
    for spacing, offset in zip(spacing_mm[::-1], np.asarray(offset_mm)[::-1], strict=True):
        half = math.ceil(RADIUS_MM / spacing)
        cut = math.ceil(spacing / _SAMPLE_MM)
        voxels = 2 * half + 1
        positions = ((np.arange(voxels * cut) + 0.5) / cut - voxels / 2.0) * spacing
        squared.append((positions - offset) ** 2)
        sizes.append(voxels)
        cuts.append(cut)
    distance = np.sqrt(squared[0][:, None, None] + squared[1][:, None] + squared[2])
    cube_mm = float(np.mean(np.divide(spacing_mm[::-1], cuts)))
    within = np.clip((RADIUS_MM - distance) / cube_mm + 0.5, 0.0, 1.0).reshape(
        sizes[0], cuts[0], sizes[1], cuts[1], sizes[2], cuts[2]
    )
    shares: FloatArray = within.mean(axis=(1, 3, 5))
    return shares


def _starts(suv: Volume, inside: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.intp]]:
    """Voxels (column, row, slice) from whose centres the search begins, best first."""
    from scipy.ndimage import maximum_filter
    from scipy.signal import oaconvolve

    shares = sphere_shares(suv.spacing_mm)
    half = np.array(shares.shape) // 2
    where = np.argwhere(inside)
    low = np.maximum(where.min(axis=0) - half, 0)
    high = np.minimum(where.max(axis=0) + half + 1, inside.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    means = oaconvolve(suv.array[box].astype(np.float64), shares / shares.sum(), mode="same")
    index = np.argwhere(inside[box]) + low
    centres_mm = index[:, ::-1] * np.asarray(suv.spacing_mm)
    whole = np.zeros(means.shape, bool)
    whole[tuple((index[_fits(suv, centres_mm)] - low).T)] = True
    means = np.where(whole, means, -np.inf)
    peaks = np.argwhere(whole & (means == maximum_filter(means, 3)))
    order = np.argsort(-means[tuple(peaks.T)], kind="stable")[:_CANDIDATES]
    return [(peaks[k] + low)[::-1] for k in order]


def _fits(suv: Volume, centres_mm: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether spheres lie in the image; centres (..., 3) in mm from the first voxel's centre."""
    spacing = np.asarray(suv.spacing_mm)
    last = (np.array(suv.shape[::-1]) - 0.5) * spacing
    low = (centres_mm - RADIUS_MM >= -0.5 * spacing).all(axis=-1)
    fits: npt.NDArray[np.bool_] = low & (centres_mm + RADIUS_MM <= last).all(axis=-1)
    return fits


def _climb(
    suv: Volume, inside: npt.NDArray[np.bool_], start: npt.NDArray[np.intp]
) -> tuple[float, FloatArray]:
    """The best mean that steps along the axes reach, and its centre in mm from the first voxel."""
    spacing = np.asarray(suv.spacing_mm)
    centre = start * spacing
    best = _mean(suv, centre)
    steps = spacing / 4.0
    while steps.max() > _FINEST_MM:
        moved = False
        for axis in range(3):
            for sign in (1.0, -1.0):
                trial = centre.copy()
                trial[axis] += sign * steps[axis]
                if not _allowed(suv, inside, trial):
                    continue
                value = _mean(suv, trial)
                if value > best:
                    best, centre, moved = value, trial, True
        if not moved:
            steps = steps / 2.0
    return best, centre


def _allowed(suv: Volume, inside: npt.NDArray[np.bool_], centre_mm: FloatArray) -> bool:
    if not _fits(suv, centre_mm):
        return False
    i, j, k = _voxel(suv, centre_mm)
    return bool(inside[k, j, i])


def _voxel(suv: Volume, centre_mm: FloatArray) -> npt.NDArray[np.intp]:
    """(column, row, slice) of the voxel that holds a point."""
    return np.floor(centre_mm / np.asarray(suv.spacing_mm) + 0.5).astype(np.intp)


def _mean(suv: Volume, centre_mm: FloatArray) -> float:
    """Mean SUV in the sphere, whose outermost voxels may lie beyond the image with no share."""
    middle = _voxel(suv, centre_mm)
    shares = sphere_shares(suv.spacing_mm, centre_mm - middle * np.asarray(suv.spacing_mm))
    half = np.array(shares.shape) // 2
    first = middle[::-1] - half
    low, high = np.maximum(first, 0), np.minimum(first + shares.shape, suv.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    values = suv.array[box].astype(np.float64)
    part = tuple(slice(a, b) for a, b in zip(low - first, high - first, strict=True))
    return float((values * shares[part]).sum() / shares.sum())
