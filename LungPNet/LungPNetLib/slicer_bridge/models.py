"""The model manager: which weights are on this machine, what they are, and removing them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from slicer.i18n import tr as _

from LungPNetLib.errors import DependencyError
from LungPNetLib.weights.registry import Found, Origin, all_weights, remove

_LICENCE = re.compile(r"^## Licence\s*\n+(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class ModelOnDisk:
    """Weights as a person who manages them sees them.

    Attributes
    ----------
    modelId, task, variant : str
        As registered: ``"lungs"``, ``"compact"``.
    sizeMb : float or None
        Of the file, in MB (10^6 bytes); None where it is missing.
    origin : Origin
        ``USER`` or ``SHIPPED``.
    trainedOn : str
        The cohort in words.
    outcomeSource : str
        ``patients``, ``synthetic`` or ``mixed``.
    licence : str
        As the model card states it; empty where there is no card.
    cardPath : Path or None
        The model card (Markdown); None where it is missing.
    """

    modelId: str
    task: str
    variant: str
    sizeMb: float | None
    origin: Origin
    trainedOn: str
    outcomeSource: str
    licence: str
    cardPath: Path | None

    @property
    def canBeDeleted(self) -> bool:
        """Shipped weights belong to the extension and leave with it."""
        return self.origin is Origin.USER


def modelsOnDisk() -> list[ModelOnDisk]:
    """Everything that is registered: the user's first, each newest first.

    Raises
    ------
    ModelError
        A registry is damaged or of a later program.
    DependencyError
        The packages that tell where the user's folders are have not been installed yet.
    """
    try:
        registered = all_weights()
    except ModuleNotFoundError as error:
        raise DependencyError(
            _("The models can be listed once the missing packages are installed.")
        ) from error
    return [_described(found) for found in registered]


def deleteModel(modelId: str) -> None:
    """Delete weights of the user: the file, its card and its entry.

    Raises
    ------
    InputError
        The user's registry has no such weights; shipped ones cannot be deleted.
    OutputError
        The registry cannot be written.
    """
    remove(modelId)


def _described(found: Found) -> ModelOnDisk:
    entry, card = found.entry, found.path.with_name(found.entry.card)
    hasCard = card.is_file()
    licence = _LICENCE.search(card.read_text(encoding="utf-8")) if hasCard else None
    return ModelOnDisk(
        modelId=entry.id,
        task=entry.task,
        variant=entry.variant,
        sizeMb=found.path.stat().st_size / 1e6 if found.path.is_file() else None,
        origin=found.origin,
        trainedOn=entry.trained_on,
        outcomeSource=entry.outcome_source,
        licence=" ".join(licence[1].split()) if licence else "",
        cardPath=card if hasCard else None,
    )
