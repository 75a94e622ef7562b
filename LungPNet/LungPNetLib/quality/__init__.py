"""The quality gate: what is wrong with this series, and does it matter for the result.

``assess_series`` looks at the images alone, ``assess_lungs`` at the lungs found in them, and
``density_caveats`` says which of the findings make lung densities unreliable. Every list holds the
same checks in the same order, whatever was found, so that reports and tables can rely on it. No
check changes the images.

Examples
--------
>>> import numpy as np
>>> from LungPNetLib.study import SliceGeometry, Study
>>> from LungPNetLib.volume import Volume
>>> flat = Volume(np.full((8, 64, 64), 100, np.int16), spacing_mm=(0.7, 0.7, 1.0))
>>> checks = assess_series(Study(flat, "nifti", geometry=SliceGeometry(1.0)))
>>> [check.check_id for check in checks if check.verdict.value == "refuse"]
['hu_scale']
"""

from __future__ import annotations

from LungPNetLib.errors import InputError
from LungPNetLib.quality.blocks import sample_blocks
from LungPNetLib.quality.contents import contrast, metal
from LungPNetLib.quality.coverage import field_of_view, lung_volume, lungs_found, scan_range
from LungPNetLib.quality.density import density_caveats
from LungPNetLib.quality.geometry import (
    duplicate_slices,
    gantry_tilt,
    missing_slices,
    pixel_size,
    scan_length,
    slice_regularity,
    slice_spacing,
    slice_thickness,
)
from LungPNetLib.quality.intensity import hu_scale, noise
from LungPNetLib.quality.motion import motion
from LungPNetLib.quality.scout import survey
from LungPNetLib.quality.tags import body_region, compression, reconstruction_kernel
from LungPNetLib.result import QualityCheck, Verdict
from LungPNetLib.study import Study
from LungPNetLib.volume import Volume

__all__ = ["assess_lungs", "assess_series", "density_caveats"]


def assess_series(study: Study) -> list[QualityCheck]:
    """Check a CT series before anything is measured in it.

    Parameters
    ----------
    study : Study
        ``ct`` may have any axis order; it is looked at in LPS axial order (a view).

    Returns
    -------
    list of QualityCheck
        scan_length, slice_thickness, slice_spacing, missing_slices, slice_regularity,
        duplicate_slices, gantry_tilt, pixel_size, hu_scale, kernel, noise, contrast, metal,
        compression, body_region. A check that could not be made passes with the value None and
        says so.
    """
    axial = study.ct.axis_order_to().apply(study.ct)
    blocks = sample_blocks(axial)
    scale = hu_scale(axial, blocks)
    # In a volume that is not in HU, HU thresholds would only produce nonsense.
    in_hu = scale.verdict is not Verdict.REFUSE
    scout = survey(axial) if in_hu else None
    soft_tissue = blocks if in_hu else None
    return [
        scan_length(axial),
        slice_thickness(study),
        slice_spacing(study),
        missing_slices(study.geometry),
        slice_regularity(study.geometry),
        duplicate_slices(study.geometry),
        gantry_tilt(study.geometry),
        pixel_size(axial),
        scale,
        reconstruction_kernel(study.acquisition, soft_tissue),
        noise(soft_tissue),
        contrast(study.acquisition, scout),
        metal(scout),
        compression(study),
        body_region(study.acquisition),
    ]


def assess_lungs(study: Study, lungs: Volume) -> list[QualityCheck]:
    """Check what the scan shows of the lungs that were found in it.

    Parameters
    ----------
    study : Study
        The CT in HU, in any axis order.
    lungs : Volume
        uint8 labels on the grid of ``study.ct``: 1 right lung, 2 left lung.

    Returns
    -------
    list of QualityCheck
        lungs_found, field_of_view, scan_range, lung_volume, motion.

    Raises
    ------
    InputError
        ``lungs`` does not lie on the grid of the CT.
    """
    if not lungs.same_grid_as(study.ct):
        raise InputError(
            f"The lung labels (size {lungs.shape[::-1]}) do not lie on the grid of the CT (size "
            f"{study.ct.shape[::-1]}); resample them to the CT first."
        )
    order = study.ct.axis_order_to()
    axial, labels = order.apply(study.ct), order.apply(lungs)
    found = lungs_found(labels)
    in_plane = field_of_view(axial, labels)
    along_z = scan_range(labels)
    complete = Verdict.WARN not in (in_plane.verdict, along_z.verdict)
    return [
        found,
        in_plane,
        along_z,
        lung_volume(labels, scanned_whole=complete),
        motion(axial, labels),
    ]
