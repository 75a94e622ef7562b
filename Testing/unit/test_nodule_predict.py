"""Nodules by both networks: probability over the lungs, labels on the CT, and the weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from LungPNetLib.errors import InputError, ModelError
from LungPNetLib.evaluation.overlap import dice
from LungPNetLib.nodules.grid import network_input
from LungPNetLib.nodules.infer import NEAR_LUNGS_MM, WINDOW, nodule_probability, probability_in
from LungPNetLib.nodules.network import SegmenterArch, make_segmenter
from LungPNetLib.nodules.network_detector import Detector, DetectorArch
from LungPNetLib.nodules.network_gan import GanArch, make_generator
from LungPNetLib.nodules.predict import (
    SEGMENTER_SHA256,
    find_nodule_weights,
    found_by,
    operating_points,
    predict_nodules,
)
from LungPNetLib.runtime import Runtime
from LungPNetLib.volume import Volume
from LungPNetLib.weights.registry import find_weights, sha256_of
from nodule_samples import LEFT_BALL, RIGHT_BALL, a_chest, a_table, box, bright, register

SEGMENTER = SegmenterArch("unet", (4, 8, 8, 8))
GENERATOR = GanArch("blocks", (4, 4))
DETECTOR = DetectorArch("basic", 4, (4, 4, 4), (1, 1, 1), pyramid=4)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights but those of the test."""
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("LungPNetLib.weights.registry.SHIPPED_FOLDER", tmp_path / "shipped")


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """Registered weights of an untrained segmenter and detector."""
    folder = tmp_path / "shipped"
    register(folder, "nodule-segmenter", make_segmenter(SEGMENTER), SEGMENTER.to_mapping())
    register(folder, "nodule-detector", Detector(DETECTOR), DETECTOR.to_mapping())
    return folder


# --- The probability ---


@pytest.mark.parametrize("shape", [(30, 40, 50), (80, 80, 80), (81, 150, 97), (145, 90, 230)])
def test_windows_leave_no_seam(shape):
    """A network that looks at each voxel alone gives the same by windows as at once."""
    image = np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)
    found = probability_in(image, np.ones(shape, bool), lambda batch: 3 * batch)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-3 * image)), rtol=1e-5)


def test_every_window_has_the_same_size_and_those_beside_the_lungs_are_left_out():
    shape, seen = (90, 100, 400), []
    wanted = np.zeros(shape, bool)
    wanted[40, 50, 30] = True

    def network(batch):
        seen.extend(window.shape for window in batch)
        return batch

    found = probability_in(np.zeros(shape, np.float32), wanted, network)
    assert set(seen) == {(1, WINDOW, WINDOW, WINDOW)}
    assert len(seen) < 8
    assert found[40, 50, 30] == 0.5
    assert not found[:, :, 200:].any()


def test_the_last_channel_is_the_logit():
    image = np.zeros((20, 20, 20), np.float32)
    painted = probability_in(
        image, image == 0, lambda batch: np.concatenate([batch + 9, batch - 9], axis=1)
    )
    assert painted.max() < 0.001


def test_extreme_logits_are_no_trouble():
    image = np.full((20, 20, 20), 1.0, np.float32)
    with np.errstate(all="raise", under="ignore"):
        sure = probability_in(image, image == 1, lambda batch: batch * 1e4)
        never = probability_in(image, image == 1, lambda batch: batch * -1e4)
    assert sure.min() == 1.0
    assert never.max() < 1e-30


