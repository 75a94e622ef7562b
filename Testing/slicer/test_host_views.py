"""Slice and 3-D views draw for real, without a screen; pictures of panels and views."""

from pathlib import Path

import numpy as np
import pytest
import qt
import slicer

EXAMPLE = Path(__file__).parent / "example" / "HostExample.py"


@pytest.fixture
def marked(host):
    """A dark volume with one bright block towards Right, Anterior and Superior.

    40 mm cube with its centre at the origin; array axes are (z, y, x) with z to Superior, y to
    Posterior, x to Left (IJK to RAS has -1 for x and y).
    """
    array = np.full((40, 40, 40), -1000, np.int16)
    array[24:36, 4:12, 4:12] = 1000
    node = slicer.util.addVolumeFromArray(array, name="CT")
    matrix = slicer.util.vtkMatrixFromArray(
        np.array([[-1, 0, 0, 19.5], [0, -1, 0, 19.5], [0, 0, 1, -19.5], [0, 0, 0, 1.0]])
    )
    node.SetIJKToRASMatrix(matrix)
    display = node.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevel(2000, 0)
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    return node


def quadrant_of(bright):
    """('top'/'bottom', 'left'/'right') of where the bright pixels are."""
    rows, columns = np.nonzero(bright)
    assert rows.size, "nothing bright"
    height, width = bright.shape
    return (
        "top" if rows.mean() < height / 2 else "bottom",
        "left" if columns.mean() < width / 2 else "right",
    )


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        # Radiological: the patient's right is on the left of the picture.
        ("Red", ("top", "left")),
        ("Green", ("top", "left")),
        # Seen from the patient's left: anterior is on the left of the picture.
        ("Yellow", ("top", "left")),
    ],
)
def test_a_block_is_drawn_where_it_belongs(host, marked, view, expected):
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, 12.0, 12.0, 10.0)
    pixels = host.view_pixels(view)
    assert pixels.shape == (300, 300, 3)
    assert quadrant_of(pixels.min(axis=2) > 200) == expected


def test_a_view_first_looked_at_with_a_segmentation_shows_the_ct_under_it(host, marked):
    host.app._layout.close_views()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(marked)
    node.GetSegmentation().AddEmptySegment("Everything", "Everything", (0.0, 1.0, 0.0))
    everything = np.ones((40, 40, 40), np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(everything, node, "Everything", marked)
    node.GetDisplayNode().SetOpacity2DFill(0.5)
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, 12.0, 12.0, 10.0)
    red = host.view_pixels("Red")[..., 0]
    assert red[150, 150] < 50
    assert red.max() == pytest.approx(128, abs=8)


def test_a_jump_brings_the_block_into_the_slice(host, marked):
    node = host.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    node.SetSliceOffset(-15.0)
    assert host.view_pixels("Red").max() < 50
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, 12.0, 12.0, 8.0)
    assert node.GetSliceOffset() == pytest.approx(8.0)
    assert host.view_pixels("Red").max() > 200


def make_segmentation(volume):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Block")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.GetSegmentation().AddEmptySegment("block", "Block", (0.0, 1.0, 0.0))
    mask = (slicer.util.arrayFromVolume(volume) > 0).astype(np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, "block", volume)
    return node


def is_green(pixels):
    red, green, blue = np.moveaxis(pixels.astype(int), 2, 0)
    return (green > red + 60) & (green > blue + 60)


def test_a_segment_is_drawn_on_the_slice(host, marked):
    segmentation = make_segmentation(marked)
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, 12.0, 12.0, 8.0)
    segmentation.GetDisplayNode().SetOpacity2DFill(1.0)
    shown = is_green(host.view_pixels("Red"))
    assert quadrant_of(shown) == ("top", "left")
    segmentation.GetDisplayNode().SetVisibility(False)
    assert not is_green(host.view_pixels("Red")).any()


def test_a_closed_surface_is_made_and_drawn_in_3d(host, marked):
    segmentation = make_segmentation(marked)
    assert segmentation.CreateClosedSurfaceRepresentation()
    import vtk

    surface = vtk.vtkPolyData()
    assert segmentation.GetClosedSurfaceRepresentation("block", surface)
    low, high = np.array(surface.GetBounds()).reshape(3, 2).T
    # The block is 8 x 8 x 12 voxels of 1 mm around (12, 12, 10) mm RAS.
    np.testing.assert_allclose((low + high) / 2, [12, 12, 10], atol=0.3)
    np.testing.assert_allclose(high - low, [8, 8, 12], atol=1.5)
    host.view_pixels("1")
    host.app.layoutManager().threeDWidget(0).threeDView().resetFocalPoint()
    assert is_green(host.view_pixels("1")).sum() > 500


