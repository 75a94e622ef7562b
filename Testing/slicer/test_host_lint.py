"""The lint finds what PySide6 takes and PythonQt does not, and leaves good code alone."""

from pathlib import Path

import pytest

from slicerhost.lint import check_file

EXAMPLE = Path(__file__).parent / "example"
UI = EXAMPLE / "Resources" / "UI" / "HostExample.ui"

BAD = [
    ("from PySide6 import QtCore", "import qt"),
    ("from __feature__ import snake_case", "import qt"),
    ("import PythonQt", "import qt"),
    ("from qt import Signal", "no 'Signal'"),
    ("qt.Slot", "no 'Slot'"),
    ("qt.QtCore.QTimer", "no 'QtCore'"),
    ("qt.QNoSuchClass", "no 'QNoSuchClass'"),
    ("qt.Qt.AlignmentFlag.AlignLeft", "qt.Qt.AlignLeft"),
    ("qt.QLabel('x', parent=None)", "no keyword arguments"),
    ("qt.QDialog().exec()", "exec_()"),
    ("qt.QMessageBox.warning(None, 'a', 'b')", "slicer.util's displays"),
    ("ctk.ctkRangeWidget()", "closed list"),
    ("slicer.qMRMLSpinBox()", "closed list"),
    ("button.connect('clickd(bool)', f)", "no class"),
    ("button.connect('clicked', f)", "argument types"),
    ("_(f'{n} files')", "cannot be translated"),
    ("self.ui.resultLabel.text()", "is a property"),
    ("self.ui.resultLabel.txt = 'x'", "has no 'txt'"),
    ("self.ui.nothing.enabled = True", "no 'nothing'"),
    ("self.ui.applyButton.connect('toggld(bool)', f)", "has no signal"),
    ("self.ui.thresholdSlider.setRange(minimum=0, maximum=1)", "no keyword arguments"),
]
GOOD = [
    "import qt, ctk, slicer",
    "qt.Qt.AlignLeft | qt.Qt.AlignTop",
    "qt.QMessageBox.Yes",
    "qt.QTableWidgetItem('x').text()",
    "qt.QTimer.singleShot(0, f)",
    "dialog.exec_()",
    "button.connect('clicked(bool)', f)",
    "selector.connect('currentNodeChanged(vtkMRMLNode*)', f)",
    "slicer.app.connect('startupCompleted()', f)",
    "process.connect('finished(int,QProcess::ExitStatus)', f)",
    "signal.connect(f)",
    "ctk.ctkCollapsibleButton()",
    "slicer.vtkMRMLScalarVolumeNode()",
    "slicer.util.confirmOkCancelDisplay(text, parent=None)",
    "_('{n} files').format(n=n)",
    "self.ui.applyButton.enabled = True",
    "self.ui.applyButton.setEnabled(True)",
    "self.ui.applyButton.clicked.connect(f)",
    "self.ui.volumeSelector.currentNode()",
    "self.ui.resultLabel.text = 'x'",
]


def findings(tmp_path, source):
    path = tmp_path / "Module.py"
    path.write_text(source + "\n", encoding="utf-8")
    return check_file(path, UI)


@pytest.mark.parametrize(("source", "said"), BAD)
def test_finds(host, tmp_path, source, said):
    found = findings(tmp_path, source)
    assert any(said in one.text for one in found), found
    assert str(found[0]).startswith("Module.py:1: ")


@pytest.mark.parametrize("source", GOOD)
def test_leaves_alone(host, tmp_path, source):
    assert findings(tmp_path, source) == []


def test_the_example_is_clean(host):
    assert check_file(EXAMPLE / "HostExample.py", UI) == []
