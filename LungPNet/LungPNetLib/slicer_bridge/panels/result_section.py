"""What a panel shows of a result: verdicts, measurements, and what a person can do with them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.nodules.finding import Origin
from LungPNetLib.slicer_bridge.nodule_acceptance import rejectedGroups
from LungPNetLib.slicer_bridge.nodule_findings import isOfResult
from LungPNetLib.slicer_bridge.nodule_nodes import jumpToNodule, nodulesOf
from LungPNetLib.slicer_bridge.nodule_stage import stageOf
from LungPNetLib.slicer_bridge.panels.nodule_table import NoduleTable
from LungPNetLib.slicer_bridge.panels.nodule_words import reportWords, stateWords
from LungPNetLib.slicer_bridge.panels.run_area import RunArea, Tone
from LungPNetLib.slicer_bridge.panels.tables import fillWrapped, keepRowsHigh, showTurned
from LungPNetLib.slicer_bridge.results import STARTED, ResultNodes, findResult, isCorrected
from LungPNetLib.slicer_bridge.tables import VERDICTS

_TONES = {"pass": Tone.GOOD, "warn": Tone.CAUTION, "refuse": Tone.BAD}
_DICOM_FILES = ("segmentation.dcm", "measurements.dcm")


class ResultSection:
    """The quality table, the table of the lungs, and the buttons below them.

    Parameters
    ----------
    ui : namespace
        The panel's widgets.
    runArea : RunArea
        Where messages are shown.
    """

    def __init__(self, ui: Any, runArea: RunArea) -> None:
        self._ui = ui
        self._runArea = runArea
        self._nodes = ResultNodes()
        self._volumeNode: Any = None
        for button, work in (
            (ui.acceptButton, self._accept),
            (ui.openReportButton, self._openReport),
            (ui.exportButton, self._export),
            (ui.openFolderButton, self._openFolder),
        ):
            button.connect("clicked()", lambda work=work: runArea.guarded(work))
        ui.lungTable.connect("cellClicked(int,int)", lambda _row, column: self._jump(column - 1))
        ui.noduleSectionButton.connect("clicked()", lambda: runArea.guarded(self._openNodules))
        self._noduleTable = NoduleTable(
            ui.noduleTable,
            lambda: None,
            lambda finding: jumpToNodule(self._volumeNode, finding),
        )
        ui.exportFolderPath.filters = ctk.ctkPathLineEdit.Dirs
        keepRowsHigh(ui.qualityTable)
        settings = slicer.app.settings()
        ui.observerEdit.text = settings.value("LungPNet/Observer", "") or ""
        ui.organizationEdit.text = settings.value("LungPNet/Organization", "") or ""

    def show(self, volumeNode: Any) -> None:
        """Show the result of a CT; of none, or of one without a result, nothing."""
        self._volumeNode = volumeNode
        self._nodes = findResult(volumeNode) if volumeNode is not None else ResultNodes()
        self._showQuality()
        showTurned(self._ui.lungTable, self._nodes.lungTable)
        self._runArea.guarded(self._showNodules)
        folder = self._nodes.folder
        self._ui.openFolderButton.enabled = folder is not None and folder.is_dir()
        self._ui.openReportButton.enabled = bool(folder and (folder / "report.html").is_file())
        hasDicom = bool(folder and (folder / "measurements.dcm").is_file())
        self._ui.exportButton.enabled = hasDicom
        self._showAcceptance(hasDicom)

    def _showQuality(self) -> None:
        table = self._nodes.qualityTable
        rows = [] if table is None else _rowsOf(table)
        rows.sort(key=lambda row: list(_TONES).index(row[0]), reverse=True)
        tones = [_TONES[row[0]] for row in rows]
        fillWrapped(
            self._ui.qualityTable,
            (_("Verdict"), _("Check")),
            [
                (
                    verdict,
                    "\n".join([_("{check}: {value}").format(check=title, value=value), meaning]),
                )
                for _code, title, verdict, value, meaning in rows
            ],
            tones,
        )
        self._ui.qualityTable.visible = bool(rows)
        warnings = sum(tone is not Tone.GOOD for tone in tones)
        if not rows:
            text, tone = _("The CT has not been analyzed yet."), Tone.PLAIN
        elif warnings:
            text = _("{count} of {total} checks ask for caution.").format(
                count=warnings, total=len(rows)
            )
            tone = Tone.CAUTION
        else:
            text = _("All {total} checks are passed.").format(total=len(rows))
            tone = Tone.GOOD
        self._ui.verdictLabel.text = text
        self._ui.verdictLabel.styleSheet = f"color: {tone.value}" if tone.value else ""

    def _showNodules(self) -> None:
        """The findings at what is shown in the views; hidden where nobody looked for nodules."""
        ui, volumeNode = self._ui, self._volumeNode
        stage = stageOf(volumeNode) if volumeNode is not None else None
        findings = nodulesOf(volumeNode) if volumeNode is not None else []
        listed = [one for one in findings if stage is None or stage.shows(one)]
        found = [one for one in findings if one.origin is Origin.FOUND]
        ui.noduleTable.visible = bool(listed)
        self._noduleTable.show(listed)
        words, isCaution = stateWords(stage, found, listed)
        if stage is not None and isOfResult(volumeNode):
            words = f"{words} {reportWords(stage)}".rstrip()
        ui.noduleStateLabel.text = words
        ui.noduleStateLabel.styleSheet = f"color: {Tone.CAUTION.value}" if isCaution else ""
        ui.noduleStateLabel.visible = self._nodes.qualityTable is not None
        ui.noduleSectionButton.visible = stage is not None

    def _openNodules(self) -> None:
        """The module in which nodules are accepted, rejected and corrected, with this CT."""
        volumeNode = self._volumeNode
        slicer.util.selectModule("LungSegment")
        slicer.util.getModuleWidget("LungSegment").panel.choose(volumeNode)

    def _showAcceptance(self, hasDicom: bool) -> None:
        accepted = False
        if hasDicom:
            from LungPNetLib.dicom.acceptance import is_accepted

            try:
                accepted = is_accepted(self._folder() / "measurements.dcm")
            except InputError as error:
                self._ui.acceptButton.enabled = False
                self._ui.acceptanceLabel.text = str(error)
                return
        self._ui.acceptButton.enabled = hasDicom and not accepted
        self._ui.acceptanceLabel.text = (
            _("Accepted: the DICOM report is complete and verified.")
            if accepted
            else _("Not accepted yet: the DICOM report says that it is unverified.")
            if hasDicom
            else _("Without DICOM files as the source there is no DICOM report to accept.")
            if self._nodes.qualityTable is not None
            else ""
        )

    def _accept(self) -> None:
        from LungPNetLib.dicom.acceptance import accept_measurements

        segmentation = self._nodes.segmentation
        if segmentation is not None and isCorrected(segmentation):
            raise InputError(
                _(
                    "The segmentation was corrected after the analysis, so the measurements are "
                    "no longer those of what is shown. They cannot be accepted."
                )
            )
        observer = str(self._ui.observerEdit.text).strip()
        organization = str(self._ui.organizationEdit.text).strip()
        started = self._nodes.qualityTable.GetAttribute(STARTED)
        path = self._folder() / "measurements.dcm"
        rejected = rejectedGroups(self._volumeNode, started, path)
        accept_measurements(
            path,
            observer_name=observer,
            organization=organization,
            started=started,
            rejected=rejected,
        )
        settings = slicer.app.settings()
        settings.setValue("LungPNet/Observer", observer)
        settings.setValue("LungPNet/Organization", organization)
        self.show(self._volumeNode)
        words = _("The findings are accepted.")
        if rejected:
            left = _("Rejected nodules that are left out of the DICOM report: {count}.")
            words = f"{words} {left.format(count=len(rejected))}"
        self._runArea.say(words, Tone.GOOD)

    def _openReport(self) -> None:
        _openOutside(self._folder() / "report.html")

    def _openFolder(self) -> None:
        _openOutside(self._folder())

    def _export(self) -> None:
        target = Path(self._ui.exportFolderPath.currentPath)
        if not str(self._ui.exportFolderPath.currentPath).strip() or not target.is_dir():
            raise InputError(_("Choose an existing folder to export the DICOM objects to."))
        copied = []
        for name in _DICOM_FILES:
            source = self._folder() / name
            if not source.is_file():
                continue
            if (target / name).exists():
                raise InputError(
                    _("'{name}' exists in that folder. Choose another one.").format(name=name)
                )
            try:
                shutil.copyfile(source, target / name)
            except OSError as error:
                (target / name).unlink(missing_ok=True)
                raise OutputError(
                    _("'{name}' cannot be written: {reason}.").format(
                        name=name, reason=error.strerror
                    )
                ) from error
            copied.append(name)
        self._runArea.say(
            _("{names} copied. Nothing was sent anywhere.").format(names=", ".join(copied)),
            Tone.GOOD,
        )

    def _folder(self) -> Path:
        folder = self._nodes.folder
        if folder is None or not folder.is_dir():
            raise InputError(
                _("The folder of this result was moved or deleted. Analyze the CT again.")
            )
        return folder

    def _jump(self, place: int) -> None:
        """Move the slice views to the lung whose column was clicked, the first one being 0."""
        segmentation = self._nodes.segmentation
        if segmentation is None:
            return
        ids = segmentation.GetSegmentation().GetSegmentIDs()
        if 0 <= place < len(ids):
            centre = segmentation.GetSegmentCenterRAS(ids[place])
            if centre is not None:
                slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *centre)


def _rowsOf(tableNode: Any) -> list[tuple[str, str, str, str, str]]:
    """Verdict as a code, title, verdict in words, value and meaning of each check."""
    codes = (tableNode.GetAttribute(VERDICTS) or "").split()
    return [
        (code, *(tableNode.GetCellText(row, column) for column in range(4)))
        for row, code in enumerate(codes)
    ]


def _openOutside(path: Path) -> None:
    if not path.exists():
        raise InputError(_("'{name}' is not there any more.").format(name=path.name))
    qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(path)))
