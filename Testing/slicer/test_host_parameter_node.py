"""The used subset of parameterNodeWrapper; the same tests hold for Slicer's own."""

import enum
import pathlib
from typing import Annotated, Optional

import ctk
import pytest
import qt
import slicer
from slicer import vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import Choice, Default, Minimum, WithinRange, parameterNodeWrapper


class Method(enum.Enum):
    CLASSICAL = 1
    NETWORK = 2

    def label(self):
        return {1: "By threshold", 2: "By network"}[self.value]


@parameterNodeWrapper
class Parameters:
    volume: vtkMRMLScalarVolumeNode
    other: Optional[vtkMRMLScalarVolumeNode]  # noqa: UP045  (as Slicer's documentation has it)
    count: Annotated[int, Minimum(1)] = 3
    dose: Annotated[float, WithinRange(0, 10)] = 1.5
    name: str
    active: bool = True
    method: Method
    folder: pathlib.Path
    unit: Annotated[str, Choice(["mm", "cm"])] = "mm"
    late: Annotated[str, Default("later")]


def new_node():
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")


@pytest.fixture
def parameters(host):
    return Parameters(new_node())


def test_defaults(parameters):
    assert parameters.volume is None
    assert parameters.other is None
    assert (parameters.count, parameters.dose, parameters.name) == (3, 1.5, "")
    assert parameters.active is True
    assert parameters.method is Method.CLASSICAL
    assert parameters.folder == pathlib.Path()
    assert (parameters.unit, parameters.late) == ("mm", "later")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", 12),
        ("dose", 0.1),
        ("dose", 7),
        ("name", "Übersicht 肺 'x' \"y\""),
        ("active", False),
        ("method", Method.NETWORK),
        ("folder", pathlib.Path("/some where/结果")),
        ("unit", "cm"),
    ],
)
def test_a_value_is_kept_in_the_node(parameters, name, value):
    setattr(parameters, name, value)
    again = Parameters(parameters.parameterNode)
    assert getattr(again, name) == value
    assert isinstance(getattr(again, name), float if name == "dose" else type(value))


def test_a_node_is_kept_as_a_reference(parameters):
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    parameters.volume = parameters.other = volume
    again = Parameters(parameters.parameterNode)
    assert again.volume is volume
    assert again.other is volume
    slicer.mrmlScene.RemoveNode(volume)
    assert parameters.volume is None


@pytest.mark.parametrize(
    ("name", "value"), [("count", 0), ("dose", 10.5), ("unit", "inch"), ("name", None)]
)
def test_values_that_are_not_allowed_are_refused(parameters, name, value):
    before = getattr(parameters, name)
    with pytest.raises(ValueError, match=r"."):  # Slicer's own words differ
        setattr(parameters, name, value)
    assert getattr(parameters, name) == before


@pytest.mark.parametrize(("name", "value"), [("count", 1.5), ("active", "yes"), ("method", 1)])
def test_other_types_are_refused(parameters, name, value):
    with pytest.raises(TypeError):
        setattr(parameters, name, value)


def test_a_bar_with_none_is_refused_as_in_slicer(host):
    with pytest.raises(Exception, match="volume"):

        @parameterNodeWrapper
        class Barred:
            volume: vtkMRMLScalarVolumeNode | None


def test_binding_gives_the_selector_its_node_type(parameters):
    selector = slicer.qMRMLNodeComboBox()
    parameters.connectParametersToGui({"volume": selector})
    assert selector.nodeTypes == ("vtkMRMLScalarVolumeNode",)


def test_observers_hear_of_a_change(parameters):
    heard = []
    tag = parameters.AddObserver("ModifiedEvent", lambda *_: heard.append(parameters.count))
    parameters.count = 9
    parameters.RemoveObserver(tag)
    parameters.count = 10
    assert heard == [9]


def in_widget(widget, name):
    widget.setProperty("SlicerParameterName", name)
    return widget


def bound_widgets():
    """Parameter name -> (widget, how a person changes it, what the parameter then is)."""
    combo, path = qt.QComboBox(), ctk.ctkPathLineEdit()
    slider, line = ctk.ctkSliderWidget(), qt.QLineEdit()
    return {
        "count": (qt.QSpinBox(), lambda w: w.setValue(5), 5),
        "dose": (slider, lambda w: w.setValue(2.5), 2.5),
        "name": (line, lambda w: w.setText("x"), "x"),
        "active": (qt.QCheckBox(), lambda w: w.click(), False),
        "method": (combo, lambda w: w.setCurrentIndex(1), Method.NETWORK),
        "folder": (path, lambda w: w.setCurrentPath("/data"), pathlib.Path("/data")),
        "unit": (qt.QComboBox(), lambda w: w.setCurrentIndex(1), "cm"),
    }


BOUND = ("active", "count", "dose", "folder", "method", "name", "unit")


@pytest.mark.parametrize("name", BOUND)
def test_a_widget_and_its_parameter_follow_each_other(parameters, name):
    widget, change, expected = bound_widgets()[name]
    before = getattr(parameters, name)
    parent = qt.QWidget()
    qt.QVBoxLayout(parent).addWidget(in_widget(widget, name))
    parameters.connectGui(parent)
    change(widget)
    assert getattr(parameters, name) == expected
    setattr(parameters, name, before)
    change(widget)
    assert getattr(parameters, name) == expected


def test_a_node_selector_follows_its_parameter(parameters):
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    parameters.connectParametersToGui({"volume": selector})
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    assert parameters.volume is None
    selector.setCurrentNode(volume)
    assert parameters.volume is volume
    parameters.volume = None
    assert selector.currentNode() is None


def test_a_combo_box_shows_the_labels_of_an_enum(parameters):
    box = qt.QComboBox()
    parameters.connectParametersToGui({"method": box})
    assert [box.itemText(index) for index in range(box.count)] == ["By threshold", "By network"]


def test_a_bound_slider_takes_its_limits(parameters):
    slider = ctk.ctkSliderWidget()
    parameters.connectParametersToGui({"dose": slider})
    assert (slider.minimum, slider.maximum) == (0, 10)


def test_a_slider_without_limits_is_refused(host):
    @parameterNodeWrapper
    class Unbounded:
        free: float

    with pytest.raises(RuntimeError):
        Unbounded(new_node()).connectParametersToGui({"free": ctk.ctkSliderWidget()})


def test_a_widget_that_cannot_show_the_type_is_refused(parameters):
    with pytest.raises(RuntimeError):
        parameters.connectParametersToGui({"volume": qt.QCheckBox()})


def test_an_unknown_parameter_name_is_refused(parameters):
    with pytest.raises(ValueError, match="nothing"):
        parameters.connectParametersToGui({"nothing": qt.QCheckBox()})


def test_disconnecting_ends_the_binding(parameters):
    box = qt.QSpinBox()
    tag = parameters.connectParametersToGui({"count": box})
    parameters.disconnectGui(tag)
    box.value = 8
    assert parameters.count == 3
