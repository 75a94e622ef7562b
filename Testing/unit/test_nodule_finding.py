"""Entries of the nodule list survive JSON, and damaged ones are refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from ellipsoids import ellipsoid
from LungPNetLib.errors import InputError
from LungPNetLib.grading.measure import measure_nodule
from LungPNetLib.grading.nodule_type import nodule_type
from LungPNetLib.nodules.finding import MaskReference, NoduleFinding, Origin, Status


@pytest.fixture
def finding() -> NoduleFinding:
    mask = ellipsoid((6.0, 6.0, 6.0), (0.7, 0.7, 0.7))
    ct = mask.with_array(mask.array.astype(np.int16))
    return NoduleFinding(
        "N3",
        (1.5, -2.25, 30.0),
        Origin.CLICKED,
        MaskReference("nodules.nrrd", 3),
        measure_nodule(ct, mask),
        nodule_type(ct, mask),
        Status.ACCEPTED,
        "wächst, 变大",
    )


def test_findings_survive_json(finding) -> None:
    assert NoduleFinding.from_json(finding.to_json()) == finding
    bare = NoduleFinding("N1", (0.0, 0.0, 0.0), Origin.FOUND)
    assert NoduleFinding.from_json(bare.to_json()) == bare
    record = json.loads(finding.to_json())
    assert (record["origin"], record["status"]) == ("clicked", "accepted")
    assert record["mask"] == {"file": "nodules.nrrd", "label": 3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "maybe"}, "'maybe'"),
        ({"origin": None}, "no entry of a nodule list"),
        ({"centre_lps_mm": [1, 2]}, "no entry of a nodule list"),
        ({"finding_id": ""}, "no identifier"),
        ({"mask": {"file": "../lungs.nrrd", "label": 1}}, "without a folder"),
        ({"mask": {"file": "nodules.nrrd", "label": 0}}, "accepted: 1 and more"),
        ({"measurements": {"volume_ml": 1}}, "measure the nodule again"),
        ({"type_finding": {"nodule_type": "solid"}}, "no type of a nodule"),
        ({"type_finding": {"nodule_type": "soft"}}, "no type of a nodule"),
    ],
)
def test_damaged_findings_are_refused(finding, change, message) -> None:
    with pytest.raises(InputError, match=message):
        NoduleFinding.from_dict(finding.to_dict() | change)


def test_a_finding_needs_a_finite_centre() -> None:
    with pytest.raises(InputError, match="three finite positions"):
        NoduleFinding("N1", (0.0, math.nan, 0.0), Origin.FOUND)
    with pytest.raises(InputError, match="cannot be read as JSON"):
        NoduleFinding.from_json("{")
