"""The made-up patient: its anatomy, its truth, and what the scanner adds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from LungPNetLib.cohort.phantom.nodule import Nodule, NoduleType
from LungPNetLib.cohort.phantom.patient import MadeUpPatient, make_patient
from LungPNetLib.cohort.phantom.scanner import Noise, Scanner
from LungPNetLib.cohort.phantom.shapes import Capsule, Ellipsoid, Section
from LungPNetLib.cohort.phantom.thorax import Thorax
from LungPNetLib.cohort.phantom.trees import Branches, grow_tree, rasterised
from LungPNetLib.errors import InputError

SMALL = {"size": (128, 128, 48), "spacing_mm": (2.8, 2.8, 6.0)}
CLEAN = Scanner(psf_mm=0.0, noise_hu=0.0)


@pytest.fixture(scope="module")
def small() -> MadeUpPatient:
    return make_patient(7, **SMALL)


@pytest.fixture(scope="module")
def fine() -> MadeUpPatient:
    return make_patient(3, size=(256, 256, 145), spacing_mm=(1.4, 1.4, 2.0), scanner=CLEAN)


def ball(
    patient: MadeUpPatient, atlas_mm: tuple[float, float, float], radius_mm: float
) -> np.ndarray:
    """HU of the voxels round a place of the atlas in this patient."""
    centre = np.multiply(atlas_mm, Thorax.drawn(patient.seed).build.scale)
    gaps = [
        origin + step * np.arange(count) - middle
        for origin, step, count, middle in zip(
            patient.ct.origin_mm,
            patient.ct.spacing_mm,
            patient.ct.shape[::-1],
            centre,
            strict=True,
        )
    ]
    x, y, z = (gap.astype(np.float32) ** 2 for gap in gaps)
    return patient.ct.array[x + y[:, None] + z[:, None, None] < radius_mm**2]


def centroid_mm(patient: MadeUpPatient, mask: np.ndarray) -> np.ndarray:
    return patient.ct.index_to_world(np.argwhere(mask).mean(axis=0)[::-1])


def test_same_seed_gives_the_same_voxels_and_another_seed_does_not(small):
    again = make_patient(7, **SMALL)
    other = make_patient(8, **SMALL)
    for name in ("ct", "lungs", "airways", "nodules"):
        assert np.array_equal(getattr(small, name).array, getattr(again, name).array)
    assert small.nodule_table == again.nodule_table
    assert not np.array_equal(small.lungs.array, other.lungs.array)
    assert small.nodule_table != other.nodule_table


def test_another_grid_and_scanner_show_the_same_person(small):
    other = make_patient(
        7, size=(64, 64, 40), spacing_mm=(5.6, 5.6, 7.2), scanner=Scanner(noise_hu=40.0)
    )
    assert other.nodule_table == small.nodule_table
    for label in (1, 2):
        volumes = [np.sum(p.lungs.array == label) * p.ct.voxel_volume_ml for p in (small, other)]
        assert volumes[1] == pytest.approx(volumes[0], rel=0.05)


def test_geometry_is_upright_lps_on_one_grid(small):
    assert small.ct.shape == (48, 128, 128)
    assert small.ct.spacing_mm == (2.8, 2.8, 6.0)
    assert np.array_equal(small.ct.direction, np.eye(3))
    assert small.ct.array.dtype == np.int16
    for mask in (small.lungs, small.airways, small.nodules):
        assert mask.array.dtype == np.uint8
        assert mask.same_grid_as(small.ct)


def test_right_is_right_head_is_up_and_back_is_down(small):
    right, left = (centroid_mm(small, small.lungs.array == label) for label in (1, 2))
    assert right[0] < -40.0 < 40.0 < left[0]
    assert centroid_mm(small, small.airways.array > 0)[2] > right[2] + 30.0
    spine_mm = centroid_mm(small, small.ct.array > 300)
    assert spine_mm[1] > right[1]


@pytest.mark.parametrize("seed", range(6))
def test_lungs_are_whole_and_of_a_plausible_size(seed):
    patient = make_patient(seed, **SMALL)
    lungs = patient.lungs.array
    volumes_ml = [np.sum(lungs == label) * patient.ct.voxel_volume_ml for label in (1, 2)]
    assert 2000.0 < sum(volumes_ml) < 8000.0
    assert 0.75 < volumes_ml[1] / volumes_ml[0] < 1.0
    for label in (1, 2):
        parts, _ = ndimage.label(lungs == label)
        assert np.bincount(parts.ravel())[1:].max() > 0.995 * np.sum(lungs == label)
    assert not lungs[[0, -1]].any()
    assert not lungs[:, [0, -1]].any()
    assert not lungs[:, :, [0, -1]].any()


def test_tissues_have_their_hounsfield_units(fine):
    lung = fine.ct.array[fine.lungs.array > 0]
    inner_air = ndimage.binary_erosion(fine.airways.array, iterations=2)
    assert -900 < np.median(lung) < -820
    assert np.all(fine.ct.array[inner_air] == -990)
    assert np.all(fine.ct.array[:, 0, 0] == -1000)
    assert np.median(ball(fine, (-60.0, -10.0, -130.0), 12.0)) == 60
    assert np.median(ball(fine, (25.0, 34.0, -50.0), 6.0)) == 43
    assert np.median(ball(fine, (40.0, -24.0, -80.0), 12.0)) == 41
    assert ball(fine, (0.0, 52.0, -40.0), 25.0).max() > 500
    skin_depth = fine.ct.array[70, :, 127]
    assert np.sum((skin_depth > -110) & (skin_depth < -100)) >= 3


def test_lung_is_denser_at_the_back(small):
    rows = np.indices(small.ct.shape)[1]
    middle = np.median(rows[small.lungs.array > 0])
    front = small.ct.array[(small.lungs.array > 0) & (rows < middle - 10)]
    back = small.ct.array[(small.lungs.array > 0) & (rows > middle + 10)]
    assert 15.0 < np.median(back) - np.median(front) < 60.0


def test_gas_in_the_stomach_is_not_lung(fine):
    gas = ball(fine, (58.0, -48.0, -150.0), 6.0)
    assert np.all(gas == -1000)
    build = Thorax.drawn(fine.seed).build
    index = np.rint(fine.ct.world_to_index(np.multiply((58.0, -48.0, -150.0), build.scale)))
    column, row, k = index.astype(int)
    assert fine.lungs.array[k, row, column] == 0


def test_airways_are_one_tree_outside_the_lungs_that_reaches_both(fine):
    airways = fine.airways.array > 0
    assert ndimage.label(airways)[1] == 1
    assert not np.any(airways & (fine.lungs.array > 0))
    assert airways[-1].any()
    near = ndimage.binary_dilation(airways, iterations=5)
    assert set(np.unique(fine.lungs.array[near])) == {0, 1, 2}
    assert 20.0 < airways.sum() * fine.ct.voxel_volume_ml < 80.0


def test_vessels_belong_to_the_lungs(fine):
    inside = ndimage.binary_erosion(fine.lungs.array > 0, iterations=4)
    assert 0.005 < np.mean(fine.ct.array[inside] > -300) < 0.1


def test_nodule_is_where_and_as_large_and_dense_as_the_table_says(fine):
    (truth,) = fine.nodule_table
    mask = fine.nodules.array == truth.label
    sphere_ml = np.pi / 6.0 * truth.diameter_mm**3 / 1000.0
    assert mask.sum() * fine.ct.voxel_volume_ml == pytest.approx(sphere_ml, rel=0.05)
    assert np.linalg.norm(centroid_mm(fine, mask) - truth.centre_mm) < 1.0
    assert np.all(fine.lungs.array[mask] > 0)
    assert truth.type is NoduleType.SOLID
    inner = ndimage.binary_erosion(mask)  # the voxels at its surface are partly lung
    assert fine.ct.array[inner].mean() == pytest.approx(truth.mean_hu, abs=40.0)


@pytest.mark.parametrize("seed", range(6))
def test_nodule_lies_in_the_parenchyma(seed):
    patient = make_patient(seed, **SMALL)
    (truth,) = patient.nodule_table
    assert 8.0 <= truth.diameter_mm <= 14.0
    depth_mm = ndimage.distance_transform_edt(
        patient.lungs.array > 0, sampling=patient.ct.spacing_mm[::-1]
    )
    column, row, k = np.rint(patient.ct.world_to_index(truth.centre_mm)).astype(int)
    assert depth_mm[k, row, column] > truth.diameter_mm / 2.0
    assert patient.nodules.array[k, row, column] == truth.label


def test_nodules_of_both_types_keep_volume_and_mean_density():
    seen = set()
    for seed in range(8):
        nodule = Nodule.drawn(1, (0.0, 0.0, 0.0), 10.0, np.random.default_rng(seed))
        step = 0.5
        grid = (np.arange(40) - 19.5) * step
        volume = mass = 0.0
        for z in grid:
            plane = np.full((40, 40), -1000.0, np.float32)
            section = Section(
                grid[None].astype("f4"), grid[:, None].astype("f4"), float(z), step, plane
            )
            share = nodule.paint(plane, section, step)
            if share is not None:
                volume += share.sum() * step**3
                mass += ((plane + 1000.0).sum() - 1000.0 * share.sum()) * step**3
        assert volume == pytest.approx(np.pi / 6.0 * 1000.0, rel=0.01)
        assert mass / volume == pytest.approx(nodule.truth.mean_hu, abs=10.0)
        seen.add(nodule.truth.type)
    assert seen == {NoduleType.SOLID, NoduleType.PART_SOLID}


@pytest.mark.parametrize(
    "arguments",
    [
        {"seed": -1},
        {"size": (128, 128, 3)},
        {"spacing_mm": (0.7, 0.7, 0.0)},
        {"spacing_mm": (0.7, 0.8, 2.5)},
    ],
)
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(InputError):
        make_patient(**arguments)


def test_round_field_is_padded_where_asked():
    padded = make_patient(
        7, size=(64, 64, 24), spacing_mm=(5.6, 5.6, 12.0), scanner=Scanner(padding_hu=-2000)
    )
    share = np.mean(padded.ct.array == -2000)
    assert share == pytest.approx(1.0 - np.pi / 4.0, abs=0.01)
    assert padded.padding_hu == -2000
    assert np.all(padded.ct.array[:, 32, :] != -2000)


def test_noise_has_the_size_asked_and_is_correlated():
    noise = Noise(Scanner(noise_hu=20.0), (256, 256), (0.7, 0.7), np.random.default_rng(0))
    slices = np.stack([noise.next_slice() for _ in range(6)])
    assert slices.std() == pytest.approx(20.0, rel=0.03)
    assert abs(slices.mean()) < 0.5

    def correlation(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

    assert correlation(slices[:, :, 1:], slices[:, :, :-1]) > 0.3
    assert abs(correlation(slices[:, :, 10:], slices[:, :, :-10])) < 0.05
    assert 0.15 < correlation(slices[1:], slices[:-1]) < 0.4


def test_blur_has_the_width_asked_and_keeps_the_sum():
    point = np.zeros((41, 41), np.float32)
    point[20, 20] = 1000.0
    spread = Scanner(psf_mm=4.7096).blurred(point, (1.0, 0.5))
    offset = np.arange(41) - 20
    assert spread.sum() == pytest.approx(1000.0, rel=1e-3)
    for axis, pixel_mm in ((0, 0.5), (1, 1.0)):
        profile = spread.sum(axis=1 - axis)
        sigma_mm = np.sqrt(np.sum(profile * offset**2) / profile.sum()) * pixel_mm
        assert sigma_mm == pytest.approx(2.0, rel=0.03)


def test_negative_noise_is_refused():
    with pytest.raises(InputError, match="-1"):
        Scanner(noise_hu=-1.0)


def test_tree_reaches_every_target_and_obeys_murray():
    rng = np.random.default_rng(1)
    targets = rng.uniform(10.0, 60.0, (50, 3))
    tree = grow_tree((0.0, 0.0, 0.0), targets, 0.5, rng)
    ends = {tuple(np.round(end, 6)) for end in tree.end}
    assert {tuple(np.round(target, 6)) for target in targets} <= ends
    assert np.array_equal(tree.start[0], [0.0, 0.0, 0.0])
    assert tree.radius_mm[0] == pytest.approx(0.5 * 50 ** (1 / 3))
    for end, radius in zip(tree.end, tree.radius_mm, strict=True):
        children = tree.radius_mm[np.all(tree.start == end, axis=1)]
        if len(children):
            assert np.sum(children**3) == pytest.approx(radius**3)


@pytest.mark.parametrize("radius_mm", [0.4, 0.8, 3.0])
def test_painted_branch_keeps_its_volume(radius_mm):
    axis = np.arange(-15.0, 15.01, 1.0)
    branch = Branches(
        np.array([[-11.0, -9.0, -10.0]]), np.array([[10.0, 8.0, 9.0]]), np.array([radius_mm])
    )
    length_mm = np.linalg.norm(branch.end - branch.start)
    filled_mm3 = rasterised(branch, (axis, axis, axis)).sum() / 255.0
    expected = np.pi * radius_mm**2 * (length_mm + 4.0 / 3.0 * radius_mm)
    assert filled_mm3 == pytest.approx(expected, rel=0.1)


def test_branch_outside_the_grid_leaves_nothing():
    axis = np.arange(0.0, 10.0)
    branch = Branches(np.array([[50.0, 0.0, 0.0]]), np.array([[60.0, 0.0, 0.0]]), np.array([1.0]))
    assert not rasterised(branch, (axis, axis, axis)).any()


def test_distances_are_mm_to_the_surface():
    x = np.array([[0.0, 7.0, 9.0]], np.float32)
    y = np.zeros((1, 1), np.float32)
    tube = Capsule((0.0, 0.0, -5.0), (0.0, 0.0, 5.0), 4.0, 4.0)
    assert np.allclose(tube.distance(x, y, 0.0), [[-4.0, 3.0, 5.0]])
    assert tube.bounds(9.1) is None
    egg = Ellipsoid((0.0, 0.0, 0.0), (8.0, 3.0, 3.0))
    assert np.allclose(egg.distance(x[:, 1:], y, 0.0), [[-1.0, 1.0]], atol=0.15)
