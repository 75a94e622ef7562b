"""The image that everybody passes around: voxels together with where they are in the patient."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError, OutputError

if TYPE_CHECKING:
    import SimpleITK as sitk

Triplet: TypeAlias = tuple[float, float, float]
Interpolation: TypeAlias = Literal["linear", "nearest"]

_UNIT_TOLERANCE = 1e-3
"""Direction columns may deviate this much from orthonormal (DICOM stores 6 decimals or fewer)."""


@dataclass(frozen=True, eq=False)
class Volume:
    """A 3-D image or label map with its geometry, in the LPS frame of DICOM.

    Parameters
    ----------
    array : ndarray, shape (slices, rows, columns)
        Voxels in ``(z, y, x)`` order. CT volumes hold Hounsfield units as int16 or float32, label
        maps uint8.
    spacing_mm : tuple of float
        Distance of neighbouring voxel centres along (column, row, slice) index, in mm.
    origin_mm : tuple of float
        LPS position of the centre of voxel (0, 0, 0), in mm.
    direction : ndarray, shape (3, 3)
        Column ``a`` is the LPS unit vector along which index ``a`` (0 column, 1 row, 2 slice)
        grows. Must be orthonormal; left-handed frames are allowed.

    Raises
    ------
    InputError
        The array is not 3-D or empty, a spacing is not positive, or the direction is sheared.

    Examples
    --------
    >>> volume = Volume(np.zeros((4, 3, 2), np.int16), spacing_mm=(0.7, 0.7, 2.5))
    >>> volume.shape
    (4, 3, 2)
    >>> volume.index_to_world([1, 2, 3]).tolist()
    [0.7, 1.4, 7.5]
    """

    array: npt.NDArray[np.generic]
    spacing_mm: Triplet = (1.0, 1.0, 1.0)
    origin_mm: Triplet = (0.0, 0.0, 0.0)
    direction: npt.NDArray[np.float64] = field(default_factory=lambda: np.eye(3))

    def __post_init__(self) -> None:
        if self.array.ndim != 3 or 0 in self.array.shape:
            raise InputError(
                f"A volume needs 3 dimensions (slices, rows, columns), got {self.array.shape}."
            )
        spacing = tuple(float(value) for value in self.spacing_mm)
        if len(spacing) != 3 or not all(np.isfinite(v) and v > 0 for v in spacing):
            raise InputError(f"Voxel spacing must be three positive lengths in mm, got {spacing}.")
        direction = np.array(self.direction, dtype=np.float64)
        if direction.shape != (3, 3) or not np.allclose(
            direction.T @ direction, np.eye(3), atol=_UNIT_TOLERANCE
        ):
            raise InputError(
                "The image axes are not at right angles (a sheared or tilted grid); "
                "resample the image onto an upright grid first."
            )
        origin = tuple(float(value) for value in self.origin_mm)
        if len(origin) != 3 or not np.isfinite(origin).all():
            raise InputError(f"The origin must be three finite positions in mm, got {origin}.")
        direction = _orthonormal(direction)
        object.__setattr__(self, "spacing_mm", spacing)
        object.__setattr__(self, "origin_mm", origin)
        object.__setattr__(self, "direction", direction)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of (slices, rows, columns)."""
        return self.array.shape  # type: ignore[return-value,unused-ignore]

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in mL (= cm³)."""
        return float(np.prod(self.spacing_mm)) / 1000.0

    @property
    def affine(self) -> npt.NDArray[np.float64]:
        """4x4 matrix from homogeneous (column, row, slice) index to LPS mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.direction * np.asarray(self.spacing_mm)
        matrix[:3, 3] = self.origin_mm
        return matrix

    def index_to_world(self, index: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """LPS positions in mm of (column, row, slice) indices, shape (..., 3)."""
        steps = self.direction * np.asarray(self.spacing_mm)
        world: npt.NDArray[np.float64] = np.asarray(index, np.float64) @ steps.T + self.origin_mm
        return world

    def world_to_index(self, point_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Continuous (column, row, slice) indices of LPS positions in mm, shape (..., 3)."""
        offset = np.asarray(point_mm, dtype=np.float64) - np.asarray(self.origin_mm)
        inverse = np.linalg.inv(self.direction * np.asarray(self.spacing_mm))
        index: npt.NDArray[np.float64] = offset @ inverse.T
        return index

    def same_grid_as(self, other: Volume, tolerance_mm: float = 0.01) -> bool:
        """Whether both have the same shape and their corners lie within ``tolerance_mm``."""
        if self.shape != other.shape:
            return False
        corners = np.array(list(itertools.product(*[(0, n - 1) for n in self.shape[::-1]])))
        gap = self.index_to_world(corners) - other.index_to_world(corners)
        return bool(np.abs(gap).max() <= tolerance_mm)

    def with_array(self, array: npt.NDArray[np.generic]) -> Volume:
        """Other voxels of the same shape on this grid.

        Raises
        ------
        InputError
            The shape differs from this volume's.
        """
        if array.shape != self.shape:
            raise InputError(f"Expected an array of shape {self.shape}, got {array.shape}.")
        return replace(self, array=array)

    def cropped(self, start: Sequence[int], size: Sequence[int]) -> Volume:
        """The box of ``size`` voxels from ``start``, both in (column, row, slice) order.

        Raises
        ------
        InputError
            The box does not lie inside the volume.
        """
        (i, j, k), (ni, nj, nk) = start, size
        nz, ny, nx = self.shape
        inside = i >= 0 and j >= 0 and k >= 0 and i + ni <= nx and j + nj <= ny and k + nk <= nz
        if not inside or min(ni, nj, nk) < 1:
            raise InputError(
                f"Crop from {tuple(start)} of size {tuple(size)} (column, row, slice) "
                f"leaves the volume of size {(nx, ny, nz)}."
            )
        array = self.array[k : k + nk, j : j + nj, i : i + ni]
        return replace(self, array=array, origin_mm=tuple(self.index_to_world(start)))

    def padded(self, before: Sequence[int], after: Sequence[int], value: float) -> Volume:
        """Add voxels of ``value`` before and after each axis, in (column, row, slice) order."""
        if min(*before, *after) < 0:
            raise InputError(f"Padding must not be negative, got {before} and {after}.")
        _check_fits(value, self.array.dtype)
        widths = list(zip(before, after, strict=True))[::-1]
        array = np.pad(self.array, widths, constant_values=value)
        return replace(
            self, array=array, origin_mm=tuple(self.index_to_world([-n for n in before]))
        )

    def resampled_to(
        self,
        reference: Volume,
        *,
        interpolation: Interpolation = "linear",
        outside_value: float = 0.0,
    ) -> Volume:
        """Sample this volume on the grid of ``reference``; the reference's voxels are not used.

        Voxels outside this volume get ``outside_value``. The data type is kept, rounded where it
        is an integer. Label maps need ``interpolation="nearest"``.
        """
        import SimpleITK as sitk

        _check_fits(outside_value, self.array.dtype)
        kind = sitk.sitkNearestNeighbor if interpolation == "nearest" else sitk.sitkLinear
        resampler = sitk.ResampleImageFilter()
        resampler.SetSize([int(n) for n in reference.shape[::-1]])
        resampler.SetOutputSpacing(reference.spacing_mm)
        resampler.SetOutputOrigin(reference.origin_mm)
        resampler.SetOutputDirection(reference.direction.ravel().tolist())
        resampler.SetInterpolator(kind)
        resampler.SetDefaultPixelValue(float(outside_value))
        array = sitk.GetArrayFromImage(resampler.Execute(self.to_sitk()))
        return reference.with_array(array.astype(self.array.dtype, copy=False))

    def resampled_to_spacing(
        self, spacing_mm: Triplet, *, interpolation: Interpolation = "linear"
    ) -> Volume:
        """Sample this volume with another voxel spacing over (nearly) the same field of view."""
        size = [
            max(1, round(n * old / new))
            for n, old, new in zip(self.shape[::-1], self.spacing_mm, spacing_mm, strict=True)
        ]
        shift = [
            (new / old - 1.0) / 2.0 for old, new in zip(self.spacing_mm, spacing_mm, strict=True)
        ]
        grid = Volume(
            np.broadcast_to(np.uint8(0), size[::-1]),
            spacing_mm,
            tuple(self.index_to_world(shift)),
            self.direction,
        )
        edge = float(self.array.min()) if interpolation == "linear" else 0.0
        return self.resampled_to(grid, interpolation=interpolation, outside_value=edge)

    def axis_order_to(
        self, direction: npt.ArrayLike = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    ) -> AxisOrder:
        """The lossless re-ordering of axes that brings this volume closest to ``direction``."""
        cosines = np.asarray(direction, dtype=np.float64).T @ self.direction
        order = max(
            itertools.permutations(range(3)),
            key=lambda p: sum(abs(cosines[row, p[row]]) for row in range(3)),
        )
        return AxisOrder(
            axes=(order[0], order[1], order[2]),
            flips=(
                bool(cosines[0, order[0]] < 0),
                bool(cosines[1, order[1]] < 0),
                bool(cosines[2, order[2]] < 0),
            ),
        )

    @classmethod
    def from_sitk(cls, image: sitk.Image) -> Volume:
        """Copy a 3-D scalar SimpleITK image (which is LPS as well)."""
        import SimpleITK as sitk

        if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
            raise InputError(
                f"Expected one 3-D scalar image, got {image.GetDimension()} dimensions and "
                f"{image.GetNumberOfComponentsPerPixel()} components a voxel."
            )
        return cls(
            sitk.GetArrayFromImage(image),
            image.GetSpacing(),
            image.GetOrigin(),
            np.reshape(image.GetDirection(), (3, 3)),
        )

    def to_sitk(self) -> sitk.Image:
        """A SimpleITK image with the same voxels and geometry."""
        import SimpleITK as sitk

        array = self.array.astype(np.uint8) if self.array.dtype == bool else self.array
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(self.spacing_mm)
        image.SetOrigin(self.origin_mm)
        image.SetDirection(self.direction.ravel().tolist())
        return image


@dataclass(frozen=True)
class AxisOrder:
    """A permutation and flips of index axes: what can be undone without interpolation.

    Parameters
    ----------
    axes : tuple of int
        New axis ``a`` (0 column, 1 row, 2 slice) is the old axis ``axes[a]``.
    flips : tuple of bool
        Whether the new axis ``a`` runs against the old one.
    """

    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    def apply(self, volume: Volume) -> Volume:
        """Re-order ``volume``; the array of the result is a view, not a copy."""
        numpy_axes = [2 - self.axes[2 - axis] for axis in range(3)]
        array = volume.array.transpose(numpy_axes)
        array = array[tuple(slice(None, None, -1 if self.flips[2 - a] else None) for a in range(3))]
        size = volume.shape[::-1]
        corner = [0, 0, 0]
        for axis, flip in zip(self.axes, self.flips, strict=True):
            corner[axis] = size[axis] - 1 if flip else 0
        signs = np.where(self.flips, -1.0, 1.0)
        return Volume(
            array,
            tuple(volume.spacing_mm[axis] for axis in self.axes),  # type: ignore[arg-type]
            tuple(volume.index_to_world(corner)),
            volume.direction[:, list(self.axes)] * signs,
        )

    def inverse(self) -> AxisOrder:
        """The re-ordering that undoes this one."""
        axes = tuple(self.axes.index(axis) for axis in range(3))
        return AxisOrder(axes, tuple(self.flips[axis] for axis in axes))  # type: ignore[arg-type]


def read_image(path: Path) -> Volume:
    """Read a NIfTI, NRRD or MetaImage file as it is stored.

    Raises
    ------
    InputError
        The file cannot be read, or is not one 3-D scalar image on a right-angled grid.
    """
    import SimpleITK as sitk

    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f"Cannot read the image file '{path.name}': {reason}") from error
    return Volume.from_sitk(image)


def write_image(volume: Volume, path: Path) -> None:
    """Write ``volume`` as the format that the suffix names (.nrrd, .nii.gz, .mha), compressed.

    Raises
    ------
    OutputError
        The folder does not exist or cannot be written, or no format has this suffix.
    """
    import SimpleITK as sitk

    try:
        sitk.WriteImage(volume.to_sitk(), str(path), useCompression=True)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise OutputError(f"Cannot write the image file '{path.name}': {reason}") from error


def _orthonormal(direction: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The closest exactly orthonormal matrix, without entries so small that ITK fails on them."""
    if np.abs(direction.T @ direction - np.eye(3)).max() > 1e-12:
        left, _, right = np.linalg.svd(direction)
        direction = left @ right
    direction = np.where(np.abs(direction) < 1e-12, 0.0, direction)
    direction.setflags(write=False)
    return direction


def _check_fits(value: float, dtype: np.dtype[np.generic]) -> None:
    """Refuse a fill value that would wrap around in ``dtype``."""
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype.name)
        if not limits.min <= value <= limits.max:
            raise InputError(
                f"The fill value {value:g} does not fit into {dtype} voxels "
                f"({limits.min} to {limits.max})."
            )
