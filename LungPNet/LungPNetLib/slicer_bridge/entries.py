"""What a person enters about a CT beside the clinical form, kept with the scene.

Attributes of the CT hold it as JSON: texts as the panel's fields have them, by field, in parts such
as one for each nodule.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import slicer

from LungPNetLib.errors import InputError

BROCK = "LungPNet.Brock"
"""Answers for the Brock model: a part for the patient, and one for each nodule by its ID."""
STAGING = "LungPNet.Staging"
"""Answers for TNM, in the part of the tumour."""
PATIENT, TUMOUR = "patient", "tumour"


def keptEntries(volumeNode: slicer.vtkMRMLScalarVolumeNode, name: str, part: str) -> dict[str, str]:
    """The texts of one part; empty where nothing is kept.

    Raises
    ------
    InputError
        The scene comes from another version, or was changed by hand.
    """
    return _read(volumeNode, name).get(part, {})


def keepEntries(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, name: str, part: str, cells: Mapping[str, str]
) -> None:
    """Replace one part; the others stay.

    Raises
    ------
    InputError
        As ``keptEntries``.
    """
    kept = _read(volumeNode, name) | {part: dict(cells)}
    volumeNode.SetAttribute(name, json.dumps(kept, ensure_ascii=False))


def _read(volumeNode: slicer.vtkMRMLScalarVolumeNode, name: str) -> dict[str, dict[str, str]]:
    try:
        kept = json.loads(volumeNode.GetAttribute(name) or "{}")
        parts = {part: dict(cells) for part, cells in kept.items()}
        if all(isinstance(text, str) for cells in parts.values() for text in cells.values()):
            return parts
        reason = "a text was expected"
    except (AttributeError, TypeError, ValueError) as error:
        reason = str(error)
    raise InputError(
        f"The answers that this scene keeps in '{name}' cannot be read ({reason}). Remove this "
        "attribute of the CT in the Data module to begin again."
    )
