"""result.json against its schema: complete, strict, and in step with the dataclasses."""

from __future__ import annotations

import copy
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import LungPNetLib.report
from LungPNetLib.evaluation.froc import RATES
from LungPNetLib.evaluation.operating_points import OperatingPoint, OperatingTable
from LungPNetLib.grading.measure import NoduleMeasurements
from LungPNetLib.grading.nodule_type import NoduleType, TypeFinding
from LungPNetLib.nodules.finding import FindingName, Status
from LungPNetLib.nodules.heterogeneity import HeterogeneityNumbers
from LungPNetLib.nodules.stage import AT_MOST
from LungPNetLib.pipeline import FALSE_FINDINGS, STAGES
from LungPNetLib.result import (
    SCHEMA_VERSION,
    GridInfo,
    LungMeasurement,
    LungResult,
    QualityCheck,
    StudyResult,
    Verdict,
)
from LungPNetLib.study import Acquisition, Patient
from nodule_samples import a_chest, findings, stage_record
from report_samples import a_result

SCHEMA = json.loads(
    (Path(LungPNetLib.report.__file__).parent / "result.schema.json").read_text("utf-8")
)


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


@pytest.fixture(scope="module")
def result_json() -> str:
    nodules = findings(*a_chest((3.0, 3.0, 3.0)), scores=(0.9, 0.3))
    return a_result(nodules=nodules, nodule_stage=stage_record()).to_json()


@pytest.fixture
def record(result_json) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(result_json)
    return loaded


def test_a_full_result_is_valid(validator, record):
    validator.validate(record)


def test_a_result_of_the_quality_stage_alone_is_valid(validator):
    result = a_result(lungs=None, models=[], warnings=[], not_written={})
    validator.validate(json.loads(result.to_json()))


def test_the_version_is_that_of_the_code():
    assert SCHEMA["properties"]["schema_version"]["const"] == SCHEMA_VERSION


@pytest.mark.parametrize(
    ("definition", "kind"),
    [
        ("patient", Patient),
        ("acquisition", Acquisition),
        ("grid", GridInfo),
        ("check", QualityCheck),
        ("lungs", LungResult),
        ("lung_measurement", LungMeasurement),
        ("nodule_measurements", NoduleMeasurements),
        ("type_finding", TypeFinding),
        ("heterogeneity", HeterogeneityNumbers),
        ("operating_points", OperatingTable),
        ("operating_point", OperatingPoint),
    ],
)
def test_every_field_of_a_dataclass_is_described_and_required(definition, kind):
    described = SCHEMA["$defs"][definition]
    names = {field.name for field in fields(kind)}
    assert set(described["properties"]) == set(described["required"]) == names


def test_every_field_of_the_result_is_described_and_required():
    names = {field.name for field in fields(StudyResult)} | {"schema_version", "research_use_only"}
    assert set(SCHEMA["properties"]) == set(SCHEMA["required"]) == names


def test_verdicts_are_those_of_the_code():
    assert SCHEMA["$defs"]["verdict"]["enum"] == [verdict.value for verdict in Verdict]


def test_closed_sets_are_those_of_the_code():
    definitions = SCHEMA["$defs"]
    nodule = definitions["nodule"]["properties"]
    assert nodule["name"]["enum"] == [name.value for name in FindingName]
    assert nodule["status"]["enum"] == [status.value for status in Status]
    types = definitions["type_finding"]["properties"]["nodule_type"]["enum"]
    assert types == [kind.value for kind in NoduleType]
    assert tuple(definitions["false_findings"]["enum"]) == FALSE_FINDINGS == RATES
    stages = definitions["run"]["properties"]["options"]["properties"]["stages"]
    assert tuple(stages["items"]["enum"]) == STAGES
    assert SCHEMA["properties"]["nodules"]["maxItems"] == AT_MOST


def objects_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all JSON objects inside ``value``."""
    children: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    below = [path_ for key, child in children for path_ in objects_in(child, (*path, key))]
    return [path, *below] if isinstance(value, dict) else below


def at(record: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        record = record[key]
    return record


# Objects whose keys are free: file names, packages, stages.
MAPS = [("not_written",), ("software", "packages"), ("run", "stage_seconds")]


def test_no_object_takes_an_unknown_key(validator, record):
    for path in objects_in(record):
        changed = copy.deepcopy(record)
        at(changed, path)["surprise"] = [1]
        assert not validator.is_valid(changed), path


def test_every_key_is_required(validator, record):
    optional = [*MAPS, ("lungs", "histogram_ml")]
    for path in objects_in(record):
        if path in optional:
            continue
        for key in at(record, path):
            changed = copy.deepcopy(record)
            del at(changed, path)[key]
            assert not validator.is_valid(changed), (path, key)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("quality", "verdict"), "maybe"),
        (("research_use_only",), False),
        (("grid", "spacing_mm"), [0.7, 0.7]),
        (("grid", "spacing_mm"), [0.7, 0.7, 0.0]),
        (("grid", "size"), [64, 48, 20.5]),
        (("lungs", "measurements", 0, "laa950_percent"), 101),
        (("lungs", "measurements", 0, "volume_ml"), None),
        (("lungs", "measurements", 0, "side"), "middle"),
        (("nodules", 0, "name"), "lump"),
        (("nodules", 0, "score"), 1.5),
        (("nodules", 0, "measurements", "long_axis_mm"), 0),
        (("nodules", 0, "origin"), "clicked"),
        (("nodule_stage", "operating_rate"), 3),
        (("models", 0, "sha256"), "abc"),
        (("outputs",), ["folder/result.json"]),
        (("run", "started"), "yesterday"),
    ],
)
def test_wrong_values_are_refused(validator, record, path, wrong):
    at(record, path[:-1])[path[-1]] = wrong
    assert not validator.is_valid(record)


def test_not_a_number_never_becomes_json():
    checks = [QualityCheck("noise", "Noise", Verdict.PASS, float("nan"), "HU", "Unknown.")]
    with pytest.raises(ValueError, match="not JSON compliant"):
        a_result(quality=checks).to_json()
