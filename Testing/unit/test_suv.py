"""SUVbw from PET headers: one series a vendor path, each within 0.1 % of a calculation by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_factory import BIRTH_DATE, NAME, PATIENT_ID, item
from LungPNetLib.dicom.pet_times import average_count_time_s
from LungPNetLib.dicom.suv import suv_scale
from LungPNetLib.errors import InputError
from LungPNetLib.pet_reading import read_pet
from pet_kit import (
    SLOPE,
    STORED,
    SUV_PER_BQ_ML,
    SUV_PER_BQ_ML_AT_ADMINISTRATION,
    dose,
    ge,
    pet_header,
    philips,
    with_private,
    write_pet,
)

WITHIN = 1e-3
"""Relative tolerance of every SUV here: 0.1 %."""


def frames(header: Dataset) -> Dataset:
    """A bed position of 180 s, begun 300 s into the scan.

    By hand: l = ln 2 / 6586.2 s = 1.05242e-4 / s, l * 180 s = 0.0189436; the average rate is met
    ln(0.0189436 / (1 - exp(-0.0189436))) / l = 89.86 s into the frame, 389.86 s into the scan.
    """
    header.AcquisitionTime = "100500"
    header.FrameReferenceTime = "389850"
    header.ActualFrameDuration = "180000"
    return header


def flat(header: Dataset) -> Dataset:
    """The attributes of the dose beside the sequence, without a sequence."""
    header.update(header.RadiopharmaceuticalInformationSequence[0])
    del header.RadiopharmaceuticalInformationSequence
    return header


def started(**changes: Any) -> dict[str, Any]:
    return {"RadiopharmaceuticalInformationSequence": [dose(**changes)]}


AT_MIDNIGHT = {
    "SeriesDate": "20220312",
    "SeriesTime": "003000",
    "AcquisitionDate": "20220312",
    "AcquisitionTime": "003000",
}
"""The scan starts at half past midnight, the injection was at 22:40:13.8 the day before."""

VENDORS: dict[str, tuple[Callable[[], Dataset], float]] = {
    "Siemens, Bq/mL, START: 80000 g / (400 MBq / 2)": (pet_header, 4e-4),
    "start of the first bed, 300 s later than the series": (lambda: frames(pet_header()), 4e-4),
    "GE, series made a day later, private scan time": (
        lambda: ge("20220311100000.00", SeriesDate="20220312", SeriesTime="141500"),
        4e-4,
    ),
    "GE, private scan time, public dates shifted by years": (
        lambda: ge("20220311100000.00", SeriesDate="20011104", AcquisitionDate="20011104"),
        4e-4,
    ),
    "Siemens, series made later, frame times count back to 10:00:00": (
        lambda: frames(pet_header(SeriesTime="180000")),
        4e-4,
    ),
    "Philips, counts, SUV factor 0.00125": (lambda: philips(0.00125, 3.5), 0.00125),
    "Philips, counts, 2.5 Bq/mL a count: 2.5 * 4e-4": (lambda: philips(None, 2.5), 1e-3),
    "Philips, SUV factor 0 (not determined)": (lambda: philips(0.0, 2.5), 1e-3),
    "SUV by the scanner": (lambda: pet_header(Units="GML", SUVType="BW"), 1.0),
    "SUV by the scanner, type left out (BW by DICOM)": (lambda: pet_header(Units="GML"), 1.0),
    "SUV by the scanner, no dose in the header": (
        lambda: pet_header(Units="GML", PatientWeight=None, **started(RadionuclideTotalDose=None)),
        1.0,
    ),
    "Bq/mL, ADMIN: 80000 g / 400 MBq": (lambda: pet_header(DecayCorrection="ADMIN"), 2e-4),
    "midnight between injection and scan": (
        lambda: pet_header(**AT_MIDNIGHT, **started(RadiopharmaceuticalStartTime="224013.8")),
        4e-4,
    ),
    "midnight, with the date of the injection": (
        lambda: pet_header(
            **AT_MIDNIGHT,
            **started(
                RadiopharmaceuticalStartTime=None,
                RadiopharmaceuticalStartDateTime="20220311224013.8",
            ),
        ),
        4e-4,
    ),
    "only the date and time of injection (0018,1078)": (
        lambda: pet_header(
            **started(
                RadiopharmaceuticalStartTime=None,
                RadiopharmaceuticalStartDateTime="20220311081013.800",
            )
        ),
        4e-4,
    ),
    "injection in UTC, the series one hour east": (
        lambda: pet_header(
            TimezoneOffsetFromUTC="+0100",
            **started(RadiopharmaceuticalStartDateTime="20220311071013.800+0000"),
        ),
        4e-4,
    ),
    "date of the injection shifted by de-identification": (
        lambda: pet_header(**started(RadiopharmaceuticalStartDateTime="19000101081013.800")),
        4e-4,
    ),
    "attributes of the dose flat": (lambda: flat(pet_header()), 4e-4),
    "nested and flat, written with other zeros": (
        lambda: pet_header(RadiopharmaceuticalStartTime="081013.8"),
        4e-4,
    ),
    "acquisition as one date and time": (
        lambda: pet_header(AcquisitionTime=None, AcquisitionDateTime="20220311100000"),
        4e-4,
    ),
    "decay spelled as in the QIBA text": (
        lambda: pet_header(CorrectedImage=["ATTN", "DECAY"]),
        4e-4,
    ),
    # Ga-68, half-life 4062.6 s, given one half-life before 10:00:00, at 08:52:17.4.
    "Ga-68": (
        lambda: pet_header(
            **started(
                RadiopharmaceuticalStartTime="085217.4",
                RadionuclideHalfLife="4062.6",
                RadionuclideCodeSequence=[item(CodeValue="C-131A3")],
            )
        ),
        4e-4,
    ),
    # Zr-89, half-life 282280 s, given one half-life (3 days 6:24:40) before 10:00:00.
    "Zr-89, days after injection": (
        lambda: pet_header(
            **started(
                RadiopharmaceuticalStartTime=None,
                RadiopharmaceuticalStartDateTime="20220308033520",
                RadionuclideHalfLife="282280",
                RadionuclideCodeSequence=None,
            )
        ),
        4e-4,
    ),
}


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_vendor_path(vendor: str, tmp_path: Path) -> None:
    make, by_hand = VENDORS[vendor]
    pet = read_pet(write_pet(tmp_path / "pet", make()))
    np.testing.assert_allclose(pet.suv.array, STORED * SLOPE * by_hand, rtol=WITHIN)
    assert pet.suv.array.dtype == np.float32
    assert pet.suv.spacing_mm == pytest.approx((4.0, 4.0, 3.0))


def test_the_constants_of_the_kit_are_those_of_its_text() -> None:
    assert suv_scale([pet_header()]).factor == pytest.approx(SUV_PER_BQ_ML, rel=1e-9)
    at_administration = suv_scale([pet_header(DecayCorrection="ADMIN")]).factor
    assert at_administration == pytest.approx(SUV_PER_BQ_ML_AT_ADMINISTRATION, rel=1e-12)


def test_decay_that_is_no_whole_half_life() -> None:
    """70 kg, 350 MBq at 09:00, scan at 10:00: by hand 350e6 * exp(-ln 2 * 3600 / 6586.2).

    ln 2 * 3600 / 6586.2 = 0.378872, exp(-0.378872) = 0.684633, 239.6216 MBq are left, and
    70000 / 239.6216e6 = 2.92127e-4.
    """
    header = pet_header(
        PatientWeight="70",
        **started(RadionuclideTotalDose="350000000", RadiopharmaceuticalStartTime="090000"),
    )
    scale = suv_scale([header])
    assert scale.factor == pytest.approx(2.92127e-4, rel=1e-5)
    assert scale.decay_s == 3600


def test_slices_with_slopes_of_their_own(tmp_path: Path) -> None:
    slopes = [0.5, 0.25, 1.0, 2.0, 0.125]
    pet = read_pet(write_pet(tmp_path / "pet", ge("20220311100000"), slopes=slopes))
    by_hand = STORED * np.array(slopes)[:, None, None] * SUV_PER_BQ_ML
    np.testing.assert_allclose(pet.suv.array, by_hand, rtol=WITHIN)


def test_the_earliest_bed_counts_not_the_first_file(tmp_path: Path) -> None:
    """The scan runs from head to feet: the last slice was acquired first, at the series' time."""

    def bed(k: int) -> Dataset:
        return pet_header(AcquisitionTime=f"10{4 - k:02d}00")

    pet = read_pet(write_pet(tmp_path / "pet", bed))
    np.testing.assert_allclose(pet.suv.array, STORED * SLOPE * SUV_PER_BQ_ML, rtol=WITHIN)


