"""How far a PET is off its CT: a made-up chest whose PET is moved by known distances."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from LungPNetLib.cohort.phantom.patient import MadeUpPatient
from LungPNetLib.result import Verdict
from LungPNetLib.survival.pet_alignment import PetAlignment, check_alignment
from LungPNetLib.volume import Triplet, Volume


@pytest.fixture(scope="module")
def pet(small_patient: MadeUpPatient) -> Volume:
    """Uptake of the made-up patient at the resolution of a PET, with noise and a hot tumour."""
    from scipy.ndimage import gaussian_filter

    ct = small_patient.ct
    hu = ct.array.astype(np.float32)
    uptake = np.select([hu > 20, hu > -300, hu > -960], [1.6, 0.9, 0.4], 0.02)
    uptake[20:24, 60:68, 40:48] = 12.0
    blurred = ct.with_array(gaussian_filter(uptake, (0.5, 1.1, 1.1)).astype(np.float32))
    field = Volume(np.zeros((64, 80, 80), np.float32), (4.5, 4.5, 4.5), ct.origin_mm, ct.direction)
    coarse = blurred.resampled_to(field)
    noise = np.random.default_rng(5).normal(size=coarse.shape)
    return coarse.with_array((coarse.array * (1 + 0.1 * noise)).clip(0).astype(np.float32))


def moved(volume: Volume, by_mm: Triplet) -> Volume:
    x, y, z = np.add(volume.origin_mm, by_mm)
    return replace(volume, origin_mm=(float(x), float(y), float(z)))


def check(pet: Volume, patient: MadeUpPatient, ct_frame: str = "1.2") -> PetAlignment:
    return check_alignment(pet, patient.ct, pet_frame_uid="1.2", ct_frame_uid=ct_frame)


@pytest.mark.parametrize(
    ("by_mm", "verdict"),
    [
        ((0.0, 0.0, 0.0), Verdict.PASS),
        ((6.0, -4.0, 5.0), Verdict.WARN),
        ((-8.0, 5.0, 20.0), Verdict.REFUSE),
    ],
)
def test_a_known_shift_is_measured(
    pet: Volume, small_patient: MadeUpPatient, by_mm: Triplet, verdict: Verdict
) -> None:
    found = check(moved(pet, by_mm), small_patient)
    assert found.shift_mm == pytest.approx(by_mm, abs=1.5)
    assert found.distance_mm == pytest.approx(np.linalg.norm(by_mm), abs=1.5)
    assert found.verdict is verdict
    assert found.same_frame is True
    assert f"{found.distance_mm:.1f} mm" in found.reason


def test_frames_of_reference(pet: Volume, small_patient: MadeUpPatient) -> None:
    other = check(pet, small_patient, ct_frame="9.9")
    assert (other.verdict, other.same_frame) == (Verdict.REFUSE, False)
    assert "different frames of reference" in other.reason
    unknown = check(pet, small_patient, ct_frame="")
    assert (unknown.verdict, unknown.same_frame) == (Verdict.WARN, None)


def test_different_parts_of_the_body(pet: Volume, small_patient: MadeUpPatient) -> None:
    found = check(moved(pet, (0.0, 0.0, 900.0)), small_patient)
    assert (found.verdict, found.shared_percent, found.shift_mm) == (Verdict.REFUSE, 0.0, None)
    assert "0 % of the PET" in found.reason


def test_without_lungs_no_shift_is_claimed(pet: Volume, small_patient: MadeUpPatient) -> None:
    ct = small_patient.ct
    solid = ct.with_array(np.where(ct.array > -960, 40, -1000).astype(np.int16))
    found = check_alignment(pet, solid, pet_frame_uid="1.2", ct_frame_uid="1.2")
    assert (found.verdict, found.shift_mm) == (Verdict.WARN, None)
    assert found.body_dice is not None
    assert "too little lung" in found.reason
