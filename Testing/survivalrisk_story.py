"""The pictures of the module SurvivalRisk; see screenshots.py."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from LungPNetLib.cohort.phantom.patient import MadeUpPatient
from LungPNetLib.volume import Volume

SUV_OF_HU = ((20, 1.6), (-300, 0.9), (-960, 0.4))
"""Uptake of the made-up chest where its density is above so many HU; outside it is 0.02."""
NODULE_SUV = 12.0
PET_MM = 4.5


def tell(studio: Any, patient: MadeUpPatient) -> None:
    """Take the pictures.

    Parameters
    ----------
    studio : screenshots.Studio
    patient : MadeUpPatient
        That of Sample Data.
    """
    studio.sample()
    panel = studio.open("SurvivalRisk")
    studio.sections(panel, stageButton=False, petButton=False)
    ui = panel.ui
    for edit, text in ((ui.age_yearsEdit, "64"), (ui.pack_yearsEdit, "30")):
        edit.text = text
        edit.textEdited.emit(text)
    for box, choice in (
        (ui.sexComboBox, "Female"),
        (ui.smoking_statusComboBox, "Former"),
        (ui.ecogComboBox, "1: light work only"),
        (ui.t_categoryComboBox, "T1a"),
        (ui.n_categoryComboBox, "N0"),
        (ui.m_categoryComboBox, "M0"),
    ):
        studio.host.choose(box, choice)
    studio.host.click(ui.keepButton)
    studio.take("survivalrisk_form")
    studio.sections(panel, clinicalButton=False, tableButton=False, stageButton=True)
    for box, choice in (
        (ui.tumour_typeComboBox, "part-solid"),
        (ui.separate_nodulesComboBox, "none"),
    ):
        studio.host.choose(box, choice)
    for edit, text in ((ui.total_mmEdit, "18"), (ui.solid_mmEdit, "9")):
        edit.text = text
        edit.textEdited.emit(text)
    studio.host.click(ui.invasionsCheckBox)
    studio.take("survivalrisk_stage")
    _uptake(studio, panel, patient)


def _uptake(studio: Any, panel: Any, patient: MadeUpPatient) -> None:
    """The PET lies on the CT, and its nodule is hot."""
    import slicer

    from LungPNetLib.slicer_bridge.nodule_outlines import NODULE
    from LungPNetLib.slicer_bridge.segmentations import updateSegmentation

    ui = panel.ui
    (nodule,) = patient.nodule_table
    studio.look_at(nodule.centre_mm)
    _write_pet(patient, Path("PET"))
    outline = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Nodule")
    updateSegmentation(outline, patient.nodules, (NODULE,), panel.parameters.inputVolume)
    studio.sections(panel, stageButton=False, petButton=True)
    ui.petFolderPath.currentPath = "PET"
    panel.runArea = panel.uptakeSection.runArea
    studio.click_and_wait(panel, ui.readPetButton)
    assert panel.parameters.petVolume is not None, ui.petMessageLabel.text
    ui.uptakeSelector.setCurrentNode(outline)
    studio.click_and_wait(panel, ui.uptakeButton)
    studio.take("survivalrisk_uptake")


def _write_pet(patient: MadeUpPatient, folder: Path) -> None:
    """A PET of the patient as DICOM: soft tissue, lung and a hot nodule, at a PET's resolution."""
    from scipy.ndimage import gaussian_filter

    sys.path.append(str(Path(__file__).parent / "unit"))
    from pet_kit import SLOPE, SUV_PER_BQ_ML, pet_header, write_pet

    ct = patient.ct
    conditions = [ct.array > limit for limit, _ in SUV_OF_HU]
    suv = np.select(conditions, [value for _, value in SUV_OF_HU], 0.02)
    suv[patient.nodules.array > 0] = NODULE_SUV
    sigma = [2.5 / step for step in ct.spacing_mm[::-1]]
    blurred = ct.with_array(gaussian_filter(suv, sigma).astype(np.float32))
    shape = [int(n * step / PET_MM) for n, step in zip(ct.shape, ct.spacing_mm[::-1], strict=True)]
    grid = Volume(np.zeros(shape, np.float32), (PET_MM,) * 3, ct.origin_mm, ct.direction)
    coarse = blurred.resampled_to(grid)
    noise = np.random.default_rng(1).normal(1.0, 0.05, coarse.shape)
    stored = np.rint(coarse.array * noise / (SUV_PER_BQ_ML * SLOPE)).clip(0, 65535).astype(int)

    def place(dataset: Any, k: int) -> None:
        x, y, z = ct.origin_mm
        dataset.ImagePositionPatient = [x, y, z + k * PET_MM]
        dataset.SeriesDescription = "Made-up PET"

    write_pet(folder, pet_header(), stored=stored, spacing_mm=(PET_MM,) * 3, change=place)
