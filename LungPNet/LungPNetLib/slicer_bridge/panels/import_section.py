"""A DICOM folder becomes a volume in the scene, by Slicer's DICOM database where there is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from LungPNetLib.errors import InputError
from LungPNetLib.slicer_bridge.importing import indexFolder, nodeFromReading
from LungPNetLib.slicer_bridge.language import sentence
from LungPNetLib.slicer_bridge.panels.run_area import RunArea, Tone


class ImportSection:
    """The path of a DICOM folder (or an image file) and the button that reads it.

    Parameters
    ----------
    ui : namespace
        The panel's widgets.
    runArea : RunArea
    onLoaded : callable
        Given the new volume node.
    """

    def __init__(self, ui: Any, runArea: RunArea, onLoaded: Callable[[Any], Any]) -> None:
        self._ui = ui
        self._runArea = runArea
        self._onLoaded = onLoaded
        ui.importButton.connect("clicked()", lambda: runArea.guarded(self._import))

    def setEnabled(self, enabled: bool) -> None:
        """Whether something can be imported now."""
        self._ui.importButton.enabled = enabled

    def _import(self) -> None:
        text = str(self._ui.dicomFolderPath.currentPath).strip()
        place = Path(text)
        if not text or not place.exists():
            raise InputError(_("Choose an existing folder with the DICOM files of a chest CT."))
        series = str(self._ui.seriesEdit.text).strip()
        self._runArea.run(
            "read",
            {"input": place, "series": series or None},
            lambda reading: self._show(reading, place),
        )

    def _show(self, reading: dict[str, Any], place: Path) -> None:
        node = nodeFromReading(reading, place, slicer.mrmlScene)
        slicer.util.setSliceViewerLayers(background=node, fit=True)
        self._onLoaded(node)
        notices = [sentence(text) for text in reading["notices"]]
        if place.is_dir() and not indexFolder(place):
            notices.append(_("Slicer's DICOM database could not take the folder."))
        text = " ".join(notices) or _("The CT is loaded.")
        self._runArea.say(text, Tone.CAUTION if notices else Tone.GOOD)
