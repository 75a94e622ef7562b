"""Training: the same weights whatever interrupts it, and nothing mixed up or left behind."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from LungPNetLib.errors import Cancelled, InputError, ModelError
from LungPNetLib.events import Reporter
from LungPNetLib.training.fit import FitResult, dry_run, fit
from toy_training import ToyConfig, ToyTask, weights_of

KILLED_RUN = """
import os, signal, sys
from pathlib import Path
from toy_training import ToyTask, ToyConfig
from test_training import changed
from LungPNetLib.events import Reporter
from LungPNetLib.training.fit import fit

def kill(event):
    if event.get("stage") == "train" and event.get("fraction", 0) >= float(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

config = changed(ToyConfig(), checkpoint_minutes=float(sys.argv[3]))
fit(ToyTask(), config, Path(sys.argv[1]), resume=True, reporter=Reporter([kill]))
"""


def changed(config: ToyConfig, **trainer: Any) -> ToyConfig:
    return replace(config, trainer=replace(config.trainer, **trainer))


def train(out: Path, config: ToyConfig | None = None, **more: Any) -> FitResult:
    return fit(ToyTask(), config or ToyConfig(), out, reporter=Reporter(), **more)


def assert_same(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    """An uninterrupted run; do not change its folder."""
    return train(tmp_path_factory.mktemp("whole") / "run")


def test_run_leaves_what_a_person_looks_at(whole: FitResult) -> None:
    assert whole.stopped == "all epochs done"
    assert whole.epochs == 3
    record = json.loads((whole.out / "config.json").read_text())
    assert record["task"] == "toy"
    assert record["config"]["trainer"]["epochs"] == 3
    with (whole.out / "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert [float(row["learning_rate"]) for row in rows] == [0.01, 0.01, 0.005]
    best = min(rows, key=lambda row: float(row["val/loss"]))
    assert int(best["epoch"]) == whole.best_epoch
    assert float(best["val/loss"]) == pytest.approx(whole.best_value)
    assert (whole.out / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert len(list((whole.out / "previews").glob("epoch-*.png"))) == 3
    assert list((whole.out / "tensorboard").glob("events.*"))


def test_training_learns(whole: FitResult) -> None:
    with (whole.out / "metrics.csv").open() as stream:
        losses = [float(row["train/loss"]) for row in csv.DictReader(stream)]
    assert losses[-1] < 0.8 * losses[0]


def test_same_seed_same_weights_and_another_seed_others(whole: FitResult, tmp_path: Path) -> None:
    assert_same(weights_of(train(tmp_path / "again").out), weights_of(whole.out))
    other = weights_of(train(tmp_path / "other", changed(ToyConfig(), seed=8)).out)
    assert not np.array_equal(other["network.0.weight"], weights_of(whole.out)["network.0.weight"])


def test_workers_change_nothing(whole: FitResult, tmp_path: Path) -> None:
    # In a process of its own: workers are forked, and this one may hold other libraries' threads.
    out = tmp_path / "run"
    code = (
        "import sys; from pathlib import Path; from toy_training import ToyConfig; "
        "from test_training import changed, train; "
        "train(Path(sys.argv[1]), changed(ToyConfig(), workers=2))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    subprocess.run([sys.executable, "-c", code, str(out)], env=environment, timeout=120, check=True)
    assert_same(weights_of(out), weights_of(whole.out))


@pytest.mark.parametrize("checkpoint_minutes", [0.0, 1e-9], ids=["epochs", "every step"])
def test_killed_and_resumed_run_has_the_weights_of_an_uninterrupted_one(
    whole: FitResult, tmp_path: Path, checkpoint_minutes: float
) -> None:
    out = tmp_path / "run"
    unit = str(Path(__file__).parent)
    for fraction in (0.2, 0.6):
        words = [sys.executable, "-c", KILLED_RUN, str(out), str(fraction), str(checkpoint_minutes)]
        ended = subprocess.run(words, env={**os.environ, "PYTHONPATH": unit}, timeout=120)
        assert ended.returncode == -signal.SIGKILL
    (out / "checkpoints" / ".last.ckpt.partial").write_bytes(b"cut off")
    state = torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)["state"]
    assert (state["epoch"], state["step"]) == ((1, 0) if checkpoint_minutes == 0 else (1, 4))
    config = changed(ToyConfig(), checkpoint_minutes=checkpoint_minutes)
    result = train(out, config, resume=True)
    assert_same(weights_of(out), weights_of(whole.out))
    assert_same(weights_of(out, "best.ckpt"), weights_of(whole.out, "best.ckpt"))
    assert (result.best_epoch, result.best_value) == (whole.best_epoch, whole.best_value)
    with (out / "metrics.csv").open() as stream:
        assert [row["epoch"] for row in csv.DictReader(stream)] == ["0", "1", "2"]


def test_optimizers_go_on_after_a_resume(whole: FitResult, tmp_path: Path) -> None:
    def moments(out: Path) -> dict[str, Any]:
        last = torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)
        state = last["optimizers"][0]["state"]
        return {f"{k}.{n}": v.numpy() for k, s in state.items() for n, v in s.items()}

    out = tmp_path / "run"
    train(out, changed(ToyConfig(), epochs=1))
    train(out, resume=True)
    assert_same(moments(out), moments(whole.out))


def test_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    first = train(tmp_path / "run", changed(ToyConfig(), epochs=1))
    before = (first.out / "checkpoints" / "last.ckpt").read_bytes()
    again = train(first.out, changed(ToyConfig(), epochs=1), resume=True)
    assert again == first
    assert (first.out / "checkpoints" / "last.ckpt").read_bytes() == before


def test_existing_folder_is_refused_without_resume(whole: FitResult, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists already.*--resume"):
        train(whole.out)
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        train(tmp_path, resume=True)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (changed(ToyConfig(), learning_rate=0.5), r"trainer.learning_rate was 0.01, now 0.5"),
        (replace(ToyConfig(), width=16), r"width was 8, now 16"),
    ],
)
def test_other_configuration_does_not_mix_with_a_run(
    whole: FitResult, config: ToyConfig, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        train(whole.out, config, resume=True)


def test_other_cohort_does_not_mix_with_a_run(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("patient_id\nA\n")
    one_epoch = changed(ToyConfig(), epochs=1)
    train(tmp_path / "run", one_epoch, manifest=manifest)
    manifest.write_text("patient_id\nB\n")
    with pytest.raises(InputError, match="manifest_sha256"):
        train(tmp_path / "run", one_epoch, manifest=manifest, resume=True)


def test_early_stopping(tmp_path: Path) -> None:
    config = changed(
        ToyConfig(), epochs=30, early_stop_epochs=2, lr_schedule="constant", learning_rate=1e-9
    )
    result = train(tmp_path / "run", config)
    assert result.stopped == "no better val/loss for 2 epochs"
    assert result.epochs == result.best_epoch + 3 < 30
    assert train(tmp_path / "run", config, resume=True).epochs == result.epochs


def test_time_limit_ends_the_run_and_a_longer_one_goes_on(whole: FitResult, tmp_path: Path) -> None:
    result = train(tmp_path / "run", changed(ToyConfig(), max_minutes=1e-6))
    assert result.epochs == 1
    assert "pass 1e-06 minutes" in result.stopped
    assert train(tmp_path / "run", resume=True).epochs == 3
    assert_same(weights_of(tmp_path / "run"), weights_of(whole.out))


def test_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a finite number in epoch 1.*learning_rate"):
        train(tmp_path / "run", replace(ToyConfig(), nan_at_epoch=1))


def test_epoch_is_counted_right_after_a_resume(tmp_path: Path) -> None:
    config = replace(ToyConfig(), nan_at_epoch=2)
    train(tmp_path / "run", changed(config, epochs=2))
    with pytest.raises(ModelError, match="in epoch 2"):
        train(tmp_path / "run", config, resume=True)


@pytest.mark.parametrize("ending", [Cancelled("stop"), KeyboardInterrupt()])
def test_stopped_run_says_how_to_go_on(
    whole: FitResult, tmp_path: Path, ending: BaseException
) -> None:
    def stop(event: dict[str, Any]) -> None:
        if event.get("stage") == "train" and event.get("fraction", 0) > 0.5:
            raise ending

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(Cancelled, match="--resume"):
        fit(ToyTask(), ToyConfig(), tmp_path / "run", reporter=Reporter([stop]))
    assert signal.getsignal(signal.SIGINT) is handler
    train(tmp_path / "run", resume=True)
    assert_same(weights_of(tmp_path / "run"), weights_of(whole.out))


class Exploit:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("pwned",)


@pytest.mark.parametrize("content", [Exploit(), b"cut off"], ids=["pickle", "damaged"])
def test_checkpoint_with_more_than_weights_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    out = train(tmp_path / "run", changed(ToyConfig(), epochs=1)).out
    last = out / "checkpoints" / "last.ckpt"
    if isinstance(content, bytes):
        last.write_bytes(content)
    else:
        torch.save(content, last)
    with pytest.raises(ModelError, match="damaged or holds more than weights"):
        train(out, resume=True)
    assert not (tmp_path / "pwned").exists()


def test_checkpoint_of_another_folder_is_not_loaded(whole: FitResult, tmp_path: Path) -> None:
    out = train(tmp_path / "run", changed(ToyConfig(), epochs=1)).out
    last = out / "checkpoints" / "last.ckpt"
    last.unlink()
    last.symlink_to(whole.out / "checkpoints" / "last.ckpt")
    with pytest.raises(ModelError, match="leads out of its run's folder"):
        train(out, resume=True)


def test_two_processes_do_not_train_in_one_folder(tmp_path: Path) -> None:
    def train_again(event: dict[str, Any]) -> None:
        if event["event"] == "epoch":
            with pytest.raises(InputError, match="Another process trains"):
                train(tmp_path / "run", resume=True)

    fit(ToyTask(), ToyConfig(), tmp_path / "run", reporter=Reporter([train_again]))


def test_dry_run_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(tmp_path)
    found = dry_run(ToyTask(), ToyConfig(), reporter=Reporter())
    assert (found.training_samples, found.validation_samples) == (18, 6)
    assert found.steps_per_epoch == 5
    assert found.parameters == 2 * 8 + 8 + 8 + 8 + 8 + 1
    assert list(tmp_path.iterdir()) == []


def test_dry_run_meets_the_errors_of_a_training() -> None:
    class Empty(ToyTask):
        def validation_samples(self) -> Any:
            return []

    with pytest.raises(InputError, match="18 training and 0 validation samples"):
        dry_run(Empty(), ToyConfig(), reporter=Reporter())
