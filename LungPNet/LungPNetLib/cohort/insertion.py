"""Nodules put into the lungs of another CT, so that only their truth gives them away.

A lesion comes on a lattice of its own (made up, or a patch of a real CT). It is averaged over the
host's voxels, blurred as the host's edges are, cut at the border of the lung, and gets noise with
the strength and the texture of the host's. What is denser in the host, as a vessel, stays visible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.cohort.insertion_host import HostTraits, Image, denoised
from LungPNetLib.cohort.insertion_lesion import Lesion
from LungPNetLib.cohort.phantom.nodule import Nodule
from LungPNetLib.errors import InputError
from LungPNetLib.volume import Triplet, Volume

_FAINT, _INT16 = 0.02, np.iinfo(np.int16)
_RIM_HU, _RIM_MM, _LUNG_HU = (-600.0, -150.0), 2.0, -850.0
"""Voxels of the chest wall that are lung in part: neither an airway nor fat, and so near the lung.

They are several where a slice is thick and the diaphragm slants.
"""


class NoRoomError(InputError):
    """This nodule does not fit at this place; another place or another nodule may."""


@dataclass(frozen=True, eq=False)
class Inserted:
    """A CT with one more nodule.

    Parameters
    ----------
    ct : Volume
        int16 HU; as the host's outside the lungs, but for voxels beside them that are lung in part.
    mask : Volume
        uint8, 1 where the nodule fills at least half of the voxel, and the voxel is lung.
    contrast_hu : float
        By how much the nodule is denser than what was there, mean over ``mask`` without noise.
    """

    ct: Volume
    mask: Volume
    contrast_hu: float


def insert_nodule(
    host: Volume,
    lungs: Volume,
    lesion: Lesion,
    centre_lps_mm: Triplet,
    rng: np.random.Generator,
    traits: HostTraits | None = None,
) -> Inserted:
    """Put a lesion into a lung of the host.

    Only the lung in which the centre lies changes, and only what is connected with the centre
    within the lesion: beyond a pleura the lesion is cut, and its truth with it. Where a lesion
    touches the pleura, voxels up to 2 mm beyond the mask that are still lung in part by their
    density are filled by that part; else a dark line would lie between nodule and wall.

    Parameters
    ----------
    host : Volume
        HU, with the scanner's slices along the first axis of the array; their distance is taken
        for their thickness.
    lungs : Volume
        1 right, 2 left, on the host's grid.
    lesion : Lesion
    centre_lps_mm : tuple of float
        Where its centre goes, inside a lung.
    rng : Generator
        Draws the noise.
    traits : HostTraits, optional
        Of this host; measured if not given.

    Raises
    ------
    NoRoomError
        The centre is not in a lung, or no voxel of lung is filled by half.
    InputError
        The grids differ, or the centre is outside the CT.
    """
    if not host.same_grid_as(lungs):
        raise InputError("The lungs do not lie on the grid of the CT; give the lungs of this CT.")
    traits = traits or HostTraits.measured(host, lungs)
    middle = host.world_to_index(centre_lps_mm)
    box, axes = _box(host, lesion, middle, traits)
    share, weight, mass = _on_grid(lesion, axes, host.spacing_mm, middle, traits)
    inside = _own_part(lungs.array, box, middle, (share > 0.0) | (weight > _FAINT))
    truth = (share >= 0.5) & inside
    if not truth.any():
        raise NoRoomError(
            f"The nodule of {lesion.diameter_mm:.1f} mm fills no voxel of the lung by half; take a "
            "larger one or another place."
        )
    change = _Change(host.array[box].astype(np.float32), weight, mass)
    smooth = denoised(change.old, host.spacing_mm, float(traits.noise.sd_hu[box[0]].mean()))
    noise = traits.noise.drawn(range(box[0].start, box[0].stop), smooth.shape[1:], rng)
    rim = _rim(inside, lungs.array[box] != 0, smooth, host.spacing_mm[0])
    added = np.where(rim, change.beside(smooth), inside * change.within(smooth, noise))
    array, mask = host.array.copy(), np.zeros(host.shape, np.uint8)
    array[box] = np.clip(np.rint(change.old + added), _INT16.min, _INT16.max)
    mask[box] = truth
    contrast = float(change.signal(smooth)[truth].mean())
    return Inserted(host.with_array(array), host.with_array(mask), contrast)


@dataclass(frozen=True, eq=False)
class _Change:
    """What a lesion of ``weight`` and ``mass`` (weight times HU) makes of voxels of ``old`` HU."""

    old: Image
    weight: Image
    mass: Image

    def signal(self, smooth: Image) -> Image:
        """Without noise, where the voxels are lung."""
        return Nodule.blended(smooth, self.weight, self.mass) - smooth

    def within(self, smooth: Image, noise: Image) -> Image:
        """Where the voxels are lung: the host's own noise gives way to that of denser tissue."""
        kept = np.sqrt(np.clip(1.0 - self.weight, 0.0, 1.0))
        new = np.sqrt(np.clip(self.weight, 0.0, 1.0))
        return self.signal(smooth) + new * noise + (kept - 1.0) * (self.old - smooth)

    def beside(self, smooth: Image) -> Image:
        """Where the voxels are lung in part: the lesion replaces that part."""
        lung = np.clip(smooth / _LUNG_HU, 0.0, 1.0)
        added: Image = lung * np.maximum(self.mass - self.weight * np.float32(_LUNG_HU), 0.0)
        return added


