"""The numbers by which segmentation and detection are brought together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FusionRules:
    """The numbers that decide.

    Parameters
    ----------
    probability : float
        From here on a voxel is nodule: more likely than not.
    box_margin_px : float
        A box speaks for what it meets when it is grown by so many pixels of the CT's slices, as
        published: boxes are drawn tightly, and outlines a little larger than nodules.
    share_in_boxes : float
        A part that lies with less than this share in its boxes, and is longer than they are, is
        something larger that a nodule touches; only what lies in the boxes is kept.
    neck : float
        Two boxes on one part are two nodules where the part between them is thinner than this
        share of the thinner one; in a convex body nothing is, however many boxes lie on it.
    sure_score, faint_probability : float
        A box with this score or a higher one that meets no part gets the part above the lower
        probability inside it, if there is any: ground glass of which the network is unsure.
    mass_mm : float
        Parts with a longer axis in a slice are masses (Fleischner Society; Bankier et al.,
        Radiology 2024;310:e232558). The detector's boxes end there.
    mass_probability, mass_thickness : float
        A mass needs no box if its mean probability reaches the first, and the largest ball inside
        it the second as a share of its long axis, so that a branching vessel is no mass.
    least_mm3 : float
        Half of a ball of 3 mm, the smallest nodule that is measured.
    """

    probability: float = 0.5
    box_margin_px: float = 5.0
    share_in_boxes: float = 0.5
    neck: float = 0.7
    sure_score: float = 0.5
    faint_probability: float = 0.25
    mass_mm: float = 30.0
    mass_probability: float = 0.8
    mass_thickness: float = 1 / 3
    least_mm3: float = 7.07
