"""The verb ``lungs``: a whole folder for each study, and pictures that show the right thing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from LungPNetLib.cli import main
from LungPNetLib.cohort.manifest import StudyRow, write_manifest
from LungPNetLib.errors import InputError
from LungPNetLib.folders import log_folder
from LungPNetLib.lungs import pictures, predict
from LungPNetLib.report.pictures import LEFT_LUNG, RIGHT_LUNG
from LungPNetLib.volume import AxisOrder, Volume, read_image, write_image

SIDE_PX, TOP_PX, GAP_PX = 512, 52, 6
"""A slice of 64 x 64 pixels is drawn with 512; below two lines of text; panels lie apart."""

RIGHT, LEFT = (ImageColor.getrgb(lung.colour) for lung in (RIGHT_LUNG, LEFT_LUNG))


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path / "home"))


@pytest.fixture
def ct_file(small_patient, tmp_path) -> Path:
    path = tmp_path / "case.nii.gz"
    write_image(small_patient.ct, path)
    return path


def lungs(out: Path, *words: object) -> int:
    options = ("--method", "classical", "--every", "0", "--progress", "json")
    return main(["lungs", "--out", str(out), *options, *map(str, words)])


def events(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


# ------------------------------------------------------------------ folders


@pytest.fixture(scope="module")
def finished(small_series, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("lungs") / "out"
    assert lungs(out, small_series, "--every", 1) == 0
    return out / small_series.name


def test_a_study_gets_masks_pictures_and_a_summary(finished):
    assert {path.name for path in finished.iterdir()} == {
        "lungs.nrrd", "masked-lungs.nrrd", "pictures", "summary.json",
    }  # fmt: skip
    names = sorted(path.name for path in (finished / "pictures").iterdir())
    assert names == [f"slice-{n:03d}.png" for n in range(1, 49)]


def test_the_mask_lies_on_the_grid_of_the_ct_and_is_right(finished, small_patient):
    found = read_image(finished / "lungs.nrrd")
    assert found.same_grid_as(small_patient.ct)
    for label in (1, 2):
        a, b = found.array == label, small_patient.lungs.array == label
        assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.9


def test_the_masked_lungs_are_the_ct_where_the_mask_is(finished, small_patient):
    mask, masked = (read_image(finished / f"{n}.nrrd") for n in ("lungs", "masked-lungs"))
    assert masked.array.dtype == np.int16
    assert masked.same_grid_as(small_patient.ct)
    inside = mask.array > 0
    np.testing.assert_array_equal(masked.array[inside], small_patient.ct.array[inside])
    assert (masked.array[~inside] == -1024).all()


def test_the_summary_says_how_much_and_how(finished):
    summary = json.loads((finished / "summary.json").read_text())
    mask = read_image(finished / "lungs.nrrd").array
    for side, label in (("right", 1), ("left", 2)):
        expected_ml = (mask == label).sum() * 2.8 * 2.8 * 6.0 / 1000
        assert summary["volumes_ml"][side] == pytest.approx(expected_ml, abs=0.1)
    assert summary["method"] == "classical"
    assert summary["weights"] is None
    assert "Research use only" in summary["notice"]
    assert summary["pictures"] == {"folder": "pictures", "count": 48, "every": 1}


def test_nothing_names_the_patient(finished, capsys):
    text = "".join(path.read_text() for path in finished.rglob("*.json"))
    text += " ".join(str(path) for path in finished.rglob("*"))
    assert "MadeUp" not in text
    assert "PHANTOM" not in text


def test_fractions_of_hu_are_rounded_and_the_grid_may_lie_any_way(small_patient, tmp_path):
    order = AxisOrder((1, 2, 0), (True, False, True))
    ct = small_patient.ct.with_array(small_patient.ct.array + np.float32(0.3))
    turned = order.apply(ct)
    write_image(replace(turned, array=np.ascontiguousarray(turned.array)), tmp_path / "a.nrrd")
    assert lungs(tmp_path / "out", tmp_path / "a.nrrd") == 0
    mask, masked = (
        read_image(tmp_path / "out" / "a" / f"{n}.nrrd") for n in ("lungs", "masked-lungs")
    )
    assert mask.same_grid_as(turned)
    assert masked.array.dtype == np.int16
    inside = mask.array > 0
    whole = order.apply(small_patient.ct).array
    np.testing.assert_array_equal(masked.array[inside], whole[inside])


def test_a_study_that_fails_does_not_stop_the_others(ct_file, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out"
    assert lungs(out, tmp_path / "empty", ct_file) == 2
    output = capsys.readouterr()
    assert "empty: No CT images" in output.err
    assert [path.name for path in out.iterdir()] == ["case"]
    said = [json.loads(line) for line in output.out.splitlines()]
    failure = next(event for event in said if event["event"] == "error")
    assert (failure["study"], failure["exit_code"]) == ("empty", 2)
    assert (said[-1]["succeeded"], said[-1]["failed"]) == (1, 1)
    assert [study["exit_code"] for study in said[-1]["studies"]] == [2, 0]


def test_people_get_a_table(ct_file, tmp_path, capsys):
    words = ["lungs", str(ct_file), str(tmp_path / "nowhere"), "--method", "classical"]
    assert main([*words, "--every", "0", "--progress", "none", "--out", str(tmp_path / "o")]) == 2
    header, good, bad, last = capsys.readouterr().out.splitlines()
    assert header.split() == ["study", "right", "mL", "left", "mL", "method"]
    assert good.split()[0] == "case"
    assert good.split()[-1] == "classical"
    assert int(good.split()[1]) > 1000
    assert "failed" in bad
    assert last.startswith("1 of 2 succeeded")
    assert "Research use only" in last


def test_inputs_of_one_name_get_numbers(ct_file, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        shutil.copy(
            ct_file, tmp_path / name / "CT.nii.gz" if name == "a" else tmp_path / "b/ct.nii.gz"
        )
    assert lungs(tmp_path / "out", tmp_path / "a/CT.nii.gz", tmp_path / "b/ct.nii.gz") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["CT", "ct-2"]


def test_a_manifest_names_the_folders_and_none_leaves_the_target(ct_file, tmp_path):
    other = shutil.copy(ct_file, tmp_path / "other.nii.gz")
    rows = [StudyRow("P1", {"ct": ct_file}), StudyRow("../../P2", {"ct": other})]
    write_manifest(tmp_path / "manifest.csv", rows)
    out = tmp_path / "deep" / "out"
    assert lungs(out, "--manifest", tmp_path / "manifest.csv") == 0
    assert sorted(path.name for path in out.iterdir()) == ["P1", "P2"]
    assert not list(tmp_path.glob("P*"))


def test_an_earlier_result_is_replaced_only_when_asked(ct_file, tmp_path, capsys):
    out = tmp_path / "out"
    assert lungs(out, ct_file, "--every", 20) == 0
    assert lungs(out, ct_file) == 2
    assert "exists already" in capsys.readouterr().err
    assert len(list((out / "case" / "pictures").iterdir())) == 3
    assert lungs(out, ct_file, "--overwrite") == 0
    assert not (out / "case" / "pictures").exists()


@pytest.mark.parametrize("words", [[], ["--every", "-1", "somewhere"]])
def test_what_cannot_be_meant_is_refused(tmp_path, capsys, words):
    assert lungs(tmp_path / "out", *words) == 2
    assert not (tmp_path / "out").exists()
    message = capsys.readouterr().err
    assert "--every must be 0" in message if words else "no CT to read" in message


def test_unknown_weights_stop_at_the_first_study(ct_file, tmp_path, capsys):
    assert (
        lungs(tmp_path / "out", ct_file, ct_file, "--method", "auto", "--weights", "none-such") == 4
    )
    assert sum(event["event"] == "study" for event in events(capsys)) == 1
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_the_runtime_that_was_asked_for_ran(ct_file, tmp_path, runtime):
    assert lungs(tmp_path / "out", ct_file, "--method", "network", "--runtime", runtime) == 0
    (summary,) = (tmp_path / "out").glob("*/summary.json")
    assert json.loads(summary.read_text())["weights"]["runtime"] == runtime


def test_a_fault_of_the_program_waits_until_the_others_are_done(
    ct_file, tmp_path, capsys, monkeypatch
):
    (tmp_path / "bad.nii.gz").write_bytes(ct_file.read_bytes())
    found = predict.classical.segment

    def segment(ct, progress):
        monkeypatch.setattr(predict.classical, "segment", found)
        raise ZeroDivisionError

    monkeypatch.setattr(predict.classical, "segment", segment)
    assert lungs(tmp_path / "out", tmp_path / "bad.nii.gz", ct_file) == 1
    output = capsys.readouterr()
    assert "fault in LungPNet (ZeroDivisionError)" in output.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["case"]
    assert "ZeroDivisionError" in next(log_folder().glob("crash-*")).read_text()


def test_a_cancelled_run_keeps_what_is_finished(ct_file, tmp_path, capsys, monkeypatch):
    shutil.copy(ct_file, tmp_path / "second.nii.gz")
    found = predict.classical.segment

    def segment(ct, progress):
        if (tmp_path / "out" / "case").exists():
            raise KeyboardInterrupt
        return found(ct, progress)

    monkeypatch.setattr(predict.classical, "segment", segment)
    assert lungs(tmp_path / "out", ct_file, tmp_path / "second.nii.gz") == 130
    assert "1 of 2 studies are in" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["case"]


# ------------------------------------------------------------------ pictures


def marked() -> tuple[Volume, Volume]:
    """Two slices of -600 HU (mid grey); in the upper one a square lung on each side."""
    ct = np.full((2, 64, 64), -600, np.int16)
    labels = np.zeros(ct.shape, np.uint8)
    labels[1, 20:40, 10:26] = 1
    labels[1, 20:40, 38:54] = 2
    return Volume(ct, (2.0, 2.0, 5.0)), Volume(labels, (2.0, 2.0, 5.0))


def drawn(folder: Path, ct: Volume, labels: Volume) -> list[np.ndarray]:
    """Every picture as RGB, shape (rows, columns, 3)."""
    names = pictures.write_slices(ct, labels, folder)
    return [np.asarray(Image.open(folder / name).convert("RGB")).astype(int) for name in names]


def panel(picture: np.ndarray, number: int) -> np.ndarray:
    left = number * (SIDE_PX + GAP_PX)
    return picture[TOP_PX : TOP_PX + SIDE_PX, left : left + SIDE_PX]


def places(panel_rgb: np.ndarray, colour: tuple[int, ...]) -> np.ndarray:
    """(row, column) of the pixels of one colour, as voxel indices of the 64 x 64 slice."""
    return np.argwhere((panel_rgb == colour).all(axis=-1)) // 8


def test_right_and_left_are_outlined_in_their_colours_on_their_sides(tmp_path):
    middle = panel(drawn(tmp_path, *marked())[1], 1)
    for colour, first_column in ((RIGHT, 10), (LEFT, 38)):
        found = places(middle, colour)
        assert found.min(axis=0).tolist() == [20, first_column]
        assert found.max(axis=0).tolist() == [39, first_column + 15]
    # An outline, not an area: the middle of the lung stays grey.
    assert middle[30 * 8, 18 * 8].tolist() == [128, 128, 128]


def test_a_slice_without_lungs_has_no_outline_and_an_empty_third_panel(tmp_path):
    lower, _ = drawn(tmp_path, *marked())
    for colour in (RIGHT, LEFT):
        assert not places(panel(lower, 1), colour).size
    assert not panel(lower, 2)[100:400, 100:400].any()


def test_the_third_panel_is_the_first_one_inside_the_mask_and_black_elsewhere(tmp_path):
    ct, labels = marked()
    noisy = np.random.default_rng(1).integers(-1000, 0, ct.shape).astype(np.int16)
    picture = drawn(tmp_path, ct.with_array(noisy), labels)[1]
    inside = np.kron(labels.array[1], np.ones((8, 8), np.uint8)) > 0
    rows = slice(120, 360)  # clear of letters and of the scale bar
    columns = slice(60, 450)
    first, third = (panel(picture, n)[rows, columns] for n in (0, 2))
    np.testing.assert_array_equal(third[inside[rows, columns]], first[inside[rows, columns]])
    assert not third[~inside[rows, columns]].any()


def test_the_window_is_fixed(tmp_path):
    hu = np.repeat(np.array([-3000, -1350, -600, 150, 3000, -600, -600, -600], np.int16), 8)
    ct = Volume(np.broadcast_to(hu, (2, 64, 64)).copy(), (2.0, 2.0, 5.0))
    picture = drawn(tmp_path, ct, ct.with_array(np.zeros(ct.shape, np.uint8)))[0]
    shades = panel(picture, 0)[200, 32 : 5 * 64 : 64, 0]
    assert shades.tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize(
    "order",
    [AxisOrder((0, 1, 2), (True, True, True)), AxisOrder((2, 0, 1), (False, True, False))],
)
def test_the_pictures_do_not_depend_on_the_order_of_the_axes(tmp_path, order):
    ct, labels = marked()
    noisy = np.random.default_rng(2).integers(-1000, 0, ct.shape).astype(np.int16)
    ct = ct.with_array(noisy)
    expected = drawn(tmp_path, ct, labels)
    (tmp_path / "turned").mkdir()
    found = drawn(tmp_path / "turned", order.apply(ct), order.apply(labels))
    np.testing.assert_array_equal(found, expected)


def test_every_nth_slice_keeps_its_number(tmp_path):
    ct = Volume(np.zeros((7, 16, 16), np.int16))
    labels = ct.with_array(np.zeros(ct.shape, np.uint8))
    told: list[float] = []
    names = pictures.write_slices(ct, labels, tmp_path, every=3, progress=told.append)
    assert names == ["slice-001.png", "slice-004.png", "slice-007.png"]
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_flat_slice_is_drawn_in_true_proportions_with_room_for_its_words(tmp_path):
    ct = Volume(np.full((1, 16, 64), 150, np.int16), (1.0, 2.0, 5.0))
    picture = drawn(tmp_path, ct, ct.with_array(np.zeros(ct.shape, np.uint8)))[0]
    assert picture.shape == (256 + 3 * 26, 3 * 512 + 2 * GAP_PX, 3)
    tall = Volume(np.full((1, 64, 8), 150, np.int16), (1.0, 1.0, 5.0))
    picture = drawn(tmp_path, tall, tall.with_array(np.zeros(tall.shape, np.uint8)))[0]
    assert picture.shape == (512 + 3 * 26, 3 * 420 + 2 * GAP_PX, 3)


def test_masked_keeps_the_mask_and_refuses_another_grid():
    image = Volume(np.array([[[0.25, 0.5, 0.75]]], np.float32))
    labels = Volume(np.array([[[2, 0, 1]]], np.uint8))
    assert pictures.masked(image, labels, -1).array.tolist() == [[[0.25, -1.0, 0.75]]]
    with pytest.raises(InputError, match="grid"):
        pictures.masked(image, replace(labels, spacing_mm=(2.0, 1.0, 1.0)))


# ------------------------------------------------------------------ view --masked


def test_view_shows_what_is_in_the_mask_alone(tmp_path, capsys):
    ct, labels = (v.padded((0, 0, 0), (0, 0, 2), int(v.array.min())) for v in marked())
    write_image(ct, tmp_path / "ct.nrrd")
    write_image(labels, tmp_path / "mask.nrrd")
    words = ["view", str(tmp_path / "ct.nrrd"), "--out", str(tmp_path / "v.png"), "--masked"]
    assert main(words) == 2
    assert "--masked needs a --mask" in capsys.readouterr().err
    assert main([*words, "--mask", str(tmp_path / "mask.nrrd")]) == 0
    axial = np.asarray(Image.open(tmp_path / "v.png").convert("L"))[:700, :700].astype(int)
    scale = 700 / 64
    assert axial[round(30 * scale), round(18 * scale)] == pytest.approx(128, abs=3)
    assert axial[round(55 * scale), round(18 * scale)] == 0
