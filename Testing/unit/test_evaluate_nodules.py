"""``evaluate nodules`` with networks that find what the test says, on scans of a few voxels."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from LungPNetLib.cli import main
from LungPNetLib.cohort.lidc import scans
from LungPNetLib.cohort.manifest import StudyRow, write_manifest
from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.judged import Box
from LungPNetLib.grading.nodule_type import NoduleType
from LungPNetLib.nodules import evaluate_studies
from LungPNetLib.nodules.judging import FoundNodules, judge, read_result
from LungPNetLib.nodules.predict import Candidate, NodulePrediction, operating_points
from LungPNetLib.nodules.truth import lidc_truth, read_truth, true_nodules
from LungPNetLib.reading import read_study
from LungPNetLib.volume import Volume, write_image
from LungPNetLib.weights.entries import WeightsEntry, read_registry, write_registry
from LungPNetLib.weights.registry import METADATA_KEY

SIDE = 24
SPACING_MM = (1.0, 1.0, 1.25)
A, B, NOWHERE = (6, 6, 6), (6, 16, 16), (18, 4, 18)
"""Middle voxels (z, y, x) of two nodules, and of a place without one."""


def cube(*places, half: int = 2) -> np.ndarray:
    """Labels 1, 2, ... of cubes of 5 x 5 x 5 voxels."""
    array = np.zeros((SIDE,) * 3, np.uint8)
    for label, (z, y, x) in enumerate(places, start=1):
        array[z - half : z + half + 1, y - half : y + half + 1, x - half : x + half + 1] = label
    return array


def volume(array: np.ndarray) -> Volume:
    return Volume(array, SPACING_MM, (-12.0, 3.0, 100.0))


def prediction(*marks, dropped=(), models=(), table=None) -> NodulePrediction:
    """Marks are (score, (z, y, x)) of cubes, which are their outlines."""
    labels = volume(cube(*(place for _, place in marks)))

    def candidate(score, place) -> Candidate:
        x, y, z = labels.index_to_world(place[::-1]).tolist()
        return Candidate(score, (x, y, z), Box.around((x, y, z), 2.5))

    found, lost = ([candidate(*mark) for mark in some] for some in (marks, dropped))
    return NodulePrediction(labels, tuple(found), tuple(lost), tuple(models), (), table)


# Two nodules hit with 0.9 and 0.6 in "one"; three false findings in "two", which has no nodule;
# its CPM is drawn by eye in the tests of the FROC.
TRUTH = {"one": (A, B), "two": ()}
MARKS = {
    "one": ((0.9, A), (0.6, B)),
    "two": ((0.8, A), (0.7, B), (0.65, NOWHERE)),
}
DROPPED = {"one": ((0.3, NOWHERE),), "two": ()}


class Networks:
    """Stands for the nodule stage; knows a scan by the value of its first voxel."""

    def __init__(self, weights) -> None:
        self.weights = weights
        self.runs = 0

    def predict(self, ct, lungs, *, segmenter, detector, device, runtime) -> NodulePrediction:
        self.runs += 1
        assert lungs.array.all()
        name = list(TRUTH)[int(ct.array[0, 0, 0])]
        found = self.weights()
        table, _ = operating_points(found)
        models = (found.segmenter.record(), found.detector.record())
        return prediction(*MARKS[name], dropped=DROPPED[name], models=models, table=table)


@pytest.fixture
def weights_folder(tmp_path, monkeypatch) -> Path:
    """The user's registry with a segmenter and a detector that know the patient "known"."""
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path / "home"))
    from LungPNetLib.weights.registry import user_folder

    folder = user_folder()
    folder.mkdir(parents=True)
    entries = []
    for task in ("nodule-segmenter", "nodule-detector"):
        about = {"training_ids": ["known"]}
        content = save(
            {"w": np.zeros(1, np.float32)}, {METADATA_KEY: json.dumps(about | {"t": task})}
        )
        (folder / f"{task}.safetensors").write_bytes(content)
        (folder / f"{task}.md").write_text("# Card\n\n## Limits\n\nMany.\n", encoding="utf-8")
        entries.append(
            WeightsEntry(
                task, task, "compact", f"{task}.safetensors", hashlib.sha256(content).hexdigest(),
                {}, {}, ("background", "nodule"), "synthetic", "nobody", f"{task}.md",
            )
        )  # fmt: skip
    write_registry(folder, entries)
    return folder


