"""The file registry.json: what each file of weights is, and its SHA-256."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from LungPNetLib.errors import ModelError, OutputError

SCHEMA_VERSION = "1.0"
REGISTRY = "registry.json"


@dataclass(frozen=True)
class WeightsEntry:
    """One file of weights as its registry describes it.

    Parameters
    ----------
    id : str
        Unique name.
    task, variant : str
        ``"lungs"``, ``"compact"``.
    file : str
        Name of the safetensors file beside the registry.
    sha256 : str
        Of the file, lower-case hexadecimal.
    arch : dict
        Name of the network and its constructor's arguments.
    preprocessing : dict
    classes : tuple of str
        Meaning of output index k.
    outcome_source : str
        ``patients``, ``synthetic`` or ``mixed``.
    trained_on : str
        The cohort in words, for screens and reports.
    card : str
        Name of the model card (Markdown) beside the registry.
    """

    id: str
    task: str
    variant: str
    file: str
    sha256: str
    arch: dict[str, Any]
    preprocessing: dict[str, Any]
    classes: tuple[str, ...]
    outcome_source: str
    trained_on: str
    card: str


def read_registry(folder: Path) -> list[WeightsEntry]:
    """The entries of the registry in ``folder``, oldest first; none where there is no registry.

    Raises
    ------
    ModelError
        The registry is damaged or of a later program.
    """
    path = folder / REGISTRY
    if not path.is_file():
        return []
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema version {content['schema_version']}")
        return [_entry(record) for record in content["entries"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"The registry '{path}' cannot be used ({error!r}; schema version {SCHEMA_VERSION} is "
            "accepted). Restore it, or move it aside to go on without these weights."
        ) from error


def write_registry(folder: Path, entries: Iterable[WeightsEntry]) -> None:
    """Replace the registry in ``folder``.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    content = {"schema_version": SCHEMA_VERSION, "entries": [asdict(entry) for entry in entries]}
    partial = folder / f".{REGISTRY}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        partial.replace(folder / REGISTRY)
    except OSError as error:
        raise OutputError(f"The registry in '{folder}' cannot be written: {error}.") from error


def _entry(record: dict[str, Any]) -> WeightsEntry:
    known = {field.name for field in fields(WeightsEntry)}
    if set(record) != known:
        raise ValueError(f"keys {sorted(set(record) ^ known)} are missing or unknown")
    file, card = record["file"], record["card"]
    if Path(file).name != file or Path(card).name != card or not file.endswith(".safetensors"):
        raise ValueError(f"'{file}', '{card}' are not names of files beside the registry")
    return WeightsEntry(**{**record, "classes": tuple(record["classes"])})
