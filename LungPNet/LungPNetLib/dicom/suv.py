"""Standardized uptake value by body weight (SUVbw) from the headers of a PET series.

    SUVbw = activity concentration (Bq/mL) * body weight (g) / injected activity (Bq),

the activity decayed to the moment to which the image is corrected; 1 mL of tissue counts as 1 g, so
SUVbw has the unit g/mL. Rules: the vendor-neutral pseudo-code of the QIBA FDG-PET/CT profile (RSNA
QIBA, "Standardized Uptake Value") and the draft manual of the IBSI (Vácha et al.,
oncoray.github.io/suv_computation). Whatever they need and the headers do not say is named and
refused; nothing is filled in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from LungPNetLib.dicom.header import as_text, numbers, printable, readable
from LungPNetLib.dicom.pet_header import Dose, common_text, named, read_dose
from LungPNetLib.dicom.pet_times import injection_time, scan_time
from LungPNetLib.errors import InputError

PHILIPS_CREATOR = "Philips PET Private Group"
PHILIPS_SUV = "Philips' private SUV factor (7053,1000)"
PHILIPS_ACTIVITY = "Philips' private Bq/mL factor (7053,1009)"

_NEEDED_CORRECTIONS = {"ATTN": ("ATTN",), "DECY": ("DECY", "DECAY")}
"""What CorrectedImage has to list; QIBA's text spells the decay DECAY, DICOM DECY."""


@dataclass(frozen=True)
class SuvScale:
    """How the rescaled pixels of a series become SUVbw.

    Parameters
    ----------
    factor : float
        SUVbw = (stored value * RescaleSlope + RescaleIntercept) * factor, with slope and
        intercept of each slice.
    units : str
        Units (0054,1001) of the rescaled pixels.
    decay_correction : str
        DecayCorrection (0054,1102).
    method : str
        One sentence: where the factor is from.
    decay_s : float, optional
        From injection to the moment of decay correction, where it was used.
    dose : Dose, optional
        Weight, activity and half-life, where they were used.
    notices : tuple of str
        What a person should know.
    """

    factor: float
    units: str
    decay_correction: str
    method: str
    decay_s: float | None = None
    dose: Dose | None = None
    notices: tuple[str, ...] = ()


def suv_scale(headers: Sequence[Dataset]) -> SuvScale:
    """The SUVbw scale of one PET series.

    Parameters
    ----------
    headers : sequence of Dataset
        The headers of all slices, pixels not needed.

    Raises
    ------
    InputError
        An attribute is missing, implausible, or contradicts another one; or the series is not
        corrected for attenuation and decay, or not in a unit that leads to SUVbw.
    """
    correction = _checked_corrections(headers)
    units = common_text(headers, "Units").upper()
    notices = _rescale_notices(headers, units)
    if units == "BQML":
        return _from_activity(headers, 1.0, correction, units, "Units are Bq/mL", notices)
    if units == "GML":
        return _already_suv(headers, correction, notices)
    if units == "CNTS":
        return _from_philips(headers, correction, notices)
    raise InputError(
        f"{named('Units')} {_seen(units)}; SUVbw is computed from BQML, from GML, and from CNTS "
        f"with {PHILIPS_SUV} or {PHILIPS_ACTIVITY}. Export the quantitative series of the scanner."
    )


def _checked_corrections(headers: Sequence[Dataset]) -> str:
    """DecayCorrection, START or ADMIN, of a series corrected for attenuation and decay."""
    decay = common_text(headers, "DecayCorrection").upper()
    if decay not in ("START", "ADMIN"):
        reason = (
            "the slices then belong to different times, and no single dose holds for all"
            if decay == "NONE"
            else "without it the moment that the activity belongs to is unknown"
        )
        raise InputError(
            f"{named('DecayCorrection')} {_seen(decay)}: {reason}. START and ADMIN are accepted; "
            "reconstruct or export the series with decay correction."
        )
    text = common_text(headers, "CorrectedImage").upper()
    stated = set(re.split(r"[/\\]", text))
    lacking = [key for key, words in _NEEDED_CORRECTIONS.items() if not stated & set(words)]
    if lacking:
        contradiction = f" (but DecayCorrection is {decay})" if "DECY" in lacking else ""
        raise InputError(
            f"{named('CorrectedImage')} {_seen(text)} and lacks {' and '.join(lacking)}"
            f"{contradiction}; SUV needs activity corrected for attenuation and decay. Give the "
            "corrected series of this scan (often marked AC)."
        )
    return decay


