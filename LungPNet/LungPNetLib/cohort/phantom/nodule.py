"""One lung nodule with a known outline, size and density."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom.shapes import Plane, Section, Window
from LungPNetLib.volume import Triplet

_SUBSAMPLES = 4
_WAVES = 6


class NoduleType(str, Enum):
    """How a nodule attenuates, as radiologists name it."""

    SOLID = "solid"
    PART_SOLID = "part-solid"


@dataclass(frozen=True)
class NoduleTruth:
    """What is known about a made-up nodule.

    Parameters
    ----------
    label : int
        Its value in the nodule label map, from 1.
    centre_mm : tuple of float
        LPS mm.
    diameter_mm : float
        Diameter of the sphere of the same volume.
    mean_hu : float
        Mean over its volume before blur and noise.
    type : NoduleType
    """

    label: int
    centre_mm: Triplet
    diameter_mm: float
    mean_hu: float
    type: NoduleType


@dataclass(frozen=True)
class Nodule:
    """A lobulated, star-shaped nodule, perhaps with a denser core of the same form.

    Its surface lies at ``base_radius_mm * (1 + sum(waves * forms(direction)))`` from the centre.
    """

    truth: NoduleTruth
    base_radius_mm: float
    waves: npt.NDArray[np.float64]
    rim_hu: float
    core_hu: float
    core_share: float

    @classmethod
    def drawn(
        cls, label: int, centre_mm: Triplet, diameter_mm: float, rng: np.random.Generator
    ) -> Nodule:
        """A solid (2 in 3) or part-solid nodule whose volume fits ``diameter_mm`` exactly."""
        waves = rng.normal(0.0, 0.06, _WAVES)
        relative = 1.0 + _forms(*_sphere_directions()) @ waves
        base_radius = diameter_mm / 2.0 / float(np.mean(relative**3)) ** (1.0 / 3.0)
        if rng.uniform() < 2.0 / 3.0:
            kind, share = NoduleType.SOLID, 1.0
            rim = core = rng.uniform(20.0, 60.0)
        else:
            kind, share = NoduleType.PART_SOLID, rng.uniform(0.5, 0.7)
            rim, core = rng.uniform(-650.0, -550.0), rng.uniform(0.0, 40.0)
        mean_hu = core * share**3 + rim * (1.0 - share**3)
        truth = NoduleTruth(label, centre_mm, diameter_mm, mean_hu, kind)
        return cls(truth, base_radius, waves, rim, core, share)

    def cover(self, section: Section, thickness_mm: float) -> tuple[Window, Plane, Plane] | None:
        """Window of the section, and the share of its pixels in the nodule and in the core.

        ``section`` is in patient mm and stands for a layer of ``thickness_mm``; each voxel is
        sampled at 4x4x4 places. None where the nodule is not met.
        """
        cx, cy, cz = self.truth.centre_mm
        reach = 1.5 * self.base_radius_mm
        if abs(section.z_mm - cz) > reach + thickness_mm:
            return None
        rows, columns = section.window((cx - reach, cx + reach, cy - reach, cy + reach))
        inside_section = rows.start < rows.stop and columns.start < columns.stop
        if not inside_section:
            return None
        inner = (np.arange(_SUBSAMPLES) + 0.5) / _SUBSAMPLES - 0.5
        x = (section.x[0, columns, None] + inner * section.pixel_mm).reshape(1, 1, -1) - cx
        y = (section.y[rows, 0, None] + inner * section.pixel_mm).reshape(1, -1, 1) - cy
        z = (section.z_mm - cz + inner * thickness_mm).reshape(-1, 1, 1)
        level = self._level(x, y, z)
        return (rows, columns), _pooled(level < 1.0), _pooled(level < self.core_share)

    def _level(
        self, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], z: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        distance = np.sqrt(x * x + y * y + z * z) + 1e-9
        surface = 1.0 + _forms(x / distance, y / distance, z / distance) @ self.waves
        level: npt.NDArray[np.float64] = distance / (self.base_radius_mm * surface)
        return level


def _forms(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], z: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Smooth functions of a direction, of the second to the fourth order; shape (..., waves)."""
    return np.stack(
        np.broadcast_arrays(
            2.0 * x * y,
            2.0 * y * z,
            2.0 * x * z,
            1.5 * z * z - 0.5,
            5.0 * x * y * z,
            4.0 * x * y * (x * x - y * y),
        ),
        axis=-1,
    )


def _sphere_directions(count: int = 4000) -> tuple[npt.NDArray[np.float64], ...]:
    """Directions spread evenly over the sphere (golden spiral)."""
    k = np.arange(count) + 0.5
    z = 1.0 - 2.0 * k / count
    turn = np.pi * (1.0 + np.sqrt(5.0)) * k
    ring = np.sqrt(1.0 - z * z)
    return ring * np.cos(turn), ring * np.sin(turn), z


def _pooled(inside: npt.NDArray[np.bool_]) -> Plane:
    """Mean over the sub-samples of each pixel: (4, 4 rows, 4 columns) to (rows, columns)."""
    rows, columns = inside.shape[1] // _SUBSAMPLES, inside.shape[2] // _SUBSAMPLES
    blocks = inside.reshape(_SUBSAMPLES, rows, _SUBSAMPLES, columns, _SUBSAMPLES)
    share: Plane = blocks.mean(axis=(0, 2, 4), dtype=np.float32)
    return share