@pytest.fixture
def networks(weights_folder, monkeypatch) -> Networks:
    from LungPNetLib.nodules.predict import find_nodule_weights

    stand_in = Networks(find_nodule_weights)
    monkeypatch.setattr(evaluate_studies, "predict_nodules", stand_in.predict)
    return stand_in


def write_cohort(folder: Path, **columns: dict[str, str]) -> Path:
    """A manifest with a scan for each of ``TRUTH``; ``columns`` by scan."""
    rows = []
    for number, (name, places) in enumerate(TRUTH.items()):
        own = folder / name
        own.mkdir(parents=True)
        arrays = {
            "ct": np.full((SIDE,) * 3, number, np.int16),
            "lungs": np.ones((SIDE,) * 3, np.uint8),
            "nodules": cube(*places),
        }
        files = {key: own / f"{key}.nrrd" for key in arrays}
        for key, array in arrays.items():
            write_image(volume(array), files[key])
        rows.append(StudyRow(name, files, {"split": "validation", **columns.get(name, {})}))
    write_manifest(folder / "manifest.csv", rows)
    return folder / "manifest.csv"


@pytest.fixture
def manifest(tmp_path) -> Path:
    return write_cohort(tmp_path / "cohort", one={"kind": "solid ground-glass"})


def run(manifest: Path, out: Path, *words: object) -> int:
    options = [
        "--manifest",
        manifest,
        "--out",
        out,
        "--progress",
        "json",
        "--device",
        "cpu",
        *words,
    ]
    return main(["evaluate", "nodules", *map(str, options)])


