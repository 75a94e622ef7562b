"""Small regions for the tests of radiomics."""

from __future__ import annotations

import numpy as np

from LungPNetLib.radiomics.settings import RadiomicsSettings
from LungPNetLib.volume import Volume

AS_IT_IS = RadiomicsSettings(spacing_mm=(0.0, 0.0, 0.0))


def volumes(values, mask=None, spacing_mm=(1.0, 1.0, 1.0)) -> tuple[Volume, Volume]:
    """CT and mask; without ``mask``, every voxel is in the region."""
    ct = Volume(np.asarray(values, np.float32), spacing_mm)
    inside = np.ones(ct.shape) if mask is None else np.asarray(mask)
    return ct, ct.with_array(inside.astype(np.uint8))


def blob() -> tuple[Volume, Volume]:
    """An irregular region of noise on an anisotropic grid."""
    random = np.random.default_rng(11)
    z, y, x = np.mgrid[:9, :12, :14]
    inside = (z - 4) ** 2 / 9 + (y - 5) ** 2 / 16 + (x - 7) ** 2 / 25 < 1
    inside[4:, 5, 7] = False
    return volumes(random.normal(-100, 200, inside.shape).round(), inside, (0.8, 0.8, 1.5))
