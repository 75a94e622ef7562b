"""Two balls in a made-up thorax, and networks that are sure of what they are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import safetensors.torch
from torch import nn

from LungPNetLib.evaluation.judged import Box
from LungPNetLib.evaluation.operating_points import OperatingPoint, OperatingTable
from LungPNetLib.grading.measure import measure_nodule
from LungPNetLib.grading.nodule_type import nodule_type
from LungPNetLib.nodules.detect import ScoredBox
from LungPNetLib.nodules.finding import MaskReference, NoduleFinding, Origin
from LungPNetLib.nodules.heterogeneity import measure_heterogeneity
from LungPNetLib.volume import Triplet, Volume
from LungPNetLib.weights.entries import WeightsEntry, read_registry, write_registry
from LungPNetLib.weights.registry import sha256_of

RIGHT_BALL = ((-60.0, 10.0, -20.0), 7.0)
LEFT_BALL = ((55.0, -5.0, 15.0), 4.0)
"""Centre (LPS mm) and radius (mm)."""


def grid(spacing_mm: Triplet = (1.5, 1.5, 2.5)) -> Volume:
    """Zeros over a field of 240 x 160 x 140 mm around the origin."""
    size = [round(mm / step) for mm, step in zip((240, 160, 140), spacing_mm, strict=True)]
    origin = [-(n - 1) / 2 * step for n, step in zip(size, spacing_mm, strict=True)]
    array = np.zeros(size[::-1], np.uint8)
    return Volume(array, spacing_mm, (origin[0], origin[1], origin[2]))


def distance_mm(volume: Volume, centre_mm: Triplet) -> np.ndarray:
    """Of each voxel's centre from a place, shape of ``volume``."""
    index = np.moveaxis(np.indices(volume.shape)[::-1], 0, -1)
    return np.linalg.norm(volume.index_to_world(index) - centre_mm, axis=-1)


def painted(
    volume: Volume, balls: Sequence[tuple[Triplet, float]], values: Sequence[int]
) -> np.ndarray:
    """The array of ``volume`` with balls of these values."""
    array = volume.array.copy()
    for (centre, radius), value in zip(balls, values, strict=True):
        array[distance_mm(volume, centre) <= radius] = value
    return array


def a_chest(
    spacing_mm: Triplet = (1.5, 1.5, 2.5),
    balls: Sequence[tuple[Triplet, float]] = (RIGHT_BALL, LEFT_BALL),
) -> tuple[Volume, Volume, Volume]:
    """CT, lungs (two balls of 55 mm) and nodules (labels in the order of ``balls``)."""
    empty = grid(spacing_mm)
    lungs = painted(empty, [((-60.0, 0.0, 0.0), 55.0), ((60.0, 0.0, 0.0), 55.0)], [1, 2])
    nodules = painted(empty, balls, range(1, len(balls) + 1))
    hu = np.where(lungs > 0, -850, -700).astype(np.int16)
    hu[nodules > 0] = 100
    return empty.with_array(hu), empty.with_array(lungs), empty.with_array(nodules)


def bright(logit: float = 4.0, above: float = -0.1) -> Callable[[np.ndarray], np.ndarray]:
    """A segmenter to which everything halfway from lung to soft tissue is nodule."""
    return lambda batch: np.where(batch > above, logit, -logit).astype(np.float32)


def box(ball: tuple[Triplet, float], score: float, grown_mm: float = 0.0) -> ScoredBox:
    """What a detector would mark."""
    return ScoredBox(score, Box.around(ball[0], ball[1] + grown_mm))


def a_table() -> OperatingTable:
    """Thresholds 0.9, 0.6 and 0.2 for 1/4, 1 and 8 false findings a scan."""
    return OperatingTable(
        (
            OperatingPoint(0.25, 0.9, 0.25, 0.4),
            OperatingPoint(1.0, 0.6, 0.9, 0.7),
            OperatingPoint(8.0, 0.2, 7.5, 0.9),
        ),
        n_scans=20,
        n_nodules=30,
    )


def findings(
    ct: Volume, lungs: Volume, nodules: Volume, scores: Sequence[float], threshold: float = 0.5
) -> list[NoduleFinding]:
    """What the stage would make of the labels of ``nodules``, with these scores."""
    made = []
    for label, score in enumerate(scores, start=1):
        mask = nodules.with_array((nodules.array == label).astype(np.uint8))
        measured = measure_nodule(ct, mask, lungs)
        made.append(
            NoduleFinding(
                f"N{label}",
                measured.centre_mm,
                Origin.FOUND,
                MaskReference("nodules.nrrd", label),
                measured,
                nodule_type(ct, mask),
                score=score,
                selected=score >= threshold,
                heterogeneity=measure_heterogeneity(ct, mask).numbers,
            )
        )
    return made


def stage_record() -> dict:
    """``nodule_stage`` of a result."""
    return {
        "operating_rate": 1.0,
        "threshold": 0.6,
        "operating_points": a_table().record(),
        "segmenter": "nodule-segmenter-compact-0123abcd",
        "detector": "nodule-detector-compact-4567cdef",
    }


def register(folder: Path, task: str, network: nn.Module, arch: dict, **preprocessing) -> Path:
    """Weights of an untrained network with their entry in the registry of ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{task}.safetensors"
    # Copies, for some networks list a tensor under two names.
    tensors = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    safetensors.torch.save_file(tensors, file)
    entry = WeightsEntry(
        id=f"{task}-compact-test",
        task=task,
        variant="compact",
        file=file.name,
        sha256=sha256_of(file),
        arch=arch,
        preprocessing=preprocessing,
        classes=("background", "nodule"),
        outcome_source="synthetic",
        trained_on="nothing",
        card=f"{task}.md",
    )
    others = [other for other in read_registry(folder) if other.id != entry.id]
    write_registry(folder, [*others, entry])
    return file
