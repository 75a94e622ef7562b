"""The verb ``suv`` of the command line: a PET as SUVbw, and the uptake of its regions."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LungPNetLib.console import add_progress_option, add_series_option, make_reporter, print_result
from LungPNetLib.errors import InputError
from LungPNetLib.events import Reporter
from LungPNetLib.report.wording import NOTICE

if TYPE_CHECKING:
    from LungPNetLib.pet_reading import PetStudy
    from LungPNetLib.survival.pet_alignment import PetAlignment
    from LungPNetLib.survival.pet_metrics import PetMetrics, SuvThreshold
    from LungPNetLib.volume import Volume

_SUMMARY = "suv.json"
_SUMMARY_VERSION = "1.0"


def add_verbs(verbs: Any) -> None:
    """Add the verb to the subparsers of ``lungpnet``."""
    verb = verbs.add_parser("suv", help="a PET as SUVbw, and SUVmax, SUVpeak, MTV, TLG of regions")
    verb.add_argument("pet", type=Path, metavar="PET", help="DICOM folder of a PET series")
    verb.add_argument("--out", type=Path, required=True, help="folder of the result (made new)")
    add_series_option(verb)
    verb.add_argument(
        "--mask", type=Path, help="regions: NIfTI, NRRD, MetaImage, DICOM SEG or RTSTRUCT"
    )
    verb.add_argument("--label", type=int, metavar="N", help="only this label of the mask")
    verb.add_argument("--roi", help="only this region or segment of a SEG or RTSTRUCT")
    verb.add_argument(
        "--threshold", default="41%", metavar="T",
        help="of MTV and TLG: 41%% (of SUVmax), 2.5, 4.0, or another (default: 41%%)",
    )  # fmt: skip
    verb.add_argument(
        "--ct", type=Path, help="CT (DICOM folder or image file): does it fit, and SUV on it"
    )
    verb.add_argument("--overwrite", action="store_true", help="replace an earlier result")
    add_progress_option(verb)
    verb.set_defaults(command=suv)


def suv(arguments: argparse.Namespace) -> int:
    """Write the SUV volume (on the CT too, if given) and the metrics of the regions."""
    from LungPNetLib.output import result_folder
    from LungPNetLib.pet_reading import read_pet
    from LungPNetLib.saving import write_checked
    from LungPNetLib.survival.pet_metrics import SuvThreshold

    threshold = SuvThreshold.parse(arguments.threshold)
    if arguments.mask is None and (arguments.label is not None or arguments.roi is not None):
        raise InputError("--label and --roi choose a region of --mask, which is not given.")
    reporter, close = make_reporter(arguments)
    try:
        with result_folder(arguments.out, overwrite=arguments.overwrite, marker=_SUMMARY) as folder:
            with reporter.stage("read"):
                pet = read_pet(arguments.pet, series=arguments.series, reporter=reporter)
            alignment = _with_ct(arguments, pet, folder, reporter)
            with reporter.stage("measure"):
                metrics = _measured(arguments, pet, threshold)
            write_checked(pet.suv, folder / "suv.nrrd")
            about = _about(pet, metrics, alignment)
            for warning in about["warnings"]:
                reporter.emit("warning", message=warning)
            (folder / _SUMMARY).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    finally:
        close()
    print_result(arguments, {"folder": str(arguments.out), **about}, _words(arguments, about))
    return 0


def _with_ct(
    arguments: argparse.Namespace, pet: PetStudy, folder: Path, reporter: Reporter
) -> PetAlignment | None:
    """Check PET against the CT, if one is given; where it fits, write the SUV on its grid."""
    if arguments.ct is None:
        return None
    from LungPNetLib.reading import read_study
    from LungPNetLib.result import Verdict
    from LungPNetLib.saving import write_checked
    from LungPNetLib.survival.pet_alignment import check_alignment, refuse_other_patient

    with reporter.stage("read CT"):
        study = read_study(arguments.ct, allow_gaps=True, reporter=reporter)
        refuse_other_patient(pet.patient, study.patient)
    with reporter.stage("fit"):
        alignment = check_alignment(
            pet.suv,
            study.ct,
            pet_frame_uid=pet.acquisition.frame_of_reference_uid,
            ct_frame_uid=study.acquisition.frame_of_reference_uid,
        )
        if alignment.verdict is not Verdict.REFUSE:
            write_checked(pet.suv.resampled_to(study.ct), folder / "suv-on-ct.nrrd")
    if alignment.verdict is not Verdict.PASS:
        reporter.emit("warning", message=alignment.reason)
    return alignment


def _measured(
    arguments: argparse.Namespace, pet: PetStudy, threshold: SuvThreshold
) -> dict[int, PetMetrics]:
    """The metrics of each label asked for."""
    import numpy as np

    from LungPNetLib.dicom.masks import read_mask
    from LungPNetLib.survival.pet_metrics import measure_uptake

    if arguments.mask is None:
        return {}
    labels: Volume = read_mask(
        arguments.mask,
        pet.suv,
        roi=arguments.roi,
        frame_of_reference_uid=pet.acquisition.frame_of_reference_uid,
    )
    present = [int(label) for label in np.unique(labels.array) if label]
    if arguments.label is not None and arguments.label not in present:
        raise InputError(
            f"The mask has no label {arguments.label} inside the PET; it has "
            f"{', '.join(map(str, present)) or 'none'}."
        )
    chosen = present if arguments.label is None else [arguments.label]
    if not chosen:
        raise InputError("The mask marks no voxel of the PET. Give the mask of this PET or its CT.")
    return {
        label: measure_uptake(
            pet.suv, labels.with_array((labels.array == label).astype(np.uint8)), threshold
        )
        for label in chosen
    }


def _about(
    pet: PetStudy, metrics: dict[int, PetMetrics], alignment: PetAlignment | None
) -> dict[str, Any]:
    """What ``suv.json`` says: nothing that names the patient."""
    from LungPNetLib import __version__

    scale = asdict(pet.scale)
    del scale["notices"]
    fit = None
    if alignment is not None:
        fit = {
            **asdict(alignment),
            "verdict": alignment.verdict.value,
            "distance_mm": alignment.distance_mm,
        }
    return {
        "schema_version": _SUMMARY_VERSION,
        "notice": NOTICE,
        "software": {"LungPNet": __version__},
        "series_uid": pet.acquisition.series_uid,
        "frame_of_reference_uid": pet.acquisition.frame_of_reference_uid,
        "unit": "SUVbw in g/mL",
        "scale": scale,
        "image_suv_max": float(pet.suv.array.max()),
        "grid": {
            "size": [int(n) for n in pet.suv.shape[::-1]],
            "spacing_mm": list(pet.suv.spacing_mm),
        },
        "regions": [{"label": label, **asdict(found)} for label, found in metrics.items()],
        "alignment": fit,
        "warnings": [
            *pet.notices,
            *(f"Region {n}: {text}" for n, found in metrics.items() for text in found.warnings),
        ],
    }


def _words(arguments: argparse.Namespace, about: dict[str, Any]) -> list[str]:
    """The result for people: how SUV came about, a line a region, the fit with the CT."""
    words = [about["scale"]["method"]]
    regions = about["regions"]
    if regions:
        words.append(
            f"Threshold of MTV and TLG: {regions[0]['threshold']}. SUV in g/mL, volumes in mL."
        )
        words.append(
            "label  SUVmax  SUVmean  SUVpeak  volume  threshold     MTV  SUVmean(MTV)   TLG g"
        )
    for region in regions:
        peak = "-" if region["peak"] is None else f"{region['peak']['suv']:.2f}"
        mean = "-" if region["mtv_suv_mean"] is None else f"{region['mtv_suv_mean']:.2f}"
        words.append(
            f"{region['label']:>5}  {region['suv_max']:>6.2f}  {region['suv_mean']:>7.2f}  "
            f"{peak:>7}  {region['region_ml']:>6.1f}  {region['threshold_suv']:>9.2f}  "
            f"{region['mtv_ml']:>6.1f}  {mean:>12}  {region['tlg_g']:>6.1f}"
        )
    if not regions:
        words.append(f"SUVmax of the whole image {about['image_suv_max']:.2f} g/mL.")
    if about["alignment"] is not None:
        words.append(f"PET and CT: {about['alignment']['verdict']}. {about['alignment']['reason']}")
    if arguments.progress == "none":
        words += [f"Warning: {text}" for text in about["warnings"]]
    return [*words, f"Result in {arguments.out}. {NOTICE}."]
