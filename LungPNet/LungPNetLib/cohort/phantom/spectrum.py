"""How a reconstruction kernel treats spatial frequencies: resolution and texture of the noise.

In filtered backprojection the kernel shapes signal and noise alike: the modulation transfer is the
kernel times the optics (focal spot and detector), and the noise power is a ramp times the kernel
squared (Riederer, Pelc and Chesler 1978, Phys Med Biol 23:446). Here a kernel is a Gaussian window
whose middle frequencies may be raised, which is what makes edges overshoot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.quality.tags import KernelClass

EDGE_SCALE_MM = 0.8
"""Standard deviation of the blur that an edge-enhancing kernel partly subtracts."""

FWHM_OF_SIGMA = 2.3548
_OPTICS_FWHM_MM = 0.6
_REFERENCE_NOISE_HU = 12.0
_REFERENCE_MAS = 100.0
_REFERENCE_THICKNESS_MM = 2.5
_REFERENCE_PIXEL_MM = 0.7
_STEPS = 400


@dataclass(frozen=True)
class Kernel:
    """A vendor's reconstruction kernel.

    Parameters
    ----------
    name, manufacturer : str
        As the DICOM tags write them; ``quality.tags.classify_kernel`` finds ``kind`` in them.
    kind : str
        soft, standard or sharp.
    roll_off_per_mm : float
        Standard deviation of the Gaussian window in cycles a mm.
    edge_boost : float
        Gain of high frequencies over low ones before the window, less 1; 0 for none.
    """

    name: str
    manufacturer: str
    kind: KernelClass
    roll_off_per_mm: float
    edge_boost: float = 0.0

    @property
    def psf_mm(self) -> float:
        """Full width at half maximum of window and optics, before any edge boost."""
        window = FWHM_OF_SIGMA / (2.0 * np.pi * self.roll_off_per_mm)
        return float(np.hypot(window, _OPTICS_FWHM_MM))


KERNELS: tuple[Kernel, ...] = (
    Kernel("SOFT", "GE MEDICAL SYSTEMS", "soft", 0.27),
    Kernel("STANDARD", "GE MEDICAL SYSTEMS", "standard", 0.34),
    Kernel("LUNG", "GE MEDICAL SYSTEMS", "sharp", 0.62, 0.9),
    Kernel("BONE", "GE MEDICAL SYSTEMS", "sharp", 0.95, 0.4),
    Kernel("B20f", "SIEMENS", "soft", 0.25),
    Kernel("B30f", "SIEMENS", "standard", 0.33),
    Kernel("B50f", "SIEMENS", "sharp", 0.52, 0.3),
    Kernel("B70f", "SIEMENS", "sharp", 0.8, 0.7),
    Kernel("A", "Philips", "soft", 0.25),
    Kernel("B", "Philips", "standard", 0.34),
    Kernel("C", "Philips", "sharp", 0.45, 0.2),
    Kernel("L", "Philips", "sharp", 0.7, 0.6),
    Kernel("FC01", "TOSHIBA", "soft", 0.28),
    Kernel("FC08", "TOSHIBA", "standard", 0.34),
    Kernel("FC51", "TOSHIBA", "sharp", 0.65, 0.6),
)
"""Four vendors' kernels for the chest. STANDARD and BONE follow the noise power measured in soft
tissue of LIDC scans; the others are placed between and beyond them by their vendors' ranking."""


def kernel_named(name: str) -> Kernel:
    """The kernel of this name (capitals do not matter).

    Raises
    ------
    InputError
        No kernel has this name; the message lists them.
    """
    for kernel in KERNELS:
        if kernel.name.lower() == name.lower():
            return kernel
    known = ", ".join(f"{kernel.name} ({kernel.kind})" for kernel in KERNELS)
    raise InputError(f"No kernel is called '{name}'; choose one of {known}.")


def window_gain(
    frequency: npt.NDArray[np.floating[Any]], roll_off_per_mm: float, edge_boost: float
) -> npt.NDArray[np.float64]:
    """What a kernel makes of a frequency (cycles a mm), relative to frequency 0."""
    raised = 1.0 - np.exp(-2.0 * (np.pi * EDGE_SCALE_MM * frequency) ** 2)
    gain: npt.NDArray[np.float64] = (1.0 + edge_boost * raised) * np.exp(
        -((frequency / roll_off_per_mm) ** 2) / 2.0
    )
    return gain


def noise_gain(
    frequency: npt.NDArray[np.floating[Any]], roll_off_per_mm: float, edge_boost: float
) -> npt.NDArray[np.float64]:
    """Amplitude of the noise at a frequency (cycles a mm), in arbitrary units: ramp times window.

    Its square is the noise power spectrum.
    """
    ramp: npt.NDArray[np.float64] = np.sqrt(frequency)
    return ramp * window_gain(frequency, roll_off_per_mm, edge_boost)


def expected_noise_hu(
    kernel: Kernel, tube_mas: float, thickness_mm: float, pixel_mm: float = _REFERENCE_PIXEL_MM
) -> float:
    """Noise in the mid chest of a person of average size.

    Quanta are counted: the standard deviation falls with the square root of dose and of slice
    thickness (Brooks and Di Chiro 1976, Med Phys 3:237), and the kernel decides how much of the
    noise of each frequency stays. Frequencies beyond what the pixels carry are left out.

    Parameters
    ----------
    kernel : Kernel
    tube_mas : float
        Effective tube current-time product in mAs.
    thickness_mm : float
        Thickness of the slices.
    pixel_mm : float
        Size of the pixels.

    Returns
    -------
    float
        Standard deviation in HU: 12 for a GE STANDARD kernel at 100 mAs, 2.5 mm and 0.7 mm.
    """
    if min(tube_mas, thickness_mm, pixel_mm) <= 0:
        raise InputError(
            "Tube charge, slice thickness and pixel size must be positive, got "
            f"{tube_mas} mAs, {thickness_mm} mm and {pixel_mm} mm."
        )
    share = _noise_power(kernel, pixel_mm) / _noise_power(KERNELS[1], _REFERENCE_PIXEL_MM)
    dose = _REFERENCE_MAS / tube_mas * _REFERENCE_THICKNESS_MM / thickness_mm
    return float(_REFERENCE_NOISE_HU * np.sqrt(share * dose))


def _noise_power(kernel: Kernel, pixel_mm: float) -> float:
    """Integral of the noise power over the plane of frequencies, up to the Nyquist frequency."""
    frequency = (np.arange(_STEPS) + 0.5) / _STEPS * 0.5 / pixel_mm
    power = noise_gain(frequency, kernel.roll_off_per_mm, kernel.edge_boost) ** 2
    return float(np.sum(power * frequency) * 0.5 / pixel_mm / _STEPS)
