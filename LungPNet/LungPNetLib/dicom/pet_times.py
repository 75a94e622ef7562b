"""When the tracer was injected, and the moment to which a PET series is decay-corrected.

After the vendor-neutral pseudo-code of the QIBA FDG-PET/CT profile (RSNA) and the draft manual of
the IBSI on SUV computation (Vácha et al., oncoray.github.io/suv_computation).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydicom.dataset import Dataset

from LungPNetLib.dicom.header import as_text, numbers, readable
from LungPNetLib.dicom.moments import full_moment, local_zone, moment_of
from LungPNetLib.dicom.pet_header import common_text, dose_value, named
from LungPNetLib.errors import InputError

GE_CREATOR = "GEMS_PETD_01"
GE_SCAN_DATETIME = "GE's private scan time (0009,100D)"

ROUNDING_S = 1.0
"""Two times closer than this are one: some attributes carry whole seconds."""

NOTABLE_S = 60.0
"""Times that should be one and differ by more are reported (1 minute of F-18 is 0.6 % of SUV)."""

CONTRADICTION_S = 300.0
"""... and by more than this are refused (3.2 % of SUV)."""

LONGEST_SCAN_S = 6 * 3600.0
"""A start of the scan further before its first slice belongs to something else."""

LONGEST_UPTAKE_HALF_LIVES = 6.0
"""After more of them (F-18: 11 h) nothing is left to be seen: the times are wrong."""

SHORT_LIVED_S = 12 * 3600.0
"""Nuclides below this half-life are imaged within a day of injection."""

_START_TIME = "RadiopharmaceuticalStartTime"
_START_DATETIME = "RadiopharmaceuticalStartDateTime"
_DAY = timedelta(days=1)
_EXPORT = "Find out which one holds and export the original series again."


@dataclass(frozen=True)
class ScanTime:
    """The moment of decay correction, from which attribute it is, and what a person should know."""

    moment: datetime
    source: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Acquisition:
    """Start of one slice's bed position, with the moment that its frame times point back to."""

    start: datetime
    corrected_to: datetime | None


def scan_time(headers: Sequence[Dataset], half_life_s: float) -> ScanTime:
    """The moment to which a series with DecayCorrection START is corrected.

    Order of trust: GE's private scan time where present; SeriesTime unless it is after the
    earliest AcquisitionTime (then the series was made later, from earlier data); the start that
    AcquisitionTime, FrameReferenceTime and ActualFrameDuration point back to; for a complete GE
    series without any of these the earliest AcquisitionTime. The frame times are also held
    against the first two.

    Parameters
    ----------
    headers : sequence of Dataset
        Those of all slices.
    half_life_s : float

    Raises
    ------
    InputError
        An attribute is missing, cannot be read, or contradicts another one.
    """
    acquisitions = [_acquisition(header, half_life_s) for header in headers]
    first = min(acquisition.start for acquisition in acquisitions)
    framed = _agreed([acquisition.corrected_to for acquisition in acquisitions])
    series = moment_of(
        common_text(headers, "SeriesDate") or first.strftime("%Y%m%d"),
        common_text(headers, "SeriesTime"),
        named("SeriesTime"),
    )
    private = _ge_scan_time(headers, first)
    if private is not None:
        return _compared(private, named("SeriesTime"), series)
    if (series - first).total_seconds() <= ROUNDING_S:
        _refuse_long_scan(named("SeriesTime"), series, first)
        chosen = ScanTime(series, named("SeriesTime"))
        return chosen if framed is None else _held_against_frames(chosen, framed)
    return _start_of_made_series(headers, first, framed)


def _start_of_made_series(
    headers: Sequence[Dataset], first: datetime, framed: datetime | None
) -> ScanTime:
    """For a series that was made (reformatted, copied) after its data were acquired."""
    later = f"{named('SeriesTime')} is after the first {named('AcquisitionTime')}"
    if framed is not None:
        _refuse_long_scan(named("FrameReferenceTime"), framed, first)
        words = f"{later}; the scan's start was computed from FrameReferenceTime."
        return ScanTime(framed, named("FrameReferenceTime"), (words,))
    wanted = numbers(common_text(headers, "NumberOfSlices") or None)
    is_ge = common_text(headers, "Manufacturer").upper().startswith("GE")
    if is_ge and wanted == (float(len(headers)),):
        words = f"{later}; the earliest AcquisitionTime was taken as the scan's start."
        return ScanTime(first, named("AcquisitionTime"), (words,))
    raise InputError(
        f"{later}, so it does not tell the moment of decay correction, and neither "
        f"{GE_SCAN_DATETIME} nor {named('FrameReferenceTime')} with "
        f"{named('ActualFrameDuration')} does. Export the original series of the scanner, complete "
        "and with these attributes."
    )


