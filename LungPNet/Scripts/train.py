"""Train a network on your own cohort, in plain Python or inside 3D Slicer. Research use only.

Plain Python:

    python train.py lungs --manifest manifest.csv --out run

Inside Slicer; what Slicer has an option of the same name for (``--help``) must stand after ``--``:

    Slicer --no-splash --no-main-window --python-script train.py lungs --manifest manifest.csv

Arguments and exit status are those of ``lungpnet train``: 0 done, 2 input, 3 something missing on
this machine, 4 model, 130 cancelled, 1 anything else. Inside Slicer the application ends with it.
"""

from __future__ import annotations

import signal
import sys
import traceback
from pathlib import Path

# The package lies beside this folder, wherever the extension was installed.
sys.path.append(str(Path(__file__).resolve().parents[1]))


def main() -> int:
    """Run one training and return the exit status."""
    python = "PythonSlicer" if _is_slicer() else "python"
    try:
        from LungPNetLib.cli import main as lungpnet

        # The model card quotes the command as it can be given again.
        sys.argv = ["lungpnet", "train", *(word for word in sys.argv[1:] if word != "--")]
        _listen_to_signals()
        status = lungpnet()
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"train.py: The Python package '{error.name}' is missing. Install it with: "
            f"{python} -m pip install {error.name}\n"
        )
        return 3
    if status == 3 and _is_slicer():
        sys.stderr.write(f"In Slicer, packages are installed by: {python} -m pip install NAME\n")
    return status


def _listen_to_signals() -> None:
    """Have Python hear Ctrl+C also where an application has started it without that.

    ``lungpnet`` puts back what it finds for SIGTERM, which must be something that Python can.
    """
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGTERM, signal.SIG_DFL),
    ):
        if signal.getsignal(number) in (signal.SIG_DFL, None):
            signal.signal(number, handler)


def _is_slicer() -> bool:
    """Whether this is Slicer's own process; there, and only there, slicer has its app by now."""
    return hasattr(sys.modules.get("slicer"), "app")


def _exit_status() -> int:
    """The exit status of ``main``, whatever happens: Slicer would stay open after an exception."""
    try:
        return main()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except KeyboardInterrupt:
        return 130
    except BaseException:
        traceback.print_exc()
        return 1


def _leave(status: int) -> None:
    if not _is_slicer():
        sys.exit(status)
    import slicer.util

    slicer.util.exit(status)


if __name__ == "__main__":
    exit_status = 1
    try:
        exit_status = _exit_status()
    finally:
        # Also where not even the traceback could be written.
        _leave(exit_status)
