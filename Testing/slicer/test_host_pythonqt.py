"""The `qt` module accepts what PythonQt accepts and refuses what PythonQt refuses."""

import ctk
import pytest
import qt
import slicer

ACCEPTED = [
    ("button.text", "start"),
    ("set(button, text='go').text", "go"),
    ("button.setText('go') or button.text", "go"),
    ("check.isChecked()", False),
    ("check.checked", False),
    ("set(check, checked=True).isChecked()", True),
    ("set(number, value=7).value", 7),
    ("set(button, objectName='n').name", "n"),
    ("button.className()", "QPushButton"),
    ("button.parent()", None),
    ("button.setProperty('dynamic', 3) and None or button.dynamic", 3),
    ("set(slider, value=5.0).value", 5.0),
    ("slider.setValue(6.0) or slider.value", 6.0),
    ("set(selector, nodeTypes=['vtkMRMLModelNode']).nodeTypes", ("vtkMRMLModelNode",)),
    ("label.setAlignment(qt.Qt.AlignLeft | qt.Qt.AlignTop) or int(label.alignment)", 0x21),
    ("qt.QMessageBox.Yes == 16384", True),
    ("qt.QTableWidgetItem('cell').text()", "cell"),
    ("qt.QFile('/no/such/file').exists()", False),
    ("qt.QSettings().value('no/key', 'default')", "default"),
]
REFUSED = [
    ("button.text()", TypeError),
    ("number.value()", TypeError),
    ("button.tooltip", AttributeError),
    ("set(button, tooltip='typing error')", AttributeError),
    ("set(button, anything=1)", AttributeError),
    ("set(button, clicked=1)", AttributeError),
    ("set(button, enabled='yes')", ValueError),
    ("set(number, value=7.5)", ValueError),
    ("set(slider, decimal=2)", AttributeError),
    ("set(slider, value='5')", ValueError),
    ("set(selector, nodetypes=[])", AttributeError),
    ("set(selector, noneEnabled='yes')", ValueError),
    ("check.setCheckState(2)", TypeError),
    ("button.connect('clickd(bool)', print)", ValueError),
    ("button.connect('clicked(int)', print)", ValueError),
    ("button.connect(button.clicked, print)", TypeError),
    ("button.connect('clicked()', 'not callable')", TypeError),
    ("selector.connect('currentNodeChanged(vtkMRMLNode)', print)", ValueError),
    ("qt.Signal", AttributeError),
    ("qt.QtWidgets", AttributeError),
    ("ctk.ctkNoSuchWidget", AttributeError),
    ("ctk.ctkComboBox()", NotImplementedError),
    ("slicer.qMRMLNoSuchWidget", AttributeError),
    ("slicer.loadVolume", AttributeError),
    ("slicer.app.noSuchName", AttributeError),
    ("slicer.modules.nosuchmodule", AttributeError),
]


def set_attributes(widget, **values):
    for name, value in values.items():
        setattr(widget, name, value)
    return widget


@pytest.fixture
def names(host):
    return {
        "qt": qt,
        "ctk": ctk,
        "slicer": slicer,
        "set": set_attributes,
        "button": qt.QPushButton("start"),
        "check": qt.QCheckBox(),
        "number": qt.QSpinBox(),
        "label": qt.QLabel(),
        "slider": ctk.ctkSliderWidget(),
        "selector": slicer.qMRMLNodeComboBox(),
    }


@pytest.mark.parametrize(("expression", "result"), ACCEPTED)
def test_accepts(names, expression, result):
    assert eval(expression, names) == result


@pytest.mark.parametrize(("expression", "error"), REFUSED)
def test_refuses(names, expression, error):
    with pytest.raises(error):
        eval(expression, names)


def test_an_unknown_widget_is_refused_with_the_closed_list(host):
    with pytest.raises(AttributeError, match="closed list.*ctkCollapsibleButton.*qMRMLTableView"):
        _ = slicer.qMRMLSliceControllerWidget


@pytest.mark.parametrize(
    ("signature", "slot", "expected"),
    [
        ("clicked(bool)", lambda got: lambda checked: got.append(checked), [False]),
        ("clicked(bool)", lambda got: lambda: got.append("none"), ["none"]),
        ("clicked()", lambda got: lambda: got.append("none"), ["none"]),
        ("clicked()", lambda got: lambda checked=5: got.append(checked), [5]),
        ("clicked(bool)", lambda got: lambda *all_of_them: got.append(all_of_them), [(False,)]),
    ],
)
def test_a_slot_gets_the_arguments_of_the_signature(host, signature, slot, expected):
    got = []
    button = qt.QPushButton()
    button.connect(signature, slot(got))
    button.click()
    assert got == expected


def test_overloads_are_told_apart(host):
    got = []
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLModelNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    selector.connect("currentNodeChanged(vtkMRMLNode*)", got.append)
    selector.connect("currentNodeChanged(bool)", got.append)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode")
    selector.setCurrentNode(node)
    assert got == [node, True]


def test_disconnect_ends_one_slot_or_all(host):
    got = []
    box = qt.QSpinBox()
    keep, drop = got.append, lambda value: got.append(-value)
    box.connect("valueChanged(int)", keep)
    box.connect("valueChanged(int)", drop)
    assert box.disconnect("valueChanged(int)", drop)
    box.value = 3
    assert box.disconnect("valueChanged(int)")
    box.value = 4
    assert got == [3]
    assert not box.disconnect("valueChanged(int)", drop)


def test_a_python_subclass_may_have_attributes_of_its_own(host):
    class Panel(qt.QWidget):
        def __init__(self):
            qt.QWidget.__init__(self)
            self.count = 1

    assert Panel().count == 1


def test_a_timer_calls_once(host):
    got = []
    qt.QTimer.singleShot(0, lambda: got.append(1))
    host.process_events()
    host.process_events()
    assert got == [1]
