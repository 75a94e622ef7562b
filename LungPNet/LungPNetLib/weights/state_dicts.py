"""Tensors from files that others made: no pickle is run, and nothing is taken on trust."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LungPNetLib.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

_NAMED = 4
"""So many missing names are told; the rest is counted."""


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The named tensors of a file, on the CPU.

    Parameters
    ----------
    path : Path
        safetensors, or a state dict or checkpoint that ``torch.save`` wrote (Lightning, MONAI and
        MedicalNet keep theirs under the key ``state_dict``).

    Raises
    ------
    ModelError
        The file cannot be read, or holds more than tensors and plain values.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (
        OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError,
        SafetensorError,
    ) as error:  # fmt: skip
        raise ModelError(
            f"The weights '{path}' cannot be read, or hold more than numbers "
            f"({type(error).__name__}). Give a .safetensors file, or one that torch.save wrote of "
            "a state dict."
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise ModelError(
            f"The weights '{path}' hold a {type(content).__name__}; a state dict is needed."
        )
    return {str(name): value for name, value in content.items() if torch.is_tensor(value)}


def part_that_fits(
    state_dict: Mapping[str, Tensor], wanted: Mapping[str, Tensor], source: Path
) -> dict[str, Tensor]:
    """The tensors of ``wanted``, wherever ``state_dict`` keeps them together.

    Parameters
    ----------
    state_dict : mapping of str to Tensor
        May hold more than is wanted, and all names may have a prefix (``module.``,
        ``student.encoder.``).
    wanted : mapping of str to Tensor
        Names and shapes of what is needed.
    source : Path
        For the messages.

    Raises
    ------
    ModelError
        A tensor is missing or has another shape, or several prefixes lead to all of them.
    """
    first = next(iter(wanted))
    prefixes = [name.removesuffix(first) for name in state_dict if name.endswith(first)]
    missing = {
        prefix: [name for name in wanted if prefix + name not in state_dict]
        for prefix in prefixes or [""]
    }
    complete = [prefix for prefix, names in missing.items() if not names]
    if not complete:
        raise _incomplete(min(missing.values(), key=len), len(wanted), source)
    if len(complete) > 1:
        raise ModelError(
            f"The weights '{source}' hold the network {len(complete)} times, under "
            f"{', '.join(map(repr, complete))}. Save the tensors of one of them to a file."
        )
    part = {name: state_dict[complete[0] + name] for name in wanted}
    for name, tensor in wanted.items():
        if part[name].shape != tensor.shape:
            raise ModelError(
                f"'{complete[0]}{name}' of the weights '{source}' has the shape "
                f"{tuple(part[name].shape)}, and {tuple(tensor.shape)} is needed. Choose the "
                "widths that these weights were made with, or other weights."
            )
    return part


def _incomplete(missing: Sequence[str], n_wanted: int, source: Path) -> ModelError:
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return ModelError(
        f"The weights '{source}' lack {len(missing)} of {n_wanted} tensors of this network: "
        f"{', '.join(missing[:_NAMED])}{more}. Give the weights of the same network."
    )
