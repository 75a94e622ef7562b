"""Scripts/train.py: always ends, with the right status, in plain Python and as Slicer runs it."""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from LungPNetLib.errors import Cancelled, DependencyError, InputError, ModelError
from LungPNetLib.training import commands

PACKAGE = Path(__file__).resolve().parents[2] / "LungPNet"
SCRIPT = PACKAGE / "Scripts" / "train.py"

Run = Callable[..., int]


class Redirected:
    """What Slicer's interpreter has as its streams: three methods and no more."""

    def __init__(self, text: list[str]) -> None:
        self._text = text

    def write(self, text: str) -> None:
        self._text.append(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


@pytest.fixture
def said() -> list[str]:
    """What the script writes, to both streams."""
    return []


@pytest.fixture(params=["plain", "slicer"])
def host(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the script runs."""
    return str(request.param)


@pytest.fixture
def run(host: str, said: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the file as its host does and return the exit status that the host is told.

    Plain Python is told by SystemExit. Slicer runs the file, goes on, and stays open unless
    ``slicer.util.exit`` was called.
    """
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    statuses: list[int] = []
    if host == "slicer":
        slicer, util = types.ModuleType("slicer"), types.ModuleType("slicer.util")
        slicer.app, slicer.util, util.exit = object(), util, statuses.append
        monkeypatch.setitem(sys.modules, "slicer", slicer)
        monkeypatch.setitem(sys.modules, "slicer.util", util)
    else:
        monkeypatch.setitem(sys.modules, "slicer", None)

    def run_file(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *words])
        monkeypatch.setattr(sys, "stdout", Redirected(said))
        monkeypatch.setattr(sys, "stderr", Redirected(said))
        try:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        except SystemExit as error:
            assert host == "plain"
            return error.code
        (status,) = statuses
        return status

    run_file.statuses = statuses
    return run_file


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException | int], None]:
    """Have the training raise or return something."""

    def ends_with(outcome: BaseException | int) -> None:
        def planted(_arguments: object) -> int:
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        monkeypatch.setattr(commands, "train", planted)

    return ends_with


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (0, 0),
        (InputError("planted"), 2),
        (DependencyError("planted"), 3),
        (ModelError("planted"), 4),
        (Cancelled("planted"), 130),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("planted"), 1),
        (SystemExit(), 0),
        (SystemExit("planted"), 1),
        (GeneratorExit("planted"), 1),
    ],
    ids=repr,
)
def test_status_of_what_the_training_does(
    run: Run, train: Callable[..., None], outcome: BaseException | int, status: int
) -> None:
    train(outcome)
    assert run("lungs") == status


def test_it_ends_where_nothing_can_be_written(
    run: Run, host: str, train: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("the window that showed the text is closed")

    monkeypatch.setattr(Redirected, "write", broken)
    train(ZeroDivisionError("planted"))
    if host == "plain":
        assert run("lungs") == 1
    else:
        # The host gets its status before it is told of the error.
        with pytest.raises(OSError, match="is closed"):
            run("lungs")
        assert run.statuses == [1]


def test_task_that_does_not_exist_is_one_message(run: Run, said: list[str]) -> None:
    assert run("nothing", "--progress", "none") == 2
    assert "".join(said).startswith("lungpnet: There is no training task 'nothing'")
    assert "Traceback" not in "".join(said)


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--", "--help"], 0, "--manifest"),
        ([], 2, "task"),
        (["lungs", "--no-such"], 2, "no-such"),
        (["--no-splash", "--no-main-window", "lungs", "--manifest", "m.csv"], 2, "--no-splash"),
    ],
)
def test_help_and_bad_arguments(
    run: Run, said: list[str], words: list[str], status: int, told: str
) -> None:
    assert run(*words) == status
    assert told in "".join(said)


def test_missing_package_is_3_and_says_how_to_get_it(
    run: Run, host: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "LungPNetLib.cli", None)
    assert run("lungs") == 3
    python = {"plain": "python", "slicer": "PythonSlicer"}[host]
    assert f": {python} -m pip install" in "".join(said)


def test_missing_extra_says_in_slicer_whose_python_to_use(
    run: Run, host: str, said: list[str], train: Callable[..., None]
) -> None:
    train(DependencyError("Training needs lightning."))
    assert run("lungs") == 3
    assert ("PythonSlicer" in "".join(said)) == (host == "slicer")


def test_command_for_the_model_card_can_be_given_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(commands, "train", lambda _: seen.append(sys.argv[1:]) or 0)
    run("--", "lungs", "--manifest", "m.csv")
    assert seen == [["train", "lungs", "--manifest", "m.csv"]]


def test_handlers_that_python_does_not_know_do_not_change_the_status(
    run: Run, train: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application that embeds Python may have its own, which Python tells of as None."""
    known = {signal.SIGINT: None, signal.SIGTERM: None}

    def replace(number: signal.Signals, handler: object) -> object:
        if not (callable(handler) or isinstance(handler, signal.Handlers)):
            raise TypeError("signal handler must be callable")
        previous, known[number] = known[number], handler
        return previous

    monkeypatch.setattr(signal, "getsignal", known.__getitem__)
    monkeypatch.setattr(signal, "signal", replace)
    train(InputError("planted"))
    assert run("lungs") == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without a signal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("first", ["SIG_DFL", "default_int_handler"])
def test_signal_is_130(tmp_path: Path, number: signal.Signals, first: str) -> None:
    """Python's own handler of Ctrl+C is there in plain Python, and not where it is embedded."""
    code = f"""
import runpy, signal, sys, time
signal.signal(signal.SIGINT, signal.{first})
from LungPNetLib.training import commands
commands.train = lambda _: (sys.stdout.write("ready\\n"), sys.stdout.flush(), time.sleep(60))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(SCRIPT), "lungs"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.wait(timeout=60) == 130
    process.stdout.close()


def test_script_finds_the_package_by_itself(tmp_path: Path) -> None:
    code = (
        "import runpy, sys; sys.path[:] = [p for p in sys.path if 'LungPNet' not in p]; "
        "runpy.run_path(sys.argv[1]); import LungPNetLib; print(LungPNetLib.__file__)"
    )
    environment = {**os.environ, "PYTHONPATH": ""}
    found = subprocess.run(
        [sys.executable, "-c", code, str(SCRIPT)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(found.stdout.strip()) == PACKAGE / "LungPNetLib" / "__init__.py"
