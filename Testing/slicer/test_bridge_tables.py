"""Tables and plots: the numbers of result.json, with titles and units."""

import json

import numpy as np
import pytest
import slicer
from bridge_scene import MadeResult, made_ct, made_lungs

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.slicer_bridge import tables

pytestmark = pytest.mark.usefixtures("host")


@pytest.fixture
def record():
    """The content of a result.json."""
    ct = made_ct()
    return json.loads(MadeResult(ct, made_lungs(ct)).result().to_json())


@pytest.fixture
def table():
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")


def column(node, name):
    array = node.GetTable().GetColumnByName(name)
    return [array.GetValue(row) for row in range(array.GetNumberOfTuples())]


def titles(node):
    return [node.GetColumnTitle(node.GetColumnName(i)) for i in range(node.GetNumberOfColumns())]


def test_lung_numbers_are_those_of_the_result(record, table):
    tables.updateLungTable(table, record["lungs"])
    assert column(table, "side") == ["Right", "Left", "Both"]
    for name in ("volume_ml", "mean_hu", "laa950_percent", "perc15_hu"):
        assert column(table, name) == [row[name] for row in record["lungs"]["measurements"]]
    assert titles(table) == ["Lung", "Volume (mL)", "Mean (HU)", "LAA-950 (%)", "Perc15 (HU)"]
    assert table.GetUseColumnTitleAsColumnHeader()
    assert table.GetColumnUnitLabel("volume_ml") == "mL"
    assert table.GetColumnUnitLabel("perc15_hu") == "HU"


def test_a_table_is_replaced_not_added_to(record, table):
    tables.updateLungTable(table, record["lungs"])
    record["lungs"]["measurements"] = record["lungs"]["measurements"][1:2]
    tables.updateLungTable(table, record["lungs"])
    assert column(table, "side") == ["Left"]
    assert table.GetNumberOfColumns() == 5


def test_quality_checks_are_rows_in_the_order_of_the_gate(record, table):
    record["quality"]["checks"][2]["verdict"] = "refuse"
    tables.updateQualityTable(table, record["quality"]["checks"])
    assert titles(table) == ["Check", "Verdict", "Value", "Meaning"]
    assert column(table, "title") == ["Scan length", "Noise", "Kernel"]
    assert column(table, "verdict") == ["Pass", "Warning", "Refused"]
    assert column(table, "value") == ["312 mm", "41 HU", "not measured"]
    assert column(table, "meaning")[1] == "Small nodules vanish."


def test_the_histogram_holds_the_bins_and_a_line_for_each_lung(record, table):
    tables.updateHistogramTable(table, record["lungs"])
    assert column(table, "hu") == [-1024.0, -1014.0, -1004.0]
    assert column(table, "right_ml") == [1.5, 0.25, 0.0]
    assert column(table, "left_ml") == [0.125, 2.0, 3.75]

    chart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode")
    series = {
        side: slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode") for side in tables.SIDES
    }
    for _ in range(2):
        tables.updateHistogramChart(chart, series, table)
    drawn = [chart.GetNthPlotSeriesNode(i) for i in range(chart.GetNumberOfPlotSeriesNodes())]
    assert drawn == [series["right"], series["left"]]
    assert series["left"].GetTableNode() is table
    assert (series["left"].GetXColumnName(), series["left"].GetYColumnName()) == ("hu", "left_ml")
    assert series["left"].GetColor() == pytest.approx([one / 255 for one in (241, 214, 145)])
    assert chart.GetXAxisTitle() == "Density (HU)"
    assert chart.GetYAxisTitle().endswith("(mL)")


def test_a_single_lung_is_one_line(record, table):
    del record["lungs"]["histogram_ml"]["left"]
    tables.updateHistogramTable(table, record["lungs"])
    chart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode")
    series = {
        side: slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode") for side in tables.SIDES
    }
    tables.updateHistogramChart(chart, series, table)
    assert table.GetNumberOfColumns() == 2
    assert chart.GetNumberOfPlotSeriesNodes() == 1


def test_the_plot_is_drawn_in_the_colours_of_the_lungs(host, record, table):
    from slicerhost.widgets.plots import chart_pixels

    tables.updateHistogramTable(table, record["lungs"])
    chart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode")
    series = {
        side: slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode") for side in tables.SIDES
    }
    tables.updateHistogramChart(chart, series, table)
    pixels = chart_pixels(chart, 400, 300).reshape(-1, 3).astype(int)
    for spec in LUNG_SEGMENTS:
        assert (np.abs(pixels - spec.rgb).max(axis=1) < 12).sum() > 20, spec.name


def test_a_comparison_is_a_row_for_each_segment(table):
    pytest.importorskip("LungPNetLib.lungs.evaluate")
    rows = [
        {
            "segment": "Right lung",
            "dice": 0.75,
            "surface_dice": 0.875,
            "hd95_mm": 2.0,
            "first_ml": 0.512,
            "second_ml": 0.511,
        },
        {
            "segment": "Left lung",
            "dice": 0.0,
            "surface_dice": 0.0,
            "hd95_mm": None,
            "first_ml": 0.216,
            "second_ml": 0.0,
        },
    ]
    tables.updateComparisonTable(table, rows)
    assert column(table, "segment") == ["Right lung", "Left lung"]
    assert column(table, "dice") == [0.75, 0.0]
    assert column(table, "surface_dice") == ["0.875", "0.000"]
    assert column(table, "hd95_mm") == ["2.00", ""]
    assert column(table, "second_ml") == [0.511, 0.0]
    assert "3 mm" in table.GetColumnTitle("surface_dice")
    assert "(mm)" in table.GetColumnTitle("hd95_mm")
