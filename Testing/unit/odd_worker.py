"""A worker with verbs that do what a worker must survive; started as a script by the tests."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from LungPNetLib.output import result_folder
from LungPNetLib.warm_models import warm_model
from LungPNetLib.worker import Job, main
from LungPNetLib.worker_protocol import map_volume, write_volume


def shout(job: Job) -> dict[str, Any]:
    """Write to standard output in every way there is, and read standard input."""
    print("stray print")  # noqa: T201
    print('{"event": "result", "id": 1}')  # noqa: T201
    os.write(1, b"stray write\n")
    library = ctypes.CDLL(None)
    library.puts(b"stray puts")
    library.fflush(None)
    subprocess.run(["echo", "stray child"], check=True)
    warnings.warn("stray warning", UserWarning, stacklevel=1)
    return {"read": sys.stdin.read()}


def torch_warning(job: Job) -> dict[str, Any]:
    """Have torch warn, from C++ and from Python."""
    import numpy as np
    import torch

    voxels = np.zeros(3)
    voxels.setflags(write=False)
    torch.from_numpy(voxels)
    torch.nn.L1Loss()(torch.zeros(2), torch.zeros(1, 2))
    return {}


def nap(job: Job) -> dict[str, Any]:
    """Work for ``seconds``, and stop as soon as it is asked to."""
    with job.reporter.stage("nap"):
        end = time.monotonic() + job.fields["seconds"]
        while time.monotonic() < end:
            time.sleep(0.02)
            job.reporter.progress(0.5)
    return {}


def nap_deaf(job: Job) -> dict[str, Any]:
    """Work for ever on a result and on a volume, with a child, and never look up."""
    with result_folder(Path(job.text("out"))) as folder:
        (folder / "half.bin").write_bytes(bytes(1000))
        (job.folder / "half.npy").write_bytes(bytes(1000))
        child = subprocess.Popen(["sleep", "1000"])
        job.reporter.emit("child", pid=child.pid)
        while True:
            time.sleep(1)


def nap_quietly(job: Job) -> dict[str, Any]:
    """Work for ``seconds`` and report nothing."""
    time.sleep(job.fields["seconds"])
    return {}


def leave_child(job: Job) -> dict[str, Any]:
    """Start a child, then stop as soon as it is asked to."""
    job.reporter.emit("child", pid=subprocess.Popen(["sleep", "1000"]).pid)
    return nap(job)


def freeze(job: Job) -> dict[str, Any]:
    """Hold Python's lock for ever, so that no other thread runs either."""
    job.reporter.emit("freezing")
    ctypes.PyDLL(None).sleep(1000)
    return {}


def crash(job: Job) -> dict[str, Any]:
    """End in the way that ``how`` says."""
    if job.text("how") == "fault":
        return {"never": 1 // 0}
    if job.text("how") == "segfault":
        ctypes.string_at(0)
    sys.stderr.write("Traceback (most recent call last):\n  File ...\nOddError: out of cheese\n\n")
    sys.stderr.write("and some more words\n")
    sys.stderr.flush()
    os._exit(3)


def remember(job: Job) -> dict[str, Any]:
    """A model that is loaded once."""
    loads = []
    model = warm_model(("weights", "cpu"), lambda: loads.append(1) or "model")
    return {"model": model, "loads": len(loads)}


def look_at(job: Job) -> dict[str, Any]:
    """Use a volume, and keep it in a circle of references that ends in an error if ``fail``."""
    circle: list[Any] = [map_volume(job.fields["volume"]).array]
    circle.append(circle)
    total = int(circle[0].sum())
    circle[0][0] = 0
    if job.fields.get("fail"):
        raise ValueError(circle)
    return {"sum": total}


def echo(job: Job) -> dict[str, Any]:
    """Send a volume back."""
    sent = map_volume(job.fields["volume"])
    return {"volume": write_volume(sent, job.folder / f"{job.id}-echo.npy")}


def flood(job: Job) -> dict[str, Any]:
    """Print without end for ``seconds``."""
    end = time.monotonic() + job.fields["seconds"]
    while time.monotonic() < end:
        sys.stderr.write("flood\n" * 1000)
    return {}


def grow(job: Job) -> dict[str, Any]:
    """Keep a model of ``mebibytes``."""
    import numpy as np

    warm_model(("large", "cpu"), lambda: np.ones(job.fields["mebibytes"] * 2**20, np.uint8))
    return {}


def models(job: Job) -> dict[str, Any]:
    """The real verb; what it needs is imported when it is used."""
    from LungPNetLib.worker_verbs import manage_models

    return manage_models(job)


def ping(job: Job) -> dict[str, Any]:
    """Answer at once."""
    return {}


if __name__ == "__main__":
    verbs = (
        ping, shout, torch_warning, nap, nap_deaf, nap_quietly, leave_child, freeze, crash,
        remember, look_at, models, echo, flood, grow,
    )  # fmt: skip
    main({verb.__name__: verb for verb in verbs})
