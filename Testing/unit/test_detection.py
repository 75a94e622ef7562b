"""Matching, precision and recall, and average precision, on scans that are matched by eye."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.average_precision import average_precision
from LungPNetLib.evaluation.detection import Verdict, detection_score, match
from LungPNetLib.evaluation.judged import (
    Box,
    JudgedScan,
    ScoredFinding,
    TrueNodule,
    counting_only,
)

HIT, FALSE, IGNORED = Verdict.HIT, Verdict.FALSE, Verdict.IGNORED


def cube(x: float, half_mm: float = 1.0) -> Box:
    return Box.around((x, 0.0, 0.0), half_mm)


def nodule(x: float, radius_mm: float = 4.0, **more) -> TrueNodule:
    return TrueNodule((x, 0.0, 0.0), radius_mm, box=cube(x), **more)


def finding(score: float, x: float) -> ScoredFinding:
    return ScoredFinding(score, (x, 0.0, 0.0), cube(x))


def scan(findings, nodules=(), name: str = "s", patient: str = "p") -> JudgedScan:
    """Findings are (score, x); boxes are cubes of 2 mm."""
    marks = tuple(finding(score, x) for score, x in findings)
    return JudgedScan(name, patient, marks, tuple(nodules))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(("off_mm", "verdict"), [(3.9, HIT), (4.0, HIT), (4.1, FALSE)])
def test_a_hit_lies_within_the_radius_along_each_axis(axis, off_mm, verdict):
    place = [10.0, -20.0, 30.0]
    truth = TrueNodule(tuple(place), 4.0)
    place[axis] -= off_mm
    judged = JudgedScan("s", "p", (ScoredFinding(0.5, tuple(place)),), (truth,))
    assert match(judged).verdicts == (verdict,)


def test_the_distance_is_the_straight_one():
    """3, 3, 3 is 5.2 mm off, though no axis is."""
    judged = JudgedScan("s", "p", (ScoredFinding(0.5, (3.0, 3.0, 3.0)),), (nodule(0, 5.0),))
    assert match(judged).verdicts == (FALSE,)


def test_findings_and_nodules_find_each_other():
    found = match(
        scan(
            [(0.2, 1), (0.9, -1), (0.9, 0), (0.5, 50), (0.4, 99), (0.1, 900)],
            [nodule(0), nodule(50, excluded=True), nodule(70), nodule(100)],
        )
    )
    assert found.verdicts == (HIT, HIT, HIT, IGNORED, HIT, FALSE)
    assert found.best_finding == (1, 3, None, 4), "the first of equal scores"


def test_a_finding_in_two_nodules_hits_both():
    judged = scan([(0.5, 3)], [nodule(0), nodule(6)])
    assert match(judged).best_finding == (0, 0)
    assert detection_score([judged], 0.5).n_hit == 2


def test_a_nodule_that_counts_comes_before_an_excluded_one():
    judged = scan([(0.5, 3)], [nodule(6, excluded=True), nodule(0)])
    assert match(judged).verdicts == (HIT,)


def test_what_does_not_count_is_excluded_and_what_was_excluded_stays_so():
    judged = scan([], [nodule(0, votes=4), nodule(50, votes=4, excluded=True), nodule(70, votes=1)])
    [chosen] = counting_only([judged], lambda one: one.votes >= 3)
    assert [one.excluded for one in chosen.nodules] == [False, True, True]
    assert chosen.findings == judged.findings


@pytest.mark.parametrize("nodules", [(), (nodule(0),)])
def test_nothing_found(nodules):
    found = match(scan([], nodules))
    assert found.verdicts == ()
    assert found.best_finding == (None,) * len(nodules)


@pytest.mark.parametrize(
    "made",
    [
        lambda: ScoredFinding(math.nan, (0.0, 0.0, 0.0)),
        lambda: ScoredFinding(0.5, (0.0, math.inf, 0.0)),
        lambda: ScoredFinding(0.5, (0.0, 0.0)),
        lambda: TrueNodule((0.0, 0.0, 0.0), 0.0),
        lambda: TrueNodule((0.0, 0.0, 0.0), -1.0),
        lambda: TrueNodule((0.0, 0.0, math.nan), 3.0),
        lambda: Box((0.0, 0.0, 0.0), (1.0, 1.0, 0.0)),
        lambda: Box((0.0, 0.0, 0.0), (1.0, 1.0, math.inf)),
    ],
)
def test_what_no_scan_can_have_is_refused(made):
    with pytest.raises(InputError, match="accepted"):
        made()


def test_precision_recall_and_f1_from_a_score_on():
    """From 0.5 on: 2 of 3 nodules hit, one of them twice, 2 false, 1 ignored."""
    judged = scan(
        [(0.9, 0), (0.8, 1), (0.5, 50), (0.4, 100), (0.7, 800), (0.6, 900), (0.9, 150)],
        [nodule(0), nodule(50), nodule(100), nodule(150, excluded=True)],
    )
    score = detection_score([judged], 0.5)
    assert (score.n_hit, score.n_missed, score.n_false) == (2, 1, 2)
    assert score.precision.mean == 2 / 4
    assert score.recall.mean == pytest.approx(2 / 3)
    assert score.f1.mean == pytest.approx(4 / 7)
    assert math.isnan(score.f1.low), "one patient has no interval"


def test_precision_and_recall_where_there_is_nothing_to_divide_by():
    nothing = detection_score([scan([])], 0.5)
    assert all(math.isnan(f.mean) for f in (nothing.precision, nothing.recall, nothing.f1))
    missed = detection_score([scan([(0.4, 0)], [nodule(0)])], 0.5)
    assert math.isnan(missed.precision.mean)
    assert missed.recall.mean == missed.f1.mean == 0
    excluded = detection_score([scan([(0.9, 0)], [nodule(0, excluded=True)])], 0.5)
    assert math.isnan(excluded.precision.mean)


def test_intervals_of_patients_who_are_all_alike_have_no_width():
    scans = [
        scan([(0.9, 0), (0.9, 900)], [nodule(0), nodule(50)], f"s{k}", f"p{k}") for k in range(6)
    ]
    score = detection_score(scans, 0.5)
    for figure in (score.precision, score.recall, score.f1):
        assert (figure.low, figure.high, figure.n_patients) == (0.5, 0.5, 6)


def at_both(*scans: JudgedScan) -> list[float]:
    return [precision.mean for precision in average_precision(scans).values()]


def test_boxes_that_are_the_same_and_boxes_that_share_a_third():
    """Cubes of 2 mm, one 1 mm aside: 4 of 12 mm3 in common."""
    assert at_both(scan([(0.9, 0)], [nodule(0)])) == pytest.approx([1, 1])
    assert at_both(scan([(0.9, 1)], [nodule(0)])) == pytest.approx([1, 0])


def test_one_of_two_nodules_found_fills_half_of_the_recalls():
    """0 to 0.5 are 51 of 101."""
    assert at_both(scan([(0.9, 0)], [nodule(0), nodule(50)])) == pytest.approx([51 / 101] * 2)


def test_a_false_finding_matters_where_it_comes_before_a_hit():
    assert at_both(scan([(0.9, 900), (0.8, 0)], [nodule(0)])) == pytest.approx([0.5, 0.5])
    assert at_both(scan([(0.8, 900), (0.9, 0)], [nodule(0)])) == pytest.approx([1, 1])


def test_a_second_finding_on_a_nodule_is_false_here():
    """Hit, the same again, hit: precision 1 to recall 0.5, then 2 of 3."""
    judged = scan([(0.9, 0), (0.8, 0), (0.7, 50)], [nodule(0), nodule(50)])
    assert at_both(judged) == pytest.approx([(51 + 50 * 2 / 3) / 101] * 2)


def test_findings_on_excluded_annotations_are_left_out_however_many():
    bare = TrueNodule((50.0, 0.0, 0.0), 4.0, excluded=True)
    judged = scan([(0.9, 50), (0.8, 51), (0.7, 0)], [nodule(0), bare])
    assert at_both(judged) == pytest.approx([1, 1])


def test_precision_of_nothing():
    assert at_both(scan([], [nodule(0)])) == [0, 0]
    assert all(math.isnan(value) for value in at_both(scan([(0.9, 0)])))
    assert all(math.isnan(v) for v in at_both(scan([(0.9, 0)], [nodule(0, excluded=True)])))
    assert all(math.isnan(value) for value in at_both(scan([])))
    assert all(math.isnan(value) for value in at_both())


def test_the_last_of_many_findings_counts():
    """MONAI would stop at 100: 150 are false here before the one that hits."""
    judged = scan([(0.9, 900 + k) for k in range(150)] + [(0.1, 0)], [nodule(0)])
    assert at_both(judged) == pytest.approx([1 / 151] * 2)


def test_a_box_that_is_missing_is_said():
    bare = replace(finding(0.9, 0), box=None)
    with pytest.raises(InputError, match="1 of 1 findings or nodules of a scan have no box"):
        average_precision([JudgedScan("s", "p", (bare,), (nodule(0),))])


def test_average_precision_has_an_interval_over_patients():
    """Five patients, one nodule each, four found: half of the draws leave the fifth out or not."""
    scans = [scan([(0.9, 0)] * (k > 0), [nodule(0)], f"s{k}", f"p{k}") for k in range(5)]
    precision = average_precision(scans)[0.1]
    assert precision.mean == pytest.approx(81 / 101)
    assert precision.high == pytest.approx(1)
    assert precision.low == pytest.approx(41 / 101), "three draws of the fifth: 2 of 5 found"


marks = st.lists(
    st.tuples(st.sampled_from([0.2, 0.5, 0.9]), st.sampled_from([0.0, 1.0, 50.0, 900.0])),
    max_size=6,
)
some_scans = st.lists(marks, min_size=1, max_size=3).map(
    lambda drawn: [scan(m, [nodule(0), nodule(50)], f"s{k}") for k, m in enumerate(drawn)]
)


@settings(max_examples=40)
@given(some_scans, st.sampled_from([0.1, 0.5, 0.95]))
def test_one_more_false_finding_never_raises_the_precision(scans, score):
    more = (*scans[0].findings, finding(score, 800.0))
    worse = at_both(replace(scans[0], findings=more), *scans[1:])
    assert all(a <= b + 1e-9 for a, b in zip(worse, at_both(*scans), strict=True))


@given(some_scans, st.sampled_from([0.5, 0.95]))
def test_one_more_false_finding_lowers_f1_and_leaves_recall(scans, score):
    more = (*scans[0].findings, finding(score, 800.0))
    worse = detection_score([replace(scans[0], findings=more), *scans[1:]], 0.5)
    before = detection_score(scans, 0.5)
    assert worse.n_false == before.n_false + 1
    assert worse.recall.mean == before.recall.mean
    assert worse.f1.mean < before.f1.mean or worse.n_hit == 0


@settings(max_examples=40)
@given(some_scans, st.randoms(use_true_random=False))
def test_the_order_given_is_nothing(scans, random):
    other = [
        replace(one, findings=tuple(random.sample(one.findings, len(one.findings))))
        for one in random.sample(scans, len(scans))
    ]
    assert at_both(*other) == at_both(*scans)
