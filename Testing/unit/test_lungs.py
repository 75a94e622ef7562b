"""The classical lungs on made-up patients with known truth, and on real CT."""

from __future__ import annotations

import numpy as np
import pytest

from LungPNetLib.errors import InputError
from LungPNetLib.lungs import classical
from LungPNetLib.lungs.measure import measure_lungs
from LungPNetLib.lungs.morphology import Components, Shrinking, closed, dilated, opened
from LungPNetLib.reading import read_study
from LungPNetLib.volume import AxisOrder, Volume, read_image

RIGHT, LEFT = classical.RIGHT, classical.LEFT


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def dice_by_side(found: np.ndarray, truth: np.ndarray) -> list[float]:
    return [dice(found == side, truth == side) for side in (RIGHT, LEFT)]


@pytest.fixture(scope="module")
def found(small_patient) -> np.ndarray:
    return classical.segment(small_patient.ct).array


def test_both_lungs_are_found_and_right_is_right(small_patient, found):
    assert min(dice_by_side(found, small_patient.lungs.array)) > 0.98


def test_trachea_and_main_bronchi_are_left_out(small_patient, found):
    airways = small_patient.airways.array > 0
    assert (found[airways] > 0).mean() < 0.35  # the bronchi end inside the lungs


def test_nodule_inside_the_lung_belongs_to_it(small_patient, found):
    assert (found[small_patient.nodules.array > 0] > 0).all()


@pytest.mark.parametrize(
    "order",
    [
        AxisOrder((0, 1, 2), (True, True, False)),
        AxisOrder((2, 0, 1), (False, True, True)),
        AxisOrder((1, 2, 0), (True, False, True)),
    ],
)
def test_axis_order_of_the_file_does_not_matter(small_patient, found, order):
    turned = classical.segment(order.apply(small_patient.ct))
    assert turned.same_grid_as(order.apply(small_patient.ct))
    np.testing.assert_array_equal(order.inverse().apply(turned).array, found)


def test_spacing_rounded_to_single_precision_does_not_matter(small_patient, found):
    ct = small_patient.ct
    rounded = tuple(float(np.float32(s)) + 2e-8 for s in ct.spacing_mm)
    again = classical.segment(Volume(ct.array, rounded, ct.origin_mm, ct.direction))
    np.testing.assert_array_equal(again.array, found)


def test_lungs_cut_by_the_image_border_are_kept(small_patient):
    columns = np.flatnonzero((small_patient.lungs.array > 0).any(axis=(0, 1)))
    start, stop = columns[0] + 5, columns[-1] - 5
    nz, ny, _ = small_patient.ct.shape
    box = ((int(start), 0, 0), (int(stop - start), ny, nz))
    truth = small_patient.lungs.cropped(*box).array
    cut = classical.segment(small_patient.ct.cropped(*box)).array
    assert (truth[:, :, 0] == RIGHT).any()
    assert (cut[:, :, 0] == RIGHT).any()
    assert min(dice_by_side(cut, truth)) > 0.97


def test_padding_around_a_round_field_changes_nothing(small_patient, found):
    _nz, ny, nx = small_patient.ct.shape
    y, x = np.ogrid[:ny, :nx]
    outside = (y - ny / 2) ** 2 + (x - nx / 2) ** 2 > (nx / 2) ** 2
    padded = small_patient.ct.array.copy()
    padded[:, outside] = -3024
    again = classical.segment(small_patient.ct.with_array(padded)).array
    assert min(dice_by_side(again, found)) > 0.995


def test_a_mass_against_the_chest_wall_is_brought_back(small_patient):
    ct, lungs = small_patient.ct, small_patient.lungs.array
    k = 28
    row = int(np.nonzero((lungs[k] == RIGHT).any(axis=1))[0].mean())
    column = int(np.flatnonzero(lungs[k, row] == RIGHT)[0])
    z, y, x = np.ogrid[: ct.shape[0], : ct.shape[1], : ct.shape[2]]
    centre = ct.index_to_world([column + 4, row, k])
    to_centre = [
        (index - c) * s
        for index, c, s in zip((x, y, z), (column + 4, row, k), ct.spacing_mm, strict=True)
    ]
    mass = (sum(d**2 for d in to_centre) < 17.0**2) & (lungs == RIGHT)
    assert centre.shape == (3,)
    assert mass.sum() * ct.voxel_volume_ml > 8
    array = ct.array.copy()
    array[mass] = 40
    found = classical.segment(ct.with_array(array)).array
    assert (found[mass] == RIGHT).mean() > 0.9
    assert dice(found == RIGHT, lungs == RIGHT) > 0.98


def test_a_slab_of_mid_chest_has_both_lungs(small_patient):
    _nz, ny, nx = small_patient.ct.shape
    box = ((0, 0, 20), (nx, ny, 8))
    slab = classical.segment(small_patient.ct.cropped(*box)).array
    assert min(dice_by_side(slab, small_patient.lungs.cropped(*box).array)) > 0.97


def test_one_lung_keeps_its_own_side(small_patient):
    array = small_patient.ct.array.copy()
    array[small_patient.lungs.array == RIGHT] = 40
    found = classical.segment(small_patient.ct.with_array(array)).array
    assert not (found == RIGHT).any()
    assert dice(found == LEFT, small_patient.lungs.array == LEFT) > 0.97


