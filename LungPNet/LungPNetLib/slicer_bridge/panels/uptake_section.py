"""PET in the panel SurvivalRisk: read as SUV, compared with the CT, measured in a segment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ctk
import slicer
from slicer.i18n import tr as _

from LungPNetLib.errors import InputError
from LungPNetLib.result import Verdict
from LungPNetLib.slicer_bridge.language import sentence
from LungPNetLib.slicer_bridge.panels.run_area import RunArea, Tone
from LungPNetLib.slicer_bridge.panels.tables import fillWholeTable
from LungPNetLib.slicer_bridge.pet_nodes import (
    SUV,
    alignmentWords,
    keepUptake,
    keptUptake,
    petFromReading,
    suvRecord,
)
from LungPNetLib.slicer_bridge.segmentations import segmentsOnVolume
from LungPNetLib.slicer_bridge.session import WorkerSession
from LungPNetLib.slicer_bridge.sources import sourceOf
from LungPNetLib.slicer_bridge.volumes import volumeFromNode

_TONES = {Verdict.PASS: Tone.GOOD, Verdict.WARN: Tone.CAUTION, Verdict.REFUSE: Tone.BAD}


class UptakeSection:
    """The PET of the chosen CT, and the uptake of a segment.

    Parameters
    ----------
    ui : namespace
        The panel's widgets.
    session : callable
        Gives the worker.
    parameters : callable
        Gives the scene's ``SurvivalRiskParameters``; None while the panel is closed.
    """

    def __init__(
        self, ui: Any, session: Callable[[], WorkerSession], parameters: Callable[[], Any]
    ) -> None:
        self._ui = ui
        self._parameters = parameters
        area = SimpleNamespace(
            stageLabel=ui.petStageLabel,
            progressBar=ui.petProgressBar,
            cancelButton=ui.petCancelButton,
            messageLabel=ui.petMessageLabel,
            logText=ui.logText,
        )
        self.runArea = RunArea(area, session, lambda _isBusy: self.show())
        ui.petFolderPath.filters = ctk.ctkPathLineEdit.Dirs
        ui.petSelector.addAttribute("vtkMRMLScalarVolumeNode", SUV)
        ui.readPetButton.connect("clicked()", lambda: self.runArea.guarded(self._read))
        ui.uptakeButton.connect("clicked()", lambda: self.runArea.guarded(self._measure))
        selector = ui.uptakeSelector
        selector.connect("currentSegmentChanged(QString)", lambda _id: self.show())
        selector.connect("currentNodeChanged(vtkMRMLNode*)", lambda _node: self.show())

    def close(self) -> None:
        """The panel goes away."""
        self.runArea.close()

    def restore(self) -> None:
        """Choose the segment that was measured last; then as ``show``."""
        self.runArea.guarded(self._restore)
        self.show()

    def show(self) -> None:
        """Buttons, how the PET lies on the CT, and what was measured of the chosen segment."""
        self.runArea.guarded(self._show)

    def _restore(self) -> None:
        pet = self._pet()
        uptake = keptUptake(pet) if pet is not None else None
        if uptake is not None and uptake.segmentationNode is not None:
            self._ui.uptakeSelector.setCurrentNode(uptake.segmentationNode)
            self._ui.uptakeSelector.setCurrentSegmentID(uptake.segmentId)

    def _pet(self) -> Any:
        parameters = self._parameters()
        return parameters.petVolume if parameters is not None else None

    def _show(self) -> None:
        ui, pet, isBusy = self._ui, self._pet(), self.runArea.isBusy
        segmentId = ui.uptakeSelector.currentSegmentID()
        ui.readPetButton.enabled = self._parameters() is not None and not isBusy
        ui.uptakeButton.enabled = pet is not None and bool(segmentId) and not isBusy
        ui.uptakeButton.toolTip = (
            _("Measure the uptake of the segment on the voxels of the PET")
            if ui.uptakeButton.enabled
            else _("Read or choose a PET and choose a segment first")
        )
        self._showPet(pet)
        threshold = self._parameters().threshold.value if self._parameters() else ""
        uptake = keptUptake(pet) if pet is not None else None
        region = ui.uptakeSelector.currentNode()
        isShown = uptake is not None and uptake.isOf(region, segmentId, threshold)
        ui.uptakeTable.visible = isShown
        if uptake is not None and isShown:
            fillWholeTable(ui.uptakeTable, [_("Uptake"), _("Value")], _rows(uptake.metrics))

    def _showPet(self, pet: Any) -> None:
        """Where the SUV is from, and the verdict on its place."""
        labels = (self._ui.suvLabel, self._ui.alignmentLabel)
        for label in labels:
            label.visible = pet is not None
        if pet is None:
            return
        record = suvRecord(pet)
        labels[0].text = " ".join(sentence(text) for text in (record["method"], *record["notices"]))
        verdict, reason = alignmentWords(pet, self._parameters().inputVolume)
        tone = _TONES[Verdict(verdict)] if verdict else Tone.CAUTION
        words = {
            Verdict.PASS.value: _("PET and CT fit. {reason}"),
            Verdict.WARN.value: _("PET and CT: look closely. {reason}"),
            Verdict.REFUSE.value: _("PET and CT do not fit. {reason}"),
        }.get(verdict, "{reason}")
        labels[1].text = words.format(reason=sentence(reason))
        labels[1].styleSheet = f"color: {tone.value}; font-weight: bold"

    def _read(self) -> None:
        text = str(self._ui.petFolderPath.currentPath).strip()
        if not text or not Path(text).is_dir():
            raise InputError(_("Choose an existing folder with the DICOM files of a PET."))
        ct = self._parameters().inputVolume
        fields = {"pet": text, "series": str(self._ui.petSeriesEdit.text).strip() or None}
        if ct is not None:
            source = sourceOf(ct, getattr(slicer, "dicomDatabase", None))
            fields |= {**source.fields, "ct_series": source.options.get("series")}
        self.runArea.run("pet", fields, lambda reading: self._showNew(reading, Path(text), ct))

    def _showNew(self, reading: dict[str, Any], place: Path, ct: Any) -> None:
        if ct is not None and not slicer.mrmlScene.IsNodePresent(ct):
            raise InputError(_("The CT is no longer in the scene; its result was dropped."))
        pet = petFromReading(reading, place, ct, slicer.mrmlScene)
        if self._parameters() is not None:
            self._parameters().petVolume = pet
        slicer.util.setSliceViewerLayers(foreground=pet, foregroundOpacity=0.5)
        self.show()
        self.runArea.say(_("The PET is loaded as SUV."), Tone.GOOD)

    def _measure(self) -> None:
        pet, selector = self._pet(), self._ui.uptakeSelector
        region, segmentId = selector.currentNode(), selector.currentSegmentID()
        threshold = self._parameters().threshold.value
        fields = {
            "suv": volumeFromNode(pet),
            "region": segmentsOnVolume(region, {segmentId: 1}, pet),
            "threshold": threshold,
        }

        def keep(result: dict[str, Any]) -> None:
            if not all(slicer.mrmlScene.IsNodePresent(node) for node in (pet, region)):
                raise InputError(_("PET or segment are no longer in the scene."))
            keepUptake(pet, region, segmentId, threshold, result["metrics"])
            self.show()
            warnings = " ".join(sentence(text) for text in result["warnings"])
            tone = Tone.CAUTION if warnings else Tone.GOOD
            self.runArea.say(warnings or _("The uptake is measured."), tone)

        self.runArea.run("uptake", fields, keep)


def _rows(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is shown of the uptake, SUV in g/mL."""
    none = _("not possible")
    peak, mean = metrics["peak"], metrics["mtv_suv_mean"]
    threshold = f"{sentence(metrics['threshold'])} = {metrics['threshold_suv']:.2f} g/mL"
    return [
        (_("SUVmax"), f"{metrics['suv_max']:.2f} g/mL"),
        (_("SUVmean"), f"{metrics['suv_mean']:.2f} g/mL"),
        (_("SUVpeak (1 mL)"), none if peak is None else f"{peak['suv']:.2f} g/mL"),
        (_("Volume"), f"{metrics['region_ml']:.2f} mL"),
        (_("Threshold"), threshold),
        (_("MTV"), f"{metrics['mtv_ml']:.2f} mL"),
        (_("SUVmean in MTV"), none if mean is None else f"{mean:.2f} g/mL"),
        (_("TLG"), f"{metrics['tlg_g']:.1f} g"),
    ]
