"""A made-up scan with a tilted gantry: the slices lean, the patient and the truth do not."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from LungPNetLib.cli import main
from LungPNetLib.cohort.dicom_writer import write_patient
from LungPNetLib.cohort.phantom.patient import MASKS, MadeUpPatient, make_patient
from LungPNetLib.cohort.phantom.rendering import _gathered
from LungPNetLib.cohort.phantom.scanner import Scanner
from LungPNetLib.cohort.phantom.tilted import leaning_rows
from LungPNetLib.errors import InputError
from LungPNetLib.reading import read_study
from LungPNetLib.volume import read_image

GRID = {"size": (96, 96, 72), "spacing_mm": (3.8, 3.8, 4.0)}


@pytest.fixture(scope="module", params=[15.0, -20.0])
def tilted(request) -> MadeUpPatient:
    return make_patient(7, **GRID, tilt_deg=request.param)


@pytest.fixture(scope="module")
def folder(tilted, tmp_path_factory):
    target = tmp_path_factory.mktemp("tilted")
    write_patient(tilted, target)
    return target


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2.0 * np.sum(a & b) / (np.sum(a) + np.sum(b))


def untilted(patient: MadeUpPatient) -> MadeUpPatient:
    """The same person on the upright grid of a tilted scan, taken without tilt."""
    ct = patient.ct
    middle = ct.index_to_world([(n - 1) / 2 for n in ct.shape[::-1]])
    return make_patient(
        patient.seed, size=ct.shape[::-1], spacing_mm=ct.spacing_mm, centre_mm=tuple(middle)
    )


def test_the_series_states_its_tilt_and_moves_along_the_table(folder, tilted):
    images = [pydicom.dcmread(path) for path in sorted((folder / "ct").iterdir())]
    positions = np.array([image.ImagePositionPatient for image in images], float)
    assert len(images) == GRID["size"][2]
    np.testing.assert_allclose(np.diff(positions, axis=0), np.tile([0, 0, 4.0], (71, 1)), atol=1e-6)
    assert {float(image.GantryDetectorTilt) for image in images} == {tilted.acquired.tilt_deg}
    row, column = np.reshape(images[0].ImageOrientationPatient, (2, 3)).astype(float)
    np.testing.assert_allclose(row, (1, 0, 0))
    assert np.degrees(np.arcsin(abs(column[2]))) == pytest.approx(tilted.acquired.tilt_deg)
    assert images[0].SliceThickness == 4.0


def test_the_reader_finds_the_tilt_and_the_truth_lies_on_its_grid(folder, tilted):
    study = read_study(folder / "ct")
    assert study.geometry.tilt_deg == pytest.approx(tilted.acquired.tilt_deg, abs=0.01)
    assert study.geometry.regridded
    assert tilted.ct.same_grid_as(study.ct)
    assert np.mean(study.ct.array == tilted.ct.array) > 0.999  # rounding of stored positions
    for name in MASKS:
        assert read_image(folder / "truth" / f"{name}.nrrd").same_grid_as(study.ct)


def test_upright_again_it_is_the_patient_without_tilt(tilted):
    plain = untilted(tilted)
    assert plain.ct.same_grid_as(tilted.ct)
    seen = tilted.ct.array > -2000
    for label in (1, 2):
        found = tilted.lungs.array == label
        assert dice(found, (plain.lungs.array == label) & seen) > 0.97
        # A shift of one voxel any way is worse, so nothing is out of place.
        for axis in range(3):
            for step in (-1, 1):
                moved = np.roll(found, step, axis)
                truth = (plain.lungs.array == label) & seen
                assert dice(moved, truth) < dice(found, truth)
    gap_hu = (tilted.ct.array.astype(float) - plain.ct.array)[seen]
    assert abs(np.median(gap_hu)) < 5.0


def test_the_nodule_is_where_the_table_says(tilted):
    (nodule,) = tilted.nodule_table
    column, row, k = np.rint(tilted.ct.world_to_index(nodule.centre_mm)).astype(int)
    assert tilted.nodules.array[k, row, column] == nodule.label
    assert tilted.ct.array[k, row, column] > -500


def test_masks_are_empty_where_no_slice_is(tilted):
    nowhere = tilted.ct.array == -2000
    assert nowhere.any()
    for name in MASKS:
        # One voxel of the edge may be interpolated with what lies outside.
        assert np.mean(getattr(tilted, name).array[nowhere] > 0) < 1e-3


def test_opposite_tilts_are_different_series(tmp_path):
    small = {"size": (32, 32, 16), "spacing_mm": (10.0, 10.0, 12.0)}
    uids = set()
    for tilt_deg in (0.0, 10.0, -10.0):
        write_patient(make_patient(7, **small, tilt_deg=tilt_deg), tmp_path / f"{tilt_deg}")
        path = tmp_path / f"{tilt_deg}" / "ct" / "0001.dcm"
        uids.add(pydicom.dcmread(path).SeriesInstanceUID)
    assert len(uids) == 3


def test_no_tilt_is_an_upright_scan_and_overlapping_slices_may_be_tilted():
    small = {"size": (32, 32, 16), "spacing_mm": (10.0, 10.0, 4.0)}
    assert make_patient(7, **small).acquired is None
    thick = make_patient(7, **small, scanner=Scanner(thickness_mm=8.0), tilt_deg=5.0)
    assert thick.acquired.hu.shape == (16, 32, 32)
    assert thick.acquired.stack.positions_mm[1, 2] - thick.acquired.stack.positions_mm[
        0, 2
    ] == pytest.approx(4.0)


@pytest.mark.parametrize("slab_mm", [1.5, 4.0])
def test_each_row_is_the_mean_of_the_heights_it_spans(slab_mm):
    heights = np.arange(-30.0, 60.0, 0.5)
    lean = np.linspace(-10.0, 10.0, 21)
    centres = np.array([0.0, 4.0, 12.0])
    number = np.arange(len(heights), dtype=np.uint8)
    layers = (
        (height, np.full((21, 2), height, np.float32), np.full((1, 21, 2), n, np.uint8))
        for height, n in zip(heights, number, strict=True)
    )
    found = list(_gathered(layers, 0.5, centres, lean, slab_mm))
    assert len(found) == 3
    for (hu, labels), centre in zip(found, centres, strict=True):
        np.testing.assert_allclose(hu, np.tile((centre + lean)[:, None], 2), atol=0.07)
        nearest = heights[labels[0, :, 0]]
        assert np.abs(nearest - centre - lean).max() <= 0.25


def test_rows_turn_about_the_middle_of_the_slice():
    y, height = leaning_rows(np.array([-1.0, 4.0, 9.0]), 30.0)
    np.testing.assert_allclose(y, [4.0 - 5.0 * np.sqrt(0.75), 4.0, 4.0 + 5.0 * np.sqrt(0.75)])
    np.testing.assert_allclose(height, [-2.5, 0.0, 2.5])


@pytest.mark.parametrize("tilt_deg", [0.2, -31.0, float("nan")])
def test_tilts_that_no_gantry_has_are_refused(tilt_deg):
    with pytest.raises(InputError, match="1 to 30 degrees"):
        make_patient(7, **GRID, tilt_deg=tilt_deg)


def test_the_verb_makes_a_tilted_patient_and_no_tilted_cohort(tmp_path, capsys):
    words = ["phantom", "--out", str(tmp_path / "p"), "--progress", "none", "--tilt", "12"]
    assert main([*words, "--size", "32", "32", "16", "--spacing", "10", "12"]) == 0
    assert read_study(tmp_path / "p" / "ct").geometry.tilt_deg == pytest.approx(12.0, abs=0.01)
    assert main([*words, "--cohort", "2"]) == 2
    assert "--tilt" in capsys.readouterr().err
