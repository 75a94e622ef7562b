"""Runs a trained network by OpenVINO, compiled for this CPU and kept for the next start."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LungPNetLib.errors import DependencyError
from LungPNetLib.folders import cache_folder
from LungPNetLib.lazy import require
from LungPNetLib.runtime import Batch, Precision, Runner, Runtime

if TYPE_CHECKING:
    from torch import nn


class OpenVinoRunner(Runner):
    """Runs a network by OpenVINO on the CPU, the samples of a batch side by side.

    Parameters
    ----------
    make, example_shape, key
        See ``open_network``.
    precision : Precision, optional
        By default bfloat16 on CPUs that compute with it.

    Raises
    ------
    DependencyError
        OpenVINO is not installed, or cannot run this network.
    """

    runtime = Runtime.OPENVINO
    device = "cpu"

    def __init__(
        self,
        make: Callable[[], nn.Module],
        example_shape: Sequence[int],
        key: str,
        precision: Precision | None = None,
    ) -> None:
        openvino = require("openvino", feature="The runtime 'openvino'", extra="openvino")
        version = importlib.metadata.version("openvino")
        self.notices = []
        core = openvino.Core()
        pays = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.precision = precision or (Precision.BFLOAT16 if pays else Precision.FLOAT32)
        half = self.precision is Precision.BFLOAT16
        settings = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
        }
        # The limit that torch goes by; OpenVINO itself does not know it.
        limit = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
        if limit.isdigit():
            settings["INFERENCE_NUM_THREADS"] = limit
        path = cache_folder() / "openvino" / f"{key}-{self.precision.value}-{version}"
        if (compiled := _read_cached(path)) is not None:
            self._compiled = core.import_model(compiled, "CPU", settings)
        else:
            network = make()
            try:
                model = _converted(network, example_shape)
                self._compiled = core.compile_model(model, "CPU", settings)
            except Exception as error:  # its frontends have errors with no common base
                reason = str(error).strip().splitlines()[-1:]
                raise DependencyError(
                    f"OpenVINO {version} cannot run this network ({''.join(reason)}). "
                    "Use --runtime torch, or install another version of openvino."
                ) from error
            _write_cached(path, self._compiled.export_model().getvalue())
        self._queue = openvino.AsyncInferQueue(self._compiled)

    def __call__(self, batch: Batch) -> Batch:
        """Run ``batch``."""
        outputs: dict[int, Batch] = {}

        def keep(request: Any, k: int) -> None:
            outputs[k] = request.get_output_tensor(0).data.copy()

        self._queue.set_callback(keep)
        for k in range(len(batch)):
            self._queue.start_async({0: np.ascontiguousarray(batch[k : k + 1])}, k)
        self._queue.wait_all()
        return np.concatenate([outputs[k] for k in range(len(batch))])


def _converted(network: nn.Module, example_shape: Sequence[int]) -> Any:
    """The network as an OpenVINO model for any number and size of images.

    ``openvino.convert_model`` would do the same, but by default it also reports its use to a server
    of its makers; this program sends nothing.
    """
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with warnings.catch_warnings():
        # Branches on the image's size become constant; network and size fit each other by rule.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = TorchScriptPythonDecoder(
            network.eval(), example_input=torch.zeros(*example_shape), shared_memory=False
        )
    frontend = FrontEndManager().load_by_framework("pytorch")
    model = frontend.convert(frontend.load(traced))
    model.reshape([-1, example_shape[1], *(-1 for _ in example_shape[2:])])
    return model


def _read_cached(path: Path) -> bytes | None:
    """The compiled model in ``path``; None where there is none or it is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, compiled = content[:32], content[32:]
    return compiled if hashlib.sha256(compiled).digest() == digest else None


def _write_cached(path: Path, compiled: bytes) -> None:
    """Keep a compiled model for the next start."""
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
            partial = Path(stream.name)
            stream.write(hashlib.sha256(compiled).digest() + compiled)
        partial.replace(path)
    except OSError:
        # A cache that cannot be written costs time at the next start, and nothing else.
        if partial is not None:
            partial.unlink(missing_ok=True)