def test_lungs_that_touch_are_separated(small_patient):
    ct, lungs = small_patient.ct, small_patient.lungs.array
    array = ct.array.copy()
    # Open the tissue between the lungs in front of the heart, as in emphysema.
    bridge = np.zeros(ct.shape, bool)
    for k in range(24, 34):
        rows, columns = np.nonzero(lungs[k])
        top = rows.min() + 3
        left = columns[(lungs[k][rows, columns] == LEFT)].min()
        right = columns[(lungs[k][rows, columns] == RIGHT)].max()
        bridge[k, top : top + 4, min(left, right) : max(left, right) + 1] = True
    array[bridge & (lungs == 0)] = -850
    found = classical.segment(ct.with_array(array)).array
    assert min(dice_by_side(found, lungs)) > 0.96


def test_air_between_back_and_table_is_not_lung(small_patient):
    array = small_patient.ct.array.copy()
    body_bottom = int(np.flatnonzero((array[24] > -300).sum(axis=1) > 30)[-1])
    array[10:40, body_bottom - 3 : body_bottom, 44:84] = -930
    array[10:40, body_bottom : body_bottom + 2, 40:88] = 40
    found = classical.segment(small_patient.ct.with_array(array)).array
    assert not found[:, body_bottom - 3 :].any()


def test_no_lung_is_an_error_that_says_so():
    water = Volume(np.zeros((20, 40, 40), np.int16), (5.0, 5.0, 5.0))
    with pytest.raises(InputError, match="No lung was found"):
        classical.segment(water)


def test_lung1_against_its_reference(real_data):
    """Each lung, the tumour left out of both; 0.966 is the score of a 40-line method."""
    folder = real_data / "lung1-001"
    found = classical.segment(read_study(folder / "ct").ct).array
    truth = read_image(folder / "lungs_from_rtstruct.nii.gz").array
    tumour = read_image(folder / "gtv1_from_rtstruct.nii.gz").array > 0
    found[tumour] = 0
    truth[tumour] = 0
    assert min(dice_by_side(found, truth)) > 0.966


def test_chest_wall_mass_of_a_real_patient_is_inside_where_lung_was(real_data):
    found = classical.segment(read_study(real_data / "lidc-0295" / "ct").ct).array
    # The part of the mass on the lung's side of the line from rib to rib, by eye.
    assert (found[50:57, 352:362, 100:110] == RIGHT).mean() > 0.95
    # The chest wall behind the mass is not lung.
    assert not found[50:57, 400:420, 80:100].any()


def test_measurements_of_a_small_mask():
    hu = np.array([[[-1000, -960, -950, -900], [-800, -700, -600, 40]]] * 3, np.int16)
    labels = np.array([[[1, 1, 1, 1], [2, 2, 2, 0]]] * 3, np.uint8)
    ct = Volume(hu, (10.0, 10.0, 10.0))
    result = measure_lungs(ct, ct.with_array(labels), method="test")
    right, left, both = result.measurements
    assert (right.side, right.label, right.volume_ml) == ("right", 1, 12.0)
    assert right.mean_hu == -952.5
    assert right.laa950_percent == 50.0  # -950 itself does not count
    assert right.perc15_hu == -1000
    assert (left.volume_ml, left.mean_hu, left.laa950_percent) == (9.0, -700.0, 0.0)
    assert both.volume_ml == 21.0
    assert sum(result.histogram_ml["right"]) == pytest.approx(12.0)
    in_bin = dict(zip(result.histogram_hu, result.histogram_ml["left"], strict=True))
    assert in_bin[-804] == pytest.approx(3.0)  # the bin from -804 to -795 holds -800


def test_measurements_refuse_another_grid_and_an_empty_mask():
    ct = Volume(np.zeros((3, 3, 3), np.int16))
    with pytest.raises(InputError, match="grid"):
        measure_lungs(ct, Volume(np.ones((3, 3, 3), np.uint8), (2, 2, 2)), method="test")
    with pytest.raises(InputError, match="empty"):
        measure_lungs(ct, ct.with_array(np.zeros((3, 3, 3), np.uint8)), method="test")


def test_dilation_is_in_mm():
    mask = np.zeros((5, 9, 9), bool)
    mask[2, 4, 4] = True
    grown = dilated(mask, 2.0, (3.0, 1.0, 1.0))
    assert grown[2, 4, 2:7].all()
    assert not grown[2, 4, 1]
    assert not grown[1].any()  # 3 mm away


def test_closing_fills_a_narrow_gap_and_spares_a_wide_one():
    mask = np.ones((3, 3, 30), bool)
    mask[:, :, 8:10] = False
    mask[:, :, 15:25] = False
    result = closed(mask, 1.6, (1.0, 1.0, 1.0))
    assert result[1, 1, 8:10].all()
    assert not result[1, 1, 17:23].any()


def test_opening_of_nothing_is_nothing():
    assert not opened(np.zeros((4, 4, 4), bool), 2.0, (1, 1, 1)).any()


def test_components_are_ordered_by_size():
    mask = np.zeros((1, 3, 9), bool)
    mask[0, 1, 0:2] = True
    mask[0, 1, 4:9] = True
    parts = Components.of(mask)
    assert parts.sizes.tolist() == [5, 2]
    assert parts.labels[0, 1].tolist() == [2, 2, 0, 0, 1, 1, 1, 1, 1]


def test_shrinking_takes_block_means_and_enlarging_keeps_a_ramp():
    shrinking = Shrinking.towards((2, 4, 6), (1.5, 0.75, 0.75), 1.5)
    assert shrinking.factors == (1, 2, 2)
    ramp = np.broadcast_to(np.arange(6, dtype=np.int16) * 10, (2, 4, 6))
    coarse = shrinking.shrink(ramp, -100, 100)
    assert coarse[0, 0].tolist() == [5, 25, 45]
    # Inside the outer block centres linear interpolation returns the ramp itself.
    assert shrinking.slices_enlarged(coarse, 1)[2, 1:5].tolist() == [10, 20, 30, 40]
