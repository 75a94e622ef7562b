"""SUVmax, SUVmean, SUVpeak, MTV and TLG against closed forms and volumes counted by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from LungPNetLib.errors import InputError
from LungPNetLib.survival.pet_metrics import PetMetrics, SuvThreshold, measure_uptake
from LungPNetLib.survival.pet_peak import RADIUS_MM, sphere_shares, suv_peak
from LungPNetLib.volume import Triplet, Volume

Array = npt.NDArray[Any]

GRIDS: list[Triplet] = [(1.0, 1.0, 1.0), (2.0, 2.0, 3.0), (4.0, 4.0, 4.0), (3.394, 3.394, 2.025)]


def grid(spacing_mm: Triplet, edge_mm: float = 70.0) -> Volume:
    """An empty cube whose axes are turned and whose origin is not zero."""
    size = [int(edge_mm / step) for step in spacing_mm]
    turned = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    return Volume(np.zeros(size[::-1], np.float32), spacing_mm, (-30.0, 12.0, 500.0), turned)


def world(volume: Volume) -> Array:
    """LPS positions of all voxel centres, shape (z, y, x, 3)."""
    z, y, x = np.indices(volume.shape)
    return volume.index_to_world(np.stack([x, y, z], axis=-1))


def middle(volume: Volume, offset_mm: Triplet = (0.0, 0.0, 0.0)) -> Array:
    """LPS position of the middle of the volume, moved by an offset along its axes."""
    centre = (np.array(volume.shape[::-1]) - 1) / 2.0
    return volume.index_to_world(centre + np.array(offset_mm) / volume.spacing_mm)


def filled(volume: Volume, values: Array) -> Volume:
    return volume.with_array(values.astype(np.float32))


def where(volume: Volume, condition: Array) -> Volume:
    return volume.with_array(condition.astype(np.uint8))


def measure(volume: Volume, region: Volume, threshold: str) -> PetMetrics:
    return measure_uptake(volume, region, SuvThreshold.parse(threshold))


def peak(volume: Volume, region: Volume) -> tuple[float, Array]:
    found = suv_peak(volume, region)
    assert found is not None
    return found.suv, np.array(found.centre_mm)


@pytest.mark.parametrize("spacing", GRIDS)
@pytest.mark.parametrize("offset", [(0.0, 0.0, 0.0), (0.3, -0.45, 0.5)])
def test_shares_add_up_to_one_millilitre(spacing: Triplet, offset: Triplet) -> None:
    shares = sphere_shares(spacing, np.multiply(offset, spacing))
    assert shares.sum() * math.prod(spacing) / 1000.0 == pytest.approx(1.0, rel=2.5e-3)
    assert shares.min() == 0
    assert shares.max() <= 1


def test_shares_of_a_voxel_that_holds_the_whole_sphere() -> None:
    shares = sphere_shares((20.0, 20.0, 20.0))
    assert shares[1, 1, 1] == pytest.approx(1.0 / 8.0, rel=2.5e-3)  # 1 mL of 8 mL
    assert shares.sum() == shares[1, 1, 1]


@pytest.mark.parametrize("spacing", GRIDS)
def test_peak_inside_a_uniform_sphere_is_its_uptake(spacing: Triplet) -> None:
    empty = grid(spacing)
    radius = np.linalg.norm(world(empty) - middle(empty), axis=-1)
    suv, _ = peak(filled(empty, np.where(radius < 18, 8.0, 1.0)), where(empty, radius < 18))
    assert suv == pytest.approx(8.0, rel=1e-6)


def test_peak_of_a_sphere_smaller_than_the_peak_sphere() -> None:
    """Hot (9) to 4 mm, cold (1) around: mean = 1 + 8 (4 / 6.2035)^3 = 3.1447."""
    empty = grid((0.5, 0.5, 0.5), edge_mm=24.0)
    radius = np.linalg.norm(world(empty) - middle(empty), axis=-1)
    hot = np.clip((4.0 - radius) / 0.5 + 0.5, 0.0, 1.0)  # voxels at the surface belong to both
    suv, centre = peak(filled(empty, 1.0 + 8.0 * hot), where(empty, radius < 3))
    assert suv == pytest.approx(1.0 + 8.0 * (4.0 / RADIUS_MM) ** 3, rel=5e-3)
    assert np.linalg.norm(centre - middle(empty)) < 2.3  # it may move as far as it holds the hot


@pytest.mark.parametrize(("spacing", "within"), [((1.0, 1.0, 1.0), 1e-3), ((2.0, 2.0, 3.0), 5e-3)])
def test_peak_of_a_cone_between_voxel_centres(spacing: Triplet, within: float) -> None:
    """20 - 0.5 r: the mean over a sphere around its tip is 20 - 0.5 * 3/4 * 6.2035 = 17.674."""
    empty = grid(spacing, edge_mm=50.0)
    tip = middle(empty, (0.4, -0.3, 1.2))
    radius = np.linalg.norm(world(empty) - tip, axis=-1)
    suv, centre = peak(filled(empty, 20.0 - 0.5 * radius), where(empty, radius < 15))
    assert suv == pytest.approx(20.0 - 0.375 * RADIUS_MM, rel=within)
    assert centre == pytest.approx(tip, abs=0.3)


@pytest.mark.parametrize("spacing", GRIDS)
def test_peak_of_a_gradient_lies_at_the_outer_face_of_the_region(spacing: Triplet) -> None:
    """The mean of a linear rise is its value at the centre, which may go to the last face."""
    empty = grid(spacing, edge_mm=48.0)
    z, y, x = np.indices(empty.shape)
    last = empty.shape[2] // 2
    region = (x <= last) & (abs(y - empty.shape[1] // 2) < 2) & (abs(z - empty.shape[0] // 2) < 2)
    suv, _ = peak(filled(empty, 2.0 + 0.1 * x * spacing[0]), where(empty, region))
    assert suv == pytest.approx(2.0 + 0.1 * (last + 0.5) * spacing[0], rel=2e-3)


def test_peak_is_as_good_as_an_exhaustive_search() -> None:
    """Against all spheres centred on a lattice of an eighth of a voxel."""
    from scipy.ndimage import correlate, gaussian_filter

    noise = gaussian_filter(np.random.default_rng(3).normal(size=(13, 13, 13)), 0.7)
    suv = Volume((10.0 + 8.0 * noise).astype(np.float32), (4.0, 4.0, 4.0))
    region = np.zeros(suv.shape, np.uint8)
    region[4:9, 4:9, 4:9] = 1
    best = 0.0
    for offset in np.ndindex(9, 9, 9):
        shares = sphere_shares(suv.spacing_mm, 4.0 * (np.array(offset) / 8.0 - 0.5))
        means = correlate(suv.array, shares / shares.sum(), mode="constant")
        best = max(best, float(means[region > 0].max()))
    found, _ = peak(suv, suv.with_array(region))
    assert found >= best * 0.9995


def test_a_small_lesion_has_a_peak_that_reaches_beyond_it() -> None:
    empty = grid((4.0, 4.0, 4.0))
    one = np.zeros(empty.shape)
    one[8, 8, 8] = 1
    suv, _ = peak(filled(empty, 1.0 + 9.0 * one), where(empty, one > 0))
    assert suv == pytest.approx(1.0 + 9.0 * 0.064, rel=5e-3)  # a voxel of 0.064 mL in 1 mL


def test_no_peak_where_no_sphere_fits_the_image() -> None:
    thin = Volume(np.ones((3, 20, 20), np.float32), (4.0, 4.0, 4.0))
    assert suv_peak(thin, thin.with_array(np.ones(thin.shape, np.uint8))) is None
    edge = Volume(np.ones((20, 20, 20), np.float32), (4.0, 4.0, 4.0))
    corner = np.zeros(edge.shape, np.uint8)
    corner[0, 0, 0] = 1
    assert measure(edge, edge.with_array(corner), "2.5").peak is None


def hand_made() -> tuple[Volume, Volume]:
    """Voxels of 5 x 5 x 4 mm (0.1 mL); the region's ten hold 10, 9, ... 1, others 50."""
    values = np.full((6, 8, 8), 50.0, np.float32)
    region = np.zeros(values.shape, np.uint8)
    region[2, 3, :5] = region[3, 4, :5] = 7
    values[region > 0] = np.arange(10, 0, -1)
    suv = Volume(values, (5.0, 5.0, 4.0))
    return suv, suv.with_array(region)


