"""Configurations are typed, and errors say which key and what is accepted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal

import pytest

from LungPNetLib.errors import InputError
from LungPNetLib.training.config import (
    TrainerConfig,
    config_from_record,
    config_record,
    find_config,
    load_config,
)
from LungPNetLib.training.schedule import learning_rate_factor


class Kernel(str, Enum):
    SHARP = "sharp"
    SOFT = "soft"


@dataclass(frozen=True)
class Data:
    window_hu: tuple[float, float] = (-1000.0, 400.0)
    kernels: tuple[Kernel, ...] = (Kernel.SOFT,)
    cache: Path | None = None


@dataclass(frozen=True)
class Config:
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    data: Data = field(default_factory=Data)
    variant: Literal["compact", "paper"] = "compact"
    flips: bool = True


@dataclass(frozen=True)
class Short:
    trainer: TrainerConfig = field(default_factory=lambda: TrainerConfig(epochs=2))


def written(folder: Path, text: str) -> Path:
    path = folder / "c.toml"
    path.write_text(text)
    return path


def test_file_fills_the_fields_and_keeps_other_defaults(tmp_path: Path) -> None:
    text = """
        variant = "paper"
        [trainer]
        epochs = 3
        learning_rate = 1
        [data]
        window_hu = [-1350, 150.5]
        kernels = ["sharp", "soft"]
        cache = "there"
    """
    config = load_config(Config, written(tmp_path, text))
    assert config == Config(
        trainer=TrainerConfig(epochs=3, learning_rate=1.0),
        data=Data((-1350.0, 150.5), (Kernel.SHARP, Kernel.SOFT), Path("there")),
        variant="paper",
    )
    assert isinstance(config.trainer.learning_rate, float)


def test_a_section_keeps_the_defaults_that_the_task_gave_it() -> None:
    config = load_config(Short, None, ["trainer.seed=6"])
    assert (config.trainer.epochs, config.trainer.seed) == (2, 6)


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "[trainer]\nepochs = 3\nseed = 5\n")
    overrides = ["trainer.epochs=9", "variant=paper", "data.window_hu=[-900, 300]", "flips=false"]
    config = load_config(Config, path, overrides)
    assert (config.trainer.epochs, config.trainer.seed) == (9, 5)
    assert (config.variant, config.flips) == ("paper", False)
    assert config.data.window_hu == (-900.0, 300.0)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.epoch=3", "no configuration key 'trainer.epoch'.*epochs"),
        ("speed=3", "no configuration key 'speed'.*trainer, data, variant, flips"),
        ("trainer.epochs=many", "'trainer.epochs' must be a whole number, got 'many'"),
        ("trainer.epochs=2.5", "'trainer.epochs' must be a whole number, got 2.5"),
        ("trainer.epochs=true", "'trainer.epochs' must be a whole number, got True"),
        ("trainer.epochs=0", "trainer.epochs must be above 0, got 0"),
        ("trainer.workers=-1", "trainer.workers must be 0 or more, got -1"),
        ("trainer.learning_rate=nan", "'trainer.learning_rate' must be a finite number"),
        ("trainer.precision=fp16", "'trainer.precision' must be one of auto, fp32, bf16"),
        ("trainer=3", "'trainer' must be a section, got 3"),
        ("variant=tiny", "'variant' must be one of compact, paper, got 'tiny'"),
        ("flips=1", "'flips' must be true or false, got 1"),
        ("data.window_hu=[1]", "'data.window_hu' must be a list of 2 values"),
        ("data.kernels=['hard']", r"'data.kernels\[0\]' must be one of sharp, soft, got 'hard'"),
        ("epochs", "--set takes section.key=value, got 'epochs'"),
    ],
)
def test_faults_name_the_key_and_what_is_accepted(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_config(Config, None, [override])


def test_broken_or_absent_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not valid TOML"):
        load_config(Config, written(tmp_path, "epochs = \n"))
    with pytest.raises(InputError, match="cannot be read"):
        load_config(Config, tmp_path / "none.toml")
    with pytest.raises(InputError, match="no configuration 'mine'"):
        find_config("mine")
    assert find_config(str(tmp_path / "c.toml")) == tmp_path / "c.toml"


def test_record_is_the_whole_configuration(tmp_path: Path) -> None:
    config = load_config(Config, None, ["data.kernels=['sharp']", "data.cache=there"])
    record = config_record(config)
    assert record["trainer"]["seed"] == 7
    assert record["data"] == {"window_hu": [-1000, 400], "kernels": ["sharp"], "cache": "there"}
    assert config_from_record(Config, record) == config


def test_warm_up_rises_and_cosine_falls_to_zero() -> None:
    config = TrainerConfig(epochs=4, lr_schedule="cosine", warmup_steps=5)
    factors = [learning_rate_factor(config, step // 10, step % 10, 10) for step in range(40)]
    assert factors[0] == pytest.approx(0.2, abs=0.01)
    assert factors[20] == pytest.approx(0.5)
    assert factors[39] == pytest.approx(0.0, abs=0.01)
    assert factors[5:] == sorted(factors[5:], reverse=True)


def test_constant_rate_is_constant() -> None:
    config = TrainerConfig(lr_schedule="constant")
    assert {learning_rate_factor(config, epoch, 0, 10) for epoch in range(20)} == {1.0}
