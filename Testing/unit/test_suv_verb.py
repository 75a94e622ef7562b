"""The verb ``lungpnet suv``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dicom_factory import BIRTH_DATE, NAME, PATIENT_ID, stack_positions, write_series
from LungPNetLib.cli import main
from LungPNetLib.volume import Volume, read_image, write_image
from pet_kit import STORED, pet_header, write_pet

SHAPE = (12, 14, 16)


@pytest.fixture
def pet(tmp_path: Path) -> Path:
    """A PET of 2 g/mL with 10 g/mL in a block, voxels of 4 mm (0.064 mL)."""
    stored = np.full(SHAPE, 10000, np.int64)  # 10000 * 0.5 Bq/mL * 4e-4 = 2
    stored[4:8, 5:9, 6:10] = 50000
    return write_pet(tmp_path / "pet", pet_header(), stored=stored, spacing_mm=(4.0, 4.0, 4.0))


@pytest.fixture
def mask(pet: Path, tmp_path: Path) -> Path:
    """Label 1 is the block and a rim of a voxel, label 4 something cold."""
    from LungPNetLib.pet_reading import read_pet

    labels = np.zeros(SHAPE, np.uint8)
    labels[3:9, 4:10, 5:11] = 1
    labels[1, 1, 1:4] = 4
    path = tmp_path / "mask.nrrd"
    write_image(read_pet(pet).suv.with_array(labels), path)
    return path


def suv(*arguments: object) -> int:
    return main(["suv", *map(str, arguments), "--progress", "none"])


def test_volume_table_and_json(
    pet: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert suv(pet, "--mask", mask, "--out", out) == 0
    assert sorted(path.name for path in out.iterdir()) == ["suv.json", "suv.nrrd"]
    volume = read_image(out / "suv.nrrd").array
    assert volume[5, 6, 7] == pytest.approx(10.0)
    assert volume[0, 0, 0] == pytest.approx(2.0)
    about = json.loads((out / "suv.json").read_text())
    first, second = about["regions"]
    assert (first["label"], second["label"]) == (1, 4)
    # 64 of 216 voxels are hot: SUVmean (64 * 10 + 152 * 2) / 216; MTV 64 * 0.064 mL.
    assert first["suv_max"] == pytest.approx(10.0)
    assert first["suv_mean"] == pytest.approx(944 / 216)
    assert first["peak"]["suv"] == pytest.approx(10.0)
    assert first["threshold_suv"] == pytest.approx(4.1)
    assert first["mtv_ml"] == pytest.approx(4.096)
    assert first["tlg_g"] == pytest.approx(40.96)
    assert about["scale"]["factor"] == pytest.approx(4e-4)
    assert "not for diagnosis" in about["notice"]
    output = capsys.readouterr().out
    assert "41 % of SUVmax" in output
    assert "10.00" in output
    assert "Research use only" in output
    texts = output + (out / "suv.json").read_text() + (out / "suv.nrrd").read_text("latin-1")
    assert not [word for word in (NAME, "Muster", PATIENT_ID, BIRTH_DATE) if word in texts]


def test_one_label_and_another_threshold(pet: Path, mask: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert suv(pet, "--mask", mask, "--label", 4, "--threshold", "2.5", "--out", out) == 0
    about = json.loads((out / "suv.json").read_text())
    (region,) = about["regions"]
    assert (region["label"], region["mtv_ml"], region["tlg_g"]) == (4, 0.0, 0.0)
    assert region["threshold"] == "SUV 2.5"


def test_peak_above_maximum_is_pointed_out(pet: Path, tmp_path: Path) -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[5:7, 6:8, 5] = 1  # cold, beside the block
    path = tmp_path / "beside.nrrd"
    grid = Volume(np.zeros(SHAPE, np.uint8), (4.0, 4.0, 4.0), (-50.0, -40.0, 100.0))
    write_image(grid.with_array(labels), path)
    out = tmp_path / "out"
    assert suv(pet, "--mask", path, "--out", out) == 0
    (warning,) = json.loads((out / "suv.json").read_text())["warnings"]
    assert warning.startswith("Region 1: SUVpeak is above SUVmax")


def test_on_the_ct(pet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SUV lands on the voxels of the CT; a CT in another frame of reference is reported."""
    ct = tmp_path / "ct"
    write_series(ct, np.full((10, 30, 30), 20, np.int16), pixel_mm=(1.5, 1.5))
    out = tmp_path / "out"
    assert suv(pet, "--ct", ct, "--out", out) == 0
    on_ct = read_image(out / "suv-on-ct.nrrd")
    assert on_ct.shape == (10, 30, 30)
    assert on_ct.spacing_mm == pytest.approx((1.5, 1.5, 2.5))
    i, j, k = on_ct.world_to_index([-50.0 + 4 * 7.5, -40.0 + 4 * 6.5, 100.0 + 4 * 5.0]).round()
    assert on_ct.array[int(k), int(j), int(i)] == pytest.approx(10.0)
    about = json.loads((out / "suv.json").read_text())
    assert about["alignment"]["verdict"] == "warn"
    assert about["alignment"]["same_frame"] is True
    assert "PET and CT: warn." in capsys.readouterr().out


def test_the_ct_of_somebody_else(
    pet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ct = tmp_path / "ct"
    write_series(
        ct, np.zeros((5, 8, 8), np.int16), change=lambda d, _: setattr(d, "PatientID", "PID-9")
    )
    out = tmp_path / "out"
    assert suv(pet, "--ct", ct, "--out", out) == 2
    message = capsys.readouterr().err
    assert "different patients" in message
    assert "PID" not in message
    assert not out.exists()


def test_a_ct_that_does_not_fit_gets_no_suv(pet: Path, tmp_path: Path) -> None:
    ct = tmp_path / "ct"
    far = stack_positions(10, first_mm=(-50.0, -40.0, 900.0))
    write_series(ct, np.full((10, 30, 30), 20, np.int16), positions=far)
    out = tmp_path / "out"
    assert suv(pet, "--ct", ct, "--out", out) == 0
    assert not (out / "suv-on-ct.nrrd").exists()
    alignment = json.loads((out / "suv.json").read_text())["alignment"]
    assert (alignment["verdict"], alignment["shared_percent"]) == ("refuse", 0.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--label", "2"], "no label 2 inside the PET; it has 1, 4"),
        (["--threshold", "much"], "neither a share of SUVmax"),
    ],
)
def test_options_that_fit_nothing(
    options: list[str],
    words: str,
    pet: Path,
    mask: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert suv(pet, "--mask", mask, *options, "--out", tmp_path / "out") == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_label_without_mask_and_existing_result(
    pet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert suv(pet, "--label", 1, "--out", out) == 2
    assert "--mask" in capsys.readouterr().err
    assert suv(pet, "--out", out) == 0
    assert "SUVmax of the whole image 10.00" in capsys.readouterr().out
    assert suv(pet, "--out", out) == 2
    assert suv(pet, "--out", out, "--overwrite") == 0


def test_events(pet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suv", str(pet), "--out", str(tmp_path / "out"), "--progress", "json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[-1]["event"] == "result"
    assert events[-1]["image_suv_max"] == pytest.approx(10.0)
    assert {event.get("stage") for event in events} >= {"read", "measure"}


def test_refusal_names_the_attribute(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_pet(tmp_path / "pet", pet_header(PatientWeight=None), stored=STORED)
    assert suv(folder, "--out", tmp_path / "out") == 2
    assert "PatientWeight (0010,1030) is missing" in capsys.readouterr().err
