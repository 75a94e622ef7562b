"""What an inserted nodule must match in a CT: how sharp its edges are, and what its noise is like.

Everything is measured in the image itself, because the header names a kernel and no sharpness, and
a resampled image has another one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from LungPNetLib.errors import InputError
from LungPNetLib.volume import Volume

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_MOST_SLICES = 24
"""Slices, spread over the CT, in which noise and edges are measured."""
_SOFT_HU = (-20.0, 150.0)
_SOFT_SMOOTH_MM, _SOFT_INNER_MM, _TREND_MM = 2.0, 3.0, 5.0
_EVEN = 1.3
"""Soft tissue whose variance is at most this multiple of the median has little texture itself."""
_FEWEST_SOFT = 300
_LAG = 8
"""Pixels over which noise is taken to be correlated."""
_LUNG_END_HU, _TISSUE_END_HU = -650.0, (-150.0, 150.0)
_STEP_MM, _REACH_MM, _PLATEAU_MM = 0.1, 5.0, 2.5
_LEAN = 0.15
"""Borders whose normal leaves the slice by a larger tangent are blurred by its thickness."""
_MOST_EDGES, _FEWEST_EDGES = 400, 100
_QUARTILES_OF_GAUSS = 1.349
_DENOISE_MM = 1.0


@dataclass(frozen=True, eq=False)
class HostNoise:
    """The noise of a CT as its soft tissue shows it.

    Parameters
    ----------
    sd_hu : ndarray, shape (slices,)
        Standard deviation in each slice.
    correlation : ndarray, shape (2, 2 * lag + 1, 2 * lag + 1)
        Correlation of two voxels by their distance in (slices 0 or 1, rows, columns).
    """

    sd_hu: Image
    correlation: Image

    def drawn(self, slices: range, shape: tuple[int, int], rng: np.random.Generator) -> Image:
        """Noise of these slices and so many (rows, columns), in HU."""
        count = len(slices)
        rows, columns = shape
        # Wrapping round must not reach from one end to the other.
        size = (count + 2, rows + 2 * _LAG, columns + 2 * _LAG)
        lags = np.zeros(size, np.float32)
        across = np.arange(-_LAG, _LAG + 1)
        lags[0][np.ix_(across, across)] = self.correlation[0]
        lags[1][np.ix_(across, across)] = self.correlation[1]
        lags[-1][np.ix_(across, across)] = self.correlation[1][::-1, ::-1]
        power = np.clip(fft.rfftn(lags).real, 0.0, None)
        white = rng.standard_normal(size, dtype=np.float32)
        noise = fft.irfftn(np.sqrt(power) * fft.rfftn(white), s=size)[:count, :rows, :columns]
        gain = np.sqrt(self._mean_power(power, size))
        scaled: Image = (noise / gain * self.sd_hu[slices, None, None]).astype(np.float32)
        return scaled

    @staticmethod
    def _mean_power(power: npt.NDArray[np.floating], size: tuple[int, int, int]) -> float:
        """Variance of the field that ``power`` shapes; clipping has changed it a little."""
        return float(fft.irfftn(power, s=size)[0, 0, 0])


@dataclass(frozen=True, eq=False)
class HostTraits:
    """How a CT renders what lies in it.

    Parameters
    ----------
    psf_sigma_mm : float
        Standard deviation of the Gaussian whose edge is as wide as those between lung and chest
        wall, within the slice; the pixel's own width is in it.
    noise : HostNoise
    """

    psf_sigma_mm: float
    noise: HostNoise

    @classmethod
    def measured(cls, ct: Volume, lungs: Volume) -> HostTraits:
        """Measure a CT.

        Noise: residuals of even soft tissue from its local mean; their standard deviation in each
        slice and their correlation over up to 8 pixels and one slice. Edges: profiles across the
        border of the lungs where it is upright; the distance between a quarter and three quarters
        of the rise, median of the profiles.

        Parameters
        ----------
        ct : Volume
            HU.
        lungs : Volume
            Not 0 in the lungs, on the same grid.

        Raises
        ------
        InputError
            There is too little soft tissue or border of the lungs to measure.
        """
        count = ct.shape[0]
        picked = np.unique(np.linspace(0, count - 1, min(count, _MOST_SLICES)).round().astype(int))
        noise = _noise(ct, lungs, picked)
        return cls(_edge_sigma_mm(ct, lungs, picked), noise)


def denoised(values: Image, spacing_mm: tuple[float, float, float], noise_hu: float) -> Image:
    """The image without its noise and with its edges (bilateral filter of 1 mm).

    Parameters
    ----------
    values : ndarray, shape (z, y, x)
        HU.
    spacing_mm : tuple of float
        (x, y, z).
    noise_hu : float
        Standard deviation of the noise; edges of more than twice this stay.
    """
    import SimpleITK as sitk

    if noise_hu < 1.0:
        return values
    image = Volume(values, spacing_mm).to_sitk()
    smooth = sitk.Bilateral(image, domainSigma=_DENOISE_MM, rangeSigma=2.0 * noise_hu)
    result: Image = sitk.GetArrayFromImage(smooth).astype(np.float32, copy=False)
    return result


def _noise(ct: Volume, lungs: Volume, picked: npt.NDArray[np.int64]) -> HostNoise:
    width = 2 * _LAG + 1
    products, pairs = np.zeros((2, width, width)), np.zeros((2, width, width))
    found: dict[int, float] = {}
    for k in picked.tolist():
        own = _soft_residual(ct, lungs, k)
        if own is None:
            continue
        found[k] = float(np.sqrt(np.mean(own[0][own[1]] ** 2)))
        above = _soft_residual(ct, lungs, k + 1) if k + 1 < ct.shape[0] else None
        for step, other in enumerate((own, above)):
            if other is not None:
                products[step] += _lagged(own[0], other[0])
                pairs[step] += _lagged(own[1].astype(np.float32), other[1].astype(np.float32))
    if not found:
        raise InputError(
            "The CT shows too little soft tissue outside the lungs to measure its noise; give a "
            "CT of a whole chest, or leave this one out."
        )
    covariance = products / np.maximum(pairs, 1.0)
    correlation = (covariance / covariance[0, _LAG, _LAG]).astype(np.float32)
    sd_hu = np.interp(np.arange(ct.shape[0]), list(found), list(found.values()))
    return HostNoise(sd_hu.astype(np.float32), correlation)


def _soft_residual(ct: Volume, lungs: Volume, k: int) -> tuple[Image, Mask] | None:
    """Noise of a slice's soft tissue, 0 elsewhere, and where it is; None where there is little."""
    hu = ct.array[k].astype(np.float32)
    pixels = 1.0 / np.asarray(ct.spacing_mm[1::-1])
    smooth = ndimage.gaussian_filter(hu, _SOFT_SMOOTH_MM * pixels)
    soft = (smooth > _SOFT_HU[0]) & (smooth < _SOFT_HU[1]) & (lungs.array[k] == 0)
    steps = max(1, round(_SOFT_INNER_MM * float(pixels[0])))
    soft = ndimage.binary_erosion(soft, iterations=steps)
    if soft.sum() < _FEWEST_SOFT:
        return None
    residual = np.where(soft, hu - _masked_mean(hu, soft, _TREND_MM * pixels), 0.0)
    variance = _masked_mean(residual**2, soft, _TREND_MM * pixels)
    even = soft & (variance <= _EVEN * np.median(variance[soft]))
    return (residual * even).astype(np.float32), even


