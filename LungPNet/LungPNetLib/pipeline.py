"""The main job: from a CT to its findings, and from the findings to files.

``run`` is what command line, worker and panels call; ``analyze`` is the part without files.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from LungPNetLib.errors import InputError
from LungPNetLib.events import JsonLines, Reporter
from LungPNetLib.lungs.predict import LungMethod, predict_lungs
from LungPNetLib.output import result_folder
from LungPNetLib.provenance import software_versions
from LungPNetLib.reading import read_study
from LungPNetLib.report.language import Language
from LungPNetLib.result import GridInfo, QualityCheck, StudyResult, Verdict
from LungPNetLib.runtime import Runtime, device_for
from LungPNetLib.saving import save
from LungPNetLib.study import Patient, Study
from LungPNetLib.volume import Volume

STAGES = ("quality", "lungs", "nodules", "report")
"""In the order in which they run; reading the CT and the quality gate always do."""

FALSE_FINDINGS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False findings a scan that a person may choose: the rates of the FROC."""


@dataclass(frozen=True)
class AnalyzeOptions:
    """What a person may choose for one analysis; see ``lungpnet analyze --help``.

    Raises
    ------
    InputError
        A stage is unknown or lacks the one that it builds on, or there is no such operating point.
    """

    series: str | None = None
    allow_gaps: bool = False
    stages: tuple[str, ...] = STAGES
    lung_method: LungMethod = LungMethod.AUTO
    lung_weights: str | None = None
    nodule_segmenter: str | None = None
    nodule_detector: str | None = None
    false_findings_per_scan: float = 1.0
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
        if "nodules" in self.stages and "lungs" not in self.stages:
            raise InputError(
                "The stage 'nodules' looks in the lungs, so it needs the stage 'lungs' as well. "
                "Choose both, or neither."
            )
        if self.false_findings_per_scan not in FALSE_FINDINGS:
            raise InputError(
                f"{self.false_findings_per_scan:g} false findings a scan is no operating point. "
                f"Choose from: {', '.join(f'{rate:g}' for rate in FALSE_FINDINGS)}."
            )


@dataclass
class Analysis:
    """Findings in memory: the typed result and the label maps on the grid of ``study.ct``."""

    study: Study
    result: StudyResult
    lungs: Volume | None = None
    nodules: Volume | None = None
    files: list[str] = field(default_factory=list)

    def selected_nodules(self) -> Volume | None:
        """The label map of the nodules without those that are not selected; None if none is."""
        labels = [label for label, _ in self.result.selected_nodules]
        if self.nodules is None or not labels:
            return None
        array = self.nodules.array
        return self.nodules.with_array(np.where(np.isin(array, labels), array, np.uint8(0)))


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
    ModelError
        Weights that were asked for are missing, damaged or unknown.
    """
    from LungPNetLib import quality

    for notice in study.notices:
        reporter.warning(notice)
    analysis = Analysis(study, _empty_result(study, options))
    result = analysis.result
    with reporter.stage("quality"):
        result.quality = quality.assess_series(study)
        _stop_if_refused(result.quality)
    if "lungs" in options.stages:
        with reporter.stage("lungs"):
            _find_lungs(analysis, options, reporter, device)
    if "nodules" in options.stages:
        with reporter.stage("nodules"):
            _find_nodules(analysis, options, reporter, device)
    return analysis


def _find_lungs(
    analysis: Analysis, options: AnalyzeOptions, reporter: Reporter, device: str
) -> None:
    from LungPNetLib import quality
    from LungPNetLib.lungs.measure import measure_lungs

    study, result = analysis.study, analysis.result
    found = predict_lungs(
        study.ct,
        options.lung_method,
        weights=options.lung_weights,
        device=device,
        runtime=options.runtime,
        progress=reporter.progress,
    )
    _tell(result, reporter, found.notices)
    if found.model:
        result.models.append(found.model)
    result.quality = result.quality + quality.assess_lungs(study, found.labels)
    _stop_if_refused(result.quality)
    caveats = quality.density_caveats(study, result.quality)
    result.lungs = measure_lungs(
        study.ct, found.labels, method=found.method.value, density_caveats=caveats
    )
    analysis.lungs = found.labels


def _find_nodules(
    analysis: Analysis, options: AnalyzeOptions, reporter: Reporter, device: str
) -> None:
    from LungPNetLib.nodules.predict import find_nodule_weights, predict_nodules
    from LungPNetLib.nodules.stage import NO_WEIGHTS, measured_nodules

    ct, lungs, result = analysis.study.ct, analysis.lungs, analysis.result
    segmenter, detector = options.nodule_segmenter, options.nodule_detector
    if lungs is None or find_nodule_weights(segmenter, detector) is None:
        _tell(result, reporter, (NO_WEIGHTS,))
        return
    prediction = predict_nodules(
        ct,
        lungs,
        segmenter=segmenter,
        detector=detector,
        device=device,
        runtime=options.runtime,
        progress=lambda share: reporter.progress(0.9 * share),
    )
    stage = measured_nodules(
        ct,
        lungs,
        prediction,
        false_findings_per_scan=options.false_findings_per_scan,
        progress=lambda share: reporter.progress(0.9 + 0.1 * share),
    )
    _tell(result, reporter, prediction.notices)
    result.models += prediction.models
    result.nodules, result.nodule_stage = stage.findings, stage.record
    analysis.nodules = stage.labels


def _tell(result: StudyResult, reporter: Reporter, notices: Sequence[str]) -> None:
    """What a person should know, at once and in the result."""
    for notice in notices:
        reporter.warning(notice)
    result.warnings += notices


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
        "false_findings_per_scan": options.false_findings_per_scan,
        "allow_gaps": options.allow_gaps,
        "deidentify": options.deidentify,
        "device": options.device,
        "runtime": options.runtime.value,
    }


def _stop_if_refused(checks: list[QualityCheck]) -> None:
    refused = [check for check in checks if check.verdict is Verdict.REFUSE]
    if refused:
        reasons = " ".join(
            f"{check.title} ({check.value} {check.unit}".rstrip() + f"): {check.meaning}"
            for check in refused
        )
        raise InputError(f"The quality gate refuses this series. {reasons}")
