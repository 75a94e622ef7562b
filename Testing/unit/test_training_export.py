"""From a run to weights: rounded once, registered, described, and the same when loaded."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from LungPNetLib.errors import InputError, LungPNetError, ModelError
from LungPNetLib.events import Reporter
from LungPNetLib.training import commands
from LungPNetLib.training import task as tasks
from LungPNetLib.training.card import metric_words
from LungPNetLib.training.export import Exported, as_stored, best_module, export
from LungPNetLib.training.fit import FitResult, fit
from LungPNetLib.training.task import Metric, find_task
from LungPNetLib.weights import registry
from LungPNetLib.weights.entries import read_registry
from LungPNetLib.weights.registry import load_weights
from toy_training import ToyConfig, ToyNetwork, ToyTask

SHORT = ["--set", "trainer.epochs=1", "--progress", "none"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    out = tmp_path_factory.mktemp("run") / "run"
    return fit(ToyTask(), ToyConfig(), out, reporter=Reporter())


@pytest.fixture(scope="module")
def exported(run: FitResult, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    task = ToyTask()
    folder = tmp_path_factory.mktemp("weights")
    return export(
        task, ToyConfig(), run, folder=folder, command="lungpnet train toy", reporter=Reporter()
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(registry, "SHIPPED_FOLDER", tmp_path / "shipped")
    monkeypatch.setitem(tasks.TASKS, "toy", "toy_training:ToyTask")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def lungpnet(*words: str) -> int:
    parser = argparse.ArgumentParser()
    commands.add_verbs(parser.add_subparsers())
    arguments = parser.parse_args(words)
    status: int = arguments.command(arguments)
    return status


def test_loaded_network_computes_what_the_rounded_one_does(
    run: FitResult, exported: Exported
) -> None:
    rounded = best_module(ToyTask(), ToyConfig(), run.out).network.eval()
    exact = best_module(ToyTask(), ToyConfig(), run.out).network.eval()
    for tensor in rounded.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(tensor.half().float())
    loaded = load_weights("toy", weights=exported.folder / exported.entry.file)
    network = ToyNetwork(loaded.entry.arch["width"]).eval()
    network.load_state_dict(loaded.state_dict)
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network(x), rounded(x))
    assert not torch.equal(network(x), exact(x))


def test_numbers_beyond_float16_keep_their_precision() -> None:
    stored = as_stored({"small": torch.tensor([0.1]), "large": torch.tensor([1e6])})
    assert stored["small"].dtype == torch.float16
    assert stored["large"].tolist() == [1e6]


def test_entry_says_what_predict_needs(exported: Exported) -> None:
    (entry,) = read_registry(exported.folder)
    assert entry == exported.entry
    assert (entry.task, entry.variant, entry.outcome_source) == ("toy", "compact", "mixed")
    assert entry.trained_on == "made-up patients (A 1) and 1 real patient"
    assert entry.arch == {"name": "ToyNetwork", "width": 8}
    assert entry.classes == ("background", "lung")
    assert entry.id == f"toy-compact-{entry.sha256[:8]}"


def test_card_tells_what_the_weights_are(exported: Exported) -> None:
    card = (exported.folder / exported.entry.card).read_text()
    assert card.splitlines()[0] == "Share of synthetic patients in training: 75 %."
    for words in (
        "Research use only",
        "LIDC-IDRI-0028",
        "generator of made-up patients: A 1",
        "window_hu: [-1000, 400]",
        "- 1: lung",
        "0.250 [0.200, 0.300] | 6",
        "Knows only two numbers.",
        "`lungpnet train toy`",
        "seed 7",
        "minutes, 3 epochs",
        "cores",
        "Apache-2.0",
        exported.entry.sha256,
    ):
        assert words in card


def test_metric_without_interval_says_so() -> None:
    assert metric_words(Metric("Dice", 0.9, math.nan, math.nan, 1)) == "0.900 (no interval)"
    assert metric_words(Metric("NSD", 2, 1, 3, 9, "mm")) == "2.000 [1.000, 3.000] mm"


def test_run_without_best_checkpoint_is_not_exported(run: FitResult, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no best checkpoint"):
        best_module(ToyTask(), ToyConfig(), tmp_path)


def test_train_writes_to_the_own_registry(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lungpnet("train", "toy", "--out", "run", *SHORT) == 0
    (entry,) = read_registry(home / "data" / "weights")
    assert entry.file in capsys.readouterr().out
    assert load_weights("toy").origin is registry.Origin.USER


def test_weights_out_makes_weights_that_ship(home: Path) -> None:
    lungpnet("train", "toy", "--out", "run", "--weights-out", "shipped", *SHORT)
    assert load_weights("toy").origin is registry.Origin.SHIPPED
    assert not (home / "data").exists()


def test_resumed_training_registers_once(home: Path) -> None:
    lungpnet("train", "toy", "--out", "run", *SHORT)
    lungpnet("train", "toy", "--out", "run", "--resume", *SHORT)
    assert len(read_registry(home / "data" / "weights")) == 1


def test_dry_run_leaves_only_a_message(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lungpnet("train", "toy", "--dry-run", "--progress", "none") == 0
    assert "Everything works" in capsys.readouterr().out
    assert list(home.parent.iterdir()) == []


def test_json_events_end_with_the_result(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lungpnet("train", "toy", "--set", "trainer.epochs=1", "--progress", "json")
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[-1]["event"] == "result"
    assert {"prepare", "train", "evaluate"} <= {event.get("stage") for event in events}
    assert [event["epoch"] for event in events if event["event"] == "epoch"] == [0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "nothing"], "no training task 'nothing'.*lungs"),
        (["train", "toy", "--manifest", "gone.csv"], "no manifest 'gone.csv'"),
        (["train", "toy", "--config", "gone"], "no configuration 'gone'"),
        (["train", "toy", "--set", "widht=3"], "no configuration key 'widht'"),
        (["evaluate", "toy"], "no weights for 'toy'"),
        (["models", "remove", "gone"], "no weights 'gone'"),
    ],
)
def test_faulty_commands_leave_nothing(home: Path, words: Sequence[str], message: str) -> None:
    with pytest.raises((InputError, LungPNetError), match=message):
        lungpnet(*words)
    assert list(home.parent.iterdir()) == []


def test_evaluate_shows_the_metrics(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lungpnet("train", "toy", "--out", "run", "--set", "width=5", *SHORT)
    capsys.readouterr()
    assert lungpnet("evaluate", "toy", "--progress", "none") == 0
    assert "0.250 [0.200, 0.300], 6 patients" in capsys.readouterr().out


def test_evaluate_warns_of_patients_seen_in_training(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lungpnet("train", "toy", "--out", "run", *SHORT)
    manifest = home.parent / "manifest.csv"
    manifest.write_text("patient_id\nLIDC-IDRI-0028\nnew\n")
    capsys.readouterr()
    lungpnet("evaluate", "toy", "--manifest", str(manifest), "--progress", "json")
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (warning,) = [event["message"] for event in events if event["event"] == "warning"]
    assert warning.startswith("1 patient(s) of this manifest")
    manifest.write_text("patient_id\nnew\n")
    lungpnet("evaluate", "toy", "--manifest", str(manifest), "--progress", "json")
    assert "warning" not in capsys.readouterr().out


def test_models_list_verify_remove(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lungpnet("train", "toy", "--out", "run", *SHORT)
    (entry,) = read_registry(home / "data" / "weights")
    capsys.readouterr()
    lungpnet("models", "list", "--json")
    (listed,) = json.loads(capsys.readouterr().out)["models"]
    assert (listed["id"], listed["origin"]) == (entry.id, "user")
    assert lungpnet("models", "verify") == 0
    (home / "data" / "weights" / entry.file).write_bytes(b"")
    with pytest.raises(ModelError, match="damaged or were changed"):
        lungpnet("models", "verify")
    assert lungpnet("models", "remove", entry.id) == 0
    assert read_registry(home / "data" / "weights") == []


def test_weights_of_another_network_are_refused(home: Path, exported: Exported) -> None:
    class Wider(ToyTask):
        def make_module(self, config: ToyConfig) -> object:  # type: ignore[override]
            return super().make_module(ToyConfig(width=9))

    from LungPNetLib.training.evaluate import evaluate_weights

    with pytest.raises(ModelError, match="do not fit the network of 'toy'"):
        evaluate_weights(Wider(), exported.folder / exported.entry.file, None, Reporter())


def test_every_listed_task_can_be_made() -> None:
    for name in tasks.TASKS:
        assert find_task(name).name == name


def begun_with(exported: Exported) -> ToyConfig:
    start_from = str(exported.folder / exported.entry.file)
    still = replace(ToyConfig().trainer, start_from=start_from, epochs=1, learning_rate=1e-30)
    return replace(ToyConfig(), trainer=still)


def test_training_begins_with_earlier_weights(exported: Exported, tmp_path: Path) -> None:
    result = fit(ToyTask(), begun_with(exported), tmp_path / "run", reporter=Reporter())
    begun = load_file(exported.folder / exported.entry.file)
    ended = ToyTask().network(best_module(ToyTask(), ToyConfig(), result.out))
    for name, parameter in ended.named_parameters():
        torch.testing.assert_close(parameter.detach(), begun[name].float())


def test_training_does_not_begin_with_weights_of_another_network(
    exported: Exported, tmp_path: Path
) -> None:
    config = replace(begun_with(exported), width=ToyConfig().width + 1)
    with pytest.raises(ModelError, match="do not fit the network"):
        fit(ToyTask(), config, tmp_path / "run", reporter=Reporter())
