"""A CT with four balls in its lungs, and a result folder in which they were found."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from bridge_scene import MadeResult

from LungPNetLib.evaluation.operating_points import OperatingPoint, OperatingTable
from LungPNetLib.grading.measure import measure_nodule
from LungPNetLib.grading.nodule_type import nodule_type
from LungPNetLib.nodules.finding import MaskReference, NoduleFinding, Origin
from LungPNetLib.nodules.heterogeneity import measure_heterogeneity
from LungPNetLib.result import StudyResult
from LungPNetLib.volume import Volume, write_image

BALLS = (
    ((-30.0, 10.0, 4.0), 5.0, 30, 0.95),
    ((28.0, -5.0, -6.0), 17.0, 60, 0.80),
    ((-20.0, -30.0, 20.0), 3.0, -600, 0.40),
    ((40.0, 30.0, 24.0), 4.0, 30, 0.10),
)
"""Centre (LPS mm), radius (mm), density (HU) and score of what was found, by falling score."""
POINTS = (
    OperatingPoint(0.125, None, 0.0, 0.0),
    OperatingPoint(0.25, 0.9, 0.2, 0.41),
    OperatingPoint(0.5, 0.7, 0.5, 0.62),
    OperatingPoint(1.0, 0.7, 0.9, 0.755),
    OperatingPoint(2.0, 0.3, 1.8, 0.83),
    OperatingPoint(4.0, 0.2, 3.6, 0.9),
    OperatingPoint(8.0, 0.05, 7.7, 0.94),
)
TABLE = OperatingTable(POINTS, n_scans=60, n_nodules=112)
STOPS = [point.rate for point in POINTS]


def made_ct() -> Volume:
    """Lung at -850 HU with the balls in it; 130 x 130 x 90 mm around the origin."""
    shape, spacing_mm = (45, 130, 130), (1.0, 1.0, 2.0)
    ct = Volume(np.full(shape, -850, np.int16), spacing_mm, (-65.0, -65.0, -45.0), np.eye(3))
    hu = ct.array.copy()
    for centre, radius, density, _score in BALLS:
        hu[ball(ct, centre, radius)] = density
    return ct.with_array(hu)


def ball(ct, centre, radius):
    """The voxels of a ball."""
    places = ct.index_to_world(np.moveaxis(np.indices(ct.shape)[::-1], 0, -1))
    return np.linalg.norm(places - centre, axis=-1) <= radius


def made_lungs(ct) -> Volume:
    """All of the CT: the right lung where x is negative (LPS), the left one elsewhere."""
    labels = np.full(ct.shape, 2, np.uint8)
    labels[:, :, : ct.shape[2] // 2] = 1
    return ct.with_array(labels)


@dataclass
class NoduleResult:
    """A result with nodules to be written; change a field to make another one."""

    ct: Volume
    count: int = len(BALLS)
    rate: float = 1.0
    table: OperatingTable | None = TABLE
    started: str = "2025-01-02T03:04:05Z"
    series_uid: str = ""
    has_stage: bool = True
    findings: list = field(init=False)
    labels: Volume = field(init=False)

    def __post_init__(self) -> None:
        lungs = made_lungs(self.ct)
        labels = np.zeros(self.ct.shape, np.uint8)
        threshold = self.table.at(self.rate).threshold if self.table else 0.5
        self.findings = []
        for label, (centre, radius, _hu, score) in enumerate(BALLS[: self.count], start=1):
            inside = ball(self.ct, centre, radius)
            labels[inside] = label
            mask = self.ct.with_array(inside.astype(np.uint8))
            finding = NoduleFinding(
                f"N{label}",
                centre,
                Origin.FOUND,
                mask=MaskReference("nodules.nrrd", label),
                measurements=measure_nodule(self.ct, mask, lungs),
                type_finding=nodule_type(self.ct, mask),
                score=score,
                selected=threshold is not None and score >= threshold,
                heterogeneity=measure_heterogeneity(self.ct, mask).numbers,
            )
            self.findings.append(finding)
        self.labels = self.ct.with_array(labels)

    def stage(self) -> dict:
        """``nodule_stage``."""
        return {
            "operating_rate": self.rate,
            "threshold": self.table.at(self.rate).threshold if self.table else 0.5,
            "operating_points": self.table.record() if self.table else None,
            "segmenter": "nodule-segmenter-compact",
            "detector": "nodule-detector-compact",
        }

    def write(self, folder: Path) -> Path:
        """Write ``result.json``, ``lungs.nrrd`` and ``nodules.nrrd``."""
        self._lungs().write(folder)
        if self.has_stage:
            write_image(self.labels, folder / "nodules.nrrd")
        (folder / "result.json").write_text(self.study_result().to_json(), encoding="utf-8")
        return folder

    def study_result(self) -> StudyResult:
        """The findings."""
        result = replace(self._lungs().result(), run={"started": self.started})
        if self.has_stage:
            result = replace(result, nodules=self.findings, nodule_stage=self.stage())
        return result

    def _lungs(self) -> MadeResult:
        return MadeResult(self.ct, made_lungs(self.ct), series_uid=self.series_uid)


def statuses_in(folder: Path) -> list[str]:
    """What the result folder says of each nodule."""
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return [record["status"] for record in result["nodules"]]
