"""What a person can look at while a network trains: metrics.csv, curves, TensorBoard."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

METRICS = "metrics.csv"
CURVES = "curves.png"


class RunLog:
    """The figures of each epoch, kept in step with the last checkpoint.

    Parameters
    ----------
    out : Path
        The run's folder.
    first_epoch, first_step : int
        Where the run goes on; what an interrupted part logged beyond is dropped.
    """

    def __init__(self, out: Path, first_epoch: int, first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._out = out
        self.rows = [row for row in read_metrics(out) if row["epoch"] < first_epoch]
        self._writer = SummaryWriter(str(out / "tensorboard"), purge_step=first_step or None)

    def step(self, values: Mapping[str, float], step: int) -> None:
        """Log values of one step to TensorBoard."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def epoch(self, row: dict[str, float], step: int, monitor: str) -> None:
        """Log one epoch: TensorBoard, metrics.csv and the curves."""
        self.rows.append(row)
        self.step({name: value for name, value in row.items() if name != "epoch"}, step)
        self._writer.flush()
        _write_metrics(self.rows, self._out)
        write_curves(self.rows, self._out / CURVES, monitor)

    def close(self) -> None:
        """Write what is still held back."""
        self._writer.close()


def read_metrics(out: Path) -> list[dict[str, float]]:
    """The rows of a run's metrics.csv; none where it does not exist."""
    path = out / METRICS
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            {name: float(value) for name, value in row.items() if value}
            for row in csv.DictReader(stream)
        ]


def write_curves(rows: list[dict[str, float]], path: Path, monitor: str) -> None:
    """Draw losses (left axis) and the validation metric (right axis) over the epochs as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    for name in sorted({name for row in rows for name in row if name.endswith("loss")}):
        _plot(axis, rows, name, "-")
    axis.set(xlabel="epoch", ylabel="loss")
    if not monitor.endswith("loss"):
        right = axis.twinx()
        _plot(right, rows, monitor, "--", color="black")
        right.set_ylabel(monitor)
        right.legend(loc="upper right", frameon=False)
    axis.legend(loc="upper left", frameon=False)
    figure.savefig(path, dpi=110)


def _plot(axis: Any, rows: list[dict[str, float]], name: str, style: str, **more: Any) -> None:
    epochs = [row["epoch"] for row in rows]
    values = [row.get(name, math.nan) for row in rows]
    axis.plot(epochs, values, style, marker=".", label=name, **more)


def _write_metrics(rows: list[dict[str, float]], out: Path) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    partial = out / f".{METRICS}.partial"
    with partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows(row | {"epoch": int(row["epoch"])} for row in rows)
    partial.replace(out / METRICS)
