"""Seconds and masks of the lung network by runtime and precision, beside another lung network.

    python -m pip install -c constraints.txt '.[openvino,benchmark]'
    python Testing/benchmarks/lung_runtimes.py --weights WEIGHTS.safetensors

One table, from one run: the same volume, the same number of threads. R231 is the architecture of
the package lungmask with random weights: its time is that of its trained one, its mask is nothing
(and its clean-up of that mask, a part of its whole time, takes longer than that of lungs would).
Masks are compared with that of our network computed by torch in float32. Seconds are the least of
--repeats.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TIMES_FP32, TIMES_BF16 = 10.0, 3.0
"""How many times faster than R231 our lungs have to be."""


def main() -> int:
    arguments = parse()
    # Before anything starts threads.
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = str(arguments.threads)
    ct = volume(arguments)
    columns, rows, slices = ct.array.shape[::-1]
    packages = ", ".join(f"{p} {version(p)}" for p in ("torch", "openvino") if find_spec(p))
    line(
        f"{columns}x{rows}x{slices}, {arguments.threads} threads, {packages}, {platform.platform()}"
    )
    line(f"{'':<36}{'whole s':>9}{'network s':>11}{'Dice':>10}{'voxels differ':>15}")
    theirs = time_r231(ct, arguments.repeats)
    ours = time_ours(ct, arguments)
    return verdict(theirs, ours)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", help="safetensors file or id (default: registered ones)")
    parser.add_argument("--ct", type=Path, help="DICOM folder (default: a made-up patient)")
    parser.add_argument(
        "--slices", type=int, default=120, help="of the made-up patient, 16 or more"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=2)
    return parser.parse_args()


def volume(arguments: argparse.Namespace) -> Any:
    from LungPNetLib.cohort.phantom.patient import make_patient
    from LungPNetLib.reading import read_study

    if arguments.ct:
        return read_study(arguments.ct).ct
    spacing_mm = (0.7, 0.7, 300 / arguments.slices)
    return make_patient(7, size=(512, 512, arguments.slices), spacing_mm=spacing_mm).ct


def least_seconds(work: Callable[[], object], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def row(name: str, whole: float | None, network: float | None, agreement: str = "") -> None:
    cells = ["" if seconds is None else f"{seconds:.2f}" for seconds in (whole, network)]
    line(f"{name:<36}{cells[0]:>9}{cells[1]:>11}{agreement}")


def time_r231(ct: Any, repeats: int) -> dict[str, float]:
    """Seconds of R231: ``apply`` in float32, and the network alone, from one batch."""
    if find_spec("lungmask") is None:
        line("R231 is not timed: pip install -c constraints.txt '.[benchmark]' brings lungmask.")
        return {}
    import torch
    from lungmask import LMInferer
    from lungmask.resunet import UNet

    logging.getLogger("lungmask").setLevel(logging.WARNING)
    torch.manual_seed(0)
    network = UNet(
        n_classes=3, padding=True, depth=5, up_mode="upsample", batch_norm=True, residual=False
    ).eval()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "random.pth"
        torch.save(network.state_dict(), file)
        inferer = LMInferer(modelpath=str(file), force_cpu=True, tqdm_disable=True)
    size = min(20, len(ct.array))
    batch = torch.rand(size, 1, 256, 256)
    fast = batch.contiguous(memory_format=torch.channels_last)
    seconds = {"whole": least_seconds(lambda: inferer.apply(ct.array), repeats)}
    with torch.inference_mode():
        alone = least_seconds(lambda: network(batch), repeats)
        network.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            bf16 = least_seconds(lambda: network(fast), repeats)
    seconds["bf16"] = bf16 * len(ct.array) / size
    row("R231, torch fp32", seconds["whole"], alone * len(ct.array) / size)
    row("R231, torch bf16 channels_last", None, seconds["bf16"])
    return seconds


def runners(arguments: argparse.Namespace) -> tuple[int, dict[str, Callable[[], Any]]]:
    """Slices that our network sees, and ways to open it, the one to compare with first."""
    import torch

    from LungPNetLib.lungs.network import LungArch
    from LungPNetLib.lungs.predict import load_network
    from LungPNetLib.runtime import Precision, TorchRunner
    from LungPNetLib.weights.registry import find_weights

    found = find_weights("lungs", weights=arguments.weights)
    if found is None:
        sys.exit("No lung weights are registered; name some: --weights FILE")
    context_slices = LungArch.from_mapping(found.entry.arch).context_slices

    def plain() -> Callable[[Any], Any]:
        network = load_network(found)
        return torch.inference_mode()(lambda batch: network(torch.from_numpy(batch)).numpy())

    ways: dict[str, Callable[[], Any]] = {"torch fp32": plain}
    precisions = {"fp32": Precision.FLOAT32, "bf16": Precision.BFLOAT16}
    for name, precision in precisions.items():
        ways[f"torch {name} channels_last"] = lambda p=precision: TorchRunner(
            load_network(found), "cpu", p
        )
    if find_spec("openvino") is None:
        line("OpenVINO is not timed: pip install -c constraints.txt '.[openvino]' brings it.")
        return context_slices, ways
    from LungPNetLib.runtime_openvino import OpenVinoRunner

    shape = (1, context_slices, 64, 64)
    for name, precision in precisions.items():
        ways[f"openvino {name}"] = lambda p=precision: OpenVinoRunner(
            lambda: load_network(found), shape, found.entry.sha256, p
        )
    return context_slices, ways


def time_ours(ct: Any, arguments: argparse.Namespace) -> dict[str, float]:
    """Seconds of our lungs from the volume to the mask, opening the network included."""
    import numpy as np

    from LungPNetLib.lungs import infer
    from LungPNetLib.lungs.predict import LungMethod, predict_lungs
    from LungPNetLib.lungs.slices import CoarseCt

    context_slices, ways = runners(arguments)
    coarse = CoarseCt.of(ct.axis_order_to().apply(ct))
    shown = coarse.hu[:, *infer.body_region(coarse)]
    reference: Any = None
    seconds: dict[str, float] = {}

    def agreement(mask: Any) -> str:
        both = np.count_nonzero((mask == reference) & (reference > 0))
        total = np.count_nonzero(mask) + np.count_nonzero(reference)
        return f"{2 * both / total:>10.6f}{np.count_nonzero(mask != reference):>15}"

    for name, make in ways.items():
        network = make()
        mask = infer.segment(ct, network, context_slices).array
        reference = mask if reference is None else reference
        seconds[name] = least_seconds(
            lambda m=make: infer.segment(ct, m(), context_slices), arguments.repeats
        )
        alone = least_seconds(
            lambda n=network: infer.label_slices(shown, n, context_slices), arguments.repeats
        )
        row(f"ours, {name}", seconds[name], alone, agreement(mask))
    classical = predict_lungs(ct, LungMethod.CLASSICAL).labels.array
    whole = least_seconds(lambda: predict_lungs(ct, LungMethod.CLASSICAL), arguments.repeats)
    row("ours, classical (no network)", whole, None, agreement(classical))
    return seconds


def verdict(theirs: dict[str, float], ours: dict[str, float]) -> int:
    """Say for each of ours how many times faster it is; 1 where the fastest does not suffice."""
    if not theirs:
        return 0
    line(f"{'times faster, whole':<36}{'than R231 fp32':>20}{'than its bf16 network':>25}")
    for name, seconds in ours.items():
        line(f"ours, {name:<30}{theirs['whole'] / seconds:>20.1f}{theirs['bf16'] / seconds:>25.1f}")
    best = min(ours.values())
    fast = theirs["whole"] / best >= TIMES_FP32 and theirs["bf16"] / best >= TIMES_BF16
    line(f"Required: {TIMES_FP32:g} and {TIMES_BF16:g}: {'met' if fast else 'NOT met'}.")
    return 0 if fast else 1


if __name__ == "__main__":
    sys.exit(main())
