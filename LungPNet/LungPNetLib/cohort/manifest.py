"""The cohort as a table: manifest.csv, one row a study, checked before anything is trained on it.

Columns: ``patient_id`` (a pseudonym; required), the files ``ct``, ``pet``, ``lungs``, ``nodules``,
``lesion`` (relative to the manifest; empty where there is none), and any further columns, which
are kept as text. The column ``split`` may say ``training``, ``validation``
or ``test``.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from LungPNetLib.errors import InputError, OutputError

FILE_COLUMNS = ("ct", "pet", "lungs", "nodules", "lesion")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class StudyRow:
    """One study of a cohort.

    Parameters
    ----------
    patient_id : str
        Pseudonym; all studies of a patient have the same.
    files : mapping
        Column of ``FILE_COLUMNS`` to the absolute path of an existing file or folder; columns
        that are empty in this row are left out.
    columns : mapping
        All other columns, as text.
    """

    patient_id: str
    files: Mapping[str, Path]
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """A checked cohort.

    ``sha256`` is of what the table says (not of how it is written), so it changes when a study, a
    file name or a value does, and stays the same in another folder.
    """

    path: Path
    rows: tuple[StudyRow, ...]
    sha256: str

    @property
    def patient_ids(self) -> tuple[str, ...]:
        """Every patient once, in the order of the table."""
        return tuple(dict.fromkeys(row.patient_id for row in self.rows))


def read_manifest(path: Path, required: Sequence[str] = ()) -> Manifest:
    """Read and check a manifest.

    Parameters
    ----------
    path : Path
        A CSV file in UTF-8 with a header line.
    required : sequence of str
        Columns that must have a value in every row.

    Raises
    ------
    InputError
        It is no such table, is empty, or has rows that lack a value, name a missing file, repeat
        another row, or bring one image twice. Rows are given by their line numbers, never by their
        patients.
    """
    table = _read_table(path, required)
    rows = tuple(_row(record, path.absolute().parent) for _, record in table)
    lines = [line for line, _ in table]
    _refuse_lacking(lines, [record for _, record in table], required)
    _refuse_missing_files(lines, rows)
    _refuse_repeated(lines, rows)
    text = json.dumps(sorted(sorted(record.items()) for _, record in table))
    return Manifest(path, rows, hashlib.sha256(text.encode()).hexdigest())


def write_manifest(path: Path, rows: Iterable[StudyRow]) -> None:
    """Write a manifest; files inside its folder are named relative to it.

    Cells that a spreadsheet would run as a formula get an apostrophe in front, which
    ``read_manifest`` takes off again.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in (*row.files, *row.columns)))
    files = [name for name in FILE_COLUMNS if name in names]
    others = [name for name in names if name not in files]
    folder = path.absolute().parent
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["patient_id", *files, *map(neutral_cell, others)])
            for row in rows:
                paths = [
                    _relative(row.files[name], folder) if name in row.files else ""
                    for name in files
                ]
                values = [row.columns.get(name, "") for name in others]
                writer.writerow([neutral_cell(cell) for cell in (row.patient_id, *paths, *values)])
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"The manifest '{path}' cannot be written: {error}.") from error


def neutral_cell(text: str) -> str:
    """``text`` as a spreadsheet shows it instead of running it; numbers stay numbers.

    Examples
    --------
    >>> neutral_cell("=1+1"), neutral_cell("-3.5"), neutral_cell("solid")
    ("'=1+1", '-3.5', 'solid')
    """
    if not text.startswith(_FORMULA_STARTS) or _is_number(text):
        return text
    return f"'{text}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _as_meant(cell: str) -> str:
    """The inverse of :func:`neutral_cell`, without surrounding blanks."""
    cell = cell.strip(" ")
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA_STARTS) else cell


def _read_table(path: Path, required: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Line number and cells of each row."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, strict=True)
            header = [_as_meant(cell) for cell in next(reader, [])]
            lines = [(reader.line_num, [_as_meant(cell) for cell in cells]) for cells in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"The manifest '{path}' cannot be read as a CSV table in UTF-8 ({error})."
        ) from error
    lacking = [name for name in ("patient_id", *required) if name not in header]
    if lacking or len(set(header)) < len(header):
        wrong = f"lacks the column '{lacking[0]}'" if lacking else "names a column twice"
        raise InputError(f"The manifest '{path}' {wrong}; its columns are: {', '.join(header)}.")
    lines = [(line, cells) for line, cells in lines if any(cells)]
    for line, cells in lines:
        if len(cells) != len(header):
            raise InputError(
                f"Line {line} of the manifest has {len(cells)} cells, and the header {len(header)}."
            )
    if not lines:
        raise InputError(f"The manifest '{path}' has no rows; it needs one for each study.")
    return [(line, dict(zip(header, cells, strict=True))) for line, cells in lines]


def _row(record: dict[str, str], folder: Path) -> StudyRow:
    files = {name: folder / record[name] for name in FILE_COLUMNS if record.get(name)}
    columns = {
        name: cell
        for name, cell in record.items()
        if name != "patient_id" and name not in FILE_COLUMNS
    }
    return StudyRow(record["patient_id"], files, columns)


def _refuse_lacking(
    lines: list[int], records: list[dict[str, str]], required: Sequence[str]
) -> None:
    for name in ("patient_id", *required):
        empty = [line for line, record in zip(lines, records, strict=True) if not record[name]]
        if empty:
            raise InputError(
                f"The manifest has no '{name}' in {_lines(empty)}; every study needs one."
            )


def _refuse_missing_files(lines: list[int], rows: tuple[StudyRow, ...]) -> None:
    for name in FILE_COLUMNS:
        missing = [
            line
            for line, row in zip(lines, rows, strict=True)
            if name in row.files and not row.files[name].exists()
        ]
        if missing:
            raise InputError(
                f"The manifest's column '{name}' names files that do not exist, in "
                f"{_lines(missing)}. Relative paths start at the manifest's folder."
            )


def _refuse_repeated(lines: list[int], rows: tuple[StudyRow, ...]) -> None:
    seen: dict[tuple[str, object], int] = {}
    for line, row in zip(lines, rows, strict=True):
        keys: list[tuple[str, object]] = [
            (name, row.files[name].resolve()) for name in ("ct", "pet") if name in row.files
        ]
        if not keys:
            keys = [("row", (row.patient_id, *sorted(row.columns.items())))]
        for key in keys:
            if key in seen:
                raise InputError(
                    f"Lines {seen[key]} and {line} of the manifest bring the same {key[0]}. A "
                    "study has one row; remove one of them."
                )
            seen[key] = line


def _relative(path: Path, folder: Path) -> str:
    path = path.absolute()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _lines(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:5])) + (", ..." if len(numbers) > 5 else "")
    return f"line {shown}" if len(numbers) == 1 else f"lines {shown} ({len(numbers)} rows)"
