"""From a CT to its lungs: the door that pipeline, worker and panels use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LungPNetLib.errors import ModelError
from LungPNetLib.lungs import classical
from LungPNetLib.runtime import Runner, Runtime, open_network
from LungPNetLib.volume import Volume
from LungPNetLib.warm_models import release_models, warm_model
from LungPNetLib.weights.registry import Found, find_weights, read_weights, verify

if TYPE_CHECKING:
    from torch import nn


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
        The registry's record of the weights and how they were run, for the result.
    notices : tuple of str
        What the person should know about the choice of the method and about the run.
    """

    labels: Volume
    method: LungMethod
    model: dict[str, Any] | None = None
    notices: tuple[str, ...] = ()

    @property
    def notice(self) -> str:
        """All notices as one text; empty if there are none."""
        return " ".join(self.notices)


def predict_lungs(
    ct: Volume,
    method: LungMethod = LungMethod.AUTO,
    *,
    weights: Path | str | None = None,
    device: str = "cpu",
    runtime: Runtime = Runtime.AUTO,
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
        Of the network, one that is really there: ``"cpu"``, ``"cuda:0"``.
    runtime : Runtime
        What computes the network.
    progress : callable
        Told the share of the work done, 0 to 1.

    Raises
    ------
    InputError
        No lung is found.
    ModelError
        The network was asked for and its weights are missing, damaged or unknown.
    DependencyError
        The runtime was asked for and is not installed.
    """
    if method is LungMethod.CLASSICAL:
        return LungPrediction(classical.segment(ct, progress), LungMethod.CLASSICAL)
    found = find_weights("lungs", weights=weights)
    if found is None and method is LungMethod.AUTO:
        notice = (
            "The lungs were found by thresholds and morphology, because no weights for the lung "
            "network are installed."
        )
        return LungPrediction(
            classical.segment(ct, progress), LungMethod.CLASSICAL, notices=(notice,)
        )
    return _by_network(ct, found, runtime, device, progress)


def _by_network(
    ct: Volume,
    found: Found | None,
    runtime: Runtime,
    device: str,
    progress: Callable[[float], None],
) -> LungPrediction:
    from LungPNetLib.lungs import infer
    from LungPNetLib.lungs.network import LungArch

    if found is None:
        raise ModelError(
            "There are no weights for the lung network. Train some with: lungpnet train lungs, or "
            "use --method classical"
        )
    verify(found)
    network = lung_network(found, runtime, device)
    earlier = len(network.notices)
    context_slices = LungArch.from_mapping(found.entry.arch).context_slices
    labels = infer.segment(ct, network, context_slices, progress)
    model = {**found.record(), **network.record()}
    notices = tuple(network.notices[earlier:])
    if notices:
        # It had to change how it runs; the next run tries anew, and says so if it has to again.
        release_models()
    return LungPrediction(labels, LungMethod.NETWORK, model, notices)


def lung_network(found: Found, runtime: Runtime = Runtime.AUTO, device: str = "cpu") -> Runner:
    """The network with these weights, ready to run; kept in memory for the next time.

    Parameters
    ----------
    found : Found
        Verified weights.
    runtime : Runtime
    device : str
        One that is really there.

    Raises
    ------
    DependencyError
        The runtime was asked for and is not installed.
    """
    from LungPNetLib.lungs.network import STRIDE, LungArch

    context_slices = LungArch.from_mapping(found.entry.arch).context_slices
    return warm_model(
        (found.entry.sha256, runtime.value, device),
        lambda: open_network(
            lambda: load_network(found),
            (1, context_slices, 4 * STRIDE, 4 * STRIDE),
            found.entry.sha256,
            runtime=runtime,
            device=device,
        ),
    )


def load_network(found: Found) -> nn.Module:
    """The network with these weights, verified, in evaluation mode, float32 on the CPU."""
    from LungPNetLib.lungs.network import LungArch, make_network

    loaded = read_weights(found)
    network = make_network(LungArch.from_mapping(loaded.entry.arch))
    network.load_state_dict(loaded.state_dict)
    return network.eval()
