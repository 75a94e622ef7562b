"""Checkpoints of a run: written whole or not at all, read without pickle, from their own folder."""

from __future__ import annotations

import os
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from LungPNetLib.errors import ModelError, OutputError

FOLDER = "checkpoints"
LAST = "last.ckpt"
BEST = "best.ckpt"


@dataclass
class RunState:
    """How far a run has come; together with weights and optimizers all that a resume needs.

    Parameters
    ----------
    epoch : int
        The epoch that is under way, or comes next (0-based).
    step : int
        Steps of it that are done.
    best_epoch : int
        Epoch of the best validation metric, -1 before the first.
    best_value : float
    seconds : float
        Time spent in training so far, all parts together.
    stopped : str
        Why the run ended on its own; empty while it has not.
    """

    epoch: int = 0
    step: int = 0
    best_epoch: int = -1
    best_value: float = float("nan")
    seconds: float = 0.0
    stopped: str = ""


def save_checkpoint(content: dict[str, Any], out: Path, name: str) -> None:
    """Write ``content`` (tensors and plain values) as a checkpoint of the run in ``out``.

    The file is complete on disk before it takes its name, so a process that is killed leaves the
    previous one.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    folder = out / FOLDER
    partial = folder / f".{name}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as stream:
            torch.save(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(folder / name)
    except (OSError, RuntimeError) as error:
        partial.unlink(missing_ok=True)
        raise OutputError(
            f"The checkpoint '{name}' cannot be written to '{folder}': {error}. Free some space "
            "and continue the run with --resume."
        ) from error


def load_checkpoint(out: Path, name: str) -> dict[str, Any] | None:
    """The checkpoint ``name`` of the run in ``out``; None where there is none yet.

    Raises
    ------
    ModelError
        It is damaged, holds more than tensors and plain values, or is a link out of the folder.
    """
    path = out / FOLDER / name
    if not path.exists():
        return None
    if not path.resolve().is_relative_to(out.resolve()):
        raise ModelError(
            f"'{path}' leads out of its run's folder and is not loaded. Train anew in another "
            "--out."
        )
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise ModelError(
            f"The checkpoint '{path}' is damaged or holds more than weights "
            f"({type(error).__name__}). Train anew in another --out."
        ) from error
    return content


def training_content(
    weights: dict[str, torch.Tensor], optimizers: list[dict[str, Any]], state: RunState
) -> dict[str, Any]:
    """What ``last.ckpt`` holds."""
    return {"weights": weights, "optimizers": optimizers, "state": asdict(state)}
