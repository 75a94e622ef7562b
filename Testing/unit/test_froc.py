"""FROC, CPM and operating points on scans whose curve is drawn by eye; nodules lie on one line."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from monai.metrics import compute_froc_curve_data, compute_froc_score

from LungPNetLib.errors import InputError, ModelError
from LungPNetLib.evaluation.detection import detection_score, tally
from LungPNetLib.evaluation.froc import (
    RATES,
    SizeGroup,
    froc_curve,
    froc_score,
    froc_scores,
    froc_table,
    without_negative,
)
from LungPNetLib.evaluation.intervals import patient_bootstrap, patient_mean
from LungPNetLib.evaluation.judged import (
    JudgedScan,
    ScoredFinding,
    TrueNodule,
    counting_only,
)
from LungPNetLib.evaluation.operating_points import (
    OperatingPoint,
    OperatingTable,
    operating_table,
)
from LungPNetLib.grading.nodule_type import NoduleType

NOWHERE = 900.0


def nodule(x: float, radius_mm: float = 4.0, **more) -> TrueNodule:
    return TrueNodule((x, 0.0, 0.0), radius_mm, **more)


def scan(name: str, findings, nodules=(), patient: str = "") -> JudgedScan:
    """Findings are (score, x)."""
    marks = tuple(ScoredFinding(score, (x, 0.0, 0.0)) for score, x in findings)
    return JudgedScan(name, patient or name, marks, tuple(nodules))


@pytest.fixture
def two_scans() -> list[JudgedScan]:
    """Two nodules in one scan, hit with 0.9 and 0.6; three false findings in the other."""
    return [
        scan("with", [(0.9, 1), (0.6, 51)], [nodule(0), nodule(50)]),
        scan("negative", [(0.8, 0), (0.7, 50), (0.65, 99)]),
    ]


def test_curve_of_two_scans(two_scans):
    curve = froc_curve(two_scans)
    assert curve.thresholds.tolist() == [math.inf, 0.9, 0.8, 0.7, 0.65, 0.6]
    assert curve.false_per_scan.tolist() == [0, 0, 0.5, 1, 1.5, 1.5]
    assert curve.sensitivity.tolist() == [0, 0.5, 0.5, 0.5, 0.5, 1]
    assert curve.at_rates.tolist() == [0.5, 0.5, 0.5, 0.5, 1, 1, 1]
    assert curve.cpm == pytest.approx(5 / 7)


def test_without_negative_scans_their_false_findings_are_gone(two_scans):
    curve = froc_curve(without_negative(two_scans))
    assert (curve.n_scans, curve.n_nodules, curve.cpm) == (1, 2, 1.0)


def test_a_scan_whose_nodules_are_all_excluded_is_negative():
    assert without_negative([scan("s", [(0.5, 0)], [nodule(0, excluded=True)])]) == []


def test_a_rate_that_the_curve_goes_straight_up_at_has_the_higher_sensitivity():
    """At 1 false finding a scan the second nodule is hit, and 1 is one of the rates."""
    one = scan("s", [(0.9, NOWHERE), (0.8, 0)], [nodule(0)])
    assert froc_curve([one]).at_rates.tolist() == [0, 0, 0, 1, 1, 1, 1]


def test_a_hit_and_a_false_finding_with_one_score_come_together():
    """A straight line from (0, 0) to (1, 1)."""
    curve = froc_curve([scan("s", [(0.9, 0), (0.9, NOWHERE)], [nodule(0)])])
    assert curve.false_per_scan.tolist() == [0, 1]
    assert curve.at_rates.tolist() == [0.125, 0.25, 0.5, 1, 1, 1, 1]


def test_several_findings_in_a_nodule_count_once_with_the_highest_score():
    marks = [(0.5, 0), (0.9, 1), (0.7, 2)]
    curve = froc_curve([scan("s", marks, [nodule(0)])])
    assert curve.thresholds.tolist() == [math.inf, 0.9]
    assert curve.false_per_scan.tolist() == [0, 0]


def test_findings_on_excluded_annotations_count_neither_way():
    annotations = [nodule(0), nodule(50, excluded=True)]
    curve = froc_curve([scan("s", [(0.9, 50), (0.8, 51), (0.7, 0)], annotations)])
    assert curve.false_per_scan.tolist() == [0, 0]
    assert curve.sensitivity.tolist() == [0, 1]


def test_no_findings_have_no_sensitivity_and_no_nodules_no_curve():
    assert froc_curve([scan("s", [], [nodule(0)])]).cpm == 0
    assert math.isnan(froc_curve([scan("s", [(0.5, 0)])]).cpm)
    assert math.isnan(froc_curve([scan("s", [(0.5, 0)], [nodule(0, excluded=True)])]).cpm)
    assert math.isnan(froc_curve([]).cpm)


def test_a_scan_given_twice_is_refused(two_scans):
    with pytest.raises(InputError, match="3 scans have 2 identifiers"):
        froc_curve([*two_scans, two_scans[0]])


PLACES = (0.0, 2.0, 50.0, 53.0, 100.0, 101.0, 150.0, NOWHERE)
"""In two nodules that count, in an excluded one, and nowhere."""

marks = st.lists(
    st.tuples(st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.8, 0.9]), st.sampled_from(PLACES)), max_size=8
)
annotated = st.sets(
    st.sampled_from([nodule(0), nodule(50), nodule(100, excluded=True)]), max_size=3
)


@st.composite
def cohorts(draw) -> list[JudgedScan]:
    """One to five scans, at least one nodule that counts."""
    drawn = draw(st.lists(st.tuples(marks, annotated), max_size=4))
    first = scan("first", draw(marks), [nodule(0)], patient="a")
    rest = [scan(f"s{k}", *what, patient="ab"[k % 2]) for k, what in enumerate(drawn)]
    return [first, *rest]


@given(cohorts())
def test_curves_never_fall(scans):
    curve = froc_curve(scans)
    assert (np.diff(curve.false_per_scan) >= 0).all()
    assert (np.diff(curve.sensitivity) >= 0).all()
    assert (np.diff(curve.at_rates) >= 0).all()
    assert (np.diff(curve.thresholds[1:]) < 0).all()


@given(cohorts(), st.sampled_from([0.05, 0.2, 0.4, 0.8, 0.95]))
def test_one_more_false_finding_never_raises_the_curve(scans, score):
    more = (*scans[0].findings, ScoredFinding(score, (NOWHERE, 0.0, 0.0)))
    worse = [replace(scans[0], findings=more), *scans[1:]]
    assert (froc_curve(worse).at_rates <= froc_curve(scans).at_rates + 1e-12).all()


@given(cohorts(), st.sampled_from([0.05, 0.2, 0.4, 0.8, 0.95]))
def test_one_more_finding_in_a_nodule_never_lowers_the_curve(scans, score):
    more = (*scans[0].findings, ScoredFinding(score, (1.0, 0.0, 0.0)))
    better = [replace(scans[0], findings=more), *scans[1:]]
    assert (froc_curve(better).at_rates >= froc_curve(scans).at_rates - 1e-12).all()


@given(cohorts(), st.randoms(use_true_random=False))
def test_the_order_of_scans_findings_and_nodules_is_nothing(scans, random):
    def mixed(items):
        return tuple(random.sample(items, len(items)))

    other = [
        replace(one, findings=mixed(one.findings), nodules=mixed(one.nodules))
        for one in mixed(scans)
    ]
    a, b = froc_curve(scans), froc_curve(other)
    np.testing.assert_array_equal(a.sensitivity, b.sensitivity)
    np.testing.assert_array_equal(a.false_per_scan, b.false_per_scan)


@given(cohorts())
def test_only_the_order_of_scores_matters(scans):
    other = [
        replace(one, findings=tuple(replace(f, score=f.score**3 - 5) for f in one.findings))
        for one in scans
    ]
    np.testing.assert_array_equal(froc_curve(scans).at_rates, froc_curve(other).at_rates)


@given(cohorts())
def test_the_curve_is_that_of_monai(scans):
    """MONAI leaves out the lowest score, so it gets one more false finding below all others."""
    counts = tally(scans)
    curve = compute_froc_curve_data(
        np.append(counts.false_scores, 0.0),
        counts.nodule_scores[np.isfinite(counts.nodule_scores)],
        len(counts.nodule_scores),
        len(scans),
    )
    assert froc_curve(scans).cpm == pytest.approx(compute_froc_score(*curve, RATES))


@given(cohorts(), st.sampled_from(RATES))
def test_the_operating_point_does_what_it_says(scans, rate):
    point = operating_table(scans).at(rate)
    score = detection_score(scans, math.inf if point.threshold is None else point.threshold)
    assert score.n_false / len(scans) == point.false_per_scan <= rate
    assert score.recall.mean == point.sensitivity


def test_operating_points_of_two_scans(two_scans):
    table = operating_table(two_scans)
    assert [point.rate for point in table.points] == list(RATES)
    assert [point.threshold for point in table.points] == [0.9, 0.9, 0.8, 0.7, 0.6, 0.6, 0.6]
    assert [point.sensitivity for point in table.points] == [0.5, 0.5, 0.5, 0.5, 1, 1, 1]
    assert table.at(8).false_per_scan == 1.5


def test_nothing_is_shown_at_a_rate_that_the_first_finding_exceeds():
    table = operating_table([scan("s", [(0.9, NOWHERE), (0.8, 0)], [nodule(0)])])
    assert [point.threshold for point in table.points] == [None, None, None, 0.8, 0.8, 0.8, 0.8]
    assert table.at(0.5).sensitivity == 0


def test_no_operating_point_without_a_nodule_and_none_between_the_rates(two_scans):
    with pytest.raises(InputError, match="No nodule counts in the 1 scans"):
        operating_table([scan("s", [(0.9, 0)])])
    with pytest.raises(InputError, match=r"at 3 false findings a scan; choose one of 0\.125"):
        operating_table(two_scans).at(3)


def test_the_table_survives_json(two_scans):
    none = scan("third", [(0.99, NOWHERE)])
    table = operating_table([*two_scans, none])
    text = json.dumps(table.record(), allow_nan=False)
    assert OperatingTable.from_record(json.loads(text)) == table


@pytest.mark.parametrize(
    "change",
    [
        {"points": []},
        {"points": [{"rate": 1.0}]},
        {"n_patients": 3},
        {"points": [vars(OperatingPoint(1.0, 0.5, 2.0, 0.5))]},
        {"points": [vars(OperatingPoint(r, r, 0.0, 0.5)) for r in (1.0, 2.0)]},
        {"points": [vars(OperatingPoint(r, 0.5, 0.0, 0.5)) for r in (2.0, 1.0)]},
        {"points": [vars(OperatingPoint(1.0, "0.5", 0.0, 0.5))]},
    ],
)
def test_a_damaged_table_is_refused(two_scans, change):
    with pytest.raises(ModelError, match="operating points of these weights"):
        OperatingTable.from_record({**operating_table(two_scans).record(), **change})


@pytest.mark.parametrize(
    ("diameter_mm", "group"),
    [(5.9, "< 6 mm"), (6, "6 to 8 mm"), (8, "6 to 8 mm"), (30, "> 8 to 30 mm"), (31, "> 30 mm")],
)
def test_size_groups(diameter_mm, group):
    assert SizeGroup.of(diameter_mm).value == group


def test_of_a_group_only_its_nodules_count_and_all_false_findings():
    """The small one is hit with 0.5, the large one with 0.9, and one false finding with 0.7."""
    nodules = [nodule(0, 2.0), nodule(50, 5.0)]
    scans = [scan("s", [(0.5, 0), (0.9, 50), (0.7, NOWHERE)], nodules)]
    small = froc_curve(counting_only(scans, lambda one: one.diameter_mm < 6))
    large = froc_curve(counting_only(scans, lambda one: one.diameter_mm >= 6))
    assert small.at_rates.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert small.n_nodules == large.n_nodules == 1
    assert large.cpm == 1


def test_the_table_has_a_row_for_each_group_there_is():
    nodules = [nodule(0, 2.0, nodule_type=NoduleType.SOLID), nodule(50, 5.0)]
    scans = [scan("s", [(0.5, 0)], nodules), scan("t", [(0.7, 0)])]
    table = froc_table(froc_scores(scans))
    assert table.header[:4] == ("nodules", "scans", "n", "1/8")
    assert [row[:3] for row in table.rows] == [
        ("all scans", "2", "2"),
        ("without negative scans", "1", "2"),
        ("< 6 mm", "2", "1"),
        ("> 8 to 30 mm", "2", "1"),
        ("solid", "2", "1"),
    ]
    assert table.rows[1][-1] == "0.500 (no interval)"
    assert table.rows[3][-1] == "0.000 (no interval)"


def test_intervals_are_those_of_a_mean_where_the_cpm_is_one():
    """A scan, a nodule and no false finding each: the CPM is the share of nodules hit."""
    hits = [1, 0, 1, 1, 0, 1, 1, 1]
    scans = [scan(f"s{k}", [(0.5, 0)] * hit, [nodule(0)]) for k, hit in enumerate(hits)]
    score, expected = froc_score(scans), patient_mean(hits)
    assert score.cpm.mean == expected.mean == 0.75
    assert score.cpm.low == pytest.approx(expected.low, abs=0.01)
    assert score.cpm.high == pytest.approx(expected.high, abs=0.01)
    assert score.at_rates == (score.cpm,) * 7


def test_scans_of_a_patient_are_drawn_together():
    """Five patients, of whom one has both scans that are missed."""
    alone = [scan(f"s{k}", [(0.5, 0)], [nodule(0)]) for k in range(4)]
    both = [scan(name, [], [nodule(0)], patient="both") for name in ("u", "v")]
    score = froc_score([*alone, *both])
    assert score.cpm.n_patients == 5
    assert score.cpm.mean == pytest.approx(4 / 6)
    assert score.cpm.low == pytest.approx(2 / 8), "three draws of the patient: 2 of 2 + 6 nodules"


def test_no_interval_where_four_patients_have_a_nodule():
    scans = [scan(f"s{k}", [(0.5, 0)], [nodule(0)] if k < 4 else ()) for k in range(9)]
    assert math.isnan(froc_score(scans).cpm.low)
    assert math.isfinite(froc_score(scans).cpm.mean)


def test_bootstrap_leaves_out_draws_in_which_a_figure_is_not_defined():
    """One of five patients has all that is counted: the share is 1 or, without them, nothing."""
    own = np.array([3, 0, 0, 0, 0])

    def figures(times):
        return np.array([times @ own / (times @ own or math.nan), math.nan])

    share, never = patient_bootstrap(figures, 5)
    assert (share.mean, share.low, share.high, share.n_patients) == (1, 1, 1, 5)
    assert all(math.isnan(value) for value in (never.mean, never.low, never.high))
