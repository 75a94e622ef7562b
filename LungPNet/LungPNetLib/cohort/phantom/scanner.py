"""What a scanner does to a perfect image: blur, noise, a round field, whole HU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from LungPNetLib.cohort.phantom.shapes import Plane
from LungPNetLib.errors import InputError

LOWEST_HU, HIGHEST_HU = -1024, 3071

_SIGMA_OF_FWHM = 1.0 / 2.3548
_NOISE_ROLL_OFF_PER_MM = 0.33
_NEXT_SLICE = 0.3


@dataclass(frozen=True)
class Scanner:
    """A CT scanner in the image domain.

    Parameters
    ----------
    psf_mm : float
        Full width at half maximum of the in-plane point spread (Gaussian); 0 for none. Across
        slices the profile is a box as thick as the distance of the slices.
    noise_hu : float
        Standard deviation of the noise. Its power spectrum is a ramp times a Gaussian, as filtered
        backprojection leaves it, and neighbouring slices share some of it.
    padding_hu : int or None
        Value outside the round field of reconstruction, -2000 for instance; None to fill the
        whole square.

    Raises
    ------
    InputError
        A negative width or noise.
    """

    psf_mm: float = 1.2
    noise_hu: float = 16.0
    padding_hu: int | None = None

    def __post_init__(self) -> None:
        if self.psf_mm < 0 or self.noise_hu < 0:
            raise InputError(
                "The scanner's psf_mm and noise_hu must not be negative, "
                f"got {self.psf_mm} mm and {self.noise_hu} HU."
            )

    def blurred(self, plane_hu: Plane, pixel_mm: tuple[float, float]) -> Plane:
        """The slice as the scanner's optics see it; ``pixel_mm`` is (column, row)."""
        sigma = [self.psf_mm * _SIGMA_OF_FWHM / step for step in pixel_mm[::-1]]
        blurred: Plane = ndimage.gaussian_filter(plane_hu, sigma, mode="nearest")
        return blurred

    def digitised(self, plane_hu: Plane) -> npt.NDArray[np.int16]:
        """Whole HU within the 12-bit range of scanners, padded outside the round field."""
        values = np.clip(np.rint(plane_hu), LOWEST_HU, HIGHEST_HU).astype(np.int16)
        if self.padding_hu is not None:
            rows, columns = values.shape
            y = (np.arange(rows) - (rows - 1) / 2)[:, None] / (rows / 2)
            x = (np.arange(columns) - (columns - 1) / 2) / (columns / 2)
            values[x * x + y * y > 1.0] = self.padding_hu
        return values


class Noise:
    """Correlated noise, one slice after the other.

    Parameters
    ----------
    scanner : Scanner
    shape : tuple of int
        (rows, columns).
    pixel_mm : tuple of float
        (column, row) spacing.
    rng : Generator
    """

    def __init__(
        self,
        scanner: Scanner,
        shape: tuple[int, int],
        pixel_mm: tuple[float, float],
        rng: np.random.Generator,
    ) -> None:
        rows, columns = shape
        fy = np.fft.fftfreq(rows, pixel_mm[1])[:, None]
        frequency = np.hypot(fy, np.fft.fftfreq(columns, pixel_mm[0]))
        gain = np.sqrt(frequency) * np.exp(-((frequency / _NOISE_ROLL_OFF_PER_MM) ** 2) / 2.0)
        gain *= scanner.noise_hu / np.sqrt(np.mean(gain**2) * (1.0 + _NEXT_SLICE**2))
        self._gain = gain[:, : columns // 2 + 1].astype(np.float32)
        self._shape = shape
        self._rng = rng
        self._previous = self._fresh()

    def _fresh(self) -> Plane:
        white = self._rng.standard_normal(self._shape, dtype=np.float32)
        shaped: Plane = fft.irfft2(fft.rfft2(white) * self._gain, s=self._shape)
        return shaped

    def next_slice(self) -> Plane:
        """The noise of the next slice in HU."""
        fresh = self._fresh()
        noise: Plane = fresh + np.float32(_NEXT_SLICE) * self._previous
        self._previous = fresh
        return noise