def test_the_network_sees_the_lungs_on_a_grid_of_1_mm_with_a_margin():
    ct, lungs, nodules = a_chest()
    probability, near = nodule_probability(ct, lungs, bright())
    assert probability.spacing_mm == (1.0, 1.0, 1.0)
    extent = np.array(probability.shape[::-1])
    # Two lungs of 55 mm radius, 120 mm apart, and 10 mm on each side.
    np.testing.assert_allclose(extent, (250, 130, 130), atol=12)
    balls = nodules.with_array((nodules.array > 0).astype(np.uint8))
    truth = balls.resampled_to(probability, interpolation="nearest").array > 0
    assert probability.array[truth].mean() > 0.9
    own = lungs.resampled_to(probability, interpolation="nearest").array > 0
    assert near.array[own].all()
    grown = (3 * near.array.sum() / (8 * np.pi)) ** (1 / 3)
    assert grown == pytest.approx(55 + NEAR_LUNGS_MM, abs=0.7)


def test_progress_ends_at_one():
    shares: list[float] = []
    ct, lungs, _ = a_chest((3.0, 3.0, 5.0))
    nodule_probability(ct, lungs, bright(), progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


def test_empty_lungs_are_refused():
    ct, lungs, _ = a_chest((3.0, 3.0, 5.0))
    with pytest.raises(InputError, match="lung mask is empty"):
        nodule_probability(ct, lungs.with_array(lungs.array * 0), bright())


# --- Both networks ---


@pytest.mark.parametrize("turned", [False, True])
def test_what_both_networks_mark_is_found_with_its_outline(turned):
    ct, lungs, nodules = a_chest()
    if turned:
        order = ct.axis_order_to([[0, 0, -1], [1, 0, 0], [0, 1, 0]])
        ct, lungs, nodules = (order.apply(volume) for volume in (ct, lungs, nodules))
    boxes = [box(RIGHT_BALL, 0.6), box(LEFT_BALL, 0.9)]
    labels, findings, dropped = found_by(ct, lungs, bright(), boxes)
    assert labels.same_grid_as(ct)
    assert findings[0].score > findings[1].score
    assert len(findings) == 2
    for label, ball in ((1, LEFT_BALL), (2, RIGHT_BALL)):
        truth = nodules.array == (2 if ball is LEFT_BALL else 1)
        assert dice(truth, labels.array == label) > 0.8
        np.testing.assert_allclose(findings[label - 1].centre_lps_mm, ball[0], atol=1.0)
        assert findings[label - 1].box_lps_mm.low_lps_mm[0] < ball[0][0]
    assert dropped == ()


def test_what_one_network_marks_alone_is_dropped_with_its_score():
    ct, lungs, _ = a_chest()
    nowhere = box(((60.0, 30.0, 20.0), 5.0), 0.3)
    labels, findings, dropped = found_by(ct, lungs, bright(), [box(RIGHT_BALL, 0.9), nowhere])
    assert len(findings) == 1
    assert set(np.unique(labels.array)) == {0, 1}
    by_place = {np.sign(one.centre_lps_mm[1]): one.score for one in dropped}
    assert by_place[1.0] == 0.3
    assert by_place[-1.0] > 0.9


def test_no_box_gives_no_finding():
    ct, lungs, _ = a_chest()
    labels, findings, _ = found_by(ct, lungs, bright(), [])
    assert findings == ()
    assert not labels.array.any()


# --- Weights ---


def test_no_weights_is_told_apart_from_weights_that_were_asked_for(tmp_path):
    assert find_nodule_weights() is None
    ct, lungs, _ = a_chest((3.0, 3.0, 5.0))
    with pytest.raises(ModelError, match="lungpnet train nodule-segmenter"):
        predict_nodules(ct, lungs)
    with pytest.raises(ModelError, match="neither a file nor the id"):
        find_nodule_weights(segmenter="unknown")
    file = register(
        tmp_path / "own", "nodule-segmenter", make_segmenter(SEGMENTER), SEGMENTER.to_mapping()
    )
    with pytest.raises(ModelError, match="no weights for 'nodule-detector'"):
        find_nodule_weights(segmenter=file)


def test_one_network_alone_finds_no_nodules(tmp_path):
    register(tmp_path / "shipped", "nodule-detector", Detector(DETECTOR), DETECTOR.to_mapping())
    assert find_nodule_weights() is None


def test_weights_for_another_task_are_refused(shipped):
    detector = shipped / "nodule-detector.safetensors"
    with pytest.raises(ModelError, match="'nodule-segmenter' or 'nodule-gan' is needed"):
        find_nodule_weights(segmenter=detector)


@pytest.mark.parametrize("runtime", [Runtime.TORCH, Runtime.OPENVINO])
@pytest.mark.parametrize("adversarial", [False, True])
def test_trained_weights_of_either_segmenter_run(shipped, tmp_path, runtime, adversarial):
    if runtime is Runtime.OPENVINO:
        pytest.importorskip("openvino")
    segmenter = None
    if adversarial:
        segmenter = register(
            tmp_path / "own", "nodule-gan", make_generator(GENERATOR), GENERATOR.to_mapping()
        )
    ct, lungs, _ = a_chest((3.0, 3.0, 5.0))
    found = predict_nodules(ct, lungs, segmenter=segmenter, runtime=runtime)
    outliner, marker = found.models
    assert outliner["task"] == ("nodule-gan" if adversarial else "nodule-segmenter")
    assert outliner["runtime"] == runtime.value
    assert (marker["task"], marker["runtime"], marker["device"]) == (
        "nodule-detector",
        "torch",
        "cpu",
    )
    assert found.labels.same_grid_as(ct)
    assert any("without operating points" in notice for notice in found.notices)


def test_damaged_weights_are_refused(shipped):
    (shipped / "nodule-detector.safetensors").write_bytes(b"damaged")
    ct, lungs, _ = a_chest((3.0, 3.0, 5.0))
    with pytest.raises(ModelError, match="damaged or were changed"):
        predict_nodules(ct, lungs)


def weights_with_points(shipped: Path, made_with: str):
    record = a_table().record() | {SEGMENTER_SHA256: made_with}
    register(
        shipped,
        "nodule-detector",
        Detector(DETECTOR),
        DETECTOR.to_mapping(),
        operating_points=record,
    )
    weights = find_nodule_weights()
    assert weights is not None
    return weights


def test_operating_points_come_with_the_detector(shipped):
    sha256 = sha256_of(shipped / "nodule-segmenter.safetensors")
    table, notices = operating_points(weights_with_points(shipped, sha256))
    assert table == a_table()
    assert notices == []


def test_operating_points_of_another_segmenter_are_used_and_said_to_be(shipped):
    table, (notice,) = operating_points(weights_with_points(shipped, "0" * 64))
    assert table == a_table()
    assert "nodule-segmenter-compact-test" in notice


def test_damaged_operating_points_are_refused(shipped):
    weights = weights_with_points(shipped, "")
    weights.detector.entry.preprocessing["operating_points"]["points"] = [{"rate": 1}]
    with pytest.raises(ModelError, match="operating points of these weights cannot be used"):
        operating_points(weights)


def test_the_newest_segmenter_of_either_kind_is_the_default(shipped):
    assert find_weights("nodule-segmenter", "nodule-gan").entry.task == "nodule-segmenter"
    register(shipped, "nodule-gan", make_generator(GENERATOR), GENERATOR.to_mapping())
    assert find_weights("nodule-segmenter", "nodule-gan").entry.task == "nodule-gan"


def test_the_network_gets_what_it_was_trained_on():
    """HU beyond the window reach it as -1 and 1."""
    ct, lungs, _ = a_chest((3.0, 3.0, 5.0))
    seen: list[float] = []

    def network(batch):
        seen.extend([float(batch.min()), float(batch.max())])
        return batch

    loud = Volume(ct.array * 10, ct.spacing_mm, ct.origin_mm)
    nodule_probability(loud, lungs, network)
    assert (min(seen), max(seen)) == (-1.0, 1.0)
    assert network_input(np.array([-850.0])) > -1
