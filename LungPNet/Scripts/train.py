"""Train a network on your own cohort, in plain Python or inside 3D Slicer. Research use only.

Plain Python:

    python train.py lungs --manifest manifest.csv --out run

Inside Slicer, whose own options end at ``--``:

    Slicer --no-splash --no-main-window --python-script train.py -- lungs --manifest manifest.csv

The arguments are those of ``lungpnet train``.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

# The package lies beside this folder, wherever the extension was installed.
sys.path.append(str(Path(__file__).resolve().parents[1]))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one training and return the exit status."""
    from LungPNetLib.errors import LungPNetError
    from LungPNetLib.training.commands import add_train_arguments, train

    parser = argparse.ArgumentParser(
        prog="train.py", description="Train a network on your own cohort. Research use only."
    )
    add_train_arguments(parser)
    words = [word for word in (sys.argv[1:] if argv is None else argv) if word != "--"]
    try:
        return train(parser.parse_args(words))
    except LungPNetError as error:
        sys.stderr.write(f"train.py: {error}\n")
        return error.exit_code


def _exit_status() -> int:
    """The exit status of ``main``, whatever happens: Slicer would stay open after an exception."""
    try:
        return main()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1


def _leave(status: int) -> None:
    try:
        import slicer.util
        from slicer import app  # noqa: F401 (there only inside Slicer's own process)
    except ImportError:
        raise SystemExit(status) from None
    slicer.util.exit(status)


if __name__ == "__main__":
    _leave(_exit_status())
