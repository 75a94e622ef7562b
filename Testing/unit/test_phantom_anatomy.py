"""Anatomy of the made-up chest: what varies, trees, fissures, organs and where the truth lies."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from LungPNetLib.cohort.phantom import airways as bronchial
from LungPNetLib.cohort.phantom.anatomy import Build, Sex
from LungPNetLib.cohort.phantom.fields import Field
from LungPNetLib.cohort.phantom.fissures import Fissures, Lobe
from LungPNetLib.cohort.phantom.nodule import Location, NoduleSpec
from LungPNetLib.cohort.phantom.nodule_sites import lung_share
from LungPNetLib.cohort.phantom.organs import BLOOD_HU, LEFT_HILUM, RIGHT_HILUM, Enhancement
from LungPNetLib.cohort.phantom.shapes import Section
from LungPNetLib.cohort.phantom.thorax import SectionTruth, Thorax
from LungPNetLib.cohort.phantom.trees import Branches, grow_tree, rasterised

PIXEL_MM = 2.0
AXIS_MM = np.arange(-180.0, 180.0, PIXEL_MM)


@pytest.fixture(scope="module")
def thorax() -> Thorax:
    return Thorax.drawn(3)


def empty_section(z_mm: float, pixel_mm: float = PIXEL_MM) -> Section:
    axis = np.arange(-180.0, 180.0, pixel_mm).astype(np.float32)
    hu = np.full((len(axis), len(axis)), -1000.0, np.float32)
    return Section(axis[None], axis[:, None], z_mm, pixel_mm, hu)


def painted(
    thorax: Thorax, z_mm: float, pixel_mm: float = PIXEL_MM
) -> tuple[Section, SectionTruth]:
    section = empty_section(z_mm, pixel_mm)
    axis = section.x[0].astype(float)
    (vessels,) = rasterised(thorax.vessels, (axis, axis, np.array([z_mm, z_mm + 1.0])))[:1]
    truth = thorax.paint(section, vessels.astype(np.float32) / 255.0, 1.0)
    return section, truth


def hu_at(thorax: Thorax, atlas_mm: tuple[float, float, float]) -> float:
    x, y, z = thorax.build.to_patient(atlas_mm)
    section, _ = painted(thorax, float(z))
    return float(section.hu[np.abs(AXIS_MM - y).argmin(), np.abs(AXIS_MM - x).argmin()])


def test_the_person_is_a_function_of_the_seed(thorax):
    again, other = Thorax.drawn(3), Thorax.drawn(4)
    assert thorax.build == again.build != other.build
    assert np.array_equal(thorax.vessels.end, again.vessels.end)
    assert np.array_equal(painted(thorax, -30.0)[0].hu, painted(again, -30.0)[0].hu)
    assert not np.array_equal(painted(thorax, -30.0)[0].hu, painted(other, -30.0)[0].hu)


def test_builds_vary_and_stay_human():
    builds = [Build.drawn(np.random.default_rng(seed)) for seed in range(300)]
    women = [b for b in builds if b.sex is Sex.FEMALE]
    assert 100 < len(women) < 200
    assert all(b.breast_mm > 0.0 for b in women)
    assert all(b.breast_mm == 0.0 for b in builds if b.sex is Sex.MALE)
    assert all(30 <= b.age_years <= 85 for b in builds)
    assert all(6.0 <= b.fat_mm <= 32.0 for b in builds)
    assert all(b.dome_left_z_mm < b.dome_right_z_mm for b in builds)
    for name, spread in (("scale_axial", 0.02), ("fat_mm", 3.0), ("heart_scale", 0.03)):
        assert np.std([getattr(b, name) for b in builds]) > spread
    size = {sex: np.mean([b.scale_axial for b in builds if b.sex is sex]) for sex in Sex}
    assert size[Sex.MALE] > size[Sex.FEMALE]


def test_atlas_and_patient_frames_are_inverse():
    build = replace(Build.drawn(np.random.default_rng(1)), lean_mm=4.0, sway_mm=2.0)
    place = np.array([37.0, -21.0, -118.0])
    x, y, z = build.to_patient(place)
    section = Section(
        np.array([[x]], np.float32), np.array([[y]], np.float32), z, 1.0, np.zeros((1, 1), "f4")
    )
    atlas = build.atlas_of(section)
    assert np.allclose([atlas.x[0, 0], atlas.y[0, 0], atlas.z_mm], place, atol=1e-3)


def test_breasts_lie_in_front_of_a_woman_only(thorax):
    build = thorax.build
    skins = {}
    for height in (0.0, 35.0):
        chest = replace(thorax.chest, build=replace(build, breast_mm=height, gland_share=0.6))
        section, truth = painted(replace(thorax, build=chest.build, chest=chest), -50.0)
        body_rows = np.flatnonzero(section.hu[:, 45] > -200.0)
        skins[height] = AXIS_MM[body_rows[0]], truth.right_lung.sum()
    assert skins[35.0][0] < skins[0.0][0] - 10.0
    assert skins[35.0][1] == skins[0.0][1]


def test_fat_makes_the_body_larger_and_leaves_the_lungs(thorax):
    areas = {}
    for fat_mm in (8.0, 28.0):
        chest = replace(thorax.chest, build=replace(thorax.build, fat_mm=fat_mm))
        section, truth = painted(replace(thorax, build=chest.build, chest=chest), -60.0)
        areas[fat_mm] = np.sum(section.hu > -200.0), truth.left_lung.sum()
    assert areas[28.0][0] > 1.1 * areas[8.0][0]
    assert areas[28.0][1] == areas[8.0][1]


@pytest.mark.parametrize(
    ("place", "low", "high"),
    [
        ((24.0, 40.0, -60.0), 40.0, 46.0),  # descending aorta
        ((-60.0, -10.0, -125.0), 58.0, 62.0),  # liver
        ((98.0, 40.0, -150.0), 48.0, 52.0),  # spleen
        ((40.0, -20.0, -80.0), 38.0, 44.0),  # left ventricle
        ((-1.0, 12.0, 40.0), -1000.0, -980.0),  # trachea
        ((-26.0, -12.0, 20.0), 40.0, 46.0),  # superior vena cava
    ],
)
def test_organs_have_their_hounsfield_units(thorax, place, low, high):
    assert low <= hu_at(thorax, place) <= high


def test_contrast_medium_fills_veins_right_and_left_heart(thorax):
    bright = Thorax.drawn(3, enhancement=Enhancement(300.0, 200.0, 100.0))
    assert hu_at(bright, (-26.0, -12.0, 20.0)) == pytest.approx(BLOOD_HU + 300.0, abs=3.0)
    assert hu_at(bright, (22.0, -2.0, -14.0)) == pytest.approx(BLOOD_HU + 200.0, abs=3.0)
    assert hu_at(bright, (24.0, 40.0, -60.0)) == pytest.approx(BLOOD_HU + 100.0, abs=3.0)
    assert bright.blood_hu == BLOOD_HU + 150.0
    assert np.array_equal(painted(bright, -30.0)[1].left_lung, painted(thorax, -30.0)[1].left_lung)


def test_lung_density_is_that_of_a_chest_at_full_breath(thorax):
    values = []
    for z_mm in (-90.0, -60.0, -30.0, 0.0, 30.0):
        section, truth = painted(thorax, z_mm)
        inside = ndimage.binary_erosion(truth.right_lung + truth.left_lung > 0.99, iterations=2)
        values.append(section.hu[inside])
    lung = np.concatenate(values)
    # Two chests without disease have means of -849 and -864 and 1.8 to 3.3 % above -500 HU.
    assert -885.0 < lung.mean() < -815.0
    assert -935.0 < np.percentile(lung, 15) < -880.0
    assert 0.01 < np.mean(lung > -500.0) < 0.05


def test_lobes_lie_as_they_should(thorax):
    plan = thorax.plan
    heights = {lobe: plan.places_mm[plan.lobes == lobe].mean(axis=0) for lobe in Lobe}
    assert set(np.unique(plan.lobes)) == set(Lobe)
    assert heights[Lobe.RIGHT_UPPER][2] > heights[Lobe.RIGHT_MIDDLE][2] + 20.0
    assert heights[Lobe.RIGHT_LOWER][1] > heights[Lobe.RIGHT_MIDDLE][1] + 30.0
    assert heights[Lobe.LEFT_UPPER][2] > heights[Lobe.LEFT_LOWER][2] + 20.0
    assert np.all(plan.places_mm[plan.lobes <= 3, 0] < 15.0)
    shares = np.bincount(plan.lobes, minlength=6)[1:] / len(plan.lobes)
    assert np.all((shares > 0.04) & (shares < 0.4))
    assert shares.argmin() == Lobe.RIGHT_MIDDLE - 1


def test_fissures_part_the_lobes_and_are_thin():
    fissures = Fissures.drawn(np.random.default_rng(2))
    section = empty_section(-30.0, 1.0)
    is_right = np.broadcast_to(section.x < 0.0, section.hu.shape)
    lobes, gap_mm, share = fissures.lobes(section, is_right, 1.0)
    for columns in (slice(20, 160), slice(200, 340)):
        side = lobes[:, columns]
        borders = side[1:] != side[:-1]
        assert borders.any()
        assert gap_mm[1:, columns][borders].max() < 2.0
    assert share.max() <= 0.7 + 1e-6
    assert np.all(gap_mm[share > 0.0] < 1.0)


def test_vessels_do_not_cross_from_lobe_to_lobe():
    rng = np.random.default_rng(0)
    above = rng.uniform((20.0, 0.0, 30.0), (60.0, 40.0, 60.0), (80, 3))
    below = above * [1.0, 1.0, -1.0]
    groups = np.repeat([1, 2], 80)
    tree = grow_tree((0.0, 0.0, 0.0), np.concatenate([above, below]), 0.5, rng, groups)
    leaves = tree.radius_mm < 0.8
    crossing = np.sign(tree.start[leaves, 2]) != np.sign(tree.end[leaves, 2])
    assert leaves.sum() > 100
    assert not crossing.any()


def test_both_vessel_trees_obey_murray_and_end_thin(thorax):
    for tree in (thorax.arteries, thorax.veins):
        flow = tree.radius_mm**3
        joints, node = np.unique(
            np.concatenate([tree.start, tree.end]), axis=0, return_inverse=True
        )
        node = node.reshape(2, -1)
        out = np.bincount(node[0], flow, len(joints))
        into = np.bincount(node[1], flow, len(joints))
        inner = (out > 0.0) & (into > 0.0)
        assert inner.sum() > 5000
        assert np.allclose(out[inner], into[inner])
        roots = joints[into == 0.0]
        assert len(roots) == 2
        assert 2.0 * tree.radius_mm.min() <= 1.0
        assert 8.0 < 2.0 * tree.radius_mm.max() < 14.0


def test_vessels_reach_all_parts_of_the_lungs(thorax):
    plan = thorax.plan
    thin = thorax.vessels.end[thorax.vessels.radius_mm < 0.5]
    for lobe in Lobe:
        places = plan.places_mm[plan.lobes == lobe]
        ends = thin[:: max(len(thin) // 2000, 1)]
        gaps = np.linalg.norm(places[::37, None] - ends[None], axis=2).min(axis=1)
        assert np.percentile(gaps, 90) < 15.0


def test_bronchi_are_connected_to_the_main_bronchi_and_run_with_arteries(thorax):
    bronchi = thorax.bronchi
    starts = {tuple(np.round(row, 6)) for row in bronchi.start}
    ends = {tuple(np.round(row, 6)) for row in bronchi.end}
    hila = thorax.build.to_patient([RIGHT_HILUM.bronchus, LEFT_HILUM.bronchus])
    assert starts - ends == {tuple(np.round(row, 6)) for row in hila}
    assert len(bronchi.radius_mm) > 100
    assert 2.5 < bronchi.radius_mm.max() < 6.0
    far = np.linalg.norm(bronchi.end[:, None] - hila[None], axis=2).min(axis=1) > 50.0
    gap = np.linalg.norm(bronchi.end[far, None] - thorax.arteries.end[None], axis=2).min(axis=1)
    assert np.all(gap < 3.0 * bronchi.radius_mm[far] + 2.0)


def test_bronchus_lies_outside_its_artery():
    artery = Branches(
        np.array([[0.0, 0.0, 0.0], [50.0, 0.0, 0.0]]),
        np.array([[50.0, 0.0, 0.0], [100.0, 0.0, 0.0]]),
        np.array([3.0, 3.0]),
    )
    bronchus = bronchial.beside(artery, (0.0, 10.0, 0.0))
    assert np.allclose(bronchus.start[0], (0.0, 10.0, 0.0))
    gap_mm = np.linalg.norm(bronchus.end[-1] - artery.end[-1])
    walls_mm = bronchial.wall_mm(float(bronchus.radius_mm[-1]))
    assert gap_mm == pytest.approx(3.0 + bronchus.radius_mm[-1] + walls_mm, abs=0.1)


def test_nodules_lie_where_their_location_asks_for():
    specs = [NoduleSpec(diameter, location=place) for place in Location for diameter in (6.0, 14.0)]
    person = Thorax.drawn(4, nodules=specs)
    assert [n.truth.label for n in person.nodules] == list(range(1, 9))
    for spec, nodule in zip(specs, person.nodules, strict=True):
        centre, radius = np.array(nodule.truth.centre_mm), nodule.truth.diameter_mm / 2.0
        outer = nodule.lattice.centres()
        cut = np.average(lung_share(person.chest, outer) < 0.5, weights=nodule.share)
        assert cut < 0.05
        if spec.location is Location.JUXTA_PLEURAL:
            # Some of the sphere round it is chest wall.
            near = np.linalg.norm(outer - centre, axis=-1) < 1.2 * radius
            assert np.mean(lung_share(person.chest, outer)[near] < 0.5) > 0.02
        else:
            assert nodule.truth.diameter_mm == pytest.approx(spec.diameter_mm, rel=0.01)
        if spec.location is Location.JUXTA_VASCULAR:
            vessels = person.vessels
            wide = vessels.radius_mm > 0.7
            middles = (vessels.start[wide] + vessels.end[wide]) / 2.0
            assert np.linalg.norm(middles - centre, axis=1).min() < radius + 2.5
    others = [np.array(n.truth.centre_mm) for n in person.nodules]
    for i, one in enumerate(others):
        for j in range(i):
            gap = np.linalg.norm(one - others[j])
            assert gap > (specs[i].diameter_mm + specs[j].diameter_mm) / 2.0


def test_field_is_standard_and_continuous():
    field = Field.drawn(np.random.default_rng(0), 10.0)
    section = empty_section(13.0, 1.0)
    plane = field.at(section)
    assert abs(plane.mean()) < 0.4
    assert 0.5 < plane.std() < 1.5
    assert np.abs(np.diff(plane, axis=1)).max() < 0.6
    above = field.at(replace(section, z_mm=13.5))
    assert np.abs(above - plane).max() < 0.3


def test_painting_keeps_to_its_budget(thorax):
    painted(thorax, -40.0, 1.4)
    times = []
    for z_mm in np.linspace(-130.0, 80.0, 8):
        section = empty_section(float(z_mm), 1.4)
        vessels = np.zeros_like(section.hu)
        start = time.process_time()
        thorax.paint(section, vessels, 1.5)
        times.append(time.process_time() - start)
    # 200 layers of 257 x 257 in 3.5 s; three times that on a busy machine.
    assert min(times) < 0.053
