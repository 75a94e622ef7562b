"""What a scanner does to a perfect image: blur, noise, a round field, whole HU."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from LungPNetLib.cohort.phantom.rays import directions, path_weights
from LungPNetLib.cohort.phantom.shapes import Plane
from LungPNetLib.cohort.phantom.spectrum import (
    EDGE_SCALE_MM,
    FWHM_OF_SIGMA,
    Kernel,
    expected_noise_hu,
    noise_gain,
)
from LungPNetLib.errors import InputError

LOWEST_HU, HIGHEST_HU = -1024, 3071

_NEXT_SLICE = 0.3
"""How much of a slice's noise the next one takes over (interpolation along the helix)."""


class Table(str, Enum):
    """What the patient lies on."""

    CURVED = "curved"
    FLAT = "flat"
    NONE = "none"


class Arms(str, Enum):
    """Where the patient's arms are: raised out of the beam, or beside the chest."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True)
class Scanner:
    """A CT scanner in the image domain, and how it scans this patient.

    Parameters
    ----------
    psf_mm : float
        Full width at half maximum of the in-plane point spread (Gaussian, before any edge boost);
        0 for none.
    noise_hu : float
        Standard deviation of the noise; see ``path_exponent``.
    padding_hu : int or None
        Value outside the round field of reconstruction, -2000 for instance; None to fill the
        whole square.
    roll_off_per_mm, edge_boost : float
        Window of the kernel, see ``spectrum.Kernel``: the power spectrum of the noise is a ramp
        times its square, and the boost makes edges overshoot.
    thickness_mm : float or None
        Thickness of the slices (a box); None for the distance of the slices. Thicker ones overlap,
        thinner ones leave gaps.
    path_exponent : float
        0: the noise is ``noise_hu`` everywhere. Up to 1: noise grows with the length of the rays
        through the body, as photon statistics have it (1: constant tube current; less where the
        tube current follows the body). Then ``noise_hu`` holds in the mid chest of an average
        person, big people are noisier, and the shoulders streak.
    offset_hu : float
        Fault of the calibration, added to all HU.
    motion_mm : float
        How far the front of the chest moves while a slice is taken (breathing).
    table : Table
    arms : Arms
    contrast_hu : float or None
        HU of enhanced blood, 150 to 400; None for a scan without contrast agent.
    tube_mas, kvp : float
        Effective mAs and tube voltage, for the tags.
    manufacturer, model, kernel : str
        For the tags.

    Raises
    ------
    InputError
        A negative width or noise, or a value out of its range.
    """

    psf_mm: float = 1.2
    noise_hu: float = 16.0
    padding_hu: int | None = None
    roll_off_per_mm: float = 0.33
    edge_boost: float = 0.0
    thickness_mm: float | None = None
    path_exponent: float = 0.0
    offset_hu: float = 0.0
    motion_mm: float = 0.0
    table: Table = Table.CURVED
    arms: Arms = Arms.UP
    contrast_hu: float | None = None
    tube_mas: float = 200.0
    kvp: float = 120.0
    manufacturer: str = "LungPNet"
    model: str = "Made-up CT scanner"
    kernel: str = "STANDARD"

    def __post_init__(self) -> None:
        if self.psf_mm < 0 or self.noise_hu < 0:
            raise InputError(
                "The scanner's psf_mm and noise_hu must not be negative, "
                f"got {self.psf_mm} mm and {self.noise_hu} HU."
            )
        if self.roll_off_per_mm <= 0 or (self.thickness_mm is not None and self.thickness_mm <= 0):
            raise InputError(
                "The scanner's roll_off_per_mm and thickness_mm must be positive, got "
                f"{self.roll_off_per_mm} per mm and {self.thickness_mm} mm."
            )
        if not 0.0 <= self.path_exponent <= 1.0 or self.edge_boost < 0 or self.motion_mm < 0:
            raise InputError(
                "The scanner's path_exponent must lie from 0 to 1, edge_boost and motion_mm must "
                f"not be negative; got {self.path_exponent}, {self.edge_boost} and "
                f"{self.motion_mm} mm."
            )
        if self.contrast_hu is not None and not 60.0 <= self.contrast_hu <= 600.0:
            raise InputError(
                f"Enhanced blood of {self.contrast_hu:g} HU is not plausible; give 60 to 600 HU "
                "(150 to 400 are usual), or leave contrast_hu out for a scan without contrast."
            )

    @classmethod
    def of(
        cls,
        kernel: Kernel,
        *,
        tube_mas: float = 100.0,
        thickness_mm: float = 2.5,
        pixel_mm: float = 0.7,
        path_exponent: float = 0.5,
    ) -> Scanner:
        """A scanner whose resolution, noise and tags follow from kernel and dose.

        Parameters
        ----------
        kernel : Kernel
        tube_mas, thickness_mm, pixel_mm : float
            As ``spectrum.expected_noise_hu`` takes them.
        path_exponent : float
            See the class.

        Examples
        --------
        >>> from LungPNetLib.cohort.phantom.spectrum import kernel_named
        >>> bone = Scanner.of(kernel_named("BONE"), tube_mas=100.0)
        >>> bone.kernel, round(bone.psf_mm, 2), bone.noise_hu > 30.0
        ('BONE', 0.72, True)
        """
        return cls(
            psf_mm=kernel.psf_mm,
            noise_hu=expected_noise_hu(kernel, tube_mas, thickness_mm, pixel_mm),
            roll_off_per_mm=kernel.roll_off_per_mm,
            edge_boost=kernel.edge_boost,
            thickness_mm=thickness_mm,
            path_exponent=path_exponent,
            tube_mas=tube_mas,
            manufacturer=kernel.manufacturer,
            kernel=kernel.name,
        )

    def slab_mm(self, distance_mm: float) -> float:
        """Thickness of the slices when their centres are ``distance_mm`` apart."""
        return distance_mm if self.thickness_mm is None else self.thickness_mm

    def blurred(self, plane_hu: Plane, pixel_mm: tuple[float, float]) -> Plane:
        """The slice as the scanner's optics and kernel see it; ``pixel_mm`` is (column, row)."""
        steps = pixel_mm[::-1]
        sigma = [self.psf_mm / FWHM_OF_SIGMA / step for step in steps]
        blurred: Plane = ndimage.gaussian_filter(plane_hu, sigma, mode="nearest")
        if self.edge_boost:
            wide = [EDGE_SCALE_MM / step for step in steps]
            smooth = ndimage.gaussian_filter(blurred, wide, mode="nearest")
            blurred += np.float32(self.edge_boost) * (blurred - smooth)
        return blurred

    def digitised(self, plane_hu: Plane) -> npt.NDArray[np.int16]:
        """Whole HU within the 12-bit range of scanners, padded outside the round field."""
        shifted = plane_hu + np.float32(self.offset_hu)
        values = np.clip(np.rint(shifted), LOWEST_HU, HIGHEST_HU).astype(np.int16)
        if self.padding_hu is not None:
            values[self.unseen(values.shape)] = self.padding_hu
        return values

    def unseen(self, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """Pixels outside the round field, where the image holds padding; (rows, columns)."""
        rows, columns = shape
        if self.padding_hu is None:
            return np.zeros((rows, columns), bool)
        y = (np.arange(rows) - (rows - 1) / 2)[:, None] / (rows / 2)
        x = (np.arange(columns) - (columns - 1) / 2) / (columns / 2)
        return np.asarray(x * x + y * y > 1.0)


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
    distance_mm : float, optional
        Distance of the slices; thicker ones share noise with their neighbours. Without it slices
        are as thick as they are apart.
    """

    def __init__(
        self,
        scanner: Scanner,
        shape: tuple[int, int],
        pixel_mm: tuple[float, float],
        rng: np.random.Generator,
        distance_mm: float | None = None,
    ) -> None:
        rows, columns = shape
        fy = np.fft.fftfreq(rows, pixel_mm[1])[:, None]
        fx = np.fft.fftfreq(columns, pixel_mm[0])
        gain = noise_gain(np.hypot(fy, fx), scanner.roll_off_per_mm, scanner.edge_boost)
        overlap = 1.0
        if scanner.thickness_mm is not None and distance_mm is not None:
            overlap = scanner.thickness_mm / distance_mm
        self._shares = _shares_of_slices(overlap)
        gain *= scanner.noise_hu / np.sqrt(np.mean(gain**2) * np.sum(self._shares**2))
        half = columns // 2 + 1
        self._gain = gain[:, :half].astype(np.float32)
        self._wedges = directions(fx[:half], fy) if scanner.path_exponent else ()
        self._scanner, self._shape, self._pixel_mm, self._rng = scanner, shape, pixel_mm, rng
        self._recent = deque([self._fresh() for _ in self._shares[1:]], len(self._shares))

    def _fresh(self) -> Plane:
        white = self._rng.standard_normal(self._shape, dtype=np.float32)
        spectrum: Plane = fft.rfft2(white) * self._gain
        return spectrum

    def next_slice(self, plane_hu: Plane | None = None) -> Plane:
        """The noise of the next slice in HU.

        Parameters
        ----------
        plane_hu : ndarray, shape (rows, columns), optional
            The slice without noise, from which the length of the rays follows; needed where the
            scanner has a ``path_exponent``, and ignored elsewhere.
        """
        self._recent.appendleft(self._fresh())
        spectrum = sum(
            np.float32(share) * plane
            for share, plane in zip(self._shares, self._recent, strict=True)
        )
        if plane_hu is None or not self._wedges:
            whole: Plane = fft.irfft2(spectrum, s=self._shape)
            return whole
        noise = np.zeros(self._shape, np.float32)
        weights = path_weights(plane_hu, self._pixel_mm, self._scanner.path_exponent)
        for wedge, weight in zip(self._wedges, weights, strict=True):
            noise += weight * fft.irfft2(spectrum * wedge, s=self._shape)
        return noise


def _shares_of_slices(overlap: float) -> npt.NDArray[np.float64]:
    """How much of each recent slice's fresh noise is in this one, this one first."""
    whole = int(overlap)
    box = [1.0] * whole + ([overlap - whole] if overlap - whole > 0.05 else [])
    return np.convolve(box if overlap >= 1.0 else [1.0], [1.0, _NEXT_SLICE * min(overlap, 1.0)])
