"""A lesion with its surroundings, on CT and PET, quickly: what networks for nodules train on.

The same lesions as those of whole made-up patients, in a cube of a few centimetres instead of a
whole chest. Nothing in it comes from a real person except the forms of some lesions (LIDC-IDRI).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from LungPNetLib.cohort.phantom.crop_scene import Axes, Cube, Scene
from LungPNetLib.cohort.phantom.nodule import Nodule, NoduleSpec, NoduleTruth, NoduleType
from LungPNetLib.cohort.phantom.spectrum import KERNELS, noise_gain, window_gain
from LungPNetLib.errors import InputError
from LungPNetLib.volume import Volume

_STREAM = 20
"""Keeps a crop's draws apart from those of the patient of the same seed."""
_SMALLEST_SIZE, _LARGEST_SIZE = 16, 256
_MARGIN = 6
"""Voxels drawn and blurred beyond the crop, so that its edges know what lies outside."""
_OPTICS_SIGMA_MM = 0.25
_LOWEST_HU, _HIGHEST_HU = -1024, 3071
_SUV_LUNG, _SUV_BLOOD, _SUV_WALL = 0.45, 1.5, 0.8
_SUV_OF_TYPE = {
    NoduleType.SOLID: (0.8, 14.0),
    NoduleType.PART_SOLID: (0.6, 4.0),
    NoduleType.GROUND_GLASS: (0.4, 1.6),
    NoduleType.CALCIFIED: (0.4, 1.2),
}


@dataclass(frozen=True, eq=False)
class Crop:
    """A made-up lesion with its surroundings; all volumes share one grid, centred on (0, 0, 0).

    Parameters
    ----------
    ct : Volume
        int16 HU.
    pet : Volume
        float32 SUVbw.
    share : Volume
        float32, the share of each voxel inside the lesion, 0 to 1.
    mask : Volume
        uint8, 1 where the share is at least half.
    lung_share : Volume
        float32, the share of each voxel inside the lung, lesion and vessels included.
    truth : NoduleTruth
    suv_bw : float
        SUV of the lesion before the PET's blur and noise.
    seed : int
    """

    ct: Volume
    pet: Volume
    share: Volume
    mask: Volume
    lung_share: Volume
    truth: NoduleTruth
    suv_bw: float
    seed: int


def make_crop(
    seed: int, spec: NoduleSpec | None = None, *, size: int = 64, spacing_mm: float = 0.7
) -> Crop:
    """Make the crop that belongs to ``seed``: the same arguments give the same voxels.

    Parameters
    ----------
    seed : int
        Not negative.
    spec : NoduleSpec, optional
        The lesion that is wanted; drawn from ``seed`` if not given. The part of a juxta-pleural
        lesion beyond the pleura is cut off, so that its diameter is a little below the one asked.
    size : int
        Voxels along each axis, 16 to 256.
    spacing_mm : float
        Distance of the voxels' centres.

    Raises
    ------
    InputError
        An argument is out of its range.

    Examples
    --------
    >>> crop = make_crop(5, size=32, spacing_mm=1.4)
    >>> crop.ct.shape, crop.pet.shape
    ((32, 32, 32), (32, 32, 32))
    """
    _check(seed, size, spacing_mm)
    rng = np.random.default_rng([seed, _STREAM])
    spec = spec or NoduleSpec.drawn(rng)
    count = size + 2 * _MARGIN
    axis = (np.arange(count) - (count - 1) / 2.0) * spacing_mm
    axes: Axes = (axis, axis, axis)
    places = np.stack(
        np.broadcast_arrays(axis, axis[:, None], axis[:, None, None]), axis=-1, dtype=np.float32
    )
    scene, nodule = _lesion_in_place(spec, size * spacing_mm / 2.0, rng)
    lung = scene.lung_share(places, spacing_mm)
    vessels = scene.vessel_share(axes)
    share, mass = (
        nodule.lattice.averaged(values, axes, (spacing_mm,) * 3)
        for values in (nodule.share, nodule.mass)
    )
    tissue = nodule.blended(scene.lung_hu(axes, places, vessels, rng), share, mass)
    hu = scene.wall_hu(places, rng)
    beyond = np.clip(lung, share, 1.0)
    hu += beyond * (tissue - hu)
    suv, uptake = _uptake(spec.type, lung, vessels, share, rng)
    inner = (slice(_MARGIN, -_MARGIN),) * 3
    corner = float(axis[_MARGIN])
    ct = Volume(
        _scanned_ct(hu, spacing_mm, rng)[inner], (spacing_mm,) * 3, (corner, corner, corner)
    )
    return Crop(
        ct=ct,
        pet=ct.with_array(_scanned_pet(uptake, spacing_mm, rng)[inner]),
        share=ct.with_array(share[inner]),
        mask=ct.with_array((share[inner] >= 0.5).astype(np.uint8)),
        lung_share=ct.with_array(beyond[inner]),
        truth=nodule.truth,
        suv_bw=suv,
        seed=seed,
    )


