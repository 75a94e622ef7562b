"""What is installed, which models are there, and what of them is shown."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from LungPNetLib.errors import InputError, LungPNetError
from LungPNetLib.slicer_bridge.dependencies import DependencyInstaller, DependencyState
from LungPNetLib.slicer_bridge.models import ModelOnDisk, deleteModel, modelsOnDisk
from LungPNetLib.slicer_bridge.panels.run_area import RunArea, Tone
from LungPNetLib.slicer_bridge.panels.tables import fillWrapped, keepRowsHigh

EXPERIMENTAL = "LungPNet/ShowExperimentalValues"
"""Setting of this machine: whether values from heads without real outcomes are shown."""


class SetupSection:
    """State of the Python packages with one button, and the model manager.

    Parameters
    ----------
    ui : namespace
        The panel's widgets.
    installer : DependencyInstaller
    runArea : RunArea
        Where messages are shown.
    """

    def __init__(self, ui: Any, installer: DependencyInstaller, runArea: RunArea) -> None:
        self._ui = ui
        self._installer = installer
        self._runArea = runArea
        self._models: list[ModelOnDisk] = []
        ui.installButton.connect("clicked()", lambda: runArea.guarded(self._install))
        ui.openCardButton.connect("clicked()", lambda: runArea.guarded(self._openCard))
        ui.deleteModelButton.connect("clicked()", lambda: runArea.guarded(self._delete))
        keepRowsHigh(ui.modelsTable)
        ui.modelsTable.connect("itemSelectionChanged()", self._showButtons)
        ui.experimentalCheckBox.checked = showsExperimental()
        ui.experimentalCheckBox.connect("toggled(bool)", _keepExperimental)

    def refresh(self) -> None:
        """Look again at packages and models."""
        report = self._installer.report()
        ready = report.state is DependencyState.READY
        self._ui.dependencyLabel.text = report.words
        tone = Tone.GOOD if ready else Tone.CAUTION
        self._ui.dependencyLabel.styleSheet = f"color: {tone.value}"
        self._ui.installButton.visible = report.state in (
            DependencyState.TORCH_MISSING,
            DependencyState.PACKAGES_MISSING,
        )
        self._runArea.guarded(self._showModels)

    def _showModels(self) -> None:
        self._models = modelsOnDisk()
        fillWrapped(
            self._ui.modelsTable,
            (_("Model"),),
            [(_described(model),) for model in self._models],
        )
        self._showButtons()

    def _showButtons(self) -> None:
        model = self._chosen()
        self._ui.openCardButton.enabled = model is not None and model.cardPath is not None
        self._ui.deleteModelButton.enabled = model is not None and model.canBeDeleted

    def _chosen(self) -> ModelOnDisk | None:
        row = self._ui.modelsTable.currentRow()
        return self._models[row] if 0 <= row < len(self._models) else None

    def _install(self) -> None:
        question = _(
            "Install what is missing? This downloads up to several gigabytes and takes minutes."
        )
        if not slicer.util.confirmOkCancelDisplay(question):
            return
        qt.QApplication.setOverrideCursor(qt.Qt.WaitCursor)
        try:
            self._installer.installAll()
        except LungPNetError as error:
            self._runArea.say(str(error), Tone.BAD)
        finally:
            qt.QApplication.restoreOverrideCursor()
        self.refresh()

    def _openCard(self) -> None:
        model = self._chosen()
        if model is None or model.cardPath is None:
            raise InputError(_("Choose a model with a card."))
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(model.cardPath)))

    def _delete(self) -> None:
        model = self._chosen()
        if model is None:
            raise InputError(_("Choose a model."))
        question = _("Delete the model {name} from this computer?").format(name=model.modelId)
        if slicer.util.confirmOkCancelDisplay(question):
            deleteModel(model.modelId)
            self._showModels()


def _described(model: ModelOnDisk) -> str:
    """A model in three lines or more."""
    size = _("missing") if model.sizeMb is None else f"{model.sizeMb:.1f} MB"
    return "\n".join(
        [
            f"{model.modelId} ({size}, {model.origin.value})",
            _("Learned from: {cohort}").format(cohort=model.trainedOn),
            _("Licence: {licence}").format(licence=model.licence),
        ]
    )


def showsExperimental() -> bool:
    """Whether a person has asked for experimental values on this machine."""
    return bool(slicer.util.toBool(slicer.app.settings().value(EXPERIMENTAL, False)))


def _keepExperimental(shown: bool) -> None:
    slicer.app.settings().setValue(EXPERIMENTAL, shown)
