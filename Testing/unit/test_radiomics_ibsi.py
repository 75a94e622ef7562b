"""Radiomics against the published reference values of IBSI-1."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from ibsi_digital_phantom import SETTINGS, digital_phantom, reference_values
from LungPNetLib.radiomics.catalogue import DEFINITIONS, Family
from LungPNetLib.radiomics.compliance import agrees, compared, read_references
from LungPNetLib.radiomics.settings import RadiomicsSettings
from LungPNetLib.reading import read_study
from LungPNetLib.training.config import find_config, load_config
from LungPNetLib.volume import read_image

REFERENCES = reference_values()


@pytest.fixture(scope="module")
def digital():
    found = compared(*digital_phantom(), SETTINGS, REFERENCES)
    return {one.tag: one for one in found}


def test_the_digital_phantom_has_74_voxels_in_every_table():
    _, mask = digital_phantom()
    assert mask.array.sum() == 74
    kinds = Counter(tag.partition("_")[0] for tag in REFERENCES)
    assert kinds == {
        "morph": 25, "stat": 18, "ih": 7, "cm": 150, "rlm": 96, "szm": 48, "ngl": 48, "ngt": 15,
    }  # fmt: skip


@pytest.mark.parametrize("tag", REFERENCES)
def test_digital_phantom(digital, tag):
    one = digital[tag]
    assert one.agrees, one


@pytest.mark.parametrize(
    ("value", "reference", "tolerance", "expected"),
    [
        (1.0749, 1.07, 0.0, True),
        (1.0751, 1.07, 0.0, False),
        (0.1 + 0.2, 0.3, 0.0, True),
        (388.0, 385.0, 3.0, True),
        (388.6, 385.0, 3.0, False),
        (math.nan, 1.0, 100.0, False),
    ],
)
def test_agreement_is_within_tolerance_at_three_digits(value, reference, tolerance, expected):
    assert agrees(value, reference, tolerance) is expected


@pytest.fixture(scope="module")
def ct_phantom(real_data):
    """Comparisons in the configurations A, B and C."""
    folder, references = real_data / "nsclc-gtv-pat1", real_data / "ibsi-1"
    if not references.is_dir():
        pytest.skip(f"no reference values at {references}")
    ct, mask = read_study(folder / "ct").ct, read_image(folder / "ibsi_mask.nii.gz")
    found = {}
    for name in "abc":
        settings = load_config(RadiomicsSettings, find_config(f"radiomics-ibsi-{name}"))
        values = read_references(references / f"ibsi_1_chest_config_{name}.csv")
        found[name] = compared(ct, mask, settings, values)
    return found


AGGREGATIONS = {"a": 4, "b": 4, "c": 2}
"""That the table of a configuration has for matrices with directions; half for those without."""


@pytest.mark.parametrize("name", "abc")
@pytest.mark.parametrize("family", Family, ids=lambda family: family.name.lower())
def test_ct_phantom(ct_phantom, name, family):
    own = [one for one in ct_phantom[name] if one.family is family]
    repeats = {
        Family.GLCM: AGGREGATIONS[name],
        Family.GLRLM: AGGREGATIONS[name],
        Family.GLSZM: AGGREGATIONS[name] // 2,
        Family.NGLDM: AGGREGATIONS[name] // 2,
        Family.NGTDM: AGGREGATIONS[name] // 2,
    }.get(family, 1)
    assert len(own) == repeats * sum(one.family is family for one in DEFINITIONS)
    assert [one for one in own if not one.agrees] == []
