"""The grids of the nodule networks, and the store and the windows that training draws from."""

import json
import shutil

import numpy as np
import pytest

from LungPNetLib.cohort.manifest import StudyRow
from LungPNetLib.errors import InputError
from LungPNetLib.events import Reporter
from LungPNetLib.nodules.draws import BlockAugment, draw_block
from LungPNetLib.nodules.grid import OUTSIDE_HU, lungs_box, on_cubes
from LungPNetLib.nodules.store import Negative, StoredCase, lookalikes, nodules_of, open_store
from LungPNetLib.volume import Volume, write_image

SHAPE, SPACING_MM = (20, 50, 40), (1.5, 1.2, 3.0)
STEP = np.array(SPACING_MM[::-1])
CENTRE_MM = (30.0, 31.0, 27.0)
RADIUS_MM = 7.0


def places_mm(shape=SHAPE):
    """(z, y, x) mm of every voxel from the first one."""
    return np.moveaxis(np.indices(shape), 0, -1) * STEP


def ball(centre_mm, radius_mm):
    return np.linalg.norm(places_mm() - np.asarray(centre_mm), axis=-1) <= radius_mm


def volume(array):
    return Volume(array, SPACING_MM, (-30.0, 12.0, 100.0))


@pytest.fixture
def ramp():
    """HU that grows along each axis by another step, so that every place is known by its value."""
    z, y, x = np.moveaxis(places_mm(), -1, 0)
    return volume((3 * z + 2 * y + 5 * x - 600).astype(np.int16))


@pytest.fixture
def lungs():
    array = np.zeros(SHAPE, np.uint8)
    array[3:17, 5:45, 6:20], array[3:17, 5:45, 22:35] = 1, 2
    return volume(array)


@pytest.fixture
def row(tmp_path, ramp, lungs):
    """A scan with one nodule, as a manifest lists it."""
    nodules = volume(ball(CENTRE_MM, RADIUS_MM).astype(np.uint8) * 3)
    files = {}
    for name, image in (("ct", ramp), ("lungs", lungs), ("nodules", nodules)):
        files[name] = tmp_path / f"{name}.nrrd"
        write_image(image, files[name])
    return StudyRow("phantom-1", files)


def case_of(row, folder):
    (case,) = open_store([row], folder, Reporter())
    return case


def patch(hu, labels):
    return StoredCase(
        patient_id="lidc-patch-1",
        hu=hu.astype(np.int16),
        labels=labels.astype(np.uint8),
        lungs=np.zeros(hu.shape, np.uint8),
        spacing_mm=(1.0, 1.0, 1.0),
        is_patch=True,
        nodules=tuple(nodules_of(Volume(labels.astype(np.uint8)))),
        negatives=(),
    )


def test_cubes_hold_the_same_places_in_the_world(ramp, lungs):
    hu, inside = on_cubes(ramp, lungs, 1.0, margin_mm=4.0)
    assert hu.spacing_mm == (1.0, 1.0, 1.0)
    assert hu.same_grid_as(inside)
    for index in ((5, 9, 20), (20, 30, 11)):
        place = hu.index_to_world(index)
        x, y, z = (np.asarray(place) - ramp.origin_mm).tolist()
        column, line, k = index
        assert hu.array[k, line, column] == pytest.approx(3 * z + 2 * y + 5 * x - 600, abs=3.0)


def test_cubes_do_not_depend_on_the_order_of_axes(ramp, lungs):
    turned = [Volume(v.array[::-1, :, ::-1], v.spacing_mm,
                     tuple(v.index_to_world((SHAPE[2] - 1, 0, SHAPE[0] - 1))),
                     np.diag([-1.0, 1.0, -1.0])) for v in (ramp, lungs)]  # fmt: skip
    (hu, inside), (same, same_inside) = on_cubes(ramp, lungs, 1.5), on_cubes(*turned, 1.5)
    assert hu.same_grid_as(same)
    np.testing.assert_allclose(same.array, hu.array, atol=0.01)
    np.testing.assert_array_equal(same_inside.array, inside.array)


def test_noise_is_averaged_where_voxels_become_coarser():
    rng = np.random.default_rng(1)
    noisy = Volume(rng.normal(0.0, 100.0, (40, 60, 60)).astype(np.float32), (0.6, 0.6, 0.6))
    whole = noisy.with_array(np.ones(noisy.shape, np.uint8))
    assert (
        on_cubes(noisy, whole, 1.5)[0].array.std()
        < 0.6 * on_cubes(noisy, whole, 0.6)[0].array.std()
    )


def test_empty_lungs_are_refused(ramp):
    with pytest.raises(InputError, match="lung mask is empty"):
        lungs_box(ramp.with_array(np.zeros(SHAPE, np.uint8)))
    other = Volume(np.ones((3, 3, 3), np.uint8))
    with pytest.raises(InputError, match="lungs of this CT"):
        on_cubes(ramp, other, 1.0)


def test_store_keeps_what_was_read(row, tmp_path):
    case = case_of(row, tmp_path / "store")
    (nodule,) = case.nodules
    assert (nodule.label, case.is_patch, case.is_real) == (3, False, False)
    # The store begins at the box of the lungs and its margin, here the whole image.
    assert case.hu.shape == SHAPE
    assert nodule.centre_mm == pytest.approx(CENTRE_MM, abs=1.0)
    assert nodule.diameter_mm == pytest.approx(2 * RADIUS_MM, abs=0.5)
    low, high = np.array(nodule.low_mm), np.array(nodule.high_mm)
    assert (high - low) == pytest.approx(np.full(3, 2 * RADIUS_MM), abs=3.0)
    assert case.lungs.sum() == 14 * 40 * 27


