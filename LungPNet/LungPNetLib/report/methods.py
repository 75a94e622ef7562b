"""How the result was made: methods, networks, software and what the CT was."""

from __future__ import annotations

from typing import Any

from LungPNetLib.report import wording
from LungPNetLib.report.blocks import Facts, Section
from LungPNetLib.report.language import Words
from LungPNetLib.report.nodules import cohort
from LungPNetLib.result import SCHEMA_VERSION, StudyResult

_LUNG_METHODS = {
    "classical": "classical: thresholds and morphology, no learned weights",
    "network": "network: 2-D U-Net, cleaned in 3-D",
}


def methods(result: StudyResult, words: Words) -> Section:
    """Names with their values; software and options are the same in every language."""
    rows = []
    if result.lungs is not None:
        method = wording.plain(result.lungs.method)
        rows.append((words("Lungs"), words(_LUNG_METHODS.get(method, method))))
    rows += [
        (words(_NETWORKS.get(str(model.get("task")), "Network")), _network(model, words))
        for model in result.models
    ]
    run = dict(result.run)
    rows += [
        (words("Software"), _listed(result.software)),
        (words("Run started"), _shown(run.pop("started", None))),
        (words("Run"), _listed(run)),
        (words("Input"), wording.plain(result.input_format)),
        (words("Study UID"), wording.plain(result.acquisition.study_uid)),
        (words("Series UID"), wording.plain(result.acquisition.series_uid)),
        (
            words("Result format"),
            words("result.json, schema version {version}").format(version=SCHEMA_VERSION),
        ),
    ]
    return Section(words("Methods"), (Facts(tuple(row for row in rows if row[1])),))


_ORIGINS = {
    "shipped": "comes with LungPNet",
    "user": "from the user's weights",
    "given": "a file that was given",
}
_NETWORKS = {
    "lungs": "Network: lungs",
    "nodule-segmenter": "Network: outlines of nodules",
    "nodule-gan": "Network: outlines of nodules",
    "nodule-detector": "Network: detection of nodules",
}


def _network(model: dict[str, Any], words: Words) -> str:
    """Which network it is, what it has seen, where it comes from, and the rest of its record."""
    rest = {key: value for key, value in model.items() if key not in _TOLD}
    origin = wording.plain(model.get("origin", ""))
    texts = [
        wording.plain(model.get("id", "")),
        words("trained on {cohort}").format(cohort=cohort(model, words)),
        words(_ORIGINS.get(origin, origin)),
        _listed(rest),
    ]
    return words(", ").join(text for text in texts if text)


_TOLD = ("id", "task", "trained_on", "outcome_source", "origin")


def _listed(record: dict[str, Any]) -> str:
    """The entries of a JSON object in one line, nested ones in brackets."""
    parts = []
    for key, value in record.items():
        name, text = wording.plain(key).replace("_", " "), _shown(value)
        if text:
            parts.append(f"{name} ({text})" if isinstance(value, dict) else f"{name} {text}")
    return wording.plain(", ".join(parts), 1500)


def _shown(value: Any) -> str:
    """One JSON value in words; empty for null."""
    if isinstance(value, dict):
        return _listed(value)
    if isinstance(value, (list, tuple)):
        return " + ".join(_shown(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else wording.plain(value)
