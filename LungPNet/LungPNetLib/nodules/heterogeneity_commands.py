"""The verbs ``heterogeneity`` and ``nodule-gallery`` of the command line."""

from __future__ import annotations

import argparse
import csv
import json
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
    from LungPNetLib.nodules.colours import ColourMap
    from LungPNetLib.nodules.heterogeneity import Heterogeneity
    from LungPNetLib.nodules.rated import GalleryEntry
    from LungPNetLib.volume import Volume

_SUMMARY, _GALLERY = "heterogeneity.json", "gallery.json"
_COLOURS = ("jet", "viridis")


def add_verbs(verbs: Any) -> None:
    """Add the verbs to the subparsers of ``lungpnet``."""
    verb = verbs.add_parser("heterogeneity", help="HU of nodules in colours, with numbers and maps")
    verb.add_argument("ct", type=Path, help="DICOM folder, or NIfTI, NRRD, MetaImage file")
    verb.add_argument("mask", type=Path, help="NIfTI, NRRD, MetaImage, DICOM SEG or RTSTRUCT")
    verb.add_argument("--label", type=int, metavar="N", help="only this label (default: each)")
    verb.add_argument("--roi", help="the one region or segment of a SEG or RTSTRUCT")
    verb.add_argument(
        "--radius", type=float, default=3.0, metavar="MM",
        help="of the neighbourhoods of local SD and entropy (default: %(default)s)",
    )  # fmt: skip
    add_reading_options(verb)
    _add_shared(verb)
    verb.set_defaults(command=heterogeneity)
    verb = verbs.add_parser("nodule-gallery", help="nodules rated benign and malignant in colours")
    verb.add_argument(
        "source", type=Path, help="manifest.csv, or a folder with patches.npz and labels.csv"
    )
    _add_shared(verb)
    verb.set_defaults(command=nodule_gallery)


