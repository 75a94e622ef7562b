"""The panel of the module SurvivalRisk: stage, histology and survival."""

from LungPNetLib.slicer_bridge.panels.panel import Panel


class SurvivalRiskPanel(Panel):
    """See ``Panel``; its parameters are a ``SurvivalRiskParameters``."""