@pytest.mark.parametrize(
    ("threshold", "limit", "mtv_ml", "mean", "tlg"),
    [
        ("41%", 4.1, 0.6, 7.5, 4.5),  # 10 9 8 7 6 5
        ("2.5", 2.5, 0.8, 6.5, 5.2),  # ... 4 3
        ("4.0", 4.0, 0.7, 7.0, 4.9),  # 4 itself counts
        ("50 %", 5.0, 0.6, 7.5, 4.5),
    ],
)
def test_mtv_and_tlg_counted_by_hand(
    threshold: str, limit: float, mtv_ml: float, mean: float, tlg: float
) -> None:
    found = measure(*hand_made(), threshold)
    assert (found.suv_max, found.suv_mean) == (10.0, 5.5)
    assert found.region_ml == pytest.approx(1.0)
    assert found.threshold_suv == pytest.approx(limit)
    assert found.mtv_ml == pytest.approx(mtv_ml)
    assert found.mtv_suv_mean == pytest.approx(mean)
    assert found.tlg_g == pytest.approx(tlg)


def test_nothing_above_the_threshold() -> None:
    found = measure(*hand_made(), "12")
    assert (found.mtv_ml, found.mtv_suv_mean, found.tlg_g) == (0.0, None, 0.0)
    assert found.threshold == "SUV 12"


@pytest.mark.parametrize("text", ["0", "-1", "100%", "0%", "many", "", "nan", "41%%"])
def test_thresholds_that_mean_nothing(text: str) -> None:
    with pytest.raises(InputError, match="neither a share of SUVmax"):
        SuvThreshold.parse(text)


def test_regions_that_cannot_be_measured() -> None:
    suv, region = hand_made()
    with pytest.raises(InputError, match="no voxel"):
        measure(suv, suv.with_array(np.zeros(suv.shape, np.uint8)), "2.5")
    with pytest.raises(InputError, match="grid"):
        measure(suv, region.cropped((0, 0, 0), (8, 8, 5)), "2.5")
    holes = suv.array.copy()
    holes[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="finite"):
        measure(suv.with_array(holes), region, "2.5")
