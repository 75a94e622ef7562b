"""Training material from LIDC-IDRI's nodules: tables, and CTs with masks where images exist."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from LungPNetLib.cohort.lidc import LidcScan, scans, trainable
from LungPNetLib.cohort.lidc_nodules import slices_of, truth_on
from LungPNetLib.cohort.lidc_pairs import refuse_test_only, training_patients
from LungPNetLib.cohort.lidc_shim import dicom_folder
from LungPNetLib.cohort.lidc_table import Row, meta_rows, reading_rows
from LungPNetLib.cohort.manifest import StudyRow, neutral_cell, write_manifest
from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.events import Reporter
from LungPNetLib.output import result_folder
from LungPNetLib.reading import read_study
from LungPNetLib.volume import Volume, read_image, write_image

LABEL_SOURCE = "readers: at least half of those who marked the nodule"
_FILES = {"ct": "ct.nrrd", "nodules": "nodules.nrrd"}
_FIRST_COLUMNS = {
    "readings": ("patient_id", "series_uid", "nodule", "mark"),
    "slices": ("patient_id", "series_uid", "nodule", "slice"),
    "left_out": ("series_uid", "reason"),
}
"""Columns of tables that may have no row."""


@dataclass(frozen=True)
class Material:
    """What was written, counted.

    Parameters
    ----------
    scans, patients, clean_patients : int
        Of the scans in the tables; patients are clean where nobody marked a nodule.
    nodules, marks, ambiguous : int
        Nodules, the readers' marks of them, and nodules whose marks cannot be told apart.
    images : int
        Scans whose CT and masks were written.
    left_out : tuple of (str, str)
        SeriesInstanceUID and reason of each scan whose CT could not be used.
    """

    scans: int
    patients: int
    clean_patients: int
    nodules: int
    marks: int
    ambiguous: int
    images: int = 0
    left_out: tuple[tuple[str, str], ...] = ()


def write_nodule_tables(
    out: Path, *, patients: Sequence[str] | None = None, reporter: Reporter | None = None
) -> Material:
    """Write nodules.csv and readings.csv, for which no image is needed.

    The whole collection takes some minutes. The patients on whom the project tests are left out.

    Parameters
    ----------
    out : Path
        Made if it is missing.
    patients : sequence of str, optional
        Only these (LIDC-IDRI-0002, ...); the whole collection by default.
    reporter : Reporter, optional

    Raises
    ------
    InputError
        A patient is unknown, or serves to test only.
    OutputError
        A file cannot be written.
    """
    refuse_test_only(patients)
    wanted = scans() if patients is None else [s for p in dict.fromkeys(patients) for s in scans(p)]
    chosen = trainable(wanted)
    reporter = reporter or Reporter()
    rows: list[Row] = []
    place = {scan.series_uid: number for number, scan in enumerate(chosen)}
    with reporter.stage("tables"):
        for row in meta_rows(chosen):
            rows.append(row)
            reporter.progress(place[str(row["series_uid"])] / len(chosen))
        readings = [row for scan in chosen for row in reading_rows(scan)]
    _write_tables(out, nodules=rows, readings=readings)
    return _counted(chosen, rows, readings)


def write_nodule_material(
    out: Path,
    *,
    dicom: Path | None = None,
    patients: Sequence[str] | None = None,
    reporter: Reporter | None = None,
) -> Material:
    """Write CTs, masks and tables of all patients in the LIDC-IDRI folder.

    Each scan gets a folder ``PATIENT/scan-ID`` with ``ct.nrrd`` (int16 HU, upright),
    ``nodules.nrrd`` (label n is nodule n of the table, what half of its readers included),
    ``votes.nrrd`` (0 to 4 readers) and ``slices/slice-KKK.png`` (the labels of slice KKK of the
    CT, where a nodule has at least 8 pixels in it). Beside the tables of
    :func:`write_nodule_tables`, whose nodules get centre_x_mm, centre_y_mm (LPS) and ct_voxels,
    slices.csv lists the slices, left_out.csv the scans that cannot be used, and manifest.csv is
    the cohort to train on; its column malignancy has the ratings of label 1, of label 2, ...,
    separated by semicolons, those of a nodule's readers by blanks. A scan that is already there
    is not made again.

    Parameters
    ----------
    out : Path
        Made if it is missing.
    dicom : Path, optional
        Folder that holds LIDC-IDRI-0002 and its kin; the setting data.lidc_dicom if not given.
    patients : sequence of str, optional
        Only these; all that are in the folder by default.
    reporter : Reporter, optional

    Raises
    ------
    InputError
        The folder is not set, holds none of the patients or no CT that can be used, or a
        test-only patient is asked for.
    OutputError
        A file cannot be written.
    """
    root = dicom_folder(dicom)
    names = training_patients(root, patients)
    reporter = reporter or Reporter()
    images = _Images(out, root)
    rows: list[Row] = []
    chosen: list[LidcScan] = []
    with reporter.stage("lidc-nodules"):
        for done, name in enumerate(names, start=1):
            found = scans(name)
            labels = {scan.series_uid: images.add(scan, reporter) for scan in found}
            rows += (_joined(row, labels[str(row["series_uid"])]) for row in meta_rows(found))
            chosen += found
            reporter.progress(done / len(names))
    if not images.studies:
        raise InputError(f"No CT in '{root}' can be used; the first: {images.left_out[0][1]}")
    readings = [row for scan in chosen for row in reading_rows(scan)]
    absent: list[Row] = [{"series_uid": uid, "reason": why} for uid, why in images.left_out]
    _write_tables(out, nodules=rows, readings=readings, slices=images.slices, left_out=absent)
    write_manifest(out / "manifest.csv", images.studies)
    return _counted(chosen, rows, readings, len(images.studies), tuple(images.left_out))


class _Images:
    """The folders of scans with their CTs, as they are written one after the other."""

    def __init__(self, out: Path, dicom: Path) -> None:
        self._out, self._dicom = out, dicom
        self.studies: list[StudyRow] = []
        self.slices: list[Row] = []
        self.left_out: list[tuple[str, str]] = []

    def add(self, scan: LidcScan, reporter: Reporter) -> Volume | None:
        """The label map of a scan; None, with a warning, where its CT cannot be used."""
        folder = self._out / scan.patient_id / f"scan-{scan.scan_id}"
        try:
            labels = _masks_in(folder, scan, self._dicom / scan.patient_id)
        except InputError as error:
            self.left_out.append((scan.series_uid, str(error)))
            reporter.warning(f"Series {scan.series_uid} is left out: {error}")
            return None
        files = {name: folder / file for name, file in _FILES.items()}
        columns = {
            "series_uid": scan.series_uid,
            "malignancy": _malignancy(scan),
            "label_source": LABEL_SOURCE,
        }
        self.studies.append(StudyRow(scan.patient_id, files, columns))
        self.slices += _slice_rows(scan, labels)
        return labels


def _malignancy(scan: LidcScan) -> str:
    """The readers' ratings, nodule by nodule; empty where there is none."""
    ratings = ([one.ratings.malignancy for one in nodule.readings] for nodule in scan.nodules)
    return "; ".join(" ".join(map(str, of_one)) for of_one in ratings)


