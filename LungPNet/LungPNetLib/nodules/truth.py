"""What readers or a generator say about the nodules of a scan, in the form that figures need."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LungPNetLib.cohort.manifest import StudyRow
from LungPNetLib.dicom.masks import read_mask
from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.judged import POINT_MARK_RADIUS_MM, Box, TrueNodule
from LungPNetLib.grading.nodule_type import NoduleType
from LungPNetLib.volume import Volume

if TYPE_CHECKING:
    from LungPNetLib.cohort.lidc import LidcScan
    from LungPNetLib.study import Study

KINDS = {
    "solid": NoduleType.SOLID,
    "calcified": NoduleType.SOLID,
    "part-solid": NoduleType.PART_SOLID,
    "non-solid": NoduleType.NON_SOLID,
    "ground-glass": NoduleType.NON_SOLID,
    "pure ground-glass": NoduleType.NON_SOLID,
}
"""Words of manifests and of truth.json for the types of the Fleischner Society."""

LUNA16_READERS = 3
"""A nodule counts in LUNA16 if so many of the four readers marked it."""

_TOUCHING = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, eq=False)
class ScanTruth:
    """What readers or a generator say about a scan.

    Parameters
    ----------
    labels : Volume
        uint8 on the grid of the CT; label ``numbers[k]`` is the outline of ``nodules[k]``.
    nodules : tuple of TrueNodule
    numbers : tuple of int
        One a nodule; 0 for a mark without an outline.
    """

    labels: Volume
    nodules: tuple[TrueNodule, ...]
    numbers: tuple[int, ...]


def true_nodules(labels: Volume) -> dict[int, TrueNodule]:
    """Each label as a nodule: centre of mass, radius of the sphere of its volume, box.

    Parameters
    ----------
    labels : Volume
        Whole numbers; any axis order. Every value other than 0 is a nodule, in one piece or more.

    Examples
    --------
    >>> array = np.zeros((4, 4, 4), np.uint8)
    >>> array[1:3, 1:3, 1:3] = 5
    >>> nodule = true_nodules(Volume(array, spacing_mm=(1.0, 1.0, 2.5)))[5]
    >>> nodule.centre_lps_mm, round(nodule.radius_mm, 2)
    ((1.5, 1.5, 3.75), 1.68)
    """
    return {
        label: TrueNodule(
            _centre(labels, inside, first),
            (0.75 / math.pi * 1000.0 * labels.voxel_volume_ml * int(inside.sum())) ** (1 / 3),
            box=_box(labels, first, inside.shape),
        )
        for label, inside, first in _regions(labels)
    }


def read_truth(
    row: StudyRow, ct: Volume, *, least_readers: int = 1, count_masses: bool = False
) -> ScanTruth:
    """What a row of a manifest says about its CT.

    Parameters
    ----------
    row : StudyRow
        ``nodules`` is its label map; one without any label says that there is no nodule. Types come
        from the column ``kind`` or from a truth.json beside the map; the readers of a nodule are
        the ratings that the column ``malignancy`` has for its label. Places that readers marked
        and that have no label (a votes.nrrd beside the map) are excluded.
    ct : Volume
        Gives the grid.
    least_readers : int
        Nodules that fewer readers marked are excluded, where it is known how many did.
    count_masses : bool
        Whether what the column ``lesion`` outlines is to be found as well; otherwise it is excluded
        as far as it reaches from its centre.

    Raises
    ------
    InputError
        There is no label map, it cannot be used, or the columns do not fit it.
    """
    if "nodules" not in row.files:
        raise InputError(
            "A row of the manifest has no label map in the column 'nodules', so nobody knows what "
            "is in its CT. Give one; an empty one where there is no nodule."
        )
    path = row.files["nodules"]
    labels = read_mask(path, ct)
    marked = true_nodules(labels)
    kinds, votes = _kinds(row, path, marked), _votes(row)
    nodules = {
        label: replace(
            nodule,
            nodule_type=kinds.get(label),
            votes=votes.get(label),
            excluded=votes.get(label, least_readers) < least_readers,
        )
        for label, nodule in marked.items()
    }
    truth = ScanTruth(labels, tuple(nodules.values()), tuple(nodules))
    beside = path.with_name("votes.nrrd")
    if beside.is_file():
        truth = _with_marks(truth, read_mask(beside, ct))
    if "lesion" in row.files:
        truth = _with_masses(truth, read_mask(row.files["lesion"], ct), count_masses)
    return truth


def lidc_truth(scan: LidcScan, study: Study, *, least_readers: int = LUNA16_READERS) -> ScanTruth:
    """What LIDC-IDRI's readers marked in a scan.

    Outlines are what at least half of a nodule's readers included. Excluded are nodules that fewer
    than ``least_readers`` marked, and those whose outline is too small to be kept.

    Raises
    ------
    InputError
        As :func:`truth_on`.
    """
    from LungPNetLib.cohort.lidc_nodules import N_READERS, truth_on

    on_ct = truth_on(scan, study)
    readers = {n.number: min(len(n.readings), N_READERS) for n in scan.nodules}
    nodules = {
        label: replace(nodule, votes=readers[label], excluded=readers[label] < least_readers)
        for label, nodule in true_nodules(on_ct.labels).items()
    }
    truth = ScanTruth(on_ct.labels, tuple(nodules.values()), tuple(nodules))
    return _with_marks(truth, on_ct.votes)


def _with_marks(truth: ScanTruth, votes: Volume) -> ScanTruth:
    """With the places that some reader marked and that have no outline, excluded."""
    pieces, n = ndimage.label(votes.array != 0, _TOUCHING)
    outlined = set(np.unique(pieces[truth.labels.array != 0]).tolist())
    rest = np.where(np.isin(pieces, list(outlined)), 0, pieces) if n else pieces
    marks = tuple(
        replace(mark, radius_mm=max(mark.radius_mm, POINT_MARK_RADIUS_MM), excluded=True)
        for mark in true_nodules(votes.with_array(rest)).values()
    )
    return replace(truth, nodules=truth.nodules + marks, numbers=truth.numbers + (0,) * len(marks))


def _with_masses(truth: ScanTruth, lesion: Volume, count: bool) -> ScanTruth:
    """With the outlines of ``lesion`` under numbers that are free; nodules keep their voxels."""
    labels = truth.labels.array.copy()
    shift = max(truth.numbers, default=0)
    if shift + int(lesion.array.max()) > np.iinfo(np.uint8).max:
        raise InputError(
            f"Nodules and lesions of one scan have the numbers up to {shift} and "
            f"{int(lesion.array.max())}, together more than 255. Number them from 1."
        )
    free = (lesion.array != 0) & (labels == 0)
    labels[free] = lesion.array[free] + shift
    masses = true_nodules(lesion)
    if not count:
        masses = {
            label: replace(masses[label], radius_mm=_reach_mm(lesion, label), excluded=True)
            for label in masses
        }
    return ScanTruth(
        truth.labels.with_array(labels),
        truth.nodules + tuple(masses.values()),
        truth.numbers + tuple(label + shift for label in masses),
    )


def _reach_mm(labels: Volume, label: int) -> float:
    """Distance of the farthest voxel from the centre."""
    places = labels.index_to_world(np.argwhere(labels.array == label)[:, ::-1])
    farthest = float(np.linalg.norm(places - places.mean(axis=0), axis=1).max())
    return max(farthest, max(labels.spacing_mm))


def _kinds(row: StudyRow, path: Path, labels: Collection[int]) -> dict[int, NoduleType]:
    """Type of each label, by the manifest or by the generator."""
    words = row.columns.get("kind", "").split()
    if not words:
        return _kinds_beside(path.with_name("truth.json"))
    numbers = sorted(labels)
    if len(words) != len(numbers):  # then one for each number, present or not
        numbers = list(range(1, len(words) + 1))
    if not set(labels) <= set(numbers):
        raise InputError(
            f"The column 'kind' has {len(words)} types for the labels {sorted(labels)}; give one "
            "for each label, separated by blanks."
        )
    return {number: _kind(word) for number, word in zip(numbers, words, strict=True)}


def _kinds_beside(path: Path) -> dict[int, NoduleType]:
    if not path.is_file():
        return {}
    rows = json.loads(path.read_text(encoding="utf-8"))["nodules"]
    return {int(row["label"]): _kind(row.get("type", row.get("kind"))) for row in rows}


def _kind(word: Any) -> NoduleType:
    if word not in KINDS:
        raise InputError(f"No nodule type is called '{word}'; accepted: {', '.join(KINDS)}.")
    return KINDS[word]


def _votes(row: StudyRow) -> Mapping[int, int]:
    """Readers who marked each label, where the manifest has their ratings."""
    groups = row.columns.get("malignancy", "").split(";")
    return {label: len(group.split()) for label, group in enumerate(groups, 1) if group.split()}


def _regions(labels: Volume) -> Iterator[tuple[int, npt.NDArray[np.bool_], tuple[int, int, int]]]:
    """Each label with its voxels in its box, and the (z, y, x) index of the box."""
    array = labels.array.astype(np.int32, copy=False)
    for label, box in enumerate(ndimage.find_objects(array), start=1):
        if box is not None:
            z, y, x = (part.start for part in box)
            yield label, array[box] == label, (z, y, x)


def _centre(
    labels: Volume, inside: npt.NDArray[np.bool_], first: tuple[int, int, int]
) -> tuple[float, float, float]:
    middle = np.argwhere(inside).mean(axis=0) + first
    x, y, z = labels.index_to_world(middle[::-1]).tolist()
    return x, y, z


def _box(labels: Volume, first: tuple[int, int, int], shape: tuple[int, ...]) -> Box:
    """From outer face to outer face; along LPS, also where the axes of the grid are not."""
    ends = np.array([first, np.add(first, shape)])[:, ::-1] - 0.5
    corners = np.array(np.meshgrid(*ends.T)).reshape(3, -1).T
    world = labels.index_to_world(corners)
    return Box(tuple(world.min(axis=0).tolist()), tuple(world.max(axis=0).tolist()))
