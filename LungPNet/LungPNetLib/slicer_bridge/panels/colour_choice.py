"""The switch of the panel LungSegment that shows the nodules' density in colours."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from LungPNetLib.errors import LungPNetError
from LungPNetLib.nodules.colours import ColourMap
from LungPNetLib.nodules.finding import NoduleFinding
from LungPNetLib.slicer_bridge.nodule_names import noduleName
from LungPNetLib.slicer_bridge.nodule_overlay import (
    coloursOf,
    overlayOf,
    removeOverlay,
    showOverlay,
)
from LungPNetLib.slicer_bridge.panels.nodule_words import heterogeneityWords
from LungPNetLib.slicer_bridge.panels.run_area import RunArea, Tone

_COLOURS = tuple(ColourMap)


class ColourChoice:
    """Switch, choice of colours, and the numbers of the selected nodule.

    Parameters
    ----------
    ui : namespace
        The panel's widgets.
    runArea : RunArea
        Where messages are shown.
    """

    def __init__(self, ui: Any, runArea: RunArea) -> None:
        self._ui, self._runArea = ui, runArea
        self._volumeNode: Any = None
        for title in (_("Jet"), _("Viridis")):
            ui.coloursComboBox.addItem(title)
        ui.heterogeneityCheckBox.connect("clicked(bool)", self._switch)
        ui.coloursComboBox.connect("activated(int)", lambda _index: self._recolour())

    def show(self, volumeNode: Any, *, hasNodules: bool) -> None:
        """Follow the list of a CT; without a nodule to colour the image goes."""
        self._volumeNode = volumeNode
        isOn = volumeNode is not None and overlayOf(volumeNode) is not None
        if isOn and not hasNodules:
            removeOverlay(volumeNode)
            isOn = False
        self._ui.heterogeneityCheckBox.checked = isOn
        self._ui.heterogeneityCheckBox.enabled = hasNodules
        if isOn:
            self._ui.coloursComboBox.setCurrentIndex(_COLOURS.index(coloursOf(volumeNode)))
            self._draw()

    def describe(self, finding: NoduleFinding | None) -> None:
        """Show how uneven a nodule is."""
        label = self._ui.heterogeneityLabel
        numbers = finding.heterogeneity if finding is not None else None
        label.visible = numbers is not None
        if finding is not None and numbers is not None:
            label.text = heterogeneityWords(noduleName(finding), numbers)

    def _switch(self, isOn: bool) -> None:
        self._runArea.say("")
        if isOn:
            self._draw()
        else:
            removeOverlay(self._volumeNode)

    def _recolour(self) -> None:
        if self._ui.heterogeneityCheckBox.checked:
            self._draw()

    def _draw(self) -> None:
        try:
            showOverlay(self._volumeNode, _COLOURS[self._ui.coloursComboBox.currentIndex])
        except LungPNetError as error:
            removeOverlay(self._volumeNode)
            self._ui.heterogeneityCheckBox.checked = False
            self._runArea.say(str(error), Tone.BAD)
