"""Pathologies of the made-up patient: what they look like and what stays lung."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from LungPNetLib.cohort.phantom.pathology import (
    PATIENTS_WITHOUT,
    PROBABILITIES,
    Pathology,
    drawn_pathologies,
)
from LungPNetLib.cohort.phantom.shapes import Section
from LungPNetLib.cohort.phantom.thorax import Thorax
from LungPNetLib.cohort.phantom.trees import rasterised

PIXEL_MM, LAYER_MM = 2.5, 9.0
AXIS_MM = np.arange(-160.0, 160.0, PIXEL_MM)
HEIGHTS_MM = np.arange(-170.0, 105.0, LAYER_MM)
VOXEL_ML = PIXEL_MM**2 * LAYER_MM / 1000.0
IN_LUNG = [kind for kind in Pathology if kind not in (Pathology.NONE, Pathology.EFFUSION)]


class Picture:
    """A coarse CT without noise and its truth, each of shape (z, y, x)."""

    def __init__(self, seed: int, pathologies: tuple[Pathology, ...]) -> None:
        self.thorax = Thorax.drawn(seed, pathologies)
        vessels = rasterised(self.thorax.vessels, (AXIS_MM, AXIS_MM, HEIGHTS_MM))
        axis = AXIS_MM.astype(np.float32)
        planes, truths = [], []
        for z_mm, vessel in zip(HEIGHTS_MM, vessels, strict=True):
            hu = np.full(vessel.shape, -1000.0, np.float32)
            section = Section(axis[None], axis[:, None], float(z_mm), PIXEL_MM, hu)
            truths.append(self.thorax.paint(section, vessel.astype(np.float32) / 255.0, 1.5))
            planes.append(hu)
        self.hu = np.stack(planes)
        self.lung = np.stack([t.right_lung + t.left_lung for t in truths])
        self.effusion = np.stack([t.effusion for t in truths])
        self.code = np.stack([t.pathology for t in truths])
        self.airways = np.stack([t.airways for t in truths])

    def of(self, kind: Pathology) -> np.ndarray:
        return (self.code == kind.code) & (self.lung > 0.5)


@cache
def picture(seed: int, *pathologies: Pathology) -> Picture:
    return Picture(seed, pathologies)


@pytest.mark.parametrize("kind", IN_LUNG)
def test_disease_of_the_lung_is_lung(kind):
    for seed in (1, 2):
        healthy, sick = picture(seed), picture(seed, kind)
        assert np.array_equal(healthy.lung, sick.lung)
        assert sick.of(kind).any()
        assert not sick.effusion.any()
        outside = healthy.lung + healthy.airways == 0.0
        assert np.array_equal(healthy.hu[outside], sick.hu[outside])


def test_effusion_is_no_lung_and_takes_its_place():
    for seed in (1, 2, 5):
        healthy, sick = picture(seed), picture(seed, Pathology.EFFUSION)
        assert np.allclose(sick.lung + sick.effusion, healthy.lung, atol=0.51)
        whole = sick.effusion > 0.99
        assert np.all(sick.lung[whole] < 0.02)
        assert 0.0 < np.median(sick.hu[whole]) < 22.0
        assert 30.0 < sick.effusion.sum() * VOXEL_ML < 1800.0
        assert np.all(healthy.lung[whole] > 0.9)


def test_effusion_is_dependent_and_deepest_at_the_base():
    for seed in (1, 2, 5):
        sick, healthy = picture(seed, Pathology.EFFUSION), picture(seed)
        z, y, _ = np.nonzero(sick.effusion > 0.5)
        lung_z, lung_y, _ = np.nonzero(sick.lung > 0.5)
        assert AXIS_MM[y].mean() > AXIS_MM[lung_y].mean() + 20.0
        assert HEIGHTS_MM[z].mean() < HEIGHTS_MM[lung_z].mean()
        # The lung beside it is collapsed.
        near = ndimage.binary_dilation(sick.effusion > 0.5, iterations=1) & (sick.lung > 0.99)
        assert np.median(sick.hu[near]) > np.median(healthy.hu[near]) + 300.0


def test_emphysema_is_air_and_lies_in_the_upper_lungs():
    shares = []
    for seed in range(1, 5):
        healthy, sick = picture(seed), picture(seed, Pathology.EMPHYSEMA)
        inside = healthy.lung > 0.99
        assert sick.hu[inside].mean() < healthy.hu[inside].mean()
        holes = inside & (sick.hu < -935.0)
        shares.append(holes.sum() / inside.sum())
        z = np.nonzero(holes)[0]
        assert HEIGHTS_MM[z].mean() > HEIGHTS_MM[np.nonzero(inside)[0]].mean()
    assert 0.01 < np.mean(shares) < 0.5
    assert max(shares) > 2.0 * min(shares)


def test_consolidation_is_airless_but_for_its_bronchi():
    found_air = False
    for seed in range(1, 5):
        sick, healthy = picture(seed, Pathology.CONSOLIDATION), picture(seed)
        core = sick.of(Pathology.CONSOLIDATION)
        core &= ndimage.uniform_filter((sick.hu > -100).astype(float), 3) > 0.7
        if not core.any():
            continue
        assert -50.0 < np.median(sick.hu[core]) < 60.0
        air = core & (sick.hu < -300.0)
        found_air |= bool(air.any())
        assert healthy.hu[core].mean() < -700.0
    assert found_air


def test_ground_glass_lets_vessels_show():
    sick, healthy = picture(2, Pathology.GROUND_GLASS), picture(2)
    patches = sick.of(Pathology.GROUND_GLASS) & (sick.lung > 0.99)
    quiet = patches & (healthy.hu < -820.0)
    assert -780.0 < np.median(sick.hu[quiet]) < -450.0
    vessels = patches & (healthy.hu > -100.0)
    assert vessels.any()
    assert np.abs(sick.hu[vessels] - healthy.hu[vessels]).max() < 120.0


def test_atelectasis_shows_all_its_forms_and_is_dense():
    volumes = []
    for seed in range(1, 7):
        sick = picture(seed, Pathology.ATELECTASIS)
        region = sick.of(Pathology.ATELECTASIS)
        volumes.append(region.sum() * VOXEL_ML)
        assert np.percentile(sick.hu[region], 90) > -500.0
    assert max(volumes) > 60.0
    assert min(volumes) < 30.0


@pytest.mark.parametrize("kind", [Pathology.CHEST_WALL_MASS, Pathology.HILAR_MASS])
def test_mass_is_one_solid_of_some_centimetres(kind):
    for seed in range(1, 5):
        sick = picture(seed, kind)
        region = sick.of(kind)
        volume_ml = region.sum() * VOXEL_ML
        assert 1.5 < volume_ml < 260.0
        parts, _ = ndimage.label(region, np.ones((3, 3, 3)))
        assert np.bincount(parts.ravel())[1:].max() > 0.6 * region.sum()
        core = ndimage.binary_erosion(region) & (sick.hu > -200.0)
        assert 20.0 < np.median(sick.hu[core if core.any() else region]) < 65.0
        near = ndimage.binary_dilation(region, iterations=2) & (sick.lung < 0.01)
        assert near.any()


def test_fibrosis_is_a_net_under_the_pleura_at_the_base():
    sick, healthy = picture(3, Pathology.FIBROSIS), picture(3)
    change = (sick.hu - healthy.hu) * (sick.lung > 0.99)
    depth_mm = ndimage.distance_transform_edt(
        healthy.lung > 0.5, sampling=(LAYER_MM, PIXEL_MM, PIXEL_MM)
    )
    assert change[depth_mm > 45.0].max(initial=0.0) < 1.0
    z = np.nonzero(change > 100.0)[0]
    assert HEIGHTS_MM[z].mean() < HEIGHTS_MM[np.nonzero(healthy.lung > 0.5)[0]].mean() - 10.0
    peripheral = (change > 30.0) & (depth_mm < 15.0)
    assert change[peripheral].std() > 80.0


def test_scars_are_small():
    for seed in range(1, 5):
        region = picture(seed, Pathology.SCARS).of(Pathology.SCARS)
        assert 0.02 < region.sum() * VOXEL_ML < 60.0


def test_a_disease_is_the_same_with_and_without_another():
    alone = picture(2, Pathology.CHEST_WALL_MASS)
    both = picture(2, Pathology.CHEST_WALL_MASS, Pathology.GROUND_GLASS)
    reversed_order = Picture(2, (Pathology.GROUND_GLASS, Pathology.CHEST_WALL_MASS))
    mass = alone.of(Pathology.CHEST_WALL_MASS)
    assert np.array_equal(mass, both.of(Pathology.CHEST_WALL_MASS))
    assert np.array_equal(both.hu, reversed_order.hu)


def test_none_is_a_healthy_patient():
    assert np.array_equal(picture(1, Pathology.NONE).hu, picture(1).hu)
    assert not picture(1).code.any()


def test_pathologies_are_drawn_with_the_stated_probabilities():
    drawn = [drawn_pathologies(seed) for seed in range(3000)]
    assert drawn == [drawn_pathologies(seed) for seed in range(3000)]
    counts = Counter(kind for kinds in drawn for kind in kinds)
    assert Pathology.NONE not in counts
    for kind, probability in PROBABILITIES.items():
        expected = probability * (1.0 - PATIENTS_WITHOUT)
        assert counts[kind] / len(drawn) == pytest.approx(expected, abs=0.03)
    none = PATIENTS_WITHOUT + (1 - PATIENTS_WITHOUT) * np.prod(
        [1.0 - share for share in PROBABILITIES.values()]
    )
    assert np.mean([not kinds for kinds in drawn]) == pytest.approx(none, abs=0.03)


def test_codes_are_those_of_the_label_map():
    assert Pathology.NONE.code == 0
    assert sorted(kind.code for kind in Pathology) == list(range(len(Pathology)))
