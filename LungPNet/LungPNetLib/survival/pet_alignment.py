"""Whether a PET lies on its CT, and by how many mm it is off."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.result import Verdict
from LungPNetLib.study import Patient
from LungPNetLib.volume import Triplet, Volume

BoolArray = npt.NDArray[np.bool_]

GOOD_MM = 5.0
"""A shift up to this is about the resolution of PET and what registration can tell."""

BAD_MM = 15.0
"""Above this a nodule of the CT lies beside its uptake."""

LEAST_SHARED_PERCENT = 20.0
"""With less of the PET inside the CT both do not show the same part of the body."""

BODY_HU = -300.0
BODY_SUV = 0.2
"""What counts as body: air, and the noise around the patient in PET, are below."""

LUNG_HU = -500.0
LEAST_LUNG_ML = 200.0
"""With less lung nothing shows a shift along the body: a limb slides in its own outline."""

_SMOOTHING_MM = 3.0
"""Sigma that brings a CT to about the resolution of PET (7 mm)."""

_WARM_SUV = 5.0
"""Higher uptake is cut to this, so that one hot organ does not steer the registration."""


@dataclass(frozen=True)
class PetAlignment:
    """How PET and CT lie to each other.

    Parameters
    ----------
    verdict : Verdict
        Pass: a shift of at most 5 mm in one frame of reference. Refuse: different frames of
        reference, different parts of the body, or a shift above 15 mm. Warn: all else, such as a
        shift that could not be measured.
    reason : str
        One sentence.
    same_frame : bool, optional
        Whether both state one FrameOfReferenceUID; None where one states none.
    shared_percent : float
        Share of the PET's voxels whose centres the CT covers.
    body_dice : float, optional
        Overlap of the two bodies (0 to 1) where both images are.
    shift_mm : tuple of float, optional
        By how much the PET is displaced against the CT, LPS in mm; one translation for the whole.
        None where both show too little lung for it.
    """

    verdict: Verdict
    reason: str
    same_frame: bool | None
    shared_percent: float
    body_dice: float | None = None
    shift_mm: Triplet | None = None

    @property
    def distance_mm(self) -> float | None:
        """Length of the shift."""
        return None if self.shift_mm is None else math.hypot(*self.shift_mm)


def check_alignment(
    suv: Volume, ct: Volume, *, pet_frame_uid: str = "", ct_frame_uid: str = ""
) -> PetAlignment:
    """Compare frames of reference, fields of view and bodies, and measure the shift between both.

    The shift is the translation that maximises the mutual information of the PET and the CT at
    the PET's resolution (Mattes et al., IEEE Trans Med Imaging 2003;22:120-128, as SimpleITK has
    it). It sees what moved as a whole; a diaphragm that only breathed otherwise hardly shows.

    Parameters
    ----------
    suv : Volume
        SUVbw, g/mL.
    ct : Volume
        HU.
    pet_frame_uid, ct_frame_uid : str
        FrameOfReferenceUID of each; empty where unknown.
    """
    same_frame = pet_frame_uid == ct_frame_uid if pet_frame_uid and ct_frame_uid else None
    covered = _covered(suv, ct)
    shared_percent = 100.0 * float(covered.mean())
    if shared_percent < LEAST_SHARED_PERCENT:
        reason = (
            f"The CT covers {shared_percent:.0f} % of the PET; they show different parts of the "
            "body, or one of them is misplaced."
        )
        return PetAlignment(Verdict.REFUSE, reason, same_frame, shared_percent)
    pet = _cropped_to(suv, covered)
    covered = _cropped_to(suv.with_array(covered), covered).array.astype(bool)
    coarse = _at_pet_resolution(ct, pet)
    hu = coarse.array.astype(np.float32)
    body = _body(hu > BODY_HU) & covered
    warm = _body(pet.array.astype(np.float32) > BODY_SUV) & covered
    dice = 2.0 * float((body & warm).sum()) / max(1.0, float(body.sum() + warm.sum()))
    lung_ml = float((body & (hu < LUNG_HU)).sum()) * pet.voxel_volume_ml
    shift = None
    if min(lung_ml, float(warm.sum()) * pet.voxel_volume_ml) >= LEAST_LUNG_ML:
        shift = _shift_mm(suv, coarse, _grown(body, 4) & covered)
    verdict, reason = _judged(same_frame, shift, dice)
    return PetAlignment(verdict, reason, same_frame, shared_percent, dice, shift)


def refuse_other_patient(pet: Patient, ct: Patient) -> None:
    """Refuse a PET and a CT whose files name different patients; what one leaves open fits.

    Raises
    ------
    InputError
        They do; no name is in the message.
    """
    for name in ("patient_id", "name", "birth_date"):
        ours, theirs = (str(getattr(one, name)).casefold().strip("^ ") for one in (pet, ct))
        if ours and theirs and ours != theirs:
            raise InputError(
                "PET and CT name different patients. Do not use them together before somebody has "
                "found out whose images they are; give the CT of the same examination."
            )


def _judged(same_frame: bool | None, shift: Triplet | None, dice: float) -> tuple[Verdict, str]:
    measured = (
        "both show too little lung to measure a shift; their bodies overlap with a Dice of "
        f"{dice:.2f}"
    )
    distance_mm = 0.0
    if shift is not None:
        distance_mm = math.hypot(*shift)
        measured = f"the PET is {distance_mm:.1f} mm off the CT"
    if same_frame is False:
        return Verdict.REFUSE, (
            "PET and CT name different frames of reference, so their positions cannot be compared "
            f"as they are ({measured})."
        )
    measured = measured[0].upper() + measured[1:]
    if distance_mm > BAD_MM:
        return Verdict.REFUSE, f"{measured}, more than {BAD_MM:g} mm; register them first."
    if distance_mm > GOOD_MM:
        return Verdict.WARN, (
            f"{measured}, more than {GOOD_MM:g} mm; look at both before uptake is assigned to a "
            "nodule."
        )
    if same_frame is None:
        return Verdict.WARN, f"{measured}; one of them states no frame of reference."
    return (Verdict.WARN if shift is None else Verdict.PASS), f"{measured}."


def _covered(suv: Volume, ct: Volume) -> BoolArray:
    """Voxels of the PET whose centres lie in the CT."""
    everywhere = ct.with_array(np.ones(ct.shape, np.uint8))
    return everywhere.resampled_to(suv, interpolation="nearest").array != 0


def _cropped_to(volume: Volume, mask: BoolArray) -> Volume:
    """The smallest box around the voxels of ``mask``."""
    where = np.argwhere(mask)
    low, high = where.min(axis=0), where.max(axis=0)
    return volume.cropped(low[::-1].tolist(), (high - low + 1)[::-1].tolist())


def _at_pet_resolution(ct: Volume, suv: Volume) -> Volume:
    import SimpleITK as sitk

    image = sitk.Cast(ct.to_sitk(), sitk.sitkFloat32)
    smooth = Volume.from_sitk(sitk.SmoothingRecursiveGaussian(image, _SMOOTHING_MM))
    return smooth.resampled_to(suv, outside_value=-1000.0)


def _body(mask: BoolArray) -> BoolArray:
    """The largest connected part, with what its slices enclose (lungs)."""
    from scipy.ndimage import binary_fill_holes, label

    parts, count = label(mask)
    if count == 0:
        return mask
    largest = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    return np.stack([binary_fill_holes(section) for section in largest])


def _shift_mm(suv: Volume, coarse: Volume, near: BoolArray) -> Triplet:
    """The translation (LPS, mm) that takes a point of the CT to the same point of the PET.

    Parameters
    ----------
    coarse : Volume
        HU at the PET's resolution. No voxel of it may lie outside the CT by more than rounding:
        smoothing would carry the made-up edge inwards, and the registration follow it.
    near : ndarray
        The voxels of ``coarse`` to compare.
    """
    import SimpleITK as sitk

    fixed = coarse.with_array(np.clip(coarse.array, -1000.0, 200.0).astype(np.float32))
    # The square root brings fat, lung, muscle and liver apart, which a hot tumour pushes together.
    uptake = np.sqrt(np.clip(suv.array, 0.0, _WARM_SUV)).astype(np.float32)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricFixedMask(coarse.with_array(near.astype(np.uint8)).to_sitk())
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([8.0, 4.0, 0.0])
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=4.0, minStep=0.1, numberOfIterations=60
    )
    method.SetInitialTransform(sitk.TranslationTransform(3))
    found = method.Execute(fixed.to_sitk(), suv.with_array(uptake).to_sitk())
    x, y, z = found.GetParameters()
    return float(x), float(y), float(z)


def _grown(mask: BoolArray, voxels: int) -> BoolArray:
    from scipy.ndimage import binary_dilation

    return np.asarray(binary_dilation(mask, iterations=voxels))
