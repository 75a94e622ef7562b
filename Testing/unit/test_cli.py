"""The main job from the command line: the result, and what happens to bad input."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pydicom
import pytest

from LungPNetLib.cli import main
from LungPNetLib.cohort.dicom_writer import SeriesTags, write_ct_series
from LungPNetLib.volume import read_image, write_image

QUICK = "lungs,report"
"""Stages of a run that is not about nodules."""


@pytest.fixture
def series(small_series: Path, tmp_path: Path) -> Path:
    """A copy of the small series that a test may spoil."""
    return Path(shutil.copytree(small_series, tmp_path / "ct"))


@pytest.fixture
def analyze(tmp_path: Path, capsys) -> Callable[..., tuple[int, str, Path]]:
    """Run ``lungpnet analyze``; gives the exit status, standard error and the target folder."""

    def run(source: Path, *options: str) -> tuple[int, str, Path]:
        out = tmp_path / "result"
        status = main(["analyze", str(source), "--out", str(out), "--progress", "none", *options])
        return status, capsys.readouterr().err, out

    return run


@pytest.fixture(scope="module")
def finished(small_series: Path, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "result"
    assert main(["analyze", str(small_series), "--out", str(out), "--progress", "none"]) == 0
    return out


def slices(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.dcm"))


def refused(outcome: tuple[int, str, Path], *words: str, status: int = 2) -> None:
    """The run ended with ``status``, said ``words``, and left nothing behind."""
    code, message, out = outcome
    assert code == status, message
    for word in words:
        assert word in message
    assert "Traceback" not in message
    assert not out.exists()
    assert not list(out.parent.glob(".result*"))


def test_the_result_is_whole(finished):
    names = {path.name for path in finished.iterdir()}
    assert names == {
        "result.json", "lungs.nrrd", "nodules.nrrd", "heterogeneity.nrrd", "segmentation.dcm",
        "measurements.dcm", "report.html", "report.pdf", "run.jsonl",
    }  # fmt: skip
    assert set(json.loads((finished / "result.json").read_text())["outputs"]) == names


def test_the_result_follows_its_schema(finished):
    import jsonschema

    import LungPNetLib.report

    schema_path = Path(LungPNetLib.report.__file__).parent / "result.schema.json"
    schema = json.loads(schema_path.read_text())
    result = json.loads((finished / "result.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(result)
    assert result["run"]["peak_memory_mib"] > 100
    assert result["lungs"]["measurements"][0]["side"] == "right"


def test_volumes_are_those_of_the_truth(finished, small_patient):
    result = json.loads((finished / "result.json").read_text())
    for row in result["lungs"]["measurements"][:2]:
        truth_ml = (small_patient.lungs.array == row["label"]).sum() * 2.8 * 2.8 * 6.0 / 1000
        assert row["volume_ml"] == pytest.approx(truth_ml, rel=0.03)
        assert -900 < row["mean_hu"] < -780


def test_the_log_has_every_stage_and_no_identity(finished):
    text = (finished / "run.jsonl").read_text()
    stages = [json.loads(line).get("stage") for line in text.splitlines()]
    assert [s for s in dict.fromkeys(stages) if s] == [
        "read",
        "quality",
        "lungs",
        "nodules",
        "export",
        "report",
    ]
    assert "MadeUp" not in text
    assert "PHANTOM" not in text


def test_dicom_nifti_nrrd_and_mha_give_the_same_lungs(finished, small_patient, tmp_path):
    expected = read_image(finished / "lungs.nrrd")
    for name in ("ct.nii.gz", "ct.nrrd", "ct.mha"):
        write_image(small_patient.ct, tmp_path / name)
        out = tmp_path / name.replace(".", "-")
        arguments = ["analyze", str(tmp_path / name), "--out", str(out), "--progress", "none"]
        assert main([*arguments, "--stages", "lungs"]) == 0
        found = read_image(out / "lungs.nrrd")
        np.testing.assert_array_equal(found.array, expected.array)
        assert found.same_grid_as(expected)
        reason = json.loads((out / "result.json").read_text())["not_written"]["segmentation.dcm"]
        assert "refer to the DICOM series" in reason


def test_a_series_that_cannot_be_referred_to_still_has_its_report(analyze, series):
    for path in slices(series):
        dataset = pydicom.dcmread(path)
        del dataset.FrameOfReferenceUID
        dataset.save_as(path)
    status, _, out = analyze(series, "--stages", QUICK)
    assert status == 0
    assert (out / "report.html").is_file()
    assert not (out / "segmentation.dcm").exists()
    result = json.loads((out / "result.json").read_text())
    assert "FrameOfReferenceUID" in result["not_written"]["segmentation.dcm"]


def test_quality_alone_is_a_quick_look(analyze, series):
    status, _, out = analyze(series, "--stages", "quality,report")
    assert status == 0
    assert {p.name for p in out.iterdir()} == {
        "result.json", "report.html", "report.pdf", "run.jsonl",
    }  # fmt: skip


def test_deidentify_leaves_no_identity_anywhere(small_patient, tmp_path):
    tags = SeriesTags(patient_name="Zebra^Quagga", patient_id="ID-Okapi", birth_date="19510203")
    write_ct_series(small_patient.ct, tmp_path / "ct", tags=tags)
    for option in ((), ("--deidentify",)):
        out = tmp_path / f"out{len(option)}"
        arguments = ["analyze", str(tmp_path / "ct"), "--out", str(out), "--progress", "none"]
        assert main([*arguments, *option]) == 0
        texts = {p.name: p.read_bytes() for p in out.iterdir() if p.suffix != ".pdf"}
        texts["report.pdf"] = pdf_text(out / "report.pdf").encode()
        holders = {n for n, text in texts.items() if b"Zebra" in text or b"Okapi" in text}
        if option:
            assert holders == set()
        else:
            assert holders == {
                "result.json", "report.html", "report.pdf", "segmentation.dcm", "measurements.dcm",
            }  # fmt: skip


def pdf_text(path: Path) -> str:
    from pypdf import PdfReader

    return "\n".join(page.extract_text() for page in PdfReader(path).pages)


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_markup_in_dicom_strings_stays_text(small_patient, tmp_path):
    tags = SeriesTags(
        patient_name="<script>alert(1)</script>",
        series_description='"><img src=x onerror=alert(1)>',
        kernel="=cmd|' /C calc'!A0",
    )
    write_ct_series(small_patient.ct, tmp_path / "ct", tags=tags)
    out = tmp_path / "out"
    assert main(["analyze", str(tmp_path / "ct"), "--out", str(out), "--progress", "none"]) == 0
    parser = Elements()
    html = (out / "report.html").read_text()
    parser.feed(html)
    assert "alert(1)" in html  # shown, as text
    assert not [tag for tag, _ in parser.found if tag in ("script", "iframe", "object")]
    assert not [a for _, attributes in parser.found for a in attributes if a.startswith("on")]
    policies = [a["content"] for t, a in parser.found if a.get("http-equiv")]
    assert any(policy and policy.startswith("default-src 'none'") for policy in policies)


def test_empty_folder(analyze, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(analyze(tmp_path / "empty"), "No CT images in 'empty'", "no files at all")


def test_folder_that_does_not_exist(analyze, tmp_path):
    refused(analyze(tmp_path / "nowhere"), "does not exist")


def test_no_ct(analyze, series):
    for path in slices(series):
        dataset = pydicom.dcmread(path)
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = (
            pydicom.uid.PositronEmissionTomographyImageStorage
        )
        dataset.save_as(path)
    refused(analyze(series), "No CT images", "Positron Emission Tomography")


def test_two_candidate_series(analyze, series, small_patient):
    write_ct_series(
        small_patient.ct, series / "second", tags=SeriesTags(series_description="lung kernel")
    )
    for path in slices(series / "second"):
        dataset = pydicom.dcmread(path)
        dataset.SeriesInstanceUID = "1.2.3.4"
        dataset.save_as(path)
    refused(analyze(series), "2 CT series", "--series", "1.2.3.4", "lung kernel")
    status, _, out = analyze(series, "--series", "1.2.3.4", "--stages", "quality")
    assert status == 0
    assert json.loads((out / "result.json").read_text())["acquisition"]["series_uid"] == "1.2.3.4"


def test_one_slice(analyze, series):
    for path in slices(series)[1:]:
        path.unlink()
    refused(analyze(series), "1 slice", "whole series")


def test_a_missing_slice(analyze, series):
    slices(series)[20].unlink()
    refused(analyze(series), "1 slice(s) are missing", "12 mm", "--allow-gaps")
    status, _, out = analyze(series, "--allow-gaps", "--stages", QUICK)
    assert status == 0
    result = json.loads((out / "result.json").read_text())
    checks = {check["check_id"]: check for check in result["quality"]["checks"]}
    assert checks["missing_slices"]["verdict"] == "warn"
    assert result["grid"]["regridded"] is True
    assert result["grid"]["size"][2] == 48
    assert pydicom.dcmread(out / "segmentation.dcm").NumberOfFrames > 30


def test_two_different_slices_at_one_position(analyze, series):
    path = slices(series)[20]
    dataset = pydicom.dcmread(path)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.save_as(series / "copy.dcm")
    status, _, out = analyze(series, "--stages", "quality")
    assert status == 0
    assert "identical copies" in json.loads((out / "result.json").read_text())["warnings"][0]
    shutil.rmtree(out)
    dataset.PixelData = dataset.PixelData[::-1]
    dataset.save_as(series / "copy.dcm")
    refused(analyze(series), "Two different slices", path.name, "copy.dcm")


def test_a_truncated_file_is_named(analyze, series):
    path = slices(series)[20]
    path.write_bytes(path.read_bytes()[:-5000])
    refused(analyze(series), path.name, "cut off")


def test_two_patients_inside_one_series(analyze, series):
    path = slices(series)[20]
    dataset = pydicom.dcmread(path)
    dataset.PatientID, dataset.PatientName = "OTHER-1", "Other^Person"
    dataset.save_as(path)
    outcome = analyze(series)
    refused(outcome, "more than one patient")
    assert "OTHER" not in outcome[1].upper()


def test_an_image_that_is_not_hu(analyze, small_patient, tmp_path):
    scaled = (small_patient.ct.array.astype(np.float32) + 1024) / 2000
    write_image(small_patient.ct.with_array(scaled), tmp_path / "scaled.nii.gz")
    refused(analyze(tmp_path / "scaled.nii.gz"), "quality gate refuses", "HU")


def test_a_text_file_named_dcm(analyze, series, tmp_path):
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "notes.dcm").write_text("not an image")
    refused(analyze(tmp_path / "only"), "not DICOM", "notes.dcm")
    (series / "notes.dcm").write_text("not an image")
    status, _, out = analyze(series, "--stages", "quality")
    assert status == 0
    warnings = json.loads((out / "result.json").read_text())["warnings"]
    assert warnings == ["1 file(s) in the folder are not DICOM and were ignored."]


def test_no_permission_to_write(series, capsys):
    if not Path("/sys").is_dir():
        pytest.skip("needs a folder that even root cannot write")
    assert main(["analyze", str(series), "--out", "/sys/out", "--progress", "none"]) == 2
    assert "permission to write" in capsys.readouterr().err


def test_disk_full(series, tmp_path, capsys):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root on Linux")
    try:
        arguments = ["analyze", str(series), "--out", str(disk / "out"), "--progress", "none"]
        status = main([*arguments, "--stages", QUICK])
        assert status == 1
        message = capsys.readouterr().err
        assert "disk is" in message
        assert "free some space" in message
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_an_existing_result_is_kept(analyze, series, tmp_path):
    (tmp_path / "result").mkdir()
    (tmp_path / "result" / "result.json").write_text("{}")
    status, message, out = analyze(series)
    assert status == 2
    assert "--overwrite" in message
    assert (out / "result.json").read_text() == "{}"
    status, _, out = analyze(series, "--overwrite", "--stages", "quality")
    assert status == 0
    assert json.loads((out / "result.json").read_text())["schema_version"]


@pytest.mark.parametrize(
    ("options", "message", "status"),
    [
        (["--stages", "lungs,magic"], "Unknown stage 'magic'", 2),
        (["--device", "cuda:77"], "--device auto or cpu", 3),
        (["--series", "9.9.9"], "no CT series has this UID", 2),
    ],
)
def test_options_that_cannot_be(analyze, series, options, message, status):
    refused(analyze(series, *options), message, status=status)


def start(series: Path, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "LungPNetLib.cli", "analyze", str(series), "--out", str(out)]
    return subprocess.Popen(
        [*command, "--progress", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what runs in the background with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_stage(process: subprocess.Popen[str], stage: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line).get("stage") == stage:
            return
    pytest.fail(f"the run ended before the stage {stage}")


def test_killed_midway_and_run_again(series, tmp_path, capsys):
    out = tmp_path / "result"
    with start(series, out) as process:
        wait_for_stage(process, "lungs")
        process.send_signal(signal.SIGKILL)
    assert not out.exists()
    assert len(list(tmp_path.glob(".result*"))) == 1
    arguments = ["analyze", str(series), "--out", str(out), "--progress", "none"]
    assert main([*arguments, "--stages", QUICK]) == 0
    assert not list(tmp_path.glob(".result*"))
    assert (out / "report.html").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ended_midway_leaves_nothing(series, tmp_path, number):
    out = tmp_path / "result"
    with start(series, out) as process:
        wait_for_stage(process, "lungs")
        process.send_signal(number)
        assert process.stderr is not None
        message = process.stderr.read()
    assert process.returncode == 130
    assert "nothing was written" in message
    assert not list(tmp_path.glob("*result*"))


def test_events_on_a_pipe_are_json_and_end_with_the_result(series, tmp_path):
    with start(series, tmp_path / "result") as process:
        output, message = process.communicate()
    assert process.returncode == 0, message
    events = [json.loads(line) for line in output.splitlines()]
    assert events[-1]["event"] == "result"
    assert Path(events[-1]["folder"], "report.html").is_file()
    fractions = [e["fraction"] for e in events if e.get("stage") == "lungs" and "fraction" in e]
    assert fractions == sorted(fractions)


def test_a_fault_of_ours_is_one_sentence_and_a_file(series, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("LungPNetLib.pipeline.read_study", lambda *_, **__: 1 / 0)
    status = main(["analyze", str(series), "--out", str(tmp_path / "r"), "--progress", "none"])
    message = capsys.readouterr().err
    assert status == 1
    assert "fault in LungPNet (ZeroDivisionError)" in message
    assert "Traceback" not in message
    reports = list((tmp_path / "home" / "log").iterdir())
    assert "ZeroDivisionError" in reports[0].read_text()
    assert not (tmp_path / "r").exists()


def test_view_writes_png_and_html(finished, series, tmp_path, capsys):
    for name, start_bytes in (("view.png", b"\x89PNG"), ("view.html", b"<!DOCTYPE html>")):
        out = tmp_path / name
        mask = str(finished / "lungs.nrrd")
        assert main(["view", str(series), "--mask", mask, "--out", str(out)]) == 0
        assert out.read_bytes()[: len(start_bytes)].lower() == start_bytes.lower()
    assert main(["view", str(series), "--out", str(tmp_path / "view.bmp")]) == 2
    assert ".png or .html" in capsys.readouterr().err


def test_demo_makes_a_patient_and_a_report(tmp_path, capsys, small_patient, monkeypatch):
    monkeypatch.setattr(
        "LungPNetLib.cohort.phantom.patient.make_patient", lambda _seed: small_patient
    )
    out = tmp_path / "demo"
    assert main(["demo", "--out", str(out), "--progress", "none"]) == 0
    words = capsys.readouterr().out
    assert "Dice 0.9" in words
    assert (out / "result" / "report.html").is_file()
    assert (out / "patient" / "truth" / "lungs.nrrd").is_file()
    assert main(["demo", "--out", str(out), "--progress", "none"]) == 2
    assert main(["demo", "--out", str(out), "--progress", "none", "--overwrite"]) == 0


@pytest.mark.parametrize(
    "case",
    ["lidc-0001/ct", "lidc-0028", "lidc-0306", "lidc-0295", "lidc-0293-thin-slab", "lung1-001"],
)
def test_real_patients(real_data, case, tmp_path, capsys):
    out = tmp_path / "result"
    arguments = ["analyze", str(real_data / case), "--out", str(out), "--progress", "none"]
    assert main([*arguments, "--stages", QUICK]) == 0, capsys.readouterr().err
    lungs = json.loads((out / "result.json").read_text())["lungs"]["measurements"]
    assert [row["side"] for row in lungs] == ["right", "left", "both"]
    assert all(-900 < row["mean_hu"] < -650 for row in lungs)
    assert os.path.getsize(out / "report.pdf") > 100_000  # noqa: PTH202


def test_view_shows_one_region_of_several(real_data, tmp_path, capsys):
    ct, regions = str(real_data / "lung1-001"), str(real_data / "lung1-001" / "rtstruct.dcm")
    out = str(tmp_path / "view.png")
    assert main(["view", ct, "--mask", regions, "--out", out]) == 2
    assert "overlaps" in capsys.readouterr().err
    assert main(["view", ct, "--mask", regions, "--roi", "GTV-1", "--out", out]) == 0
    assert (tmp_path / "view.png").stat().st_size > 100_000
