"""DICOM dates and times (DA, TM, DT) as ``datetime``, without guessing what is not there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from pydicom.dataset import Dataset

from LungPNetLib.dicom.header import as_text, printable, readable
from LungPNetLib.errors import InputError

_OFFSET = r"[+-]\d{4}"


def moment_of(date: str, clock: str, name: str) -> datetime:
    """A date (DA) and a time (TM), also in their old forms with points and colons.

    Parameters
    ----------
    name : str
        How a message names the time.

    Raises
    ------
    InputError
        The time is missing, or either cannot be read.

    Examples
    --------
    >>> moment_of("1988.09.13", "10:27:31.5", "SeriesTime")
    datetime.datetime(1988, 9, 13, 10, 27, 31, 500000)
    """
    if not clock.strip():
        raise InputError(
            f"{name} is missing, so the decay until the scan is unknown. Export the series with it."
        )
    whole, _, fraction = clock.strip().replace(":", "").partition(".")
    try:
        day = datetime.strptime(date.strip().replace(".", ""), "%Y%m%d")
        parts = [int(whole[i : i + 2]) for i in range(0, len(whole), 2)]
        hours, minutes, seconds = (*parts, 0, 0)[:3]
        if len(whole) not in (2, 4, 6) or hours > 23 or minutes > 59 or seconds > 60:
            raise ValueError
        microseconds = int(f"{fraction[:6]:0<6}")
    except ValueError as error:
        raise _unreadable(name, f"{date} {clock}") from error
    return day + timedelta(hours=hours, minutes=minutes, seconds=seconds, microseconds=microseconds)


def full_moment(text: str, name: str, zone: str = "") -> datetime:
    """A date with time (DT), moved into the time zone ``zone`` if it states one of its own.

    Parameters
    ----------
    zone : str
        Offset from UTC of the series' other times, such as ``+0100``; empty where unknown (then
        the moment counts as local, like all others).

    Examples
    --------
    >>> full_moment("20220101083000.00+0000", "start", "+0100")
    datetime.datetime(2022, 1, 1, 9, 30)
    """
    match = re.fullmatch(rf"(\d{{8}})(\d{{2,6}}(?:\.\d+)?)({_OFFSET})?", text.strip())
    if match is None:
        raise _unreadable(name, text)
    moment = moment_of(match[1], match[2], name)
    if match[3] and zone:
        moment += timedelta(minutes=_minutes(zone) - _minutes(match[3]))
    return moment


def local_zone(headers: Sequence[Dataset]) -> str:
    """TimezoneOffsetFromUTC of a series; empty where it is not stated."""
    text = as_text(readable(headers[0], "TimezoneOffsetFromUTC")).strip()
    return text if re.fullmatch(_OFFSET, text) else ""


def _minutes(offset: str) -> int:
    minutes = int(offset[1:3]) * 60 + int(offset[3:5])
    return -minutes if offset[0] == "-" else minutes


def _unreadable(name: str, text: str) -> InputError:
    return InputError(
        f"{name} is '{printable(text.strip())}', which is no DICOM date and time (YYYYMMDD "
        "HHMMSS). Export the series again."
    )
