"""The runner with real workers, driven by hand where Slicer drives it by a timer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import LungPNetLib
from LungPNetLib.cli import main
from LungPNetLib.cohort.dicom_writer import SeriesTags, write_ct_series
from LungPNetLib.errors import DependencyError
from LungPNetLib.lungs.predict import LungMethod
from LungPNetLib.pipeline import AnalyzeOptions, run
from LungPNetLib.reading import read_study
from LungPNetLib.slicer_bridge.complaints import endOfWorker
from LungPNetLib.slicer_bridge.process_runner import ProcessRunner, WorkerBusy
from LungPNetLib.slicer_bridge.request import Failure
from LungPNetLib.slicer_bridge.worker_process import findPython, workerCommand
from LungPNetLib.volume import Volume, read_image
from LungPNetLib.worker_protocol import PROTOCOL

ODD_WORKER = [sys.executable, "-u", str(Path(__file__).with_name("odd_worker.py"))]
OPTIONS = {"lung_method": "classical", "device": "cpu"}


class HandTimer:
    """Has the part of ``qt.QTimer`` that the runner uses; ``fire`` is one timeout."""

    def __init__(self) -> None:
        self.slots: list[Callable[[], None]] = []
        self.interval_ms: int | None = None

    def connect(self, signal: str, slot: Callable[[], None]) -> None:
        assert signal == "timeout()"
        self.slots.append(slot)

    def start(self, interval_ms: int) -> None:
        self.interval_ms = interval_ms

    def stop(self) -> None:
        self.interval_ms = None

    def fire(self) -> None:
        for slot in self.slots if self.interval_ms else []:
            slot()


class Desk:
    """A runner with everything that it told."""

    def __init__(self, command: list[str], **options: Any) -> None:
        self.timer = HandTimer()
        self.events: list[dict[str, Any]] = []
        self.log: list[str] = []
        self.progress: list[tuple[str, float]] = []
        self.outcomes: list[dict[str, Any] | Failure] = []
        self.runner = ProcessRunner(
            command, self.timer, onEvent=self.events.append, onLog=self.log.append, **options
        )

    def submit(self, verb: str, **fields: Any) -> None:
        self.runner.submit(
            verb,
            fields,
            onProgress=lambda *progress: self.progress.append(progress),
            onResult=self.outcomes.append,
            onError=self.outcomes.append,
        )

    def wait_until(self, condition: Callable[[], Any], timeout_s: float = 120) -> float:
        """Let the timer fire until ``condition``; the seconds that it took."""
        started = time.monotonic()
        while not condition():
            assert time.monotonic() - started < timeout_s, (self.events[-3:], self.log[-9:])
            time.sleep(0.05)
            self.timer.fire()
        return time.monotonic() - started

    def outcome(self, timeout_s: float = 120) -> Any:
        self.wait_until(lambda: self.outcomes, timeout_s)
        assert not self.runner.busy
        (outcome,) = self.outcomes
        self.outcomes.clear()
        return outcome

    def ask(self, verb: str, **fields: Any) -> Any:
        self.submit(verb, **fields)
        return self.outcome()

    def event(self, name: str) -> dict[str, Any]:
        """Wait for the first event of this name."""
        self.wait_until(lambda: any(event["event"] == name for event in self.events))
        return next(event for event in self.events if event["event"] == name)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the workers keep their folders; empty of them at the end."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGPNET_HOME", str(home))
        yield home
    assert list((home / "cache" / "worker").iterdir()) == []


@pytest.fixture
def sit(home: Path) -> Iterator[Callable[..., Desk]]:
    """Make desks; at the end no process of theirs may live."""
    desks: list[Desk] = []
    children = set(psutil.Process().children())

    def begin(command: list[str] = ODD_WORKER, **options: Any) -> Desk:
        desks.append(Desk(command, **options))
        return desks[-1]

    yield begin
    for desk in desks:
        desk.runner.close()
        assert desk.timer.interval_ms is None
    assert set(psutil.Process().children()) <= children


@pytest.fixture(scope="module")
def desk(home: Path) -> Iterator[Desk]:
    """One runner for all tests whose worker stays, with the command that the panels use."""
    desk = Desk(workerCommand(sys.executable))
    yield desk
    desk.runner.close()


@pytest.fixture(scope="module")
def by_command_line(small_series: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("command-line") / "result"
    arguments = ["analyze", str(small_series), "--out", str(out), "--progress", "none"]
    assert main([*arguments, "--method", "classical", "--device", "cpu"]) == 0
    return out


def result_of(folder: Path) -> dict[str, Any]:
    """result.json without what differs from run to run."""
    result = json.loads((folder / "result.json").read_text())
    del result["run"]
    return result


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_patient_gets_the_very_same_result_as_on_the_command_line(
    desk, by_command_line, small_series, tmp_path
):
    out = tmp_path / "result"
    answer = desk.ask("analyze", input=small_series, out=out, options=OPTIONS)
    assert answer["folder"] == str(out)
    assert {*answer["files"]} == {path.name for path in out.iterdir()}
    expected, found = (read_image(folder / "lungs.nrrd") for folder in (by_command_line, out))
    np.testing.assert_array_equal(found.array, expected.array)
    assert found.same_grid_as(expected, tolerance_mm=0)
    assert result_of(out) == result_of(by_command_line)
    assert list(dict(desk.progress)) == ["read", "quality", "lungs", "nodules", "export", "report"]
    assert [fraction for stage, fraction in desk.progress if stage == "lungs"][-1] == 1


def test_a_volume_gets_the_same_result_as_its_files(desk, by_command_line, small_series, tmp_path):
    expected, out = result_of(by_command_line), tmp_path / "result"
    desk.ask(
        "analyze",
        volume=read_study(small_series).ct,
        input_format="dicom",
        out=out,
        options=OPTIONS,
        patient=expected["patient"],
        acquisition=expected["acquisition"],
    )
    found = result_of(out)
    for part in ("patient", "acquisition", "grid", "quality", "lungs"):
        assert found[part] == expected[part]
    labels = [read_image(folder / "lungs.nrrd").array for folder in (by_command_line, out)]
    np.testing.assert_array_equal(*labels)
    assert not list((Path(desk.event("hello")["folder"])).glob("*.npy"))


def test_lungs_alone_come_back_as_a_volume(desk, by_command_line, small_patient):
    answer = desk.ask("lungs", volume=small_patient.ct, method="classical", device="cpu")
    expected = read_image(by_command_line / "lungs.nrrd")
    np.testing.assert_array_equal(answer["labels"].array, expected.array)
    assert answer["labels"].same_grid_as(small_patient.ct)
    assert (answer["method"], answer["model"]) == ("classical", None)
    assert not list((Path(desk.event("hello")["folder"])).glob("*.npy"))


@pytest.mark.parametrize(
    ("voxels", "words"),
    [
        (np.zeros((20, 8, 8), np.uint16), "int16 or float32 in HU, got uint16"),
        (np.full((20, 8, 8), np.nan, np.float32), "not finite"),
        (np.zeros((2, 8, 8), np.int16), "slices are needed"),
    ],
)
def test_a_volume_that_is_no_ct_is_refused(desk, voxels, words):
    failure = desk.ask("lungs", volume=Volume(voxels), device="cpu")
    assert (failure.kind, failure.exitCode) == ("InputError", 2)
    assert words in failure.message


def test_an_error_of_the_analysis_is_that_of_the_command_line(desk, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    source, out = tmp_path / "empty", tmp_path / "result"
    assert main(["analyze", str(source), "--out", str(out), "--progress", "none"]) == 2
    failure = desk.ask("analyze", input=source, out=out)
    assert failure.exitCode == 2
    assert failure.message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"verb": "magic"}, "no verb 'magic'. Verbs: ping, analyze, "),
        ({"verb": "analyze", "input": "/ct"}, "needs the text 'out'"),
        ({"verb": "analyze", "out": "x", "options": {"speed": 9}}, "options of an analysis are"),
        ({"verb": "analyze", "out": "x", "options": {"lung_method": "?"}}, "'lung_method' is one"),
        ({"verb": "lungs"}, "A volume is described by"),
        ({"verb": "models", "action": "eat"}, "warm or release, got 'eat'"),
        ({"verb": "models", "action": "warm", "device": "tpu"}, "Unknown device 'tpu'"),
    ],
)
def test_what_cannot_be_done_is_said(desk, request_, words):
    answer = desk.ask(**request_)
    assert (answer.kind, answer.exitCode) == ("InputError", 2)
    assert words in answer.message


def test_a_study_in_memory_gets_the_very_same_result_as_its_files(
    by_command_line, small_series, tmp_path
):
    options = AnalyzeOptions(lung_method=LungMethod.CLASSICAL, device="cpu")
    run(read_study(small_series), tmp_path / "result", options)
    assert result_of(tmp_path / "result") == result_of(by_command_line)
    names = {path.name for path in by_command_line.iterdir()}
    assert {path.name for path in (tmp_path / "result").iterdir()} == names
    lungs = [
        (folder / "lungs.nrrd").read_bytes() for folder in (by_command_line, tmp_path / "result")
    ]
    assert lungs[0] == lungs[1]


def test_a_volume_runs_on_what_was_asked_for(desk, small_patient, tmp_path):
    """As files do; torch is not asked which device it has."""
    failure = desk.ask(
        "analyze",
        volume=small_patient.ct,
        input_format="nrrd",
        out=tmp_path / "result",
        options={"runtime": "openvino", "device": "cuda"},
    )
    assert (failure.kind, failure.exitCode) == ("InputError", 2)
    assert "openvino" in failure.message


def test_no_identity_in_events_or_log(desk, small_patient, tmp_path):
    tags = SeriesTags(patient_name="Zebra^Quagga", patient_id="ID-Okapi", birth_date="19510203")
    write_ct_series(small_patient.ct, tmp_path / "ct", tags=tags)
    out = tmp_path / "result"
    desk.ask("analyze", input=tmp_path / "ct", out=out, options={**OPTIONS, "stages": ["lungs"]})
    assert "Zebra" in (out / "result.json").read_text()
    told = json.dumps(desk.events) + "".join(desk.log)
    assert "Zebra" not in told
    assert "Okapi" not in told


def test_one_request_at_a_time(sit):
    desk = sit()
    desk.submit("nap", seconds=0.5)
    with pytest.raises(WorkerBusy, match="Wait until it is ready, or cancel it"):
        desk.submit("ping")
    assert desk.outcome() == {}
    assert desk.ask("ping") == {}


def test_what_cannot_be_sent_is_refused_at_once(sit):
    desk = sit()
    with pytest.raises(TypeError):
        desk.submit("ping", strange=object())
    assert not desk.runner.busy


def test_a_callback_may_ask_for_more(sit):
    desk = sit()
    desk.runner.submit("ping", {}, onResult=lambda _: desk.submit("remember"))
    assert desk.outcome()["model"] == "model"


def test_cancel_in_time_keeps_the_worker_warm(sit):
    desk = sit()
    assert desk.ask("remember")["loads"] == 1
    desk.submit("nap", seconds=60)
    desk.wait_until(lambda: desk.progress)
    desk.runner.cancel()
    desk.runner.cancel()
    assert desk.wait_until(lambda: desk.outcomes) < 0.5
    assert desk.outcome() == Failure(
        "The run was cancelled; nothing was written.", "Cancelled", 130
    )
    assert desk.ask("remember")["loads"] == 0


def test_cancel_ends_what_does_not_listen_with_all_that_it_started(sit, home, tmp_path):
    desk = sit()
    desk.submit("nap_deaf", out=tmp_path / "result")
    child, worker = desk.event("child")["pid"], desk.runner.pid
    assert len(list(tmp_path.iterdir())) == 1
    desk.runner.cancel()
    assert desk.wait_until(lambda: desk.outcomes) < 2
    assert gone(worker)
    assert gone(child)
    assert list(tmp_path.iterdir()) == []
    assert not Path(desk.event("hello")["folder"]).exists()
    assert desk.outcome().kind == "Cancelled"
    assert desk.ask("ping") == {}
    assert desk.runner.pid != worker


def test_cancel_before_the_worker_has_started(sit):
    desk = sit()
    desk.submit("nap", seconds=60)
    worker = desk.runner.pid
    desk.runner.cancel()
    assert desk.wait_until(lambda: desk.outcomes) < 1
    assert desk.outcome().kind == "Cancelled"
    assert gone(worker)


def test_close_in_the_middle_of_work(sit, tmp_path):
    desk = sit()
    desk.submit("nap_deaf", out=tmp_path / "result")
    child, worker = desk.event("child")["pid"], desk.runner.pid
    started = time.monotonic()
    desk.runner.close()
    assert time.monotonic() - started < 2
    assert gone(worker)
    assert gone(child)
    assert list(tmp_path.iterdir()) == []
    assert desk.outcomes == []


def test_a_killed_worker_is_reported_and_the_next_request_works(sit, tmp_path):
    desk = sit()
    desk.submit("nap_deaf", out=tmp_path / "result")
    child = desk.event("child")["pid"]
    psutil.Process(desk.runner.pid).kill()
    assert desk.wait_until(lambda: desk.outcomes) < 2
    failure = desk.outcome()
    assert failure.kind == "WorkerEnded"
    assert "SIGKILL" in failure.message
    assert "memory" in failure.message
    assert gone(child)
    assert list(tmp_path.iterdir()) == []
    assert desk.ask("ping") == {}
    idle = desk.runner.pid
    psutil.Process(idle).kill()
    os.waitid(os.P_PID, idle, os.WEXITED | os.WNOWAIT)
    # This time the timer has not told the runner.
    assert desk.ask("ping") == {}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("exit", "(exit status 3). Its last words: OddError: out of cheese"),
        ("segfault", "(SIGSEGV). Its last words: Fatal Python error: Segmentation fault"),
    ],
)
def test_the_last_real_error_is_shown(sit, how, words):
    desk = sit()
    failure = desk.ask("crash", how=how)
    assert failure == Failure(f"The worker ended unexpectedly {words}", "WorkerEnded", 1)


def test_a_hanging_worker_is_ended_and_a_busy_one_is_not(sit):
    desk = sit(silentSeconds=2.0)
    assert desk.ask("nap_quietly", seconds=3.5) == {}
    desk.submit("freeze")
    worker = desk.runner.pid
    desk.event("freezing")
    # When the computer has slept, nobody knows yet who hangs.
    time.sleep(2.5)
    desk.timer.fire()
    assert not desk.outcomes
    failure = desk.outcome(timeout_s=5)
    assert failure.kind == "WorkerHung"
    assert "no sign of life for 2 s" in failure.message
    assert gone(worker)
    assert desk.ask("ping") == {}


def fake_worker(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", f"import json, sys, time; {code}"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "9.9"}, f"LungPNet 9.9 (protocol {PROTOCOL}) from"),
        ({"protocol": -7}, "(protocol -7) from"),
        ({"file": __file__}, f"from '{__file__}'"),
        ({"event": "good day"}, "but this is LungPNet"),
    ],
)
def test_another_version_is_refused(sit, tmp_path, change, words):
    hello = {
        "event": "hello",
        "version": LungPNetLib.__version__,
        "protocol": PROTOCOL,
        "file": LungPNetLib.__file__,
        "folder": str(tmp_path / "none"),
        **change,
    }
    desk = sit(fake_worker(f"print(json.dumps({hello!r})); time.sleep(60)"))
    desk.submit("ping")
    worker = desk.runner.pid
    failure = desk.outcome()
    assert failure.kind == "WorkerMismatch"
    assert words in failure.message
    assert f"LungPNet {LungPNetLib.__version__} (protocol {PROTOCOL})" in failure.message
    assert gone(worker)


def test_a_worker_that_cannot_start(sit):
    failure = sit(["/nowhere/python"]).ask("ping")
    assert failure.kind == "WorkerNotStarted"
    assert "'/nowhere/python' cannot be started" in failure.message
    failure = sit(fake_worker("time.sleep(60)"), startSeconds=0.5).ask("ping")
    assert failure.kind == "WorkerNotStarted"
    assert "did not start within 0.5 s" in failure.message
    failure = sit(fake_worker("print('welcome'); print(1 / 0)")).ask("ping")
    assert failure.message.endswith("Its last words: ZeroDivisionError: division by zero")


def test_a_worker_without_its_packages_says_what_to_do(sit):
    failure = sit(fake_worker("import nothing_of_this_name.below")).ask("ping")
    assert failure.message == (
        "The Python package 'nothing_of_this_name' is missing, so nothing can be computed. In the "
        "panel LungPNet, press 'Install what is missing'."
    )


def test_the_end_of_a_worker_on_windows_in_words():
    log = ["Windows fatal exception: access violation", "", "Thread 0x00000abc:", '  File "a.py"']
    assert endOfWorker(0xC0000005, log) == (
        "The worker ended unexpectedly (exit status 0xC0000005). Its last words: Windows fatal "
        "exception: access violation"
    )


def test_a_flood_of_words_does_not_hold_the_application(sit):
    desk = sit()
    desk.submit("flood", seconds=1.0)
    slowest = 0.0
    while not desk.outcomes:
        started = time.monotonic()
        desk.timer.fire()
        slowest = max(slowest, time.monotonic() - started)
        time.sleep(0.01)
    assert desk.outcome() == {}
    assert slowest < 1.0
    assert "flood" in desk.log[0]


def test_a_volume_that_a_scanner_holds_open_does_no_harm(sit, monkeypatch):
    """On Windows nobody can delete it then; the folder of the worker is swept later."""
    desk = sit()

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "The process cannot access the file")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", denied)
        answer = desk.ask("echo", volume=Volume(np.ones((2, 3, 4), np.int16)))
    assert answer["volume"].array.sum() == 24


def test_a_file_in_the_current_folder_is_not_imported(sit, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    assert sit(workerCommand(sys.executable)).ask("ping") == {}


def test_pythonslicer_is_found_before_this_python(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert findPython() == sys.executable
    monkeypatch.setattr(sys, "executable", "/opt/Slicer/bin/SlicerApp-real")
    with pytest.raises(DependencyError, match="PythonSlicer is not on the PATH"):
        findPython()
    program = tmp_path / ("PythonSlicer.bat" if os.name == "nt" else "PythonSlicer")
    program.write_text("")
    program.chmod(0o755)
    assert findPython() == str(program)


def test_the_runner_needs_nothing_that_slicer_does_not_bundle():
    code = (
        "import sys; import LungPNetLib.slicer_bridge.process_runner; "
        "print({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    foreign = {name for name in eval(done.stdout) if not name.startswith("_")}
    assert foreign - {"numpy", "LungPNetLib"} == set()


def test_ten_rounds_of_analyze_and_cancel_leave_nothing(sit, small_series, tmp_path):
    desk = sit(workerCommand(sys.executable))
    memory_mib: dict[int, list[float]] = {}
    for stage in ["read", "lungs"] * 5:
        desk.progress.clear()
        desk.submit("analyze", input=small_series, out=tmp_path / "result", options=OPTIONS)
        desk.wait_until(lambda stage=stage: stage in dict(desk.progress))
        desk.runner.cancel()
        assert desk.outcome(timeout_s=2).kind == "Cancelled"
        assert list(tmp_path.iterdir()) == []
        # On a slow machine the worker did not stop in time, and another one is started.
        desk.ask("ping")
        for pid in (os.getpid(), desk.runner.pid):
            memory_mib.setdefault(pid, []).append(psutil.Process(pid).memory_info().rss / 2**20)
    assert all(used[-1] - used[:3][-1] < 50 for used in memory_mib.values())
    worker = desk.runner.pid
    desk.runner.close()
    assert gone(worker)
    assert not Path(desk.event("hello")["folder"]).exists()
