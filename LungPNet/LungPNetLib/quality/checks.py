"""The identity of one check, and the verdicts it can give."""

from __future__ import annotations

from dataclasses import dataclass

from LungPNetLib.result import QualityCheck, Verdict


@dataclass(frozen=True)
class Check:
    """What one check is called, and in which unit its value is.

    Examples
    --------
    >>> thickness = Check("slice_thickness", "Slice thickness", "mm")
    >>> thickness.warned(5.0, "Slices of 5 mm hide small nodules.").verdict.value
    'warn'
    """

    check_id: str
    title: str
    unit: str = ""

    def passed(self, value: float | str | None, meaning: str) -> QualityCheck:
        """Nothing that limits the result."""
        return self._result(Verdict.PASS, value, meaning)

    def warned(self, value: float | str | None, meaning: str) -> QualityCheck:
        """The result is limited, and ``meaning`` says how."""
        return self._result(Verdict.WARN, value, meaning)

    def refused(self, value: float | str | None, meaning: str) -> QualityCheck:
        """No result from these images would be right."""
        return self._result(Verdict.REFUSE, value, meaning)

    def not_assessed(self, reason: str) -> QualityCheck:
        """Passes without a value; ``reason`` completes the sentence "Not assessed, because"."""
        return self._result(Verdict.PASS, None, f"Not assessed, because {reason}.")

    def _result(self, verdict: Verdict, value: float | str | None, meaning: str) -> QualityCheck:
        return QualityCheck(self.check_id, self.title, verdict, value, self.unit, meaning)
