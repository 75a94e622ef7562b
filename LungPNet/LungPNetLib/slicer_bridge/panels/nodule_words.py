"""What the panel LungSegment says about a search for nodules."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from slicer.i18n import tr as _

from LungPNetLib.nodules.finding import NoduleFinding, Origin
from LungPNetLib.nodules.heterogeneity import HeterogeneityNumbers
from LungPNetLib.slicer_bridge.nodule_stage import ListStage


def rateWords(rate: float) -> str:
    """A number of false findings a scan as people write it: 1/8, 1/2, 4."""
    return str(Fraction(rate).limit_denominator(8))


def stateWords(
    stage: ListStage | None, found: Sequence[NoduleFinding], listed: Sequence[NoduleFinding]
) -> tuple[str, bool]:
    """What was found, and whether it asks for caution.

    Parameters
    ----------
    stage : ListStage or None
        None where nodules were not looked for.
    found : sequence of NoduleFinding
        Everything that the search has found.
    listed : sequence of NoduleFinding
        What is shown of it, and what a person has added.
    """
    if stage is None:
        return _("Nodules were not looked for in this CT yet."), False
    shown = sum(one.origin is Origin.FOUND for one in listed)
    if not shown:
        words = _("No nodule was found at this operating point. This does not exclude nodules.")
        return words, True
    words = _(
        "{shown} of {total} findings are shown. Each may be no nodule; scores are no probabilities."
    )
    return words.format(shown=shown, total=len(found)), False


def stageWords(stage: ListStage) -> str:
    """What was measured on validation patients at the operating point that is shown."""
    point, table = stage.shownPoint, stage.table
    if point is None or table is None:
        return str(
            _(
                "It is not known how many false findings these weights bring, so there is nothing "
                "to choose."
            )
        )
    reached = _(
        "On validation patients ({scans} scans, {nodules} nodules): {sensitivity} % of the nodules "
        "found, {false} false findings a scan."
    ).format(
        scans=table.n_scans,
        nodules=table.n_nodules,
        sensitivity=f"{100 * point.sensitivity:.0f}",
        false=f"{point.false_per_scan:.2f}",
    )
    if point.threshold is None:
        none = _("No score is high enough for so few false findings.")
        reached = f"{none} {reached}"
    return str(reached)


def reportWords(stage: ListStage) -> str:
    """What the report holds, where that is not what is shown; else empty."""
    if stage.shownRate == stage.operatingRate:
        return ""
    words = _("Report and DICOM objects hold the findings at {rate} false findings a scan.")
    return str(words.format(rate=rateWords(stage.operatingRate)))


def heterogeneityWords(name: str, numbers: HeterogeneityNumbers) -> str:
    """How uneven a nodule is."""
    words = _(
        "{name}: mean {mean} HU, SD {sd} HU, skewness {skewness}, entropy {entropy} bits, "
        "{solid} % solid; within {radius} mm SD {localSd} HU, entropy {localEntropy} bits."
    )
    return str(
        words.format(
            name=name,
            mean=f"{numbers.mean_hu:.0f}",
            sd=f"{numbers.sd_hu:.0f}",
            skewness=f"{numbers.skewness:.1f}",
            entropy=f"{numbers.entropy_bits:.1f}",
            solid=f"{100 * numbers.solid_fraction:.0f}",
            radius=f"{numbers.radius_mm:g}",
            localSd=f"{numbers.mean_local_sd_hu:.0f}",
            localEntropy=f"{numbers.mean_local_entropy_bits:.1f}",
        )
    )