def _uptake(
    kind: NoduleType, lung: Cube, vessels: Cube, share: Cube, rng: np.random.Generator
) -> tuple[float, Cube]:
    """SUV of the lesion, and of every voxel before the PET scanner."""
    low, high = _SUV_OF_TYPE[kind]
    suv = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    uptake: Cube = np.full_like(lung, _SUV_WALL)
    uptake += lung * (_SUV_LUNG + vessels * (_SUV_BLOOD - _SUV_LUNG) - uptake)
    uptake += share * (suv - uptake)
    return suv, uptake


def _lesion_in_place(
    spec: NoduleSpec, half_mm: float, rng: np.random.Generator
) -> tuple[Scene, Nodule]:
    """The lesion near the middle, in surroundings that suit it."""
    centre = rng.uniform(-3.0, 3.0, 3)
    scene = Scene.drawn(spec.location, centre, spec.diameter_mm / 2.0, half_mm, rng)
    strand_to = scene.pleura.normal if scene.pleura is not None else None
    nodule = Nodule.grown(1, tuple(centre.tolist()), spec, rng, strand_to)
    if scene.pleura is None:
        return scene, nodule
    soft_mm = nodule.lattice.step_mm
    return scene, nodule.clipped(lambda places: scene.lung_share(places, soft_mm))


def _scanned_ct(hu: Cube, spacing_mm: float, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """What one of several scanners makes of the object: kernel, slice thickness, noise, HU."""
    kernel = KERNELS[rng.integers(len(KERNELS))]
    thickness_mm = float(rng.choice([0.75, 1.0, 1.25, 2.0, 2.5, 3.0]))
    noise_hu = float(np.exp(rng.uniform(np.log(8.0), np.log(60.0))))
    rows = hu.shape[1]
    frequency = np.hypot(
        np.fft.fftfreq(rows, spacing_mm)[:, None], np.fft.rfftfreq(rows, spacing_mm)
    )
    optics = np.exp(-2.0 * (np.pi * _OPTICS_SIGMA_MM * frequency) ** 2)
    window = window_gain(frequency, kernel.roll_off_per_mm, kernel.edge_boost) * optics
    blurred = _filtered(_through_slice(hu, thickness_mm, spacing_mm), window)
    white = _through_slice(
        rng.standard_normal(hu.shape, dtype=np.float32), thickness_mm, spacing_mm
    )
    noise = _filtered(white, noise_gain(frequency, kernel.roll_off_per_mm, kernel.edge_boost))
    blurred += noise * np.float32(noise_hu / noise.std())
    return np.clip(np.rint(blurred), _LOWEST_HU, _HIGHEST_HU).astype(np.int16)


def _scanned_pet(uptake: Cube, spacing_mm: float, rng: np.random.Generator) -> Cube:
    """Point spread of 5 to 7 mm, breathing along z, and noise that grows with the counts."""
    width_mm = rng.uniform(5.0, 7.0)
    breath_mm = rng.uniform(1.0, 8.0)
    sigma = width_mm / 2.3548 / spacing_mm
    sigma_z = float(np.hypot(width_mm, breath_mm)) / 2.3548 / spacing_mm
    suv = ndimage.gaussian_filter(uptake, (sigma_z, sigma, sigma), mode="nearest", truncate=3.0)
    white = rng.standard_normal(suv.shape, dtype=np.float32)
    noise = ndimage.gaussian_filter(white, sigma * 0.8, mode="wrap", truncate=3.0)
    noise *= np.float32(rng.uniform(0.04, 0.12) / noise.std())
    result: Cube = np.maximum(suv + noise * np.sqrt(suv), 0.0).astype(np.float32)
    return result


def _through_slice(values: Cube, thickness_mm: float, spacing_mm: float) -> Cube:
    """Average along z over the slice thickness."""
    side = max(thickness_mm / spacing_mm - 1.0, 0.0) / 2.0
    whole, part = int(side), side % 1.0
    weights = np.array([part, *[1.0] * (2 * whole + 1), part])
    averaged: Cube = ndimage.convolve1d(values, weights / weights.sum(), axis=0, mode="nearest")
    return averaged


def _filtered(values: Cube, gain: npt.NDArray[np.float64]) -> Cube:
    """Multiply each slice's spectrum by ``gain``."""
    spectrum = fft.rfft2(values, axes=(1, 2))
    spectrum *= gain.astype(np.float32)
    result: Cube = fft.irfft2(spectrum, s=values.shape[1:], axes=(1, 2))
    return result


def _check(seed: int, size: int, spacing_mm: float) -> None:
    if seed < 0:
        raise InputError(f"The seed of a made-up crop must not be negative, got {seed}.")
    if not _SMALLEST_SIZE <= size <= _LARGEST_SIZE:
        raise InputError(
            f"A made-up crop has {_SMALLEST_SIZE} to {_LARGEST_SIZE} voxels along each axis, "
            f"got {size}."
        )
    if not 0.2 <= spacing_mm <= 3.0:
        raise InputError(f"A made-up crop has voxels of 0.2 to 3 mm, got {spacing_mm} mm.")
