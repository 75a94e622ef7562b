"""What the tests of the bridge put into the scene and on disk."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import slicer

from LungPNetLib.result import (
    GridInfo,
    LungMeasurement,
    LungResult,
    QualityCheck,
    StudyResult,
    Verdict,
)
from LungPNetLib.slicer_bridge.hierarchy import itemOf
from LungPNetLib.slicer_bridge.volumes import updateNodeFromVolume
from LungPNetLib.study import Acquisition, Patient
from LungPNetLib.volume import Volume, write_image

OBLIQUE = np.array([[0.8, 0.0, -0.6], [0.0, 1.0, 0.0], [0.6, 0.0, 0.8]])
"""Turned about the y axis, with a sine of 0.6 and a cosine of 0.8."""

SERIES_UID, STUDY_UID = "1.2.826.0.1.3680043.8.498.2", "1.2.826.0.1.3680043.8.498.1"


def made_ct(size=(5, 4, 3), seed=0) -> Volume:
    """A small oblique CT of noise; ``size`` is (columns, rows, slices)."""
    hu = np.random.default_rng(seed).integers(-1000, 100, size[::-1]).astype(np.int16)
    return Volume(hu, (0.7, 0.8, 2.5), (-10.0, 20.0, -30.0), OBLIQUE)


def made_lungs(ct: Volume) -> Volume:
    """The right lung (1) in the first columns, the left one (2) in the last, smaller."""
    labels = np.zeros(ct.shape, np.uint8)
    labels[:, :, :2] = 1
    labels[1:, 1:, -2:] = 2
    return ct.with_array(labels)


def add_ct(ct: Volume, name="CT", class_name="vtkMRMLScalarVolumeNode"):
    """A node with the voxels of ``ct``."""
    node = slicer.mrmlScene.AddNewNodeByClass(class_name, name)
    updateNodeFromVolume(node, ct)
    return node


def add_study(volume_node, series_uid=SERIES_UID) -> int:
    """Put the volume under a patient and a study, as Slicer's DICOM reader does."""
    names = slicer.vtkMRMLSubjectHierarchyConstants
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Doe^Jane (17)")
    for attribute, value in (
        (names.GetDICOMPatientNameAttributeName(), "Doe^Jane"),
        (names.GetDICOMPatientIDAttributeName(), "17"),
        (names.GetDICOMPatientBirthDateAttributeName(), "19500102"),
        (names.GetDICOMPatientSexAttributeName(), "F"),
    ):
        hierarchy.SetItemAttribute(patient, attribute, value)
    study = hierarchy.CreateStudyItem(patient, "Thorax (20200304)")
    hierarchy.SetItemUID(study, names.GetDICOMUIDName(), STUDY_UID)
    hierarchy.SetItemAttribute(study, names.GetDICOMStudyDateAttributeName(), "20200304")
    hierarchy.SetItemAttribute(study, names.GetDICOMStudyDescriptionAttributeName(), "Thorax")
    item = itemOf(volume_node)
    hierarchy.SetItemParent(item, study)
    hierarchy.SetItemUID(item, names.GetDICOMUIDName(), series_uid)
    return study


def nodes_of(class_name: str) -> list:
    """All nodes of a class in the scene."""
    return list(slicer.util.getNodesByClass(class_name))


@dataclass
class MadeResult:
    """A result folder to be written; change a field to make another one."""

    ct: Volume
    labels: Volume
    series_uid: str = ""
    regridded: bool = False
    volume_ml: tuple[float, float] = (2534.1, 2210.7)
    histogram_hu: tuple[float, ...] = (-1024.0, -1014.0, -1004.0)
    histogram_ml: dict = field(
        default_factory=lambda: {"right": (1.5, 0.25, 0.0), "left": (0.125, 2.0, 3.75)}
    )

    def lungs(self) -> LungResult:
        """What was measured."""
        right, left = self.volume_ml
        return LungResult(
            method="classical",
            measurements=(
                LungMeasurement("right", 1, right, -845.3, 12.34, -921.0),
                LungMeasurement("left", 2, left, -839.9, 10.5, -917.0),
                LungMeasurement("both", 0, round(right + left, 1), -842.7, 11.48, -919.0),
            ),
            histogram_hu=self.histogram_hu,
            histogram_ml=self.histogram_ml,
        )

    def result(self) -> StudyResult:
        """The findings."""
        ct = self.ct
        return StudyResult(
            input_format="dicom" if self.series_uid else "nrrd",
            patient=Patient(),
            deidentified=False,
            acquisition=Acquisition(series_uid=self.series_uid),
            grid=GridInfo(
                size=ct.shape[::-1],
                spacing_mm=ct.spacing_mm,
                origin_mm=ct.origin_mm,
                direction=tuple(ct.direction.ravel().tolist()),
                regridded=self.regridded,
                acquired_slices=ct.shape[0],
                acquired_spacing_mm=ct.spacing_mm[2],
                tilt_deg=0.0,
            ),
            quality=[
                QualityCheck("scan_length", "Scan length", Verdict.PASS, 312.5, "mm", "Whole."),
                QualityCheck("noise", "Noise", Verdict.WARN, 41.0, "HU", "Small nodules vanish."),
                QualityCheck("kernel", "Kernel", Verdict.PASS, None, "", "Not assessed."),
            ],
            lungs=self.lungs(),
            run={"started": "2025-01-02T03:04:05Z"},
            software={"name": "LungPNet", "version": "0.1"},
        )

    def write(self, folder: Path) -> Path:
        """Write ``result.json`` and ``lungs.nrrd``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "result.json").write_text(self.result().to_json(), encoding="utf-8")
        write_image(self.labels, folder / "lungs.nrrd")
        return folder
