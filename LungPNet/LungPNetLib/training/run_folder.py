"""The folder of one training run: whose it is, and who works in it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from LungPNetLib import __version__
from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.training.config import config_record
from LungPNetLib.training.task import TrainingTask

RECORD = "config.json"
_FREE_KEYS = frozenset(
    f"trainer.{name}"
    for name in ("epochs", "max_minutes", "early_stop_epochs", "workers", "checkpoint_minutes",
                 "device")
)  # fmt: skip
"""What may differ when a run goes on: how long and where it runs, not what it does."""


def is_first_process() -> bool:
    """Whether this is the process of a DDP group that writes files and speaks."""
    return int(os.environ.get("LOCAL_RANK", "0")) == 0


def run_record(task: TrainingTask, config: Any, manifest: Path | None) -> dict[str, Any]:
    """What config.json holds: task, resolved configuration, and the cohort's hash."""
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest else ""
    return {
        "task": task.name,
        "config": config_record(config),
        "manifest_sha256": digest,
        "lungpnet": __version__,
    }


def read_record(out: Path) -> dict[str, Any]:
    """The config.json of a run.

    Raises
    ------
    InputError
        The folder holds no training run.
    """
    try:
        record: dict[str, Any] = json.loads((out / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"'{out}' is not a training run (it holds no readable {RECORD}). Choose another --out."
        ) from error
    return record


@contextmanager
def run_folder(out: Path, record: dict[str, Any], *, resume: bool) -> Iterator[None]:
    """Hold ``out`` for this run, new or gone on with; only one process group at a time.

    Raises
    ------
    InputError
        The folder exists and ``resume`` is off; or it is another run's, configuration's or
        cohort's; or another process trains in it.
    OutputError
        It cannot be made.
    """
    if not is_first_process():
        yield
        return
    started = (out / RECORD).exists()
    if started and resume:
        _refuse_other_run(read_record(out), record, out)
    elif out.exists() and (started or not out.is_dir() or any(out.iterdir())):
        raise InputError(
            f"'{out}' exists already. Go on with the run in it by --resume, or choose another "
            "--out."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / ".lock", timeout=0)
        with lock:
            _write_record(out, record)
            yield
    except Timeout as error:
        raise InputError(f"Another process trains in '{out}'. Wait for it to end.") from error
    except OSError as error:
        raise OutputError(f"The run cannot be written to '{out}': {error}.") from error


def _write_record(out: Path, record: dict[str, Any]) -> None:
    partial = out / f".{RECORD}.partial"
    partial.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    partial.replace(out / RECORD)


def _refuse_other_run(old: dict[str, Any], new: dict[str, Any], out: Path) -> None:
    before, now = _flat(old), _flat(new)
    free = {f"config.{key}" for key in _FREE_KEYS} | {"lungpnet"}
    if now.get("config.trainer.lr_schedule") == "cosine":
        free.discard("config.trainer.epochs")
    differing = [
        f"{key.removeprefix('config.')} was {before.get(key)!r}, now {now.get(key)!r}"
        for key in sorted(set(before) | set(now))
        if key not in free and before.get(key) != now.get(key)
    ]
    if differing:
        raise InputError(
            f"The run in '{out}' was started with another configuration or cohort: "
            f"{'; '.join(differing)}. Resume it with the same, or choose another --out."
        )


def _flat(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
