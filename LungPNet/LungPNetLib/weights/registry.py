"""Which weights there are, and whether a file is what its registry says.

Weights are safetensors files that hold numbers only. Each is named in a ``registry.json`` with its
SHA-256; a file whose hash no registry knows is not loaded. They are looked up where the person
says (``--weights``), then in the user's folder (setting ``weights.folder``), then among the
shipped ones.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LungPNetLib.errors import InputError, ModelError
from LungPNetLib.weights.entries import REGISTRY, WeightsEntry, read_registry, write_registry

if TYPE_CHECKING:
    from torch import Tensor

SHIPPED_FOLDER = Path(__file__).resolve().parent
METADATA_KEY = "lungpnet"
"""Key of the metadata of a safetensors file under which everything about it stands, as JSON."""


class Origin(str, Enum):
    """Where weights were found."""

    GIVEN = "given"
    USER = "user"
    SHIPPED = "shipped"


@dataclass(frozen=True)
class Found:
    """An entry, the file it stands for, and where it was found."""

    entry: WeightsEntry
    path: Path
    origin: Origin

    def record(self) -> dict[str, Any]:
        """What result.json keeps of it."""
        entry = self.entry
        return {
            "id": entry.id,
            "task": entry.task,
            "variant": entry.variant,
            "sha256": entry.sha256,
            "outcome_source": entry.outcome_source,
            "trained_on": entry.trained_on,
            "origin": self.origin.value,
        }


@dataclass(frozen=True)
class Loaded:
    """Verified weights: floating point tensors as float32 on the CPU."""

    state_dict: dict[str, Tensor]
    entry: WeightsEntry
    path: Path
    origin: Origin


def user_folder() -> Path:
    """Folder of the user's own weights; it need not exist."""
    from LungPNetLib.config import load_config

    return Path(load_config()["weights.folder"]).expanduser()


def all_weights() -> list[Found]:
    """Everything that is registered, the user's first and the newest of each folder first."""
    return [
        Found(entry, folder / entry.file, origin)
        for origin, folder in ((Origin.USER, user_folder()), (Origin.SHIPPED, SHIPPED_FOLDER))
        for entry in reversed(read_registry(folder))
    ]


def find_weights(
    *tasks: str, weights: Path | str | None = None, variant: str | None = None
) -> Found | None:
    """The weights to use for a task; None where none are registered and none were given.

    Parameters
    ----------
    *tasks : str
        Weights for any of these serve.
    weights : Path or str, optional
        A safetensors file, or the id of registered weights; nothing else is then considered.
    variant : str, optional
        ``"compact"`` or ``"paper"``; any by default.

    Raises
    ------
    ModelError
        ``weights`` is not there, unknown to every registry, or made for another task.
    """
    if weights is not None:
        found = _given(weights)
        if found.entry.task not in tasks:
            needed = " or ".join(f"'{task}'" for task in tasks)
            raise ModelError(
                f"The weights '{weights}' were trained for '{found.entry.task}', and {needed} is "
                "needed. Choose others; see: lungpnet models list"
            )
        return found
    for found in all_weights():
        if found.entry.task in tasks and variant in (None, found.entry.variant):
            return found
    return None


def load_weights(
    task: str, *, weights: Path | str | None = None, variant: str | None = None
) -> Loaded:
    """Find, verify and read the weights for ``task``.

    Raises
    ------
    ModelError
        There are none, or the file is missing, damaged, changed or unknown.
    """
    found = find_weights(task, weights=weights, variant=variant)
    if found is None:
        words = f"'{task}' of variant '{variant}'" if variant else f"'{task}'"
        raise ModelError(
            f"There are no weights for {words}. Train some with: lungpnet train {task}"
        )
    return read_weights(found)


def read_weights(found: Found) -> Loaded:
    """Verify the file of ``found`` and read it.

    The bytes that are hashed are the bytes that are read, so nobody can swap them in between.

    Raises
    ------
    ModelError
        The file is missing, or not what the registry says.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    content = _verified_bytes(found)
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise ModelError(
            f"'{found.path}' is registered, but is not a safetensors file ({error}). Remove it: "
            f"lungpnet models remove {found.entry.id}"
        ) from error
    state_dict = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }
    return Loaded(state_dict, found.entry, found.path, found.origin)


def verify(found: Found) -> None:
    """Check that the file of ``found`` is there and is what the registry says.

    Raises
    ------
    ModelError
        It is not.
    """
    _verified_bytes(found)


def remove(weights_id: str) -> Path:
    """Remove the user's weights of this id: file, card and entry; returns the file's path.

    Raises
    ------
    InputError
        The user's registry has no such weights (the shipped ones cannot be removed).
    """
    folder = user_folder()
    entries = read_registry(folder)
    gone = [entry for entry in entries if entry.id == weights_id]
    if not gone:
        known = ", ".join(entry.id for entry in entries) or "none"
        raise InputError(f"Your registry has no weights '{weights_id}'. It holds: {known}.")
    write_registry(folder, [entry for entry in entries if entry.id != weights_id])
    for name in (gone[0].file, gone[0].card):
        (folder / name).unlink(missing_ok=True)
    return folder / gone[0].file


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in lower-case hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _given(weights: Path | str) -> Found:
    path = Path(weights)
    if not path.is_file():
        by_id = [found for found in all_weights() if found.entry.id == str(weights)]
        if by_id:
            return by_id[0]
        raise ModelError(
            f"'{weights}' is neither a file nor the id of registered weights. "
            "See: lungpnet models list"
        )
    digest = sha256_of(path)
    for folder in dict.fromkeys((path.absolute().parent, user_folder(), SHIPPED_FOLDER)):
        for entry in read_registry(folder):
            if entry.sha256 == digest:
                return Found(entry, path, Origin.GIVEN)
    raise ModelError(
        f"No registry knows the weights '{path}' (SHA-256 {digest[:12]}...), so what they are and "
        f"how they were trained is unknown, or the file was changed. Put the {REGISTRY} that was "
        "exported with them beside the file, or export them again with: lungpnet train"
    )


def _verified_bytes(found: Found) -> bytes:
    try:
        content = found.path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"The weights '{found.entry.id}' are registered, but their file '{found.path}' cannot "
            f"be read ({error.strerror}). {_repair(found)}"
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != found.entry.sha256:
        raise ModelError(
            f"The weights '{found.path}' are damaged or were changed: SHA-256 {digest[:12]}..., "
            f"the registry says {found.entry.sha256[:12]}.... {_repair(found)}"
        )
    return content


def _repair(found: Found) -> str:
    if found.origin is Origin.USER:
        return f"Restore the file, or remove them: lungpnet models remove {found.entry.id}"
    if found.origin is Origin.SHIPPED:
        return "Install LungPNet again."
    return "Get the file again from where it came."
