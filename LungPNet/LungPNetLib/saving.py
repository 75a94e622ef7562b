"""From findings to files: label maps, DICOM objects, report and ``result.json``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from LungPNetLib.errors import DependencyError, InputError, OutputError
from LungPNetLib.events import Reporter
from LungPNetLib.provenance import peak_memory_mib
from LungPNetLib.report.language import Language
from LungPNetLib.volume import Volume, read_image, write_image

if TYPE_CHECKING:
    from LungPNetLib.pipeline import Analysis, AnalyzeOptions


def save(analysis: Analysis, folder: Path, options: AnalyzeOptions, reporter: Reporter) -> None:
    """Write label maps, DICOM objects, report and ``result.json`` into ``folder``."""
    result = analysis.result
    with reporter.stage("export"):
        if analysis.lungs is not None:
            write_checked(analysis.lungs, folder / "lungs.nrrd")
            result.outputs.append("lungs.nrrd")
            reporter.progress(0.3)
        _write_nodules(analysis, folder)
        _write_dicom(analysis, folder, options, reporter)
    if "report" in options.stages:
        with reporter.stage("report"):
            _write_report(analysis, folder, options.language, reporter)
    result.run["stage_seconds"] = {k: round(v, 2) for k, v in reporter.stage_seconds.items()}
    result.run["peak_memory_mib"] = peak_memory_mib()
    result.outputs += ["result.json", "run.jsonl"]
    (folder / "result.json").write_text(result.to_json(), encoding="utf-8")


def _write_nodules(analysis: Analysis, folder: Path) -> None:
    """The outlines of all findings, and the selected ones in the colours of their density."""
    from LungPNetLib.nodules.colours import heterogeneity_image, write_rgb
    from LungPNetLib.nodules.stage import NODULES_FILE

    result, ct = analysis.result, analysis.study.ct
    if analysis.nodules is None:
        return
    write_checked(analysis.nodules, folder / NODULES_FILE)
    result.outputs.append(NODULES_FILE)
    shown = analysis.selected_nodules()
    if shown is None:
        return
    path = folder / "heterogeneity.nrrd"
    try:
        write_rgb(heterogeneity_image(ct, shown), ct, path)
    except DependencyError as error:
        result.not_written[path.name] = str(error)
        return
    result.outputs.append(path.name)


def _write_dicom(
    analysis: Analysis, folder: Path, options: AnalyzeOptions, reporter: Reporter
) -> None:
    from LungPNetLib.dicom.export import LUNG_SEGMENTS, SegmentLayer, write_layers
    from LungPNetLib.dicom.nodules import nodule_segments
    from LungPNetLib.dicom.structured_report import write_measurements

    study, result, lungs = analysis.study, analysis.result, analysis.lungs
    if lungs is None:
        return
    segmentation, measurements = folder / "segmentation.dcm", folder / "measurements.dcm"
    present = tuple(spec for spec in LUNG_SEGMENTS if (lungs.array == spec.label).any())
    layers = [SegmentLayer(lungs, present)]
    if (nodules := analysis.selected_nodules()) is not None:
        layers.append(SegmentLayer(nodules, nodule_segments(result.selected_nodules)))
    try:
        write_layers(study, layers, segmentation, deidentify=options.deidentify)
        reporter.progress(0.8)
        write_measurements(study, result, segmentation, measurements, deidentify=options.deidentify)
    except InputError as error:
        # The findings stand without DICOM objects; the result says why they are not there.
        for path in (segmentation, measurements):
            path.unlink(missing_ok=True)
            result.not_written[path.name] = str(error)
        return
    result.outputs += [segmentation.name, measurements.name]


def _write_report(analysis: Analysis, folder: Path, language: Language, reporter: Reporter) -> None:
    from LungPNetLib.report.content import build
    from LungPNetLib.report.html import write_html
    from LungPNetLib.report.pdf import write_pdf

    content = build(analysis.result, analysis.study.ct, analysis.lungs, language, analysis.nodules)
    reporter.progress(0.5)
    write_html(content, folder / "report.html")
    write_pdf(content, folder / "report.pdf")
    analysis.result.outputs += ["report.html", "report.pdf"]


def write_checked(volume: Volume, path: Path) -> None:
    """Write a volume and read it back: image libraries do not report a full disk.

    Raises
    ------
    OutputError
        The file does not hold what was written.
    """
    try:
        write_image(volume, path)
        same = np.array_equal(read_image(path).array, volume.array)
    except (OutputError, InputError):
        same = False
    if not same:
        raise OutputError(
            f"'{path.name}' could not be written completely; the disk is probably full. Nothing "
            "was kept; free some space or choose another --out."
        )
