"""What a person does in the panel LungSegment, and what the library makes of the same CT."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import slicer
from bridge_scene import nodes_of
from panel_clicks import METHODS, ROOT, settled
from PySide6 import QtCore, QtTest

from LungPNetLib.cohort.phantom.patient import make_patient
from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.slicer_bridge.segmentations import (
    labelsOnVolume,
    updateSegmentation,
)
from LungPNetLib.slicer_bridge.session import workerSession
from LungPNetLib.slicer_bridge.terminology import terminologyEntry
from LungPNetLib.volume import Volume, write_image

RIGHT = LUNG_SEGMENTS[0]
BY_LIBRARY = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from LungPNetLib.lungs.measure import measure_lungs
from LungPNetLib.lungs.predict import LungMethod, predict_lungs
from LungPNetLib.volume import read_image, write_image
folder = Path(sys.argv[1])
ct = read_image(folder / "ct.nrrd")
for method in LungMethod.CLASSICAL, LungMethod.NETWORK:
    labels = predict_lungs(ct, method).labels
    write_image(labels, folder / f"{method.value}.nrrd")
    measured = asdict(measure_lungs(ct, labels, method=method.value))
    (folder / f"{method.value}.json").write_text(json.dumps(measured))
"""


@contextmanager
def new_computer(home: Path) -> Iterator[None]:
    """A worker on a computer where nothing was done before; the site's secret is made in `home`."""
    workerSession().runner.close()
    with mock.patch.dict(os.environ, LUNGPNET_HOME=str(home)):
        yield
        workerSession().runner.close()


def made_ct() -> Volume:
    """A small CT of a made-up patient."""
    return make_patient(5, size=(96, 96, 40), spacing_mm=(3.5, 3.5, 7.5)).ct


def found_by_library(ct: Volume, folder: Path) -> None:
    """Write label map and measurements of each method into the folder, as METHOD.nrrd and .json."""
    write_image(ct, folder / "ct.nrrd")
    subprocess.run([sys.executable, "-c", BY_LIBRARY, str(folder)], check=True)


def open_module(host):
    """The module's widget, with the panel."""
    host.load(ROOT / "LungSegment" / "LungSegment.py")
    return host.open("LungSegment")


def segmented(host, panel, method="classical"):
    """Find the lungs of the chosen CT; returns the segmentation that is chosen then."""
    host.choose(panel.ui.methodComboBox, METHODS[method])
    host.click(panel.ui.segmentButton)
    settled(host, panel)
    assert panel.ui.messageLabel.text.startswith("Done in"), panel.ui.messageLabel.text
    return panel.parameters.lungs


def correct(segmentation, volume):
    """Take the lowest slices of the right lung away; returns the corrected label map."""
    labels = labelsOnVolume(segmentation, volume, LUNG_SEGMENTS)
    corrected = labels.array.copy()
    first = int(np.flatnonzero((corrected == 1).any(axis=(1, 2)))[0])
    corrected[: first + 3][corrected[: first + 3] == 1] = 0
    (right,) = (
        one
        for one in segmentation.GetSegmentation().GetSegmentIDs()
        if segmentation.GetSegmentation().GetSegment(one).GetTerminology()
        == terminologyEntry(RIGHT)
    )
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        (corrected == 1).astype(np.uint8), segmentation, right, volume
    )
    return labels.with_array(corrected)


def reopened(host, panel):
    """Back from the Segment Editor."""
    host.leave()
    host.open("LungSegment")
    return panel


def save(host, panel, folder, pseudonym):
    panel.ui.cohortFolderPath.currentPath = str(folder)
    panel.ui.pseudonymEdit.text = pseudonym
    host.click(panel.ui.saveCorrectionButton)
    settled(host, panel)
    return panel.ui.messageLabel.text


def add_lungs(volume_node, labels, name):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    updateSegmentation(node, labels, LUNG_SEGMENTS, volume_node)
    return node


def column(table, name):
    array = table.GetTable().GetColumnByName(name)
    return [array.GetValue(row) for row in range(array.GetNumberOfValues())]


def cells(widget):
    """What a person reads: the titles of the columns, then the rows; empty where it is hidden."""
    if not widget.isVisibleTo(widget.window()):
        return []
    columns = range(widget.columnCount)
    titles = [widget.horizontalHeaderItem(i).text() for i in columns]
    rows = range(widget.rowCount)
    return [titles, *([widget.item(row, i).text() for i in columns] for row in rows)]


def click_cell(host, widget, row, column):
    place = widget.visualItemRect(widget.item(row, column)).center()
    widget.window().show()
    QtTest.QTest.mouseClick(
        widget.viewport(), QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.NoModifier, place
    )
    host.process_events()


def lung_table():
    """The panel's table of the lungs that were measured last."""
    return next(
        one
        for one in reversed(nodes_of("vtkMRMLTableNode"))
        if one.GetTable().GetColumnByName("volume_ml")
    )


SEGMENT_EDITOR = """
from unittest.mock import Mock
from slicer.ScriptedLoadableModule import *

class SegmentEditor(ScriptedLoadableModule):
    pass

class SegmentEditorWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        super().setup()
        self.editor = Mock(spec={methods})
"""


def load_segment_editor(host, folder, *methods):
    """A stand-in for the Segment Editor, whose editor has these methods and no others."""
    (folder / "SegmentEditor.py").write_text(SEGMENT_EDITOR.format(methods=list(methods)))
    host.load(folder / "SegmentEditor.py")
