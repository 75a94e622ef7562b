"""Finding the CT in a folder, and choosing the series to analyze."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import (
    ComprehensiveSRStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    PositronEmissionTomographyImageStorage,
    RTStructureSetStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from dicom_factory import (
    AXIAL,
    BIRTH_DATE,
    CORONAL,
    NAME,
    PATIENT_ID,
    SYNTAXES,
    drop_meta,
    numbered_hu,
    other_object,
    refusal,
    stack_positions,
    uid,
    write_multiframe,
    write_series,
)
from LungPNetLib.dicom.header import quiet_pydicom
from LungPNetLib.dicom.series import scan_folder
from LungPNetLib.reading import read_study


def reads_as(path: Path, hu, **options) -> bool:
    return np.array_equal(read_study(path, **options).ct.array, hu)


def as_localizer(dataset, _k) -> None:
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]


# What is in the folder


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    for name, reason in (("nowhere", "does not exist"), ("x" * 300, "cannot be reached")):
        message = refusal(tmp_path / name)
        assert f"{name}' {reason}" in message
        assert "Give a DICOM folder" in message


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "scan" / "deeper").mkdir(parents=True)
    assert "No CT images in 'scan' (found: no files at all)" in refusal(tmp_path / "scan")


def test_no_ct_says_what_was_found(tmp_path: Path, monkeypatch) -> None:
    other_object(tmp_path / "a", ComprehensiveSRStorage, "SR")
    other_object(tmp_path / "b", PositronEmissionTomographyImageStorage, "PT")
    other_object(tmp_path / "c", PositronEmissionTomographyImageStorage, "PT")
    other_object(tmp_path / "d", SegmentationStorage, "SEG")
    other_object(tmp_path / "e", SecondaryCaptureImageStorage, "OT")
    message = refusal(tmp_path)
    assert "2 Positron Emission Tomography Image Storage" in message
    assert "1 Comprehensive SR Storage" in message
    assert "1 Secondary Capture Image Storage" in message
    monkeypatch.chdir(tmp_path)
    assert f"No CT images in '{tmp_path.name}'" in refusal(Path())


def test_a_text_file_named_dcm_is_ignored_with_a_notice(tmp_path: Path) -> None:
    hu = numbered_hu()
    write_series(tmp_path, hu)
    (tmp_path / "0000 read me.dcm").write_text("Not an image.")
    study = read_study(tmp_path)
    assert np.array_equal(study.ct.array, hu)
    assert study.notices == ("1 file(s) in the folder are not DICOM and were ignored.",)


def test_a_text_file_named_dcm_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.dcm"
    path.write_text("Not an image. " * 50)
    for given in (tmp_path, path):
        assert "1 file(s) that are not DICOM, such as 'notes.dcm'" in refusal(given)


@pytest.mark.parametrize("content", [b"", b"\0" * 5000], ids=["empty", "zeros"])
def test_what_an_interrupted_copy_leaves_is_damage(tmp_path: Path, content: bytes) -> None:
    paths = write_series(tmp_path, numbered_hu())
    paths[-1].write_bytes(content)
    message = refusal(tmp_path)
    assert "1 DICOM file(s) cannot be read" in message
    assert "'0012.dcm'" in message


def test_other_objects_beside_the_ct_do_not_matter(tmp_path: Path) -> None:
    """A CD holds a DICOMDIR (without SOPClassUID), reports, and files that happen to start like
    DICOM without its preamble."""
    hu = numbered_hu()
    write_series(tmp_path / "IMAGES", hu)
    other_object(tmp_path / "RTSTRUCT", RTStructureSetStorage, "RTSTRUCT")
    other_object(tmp_path / "pet" / "1", PositronEmissionTomographyImageStorage, "PT")
    other_object(tmp_path / "DICOMDIR", MediaStorageDirectoryStorage, "")
    (tmp_path / "table.bin").write_bytes(b"\x08\x00\x05\x00" + bytes(range(256)) * 4)
    assert reads_as(tmp_path, hu)
    with quiet_pydicom():
        content = scan_folder(tmp_path)
    assert (len(content.images), len(content.other)) == (12, 3)
    assert [path.name for path in content.not_dicom] == ["table.bin"]
    assert not content.damaged


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_files_without_preamble_and_meta_information(tmp_path: Path, syntax: str) -> None:
    hu = numbered_hu()
    for path in write_series(tmp_path, hu, syntax=syntax):
        drop_meta(path)
        assert path.read_bytes()[:2] == b"\x08\x00"
    assert reads_as(tmp_path, hu)


def test_folders_of_any_depth_with_odd_names(tmp_path: Path) -> None:
    hu = numbered_hu()
    names = ["a b", "ä=漢字", "trailing.", "new\nline", os.fsdecode(b"latin-\xe9"), "x" * 200]
    for k, path in enumerate(write_series(tmp_path / "flat", hu)):
        folder = tmp_path.joinpath("study", *names[: 1 + k % len(names)])
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / f"{names[k % 5]}{k}")
    study = read_study(tmp_path)
    assert np.array_equal(study.ct.array, hu)
    damaged = study.source[4].path
    damaged.write_bytes(damaged.read_bytes()[:900])
    assert "'latin-?4'" in refusal(tmp_path)


def test_symbolic_links(tmp_path: Path) -> None:
    hu = numbered_hu()
    paths = write_series(tmp_path / "store", hu)
    study = tmp_path / "study"
    study.mkdir()
    for path in paths:
        (study / path.name).symlink_to(path)
    (study / "round").symlink_to(study, target_is_directory=True)
    (study / "up").symlink_to(tmp_path, target_is_directory=True)
    (study / "self").symlink_to(study / "self")
    (study / "gone").symlink_to(study / "nowhere")
    assert reads_as(study, hu)
    (tmp_path / "link").symlink_to(study, target_is_directory=True)
    assert reads_as(tmp_path / "link", hu)


def test_a_folder_that_cannot_be_listed_is_not_skipped(tmp_path: Path, monkeypatch) -> None:
    write_series(tmp_path, numbered_hu())
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def deny(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deny)
    assert "cannot be read (Permission denied)" in refusal(tmp_path)


def test_one_slice_as_a_file_asks_for_the_folder(tmp_path: Path) -> None:
    paths = write_series(tmp_path, numbered_hu())
    message = refusal(paths[3])
    assert "'0004.dcm' is one slice of a CT series. Give the folder" in message


def test_a_single_file_does_not_read_its_neighbours(tmp_path: Path) -> None:
    hu = numbered_hu()
    path = write_multiframe(tmp_path / "one.dcm", hu, stack_positions(12))
    (tmp_path / "two.dcm").write_bytes(path.read_bytes()[:400])
    assert reads_as(path, hu)


def test_identity_is_not_in_warnings(tmp_path: Path) -> None:
    """pydicom quotes values that break the rules, such as a UID made of a patient ID."""

    def odd(dataset, _k):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset.StudyInstanceUID = f"1.2.{PATIENT_ID}"

    write_series(tmp_path, numbered_hu(), change=odd)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        read_study(tmp_path)
    assert not [str(w.message) for w in seen if PATIENT_ID in str(w.message)]


# Which series


def two_series(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    first, second = numbered_hu(), numbered_hu((8, 16, 20))
    write_series(folder / "a", first, series="thin", number=4)
    write_series(folder / "b", second, series="soft", number="07")
    return first, second


def test_two_candidates_are_listed(tmp_path: Path) -> None:
    two_series(tmp_path / "study")
    message = refusal(tmp_path / "study")
    assert "'study' holds 2 CT series" in message
    assert "--series" in message
    assert (
        f"{uid('thin')}  number 4, 12 slices of 20x16, thickness 7.5 mm, B30f, 'thin description'"
        in message
    )
    assert f"{uid('soft')}  number 07, 8 slices" in message


def test_a_series_is_named_by_uid_or_number(tmp_path: Path) -> None:
    first, second = two_series(tmp_path)
    assert reads_as(tmp_path, first, series=uid("thin"))
    assert reads_as(tmp_path, second, series=uid("soft"))
    assert reads_as(tmp_path, first, series="4")
    assert reads_as(tmp_path, second, series="7")
    assert reads_as(tmp_path, second, series="07")


@pytest.mark.parametrize("series", ["5", "1.2.3", "", "thin"])
def test_an_unknown_series_lists_the_known_ones(tmp_path: Path, series: str) -> None:
    two_series(tmp_path)
    message = refusal(tmp_path, series=series)
    assert "no CT series has this UID or number" in message
    assert uid("thin") in message
    assert uid("soft") in message


def test_a_number_that_two_series_share(tmp_path: Path) -> None:
    write_series(tmp_path / "a", numbered_hu(), series="thin", number=4)
    write_series(tmp_path / "b", numbered_hu(), series="soft", number=4)
    assert "more than one series has this UID or number" in refusal(tmp_path, series="4")


def test_a_listing_cannot_steer_the_terminal(tmp_path: Path) -> None:
    def attack(dataset, _k):
        dataset.SeriesDescription = "\x1b[2Jthin\n  1.2.3  number 9"

    write_series(tmp_path / "a", numbered_hu(), series="thin", change=attack)
    write_series(tmp_path / "b", numbered_hu(), series="soft")
    message = refusal(tmp_path)
    assert "\x1b" not in message
    assert len(message.splitlines()) == 3


def test_only_a_localizer(tmp_path: Path) -> None:
    write_series(tmp_path, numbered_hu(), change=as_localizer)
    for options in ({}, {"series": uid("series")}):
        assert "has 0 slice(s) that are not localizers" in refusal(tmp_path, **options)


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_slices(tmp_path: Path, n: int) -> None:
    write_series(tmp_path, numbered_hu((n, 16, 20)))
    message = refusal(tmp_path)
    assert f"{n} slice(s)" in message
    assert "at least 3" in message
    assert "at least 3" in refusal(tmp_path, series="1")


def test_localizers_inside_the_series_are_left_out(tmp_path: Path) -> None:
    hu = numbered_hu()
    write_series(tmp_path / "ct", hu)
    write_series(
        tmp_path / "scout", numbered_hu((4, 16, 20)), orientation=CORONAL, change=as_localizer
    )
    study = read_study(tmp_path)
    assert np.array_equal(study.ct.array, hu)
    assert not study.notices


def test_another_orientation_in_the_same_series_is_a_choice(tmp_path: Path) -> None:
    axial, coronal = numbered_hu(), numbered_hu((8, 16, 20))
    write_series(tmp_path / "a", axial, orientation=AXIAL)
    write_series(
        tmp_path / "b", coronal, orientation=CORONAL, positions=stack_positions(8, (0, 2, 0))
    )
    message = refusal(tmp_path)
    assert f"{uid('series')}  number 1, 12 slices" in message
    assert f"{uid('series')}#2  number 1, 8 slices" in message
    assert reads_as(tmp_path, axial, series=uid("series"))
    study = read_study(tmp_path, series=f"{uid('series')}#2")
    assert np.array_equal(study.ct.array, coronal)
    assert "12 image(s) of the same series" in " ".join(study.notices)


def test_slices_without_a_place_beside_the_ct_are_left_out_with_a_notice(tmp_path: Path) -> None:
    def screen_shot(dataset, _k):
        del dataset.ImageOrientationPatient, dataset.ImagePositionPatient, dataset.PixelSpacing

    hu = numbered_hu()
    write_series(tmp_path / "ct", hu)
    write_series(tmp_path / "shots", numbered_hu((4, 16, 20)), change=screen_shot)
    study = read_study(tmp_path)
    assert np.array_equal(study.ct.array, hu)
    assert "4 image(s) of the same series" in " ".join(study.notices)


@pytest.mark.parametrize(
    "keyword", ["ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing"]
)
def test_missing_geometry_is_refused(tmp_path: Path, keyword: str) -> None:
    paths = write_series(tmp_path, numbered_hu(), change=lambda d, k: delattr(d, keyword))
    message = refusal(tmp_path)
    assert f"'{paths[0].name}' lacks" in message
    assert keyword in message


def test_rounding_in_headers_does_not_split_a_series(tmp_path: Path) -> None:
    def round_differently(dataset, k):
        dataset.PixelSpacing = ["0.6994" if k % 2 else "0.6996", "0.8"]
        if k % 2:
            dataset.ImageOrientationPatient = ["1", "0.00004", "0", "-0.00004", "1", "0"]

    hu = numbered_hu()
    write_series(tmp_path, hu, change=round_differently)
    assert reads_as(tmp_path, hu)


# Whose series


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("PatientID", "PID-4712"), ("PatientName", "Muster^Max"), ("PatientBirthDate", "19700101")],
)
@pytest.mark.parametrize("pixel_mm", [(0.8, 0.7), (0.5, 0.5)], ids=["same grid", "other grid"])
def test_two_patients_in_one_series(tmp_path: Path, keyword, value, pixel_mm) -> None:
    write_series(tmp_path / "a", numbered_hu())
    write_series(
        tmp_path / "b",
        numbered_hu((2, 16, 20)),
        positions=stack_positions(2, first_mm=(-50, -40, 130)),
        pixel_mm=pixel_mm,
        change=lambda dataset, k: setattr(dataset, keyword, value),
    )
    message = refusal(tmp_path)
    assert "name more than one patient" in message
    assert value not in message


def test_two_spellings_of_one_name_are_one_patient(tmp_path: Path) -> None:
    def spell(dataset, k):
        dataset.PatientName = ["MUSTER^ERIKA", "Muster^Erika^^"][k % 2]

    hu = numbered_hu()
    write_series(tmp_path, hu, change=spell)
    assert reads_as(tmp_path, hu)


@pytest.mark.parametrize("keyword", ["FrameOfReferenceUID", "StudyInstanceUID"])
def test_two_frames_of_reference_or_studies(tmp_path: Path, keyword: str) -> None:
    def other(dataset, k):
        if k > 6:
            setattr(dataset, keyword, "1.2.3")

    write_series(tmp_path, numbered_hu(), change=other)
    assert "more than one study or frame of reference" in refusal(tmp_path)


# Copies


def test_identical_copies_are_dropped_with_a_notice(tmp_path: Path) -> None:
    hu = numbered_hu()
    paths = write_series(tmp_path / "ct", hu, syntax=SYNTAXES["RLE"])
    for k in (2, 3):
        (tmp_path / f"copy {k}").write_bytes(paths[k].read_bytes())
    study = read_study(tmp_path)
    assert np.array_equal(study.ct.array, hu)
    assert study.geometry.duplicates_dropped == 2
    assert len(study.source) == 12
    assert study.notices == ("2 identical copies of slices were ignored.",)


def test_two_different_slices_at_one_position_are_named(tmp_path: Path) -> None:
    hu = numbered_hu()
    write_series(tmp_path / "phase 1", hu)
    hu[7, 8, 9] += 1
    paths = write_series(tmp_path / "phase 2", hu)
    for path in paths[:7] + paths[8:]:
        path.unlink()
    message = refusal(tmp_path)
    assert "'phase 1/0008.dcm' and 'phase 2/0008.dcm'" in message
    paths[7].rename(tmp_path / "late.dcm")
    assert "'late.dcm' and '0008.dcm'" in refusal(tmp_path)


def test_the_factory_writes_an_identity(tmp_path: Path) -> None:
    """Otherwise ``refusal`` would look for nothing."""
    content = write_series(tmp_path, numbered_hu())[0].read_bytes()
    assert all(text.encode() in content for text in (NAME, PATIENT_ID, BIRTH_DATE))
