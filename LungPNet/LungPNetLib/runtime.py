"""How a trained network is run: by torch, or by OpenVINO where that is installed.

``open_network`` turns a torch module into a ``Runner``: batches of float32 in, float32 out. Every
network of the package runs behind it, so that precision, memory and speed are settled here once.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from enum import Enum
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from LungPNetLib.device import resolve_device
from LungPNetLib.errors import InputError
from LungPNetLib.lazy import require

if TYPE_CHECKING:
    from torch import nn

Batch = npt.NDArray[np.float32]


class Runtime(str, Enum):
    """What computes the network; ``AUTO`` takes OpenVINO on a CPU where it is installed."""

    AUTO = "auto"
    TORCH = "torch"
    OPENVINO = "openvino"


class Precision(str, Enum):
    """Of the convolutions and matrix products; sums and outputs are float32 in either case."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class Runner(ABC):
    """A network that is ready to run.

    Attributes
    ----------
    runtime : Runtime
        ``TORCH`` or ``OPENVINO``.
    precision : Precision
    device : str
        As torch names it: ``"cpu"``, ``"cuda:0"``.
    notices : list of str
        What a person should know about the run; grows when memory runs out.
    """

    runtime: Runtime
    precision: Precision
    device: str
    notices: list[str]

    @abstractmethod
    def __call__(self, batch: Batch) -> Batch:
        """Output of the network for float32 ``batch`` of shape (N, C, H, W) or (N, C, D, H, W)."""

    def record(self) -> dict[str, str]:
        """What result.json keeps of it."""
        return {
            "runtime": self.runtime.value,
            "precision": self.precision.value,
            "device": self.device,
        }


def device_for(runtime: Runtime, wanted: str) -> str:
    """The device that is really there for ``wanted``; OpenVINO is used on the CPU alone.

    Raises
    ------
    InputError
        ``wanted`` names no device, or one that the runtime does not use.
    DependencyError
        The runtime or the device was asked for and is missing.
    """
    if runtime is not Runtime.OPENVINO:
        return resolve_device(wanted)
    require("openvino", feature="The runtime 'openvino'", extra="openvino")
    if wanted not in ("auto", "cpu"):
        raise InputError(
            f"The runtime 'openvino' uses the CPU, and device '{wanted}' was asked for. "
            "Use --device cpu or --runtime torch."
        )
    return "cpu"


def open_network(
    make: Callable[[], nn.Module],
    example_shape: Sequence[int],
    key: str,
    *,
    runtime: Runtime = Runtime.AUTO,
    device: str = "cpu",
) -> Runner:
    """Get a network ready to run.

    Parameters
    ----------
    make : callable
        Builds the torch module with its verified weights, float32 on the CPU. OpenVINO does not
        call it where it has run these weights before, and neither torch nor MONAI is then imported.
    example_shape : sequence of int
        Of an input that the network takes, (1, C, H, W) or (1, C, D, H, W). All but C may differ
        from batch to batch.
    key : str
        SHA-256 of the weights, for the cache of OpenVINO.
    runtime : Runtime
    device : str
        One that is really there, from ``device_for``.

    Raises
    ------
    DependencyError
        OpenVINO was asked for and is not installed.
    """
    automatic = runtime is Runtime.AUTO and device == "cpu" and find_spec("openvino") is not None
    if runtime is Runtime.OPENVINO or automatic:
        from LungPNetLib.runtime_openvino import OpenVinoRunner

        return OpenVinoRunner(make, example_shape, key)
    return TorchRunner(make(), device)


def bf16_pays(device: str) -> bool:
    """Whether half precision is faster: on GPUs that have it, on CPUs with AVX512-BF16 or AMX."""
    import torch

    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported())
    # torch tells this by private functions only; without them the answer is no.
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)