def _masked_mean(values: Image, mask: Mask, sigma: npt.NDArray[np.float64]) -> Image:
    weight = ndimage.gaussian_filter(mask.astype(np.float32), sigma)
    total = ndimage.gaussian_filter(np.where(mask, values, 0.0).astype(np.float32), sigma)
    mean: Image = total / np.maximum(weight, 1e-6)
    return mean


def _lagged(first: Image, second: Image) -> npt.NDArray[np.float64]:
    """Sum of products of pixels by their distance, up to ``_LAG`` either way."""
    size = [fft.next_fast_len(n + _LAG, real=True) for n in first.shape]
    spectrum = np.conj(fft.rfft2(first, s=size)) * fft.rfft2(second, s=size)
    across = np.arange(-_LAG, _LAG + 1)
    sums: npt.NDArray[np.float64] = fft.irfft2(spectrum, s=size)[np.ix_(across, across)]
    return sums


def _edge_sigma_mm(ct: Volume, lungs: Volume, picked: npt.NDArray[np.int64]) -> float:
    widths = np.concatenate([_edge_widths_mm(ct, lungs, k) for k in picked.tolist()])
    if len(widths) < _FEWEST_EDGES:
        raise InputError(
            f"Only {len(widths)} places at the border of the lungs show how sharp the CT is; "
            f"{_FEWEST_EDGES} are needed. Give whole lungs on the grid of the CT."
        )
    return float(np.median(widths)) / _QUARTILES_OF_GAUSS


