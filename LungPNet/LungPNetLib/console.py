"""What every verb of the command line shares: the progress option, the reporter, the result."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from LungPNetLib.events import JsonLines, Reporter, TerminalBars

if TYPE_CHECKING:
    from LungPNetLib.study import Study
    from LungPNetLib.volume import Volume


def add_progress_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--progress``."""
    parser.add_argument(
        "--progress",
        choices=("auto", "bars", "json", "none"),
        default="auto",
        help="bars on a terminal, JSON events on standard output otherwise",
    )


def add_series_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--series``."""
    parser.add_argument(
        "--series", help="SeriesInstanceUID or SeriesNumber, where there are several"
    )


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--series`` and ``--allow-gaps``: how a CT is read."""
    add_series_option(parser)
    parser.add_argument("--allow-gaps", action="store_true", help="fill missing slices")


def read_with_mask(arguments: argparse.Namespace, reporter: Reporter) -> tuple[Study, Volume]:
    """The study ``ct`` and the label map ``mask`` on its grid, of the arguments.

    They also hold ``roi`` and the options of :func:`add_reading_options`.

    Raises
    ------
    InputError
        One of them cannot be read, or they do not fit.
    """
    from LungPNetLib.dicom.masks import read_mask
    from LungPNetLib.reading import read_study

    study = read_study(
        arguments.ct,
        series=arguments.series,
        allow_gaps=arguments.allow_gaps,
        reporter=reporter,
    )
    return study, read_mask(arguments.mask, study.ct, roi=arguments.roi)


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
