"""CTs with nodules as training reads them: memory-mapped, so that a cohort of any size streams.

Each study is prepared once and lies in a folder of its own, whole or absent; an interrupted
preparation goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.cohort.made_up import is_real
from LungPNetLib.cohort.manifest import StudyRow
from LungPNetLib.dicom.masks import read_mask
from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.events import Reporter
from LungPNetLib.nodules.grid import lungs_box
from LungPNetLib.reading import read_study
from LungPNetLib.volume import Triplet, Volume

_VERSION = 1
_MARGIN_MM = 25.0
"""Around the lungs, so that windows at the pleura are filled."""
_LOOKALIKES = 20
"""So many of each kind are kept for a scan."""
_BLOB_MM, _AROUND_MM = 2.0, 4.5
_APART_MM, _WALL_MM, _LEAST_HU = 8.0, 4.0, 60.0


@dataclass(frozen=True)
class StoredNodule:
    """A labelled nodule; positions are (z, y, x) mm from the centre of the first voxel.

    Parameters
    ----------
    label : int
    centre_mm : tuple of float
        Its centre of mass.
    diameter_mm : float
        Of the sphere of the same volume.
    low_mm, high_mm : tuple of float
        Corners of its box, the outer faces of its voxels.
    """

    label: int
    centre_mm: Triplet
    diameter_mm: float
    low_mm: Triplet
    high_mm: Triplet


@dataclass(frozen=True)
class Negative:
    """A place that looks like a nodule and is none: a crossing of vessels, a rib's end at the lung.

    ``kind`` is ``"wall"`` near the border of the lung and ``"vessel"`` elsewhere; ``centre_mm`` is
    as in :class:`StoredNodule`.
    """

    centre_mm: Triplet
    kind: str


@dataclass(frozen=True, eq=False)
class StoredCase:
    """A study, or a small patch around one nodule.

    Parameters
    ----------
    patient_id : str
    hu : ndarray of int16, shape (z, y, x)
    labels : ndarray of uint8
        0 where there is no nodule.
    lungs : ndarray of uint8
        1 inside; all 0 for a patch.
    spacing_mm : tuple of float
        Along x, y and z.
    is_patch : bool
        Only what is near the nodule is known; there are no lungs and no negatives.
    nodules : tuple of StoredNodule
    negatives : tuple of Negative
    """

    patient_id: str
    hu: npt.NDArray[np.int16]
    labels: npt.NDArray[np.uint8]
    lungs: npt.NDArray[np.uint8]
    spacing_mm: Triplet
    is_patch: bool
    nodules: tuple[StoredNodule, ...]
    negatives: tuple[Negative, ...]

    @property
    def is_real(self) -> bool:
        """Whether this is a real patient."""
        return is_real(self.patient_id)


def open_store(rows: Sequence[StudyRow], folder: Path, reporter: Reporter) -> list[StoredCase]:
    """The studies of a manifest, in its order; those that are not in ``folder`` yet are prepared.

    Parameters
    ----------
    rows : sequence of StudyRow
        Files ``ct`` and ``nodules``; ``lungs`` for whole scans; ``lesion`` adds masses, which are
        found and outlined like nodules.
    folder : Path
        Keeps the prepared studies.
    reporter : Reporter

    Raises
    ------
    InputError
        A study cannot be read, or its masks do not fit.
    OutputError
        The folder cannot be written.
    """
    cases = []
    for number, row in enumerate(rows):
        cases.append(_opened(row, folder))
        reporter.progress((number + 1) / len(rows))
    return cases


def _opened(row: StudyRow, folder: Path) -> StoredCase:
    place = folder / _key(row)
    if not place.is_dir():
        partial = place.with_name(f".{place.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir(parents=True)
            _prepare(row, partial)
            partial.rename(place)
        except OSError as error:
            raise OutputError(
                f"The training samples cannot be kept in '{folder}': {error.strerror}. Free some "
                "space there, or choose another folder."
            ) from error
    record = json.loads((place / "case.json").read_text(encoding="utf-8"))
    hu, labels, lungs = (
        np.load(place / f"{name}.npy", mmap_mode="r") for name in ("hu", "labels", "lungs")
    )
    x, y, z = record["spacing_mm"]
    return StoredCase(
        patient_id=row.patient_id,
        hu=hu,
        labels=labels,
        lungs=lungs,
        spacing_mm=(x, y, z),
        is_patch=record["is_patch"],
        nodules=tuple(_nodule(nodule) for nodule in record["nodules"]),
        negatives=tuple(
            Negative(tuple(negative["centre_mm"]), negative["kind"])
            for negative in record["negatives"]
        ),
    )


def _nodule(record: dict[str, Any]) -> StoredNodule:
    places = {name: tuple(record[name]) for name in ("centre_mm", "low_mm", "high_mm")}
    return StoredNodule(record["label"], diameter_mm=record["diameter_mm"], **places)


def _key(row: StudyRow) -> str:
    files = [
        f"{name}={path}|{path.stat().st_size}|{path.stat().st_mtime_ns}"
        for name, path in sorted(row.files.items())
    ]
    text = "\n".join([str(_VERSION), *files])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _prepare(row: StudyRow, folder: Path) -> None:
    """Cut out what is needed and write it, with the tables of nodules and of look-alikes."""
    ct = read_study(row.files["ct"], allow_gaps=True).ct
    order = ct.axis_order_to()
    labels = _all_labels(row, ct)
    lungs = read_mask(row.files["lungs"], ct) if "lungs" in row.files else None
    ct, labels = order.apply(ct), order.apply(labels)
    inside = np.zeros(ct.shape, np.uint8)
    if lungs is not None:
        lungs = order.apply(lungs)
        start, size = lungs_box(lungs, _MARGIN_MM)
        ct, labels, lungs = (volume.cropped(start, size) for volume in (ct, labels, lungs))
        inside = (lungs.array != 0).astype(np.uint8)
    nodules = nodules_of(labels)
    negatives = [] if lungs is None else lookalikes(ct, inside > 0, nodules)
    np.save(folder / "hu.npy", np.clip(np.rint(ct.array), -2000, 4000).astype(np.int16))
    np.save(folder / "labels.npy", labels.array.astype(np.uint8))
    np.save(folder / "lungs.npy", inside)
    record = {
        "spacing_mm": ct.spacing_mm,
        "is_patch": lungs is None,
        "nodules": [asdict(nodule) for nodule in nodules],
        "negatives": [asdict(negative) for negative in negatives],
    }
    (folder / "case.json").write_text(json.dumps(record), encoding="utf-8")


def _all_labels(row: StudyRow, ct: Volume) -> Volume:
    """Nodules, and masses behind the highest label of theirs."""
    labels = read_mask(row.files["nodules"], ct).array.astype(np.int64)
    if "lesion" in row.files:
        masses = read_mask(row.files["lesion"], ct).array.astype(np.int64)
        labels = np.where(labels > 0, labels, np.where(masses > 0, masses + labels.max(), 0))
    if labels.max() > np.iinfo(np.uint8).max:
        raise InputError(
            f"The nodule labels go up to {labels.max()}; up to 255 are accepted. Number the "
            "nodules of a study from 1."
        )
    return ct.with_array(labels.astype(np.uint8))


def nodules_of(labels: Volume) -> list[StoredNodule]:
    """Place and size of every label above 0."""
    step = np.asarray(labels.spacing_mm[::-1])
    found = []
    for index, box in enumerate(ndimage.find_objects(labels.array)):
        if box is None:
            continue
        inside = labels.array[box] == index + 1
        low = np.array([part.start for part in box])
        high = np.array([part.stop for part in box])
        volume_mm3 = float(inside.sum()) * float(step.prod())
        found.append(
            StoredNodule(
                label=index + 1,
                centre_mm=_triplet((low + ndimage.center_of_mass(inside)) * step),
                diameter_mm=(6.0 / np.pi * volume_mm3) ** (1.0 / 3.0),
                low_mm=_triplet((low - 0.5) * step),
                high_mm=_triplet((high - 0.5) * step),
            )
        )
    return found


def lookalikes(
    ct: Volume, lungs: npt.NDArray[np.bool_], nodules: Sequence[StoredNodule]
) -> list[Negative]:
    """The places in the lungs that are most like a blob and far enough from every nodule.

    Blobs are maxima of a difference of Gaussians; the strongest of each kind are kept.

    Parameters
    ----------
    ct : Volume
        HU.
    lungs : ndarray of bool, shape (z, y, x)
        On the grid of ``ct``.
    nodules : sequence of StoredNodule
    """
    step = np.asarray(ct.spacing_mm[::-1])
    hu = np.clip(ct.array.astype(np.float32), -1000.0, 200.0)
    blobs = ndimage.gaussian_filter(hu, _BLOB_MM / step)
    blobs -= ndimage.gaussian_filter(hu, _AROUND_MM / step)
    size = [2 * int(_AROUND_MM // mm) + 1 for mm in step]
    peaks = (blobs == ndimage.maximum_filter(blobs, size)) & (blobs > _LEAST_HU) & lungs
    deep_mm = ndimage.distance_transform_edt(lungs, step)
    places = np.argwhere(peaks)
    places = places[np.argsort(-blobs[tuple(places.T)], kind="stable")]
    found: dict[str, list[Negative]] = {"vessel": [], "wall": []}
    for place in places:
        centre = place * step
        if any(_near(nodule, centre) for nodule in nodules):
            continue
        kind = "wall" if deep_mm[tuple(place)] < _WALL_MM else "vessel"
        if len(found[kind]) < _LOOKALIKES:
            found[kind].append(Negative(_triplet(centre), kind))
    return found["vessel"] + found["wall"]


def _near(nodule: StoredNodule, centre_mm: npt.NDArray[np.float64]) -> bool:
    """Whether a place is inside the nodule's box or close to it."""
    low, high = np.asarray(nodule.low_mm), np.asarray(nodule.high_mm)
    return bool(((centre_mm > low - _APART_MM) & (centre_mm < high + _APART_MM)).all())


def _triplet(values: npt.ArrayLike) -> Triplet:
    a, b, c = np.asarray(values, np.float64).tolist()
    return (a, b, c)
