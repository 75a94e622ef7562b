"""Results as tables and plots of the scene.

Columns have the names of the fields of ``result.json``, for scripts, and titles with units, for
people. Numbers are those of ``result.json``, not rounded further.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.report.wording import measured
from LungPNetLib.result import Verdict
from LungPNetLib.slicer_bridge.language import sentence

VERDICTS = "LungPNet.Verdicts"
"""Attribute of the quality table: verdict of each row as in result.json, whatever the language."""

SIDES = ("right", "left")
"""In the order of ``LUNG_SEGMENTS``."""

_Series = slicer.vtkMRMLPlotSeriesNode


def updateLungTable(tableNode: slicer.vtkMRMLTableNode, lungs: Mapping[str, Any]) -> None:
    """Volume and density of each lung: a row for every measurement.

    Parameters
    ----------
    tableNode : vtkMRMLTableNode
    lungs : mapping
        ``lungs`` of ``result.json``.
    """
    rows = lungs["measurements"]
    words = {"right": _("Right"), "left": _("Left"), "both": _("Both")}

    def values(name: str) -> list[float]:
        return [float(row[name]) for row in rows]

    _fill(
        tableNode,
        [
            _text("side", _("Lung"), [words.get(row["side"], row["side"]) for row in rows]),
            _number("volume_ml", _("Volume (mL)"), values("volume_ml"), "mL"),
            _number("mean_hu", _("Mean (HU)"), values("mean_hu"), "HU"),
            _number("laa950_percent", _("LAA-950 (%)"), values("laa950_percent"), "%"),
            _number("perc15_hu", _("Perc15 (HU)"), values("perc15_hu"), "HU"),
        ],
    )


def updateQualityTable(
    tableNode: slicer.vtkMRMLTableNode, checks: Iterable[Mapping[str, Any]]
) -> None:
    """The checks of the quality gate, a row each, in the order of the gate.

    Parameters
    ----------
    tableNode : vtkMRMLTableNode
    checks : iterable of mapping
        ``quality.checks`` of ``result.json``.
    """
    rows = list(checks)
    words = {
        Verdict.PASS.value: _("Pass"),
        Verdict.WARN.value: _("Warning"),
        Verdict.REFUSE.value: _("Refused"),
    }
    values = [sentence(measured(row["value"], row["unit"])) for row in rows]
    tableNode.SetAttribute(VERDICTS, " ".join(row["verdict"] for row in rows))
    _fill(
        tableNode,
        [
            _text("title", _("Check"), [sentence(row["title"]) for row in rows]),
            _text("verdict", _("Verdict"), [words[row["verdict"]] for row in rows]),
            _text("value", _("Value"), values),
            _text("meaning", _("Meaning"), [sentence(row["meaning"]) for row in rows]),
        ],
    )


def updateHistogramTable(tableNode: slicer.vtkMRMLTableNode, lungs: Mapping[str, Any]) -> None:
    """Volume of each lung by density.

    Parameters
    ----------
    tableNode : vtkMRMLTableNode
    lungs : mapping
        ``lungs`` of ``result.json``; lungs that are not in ``histogram_ml`` get no column.
    """
    titles = {"right": _("Right lung (mL)"), "left": _("Left lung (mL)")}
    columns = [_number("hu", _("Density from (HU)"), lungs["histogram_hu"], "HU")]
    for side in SIDES:
        if side in lungs["histogram_ml"]:
            volumes = lungs["histogram_ml"][side]
            columns.append(_number(f"{side}_ml", titles[side], volumes, "mL"))
    _fill(tableNode, columns)


def updateHistogramChart(
    chartNode: slicer.vtkMRMLPlotChartNode,
    seriesNodes: Mapping[str, slicer.vtkMRMLPlotSeriesNode],
    tableNode: slicer.vtkMRMLTableNode,
) -> None:
    """Plot the histogram table, a line for each side.

    Parameters
    ----------
    chartNode : vtkMRMLPlotChartNode
    seriesNodes : mapping of str to vtkMRMLPlotSeriesNode
        By side; a side without a column in the table is not drawn.
    tableNode : vtkMRMLTableNode
        Filled by ``updateHistogramTable``.
    """
    chartNode.RemoveAllPlotSeriesNodeIDs()
    names = {"right": _("Right lung"), "left": _("Left lung")}
    for side, spec in zip(SIDES, LUNG_SEGMENTS, strict=True):
        if side not in seriesNodes or tableNode.GetColumnIndex(f"{side}_ml") < 0:
            continue
        series = seriesNodes[side]
        series.SetName(names[side])
        series.SetAndObserveTableNodeID(tableNode.GetID())
        series.SetXColumnName("hu")
        series.SetYColumnName(f"{side}_ml")
        series.SetPlotType(_Series.PlotTypeScatter)
        series.SetMarkerStyle(_Series.MarkerStyleNone)
        series.SetLineStyle(_Series.LineStyleSolid if side == "right" else _Series.LineStyleDash)
        series.SetColor(*(part / 255.0 for part in spec.rgb))
        chartNode.AddAndObservePlotSeriesNodeID(series.GetID())
    chartNode.SetTitle(_("Density of the lungs"))
    chartNode.SetXAxisTitle(_("Density (HU)"))
    chartNode.SetYAxisTitle(_("Volume in steps of 10 HU (mL)"))


def updateComparisonTable(
    tableNode: slicer.vtkMRMLTableNode, rows: Sequence[Mapping[str, Any]]
) -> None:
    """How well two segmentations agree, a row for each segment.

    Parameters
    ----------
    tableNode : vtkMRMLTableNode
    rows : sequence of mapping
        From ``lungs.compare.compare_lungs``. What could not be measured is an empty text.
    """
    from LungPNetLib.lungs.evaluate import TOLERANCE_MM

    within = _("Surface within {mm} mm (0 to 1)").format(mm=f"{TOLERANCE_MM:g}")

    def values(name: str) -> list[float]:
        return [row[name] for row in rows]

    def texts(name: str, decimals: int) -> list[str]:
        return ["" if value is None else f"{value:.{decimals}f}" for value in values(name)]

    _fill(
        tableNode,
        [
            _text("segment", _("Segment"), [sentence(row["segment"]) for row in rows]),
            _number("dice", _("Dice (0 to 1)"), values("dice"), "1"),
            _text("surface_dice", within, texts("surface_dice", 3)),
            _text("hd95_mm", _("95 % surface distance (mm)"), texts("hd95_mm", 2)),
            _number("first_ml", _("First (mL)"), values("first_ml"), "mL"),
            _number("second_ml", _("Second (mL)"), values("second_ml"), "mL"),
        ],
    )


@dataclass(frozen=True)
class _Column:
    array: vtk.vtkAbstractArray
    title: str
    unit: str = ""


def _text(name: str, title: str, values: Iterable[str]) -> _Column:
    return _Column(_filled(vtk.vtkStringArray(), name, values), title)


def _number(name: str, title: str, values: Iterable[float], unit: str) -> _Column:
    return _Column(_filled(vtk.vtkDoubleArray(), name, values), title, unit)


def _filled(array: Any, name: str, values: Iterable[Any]) -> vtk.vtkAbstractArray:
    array.SetName(name)
    for value in values:
        array.InsertNextValue(value)
    return array


def _fill(tableNode: slicer.vtkMRMLTableNode, columns: Sequence[_Column]) -> None:
    """Replace the content of the table."""
    wasModifying = tableNode.StartModify()
    tableNode.RemoveAllColumns()
    for column in columns:
        tableNode.AddColumn(column.array)
        name = column.array.GetName()
        tableNode.SetColumnTitle(name, column.title)
        if column.unit:
            tableNode.SetColumnUnitLabel(name, column.unit)
    tableNode.SetUseColumnTitleAsColumnHeader(True)
    tableNode.SetLocked(True)
    tableNode.EndModify(wasModifying)
