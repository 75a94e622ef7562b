"""Training pairs for the lung network from LIDC-IDRI: CT slices and weak lung masks.

LIDC-IDRI has no lung masks. The masks written here are those of ``lungs.classical`` on the whole
scan, cut to the slices that were asked for: weak labels, right mostly at the middle of the lungs
and least at apex, base and disease. Where a person found them wrong, lidc_corrections.json mends
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from LungPNetLib.cohort.lidc import TEST_ONLY_PATIENTS, LidcScan, scans
from LungPNetLib.cohort.lidc_corrections import corrected, read_corrections
from LungPNetLib.cohort.lidc_shim import dicom_folder
from LungPNetLib.cohort.manifest import Manifest, StudyRow, read_manifest, write_manifest
from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.events import Reporter
from LungPNetLib.lungs import classical
from LungPNetLib.reading import read_study
from LungPNetLib.volume import Volume, write_image

LABEL_SOURCE = "weak: lungs.classical, corrected by hand where listed"


@dataclass(frozen=True)
class SliceChoice:
    """Which slices of a scan make pairs, counted from the lowest one at 0.

    Parameters
    ----------
    first, last : int, optional
        Both included; all slices by default. Slices that a scan does not have are left out.
    middle : int, optional
        Only as many, in the middle of that range.

    Raises
    ------
    InputError
        A count below 1, a negative index, or ``last`` below ``first``.
    """

    first: int = 0
    last: int | None = None
    middle: int | None = None

    def __post_init__(self) -> None:
        if self.first < 0 or (self.last is not None and self.last < self.first):
            raise InputError(
                f"Slices {self.first} to {self.last} are no range; slices count from 0 at the "
                "lowest, and the last must not lie below the first."
            )
        if self.middle is not None and self.middle < 1:
            raise InputError(f"At least 1 middle slice is needed, got {self.middle}.")

    def of(self, n_slices: int) -> range:
        """The indices chosen in a scan of ``n_slices``; may be empty."""
        end = n_slices if self.last is None else min(self.last + 1, n_slices)
        chosen = range(min(self.first, end), end)
        if self.middle is None or self.middle >= len(chosen):
            return chosen
        start = chosen.start + (len(chosen) - self.middle) // 2
        return range(start, start + self.middle)


def write_lung_pairs(
    out: Path,
    *,
    dicom: Path | None = None,
    patients: Sequence[str] | None = None,
    slices: SliceChoice | None = None,
    reporter: Reporter | None = None,
) -> Manifest:
    """Write pairs of all patients in the LIDC-IDRI folder, with their manifest.csv.

    Each scan becomes ``ct_FIRST-LAST.nrrd`` (int16 HU, upright) and ``lungs_FIRST-LAST.nrrd``
    (1 right, 2 left) in a folder of its own; a scan that is already there is not made again, so an
    interrupted run goes on where it stopped. The patients on whom this project tests are left out.

    Parameters
    ----------
    out : Path
        Made if it is missing.
    dicom : Path, optional
        Folder that holds LIDC-IDRI-0001 and its kin; the setting data.lidc_dicom if not given.
    patients : sequence of str, optional
        Only these; all that are in the folder by default.
    slices : SliceChoice, optional
        All slices by default.
    reporter : Reporter, optional

    Returns
    -------
    Manifest
        One row a scan. Training splits it by patient.

    Raises
    ------
    InputError
        The folder is not set, holds none of the patients, or a test-only patient is asked for.
    OutputError
        A file cannot be written.
    """
    root = dicom_folder(dicom)
    chosen = training_patients(root, patients)
    slices, reporter = slices or SliceChoice(), reporter or Reporter()
    rows: list[StudyRow] = []
    with reporter.stage("lidc"):
        for done, patient in enumerate(chosen, start=1):
            rows += list(_pairs_of(root / patient, scans(patient), out, slices))
            reporter.progress(done / len(chosen))
    if not rows:
        raise InputError(
            f"None of the scans in '{root}' has slices {slices.first} to {slices.last}; choose "
            "another range."
        )
    write_manifest(out / "manifest.csv", rows)
    return read_manifest(out / "manifest.csv", ("ct", "lungs"))


def refuse_test_only(wanted: Sequence[str] | None) -> None:
    """Raise InputError where ``wanted`` names a patient on whom the project tests."""
    refused = sorted(TEST_ONLY_PATIENTS.intersection(wanted or ()))
    if refused:
        raise InputError(
            f"{', '.join(refused)} serves to test only and must not train; leave it out."
        )


def training_patients(root: Path, wanted: Sequence[str] | None) -> list[str]:
    """Patients of the collection in ``root`` that may train, in order.

    Raises
    ------
    InputError
        A patient in ``wanted`` is absent or serves to test only, or there is none at all.
    """
    refuse_test_only(wanted)
    present = sorted(p.name for p in root.glob("LIDC-IDRI-*") if p.is_dir())
    missing = sorted(set(wanted or ()) - set(present))
    if missing:
        raise InputError(
            f"'{root}' has no folder {', '.join(missing[:5])}. Download these patients, or leave "
            "them out."
        )
    chosen = [name for name in wanted or present if name not in TEST_ONLY_PATIENTS]
    if not chosen:
        raise InputError(
            f"'{root}' holds no folder of a LIDC-IDRI patient that may train (LIDC-IDRI-0002, "
            "...). Set the folder with: lungpnet config set data.lidc_dicom FOLDER"
        )
    return chosen


def _pairs_of(
    folder: Path, found: Sequence[LidcScan], out: Path, slices: SliceChoice
) -> Iterator[StudyRow]:
    """Write the pairs of a patient's scans; scans whose files are absent are passed over."""
    errors = []
    written = 0
    for scan in found:
        try:
            study = read_study(folder, series=scan.series_uid)
        except InputError as error:
            errors.append(error)
            continue
        ct = study.ct.axis_order_to().apply(study.ct)
        written += 1
        chosen = slices.of(ct.shape[0])
        if chosen:
            yield _pair(ct, scan, out, chosen)
    if not written:
        raise errors[0]


def _pair(ct: Volume, scan: LidcScan, out: Path, chosen: range) -> StudyRow:
    folder = out / scan.patient_id / f"scan-{scan.scan_id}"
    span = f"{chosen.start:03d}-{chosen.stop - 1:03d}"
    files = {name: folder / f"{name}_{span}.nrrd" for name in ("ct", "lungs")}
    if not all(path.is_file() for path in files.values()):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"The folder '{out}' cannot be written: {error}.") from error
        lungs = corrected(classical.segment(ct), scan.series_uid, read_corrections())
        for name, volume in (("ct", ct), ("lungs", lungs)):
            rows, columns = volume.shape[1:]
            part = volume.cropped((0, 0, chosen.start), (columns, rows, len(chosen)))
            partial = files[name].with_name(f"partial_{files[name].name}")
            write_image(part, partial)
            partial.replace(files[name])
    return StudyRow(
        scan.patient_id,
        files,
        {
            "series_uid": scan.series_uid,
            "first_slice": str(chosen.start),
            "slices": str(len(chosen)),
            "label_source": LABEL_SOURCE,
        },
    )
