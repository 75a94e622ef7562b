"""T, and the stage groups row by row as both editions publish them."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from ellipsoids import ellipsoid
from LungPNetLib.errors import InputError
from LungPNetLib.grading.measure import measure_nodule
from LungPNetLib.grading.nodule_type import NoduleType
from LungPNetLib.grading.tnm import TumourExtent, stage_group, t_category
from LungPNetLib.grading.tnm_tables import (
    INVASIONS,
    M0_GROUPS,
    NINTH_ONLY,
    Edition,
    Invasion,
    SeparateNodules,
)
from LungPNetLib.survival.categories import MCategory, NCategory, TCategory

EIGHTH, NINTH = Edition.EIGHTH, Edition.NINTH

# Publication: Goldstraw et al., J Thorac Oncol 2016;11:39-51. The rows are as the AJCC prints them
# (Cancer Staging Manual, 8th ed., 2017, pp 431-456). All were compared with NCCN Guidelines for
# Patients, Non-Small Cell Lung Cancer, 2018, guide 4; those of stage III also with NCI PDQ,
# Non-Small Cell Lung Cancer Treatment, of which only the part on stage III was at hand.
EIGHTH_ROWS = """
    occult carcinoma | TX N0 M0
    0    | Tis N0 M0
    IA1  | T1mi N0 M0, T1a N0 M0
    IA2  | T1b N0 M0
    IA3  | T1c N0 M0
    IB   | T2a N0 M0
    IIA  | T2b N0 M0
    IIB  | T1a N1 M0, T1b N1 M0, T1c N1 M0, T2a N1 M0, T2b N1 M0, T3 N0 M0
    IIIA | T1a N2 M0, T1b N2 M0, T1c N2 M0, T2a N2 M0, T2b N2 M0, T3 N1 M0, T4 N0 M0, T4 N1 M0
    IIIB | T1a N3 M0, T1b N3 M0, T1c N3 M0, T2a N3 M0, T2b N3 M0, T3 N2 M0, T4 N2 M0
    IIIC | T3 N3 M0, T4 N3 M0
"""

# Publication: Rami-Porta et al., J Thorac Oncol 2024;19:1007-1027. Two independent open
# implementations of its table agree with it in every row that they have (the tests of a staging
# engine for teaching, which has 34 of them, and a staging tool of a hospital, which has all with
# M0); and the Radiology Assistant (Mets and Smithuis, 2025) says which of the 8th were changed.
NINTH_ROWS = """
    occult carcinoma | TX N0 M0
    0    | Tis N0 M0
    IA1  | T1mi N0 M0, T1a N0 M0
    IA2  | T1b N0 M0
    IA3  | T1c N0 M0
    IB   | T2a N0 M0
    IIA  | T2b N0 M0, T1a N1 M0, T1b N1 M0, T1c N1 M0
    IIB  | T1a N2a M0, T1b N2a M0, T1c N2a M0, T2a N1 M0, T2b N1 M0, T3 N0 M0
    IIIA | T1a N2b M0, T1b N2b M0, T1c N2b M0, T2a N2a M0, T2b N2a M0
    IIIA | T3 N1 M0, T3 N2a M0, T4 N0 M0, T4 N1 M0
    IIIB | T1a N3 M0, T1b N3 M0, T1c N3 M0, T2a N2b M0, T2b N2b M0, T2a N3 M0, T2b N3 M0
    IIIB | T3 N2b M0, T4 N2a M0, T4 N2b M0
    IIIC | T3 N3 M0, T4 N3 M0
