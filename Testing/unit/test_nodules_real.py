"""The nodule stage with the weights that ship, on real patients whom no training has seen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy import ndimage

from LungPNetLib.cli import main
from LungPNetLib.evaluation.overlap import dice
from LungPNetLib.volume import read_image

MASS_BOX = np.s_[46:61, 330:401, 60:131]
"""Slices, rows and columns around the mass of lidc-0295."""


def analyzed(ct: Path, folder: Path):
    """Shown nodules, their labels and the lungs."""
    out = folder / "result"
    arguments = ["analyze", str(ct), "--out", str(out), "--progress", "none"]
    assert main([*arguments, "--stages", "lungs,nodules"]) == 0
    nodules = json.loads((out / "result.json").read_text())["nodules"]
    shown = [nodule for nodule in nodules if nodule["selected"]]
    return shown, read_image(out / "nodules.nrrd"), read_image(out / "lungs.nrrd")


def assert_near_the_lungs(nodules, labels, lungs):
    distance_mm = ndimage.distance_transform_edt(lungs.array == 0, lungs.spacing_mm[::-1])
    for nodule in nodules:
        assert np.median(distance_mm[labels.array == nodule["mask"]["label"]]) <= 3.0


def test_a_spiculated_nodule_is_ranked_first(real_data, tmp_path):
    nodules, labels, lungs = analyzed(real_data / "lidc-0001" / "ct", tmp_path)
    votes = read_image(real_data / "lidc-0001" / "nodule_reader_votes.nii.gz").array
    first = nodules[0]
    assert first["score"] == max(nodule["score"] for nodule in nodules)
    assert dice(labels.array == first["mask"]["label"], votes >= 2) >= 0.75
    false = [n for n in nodules if not (votes[labels.array == n["mask"]["label"]] > 0).any()]
    assert len(false) <= 4
    assert_near_the_lungs(nodules, labels, lungs)


def test_a_mass_at_the_chest_wall_is_named_so(real_data, tmp_path):
    nodules, labels, lungs = analyzed(real_data / "lidc-0295", tmp_path)
    at_the_mass = set(np.unique(labels.array[MASS_BOX]).tolist()) - {0}
    names = [n["name"] for n in nodules if n["mask"]["label"] in at_the_mass]
    assert "mass" in names
    assert len(nodules) - len(names) <= 4
    assert_near_the_lungs(nodules, labels, lungs)