def _edge_widths_mm(ct: Volume, lungs: Volume, k: int) -> npt.NDArray[np.float64]:
    """Widths of the rise from lung to chest wall in one slice, from a quarter to three quarters."""
    near = ct.array[max(k - 1, 0) : k + 2].astype(np.float32)
    pixel_y, pixel_x = ct.spacing_mm[1], ct.spacing_mm[0]
    smooth = ndimage.gaussian_filter(near, (0.0, 1.0 / pixel_y, 1.0 / pixel_x))
    here = min(k, 1)
    along_y, along_x = np.gradient(smooth[here], pixel_y, pixel_x)
    along_z = (smooth[-1] - smooth[0]) / (ct.spacing_mm[2] * max(len(near) - 1, 1))
    steep = np.hypot(along_y, along_x)
    inside = lungs.array[k] > 0
    border = inside & ~ndimage.binary_erosion(inside)
    border &= (np.abs(along_z) < _LEAN * steep) & (steep > 0.0)
    rows, columns = np.nonzero(border)
    every = max(1, len(rows) // _MOST_EDGES)
    rows, columns = rows[::every], columns[::every]
    normal = np.stack([along_y, along_x])[:, rows, columns] / steep[rows, columns]
    reach = np.arange(-_REACH_MM, _REACH_MM + _STEP_MM / 2, _STEP_MM)
    places = [
        start[:, None] + normal[axis][:, None] * reach / pixel
        for axis, (start, pixel) in enumerate(((rows, pixel_y), (columns, pixel_x)))
    ]
    profiles = ndimage.map_coordinates(near[here], places, order=3, mode="nearest")
    return _rise_mm(profiles, reach)


def _rise_mm(profiles: Image, reach: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Distance between 25 and 75 % of the rise of those profiles that go from lung to tissue."""
    low = profiles[:, reach <= -_PLATEAU_MM].mean(axis=1)
    high = profiles[:, reach >= _PLATEAU_MM].mean(axis=1)
    good = (low < _LUNG_END_HU) & (high > _TISSUE_END_HU[0]) & (high < _TISSUE_END_HU[1])
    level = (profiles[good] - low[good, None]) / (high - low)[good, None]
    if not len(level):
        return np.empty(0)
    # From the half-way point outwards, so that a vessel near the wall is not taken for it.
    middle = np.argmin(np.where(np.abs(reach) < _PLATEAU_MM, np.abs(level - 0.5), np.inf), axis=1)
    index = np.arange(len(reach))
    below = np.where((index <= middle[:, None]) & (level < 0.25), index, -1).max(axis=1)
    above = np.where((index >= middle[:, None]) & (level > 0.75), index, len(reach)).min(axis=1)
    found = (below >= 0) & (above < len(reach))
    widths: npt.NDArray[np.float64] = (above - below - 1)[found] * _STEP_MM
    return widths
