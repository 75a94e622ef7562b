"""What the extension brings into Slicer at its start: terms, sample data, choices with names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SampleData
import slicer
import vtk

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.lungs.predict import LungMethod
from LungPNetLib.slicer_bridge.parameters import DeviceChoice, LungMethodChoice
from slicerhost.host import Host
from slicerhost.lint import check_file
from update_cmake_lists import MODULES, REPOSITORY

CONTEXT = "Segmentation category and type - LungPNet"
NODULE = ("49755003", "27925004", (230, 80, 60))


@pytest.fixture
def slicer_started(host: Host) -> Host:
    """The host with all four modules, after its start."""
    for module in MODULES:
        host.load(REPOSITORY / module / f"{module}.py")
    host.app.startupCompleted.emit()
    return host


def terms() -> set[tuple[str, str, tuple[int, ...]]]:
    """Category, type and colour of each term that Slicer's own logic has read from our file."""
    logic = slicer.modules.terminologies.logic()
    found = set()
    category, kind = slicer.vtkSlicerTerminologyCategory(), slicer.vtkSlicerTerminologyType()
    for i in range(logic.GetNumberOfCategoriesInTerminology(CONTEXT)):
        assert logic.GetNthCategoryInTerminology(CONTEXT, i, category)
        for k in range(logic.GetNumberOfTypesInTerminologyCategory(CONTEXT, category)):
            assert logic.GetNthTypeInTerminologyCategory(CONTEXT, category, k, kind)
            colour = tuple(kind.GetRecommendedDisplayRGBValue())
            found.add((category.GetCodeValue(), kind.GetCodeValue(), colour))
    return found


def test_terms_are_those_of_the_dicom_objects(slicer_started: Host) -> None:
    lungs = {(one.category_code.value, one.type_code.value, one.rgb) for one in LUNG_SEGMENTS}
    assert terms() == {*lungs, NODULE}


def test_every_module_is_described(slicer_started: Host) -> None:
    """Slicer's generic test asks for the first three; the disclaimer is ours."""
    for name in MODULES:
        module = getattr(slicer.modules, name.lower())
        assert module.categories
        assert module.contributors
        assert module.acknowledgementText
        assert "Research use only, not for diagnosis." in module.helpText
        assert module.dependencies == ([] if name == "LungPNet" else ["LungPNet"])
        assert not module.icon.isNull()


@pytest.mark.parametrize("name", MODULES)
def test_module_and_panel_keep_to_pythonqt(name: str) -> None:
    ui = REPOSITORY / name / "Resources" / "UI" / f"{name}.ui"
    panels = REPOSITORY / "LungPNet" / "LungPNetLib" / "slicer_bridge" / "panels"
    for path in (REPOSITORY / name / f"{name}.py", panels / f"{name.lower()}_panel.py"):
        assert check_file(path, ui) == []


def test_sample_is_made_here_and_shown(slicer_started: Host) -> None:
    source = SampleData.SampleDataLogic.sources[-1]
    assert not str(source["uris"]).startswith(("http", "file"))
    with slicer_started.without_main_window():
        node: Any = source["customDownloader"](source)
    array = slicer.util.arrayFromVolume(node)
    assert array.dtype == np.int16
    assert array.min() < -900  # air
    assert array.max() > 300  # bone
    composite = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetBackgroundVolumeID() == node.GetID()


def test_sample_lies_the_right_way_round(slicer_started: Host) -> None:
    """Anterior is positive in Slicer: the sternum, and not the spine."""
    from LungPNetLib.slicer_bridge.sample_data import loadMadeUpPatient

    node = loadMadeUpPatient()
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    to_ras = slicer.util.arrayFromVTKMatrix(matrix)
    np.testing.assert_allclose(np.diag(to_ras)[:3], [-1.4, -1.4, 2.5])
    bone_rows = np.nonzero((slicer.util.arrayFromVolume(node) > 400).any(axis=(0, 2)))[0]
    spine_mm, sternum_mm = to_ras[1, 1] * bone_rows[[-1, 0]] + to_ras[1, 3]
    assert spine_mm < 0 < sternum_mm


def test_choices_are_those_of_the_library() -> None:
    assert {choice.value for choice in LungMethodChoice} == {method.value for method in LungMethod}
    assert {choice.value for choice in DeviceChoice} == {"auto", "cpu", "cuda"}


@pytest.mark.parametrize("choice", [*LungMethodChoice, *DeviceChoice])
def test_choices_have_words(choice: Any) -> None:
    assert choice.label()
    assert choice.label() not in (choice.name, choice.value)
