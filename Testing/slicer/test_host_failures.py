"""What goes wrong without being raised fails the test that caused it."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import qt
import slicer
import vtk

from slicerhost.failures import HostFailureError

CONFTEST = f"""
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[1])!r})
import slicerhost
slicerhost.start()
from slicerhost.pytest_support import *
"""
TESTS = """
import qt, slicer, vtk


def test_good(host):
    button = qt.QPushButton()
    button.connect("clicked()", lambda: None)
    button.click()


def test_slot_raises(host):
    button = qt.QPushButton()
    button.connect("clicked()", lambda: 1 / 0)
    button.click()


def test_observer_raises(host):
    slicer.mrmlScene.AddObserver(slicer.mrmlScene.NodeAddedEvent, lambda *_: 1 / 0)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode")
    slicer.mrmlScene.RemoveAllObservers()


def test_vtk_error(host):
    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName("/no/such/file.vtp")
    reader.Update()


def test_unknown_attribute(host):
    button = qt.QPushButton()
    button.connect("clicked()", lambda: setattr(button, "tooltip", "typing error"))
    button.click()


def test_unknown_signal(host):
    qt.QPushButton().connect("clickd()", lambda: None)


def test_qt_warning(host):
    widget = qt.QWidget()
    layout = qt.QVBoxLayout(widget)
    other = qt.QHBoxLayout(widget)


def test_error_shown(host):
    slicer.util.errorDisplay("Something broke")


def test_question_without_an_answer(host):
    slicer.util.confirmYesNoDisplay("Really?")


def test_good_again(host):
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLModelNode") == 0
"""


def test_lost_errors_fail_the_test_that_caused_them(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_inner.py").write_text(textwrap.dedent(TESTS))
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=300,
    )
    lines = run.stdout.splitlines()
    passed = {one.split("::")[1].split()[0] for one in lines if one.startswith("PASSED")}
    failed = {one.split("::")[1].split()[0] for one in lines if one.startswith("FAILED")}
    assert passed == {"test_good", "test_good_again"}, run.stdout
    assert failed == {
        "test_slot_raises",
        "test_observer_raises",
        "test_vtk_error",
        "test_unknown_attribute",
        "test_unknown_signal",
        "test_qt_warning",
        "test_error_shown",
        "test_question_without_an_answer",
    }
    assert run.returncode == 1


def test_a_failure_that_is_expected_is_taken(host):
    button = qt.QPushButton()
    button.connect("clicked()", lambda: 1 / 0)
    with host.failures.expected("ZeroDivisionError"):
        button.click()


def test_an_expected_failure_must_happen(host):
    with pytest.raises(HostFailureError, match="Nothing failed"):
        with host.failures.expected("ZeroDivisionError"):
            pass


def test_vtk_warnings_are_kept_but_do_not_fail(host):
    vtk.vtkOutputWindow.GetInstance().DisplayWarningText("only a warning")
    assert host.failures.vtk_warnings == ["only a warning"]


def test_waiting_ends_at_a_failure(host):
    qt.QTimer.singleShot(0, lambda: 1 / 0)
    with pytest.raises(HostFailureError, match="ZeroDivisionError"):
        host.wait_until(lambda: False, "what never comes", timeout_s=20)


def test_waiting_in_vain_says_for_what(host):
    with pytest.raises(AssertionError, match="in vain for a result"):
        host.wait_until(lambda: False, "a result", timeout_s=0.05)


def test_a_deleted_widget_leaves_no_observer(host):
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLModelNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    selector.delete()
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode")
