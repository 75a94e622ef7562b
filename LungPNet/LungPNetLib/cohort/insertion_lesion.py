"""Lesions that can be put into another CT: made up, or patches of real CTs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.cohort.insertion_host import Image, denoised
from LungPNetLib.cohort.lidc_patches import NodulePatch
from LungPNetLib.cohort.phantom.lesion_lattice import Cube, Lattice
from LungPNetLib.cohort.phantom.nodule import Nodule
from LungPNetLib.errors import InputError

_FINER = 2
"""Cubes of a patch's lattice along each of its voxels."""
_FADE_MM = 1.5
"""A patch fades into its new surroundings over this width outside the reader's mask."""
_MATTE_HU = (20.0, 140.0)
"""How much denser than its lung a patch is where nothing and where all of it is taken over."""
_ROOM = 3
"""Voxels of a patch kept on each side of the mask, for it to fade."""
_AIRY_HU = -600.0
_PATCH_NOISE_HU = (10.0, 60.0)
_PATCH_SIGMA_MM = 0.8
"""Blur of the patches: their scans' own, and that of resampling to 1 mm."""


@dataclass(frozen=True, eq=False)
class Lesion:
    """What is to be inserted, round its own centre.

    Parameters
    ----------
    lattice : Lattice
        In mm from the lesion's centre.
    share : ndarray, shape (z, y, x)
        Share of each cube inside the nodule, 0 to 1: the truth.
    weight : ndarray, shape (z, y, x)
        Share of each cube that the lesion replaces. Of a made-up lesion this is ``share``; a
        patch fades beyond it.
    hu : ndarray, shape (z, y, x)
    sigma_mm : float
        Blur that it has already.
    """

    lattice: Lattice
    share: Cube
    weight: Cube
    hu: Cube
    sigma_mm: float = 0.0

    @classmethod
    def of_nodule(cls, nodule: Nodule) -> Lesion:
        """A nodule of generator A, wherever it lies."""
        lattice = nodule.lattice.moved(-np.asarray(nodule.truth.centre_mm))
        return cls(lattice, nodule.share, nodule.share, nodule.hu)

    @classmethod
    def of_patch(cls, patch: NodulePatch) -> Lesion:
        """A real nodule without its noise.

        Raises
        ------
        InputError
            The reader's mask is empty or reaches the border of the cube.
        """
        if not is_whole(patch):
            raise InputError(
                f"The mask of patch '{patch.name}' is empty or cut by the border of its cube; "
                "only whole nodules can be inserted."
            )
        mask = patch.mask.array != 0
        clean = denoised(
            patch.ct.array.astype(np.float32), patch.ct.spacing_mm, _patch_noise_hu(patch)
        )
        weight, hu = _faded(mask, clean, _background_hu(mask, clean))
        mask, weight, hu = (part[_cube(mask)] for part in (mask, weight, hu))
        share = np.repeat(np.repeat(np.repeat(mask, _FINER, 0), _FINER, 1), _FINER, 2)
        step = patch.ct.spacing_mm[0] / _FINER
        z, y, x = (-(np.array(ndimage.center_of_mass(share)) + 0.5) * step).tolist()
        weight, hu = (
            ndimage.zoom(part, _FINER, order=1, mode="nearest", grid_mode=True)
            for part in (weight, hu)
        )
        lattice = Lattice((x, y, z), step, share.shape[0])
        return cls(lattice, share.astype(np.float32), weight, hu, _PATCH_SIGMA_MM)

    def turned(self, rng: np.random.Generator) -> Lesion:
        """The lesion turned by right angles about the z axis, and mirrored along any axis or not.

        The slices of a patch stay slices, because its scan was coarser across them than in them.
        """
        order = np.concatenate([[0], 1 + rng.permutation(2)])
        flips = rng.choice([True, False], 3)
        steps = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
        share, weight, hu = (
            np.ascontiguousarray(part.transpose(order)[steps])
            for part in (self.share, self.weight, self.hu)
        )
        ends = zip(self.lattice.low_mm[::-1], self.lattice.high_mm[::-1], strict=True)
        low, high = np.array(list(ends)).T[:, order]
        z, y, x = np.where(flips, -high, low).tolist()
        return replace(
            self, lattice=replace(self.lattice, low_mm=(x, y, z)), share=share, weight=weight, hu=hu
        )

    @property
    def diameter_mm(self) -> float:
        """Of the sphere of its volume."""
        volume = float(self.share.sum(dtype=np.float64)) * self.lattice.step_mm**3
        return float((6.0 / np.pi * volume) ** (1.0 / 3.0))

    @property
    def reach_mm(self) -> float:
        """Distance of its farthest cube from its centre."""
        places = self.lattice.centres()[self.share >= 0.5]
        return float(np.linalg.norm(places, axis=-1).max(initial=0.0)) + self.lattice.step_mm


def is_whole(patch: NodulePatch) -> bool:
    """Whether the reader's mask is not empty and does not reach the border of the cube."""
    mask = patch.mask.array != 0
    return bool(mask.any() and mask.sum() == mask[1:-1, 1:-1, 1:-1].sum())


def _patch_noise_hu(patch: NodulePatch) -> float:
    """Of its aerated lung outside the mask, which has vessels as well: the middle half decides."""
    hu = patch.ct.array.astype(np.float32)
    rest = (hu - ndimage.gaussian_filter(hu, 1.5))[_airy(patch.mask.array != 0, hu)]
    low, high = np.percentile(rest, [25, 75])
    return float(np.clip((high - low) / 1.349, *_PATCH_NOISE_HU))


def _background_hu(mask: npt.NDArray[np.bool_], hu: Image) -> float:
    """Of the lung in which a patch lies."""
    return float(np.median(hu[_airy(mask, hu)]))


def _airy(mask: npt.NDArray[np.bool_], hu: Image) -> npt.NDArray[np.bool_]:
    """Aerated lung outside the mask; all outside it, where there is none."""
    airy: npt.NDArray[np.bool_] = (ndimage.gaussian_filter(hu, 1.5) < _AIRY_HU) & ~mask
    return airy if airy.any() else ~mask


def _faded(mask: npt.NDArray[np.bool_], hu: Image, background_hu: float) -> tuple[Image, Image]:
    """What of a patch is more than its lung, and its HU.

    The weight falls to 0 outside the mask, and where the patch is no denser than its lung: readers
    draw generously, and the lung round two nodules differs. Outside the mask the HU are nowhere
    above those at its border, so that a chest wall beside it does not come along as a bright rim.
    """
    gap, nearest = ndimage.distance_transform_edt(~mask, return_indices=True)
    fade = np.clip(1.0 - (gap - 0.5) / _FADE_MM, 0.0, 1.0)
    fade[mask] = 1.0
    hu = np.minimum(hu, hu[tuple(nearest)])
    low, high = _MATTE_HU
    matte = np.clip((hu - background_hu - low) / (high - low), 0.0, 1.0)
    return (fade * matte).astype(np.float32), hu


def _cube(mask: npt.NDArray[np.bool_]) -> tuple[slice, ...]:
    """A cube round the mask with room to fade, where the image is large enough for one."""
    (box,) = ndimage.find_objects(mask.astype(np.uint8))
    side = max(part.stop - part.start for part in box) + 2 * _ROOM
    starts = [
        min(max((part.start + part.stop - side) // 2, 0), max(count - side, 0))
        for part, count in zip(box, mask.shape, strict=True)
    ]
    return tuple(slice(start, start + side) for start in starts)
