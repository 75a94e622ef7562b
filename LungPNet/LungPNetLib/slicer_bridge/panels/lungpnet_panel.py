"""The panel of the module LungPNet: quality, the whole analysis, its result."""

from LungPNetLib.slicer_bridge.panels.panel import Panel


class LungPNetPanel(Panel):
    """See ``Panel``; its parameters are a ``LungPNetParameters``."""