def _masks_in(folder: Path, scan: LidcScan, dicom: Path) -> Volume:
    """The label map of a scan; CT, masks and slices are written first where they are not there."""
    if not folder.exists():
        study = read_study(dicom, series=scan.series_uid)
        truth = truth_on(scan, study)
        upright = study.ct.axis_order_to()
        with result_folder(folder, marker=_FILES["ct"]) as partial:
            write_image(upright.apply(study.ct), partial / _FILES["ct"])
            write_image(upright.apply(truth.votes), partial / "votes.nrrd")
            labels = upright.apply(truth.labels)
            write_image(labels, partial / _FILES["nodules"])
            _write_slices(labels, partial / "slices")
    return read_image(folder / _FILES["nodules"])


def _write_slices(labels: Volume, folder: Path) -> None:
    import SimpleITK as sitk

    folder.mkdir()
    for index in sorted({part.index for part in slices_of(labels)}):
        image = sitk.GetImageFromArray(np.ascontiguousarray(labels.array[index]))
        sitk.WriteImage(image, str(folder / f"slice-{index:03d}.png"))


def _slice_rows(scan: LidcScan, labels: Volume) -> Iterator[Row]:
    for part in slices_of(labels):
        yield {
            "patient_id": scan.patient_id,
            "series_uid": scan.series_uid,
            "nodule": part.nodule,
            "slice": part.index,
            "z_mm": round(part.z_mm, 3),
            "voxels": part.voxels,
            "file": f"{scan.patient_id}/scan-{scan.scan_id}/slices/slice-{part.index:03d}.png",
        }


def _joined(row: Row, labels: Volume | None) -> Row:
    """A row with the place of its nodule's mask in the CT, where there is one."""
    if labels is None or not row["nodule"]:
        return row
    inside = np.argwhere(labels.array == row["nodule"])
    if not len(inside):
        return row | {"ct_voxels": 0}
    x_mm, y_mm, _ = labels.index_to_world(inside.mean(axis=0)[::-1])
    return row | {
        "centre_x_mm": round(float(x_mm), 2),
        "centre_y_mm": round(float(y_mm), 2),
        "ct_voxels": len(inside),
    }


def _counted(
    chosen: Sequence[LidcScan],
    rows: Sequence[Row],
    readings: Sequence[Row],
    images: int = 0,
    left_out: tuple[tuple[str, str], ...] = (),
) -> Material:
    return Material(
        scans=len(chosen),
        patients=len({scan.patient_id for scan in chosen}),
        clean_patients=len({row["patient_id"] for row in rows if row["is_clean"]}),
        nodules=sum(row["nodule"] != 0 for row in rows),
        marks=len(readings),
        ambiguous=sum(row["grouping"] == "ambiguous" for row in rows),
        images=images,
        left_out=left_out,
    )


def _write_tables(out: Path, **tables: Sequence[Row]) -> None:
    """Write each table as NAME.csv, whole or not at all; no cell starts a formula."""
    for name, rows in tables.items():
        columns = list(dict.fromkeys([*_FIRST_COLUMNS.get(name, ()), *chain(*rows)]))
        path, partial = out / f"{name}.csv", out / f".{name}.csv.partial"
        try:
            out.mkdir(parents=True, exist_ok=True)
            with partial.open("w", newline="", encoding="utf-8") as stream:
                writer = csv.writer(stream)
                writer.writerow(columns)
                for row in rows:
                    writer.writerow(neutral_cell(_cell(row.get(column, ""))) for column in columns)
            partial.replace(path)
        except OSError as error:
            raise OutputError(f"The table '{path}' cannot be written: {error.strerror}.") from error


def _cell(value: str | float | bool) -> str:
    """As the columns of words say true and false."""
    return str(value).lower() if isinstance(value, bool) else str(value)
