"""The panel of the module LungSegment: the lungs, their measurements and corrections."""

from LungPNetLib.slicer_bridge.panels.panel import Panel


class LungSegmentPanel(Panel):
    """See ``Panel``; its parameters are a ``LungSegmentParameters``."""