def test_private_values_without_their_type(tmp_path: Path) -> None:
    """Archives that do not know private attributes hand them on as bytes (UN)."""
    header = pet_header(Units="CNTS")
    with_private(header, 0x7053, "Philips PET Private Group", x00=("UN", b"0.00125 "))
    assert suv_scale([header]).factor == pytest.approx(0.00125)


def test_what_was_assumed_is_said() -> None:
    later = suv_scale([frames(pet_header(SeriesTime="180000"))])
    assert "FrameReferenceTime" in " ".join(later.notices)
    shifted = suv_scale(
        [pet_header(**started(RadiopharmaceuticalStartDateTime="19000101081013.8"))]
    )
    assert "(0018,1078)" in " ".join(shifted.notices)
    early = suv_scale([ge("20220311100000", SeriesTime="095500")])
    assert "SeriesTime" in " ".join(early.notices)
    assert suv_scale([pet_header()]).notices == ()


def test_unusual_weight_and_dose_are_named() -> None:
    light = suv_scale([pet_header(PatientWeight="8")])
    assert "PatientWeight (0010,1030) is 8 kg" in light.notices[0]
    high = suv_scale([pet_header(**started(RadionuclideTotalDose="3e9"))])
    assert "RadionuclideTotalDose (0018,1074) is 3e+09 Bq" in high.notices[0]


