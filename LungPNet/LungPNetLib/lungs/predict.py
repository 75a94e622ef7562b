"""From a CT to its lungs: the door that pipeline, worker and panels use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from LungPNetLib.lungs import classical
from LungPNetLib.volume import Volume
from LungPNetLib.weights.registry import Found, Loaded, find_weights, read_weights


class LungMethod(str, Enum):
    """How the lungs are found; ``AUTO`` takes the network where there are weights for it."""

    AUTO = "auto"
    CLASSICAL = "classical"
    NETWORK = "network"


@dataclass(frozen=True)
class LungPrediction:
    """The lungs and how they were found.

    Parameters
    ----------
    labels : Volume
        uint8 on the grid of the CT: 1 right, 2 left.
    method : LungMethod
        ``CLASSICAL`` or ``NETWORK``.
    model : dict, optional
        The registry's record of the weights, for the result.
    notice : str
        What the person should know about the choice of the method; empty if nothing.
    """

    labels: Volume
    method: LungMethod
    model: dict[str, Any] | None = None
    notice: str = ""


def predict_lungs(
    ct: Volume,
    method: LungMethod = LungMethod.AUTO,
    *,
    weights: Path | str | None = None,
    device: str = "cpu",
    progress: Callable[[float], None] = lambda _: None,
) -> LungPrediction:
    """Right (1) and left (2) lung on the grid of ``ct``, which may have any axis order.

    Parameters
    ----------
    ct : Volume
        HU.
    method : LungMethod
    weights : Path or str, optional
        A safetensors file or the id of registered weights, for the network.
    device : str
        torch device of the network.
    progress : callable
        Told the share of the work done, 0 to 1.

    Raises
    ------
    InputError
        No lung is found.
    ModelError
        The network was asked for and its weights are missing, damaged or unknown.
    """
    if method is LungMethod.CLASSICAL:
        return LungPrediction(classical.segment(ct, progress), LungMethod.CLASSICAL)
    found = find_weights("lungs", weights=weights)
    if found is None and method is LungMethod.AUTO:
        notice = (
            "The lungs were found by thresholds and morphology, because no weights for the lung "
            "network are installed."
        )
        return LungPrediction(classical.segment(ct, progress), LungMethod.CLASSICAL, notice=notice)
    return _by_network(ct, found, device, progress)


def _by_network(
    ct: Volume, found: Found | None, device: str, progress: Callable[[float], None]
) -> LungPrediction:
    from LungPNetLib.errors import ModelError
    from LungPNetLib.lungs import infer

    if found is None:
        raise ModelError(
            "There are no weights for the lung network. Train some with: lungpnet train lungs, or "
            "use --lungs classical"
        )
    network, context_slices = load_network(read_weights(found), device)
    labels = infer.segment(ct, network, context_slices, device, progress)
    return LungPrediction(labels, LungMethod.NETWORK, found.record())


def load_network(loaded: Loaded, device: str) -> tuple[Any, int]:
    """The network of these weights, ready to run, and the number of slices that it sees."""
    import torch

    from LungPNetLib.lungs.network import LungArch, make_network

    arch = LungArch.from_mapping(loaded.entry.arch)
    network = make_network(arch)
    network.load_state_dict(loaded.state_dict)
    network.to(device, memory_format=torch.channels_last)
    return network.eval(), arch.context_slices
