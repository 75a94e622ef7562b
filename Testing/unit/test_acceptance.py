"""Acceptance of a report: what it says afterwards, and when it is refused."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import highdicom as hd
import pydicom
import pytest

from export_samples import (
    FILE_ORDER,
    assert_anonymous,
    axial_study,
    label_array,
    lung_result,
    nodule_result,
    validation_errors,
    write_lungs,
    write_with_nodules,
)
from LungPNetLib.dicom.acceptance import accept_measurements, is_accepted, measurement_groups
from LungPNetLib.dicom.structured_report import write_measurements
from LungPNetLib.errors import InputError, LungPNetError, OutputError
from LungPNetLib.study import Study

STARTED = "2026-02-03T04:05:06Z"
AT = datetime(2026, 2, 3, 14, 15, 16)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return axial_study(tmp_path_factory.mktemp("axial"), file_order=FILE_ORDER)


@pytest.fixture(scope="module")
def written(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result folder with what acceptance looks at; do not change it."""
    folder = tmp_path_factory.mktemp("written")
    write_lungs(study, label_array(), folder / "segmentation.dcm")
    write_measurements(
        study, lung_result(), folder / "segmentation.dcm", folder / "measurements.dcm"
    )
    (folder / "result.json").write_text(json.dumps({"run": {"started": STARTED}}))
    return folder


@pytest.fixture
def report(written: Path, tmp_path: Path) -> Path:
    """measurements.dcm of a result folder."""
    return Path(shutil.copytree(written, tmp_path / "result")) / "measurements.dcm"


def accept(path: Path, **changes: Any) -> None:
    given = {
        "observer_name": "Reader^Rita",
        "organization": "Hospital",
        "started": STARTED,
        "at": AT,
        **changes,
    }
    accept_measurements(path, **given)


def tracking_uids(path: Path) -> list[str]:
    content = hd.sr.srread(path).content
    return [str(g.tracking_uid) for g in content.get_volumetric_roi_measurement_groups()]


def refused(path: Path, match: str, kind: type[LungPNetError] = InputError, **changes: Any) -> None:
    """The acceptance is refused and the folder is as it was."""
    before = {file: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}
    with pytest.raises(kind, match=match) as raised:
        accept(path, **changes)
    assert_anonymous(str(raised.value))
    after = {file: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}
    assert after == before


def test_flags_observer_and_time(report: Path) -> None:
    assert not is_accepted(report)
    accept(report, observer_name=" Reader^Rita ")
    assert is_accepted(report)
    document = pydicom.dcmread(report)
    assert (document.CompletionFlag, document.VerificationFlag) == ("COMPLETE", "VERIFIED")
    assert document.PreliminaryFlag == "FINAL"
    assert (document.ContentDate, document.ContentTime) == ("20260203", "141516")
    (verifier,) = document.VerifyingObserverSequence
    assert verifier.VerifyingObserverName == "Reader^Rita"
    assert verifier.VerifyingOrganization == "Hospital"
    assert verifier.VerificationDateTime == "20260203141516"
    assert [file.name for file in report.parent.glob(".*")] == []


def test_successor_is_a_new_instance_that_names_its_draft(report: Path) -> None:
    draft = pydicom.dcmread(report)
    accept(report)
    document = pydicom.dcmread(report)
    assert document.SOPInstanceUID != draft.SOPInstanceUID
    assert document.file_meta.MediaStorageSOPInstanceUID == document.SOPInstanceUID
    assert document.SeriesInstanceUID == draft.SeriesInstanceUID
    assert document.InstanceNumber == draft.InstanceNumber + 1
    (named,) = document.PredecessorDocumentsSequence
    assert named.StudyInstanceUID == draft.StudyInstanceUID
    (series,) = named.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == draft.SeriesInstanceUID
    (instance,) = series.ReferencedSOPSequence
    assert instance.ReferencedSOPInstanceUID == draft.SOPInstanceUID
    assert instance.ReferencedSOPClassUID == draft.SOPClassUID