REFUSED: dict[str, tuple[Callable[[], Dataset], tuple[str, ...]]] = {
    "decay correction NONE": (
        lambda: pet_header(DecayCorrection="NONE"),
        ("DecayCorrection (0054,1102)", "'NONE'", "START and ADMIN"),
    ),
    "no decay correction stated": (
        lambda: pet_header(DecayCorrection=None),
        ("DecayCorrection (0054,1102) is missing",),
    ),
    "not corrected for attenuation": (
        lambda: pet_header(CorrectedImage=["NORM", "DECY"]),
        ("CorrectedImage (0028,0051)", "lacks ATTN", "AC"),
    ),
    "DECY missing while DecayCorrection is START": (
        lambda: pet_header(CorrectedImage=["NORM", "ATTN"]),
        ("lacks DECY", "DecayCorrection is START"),
    ),
    "no corrections stated": (
        lambda: pet_header(CorrectedImage=None),
        ("CorrectedImage (0028,0051) is missing",),
    ),
    "NONE in SUV": (lambda: pet_header(Units="GML", DecayCorrection="NONE"), ("'NONE'",)),
    "lean body mass": (
        lambda: pet_header(Units="GML", SUVType="LBM"),
        ("SUVType (0054,1006) is LBM", "BW"),
    ),
    "SUV by body surface": (lambda: pet_header(Units="CM2ML"), ("Units (0054,1001)", "CM2ML")),
    "no units": (lambda: pet_header(Units=None), ("Units (0054,1001) is missing",)),
    "counts without factors": (
        lambda: philips(None, None),
        ("(7053,1000)", "(7053,1009)", "CNTS"),
    ),
    "counts, both factors 0": (lambda: philips(0.0, 0.0), ("(7053,1000)", "(7053,1009)")),
    "units and rescale type disagree": (
        lambda: pet_header(RescaleType="GML"),
        ("RescaleType (0028,1054) is GML", "Units (0054,1001) is BQML"),
    ),
    "no weight": (
        lambda: pet_header(PatientWeight=None),
        ("PatientWeight (0010,1030) is missing", "kg", "De-identification"),
    ),
    "weight 0": (lambda: pet_header(PatientWeight="0"), ("PatientWeight (0010,1030) is '0'",)),
    "weight in g": (
        lambda: pet_header(PatientWeight="80000"),
        ("PatientWeight (0010,1030) is 80000", "demands kg", "in g"),
    ),
    "no dose": (
        lambda: pet_header(**started(RadionuclideTotalDose=None)),
        ("RadionuclideTotalDose (0018,1074) is missing", "Bq"),
    ),
    "dose in MBq": (
        lambda: pet_header(**started(RadionuclideTotalDose="400")),
        ("RadionuclideTotalDose (0018,1074) is 400", "demands Bq", "MBq"),
    ),
    "negative dose": (
        lambda: pet_header(**started(RadionuclideTotalDose="-4e8")),
        ("RadionuclideTotalDose (0018,1074)", "positive"),
    ),
    "no half-life": (
        lambda: pet_header(**started(RadionuclideHalfLife=None)),
        ("RadionuclideHalfLife (0018,1075) is missing",),
    ),
    "half-life in minutes": (
        lambda: pet_header(**started(RadionuclideHalfLife="109.77")),
        ("RadionuclideHalfLife (0018,1075) is 109.77", "minutes"),
    ),
    "half-life of C-11, code of F-18": (
        lambda: pet_header(**started(RadionuclideHalfLife="1221.8")),
        ("C-11", "F-18", "RadionuclideCodeSequence (0054,0300)"),
    ),
    "no time of injection": (
        lambda: pet_header(**started(RadiopharmaceuticalStartTime=None)),
        ("(0018,1072)", "(0018,1078)", "missing"),
    ),
    "two times of injection": (
        lambda: pet_header(**started(RadiopharmaceuticalStartDateTime="20220311091013")),
        ("09:10:13", "08:10:13", "(0018,1078)", "(0018,1072)"),
    ),
    "injection after the scan": (
        lambda: pet_header(**started(RadiopharmaceuticalStartTime="103000")),
        ("(0018,1072)", "10:30:00", "23.5 h", "11.0 h"),
    ),
    "injection dated after the scan": (
        lambda: pet_header(
            **started(
                RadiopharmaceuticalStartTime=None,
                RadiopharmaceuticalStartDateTime="20220311103000",
            )
        ),
        ("(0018,1078)", "-0.5 h"),
    ),
    "nested and flat dose disagree": (
        lambda: pet_header(RadionuclideTotalDose="370000000"),
        ("RadionuclideTotalDose (0018,1074)", "'370000000'", "'400000000'"),
    ),
    "long-lived nuclide without the date of injection": (
        lambda: pet_header(**started(RadionuclideHalfLife="282280", RadionuclideCodeSequence=None)),
        ("RadiopharmaceuticalStartDateTime (0018,1078) is missing",),
    ),
    "no time of the series": (
        lambda: pet_header(SeriesTime=None),
        ("SeriesTime (0008,0031) is missing",),
    ),
    "no time of acquisition": (
        lambda: pet_header(AcquisitionTime=None),
        ("AcquisitionTime (0008,0032) is missing",),
    ),
    "a time that is none": (
        lambda: pet_header(SeriesTime="990000"),
        ("SeriesTime (0008,0031)", "990000"),
    ),
    "series made later, nothing else tells the start": (
        lambda: pet_header(SeriesTime="180000"),
        ("SeriesTime (0008,0031)", "(0009,100D)", "(0054,1300)", "(0018,1242)"),
    ),
    "series time a day too early": (
        lambda: pet_header(SeriesDate="20220309"),
        ("SeriesTime (0008,0031)", "6 h"),
    ),
    "frame times count back to another hour": (
        lambda: frames(pet_header(SeriesTime="090000")),
        ("SeriesTime (0008,0031) is 09:00:00", "10:00:00", "(0054,1300)"),
    ),
    "GE's scan after its slices": (
        lambda: ge("20220311101500"),
        ("(0009,100D) is 10:15:00", "AcquisitionTime (0008,0032) 10:00:00"),
    ),
    "no slope": (lambda: pet_header(RescaleSlope=None), ("RescaleSlope (0028,1053)", "missing")),
}


