"""The verb ``radiomics``: tables with settings, and refusals before anything is computed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from LungPNetLib.cli import main
from LungPNetLib.radiomics.catalogue import DEFINITIONS
from LungPNetLib.volume import Volume, write_image


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path / "home"))


@pytest.fixture
def case(tmp_path) -> Path:
    """Folder with a CT and a label map: 2 is a cube of noise, 3 has equal intensities."""
    hu = np.random.default_rng(2).normal(-300, 100, (8, 16, 16)).round().astype(np.int16)
    labels = np.zeros(hu.shape, np.uint8)
    labels[2:7, 2:8, 2:8], labels[2:7, 10:14, 10:14] = 2, 3
    hu[1:, 9:, 9:] = 40
    for name, array in (("ct", hu), ("labels", labels)):
        write_image(Volume(array, (1.0, 1.0, 1.5)), tmp_path / f"{name}.nii.gz")
    return tmp_path


def radiomics(case: Path, out: str, *words: str) -> int:
    files = (str(case / "ct.nii.gz"), str(case / "labels.nii.gz"), "--out", str(case / out))
    return main(["radiomics", *files, "--progress", "none", *words])


def test_json_holds_values_units_settings_and_what_is_undefined(case, capsys):
    assert radiomics(case, "one.json", "--label", "3", "--set", "bin_size_hu=10") == 0
    found = json.loads((case / "one.json").read_text("utf-8"))
    assert "Research use only" in found["notice"]
    assert [row["name"] for row in found["features"]] == [one.name for one in DEFINITIONS]
    rows = {row["name"]: row for row in found["features"]}
    assert rows["stat_mean"] == {
        "name": "stat_mean", "code": "Q4LE", "family": "intensity statistics", "unit": "HU",
        "value": 40.0,
    }  # fmt: skip
    assert rows["stat_skew"]["value"] is None
    assert "stat_skew" in found["undefined"]
    assert found["settings"]["bin_size_hu"] == 10.0
    assert found["settings"]["aggregation"] == "3D_comb"
    assert found["about"]["measured"] == 3
    words = capsys.readouterr().out
    assert "128 features" in words
    assert "stat_skew" in words


def test_csv_holds_the_same_and_no_formula(case):
    assert radiomics(case, "one.csv", "--label", "2") == 0
    with (case / "one.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows[:128]] == [one.name for one in DEFINITIONS]
    assert float(rows[25]["value"]) < 0  # the mean, a number that begins with a minus
    settings = {row["name"]: row["value"] for row in rows if row["family"] == "settings"}
    assert settings["spacing_mm"] == "[1.0, 1.0, 1.0]"
    about = {row["name"]: row["value"] for row in rows if row["family"] == "about"}
    assert (about["measured"], about["vector_version"]) == ("2", "1")
    assert about["software.name"] == "LungPNet"
    for row in rows:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")) or float(cell) < 0


def test_undefined_values_are_named_in_the_csv(case):
    assert radiomics(case, "one.csv", "--label", "3") == 0
    assert "stat_skew,KE2A,intensity statistics,,undefined" in (case / "one.csv").read_text()


def test_other_settings_by_name_and_by_file(case):
    assert radiomics(case, "c.json", "--label", "2", "--settings", "radiomics-ibsi-b") == 0
    found = json.loads((case / "c.json").read_text("utf-8"))
    assert found["settings"]["discretization"] == "fixed_bin_number"
    (case / "own.toml").write_text('aggregation = "2_5D_comb"\n')
    assert radiomics(case, "own.json", "--label", "2", "--settings", str(case / "own.toml")) == 0
    found = json.loads((case / "own.json").read_text("utf-8"))
    assert found["settings"]["aggregation"] == "2_5D_comb"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "labels 2, 3"),
        (("--label", "1"), "no label 1; it holds 2, 3"),
        (("--label", "2", "--settings", "nowhere"), "no configuration 'nowhere'"),
        (("--label", "2", "--set", "bin_width=5"), "bin_width"),
    ],
)
def test_refusals(case, capsys, words, message):
    assert radiomics(case, "one.csv", *words) == 2
    assert message in capsys.readouterr().err
    assert not (case / "one.csv").exists()


def test_an_earlier_table_is_replaced_only_when_asked(case, capsys):
    (case / "one.csv").write_text("mine")
    assert radiomics(case, "one.csv", "--label", "2") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (case / "one.csv").read_text() == "mine"
    assert radiomics(case, "one.csv", "--label", "2", "--overwrite") == 0
    assert (case / "one.csv").read_text().startswith("name,")


@pytest.mark.parametrize("out", ["one.xlsx", "nowhere/one.csv"])
def test_an_out_that_cannot_be_written_is_refused_at_once(case, capsys, out):
    assert radiomics(case, out, "--label", "2") == 2
    assert "--out" in capsys.readouterr().err


def test_a_region_of_an_rtstruct(real_data, tmp_path):
    """The CT phantom of the IBSI: its RTSTRUCT is drawn around the same voxels as its mask."""
    folder = real_data / "nsclc-gtv-pat1"
    files = (str(folder / "ct"), str(folder / "rtstruct.dcm"), "--roi", "GTV-1")
    words = ("--settings", "radiomics-ibsi-c", "--out", str(tmp_path / "gtv.json"))
    assert main(["radiomics", *files, *words, "--progress", "none"]) == 0
    found = json.loads((tmp_path / "gtv.json").read_text("utf-8"))
    assert found["region"]["voxels"] == pytest.approx(45985, abs=150)
