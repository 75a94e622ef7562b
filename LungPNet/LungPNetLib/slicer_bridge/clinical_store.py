"""The clinical form of a CT in the scene, and in files.

In the scene it belongs to the study of the CT in the subject hierarchy, so that all series of a
study share it; a CT that belongs to no study has a form of its own.
"""

from __future__ import annotations

from pathlib import Path

import slicer
from slicer.i18n import tr as _

from LungPNetLib.cohort.manifest import StudyRow, read_manifest, write_manifest
from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.survival.clinical import ClinicalForm

FORM = "LungPNet.ClinicalForm"
"""Attribute of the study or of the CT: the form as JSON."""


def keptForm(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> ClinicalForm | None:
    """The form that is kept for this CT; None where there is none.

    Raises
    ------
    InputError
        The scene comes from another version, or its form was changed by hand.
    """
    study = _study(volumeNode)
    text = _hierarchy(volumeNode).GetItemAttribute(study, FORM) if study else ""
    text = text or volumeNode.GetAttribute(FORM)
    return ClinicalForm.from_json(text) if text else None


def keepForm(volumeNode: slicer.vtkMRMLScalarVolumeNode, form: ClinicalForm) -> None:
    """Keep the form with the study of the CT, or with the CT where it belongs to no study."""
    study = _study(volumeNode)
    if study:
        _hierarchy(volumeNode).SetItemAttribute(study, FORM, form.to_json())
    else:
        volumeNode.SetAttribute(FORM, form.to_json())


def readForm(path: Path, pseudonym: str) -> ClinicalForm:
    """The form of a patient from a file.

    Parameters
    ----------
    path : Path
        A form as JSON (``.json``), or a table as CSV with the column ``patient_id`` and columns
        named like the fields of ``ClinicalForm``.
    pseudonym : str
        Which row of the table; not used with JSON.

    Raises
    ------
    InputError
        The file cannot be read, has no row or several rows of this patient, or holds a value that
        is not accepted.
    """
    if path.suffix.lower() == ".json":
        try:
            return ClinicalForm.from_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"The form '{path.name}' cannot be read ({error}).") from error
    if not pseudonym:
        raise InputError(_("Enter the patient's pseudonym: the table has a row for each patient."))
    table = read_manifest(path)
    rows = [row for row in table.rows if row.patient_id == pseudonym]
    if len(rows) != 1:
        raise InputError(
            _(
                "The table has {found} rows with this pseudonym in the column patient_id, and it "
                "has to have one; it has {rows} rows in all. Correct the pseudonym or the table."
            ).format(found=len(rows), rows=len(table.rows))
        )
    return ClinicalForm.from_row(rows[0].columns)


def writeForm(path: Path, pseudonym: str, form: ClinicalForm) -> None:
    """Write the form to a new file, as ``readForm`` reads it.

    Raises
    ------
    InputError
        The file exists, is neither .json nor .csv, or there is no pseudonym for the table.
    OutputError
        The file cannot be written.
    """
    if path.exists():
        raise InputError(
            _("The file '{name}' exists already. Choose another name.").format(name=path.name)
        )
    if path.suffix.lower() == ".json":
        try:
            path.write_text(form.to_json(), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"The form '{path.name}' cannot be written ({error}).") from error
    elif path.suffix.lower() != ".csv":
        raise InputError(
            _("The file is named '{name}'; accepted: names that end in .csv or .json.").format(
                name=path.name
            )
        )
    elif not pseudonym:
        raise InputError(_("Enter a pseudonym for the column patient_id of the table."))
    else:
        write_manifest(path, [StudyRow(pseudonym, {}, cellsOf(form))])


def cellsOf(form: ClinicalForm) -> dict[str, str]:
    """The form as the cells of a table; ``ClinicalForm.from_row`` is the inverse."""
    return {
        name: "" if value is None else str(value)
        for name, value in form.to_dict().items()
        if name != "schema_version"
    }


def _hierarchy(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
) -> slicer.vtkMRMLSubjectHierarchyNode:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volumeNode.GetScene())


def _study(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> int:
    """Item of the study that the CT lies in; 0 where it lies in none."""
    hierarchy = _hierarchy(volumeNode)
    item: int = hierarchy.GetItemByDataNode(volumeNode)
    level = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMLevelStudy()
    return hierarchy.GetItemAncestorAtLevel(item, level) if item else 0