def test_the_panel_beside_the_views(host, marked, tmp_path):
    host.load(EXAMPLE)
    panel = host.open("HostExample")
    image = host.window_image(panel, 1000, 600)
    assert (image.width(), image.height()) == (1000, 600)
    assert image.save(str(tmp_path / "window.png"))
    reread = qt.QImage(str(tmp_path / "window.png"))
    colors = {reread.pixel(x, y) for x in range(0, 400, 5) for y in range(0, 200, 5)}
    assert len(colors) > 5, "the panel is blank"
    views = {reread.pixel(x, y) for x in range(400, 1000, 7) for y in range(0, 600, 7)}
    assert len(views) > 20, "the views are blank"


def test_a_plot_layout_shows_the_chart(host):
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Histogram")
    columns = (np.arange(10.0), np.arange(10.0) ** 2)
    slicer.util.updateTableFromArray(table, columns, ["HU", "Count"])
    series = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", "Lungs")
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName("HU")
    series.SetYColumnName("Count")
    series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
    series.SetColor(0.0, 0.8, 0.0)
    chart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode", "Chart")
    chart.AddAndObservePlotSeriesNodeID(series.GetID())
    before = host.app.layoutManager().plotViewCount
    slicer.modules.plots.logic().ShowChartInLayout(chart)
    assert (before, host.app.layoutManager().plotViewCount) == (0, 1)
    picture = host.app._layout.picture(800, 600)
    colors = [qt.QColor(picture.pixel(x, y)) for x in range(0, 800, 2) for y in range(0, 600, 2)]
    assert any(c.green() > 150 and c.red() < 60 and c.blue() < 60 for c in colors)


class TestCutOff:
    def make_panel(self, *texts):
        panel = qt.QWidget()
        row = qt.QHBoxLayout(panel)
        for text in texts:
            button = qt.QPushButton(text)
            button.objectName = f"button{len(text)}"
            row.addWidget(button)
        return panel

    def test_a_panel_that_fits(self, host):
        assert host.cut_off(self.make_panel("Analyze", "Cancel")) == []

    def test_a_panel_that_is_too_wide_names_the_button(self, host):
        found = host.cut_off(self.make_panel("A very long text of a button " * 3, "Cancel"))
        assert any("the panel needs" in one for one in found)

    def test_a_text_that_does_not_fit_its_own_widget(self, host):
        panel = self.make_panel("A long text of a button")
        panel.findChild(qt.QPushButton).setMaximumWidth(40)
        (found,) = host.cut_off(panel)
        assert "lacks" in found
        assert "button23" in found

    def test_a_wrapped_text_that_lacks_height(self, host):
        panel = qt.QWidget()
        label = qt.QLabel("Research use only, not for diagnosis. " * 6)
        label.wordWrap = True
        qt.QVBoxLayout(panel).addWidget(label)
        assert host.cut_off(panel) == []
        label.setMaximumHeight(20)
        (found,) = host.cut_off(panel)
        assert "of height" in found

    def test_a_choice_that_is_longer_than_its_box(self, host):
        panel = qt.QWidget()
        box = qt.QComboBox()
        box.addItem("A method with a very long name indeed")
        qt.QHBoxLayout(panel).addWidget(box)
        assert host.cut_off(panel) == []
        box.setMaximumWidth(100)
        assert "lacks" in host.cut_off(panel)[0]

    def test_a_table_that_is_too_wide_or_cuts_a_text(self, host):
        panel = qt.QWidget()
        table = qt.QTableWidget(1, 1)
        qt.QHBoxLayout(panel).addWidget(table)
        table.setItem(0, 0, qt.QTableWidgetItem("What a warning means. " * 2))
        assert "lacks" in host.cut_off(panel)[0]
        table.resizeColumnsToContents()
        assert host.cut_off(panel) == []
        table.setColumnWidth(0, 500)
        (found,) = host.cut_off(panel)
        assert "of its columns" in found