@pytest.mark.filterwarnings("ignore:Invalid value for VR TM")
@pytest.mark.parametrize("flaw", REFUSED)
def test_refused_with_the_attribute_named(flaw: str) -> None:
    make, words = REFUSED[flaw]
    header = make()
    header.PatientName, header.PatientID, header.PatientBirthDate = NAME, PATIENT_ID, BIRTH_DATE
    with pytest.raises(InputError) as caught:
        suv_scale([header])
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message
    assert not [word for word in ("Muster", PATIENT_ID, BIRTH_DATE) if word in message]


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("Units", "GML"), ("PatientWeight", "81"), ("SeriesTime", "095900")],
)
def test_slices_that_disagree_are_refused(keyword: str, value: str) -> None:
    with pytest.raises(InputError, match=rf"{keyword} \(.*differs between slices"):
        suv_scale([pet_header(), pet_header(**{keyword: value})])


def test_ge_without_private_time_needs_all_slices() -> None:
    made_later = {"SeriesTime": "180000", "NumberOfSlices": 2}
    whole = suv_scale([ge(None, **made_later), ge(None, **made_later, AcquisitionTime="100400")])
    assert whole.factor == pytest.approx(SUV_PER_BQ_ML)
    assert "earliest AcquisitionTime" in whole.notices[0]
    with pytest.raises(InputError, match="complete"):
        suv_scale([ge(None, **made_later)])


