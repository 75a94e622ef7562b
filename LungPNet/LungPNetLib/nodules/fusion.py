"""Which outlines are nodules: segmentation and detection keep what they agree on, with a score.

After Song et al. (IEEE JBHI 2022), who blacken the segmented image outside of the detector's boxes,
grown by 5 pixels, slice by slice. Here whole connected parts are judged in 3-D; a detector that
finds nothing leaves nothing; what touches a nodule but is larger than it is cut off; two nodules
that touch are parted; and masses, for which the boxes are too small, have a rule of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.judged import Box
from LungPNetLib.grading.axes import section_axes
from LungPNetLib.nodules.detect import ScoredBox
from LungPNetLib.nodules.fusion_rules import FusionRules
from LungPNetLib.nodules.parts import (
    Index,
    Mask,
    Region,
    box_of,
    centre_of,
    has_neck,
    largest,
    most_of,
    region_of,
    shared,
)
from LungPNetLib.volume import Triplet, Volume


@dataclass(frozen=True, eq=False)
class Outline:
    """A part that is kept.

    Parameters
    ----------
    score : float
        0 to 1, see :func:`combined_score`.
    mask : Volume
        bool, the smallest box of the grid of the probabilities that holds it.
    threshold : float
        Probability at which its border runs.
    mean_probability : float
        Inside it.
    detector_score : float or None
        Of its best box; None for a mass without one.
    """

    score: float
    mask: Volume
    threshold: float
    mean_probability: float
    detector_score: float | None


class Reason(str, Enum):
    """Why something was left out."""

    NO_BOX = "no box"
    NO_OUTLINE = "no outline"
    TOO_SMALL = "too small"


@dataclass(frozen=True)
class Dropped:
    """A part that no box speaks for (its score is its mean probability), or a box without a part.

    Positions are LPS mm.
    """

    reason: Reason
    score: float
    centre_lps_mm: Triplet
    box: Box


@dataclass(frozen=True)
class Fused:
    """What fusion kept, by falling score, and what it left out."""

    kept: tuple[Outline, ...]
    dropped: tuple[Dropped, ...]


def combined_score(detector: float, probability: float) -> float:
    """One score from 0 to 1 of two: their geometric mean, so that both have to agree.

    Examples
    --------
    >>> combined_score(0.9, 0.9), combined_score(1.0, 0.25)
    (0.9, 0.5)
    """
    return math.sqrt(detector * probability)


def fuse(
    probability: Volume,
    near_lungs: Volume,
    boxes: Sequence[ScoredBox],
    *,
    pixel_mm: float,
    rules: FusionRules | None = None,
) -> Fused:
    """Keep the parts of the segmentation that the detector marked.

    Parameters
    ----------
    probability : Volume
        0 to 1 that a voxel is nodule, on a grid of cubes.
    near_lungs : Volume
        bool on the same grid; nothing is kept elsewhere.
    boxes : sequence of ScoredBox
        In the patient's frame; may be empty, and nothing but sure masses is kept then.
    pixel_mm : float
        Width of a pixel of the CT, for the margin of the boxes.
    rules : FusionRules, optional

    Raises
    ------
    InputError
        The grids differ.
    """
    if not probability.same_grid_as(near_lungs):
        raise InputError(
            f"The lungs (size {near_lungs.shape[::-1]}) do not lie on the grid of the nodule "
            f"probabilities (size {probability.shape[::-1]}); give both on the same grid."
        )
    return _Fusion(probability, near_lungs, boxes, pixel_mm, rules or FusionRules()).run()


class _Fusion:
    """One scan: the parts, the boxes that speak for them, and what came out so far."""

    def __init__(
        self,
        probability: Volume,
        near_lungs: Volume,
        boxes: Sequence[ScoredBox],
        pixel_mm: float,
        rules: FusionRules,
    ) -> None:
        self._rules = rules
        self._grid = probability
        self._p = np.where(near_lungs.array, probability.array, 0).astype(np.float32, copy=False)
        self._boxes = sorted(boxes, key=lambda marked: -marked.score)
        margin_mm = rules.box_margin_px * pixel_mm
        self._tight = [region_of(probability, marked.box, 0.0) for marked in self._boxes]
        self._grown = [region_of(probability, marked.box, margin_mm) for marked in self._boxes]
        self._kept: list[Outline] = []
        self._dropped: list[Dropped] = []

    def run(self) -> Fused:
        labels, _ = ndimage.label(self._p >= self._rules.probability)
        boxes_of: dict[int, list[int]] = {}
        alone = []
        for number, (tight, grown) in enumerate(zip(self._tight, self._grown, strict=True)):
            label = most_of(labels[tight]) or most_of(labels[grown])
            if label:
                boxes_of.setdefault(label, []).append(number)
            else:
                alone.append(number)
        for label, part in enumerate(ndimage.find_objects(labels), start=1):
            inside = labels[part] == label
            for piece, numbers in self._parted(inside, part, boxes_of.get(label, [])):
                self._judge(piece, part, numbers)
        self._outline_faint(alone)
        kept = sorted(self._kept, key=lambda outline: -outline.score)
        return Fused(tuple(kept), tuple(self._dropped))

    def _parted(
        self, inside: Mask, part: Region, numbers: list[int]
    ) -> list[tuple[Mask, list[int]]]:
        """A part as one nodule, or as several where necks divide it between its boxes."""
        if len(numbers) < 2:
            return [(inside, numbers)]
        from skimage.segmentation import watershed

        depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1, 1:-1]
        seeds: list[Index] = []
        owners: list[list[int]] = []
        for number in numbers:
            seed = self._deepest(depth, part, number)
            for other, owner in zip(seeds, owners, strict=True):
                if not has_neck(depth, seed, other, self._rules.neck):
                    owner.append(number)
                    break
            else:
                seeds.append(seed)
                owners.append([number])
        markers = np.zeros(inside.shape, np.int32)
        for label, seed in enumerate(seeds, start=1):
            markers[seed] = label
        pieces = watershed(-depth, markers, mask=inside)
        return [(pieces == label, owner) for label, owner in enumerate(owners, start=1)]

    def _deepest(self, depth: npt.NDArray[np.float64], part: Region, number: int) -> Index:
        """Where in the box the part is thickest."""
        for region in (self._tight[number], self._grown[number]):
            here = shared(region, part)
            in_box = np.zeros_like(depth)
            in_box[here] = depth[here]
            if in_box.any():
                break
        z, y, x = np.unravel_index(int(np.argmax(in_box)), depth.shape)
        return int(z), int(y), int(x)

    def _judge(self, inside: Mask, part: Region, numbers: list[int]) -> None:
        """Keep or drop one part of the mask; ``inside`` lies at ``part`` of the grid."""
        rules, p = self._rules, self._p[part]
        is_mass = bool(p[inside].mean() >= rules.mass_probability) and self._is_mass(inside)
        if numbers and not is_mass:
            inside = self._without_what_it_touches(inside, part, numbers)
        mean = float(p[inside].mean())
        if np.count_nonzero(inside) * np.prod(self._grid.spacing_mm) < rules.least_mm3:
            self._drop(Reason.TOO_SMALL, mean, inside, part)
        elif not (numbers or is_mass):
            self._drop(Reason.NO_BOX, mean, inside, part)
        else:
            detector = self._boxes[numbers[0]].score if numbers else None
            scores = [] if detector is None else [combined_score(detector, mean)]
            # A box that is unsure of a mass, being too small for it, speaks not against it.
            score = max([*scores, mean] if is_mass else scores)
            mask = self._cut_out(inside, part)
            self._kept.append(Outline(score, mask, rules.probability, mean, detector))

    def _without_what_it_touches(self, inside: Mask, part: Region, numbers: list[int]) -> Mask:
        in_boxes = np.zeros_like(inside)
        longest = 0
        for number in numbers:
            region = self._grown[number]
            in_boxes[shared(region, part)] = True
            longest = max(longest, *(side.stop - side.start for side in region))
        in_boxes &= inside
        share = np.count_nonzero(in_boxes) / np.count_nonzero(inside)
        is_longer = max(inside.shape) > longest
        return largest(in_boxes) if is_longer and share < self._rules.share_in_boxes else inside

    def _is_mass(self, inside: Mask) -> bool:
        step_mm = self._grid.spacing_mm[0]
        if math.hypot(*inside.shape[1:]) * step_mm <= self._rules.mass_mm:
            return False
        section = inside[int(np.argmax(inside.sum(axis=(1, 2))))]
        long_mm = section_axes(section, (step_mm, step_mm)).long_axis_mm
        if long_mm <= self._rules.mass_mm:
            return False
        radius_mm = float(ndimage.distance_transform_edt(np.pad(inside, 1)).max()) * step_mm
        return 2.0 * radius_mm >= self._rules.mass_thickness * long_mm

    def _outline_faint(self, alone: list[int]) -> None:
        """Boxes without a part: one at a lower probability, where the detector is sure."""
        rules = self._rules
        taken = np.zeros(self._p.shape, bool)
        for number in alone:
            marked, region = self._boxes[number], self._tight[number]
            p = self._p[region]
            inside = largest((p >= rules.faint_probability) & ~taken[region])
            enough = np.count_nonzero(inside) * np.prod(self._grid.spacing_mm) >= rules.least_mm3
            if marked.score < rules.sure_score or not enough:
                corners = np.add(marked.box.low_lps_mm, marked.box.high_lps_mm) / 2.0
                centre = (float(corners[0]), float(corners[1]), float(corners[2]))
                self._dropped.append(Dropped(Reason.NO_OUTLINE, marked.score, centre, marked.box))
                continue
            taken[region] |= inside
            mean = float(p[inside].mean())
            score = combined_score(marked.score, mean)
            mask = self._cut_out(inside, region)
            self._kept.append(Outline(score, mask, rules.faint_probability, mean, marked.score))

    def _cut_out(self, inside: Mask, part: Region) -> Volume:
        (box,) = ndimage.find_objects(inside.astype(np.uint8))
        start = [s.start + b.start for s, b in zip(part, box, strict=True)]
        origin = self._grid.index_to_world(start[::-1])
        return Volume(
            inside[box],
            self._grid.spacing_mm,
            (float(origin[0]), float(origin[1]), float(origin[2])),
            self._grid.direction,
        )

    def _drop(self, reason: Reason, score: float, inside: Mask, part: Region) -> None:
        mask = self._cut_out(inside, part)
        self._dropped.append(Dropped(reason, score, centre_of(mask), box_of(mask)))
