"""What is in the body that changes densities: contrast agent and metal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.quality.checks import Check
from LungPNetLib.quality.scout import METAL_HU, Scout
from LungPNetLib.result import QualityCheck
from LungPNetLib.study import Acquisition

BRIGHT_BLOOD_HU = 130.0
"""Blood without contrast agent has 30 to 60 HU, rarely 70."""

CENTRAL_DEPTH = 0.55
"""Share of the depth of the body, from the front, in which heart and great vessels are looked for:
the vertebrae, whose marrow is as bright, begin behind it."""

CENTRAL_WIDTH = (0.3, 0.7)
"""Share of the width of the body between which heart and great vessels lie."""

MIN_BRIGHT_ML = 3.0
"""The inside (4 mm from the border) of the ascending aorta in a slab of 10 mm holds as much in one
piece; the sternum, thinner than 20 mm, has no such inside."""

MIN_METAL_ML = 0.1
"""Smaller pieces (clips, the wire of an electrode) leave no streaks beyond their surroundings."""

BONE_SHELL = 1.25
"""Bone has a cortex denser than its marrow, by more than this factor; the rim of a vessel is as
bright as its inside, or darker."""

NO_AGENT = {"", "no", "none", "n", "without", "native", "unenhanced"}
"""What stands in ContrastBolusAgent where there was none."""

_CONTRAST = Check("contrast", "Contrast agent", "mL")
_METAL = Check("metal", "Metal", "mL")


def contrast(acquisition: Acquisition, scout: Scout | None) -> QualityCheck:
    """Contrast agent, by the tag and by the volume of bright blood in the mediastinum."""
    stated = acquisition.contrast_agent.strip().lower() not in NO_AGENT
    if scout is None:
        return _CONTRAST.not_assessed("the values are not Hounsfield units")
    bright_ml = round(_bright_blood_ml(scout), 1)
    bright = bright_ml > 0
    effect = "lungs measure denser, so LAA-950 reads low and the 15th percentile high"
    if stated and bright:
        return _CONTRAST.warned(
            bright_ml,
            f"Contrast agent is stated, and blood is brighter than {BRIGHT_BLOOD_HU:g} HU: "
            f"{effect}.",
        )
    if stated:
        return _CONTRAST.warned(
            bright_ml,
            f"Contrast agent is stated, although no blood is brighter than {BRIGHT_BLOOD_HU:g} HU "
            f"(early or late phase): {effect}.",
        )
    if bright:
        return _CONTRAST.warned(
            bright_ml,
            f"Contrast agent is not stated, but blood is brighter than {BRIGHT_BLOOD_HU:g} HU: "
            f"{effect}.",
        )
    return _CONTRAST.passed(
        bright_ml, "No contrast agent is stated or seen, so lung density is not raised by it."
    )


def metal(scout: Scout | None) -> QualityCheck:
    """Volume of voxels inside the body that are denser than bone."""
    if scout is None:
        return _METAL.not_assessed("the values are not Hounsfield units")
    metal_ml = round(float(scout.metal_ml[scout.body].sum()), 2)
    if metal_ml >= MIN_METAL_ML:
        return _METAL.warned(
            metal_ml,
            f"{metal_ml:g} mL inside the body are denser than {METAL_HU} HU (metal or undiluted "
            "contrast agent): streaks and shadows around it change densities and can hide or mimic "
            "nodules.",
        )
    return _METAL.passed(metal_ml, "No metal that would leave streaks lies in the body.")


def _bright_blood_ml(scout: Scout) -> float:
    """Volume well inside large bright structures of the middle front part of the body."""
    bright = (scout.mean_hu > BRIGHT_BLOOD_HU) & scout.body
    # Vessels go on beyond the first and the last slice; bone at the side of a crop does not count.
    continued = np.pad(bright, ((1, 1), (0, 0), (0, 0)), mode="edge")
    core = ndimage.binary_erosion(continued, np.ones((3, 3, 3)))[1:-1]
    parts, _ = ndimage.label(core & _central(scout.body))
    volumes_ml = np.bincount(parts.ravel()) * scout.cell_ml
    large = np.flatnonzero(volumes_ml[1:] >= MIN_BRIGHT_ML) + 1
    return float(sum(volumes_ml[k] for k in large if not _has_shell(scout.mean_hu, parts == k)))


def _has_shell(mean_hu: npt.NDArray[np.float32], part: npt.NDArray[np.bool_]) -> bool:
    # The highest of neighbouring cells, because a thin cortex falls into one cell or the next.
    rim = ndimage.binary_dilation(part, np.ones((1, 3, 3))) & ~part
    rim_hu = ndimage.maximum_filter(mean_hu, (1, 3, 3))[rim]
    return bool(np.median(rim_hu) > BONE_SHELL * np.median(mean_hu[part]))


def _central(body: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    central = np.zeros_like(body)
    for k, plane in enumerate(body):
        if not plane.any():
            continue
        rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
        front, depth = rows[0], rows[-1] + 1 - rows[0]
        side, width = columns[0], columns[-1] + 1 - columns[0]
        left, right = (side + int(share * width) for share in CENTRAL_WIDTH)
        central[k, front : front + int(CENTRAL_DEPTH * depth), left:right] = True
    return central
