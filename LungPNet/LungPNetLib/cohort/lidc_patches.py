"""Small cubes of CT around nodules of LIDC-IDRI, each with the mask and ratings of one reader."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from LungPNetLib.cohort.lidc import TEST_ONLY_PATIENTS
from LungPNetLib.errors import InputError
from LungPNetLib.volume import Volume

SIDE_VOXELS = 43
"""Voxels along each edge of a cube, of 1 mm."""
RATED = (
    "subtlety", "sphericity", "margin", "lobulation", "spiculation", "texture", "malignancy"
)  # fmt: skip
"""What the readers rated from 1 to 5; as in ``lidc.Ratings``."""


@dataclass(frozen=True, eq=False)
class NodulePatch:
    """A nodule in the middle of its surroundings.

    Parameters
    ----------
    name : str
        Of the row in labels.csv.
    patient_id : str
        As labels.csv says; it tells patients apart, but may differ from the collection's own
        number, so join nothing by it.
    ct : Volume
        int16 HU up to +400, (43, 43, 43) at 1 mm; the origin is arbitrary.
    mask : Volume
        uint8, 1 inside what the reader drew, on the same grid.
    ratings : dict
        ``RATED`` to 1 to 5.
    """

    name: str
    patient_id: str
    ct: Volume
    mask: Volume
    ratings: dict[str, int]


def read_patches(
    folder: Path, *, left_out: Collection[str] = TEST_ONLY_PATIENTS
) -> list[NodulePatch]:
    """All cubes of a folder in the order of its table.

    Parameters
    ----------
    folder : Path
        Holds labels.csv (a row a cube: Filename, patient_id and the ratings) and patches.npz
        (``name``, ``image_hu`` and the bits of ``mask``).
    left_out : collection of str
        Patients that are not read: by default those on whom the project tests. Only a test may
        give another collection.

    Raises
    ------
    InputError
        The files are missing, damaged, or do not belong to each other.
    """
    try:
        with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        with np.load(folder / "patches.npz") as stored:
            names, images, bits = (stored[key] for key in ("name", "image_hu", "mask"))
        labels = [{rated: int(row[rated]) for rated in RATED} for row in rows]
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"'{folder}' holds no readable labels.csv and patches.npz ({type(error).__name__}). "
            "Give the folder of the nodule patches."
        ) from error
    cube = (SIDE_VOXELS,) * 3
    if [row["Filename"] for row in rows] != names.tolist() or images.shape[1:] != cube:
        raise InputError(
            f"The {len(rows)} rows of labels.csv and the {len(names)} cubes of shape "
            f"{images.shape[1:]} in patches.npz do not belong to each other; {cube} is accepted. "
            "Take both files from one place."
        )
    masks = np.unpackbits(bits, axis=1, count=SIDE_VOXELS**3).reshape(-1, *cube)
    return [
        NodulePatch(row["Filename"], row["patient_id"], Volume(image), Volume(mask), ratings)
        for row, image, mask, ratings in zip(rows, images, masks, labels, strict=True)
        if row["patient_id"] not in left_out
    ]
