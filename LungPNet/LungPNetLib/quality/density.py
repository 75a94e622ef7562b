"""Which findings of the gate make lung densities unreliable."""

from __future__ import annotations

from LungPNetLib.quality.geometry import DENSITY_THICKNESS_MM
from LungPNetLib.quality.intensity import HIGH_NOISE_HU
from LungPNetLib.result import QualityCheck, Verdict
from LungPNetLib.study import Study


def density_caveats(study: Study, checks: list[QualityCheck]) -> tuple[str, ...]:
    """Why LAA-950 and the 15th percentile of this series may not be compared with others.

    Parameters
    ----------
    study : Study
        The series; its acquisition tags are quoted.
    checks : list of QualityCheck
        What ``assess_series`` found (other checks may be among them).

    Returns
    -------
    tuple of str
        One sentence for each reason, empty if there is none.
    """
    by_id = {check.check_id: check for check in checks}
    reasons = []
    if _warned(by_id.get("contrast")):
        agent = study.acquisition.contrast_agent.strip()
        source = f"stated as {agent}" if agent else "seen in the vessels"
        reasons.append(f"Contrast agent ({source}) raises lung density.")
    if _warned(by_id.get("kernel")):
        kernel = study.acquisition.kernel.strip() or "not stated, judged by the noise"
        reasons.append(f"A sharp kernel ({kernel}) raises LAA-950 and lowers the 15th percentile.")
    thickness = by_id.get("slice_thickness")
    thickness_mm = thickness.value if thickness else None
    if isinstance(thickness_mm, int | float) and thickness_mm > DENSITY_THICKNESS_MM:
        reasons.append(
            f"Slices of {thickness_mm:g} mm, thicker than {DENSITY_THICKNESS_MM:g} mm, lower "
            "LAA-950."
        )
    noise = by_id.get("noise")
    if noise is not None and _warned(noise):
        reasons.append(
            f"Noise of {noise.value:g} HU, more than {HIGH_NOISE_HU:g} HU, raises LAA-950."
        )
    if _warned(by_id.get("hu_scale")):
        reasons.append("The Hounsfield scale of this series is in doubt.")
    return tuple(reasons)


def _warned(check: QualityCheck | None) -> bool:
    return check is not None and check.verdict is not Verdict.PASS
