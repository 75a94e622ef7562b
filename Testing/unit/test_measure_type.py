"""The rule of the type does what it says, and what it is worth on real nodules."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ellipsoids import ellipsoid
from LungPNetLib.errors import InputError
from LungPNetLib.grading.nodule_type import NON_SOLID_BELOW_HU, NoduleType, nodule_type
from LungPNetLib.grading.regions import depth_mm
from LungPNetLib.volume import Volume
from nodule_patches import (
    answers,
    balanced_accuracy,
    best_cut_hu,
    halves,
    read_patches,
    scores_of_random_halves,
)


def nodule(core_hu: int, rim_hu: int = -700, diameter_mm: float = 10.0) -> tuple[Volume, Volume]:
    """A nodule with a border of 1 mm of another density."""
    mask = ellipsoid((diameter_mm,) * 3, (0.7, 0.7, 1.0))
    depth = depth_mm(mask.array > 0, mask.spacing_mm)
    hu = np.where(mask.array > 0, np.where(depth > 1.0, core_hu, rim_hu), -850)
    return mask.with_array(hu.astype(np.int16)), mask


@pytest.mark.parametrize(
    ("core_hu", "expected"),
    [
        (-700, NoduleType.NON_SOLID),
        (-341, NoduleType.NON_SOLID),
        (-340, NoduleType.PART_SOLID),  # but nothing of it is dense
        (-301, NoduleType.PART_SOLID),
        (-300, NoduleType.SOLID),
        (40, NoduleType.SOLID),
    ],
)
def test_the_border_of_a_nodule_does_not_matter(core_hu, expected) -> None:
    for rim_hu in (-800, -100):
        found = nodule_type(*nodule(core_hu, rim_hu))
        assert found.nodule_type is expected
        assert found.core_median_hu == core_hu


def test_a_dense_nodule_with_ground_glass_inside_is_part_solid() -> None:
    ct, mask = nodule(0, diameter_mm=16.0)
    hu = ct.array.copy()
    left = np.arange(ct.shape[2]) < 0.45 * ct.shape[2]
    hu[left & (mask.array > 0)] = -600
    found = nodule_type(ct.with_array(hu), mask)
    assert found.nodule_type is NoduleType.PART_SOLID
    assert 0.5 < found.core_solid_share < 0.87
    assert "less than 87%" in found.rule


def test_a_nodule_without_a_core_is_taken_whole() -> None:
    ct, mask = nodule(-700, rim_hu=-200, diameter_mm=2.2)
    found = nodule_type(ct, mask)
    assert found.core_volume_ml == pytest.approx(mask.array.sum() * mask.voxel_volume_ml)
    assert found.core_median_hu == -200


def test_the_rule_and_its_numbers_are_in_the_record() -> None:
    found = nodule_type(*nodule(-700))
    assert "-700 HU" in found.rule
    assert "below -340 HU" in found.rule
    assert json.loads(json.dumps(found.to_dict()))["nodule_type"] == "non-solid"


def test_masks_that_cannot_be_typed_are_refused() -> None:
    ct, mask = nodule(0)
    with pytest.raises(InputError, match="empty"):
        nodule_type(ct, mask.with_array(mask.array * 0))
    with pytest.raises(InputError, match="does not lie on the grid"):
        nodule_type(ct, Volume(mask.array, (1.0, 1.0, 1.0)))


def test_on_real_nodules(real_data) -> None:
    """Non-solid against the rest, by one reader; docs/measurements.md discusses the figures."""
    patches = read_patches(real_data / "lidc-nodule-patches")
    assert len(patches) == 66
    assert "LIDC-IDRI-0001" not in {one.patient_id for one in patches}
    chosen_on, tested_on = halves(patches)
    assert not {one.patient_id for one in chosen_on} & {one.patient_id for one in tested_on}
    # The number of the rule is that of the one half, to the next ten.
    assert round(best_cut_hu(*answers(chosen_on)), -1) == NON_SOLID_BELOW_HU
    # Wherever the line between the halves is drawn.
    assert scores_of_random_halves(patches, 100).mean() >= 0.85
    read, medians_hu = answers(tested_on)
    assert balanced_accuracy(read, medians_hu < NON_SOLID_BELOW_HU) >= 0.84
