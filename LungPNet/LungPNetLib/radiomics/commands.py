"""The verb ``radiomics`` of the command line: the 128 features of one region."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LungPNetLib.console import (
    add_progress_option,
    add_reading_options,
    make_reporter,
    print_result,
    read_with_mask,
)
from LungPNetLib.errors import InputError
from LungPNetLib.events import Reporter

if TYPE_CHECKING:
    from LungPNetLib.radiomics.features import Features
    from LungPNetLib.radiomics.settings import RadiomicsSettings
    from LungPNetLib.volume import Volume

_DEFAULT_SETTINGS = "radiomics"


def add_verbs(verbs: Any) -> None:
    """Add the verb to the subparsers of ``lungpnet``."""
    verb = verbs.add_parser("radiomics", help="128 features of a region by the IBSI definitions")
    verb.add_argument("ct", type=Path, help="DICOM folder, or NIfTI, NRRD, MetaImage file")
    verb.add_argument("mask", type=Path, help="NIfTI, NRRD, MetaImage, DICOM SEG or RTSTRUCT")
    verb.add_argument("--out", type=Path, required=True, help="table.csv or table.json")
    verb.add_argument("--label", type=int, metavar="N", help="the one label of the mask to measure")
    verb.add_argument("--roi", help="the one region or segment of a SEG or RTSTRUCT to measure")
    verb.add_argument(
        "--settings", default=_DEFAULT_SETTINGS, metavar="FILE",
        help="TOML file, or the name of a shipped one (default: %(default)s)",
    )  # fmt: skip
    verb.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE",
        help="change one setting; may be given several times",
    )  # fmt: skip
    add_reading_options(verb)
    verb.add_argument("--overwrite", action="store_true", help="replace an earlier table")
    add_progress_option(verb)
    verb.set_defaults(command=radiomics)


def radiomics(arguments: argparse.Namespace) -> int:
    """Read CT and mask, compute the features, and write the table."""
    from LungPNetLib.radiomics.settings import RadiomicsSettings
    from LungPNetLib.report.wording import NOTICE
    from LungPNetLib.training.config import find_config, load_config

    _require_writable(arguments.out, arguments.overwrite)
    settings = load_config(RadiomicsSettings, find_config(arguments.settings), arguments.overrides)
    reporter, close = make_reporter(arguments)
    try:
        found = _write_table(arguments, settings, reporter)
    finally:
        close()
    undefined = ", ".join(found.undefined) or "none"
    print_result(
        arguments,
        {"table": str(arguments.out), "undefined": list(found.undefined)},
        [
            f"{len(found)} features of {found.n_voxels} voxels in {arguments.out}",
            f"Undefined for this region: {undefined}. {NOTICE}.",
        ],
    )
    return 0


def _write_table(
    arguments: argparse.Namespace, settings: RadiomicsSettings, reporter: Reporter
) -> Features:
    from LungPNetLib.provenance import software_versions
    from LungPNetLib.radiomics.features import features
    from LungPNetLib.radiomics.tables import write_features

    with reporter.stage("read"):
        study, labels = read_with_mask(arguments, reporter)
        mask = _chosen(labels, arguments.label)
    with reporter.stage("features"):
        found = features(study.ct, mask, settings)
    about = {
        "series_uid": study.acquisition.series_uid,
        "measured": arguments.label if arguments.label is not None else arguments.roi or "mask",
        "software": software_versions(),
    }
    write_features(found, arguments.out, about)
    return found


def _require_writable(path: Path, overwrite: bool) -> None:
    """Refuse before anything is computed what would fail at its end."""
    if path.suffix.lower() not in (".csv", ".json"):
        raise InputError(f"--out must end in .csv or .json, got '{path.name}'.")
    if not path.absolute().parent.is_dir():
        raise InputError(f"The folder of --out '{path}' does not exist. Make it first.")
    if path.exists() and not overwrite:
        raise InputError(
            f"'{path}' exists already. Choose another --out, or add --overwrite to replace it."
        )


def _chosen(labels: Volume, label: int | None) -> Volume:
    """The mask of one label; without ``label``, of the only one that there is."""
    import numpy as np

    present = [int(value) for value in np.unique(labels.array) if value]
    listing = ", ".join(map(str, present)) or "none"
    if label is None and len(present) > 1:
        raise InputError(f"The mask holds the labels {listing}. Name the one to measure: --label N")
    if label is not None and label not in present:
        raise InputError(f"The mask holds no label {label}; it holds {listing}.")
    wanted = labels.array != 0 if label is None else labels.array == label
    return labels.with_array(wanted.astype(np.uint8))