"""


def rows_of(text: str) -> list[tuple[str, str, str, str]]:
    rows = []
    for line in text.strip().splitlines():
        group, _, members = line.partition("|")
        rows += [(*member.split(), group.strip()) for member in members.split(",")]
    return rows


def nodes_of(name: str) -> tuple[NCategory, ...]:
    return (NCategory.N2A, NCategory.N2B) if name == "N2" else (NCategory(name),)


@pytest.mark.parametrize(("t", "n", "m", "group"), rows_of(EIGHTH_ROWS))
def test_rows_of_the_8th_edition(t, n, m, group) -> None:
    for nodes in nodes_of(n):
        found = stage_group(TCategory(t), nodes, MCategory(m), EIGHTH)
        assert (found.group.value, found.n) == (group, n)
        assert "8th edition" in found.source
        assert found.rule.startswith(f"{t} {n} {m}: ")


@pytest.mark.parametrize(("t", "n", "m", "group"), rows_of(NINTH_ROWS))
def test_rows_of_the_9th_edition(t, n, m, group) -> None:
    found = stage_group(TCategory(t), NCategory(n), MCategory(m))
    assert found.group.value == group
    assert "9th edition" in found.source
    assert found.rule.startswith(f"{t} {n} {m}: ")


@pytest.mark.parametrize(
    ("m", "group", "in_eighth"),
    [("M1a", "IVA", "M1a"), ("M1b", "IVA", "M1b"), ("M1c1", "IVB", "M1c"), ("M1c2", "IVB", "M1c")],
)
def test_any_t_and_any_n_with_distant_metastases(m, group, in_eighth) -> None:
    """Both publications: any T, any N; M1a and M1b are IVA, M1c is IVB, however divided."""
    for t, n, edition in itertools.product(TCategory, NCategory, Edition):
        found = stage_group(t, n, MCategory(m), edition)
        assert found.group.value == group
        assert found.m == (in_eighth if edition is EIGHTH else m)


def test_there_are_no_rows_but_the_published_ones() -> None:
    for edition, rows in ((EIGHTH, EIGHTH_ROWS), (NINTH, NINTH_ROWS)):
        assert set(M0_GROUPS[edition]) == {(t, n) for t, n, _, _ in rows_of(rows)}
    for t, n in (("TX", "N1"), ("Tis", "N1"), ("T1mi", "N2a"), ("T0", "N0"), ("T1a", "NX")):
        for edition in Edition:
            with pytest.raises(InputError, match="no stage group"):
                stage_group(TCategory(t), NCategory(n), MCategory.M0, edition)


# "Proposed changes" as all three sources name them.
@pytest.mark.parametrize(
    ("t", "n", "eighth", "ninth"),
    [
        ("T1c", "N1", "IIB", "IIA"),
        ("T1b", "N2a", "IIIA", "IIB"),
        ("T2b", "N2b", "IIIA", "IIIB"),
        ("T3", "N2a", "IIIB", "IIIA"),
    ],
)
def test_what_the_9th_edition_changed(t, n, eighth, ninth) -> None:
    groups = [stage_group(TCategory(t), NCategory(n), MCategory.M0, e).group.value for e in Edition]
    assert groups == [eighth, ninth]


@pytest.mark.parametrize("missing", ["T", "N", "M"])
def test_no_stage_without_all_three(missing) -> None:
    given = {"T": TCategory.T1A, "N": NCategory.N0, "M": MCategory.M0} | {missing: None}
    with pytest.raises(InputError, match=f"without {missing}"):
        stage_group(given["T"], given["N"], given["M"])


SOLID = TumourExtent(
    nodule_type=NoduleType.SOLID,
    total_mm=12.0,
    invasions=(),
    separate_nodules=SeparateNodules.NONE,
)


# Sizes: Rami-Porta et al., J Thorac Oncol 2015;10:990-1003 (8th), unchanged in the 9th (2024;19:
# 1007-1027); as the part on stage III of NCI PDQ (8th) and the Radiology Assistant (9th) print
# them.
@pytest.mark.parametrize(
    ("size_mm", "t"),
    [
        (0.3, "T1a"), (10, "T1a"), (10.4, "T1a"), (10.5, "T1b"), (11, "T1b"), (20, "T1b"),
        (21, "T1c"), (30, "T1c"), (30.4, "T1c"), (31, "T2a"), (40, "T2a"), (41, "T2b"),
        (50, "T2b"), (51, "T3"), (70, "T3"), (71, "T4"), (200, "T4"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("edition", Edition)
def test_size_of_solid_tumours(size_mm, t, edition) -> None:
    found = t_category(replace(SOLID, total_mm=size_mm), edition)
    assert found.category.value == t
    assert f"of {max(1, int(size_mm + 0.5))} mm" in found.rule
    assert found.source.startswith(f"TNM {edition.value}th edition")


# Travis et al., J Thorac Oncol 2016;11:1204-1223; as the Radiology Assistant prints its table.
@pytest.mark.parametrize(
    ("total_mm", "solid_mm", "t"),
    [
        (6, None, "Tis"), (30, None, "Tis"), (31, None, "T1a"), (80, None, "T1a"),
        (12, 0, "T1mi"), (12, 5, "T1mi"), (30, 5, "T1mi"), (31, 5, "T1a"), (31, 0, "T1a"),
        (12, 6, "T1a"), (30, 10, "T1a"), (45, 10, "T1a"), (30, 11, "T1b"), (30, 20, "T1b"),
        (30, 21, "T1c"), (45, 30, "T1c"), (45, 31, "T2a"), (60, 41, "T2b"), (90, 71, "T4"),
    ],
)  # fmt: skip
def test_lesions_with_ground_glass(total_mm, solid_mm, t) -> None:
    kind = NoduleType.NON_SOLID if solid_mm is None else NoduleType.PART_SOLID
    extent = replace(SOLID, nodule_type=kind, total_mm=total_mm, solid_mm=solid_mm)
    for edition in Edition:
        found = t_category(extent, edition)
        assert found.category.value == t
        assert "Travis" in found.source


# Structures: AJCC 8th as in the part on stage III of NCI PDQ; 9th as in the Radiology Assistant.
T3_BOTH = ("PARIETAL_PLEURA", "CHEST_WALL", "PHRENIC_NERVE", "PERICARDIUM")
T4_BOTH = ("DIAPHRAGM", "MEDIASTINUM", "HEART", "GREAT_VESSELS", "TRACHEA", "CARINA",
           "RECURRENT_NERVE", "OESOPHAGUS", "VERTEBRAL_BODY")  # fmt: skip
T4_NINTH = ("THYMUS", "SUPRA_AORTIC_VESSELS", "SUBCLAVIAN_VESSELS", "VAGUS_NERVE",
            "SPINAL_CANAL", "CERVICAL_ROOTS")  # fmt: skip
STRUCTURES = [
    *((name, "T2a", True) for name in ("VISCERAL_PLEURA", "MAIN_BRONCHUS", "ATELECTASIS")),
    ("ADJACENT_LOBE", "T2a", False),
    *((name, "T3", True) for name in T3_BOTH),
    *((name, "T3", False) for name in ("AZYGOS_VEIN", "THORACIC_NERVE_ROOTS")),
    *((name, "T4", True) for name in T4_BOTH),
    *((name, "T4", False) for name in T4_NINTH),
]


@pytest.mark.parametrize(("name", "t", "in_eighth"), STRUCTURES)
def test_invasion(name, t, in_eighth) -> None:
    extent = replace(SOLID, invasions=[Invasion[name]])
    found = t_category(extent)
    assert found.category.value == t
    assert Invasion[name].value in found.rule
    if in_eighth:
        assert t_category(extent, EIGHTH).category.value == t
    else:
        with pytest.raises(InputError, match="8th edition does not name"):
            t_category(extent, EIGHTH)


def test_every_structure_is_tested() -> None:
    assert {name for name, _, _ in STRUCTURES} == {one.name for one in Invasion}
    assert set(INVASIONS) == set(Invasion)
    assert {Invasion[name] for name, _, both in STRUCTURES if not both} == NINTH_ONLY


@pytest.mark.parametrize(
    ("size_mm", "invasions", "nodules", "t"),
    [
        (45, ["VISCERAL_PLEURA"], "NONE", "T2b"),  # the size says more than the pleura
        (65, ["VISCERAL_PLEURA"], "NONE", "T3"),
        (75, ["CHEST_WALL"], "NONE", "T4"),
        (12, ["CHEST_WALL", "HEART"], "NONE", "T4"),
        (12, [], "SAME_LOBE", "T3"),
        (12, [], "OTHER_LOBE", "T4"),
        (12, ["CHEST_WALL"], "OTHER_LOBE", "T4"),
        (75, [], "SAME_LOBE", "T4"),
    ],
)
def test_the_highest_counts(size_mm, invasions, nodules, t) -> None:
    extent = replace(
        SOLID,
        total_mm=size_mm,
        invasions=[Invasion[name] for name in invasions],
        separate_nodules=SeparateNodules[nodules],
    )
    for edition in Edition:
        assert t_category(extent, edition).category.value == t


def test_invasion_by_ground_glass_is_no_longer_in_situ() -> None:
    extent = replace(SOLID, nodule_type=NoduleType.NON_SOLID, invasions=[Invasion.VISCERAL_PLEURA])
    found = t_category(extent)
    assert found.category is TCategory.T2A
    assert "Travis" not in found.source


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nodule_type": None}, "without: nodule_type"),
        ({"total_mm": None}, "without: total_mm"),
        ({"invasions": None}, "without: invasions"),
        ({"separate_nodules": None, "invasions": None}, "without: invasions, separate_nodules"),
        ({"nodule_type": NoduleType.PART_SOLID}, "without: solid_mm"),
        ({"total_mm": 0.0}, "above 0 to 300 mm"),
        ({"total_mm": float("nan")}, "above 0 to 300 mm"),
        ({"nodule_type": NoduleType.PART_SOLID, "solid_mm": 13.0}, "0 to total_mm"),
    ],
)
def test_no_t_without_the_answers(change, message) -> None:
    with pytest.raises(InputError, match=message):
        t_category(replace(SOLID, **change))


def test_t_of_a_measured_lesion() -> None:
    mask = ellipsoid((26.0, 22.0, 20.0), (0.7, 0.7, 1.0))
    core = ellipsoid((14.0, 14.0, 14.0), (0.7, 0.7, 1.0)).resampled_to(
        mask, interpolation="nearest"
    )
    hu = np.where(core.array > 0, 0, np.where(mask.array > 0, -600, -850)).astype(np.int16)
    measured = measure_nodule(mask.with_array(hu), mask)
    answers = {"invasions": (), "separate_nodules": SeparateNodules.NONE}
    by_type = {
        kind: t_category(TumourExtent.of_measurements(measured, kind, **answers)).category.value
        for kind in NoduleType
    }
    assert by_type == {
        NoduleType.SOLID: "T1c",
        NoduleType.PART_SOLID: "T1b",
        NoduleType.NON_SOLID: "Tis",
    }
    with pytest.raises(InputError, match="invasions, separate_nodules"):
        t_category(TumourExtent.of_measurements(measured, NoduleType.SOLID))


def test_records() -> None:
    t = json.loads(json.dumps(t_category(SOLID).to_dict()))
    assert (t["category"], t["edition"]) == ("T1b", "9")
    stage = json.loads(
        json.dumps(stage_group(TCategory.T1B, NCategory.N2A, MCategory.M0, EIGHTH).to_dict())
    )
    assert (stage["group"], stage["n"], stage["edition"]) == ("IIIA", "N2", "8")