def _add_shared(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--out", type=Path, required=True, help="folder of the result (made new)")
    verb.add_argument("--colours", choices=_COLOURS, default="jet", help="(default: %(default)s)")
    verb.add_argument("--overwrite", action="store_true", help="replace an earlier result")
    add_progress_option(verb)


def heterogeneity(arguments: argparse.Namespace) -> int:
    """Read CT and mask, and write pictures, volumes and numbers of each nodule."""
    from LungPNetLib.output import result_folder
    from LungPNetLib.report.wording import NOTICE

    reporter, close = make_reporter(arguments)
    try:
        with result_folder(arguments.out, overwrite=arguments.overwrite, marker=_SUMMARY) as folder:
            found = _write_result(arguments, folder, reporter)
    finally:
        close()
    rows = [
        f"Nodule {label}: mean {row['mean_hu']:.0f} HU, SD {row['sd_hu']:.0f} HU, "
        f"entropy {row['entropy_bits']:.2f} bits, {100 * row['solid_fraction']:.0f} % solid"
        for label, row in found.items()
    ]
    print_result(
        arguments,
        {"folder": str(arguments.out), "nodules": found},
        [*rows, f"{len(found)} nodule(s) in {arguments.out}. {NOTICE}."],
    )
    return 0


def nodule_gallery(arguments: argparse.Namespace) -> int:
    """Read rated nodules, and write a page with both groups and the table of their numbers."""
    from LungPNetLib.nodules.rated import OPINION, group_medians
    from LungPNetLib.output import result_folder
    from LungPNetLib.report.wording import NOTICE

    reporter, close = make_reporter(arguments)
    try:
        with result_folder(arguments.out, overwrite=arguments.overwrite, marker=_GALLERY) as folder:
            entries, left_out = _write_gallery(arguments, folder, reporter)
    finally:
        close()
    groups = group_medians(entries)
    rows = [
        f"{title}: {group['nodules']} nodules, median of the means "
        f"{group['medians']['mean_hu']:.0f} HU, of the SDs {group['medians']['sd_hu']:.0f} HU"
        for title, group in groups.items()
    ]
    print_result(
        arguments,
        {"folder": str(arguments.out), "groups": groups, "left_out": left_out},
        [*rows, f"Left out, rated 3: {left_out}. {OPINION} {NOTICE}."],
    )
    return 0


def _write_result(
    arguments: argparse.Namespace, folder: Path, reporter: Reporter
) -> dict[int, dict[str, Any]]:
    import numpy as np

    from LungPNetLib.nodules.colours import ColourMap
    from LungPNetLib.nodules.heterogeneity import measure_heterogeneity
    from LungPNetLib.nodules.pictures import nodule_sheet

    colours = ColourMap(arguments.colours)
    with reporter.stage("read"):
        study, labels = read_with_mask(arguments, reporter)
        labels = _chosen(labels, arguments.label)
    found: dict[int, Heterogeneity] = {}
    with reporter.stage("nodules"):
        present = [int(label) for label in np.unique(labels.array) if label]
        for done, label in enumerate(present, 1):
            mask = labels.with_array((labels.array == label).astype(np.uint8))
            found[label] = measure_heterogeneity(study.ct, mask, radius_mm=arguments.radius)
            name = f"Nodule {label}"
            sheet = nodule_sheet(study.ct, mask, found[label].numbers, name, colours)
            sheet.save(folder / f"nodule-{label}.png", "PNG", optimize=True)
            reporter.progress(done / len(present))
    with reporter.stage("volumes"):
        _write_volumes(study.ct, labels, found, colours, folder)
    numbers = {label: one.numbers.to_dict() for label, one in found.items()}
    _write_json(folder / _SUMMARY, _about(colours) | {"nodules": numbers})
    return numbers


def _write_volumes(
    ct: Volume,
    labels: Volume,
    found: dict[int, Heterogeneity],
    colours: ColourMap,
    folder: Path,
) -> None:
    """The colour image, the HU with their colour table, and the maps, all on the CT's grid."""
    from LungPNetLib.nodules.colours import (
        heterogeneity_image,
        hu_inside,
        write_colour_table,
        write_rgb,
    )
    from LungPNetLib.nodules.heterogeneity import on_grid
    from LungPNetLib.saving import write_checked

    write_rgb(heterogeneity_image(ct, labels, colours), ct, folder / "overlay.nrrd")
    write_checked(hu_inside(ct, labels), folder / "heterogeneity.nrrd")
    write_colour_table(folder / "heterogeneity.ctbl", colours)
    each = list(found.values())
    local_sd = on_grid(ct, [one.local_sd_hu for one in each])
    write_checked(local_sd, folder / "local-sd.nrrd")
    local_entropy = on_grid(ct, [one.local_entropy_bits for one in each])
    write_checked(local_entropy, folder / "local-entropy.nrrd")


def _write_gallery(
    arguments: argparse.Namespace, folder: Path, reporter: Reporter
) -> tuple[list[GalleryEntry], int]:
    """Write page, table and summary; gives what is shown and how many were left out."""
    from LungPNetLib.cohort.lidc import Suspicion
    from LungPNetLib.cohort.manifest import neutral_cell
    from LungPNetLib.nodules.colours import ColourMap
    from LungPNetLib.nodules.rated import (
        OPINION,
        gallery_entry,
        gallery_page,
        group_medians,
        read_rated,
    )

    colours = ColourMap(arguments.colours)
    entries: list[GalleryEntry] = []
    left_out = 0
    with reporter.stage("nodules"):
        for nodule in read_rated(arguments.source):
            if nodule.suspicion is Suspicion.AMBIGUOUS:
                left_out += 1
            else:
                entries.append(gallery_entry(nodule, len(entries) + 1))
    with reporter.stage("pictures"):
        gallery_page(entries, colours).save(folder / "gallery.png", "PNG", optimize=True)
    rows = [entry.to_row() for entry in entries]
    with (folder / "gallery.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(rows[0])
        writer.writerows([neutral_cell(str(cell)) for cell in row.values()] for row in rows)
    summary = {"ratings": OPINION, "groups": group_medians(entries), "left_out": left_out}
    _write_json(folder / _GALLERY, _about(colours) | summary)
    return entries, left_out


def _chosen(labels: Volume, label: int | None) -> Volume:
    """The label map, without the labels that are not ``label`` if that is given."""
    import numpy as np

    present = [int(value) for value in np.unique(labels.array) if value]
    listing = ", ".join(map(str, present)) or "none"
    if not present or label not in (None, *present):
        wanted = "a label" if label is None else f"the label {label}"
        raise InputError(f"The mask does not hold {wanted}; its labels are: {listing}.")
    if label is None:
        return labels
    return labels.with_array(np.where(labels.array == label, labels.array, 0))


def _about(colours: ColourMap) -> dict[str, Any]:
    """What the summaries say of how the result was made; nothing that names the patient."""
    from LungPNetLib.nodules.colours import COLOUR_RANGE_HU, OUTSIDE_HU
    from LungPNetLib.nodules.heterogeneity import OUTSIDE
    from LungPNetLib.provenance import software_versions
    from LungPNetLib.report.wording import NOTICE

    return {
        "notice": NOTICE,
        "colours": colours.value,
        "colour_range_hu": list(COLOUR_RANGE_HU),
        "outside": {"heterogeneity": OUTSIDE_HU, "local_sd": OUTSIDE, "local_entropy": OUTSIDE},
        "software": software_versions(),
    }


def _write_json(path: Path, record: dict[str, Any]) -> None:
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(f"{text}\n", "utf-8", newline="\n")
