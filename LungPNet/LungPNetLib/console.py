"""What every verb of the command line shares: the progress option, the reporter, the result."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from LungPNetLib.events import JsonLines, Reporter, TerminalBars


def add_progress_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--progress``."""
    parser.add_argument(
        "--progress",
        choices=("auto", "bars", "json", "none"),
        default="auto",
        help="bars on a terminal, JSON events on standard output otherwise",
    )


def wants_json(arguments: argparse.Namespace) -> bool:
    """Whether events and results go to standard output as JSON lines."""
    progress = getattr(arguments, "progress", "none")
    automatic = progress == "auto" and not sys.stderr.isatty()
    return progress == "json" or automatic or getattr(arguments, "json", False)


def make_reporter(arguments: argparse.Namespace) -> tuple[Reporter, Callable[[], None]]:
    """The reporter that fits where the output goes, and what to call at the end."""
    if wants_json(arguments):
        return Reporter([JsonLines(sys.stdout)]), lambda: None
    if arguments.progress == "none":
        return Reporter(), lambda: None
    bars = TerminalBars()
    return Reporter([bars]), bars.close


def print_event(event: dict[str, Any]) -> None:
    """One JSON line on standard output."""
    JsonLines(sys.stdout)(event)


def print_result(arguments: argparse.Namespace, event: dict[str, Any], words: list[str]) -> None:
    """The outcome of a verb: a ``result`` event, or ``words`` for people, a line each."""
    if wants_json(arguments):
        print_event({"event": "result", **event})
    else:
        sys.stdout.write("\n".join(words) + "\n")
