"""What is known about a made-up patient, as text: truth.json and nodules.csv."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np

from LungPNetLib.cohort.phantom.fissures import Lobe
from LungPNetLib.cohort.phantom.nodule import NoduleType
from LungPNetLib.cohort.phantom.pathology import Pathology
from LungPNetLib.cohort.phantom.patient import GENERATOR_VERSION, MadeUpPatient
from LungPNetLib.volume import Volume

TRUTH_VERSION = "1.1"
MASS_PATHOLOGIES = (Pathology.CHEST_WALL_MASS, Pathology.HILAR_MASS)
"""Pathologies that are one mass each."""


def kind_word(kind: NoduleType) -> str:
    """The type as one word: solid, part-solid, ground-glass or calcified."""
    return "ground-glass" if kind is NoduleType.GROUND_GLASS else kind.value


def kinds_in_image(patient: MadeUpPatient) -> str:
    """A ``kind_word`` for each label that ``patient.nodules`` holds, in the labels' order."""
    seen = set(np.unique(patient.nodules.array).tolist())
    return " ".join(kind_word(n.type) for n in patient.nodule_table if n.label in seen)


def masses(patient: MadeUpPatient) -> Volume:
    """uint8, a label from 1 for each mass in the image: its part in the lung."""
    codes = [k.code for k in MASS_PATHOLOGIES if (patient.pathology.array == k.code).any()]
    labels = np.zeros(patient.ct.shape, np.uint8)
    for label, code in enumerate(codes, start=1):
        labels[patient.pathology.array == code] = label
    return patient.ct.with_array(labels)


def truth_json(patient: MadeUpPatient) -> str:
    """Everything that is known about the patient beside the masks, as JSON."""
    record = {
        "schema_version": TRUTH_VERSION,
        "made_up": True,
        "generator": GENERATOR_VERSION,
        "seed": patient.seed,
        "frame": "LPS, mm",
        "labels": {
            "lungs": {"1": "right lung", "2": "left lung"},
            "airways": {"1": "air of trachea and main bronchi"},
            "nodules": {str(n.label): n.type.value for n in patient.nodule_table},
            "lobes": {str(lobe.value): lobe.name.lower().replace("_", " ") for lobe in Lobe},
            "pathology": {str(kind.code): kind.value for kind in Pathology if kind.code},
            "effusion": {"1": "pleural fluid"},
        },
        "pathologies": [kind.value for kind in patient.pathologies],
        "scanner": asdict(patient.scanner),
        "lung_volume_ml": {
            side: round(float(np.sum(patient.lungs.array == label)) * patient.ct.voxel_volume_ml, 1)
            for side, label in (("right", 1), ("left", 2))
        },
        "nodules": [{**asdict(n), "type": n.type.value} for n in patient.nodule_table],
    }
    return json.dumps(record, indent=2, allow_nan=False) + "\n"


def nodule_rows(patient: MadeUpPatient) -> str:
    """The truth table of the nodules, one row each."""
    rows = [asdict(nodule) for nodule in patient.nodule_table]
    lines = ["label,x_mm,y_mm,z_mm,diameter_mm,mean_hu,type,margin,location"]
    for row in rows:
        x, y, z = row["centre_mm"]
        numbers = [f"{v:.3f}" for v in (x, y, z, row["diameter_mm"], row["mean_hu"])]
        words = [row[name].value for name in ("type", "margin", "location")]
        lines.append(",".join([str(row["label"]), *numbers, *words]))
    return "\n".join(lines) + "\n"
