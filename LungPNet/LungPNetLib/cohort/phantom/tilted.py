"""Scans with a tilted gantry: slices lean about the left-right axis, and the table moves level.

Such slices make a sheared stack, which no upright grid holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom.trees import Points
from LungPNetLib.dicom.geometry import SliceStack, describe_stack, upright_volume
from LungPNetLib.volume import Volume


@dataclass(frozen=True, eq=False)
class AcquiredSlices:
    """Slices as the scanner took them.

    Parameters
    ----------
    hu : ndarray, shape (slices, rows, columns)
    stack : SliceStack
        Where they lie.
    distance_mm : float
        How far the table moved from one slice to the next.
    """

    hu: npt.NDArray[np.generic]
    stack: SliceStack
    distance_mm: float

    @classmethod
    def of(cls, ct: Volume) -> AcquiredSlices:
        """The slices of a scan without tilt."""
        positions = [ct.index_to_world((0, 0, k)) for k in range(len(ct.array))]
        row, column = ct.direction[:, 0], ct.direction[:, 1]
        stack = SliceStack(np.array(positions), row, column, ct.spacing_mm[:2])
        return cls(ct.array, stack, ct.spacing_mm[2])

    @property
    def tilt_deg(self) -> float:
        """Angle between the normal of the slices and the way of the table, not negative."""
        feed = self.stack.positions_mm[-1] - self.stack.positions_mm[0]
        across = np.linalg.norm(np.cross(self.stack.normal, feed))
        return round(float(np.degrees(np.arctan2(across, abs(feed @ self.stack.normal)))), 3)

    def upright(self) -> Volume:
        """The CT as the reader of DICOM resamples it: upright, -2000 HU where no slice is."""
        geometry = describe_stack(self.stack, duplicates_dropped=0)
        return upright_volume(self.stack, self.hu, geometry.slice_spacing_mm)

    def labels_on(self, grid: Volume, labels: npt.NDArray[np.uint8]) -> Volume:
        """Label planes of these slices on ``grid``, each voxel from the nearest pixel.

        Parameters
        ----------
        grid : Volume
        labels : ndarray of uint8, shape (slices, rows, columns)
        """
        import SimpleITK as sitk

        stack = self.stack
        feed = (stack.positions_mm[1] - stack.positions_mm[0]) / self.distance_mm
        # Unlike a Volume, an image of ITK may be sheared.
        sheared = sitk.GetImageFromArray(labels)
        sheared.SetOrigin(stack.positions_mm[0].tolist())
        sheared.SetSpacing([*stack.pixel_spacing_mm, self.distance_mm])
        axes = [stack.row_direction, stack.column_direction, feed]
        sheared.SetDirection(np.stack(axes, axis=1).ravel().tolist())
        sampled = sitk.Resample(
            sheared,
            [int(n) for n in grid.shape[::-1]],
            sitk.Transform(),
            sitk.sitkNearestNeighbor,
            grid.origin_mm,
            grid.spacing_mm,
            grid.direction.ravel().tolist(),
        )
        return grid.with_array(sitk.GetArrayFromImage(sampled))


def leaning_rows(y_mm: Points, tilt_deg: float) -> tuple[Points, Points]:
    """Where the rows of a slice lie that is turned about its middle.

    Parameters
    ----------
    y_mm : ndarray, shape (rows,)
        LPS y of the rows of the upright slice.
    tilt_deg : float
        Rows to the back go towards the head where it is positive.

    Returns
    -------
    ndarray, ndarray
        LPS y of the rows, and their height over the middle of the slice, in mm.
    """
    from_middle = y_mm - (y_mm[0] + y_mm[-1]) / 2
    turn = np.radians(tilt_deg)
    return y_mm - from_middle * (1.0 - np.cos(turn)), from_middle * np.sin(turn)


def tilted_stack(
    corner_mm: tuple[float, float, float],
    tilt_deg: float,
    count: int,
    spacing_mm: tuple[float, float, float],
) -> SliceStack:
    """Where ``count`` slices lie whose table moves ``spacing_mm[2]`` towards the head for each.

    ``corner_mm`` is the LPS centre of the first pixel of the first slice.
    """
    turn = np.radians(tilt_deg)
    positions = np.tile(np.asarray(corner_mm, np.float64), (count, 1))
    positions[:, 2] += spacing_mm[2] * np.arange(count)
    return SliceStack(
        positions,
        np.array([1.0, 0.0, 0.0]),
        np.array([0.0, np.cos(turn), np.sin(turn)]),
        (spacing_mm[0], spacing_mm[1]),
    )
