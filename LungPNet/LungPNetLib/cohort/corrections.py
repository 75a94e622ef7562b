"""Save a lung mask that a person corrected, so that the lung network can be trained on it.

A cohort's folder holds manifest.csv and a folder ``corrections`` with one CT and one mask for each
study. File names are made of the hashes of what is in them, so they say nothing about the patient,
and a new mask never overwrites an earlier one: drawing it was an hour of somebody's work.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from LungPNetLib.cohort import made_up
from LungPNetLib.cohort.manifest import StudyRow, read_manifest, write_manifest
from LungPNetLib.cohort.pseudonyms import check_pseudonym
from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.study import Patient
from LungPNetLib.volume import Volume, read_image, write_image

LABEL_SOURCE = "corrected by a person"
FOLDER = "corrections"
_KEY = "ct_sha256"
"""Column that tells whether two rows are of the same study: the hash of the CT itself."""
_EARLIER = "earlier_lungs"
"""Column with the masks that a study had before, oldest first, with semicolons between."""
_TELLING = 4
"""Shorter numbers of patients are found in many pseudonyms by chance."""
_WAIT_S = 60.0
_MOST_LABEL = 2


def save_correction(
    cohort: Path,
    *,
    patient_id: str,
    ct: Volume,
    lungs: Volume,
    label_source: str = LABEL_SOURCE,
    identity: Patient | None = None,
) -> Path:
    """Write CT and corrected lungs into a cohort's folder, with a row in its manifest.csv.

    The same CT saved again gets the new mask in its row; the earlier mask stays in the folder, and
    the column ``earlier_lungs`` names it. Whatever goes wrong, the table and what it names stay as
    they were. Several processes may save into one folder at the same time. Where the table has a
    column ``split``, the study joins its patient's part, or ``training``.

    Parameters
    ----------
    cohort : Path
        Folder of the cohort; made if it is missing.
    patient_id : str
        Pseudonym, the same for all studies of a patient (:func:`propose_pseudonym`).
    ct : Volume
        HU, in any axis order; stored upright as int16.
    lungs : Volume
        1 right, 2 left, on the grid of the CT.
    label_source : str
        How the mask was made, for the table.
    identity : Patient, optional
        Whom the CT is of, to make sure that the pseudonym is none of the patient's real names or
        numbers; not stored.

    Returns
    -------
    Path
        The manifest, for ``lungpnet train lungs --manifest``.

    Raises
    ------
    InputError
        The mask is empty, lies on another grid or has other labels; the pseudonym does not fit; or
        the CT is in the cohort already under another patient.
    OutputError
        The folder cannot be written (disk full, no permission, or another process holds it).
    """
    _check_patient(patient_id, identity)
    _check_mask(ct, lungs)
    order = ct.axis_order_to()
    upright = order.apply(ct)
    upright = upright.with_array(_whole_hu(upright.array))
    labels = upright.with_array(np.ascontiguousarray(order.apply(lungs).array, np.uint8))
    manifest = cohort / "manifest.csv"
    with _sole_writer(cohort):
        rows = read_manifest(manifest).rows if manifest.exists() else ()
        key = _digest(upright)
        _refuse_other_patient(rows, key, patient_id)
        files = {
            "ct": cohort / FOLDER / f"ct_{_with_place(upright)}.nrrd",
            "lungs": cohort / FOLDER / f"lungs_{_with_place(labels)}.nrrd",
        }
        columns = {_KEY: key, "label_source": label_source}
        new_rows = _with_study(rows, patient_id, files, columns, cohort)
        written = _write_missing({files["ct"]: upright, files["lungs"]: labels})
        try:
            write_manifest(manifest, new_rows)
        except OutputError:
            _remove(written)
            raise
        _remove(_named(cohort, rows) - _named(cohort, new_rows))
    return manifest


def _check_patient(patient_id: str, identity: Patient | None) -> None:
    check_pseudonym(patient_id)
    if patient_id.casefold().startswith(made_up.PREFIX):
        raise InputError(
            f"A pseudonym that starts with '{made_up.PREFIX}' marks made-up patients; enter "
            "another."
        )
    if identity is None:
        return
    entered, number = patient_id.casefold(), identity.patient_id.strip().casefold()
    names = {word.strip().casefold() for word in re.split(r"[\^=\s]", identity.name)} - {""}
    has_number = entered == number or (len(number) >= _TELLING and number in entered)
    if has_number or names.intersection(re.split(r"[^a-z]+", entered)):
        raise InputError(
            "The pseudonym contains the patient's real name or number. Take the one that is "
            "proposed, or enter another."
        )


def _check_mask(ct: Volume, lungs: Volume) -> None:
    if not ct.same_grid_as(lungs):
        raise InputError(
            f"The lung mask has the size {lungs.shape[::-1]} and does not lie on the grid of the "
            f"CT, whose size is {ct.shape[::-1]}. Resample it onto the CT first."
        )
    found = np.unique(lungs.array)
    if not found.any():
        raise InputError("The lung mask is empty; there is nothing to train on. Outline the lungs.")
    if not np.isin(found, range(_MOST_LABEL + 1)).all():
        shown = ", ".join(f"{value:g}" for value in found[:8])
        raise InputError(
            f"The lung mask holds the labels {shown}; accepted: 0 outside, 1 right, 2 left."
        )


def _whole_hu(array: npt.NDArray[np.generic]) -> npt.NDArray[np.int16]:
    if array.dtype == np.int16:
        return np.ascontiguousarray(array, np.int16)
    limits = np.iinfo(np.int16)
    low, high = float(array.min()), float(array.max())
    if not (limits.min <= low <= high <= limits.max):
        raise InputError(
            f"The CT holds values from {low:g} to {high:g}; accepted: Hounsfield units from "
            f"{limits.min} to {limits.max}. Choose the CT itself, not a map derived from it."
        )
    return np.rint(array.astype(np.float32)).astype(np.int16)


def _digest(volume: Volume) -> str:
    """Hash of voxels, size and spacing; the place in the scanner's room does not count."""
    spacing = ",".join(f"{step:.3f}" for step in volume.spacing_mm)
    digest = hashlib.sha256(f"{volume.shape} {spacing} {volume.array.dtype}".encode())
    digest.update(np.ascontiguousarray(volume.array).view(np.uint8).data)
    return digest.hexdigest()


