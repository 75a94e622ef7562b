"""The panel of the module NoduleGrade: nodules and their grades."""

from LungPNetLib.slicer_bridge.panels.panel import Panel


class NoduleGradePanel(Panel):
    """See ``Panel``; its parameters are a ``NoduleGradeParameters``."""
