"""Weights are loaded only if a registry vouches for every byte of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from LungPNetLib.errors import InputError, ModelError
from LungPNetLib.weights import registry
from LungPNetLib.weights.entries import WeightsEntry, read_registry, write_registry
from LungPNetLib.weights.registry import Origin, find_weights, load_weights


def put_weights(
    folder: Path, value: float, *, task: str = "lungs", variant: str = "compact"
) -> WeightsEntry:
    """Add weights to the registry of ``folder``: one tensor of two equal numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{task}-{variant}-{value:g}"
    file = folder / f"{name}.safetensors"
    tensor = torch.full((2,), value, dtype=torch.float16)
    safetensors.torch.save_file({"w": tensor, "n": torch.tensor([3])}, file)
    (folder / f"{name}.md").write_text("card")
    entry = WeightsEntry(
        id=name,
        task=task,
        variant=variant,
        file=file.name,
        sha256=registry.sha256_of(file),
        arch={"name": "Net", "width": 2},
        preprocessing={"window_hu": [-1000, 400]},
        classes=("background", "lung"),
        outcome_source="synthetic",
        trained_on="made-up patients",
        card=f"{name}.md",
    )
    write_registry(folder, [*read_registry(folder), entry])
    return entry


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "data" / "weights"


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "SHIPPED_FOLDER", tmp_path / "shipped")
    return tmp_path / "shipped"


def test_shipped_registry_is_valid_and_its_files_are_whole() -> None:
    for entry in read_registry(registry.SHIPPED_FOLDER):
        path = registry.SHIPPED_FOLDER / entry.file
        registry.verify(registry.Found(entry, path, Origin.SHIPPED))
        assert (registry.SHIPPED_FOLDER / entry.card).is_file()


def test_numbers_come_back_as_float32_and_counters_as_they_are(user: Path, shipped: Path) -> None:
    entry = put_weights(shipped, 0.5)
    loaded = load_weights("lungs")
    assert loaded.state_dict["w"].tolist() == [0.5, 0.5]
    assert loaded.state_dict["w"].dtype == torch.float32
    assert loaded.state_dict["n"].dtype == torch.int64
    assert (loaded.entry, loaded.origin) == (entry, Origin.SHIPPED)


def test_given_goes_before_own_before_shipped(user: Path, shipped: Path, tmp_path: Path) -> None:
    put_weights(shipped, 1.0)
    assert load_weights("lungs").state_dict["w"][0] == 1
    put_weights(user, 2.0)
    put_weights(user, 3.0)
    newest = load_weights("lungs")
    assert (newest.state_dict["w"][0], newest.origin) == (3, Origin.USER)
    given = put_weights(tmp_path / "colleague", 4.0)
    loaded = load_weights("lungs", weights=tmp_path / "colleague" / given.file)
    assert (loaded.state_dict["w"][0], loaded.origin) == (4, Origin.GIVEN)
    assert load_weights("lungs", weights="lungs-compact-1").state_dict["w"][0] == 1


def test_task_and_variant_are_told_apart(user: Path, shipped: Path) -> None:
    put_weights(shipped, 1.0, variant="paper")
    put_weights(shipped, 2.0, task="nodules")
    assert load_weights("lungs").state_dict["w"][0] == 1
    assert find_weights("lungs", variant="compact") is None
    with pytest.raises(ModelError, match="trained for 'nodules', and 'lungs' is needed"):
        load_weights("lungs", weights="nodules-compact-2")


def test_without_weights(user: Path, shipped: Path) -> None:
    assert find_weights("lungs") is None
    with pytest.raises(ModelError, match="no weights for 'lungs'.*lungpnet train lungs"):
        load_weights("lungs")
    with pytest.raises(ModelError, match="neither a file nor the id"):
        load_weights("lungs", weights="gone.safetensors")


def damage_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (damage_bit, "damaged or were changed.*lungpnet models remove lungs-compact-1"),
        (cut_off, "damaged or were changed"),
        (Path.unlink, "registered, but their file .* cannot be read"),
    ],
)
def test_spoiled_file_is_refused(user: Path, shipped: Path, spoil: object, message: str) -> None:
    entry = put_weights(user, 1.0)
    spoil(user / entry.file)  # type: ignore[operator]
    with pytest.raises(ModelError, match=message):
        load_weights("lungs")


def test_unknown_file_is_refused(user: Path, shipped: Path, tmp_path: Path) -> None:
    entry = put_weights(tmp_path / "a", 1.0)
    stray = tmp_path / "stray.safetensors"
    (tmp_path / "a" / entry.file).rename(stray)
    with pytest.raises(ModelError, match="No registry knows.*registry.json"):
        load_weights("lungs", weights=stray)


def test_registered_file_that_is_no_safetensors_is_refused(user: Path, shipped: Path) -> None:
    entry = put_weights(user, 1.0)
    torch.save({"w": torch.ones(2)}, user / entry.file)
    digest = registry.sha256_of(user / entry.file)
    write_registry(user, [replace(entry, sha256=digest)])
    with pytest.raises(ModelError, match="not a safetensors file"):
        load_weights("lungs")


@pytest.mark.parametrize(
    "change",
    [
        {"file": "../../etc/x.safetensors"},
        {"file": "weights.pt"},
        {"card": "/etc/passwd"},
        {"extra": 1},
    ],
)
def test_registry_with_foreign_content_is_refused(
    user: Path, shipped: Path, change: dict[str, object]
) -> None:
    put_weights(user, 1.0)
    path = user / "registry.json"
    content = json.loads(path.read_text())
    content["entries"][0] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError, match="registry .* cannot be used"):
        load_weights("lungs")


def test_registry_of_a_later_program_is_refused(user: Path, shipped: Path) -> None:
    user.mkdir(parents=True)
    (user / "registry.json").write_text('{"schema_version": "2.0", "entries": []}')
    with pytest.raises(ModelError, match="schema version 1.0 is accepted"):
        find_weights("lungs")


def test_remove_takes_file_card_and_entry(user: Path, shipped: Path) -> None:
    put_weights(user, 1.0)
    kept = put_weights(user, 2.0)
    registry.remove("lungs-compact-1")
    assert read_registry(user) == [kept]
    assert {p.name for p in user.iterdir()} == {"registry.json", kept.file, kept.card}
    put_weights(shipped, 3.0)
    with pytest.raises(InputError, match="no weights 'lungs-compact-3'.*lungs-compact-2"):
        registry.remove("lungs-compact-3")