def evaluation(out: Path) -> dict:
    return json.loads((out / "evaluation.json").read_text(encoding="utf-8"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


# ------------------------------------------------------------------ figures


@pytest.fixture
def evaluated(networks, manifest, tmp_path) -> Path:
    assert run(manifest, tmp_path / "out") == 0
    return tmp_path / "out"


def test_the_froc_is_the_one_drawn_by_eye(evaluated):
    froc = evaluation(evaluated)["figures"]["new patients"]["froc"]
    assert froc["all scans"]["cpm"]["mean"] == pytest.approx(5 / 7)
    assert list(froc["all scans"]["at_rates"]) == [
        "0.125",
        "0.25",
        "0.5",
        "1.0",
        "2.0",
        "4.0",
        "8.0",
    ]
    assert froc["without negative scans"]["cpm"]["mean"] == 1
    assert {name for name in froc if name in ("solid", "non-solid")} == {"solid", "non-solid"}
    assert froc["solid"]["n_nodules"] == 1


def test_outlines_and_boxes_of_cubes_on_cubes_are_right(evaluated):
    own = evaluation(evaluated)["figures"]["new patients"]
    assert own["outlines"]["all"]["hit"]["dice"]["mean"] == 1
    assert own["outlines"]["all"]["all"]["n_missed"] == 0
    # Of 101 recalls, 51 have a precision of 1 and 50 one of 2/5.
    precision = {iou: mean["mean"] for iou, mean in own["average_precision"].items()}
    assert precision == pytest.approx({"IoU 0.1": 71 / 101, "IoU 0.5": 71 / 101})


def test_what_fusion_took_out_is_counted(evaluated):
    fusion = evaluation(evaluated)["figures"]["new patients"]["fusion"]
    counts = {name: (row["n_hit"], row["n_false"]) for name, row in fusion.items()}
    assert counts == {"before fusion": (2, 4), "after fusion": (2, 3)}


def test_all_files_are_there_and_say_what_they_are_for(evaluated):
    assert {"froc.png", "froc.csv", "outlines.csv", "nodules.csv"} <= {
        path.name for path in evaluated.iterdir()
    }
    assert "Research use only" in (evaluated / "tables.md").read_text(encoding="utf-8")
    assert [row["score"] for row in rows_of(evaluated / "nodules.csv")] == ["0.9000", "0.6000"]


def test_without_operating_points_there_is_no_precision(evaluated):
    assert evaluation(evaluated)["figures"]["new patients"]["at_point"] is None


def test_patients_seen_in_training_have_figures_of_their_own(networks, tmp_path):
    manifest = write_cohort(tmp_path / "cohort", two={"donors": "somebody known"})
    assert run(manifest, tmp_path / "out") == 0
    record = evaluation(tmp_path / "out")
    assert {name: own["n_studies"] for name, own in record["figures"].items()} == {
        "new patients": 1, "seen in training": 1,
    }  # fmt: skip
    assert [study["seen_in_training"] for study in record["studies"]] == [False, True]
    assert record["figures"]["new patients"]["froc"]["all scans"]["cpm"]["mean"] == 1


# ------------------------------------------------------------------ runs


def test_a_second_run_computes_nothing_again(evaluated, networks, manifest):
    first = evaluation(evaluated)
    assert networks.runs == 2
    assert run(manifest, evaluated) == 0
    assert networks.runs == 2
    assert evaluation(evaluated) == first


def test_a_scan_that_changed_is_run_again(evaluated, networks, manifest):
    os.utime(manifest.parent / "two" / "ct.nrrd", (1, 1))
    assert run(manifest, evaluated) == 0
    assert networks.runs == 3


def test_a_study_that_fails_is_told_and_does_not_stop_the_others(
    networks, manifest, tmp_path, capsys
):
    (manifest.parent / "one" / "ct.nrrd").write_bytes(b"no image")
    assert run(manifest, tmp_path / "out") == InputError.exit_code
    failed = evaluation(tmp_path / "out")["failed"]
    assert [row["study"] for row in failed] == ["one"]
    assert "ct.nrrd" in failed[0]["message"]
    assert evaluation(tmp_path / "out")["figures"]["new patients"]["n_studies"] == 1


def test_the_folder_of_something_else_is_not_touched(networks, manifest, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    assert run(manifest, tmp_path / "out") == InputError.exit_code
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_options_of_the_stage_are_refused_for_one_network(networks, manifest, tmp_path, capsys):
    words = ["evaluate", "lungs", "--out", str(tmp_path / "out"), "--progress", "none"]
    assert main(words) == InputError.exit_code
    assert "evaluate nodules" in capsys.readouterr().err


# ------------------------------------------------------------------ operating points


def test_operating_points_go_into_the_registry_and_the_card(
    networks, manifest, tmp_path, weights_folder
):
    assert run(manifest, tmp_path / "out", "--write-operating-points") == 0
    table, notices = operating_points(networks.weights())
    assert table is not None
    assert notices == []
    assert table.at(1.0).threshold == 0.7
    assert table.at(1.0).sensitivity == 0.5
    card = (weights_folder / "nodule-detector.md").read_text(encoding="utf-8")
    assert "## Limits\n\nMany." in card
    assert card.count("## Operating points") == 1
    point = evaluation(tmp_path / "out")["figures"]["new patients"]["at_point"]
    assert (point["n_hit"], point["n_false"]) == (1, 2)


def test_writing_them_again_replaces_them(networks, manifest, tmp_path, weights_folder):
    for _ in range(2):
        assert run(manifest, tmp_path / "out", "--write-operating-points") == 0
    card = (weights_folder / "nodule-detector.md").read_text(encoding="utf-8")
    assert card.count("## Operating points") == 1
    assert card.startswith("# Card")
    assert len(read_registry(weights_folder)) == 2


@pytest.mark.parametrize(
    "columns", [{"split": "test"}, {"seeds_for": "test"}, {"split": "training"}]
)
def test_operating_points_are_refused_on_other_than_validation(
    networks, tmp_path, weights_folder, capsys, columns
):
    before = read_registry(weights_folder)
    manifest = write_cohort(tmp_path / "cohort", two=columns)
    assert run(manifest, tmp_path / "out", "--write-operating-points") == InputError.exit_code
    assert next(iter(columns.values())) in capsys.readouterr().out
    assert read_registry(weights_folder) == before
    assert networks.runs == 0


def test_the_split_that_was_asked_for_is_taken_alone(networks, tmp_path):
    manifest = write_cohort(tmp_path / "cohort", two={"split": "test"})
    words = ("--split", "validation", "--write-operating-points")
    assert run(manifest, tmp_path / "out", *words) == 0
    assert networks.runs == 1


# ------------------------------------------------------------------ truth and results


def test_a_label_is_a_ball_of_its_volume_in_its_box():
    nodule = true_nodules(volume(cube(A)))[1]
    assert nodule.centre_lps_mm == pytest.approx((-6.0, 9.0, 107.5))
    assert nodule.radius_mm == pytest.approx((0.75 / np.pi * 125 * 1.25) ** (1 / 3))
    assert nodule.box.low_lps_mm == pytest.approx((-8.5, 6.5, 107.5 - 2.5 * 1.25))


def truth_row(tmp_path: Path, columns=None, **arrays: np.ndarray) -> StudyRow:
    files = {name: tmp_path / f"{name}.nrrd" for name in arrays}
    for name, array in arrays.items():
        write_image(volume(array), files[name])
    return StudyRow("p", {k: v for k, v in files.items() if k != "votes"}, columns or {})


def test_types_and_readers_belong_to_labels(tmp_path):
    columns = {"kind": "part-solid calcified", "malignancy": "3; 4 5 5"}
    row = truth_row(tmp_path, columns, nodules=cube(A, B))
    truth = read_truth(row, volume(cube()), least_readers=3)
    assert [n.nodule_type for n in truth.nodules] == [NoduleType.PART_SOLID, NoduleType.SOLID]
    assert [n.votes for n in truth.nodules] == [1, 3]
    assert [n.excluded for n in truth.nodules] == [True, False]


def test_types_come_from_the_generators_truth_too(tmp_path):
    row = truth_row(tmp_path, nodules=cube(A))
    table = {"nodules": [{"label": 1, "type": "pure ground-glass"}]}
    (tmp_path / "truth.json").write_text(json.dumps(table))
    assert read_truth(row, volume(cube())).nodules[0].nodule_type is NoduleType.NON_SOLID


def test_a_type_that_is_none_or_that_no_label_has_is_refused(tmp_path):
    for words in ("solid", "solid woolly"):
        row = truth_row(tmp_path, {"kind": words}, nodules=cube(A, B))
        with pytest.raises(InputError, match="type"):
            read_truth(row, volume(cube()))


def test_marks_without_an_outline_and_masses_count_neither_way(tmp_path):
    row = truth_row(tmp_path, nodules=cube(A), votes=cube(A, NOWHERE), lesion=cube(B))
    truth = read_truth(row, volume(cube()))
    assert [n.excluded for n in truth.nodules] == [False, True, True]
    found = prediction((0.9, B), (0.8, NOWHERE))
    judged = judge("s", "p", FoundNodules(found.labels, _scored(found)), truth)
    assert judged.nodules[0].score is None
    assert judged.nodules[0].outline.dice == 0
    counted = read_truth(row, volume(cube()), count_masses=True)
    again = judge("s", "p", FoundNodules(found.labels, _scored(found)), counted)
    assert [(one.score, one.outline.dice) for one in again.nodules] == [(None, 0.0), (0.9, 1.0)]


def _scored(found: NodulePrediction):
    from LungPNetLib.nodules.judging import of_prediction

    return of_prediction(found).findings


def test_a_manifest_row_without_a_label_map_says_nothing(tmp_path):
    with pytest.raises(InputError, match="nobody knows"):
        read_truth(StudyRow("p", {}), volume(cube()))


def write_result(folder: Path, name: str) -> None:
    own = folder / name
    own.mkdir(parents=True)
    found = prediction(*MARKS[name])
    write_image(found.labels, own / "nodules.nrrd")
    entries = [{"score": f.score, "centre_lps_mm": f.centre_lps_mm} for f in found.findings]
    record = {"nodules": entries, "nodule_stage": {"operating_points": None}, "models": []}
    (own / "result.json").write_text(json.dumps(record))


def test_results_that_are_there_are_judged_without_a_run(networks, manifest, tmp_path):
    for name in TRUTH:
        write_result(tmp_path / "results", name)
    assert run(manifest, tmp_path / "out", "--results", tmp_path / "results") == 0
    own = evaluation(tmp_path / "out")["figures"]["new patients"]
    assert own["froc"]["all scans"]["cpm"]["mean"] == pytest.approx(5 / 7)
    assert own["fusion"] == {}
    assert networks.runs == 0


def test_a_result_whose_labels_are_not_its_nodules_is_refused(tmp_path):
    write_result(tmp_path, "one")
    write_image(volume(cube(A)), tmp_path / "one" / "nodules.nrrd")
    with pytest.raises(InputError, match="label k must be nodule k"):
        read_result(tmp_path / "one")


def test_findings_on_another_grid_are_refused(tmp_path):
    truth = read_truth(truth_row(tmp_path, nodules=cube(A)), volume(cube()))
    found = prediction((0.9, A))
    moved = FoundNodules(replace(found.labels, origin_mm=(0.0, 0.0, 0.0)), _scored(found))
    with pytest.raises(InputError, match="grid"):
        judge("s", "p", moved, truth)


def test_the_nodule_of_a_real_scan_that_four_readers_marked(real_data):
    [scan] = scans("LIDC-IDRI-0001")
    truth = lidc_truth(scan, read_study(real_data / "lidc-0001" / "ct"))
    assert [(n.votes, n.excluded) for n in truth.nodules] == [(4, False)]
    assert truth.nodules[0].diameter_mm == pytest.approx(23, abs=1.5)
    assert truth.nodules[0].centre_lps_mm == pytest.approx((56.4, 86.4, -115.8), abs=1.0)
