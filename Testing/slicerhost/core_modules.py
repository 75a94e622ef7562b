"""Slicer's own loadable modules: their real logics, without their panels."""

import json
import types
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtGui

_LOGICS = {
    "Colors": "vtkSlicerColorLogic",
    "Data": "vtkSlicerDataModuleLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Units": "vtkSlicerUnitsLogic",
    "VolumeRendering": "vtkSlicerVolumeRenderingLogic",
    "Volumes": "vtkSlicerVolumesLogic",
}
_SNOMED = "SCT"


class CoreModule:
    """A module as `slicer.modules.<name>` gives it."""

    def __init__(self, name: str, logic: Any = None, path: str = "") -> None:
        self.name = self.title = name
        self.path = path
        self.icon = QtGui.QIcon()
        self.categories: list[str] = []
        self.dependencies: list[str] = []
        self.contributors: list[str] = []
        self.helpText = self.acknowledgementText = ""
        self.hidden = False
        self._logic = logic

    def logic(self) -> Any:
        """The module's logic, or None."""
        return self._logic

    def widgetRepresentation(self) -> Any:
        """Panels of Slicer's own modules are not covered."""
        return None


def start_core_modules(application_logic: Any, scene: Any, share: Path) -> types.ModuleType:
    """Make the logics, in Slicer's wiring, and the namespace `slicer.modules` that holds them."""
    write_terminologies(share)
    namespace = types.ModuleType("slicer.modules")
    for name, class_name in _LOGICS.items():
        logic = getattr(slicer, class_name)()
        if hasattr(logic, "SetModuleShareDirectory"):
            logic.SetModuleShareDirectory(str(share))
        logic.SetMRMLApplicationLogic(application_logic)
        logic.SetMRMLScene(scene)
        application_logic.SetModuleLogic(name, logic)
        setattr(namespace, name.lower(), CoreModule(name, logic))
    return namespace


def _code(value: str, meaning: str) -> dict[str, str]:
    return {"CodingSchemeDesignator": _SNOMED, "CodeValue": value, "CodeMeaning": meaning}


def write_terminologies(share: Path) -> None:
    """Small terminologies under the names that the logic reads at start-up.

    Slicer's own have some hundred entries; these hold what a chest module needs. A module's own
    file is read by the same real logic.
    """
    types_known = [
        _code("39607008", "Lung") | {"recommendedDisplayRGBValue": [197, 165, 145]},
        _code("27925004", "Nodule") | {"recommendedDisplayRGBValue": [230, 80, 60]},
        _code("85756007", "Tissue") | {"recommendedDisplayRGBValue": [128, 174, 128]},
    ]
    category = _code("85756007", "Tissue") | {"showAnatomy": True, "Type": types_known}
    segments = {"SegmentationCodes": {"Category": [category]}}
    for name in ("SlicerGeneralAnatomy", "DICOM-Master"):
        context = f"SegmentationCategoryTypeModifier-{name}"
        title = "Segmentation category and type - 3D Slicer General Anatomy list"
        content = {
            "SegmentationCategoryTypeContextName": title if "General" in name else context,
            "@schema": "https://raw.githubusercontent.com/qiicr/dcmqi/master/doc/schemas/"
            "segment-context-schema.json#",
            **segments,
        }
        (share / f"{context}.term.json").write_text(json.dumps(content), encoding="utf-8")
    regions = {
        "AnatomicContextName": "Anatomic codes - DICOM master list",
        "@schema": "https://raw.githubusercontent.com/qiicr/dcmqi/master/doc/schemas/"
        "anatomic-context-schema.json#",
        "AnatomicCodes": {"AnatomicRegion": [_code("39607008", "Lung")]},
    }
    path = share / "AnatomicRegionAndModifier-DICOM-Master.term.json"
    path.write_text(json.dumps(regions), encoding="utf-8")
