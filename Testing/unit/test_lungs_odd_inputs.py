"""CTs that are not the usual whole chest: right lungs or a refusal, by either method.

Pixels are coarse (2 mm) to keep the tests quick. On these images an outline that is one pixel too
narrow all around has a Dice of 0.95, or 0.81 to 0.84 where only the bases of the lungs are scanned.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from LungPNetLib.cohort.phantom.patient import CENTRE_MM, MadeUpPatient, make_patient
from LungPNetLib.cohort.phantom.scanner import Scanner
from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.overlap import dice
from LungPNetLib.events import Reporter
from LungPNetLib.lungs.predict import LungMethod, predict_lungs
from LungPNetLib.pipeline import AnalyzeOptions, analyze
from LungPNetLib.study import SliceGeometry, Study
from LungPNetLib.volume import AxisOrder, Volume
from LungPNetLib.weights.registry import find_weights

SEED = 11
RIGHT, LEFT = 1, 2
FLOOR = 0.97
"""Less than two thirds of the error of an outline that is one pixel off."""
BASES_FLOOR = 0.93
"""Less than half of that error; 90 mL a side are mostly surface."""

ROUND_FLOOR = 0.95
"""No worse than an outline one pixel off."""
PADDING_HU = -2000

UPSIDE_DOWN = AxisOrder((0, 1, 2), (False, False, True))
MIRRORED = AxisOrder((0, 1, 2), (True, False, False))
PERMUTED = AxisOrder((2, 0, 1), (True, False, True))


@pytest.fixture(scope="session", params=[LungMethod.CLASSICAL, LungMethod.NETWORK])
def method(request) -> LungMethod:
    if request.param is LungMethod.NETWORK and find_weights("lungs") is None:
        pytest.skip("no weights for the lung network are registered")
    return request.param


@pytest.fixture(scope="session")
def slab() -> MadeUpPatient:
    """20 slices of mid chest."""
    return make_patient(SEED, size=(180, 180, 20), spacing_mm=(2.0, 2.0, 2.5))


@pytest.fixture(scope="session")
def slab_lungs(slab, method) -> np.ndarray:
    return predict_lungs(slab.ct, method).labels.array


@pytest.fixture(scope="session")
def thick_slices() -> MadeUpPatient:
    """Both lungs, in slices of 5 mm."""
    return make_patient(SEED, size=(180, 180, 60), spacing_mm=(2.0, 2.0, 5.0))


@pytest.fixture(scope="session")
def narrow_field(thick_slices) -> tuple[Volume, Volume]:
    """CT and lungs of 200 x 200 mm around the heart; a tenth of the lungs lies outside."""
    box = (40, 40, 0), (100, 100, 60)
    return thick_slices.ct.cropped(*box), thick_slices.lungs.cropped(*box)


@pytest.fixture(scope="session")
def round_field(narrow_field) -> tuple[Volume, Volume]:
    """The same in a round field with padding outside, where another 7 % of the lungs lie."""
    ct, lungs = narrow_field
    scanner = Scanner(padding_hu=PADDING_HU)
    outside = scanner.unseen(ct.shape[1:])
    hu, labels = ct.array.copy(), lungs.array.copy()
    hu[:, outside], labels[:, outside] = PADDING_HU, 0
    return ct.with_array(hu), ct.with_array(labels)


@pytest.fixture(scope="session")
def lung_bases() -> MadeUpPatient:
    """A scan of the abdomen, with bowel gas and the lowest part of the lungs."""
    x, y, z = CENTRE_MM
    size, spacing_mm = (180, 180, 40), (2.0, 2.0, 5.0)
    return make_patient(SEED, size=size, spacing_mm=spacing_mm, centre_mm=(x, y, z - 175.0))


def worse_dice(found: np.ndarray, truth: np.ndarray) -> float:
    return min(dice(found == side, truth == side) for side in (RIGHT, LEFT))


def test_a_slab_of_20_slices(slab, slab_lungs):
    lung = slab.lungs.array > 0
    assert lung[0].any()
    assert lung[-1].any()
    assert worse_dice(slab_lungs, slab.lungs.array) > FLOOR


def test_slices_of_5_mm(thick_slices, method):
    found = predict_lungs(thick_slices.ct, method).labels.array
    assert worse_dice(found, thick_slices.lungs.array) > FLOOR


def test_lungs_cut_by_the_sides_of_the_image(narrow_field, thick_slices, method):
    ct, lungs = narrow_field
    assert np.count_nonzero(lungs.array) < 0.92 * np.count_nonzero(thick_slices.lungs.array)
    assert worse_dice(predict_lungs(ct, method).labels.array, lungs.array) > FLOOR


@pytest.fixture(scope="session")
def round_field_lungs(round_field, method) -> np.ndarray:
    return predict_lungs(round_field[0], method).labels.array


def test_lungs_cut_by_a_round_field(round_field, round_field_lungs, thick_slices, method, request):
    if method is LungMethod.CLASSICAL:
        # Its hull of the body leaves out the lung beside the padding: Dice 0.77.
        reason = "where padding has taken the chest wall, the body's hull leaves out lung"
        request.applymarker(pytest.mark.xfail(reason=reason))
    truth = round_field[1].array
    assert np.count_nonzero(truth) < 0.85 * np.count_nonzero(thick_slices.lungs.array)
    assert worse_dice(round_field_lungs, truth) > ROUND_FLOOR


def test_padding_is_no_lung(round_field, round_field_lungs):
    assert not round_field_lungs[round_field[0].array == PADDING_HU].any()


def test_lung_bases_of_a_scan_of_the_abdomen(lung_bases, method):
    lung = lung_bases.lungs.array > 0
    assert lung[-1].any()
    assert not lung[: len(lung) // 2].any()
    found = predict_lungs(lung_bases.ct, method).labels.array
    assert worse_dice(found, lung_bases.lungs.array) > BASES_FLOOR
    assert not found[: len(lung) // 2].any()  # bowel gas


@pytest.mark.parametrize("order", [UPSIDE_DOWN, MIRRORED, PERMUTED])
def test_the_order_of_the_axes_changes_nothing(slab, slab_lungs, method, order):
    turned = order.apply(slab.ct)
    found = predict_lungs(turned, method).labels
    assert found.same_grid_as(turned)
    np.testing.assert_array_equal(order.inverse().apply(found).array, slab_lungs)
    middle = {side: _centre_mm(found, side) for side in (RIGHT, LEFT)}
    assert middle[RIGHT][0] < CENTRE_MM[0] < middle[LEFT][0]  # LPS: x grows to the left


def _centre_mm(labels: Volume, side: int) -> np.ndarray:
    return labels.index_to_world(np.argwhere(labels.array == side)[:, ::-1].mean(axis=0))


def head() -> Volume:
    """Skull, brain, neck, and the air of sinuses, mastoids and throat; 2 x 2 x 3 mm."""
    size, spacing_mm = (120, 120, 80), (2.0, 2.0, 3.0)
    x, y, z = ((np.arange(n) - (n - 1) / 2) * s for n, s in zip(size, spacing_mm, strict=True))
    y, z = y[:, None], z[:, None, None]

    def ellipsoid(centre, radii) -> np.ndarray:
        terms = zip((x, y, z), centre, radii, strict=True)
        return sum(((v - c) / r) ** 2 for v, c, r in terms) < 1

    def both_sides(centre, radii) -> np.ndarray:
        mirrored = (-centre[0], *centre[1:])
        return ellipsoid(centre, radii) | ellipsoid(mirrored, radii)

    hu = np.full(size[::-1], -1000.0)
    neck = ellipsoid((0, 15, -90), (60, 60, 400)) & (z < 10)
    hu[neck | ellipsoid((0, 0, 25), (80, 100, 90))] = 45
    hu[ellipsoid((0, 0, 25), (76, 96, 86))] = 1100
    hu[ellipsoid((0, 0, 25), (69, 89, 79)) & (z > -25)] = 35
    hu[both_sides((24, -65, -35), (17, 18, 19)) | both_sides((9, -84, 5), (9, 7, 12))] = -1000
    hu[ellipsoid((0, -60, -30), (7, 30, 22)) | ellipsoid((0, -25, -22), (14, 12, 10))] = -1000
    hu[both_sides((55, 20, -35), (11, 15, 18))] = -650
    hu[ellipsoid((0, -12, -90), (10, 9, 60))] = -1000
    noise = np.random.default_rng(0).normal(0.0, 15.0, hu.shape)
    return Volume(np.rint(hu + noise).clip(-1024).astype(np.int16), spacing_mm)


def water() -> Volume:
    noise = np.random.default_rng(0).normal(0.0, 15.0, (40, 100, 100))
    _, y, x = np.ogrid[:40, :100, :100]
    bottle = (y - 50) ** 2 + (x - 50) ** 2 < 40**2
    return Volume(np.where(bottle, noise, -1000 + noise).astype(np.int16), (2.5, 2.5, 5.0))


def nothing() -> Volume:
    return Volume(np.full((40, 100, 100), -1000, np.int16), (2.5, 2.5, 5.0))


@pytest.mark.parametrize("scan", [head, water, nothing])
def test_what_is_no_chest_is_refused(method, scan):
    ct = scan()
    study = Study(ct, "nifti", geometry=SliceGeometry(ct.spacing_mm[2]))
    options = replace(AnalyzeOptions(), stages=("lungs",), lung_method=method)
    with pytest.raises(InputError, match="refuses this series|No lung was found"):
        analyze(study, options, Reporter())
