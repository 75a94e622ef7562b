"""A line of a panel that says what was done, or what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from LungPNetLib.errors import LungPNetError
from LungPNetLib.slicer_bridge.language import sentence
from LungPNetLib.slicer_bridge.panels.run_area import Tone


class MessageLine:
    """Of a panel without a computation of its own; see ``RunArea`` for the others.

    Parameters
    ----------
    label : QLabel
        With word wrap.
    """

    def __init__(self, label: Any) -> None:
        self._label = label
        self.say("")

    def say(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        """Show a message; an empty one hides the line."""
        self._label.text = sentence(text)
        self._label.styleSheet = f"color: {tone.value}; font-weight: bold" if tone.value else ""
        self._label.visible = bool(text)

    def guarded(self, work: Callable[[], Any]) -> bool:
        """Do ``work`` and show its error, if it is one of ours; tells whether all went well."""
        try:
            work()
        except LungPNetError as error:
            self.say(str(error), Tone.BAD)
            return False
        return True
