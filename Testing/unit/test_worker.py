"""The worker, spoken to through its pipes as any program could."""

from __future__ import annotations

import json
import os
import queue
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import LungPNetLib
from LungPNetLib.crash_report import explained
from LungPNetLib.nodules.predict import find_nodule_weights
from LungPNetLib.volume import Volume
from LungPNetLib.weights.registry import find_weights
from LungPNetLib.worker_protocol import PROTOCOL, is_volume, map_volume, take_volume, write_volume

ODD_WORKER = Path(__file__).with_name("odd_worker.py")


class Talk:
    """A running worker, what to say to it and what it answered."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.stderr = home / f"stderr-{time.monotonic_ns()}"
        with self.stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-X", "utf8", "-u", str(ODD_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, "LUNGPNET_HOME": str(home), **environment},
            )
        self.heard: list[dict[str, Any]] = []
        self.lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self.hello = self.hear("hello")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def write(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def say(self, **request: Any) -> None:
        self.write(json.dumps(request).encode())

    def hear(self, *events: str, timeout_s: float = 120) -> dict[str, Any]:
        """The next event that is one of ``events``; every line must be JSON."""
        end = time.monotonic() + timeout_s
        while True:
            event = json.loads(self.lines.get(timeout=max(end - time.monotonic(), 0.001)))
            self.heard.append(event)
            if event["event"] in events:
                return event

    def ask(self, **request: Any) -> dict[str, Any]:
        self.say(**request)
        answer = self.hear("result", "error")
        assert answer["id"] == request["id"]
        return answer

    def close(self) -> float:
        """Close the worker's input; the seconds until it is gone."""
        assert self.process.stdin is not None
        started = time.monotonic()
        self.process.stdin.close()
        self.process.wait(5)
        return time.monotonic() - started


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Talk]]:
    """Start workers; at the end none of them may have left anything."""
    started: list[Talk] = []

    def begin(**environment: str) -> Talk:
        started.append(Talk(tmp_path, **environment))
        return started[-1]

    yield begin
    for talk in started:
        talk.close()
    assert list((tmp_path / "cache" / "worker").iterdir()) == []


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """One worker for all tests that do not end it."""
    talk = Talk(tmp_path_factory.mktemp("home"))
    yield talk
    assert talk.close() < 1


def test_it_says_hello_first_and_has_a_private_folder(talk):
    assert talk.heard[0] == {
        "event": "hello",
        "version": LungPNetLib.__version__,
        "file": LungPNetLib.__file__,
        "protocol": PROTOCOL,
        "pid": talk.process.pid,
        "folder": talk.hello["folder"],
    }
    if os.name == "posix":
        assert stat.S_IMODE(Path(talk.hello["folder"]).stat().st_mode) == 0o700


def test_ping(talk):
    assert talk.ask(id=4, verb="ping") == {"event": "result", "id": 4}


@pytest.mark.parametrize(
    "line",
    [
        b'{"id": 1, "verb": "ping", "patient": "Zebra"',
        b'["Zebra"]',
        b'{"id": "Zebra", "verb": "ping"}',
        b'{"id": 1, "Zebra": "ping"}',
        b"\xff\xfeZebra",
        b"[" * 100_000,
        b"",
    ],
)
def test_a_malformed_line_is_answered_and_does_no_harm(talk, line):
    talk.write(line)
    answer = talk.hear("result", "error")
    assert (answer["event"], answer["id"], answer["exit_code"]) == ("error", None, 2)
    assert "one line of JSON" in answer["message"]
    assert "Zebra" not in str(answer)
    assert talk.ask(id=5, verb="ping")["event"] == "result"


def test_stray_output_does_not_reach_the_events(talk):
    assert talk.ask(id=7, verb="shout") == {"event": "result", "id": 7, "read": ""}
    assert talk.ask(id=8, verb="ping")["id"] == 8
    words = talk.stderr.read_text()
    for kind in ("print", "write", "puts", "child", "warning"):
        assert f"stray {kind}" in words


def test_torch_may_warn(talk):
    pytest.importorskip("torch")
    assert talk.ask(id=9, verb="torch_warning")["event"] == "result"
    assert "not writable" in talk.stderr.read_text()
    assert "target size" in talk.stderr.read_text()


def test_a_fault_is_one_sentence_and_the_worker_lives(talk):
    answer = talk.ask(id=10, verb="crash", how="fault")
    assert (answer["kind"], answer["exit_code"]) == ("ZeroDivisionError", 1)
    assert "fault in LungPNet" in answer["message"]
    assert "Traceback" not in answer["message"]
    assert talk.ask(id=11, verb="ping")["event"] == "result"


def test_the_running_and_a_waiting_request_can_be_cancelled(talk):
    talk.say(id=20, verb="nap", seconds=20)
    talk.say(id=21, verb="ping")
    talk.say(id=22, verb="ping")
    talk.hear("progress")
    talk.say(id=22, verb="cancel")
    talk.say(id=20, verb="cancel")
    answers = [talk.hear("result", "error") for _ in range(3)]
    assert [answer["id"] for answer in answers] == [20, 21, 22]
    assert [answer.get("kind") for answer in answers] == ["Cancelled", None, "Cancelled"]
    assert answers[0]["exit_code"] == 130


def test_a_cancelled_request_leaves_no_child(talk):
    talk.say(id=23, verb="leave_child", seconds=20)
    child = psutil.Process(talk.hear("child")["pid"])
    talk.say(id=23, verb="cancel")
    assert talk.hear("error")["kind"] == "Cancelled"
    assert not child.is_running()