def _with_place(volume: Volume) -> str:
    """Hash for a file's name: the place counts as well, or a mask might not lie on its CT."""
    place = ",".join(f"{value:.3f}" for value in (*volume.origin_mm, *volume.direction.ravel()))
    return hashlib.sha256(f"{_digest(volume)} {place}".encode()).hexdigest()[:24]


def _refuse_other_patient(rows: Sequence[StudyRow], key: str, patient_id: str) -> None:
    for number, row in enumerate(rows, start=1):
        if row.columns.get(_KEY) == key and row.patient_id != patient_id:
            raise InputError(
                f"This CT is in the cohort already, as study {number} of its manifest.csv, under "
                "another patient's pseudonym. Enter that one; or remove the row if it is wrong."
            )


def _with_study(
    rows: Sequence[StudyRow],
    patient_id: str,
    files: Mapping[str, Path],
    columns: Mapping[str, str],
    cohort: Path,
) -> list[StudyRow]:
    """``rows`` with the study in the place of its earlier row, or as the last one."""
    for k, row in enumerate(rows):
        if row.columns.get(_KEY) == columns[_KEY]:
            earlier = _earlier_masks(row, files["lungs"], cohort)
            columns = {**row.columns, **columns, **({_EARLIER: earlier} if earlier else {})}
            merged = StudyRow(patient_id, {**row.files, **files}, columns)
            return [*rows[:k], merged, *rows[k + 1 :]]
    if any("split" in row.columns for row in rows):
        parts = [row.columns["split"] for row in rows if row.patient_id == patient_id]
        columns = {**columns, "split": parts[0] if parts else "training"}
    return [*rows, StudyRow(patient_id, files, columns)]


def _earlier_masks(row: StudyRow, new: Path, cohort: Path) -> str:
    """What the column ``earlier_lungs`` says once ``new`` is the mask of this study."""
    names = [name for name in row.columns.get(_EARLIER, "").split(";") if name]
    if "lungs" in row.files:
        names.append(_inside(cohort, row.files["lungs"]))
    return ";".join(name for name in dict.fromkeys(names) if name != _inside(cohort, new))


def _inside(cohort: Path, path: Path) -> str:
    root, path = cohort.absolute(), path.absolute()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


@contextmanager
def _sole_writer(cohort: Path) -> Iterator[None]:
    """Hold the cohort's folder; what a killed process left behind in it is removed."""
    lock = FileLock(cohort / ".corrections.lock", timeout=_WAIT_S)
    try:
        (cohort / FOLDER).mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise OutputError(
            f"Another program has been writing into '{cohort}' for {_WAIT_S:.0f} s. Try again when "
            "it has ended."
        ) from error
    except OSError as error:
        raise OutputError(
            f"The cohort folder '{cohort}' cannot be written: {error.strerror or error}. Choose a "
            "folder where you have permission to write."
        ) from error
    try:
        _remove(set((cohort / FOLDER).glob("partial_*")))
        yield
    finally:
        lock.release()


def _write_missing(volumes: Mapping[Path, Volume]) -> set[Path]:
    """Write the files that are not there yet, all of them or none, and return which."""
    written: set[Path] = set()
    try:
        for path, volume in volumes.items():
            if not path.exists():
                _write_whole(volume, path)
                written.add(path)
    except OutputError:
        _remove(written)
        raise
    return written


def _write_whole(volume: Volume, path: Path) -> None:
    """Write beside ``path``, read it back (a full disk may cut a file off), then rename."""
    partial = path.with_name(f"partial_{path.name}")
    try:
        write_image(volume, partial)
        again = read_image(partial)
        if not (again.same_grid_as(volume) and np.array_equal(again.array, volume.array)):
            raise OutputError("What was written is not what can be read back.")
        partial.replace(path)
    except (InputError, OutputError, OSError) as error:
        _remove({partial})
        raise OutputError(
            f"The correction cannot be saved in '{path.parent}': {error} Nothing was changed. Free "
            "some space on this disk, or choose another folder."
        ) from error


def _named(cohort: Path, rows: Sequence[StudyRow]) -> set[Path]:
    """The files of these rows that this module has written, earlier masks too."""
    folder = (cohort / FOLDER).resolve()
    named = [path for row in rows for path in row.files.values()]
    for row in rows:
        named += [cohort / name for name in row.columns.get(_EARLIER, "").split(";") if name]
    return {path for one in named if (path := one.resolve()).parent == folder}


def _remove(paths: set[Path]) -> None:
    for path in paths:
        # One that another program holds open (Windows) stays behind, and harms nobody.
        with suppress(OSError):
            path.unlink(missing_ok=True)
