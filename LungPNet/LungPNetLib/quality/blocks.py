"""Small square patches of a few axial slices: the samples that the intensity checks judge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LungPNetLib.volume import Volume

FloatArray = npt.NDArray[np.float32]

BLOCK_MM = 8.0
"""Side of a block: fits into aorta, heart and muscle, and is wider than the grain of the noise."""

MIN_BLOCK_PIXELS = 6
"""A standard deviation of fewer than 36 pixels scatters by more than 12 %."""

MAX_SLICES = 32
"""Slices looked at, spread evenly over the volume."""

PADDING_SHARE = 0.005
"""The lowest value is padding if at least this share of all blocks holds nothing else."""

SOFT_TISSUE_HU = (0.0, 130.0)
"""Muscle, blood and organs, without fat and without much contrast agent."""

_LARGEST = 1e6

MIN_BLOCKS = 20
"""Fewer blocks of soft tissue do not carry a typical noise."""


@dataclass(frozen=True)
class Blocks:
    """Statistics of each block, all of shape (blocks,).

    Parameters
    ----------
    mean_hu, sd_hu : ndarray
        Mean and standard deviation within the block.
    neighbour_correlation : ndarray
        Correlation of pixels that are neighbours along a row: how coarse the grain is. NaN in
        constant blocks.
    padded_share : ndarray
        Share of pixels that hold the padding value, 0 to 1.
    """

    mean_hu: FloatArray
    sd_hu: FloatArray
    neighbour_correlation: FloatArray
    padded_share: FloatArray

    def noise_hu(self) -> float | None:
        """The most frequent standard deviation in soft tissue, in HU; None without soft tissue.

        Blocks that hold a border have a larger deviation than those that hold noise only; the
        mode, unlike the mean or the median, does not see them.
        """
        sd_hu = self.sd_hu[self._soft_tissue()]
        if sd_hu.size < MIN_BLOCKS:
            return None
        lower_quartile = float(np.percentile(sd_hu, 25))
        if lower_quartile < 0.5:
            return lower_quartile
        return _mode(sd_hu, width=lower_quartile / 20)

    def grain(self) -> float | None:
        """Typical correlation of neighbouring pixels in homogeneous soft tissue, -1 to 1."""
        noise_hu = self.noise_hu()
        if not noise_hu:
            return None
        typical = np.abs(self.sd_hu / noise_hu - 1.0) < 0.3
        chosen = self.neighbour_correlation[self._soft_tissue() & typical]
        return float(np.median(chosen)) if chosen.size else None

    def _soft_tissue(self) -> npt.NDArray[np.bool_]:
        low, high = SOFT_TISSUE_HU
        inside: npt.NDArray[np.bool_] = (self.mean_hu > low) & (self.mean_hu < high)
        return inside & (self.padded_share == 0)


def sample_blocks(axial: Volume) -> Blocks:
    """Cut a few slices of a volume in LPS axial order into blocks of about 8 mm."""
    slices, rows, columns = axial.shape
    count = min(MAX_SLICES, slices)
    chosen = ((np.arange(count) + 0.5) * slices / count).astype(int)
    height = _side(axial.spacing_mm[1], rows)
    width = _side(axial.spacing_mm[0], columns)
    down, across = rows // height, columns // width
    pixels = axial.array[chosen, : down * height, : across * width].astype(np.float32)
    # Whatever the values are, their squares must fit into float32.
    np.clip(pixels, -_LARGEST, _LARGEST, out=pixels)
    pixels = pixels.reshape(count, down, height, across, width).swapaxes(2, 3)
    pixels = pixels.reshape(-1, height, width)
    mean = pixels.mean(axis=(1, 2))
    padding = _padding_value(pixels)
    padded = np.zeros_like(mean) if padding is None else (pixels == padding).mean(axis=(1, 2))
    pixels -= mean[:, None, None]
    variance = np.square(pixels).mean(axis=(1, 2))
    product = (pixels[:, :, 1:] * pixels[:, :, :-1]).mean(axis=(1, 2))
    correlation = np.full_like(mean, np.nan)
    np.divide(product, variance, out=correlation, where=variance > 0)
    return Blocks(mean, np.sqrt(variance), correlation, padded.astype(np.float32))


def _side(spacing_mm: float, pixels: int) -> int:
    return min(pixels, max(MIN_BLOCK_PIXELS, round(BLOCK_MM / spacing_mm)))


def _padding_value(pixels: FloatArray) -> float | None:
    """The lowest value, if whole blocks hold nothing else; padding is the lowest value of all."""
    lowest = float(pixels.min())
    filled = (pixels.max(axis=(1, 2)) == lowest).mean()
    return lowest if filled >= PADDING_SHARE else None


def _mode(values: FloatArray, width: float) -> float:
    """Where a histogram with bins of ``width``, smoothed over two of them, has its maximum."""
    from scipy.ndimage import gaussian_filter1d

    edges = np.arange(values.min() - 5 * width, values.max() + 6 * width, width)
    counts, _ = np.histogram(values, bins=edges)
    density = gaussian_filter1d(counts.astype(float), 2.0)
    return float(edges[int(density.argmax())] + width / 2)