def _box(
    host: Volume, lesion: Lesion, middle: npt.NDArray[np.float64], traits: HostTraits
) -> tuple[tuple[slice, ...], list[npt.NDArray[np.float64]]]:
    """Slices (z, y, x) of the host that hold the lesion, and the voxels' places along x, y, z.

    Places are in mm along the host's own axes, which need not be the patient's.
    """
    margin = 4.0 * traits.psf_sigma_mm
    parts: list[slice] = []
    axes: list[npt.NDArray[np.float64]] = []
    for axis, (step, count) in enumerate(zip(host.spacing_mm, host.shape[::-1], strict=True)):
        low = (lesion.lattice.low_mm[axis] - margin) / step + middle[axis]
        high = (lesion.lattice.high_mm[axis] + margin) / step + middle[axis]
        part = slice(max(int(np.floor(low)), 0), min(int(np.ceil(high)) + 1, count))
        if not 0 <= round(middle[axis]) < count:
            raise InputError(
                f"The centre lies at voxel {np.round(middle, 1).tolist()} (column, row, slice), "
                f"outside the CT of size {host.shape[::-1]}; give a place inside."
            )
        parts.append(part)
        axes.append(np.arange(part.start, part.stop, dtype=np.float64) * step)
    return tuple(parts[::-1]), axes


def _own_part(
    lungs: npt.NDArray[np.generic],
    box: tuple[slice, ...],
    middle: npt.NDArray[np.float64],
    met: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """Voxels of the box in the lung of ``middle`` that the lesion meets, connected with it."""
    voxel = np.rint(middle[::-1]).astype(int)
    own = int(lungs[tuple(voxel)])
    if own == 0:
        raise NoRoomError("The nodule's centre does not lie in a lung; give a place inside.")
    region = met & (lungs[box] == own)
    parts, _ = ndimage.label(region)
    seed = parts[tuple(voxel - [part.start for part in box])]
    joined: npt.NDArray[np.bool_] = region & (parts == seed)
    return joined


def _on_grid(
    lesion: Lesion,
    axes: list[npt.NDArray[np.float64]],
    spacing_mm: Triplet,
    middle: npt.NDArray[np.float64],
    traits: HostTraits,
) -> tuple[Image, Image, Image]:
    """Share of each voxel inside, and weight and weight times HU as the host would show them."""
    lattice = lesion.lattice.moved(middle * np.asarray(spacing_mm))
    share, weight, mass = (
        lattice.averaged(values, (axes[0], axes[1], axes[2]), spacing_mm)
        for values in (lesion.share, lesion.weight, lesion.weight * lesion.hu)
    )
    sigma = [0.0]
    for pixel in (spacing_mm[1], spacing_mm[0]):
        lacking = traits.psf_sigma_mm**2 - pixel**2 / 12.0 - lesion.sigma_mm**2
        sigma.append(float(np.sqrt(max(lacking, 0.0))) / pixel)
    weight, mass = (ndimage.gaussian_filter(part, sigma) for part in (weight, mass))
    return share, weight, mass


def _rim(
    inside: npt.NDArray[np.bool_],
    lungs: npt.NDArray[np.bool_],
    smooth: Image,
    pixel_mm: float,
) -> npt.NDArray[np.bool_]:
    """Voxels beside the changed lung, in the slice, that are lung in part by their density."""
    cross = ndimage.generate_binary_structure(2, 1)[None]
    partial = ~lungs & (smooth > _RIM_HU[0]) & (smooth < _RIM_HU[1])
    steps = max(1, round(_RIM_MM / pixel_mm))
    grown = ndimage.binary_dilation(inside, cross, iterations=steps, mask=partial | inside)
    rim: npt.NDArray[np.bool_] = grown & partial
    return rim
