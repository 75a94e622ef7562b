"""Features as JSON and as CSV, with units, identifiers and the settings that they depend on."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any, TextIO

from LungPNetLib.cohort.manifest import neutral_cell
from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.radiomics.catalogue import DEFINITIONS, VECTOR_VERSION
from LungPNetLib.radiomics.features import Features
from LungPNetLib.report.wording import NOTICE
from LungPNetLib.training.config import config_record

UNDEFINED = "undefined"
"""What stands in a table where the region does not have a feature; in JSON it is null."""


def features_record(features: Features) -> dict[str, Any]:
    """Plain JSON values: features in the order of the vector, region and settings."""
    return {
        "notice": NOTICE,
        "vector_version": VECTOR_VERSION,
        "settings": config_record(features.settings),
        "region": {"voxels": features.n_voxels, "voxels_inside": features.n_voxels_inside},
        "features": [
            {
                "name": one.name,
                "code": one.code,
                "family": one.family.value,
                "unit": one.unit,
                "value": None if math.isnan(features[one.name]) else features[one.name],
            }
            for one in DEFINITIONS
        ],
        "undefined": list(features.undefined),
    }


def write_features(features: Features, path: Path, about: dict[str, Any]) -> None:
    """Write a table, whole or not at all, as the suffix of ``path`` says.

    Parameters
    ----------
    features : Features
        What to write.
    path : Path
        Ends in .json, or in .csv: a row for each feature, then rows of family ``settings`` and
        ``about``; no cell starts a formula in a spreadsheet.
    about : dict
        Further values to write beside the features, such as what was measured.

    Raises
    ------
    InputError
        The suffix is another one.
    OutputError
        The file cannot be written.
    """
    writers = {".json": _write_json, ".csv": _write_csv}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise InputError(f"The table must end in .csv or .json, got '{path.name}'.")
    record = features_record(features) | {"about": about}
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", newline="", encoding="utf-8") as stream:
            writer(record, stream)
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written: {error.strerror}.") from error


def _write_json(record: dict[str, Any], stream: TextIO) -> None:
    json.dump(record, stream, indent=2, ensure_ascii=False, allow_nan=False)
    stream.write("\n")


def _write_csv(record: dict[str, Any], stream: TextIO) -> None:
    about = {name: record[name] for name in ("notice", "vector_version")}
    about |= record["region"] | _flat(record["about"])
    rows = [
        (row["name"], row["code"], row["family"], row["unit"], row["value"])
        for row in record["features"]
    ]
    rows += [(name, "", "settings", "", value) for name, value in record["settings"].items()]
    rows += [(name, "", "about", "", value) for name, value in about.items()]
    writer = csv.writer(stream)
    writer.writerow(("name", "code", "family", "unit", "value"))
    writer.writerows([neutral_cell(_cell(value)) for value in row] for row in rows)


def _flat(record: dict[str, Any], place: str = "") -> dict[str, Any]:
    """Values of nested records under dotted names.

    >>> _flat({"software": {"name": "LungPNet"}})
    {'software.name': 'LungPNet'}
    """
    found: dict[str, Any] = {}
    for name, value in record.items():
        inner = isinstance(value, dict)
        found |= _flat(value, f"{place}{name}.") if inner else {f"{place}{name}": value}
    return found


def _cell(value: object) -> str:
    if value is None:
        return UNDEFINED
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
