"""A result folder as it lies on disk, and whether it belongs to a CT of the scene."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.nodules.finding import NoduleFinding
from LungPNetLib.result import SCHEMA_VERSION
from LungPNetLib.slicer_bridge.hierarchy import seriesUid
from LungPNetLib.slicer_bridge.segmentations import presentLabels
from LungPNetLib.slicer_bridge.volumes import onSameGrid, volumeFromNode
from LungPNetLib.volume import Volume, read_image

RESULT = "result.json"
LUNGS = "lungs.nrrd"
NODULES = "nodules.nrrd"


def readResult(folder: Path) -> dict[str, Any]:
    """The content of ``result.json`` of a result folder.

    Raises
    ------
    InputError
        There is none, it is damaged, or it is of another version than this program reads.
    """
    path = folder / RESULT
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        version = str(result["schema_version"])
    except FileNotFoundError as error:
        raise InputError(
            f"The folder holds no {RESULT}, so it is no result of LungPNet. Choose the folder "
            "that an analysis has written."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"The {RESULT} of the folder cannot be read ({type(error).__name__}). Analyze the CT "
            "again."
        ) from error
    if version.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
        raise InputError(
            f"The result has the schema version {version}, and this LungPNet reads "
            f"{SCHEMA_VERSION}. Open it with the LungPNet that wrote it, or analyze the CT again."
        )
    return dict(result)


def gridOf(result: Mapping[str, Any]) -> Volume:
    """The grid of the label maps of a result; its voxels mean nothing."""
    grid = result["grid"]
    return Volume(
        np.broadcast_to(np.uint8(0), grid["size"][::-1]),
        grid["spacing_mm"],
        grid["origin_mm"],
        np.reshape(grid["direction"], (3, 3)),
    )


def checkBelongs(result: Mapping[str, Any], volumeNode: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Refuse a result that was not made from this CT.

    Of a CT from DICOM the series must be the same, and, unless the CT was resampled (tilted gantry,
    gaps), the grid as well; of other CTs only the grid can be compared.

    Raises
    ------
    InputError
        It was made from another one, or that cannot be told.
    """
    theirs, ours = result["acquisition"]["series_uid"], seriesUid(volumeNode)
    if theirs and ours and theirs != ours:
        raise InputError(
            "The result was made from another CT series than the chosen one. Choose the CT that "
            "it was made from, or load it first."
        )
    if result["grid"]["regridded"]:
        if theirs and ours:
            return
        raise InputError(
            "The CT of this result was resampled, so that only its DICOM series tells whether the "
            "chosen volume is the same CT. Load that CT from DICOM and choose it."
        )
    grid, volume = gridOf(result), volumeFromNode(volumeNode)
    if not onSameGrid(volume, grid):
        raise InputError(
            f"The result was made from a CT of {_described(grid)}, and the chosen one has "
            f"{_described(volume)}, or lies elsewhere. Choose the CT that it was made from."
        )


def readLungs(result: Mapping[str, Any], folder: Path) -> Volume | None:
    """The label map ``lungs.nrrd`` of a result; None where it has none.

    Raises
    ------
    InputError
        It is missing or damaged, holds something else than lungs, or does not lie on the grid
        that the result states.
    """
    if result["lungs"] is None:
        return None
    labels = _readLabels(result, folder / LUNGS)
    presentLabels(labels, LUNG_SEGMENTS)
    return labels


def readNodules(result: Mapping[str, Any], folder: Path) -> Volume:
    """The label map ``nodules.nrrd`` of a result that has one, uint8 or uint16.

    Raises
    ------
    InputError
        It is missing or damaged, or does not lie on the grid that the result states.
    """
    labels = _readLabels(result, folder / NODULES)
    if labels.array.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"{NODULES} must hold uint8 or uint16 values, got {labels.array.dtype}. Analyze the CT "
            "again."
        )
    return labels


def keepDecision(folder: Path, started: str, decided: NoduleFinding) -> None:
    """Write status and comment of a nodule into ``result.json`` of its folder.

    Parameters
    ----------
    folder : Path
        The result folder.
    started : str
        ``run.started`` of the result whose nodules are shown.
    decided : NoduleFinding
        Known by its ``finding_id``.

    Raises
    ------
    InputError
        The folder was moved, or holds another result by now.
    OutputError
        The file cannot be written; the old one stays.
    """
    result = readResult(folder)
    records = [
        record for record in result.get("nodules", []) if record["finding_id"] == decided.finding_id
    ]
    if result["run"]["started"] != started or len(records) != 1:
        raise InputError(
            "The result folder has changed since its nodules were shown, so the decision is kept "
            "in this scene only. Open the result again."
        )
    records[0].update(status=decided.status.value, comment=decided.comment)
    # Beside the old file first, which stays whole whatever happens.
    partial = folder / f".{RESULT}.partial"
    try:
        text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False)
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(folder / RESULT)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise OutputError(
            f"{RESULT} of the result folder cannot be written ({error.strerror}), so the decision "
            "is kept in this scene only. Save the scene."
        ) from error


def _readLabels(result: Mapping[str, Any], path: Path) -> Volume:
    labels = read_image(path)
    if not labels.same_grid_as(gridOf(result)):
        raise InputError(
            f"{path.name} ({_described(labels)}) does not belong to the {RESULT} beside it "
            f"({_described(gridOf(result))}). Analyze the CT again."
        )
    return labels


def _described(volume: Volume) -> str:
    size = " x ".join(str(n) for n in volume.shape[::-1])
    return f"{size} voxels of {' x '.join(f'{mm:.3g}' for mm in volume.spacing_mm)} mm"
