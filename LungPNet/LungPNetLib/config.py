"""Paths on this machine and the report's language, in one TOML file that is checked when read.

Settings of other programs (such as pylidc's own file) are never edited; what they need is handed
to them at run time.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from LungPNetLib.errors import InputError
from LungPNetLib.folders import config_file, data_folder

KEYS: dict[str, str] = {
    "data.lidc_dicom": "folder of the LIDC-IDRI DICOM files (it holds LIDC-IDRI-0001, ...)",
    "data.cohort": "folder of your own cohort (it holds manifest.csv)",
    "weights.folder": "folder of your own weights and their registry.json",
    "report.language": "language of the report: en (English) or zh (Chinese)",
}
"""Every setting and what it means; all but the choices are paths of existing folders."""

CHOICES: dict[str, tuple[str, ...]] = {"report.language": ("en", "zh")}

DEFAULTS: dict[str, str] = {
    "data.lidc_dicom": "",
    "data.cohort": "",
    "weights.folder": "",
    "report.language": "en",
}


def load_config(path: Path | None = None) -> dict[str, str]:
    """All settings, defaults included, as ``{"section.key": value}``; empty where not set.

    Raises
    ------
    InputError
        The file is not TOML, or holds a key that does not exist; both are named.
    """
    path = path or config_file()
    settings = DEFAULTS | {"weights.folder": str(data_folder() / "weights")}
    if not path.is_file():
        return settings
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"The settings file '{path}' is not valid TOML ({error}). Correct it, or remove it and "
            "run: lungpnet config init"
        ) from error
    for section, values in content.items():
        for key, value in values.items() if isinstance(values, dict) else [("", values)]:
            name = f"{section}.{key}".rstrip(".")
            _known(name, f" in '{path}'")
            if not isinstance(value, str):
                raise InputError(f"Setting '{name}' in '{path}' must be a text, got {value!r}.")
            _accepted(name, value, f" in '{path}'")
            settings[name] = value
    return settings


def save_config(settings: dict[str, str], path: Path | None = None) -> Path:
    """Write ``settings`` with a comment for each, and return the file's path."""
    path = path or config_file()
    lines = ["# Settings of LungPNet. Check with: lungpnet config check"]
    section = ""
    for name, meaning in KEYS.items():
        if name.partition(".")[0] != section:
            section = name.partition(".")[0]
            lines += ["", f"[{section}]"]
        key = name.partition(".")[2]
        lines += [f"# {meaning}", f"{key} = {json.dumps(settings[name], ensure_ascii=False)}"]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    partial.replace(path)
    return path


def set_value(name: str, value: str, path: Path | None = None) -> Path:
    """Set one value; an empty one brings back what there was at first.

    Raises
    ------
    InputError
        The key does not exist, or the value is neither an existing folder nor one of the choices.
    """
    _known(name)
    value = value or DEFAULTS[name]
    _accepted(name, value)
    is_folder = bool(value) and name not in CHOICES
    if is_folder and not Path(value).expanduser().is_dir():
        raise InputError(f"'{value}' is not an existing folder; '{name}' is the {KEYS[name]}.")
    settings = load_config(path)
    settings[name] = str(Path(value).expanduser().absolute()) if is_folder else value
    return save_config(settings, path)


def problems(settings: dict[str, str]) -> list[str]:
    """What is wrong with the settings, one sentence each; unset paths are no problem."""
    default = str(data_folder() / "weights")
    return [
        f"{name}: '{value}' is not an existing folder. "
        f"Set it with: lungpnet config set {name} FOLDER"
        for name, value in settings.items()
        if value and name not in CHOICES and value != default and not Path(value).is_dir()
    ]


def _accepted(name: str, value: str, place: str = "") -> None:
    if name in CHOICES and value not in CHOICES[name]:
        raise InputError(
            f"Setting '{name}'{place} is '{value}'; accepted: {', '.join(CHOICES[name])}."
        )


def _known(name: str, place: str = "") -> None:
    if name not in KEYS:
        raise InputError(f"There is no setting '{name}'{place}. Settings: {', '.join(KEYS)}.")