class TorchRunner(Runner):
    """Runs a torch module; where a GPU's memory runs out, by smaller batches, then on the CPU.

    On the CPU the samples of a batch are run one by one, as many at a time as torch has threads.
    That needs the least memory, gives the same numbers for any number of threads, and other
    programs on the same cores slow it down much less than they do threads that share one sample.

    Parameters
    ----------
    network : torch.nn.Module
        float32, on the CPU; a copy is run, in evaluation mode.
    device : str
    precision : Precision, optional
        By default bfloat16 where ``bf16_pays``.
    """

    runtime = Runtime.TORCH

    def __init__(
        self, network: nn.Module, device: str = "cpu", precision: Precision | None = None
    ) -> None:
        self.notices = []
        self._network = network
        self._wanted = precision
        self._largest_batch = sys.maxsize
        try:
            self._settle_on(device)
        except RuntimeError as error:
            if device == "cpu" or not _gpu_is_full(error):
                raise
        else:
            return
        self._give_up_gpu()

    def __call__(self, batch: Batch) -> Batch:
        """Run ``batch``.

        Raises
        ------
        MemoryError
            The memory of the computer (not of the GPU) does not suffice.
        """
        done: list[Batch] = []
        start = 0
        while start < len(batch):
            if self.device == "cpu":
                done.append(self._on_cpu(batch[start:]))
                break
            part = batch[start : start + self._largest_batch]
            output = self._on_gpu(part)
            if output is not None:
                done.append(output)
                start += len(part)
        return np.concatenate(done)

    def _settle_on(self, device: str) -> None:
        import torch

        self.device = device
        pays = self._wanted is None and bf16_pays(device)
        self.precision = self._wanted or (Precision.BFLOAT16 if pays else Precision.FLOAT32)
        flat = all(weight.dim() < 5 for weight in self._network.parameters())
        self._layout = torch.channels_last if flat else torch.channels_last_3d
        self._ready = deepcopy(self._network).eval().to(device, memory_format=self._layout)

    def _forward(self, batch: Batch) -> Batch:
        import torch

        half = self.precision is Precision.BFLOAT16
        kind = self.device.partition(":")[0]
        with torch.inference_mode(), torch.autocast(kind, torch.bfloat16, enabled=half):
            image = torch.from_numpy(np.ascontiguousarray(batch))
            output = self._ready(image.to(self.device, memory_format=self._layout))
            result: Batch = output.to("cpu", torch.float32).contiguous().numpy()
        return result

    def _on_cpu(self, batch: Batch) -> Batch:
        import torch

        threads = torch.get_num_threads()
        try:
            if len(batch) == 1:
                return self._forward(batch)
            samples = np.split(batch, len(batch))
            with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as p:
                return np.concatenate(list(p.map(self._forward, samples)))
        except RuntimeError as error:
            if "DefaultCPUAllocator" in str(error):
                raise MemoryError(str(error)) from error
            raise
        finally:
            # The setting of a worker is also what threads that start later get.
            torch.set_num_threads(threads)

    def _on_gpu(self, batch: Batch) -> Batch | None:
        """The output; None where memory ran out, and less is asked of it the next time."""
        import torch

        try:
            return self._forward(batch)
        except RuntimeError as error:
            if not _gpu_is_full(error):
                raise
        # Only here, after the handler, does nothing hold on to the tensors of the failed attempt.
        if len(batch) == 1:
            self._give_up_gpu()
        else:
            self._largest_batch = len(batch) // 2
            self.notices.append(
                f"The memory of the GPU ({self.device}) ran out with {len(batch)} images at a "
                f"time; the network went on with {self._largest_batch}."
            )
        torch.cuda.empty_cache()
        return None

    def _give_up_gpu(self) -> None:
        self.notices.append(
            f"The memory of the GPU ({self.device}) ran out even with one image at a time; the "
            "network went on on the CPU, which is slower. Close what else uses the GPU, or choose "
            "--device cpu."
        )
        self._settle_on("cpu")


def _gpu_is_full(error: RuntimeError) -> bool:
    """Whether ``error`` says so; CUDA's libraries have their own words for it."""
    import torch

    text = str(error)
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in text for words in ("out of memory", "ALLOC_FAILED")
    )
