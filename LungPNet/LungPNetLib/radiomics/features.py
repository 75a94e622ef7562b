"""The features of a region of a CT, by name and as a vector."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LungPNetLib.radiomics.catalogue import DEFINITIONS
from LungPNetLib.radiomics.histogram import histogram_features
from LungPNetLib.radiomics.intensity import intensity_features
from LungPNetLib.radiomics.region import Region, prepare
from LungPNetLib.radiomics.settings import RadiomicsSettings
from LungPNetLib.radiomics.shape import shape_features
from LungPNetLib.radiomics.texture import texture_features
from LungPNetLib.volume import Volume


@dataclass(frozen=True, eq=False)
class Features(Mapping[str, float]):
    """Values by name, in the order of the vector, and the settings that they depend on.

    Parameters
    ----------
    values_by_name : dict
        One for each of ``catalogue.DEFINITIONS``, which has the units; NaN where undefined.
    settings : RadiomicsSettings
        How the region was prepared and its texture summed up.
    n_voxels : int
        Voxels of the region after resampling.
    n_voxels_inside : int
        Those of them within the re-segmentation range.
    """

    values_by_name: dict[str, float]
    settings: RadiomicsSettings
    n_voxels: int
    n_voxels_inside: int

    def __getitem__(self, name: str) -> float:
        return self.values_by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)

    @property
    def undefined(self) -> tuple[str, ...]:
        """Names of the features that this region does not have; their values are NaN."""
        return tuple(name for name, value in self.items() if math.isnan(value))

    def as_vector(self) -> npt.NDArray[np.float64]:
        """Shape (128,), in the order of ``catalogue.DEFINITIONS``."""
        return np.array(list(self.values_by_name.values()))


def features(ct: Volume, mask: Volume, settings: RadiomicsSettings) -> Features:
    """Compute the 128 features of a region.

    Parameters
    ----------
    ct : Volume
        HU, in any axis order.
    mask : Volume
        On the grid of the CT; every voxel that is not 0 belongs to the region.
    settings : RadiomicsSettings
        How the region is prepared and its texture summed up.

    Returns
    -------
    Features
        What a region does not have (the skewness of equal intensities, the correlation of one grey
        level) is NaN and listed in ``undefined``; nothing is put in its place, also where the
        reference manual suggests a number.

    Raises
    ------
    InputError
        The mask lies on another grid or is empty; fewer than two voxels are left after resampling
        or re-segmentation; a voxel has no finite intensity; there are more than 512 grey levels;
        or a region of one slice is to be summed up in 3-D.
    DependencyError
        scikit-image, which makes the mesh, is not installed.

    Examples
    --------
    >>> ct = Volume(np.arange(27.0).reshape(3, 3, 3) * 10)
    >>> mask = ct.with_array(np.ones((3, 3, 3), np.uint8))
    >>> found = features(ct, mask, RadiomicsSettings())
    >>> len(found), found["stat_mean"], found["morph_vol_approx"], found.undefined
    (128, 130.0, 27.0, ())
    """
    region = prepare(ct, mask, settings)
    found = _all_features(region, settings)
    return Features(
        {one.name: found.get(one.name, math.nan) for one in DEFINITIONS},
        settings,
        int(region.morphological.sum()),
        int(region.inside.sum()),
    )


def _all_features(region: Region, settings: RadiomicsSettings) -> dict[str, float]:
    return (
        shape_features(region)
        | intensity_features(region.intensities[region.inside])
        | histogram_features(region.levels[region.inside])
        | texture_features(region.levels, settings.aggregation)
    )
