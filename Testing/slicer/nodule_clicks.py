"""A CT with two nodules, and what a person does with them in the panel NoduleGrade."""

import numpy as np
import slicer
from bridge_scene import nodes_of
from PySide6 import QtCore, QtTest

from LungPNetLib.slicer_bridge.volumes import rasPoint
from LungPNetLib.volume import Volume

BALLS = (((0.0, 0.0, 0.0), 5.0), ((25.0, 10.0, 12.0), 4.0))
"""Centre (LPS mm) and radius (mm) of the nodules of `made_ct`."""


def made_ct() -> Volume:
    """Lung at -850 HU with two balls of 30 HU in it; 120 x 120 x 80 mm around the origin."""
    shape, spacing_mm = (40, 120, 120), (1.0, 1.0, 2.0)
    ct = Volume(np.full(shape, -850, np.int16), spacing_mm, (-60.0, -60.0, -40.0), np.eye(3))
    places = ct.index_to_world(np.moveaxis(np.indices(shape)[::-1], 0, -1))
    hu = ct.array.copy()
    for centre, radius in BALLS:
        hu[np.linalg.norm(places - centre, axis=-1) <= radius] = 30
    return ct.with_array(hu)


def click_in_view(host, panel, point_lps):
    """Press the button, then click in a slice view."""
    host.click(panel.ui.clickButton)
    assert panel.ui.clickButton.checked
    (points,) = nodes_of("vtkMRMLMarkupsFiducialNode")
    host.place_point(points, rasPoint(point_lps).tolist())
    host.process_events()
    assert nodes_of("vtkMRMLMarkupsFiducialNode") == []
    assert not panel.ui.clickButton.checked


def click_row(host, panel, row):
    table = panel.ui.noduleTable
    table.window().show()
    place = table.visualItemRect(table.item(row, 0)).center()
    QtTest.QTest.mouseClick(
        table.viewport(), QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.NoModifier, place
    )
    host.process_events()


def shown(panel):
    """The rows of the list."""
    table = panel.ui.noduleTable
    return [
        [table.item(row, column).text() for column in range(table.columnCount)]
        for row in range(table.rowCount)
    ]


def viewed_ras():
    """Position of the three slice views: right, anterior, superior mm."""
    offsets = {
        name: slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}").GetSliceToRAS()
        for name in ("Yellow", "Green", "Red")
    }
    return [offsets[name].GetElement(axis, 3) for axis, name in enumerate(offsets)]
