"""Settings, folders, device choice, doctor, events."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from LungPNetLib import config, doctor
from LungPNetLib.cli import main
from LungPNetLib.device import resolve_device
from LungPNetLib.errors import Cancelled, DependencyError, InputError
from LungPNetLib.events import JsonLines, Reporter, TerminalBars
from LungPNetLib.lazy import require


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_settings_survive_a_round_trip_with_odd_characters(tmp_path, home):
    folder = tmp_path / 'LIDC "ü" 数据'
    folder.mkdir()
    config.set_value("data.lidc_dicom", str(folder))
    assert config.load_config()["data.lidc_dicom"] == str(folder)
    assert (home / "config.toml").is_file()
    config.set_value("data.lidc_dicom", "")
    assert config.load_config()["data.lidc_dicom"] == ""


def test_settings_refuse_unknown_keys_and_missing_folders(tmp_path):
    with pytest.raises(InputError, match=r"no setting 'data\.lidc'.*data\.lidc_dicom"):
        config.set_value("data.lidc", str(tmp_path))
    with pytest.raises(InputError, match="not an existing folder"):
        config.set_value("data.cohort", str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[data\n", "not valid TOML"),
        ("[data]\nlidc = 'x'\n", r"no setting 'data\.lidc'"),
        ("[data]\ncohort = 3\n", "must be a text"),
    ],
)
def test_a_broken_settings_file_is_explained(home, text, message):
    home.mkdir()
    (home / "config.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        config.load_config()


def test_config_verbs(capsys, tmp_path, home):
    assert main(["config", "init"]) == 0
    assert capsys.readouterr().out.strip() == str(home / "config.toml")
    assert main(["config", "set", "data.cohort", str(tmp_path)]) == 0
    assert main(["config", "check"]) == 0
    assert main(["config", "show"]) == 0
    assert str(tmp_path) in capsys.readouterr().out
    text = (home / "config.toml").read_text().replace(str(tmp_path), str(tmp_path / "gone"))
    (home / "config.toml").write_text(text)
    assert main(["config", "check"]) == 2
    assert "config set data.cohort" in capsys.readouterr().err


def test_device_choice():
    import torch

    assert resolve_device("auto") == ("cuda:0" if torch.cuda.is_available() else "cpu")
    with pytest.raises(InputError, match="Unknown device 'gpu'"):
        resolve_device("gpu")
    with pytest.raises(DependencyError, match="--device auto or cpu"):
        resolve_device("cuda:99")


def test_doctor_sees_this_machine(capsys):
    assert main(["doctor", "--json"]) == 0
    topics = {finding["topic"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert topics["torch"]["state"] == "ok"
    assert topics["memory"]["seen"].endswith("GiB free")


def test_doctor_says_how_to_get_what_is_missing(monkeypatch):
    monkeypatch.setattr(doctor, "REPORT_PACKAGES", ("no-such-package",))
    finding = next(f for f in doctor.examine() if f.topic == "no-such-package")
    assert finding.state == "missing"
    assert "pip install 'lungpnet[report]'" in finding.advice
    assert "missing" in doctor.as_text([finding])


def test_a_missing_package_names_feature_and_remedy():
    with pytest.raises(DependencyError, match=r"The PDF needs .*'nonesuch'.*lungpnet\[report\]"):
        require("nonesuch.part", feature="The PDF", extra="report")


def test_progress_is_clamped_timed_and_cancellable():
    seen: list[dict] = []
    stop = False
    reporter = Reporter([seen.append], is_cancelled=lambda: stop)
    with reporter.stage("lungs"):
        reporter.progress(1.7)
        stop = True
        with pytest.raises(Cancelled):
            reporter.progress(0.5)
        stop = False
    assert [event.get("fraction") for event in seen] == [0.0, 1.0, None]
    assert reporter.stage_seconds["lungs"] >= 0


def test_a_sink_is_told_only_inside_its_block():
    seen: list[dict] = []
    reporter = Reporter()
    with pytest.raises(ValueError, match="x"), reporter.also_to(seen.append):
        reporter.warning("inside")
        raise ValueError("x")
    reporter.warning("outside")
    assert seen == [{"event": "warning", "message": "inside"}]


def test_json_lines_stay_one_line_each():
    stream = io.StringIO()
    JsonLines(stream)({"event": "warning", "message": "two\nlines ü"})
    assert stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["message"] == "two\nlines ü"


def test_bars_show_stage_and_warning():
    stream = io.StringIO()
    bars = TerminalBars(stream)
    reporter = Reporter([bars])
    with reporter.stage("lungs"):
        reporter.progress(0.5)
        reporter.warning("thick slices")
    bars.close()
    assert "lungs" in stream.getvalue()
    assert "warning: thick slices" in stream.getvalue()
    assert "100 %" in stream.getvalue()


def test_import_is_cheap_and_pulls_in_nothing_heavy():
    code = (
        "import sys, time; start = time.process_time(); import LungPNetLib; "
        "seconds = time.process_time() - start; "
        "import LungPNetLib.pipeline, LungPNetLib.cli; "
        "heavy = {'torch', 'monai', 'pandas', 'matplotlib', 'highdicom', 'lightning'}; "
        "print(seconds < 0.05, sorted(heavy & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "True []"
