"""Which nodules of a result a person does not accept, as its DICOM report names them."""

from __future__ import annotations

from pathlib import Path

import slicer
from slicer.i18n import tr as _

from LungPNetLib.errors import InputError
from LungPNetLib.nodules.finding import NoduleFinding, Origin, Status
from LungPNetLib.slicer_bridge.nodule_findings import isEdited
from LungPNetLib.slicer_bridge.nodule_names import noduleName, noduleNumber
from LungPNetLib.slicer_bridge.nodule_nodes import nodulesOf
from LungPNetLib.slicer_bridge.nodule_outlines import noduleSegmentation
from LungPNetLib.slicer_bridge.nodule_stage import stageOf
from LungPNetLib.slicer_bridge.results import STARTED


def rejectedGroups(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, started: str, measurements: Path
) -> list[str]:
    """Tracking UIDs of the measurement groups of rejected nodules.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
        The CT.
    started : str
        ``run.started`` of the result that is to be accepted.
    measurements : Path
        Its structured report.

    Raises
    ------
    InputError
        The nodules that are shown are not those of the report: they come from another search, or
        an outline was changed.
    """
    if stageOf(volumeNode) is None:
        return []
    if noduleSegmentation(volumeNode).GetAttribute(STARTED) != started:
        raise InputError(
            _(
                "The nodules that are shown come from another search than this result. Open the "
                "result again, then accept it."
            )
        )
    from LungPNetLib.dicom.acceptance import measurement_groups
    from LungPNetLib.dicom.nodules import nodule_name

    reported = [one for one in nodulesOf(volumeNode) if _isReported(one)]
    for finding in reported:
        if finding.status is not Status.REJECTED and isEdited(volumeNode, finding):
            raise InputError(
                _(
                    "The outline of {name} was changed after the analysis, so the report no "
                    "longer holds what is shown. Reject it, or open the result again."
                ).format(name=noduleName(finding))
            )
    groups = measurement_groups(measurements)
    rejected = [one for one in reported if one.status is Status.REJECTED]
    names = [nodule_name(noduleNumber(finding), finding) for finding in rejected]
    missing = [name for name in names if name not in groups]
    if missing:
        raise InputError(
            f"The DICOM report has no measurements of {missing[0]}. Analyze the CT again."
        )
    return [groups[name] for name in names]


def _isReported(finding: NoduleFinding) -> bool:
    return finding.origin is Origin.FOUND and finding.selected
