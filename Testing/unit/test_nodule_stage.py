"""From scored outlines to findings, and from findings to every file of a result."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import SimpleITK as sitk

import LungPNetLib.report
from LungPNetLib.dicom.masks import read_mask
from LungPNetLib.errors import InputError, ModelError
from LungPNetLib.evaluation.judged import Box
from LungPNetLib.events import Reporter
from LungPNetLib.grading.measure import measure_nodule
from LungPNetLib.grading.nodule_type import NoduleType
from LungPNetLib.nodules.finding import FindingName, NoduleFinding, Origin
from LungPNetLib.nodules.heterogeneity import measure_heterogeneity
from LungPNetLib.nodules.predict import Candidate, NodulePrediction, NoduleWeights, found_by
from LungPNetLib.nodules.stage import AT_MOST, NO_WEIGHTS, measured_nodules
from LungPNetLib.pipeline import STAGES, AnalyzeOptions, analyze, run
from LungPNetLib.reading import read_study
from LungPNetLib.study import Study
from LungPNetLib.volume import Volume, read_image
from nodule_samples import LEFT_BALL, RIGHT_BALL, a_chest, a_table, box, bright

MODELS = ({"id": "outliner"}, {"id": "marker"})
SPACING = (1.5, 1.5, 2.5)


def predicted(ct: Volume, lungs: Volume, *boxes, table=None) -> NodulePrediction:
    labels, findings, dropped = found_by(ct, lungs, bright(), boxes)
    return NodulePrediction(labels, findings, dropped, MODELS, (), table)


def scored(prediction: NodulePrediction, *scores: float) -> NodulePrediction:
    pairs = zip(prediction.findings, scores, strict=True)
    return replace(prediction, findings=tuple(replace(one, score=score) for one, score in pairs))


@pytest.fixture(scope="module")
def chest() -> tuple[Volume, Volume, Volume]:
    return a_chest(SPACING)


@pytest.fixture(scope="module")
def prediction(chest) -> NodulePrediction:
    """The right ball first."""
    ct, lungs, _ = chest
    return predicted(ct, lungs, box(RIGHT_BALL, 0.9), box(LEFT_BALL, 0.6))


def test_findings_are_measured_typed_and_placed(chest, prediction):
    ct, lungs, _ = chest
    stage = measured_nodules(ct, lungs, prediction, false_findings_per_scan=1.0)
    right, left = stage.findings
    assert (right.finding_id, left.finding_id) == ("N1", "N2")
    assert (right.measurements.side, left.measurements.side) == ("right", "left")
    assert right.measurements.long_axis_mm == pytest.approx(2 * RIGHT_BALL[1], abs=1.5)
    assert right.origin is Origin.FOUND
    assert (right.mask.file, right.mask.label, left.mask.label) == ("nodules.nrrd", 1, 2)
    assert right.type_finding.nodule_type is NoduleType.SOLID
    assert right.score == prediction.findings[0].score
    for label, finding in enumerate(stage.findings, start=1):
        mask = stage.labels.with_array((stage.labels.array == label).astype(np.uint8))
        assert finding.measurements == measure_nodule(ct, mask, lungs)
        assert finding.heterogeneity == measure_heterogeneity(ct, mask).numbers
        assert finding.centre_lps_mm == pytest.approx(finding.measurements.centre_mm, abs=1.0)


@pytest.mark.parametrize(
    ("rate", "scores", "selected", "kept"),
    [
        (0.25, (0.95, 0.7), [True, False], 2),
        (1.0, (0.95, 0.7), [True, True], 2),
        (1.0, (0.6, 0.5999), [True, False], 2),
        (8.0, (0.3, 0.1), [True], 1),
    ],
)
def test_the_operating_point_selects(chest, prediction, rate, scores, selected, kept):
    ct, lungs, _ = chest
    scored_so = replace(scored(prediction, *scores), operating_points=a_table())
    stage = measured_nodules(ct, lungs, scored_so, false_findings_per_scan=rate)
    assert [finding.selected for finding in stage.findings] == selected
    assert set(np.unique(stage.labels.array)) == set(range(kept + 1))
    assert stage.record == {
        "operating_rate": rate,
        "threshold": {0.25: 0.9, 1.0: 0.6, 8.0: 0.2}[rate],
        "operating_points": a_table().record(),
        "segmenter": "outliner",
        "detector": "marker",
    }


def test_without_a_table_half_is_the_threshold_and_everything_is_listed(chest, prediction):
    ct, lungs, _ = chest
    stage = measured_nodules(ct, lungs, scored(prediction, 0.5, 0.01), false_findings_per_scan=8.0)
    assert [finding.selected for finding in stage.findings] == [True, False]
    assert stage.record["threshold"] == 0.5
    assert stage.record["operating_points"] is None


def test_a_point_at_which_nothing_may_be_shown_selects_nothing(chest, prediction):
    ct, lungs, _ = chest
    first, *others = a_table().points
    table = replace(a_table(), points=(replace(first, threshold=None, sensitivity=0.0), *others))
    stage = measured_nodules(
        ct, lungs, replace(prediction, operating_points=table), false_findings_per_scan=0.25
    )
    assert [finding.selected for finding in stage.findings] == [False, False]
    assert stage.record["threshold"] is None


def test_a_rate_that_was_not_measured_is_refused(chest, prediction):
    ct, lungs, _ = chest
    with pytest.raises(InputError, match="no operating point at 2 false findings"):
        measured_nodules(
            ct, lungs, replace(prediction, operating_points=a_table()), false_findings_per_scan=2.0
        )


def test_no_finding_is_a_result(chest):
    ct, lungs, _ = chest
    stage = measured_nodules(ct, lungs, predicted(ct, lungs), false_findings_per_scan=1.0)
    assert stage.findings == []
    assert not stage.labels.array.any()


def test_only_the_best_are_listed(chest, prediction):
    ct, lungs, _ = chest
    columns = np.zeros(ct.shape, np.uint16)
    columns[20, 50, : AT_MOST + 10] = np.arange(1, AT_MOST + 11)
    many = replace(
        prediction,
        labels=ct.with_array(columns),
        findings=(prediction.findings[0],) * (AT_MOST + 10),
    )
    stage = measured_nodules(ct, lungs, many, false_findings_per_scan=1.0)
    assert len(stage.findings) == stage.labels.array.max() == AT_MOST
    assert stage.labels.array.dtype == np.uint8


def test_what_is_longer_than_30_mm_is_a_mass():
    balls = [((-60.0, 0.0, 0.0), 16.0), ((60.0, 0.0, 0.0), 14.0)]
    ct, lungs, _ = a_chest(SPACING, balls)
    found = predicted(ct, lungs, box(balls[0], 0.9), box(balls[1], 0.8))
    stage = measured_nodules(ct, lungs, found, false_findings_per_scan=1.0)
    names = {finding.measurements.side: finding.name for finding in stage.findings}
    assert names == {"right": FindingName.MASS, "left": FindingName.NODULE}


def test_findings_survive_json_with_their_scores(chest, prediction):
    ct, lungs, _ = chest
    stage = measured_nodules(ct, lungs, prediction, false_findings_per_scan=1.0)
    for finding in stage.findings:
        assert NoduleFinding.from_json(finding.to_json()) == finding
    record = stage.findings[0].to_dict()
    assert record["name"] == "nodule"
    assert record["heterogeneity"]["n_voxels"] > 0
    for key in ("score", "selected", "heterogeneity", "name"):
        del record[key]
    assert NoduleFinding.from_dict(record).score is None
    with pytest.raises(InputError, match="no heterogeneity numbers"):
        NoduleFinding.from_dict(record | {"heterogeneity": {"mean_hu": 1}})


# --- The whole way ---


def analyzed(study: Study, out: Path, monkeypatch, prediction_of, **options):
    """Run the pipeline with networks that say what ``prediction_of`` says."""
    monkeypatch.setattr(
        "LungPNetLib.nodules.predict.find_nodule_weights", lambda *_: NoduleWeights(None, None)
    )
    monkeypatch.setattr(
        "LungPNetLib.nodules.predict.predict_nodules",
        lambda ct, lungs, **_: prediction_of(ct, lungs),
    )
    return run(study, out, AnalyzeOptions(**options), Reporter())


def model(model_id: str, task: str) -> dict:
    return {
        "id": model_id,
        "task": task,
        "variant": "compact",
        "sha256": "0" * 64,
        "outcome_source": "synthetic",
        "trained_on": "nothing",
        "origin": "given",
        "runtime": "torch",
        "precision": "float32",
        "device": "cpu",
    }


@pytest.fixture(scope="module")
def finished(small_series, tmp_path_factory) -> Path:
    """The result of an analysis that finds two balls, the second one below the threshold."""
    study = read_study(small_series)
    out = tmp_path_factory.mktemp("nodules") / "result"

    def two_balls(ct: Volume, lungs: Volume) -> NodulePrediction:
        labels = np.zeros(ct.shape, np.uint8)
        findings = []
        for label, (side, score) in enumerate(((1, 0.8), (2, 0.3)), start=1):
            k, j, i = np.argwhere(lungs.array == side).mean(axis=0).astype(int)
            labels[k - 1 : k + 2, j - 2 : j + 3, i - 2 : i + 3] = label
            x, y, z = ct.index_to_world([i, j, k]).tolist()
            findings.append((score, (x, y, z)))
        return NodulePrediction(
            ct.with_array(labels),
            tuple(Candidate(score, centre, Box.around(centre, 6.0)) for score, centre in findings),
            dropped=(),
            models=(model("outliner", "nodule-segmenter"), model("marker", "nodule-detector")),
            notices=("Said by the networks.",),
            operating_points=a_table(),
        )

    with pytest.MonkeyPatch.context() as patch:
        analyzed(study, out, patch, two_balls)
    return out


@pytest.fixture(scope="module")
def result(finished) -> dict:
    return json.loads((finished / "result.json").read_text(encoding="utf-8"))


def test_the_result_is_whole_and_follows_its_schema(finished, result):
    names = {path.name for path in finished.iterdir()}
    assert {"nodules.nrrd", "heterogeneity.nrrd", "segmentation.dcm", "measurements.dcm"} <= names
    assert set(result["outputs"]) == names
    schema = Path(LungPNetLib.report.__file__).parent / "result.schema.json"
    jsonschema.Draft202012Validator(json.loads(schema.read_text("utf-8"))).validate(result)
    assert [one["selected"] for one in result["nodules"]] == [True, False]
    assert result["nodule_stage"]["threshold"] == 0.6
    assert result["run"]["options"]["false_findings_per_scan"] == 1.0
    assert "Said by the networks." in result["warnings"]
    assert {one["id"] for one in result["models"]} >= {"outliner", "marker"}


def test_all_findings_are_in_the_label_map_and_the_selected_ones_in_colour(finished):
    labels = read_image(finished / "nodules.nrrd")
    lungs = read_image(finished / "lungs.nrrd")
    assert labels.same_grid_as(lungs)
    assert set(np.unique(labels.array)) == {0, 1, 2}
    colours = sitk.GetArrayFromImage(sitk.ReadImage(str(finished / "heterogeneity.nrrd")))
    grey = (colours[..., 0] == colours[..., 1]) & (colours[..., 1] == colours[..., 2])
    assert colours.shape == (*labels.shape, 3)
    np.testing.assert_array_equal(~grey, labels.array == 1)


def test_the_segmentation_holds_lungs_and_selected_nodules(finished):
    labels = read_image(finished / "nodules.nrrd")
    lungs = read_image(finished / "lungs.nrrd")
    path = finished / "segmentation.dcm"
    nodule = read_mask(path, labels, roi="Nodule 1")
    np.testing.assert_array_equal(nodule.array > 0, labels.array == 1)
    right = read_mask(path, labels, roi="Right lung")
    np.testing.assert_array_equal(right.array > 0, lungs.array == 1)
    with pytest.raises(InputError, match="Nodule 2"):
        read_mask(path, labels, roi="Nodule 2")


def test_no_weights_leaves_the_stage_out_and_says_so(small_series, tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path))
    monkeypatch.setattr("LungPNetLib.weights.registry.SHIPPED_FOLDER", tmp_path)
    warnings: list[str] = []
    reporter = Reporter([lambda event: warnings.append(event.get("message", ""))])
    study = read_study(small_series)
    done = analyze(study, AnalyzeOptions(), reporter)
    assert done.result.nodules == []
    assert done.result.nodule_stage is None
    assert NO_WEIGHTS in done.result.warnings
    assert NO_WEIGHTS in warnings
    with pytest.raises(ModelError, match="neither a file nor the id"):
        analyze(study, AnalyzeOptions(nodule_detector="mine"), Reporter())


def test_nodules_need_the_lungs_and_a_known_operating_point():
    assert STAGES.index("lungs") < STAGES.index("nodules") < STAGES.index("report")
    with pytest.raises(InputError, match="needs the stage 'lungs'"):
        AnalyzeOptions(stages=("quality", "nodules"))
    with pytest.raises(InputError, match=r"Choose from: 0\.125, 0\.25"):
        AnalyzeOptions(false_findings_per_scan=3.0)
