"""Which Python files of Slicer the suite ran on: the host's own, or a checkout's."""

import os
from pathlib import Path

import pytest
import slicer

REAL = os.environ.get("SLICER_BASE_PYTHON")


def test_the_suite_runs_on_slicers_own_files(host):
    """With SLICER_BASE_PYTHON=<Slicer>/Base/Python/slicer, all other tests ran on these files."""
    if not REAL:
        pytest.skip("SLICER_BASE_PYTHON names no checkout: the suite ran on the host's own subset")
    for name in ("ScriptedLoadableModule", "i18n", "parameterNodeWrapper"):
        file = Path(getattr(slicer, name).__file__).resolve()
        assert file.is_relative_to(Path(REAL).resolve()), f"slicer.{name} came from {file}"


@pytest.mark.skipif(bool(REAL), reason="SLICER_BASE_PYTHON: the subset is not in use")
def test_a_type_outside_the_subset_is_refused_by_name(host):
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    with pytest.raises(TypeError, match="'spacings'.*list.*parameter_types.py"):

        @parameterNodeWrapper
        class Unsupported:
            spacings: list[float]


@pytest.mark.skipif(bool(REAL), reason="SLICER_BASE_PYTHON: the subset is not in use")
def test_a_typing_error_in_a_parameter_is_refused(host):
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    @parameterNodeWrapper
    class Parameters:
        count: int = 1

    parameters = Parameters(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    with pytest.raises(AttributeError, match="cuont"):
        parameters.cuont = 2
