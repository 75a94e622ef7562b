"""Training configurations: frozen dataclasses, filled from TOML and checked value by value.

A task's configuration is a frozen dataclass whose fields have defaults; one field is ``trainer``,
a :class:`TrainerConfig`. Fields may be bool, int, float, str, ``Literal``, ``Enum``, ``Path``,
tuples, ``X | None`` and further dataclasses.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeVar

from LungPNetLib.errors import InputError
from LungPNetLib.training.typed import typed_dataclass

CONFIGS_FOLDER = Path(__file__).resolve().parents[1] / "configs"

C = TypeVar("C")


@dataclass(frozen=True)
class TrainerConfig:
    """What all trainings have in common.

    Parameters
    ----------
    start_from : str
        Weights to begin with: a safetensors file or the id of registered ones; empty begins anew.
    seed : int
        Decides the first weights, every draw and every dropout.
    epochs : int
        An epoch is the unit of validation, of the curve and of a resume.
    steps_per_epoch : int
        Optimizer steps an epoch; 0 is one pass over the samples.
    batch_size : int
        Samples a step and device.
    learning_rate : float
        At the start, after the warm-up.
    lr_schedule : str
        ``step`` multiplies by ``lr_gamma`` every ``lr_step_epochs`` epochs, ``cosine`` falls to
        zero at the last step, ``constant`` stays.
    warmup_steps : int
        Steps over which the rate rises linearly from zero.
    gradient_clip : float
        Largest norm of the gradient; 0 does not clip. A module with manual optimization clips
        itself.
    precision : str
        ``auto`` is bf16 on a GPU that has it and fp32 elsewhere.
    device : str
        auto, cpu, cuda or cuda:N.
    devices : int
        Processes with a device each (DDP) on this machine.
    workers : int
        Processes that draw samples; 0 draws in the training process.
    early_stop_epochs : int
        Stop after so many epochs without a better validation metric; 0 never.
    max_minutes : float
        Stop at the end of the epoch after which the next would pass this limit, all resumed parts
        counted; 0 is no limit.
    checkpoint_minutes : float
        A resumable checkpoint is written at each epoch's end, and within an epoch as often.
    """

    start_from: str = ""
    seed: int = 7
    epochs: int = 20
    steps_per_epoch: int = 0
    batch_size: int = 8
    learning_rate: float = 1e-4
    lr_schedule: Literal["step", "cosine", "constant"] = "step"
    lr_step_epochs: int = 10
    lr_gamma: float = 0.5
    warmup_steps: int = 0
    gradient_clip: float = 1.0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: str = "auto"
    devices: int = 1
    workers: int = 0
    early_stop_epochs: int = 0
    max_minutes: float = 0.0
    checkpoint_minutes: float = 5.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "lr_step_epochs", "devices", "learning_rate"):
            if not getattr(self, name) > 0:
                raise InputError(f"trainer.{name} must be above 0, got {getattr(self, name)}.")
        for name in (
            "seed", "steps_per_epoch", "warmup_steps", "gradient_clip", "workers",
            "early_stop_epochs", "max_minutes", "checkpoint_minutes",
        ):  # fmt: skip
            if getattr(self, name) < 0:
                raise InputError(f"trainer.{name} must be 0 or more, got {getattr(self, name)}.")


def load_config(cls: type[C], path: Path | None, overrides: Sequence[str] = ()) -> C:
    """A configuration from TOML, with ``a.b=value`` overrides applied on top.

    Parameters
    ----------
    cls : type
        The frozen dataclass to fill; keys that the file leaves out keep its defaults.
    path : Path, optional
        The TOML file; None takes the defaults.
    overrides : sequence of str
        ``section.key=value``, the value as TOML writes it; a text needs no quotes.

    Raises
    ------
    InputError
        The file cannot be read, or a key or a value is not one of ``cls``; the key, the value and
        what is accepted are named.
    """
    content: dict[str, Any] = {}
    if path is not None:
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"The configuration '{path}' cannot be read: {error}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"The configuration '{path}' is not valid TOML ({error}).") from error
    for override in overrides:
        _apply(content, override)
    return typed_dataclass(cls, content)


def find_config(name: str) -> Path:
    """The TOML file that a person means: a path, or the name of one that is shipped.

    Raises
    ------
    InputError
        There is neither; the shipped names are listed.
    """
    shipped = CONFIGS_FOLDER / f"{name.removesuffix('.toml')}.toml"
    for path in (Path(name), shipped):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in CONFIGS_FOLDER.glob("*.toml"))) or "none"
    raise InputError(f"There is no configuration '{name}'. Give a TOML file, or one of: {known}.")


def config_record(config: Any) -> dict[str, Any]:
    """The resolved configuration as plain JSON values, as ``config.json`` holds it."""
    return json.loads(json.dumps(asdict(config), default=_plain))


def config_from_record(cls: type[C], record: dict[str, Any]) -> C:
    """The inverse of :func:`config_record`."""
    return typed_dataclass(cls, record)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be part of a configuration")


def _apply(content: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise InputError(f"--set takes section.key=value, got '{override}'.")
    for key in keys[:-1]:
        content = content.setdefault(key, {})
        if not isinstance(content, dict):
            raise InputError(f"--set {override}: '{key}' is a value, not a section.")
    content[keys[-1]] = _toml_value(text.strip())


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