def injection_time(headers: Sequence[Dataset], scan: datetime, half_life_s: float) -> ScanTime:
    """When the tracer was given, from RadiopharmaceuticalStartDateTime or -StartTime.

    A time without date lies within the day before ``scan``, across midnight if need be. A date
    that cannot be (dates are shifted in de-identification) is left aside, with a notice, where the
    half-life is short.

    Raises
    ------
    InputError
        Both attributes are missing, contradict each other, or give an impossible uptake time.
    """
    longest_s = LONGEST_UPTAKE_HALF_LIVES * half_life_s
    clock, keyword = _clock_of_injection(headers, half_life_s), _START_TIME
    notices: tuple[str, ...] = ()
    full = dose_value(headers, _START_DATETIME)
    if full:
        keyword = _START_DATETIME
        dated = full_moment(full, named(keyword), local_zone(headers))
        if clock:
            _refuse_other_clock(dated, moment_of(full[:8], clock, named(_START_TIME)))
        if 0 <= (scan - dated).total_seconds() <= longest_s:
            return ScanTime(dated, named(keyword))
        if half_life_s >= SHORT_LIVED_S or dated.date() in (scan.date(), (scan - _DAY).date()):
            raise _impossible(keyword, dated, scan, longest_s)
        clock = dated.strftime("%H%M%S.%f")
        notices = (
            f"The date in {named(keyword)} does not fit the scan (de-identified?); its time of day "
            "was used alone.",
        )
    given = moment_of(scan.strftime("%Y%m%d"), clock, named(keyword))
    if given > scan:
        given -= _DAY
    if (scan - given).total_seconds() > longest_s:
        raise _impossible(keyword, given, scan, longest_s)
    return ScanTime(given, named(keyword), notices)


def _clock_of_injection(headers: Sequence[Dataset], half_life_s: float) -> str:
    """RadiopharmaceuticalStartTime; empty only where there is a date with time instead."""
    clock = dose_value(headers, _START_TIME)
    if dose_value(headers, _START_DATETIME):
        return clock
    if not clock:
        raise InputError(
            f"{named(_START_TIME)} and {named(_START_DATETIME)} are both missing, so the decay "
            "since injection is unknown. Export the series with one of them."
        )
    if half_life_s >= SHORT_LIVED_S:
        raise InputError(
            f"{named(_START_DATETIME)} is missing, and this nuclide may be imaged days after "
            "injection, so a time of day does not tell when it was given. Export the series with "
            "that attribute."
        )
    return clock


def _impossible(keyword: str, given: datetime, scan: datetime, longest_s: float) -> InputError:
    return InputError(
        f"By {named(keyword)} the tracer was given at {given:%H:%M:%S}, "
        f"{(scan - given).total_seconds() / 3600:.1f} h before the moment of decay correction "
        f"({scan:%H:%M:%S}); 0 to {longest_s / 3600:.1f} h are possible with this half-life. One "
        f"of the two times is wrong. {_EXPORT}"
    )


def _refuse_other_clock(full: datetime, clock: datetime) -> None:
    difference = abs((full - clock).total_seconds())
    if min(difference, 86400.0 - difference) > NOTABLE_S:
        raise InputError(
            f"{named(_START_DATETIME)} says {full:%H:%M:%S} and {named(_START_TIME)} "
            f"{clock:%H:%M:%S}. {_EXPORT}"
        )


