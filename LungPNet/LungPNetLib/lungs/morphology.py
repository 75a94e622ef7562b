"""Small tools for binary images on an anisotropic grid, in mm rather than voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Mask: TypeAlias = npt.NDArray[np.bool_]
FloatImage: TypeAlias = npt.NDArray[np.float32]
ZYX: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True)
class Shrinking:
    """How a full-resolution array maps onto a coarser one: whole-number block sizes in (z, y, x).

    Whole blocks keep the result independent of how a file rounds its spacing: the same voxels from
    DICOM, NIfTI and NRRD give the same masks.
    """

    shape: tuple[int, int, int]
    factors: tuple[int, int, int]

    @classmethod
    def towards(cls, shape: tuple[int, int, int], spacing_mm: ZYX, target_mm: float) -> Shrinking:
        """Blocks that bring each spacing (z, y, x) as close to ``target_mm`` as possible."""
        factors = tuple(max(1, round(target_mm / round(s, 3))) for s in spacing_mm)
        return cls(shape, (factors[0], factors[1], factors[2]))

    def shrink(self, array: npt.NDArray[np.generic], low: float, high: float) -> FloatImage:
        """Block means of ``array`` clipped to [low, high]; float32, edge blocks are padded."""
        out_shape = tuple(-(-n // f) for n, f in zip(self.shape, self.factors, strict=True))
        out = np.empty(out_shape, np.float32)
        fz, fy, fx = self.factors
        pad = [(0, (-self.shape[axis]) % self.factors[axis]) for axis in (1, 2)]
        for k in range(out_shape[0]):
            slab = np.clip(array[k * fz : (k + 1) * fz], low, high).mean(axis=0, dtype=np.float32)
            slab = np.pad(slab, pad, mode="edge")
            blocks = slab.reshape(out_shape[1], fy, out_shape[2], fx)
            out[k] = blocks.mean(axis=(1, 3))
        return out

    def slices_enlarged(self, coarse: FloatImage, k: int) -> FloatImage:
        """Full-resolution slice ``k`` of ``coarse`` by linear interpolation, float32."""
        fz, fy, fx = self.factors
        z = np.clip((k + 0.5) / fz - 0.5, 0, coarse.shape[0] - 1)
        lower = int(z)
        upper = min(lower + 1, coarse.shape[0] - 1)
        plane = coarse[lower] * np.float32(1 - (z - lower)) + coarse[upper] * np.float32(z - lower)
        plane = _enlarged_axis(plane, 0, fy, self.shape[1])
        return _enlarged_axis(plane, 1, fx, self.shape[2])


def _enlarged_axis(plane: FloatImage, axis: int, factor: int, length: int) -> FloatImage:
    if factor == 1:
        return plane
    position = np.clip((np.arange(length) + 0.5) / factor - 0.5, 0, plane.shape[axis] - 1)
    lower = position.astype(int)
    upper = np.minimum(lower + 1, plane.shape[axis] - 1)
    weight = (position - lower).astype(np.float32)
    if axis == 0:
        weight = weight[:, None]
    return plane.take(lower, axis) * (1 - weight) + plane.take(upper, axis) * weight


def distance_mm(mask: Mask, spacing_mm: ZYX) -> FloatImage:
    """Distance of each voxel outside ``mask`` to the nearest voxel of it; 0 inside."""
    import SimpleITK as sitk

    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    image = sitk.GetImageFromArray(mask.view(np.uint8))
    image.SetSpacing([round(s, 3) for s in spacing_mm[::-1]])
    signed = sitk.SignedMaurerDistanceMap(
        image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True
    )
    distance: FloatImage = np.maximum(sitk.GetArrayViewFromImage(signed), 0)
    return distance


def dilated(mask: Mask, radius_mm: float, spacing_mm: ZYX) -> Mask:
    """``mask`` grown by a ball."""
    return distance_mm(mask, spacing_mm) <= radius_mm


def eroded(mask: Mask, radius_mm: float, spacing_mm: ZYX) -> Mask:
    """``mask`` shrunk by a ball; the border of the image does not count as outside."""
    return distance_mm(~mask, spacing_mm) > radius_mm


def opened(mask: Mask, radius_mm: float, spacing_mm: ZYX) -> Mask:
    """``mask`` without what a ball does not fit into."""
    return dilated(eroded(mask, radius_mm, spacing_mm), radius_mm, spacing_mm)


def closed(mask: Mask, radius_mm: float, spacing_mm: ZYX) -> Mask:
    """``mask`` with what a ball outside of it does not reach."""
    return mask | eroded(dilated(mask, radius_mm, spacing_mm), radius_mm, spacing_mm)


def holes_filled_by_slice(mask: Mask) -> Mask:
    """``mask`` with the holes of each axial slice filled (vessels, nodules)."""
    return np.stack([ndimage.binary_fill_holes(plane) for plane in mask])


@dataclass(frozen=True)
class Components:
    """Connected components (faces touch) of a mask, largest first.

    ``labels`` holds 1 for the largest component, 2 for the next, ...; ``sizes[0]`` is its number
    of voxels.
    """

    labels: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, mask: Mask) -> Components:
        """Label the components of ``mask``."""
        labels, count = ndimage.label(mask)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        order = np.argsort(-sizes, kind="stable")
        rank = np.zeros(count + 1, np.int32)
        rank[order + 1] = np.arange(1, count + 1)
        return cls(rank[labels], sizes[order])

    def largest(self) -> Mask:
        """The largest component (nothing, where there is none)."""
        return self.labels == 1
