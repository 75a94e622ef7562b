"""From a CT and its lungs to scored nodules: the door that pipeline, worker and evaluation use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LungPNetLib.errors import ModelError
from LungPNetLib.evaluation.judged import Box
from LungPNetLib.evaluation.operating_points import OperatingTable
from LungPNetLib.nodules.detect import ScoredBox, TorchDetector, detect, open_detector
from LungPNetLib.nodules.fusion import fuse
from LungPNetLib.nodules.infer import WINDOW, nodule_probability
from LungPNetLib.nodules.on_ct import labels_on_ct
from LungPNetLib.nodules.parts import box_of, centre_of
from LungPNetLib.runtime import Runner, Runtime, open_network
from LungPNetLib.volume import Triplet, Volume
from LungPNetLib.warm_models import release_models, warm_model
from LungPNetLib.weights.registry import Found, find_weights, read_weights, verify

if TYPE_CHECKING:
    from torch import nn

SEGMENTER_TASKS = ("nodule-segmenter", "nodule-gan")
DETECTOR_TASK = "nodule-detector"
OPERATING_POINTS = "operating_points"
"""Key of the detector's preprocessing: the record of an OperatingTable, and with it..."""
SEGMENTER_SHA256 = "segmenter_sha256"
"""...the weights of the segmenter that it was made with."""


@dataclass(frozen=True)
class Candidate:
    """A place that may be a nodule.

    Parameters
    ----------
    score : float
        0 to 1, comparable between scans; no probability.
    centre_lps_mm : tuple of float
    box_lps_mm : Box
    """

    score: float
    centre_lps_mm: Triplet
    box_lps_mm: Box


@dataclass(frozen=True, eq=False)
class NodulePrediction:
    """The nodules and how they were found.

    Parameters
    ----------
    labels : Volume
        uint8 (uint16 for more than 255) on the grid of the CT: k is the outline of
        ``findings[k - 1]``.
    findings : tuple of Candidate
        By falling score, down to the least likely.
    dropped : tuple of Candidate
        What only one of both networks marked, with its own score.
    models : tuple of dict
        The registry's records of segmenter and detector, and how they were run, for the result.
    notices : tuple of str
        What the person should know about the run.
    operating_points : OperatingTable or None
        Of these weights; None where none was measured.
    """

    labels: Volume
    findings: tuple[Candidate, ...]
    dropped: tuple[Candidate, ...]
    models: tuple[dict[str, Any], ...]
    notices: tuple[str, ...]
    operating_points: OperatingTable | None


@dataclass(frozen=True)
class NoduleWeights:
    """The weights of both networks."""

    segmenter: Found
    detector: Found


def find_nodule_weights(
    segmenter: str | Path | None = None, detector: str | Path | None = None
) -> NoduleWeights | None:
    """The weights to use; None where some are missing and the person asked for none.

    Parameters
    ----------
    segmenter, detector : Path or str, optional
        A safetensors file or the id of registered weights.

    Raises
    ------
    ModelError
        Weights that were asked for cannot be used, or those of the other network are missing.
    """
    of_segmenter = find_weights(*SEGMENTER_TASKS, weights=segmenter)
    of_detector = find_weights(DETECTOR_TASK, weights=detector)
    if of_segmenter is not None and of_detector is not None:
        return NoduleWeights(of_segmenter, of_detector)
    if segmenter is None and detector is None:
        return None
    missing = SEGMENTER_TASKS[0] if of_segmenter is None else DETECTOR_TASK
    raise ModelError(
        f"Nodules are found by two networks, and there are no weights for '{missing}'. Train some "
        f"with: lungpnet train {missing}"
    )


def predict_nodules(
    ct: Volume,
    lungs: Volume,
    *,
    segmenter: str | Path | None = None,
    detector: str | Path | None = None,
    device: str = "cpu",
    runtime: Runtime = Runtime.AUTO,
    progress: Callable[[float], None] = lambda _: None,
) -> NodulePrediction:
    """Find the nodules in the lungs of ``ct``, which may have any axis order.

    Parameters
    ----------
    ct : Volume
        HU.
    lungs : Volume
        Labels above 0 inside, on the grid of ``ct``.
    segmenter, detector : Path or str, optional
        A safetensors file or the id of registered weights.
    device : str
        One that is really there: ``"cpu"``, ``"cuda:0"``.
    runtime : Runtime
        What computes the segmenter; the detector is always run by torch.
    progress : callable
        Told the share of the work done, 0 to 1.

    Raises
    ------
    InputError
        The lungs do not lie on the grid of the CT, or are empty.
    ModelError
        Weights are missing, damaged or unknown.
    DependencyError
        The runtime was asked for and is not installed.
    """
    weights = find_nodule_weights(segmenter, detector)
    if weights is None:
        raise ModelError(
            "There are no weights for the two networks that find nodules. Train some with: "
            "lungpnet train nodule-segmenter, and: lungpnet train nodule-detector"
        )
    table, notices = operating_points(weights)
    outliner = segmenter_network(weights.segmenter, runtime, device)
    marker = detector_network(weights.detector, device)
    earlier = len(outliner.notices)
    boxes = detect(ct, lungs, marker, progress=lambda share: progress(0.5 * share))
    labels, findings, dropped = found_by(
        ct, lungs, outliner, boxes, progress=lambda share: progress(0.5 + 0.5 * share)
    )
    changed = outliner.notices[earlier:]
    if changed:
        # It had to change how it runs; the next run tries anew, and says so if it has to again.
        release_models()
    models = (
        {**weights.segmenter.record(), **outliner.record()},
        {**weights.detector.record(), **marker.record()},
    )
    return NodulePrediction(labels, findings, dropped, models, (*notices, *changed), table)


