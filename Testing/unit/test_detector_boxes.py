"""Boxes of the detector: coding, matching, pooling and what a label map says."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from LungPNetLib.nodules.boxes import (
    NEGATIVE,
    NEITHER,
    POSITIVE,
    anchors,
    boxes_of_labels,
    decode,
    encode,
    match,
    pool,
    suppressed,
)
from LungPNetLib.nodules.detector_losses import giou_loss, smooth_l1_loss

centres = st.tuples(*[st.floats(-50, 50)] * 3)
sides = st.tuples(*[st.floats(2, 16)] * 3)


def cube(z, y, x, side):
    return [z - side / 2, y - side / 2, x - side / 2, z + side / 2, y + side / 2, x + side / 2]


def box_of(centre, side):
    centre, half = np.array(centre), np.array(side) / 2
    return torch.tensor(np.concatenate([centre - half, centre + half])[None], dtype=torch.float32)


@settings(deadline=None)
@given(centres, sides, centres, sides)
def test_decoding_undoes_coding(centre, side, from_centre, from_side):
    box, reference = box_of(centre, side), box_of(from_centre, from_side)
    torch.testing.assert_close(decode(encode(box, reference), reference), box, atol=1e-3, rtol=1e-4)


def test_code_of_a_shifted_larger_box():
    code = encode(torch.tensor([cube(3, 10, 10, 8.0)]), torch.tensor([cube(1, 10, 10, 4.0)]))
    torch.testing.assert_close(code, torch.tensor([[0.5, 0, 0, *[np.log(2.0)] * 3]]).float())


def test_wild_deltas_decode_to_finite_boxes_with_a_side():
    deltas = torch.tensor([[0.0, 0, 0, 1e4, -1e4, 0]], requires_grad=True)
    reference = torch.tensor([cube(0, 0, 0, 4.0)])
    box = decode(deltas, reference)
    torch.testing.assert_close(box, torch.tensor([[-16.0, -0.25, -2, 16, 0.25, 2]]))
    loss = giou_loss(deltas, reference, torch.tensor([cube(90, 0, 0, 3.0)]))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(deltas.grad).all()


def test_giou_of_decoded_boxes_has_the_values_of_the_definition():
    """Cubes of side 2: the same; shifted by 1 along z (4 of 12 shared, hull 12); 2 apart."""
    reference = torch.tensor([cube(0, 0, 0, 2.0)] * 3)
    truth = torch.tensor([cube(0, 0, 0, 2.0), cube(1, 0, 0, 2.0), cube(4, 0, 0, 2.0)])
    losses = [
        float(giou_loss(torch.zeros(1, 6), reference[k : k + 1], truth[k : k + 1]))
        for k in range(3)
    ]
    # 1 - IoU + (hull - union) / hull; in the last case the hull is 6 x 2 x 2 and the union 16.
    assert losses == pytest.approx([0, 1 - 4 / 12, 1 + 8 / 24], abs=1e-5)


def test_giou_looks_at_the_boxes_and_not_at_their_code():
    """A code that leads to the true box costs nothing, whatever its numbers are."""
    reference, truth = torch.tensor([cube(5, 5, 5, 3.0)]), torch.tensor([cube(8, 2, 5, 7.0)])
    assert float(giou_loss(encode(truth, reference), reference, truth)) == pytest.approx(
        0, abs=1e-5
    )
    assert float(smooth_l1_loss(encode(truth, reference), reference, truth)) == 0


@pytest.mark.parametrize("loss", [giou_loss, smooth_l1_loss])
def test_losses_of_no_box_are_zero(loss):
    nothing = torch.zeros(0, 6, requires_grad=True)
    value = loss(nothing, torch.zeros(0, 6), torch.zeros(0, 6))
    value.backward()
    assert value.item() == 0


def test_anchors_are_cubes_around_the_middle_of_each_cell():
    found = anchors((1, 1, 2), stride=4, sides=(2.0, 6.0))
    expected = [cube(2, 2, 2, 2.0), cube(2, 2, 2, 6.0), cube(2, 2, 6, 2.0), cube(2, 2, 6, 6.0)]
    assert found.tolist() == expected


def test_matching_by_overlap():
    """Shifted along z by s, cubes of side 10 have an IoU of (10 - s) / (10 + s)."""
    boxes = torch.tensor([cube(20 + shift, 20, 20, 10.0) for shift in (0, 5, 7, 9.5, 30)])
    found = match(
        boxes, torch.tensor([cube(20, 20, 20, 10.0)]), torch.zeros(0, 6),
        positive_iou=0.3, negative_iou=0.1, best_too=False,
    )  # fmt: skip
    assert found.kinds.tolist() == [POSITIVE, POSITIVE, NEITHER, NEGATIVE, NEGATIVE]


def test_a_nodule_that_no_anchor_fits_gets_the_best_one():
    boxes = torch.tensor([cube(20, 20, 20, 30.0), cube(20, 20, 23, 10.0), cube(60, 60, 60, 10.0)])
    nodules = torch.tensor([cube(60, 60, 60, 9.0), cube(20, 20, 20, 3.0)])
    how = {"positive_iou": 0.3, "negative_iou": 0.1}
    none = torch.zeros(0, 6)
    found = match(boxes, nodules, none, **how, best_too=True)
    assert found.kinds.tolist() == [NEGATIVE, POSITIVE, POSITIVE]
    assert found.nodules[1:].tolist() == [1, 0]
    assert match(boxes, nodules, none, **how, best_too=False).kinds[1] == NEGATIVE


def test_boxes_on_a_cut_nodule_are_no_negatives_but_others_are():
    boxes = torch.tensor([cube(20, 20, 20, 10.0), cube(60, 60, 60, 10.0)])
    cut = torch.tensor([cube(27, 20, 20, 6.0)])
    found = match(boxes, torch.zeros(0, 6), cut, positive_iou=0.3, negative_iou=0.1, best_too=True)
    assert found.kinds.tolist() == [NEITHER, NEGATIVE]


def test_pooling_a_linear_ramp_is_exact():
    """Cell k of stride 4 has its middle at voxel edge 4 k + 2."""
    z, y, x = torch.meshgrid(*[4.0 * torch.arange(n) + 2 for n in (6, 8, 10)], indexing="ij")
    features = torch.stack([z, 3 * y - x])
    boxes = torch.tensor([[3.0, 4, 5, 17, 11, 33], [8, 8, 8, 9, 9, 9]])
    pooled = pool(features, boxes, stride=4, size=7)
    assert pooled.shape == (2, 2, 7, 7, 7)
    steps = (torch.arange(7) + 0.5) / 7
    torch.testing.assert_close(pooled[0, 0, :, 3, 3], 3 + 14 * steps)
    torch.testing.assert_close(pooled[0, 1, 0, :, 0], 3 * (4 + 7 * steps) - (5 + 28 * steps[0]))
    torch.testing.assert_close(pooled[0, 1, 2, 4], 3 * (4 + 7 * steps[4]) - (5 + 28 * steps))
    torch.testing.assert_close(pooled[1, 0, :, 0, 0], 8 + steps)


def test_pooling_no_box_gives_no_features():
    assert pool(torch.zeros(5, 2, 2, 2), torch.zeros(0, 6), 4, 7).shape == (0, 5, 7, 7, 7)


def test_the_better_of_two_boxes_on_one_place_is_left():
    boxes = torch.tensor([cube(20, 20, 20, 10.0), cube(21, 20, 20, 10.0), cube(60, 20, 20, 10.0)])
    scores = torch.tensor([0.2, 0.9, 0.4])
    assert suppressed(boxes, scores, 0.3, 10).tolist() == [1, 2]
    assert suppressed(boxes, scores, 0.3, 1).tolist() == [1]
    assert suppressed(boxes[:0], scores[:0], 0.3, 10).tolist() == []


def test_boxes_of_a_label_map():
    """Label 2 is whole, 4 is cut with 2 of 8 voxels left, 5 with 4 of 8, 3 is absent."""
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[2:4, 3:6, 4:5] = 2
    labels[0, 0:2, 0] = 4
    labels[7, 4:6, 4:6] = 5
    boxes, known = boxes_of_labels(labels, {2: 6, 4: 8, 5: 8})
    assert boxes.tolist() == [[2, 3, 4, 4, 6, 5], [0, 0, 0, 1, 2, 1], [7, 4, 4, 8, 6, 6]]
    assert known.tolist() == [True, False, True]


def test_no_label_gives_no_box():
    boxes, known = boxes_of_labels(np.zeros((4, 4, 4), np.uint8), {})
    assert boxes.shape == (0, 6)
    assert known.shape == (0,)
