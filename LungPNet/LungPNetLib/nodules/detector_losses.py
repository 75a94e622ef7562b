"""What the detector is trained on: which boxes count, and the four losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from monai.apps.detection.utils.hard_negative_sampler import HardNegativeSampler
from monai.losses.focal_loss import FocalLoss
from monai.losses.giou_loss import BoxGIoULoss
from torch.nn import functional

from LungPNetLib.nodules.boxes import NEITHER, POSITIVE, decode, encode, match
from LungPNetLib.nodules.detector_samples import IGNORED, NODULE
from LungPNetLib.nodules.network_detector import Detector, Proposing, Searched

RegressionLoss = Literal["giou", "smooth_l1"]

PROPOSING = Proposing(considered=400, kept=96)
"""In training."""

POSITIVE_IOU, NEGATIVE_IOU = 0.3, 0.1
"""In 3-D a cube that is shifted along all axes by a fifth of its side has 0.34 with itself."""

_FOCAL = FocalLoss(gamma=2.0, alpha=0.25, reduction="none")
"""For the first head, of whose anchors one in thousands is positive (Lin et al., ICCV 2017)."""

_SECOND = HardNegativeSampler(32, positive_fraction=0.5, min_neg=16, pool_size=2)
"""Negatives are drawn among those with the highest scores of the first head; a block without
nodules gives them, too."""


def detector_losses(
    network: Detector, batch: dict[str, torch.Tensor], regression: RegressionLoss
) -> dict[str, torch.Tensor]:
    """The four losses of Faster R-CNN, whose sum is trained on.

    Parameters
    ----------
    network : Detector
    batch : dict
        As ``detector_samples`` brings it.
    regression : str
        ``giou``: 1 - generalized IoU of decoded boxes and nodules (Rezatofighi et al., CVPR 2019);
        ``smooth_l1``: of the coded differences (Girshick, ICCV 2015).

    Returns
    -------
    dict
        ``first_score``, ``first_box``, ``second_score``, ``second_box``: means over the batch, 0
        where nothing counts.
    """
    searched = network.search(batch["image"])
    sums: dict[str, torch.Tensor] = {}
    n_blocks = len(batch["image"])
    for item in range(n_blocks):
        boxes, kinds = batch["boxes"][item], batch["kinds"][item]
        nodules, ignored = boxes[kinds == NODULE], boxes[kinds == IGNORED]
        losses = {
            **_first_losses(searched, item, nodules, ignored, regression),
            **_second_losses(network, searched, item, nodules, ignored, regression),
        }
        for name, loss in losses.items():
            sums[name] = sums.get(name, 0.0) + loss / n_blocks
    return sums


def _first_losses(
    searched: Searched,
    item: int,
    nodules: torch.Tensor,
    ignored: torch.Tensor,
    regression: RegressionLoss,
) -> dict[str, torch.Tensor]:
    matching = match(
        searched.anchors, nodules, ignored,
        positive_iou=POSITIVE_IOU, negative_iou=NEGATIVE_IOU, best_too=True,
    )  # fmt: skip
    counts = matching.kinds != NEITHER
    targets = (matching.kinds[counts] == POSITIVE).float()
    positive = (matching.kinds == POSITIVE).nonzero()[:, 0]
    n_positive = max(len(positive), 1)
    score = _FOCAL(searched.logits[item][counts][:, None], targets[:, None]).sum()
    box = _REGRESSIONS[regression](
        searched.deltas[item][positive], searched.anchors[positive],
        nodules[matching.nodules[positive]],
    )  # fmt: skip
    return {"first_score": score / n_positive, "first_box": box / n_positive}


def _second_losses(
    network: Detector,
    searched: Searched,
    item: int,
    nodules: torch.Tensor,
    ignored: torch.Tensor,
    regression: RegressionLoss,
) -> dict[str, torch.Tensor]:
    boxes, scores = network.proposals(searched, item, PROPOSING)
    # The nodules themselves are looked at too, lest there be no positive one at first.
    boxes, scores = torch.cat([boxes, nodules]), torch.cat([scores, scores.new_zeros(len(nodules))])
    matching = match(
        boxes, nodules, ignored,
        positive_iou=POSITIVE_IOU, negative_iou=NEGATIVE_IOU, best_too=False,
    )  # fmt: skip
    is_positive, is_negative = _SECOND.select_samples_per_img(matching.kinds, scores)
    chosen = (is_positive | is_negative).nonzero()[:, 0]
    positive = is_positive[chosen] > 0
    logits, deltas = network.look_again(searched, item, boxes[chosen])
    score = functional.binary_cross_entropy_with_logits(logits, positive.float(), reduction="sum")
    box = _REGRESSIONS[regression](
        deltas[positive], boxes[chosen][positive], nodules[matching.nodules[chosen[positive]]]
    )
    n_positive = max(int(positive.sum()), 1)
    return {"second_score": score / max(len(chosen), 1), "second_box": box / n_positive}


def giou_loss(deltas: torch.Tensor, references: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Sum of 1 - GIoU of the decoded boxes, each (N, 6); N may be 0."""
    loss: torch.Tensor = BoxGIoULoss("sum")(decode(deltas, references), truth)
    return loss


def smooth_l1_loss(
    deltas: torch.Tensor, references: torch.Tensor, truth: torch.Tensor
) -> torch.Tensor:
    """Sum over boxes of the smooth L1 distance of their coded form, quadratic below 1/9."""
    return functional.smooth_l1_loss(deltas, encode(truth, references), beta=1 / 9, reduction="sum")


_REGRESSIONS: dict[str, Callable[..., torch.Tensor]] = {
    "giou": giou_loss,
    "smooth_l1": smooth_l1_loss,
}