def test_signs_of_life_come_while_it_works_and_only_then(talk):
    talk.heard.clear()
    talk.ask(id=24, verb="nap", seconds=2.5)
    alive = [event for event in talk.heard if event["event"] == "alive"]
    assert len(alive) >= 2
    assert {event["id"] for event in alive} == {24}
    time.sleep(1.2)
    assert talk.lines.empty()


def test_a_model_is_loaded_once_until_it_is_released(talk):
    assert talk.ask(id=30, verb="remember")["loads"] == 1
    assert talk.ask(id=31, verb="remember")["loads"] == 0
    assert talk.ask(id=32, verb="models", action="release")["released"] == 1
    assert talk.ask(id=33, verb="remember")["loads"] == 1
    assert talk.ask(id=34, verb="models", action="release")["released"] == 1


def test_the_networks_can_be_warmed(talk, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("LUNGPNET_HOME", str(talk.home))
    lungs, nodules = find_weights("lungs"), find_nodule_weights()
    expected = [found.entry.id for found in (lungs, nodules.segmenter, nodules.detector)]
    for number in (35, 36):
        answer = talk.ask(id=number, verb="models", action="warm", device="cpu")
        assert answer["warm"] == expected
    assert talk.ask(id=37, verb="models", action="release")["released"] == len(expected)


@pytest.mark.parametrize("fail", [False, True])
def test_the_answer_comes_when_no_file_is_mapped_any_more(talk, tmp_path, fail):
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    path = tmp_path / "volume.npy"
    message = write_volume(Volume(voxels, (1.0, 2.0, 3.0)), path)
    answer = talk.ask(id=40, verb="look_at", volume=message, fail=fail)
    assert answer["event"] == "error" if fail else answer["sum"] == 276
    maps = Path(f"/proc/{talk.process.pid}/maps")
    if maps.exists():
        assert "numpy" in maps.read_text()
        assert path.name not in maps.read_text()
    # What the worker writes into its volume stays its own.
    np.testing.assert_array_equal(take_volume(message).array, voxels)
    assert not path.exists()


def test_idle_it_gives_the_models_back_and_stays(start):
    talk = start(LUNGPNET_WORKER_IDLE_S="0.5")
    assert talk.ask(id=1, verb="remember")["loads"] == 1
    assert talk.hear("idle", timeout_s=5) == {"event": "idle", "released": 1}
    assert talk.ask(id=2, verb="remember")["loads"] == 1
    talk.heard.clear()
    assert talk.hear("idle", timeout_s=5)["released"] == 1
    time.sleep(1)
    talk.ask(id=3, verb="ping")
    assert len([event for event in talk.heard if event["event"] == "idle"]) == 1


def test_idle_it_gives_the_memory_back_to_the_system(start):
    talk = start(LUNGPNET_WORKER_IDLE_S="1.5")
    process = psutil.Process(talk.process.pid)
    talk.ask(id=1, verb="grow", mebibytes=300)
    grown_mib = process.memory_info().rss / 2**20
    assert talk.hear("idle", timeout_s=10)["released"] == 1
    assert process.memory_info().rss / 2**20 < grown_mib - 250


def test_folders_may_have_any_name(tmp_path):
    home = tmp_path / "Ärzte & Söhne 肺 100%"
    home.mkdir()
    talk = Talk(home)
    path = Path(talk.hello["folder"]) / "Größe.npy"
    assert home in path.parents
    message = write_volume(Volume(np.ones((2, 3, 4), np.int16)), path)
    assert talk.ask(id=1, verb="look_at", volume=message)["sum"] == 24
    assert talk.close() < 1
    assert list((home / "cache" / "worker").iterdir()) == []


def test_a_fault_on_a_full_disk_is_still_one_sentence(monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", full)
    message, exit_code = explained(ZeroDivisionError("planted"))
    assert exit_code == 1
    assert message == (
        "This is a fault in LungPNet (ZeroDivisionError). Its report could not be written; the "
        "disk is probably full."
    )


@pytest.mark.parametrize("busy", [False, True])
def test_it_leaves_within_a_second_of_the_end_of_its_input(start, tmp_path, busy):
    talk = start()
    if busy:
        talk.say(id=1, verb="nap_deaf", out=str(tmp_path / "result"))
        child = psutil.Process(talk.hear("child")["pid"])
    assert talk.close() < 1
    assert not Path(talk.hello["folder"]).exists()
    if busy:
        assert not child.is_running()


def test_it_leaves_when_told_to(start):
    talk = start()
    talk.say(id=1, verb="quit")
    assert talk.process.wait(1) == 0


def test_the_folder_of_a_dead_worker_is_swept_and_that_of_a_living_one_is_not(start):
    dead, living = start(), start()
    dead.process.kill()
    dead.process.wait()
    assert Path(dead.hello["folder"]).is_dir()
    start()
    assert not Path(dead.hello["folder"]).exists()
    assert Path(living.hello["folder"]).is_dir()


def test_a_volume_comes_back_as_it_went(tmp_path):
    turned = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    sent = Volume(
        np.arange(24, dtype=np.int16).reshape(2, 3, 4)[::-1, :, ::-1],
        (0.7, 0.8, 2.5),
        (-100.25, 3.5, 1e-3),
        turned,
    )
    message = json.loads(json.dumps(write_volume(sent, tmp_path / "v.npy")))
    assert is_volume(message)
    for read in (map_volume, take_volume):
        came = read(message)
        np.testing.assert_array_equal(came.array, sent.array)
        assert came.array.dtype == np.int16
        assert came.same_grid_as(sent, tolerance_mm=0)
