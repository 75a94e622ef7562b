"""The main job: from a CT to its findings, and from the findings to files.

``run`` is what command line, worker and panels call; ``analyze`` is the part without files.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from LungPNetLib import __version__
from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.events import JsonLines, Reporter
from LungPNetLib.lungs.predict import LungMethod, predict_lungs
from LungPNetLib.output import result_folder
from LungPNetLib.reading import read_study
from LungPNetLib.report.language import Language
from LungPNetLib.result import GridInfo, QualityCheck, StudyResult, Verdict
from LungPNetLib.runtime import Runtime, device_for
from LungPNetLib.study import Patient, Study
from LungPNetLib.volume import Volume, read_image, write_image

STAGES = ("quality", "lungs", "report")
"""In the order in which they run; reading the CT and the quality gate always do."""

_REPORTED_PACKAGES = ("numpy", "scipy", "SimpleITK", "pydicom", "highdicom", "torch", "openvino")


@dataclass(frozen=True)
class AnalyzeOptions:
    """What a person may choose for one analysis; see ``lungpnet analyze --help``."""

    series: str | None = None
    allow_gaps: bool = False
    stages: tuple[str, ...] = STAGES
    lung_method: LungMethod = LungMethod.AUTO
    lung_weights: str | None = None
    device: str = "auto"
    runtime: Runtime = Runtime.AUTO
    deidentify: bool = False
    overwrite: bool = False
    language: Language = Language.ENGLISH

    def __post_init__(self) -> None:
        unknown = [stage for stage in self.stages if stage not in STAGES]
        if unknown:
            raise InputError(
                f"Unknown stage '{unknown[0]}'. Choose from: {', '.join(STAGES)} (comma-separated)."
            )


@dataclass
class Analysis:
    """Findings in memory: the typed result and the label maps on the grid of ``study.ct``."""

    study: Study
    result: StudyResult
    lungs: Volume | None = None
    files: list[str] = field(default_factory=list)


def run(
    source: Path | Study, out: Path, options: AnalyzeOptions, reporter: Reporter | None = None
) -> StudyResult:
    """Analyze the CT ``source`` and leave the result in the new folder ``out``.

    Parameters
    ----------
    source : Path or Study
        What ``read_study`` reads, or a study that is in memory already; of ``options``, ``series``
        and ``allow_gaps`` only say how to read.
    out : Path
        Must not exist, unless ``options.overwrite``.
    options : AnalyzeOptions
    reporter : Reporter, optional

    Raises
    ------
    LungPNetError
        Bad input, missing packages, a full disk, or cancelled; ``out`` is then not there.
    """
    reporter = reporter or Reporter()
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    device = device_for(options.runtime, options.device)
    with (
        result_folder(out, overwrite=options.overwrite) as folder,
        (folder / "run.jsonl").open("w", encoding="utf-8") as stream,
        reporter.also_to(JsonLines(stream, with_time=True)),
    ):
        with reporter.stage("read"):
            study = source if isinstance(source, Study) else _read(source, options, reporter)
        analysis = analyze(study, options, reporter, device)
        analysis.result.run.update(started=started, device=device)
        save(analysis, folder, options, reporter)
    return analysis.result


def _read(path: Path, options: AnalyzeOptions, reporter: Reporter) -> Study:
    return read_study(path, series=options.series, allow_gaps=options.allow_gaps, reporter=reporter)


def analyze(
    study: Study, options: AnalyzeOptions, reporter: Reporter, device: str = "cpu"
) -> Analysis:
    """Run the chosen stages on a study in memory; ``device`` is one that is really there.

    Raises
    ------
    InputError
        The quality gate refuses the series, or no lung is found.
    """
    from LungPNetLib import quality
    from LungPNetLib.lungs.measure import measure_lungs

    for notice in study.notices:
        reporter.warning(notice)
    analysis = Analysis(study, _empty_result(study, options))
    result = analysis.result
    with reporter.stage("quality"):
        result.quality = quality.assess_series(study)
        _stop_if_refused(result.quality)
    if "lungs" in options.stages:
        with reporter.stage("lungs"):
            found = predict_lungs(
                study.ct,
                options.lung_method,
                weights=options.lung_weights,
                device=device,
                runtime=options.runtime,
                progress=reporter.progress,
            )
            lungs = found.labels
            for notice in found.notices:
                reporter.warning(notice)
            result.warnings += found.notices
            if found.model:
                result.models.append(found.model)
            result.quality = result.quality + quality.assess_lungs(study, lungs)
            _stop_if_refused(result.quality)
            caveats = quality.density_caveats(study, result.quality)
            result.lungs = measure_lungs(
                study.ct, lungs, method=found.method.value, density_caveats=caveats
            )
            analysis.lungs = lungs
    return analysis


def save(analysis: Analysis, folder: Path, options: AnalyzeOptions, reporter: Reporter) -> None:
    """Write label maps, DICOM objects, report and ``result.json`` into ``folder``."""
    result = analysis.result
    with reporter.stage("export"):
        if analysis.lungs is not None:
            write_checked(analysis.lungs, folder / "lungs.nrrd")
            result.outputs.append("lungs.nrrd")
            reporter.progress(0.3)
        _write_dicom(analysis, folder, options, reporter)
    if "report" in options.stages:
        with reporter.stage("report"):
            _write_report(analysis, folder, options.language, reporter)
    result.run["stage_seconds"] = {k: round(v, 2) for k, v in reporter.stage_seconds.items()}
    result.run["peak_memory_mib"] = peak_memory_mib()
    result.outputs += ["result.json", "run.jsonl"]
    (folder / "result.json").write_text(result.to_json(), encoding="utf-8")


def _write_dicom(
    analysis: Analysis, folder: Path, options: AnalyzeOptions, reporter: Reporter
) -> None:
    from LungPNetLib.dicom.export import LUNG_SEGMENTS, write_segmentation
    from LungPNetLib.dicom.structured_report import write_measurements

    study, result, lungs = analysis.study, analysis.result, analysis.lungs
    if lungs is None:
        return
    segmentation, measurements = folder / "segmentation.dcm", folder / "measurements.dcm"
    present = [spec for spec in LUNG_SEGMENTS if (lungs.array == spec.label).any()]
    try:
        write_segmentation(study, lungs, present, segmentation, deidentify=options.deidentify)
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

    content = build(analysis.result, analysis.study.ct, analysis.lungs, language)
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


def _empty_result(study: Study, options: AnalyzeOptions) -> StudyResult:
    ct, acquisition, patient = study.ct, study.acquisition, study.patient
    if options.deidentify:
        patient, acquisition = Patient(), replace(acquisition, accession_number="")
    nz, ny, nx = ct.shape
    return StudyResult(
        input_format=study.input_format,
        patient=patient,
        deidentified=options.deidentify,
        acquisition=acquisition,
        grid=GridInfo(
            size=(nx, ny, nz),
            spacing_mm=ct.spacing_mm,
            origin_mm=ct.origin_mm,
            direction=tuple(float(v) for v in ct.direction.ravel()),
            regridded=study.geometry.regridded,
            acquired_slices=len(study.source) or nz,
            acquired_spacing_mm=study.geometry.slice_spacing_mm,
            tilt_deg=study.geometry.tilt_deg,
        ),
        warnings=list(study.notices),
        run={"options": _chosen(options)},
        software=software_versions(),
    )


def _chosen(options: AnalyzeOptions) -> dict[str, Any]:
    return {
        "stages": list(options.stages),
        "lung_method": options.lung_method.value,
        "allow_gaps": options.allow_gaps,
        "deidentify": options.deidentify,
        "device": options.device,
        "runtime": options.runtime.value,
    }


def software_versions() -> dict[str, Any]:
    """Versions of this package, of Python and of what computes the results."""
    packages = {}
    for name in _REPORTED_PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "name": "LungPNet",
        "version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "packages": packages,
    }


def peak_memory_mib() -> int | None:
    """Largest resident memory of this process so far; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))


def _stop_if_refused(checks: list[QualityCheck]) -> None:
    refused = [check for check in checks if check.verdict is Verdict.REFUSE]
    if refused:
        reasons = " ".join(
            f"{check.title} ({check.value} {check.unit}".rstrip() + f"): {check.meaning}"
            for check in refused
        )
        raise InputError(f"The quality gate refuses this series. {reasons}")
