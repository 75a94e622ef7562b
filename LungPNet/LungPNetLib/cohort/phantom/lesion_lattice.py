"""A lesion's own fine lattice, and exact averages of it over the voxels of any scan."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from LungPNetLib.volume import Triplet

Cube = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Lattice:
    """Cubes of ``step_mm`` along the axes of the patient.

    Parameters
    ----------
    low_mm : tuple of float
        LPS position (x, y, z) of the lattice's low corner.
    step_mm : float
    count : int
        Cubes along each axis.
    """

    low_mm: Triplet
    step_mm: float
    count: int

    @classmethod
    def round_origin(cls, reach_mm: float, step_mm: float) -> Lattice:
        """The lattice from ``-reach_mm`` to ``reach_mm`` along each axis."""
        count = 2 * int(np.ceil(reach_mm / step_mm))
        low = -count * step_mm / 2.0
        return cls((low, low, low), step_mm, count)

    @property
    def high_mm(self) -> Triplet:
        """LPS position of its high corner."""
        x, y, z = (low + self.count * self.step_mm for low in self.low_mm)
        return (x, y, z)

    def field(self, size_mm: float, rng: np.random.Generator) -> Cube:
        """A smooth random field of mean 0 and standard deviation 1 with blobs of ``size_mm``."""
        width = self.count * self.step_mm
        knots = np.arange(-size_mm, width + size_mm, size_mm * 0.4)
        inner = (np.arange(self.count) + 0.5) * self.step_mm
        weights = np.exp(-(((inner[:, None] - knots) / (0.5 * size_mm)) ** 2) / 2.0)
        weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
        kernel = weights.astype(np.float32)
        white = rng.standard_normal((len(knots),) * 3, dtype=np.float32)
        planes = np.tensordot(kernel, white, 1)
        field: Cube = (kernel @ planes @ kernel.T).astype(np.float32, copy=False)
        return field

    def centres(self) -> Cube:
        """LPS mm of the cubes' centres, shape (z, y, x, 3) with the last axis in order x, y, z."""
        inner = (np.arange(self.count) + 0.5) * self.step_mm
        x, y, z = ((low + inner).astype(np.float32) for low in self.low_mm)
        return np.stack(np.broadcast_arrays(x, y[:, None], z[:, None, None]), axis=-1)

    def moved(self, by_mm: npt.ArrayLike, scale: float = 1.0) -> Lattice:
        """The lattice scaled about the patient's origin, then shifted."""
        x, y, z = (np.asarray(self.low_mm) * scale + np.asarray(by_mm)).tolist()
        return replace(self, low_mm=(x, y, z), step_mm=self.step_mm * scale)

    def overlap(
        self, axis: int, centres_mm: npt.NDArray[np.floating], width_mm: float
    ) -> npt.NDArray[np.float32]:
        """Share of each voxel's width that each cube covers along one axis.

        Parameters
        ----------
        axis : int
            0 x, 1 y, 2 z.
        centres_mm : ndarray, shape (n,)
            Where the voxels' centres lie along the axis.
        width_mm : float
            Width of the voxels.

        Returns
        -------
        ndarray, shape (n, count)
        """
        low = self.low_mm[axis] + np.arange(self.count) * self.step_mm
        first = np.asarray(centres_mm, np.float64)[:, None] - width_mm / 2.0
        both = np.minimum(first + width_mm, low + self.step_mm) - np.maximum(first, low)
        return (np.clip(both, 0.0, None) / width_mm).astype(np.float32)

    def averaged(
        self, values: Cube, axes_mm: tuple[npt.NDArray[np.floating], ...], width_mm: Triplet
    ) -> Cube:
        """Average of ``values`` over voxels; 0 counts where the lattice ends.

        Parameters
        ----------
        values : ndarray, shape (count, count, count)
            In the order (z, y, x).
        axes_mm : tuple of ndarray
            Positions of the voxels' centres along x, y and z.
        width_mm : tuple of float
            Widths of the voxels along x, y and z.

        Returns
        -------
        ndarray, shape (z, y, x)
        """
        along_x, along_y, along_z = (
            self.overlap(axis, axes_mm[axis], width_mm[axis]) for axis in range(3)
        )
        met = np.flatnonzero(along_z.any(axis=0))
        if not len(met):
            return np.zeros([len(axis) for axis in axes_mm[::-1]], np.float32)
        layers = slice(int(met[0]), int(met[-1]) + 1)
        planes = np.tensordot(along_z[:, layers], values[layers], 1)
        result: Cube = (along_y @ planes @ along_x.T).astype(np.float32, copy=False)
        return result