def _rescale_notices(headers: Sequence[Dataset], units: str) -> tuple[str, ...]:
    kind = common_text(headers, "RescaleType").upper()
    if kind in {"BQML", "GML", "CNTS"} - {units}:
        raise InputError(
            f"{named('RescaleType')} is {kind} and {named('Units')} is {units}; they have to "
            "agree. Find out which one holds and export the series again."
        )
    for header in headers:
        slope = numbers(readable(header, "RescaleSlope"))
        if len(slope) != 1 or slope[0] <= 0:
            seen = _seen(as_text(readable(header, "RescaleSlope")))
            raise InputError(
                f"{named('RescaleSlope')} of a slice {seen}; each slice needs a positive one. "
                "Export the series again."
            )
    if any(any(numbers(readable(header, "RescaleIntercept"))) for header in headers):
        return (
            f"{named('RescaleIntercept')} is not 0, as DICOM demands of PET; it was added, as for "
            "other images. Was this series converted?",
        )
    return ()


def _already_suv(headers: Sequence[Dataset], correction: str, notices: tuple[str, ...]) -> SuvScale:
    kind = common_text(headers, "SUVType").upper()
    if kind not in ("", "BW"):
        raise InputError(
            f"{named('SUVType')} is {printable(kind)}; SUV by body weight (BW) is accepted. "
            "Another norm cannot be turned into it without guessing; export the series in Bq/mL or "
            "as SUVbw."
        )
    method = "Units are g/mL: the scanner wrote SUVbw"
    if not kind:
        method += " (SUVType is absent, which DICOM defines as BW)"
    return SuvScale(1.0, "GML", correction, method + ".", notices=notices)


def _from_philips(
    headers: Sequence[Dataset], correction: str, notices: tuple[str, ...]
) -> SuvScale:
    suv = _philips_factor(headers, 0x00, PHILIPS_SUV)
    if suv is not None:
        method = f"Units are counts, {PHILIPS_SUV} was applied."
        return SuvScale(suv, "CNTS", correction, method, notices=notices)
    activity = _philips_factor(headers, 0x09, PHILIPS_ACTIVITY)
    if activity is None:
        raise InputError(
            f"{named('Units')} is CNTS (counts), and neither {PHILIPS_SUV} nor {PHILIPS_ACTIVITY} "
            "is there with a positive value. De-identification removes private attributes; export "
            "the series with them, or in Bq/mL."
        )
    origin = f"Units are counts, {PHILIPS_ACTIVITY} gave Bq/mL"
    return _from_activity(headers, activity, correction, "CNTS", origin, notices)


def _philips_factor(headers: Sequence[Dataset], element: int, name: str) -> float | None:
    """A private factor that all slices share; None where it is absent or 0 (not determined)."""
    found = set()
    for header in headers:
        try:
            value = header.private_block(0x7053, PHILIPS_CREATOR)[element].value
        except KeyError:
            value = None
        if isinstance(value, bytes):  # the file does not state the type of private values
            value = value.decode("ascii", "replace").strip("\0 ")
        found.add(numbers(value))
    if len(found) > 1:
        raise InputError(
            f"{name} differs between slices of this series. Export the original series again."
        )
    (values,) = found
    return values[0] if len(values) == 1 and values[0] > 0 else None


def _from_activity(
    headers: Sequence[Dataset],
    bq_ml: float,
    correction: str,
    units: str,
    origin: str,
    notices: tuple[str, ...],
) -> SuvScale:
    """The scale of pixels of which one unit is ``bq_ml`` Bq/mL."""
    dose = read_dose(headers)
    decay_s = 0.0
    words = "corrected to the time of administration"
    notices += dose.notices
    if correction == "START":
        scan = scan_time(headers, dose.half_life_s)
        injection = injection_time(headers, scan.moment, dose.half_life_s)
        decay_s = (scan.moment - injection.moment).total_seconds()
        notices += scan.notices + injection.notices
        words = f"the dose decayed for {decay_s:.0f} s from {injection.source} to {scan.source}"
    return SuvScale(
        bq_ml * dose.suv_per_bq_ml(decay_s),
        units,
        correction,
        f"{origin}; {dose.nuclide}, {words}.",
        decay_s,
        dose,
        notices,
    )


def _seen(text: str) -> str:
    return f"is '{printable(text)}'" if text else "is missing"