def test_content_stays_and_other_programs_can_read_it(report: Path) -> None:
    draft = hd.sr.srread(report)
    accept(report, observer_name="王^芳", organization="Универсиtät")
    document = hd.sr.srread(report)
    assert document.content == draft.content
    assert str(document.VerifyingObserverSequence[0].VerifyingObserverName) == "王^芳"
    assert document.VerifyingObserverSequence[0].VerifyingOrganization == "Универсиtät"
    assert validation_errors(report) == []


def test_rejected_findings_do_not_enter(report: Path) -> None:
    right, left = tracking_uids(report)
    accept(report, rejected=[right])
    assert tracking_uids(report) == [left]
    assert validation_errors(report) == []


def test_of_what_is_rejected_something_must_stay_and_all_must_be_there(report: Path) -> None:
    refused(report, "nothing to accept", rejected=tracking_uids(report))
    refused(report, "no finding with the tracking UID '1.2.3'", rejected=["1.2.3"])


def test_twice_is_refused(report: Path) -> None:
    accept(report)
    refused(report, "was accepted before")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"observer_name": "  "}, "name of the person, of at most 64 characters; it has 0"),
        ({"observer_name": "R" * 65}, "it has 65"),
        ({"organization": ""}, "the organization"),
        ({"observer_name": "Reader\\Rita"}, "backslash"),
        ({"organization": "Hospital\nEast"}, "line break"),
    ],
)
def test_names_that_cannot_be_written(report: Path, changes: dict[str, str], match: str) -> None:
    refused(report, match, **changes)


def test_result_that_was_replaced_since_it_was_seen(report: Path) -> None:
    refused(report, "has changed since its findings were shown", started="2026-02-03T04:00:00Z")


def test_segmentation_that_was_replaced(report: Path, study: Study) -> None:
    write_lungs(study, label_array(), report.with_name("segmentation.dcm"))
    refused(report, "has changed since its findings were shown")


@pytest.mark.parametrize("name", ["result.json", "segmentation.dcm", "measurements.dcm"])
@pytest.mark.parametrize("damage", ["absent", "empty", "garbage"])
def test_damaged_result_folder(report: Path, name: str, damage: str) -> None:
    path = report.with_name(name)
    path.unlink()
    if damage != "absent":
        path.write_bytes(b"" if damage == "empty" else b"[1, 2, 3]" * 100)
    refused(report, "cannot be read as a DICOM SR|missing or damaged")


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.99])
def test_report_that_was_cut_off(report: Path, share: float) -> None:
    content = report.read_bytes()
    report.write_bytes(content[: int(share * len(content))])
    refused(report, "cannot be read as a DICOM SR|is damaged|no structured report")


def test_what_is_no_report(report: Path) -> None:
    segmentation = report.with_name("segmentation.dcm")
    with pytest.raises(InputError, match=r"segmentation\.dcm"):
        is_accepted(segmentation)
    with pytest.raises(InputError, match=r"segmentation\.dcm"):
        accept(segmentation)


def test_file_that_another_program_holds_open(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows refuses to replace it; what was written beside it must go."""

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", denied)
    refused(report, "no other program has the file open", OutputError)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="every folder is writable for root"
)
def test_folder_that_is_read_only(report: Path) -> None:
    report.parent.chmod(0o555)
    try:
        refused(report, "result folder may be written", OutputError)
    finally:
        report.parent.chmod(0o755)


def test_folder_that_cannot_be_written(report: Path) -> None:
    report.with_name(f".{report.name}.partial").mkdir()
    refused(report, "result folder may be written", OutputError)


def test_a_rejected_nodule_is_found_by_its_name_and_left_out(study: Study, tmp_path: Path) -> None:
    segmentation = write_with_nodules(study, tmp_path / "segmentation.dcm")
    path = tmp_path / "measurements.dcm"
    write_measurements(study, nodule_result(study), segmentation, path)
    (tmp_path / "result.json").write_text(json.dumps({"run": {"started": STARTED}}))
    named = measurement_groups(path)
    assert list(named) == ["Right lung", "Left lung", "Nodule 1", "Nodule 2"]
    accept(path, rejected=[named["Nodule 1"]])
    assert list(measurement_groups(path)) == ["Right lung", "Left lung", "Nodule 2"]
    assert validation_errors(path) == []
