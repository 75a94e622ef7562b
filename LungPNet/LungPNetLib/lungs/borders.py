"""From coarse lungs to full-resolution labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.lungs.morphology import Mask, Shrinking

LUNG_HU = -400
"""Half way between aerated lung (-850) and soft tissue (+50)."""

PADDING_HU = -1500
"""Below this a voxel was never measured (scanners pad with -2000, -2048 or -3024)."""


def draw_borders(
    hu: npt.NDArray[np.generic],
    labels: npt.NDArray[np.uint8],
    sides: dict[int, Mask],
    airways: Mask,
    shrinking: Shrinking,
) -> None:
    """Write full-resolution labels: coarse shape inside, threshold within a voxel of its border.

    Padding is never labelled.
    """
    soft = {side: mask.astype(np.float32) for side, mask in sides.items()}
    lumen = airways.astype(np.float32)
    for side, mask in soft.items():
        lumen[mask > 0] = 0
        for k in range(labels.shape[0]):
            share = shrinking.slices_enlarged(mask, k)
            if not share.any():
                continue
            aerated = (hu[k] < LUNG_HU) & (shrinking.slices_enlarged(lumen, k) < 0.25)
            inside = (((share > 0.12) & aerated) | (share > 0.95)) & (hu[k] > PADDING_HU)
            labels[k][_joined(inside, share > 0.5) & (labels[k] == 0)] = side


def _joined(plane: Mask, core: Mask) -> Mask:
    """``plane`` without specks that do not touch ``core``."""
    parts, count = ndimage.label(plane)
    wanted = np.zeros(count + 1, bool)
    wanted[parts[core]] = True
    wanted[0] = False
    return wanted[parts]
