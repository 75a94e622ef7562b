"""What the subject hierarchy says about a volume, and where in it results are put."""

from __future__ import annotations

from datetime import datetime

import slicer
from slicer.i18n import tr as _

from LungPNetLib.report.wording import date, person_name
from LungPNetLib.study import Acquisition, Patient
from LungPNetLib.survival.categories import Sex

_Names = slicer.vtkMRMLSubjectHierarchyConstants


def itemOf(node: slicer.vtkMRMLNode) -> int:
    """The item of a node, made at the top where it has none (as outside the application)."""
    hierarchy = _hierarchyOf(node)
    item: int = hierarchy.GetItemByDataNode(node)
    return item or hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)


def placeBeside(node: slicer.vtkMRMLNode, volumeNode: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Put ``node`` into the study, or the folder, that the volume lies in."""
    hierarchy = _hierarchyOf(node)
    hierarchy.SetItemParent(itemOf(node), hierarchy.GetItemParent(itemOf(volumeNode)))


def placeInStudy(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, patient: Patient, acquisition: Acquisition
) -> None:
    """Put a volume that was read from DICOM under its patient and study, made where they are not.

    Without a StudyInstanceUID (a file of another kind) the volume stays where it is.
    """
    if not acquisition.study_uid:
        return
    hierarchy = _hierarchyOf(volumeNode)
    uid = _Names.GetDICOMUIDName()
    study = hierarchy.GetItemByUID(uid, acquisition.study_uid)
    if not study:
        parent = patient.patient_id and hierarchy.GetItemByUID(uid, patient.patient_id)
        study = _newStudy(hierarchy, parent or _newPatient(hierarchy, patient), acquisition)
    item = itemOf(volumeNode)
    hierarchy.SetItemParent(item, study)
    hierarchy.SetItemUID(item, uid, acquisition.series_uid)


def patientOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Patient:
    """Identity as the DICOM files stated it; empty where the volume belongs to no patient."""
    item = _ancestor(volumeNode, _Names.GetDICOMLevelPatient())
    return Patient(
        name=_attribute(volumeNode, item, _Names.GetDICOMPatientNameAttributeName()),
        patient_id=_attribute(volumeNode, item, _Names.GetDICOMPatientIDAttributeName()),
        birth_date=_attribute(volumeNode, item, _Names.GetDICOMPatientBirthDateAttributeName()),
        sex=_attribute(volumeNode, item, _Names.GetDICOMPatientSexAttributeName()),
    )


def ageOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> int | None:
    """Whole years from the birth date to the study, as DICOM stated both; None where it did not."""
    try:
        born = datetime.strptime(patientOf(volumeNode).birth_date, "%Y%m%d")
        seen = datetime.strptime(acquisitionOf(volumeNode).study_date, "%Y%m%d")
    except ValueError:
        return None
    return seen.year - born.year - ((seen.month, seen.day) < (born.month, born.day))


def sexOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Sex | None:
    """As DICOM stated it; None where it says neither female nor male."""
    return {"F": Sex.FEMALE, "M": Sex.MALE}.get(patientOf(volumeNode).sex)


def acquisitionOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Acquisition:
    """What is kept of the DICOM files' study and series; empty where there were none."""
    item = _ancestor(volumeNode, _Names.GetDICOMLevelStudy())
    return Acquisition(
        study_uid=_uid(volumeNode, item),
        series_uid=seriesUid(volumeNode),
        study_date=_attribute(volumeNode, item, _Names.GetDICOMStudyDateAttributeName()),
        study_description=_attribute(
            volumeNode, item, _Names.GetDICOMStudyDescriptionAttributeName()
        ),
    )


def seriesUid(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> str:
    """SeriesInstanceUID of the volume; empty where it was not loaded from DICOM."""
    return _uid(volumeNode, _hierarchyOf(volumeNode).GetItemByDataNode(volumeNode))


def firstCt(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The volume that a panel begins with; None where the scene holds no CT.

    Left out are label maps, colour images, single slices (localizers, secondary captures) and
    what DICOM says is of another modality.
    """
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLScalarVolumeNode")
        if _canBeCt(node):
            return node
    return None


def _canBeCt(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> bool:
    image = volumeNode.GetImageData()
    if volumeNode.GetClassName() != "vtkMRMLScalarVolumeNode" or image is None:
        return False
    item = _hierarchyOf(volumeNode).GetItemByDataNode(volumeNode)
    modality = _attribute(volumeNode, item, _Names.GetDICOMSeriesModalityAttributeName())
    hasSlices = min(image.GetDimensions()) > 1 and image.GetNumberOfScalarComponents() == 1
    return hasSlices and modality in ("", "CT")


def _newPatient(hierarchy: slicer.vtkMRMLSubjectHierarchyNode, patient: Patient) -> int:
    name = person_name(patient.name) or _("Patient")
    item: int = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), name)
    hierarchy.SetItemUID(item, _Names.GetDICOMUIDName(), patient.patient_id)
    for attribute, value in (
        (_Names.GetDICOMPatientNameAttributeName(), patient.name),
        (_Names.GetDICOMPatientIDAttributeName(), patient.patient_id),
        (_Names.GetDICOMPatientBirthDateAttributeName(), patient.birth_date),
        (_Names.GetDICOMPatientSexAttributeName(), patient.sex),
    ):
        hierarchy.SetItemAttribute(item, attribute, value)
    return item


def _newStudy(
    hierarchy: slicer.vtkMRMLSubjectHierarchyNode, parent: int, acquisition: Acquisition
) -> int:
    when = f"({date(acquisition.study_date)})" if acquisition.study_date else ""
    name = f"{acquisition.study_description or _('Study')} {when}".rstrip()
    item: int = hierarchy.CreateStudyItem(parent, name)
    hierarchy.SetItemUID(item, _Names.GetDICOMUIDName(), acquisition.study_uid)
    for attribute, value in (
        (_Names.GetDICOMStudyInstanceUIDAttributeName(), acquisition.study_uid),
        (_Names.GetDICOMStudyDateAttributeName(), acquisition.study_date),
        (_Names.GetDICOMStudyDescriptionAttributeName(), acquisition.study_description),
    ):
        hierarchy.SetItemAttribute(item, attribute, value)
    return item


def _hierarchyOf(node: slicer.vtkMRMLNode) -> slicer.vtkMRMLSubjectHierarchyNode:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())


def _ancestor(node: slicer.vtkMRMLNode, level: str) -> int:
    """The item above ``node`` on the DICOM level; 0 where there is none."""
    hierarchy = _hierarchyOf(node)
    item: int = hierarchy.GetItemByDataNode(node)
    return hierarchy.GetItemAncestorAtLevel(item, level) if item else 0


def _uid(node: slicer.vtkMRMLNode, item: int) -> str:
    return _hierarchyOf(node).GetItemUID(item, _Names.GetDICOMUIDName()) or "" if item else ""


def _attribute(node: slicer.vtkMRMLNode, item: int, name: str) -> str:
    return _hierarchyOf(node).GetItemAttribute(item, name) or "" if item else ""
