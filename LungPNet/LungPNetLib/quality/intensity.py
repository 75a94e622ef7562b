"""Are the values Hounsfield units, and how noisy are they?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from LungPNetLib.quality.blocks import Blocks
from LungPNetLib.quality.checks import Check
from LungPNetLib.result import QualityCheck
from LungPNetLib.volume import Volume

AIR_OR_LUNG_HU = (-1100.0, -600.0)
"""From air around the body (-1000) to aerated lung in expiration."""

MIN_AIR_SHARE = 0.005
"""A chest without this share of air or lung (0.5 % of the image) is no chest, or not in HU."""

TISSUE_HU = (-200.0, 200.0)
"""Fat, water, muscle, organs and most enhanced vessels."""

MIN_TISSUE_SHARE = 0.03
"""Even a slice that is mostly lung and air shows this share of tissue."""

DENSE_HU = 500.0
MAX_DENSE_SHARE = 0.15
"""Cortical bone and undiluted contrast agent are a few per cent of a chest; more of it is soft
tissue at 1024 + 40, whose offset was never subtracted."""

BELOW_AIR_HU = -1300.0
MAX_BELOW_AIR_SHARE = 0.05
"""Nothing is darker than air; what is, and is not padding, had an offset subtracted twice."""

MIN_RANGE_HU = 300.0
"""Air and tissue are 1000 HU apart; values within 300 are grey levels or fractions."""

FAT_HU = (-140.0, -60.0)
FLESH_HU = (-20.0, 130.0)
"""Where the most frequent tissues of a chest lie: fat near -100, muscle and organs near 40 (up to
130 where contrast agent enhances them)."""

ANY_TISSUE_HU = (-300.0, 300.0)
MAIN_PEAK_SHARE = 0.5
"""Peaks at least half as high as the highest one are main tissues, and must be fat or flesh."""

AIR_HU = (-1100.0, -950.0)
"""Where air is looked for; lung is denser, except in severe emphysema."""

MIN_PEAK_SHARE = 0.002
"""A peak that holds fewer of the blocks within 5 HU is not reported."""

HIGH_NOISE_HU = 30.0
"""In normal lung (-860 HU, itself varying by 25 HU) noise of 30 HU puts 1 % of the voxels below
-950 HU: P(z < -90 / sqrt(25**2 + 30**2)) = 0.011. Beyond, noise passes for emphysema."""

_SCALE = Check("hu_scale", "Hounsfield scale", "")
_NOISE = Check("noise", "Image noise", "HU")


def hu_scale(axial: Volume, blocks: Blocks) -> QualityCheck:
    """Are air, fat and soft tissue where Hounsfield units put them?

    Works on means of blocks, in which noise averages out. Padding is left out. Volumes in HU
    without any air outside the body (crops, thin slabs) pass on the strength of the lungs.
    """
    lowest, highest = float(axial.array.min()), float(axial.array.max())
    if not np.isfinite([lowest, highest]).all():
        return _SCALE.refused(
            None, "The images hold values that are not numbers; export them again."
        )
    fault = _fault(blocks, lowest, highest)
    seen = f"{lowest:g} to {highest:g}"
    if fault:
        return _SCALE.refused(
            seen,
            f"The values ({seen}) are not Hounsfield units: {fault}; no threshold, volume or "
            "density would be right, so export the CT in HU.",
        )
    return _peaks(blocks)


def noise(blocks: Blocks | None) -> QualityCheck:
    """Typical standard deviation within homogeneous soft tissue, in HU."""
    if blocks is None:
        return _NOISE.not_assessed("the values are not Hounsfield units")
    noise_hu = blocks.noise_hu()
    if noise_hu is None:
        return _NOISE.not_assessed("the images show too little soft tissue")
    value = round(noise_hu, 1)
    if value > HIGH_NOISE_HU:
        return _NOISE.warned(
            value,
            f"Noise of {value:g} HU (limit {HIGH_NOISE_HU:g} HU) raises LAA-950, lowers the 15th "
            "percentile and hides faint ground glass.",
        )
    return _NOISE.passed(
        value, f"Noise of {value:g} HU is low enough for lung density and faint nodules."
    )


def _fault(blocks: Blocks, lowest: float, highest: float) -> str:
    """What proves that the values are not in HU; empty if nothing does."""
    whole = blocks.padded_share == 0
    mostly = blocks.padded_share <= 0.25
    mean_hu = blocks.mean_hu[whole]
    if highest - lowest < MIN_RANGE_HU or not mean_hu.size:
        kind = "fractions (normalised images)" if highest <= 2 else "grey levels or scaled values"
        return f"they span less than {MIN_RANGE_HU:g}, as {kind} do"
    if _share(mean_hu, DENSE_HU, np.inf) > MAX_DENSE_SHARE:
        share = 100 * _share(mean_hu, DENSE_HU, np.inf)
        return (
            f"{share:.0f} % of the image is denser than bone, as when the offset of 1024 was not "
            "subtracted or the image is no CT"
        )
    varied = blocks.mean_hu[whole & (blocks.sd_hu > 0)]
    if _share(varied, -np.inf, BELOW_AIR_HU) > MAX_BELOW_AIR_SHARE:
        return "much of the image is darker than air, as when an offset was subtracted twice"
    if _share(blocks.mean_hu[mostly], *AIR_OR_LUNG_HU) < MIN_AIR_SHARE:
        return "nothing has the density of air or lung, as in scaled images, PET or MR"
    if _share(mean_hu, *TISSUE_HU) < MIN_TISSUE_SHARE:
        return "hardly anything has the density of fat or soft tissue"
    return ""


def _share(values: npt.NDArray[np.float32], low: float, high: float) -> float:
    return float(((values > low) & (values < high)).mean()) if values.size else 0.0


def _peaks(blocks: Blocks) -> QualityCheck:
    peaks = _find_peaks(blocks.mean_hu[blocks.padded_share == 0])
    named = []
    for name, limits in (("air", AIR_HU), ("fat", FAT_HU), ("soft tissue", FLESH_HU)):
        inside = _within(peaks, limits)
        if inside:
            named.append(f"{name} {max(inside, key=lambda hu: inside[hu]):.0f} HU")
    seen = ", ".join(named) or "no peak"
    tissue = _within(peaks, ANY_TISSUE_HU)
    main = [hu for hu, count in tissue.items() if count >= MAIN_PEAK_SHARE * max(tissue.values())]
    strange = [f"{hu:.0f} HU" for hu in main if not _within({hu: 1.0}, FAT_HU, FLESH_HU)]
    if strange or not main:
        where = " and ".join(strange) or "nowhere"
        return _SCALE.warned(
            seen,
            f"Main tissues lie at {where}, not near -100 HU (fat) and 40 HU (muscle and organs); "
            "densities may be shifted, so check the calibration before using them.",
        )
    return _SCALE.passed(
        seen, f"The histogram has its peaks where Hounsfield units put them ({seen})."
    )


def _within(peaks: dict[float, float], *windows_hu: tuple[float, float]) -> dict[float, float]:
    return {
        hu: count
        for hu, count in peaks.items()
        if any(low <= hu <= high for low, high in windows_hu)
    }


def _find_peaks(mean_hu: npt.NDArray[np.float32]) -> dict[float, float]:
    """Maxima of the histogram of blocks (bins of 5 HU, smoothed over 10 HU): HU and count."""
    from scipy.ndimage import gaussian_filter1d

    histogram, edges = np.histogram(mean_hu, bins=np.arange(-1300.0, 501.0, 5.0))
    counts = gaussian_filter1d(histogram.astype(float), 2.0)
    rising, falling = counts[1:-1] > counts[:-2], counts[1:-1] >= counts[2:]
    enough = counts[1:-1] > MIN_PEAK_SHARE * counts.sum()
    maxima = np.flatnonzero(rising & falling & enough) + 1
    return {float(edges[k] + 2.5): float(counts[k]) for k in maxima}