def found_by(
    ct: Volume,
    lungs: Volume,
    network: Callable[[Any], Any],
    boxes: Sequence[ScoredBox],
    *,
    progress: Callable[[float], None] = lambda _: None,
) -> tuple[Volume, tuple[Candidate, ...], tuple[Candidate, ...]]:
    """Labels, findings and dropped ones of a :class:`NodulePrediction`, by networks in memory.

    Parameters
    ----------
    ct, lungs, progress
        As in :func:`predict_nodules`.
    network : callable
        The segmenter, see ``infer.nodule_probability``.
    boxes : sequence of ScoredBox
        What the detector marked.
    """
    probability, near_lungs = nodule_probability(
        ct, lungs, network, progress=lambda share: progress(0.9 * share)
    )
    fused = fuse(probability, near_lungs, boxes, pixel_mm=_pixel_mm(ct))
    labels = labels_on_ct(ct, probability, fused.kept)
    progress(1.0)
    findings = tuple(
        Candidate(outline.score, centre_of(outline.mask), box_of(outline.mask))
        for outline in fused.kept
    )
    dropped = tuple(Candidate(one.score, one.centre_lps_mm, one.box) for one in fused.dropped)
    return labels, findings, dropped


def operating_points(weights: NoduleWeights) -> tuple[OperatingTable | None, list[str]]:
    """The table that came with the detector, and what is to be said about it.

    Raises
    ------
    ModelError
        The registry holds something else in its place.
    """
    record = weights.detector.entry.preprocessing.get(OPERATING_POINTS)
    if record is None:
        return None, [
            f"The weights '{weights.detector.entry.id}' come without operating points, so it is "
            "not known how many false findings to expect. Nodules with a score of 0.5 or more are "
            "shown."
        ]
    made_with = record.get(SEGMENTER_SHA256)
    rest = {name: value for name, value in record.items() if name != SEGMENTER_SHA256}
    table = OperatingTable.from_record(rest)
    if made_with == weights.segmenter.entry.sha256:
        return table, []
    return table, [
        "The number of false findings to expect was measured with another network for the "
        f"outlines than '{weights.segmenter.entry.id}'; there may be more or fewer."
    ]


def segmenter_network(found: Found, runtime: Runtime = Runtime.AUTO, device: str = "cpu") -> Runner:
    """The segmenter with these weights, ready to run; kept in memory for the next time.

    Parameters
    ----------
    found : Found
    runtime : Runtime
    device : str
        One that is really there.

    Raises
    ------
    ModelError
        The weights are damaged.
    DependencyError
        The runtime was asked for and is not installed.
    """
    verify(found)
    return warm_model(
        (found.entry.sha256, runtime.value, device),
        lambda: open_network(
            lambda: load_segmenter(found),
            (1, 1, WINDOW, WINDOW, WINDOW),
            found.entry.sha256,
            runtime=runtime,
            device=device,
        ),
    )


def detector_network(found: Found, device: str = "cpu") -> TorchDetector:
    """The detector with these weights, ready to run by torch; kept in memory for the next time.

    Parameters
    ----------
    found : Found
    device : str
        One that is really there.

    Raises
    ------
    ModelError
        The weights are damaged, or those of another network.
    """
    verify(found)
    key = (found.entry.sha256, Runtime.TORCH.value, device)
    return warm_model(key, lambda: open_detector(found, device))


def load_segmenter(found: Found) -> nn.Module:
    """The segmenter with these weights, verified, in evaluation mode, float32 on the CPU."""
    loaded = read_weights(found)
    network: nn.Module
    if loaded.entry.task == "nodule-gan":
        from LungPNetLib.nodules.network_gan import GanArch, make_generator

        network = make_generator(GanArch.from_mapping(loaded.entry.arch))
    else:
        from LungPNetLib.nodules.network import SegmenterArch, make_segmenter

        network = make_segmenter(SegmenterArch.from_mapping(loaded.entry.arch))
    network.load_state_dict(loaded.state_dict)
    return network.eval()


def _pixel_mm(ct: Volume) -> float:
    """Width of a pixel of the axial slices."""
    across = ct.axis_order_to().axes[2]
    return min(mm for axis, mm in enumerate(ct.spacing_mm) if axis != across)
