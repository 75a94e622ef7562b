"""A training that is killed as soon as it has something to go on with."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path


def killed_and_resumed(command: Sequence[str], run: Path, *, within_s: float = 120.0) -> None:
    """Start a training, kill it at its first checkpoint in ``run``, and have it resumed."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    checkpoint = run / "checkpoints" / "last.ckpt"
    deadline = time.monotonic() + within_s
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"
    assert not (run.parent / "weights").exists()
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
