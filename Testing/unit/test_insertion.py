"""Nodules inserted into a CT whose sharpness and noise are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from LungPNetLib.cohort.insertion import NoRoomError, insert_nodule
from LungPNetLib.cohort.insertion_host import HostNoise, HostTraits, denoised
from LungPNetLib.cohort.insertion_lesion import Lesion
from LungPNetLib.cohort.insertion_sites import APART_MM, Site, SiteMap
from LungPNetLib.cohort.lidc_patches import NodulePatch
from LungPNetLib.cohort.phantom.lesion_lattice import Lattice
from LungPNetLib.cohort.phantom.nodule import Nodule, NoduleSpec, NoduleType
from LungPNetLib.errors import InputError
from LungPNetLib.volume import Volume

SPACING_MM = (0.8, 0.8, 1.6)
SHAPE = (20, 140, 140)
LUNG_HU, TISSUE_HU = -850.0, 40.0
SHARP_MM, NOISE_HU = 0.9, 20.0
CENTRES_MM, RADIUS_MM = ((33.0, 56.0), (79.0, 56.0)), 20.0
"""(x, y) of two upright tubes of lung in soft tissue."""


def chest(noise_hu: float = NOISE_HU, sharp_mm: float = SHARP_MM) -> tuple[Volume, Volume]:
    """Two lungs with upright walls; the total blur, pixel included, is ``sharp_mm``."""
    finer, (pixel, _, _) = 4, SPACING_MM
    axis = (np.arange(SHAPE[1] * finer) + 0.5) / finer * pixel - pixel / 2
    shares, labels = np.zeros(SHAPE[1:]), np.zeros(SHAPE[1:], np.uint8)
    for label, (x, y) in enumerate(CENTRES_MM, start=1):
        fine = np.hypot(axis - x, axis[:, None] - y) < RADIUS_MM
        share = fine.reshape(SHAPE[1], finer, SHAPE[2], finer).mean(axis=(1, 3))
        labels[share >= 0.5] = label
        shares += share
    sigma = np.sqrt(sharp_mm**2 - pixel**2 / 12) / pixel
    hu = TISSUE_HU + ndimage.gaussian_filter(shares, sigma) * (LUNG_HU - TISSUE_HU)
    rng = np.random.default_rng(1)
    noise = ndimage.gaussian_filter(rng.standard_normal(SHAPE), (0, 0.7, 0.7), mode="wrap")
    array = np.rint(hu + noise * noise_hu / noise.std()).astype(np.int16)
    ct = Volume(array, SPACING_MM, (-50.0, 20.0, 100.0))
    return ct, ct.with_array(np.broadcast_to(labels, SHAPE).copy())


def ball(radius_mm: float, hu: float = TISSUE_HU) -> Lesion:
    """A sharp ball of one density."""
    lattice = Lattice.round_origin(radius_mm + 0.5, max(0.2, radius_mm / 40))
    share = (np.linalg.norm(lattice.centres(), axis=-1) < radius_mm).astype(np.float32)
    return Lesion(lattice, share, share, np.full(share.shape, hu, np.float32))


def place(ct: Volume, x_mm: float, y_mm: float) -> tuple[float, float, float]:
    """LPS mm of a place in the middle slice, given from the first voxel."""
    index = np.array([x_mm, y_mm, SHAPE[0] // 2 * SPACING_MM[2]]) / SPACING_MM
    x, y, z = ct.index_to_world(index).tolist()
    return (x, y, z)


def middle(ct: Volume) -> tuple[float, float, float]:
    return place(ct, *CENTRES_MM[0])


SILENT = HostNoise(np.zeros(SHAPE[0], np.float32), np.eye(17, dtype=np.float32)[None].repeat(2, 0))
"""Noise of a CT that has none."""


@pytest.mark.parametrize("sharp_mm", [0.6, 0.9, 1.4])
def test_sharpness_and_noise_of_the_host_are_measured(sharp_mm):
    traits = HostTraits.measured(*chest(sharp_mm=sharp_mm))
    assert traits.psf_sigma_mm == pytest.approx(sharp_mm, rel=0.12)
    assert np.median(traits.noise.sd_hu) == pytest.approx(NOISE_HU, rel=0.12)


def test_drawn_noise_has_the_hosts_strength_and_grain():
    ct, lungs = chest()
    noise = HostTraits.measured(ct, lungs).noise.drawn(
        range(SHAPE[0]), (60, 60), np.random.default_rng(0)
    )
    own = ct.array[:, 2:18, 2:138].astype(float) - TISSUE_HU
    for axis in range(3):
        drawn, real = (
            np.corrcoef(np.delete(n, 0, axis).ravel(), np.delete(n, -1, axis).ravel())[0, 1]
            for n in (noise, own)
        )
        assert drawn == pytest.approx(real, abs=0.1)
    assert noise.std() == pytest.approx(NOISE_HU, rel=0.12)


def test_a_host_without_soft_tissue_is_refused():
    ct, lungs = chest()
    empty = ct.with_array(np.full(SHAPE, -1000, np.int16))
    with pytest.raises(InputError, match="too little soft tissue"):
        HostTraits.measured(empty, lungs)


@pytest.mark.parametrize("kind", list(NoduleType))
def test_what_is_added_is_the_lesions_volume_times_its_contrast(kind):
    ct, lungs = chest(noise_hu=0.0)
    traits = HostTraits(SHARP_MM, SILENT)
    grown = Nodule.grown(1, (0, 0, 0), NoduleSpec(12.0, kind), np.random.default_rng(3))
    lesion = Lesion.of_nodule(grown)
    done = insert_nodule(ct, lungs, lesion, middle(ct), np.random.default_rng(0), traits)
    added = (done.ct.array.astype(float) - ct.array).sum() * np.prod(SPACING_MM)
    own = float((lesion.share * (lesion.hu - LUNG_HU)).sum(dtype=float)) * lesion.lattice.step_mm**3
    assert added == pytest.approx(own, rel=0.02)
    assert done.mask.array.sum() * np.prod(SPACING_MM) == pytest.approx(
        grown.truth.volume_mm3, rel=0.12
    )


def test_edges_are_as_wide_as_the_hosts():
    ct, lungs = chest(noise_hu=0.0)
    traits = HostTraits(SHARP_MM, SILENT)
    done = insert_nodule(ct, lungs, ball(9.0), middle(ct), np.random.default_rng(0), traits)
    row = done.ct.array[SHAPE[0] // 2, round(CENTRES_MM[0][1] / SPACING_MM[1])].astype(float)
    x = np.arange(len(row)) * SPACING_MM[0]
    wall, edge = (
        width_mm(x[part], row[part]) for part in (x < 18.0, (x > 18.0) & (x < CENTRES_MM[0][0]))
    )
    assert edge == pytest.approx(wall, rel=0.15)


def width_mm(x_mm, values):
    """Distance between a quarter and three quarters of a rise or fall."""
    level = (values - values.min()) / (values.max() - values.min())
    order = np.argsort(level)
    return abs(np.diff(np.interp([0.25, 0.75], level[order], x_mm[order]))[0])


def test_noise_inside_is_that_of_the_hosts_soft_tissue():
    ct, lungs = chest()
    done = insert_nodule(ct, lungs, ball(11.0), middle(ct), np.random.default_rng(0))
    inner = ndimage.binary_erosion(done.mask.array, iterations=3)
    assert inner.sum() > 1000
    assert done.ct.array[inner].std() == pytest.approx(NOISE_HU, rel=0.12)
    assert done.ct.array[inner].mean() == pytest.approx(TISSUE_HU, abs=4.0)


def patch(noise_hu: float, lung_hu: float = LUNG_HU, drawn_mm: float = 9.0) -> NodulePatch:
    """A ball of 8 mm radius and 40 HU, drawn by its reader with ``drawn_mm``, not in the middle."""
    axis = np.arange(43.0)
    gap = np.sqrt((axis[:, None, None] - 20) ** 2 + (axis[:, None] - 22) ** 2 + (axis - 19) ** 2)
    hu = np.where(gap < 8.0, TISSUE_HU, lung_hu)
    hu = ndimage.gaussian_filter(hu, 0.7)
    hu += np.random.default_rng(5).normal(0.0, noise_hu, hu.shape)
    mask = (gap < drawn_mm).astype(np.uint8)
    return NodulePatch("p", "q", Volume(hu.astype(np.int16)), Volume(mask), {"texture": 5})


def test_a_patch_does_not_bring_its_noise_along():
    ct, lungs = chest()
    lesion = Lesion.of_patch(patch(noise_hu=40.0))
    done = insert_nodule(ct, lungs, lesion, middle(ct), np.random.default_rng(0))
    inner = ndimage.binary_erosion(done.mask.array, iterations=4)
    assert inner.sum() > 200
    assert done.ct.array[inner].std() == pytest.approx(NOISE_HU, rel=0.35)


def test_a_patch_does_not_bring_its_lung_along():
    ct, lungs = chest(noise_hu=0.0)
    lesion = Lesion.of_patch(patch(0.0, lung_hu=-700.0, drawn_mm=13.0))
    traits = HostTraits(SHARP_MM, SILENT)
    done = insert_nodule(ct, lungs, lesion, middle(ct), np.random.default_rng(0), traits)
    gap = np.hypot(
        np.arange(SHAPE[2]) * SPACING_MM[0] - CENTRES_MM[0][0],
        (np.arange(SHAPE[1]) * SPACING_MM[1] - CENTRES_MM[0][1])[:, None],
    )
    drawn_lung = (gap > 11.0) & (gap < 12.5)
    assert done.mask.array[SHAPE[0] // 2][drawn_lung].all()  # the truth is what the reader drew
    change = done.ct.array[SHAPE[0] // 2].astype(int) - ct.array[SHAPE[0] // 2]
    assert np.abs(change[drawn_lung]).max() <= 10
    assert change[gap < 5.0].min() > 800


def test_a_patch_keeps_its_volume_and_turning_changes_neither_volume_nor_centre():
    drawn = patch(10.0)
    lesion = Lesion.of_patch(drawn)
    assert lesion.diameter_mm == pytest.approx((6 / np.pi * drawn.mask.array.sum()) ** (1 / 3))
    rng, seen = np.random.default_rng(0), set()
    marked = replace(lesion, share=lesion.share * np.indices(lesion.share.shape)[2])
    for _ in range(40):
        turned = marked.turned(rng)
        assert turned.share.sum() == pytest.approx(marked.share.sum())
        places, weights = turned.lattice.centres(), turned.weight
        centre = np.average(places.reshape(-1, 3), axis=0, weights=weights.ravel())
        assert np.abs(centre).max() < 0.2
        seen.add(turned.share.tobytes())
    assert len(seen) == 4  # the marked axis may point to each side in the slice


@pytest.mark.parametrize("cut", ["empty", "at the border"])
def test_a_patch_whose_nodule_is_not_whole_is_refused(cut):
    drawn = patch(10.0)
    mask = np.zeros((43, 43, 43), np.uint8)
    if cut != "empty":
        mask[:, 20:23, 20:23] = 1
    with pytest.raises(InputError, match="only whole nodules"):
        Lesion.of_patch(replace(drawn, mask=Volume(mask)))


def test_at_the_pleura_lesion_and_truth_end_at_the_wall():
    ct, lungs = chest(noise_hu=0.0)
    centre = place(ct, CENTRES_MM[0][0] + RADIUS_MM - 2.0, CENTRES_MM[0][1])
    traits = HostTraits(SHARP_MM, SILENT)
    done = insert_nodule(ct, lungs, ball(7.0), centre, np.random.default_rng(0), traits)
    changed = done.ct.array != ct.array
    lung = lungs.array == 1
    assert lung[done.mask.array > 0].all()
    assert 0.3 < done.mask.array.sum() * np.prod(SPACING_MM) / (4 / 3 * np.pi * 7.0**3) < 0.75
    beyond = changed & ~lung
    assert not (beyond & (ct.array >= -150)).any()
    near = ndimage.distance_transform_edt(~lung, sampling=SPACING_MM[::-1]) <= 2.4
    assert near[beyond].all()
    # No dark line is left between the nodule and the wall that it touches.
    row = done.ct.array[SHAPE[0] // 2, round(CENTRES_MM[0][1] / SPACING_MM[1])]
    columns = np.arange(SHAPE[2]) * SPACING_MM[0] - CENTRES_MM[0][0]
    assert row[(columns > RADIUS_MM - 5.0) & (columns < RADIUS_MM + 5.0)].min() > -180


def test_the_other_lung_does_not_change():
    ct, lungs = chest(noise_hu=0.0)
    apart = lungs.array.copy()
    apart[:, :, 44:] = np.where(apart[:, :, 44:] == 1, 2, apart[:, :, 44:])  # lungs that touch
    lungs = lungs.with_array(apart)
    centre = place(ct, 33.0, CENTRES_MM[0][1])
    done = insert_nodule(
        ct, lungs, ball(6.0), centre, np.random.default_rng(0), HostTraits(SHARP_MM, SILENT)
    )
    assert not (done.ct.array != ct.array)[apart == 2].any()
    assert (apart == 1)[done.mask.array > 0].all()


def test_a_vessel_denser_than_the_lesion_stays_visible():
    ct, lungs = chest()
    array = ct.array.copy()
    column = round(CENTRES_MM[0][0] / SPACING_MM[0])
    array[:, 50:90, column - 2 : column + 3] = 60
    ct = ct.with_array(array)
    done = insert_nodule(ct, lungs, ball(7.0, hu=-600.0), middle(ct), np.random.default_rng(0))
    box = (slice(8, 12), slice(66, 74))
    assert done.ct.array[*box, column - 1 : column + 2].mean() == pytest.approx(60.0, abs=15.0)
    assert done.ct.array[*box, column + 4 : column + 6].mean() == pytest.approx(-600.0, abs=25.0)


def test_the_same_draw_gives_the_same_voxels_and_another_one_other_noise():
    ct, lungs = chest()
    traits = HostTraits.measured(ct, lungs)
    first, again, other = (
        insert_nodule(ct, lungs, ball(6.0), middle(ct), np.random.default_rng(seed), traits)
        for seed in (4, 4, 5)
    )
    assert np.array_equal(first.ct.array, again.ct.array)
    assert not np.array_equal(first.ct.array, other.ct.array)
    assert np.array_equal(first.mask.array, other.mask.array)


def test_places_and_grids_that_do_not_fit_are_refused():
    ct, lungs = chest()
    traits, rng = HostTraits(SHARP_MM, SILENT), np.random.default_rng(0)
    with pytest.raises(NoRoomError, match="does not lie in a lung"):
        insert_nodule(ct, lungs, ball(5.0), place(ct, 2.0, 2.0), rng, traits)
    with pytest.raises(NoRoomError, match="fills no voxel"):
        insert_nodule(ct, lungs, ball(0.4), middle(ct), rng, traits)
    with pytest.raises(InputError, match="outside the CT"):
        insert_nodule(ct, lungs, ball(5.0), (500.0, 0.0, 0.0), rng, traits)
    with pytest.raises(InputError, match="grid of the CT"):
        insert_nodule(ct, replace(lungs, origin_mm=(0, 0, 0)), ball(5.0), middle(ct), rng, traits)


def with_vessels() -> tuple[Volume, Volume]:
    ct, lungs = chest(noise_hu=0.0)
    array = ct.array.copy()
    for x, _ in CENTRES_MM:
        column = round(x / SPACING_MM[0])
        array[:, 60:80, column - 1 : column + 2] = 40
    return ct.with_array(array), lungs


@pytest.mark.parametrize("site", list(Site))
def test_sites_are_what_they_are_called_and_apart_from_what_is_taken(site):
    ct, lungs = with_vessels()
    sites, lesion = SiteMap.of(ct, lungs), ball(4.0)
    marked = np.zeros(SHAPE, np.uint8)
    marked[8:12, 66:72, 38:44] = 1
    taken = sites.taken(ct.with_array(marked))
    depth = ndimage.distance_transform_edt(lungs.array > 0, sampling=SPACING_MM[::-1])
    vessel = ndimage.distance_transform_edt(
        ~((ct.array > 0) & (lungs.array > 0) & (depth > 5)), sampling=SPACING_MM[::-1]
    )
    far = ndimage.distance_transform_edt(marked == 0, sampling=SPACING_MM[::-1])
    rng = np.random.default_rng(2)
    for _ in range(30):
        index = np.rint(ct.world_to_index(sites.drawn(site, lesion, taken, rng))).astype(int)
        voxel = tuple(index[::-1])
        assert far[voxel] > 4.0 + APART_MM - 1.0
        if site is Site.PLEURA:
            assert depth[voxel] < 4.0 + 1.6
        else:
            assert depth[voxel] > 4.0
        if site is Site.VESSEL:
            assert vessel[voxel] < 4.0 + 3.0


def test_without_room_there_is_no_site():
    ct, lungs = with_vessels()
    sites = SiteMap.of(ct, lungs)
    with pytest.raises(NoRoomError, match="no place"):
        sites.drawn(Site.FREE, ball(30.0), np.empty((0, 3)), np.random.default_rng(0))
    with pytest.raises(NoRoomError, match="no place"):
        sites.drawn(Site.FREE, ball(4.0), sites.taken(lungs), np.random.default_rng(0))


def test_consolidated_lung_is_no_site():
    ct, lungs = with_vessels()
    array = ct.array.copy()
    array[lungs.array == 2] = 0
    sites = SiteMap.of(ct.with_array(array), lungs)
    rng = np.random.default_rng(0)
    for site in (Site.FREE, Site.PLEURA):
        for _ in range(10):
            centre = sites.drawn(site, ball(3.0), np.empty((0, 3)), rng)
            voxel = tuple(np.rint(ct.world_to_index(centre)).astype(int)[::-1])
            assert lungs.array[voxel] == 1


def test_denoising_keeps_edges_and_removes_noise():
    ct, _ = chest()
    part = ct.array[8:13]
    smooth = denoised(part.astype(np.float32), ct.spacing_mm, NOISE_HU)
    assert smooth[:, 2:18, 2:138].std() < 0.65 * NOISE_HU
    row, sharp = (values[2, 70].astype(float) for values in (smooth, part))
    x = np.arange(len(row)) * SPACING_MM[0]
    part = x < 25.0
    assert width_mm(x[part], row[part]) < width_mm(x[part], sharp[part]) + 0.5
