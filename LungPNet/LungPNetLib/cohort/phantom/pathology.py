"""Diseases of a made-up patient's lungs: which there are, and what each one changes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from LungPNetLib.cohort.phantom import diseases
from LungPNetLib.cohort.phantom.findings import Codes, Finding, Fluid
from LungPNetLib.cohort.phantom.lung_plan import LungPlan, Place
from LungPNetLib.cohort.phantom.shapes import Plane

PATIENTS_WITHOUT = 0.35
"""Share of drawn patients without any pathology."""


class Pathology(str, Enum):
    """What a made-up patient may suffer from."""

    NONE = "none"
    EMPHYSEMA = "emphysema"
    CONSOLIDATION = "consolidation"
    GROUND_GLASS = "ground-glass"
    EFFUSION = "effusion"
    ATELECTASIS = "atelectasis"
    CHEST_WALL_MASS = "chest-wall-mass"
    HILAR_MASS = "hilar-mass"
    SCARS = "scars"
    FIBROSIS = "fibrosis"

    @property
    def code(self) -> int:
        """Its number in a label map; 0 for none."""
        return list(Pathology).index(self)


PROBABILITIES: dict[Pathology, float] = {
    Pathology.EMPHYSEMA: 0.28,
    Pathology.CONSOLIDATION: 0.14,
    Pathology.GROUND_GLASS: 0.14,
    Pathology.EFFUSION: 0.18,
    Pathology.ATELECTASIS: 0.22,
    Pathology.CHEST_WALL_MASS: 0.12,
    Pathology.HILAR_MASS: 0.10,
    Pathology.SCARS: 0.30,
    Pathology.FIBROSIS: 0.08,
}
"""Probability of each pathology in a patient who has any; they are drawn independently."""


def drawn_pathologies(seed: int) -> tuple[Pathology, ...]:
    """Pathologies of the patient of ``seed``, () for a healthy one.

    ``PATIENTS_WITHOUT`` of the patients are healthy; each of the others has each pathology with
    its ``PROBABILITIES``, and may by chance have none.
    """
    rng = np.random.default_rng([seed, 20])
    if rng.uniform() < PATIENTS_WITHOUT:
        return ()
    return tuple(kind for kind, share in PROBABILITIES.items() if rng.uniform() < share)


@dataclass(frozen=True, eq=False)
class Disease:
    """What a patient's pathologies change, in the order in which the lungs are painted.

    Parameters
    ----------
    thinning : tuple of Finding
        Before fissures and vessels: destroyed lung.
    hazes : tuple of Finding
        Before vessels, which stay visible in them.
    fillings : tuple of Finding
        After vessels and before bronchi, whose air stays visible in them.
    covers : tuple of Finding
        After everything else.
    fluids : tuple of Fluid
        Pleural fluid; no lung.
    """

    thinning: tuple[Finding, ...] = ()
    hazes: tuple[Finding, ...] = ()
    fillings: tuple[Finding, ...] = ()
    covers: tuple[Finding, ...] = ()
    fluids: tuple[Fluid, ...] = ()

    @classmethod
    def drawn(
        cls, pathologies: tuple[Pathology, ...], plan: LungPlan, rng: np.random.Generator
    ) -> Disease:
        """The findings of ``pathologies`` in the lungs of ``plan``.

        Each pathology has a random stream of its own, so that another one beside it does not
        change it.
        """
        stages: dict[str, list[Finding]] = {
            "thinning": [],
            "hazes": [],
            "fillings": [],
            "covers": [],
        }
        fluids: list[Fluid] = []
        entropy = int(rng.integers(2**63))
        for kind in sorted(set(pathologies) - {Pathology.NONE}, key=lambda item: item.code):
            own = np.random.default_rng([entropy, kind.code])
            if kind is Pathology.EFFUSION:
                fluids += diseases.effusions(own)
                stages["fillings"] += diseases.squeezed(fluids, Pathology.ATELECTASIS.code)
            else:
                stage, draw = _DRAWERS[kind]
                stages[stage] += draw(kind.code, plan, own)
        return cls(**{name: tuple(found) for name, found in stages.items()}, fluids=tuple(fluids))

    @property
    def fluid_hu(self) -> float:
        """HU of the pleural fluid."""
        return self.fluids[0].fluid_hu if self.fluids else 0.0

    def fluid_share(self, place: Place) -> Plane:
        """Share of each pixel in pleural fluid, if it lies in a lung's space."""
        share = np.zeros_like(place.section.hu)
        for fluid in self.fluids:
            np.maximum(share, place.section.coverage(fluid.distance(place)), out=share)
        return share

    def thin(self, tissue: Plane, place: Place, codes: Codes) -> None:
        """Change ``tissue`` in place, and ``codes`` where it changes much."""
        _apply(self.thinning, tissue, place, codes)

    def haze(self, tissue: Plane, place: Place, codes: Codes) -> None:
        """See ``thin``."""
        _apply(self.hazes, tissue, place, codes)

    def fill(self, tissue: Plane, place: Place, codes: Codes) -> None:
        """See ``thin``."""
        _apply(self.fillings, tissue, place, codes)

    def cover(self, tissue: Plane, place: Place, codes: Codes) -> None:
        """See ``thin``."""
        _apply(self.covers, tissue, place, codes)


def _apply(
    stage: tuple[Finding, ...], tissue: Plane, place: Place, codes: npt.NDArray[np.uint8]
) -> None:
    for finding in stage:
        share = finding.share(place)
        tissue += share * (np.float32(finding.tissue_hu) - tissue)
        codes[share > np.float32(0.3)] = finding.code


_DRAWERS = {
    Pathology.EMPHYSEMA: ("thinning", diseases.emphysema),
    Pathology.CONSOLIDATION: ("fillings", diseases.consolidations),
    Pathology.GROUND_GLASS: ("hazes", diseases.ground_glass),
    Pathology.ATELECTASIS: ("fillings", diseases.atelectasis),
    Pathology.CHEST_WALL_MASS: ("covers", diseases.wall_masses),
    Pathology.HILAR_MASS: ("fillings", diseases.hilar_masses),
    Pathology.SCARS: ("covers", diseases.scars),
    Pathology.FIBROSIS: ("hazes", diseases.fibrosis),
}
