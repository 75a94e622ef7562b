"""Operating points of a detector: measured on validation patients, kept with its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from LungPNetLib.cohort.lidc import TEST_ONLY_PATIENTS
from LungPNetLib.cohort.manifest import StudyRow
from LungPNetLib.errors import InputError, ModelError, OutputError
from LungPNetLib.evaluation.operating_points import OperatingTable
from LungPNetLib.nodules.predict import OPERATING_POINTS, SEGMENTER_SHA256, NoduleWeights
from LungPNetLib.weights.entries import read_registry, write_registry
from LungPNetLib.weights.registry import Origin

_OTHER_PARTS = {"test", "train", "training"}
_HEADING = "## Operating points"


def refuse_other_than_validation(rows: Sequence[StudyRow]) -> None:
    """Thresholds are chosen on validation patients alone.

    Raises
    ------
    InputError
        A study is for tests or for training, by its columns ``split`` and ``seeds_for`` or by its
        patient.
    """
    for row in rows:
        parts = {row.columns.get(name, "") for name in ("split", "seeds_for")} & _OTHER_PARTS
        if row.patient_id in TEST_ONLY_PATIENTS:
            parts.add("test")
        if parts:
            raise InputError(
                f"Operating points are chosen on validation patients, and this manifest has "
                f"studies for '{min(parts)}'. Give those for validation only, or take them with: "
                "--split validation"
            )


def refuse_fixed_registry(weights: NoduleWeights) -> None:
    """Raise ModelError unless the registry that names the detector may be written."""
    detector = weights.detector
    if detector.origin is Origin.SHIPPED:
        raise ModelError(
            f"The weights '{detector.entry.id}' come with LungPNet, and their registry is not "
            "changed. Train a detector of your own, or give the file of one with --detector."
        )
    known = {entry.sha256 for entry in read_registry(detector.path.absolute().parent)}
    if detector.entry.sha256 not in known:
        raise ModelError(
            f"No registry beside the weights '{detector.path.name}' names them, so there is "
            "nowhere to keep their operating points. Put them beside the registry.json that was "
            "exported with them."
        )


def write_operating_points(weights: NoduleWeights, table: OperatingTable) -> Path:
    """Put the table into the detector's registry entry and its card; earlier ones are replaced.

    Parameters
    ----------
    weights : NoduleWeights
        The table holds for this detector with this segmenter.
    table : OperatingTable

    Returns
    -------
    Path
        The registry.

    Raises
    ------
    ModelError
        As :func:`refuse_fixed_registry`.
    OutputError
        Registry or card cannot be written.
    """
    refuse_fixed_registry(weights)
    detector = weights.detector
    folder = detector.path.absolute().parent
    record = table.record() | {SEGMENTER_SHA256: weights.segmenter.entry.sha256}
    try:
        with FileLock(folder / ".registry.lock"):
            entries = [
                replace(entry, preprocessing=entry.preprocessing | {OPERATING_POINTS: record})
                if entry.sha256 == detector.entry.sha256
                else entry
                for entry in read_registry(folder)
            ]
            write_registry(folder, entries)
            _write_card(folder / detector.entry.card, table, weights.segmenter.entry.id)
    except OSError as error:
        raise OutputError(
            f"The operating points cannot be written to '{folder}': {error}."
        ) from error
    return folder / "registry.json"


def _write_card(card: Path, table: OperatingTable, segmenter: str) -> None:
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    before, _, after = text.partition(f"\n{_HEADING}\n")
    _, following, rest = after.partition("\n## ")
    lines = [
        f"{before.rstrip()}\n",
        f"{_HEADING}\n",
        f"With the outlines of {segmenter}, on {table.n_scans} validation scans with "
        f"{table.n_nodules} nodules.\n",
        "| false findings a scan allowed | score from | reached | sensitivity |",
        "|---|---|---|---|",
        *(
            f"| {point.rate:g} | "
            f"{'nothing is shown' if point.threshold is None else f'{point.threshold:.4f}'} | "
            f"{point.false_per_scan:.2f} | {point.sensitivity:.3f} |"
            for point in table.points
        ),
    ]
    end = f"\n## {rest}" if following else ""
    partial = card.with_name(f".{card.name}.partial")
    partial.write_text("\n".join(lines) + "\n" + end, encoding="utf-8")
    partial.replace(card)
