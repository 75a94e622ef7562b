"""A parallel-beam scanner: projections with quantum noise, and filtered back-projection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import DependencyError

WATER_PER_MM = 0.0193
"""Linear attenuation of water at about 70 keV."""
AIR_HU = -1000.0
_ELECTRONIC_PHOTONS = 6.0
_BOWTIE = 0.55
"""Share of the attenuation in the middle that a bowtie filter makes up for."""


@dataclass(frozen=True)
class Beam:
    """How a patient is scanned.

    Parameters
    ----------
    filter : str
        Of the back-projection, from sharp to soft: ramp, shepp-logan, cosine, hamming, hann.
    photons : float
        That reach one detector element through air.
    views : int
        Over half a turn.
    """

    filter: str
    photons: float
    views: int


def scanned(
    hu: npt.NDArray[np.floating[Any]], pixel_mm: float, beam: Beam, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """One axial section as this scanner shows it, HU.

    Parameters
    ----------
    hu : ndarray, shape (n, n)
        The true section; what lies outside the inscribed circle is taken for air.
    pixel_mm : float
    beam : Beam
    rng : Generator

    Raises
    ------
    DependencyError
        scikit-image is not installed.
    """
    try:
        from skimage.transform import iradon, radon
    except ImportError as error:
        raise DependencyError(
            "Generator B needs scikit-image: pip install -c constraints.txt 'lungpnet[test]'"
        ) from error
    n = hu.shape[0]
    along = (np.arange(n) - n // 2) ** 2
    circle = along[:, None] + along[None] <= (n // 2) ** 2
    attenuation = np.where(circle, np.maximum(hu / 1000 + 1, 0) * WATER_PER_MM * pixel_mm, 0)
    angles = np.arange(beam.views) * 180.0 / beam.views
    sums = radon(attenuation, theta=angles, circle=True)
    arriving = beam.photons * np.exp(-sums + _BOWTIE * sums.mean(axis=1, keepdims=True))
    counted = rng.poisson(np.minimum(arriving, 1e12)) + rng.normal(
        0, _ELECTRONIC_PHOTONS, sums.shape
    )
    noisy = np.log(arriving / np.maximum(counted, 1.0)) + sums
    back = iradon(noisy, theta=angles, filter_name=beam.filter, circle=True)
    return np.where(circle, back / (WATER_PER_MM * pixel_mm) * 1000 - 1000, AIR_HU).astype(
        np.float32
    )
