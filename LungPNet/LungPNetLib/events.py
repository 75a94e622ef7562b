"""What a run tells the world while it works: progress, warnings, and the final result.

One event is one flat JSON object, for instance
``{"event": "progress", "stage": "lungs", "fraction": 0.42}``. The same events feed the progress
bars of a terminal, the panels in Slicer (through the worker) and ``run.jsonl``.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

from LungPNetLib.errors import Cancelled


class EventSink(Protocol):
    """Anything that takes events."""

    def __call__(self, event: dict[str, Any]) -> None:
        """Take one event; called in the thread that emits it."""


class Reporter:
    """Sends events to sinks, times the stages, and stops the run where somebody cancelled it.

    Parameters
    ----------
    sinks
        Called with every event, in order.
    is_cancelled
        Polled at each progress event; ``Cancelled`` is raised once it answers True.

    Examples
    --------
    >>> seen = []
    >>> reporter = Reporter([seen.append])
    >>> with reporter.stage("lungs"):
    ...     reporter.progress(0.5)
    >>> [event["event"] for event in seen]
    ['progress', 'progress', 'stage_finished']
    """

    def __init__(
        self,
        sinks: Iterable[EventSink] = (),
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._sinks = list(sinks)
        self._is_cancelled = is_cancelled
        self._stage = ""
        self._percent = -1
        self.stage_seconds: dict[str, float] = {}

    @contextmanager
    def also_to(self, sink: EventSink) -> Iterator[None]:
        """Send events to ``sink`` as well, as long as the block lasts."""
        self._sinks.append(sink)
        try:
            yield
        finally:
            self._sinks.remove(sink)

    def emit(self, event: str, **fields: Any) -> None:
        """Send one event with the given fields (plain JSON values)."""
        record = {"event": event, **fields}
        for sink in self._sinks:
            sink(record)

    def warning(self, message: str) -> None:
        """Report something that the person should know and that does not stop the run."""
        self.emit("warning", message=message)

    def progress(self, fraction: float) -> None:
        """Report how much of the current stage is done, from 0 to 1; steps below 1 % are not sent.

        Raises
        ------
        Cancelled
            Somebody asked the run to stop.
        """
        if self._is_cancelled():
            raise Cancelled("The run was cancelled; nothing was written.")
        percent = round(100 * min(max(fraction, 0.0), 1.0))
        if percent != self._percent:
            self._percent = percent
            self.emit("progress", stage=self._stage, fraction=percent / 100)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Name the current stage and time it; stages do not nest."""
        self._stage, self._percent = name, -1
        started = time.perf_counter()
        self.progress(0.0)
        yield
        self.stage_seconds[name] = time.perf_counter() - started
        self.emit("stage_finished", stage=name, seconds=round(self.stage_seconds[name], 3))


class JsonLines:
    """Writes each event as one JSON line; safe to call from several threads."""

    def __init__(self, stream: TextIO, *, with_time: bool = False) -> None:
        self._stream = stream
        self._with_time = with_time
        self._lock = threading.Lock()

    def __call__(self, event: dict[str, Any]) -> None:
        """Write ``event`` as one line."""
        if self._with_time:
            event = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **event}
        with self._lock:
            self._stream.write(json.dumps(event, ensure_ascii=False) + "\n")
            self._stream.flush()


class TerminalBars:
    """One progress bar a stage, and warnings between them, on standard error."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bar: Any = None
        self._stage = ""

    def __call__(self, event: dict[str, Any]) -> None:
        """Move the bar, or print a warning above it."""
        kind = event["event"]
        if kind == "progress":
            self._update(event["stage"], event["fraction"])
        elif kind == "stage_finished":
            self._update(event["stage"], 1.0)
            self.close()
        elif kind == "warning":
            from tqdm import tqdm

            tqdm.write(f"warning: {event['message']}", file=self._stream)

    def _update(self, stage: str, fraction: float) -> None:
        from tqdm import tqdm

        if stage != self._stage:
            self.close()
            self._stage = stage
            # Some terminals report no size at all, and tqdm then shows nothing.
            columns, lines = shutil.get_terminal_size()
            self._bar = tqdm(
                total=100,
                ncols=min(columns, 100),
                nrows=lines,
                desc=f"{stage:<12}",
                file=self._stream,
                bar_format="{desc} {bar:30} {n:3.0f} % {elapsed}",
            )
        if self._bar is not None:
            self._bar.update(100 * fraction - self._bar.n)

    def close(self) -> None:
        """End the current bar, so that other text starts on a line of its own."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._stage = ""