def test_average_count_time_of_a_short_frame_is_its_middle() -> None:
    assert average_count_time_s(1.0, 6586.2) == pytest.approx(0.5, rel=1e-4)
    # C-11 over 20 minutes: l T = 0.680782, ln(0.680782 / 0.493779) / l = 566.1 s.
    assert average_count_time_s(1200.0, 1221.8) == pytest.approx(566.1, abs=0.1)


def test_folders_that_hold_no_usable_pet(tmp_path: Path, small_series: Path) -> None:
    with pytest.raises(InputError, match=r"No PET images in 'ct' \(found: .*CT Image Storage"):
        read_pet(small_series)
    with pytest.raises(InputError, match="no folder"):
        read_pet(tmp_path / "nothing")
    folder = write_pet(tmp_path / "gap", pet_header())
    (folder / "0003.dcm").unlink()
    with pytest.raises(InputError, match=r"1 slice\(s\) are missing"):
        read_pet(folder)
    both = tmp_path / "both"
    write_pet(both / "ac", pet_header(), series="ac")
    write_pet(both / "nac", pet_header(CorrectedImage=["NORM"]), series="nac")
    with pytest.raises(InputError, match="2 PET series"):
        read_pet(both)


def test_real_raw_pet(real_data: Path) -> None:
    folder = real_data / "pet-qin-hn-0139-thorax"
    expected = json.loads((folder / "expected_suv.json").read_text())
    pet = read_pet(folder / "pt")
    assert pet.scale.factor == pytest.approx(expected["suvbw_factor_per_BqmL"], rel=WITHIN)
    assert pet.scale.decay_s == pytest.approx(expected["decay_seconds"], abs=0.01)
    assert pet.suv.array.max() == pytest.approx(expected["suvmax_crop"], rel=WITHIN)
    assert pet.notices == ()


def test_real_pet_in_suv_is_unchanged(real_data: Path) -> None:
    folder = real_data / "petct-sts-003" / "pet"
    pet = read_pet(folder)
    slices = [pydicom.dcmread(path) for path in folder.iterdir()]
    slices.sort(key=lambda dataset: float(dataset.ImagePositionPatient[2]))
    stored = [dataset.pixel_array * float(dataset.RescaleSlope) for dataset in slices]
    np.testing.assert_allclose(pet.suv.array, stored, rtol=1e-6)
