"""What an analysis found, in plain types; ``result.json`` is these dataclasses written out.

The JSON form is fixed by ``report/result.schema.json``. HTML, PDF, DICOM objects and panels are
views of it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from LungPNetLib.nodules.finding import NoduleFinding
from LungPNetLib.study import Acquisition, Patient

SCHEMA_VERSION = "1.0"


class Verdict(str, Enum):
    """The answer of one quality check, or the worst of several."""

    PASS = "pass"
    WARN = "warn"
    REFUSE = "refuse"


@dataclass(frozen=True)
class QualityCheck:
    """One check of the quality gate.

    Parameters
    ----------
    check_id : str
        Stable snake_case name, such as ``"slice_thickness"``.
    title : str
        Name for people.
    verdict : Verdict
    value : float, str or None
        What was measured; None where it could not be.
    unit : str
        Unit of ``value``, empty for text and counts.
    meaning : str
        One sentence: what the value means for the result.
    """

    check_id: str
    title: str
    verdict: Verdict
    value: float | str | None
    unit: str
    meaning: str


def worst(checks: list[QualityCheck]) -> Verdict:
    """The most severe verdict among ``checks`` (pass if there are none)."""
    order = [Verdict.PASS, Verdict.WARN, Verdict.REFUSE]
    return max((check.verdict for check in checks), key=order.index, default=Verdict.PASS)


@dataclass(frozen=True)
class LungMeasurement:
    """Volume and density of one lung (or of both).

    Parameters
    ----------
    side : str
        ``"right"``, ``"left"`` or ``"both"``.
    label : int
        Value in ``lungs.nrrd`` (1 right, 2 left), 0 for both.
    volume_ml : float
    mean_hu : float
    laa950_percent : float
        Share of lung voxels below -950 HU.
    perc15_hu : float
        15th percentile of lung HU.
    """

    side: str
    label: int
    volume_ml: float
    mean_hu: float
    laa950_percent: float
    perc15_hu: float


@dataclass(frozen=True)
class LungResult:
    """The lungs stage: which method, what it measured, and what limits the densities.

    ``histogram_hu`` are the lower edges of 10 HU wide bins from -1024 HU; ``histogram_ml`` has one
    row of volumes in mL for each side (right, left).
    """

    method: str
    measurements: tuple[LungMeasurement, ...]
    density_caveats: tuple[str, ...] = ()
    histogram_hu: tuple[float, ...] = ()
    histogram_ml: dict[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class GridInfo:
    """The grid of the label maps: size in (column, row, slice), LPS mm."""

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: tuple[float, ...]
    regridded: bool
    acquired_slices: int
    acquired_spacing_mm: float
    tilt_deg: float


@dataclass
class StudyResult:
    """Everything that goes into ``result.json``.

    ``nodules[k - 1]`` is label k of ``nodules.nrrd``. ``nodule_stage`` is None where nodules were
    not looked for, else it holds ``operating_rate`` (false findings a scan that were chosen),
    ``threshold`` (score from which on findings are selected; None where none is),
    ``operating_points`` (record of an OperatingTable, or None) and the ids of the weights,
    ``segmenter`` and ``detector``.
    """

    input_format: str
    patient: Patient
    deidentified: bool
    acquisition: Acquisition
    grid: GridInfo
    quality: list[QualityCheck] = field(default_factory=list)
    lungs: LungResult | None = None
    nodules: list[NoduleFinding] = field(default_factory=list)
    nodule_stage: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    run: dict[str, Any] = field(default_factory=dict)
    software: dict[str, Any] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    not_written: dict[str, str] = field(default_factory=dict)

    @property
    def selected_nodules(self) -> list[tuple[int, NoduleFinding]]:
        """What report and DICOM objects hold: label in ``nodules.nrrd``, which is also its number,
        and nodule."""
        return [(k, nodule) for k, nodule in enumerate(self.nodules, start=1) if nodule.selected]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the quality gate."""
        return worst(self.quality)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, as ``result.schema.json`` describes them."""
        record: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "research_use_only": True}
        record.update(asdict(self))
        record["nodules"] = [nodule.to_dict() for nodule in self.nodules]
        record["quality"] = {"verdict": self.verdict, "checks": record["quality"]}
        return record

    def to_json(self) -> str:
        """The text of ``result.json``; refuses NaN and infinity."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
