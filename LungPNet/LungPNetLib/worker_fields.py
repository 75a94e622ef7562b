"""The fields of a request to the worker as what the verbs compute with; wrong ones are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from enum import Enum
from typing import Any, TypeVar, cast, get_args

import numpy as np

from LungPNetLib.dicom.series import MIN_SLICES
from LungPNetLib.errors import InputError
from LungPNetLib.study import Acquisition, InputFormat, Patient, SliceGeometry, Study
from LungPNetLib.volume import Volume
from LungPNetLib.worker import Job
from LungPNetLib.worker_protocol import map_volume

Record = TypeVar("Record", Patient, Acquisition)
Choice = TypeVar("Choice", bound=Enum)


def ct_of(job: Job) -> Volume:
    """The field ``volume`` as a CT in HU.

    Raises
    ------
    InputError
        It is not what it should be.
    """
    ct = map_volume(job.fields.get("volume", {}))
    if ct.array.dtype not in (np.int16, np.float32):
        raise InputError(f"A CT is int16 or float32 in HU, got {ct.array.dtype}.")
    if not np.isfinite(ct.array).all():
        raise InputError("The CT holds values that are not finite real numbers.")
    if min(ct.shape) < MIN_SLICES:
        raise InputError(
            f"The CT has the size {ct.shape[::-1]}; at least {MIN_SLICES} slices are needed."
        )
    return ct


def labels_of(job: Job, name: str) -> Volume:
    """The field ``name`` as a label map.

    Raises
    ------
    InputError
        It is not what it should be.
    """
    labels = map_volume(job.fields.get(name, {}))
    if labels.array.dtype != np.uint8:
        raise InputError(f"A label map is uint8, got {labels.array.dtype}.")
    return labels


def choice_of(kind: type[Choice], name: str, value: Any) -> Choice:
    """The member of ``kind`` with this value; ``name`` is that of the field.

    Raises
    ------
    InputError
        It is not what it should be.
    """
    try:
        return kind(value)
    except ValueError as error:
        accepted = ", ".join(str(member.value) for member in kind)
        raise InputError(f"'{name}' is one of {accepted}, got {value!r}.") from error


def record_of(kind: type[Record], given: Any) -> Record:
    """The fields of a record, from an object with some of them.

    Raises
    ------
    InputError
        It is not what it should be.
    """
    known = [field.name for field in fields(kind)]
    if not isinstance(given, Mapping) or set(given) - set(known):
        raise InputError(f"The fields of '{kind.__name__.lower()}' are {', '.join(known)}.")
    return kind(**given)


def study_of(job: Job) -> Study:
    """The fields ``volume``, ``input_format`` and, where known, ``patient`` and ``acquisition``.

    Raises
    ------
    InputError
        It is not what it should be.
    """
    input_format = job.text("input_format")
    if input_format not in get_args(InputFormat):
        raise InputError(
            f"The input_format of a volume is one of {', '.join(get_args(InputFormat))}, got "
            f"{input_format!r}."
        )
    ct = ct_of(job)
    slice_axis = int(np.argmax(np.abs(ct.direction[2])))
    return Study(
        ct=ct,
        input_format=cast(InputFormat, input_format),
        patient=record_of(Patient, job.fields.get("patient", {})),
        acquisition=record_of(Acquisition, job.fields.get("acquisition", {})),
        geometry=SliceGeometry(slice_spacing_mm=ct.spacing_mm[slice_axis]),
    )
