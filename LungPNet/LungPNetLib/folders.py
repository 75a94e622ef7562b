"""Where the package keeps things on this machine: settings, weights, caches, crash reports.

Everything lies in the folders that the operating system has for it, or under ``LUNGPNET_HOME``
where that environment variable is set.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

APP_NAME = "lungpnet"


def _home() -> Path | None:
    value = os.environ.get("LUNGPNET_HOME")
    return Path(value).expanduser() if value else None


def config_file() -> Path:
    """The one settings file, ``config.toml``; it need not exist."""
    return (_home() or platformdirs.user_config_path(APP_NAME, appauthor=False)) / "config.toml"


def data_folder() -> Path:
    """Folder of the user's weights and their registry; it need not exist."""
    home = _home()
    return home / "data" if home else platformdirs.user_data_path(APP_NAME, appauthor=False)


def cache_folder() -> Path:
    """Folder of what can be made again; it need not exist."""
    home = _home()
    return home / "cache" if home else platformdirs.user_cache_path(APP_NAME, appauthor=False)


def log_folder() -> Path:
    """Folder of crash reports; it need not exist."""
    home = _home()
    return home / "log" if home else platformdirs.user_log_path(APP_NAME, appauthor=False)
