"""Generator B: right truth, physical noise, and nothing of it in training."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import LungPNetLib
from LungPNetLib.cohort.manifest import read_manifest
from LungPNetLib.cohort.phantom_b.blobs import Blob, BlobSpec, Kind, fine_volume_mm3
from LungPNetLib.cohort.phantom_b.cohort import draw_cohort_b, rendered_b
from LungPNetLib.cohort.phantom_b.colonisation import grown
from LungPNetLib.cohort.phantom_b.outlines import Physique, Plane
from LungPNetLib.cohort.phantom_b.patient import PatientB, make_patient_b
from LungPNetLib.cohort.phantom_b.thorax import share_of
from LungPNetLib.cohort.phantom_b.tomography import AIR_HU, Beam, scanned
from LungPNetLib.cohort.splits import split_cohort
from LungPNetLib.errors import InputError
from LungPNetLib.lungs.predict import LungMethod, predict_lungs

BEAM = Beam("cosine", 2e5, 120)
SOLID = BlobSpec(Kind.SOLID, 20.0, is_spiculated=False, at_wall=False)


@pytest.fixture(scope="module")
def patient() -> PatientB:
    return make_patient_b(1, nodules=[SOLID], beam=BEAM, pixels=128, slices=48, distance_mm=6.0)


# ------------------------------------------------------------------ the scanner


def disc(pixels: int = 96, pixel_mm: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    plane = Plane.of(pixels, pixel_mm)
    away = np.hypot(plane.x, plane.y)
    return np.where(away < 100, 0.0, AIR_HU), away


@pytest.mark.parametrize("name", ["ramp", "hann"])
def test_water_is_zero_and_air_minus_a_thousand(name):
    hu, away = disc()
    seen = scanned(hu, 3.0, Beam(name, 1e6, 180), np.random.default_rng(0))
    assert seen[away < 80].mean() == pytest.approx(0, abs=4)
    assert seen[(away > 115) & (away < 135)].mean() == pytest.approx(-1000, abs=8)


def test_sharper_filters_and_fewer_photons_are_noisier():
    hu, away = disc()

    def noise(name: str, photons: float) -> float:
        seen = [
            scanned(hu, 3.0, Beam(name, photons, 180), np.random.default_rng(k)) for k in range(2)
        ]
        return float((seen[0] - seen[1])[away < 80].std() / np.sqrt(2))

    filters = [noise(name, 1e5) for name in ("ramp", "shepp-logan", "cosine", "hann")]
    assert filters == sorted(filters, reverse=True)
    assert noise("ramp", 1e5) / noise("ramp", 4e5) == pytest.approx(2, rel=0.15)


# ------------------------------------------------------------------ anatomy


def test_a_tube_covers_its_area():
    plane = Plane.of(200, 0.5)
    tube = grown(
        np.zeros(3), np.array([0, 0, 1.0]), np.array([[0, 0, 40.0]]), 5.0, 4.0,
        np.random.default_rng(0),
    )  # fmt: skip
    area_mm2 = float(share_of(tube, 20.0, plane).sum()) * 0.25
    assert area_mm2 == pytest.approx(np.pi * 16, rel=0.1)


def test_a_tree_reaches_all_its_targets_and_parents_carry_their_children():
    rng = np.random.default_rng(3)
    targets = rng.uniform(20, 80, (200, 3))
    tree = grown(np.zeros(3), np.ones(3) / np.sqrt(3), targets, 5.0, 0.5, rng)
    gaps = np.linalg.norm(targets[:, None] - tree.end[None], axis=2).min(axis=1)
    assert gaps.max() <= 1.3 * 5.0
    for k, end in enumerate(tree.end):
        children = tree.radius_mm[(tree.start == end).all(axis=1)]
        if len(children):
            assert tree.radius_mm[k] ** 2.7 == pytest.approx((children**2.7).sum())
        else:
            assert tree.radius_mm[k] == pytest.approx(0.5)


def test_people_differ_and_a_seed_is_a_person():
    people = [Physique.drawn(np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert people[0].cage.at(0.0) == people[1].cage.at(0.0)
    assert people[0].cage.at(0.0) != people[2].cage.at(0.0)


def test_the_patient_is_a_chest(patient):
    hu, lungs = patient.ct.array, patient.lungs.array
    for side in (1, 2):
        assert 800 < (lungs == side).sum() * patient.ct.voxel_volume_ml < 4500
        assert -920 < np.median(hu[lungs == side]) < -780
    assert np.median(hu[patient.airways.array > 0]) < -700  # 3 mm pixels
    x_mm = {
        side: patient.ct.index_to_world(np.argwhere(lungs == side).mean(axis=0)[::-1])[0]
        for side in (1, 2)
    }
    assert x_mm[1] < 0 < x_mm[2]  # LPS: the right lung lies at negative x
    found = predict_lungs(patient.ct, LungMethod.CLASSICAL).labels.array
    assert (
        2 * ((found == lungs) & (lungs > 0)).sum() / ((found > 0).sum() + (lungs > 0).sum()) > 0.9
    )


def test_the_same_arguments_make_the_same_voxels():
    make = [
        make_patient_b(4, nodules=[], beam=BEAM, pixels=32, slices=3, distance_mm=40.0)
        for _ in range(2)
    ]
    assert np.array_equal(make[0].ct.array, make[1].ct.array)


# ------------------------------------------------------------------ nodules


@pytest.mark.parametrize("kind", list(Kind))
def test_a_nodule_has_the_volume_it_was_asked_for(kind):
    spec = BlobSpec(kind, 11.0, is_spiculated=False, at_wall=False)
    blob = Blob.grown(spec, (0.0, 0.0, 0.0), np.random.default_rng(2))
    assert fine_volume_mm3(blob) == pytest.approx(np.pi / 6 * 11.0**3, rel=0.001)


def test_kinds_differ_in_density():
    rng = np.random.default_rng(5)
    hu = {}
    for kind in Kind:
        blob = Blob.grown(BlobSpec(kind, 12.0, False, False), (0.0, 0.0, 0.0), rng)
        hu[kind] = blob.hu[blob.inside]
    assert hu[Kind.NON_SOLID].max() < -150
    assert hu[Kind.CALCIFIED].mean() > 200
    assert -10 < hu[Kind.SOLID].mean() < 80
    assert 0.05 < (hu[Kind.PART_SOLID] > -100).mean() < 0.7


def test_the_nodule_of_the_table_is_where_the_image_shows_one(patient):
    (row,) = patient.nodule_table
    mask = patient.nodules.array == row.label
    assert row.diameter_mm == pytest.approx(20.0, rel=0.12)
    assert (patient.lungs.array[mask] > 0).all()
    core = np.argwhere(mask).mean(axis=0)[::-1]
    assert patient.ct.index_to_world(core) == pytest.approx(row.centre_mm, abs=0.01)
    i, j, k = np.rint(core).astype(int)
    assert patient.ct.array[k, j, i] > -150


# ------------------------------------------------------------------ for tests only


def test_a_cohort_is_kept_and_longer_ones_begin_with_shorter_ones(monkeypatch):
    from dataclasses import replace

    plans = list(draw_cohort_b(3))
    assert plans[:2] == list(draw_cohort_b(2))
    small = replace(plans[0], nodules=(), slices=2, distance_mm=60.0, beam=BEAM)
    first = rendered_b(small)
    monkeypatch.setattr(
        "LungPNetLib.cohort.phantom_b.cohort.make_patient_b", lambda *_, **__: pytest.fail("again")
    )
    again = rendered_b(small)
    assert np.array_equal(first.ct.array, again.ct.array)
    assert first.ct.same_grid_as(again.ct)


@pytest.mark.parametrize("seed", [1, 1000, 2000, 4999, 6000])
def test_other_seeds_are_refused(seed):
    with pytest.raises(InputError, match="5000 to 5999"):
        list(draw_cohort_b(1, seed))


def imported(path: Path) -> set[str]:
    """Full names of what a module imports, at file scope or later."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_nothing_that_trains_imports_it():
    root = Path(LungPNetLib.__file__).parent
    own = root / "cohort" / "phantom_b"
    importers = {
        path.name
        for path in root.rglob("*.py")
        if own not in path.parents and any("phantom_b" in name for name in imported(path))
    }
    assert importers == {"cli.py"}


def test_generators_share_no_code_for_anatomy_nodules_or_scan():
    own = Path(LungPNetLib.__file__).parent / "cohort" / "phantom_b"
    text = "".join(path.read_text(encoding="utf-8") for path in own.glob("*.py"))
    assert "cohort.phantom " not in text
    assert "cohort.phantom." not in text


@pytest.mark.parametrize("column", ["", ",split"])
def test_test_patients_do_not_train(tmp_path, column):
    split = ",training" if column else ""
    rows = "\n".join(f"p{k},test{split}" for k in range(6))
    path = tmp_path / "manifest.csv"
    path.write_text(f"patient_id,seeds_for{column}\n{rows}\n")
    with pytest.raises(InputError, match="made for tests"):
        split_cohort(read_manifest(path), tmp_path / "splits.json", {"validation": 0.2}, seed=1)
    assert not (tmp_path / "splits.json").exists()
