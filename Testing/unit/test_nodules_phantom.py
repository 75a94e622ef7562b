"""Made-up nodules: size, density, margin and place against known truth."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from LungPNetLib.cohort.phantom.lesion_lattice import Lattice
from LungPNetLib.cohort.phantom.lesion_shapes import DEGREE, Body, Margin, harmonics, lidc_forms
from LungPNetLib.cohort.phantom.nodule import Location, Nodule, NoduleSpec, NoduleType
from LungPNetLib.cohort.phantom.shapes import Section
from LungPNetLib.errors import InputError


def grown(diameter_mm: float = 10.0, seed: int = 1, **kind) -> Nodule:
    spec = NoduleSpec(diameter_mm, **kind)
    return Nodule.grown(1, (0.0, 0.0, 0.0), spec, np.random.default_rng(seed))


def axis(step: float, reach: float, shift: float = 0.0) -> np.ndarray:
    count = int(2 * reach / step)
    return (np.arange(count) - (count - 1) / 2.0) * step + shift


def surface_mm2(nodule: Nodule) -> float:
    """Area of the 50 % surface, by counting how often lines along each axis cross it (Cauchy)."""
    inside = nodule.share >= 0.5
    crossings = sum(np.abs(np.diff(inside.astype(np.int8), axis=a)).sum() for a in range(3))
    return float(crossings) * nodule.lattice.step_mm**2 * 2.0 / 3.0


def test_lattice_averages_a_cube_exactly():
    # 2 x 2 x 2 cubes of 1 mm, all full, seen by voxels of 2 mm that are shifted by half of it.
    lattice = Lattice.round_origin(1.0, 1.0)
    full = np.ones((2, 2, 2), np.float32)
    axes = (np.array([-2.0, 0.0, 2.0]), np.array([-1.0, 1.0]), np.array([0.5]))
    found = lattice.averaged(full, axes, (2.0, 2.0, 2.0))
    along_x, along_y, along_z = [0.0, 1.0, 0.0], [0.5, 0.5], [0.75]
    assert np.allclose(found, np.einsum("k,j,i->kji", along_z, along_y, along_x))


@given(
    step=st.floats(0.4, 3.0),
    thickness=st.floats(0.5, 5.0),
    shift=st.floats(-1.0, 1.0),
)
@settings(max_examples=25, deadline=None)
def test_any_grid_sees_the_same_volume_and_mass(step, thickness, shift):
    nodule = SPICULATED
    axes = (axis(step, 24.0, shift), axis(step, 24.0, -shift), axis(thickness, 24.0, shift))
    width = (step, step, thickness)
    voxel = step * step * thickness
    share = nodule.lattice.averaged(nodule.share, axes, width)
    mass = nodule.lattice.averaged(nodule.mass, axes, width)
    assert share.max() <= 1.0 + 1e-5
    assert share.sum(dtype=float) * voxel == pytest.approx(nodule.truth.volume_mm3, rel=1e-3)
    mean_hu = mass.sum(dtype=float) / share.sum(dtype=float)
    assert mean_hu == pytest.approx(nodule.truth.mean_hu, abs=0.5)


SPICULATED = grown(12.0, margin=Margin.SPICULATED)


@pytest.mark.parametrize("margin", Margin)
@pytest.mark.parametrize("diameter_mm", [3.0, 10.0, 30.0])
def test_volume_and_centre_are_those_asked_for(margin, diameter_mm):
    nodule = grown(diameter_mm, seed=4, margin=margin)
    volume = nodule.share.sum(dtype=float) * nodule.lattice.step_mm**3
    assert volume == pytest.approx(np.pi / 6.0 * diameter_mm**3, rel=1e-4)
    assert nodule.truth.volume_mm3 == pytest.approx(volume, rel=1e-4)
    places = nodule.lattice.centres()
    centre = np.average(places.reshape(-1, 3), axis=0, weights=nodule.share.ravel())
    assert np.abs(centre - nodule.truth.centre_mm).max() < 0.02


def test_share_is_finer_than_a_voxel():
    nodule = grown(6.0)
    share = nodule.lattice.averaged(nodule.share, (axis(2.0, 8.0),) * 3, (2.0,) * 3)
    edge = share[(share > 0.02) & (share < 0.98)]
    assert len(np.unique(np.round(edge, 3))) > 20


@pytest.mark.parametrize(
    ("kind", "low_hu", "high_hu"),
    [
        (NoduleType.SOLID, 15.0, 65.0),
        (NoduleType.PART_SOLID, -660.0, -250.0),
        (NoduleType.GROUND_GLASS, -760.0, -450.0),
        (NoduleType.CALCIFIED, 70.0, 900.0),
    ],
)
def test_density_is_that_of_its_type(kind, low_hu, high_hu):
    for seed in range(12):
        nodule = grown(12.0, seed, type=kind)
        assert low_hu < nodule.truth.mean_hu < high_hu
        inside = nodule.hu[nodule.share > 0.9]
        if kind is NoduleType.PART_SOLID:
            assert 0.02 < np.mean(inside > -200.0) < 0.7
        if kind is NoduleType.GROUND_GLASS:
            assert np.mean(inside > -300.0) < 0.02
        if kind is NoduleType.CALCIFIED:
            assert np.mean(inside > 150.0) > 0.15


def test_spiculated_has_more_surface_than_lobulated_and_smooth():
    areas = {
        margin: np.mean([surface_mm2(grown(12.0, seed, margin=margin)) for seed in range(4)])
        for margin in Margin
    }
    ball = np.pi * 12.0**2
    assert areas[Margin.SMOOTH] > ball * 0.98  # of all bodies, a ball has the least surface
    assert areas[Margin.LOBULATED] > 1.02 * areas[Margin.SMOOTH]
    assert areas[Margin.SPICULATED] > 1.2 * areas[Margin.LOBULATED]


def test_spicules_reach_out_of_the_body():
    def reach(nodule: Nodule) -> float:
        places = nodule.lattice.centres()[nodule.share > 0.5]
        return float(np.linalg.norm(places, axis=-1).max())

    assert reach(grown(12.0, margin=Margin.SPICULATED)) > 9.0
    assert reach(grown(12.0, margin=Margin.SMOOTH)) < 9.0


def test_strand_runs_where_it_is_told_to():
    spec = NoduleSpec(8.0, margin=Margin.SPICULATED)
    rngs = (np.random.default_rng(2), np.random.default_rng(2))
    plain = Nodule.grown(1, (0.0, 0.0, 0.0), spec, rngs[0])
    tagged = Nodule.grown(1, (0.0, 0.0, 0.0), spec, rngs[1], (0.0, 1.0, 0.0))

    def front_mm(nodule: Nodule) -> float:
        return float(nodule.lattice.centres()[nodule.share > 0.3][:, 1].max())

    assert front_mm(tagged) > front_mm(plain) + 2.0


def test_solid_body_is_one_piece():
    for seed in range(4):
        assert ndimage.label(grown(10.0, seed).share > 0.5)[1] == 1


def test_clipped_nodule_touches_the_pleura_and_knows_its_new_size():
    nodule = grown(10.0, location=Location.JUXTA_PLEURAL)
    half = nodule.clipped(lambda places: (places[..., 0] < 0.0).astype(float))
    places = half.lattice.centres()[half.share > 0.5]
    assert places[:, 0].max() == pytest.approx(0.0, abs=half.lattice.step_mm)
    volume = half.share.sum(dtype=float) * half.lattice.step_mm**3
    assert 0.4 < volume / nodule.truth.volume_mm3 < 0.6
    assert half.truth.volume_mm3 == pytest.approx(volume, rel=1e-4)
    assert half.truth.centre_mm[0] < -1.0
    assert half.truth.location is Location.JUXTA_PLEURAL
    with pytest.raises(InputError, match="wholly outside the lung"):
        nodule.clipped(lambda places: np.zeros(places.shape[:-1]))


def test_painting_keeps_denser_vessels_and_replaces_lung():
    nodule = grown(20.0, type=NoduleType.GROUND_GLASS)
    x = axis(1.0, 20.0).astype(np.float32)
    tissue = np.full((40, 40), -860.0, np.float32)
    tissue[20] = 40.0  # a vessel that runs through it along x
    section = Section(x[None], x[:, None], 0.0, 1.0, tissue)
    share = nodule.paint(tissue, section, 1.0)
    assert share.shape == tissue.shape
    inside = share > 0.99
    assert np.all(tissue[20][inside[20]] == 40.0)
    assert np.median(tissue[18][inside[18]]) == pytest.approx(nodule.truth.mean_hu, abs=120.0)
    assert np.all(tissue[:20][share[:20] == 0.0] == -860.0)
    assert nodule.paint(tissue, Section(x[None], x[:, None], 90.0, 1.0, tissue), 1.0) is None


def test_same_seed_gives_the_same_nodule():
    one, two, other = grown(9.0, 5), grown(9.0, 5), grown(9.0, 6)
    assert one.truth == two.truth
    assert np.array_equal(one.share, two.share)
    assert np.array_equal(one.hu, two.hu)
    assert one.truth != other.truth


def test_drawn_nodules_are_spread_as_in_lidc():
    rng = np.random.default_rng(0)
    specs = [NoduleSpec.drawn(rng) for _ in range(4000)]
    sizes = np.array([spec.diameter_mm for spec in specs])
    assert sizes.min() >= 3.0
    assert sizes.max() <= 30.0
    # Quartiles of the diameters that LIDC's readers measured: 6.1, 7.8 and 11.1 mm.
    assert np.percentile(sizes, [25, 50, 75]) == pytest.approx([6.1, 7.8, 11.1], rel=0.05)
    for attribute, options in (("type", NoduleType), ("margin", Margin), ("location", Location)):
        shares = [np.mean([getattr(s, attribute) is option for s in specs]) for option in options]
        assert min(shares) > 0.04
    solid = [spec for spec in specs if spec.type is NoduleType.SOLID]
    large = [spec.margin is Margin.SPICULATED for spec in solid if spec.diameter_mm > 15.0]
    small = [spec.margin is Margin.SPICULATED for spec in solid if spec.diameter_mm < 8.0]
    assert np.mean(large) > 2.0 * np.mean(small)


def test_harmonics_are_orthonormal_on_the_sphere():
    k = np.arange(20000) + 0.5
    z, turn = 1.0 - 2.0 * k / len(k), np.pi * (1.0 + np.sqrt(5.0)) * k
    ring = np.sqrt(1.0 - z * z)
    forms = harmonics(np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=-1), DEGREE)
    assert np.allclose(forms.T @ forms / len(k), np.eye((DEGREE + 1) ** 2), atol=0.01)


def test_forms_after_lidc_are_plausible_bodies():
    for margin, table in lidc_forms().items():
        assert table.shape[0] >= 40
        assert table.shape[1] == (DEGREE + 1) ** 2 - 1
        spread = np.sqrt((table**2).sum(axis=1))
        assert 0.05 < np.median(spread) < 0.4, margin


@pytest.mark.parametrize("margin", Margin)
def test_body_radius_is_read_back_between_its_knots(margin):
    body = Body.drawn(margin, np.random.default_rng(0))
    poles = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
    radius = body.at(poles)
    assert radius[0] == pytest.approx(body.radius[0, 0])
    assert radius[1] == pytest.approx(body.radius[-1, 0])
    equator = body.radius[len(body.radius) // 2 - 1 : len(body.radius) // 2 + 1, 0]
    assert equator.min() - 1e-9 <= radius[2] <= equator.max() + 1e-9


def test_form_of_an_ellipsoid_is_found_again():
    pytest.importorskip("sqlalchemy", reason="pylidc is not installed")
    from LungPNetLib.cohort.lidc import PlacedMask
    from LungPNetLib.cohort.lidc_forms import fit_form

    z, y, x = np.mgrid[-20:21, -20:21, -20:21].astype(float)
    mask = (x / 15.0) ** 2 + (y / 10.0) ** 2 + (z / 10.0) ** 2 < 1.0
    form = fit_form(PlacedMask(mask, (0, 0, 0), (0.5, 0.5, 0.5)))
    directions = np.eye(3)
    radius = 1.0 + harmonics(directions, DEGREE)[..., 1:] @ form
    assert radius[0] / radius[1] == pytest.approx(1.5, rel=0.1)
    assert radius[1] == pytest.approx(radius[2], rel=0.03)


def test_table_of_forms_names_its_source():
    from importlib import resources

    text = resources.files("LungPNetLib.cohort.phantom").joinpath("lidc_forms.csv").read_text()
    assert "CC BY 3.0" in text
    assert "10.7937/K9/TCIA.2015.LO9QL9SX" in text
    assert next(csv.reader([text.splitlines()[5]]))[0] == "patient_id"
