"""The nodules in the panel LungSegment: search, list, decisions, operating point, colours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import slicer
from slicer.i18n import tr as _

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.errors import InputError, LungPNetError
from LungPNetLib.nodules.finding import NoduleFinding, Origin, Status
from LungPNetLib.slicer_bridge.dependencies import DependencyInstaller
from LungPNetLib.slicer_bridge.language import sentence
from LungPNetLib.slicer_bridge.lung_method import checkInstalled
from LungPNetLib.slicer_bridge.nodule_findings import (
    decide,
    foundFromRecords,
    isOfResult,
    mark,
    showAt,
    showFound,
)
from LungPNetLib.slicer_bridge.nodule_names import noduleName
from LungPNetLib.slicer_bridge.nodule_nodes import (
    addClickedNodule,
    jumpToNodule,
    measureAgain,
    nodulesOf,
)
from LungPNetLib.slicer_bridge.nodule_outlines import isChanged, noduleSegmentation
from LungPNetLib.slicer_bridge.nodule_stage import ListStage, stageOf
from LungPNetLib.slicer_bridge.panels.click_place import ClickPlace
from LungPNetLib.slicer_bridge.panels.colour_choice import ColourChoice
from LungPNetLib.slicer_bridge.panels.nodule_table import NoduleTable
from LungPNetLib.slicer_bridge.panels.nodule_words import (
    rateWords,
    reportWords,
    stageWords,
    stateWords,
)
from LungPNetLib.slicer_bridge.panels.run_area import RunArea, Tone
from LungPNetLib.slicer_bridge.results import FOLDER, STARTED
from LungPNetLib.slicer_bridge.segmentations import labelsOnVolume
from LungPNetLib.slicer_bridge.volumes import ctFromNode, refuseGone


@dataclass(frozen=True)
class Chosen:
    """What a person has chosen in the panel: the CT, its lungs, and the device; None for none."""

    volumeNode: Any = None
    lungs: Any = None
    device: str = "auto"


class NoduleSection:
    """The section below the lungs.

    Parameters
    ----------
    ui : namespace
        The panel's widgets.
    runArea : RunArea
        Runs the search, and shows messages.
    installer : DependencyInstaller
        Knows what is installed.
    """

    def __init__(self, ui: Any, runArea: RunArea, installer: DependencyInstaller) -> None:
        self._ui, self._runArea, self._installer = ui, runArea, installer
        self._chosen = Chosen()
        self._stage: ListStage | None = None
        self._clickPlace = ClickPlace(
            ui.clickButton, ui.placeWidget, self._onWaiting, self._onPoint
        )
        self._colours = ColourChoice(ui, runArea)
        self._table = NoduleTable(ui.noduleTable, self._showSelected, self._jump)
        ui.findNodulesButton.connect("clicked()", lambda: runArea.guarded(self._search))
        for button, status in (
            (ui.acceptNoduleButton, Status.ACCEPTED),
            (ui.rejectNoduleButton, Status.REJECTED),
            (ui.undecidedNoduleButton, Status.OPEN),
        ):
            button.connect("clicked()", lambda status=status: self._decide(status))
        ui.editNoduleButton.connect("clicked()", lambda: runArea.guarded(self._edit))
        ui.rateSlider.connect("valueChanged(int)", self._onRate)

    def show(self, chosen: Chosen) -> None:
        """Show the nodule list of the chosen CT."""
        if chosen.volumeNode is not self._chosen.volumeNode:
            self._clickPlace.end()
        self._chosen = chosen
        self._update()

    def measureChanged(self) -> None:
        """Measure the outlines that a person has changed since, in the Segment Editor say."""
        volumeNode = self._chosen.volumeNode
        if volumeNode is None:
            return

        def measure() -> None:
            changed = [
                one for one in nodulesOf(volumeNode) if isChanged(volumeNode, one.finding_id)
            ]
            if not changed:
                return
            with slicer.util.WaitCursor():
                measureAgain(volumeNode, [one.finding_id for one in changed])
            names = ", ".join(noduleName(one) for one in changed)
            words = _("{names}: measured again, because the outline has changed.")
            self._runArea.say(words.format(names=names), Tone.GOOD)

        self._runArea.guarded(measure)
        self._update()

    # The search

    def _search(self) -> None:
        volumeNode, lungs = self._chosen.volumeNode, self._chosen.lungs
        checkInstalled(self._installer)
        fields = {
            "volume": ctFromNode(volumeNode),
            "labels": labelsOnVolume(lungs, volumeNode, LUNG_SEGMENTS),
            "device": self._chosen.device,
        }

        def show(result: dict[str, Any]) -> None:
            refuseGone(volumeNode)
            found = foundFromRecords(result["nodules"], result["nodule_stage"], result["labels"])
            showFound(volumeNode, found)
            # They are in no result folder, whatever an earlier analysis has left.
            mark(volumeNode, {FOLDER: None, STARTED: None})
            self._update()
            notices = [sentence(text) for text in result["notices"]]
            done = _("Done in {seconds:.0f} s.").format(seconds=self._runArea.seconds)
            self._runArea.say(" ".join([done, *notices]), Tone.CAUTION if notices else Tone.GOOD)

        self._runArea.run("nodules", fields, show)

    # The list

    def _update(self, selectedId: str = "") -> None:
        """Fill the section again, with the same row selected, or another one."""
        volumeNode = self._chosen.volumeNode
        findings: list[NoduleFinding] = []
        self._stage = None
        if volumeNode is not None:
            try:
                findings, self._stage = nodulesOf(volumeNode), stageOf(volumeNode)
            except LungPNetError as error:
                self._runArea.say(str(error), Tone.BAD)
        stage = self._stage
        listed = [one for one in findings if stage is None or stage.shows(one)]
        self._table.show(listed, selectedId)
        self._showSelected()
        found = [one for one in findings if one.origin is Origin.FOUND]
        words, isCaution = stateWords(stage, found, listed)
        self._ui.noduleStateLabel.text = words
        self._ui.noduleStateLabel.styleSheet = f"color: {Tone.CAUTION.value}" if isCaution else ""
        self._showButtons()
        self._showRates()
        kept = any(one.status is not Status.REJECTED for one in listed)
        self._colours.show(volumeNode, hasNodules=kept)

    def _showButtons(self) -> None:
        ui = self._ui
        ready = self._chosen.volumeNode is not None and not self._runArea.isBusy
        ui.findNodulesButton.enabled = ready and self._chosen.lungs is not None
        ui.findNodulesButton.toolTip = (
            _("Look for nodules in these lungs")
            if self._chosen.lungs is not None
            else _("Find the lungs first")
        )
        ui.clickButton.enabled = self._chosen.volumeNode is not None
        ui.clickButton.toolTip = _("Then click into a nodule in a slice view; Esc stops")

    def _showRates(self) -> None:
        ui, stage = self._ui, self._stage
        table = stage.table if stage is not None else None
        ui.rateSlider.enabled = table is not None
        ui.ratesForm.visible = stage is not None
        wasBlocked = ui.rateSlider.blockSignals(True)
        if stage is not None and table is not None:
            ui.rateSlider.maximum = len(table.points) - 1
            ui.rateSlider.value = [p.rate for p in table.points].index(stage.shownRate)
        ui.rateSlider.blockSignals(wasBlocked)
        ui.rateValueLabel.text = rateWords(stage.shownRate) if stage and table else "?"
        lines = []
        if stage is not None:
            hasReport = isOfResult(self._chosen.volumeNode)
            lines = [stageWords(stage), reportWords(stage) if hasReport else ""]
        ui.sensitivityLabel.text = " ".join(line for line in lines if line)

    def _showSelected(self) -> None:
        selected, ui = self._table.selected, self._ui
        status = selected.status if selected is not None else None
        for button, its in (
            (ui.acceptNoduleButton, Status.ACCEPTED),
            (ui.rejectNoduleButton, Status.REJECTED),
            (ui.undecidedNoduleButton, Status.OPEN),
        ):
            button.enabled = status not in (None, its)
        ui.editNoduleButton.enabled = selected is not None
        self._colours.describe(selected)

    # What a person does with a nodule

    def _jump(self, finding: NoduleFinding) -> None:
        jumpToNodule(self._chosen.volumeNode, finding)

    def _decide(self, status: Status) -> None:
        selected = self._table.selected
        if selected is None:
            return
        volumeNode = self._chosen.volumeNode
        self._runArea.say("")
        self._runArea.guarded(lambda: decide(volumeNode, replace(selected, status=status)))
        self._update()

    def _edit(self) -> None:
        if slicer.util.mainWindow() is None:
            raise InputError(_("There is no main window to show the Segment Editor in."))
        # Taken before the other module opens: this panel is left then, and lets go of them.
        volumeNode, selected = self._chosen.volumeNode, self._table.selected
        if selected is None:
            return
        segmentation = noduleSegmentation(volumeNode)
        segmentation.GetDisplayNode().SetVisibility(True)
        segmentation.GetDisplayNode().SetSegmentVisibility(selected.finding_id, True)
        slicer.util.selectModule("SegmentEditor")
        editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
        editor.setSegmentationNode(segmentation)
        editor.setSourceVolumeNode(volumeNode)
        editor.setCurrentSegmentID(selected.finding_id)

    def _onWaiting(self, isWaiting: bool) -> None:
        words = _("Click into a nodule in a slice view; Esc stops.") if isWaiting else ""
        self._runArea.say(words)

    def _onPoint(self, place: list[float]) -> None:
        volumeNode = self._chosen.volumeNode
        if volumeNode is None:
            return

        def add() -> None:
            finding = addClickedNodule(volumeNode, place)
            self._update(finding.finding_id)
            jumpToNodule(volumeNode, finding)
            words = _("{name} was outlined. Check the outline in all views.")
            self._runArea.say(words.format(name=noduleName(finding)), Tone.GOOD)

        with slicer.util.WaitCursor():
            self._runArea.guarded(add)

    def _onRate(self, stop: int) -> None:
        """Show more or fewer findings; those that come and go were all found already."""
        stage = self._stage
        if stage is None or stage.table is None:
            return
        rate = stage.table.points[stop].rate
        self._runArea.guarded(lambda: showAt(self._chosen.volumeNode, rate))
        self._update()