def _acquisition(header: Dataset, half_life_s: float) -> _Acquisition:
    clock = as_text(readable(header, "AcquisitionTime"))
    whole = as_text(readable(header, "AcquisitionDateTime"))
    if clock or not whole:
        date = as_text(readable(header, "AcquisitionDate") or readable(header, "SeriesDate"))
        start = moment_of(date, clock, named("AcquisitionTime"))
    else:
        start = full_moment(whole, named("AcquisitionDateTime"), local_zone([header]))
    reference = numbers(readable(header, "FrameReferenceTime"))
    duration = numbers(readable(header, "ActualFrameDuration"))
    if len(reference) != 1 or len(duration) != 1 or min(*reference, *duration) <= 0:
        return _Acquisition(start, None)
    middle_s = average_count_time_s(duration[0] / 1000.0, half_life_s)
    return _Acquisition(start, start + timedelta(seconds=middle_s - reference[0] / 1000.0))


def average_count_time_s(duration_s: float, half_life_s: float) -> float:
    """When a decaying source has its average rate over a frame, in s after the frame's start.

    >>> round(average_count_time_s(180.0, 6586.2), 2)
    89.86
    """
    decay = math.log(2.0) / half_life_s
    return math.log(decay * duration_s / -math.expm1(-decay * duration_s)) / decay


def _agreed(moments: list[datetime | None]) -> datetime | None:
    """The middle one, if all slices have one and they agree."""
    known = sorted(moment for moment in moments if moment is not None)
    if len(known) < len(moments) or (known[-1] - known[0]).total_seconds() > NOTABLE_S:
        return None
    return known[len(known) // 2]


def _ge_scan_time(headers: Sequence[Dataset], first: datetime) -> ScanTime | None:
    found = set()
    for header in headers:
        try:
            found.add(_private_text(header.private_block(0x0009, GE_CREATOR)[0x0D].value))
        except KeyError:
            found.add("")
    if found == {""}:
        return None
    if len(found) > 1:
        raise InputError(f"{GE_SCAN_DATETIME} differs between slices. {_EXPORT}")
    moment = full_moment(found.pop(), GE_SCAN_DATETIME, local_zone(headers))
    notices: tuple[str, ...] = ()
    if abs((moment - first).total_seconds()) > 86400.0:
        # De-identification shifts the dates that it knows, and leaves private ones.
        moment = datetime.combine(first.date(), moment.time())
        moment -= _DAY if (moment - first).total_seconds() > ROUNDING_S else timedelta()
        notices = (f"The date in {GE_SCAN_DATETIME} does not fit the scan; its time was used.",)
    if (moment - first).total_seconds() > ROUNDING_S:
        raise InputError(
            f"{GE_SCAN_DATETIME} is {moment:%H:%M:%S}, after the first {named('AcquisitionTime')} "
            f"{first:%H:%M:%S}; a scan starts before its slices. {_EXPORT}"
        )
    _refuse_long_scan(GE_SCAN_DATETIME, moment, first)
    return ScanTime(moment, GE_SCAN_DATETIME, notices)


def _private_text(value: object) -> str:
    """A private value whose representation the file may not state (then it is bytes)."""
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else as_text(value)
    return text.strip("\0 ")


def _refuse_long_scan(name: str, start: datetime, first: datetime) -> None:
    if (first - start).total_seconds() > LONGEST_SCAN_S:
        raise InputError(
            f"{name} is {start:%Y-%m-%d %H:%M:%S}, more than {LONGEST_SCAN_S / 3600:.0f} h before "
            f"the first {named('AcquisitionTime')} {first:%Y-%m-%d %H:%M:%S}. {_EXPORT}"
        )


def _compared(chosen: ScanTime, name: str, other: datetime) -> ScanTime:
    gap = abs((chosen.moment - other).total_seconds())
    if gap <= NOTABLE_S:
        return chosen
    words = f"{name} is {other:%H:%M:%S}; {chosen.source}, {chosen.moment:%H:%M:%S}, was used."
    return ScanTime(chosen.moment, chosen.source, (*chosen.notices, words))


def _held_against_frames(chosen: ScanTime, framed: datetime) -> ScanTime:
    if abs((chosen.moment - framed).total_seconds()) > CONTRADICTION_S:
        raise InputError(
            f"{chosen.source} is {chosen.moment:%H:%M:%S}, but {named('AcquisitionTime')}, "
            f"{named('FrameReferenceTime')} and {named('ActualFrameDuration')} say that the "
            f"series is decay-corrected to {framed:%H:%M:%S}. {_EXPORT}"
        )
    return _compared(chosen, named("FrameReferenceTime") + ", counted back,", framed)