def test_second_opening_reads_the_store(row, tmp_path):
    first = case_of(row, tmp_path / "store")
    (place,) = (tmp_path / "store").iterdir()
    record = json.loads((place / "case.json").read_text())
    record["nodules"][0]["diameter_mm"] = 99.0
    (place / "case.json").write_text(json.dumps(record))
    assert case_of(row, tmp_path / "store").nodules[0].diameter_mm == 99.0
    shutil.rmtree(place)
    # What an interrupted preparation leaves is swept away.
    (tmp_path / "store" / f".{place.name}.partial").mkdir()
    assert case_of(row, tmp_path / "store").nodules == first.nodules
    assert [path.name for path in (tmp_path / "store").iterdir()] == [place.name]


def test_masses_are_learnt_like_nodules(row, tmp_path, ramp):
    mass = volume(np.zeros(SHAPE, np.uint8))
    mass.array[10:13, 10:14, 24:28] = 1
    write_image(mass, tmp_path / "lesion.nrrd")
    row = StudyRow(row.patient_id, {**row.files, "lesion": tmp_path / "lesion.nrrd"})
    case = case_of(row, tmp_path / "store")
    assert [nodule.label for nodule in case.nodules] == [3, 4]
    assert np.count_nonzero(case.labels == 4) == 48


def test_lookalikes_are_blobs_away_from_nodules():
    shape = (60, 60, 60)
    place = np.moveaxis(np.indices(shape), 0, -1)
    hu = np.full(shape, -850.0)
    nodule, free, wall = (30, 30, 15), (30, 30, 45), (5, 30, 45)
    for centre in (nodule, free, wall):
        hu[np.linalg.norm(place - centre, axis=-1) <= 2.5] = 0.0
    labels = (np.linalg.norm(place - nodule, axis=-1) <= 2.5).astype(np.uint8)
    lungs = np.zeros(shape, bool)
    lungs[3:57, 3:57, 3:57] = True
    found = lookalikes(Volume(hu.astype(np.int16)), lungs, nodules_of(Volume(labels)))
    assert Negative(tuple(map(float, free)), "vessel") in found
    assert Negative(tuple(map(float, wall)), "wall") in found
    assert all(np.linalg.norm(np.subtract(n.centre_mm, nodule)) > 8 for n in found)


def test_window_has_the_place_in_its_middle(row, tmp_path):
    case = case_of(row, tmp_path / "store")
    block = draw_block(
        case, CENTRE_MM, size=(16, 16, 16), spacing_mm=1.0, rng=np.random.default_rng(0)
    )
    z, y, x = np.indices((16,) * 3) - 7.5 + np.reshape(CENTRE_MM, (3, 1, 1, 1))
    assert block.hu.numpy() == pytest.approx(3 * z + 2 * y + 5 * x - 600, abs=2.0)
    assert block.inside.all()
    assert set(np.unique(block.labels[5:11, 5:11, 5:11])) == {3}
    assert block.labels[0, 0, 0] == 0


def test_augmented_nodule_keeps_its_size_and_place(row, tmp_path):
    case = case_of(row, tmp_path / "store")
    volume_mm3 = 4 / 3 * np.pi * RADIUS_MM**3
    for seed in range(8):
        block = draw_block(
            case, CENTRE_MM, size=(32, 32, 32), spacing_mm=1.0,
            rng=np.random.default_rng(seed), augment=BlockAugment(log_zoom=0.0),
        )  # fmt: skip
        share = block.share.numpy()
        assert share.sum() == pytest.approx(volume_mm3, rel=0.15)
        centre = np.average(np.moveaxis(np.indices(share.shape), 0, -1), axis=(0, 1, 2),
                            weights=np.repeat(share[..., None], 3, axis=-1))  # fmt: skip
        assert centre == pytest.approx(np.full(3, 15.5), abs=1.5)


def test_same_draw_gives_the_same_window(row, tmp_path):
    case = case_of(row, tmp_path / "store")
    blocks = [
        draw_block(case, CENTRE_MM, size=(16, 16, 16), spacing_mm=1.0,
                   rng=np.random.default_rng(seed), augment=BlockAugment())
        for seed in (4, 4, 5)
    ]  # fmt: skip
    assert (blocks[0].hu == blocks[1].hu).all()
    assert (blocks[0].hu != blocks[2].hu).any()


def test_outside_of_the_image_is_told_apart():
    case = patch(np.full((20, 20, 20), 40.0), np.ones((20, 20, 20)))
    block = draw_block(
        case, (10.0, 10.0, 1.5), size=(16, 16, 16), spacing_mm=1.0,
        rng=np.random.default_rng(0), augment=None,
    )  # fmt: skip
    outside = ~block.inside.numpy()
    assert outside[:, :, :6].all()
    assert not outside[:, :, 6:].any()
    assert (block.hu.numpy()[outside] == OUTSIDE_HU).all()
    assert block.share.numpy()[~outside].min() > 0.99
