"""The model manager: what is on disk, where its licence comes from, and deleting it."""

import sys

import pytest

from LungPNetLib.errors import DependencyError, InputError
from LungPNetLib.slicer_bridge.models import deleteModel, modelsOnDisk
from LungPNetLib.weights.entries import WeightsEntry, write_registry
from LungPNetLib.weights.registry import Origin, user_folder

CARD = """Share of synthetic patients in training: 100 %.

# my-lungs

## Limits

- None stated.

## Licence

Apache-2.0, weights
included

## Later section

text
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A machine without weights of the user."""
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path))


def entry(name, **changes):
    values = {
        "id": name,
        "task": "lungs",
        "variant": "compact",
        "file": f"{name}.safetensors",
        "sha256": "0" * 64,
        "arch": {},
        "preprocessing": {},
        "classes": ("background", "right", "left"),
        "outcome_source": "patients",
        "trained_on": "60 made-up patients",
        "card": f"{name}.md",
    }
    return WeightsEntry(**(values | changes))


@pytest.fixture
def weights():
    """Two of the user's: one whole, one whose files are gone."""
    folder = user_folder()
    write_registry(folder, [entry("my-lungs"), entry("lost", variant="paper")])
    (folder / "my-lungs.safetensors").write_bytes(b"0" * 1_250_000)
    (folder / "my-lungs.md").write_text(CARD, encoding="utf-8")
    return folder


def of_user():
    return {model.modelId: model for model in modelsOnDisk() if model.origin is Origin.USER}


def test_models_are_described(weights):
    model = of_user()["my-lungs"]
    assert (model.task, model.variant) == ("lungs", "compact")
    assert model.sizeMb == pytest.approx(1.25)
    assert model.trainedOn == "60 made-up patients"
    assert model.outcomeSource == "patients"
    assert model.licence == "Apache-2.0, weights included"
    assert model.cardPath == weights / "my-lungs.md"
    assert model.canBeDeleted


def test_missing_files_are_seen(weights):
    lost = of_user()["lost"]
    assert lost.sizeMb is None
    assert lost.cardPath is None
    assert lost.licence == ""


def test_deleting_takes_file_card_and_entry(weights):
    deleteModel("my-lungs")
    assert set(of_user()) == {"lost"}
    assert not (weights / "my-lungs.safetensors").exists()
    assert not (weights / "my-lungs.md").exists()
    deleteModel("lost")
    assert of_user() == {}


def test_what_is_not_the_users_is_not_deleted(weights):
    with pytest.raises(InputError, match="no weights 'shipped-lungs'"):
        deleteModel("shipped-lungs")


def test_shipped_models_cannot_be_deleted():
    for model in modelsOnDisk():
        assert model.origin is Origin.SHIPPED
        assert not model.canBeDeleted
        assert model.sizeMb
        assert model.licence
        with pytest.raises(InputError):
            deleteModel(model.modelId)


def test_before_the_packages_are_installed_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    for name in ("LungPNetLib.config", "LungPNetLib.folders"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(DependencyError, match="once the missing packages are installed"):
        modelsOnDisk()
