"""How values from DICOM and from measurements are written for people."""

from __future__ import annotations

import re

NOTICE = "Research use only, not for diagnosis"
"""What every report and every screen says."""

_UNIT_SIGNS = {"degrees": "°", "°": "°", "cm2": " cm²", "mm2": " mm²"}
MINUS = "\N{MINUS SIGN}"
_SEXES = {"M": "male", "F": "female", "O": "other"}
_AGE_UNITS = {"D": "days", "W": "weeks", "M": "months", "Y": "years"}


def plain(text: object, longest: int = 600) -> str:
    """One line of printable text: control characters become spaces, endless text is cut.

    The limit keeps every table row shorter than a page of paper.

    >>> plain("two\\nlines\\x00")
    'two lines'
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def number(value: float, decimals: int) -> str:
    """A number with a true minus sign and a fixed count of decimals.

    >>> number(-856.42, 0)
    '−856'
    """
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", MINUS)


def measured(value: float | str | None, unit: str) -> str:
    """A measured value with its unit, to about three significant digits.

    >>> measured(0.625, "mm"), measured(-1003.7, "HU"), measured(None, "HU")
    ('0.625 mm', '−1004 HU', 'not measured')
    """
    if value is None:
        return "not measured"
    if isinstance(value, str):
        text = plain(value)
    else:
        size = abs(value)
        decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
        text = number(value, decimals)
        text = text.rstrip("0").rstrip(".") if decimals else text
    sign = _UNIT_SIGNS.get(unit, f" {plain(unit)}")
    return f"{text}{sign}".strip()


def window(window_hu: tuple[float, float]) -> str:
    """A grey-scale window in words.

    >>> window((-1350.0, 150.0))
    'Window −1350 to 150 HU'
    """
    low, high = (number(edge, 0) for edge in window_hu)
    return f"Window {low} to {high} HU"


def date(text: str) -> str:
    """A DICOM date (YYYYMMDD) as YYYY-MM-DD; anything else as it is.

    >>> date("20000101"), date("unknown")
    ('2000-01-01', 'unknown')
    """
    match = re.fullmatch(r"(\d{4})(\d\d)(\d\d)", text.strip())
    return "-".join(match.groups()) if match else plain(text)


def sex(code: str) -> str:
    """A DICOM sex code in words."""
    return _SEXES.get(code.strip().upper(), plain(code))


def age(text: str) -> str:
    """A DICOM age string in words.

    >>> age("064Y")
    '64 years'
    """
    match = re.fullmatch(r"(\d{1,3})([DWMY])", text.strip().upper())
    return f"{int(match[1])} {_AGE_UNITS[match[2]]}" if match else plain(text)


def person_name(raw: str) -> str:
    """A DICOM person name for reading: family, given; other scripts in brackets.

    The three groups (alphabetic, ideographic, phonetic) are separated by ``=``, the five parts
    (family, given, middle, prefix, suffix) by ``^``; DICOM PS3.5 section 6.2.

    >>> person_name("Yamada^Tarou=山田^太郎=やまだ^たろう")
    'Yamada, Tarou (山田 太郎, やまだ たろう)'
    >>> person_name("Doe^Jane^Mary^Dr.")
    'Doe, Jane Mary, Dr.'
    """
    alphabetic, *other = raw.split("=", 2)
    parts = [plain(part) for part in alphabetic.split("^")]
    given = " ".join(part for part in parts[1:3] if part)
    latin = ", ".join(part for part in (parts[0], given, *parts[3:]) if part)
    scripts = [plain(group.replace("^", " ")) for group in other]
    rest = ", ".join(group for group in scripts if group)
    return f"{latin} ({rest})" if latin and rest else latin or rest
