"""Comparison with the reference values of IBSI-1 (Zwanenburg et al., Radiology 2020;295:328-338).

Reference values have three significant digits, and so has a value that is compared with one; after
that it must lie within the tolerance of the initiative.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from LungPNetLib.errors import InputError
from LungPNetLib.radiomics.catalogue import DEFINITIONS, Definition, Family
from LungPNetLib.radiomics.features import features
from LungPNetLib.radiomics.region import prepare
from LungPNetLib.radiomics.settings import Aggregation, RadiomicsSettings
from LungPNetLib.radiomics.texture import texture_features
from LungPNetLib.volume import Volume

References: TypeAlias = Mapping[str, tuple[float, float]]
"""Value and tolerance by tag."""

_DIRECTED = (Family.GLCM, Family.GLRLM)
_UNDIRECTED = (Family.GLSZM, Family.NGLDM, Family.NGTDM)
_REPRESENTABLE = 1e-9
"""Relative: what binary numbers add to a difference of decimal ones."""


@dataclass(frozen=True)
class Comparison:
    """One reference value and what this package computes."""

    family: Family
    tag: str
    reference: float
    tolerance: float
    value: float

    @property
    def agrees(self) -> bool:
        """Whether the value is within the tolerance."""
        return agrees(self.value, self.reference, self.tolerance)


def agrees(value: float, reference: float, tolerance: float) -> bool:
    """Whether ``value``, to three significant digits, is within the tolerance of a reference.

    >>> agrees(2.1486, 2.15, 0.0), agrees(2.1449, 2.15, 0.0), agrees(2.1449, 2.15, 0.01)
    (True, False, True)
    """
    slack = _REPRESENTABLE * max(abs(reference), tolerance)
    return abs(float(f"{value:.3g}") - reference) <= tolerance + slack


def read_references(path: Path) -> dict[str, tuple[float, float]]:
    """Value and tolerance by tag, from a table ``value;tolerance;tag``; empty values are left out.

    Raises
    ------
    InputError
        The file cannot be read, or is no such table.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.reader(stream, delimiter=";"))[1:]
        return {tag: (float(value), float(tolerance)) for value, tolerance, tag in rows if value}
    except (OSError, ValueError) as error:
        raise InputError(
            f"'{path.name}' cannot be read as reference values ({error}); columns are value, "
            "tolerance and tag, separated by semicolons."
        ) from error


def reference_tag(definition: Definition, aggregation: Aggregation) -> str:
    """The tag of a feature's reference value.

    >>> reference_tag(DEFINITIONS[0], Aggregation.VOLUME_MERGED)
    'morph_volume'
    >>> reference_tag(DEFINITIONS[-1], Aggregation.VOLUME_MERGED)
    'ngt_strength_3D'
    """
    if definition.family in _DIRECTED:
        return f"{definition.name}_{aggregation.value}"
    if definition.family in _UNDIRECTED:
        return f"{definition.name}_{aggregation.value.rpartition('_')[0]}"
    return definition.name


def compared(
    ct: Volume, mask: Volume, settings: RadiomicsSettings, references: References
) -> tuple[Comparison, ...]:
    """Compare every feature that has a reference value, in every aggregation that has one.

    Parameters
    ----------
    ct, mask : Volume
        What the references were made of.
    settings : RadiomicsSettings
        How it is prepared; the aggregation is that of each reference.
    references : mapping
        Value and tolerance by tag.
    """
    values = dict(features(ct, mask, settings))
    levels = prepare(ct, mask, settings).levels
    found: dict[str, Comparison] = {}
    for aggregation in Aggregation:
        tags = {one.name: reference_tag(one, aggregation) for one in DEFINITIONS}
        textured = any(tag in references for name, tag in tags.items() if tag != name)
        known = values | (texture_features(levels, aggregation) if textured else {})
        for one in DEFINITIONS:
            tag = tags[one.name]
            if tag in references:
                found[tag] = Comparison(one.family, tag, *references[tag], known[one.name])
    return tuple(found.values())
