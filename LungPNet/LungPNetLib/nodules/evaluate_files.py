"""Files of an evaluation: what was found in each study, and the figures of all of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from LungPNetLib import __version__
from LungPNetLib.cohort.manifest import neutral_cell
from LungPNetLib.errors import OutputError
from LungPNetLib.evaluation.froc import RATES, froc_curve, froc_score, without_negative
from LungPNetLib.evaluation.judged import Box, ScoredFinding
from LungPNetLib.evaluation.operating_points import OperatingTable
from LungPNetLib.evaluation.tables import Table
from LungPNetLib.nodules.evaluate import NEW, SEEN
from LungPNetLib.nodules.judging import OUTLINES, FoundNodules, JudgedStudy
from LungPNetLib.output import result_folder
from LungPNetLib.report.wording import NOTICE
from LungPNetLib.volume import read_image, write_image

FINDINGS = "findings.json"
EVALUATION = "evaluation.json"
SCHEMA_VERSION = "1.0"


def keep_found(found: FoundNodules, folder: Path, key: str, run: Mapping[str, Any]) -> None:
    """Write what was found in one study, whole or not at all; an earlier one is replaced.

    Parameters
    ----------
    found : FoundNodules
    folder : Path
    key : str
        Says from what and by what it was found.
    run : mapping
        Facts about the run, in JSON values.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    record = {
        "schema_version": SCHEMA_VERSION,
        "notice": NOTICE,
        "key": key,
        "run": dict(run),
        "findings": list(map(asdict, found.findings)),
        "dropped": None if found.dropped is None else list(map(asdict, found.dropped)),
        "models": list(found.models),
        "operating_points": found.operating_points and found.operating_points.record(),
    }
    with result_folder(folder, overwrite=True, marker=FINDINGS) as partial:
        write_image(found.labels, partial / OUTLINES)
        _write_json(partial / FINDINGS, record)


def kept_found(folder: Path, key: str) -> FoundNodules | None:
    """What was found in a study before; None if it was not, or from or by something else."""
    try:
        record = json.loads((folder / FINDINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if record.get("key") != key or record.get("schema_version") != SCHEMA_VERSION:
        return None
    points, dropped = record["operating_points"], record["dropped"]
    return FoundNodules(
        read_image(folder / OUTLINES),
        _findings(record["findings"]),
        None if dropped is None else _findings(dropped),
        models=tuple(record["models"]),
        operating_points=None if points is None else OperatingTable.from_record(points),
    )


def write_evaluation(
    folder: Path,
    record: Mapping[str, Any],
    tables: Mapping[str, Table],
    nodules: Table,
    studies: Sequence[JudgedStudy],
) -> list[str]:
    """Write evaluation.json, each table as CSV and those of figures as Markdown, and froc.png.

    Parameters
    ----------
    folder : Path
        Exists.
    record : mapping
        Of evaluation.json, in JSON values.
    tables : mapping of str to Table
        Figures, by the names of their files.
    nodules : Table
        A row a nodule, for nodules.csv.
    studies : sequence of JudgedStudy
        For the curve.

    Returns
    -------
    list of str
        Names of the files.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    lines = [f"{NOTICE}."]
    files = []
    try:
        for name, table in tables.items():
            if table.rows:
                files.append(f"{name}.csv")
                _write_csv(folder / files[-1], table)
                lines += ["", f"## {name}", "", table.as_markdown()]
        _write_csv(folder / "nodules.csv", nodules)
        (folder / "tables.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
        _draw(folder / "froc.png", studies)
        about = {"schema_version": SCHEMA_VERSION, "research_use_only": True, "notice": NOTICE}
        _write_json(folder / EVALUATION, about | {"software": __version__} | dict(record))
    except OSError as error:
        raise OutputError(f"The figures cannot be written to '{folder}': {error}.") from error
    return [EVALUATION, "tables.md", "froc.png", "nodules.csv", *files]


def _findings(rows: Sequence[dict[str, Any]]) -> tuple[ScoredFinding, ...]:
    return tuple(
        ScoredFinding(row["score"], tuple(row["centre_lps_mm"]), _box(row["box"])) for row in rows
    )


def _box(row: dict[str, Any] | None) -> Box | None:
    return None if row is None else Box(tuple(row["low_lps_mm"]), tuple(row["high_lps_mm"]))


def _write_json(path: Path, record: Mapping[str, Any]) -> None:
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(f"{text}\n", encoding="utf-8")


def _write_csv(path: Path, table: Table) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        for row in (table.header, *table.rows):
            writer.writerow(map(neutral_cell, row))


def _draw(path: Path, studies: Sequence[JudgedStudy]) -> None:
    """The curves of new patients and of those seen in training, with intervals at the rates."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 5.0), layout="constrained")
    axes = figure.add_subplot()
    for name, seen in ((NEW, False), (SEEN, True)):
        scans = [study.scan for study in studies if study.seen is seen]
        for words, chosen in (
            ("all scans", scans),
            ("scans with a nodule", without_negative(scans)),
        ):
            score = froc_score(chosen)
            if not score.n_nodules:
                continue
            curve = froc_curve(chosen)
            label = f"{name}, {words}: CPM {score.cpm.in_words(2)}"
            style = "--" if seen else "-"
            # Zero has no place on this axis, and beyond its end the sensitivity stays what it is.
            rates = np.append(np.maximum(curve.false_per_scan, RATES[0] / 8), 8 * RATES[-1])
            shares = np.append(curve.sensitivity, curve.sensitivity[-1])
            [line] = axes.plot(rates, shares, style, label=label)
            low, high = ([getattr(v, end) for v in score.at_rates] for end in ("low", "high"))
            axes.vlines(RATES, low, high, colors=line.get_color(), alpha=0.5)
    axes.set_xscale("log", base=2)
    axes.set_xticks(RATES, ["1/8", "1/4", "1/2", "1", "2", "4", "8"])
    axes.set_xlim(RATES[0] / 1.2, RATES[-1] * 1.2)
    axes.set_ylim(0.0, 1.0)
    axes.set_xlabel("false findings a scan")
    axes.set_ylabel("sensitivity")
    axes.grid(alpha=0.3)
    axes.set_title(f"Nodules. {NOTICE}", fontsize=10)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower right", fontsize=8)
    figure.savefig(path, dpi=150)
